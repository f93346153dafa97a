"""Beat swaps: two lines that each follow the other's trace from one QRS complex to another.

Where complexes of two rows run through each other a path may leave on the other trace, and come back some beats later.
Between complexes each trace stays near its level; lines that were exchanged jump from level to level.

The constants were chosen on drawn pages of even records whose rows lie close.
"""
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ecg.layout.model import Layout
from ecg.trace.crossing_swaps import meetings_of, turns, with_rows
from ecg.trace.line import STEP_PX, Line
from featurize.arrays import Float64Array

# Lines meet in a complex from this long before the column in which most ink stands
_BEFORE_S = 0.08
# to this long behind it.
_BEHIND_S = 0.13
# Shorter stretches between complexes do not show a level.
_LEAST_STRETCH_S = 0.15
# Cost of lines that lie in another order than their rows, for each mm; a jump of a level by 1 mm costs 1.
_COST_OF_ORDER = 0.25
# Cost of an exchange that begins or ends, mm: levels jump by a row's distance, about 15 mm, on wrong traces.
_COST_OF_EXCHANGE = 3.0
# Passes over all pairs: three lines that took each other's places need two exchanges.
_PASSES = 3
# Nodes at both sides of a meeting whose turns are compared.
_NODES_BESIDE = 6


def undo_beat_swaps(lines: Sequence[Line], layout: Layout, complexes: Sequence[float], px_per_s: float) -> list[Line]:
    """Lines that were exchanged from complex to complex wherever their levels and their order are better kept then.

    Parameters
    ----------
    lines : sequence of Line
        One for each cell of the layout.
    layout : Layout
    complexes : sequence of float
        Columns of QRS complexes, px, rising.
    px_per_s : float
    """
    out = list(lines)
    for _ in range(_PASSES):
        changed = False
        for a, b in combinations(range(len(out)), 2):
            if layout.cells[a].row == layout.cells[b].row:
                continue
            upper, lower = sorted((a, b), key=lambda k: layout.rows[layout.cells[k].row].base)
            pair = _without_swaps(out[upper], out[lower], layout, complexes, px_per_s)
            if pair:
                (out[upper], out[lower]), changed = pair, True
        if not changed:
            break
    return out


def _without_swaps(upper: Line, lower: Line, layout: Layout, complexes: Sequence[float], px_per_s: float
                   ) -> tuple[Line, Line] | None:
    first, last = max(upper.x[0], lower.x[0]), min(upper.x[-1], lower.x[-1])
    if last - first < 2 * _LEAST_STRETCH_S * px_per_s:
        return None
    x = np.arange(first, last, STEP_PX)
    a, b = np.interp(x, upper.x, upper.y), np.interp(x, lower.x, lower.y)
    if a.max() < b.min():
        return None
    cuts = _cuts(x, a, b, layout, complexes, px_per_s)
    exchanged = _best_exchange(a, b, cuts, layout.px_per_mm.y)
    if not exchanged.any():
        return None
    for begin, end, swap in zip([0, *cuts], [*cuts, len(x)], exchanged):
        if swap:
            a[begin:end], b[begin:end] = b[begin:end].copy(), a[begin:end].copy()
    return with_rows(upper, x, a), with_rows(lower, x, b)


def _cuts(x: Float64Array, a: Float64Array, b: Float64Array, layout: Layout, complexes: Sequence[float],
          px_per_s: float) -> list[int]:
    """Nodes, one for each complex in which both lines meet, at which they can be exchanged."""
    at = np.array(meetings_of(a, b, layout.pen_px, layout.px_per_mm), int)
    out, least = [0], _LEAST_STRETCH_S * px_per_s / STEP_PX
    for column in complexes:
        near = at[(x[at] > column - _BEFORE_S * px_per_s) & (x[at] < column + _BEHIND_S * px_per_s)]
        if len(near):
            cut = min(near.tolist(), key=lambda k: _turns_saved(a, b, k))
            if cut - out[-1] > least:
                out.append(cut)
    while len(out) > 1 and len(x) - out[-1] <= least:
        out.pop()
    return out[1:]


def _turns_saved(a: Float64Array, b: Float64Array, cut: int) -> float:
    """Turns, rad, of both lines around a node behind which they are exchanged, less those they have."""
    around = slice(max(0, cut - _NODES_BESIDE), cut + _NODES_BESIDE)
    before, behind = slice(around.start, cut), slice(cut, around.stop)
    return (turns(np.r_[a[before], b[behind]]) + turns(np.r_[b[before], a[behind]])
            - turns(a[around]) - turns(b[around]))


def _levels(y: Float64Array) -> tuple[float, float]:
    """Rows at which a stretch begins and ends, by the straight line through the medians of its halves."""
    first, second = np.median(y[:len(y) // 2]), np.median(y[len(y) // 2:])
    return float(first - (second - first) / 2), float(second + (second - first) / 2)


def _best_exchange(a: Float64Array, b: Float64Array, cuts: Sequence[int], px_per_mm: float) -> Float64Array:
    """(stretches,) whether lines are exchanged in each stretch between cuts: the cheapest way through all of them."""
    edges = [0, *cuts, len(a)]
    levels = np.array([[_levels(y[begin:end]) for y in (a, b)] for begin, end in zip(edges, edges[1:])]) / px_per_mm
    # Levels at begin and end (stretches, 2 states, upper and lower line, 2).
    states = np.stack([levels, levels[:, ::-1]], axis=1)
    disorder = _COST_OF_ORDER * np.maximum(np.diff(-states.mean(axis=3), axis=2)[..., 0], 0)
    total, came_from = disorder[0], []
    for k in range(1, len(states)):
        jumps = np.abs(states[k][None, ..., 0] - states[k - 1][:, None, :, 1]).sum(axis=2)  # from state, to state
        ways = total[:, None] + jumps + _COST_OF_EXCHANGE * (1 - np.eye(2))
        came_from.append(np.argmin(ways, axis=0))
        total = ways.min(axis=0) + disorder[k]
    out = np.zeros(len(states), bool)
    state = int(np.argmin(total))
    out[-1] = state
    for k in range(len(states) - 1, 0, -1):
        state = int(came_from[k - 1][state])
        out[k - 1] = state
    return out
