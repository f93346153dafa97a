"""A process that dies costs the job that killed it and no other."""
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from featurize.runtime.processes import Killed, map_in_processes, map_one_by_one
from featurize.runtime.semaphores import remove_lost_semaphores

sys.path.insert(0, str(Path(__file__).parent))


def square(number: int, *, killers: tuple[int, ...] = ()) -> int:
    """The square; the process of a killer dies as by the kernel when memory runs out."""
    if number in killers:
        os.kill(os.getpid(), signal.SIGKILL)
    return number ** 2


def odd_fails(number: int) -> int:
    if number % 2:
        raise KeyError(number)
    return number


@pytest.mark.slow
@pytest.mark.parametrize("killers", [(), (0,), (3, 4)], ids=["none", "the first", "two in a row"])
def test_all_jobs_but_those_that_kill_their_process_have_their_result(killers: tuple[int, ...]) -> None:
    found = list(map_in_processes(partial(square, killers=killers), range(9), 2))
    assert sorted(job for job, _ in found) == list(range(9))
    assert {job for job, result in found if isinstance(result, Killed)} == set(killers)
    assert all(result == job ** 2 for job, result in found if not isinstance(result, Killed))


@pytest.mark.slow
def test_one_by_one_keeps_the_order_and_goes_on_after_a_death() -> None:
    found = list(map_one_by_one(partial(square, killers=(1,)), range(4)))
    assert [job for job, _ in found] == [0, 1, 2, 3]
    assert [result for _, result in found] == [0, Killed(), 4, 9]


@pytest.mark.slow
def test_a_fault_of_the_function_is_the_callers() -> None:
    with pytest.raises(KeyError, match="1"):
        list(map_in_processes(odd_fails, [0, 2, 1], 2))


def test_this_process_has_time_once_the_others_have_work() -> None:
    calls: list[str] = []
    found = map_in_processes(square, [2], 1, meanwhile=lambda: calls.append("called"))
    assert calls == [] and next(found) == (2, 4) and calls == ["called"]
    assert list(map_in_processes(square, [], 1, meanwhile=lambda: pytest.fail("there is no work"))) == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no named semaphores in a folder on this system")
def test_semaphores_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    lost = tmp_path / f"sem.loky-{ended.pid}-abc"
    kept = [tmp_path / f"sem.{name}" for name in (f"loky-{os.getpid()}-abc", f"other-{ended.pid}-abc", "loky-x-y")]
    for place in (lost, *kept):
        place.touch()
    remove_lost_semaphores(tmp_path)
    assert not lost.exists() and all(place.exists() for place in kept)
