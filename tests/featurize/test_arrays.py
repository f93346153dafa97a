"""Runs of True in flags."""
import doctest

import numpy as np
import pytest

from featurize import arrays
from featurize.arrays import runs_of_true


@pytest.mark.parametrize(("flags", "runs"), [
    ([], []), ([False, False], []), ([True], [(0, 1)]), ([True, True, False, True], [(0, 2), (3, 4)]),
    ([False, True, False, False, True, True], [(1, 2), (4, 6)])])
def test_runs_of_true_begin_and_end_where_flags_change(flags: list[bool], runs: list[tuple[int, int]]) -> None:
    starts, stops = runs_of_true(np.array(flags, bool))
    assert list(zip(starts.tolist(), stops.tolist())) == runs


def test_the_example_of_runs_of_true_holds() -> None:
    failed, tried = doctest.testmod(arrays)
    assert tried > 0 and failed == 0
