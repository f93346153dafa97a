"""Analysis by synthesis: redraw every lead with a round pen and move its center line until the drawn ink is the page's.

A pen of width 2 r covers a pixel at distance d from its path by r + 1/2 - d, cut to 0..1: the anti-aliased picture of
the line. All leads are drawn together, so where two cross the ink of one is explained by it and does not pull the
other. The center line has three nodes a column: in a steep stroke one column of pixels holds many samples.
"""
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecg.kernels.pen import move_nodes, pen_distance, pen_equations
from ecg.kernels.row_path import ink_run, mark_path
from ecg.layout.model import Cell, Layout, RowPath
from ecg.page.pen import FINE, pen_profile
from ecg.trace.line import STEP_PX, Line, bridged
from ecg.trace.name_overlap import merged_names, without_letters
from featurize.arrays import Float32Array, Float64Array

ROUNDS = 10
_LONGEST_MOVE_PX = 2.0
_TIP_COLUMNS = 9
# Weight of bending against ink, and the bend in px beyond which it is a corner of the signal and not noise.
_STIFF = 0.08
_CORNER_PX = 0.6


def first_lines(layout: Layout, ink: Float32Array, trust: Float32Array) -> list[Line]:
    """Center lines of all cells as the paths tell them, drawn out to the tips of peaks.

    Across pixels that are not trusted they run straight on.
    """
    claimed = np.zeros(ink.shape, np.int8)
    for row in layout.rows:
        mark_path(row.first, row.last, round(layout.pen_px), claimed)
    sure = without_letters(ink * trust, [box for _, box in merged_names(layout)], layout.px_per_mm)
    tips = [_tips(row, sure, claimed, layout.pen_px) for row in layout.rows]
    return [_from_path(layout.rows[cell.row], tips[cell.row], cell, trust) for cell in layout.cells]


def _tips(row: RowPath, ink: Float32Array, claimed: NDArray[np.int8], pen_px: float) -> Float64Array:
    """(W,) row that the trace reaches in each column; a shortest path cuts off peaks narrower than two pens."""
    top, bottom = np.empty(len(row.first), np.int32), np.empty(len(row.first), np.int32)
    ink_run(ink, row.first, row.last, round(pen_px), claimed, top, bottom)
    low, high = np.minimum(row.first, row.last), np.maximum(row.first, row.last)
    # Only beyond all of the path nearby, and only the farthest column: the run of a steep stroke is no peak.
    inward = pen_px / 2 - 0.5
    up = minimum_filter1d(low, _TIP_COLUMNS) - top - inward
    down = bottom - inward - maximum_filter1d(high, _TIP_COLUMNS)
    tips = (row.first + row.last) / 2
    for beyond, end in ((up, top + inward), (down, bottom - inward)):
        farthest = (beyond > 1) & (beyond == maximum_filter1d(beyond, _TIP_COLUMNS))
        farthest[1:] &= ~farthest[:-1]
        tips = np.where(farthest, end, tips)
    return tips


def _from_path(row: RowPath, tips: Float64Array, cell: Cell, trust: Float32Array) -> Line:
    n = int((cell.end - cell.start) / STEP_PX) + 1
    x = cell.start + STEP_PX * np.arange(n)
    columns = np.arange(len(row.first))
    at = np.c_[columns - 0.4, columns, columns + 0.4].ravel()
    y = np.interp(x, at, np.c_[row.first, tips, row.last].ravel())
    clear = (trust[row.first, columns] > 0) & (trust[row.last, columns] > 0)
    return Line(cell.start, bridged(y, clear[np.clip(np.round(x).astype(int), 0, len(columns) - 1)]), np.zeros(n))


def fit_lines(lines: Sequence[Line], ink: Float32Array, trust: Float32Array, pen_px: float, blur_px: float,
              rounds: int = ROUNDS) -> list[Line]:
    """Move the nodes of all lines until the drawn pen meets the ink.

    Parameters
    ----------
    lines : sequence of Line
        Within about a pen's width of the truth where strokes are level; tips of peaks may be missing.
    ink, trust : (H, W) float32
    pen_px, blur_px : float
        Width of the pen, standard deviation of its blur.
    rounds : int
    """
    nodes = [line.y.copy() for line in lines]
    nearest = np.empty(ink.shape, np.float32)
    who, which = np.full(ink.shape, -1, np.int32), np.zeros(ink.shape, np.int32)
    profile = pen_profile(pen_px, blur_px)
    reach = len(profile) / FINE
    for _ in range(rounds):
        nearest.fill(reach)
        for owner, (line, y) in enumerate(zip(lines, nodes)):
            pen_distance(y, line.x0, STEP_PX, owner, reach, nearest, who, which)
        for owner, (line, y) in enumerate(zip(lines, nodes)):
            diagonal, beside, right = np.zeros(len(y)), np.zeros(len(y) - 1), np.zeros(len(y))
            pen_equations(y, line.x0, STEP_PX, owner, reach, profile, FINE, ink, trust, nearest, who, which,
                          diagonal, beside, right)
            move(y, diagonal, beside, right)
    return [_finished(line, y, ink, trust) for line, y in zip(lines, nodes)]


def _finished(line: Line, y: Float64Array, ink: Float32Array, trust: Float32Array) -> Line:
    """The fitted line, and how surely each node was seen: not at all where the page is not trusted."""
    rows = np.clip(np.round(y).astype(int), 0, trust.shape[0] - 1)
    clear = trust[rows, np.clip(np.round(line.x).astype(int), 0, trust.shape[1] - 1)] > 0
    under = map_coordinates(ink, [y, line.x], order=1, mode="nearest") / 0.6
    return Line(line.x0, y, np.clip(uniform_filter1d(under, 5), 0, 1) * clear)


def move(y: Float64Array, diagonal: Float64Array, beside: Float64Array, right: Float64Array) -> float:
    """Move each node by the equations of ink (`pen_equations`) and bending; how far the farthest goes."""
    return float(move_nodes(y, diagonal, beside, right, _STIFF, _CORNER_PX, _LONGEST_MOVE_PX, np.empty(len(y))))


def fit_window(courses: Sequence[Float64Array], x0: Sequence[float], held: Sequence[tuple[bool, bool]],
               ink: Float32Array, trust: Float32Array, others: Float32Array, profile: Float64Array,
               rounds: int) -> list[Float64Array]:
    """Parts of lines after some rounds of the fit, all together, amid all that is drawn besides.

    Parameters
    ----------
    courses : sequence of (n,) float64
        Rows of the nodes.
    x0 : sequence of float
        Column of the first node of each.
    held : sequence of (bool, bool)
        Whether the first and the last node of each stay where they are.
    ink, trust, others : (H, W) float32
        Of the window: share of ink; weight; distance to what is drawn besides.
    profile : (m,) float64
        Of `ecg.page.pen.pen_profile`.
    rounds : int
    """
    nodes, reach = [y.copy() for y in courses], len(profile) / FINE
    who, which = np.empty(ink.shape, np.int32), np.zeros(ink.shape, np.int32)
    for _ in range(rounds):
        nearest = others.copy()
        who.fill(-1)
        for k, y in enumerate(nodes):
            pen_distance(y, x0[k], STEP_PX, k, reach, nearest, who, which)
        for k, y in enumerate(nodes):
            diagonal, beside, right = np.zeros(len(y)), np.zeros(len(y) - 1), np.zeros(len(y))
            pen_equations(y, x0[k], STEP_PX, k, reach, profile, FINE, ink, trust, nearest, who, which, diagonal, beside,
                          right)
            diagonal[[0, -1]] += np.where(held[k], 1e6, 0)
            move(y, diagonal, beside, right)
    return nodes
