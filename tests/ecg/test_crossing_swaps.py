"""Two lines that each took the other's trace between two crossings."""
import numpy as np

from ecg.scale import Scale
from ecg.trace.crossing_swaps import undo_crossing_swaps
from ecg.trace.line import STEP_PX, Line

SCALE = Scale.square(8.0)
X = 40.0 + STEP_PX * np.arange(round(160 / STEP_PX) + 1)


def test_lines_that_exchanged_their_tips_are_set_right() -> None:
    """A peak of the lower row and a trough of the upper one cross; each line took the other's tip."""
    lower = np.interp(X, [40.0, 110, 120, 130, 200], [140.0, 140, 40, 140, 140])
    upper = np.interp(X, [40.0, 110, 120, 130, 200], [60.0, 60, 130, 60, 60])
    mixed = [Line(40.0, take(lower, upper), np.ones(len(X))) for take in (np.minimum, np.maximum)]
    found = undo_crossing_swaps(mixed, 2.0, SCALE)
    np.testing.assert_allclose(found[0].y, upper, atol=8)
    np.testing.assert_allclose(found[1].y, lower, atol=8)


def test_lines_that_cross_as_pens_do_stay_as_they_are() -> None:
    lower = np.interp(X, [40.0, 110, 120, 130, 200], [140.0, 140, 40, 140, 140])
    lines = [Line(40.0, lower, np.ones(len(X))), Line(40.0, np.full(len(X), 100.0), np.ones(len(X)))]
    assert [line.y.tolist() for line in undo_crossing_swaps(lines, 2.0, SCALE)] == [line.y.tolist() for line in lines]
