"""Local processes for work in parallel."""
import os
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

# One thread each, for the processes are the parallelism; no dump of a crash, for it is told as an error row; and glibc
# keeps up to 256 MB of freed memory: handing pages back and taking them anew costs a tenth of the time.
_ENVIRONMENT = {**{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
                "PYTHONFAULTHANDLER": "",
                **{f"MALLOC_{limit}_THRESHOLD_": str(size) for limit, size in (("TRIM", 2 ** 28), ("MMAP", 2 ** 25))}}

# What one odd image can provoke in a feature block. None of it is passed over: it is a row of the list of errors with
# file and line, it is counted aloud, and a program that fails on every image ends the run (see run.py).
MEASURE_FAULTS = (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, NameError, AssertionError,
                  MemoryError, cv2.error)
INTERNAL = "internal"


def fault_place(error: BaseException, package: Path) -> str:
    """File and line of the innermost frame in a package: where to look, without a traceback for every image.

    Parameters
    ----------
    error : BaseException
        Caught in that package, so that at least one of its frames lies there.
    package : Path
        The folder of the package.

    Returns
    -------
    str
        The path inside the package, for several files share a name: ``segment/cell.py:12``.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(package)]
    return f"{Path(frames[-1].filename).relative_to(package).as_posix()}:{frames[-1].lineno}"


def _start_worker() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """A parent that was killed cannot stop its workers; they would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def process_pool(jobs: int) -> "ProcessPoolExecutor":
    """Fresh processes, never forked ones: numba, OpenCV and OpenMP hang in a fork of a process that used them."""
    from loky import ProcessPoolExecutor
    return ProcessPoolExecutor(jobs, initializer=_start_worker, env=_ENVIRONMENT)


def default_jobs() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
