"""Pale strokes around bare paper are followed; remains of grid lines and the ink of other rows are not."""
import numpy as np
import pytest

from ecg.layout.model import RowPath
from ecg.layout.row_path import follow
from ecg.scale import Scale
from ecg.trace.pale_strokes import with_pale_strokes
from featurize.arrays import Float32Array

PX_PER_MM = Scale(6.0, 6.0)
BASE, TIP = 60, 20


def beat(ink_of_strokes: float) -> Float32Array:
    """(80, 300) a level line that is broken below a peak of 40 px, which is 8 px wide."""
    ink = np.zeros((80, 300), np.float32)
    ink[BASE, :146] = ink[BASE, 154:] = 1
    ink[TIP:BASE + 1, [145, 154]] = ink[TIP, 145:155] = ink_of_strokes
    return ink


def path_of(ink: Float32Array) -> RowPath:
    first, last = follow(ink, np.full(ink.shape[1], float(BASE)), PX_PER_MM, 1.0)
    return RowPath(float(BASE), 0.0, float(ink.shape[1]), first, last, np.ones(ink.shape[1], bool), ink.shape[1])


def highest(row: RowPath) -> int:
    return int(min(row.first.min(), row.last.min()))


@pytest.mark.parametrize(("ink_of_strokes", "top"), [(0.5, TIP), (0.15, BASE)])
def test_strokes_of_half_the_ink_are_followed_and_remains_of_a_grid_are_not(ink_of_strokes: float, top: int) -> None:
    ink = beat(ink_of_strokes)
    bridging = path_of(ink)
    assert highest(bridging) == BASE
    assert highest(with_pale_strokes([bridging], ink, PX_PER_MM, 1.0)[0]) == top


def test_one_stroke_that_leads_nowhere_is_not_followed() -> None:
    ink = beat(0.5)
    ink[TIP:BASE - 6, 146:155] = 0
    assert highest(with_pale_strokes([path_of(ink)], ink, PX_PER_MM, 1.0)[0]) == BASE


def test_ink_that_another_row_follows_stays_its_own() -> None:
    ink = beat(0.5)
    bridging = path_of(ink)
    other = with_pale_strokes([bridging], ink, PX_PER_MM, 1.0)[0]
    mine, its = with_pale_strokes([bridging, other], ink, PX_PER_MM, 1.0)
    assert (highest(mine), highest(its)) == (BASE, TIP)
