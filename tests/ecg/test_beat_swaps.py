"""Lines that each follow the other's trace from one QRS complex to another."""
import numpy as np
import pytest

from ecg.layout.model import Cell, Layout, RowPath
from ecg.scale import Scale
from ecg.trace.beat_swaps import undo_beat_swaps
from ecg.trace.line import STEP_PX, Line

PX_PER_S = 200.0
COMPLEXES = [100.0, 300.0, 500.0, 700.0]
X = STEP_PX * np.arange(round(800 / STEP_PX))
NONE = np.zeros(800, np.int32)
BASES = (100.0, 200.0, 300.0)
ROWS = [RowPath(base, 0, 800, NONE, NONE, NONE > 0, 0) for base in BASES]


def layout(count: int) -> Layout:
    cells = [Cell(lead, row, 0.0, 800.0, 0.0, True) for row, lead in zip(range(count), ("I", "II", "III"))]
    return Layout("", ROWS[:count], cells, [], [], [], 10, 25, 2.0, 0.3, Scale.square(8.0), [])


def row(base: float, height: float) -> np.ndarray:
    """A trace that goes up (or down) by so many px in each complex."""
    return base - height * sum(np.clip(1 - np.abs(X - at) / 6, 0, None) for at in COMPLEXES)


def lines_of(*rows: np.ndarray) -> list[Line]:
    return [Line(0.0, y, np.ones(len(y))) for y in rows]


def exchanged(a: np.ndarray, b: np.ndarray, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Both rows, each on the other's trace from where they meet near one column to where they do near another."""
    near = [np.flatnonzero(np.abs(X - at) < 8) for at in (first, last)]
    begin, end = (int(nodes[np.argmin(np.abs(a - b)[nodes])]) for nodes in near)
    inside = (np.arange(len(X)) >= begin) & (np.arange(len(X)) < end)
    return np.where(inside, b, a), np.where(inside, a, b)


@pytest.mark.parametrize("first, last", [(300, 500), (100, 500), (500, 700)])
def test_lines_that_were_exchanged_for_some_beats_are_put_back(first: float, last: float) -> None:
    upper, lower = row(100, -60), row(200, 60)
    mixed = lines_of(*exchanged(upper, lower, first, last))
    found = undo_beat_swaps(mixed, layout(2), COMPLEXES, PX_PER_S)
    for line, truth, wrong in zip(found, (upper, lower), mixed):
        assert np.abs(wrong.y - truth).mean() > 20 > 100 * np.abs(line.y - truth).mean()


def test_three_lines_that_took_each_others_places_are_put_back() -> None:
    one, two, three = row(100, -230), row(200, 0), row(300, 230)
    one_wrong, two_wrong = exchanged(one, two, 300, 500)
    two_wrong, three_wrong = exchanged(two_wrong, three, 300, 500)
    found = undo_beat_swaps(lines_of(one_wrong, two_wrong, three_wrong), layout(3), COMPLEXES, PX_PER_S)
    between = (X > 310) & (X < 490)
    for line, base in zip(found, BASES):
        assert np.abs(line.y - base)[between].max() < 2


def test_traces_that_cross_slowly_stay_crossed() -> None:
    """Base lines that wander through each other meet between complexes, and no level jumps."""
    upper, lower = row(100, -60) + 0.12 * X, row(200, 60) - 0.12 * X
    lines = lines_of(upper, lower)
    found = undo_beat_swaps(lines, layout(2), COMPLEXES, PX_PER_S)
    assert all(line is own for line, own in zip(found, lines))


def test_lines_that_meet_nowhere_are_left_alone() -> None:
    lines = lines_of(row(100, 20), row(200, 20))
    found = undo_beat_swaps(lines, layout(2), COMPLEXES, PX_PER_S)
    assert all(line is own for line, own in zip(found, lines))
    assert undo_beat_swaps([], layout(0), COMPLEXES, PX_PER_S) == []
