"""Every command ended by kill -9 at a random moment, again and again: python -m benchmarks.kills

A command is run once undisturbed from each of three beginnings: nothing there, a finished result of other settings, a
finished result of the same. Then it is ended, with all its processes, at a moment that is drawn, and given again until
it ends by itself: the files must be those of the undisturbed run. Half of the moments are drawn over the time of a run,
half among its steps on files (a file opened for writing, renamed, removed, a folder made), the last steps more often.
Counted is whatever differs: another result, an earlier result that a kill lost or left half written, temporary files
or semaphores that stay, files of others that are gone.

Each run is a fork of this process, which has loaded the libraries and used none: a kill while they load could meet no
file. Linux only.
"""
import argparse
import hashlib
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kills_cases import CASES, Case, draw_inputs, run_first
from benchmarks.kills_runs import EXACT_ROWS, Moment, finish, load, start
from benchmarks.record import RESULTS, write
from classify.run_folder import TIMINGS
from featurize.csv_table import read_csv
from featurize.errors import UserError
from featurize.runtime.leftovers import temporary_of

BEGINNINGS = ("nothing", "other settings", "the same")
# How often a run is given again before it counts as never ending.
_MOST_RUNS = 4
# Share of the rounds in which the second run is killed as well.
_TWICE = 0.3
# Power of the draw among steps on files: the last ones more often.
_LATE = 0.4
# What is measured or fitted already, kept until the result is there.
_KEPT = (".folds", ".shards", ".maps")
# The CSV table of a case, and what describes it.
TABLE, SIDECAR = "t.csv", "t.csv.json"


@dataclass(frozen=True)
class Truth:
    """An undisturbed run: its files by hash, seconds, and steps on files."""

    files: dict[str, str]
    seconds: float
    steps: int


class UndisturbedFault(Exception):
    """A command fails, or gives two results, though nothing disturbs it: the inputs or the benchmark are wrong."""


def files_of(folder: Path) -> dict[str, str]:
    """Hash of every file but those that tell the machine's time; folders have none."""
    found = {}
    for place in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if place.is_dir() and not place.is_symlink():
                found[f"{place.relative_to(folder)}/"] = ""
            elif place.name != TIMINGS:
                found[str(place.relative_to(folder))] = hashlib.sha256(place.read_bytes()).hexdigest()
    return found


class Rounds:
    """The rounds of one command."""

    def __init__(self, work: Path, case: Case, seed: int) -> None:
        self.work, self.case, self.place = work, case, work / "place"
        self.random = np.random.default_rng([seed, CASES.index(case)])
        self.counts: Counter[str] = Counter()
        self.processes: list[int] = []

    def run(self, command: str, moment: Moment = Moment()) -> int | None:
        """Run a command in the place."""
        process = start(command.split(), self.place, moment, self.work / "log.txt")
        self.processes.append(process)
        return finish(process, moment)

    def undisturbed(self) -> list[Truth]:
        """A truth for each beginning, whose files are kept for the rounds."""
        truths = []
        for beginning in BEGINNINGS:
            shutil.rmtree(self.place, ignore_errors=True)
            self.place.mkdir()
            if beginning != "nothing":
                self._must(self.case.earlier if beginning == "other settings" else self.case.command)
            for folder in (self.place, *(self.place / name for name in self.case.folders)):
                if folder.is_dir():
                    self._put_foreign(folder)
            shutil.rmtree(self._kept(beginning), ignore_errors=True)
            shutil.copytree(self.place, self._kept(beginning))
            self._must(self.case.command)
            load(json.loads((self.work / "log.json").read_text())["modules"])
            files = files_of(self.place)
            self._restore(beginning)
            began = time.perf_counter()
            self._must(self.case.command)
            seconds = time.perf_counter() - began
            steps = json.loads((self.work / "log.json").read_text())["steps"]
            other = sorted(name for name in {*files, *files_of(self.place)}
                           if files.get(name) != files_of(self.place).get(name))
            if other:
                raise UndisturbedFault(f"{self.case.name}: two undisturbed runs differ in {', '.join(other)}")
            truths.append(Truth(files, seconds, steps))
        return truths

    def _put_foreign(self, folder: Path) -> None:
        for name in ("notes.txt", ".notes.part", "of others/notes.csv"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"mine: {name}\n")

    def _kept(self, beginning: str) -> Path:
        return self.work / "beginnings" / beginning.replace(" ", "_")

    def _restore(self, beginning: str) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self._kept(beginning), self.place)

    def _must(self, command: str) -> None:
        code = self.run(command)
        if code:
            raise UndisturbedFault(f"{command}: ended with {code}\n{(self.work / 'log.txt').read_text()[-2000:]}")

    def round(self, number: int, truths: list[Truth]) -> None:
        """Kill the command, perhaps twice, then let it end."""
        beginning = number % len(BEGINNINGS)
        truth, before = truths[beginning], files_of(self._kept(BEGINNINGS[beginning]))
        self._restore(BEGINNINGS[beginning])
        moments = [self._moment(truth, by_step=bool(number % 2))]
        moments += [self._moment(truth, by_step=True)] if self.random.random() < _TWICE else []
        told = f"{self.case.name}, round {number}, {BEGINNINGS[beginning]}, {moments}"
        code: int | None = None
        for moment in moments:
            code = self.run(self.case.command, moment)
            self.counts["kills" if code is None else "ended before"] += 1
            self._look_after_kill(before, truth, told)
        for _ in range(_MOST_RUNS):
            code = self.run(self.case.command)
            self.counts["runs again"] += 1
            if code == 0:
                break
            self._blame("errors", told, f"ended with {code}: {(self.work / 'log.txt').read_text()[-1500:]}")
        self._look_at_end(truth, told)

    def _moment(self, truth: Truth, by_step: bool) -> Moment:
        if by_step and truth.steps:
            return Moment(step=1 + int(truth.steps * self.random.random() ** _LATE))
        return Moment(seconds=truth.seconds * self.random.random())

    def _look_after_kill(self, before: dict[str, str], truth: Truth, told: str) -> None:
        """What stands under a final name is the earlier file or the new one, and whole."""
        now = files_of(self.place)
        for name in before:
            if name in truth.files and name not in now:
                self._blame("lost or half written", told, f"{name} is gone")
        for name, digest in now.items():
            # A sidecar describes both tables while the CSV is replaced: reading the table, below, judges it.
            own = _is_temporary(name) or name == SIDECAR
            if not own and digest not in (before.get(name), truth.files.get(name)):
                self._blame("lost or half written", told, f"{name} is neither the earlier nor the new one")

        table = self.place / TABLE
        if table.name in before:
            try:
                read_csv(table)
            except UserError as error:
                self._blame("lost or half written", told, str(error))

    def _look_at_end(self, truth: Truth, told: str) -> None:
        now = files_of(self.place)
        for name in sorted({*now, *truth.files}):
            if now.get(name) == truth.files.get(name):
                continue
            kind = "foreign files lost" if "notes" in name else "left behind" if name not in truth.files else \
                "other results"
            self._blame(kind, told, name)
        for process in self.processes:
            if any(Path("/dev/shm").glob(f"sem.loky-{process}-*")):
                self._blame("left behind", told, f"semaphores of {process}")
        self.processes.clear()

    def _blame(self, kind: str, told: str, what: str) -> None:
        self.counts[kind] += 1
        print(f"{told}: {kind}: {what}", file=sys.stderr, flush=True)


def _is_temporary(name: str) -> bool:
    return any(temporary_of(Path(part)) is not None or part.endswith(_KEPT) for part in Path(name).parts)


FAULTS = ("other results", "lost or half written", "left behind", "foreign files lost", "errors")


def row_of(work: Path, case: Case, rounds: int, seed: int) -> dict[str, Any]:
    """All rounds of a command, as a row of the result."""
    of_case = Rounds(work, case, seed)
    truths = of_case.undisturbed()
    for number in range(rounds):
        of_case.round(number, truths)
    counts = of_case.counts
    row = {"command": case.name, "rounds": rounds, "kills": counts["kills"], "steps on files": truths[0].steps,
           "ended before the kill": counts["ended before"], "runs until the end": counts["runs again"],
           **{fault: counts[fault] for fault in FAULTS}}
    print(f"{truths[0].seconds:.1f} s a run: {row}", flush=True)
    return row


def main() -> int:
    """Kill all, print what went wrong, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of commands, parted by semicolons")
    parser.add_argument("--out", type=Path, default=RESULTS / "kills.json")
    given = parser.parse_args()
    chosen = [case for case in CASES if not given.only or case.name in given.only.split(";")]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        work = Path(folder).resolve()
        # In a process of its own: a fork of one whose OpenCV has threads would hang.
        drawing = multiprocessing.get_context("spawn").Process(target=draw_inputs, args=(work / "inputs", given.seed))
        drawing.start()
        drawing.join()
        run_first(work / "first", _first_run(work))
        failed = 0
        for case in chosen:
            try:
                rows.append(row_of(work, case, given.rounds, given.seed))
            except UndisturbedFault as fault:
                print(fault, file=sys.stderr, flush=True)
                failed += 1
            else:
                write_rows(given.out, rows, given.seed)
    return failed + sum(row[fault] for row in rows for fault in FAULTS)


def write_rows(out: Path, rows: list[dict[str, Any]], seed: int) -> None:
    """Write what is finished, so that a benchmark that is stopped leaves its rows; rows of other commands stay."""
    kept = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.is_file() else []
    of_command = {row["command"]: row for row in (*kept, *rows)}
    rows = [of_command[case.name] for case in CASES if case.name in of_command]
    total = {"command": "all", **{key: sum(row[key] for row in rows) for key in rows[0] if key != "command"}}
    about = ("Commands on small drawn inputs, ended with all their processes by kill -9 and given again until they end "
             "with 0, from three beginnings in turn: nothing there, a finished result of other settings, a finished "
             "result of the same. Half of the moments are drawn over the time of a run, half among its steps on "
             "files, the last ones more often; in 3 of 10 rounds the second run is killed too. Faults: files that "
             "differ from those of an undisturbed run (all but timings.json), a finished file that a kill lost or left "
             "half written, temporary files, semaphores or kept work that stay, files of others that are gone, runs "
             f"that did not end with 0. `similar --index` with tables from {EXACT_ROWS} rows on. Rows "
             f"may be of several calls with --only. Seed {seed}.")
    write(out, "Kill -9 at any moment", about, [*rows, total])


def _first_run(work: Path) -> Any:
    def run(arguments: list[str], folder: Path) -> None:
        code = finish(start(arguments, folder, Moment(), work / "log.txt"), Moment())
        if code:
            raise UndisturbedFault(f"{arguments}: ended with {code}\n{(work / 'log.txt').read_text()[-2000:]}")
        load(json.loads((work / "log.json").read_text())["modules"])
    return run


if __name__ == "__main__":
    sys.exit(main() > 0)
