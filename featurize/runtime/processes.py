"""Local processes for work in parallel, and what is done when one of them dies."""
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2

from featurize.runtime.semaphores import remove_lost_semaphores

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs submitted per process, so that none waits for work. When a process dies all of them are suspects.
_JOBS_UNDER_WAY = 2
# Images for which one more process pays: to start one takes 3 s of a processor, an image of 360 px 25 ms.
IMAGES_A_PROCESS = 48
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
    # Ctrl-C reaches every process of a terminal: the parent ends its workers, and they have nothing to say themselves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """A parent that was killed cannot stop its workers; they would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV works in one thread within the block: many small images gain nothing by more."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@contextmanager
def process_pool(processes: int) -> Iterator[Executor]:
    """Fresh processes, never forked ones: numba, OpenCV and OpenMP hang in a fork of a process that used them."""
    from loky import ProcessPoolExecutor
    remove_lost_semaphores()
    pool = ProcessPoolExecutor(processes, initializer=_start_worker, env=_ENVIRONMENT)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, kill_workers=True)


@dataclass(frozen=True)
class Killed:
    """In place of the result of a job whose process died: it crashed, or the memory did not suffice.

    Parameters
    ----------
    too_slow : bool
        It was ended by the timer of `featurize.runtime.limits`.
    """

    too_slow: bool = False


def map_in_processes(function: Callable[[Job], Result], jobs: Iterable[Job], processes: int,
                     meanwhile: Callable[[], None] = lambda: None) -> Iterator[tuple[Job, Result | Killed]]:
    """Apply a function to every job in processes, and go on when a process dies.

    Only a few jobs more than there are processes are under way at a time. When a process dies each of these is a
    suspect and is done again alone, so that the one that kills its process is found and the others have their result.

    Parameters
    ----------
    function : callable
        Sent to the processes, as are the jobs and the results.
    jobs : iterable
    processes : int
    meanwhile : callable
        Called in this process as soon as the others have work, and again after one of them died.

    Yields
    ------
    job, result or Killed
        In the order in which they end.
    """
    waiting = deque(jobs)
    while waiting:
        suspects: list[Job] = []
        yield from _until_a_process_dies(function, waiting, suspects, processes, meanwhile)
        yield from map_one_by_one(function, suspects)


def _until_a_process_dies(function: Callable[[Job], Result], waiting: deque[Job], suspects: list[Job], processes: int,
                          meanwhile: Callable[[], None]) -> Iterator[tuple[Job, Result | Killed]]:
    """Work from the front of `waiting`; if a process dies, put the jobs that were under way into `suspects`."""
    running: dict[Future[Result], Job] = {}
    with process_pool(processes) as pool:
        try:
            _submit(pool, function, waiting, running, _JOBS_UNDER_WAY * processes)
            meanwhile()
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield running.pop(future), result
                _submit(pool, function, waiting, running, _JOBS_UNDER_WAY * processes)
        except BrokenExecutor:
            suspects.extend(running.values())


def _submit(pool: Executor, function: Callable[[Job], Result], waiting: deque[Job], running: dict[Future[Result], Job],
            most: int) -> None:
    """Move jobs from the front of `waiting` to `running` until `most` are there."""
    while waiting and len(running) < most:
        running[pool.submit(function, waiting[0])] = waiting[0]
        waiting.popleft()


def map_one_by_one(function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | Killed]]:
    """Apply a function to jobs one after the other in one process, a new one after each job that killed it.

    Yields
    ------
    job, result or Killed
    """
    waiting = deque(jobs)
    while waiting:
        with process_pool(1) as pool:
            died = False
            while waiting and not died:
                job = waiting.popleft()
                try:
                    result: Result | Killed = pool.submit(function, job).result()
                except BrokenExecutor as error:
                    # loky names the signals that ended its processes.
                    result, died = Killed("SIGALRM" in str(error)), True
                yield job, result


def default_jobs(images: int) -> int:
    """Processes for so many images: at most one for each processor, and one for each `IMAGES_A_PROCESS`."""
    return min(processors(), max(-(-images // IMAGES_A_PROCESS), 1))


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
