"""Crossing swaps: two lines that each follow the other's trace between two points where they meet.

What they draw together is the same, but both lines turn back sharply at the two points, and pens go straight on.

The constants were chosen on the drawn pages of seeds 0 to 5.
"""
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecg.scale import Scale
from ecg.trace.line import STEP_PX, Line
from featurize.arrays import Float64Array, runs_of_true

# Longest stretch between two meetings that is exchanged.
_LONGEST_MM = 10.0
# An exchange must save at least this much turning of both lines together.
_LEAST_SAVED_TURN_RAD = 2.5
# Nodes on each side of a stretch whose turns count too.
_NODES_BESIDE = 4
# A line that turns by more than this within those nodes has a tip there.
_TIP_TURN_RAD = 2.0
# Two tips meet if they are no farther apart than this.
_TIP_DISTANCE_MM = 6.0
# Lines that share fewer columns than this many widths of the pen are not compared.
_LEAST_SHARED_PENS = 5


def undo_crossing_swaps(lines: Sequence[Line], pen_px: float, px_per_mm: Scale) -> list[Line]:
    """Lines that were exchanged between two meetings wherever both turn less then; pen_px is the width of the pen."""
    out = list(lines)
    for a, b in combinations(range(len(out)), 2):
        first, last = max(out[a].x[0], out[b].x[0]), min(out[a].x[-1], out[b].x[-1])
        if last - first > _LEAST_SHARED_PENS * pen_px and _near(out[a], out[b], first, last, pen_px):
            out[a], out[b] = _without_swaps(out[a], out[b], first, last, pen_px, px_per_mm)
    return out


def _near(a: Line, b: Line, first: float, last: float, pen_px: float) -> bool:
    """Whether two lines reach the same rows somewhere in their common columns."""
    (low_a, high_a), (low_b, high_b) = ((float(y.min()), float(y.max())) for line in (a, b)
                                        for y in [line.y[(line.x >= first) & (line.x <= last)]])
    return low_a < high_b + pen_px and low_b < high_a + pen_px


def _without_swaps(a: Line, b: Line, first: float, last: float, pen_px: float, px_per_mm: Scale) -> tuple[Line, Line]:
    x = np.arange(first, last, STEP_PX)
    ya, yb = np.interp(x, a.x, a.y), np.interp(x, b.x, b.y)
    meetings, longest = meetings_of(ya, yb, pen_px, px_per_mm), _LONGEST_MM * px_per_mm.x / STEP_PX
    changed, k = False, 0
    while k < len(meetings) - 1:
        gains = [(_gain(ya, yb, meetings[k], end), end) for end in meetings[k + 1:] if end - meetings[k] < longest]
        gain, end = max(gains, default=(0.0, 0))
        if gain > _LEAST_SAVED_TURN_RAD:
            part = slice(meetings[k], end)
            ya[part], yb[part] = yb[part].copy(), ya[part].copy()
            changed = True
            while k < len(meetings) - 1 and meetings[k] < end:
                k += 1
        else:
            k += 1
    if not changed:
        return a, b
    return with_rows(a, x, ya), with_rows(b, x, yb)


def meetings_of(ya: Float64Array, yb: Float64Array, pen_px: float, px_per_mm: Scale) -> list[int]:
    """Nodes where two lines meet: the middle of each stretch in which they are within a pen and their slope.

    Tips that face each other meet even if some mm are between: neither line could follow its own stroke.
    """
    steep = np.maximum(np.abs(np.gradient(ya)), np.abs(np.gradient(yb)))
    off = ya - yb
    near = np.abs(off) < pen_px + steep
    bent = np.minimum(_bend(ya), _bend(yb)) > _TIP_TURN_RAD
    near |= bent & (np.abs(off) < _TIP_DISTANCE_MM * px_per_mm.y)
    near[:-1] |= np.sign(off[:-1]) != np.sign(off[1:])
    return [int((start + stop) // 2) for start, stop in zip(*runs_of_true(near))]


def _bend(y: Float64Array) -> Float64Array:
    """(n,) by how much a line turns around each node, rad."""
    turn = np.zeros(len(y))
    turn[1:-1] = np.abs(np.diff(np.arctan2(np.diff(y), STEP_PX)))
    return np.asarray(uniform_filter1d(turn, 2 * _NODES_BESIDE + 1) * (2 * _NODES_BESIDE + 1))


def _gain(ya: Float64Array, yb: Float64Array, begin: int, end: int) -> float:
    """Turns, rad, that both lines save by exchanging nodes `begin` to `end`."""
    around = slice(max(0, begin - _NODES_BESIDE), end + _NODES_BESIDE)
    a, b = ya.copy(), yb.copy()
    a[begin:end], b[begin:end] = yb[begin:end], ya[begin:end]
    return turns(ya[around]) + turns(yb[around]) - turns(a[around]) - turns(b[around])


def turns(y: Float64Array) -> float:
    """By how much a path (n,) turns in all, rad."""
    return float(np.abs(np.diff(np.arctan2(np.diff(y), STEP_PX))).sum())


def with_rows(line: Line, x: Float64Array, y: Float64Array) -> Line:
    """The line with rows y (n,) at columns x (n,)."""
    inside = (line.x >= x[0]) & (line.x <= x[-1])
    rows = line.y.copy()
    rows[inside] = np.interp(line.x[inside], x, y)
    return replace(line, y=rows)
