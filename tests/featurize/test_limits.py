"""A job that takes too long, in native code too, or too much memory, costs only itself."""
import os
import re
import time
from functools import partial

import numpy as np
import pytest

from featurize.runtime.limits import Limits, held_to
from featurize.runtime.processes import Killed, map_in_processes


def _job(name: str, limits: Limits) -> str:
    with held_to(limits):
        if name == "sleeps":
            time.sleep(60)
        elif name == "native":
            # One call of C that holds Python's lock for hours.
            re.match(r"(a+)+$", 50 * "a" + "b")
        elif name == "memory":
            try:
                np.ones(2 ** 29)
            except MemoryError:
                return "memory refused"
        elif name == "dies":
            os._exit(3)
    return name


def test_what_takes_too_long_is_ended_and_the_rest_goes_on() -> None:
    names = ["a", "sleeps", "native", "memory", "dies", "b"]
    found = dict(map_in_processes(partial(_job, limits=Limits(0.7, 600)), names, 2))
    assert found == {"a": "a", "b": "b", "memory": "memory refused", "sleeps": Killed(True), "native": Killed(True),
                     "dies": Killed(False)}


def test_after_the_block_there_is_no_limit() -> None:
    with held_to(Limits(0.05)):
        pass
    time.sleep(0.1)


@pytest.mark.parametrize(("limits", "holds"), [(Limits(), False), (Limits(1), True), (Limits(mb=1), True)])
def test_limits_are_true_where_there_is_one(limits: Limits, holds: bool) -> None:
    assert bool(limits) is holds
