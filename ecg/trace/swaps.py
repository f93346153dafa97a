"""Two lines that exchanged their courses between two crossings: what they draw is the same, but both bend back sharply.

Pens go straight on.
"""
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecg.scale import Scale
from ecg.trace.line import STEP_PX, Line
from featurize.arrays import Float64Array

# Longest stretch between two crossings, mm; and what turning less is worth an exchange, rad.
_LONGEST_MM = 10.0
_LEAST_TURN = 2.5
# Nodes beside a stretch whose turns count; turn of a tip, rad, and how far apart two tips may end that meet, mm.
_BESIDE = 4
_TIP = 2.0
_APART_MM = 6.0


def uncrossed(lines: Sequence[Line], pen_px: float, px_per_mm: Scale) -> list[Line]:
    """Lines whose courses were exchanged wherever both turn less then.

    Parameters
    ----------
    lines : sequence of Line
    pen_px : float
    px_per_mm : Scale
    """
    out = list(lines)
    for a, b in combinations(range(len(out)), 2):
        first, last = max(out[a].x[0], out[b].x[0]), min(out[a].x[-1], out[b].x[-1])
        if last - first > 5 * pen_px and _near(out[a], out[b], first, last, pen_px):
            out[a], out[b] = _exchanged(out[a], out[b], first, last, pen_px, px_per_mm)
    return out


def _near(a: Line, b: Line, first: float, last: float, pen_px: float) -> bool:
    """Whether two lines reach the same rows somewhere in their common columns."""
    (low_a, high_a), (low_b, high_b) = ((float(y.min()), float(y.max())) for line in (a, b)
                                        for y in [line.y[(line.x >= first) & (line.x <= last)]])
    return low_a < high_b + pen_px and low_b < high_a + pen_px


def _exchanged(a: Line, b: Line, first: float, last: float, pen_px: float, px_per_mm: Scale) -> tuple[Line, Line]:
    x = np.arange(first, last, STEP_PX)
    ya, yb = np.interp(x, a.x, a.y), np.interp(x, b.x, b.y)
    touches, most = _touches(ya, yb, pen_px, px_per_mm), _LONGEST_MM * px_per_mm.x / STEP_PX
    changed, k = False, 0
    while k < len(touches) - 1:
        gains = [(_gain(ya, yb, touches[k], end), end) for end in touches[k + 1:] if end - touches[k] < most]
        gain, end = max(gains, default=(0.0, 0))
        if gain > _LEAST_TURN:
            part = slice(touches[k], end)
            ya[part], yb[part] = yb[part].copy(), ya[part].copy()
            changed = True
            while k < len(touches) - 1 and touches[k] < end:
                k += 1
        else:
            k += 1
    if not changed:
        return a, b
    return _with(a, x, ya), _with(b, x, yb)


def _touches(ya: Float64Array, yb: Float64Array, pen_px: float, px_per_mm: Scale) -> list[int]:
    """Nodes where two lines meet, as near as their steepness lets them: the middle of each stretch.

    Tips that face each other meet even if some mm are between: neither could follow its own stroke.
    """
    steep = np.maximum(np.abs(np.gradient(ya)), np.abs(np.gradient(yb)))
    off = ya - yb
    near = np.abs(off) < pen_px + steep
    bent = np.minimum(_bend(ya), _bend(yb)) > _TIP
    near |= bent & (np.abs(off) < _APART_MM * px_per_mm.y)
    near[:-1] |= np.sign(off[:-1]) != np.sign(off[1:])
    edges = np.diff(np.r_[0, near.astype(int), 0])
    return [int((s + e) // 2) for s, e in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))]


def _bend(y: Float64Array) -> Float64Array:
    """(n,) by how much a line turns around each node, rad."""
    turn = np.zeros(len(y))
    turn[1:-1] = np.abs(np.diff(np.arctan2(np.diff(y), STEP_PX)))
    return np.asarray(uniform_filter1d(turn, 2 * _BESIDE + 1) * (2 * _BESIDE + 1))


def _gain(ya: Float64Array, yb: Float64Array, begin: int, end: int) -> float:
    """Turns, rad, that both lines save by exchanging nodes `begin` to `end`."""
    around = slice(max(0, begin - _BESIDE), end + _BESIDE)
    a, b = ya.copy(), yb.copy()
    a[begin:end], b[begin:end] = yb[begin:end], ya[begin:end]
    return _turns(ya[around]) + _turns(yb[around]) - _turns(a[around]) - _turns(b[around])


def _turns(y: Float64Array) -> float:
    return float(np.abs(np.diff(np.arctan2(np.diff(y), STEP_PX))).sum())


def _with(line: Line, x: Float64Array, y: Float64Array) -> Line:
    inside = (line.x >= x[0]) & (line.x <= x[-1])
    rows = line.y.copy()
    rows[inside] = np.interp(line.x[inside], x, y)
    return replace(line, y=rows)
