"""Places where center lines and the page disagree, to be repaired.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.page.pen import shares_at
from ecg.scale import Scale
from ecg.trace.evidence import PageEvidence, no_segment
from ecg.trace.line import STEP_PX, Line
from ecg.trace.subtract_marks import HIDDEN_CONFIDENCE
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, IntpArray, runs_of_true

# A column is repaired if the line and the page disagree there on more than this, px of ink.
_LEAST_WRONG_PX = 1.0
# Columns to both sides of such a column in which the path may change too.
_AROUND_PX = 4
# Share of a pixel by which the page and the picture may differ before the difference counts.
_TOLERATED = 0.2
# A pixel of ink that no line draws belongs to a piece of such ink from this share on.
_CLEAR = 0.35
# A piece of ink that no line draws has at least this many pixels.
_LEAST_PIECE_PX = 3
# Distance beside the end of a lead, along x, in which ink may belong to it.
BESIDE_MM = 0.9
# Distance above and below a line in which ink may belong to it.
_REACH_MM = 25.0
# A zigzag is higher than this within this distance along x.
_ZIGZAG_MM = 1.5
# The line goes up and down in a zigzag by more than this many times its height.
_ZIGZAG_TURNS = 2.5
# A line strays where it is hidden and ends farther than this from its level.
_STRAY_MM = 0.7
# A calibration pulse this near to the beginning of a lead touches it.
_PULSE_MM = 1.5


@dataclass(frozen=True)
class RepairEvidence:
    """What lines are compared with: the page, the weight of ink that no line draws (H, W), and the page's scale."""

    evidence: PageEvidence
    missing: Float32Array
    px_per_mm: Scale


@dataclass(frozen=True)
class Place:
    """Nodes `first` to `last` of one line, and the rows in which they may run; or one of its ends."""

    owner: int
    first: int
    last: int
    top: int
    bottom: int
    at_end: bool = False


def find_meetings(layout: Layout) -> list[tuple[bool, bool]]:
    """Whether the beginning and the end of each cell meet another lead or a pulse."""
    out = []
    for cell in layout.cells:
        first, last = (f(at for c in layout.cells if c.row == cell.row for at in (c.start, c.end)) for f in (min, max))
        pulsed = any(abs(p.right - cell.start) < _PULSE_MM * layout.px_per_mm.x for p in layout.pulses)
        # Leads side by side may begin at one time: only columns tell which of them meet.
        out.append((cell.start > first + 1 or pulsed, cell.end < last - 1))
    return out


def find_places(lines: Sequence[Line], page: RepairEvidence, meetings: Sequence[tuple[bool, bool]]) -> list[Place]:
    """Where lines and page disagree, the worst first."""
    wrong, pieces = _wrong(lines, page)
    found: list[tuple[float, Place]] = []
    columns, beside = np.arange(page.evidence.ink.shape[1]), BESIDE_MM * page.px_per_mm.x
    for owner, line in enumerate(lines):
        inside = (columns >= line.x[0] - 3) & (columns <= line.x[-1] + 3)
        for a, b in _spans((wrong[owner] > _LEAST_WRONG_PX) & inside):
            found.append((float(wrong[owner, a:b].sum()), _place(owner, line, a, b, pieces, page)))
        for a, b in zigzags(line, page.px_per_mm):
            found.append((0.0, _place(owner, line, a, b, pieces, page)))
        for side, meets in enumerate(meetings[owner]):
            edge = float(line.x[-1] if side else line.x[0])
            near = _near(pieces, edge - beside, edge + beside, line.y, page)
            if meets and (len(near) or _strays(line, side, page)):
                begin, end = (edge - 2 * beside, edge) if side else (edge, edge + 2 * beside)
                found.append((float(near[:, 4].sum()), replace(
                    _place(owner, line, int(begin), int(end) + 1, near, page), at_end=True)))
    return [place for _, place in sorted(found, key=lambda f: -f[0])]


def _wrong(lines: Sequence[Line], page: RepairEvidence) -> tuple[Float64Array, Float64Array]:
    """(lines, W) px of ink on which each line and the page disagree, and pieces of ink that no line draws.

    Pieces (P, 5) are left, top, right, bottom, px, and how many pixels they have.
    """
    at, drawn, number = _drawn(lines, page.evidence)
    ink = page.evidence.ink
    off = page.evidence.confidence.ravel()[at] * (ink.ravel()[at] - drawn)
    unexplained = off * page.missing.ravel()[at]
    clear = unexplained > _CLEAR
    mask = np.zeros(ink.shape, np.uint8)
    mask.ravel()[at[clear]] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    keep = stats[:, cv2.CC_STAT_AREA] >= _LEAST_PIECE_PX
    keep[0] = False
    free = np.where(keep[labels.ravel()[at]], unexplained - _TOLERATED, 0)
    pieces = stats[keep].astype(float)
    pieces[:, 2:4] += pieces[:, :2]
    near, width = number >= 0, ink.shape[1]
    wrong = np.zeros((len(lines), width))
    np.add.at(wrong, (number[near], at[near] % width), (np.clip(-off - _TOLERATED, 0, None) + free)[near])
    return wrong, pieces


def _drawn(lines: Sequence[Line], evidence: PageEvidence) -> tuple[IntpArray, Float32Array, Int32Array]:
    """Pixels (flat) that have ink or are drawn; the ink that all lines lay there; the nearest line's number, or -1."""
    nearest = no_segment(evidence.ink.shape, evidence.pen.reach_px)
    for number, line in enumerate(lines):
        pen_distance(line.y, line.x0, STEP_PX, number, evidence.pen.reach_px, nearest)
    # Most of a page is bare, and nothing is drawn there.
    at = np.flatnonzero((evidence.ink > 0) | (nearest.line >= 0))
    return at, shares_at(nearest.distance.ravel()[at], evidence.pen.table.shares), nearest.line.ravel()[at]


def _spans(wrong: BoolArray) -> list[tuple[int, int]]:
    """Begin and end of runs of columns, widened to both sides and joined."""
    wide = np.convolve(wrong, np.ones(2 * _AROUND_PX + 1), mode="same") > 0
    return list(zip(*runs_of_true(wide)))


def zigzags(line: Line, px_per_mm: Scale) -> list[tuple[int, int]]:
    """Columns in which a line turns back and forth: strokes that merge look the same drawn twice and drawn once."""
    window = round(_ZIGZAG_MM * px_per_mm.x / STEP_PX) | 1
    height = maximum_filter1d(line.y, window) - minimum_filter1d(line.y, window)
    length = uniform_filter1d(np.abs(np.diff(line.y, prepend=line.y[0])), window) * window
    ends = zip(*runs_of_true((height > _ZIGZAG_MM * px_per_mm.y) & (length > _ZIGZAG_TURNS * height)))
    return [(int(line.x[a]) - _AROUND_PX, int(line.x[b - 1]) + _AROUND_PX + 1) for a, b in ends]


def _strays(line: Line, side: int, page: RepairEvidence) -> bool:
    """Whether a line leaves its level where a printed mark hides it: at its beginning (side 0) or end (1)."""
    order = slice(None, None, -1 if side else 1)
    rows, columns = np.round(line.y[order]).astype(int), np.round(line.x[order]).astype(int)
    inside = np.s_[:round(2 * BESIDE_MM * page.px_per_mm.x / STEP_PX)]
    confidence = page.evidence.confidence
    hidden = confidence[np.clip(rows[inside], 0, confidence.shape[0] - 1),
                        np.clip(columns[inside], 0, confidence.shape[1] - 1)] < HIDDEN_CONFIDENCE
    if not hidden[0] or hidden.all():
        return False
    seen = line.y[order][int(np.argmin(hidden))]
    return bool(abs(line.y[order][0] - seen) > _STRAY_MM * page.px_per_mm.y)


def _near(pieces: Float64Array, left: float, right: float, y: Float64Array, page: RepairEvidence) -> Float64Array:
    """Pieces of ink in some columns that a line with rows `y` may reach."""
    reach = _REACH_MM * page.px_per_mm.y
    return pieces[(pieces[:, 2] >= left) & (pieces[:, 0] <= right) & (pieces[:, 3] > y.min() - reach)
                  & (pieces[:, 1] < y.max() + reach)]


def _place(owner: int, line: Line, a: int, b: int, pieces: Float64Array, page: RepairEvidence) -> Place:
    first, last = (int(np.clip(round((x - line.x0) / STEP_PX), 0, len(line.y) - 1)) for x in (a, b))
    y = line.y[first:last + 1]
    near = _near(pieces, a - 1, b + 1, y, page)
    return Place(owner, first, last, int(min([y.min(), *near[:, 1]])), int(max([y.max(), *near[:, 3]])))
