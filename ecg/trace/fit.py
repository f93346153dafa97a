"""Analysis by synthesis: redraw every lead with a round pen and move its center line until the drawn ink is the page's.

A pen of width 2 r covers a pixel at distance d from its path by r + 1/2 - d, cut to 0..1: the anti-aliased picture of
the line. All leads are drawn together, so where two cross the ink of one is explained by it and does not pull the
other. The center line has three nodes a column: in a steep stroke one column of pixels holds many samples.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecg.kernels.pen import NearestSegment, NodeEquations, move_nodes, pen_distance, pen_equations
from ecg.kernels.row_path import ink_run, mark_path
from ecg.layout.model import Cell, Layout, RowPath
from ecg.trace.evidence import PageEvidence, no_segment
from ecg.trace.line import STEP_PX, Line, bridged
from ecg.trace.name_overlap import merged_names, without_letters
from featurize.arrays import Float32Array, Float64Array

# Rounds of the fit; 8 to 14 rounds give the same quality.
ROUNDS = 10
# Longest move of a node in one round.
_LONGEST_MOVE_PX = 2.0
# Width of the window, in columns, in which a tip is the farthest point of its peak.
_TIP_COLUMNS = 9
# Ink must reach this far beyond the path to count as the tip of a peak that the path cut off.
_LEAST_TIP_PX = 1
# Weight of bending against ink: a larger one follows less of the noise of pixels.
_STIFFNESS = 0.08
# A bend beyond this is a corner of the signal and costs less than noise.
_CORNER_PX = 0.6
# A path crosses a column within this distance of its middle: it enters at one side and leaves at the other.
_HALF_COLUMN_PX = 0.4
# Share of ink under the pen from which a node counts as fully seen.
_SEEN = 0.6
# Nodes over which the share of ink under the pen is averaged.
_SEEN_NODES = 5
# Added to the diagonal of a node that is held: it moves by nothing that matters.
_HOLD = 1e6


def first_lines(layout: Layout, ink: Float32Array, confidence: Float32Array) -> list[Line]:
    """Center lines of all cells along the paths of their rows, drawn out to the tips of peaks.

    Where confidence is 0 they run straight on. ink and confidence are (H, W).
    """
    claimed = np.zeros(ink.shape, np.int8)
    for row in layout.rows:
        mark_path(row.first, row.last, round(layout.pen_px), claimed)
    visible = without_letters(ink * confidence, [box for _, box in merged_names(layout)], layout.px_per_mm)
    tips = [_tips(row, visible, claimed, layout.pen_px) for row in layout.rows]
    return [_from_path(layout.rows[cell.row], tips[cell.row], cell, confidence) for cell in layout.cells]


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
        farthest = (beyond > _LEAST_TIP_PX) & (beyond == maximum_filter1d(beyond, _TIP_COLUMNS))
        farthest[1:] &= ~farthest[:-1]
        tips = np.where(farthest, end, tips)
    return tips


def _from_path(row: RowPath, tips: Float64Array, cell: Cell, confidence: Float32Array) -> Line:
    n = int((cell.end - cell.start) / STEP_PX) + 1
    x = cell.start + STEP_PX * np.arange(n)
    columns = np.arange(len(row.first))
    at = np.c_[columns - _HALF_COLUMN_PX, columns, columns + _HALF_COLUMN_PX].ravel()
    y = np.interp(x, at, np.c_[row.first, tips, row.last].ravel())
    clear = (confidence[row.first, columns] > 0) & (confidence[row.last, columns] > 0)
    return Line(cell.start, bridged(y, clear[np.clip(np.round(x).astype(int), 0, len(columns) - 1)]), np.zeros(n))


def fit_lines(lines: Sequence[Line], evidence: PageEvidence, rounds: int = ROUNDS) -> list[Line]:
    """Move the nodes of all lines until the drawn pen meets the ink.

    Parameters
    ----------
    lines : sequence of Line
        Within about a pen's width of the truth where strokes are level; tips of peaks may be missing.
    evidence : PageEvidence
        Of the whole page.
    rounds : int
    """
    nodes = [line.y.copy() for line in lines]
    pen, reach = evidence.pen.table, evidence.pen.reach_px
    nearest = no_segment(evidence.ink.shape, reach)
    for _ in range(rounds):
        nearest.distance.fill(reach)
        for number, (line, y) in enumerate(zip(lines, nodes)):
            pen_distance(y, line.x0, STEP_PX, number, reach, nearest)
        for number, (line, y) in enumerate(zip(lines, nodes)):
            equations = _no_equations(len(y))
            pen_equations(y, line.x0, STEP_PX, number, pen, evidence.ink, evidence.confidence, nearest, equations)
            _move(y, equations)
    return [_finished(line, y, evidence) for line, y in zip(lines, nodes)]


def _finished(line: Line, y: Float64Array, evidence: PageEvidence) -> Line:
    """The fitted line, and the share of ink seen at each node: 0 where confidence is 0."""
    confidence = evidence.confidence
    rows = np.clip(np.round(y).astype(int), 0, confidence.shape[0] - 1)
    clear = confidence[rows, np.clip(np.round(line.x).astype(int), 0, confidence.shape[1] - 1)] > 0
    under = map_coordinates(evidence.ink, [y, line.x], order=1, mode="nearest") / _SEEN
    return Line(line.x0, y, np.clip(uniform_filter1d(under, _SEEN_NODES), 0, 1) * clear)


def _no_equations(n: int) -> NodeEquations:
    return NodeEquations(np.zeros(n), np.zeros(n - 1), np.zeros(n))


def _move(y: Float64Array, equations: NodeEquations) -> None:
    """Move each node by the equations of ink (`pen_equations`) and bending."""
    move_nodes(y, equations, _STIFFNESS, _CORNER_PX, _LONGEST_MOVE_PX, np.empty(len(y)))


def fit_window(paths: Sequence[Float64Array], x0: Sequence[float], held: Sequence[tuple[bool, bool]],
               evidence: PageEvidence, others: Float32Array, rounds: int) -> list[Float64Array]:
    """Parts of lines after some rounds of the fit, all together, amid all that is drawn besides.

    Parameters
    ----------
    paths : sequence of (n,) float64
        Rows of the nodes.
    x0 : sequence of float
        Column of the first node of each.
    held : sequence of (bool, bool)
        Whether the first and the last node of each stay where they are.
    evidence : PageEvidence
        Of the window (H, W).
    others : (H, W) float32
        Distance to what is drawn besides, px.
    rounds : int
    """
    nodes, pen = [y.copy() for y in paths], evidence.pen.table
    line, segment = np.empty(evidence.ink.shape, np.int32), np.zeros(evidence.ink.shape, np.int32)
    for _ in range(rounds):
        nearest = NearestSegment(others.copy(), line, segment)
        line.fill(-1)
        for k, y in enumerate(nodes):
            pen_distance(y, x0[k], STEP_PX, k, pen.reach_px, nearest)
        for k, y in enumerate(nodes):
            equations = _no_equations(len(y))
            pen_equations(y, x0[k], STEP_PX, k, pen, evidence.ink, evidence.confidence, nearest, equations)
            equations.diagonal[[0, -1]] += np.where(held[k], _HOLD, 0)
            _move(y, equations)
    return nodes
