"""Limits of time and memory for one job of a process of its own: beyond them the process ends, whatever it is doing.

The kernel ends it by a timer's signal: a thread of Python could not, for native code that hangs may hold its lock.
"""
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Bytes of a megabyte.
_MB = 2 ** 20
# What Linux tells of the memory of this process, in pages.
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Limits:
    """What one job may take; None for no limit.

    Parameters
    ----------
    seconds : float or None
        Wall time.
    mb : float or None
        Memory that is asked for above what the process holds when the job begins. Linux only.
    """

    seconds: float | None = None
    mb: float | None = None

    def __bool__(self) -> bool:
        return self.seconds is not None or self.mb is not None


def can_limit_time() -> bool:
    """Whether this system has timers that end a process."""
    return hasattr(signal, "setitimer")


def can_limit_memory() -> bool:
    """Whether this system tells and limits the memory of a process."""
    return _STATM.exists()


@contextmanager
def held_to(limits: Limits) -> Iterator[None]:
    """Within the block this process is ended by SIGALRM after the time; asking for more memory raises MemoryError.

    Only for a process that does nothing else.
    """
    with _memory_held_to(limits.mb):
        if limits.seconds is None:
            yield
            return
        before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextmanager
def _memory_held_to(mb: float | None) -> Iterator[None]:
    if mb is None:
        yield
        return
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + round(mb * _MB), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
