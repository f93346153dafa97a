"""Runs of the program as forks of a benchmark, killed at a moment. Linux only.

A fork begins where the libraries are loaded, and may only be taken of a process that has used none of them: OpenCV and
others hang in a fork of a process in which they had threads.
"""
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A run that takes longer hangs, s.
_MOST_S = 300
# Python's audit events of steps on files; `ctypes.dlsym` comes before two folders are swapped.
_STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree", "tempfile.mkstemp",
          "tempfile.mkdtemp", "ctypes.dlsym"}
# Rows from which `similar --index` keeps an index, here.
EXACT_ROWS = 10
# What a run that fell over ends with.
_FELL_OVER = 70


@dataclass(frozen=True)
class Moment:
    """When a run is killed: after seconds, or at a step on files, counted from 1; never where both are None."""

    seconds: float | None = None
    step: int | None = None


def start(arguments: list[str], folder: Path, moment: Moment, log: Path) -> int:
    """Fork a run of the program, the first of a process group; its number."""
    process = os.fork()
    if process:
        return process
    code = _FELL_OVER
    try:
        os.setsid()
        os.chdir(folder)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        steps = Counter[str]()
        _watch_steps(steps, moment.step, folder)
        sys.argv = ["pellucid", *arguments]
        code = _main()
        log.with_suffix(".json").write_text(json.dumps({"steps": steps["steps"], "modules": sorted(sys.modules)}))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main() -> int:
    import cli
    from classify.similar import run
    setattr(run, "EXACT_ROWS", EXACT_ROWS)
    try:
        cli.main()
    except SystemExit as end:
        sys.stdout.flush()
        if isinstance(end.code, str):
            print(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _watch_steps(steps: Counter[str], last: int | None, folder: Path) -> None:
    """Count the steps on files below a folder, and kill the group of this process before the last."""
    def seen(event: str, values: tuple[Any, ...]) -> None:
        if not (event in _STEPS or event == "open" and isinstance(values[1], str) and set(values[1]) & set("wax+")):
            return
        if event != "ctypes.dlsym":
            if not isinstance(values[0], (str, bytes, os.PathLike)):
                return
            if not os.path.abspath(os.fsdecode(values[0])).startswith(f"{folder}{os.sep}"):
                return
        elif values[1] != "renameat2":
            return
        steps["steps"] += 1
        if steps["steps"] == last:
            os.killpg(0, signal.SIGKILL)
    sys.addaudithook(seen)


def finish(process: int, moment: Moment) -> int | None:
    """Wait for a run, and kill its group at its moment: its exit code; None if it was killed, -1 if it hung."""
    began = time.perf_counter()
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            _end_group(process)
            return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        late = time.perf_counter() - began > _MOST_S
        if late or moment.seconds is not None and time.perf_counter() - began >= moment.seconds:
            _end_group(process)
            os.waitpid(process, 0)
            return -1 if late else None
        time.sleep(0.001)


def _end_group(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def load(modules: list[str]) -> None:
    """Load what a run had loaded, so that the next ones begin at once."""
    for name in modules:
        if name not in sys.modules and name.partition(".")[0] != "__main__":
            with suppress(Exception):
                importlib.import_module(name)
