"""Memory and processor time of a process and all that it started. Linux only."""
import os
import re
import threading
from pathlib import Path

# How often it is looked at while something runs, seconds.
_EVERY_S = 0.03
# Fields of /proc/PID/stat, counted from the state on, which is the third: user and system time in ticks.
_USER, _SYSTEM = 11, 12


def tree(pid: int) -> list[int]:
    """The process and all that it started and that are alive."""
    try:
        children = [int(child) for place in Path(f"/proc/{pid}/task").glob("*/children")
                    for child in place.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        # It ended while it was looked at.
        return []
    return [pid, *(deeper for child in children for deeper in tree(child))]


def memory_mb(pid: int) -> float:
    """VmRSS of a process and all that it started; what several processes share counts for each of them."""
    return sum(_rss_mb(one) for one in tree(pid))


def _rss_mb(pid: int) -> float:
    return sum(map(int, re.findall(r"VmRSS:\s+(\d+)", _read(pid, "status")))) / 1024


def _cpu_s(pid: int) -> float:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Watched(threading.Thread):
    """A process from `start()` to `stop()`.

    Attributes
    ----------
    peak_mb : float
        The largest `memory_mb`.
    cpu_s : float
        Processor time of all its processes, also of those that nobody waited for, when each was last looked at.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._stopped = pid, threading.Event()
        self._seconds: dict[int, float] = {}
        self.peak_mb = 0.0

    @property
    def cpu_s(self) -> float:
        return sum(self._seconds.values())

    def run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            alive = tree(self._pid)
            self.peak_mb = max(self.peak_mb, sum(map(_rss_mb, alive)))
            for pid in alive:
                self._seconds[pid] = max(self._seconds.get(pid, 0.0), _cpu_s(pid))

    def stop(self) -> None:
        """End the looking."""
        self._stopped.set()
        self.join()
