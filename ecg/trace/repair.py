"""Lines repaired where what they draw does not meet the page.

A shortest path cuts tips, crosses letters, and ends a lead at the wrong height. After the fit such places stand out:
ink that no line draws, or a line over bare paper. There candidate paths are tried (`ecg.trace.candidates`), and the one
that explains the page best is kept.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.page.pen import FINE, shares_at
from ecg.scale import Scale
from ecg.trace.candidates import Window, better_candidate
from ecg.trace.evidence import PageEvidence, no_segment
from ecg.trace.line import STEP_PX, Line
from ecg.trace.name_overlap import name_places
from ecg.trace.subtract_marks import HIDDEN_CONFIDENCE
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, IntpArray, UInt8Array, runs_of_true

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
# Weight of ink where the name of a lead stands and no line draws it.
_LETTER_WEIGHT = 0.15
# Distance beside the end of a lead, along x, in which ink may belong to it.
_BESIDE_MM = 0.9
# Distance above and below a line in which ink may belong to it.
_REACH_MM = 25.0
# Parts of a line that are wider than this are not repaired.
_WIDEST_MM = 7.5
# A part of a line has at least this many nodes.
_LEAST_NODES = 4
# An open end begins or ends within this many nodes of the line's first or last one.
_END_NODES = 2
# How often all places of a page are looked for and repaired.
_PASSES = 3
# A zigzag is higher than this within this distance along x.
_ZIGZAG_MM = 1.5
# The line goes up and down in a zigzag by more than this many times its height.
_ZIGZAG_TURNS = 2.5
# A line strays where it is hidden and ends farther than this from its level.
_STRAY_MM = 0.7
# A calibration pulse this near to the beginning of a lead touches it.
_PULSE_MM = 1.5
# Places come worst first: after this many in a row that could not be improved the rest is left.
_PATIENCE = 16
# A pixel is line from this share of the ink in the middle of a level line on.
_LINE_SHARE = 0.5
# A pixel joins pieces of line from this share on.
_JOINING_SHARE = 0.33


@dataclass(frozen=True)
class _Scene:
    """What lines are compared with: the page, the weight of ink that no line draws (H, W), and the page's scale."""

    evidence: PageEvidence
    missing: Float32Array
    px_per_mm: Scale


@dataclass(frozen=True)
class _Place:
    """Nodes `first` to `last` of one line, and the rows in which they may run; or one of its ends."""

    owner: int
    first: int
    last: int
    top: int
    bottom: int
    at_end: bool = False


def repair_lines(lines: Sequence[Line], layout: Layout, evidence: PageEvidence) -> list[Line]:
    """Lines whose path was changed where another one explains the page better.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    evidence : PageEvidence
        Of `ecg.trace.subtract_marks.without_printed_marks`.
    """
    missing = np.ones_like(evidence.ink)
    for left, top, right, bottom in name_places(layout).values():
        missing[top:bottom, left:right] = _LETTER_WEIGHT
    scene = _Scene(evidence, missing, layout.px_per_mm)
    out, judged, meetings = list(lines), set[tuple[_Place, int]](), _meetings(layout)
    for _ in range(_PASSES):
        places, failures, changed = _places(out, scene, meetings), 0, False
        for place in places:
            # Two leads that meet want the same ink: it goes to the one that gains more by it.
            rivals = [p for p in places if p.owner != place.owner and p.at_end and place.at_end
                      and _overlap(out, p, place, scene)]
            fresh = [p for p in (place, *rivals[:2]) if _key(out, p) not in judged]
            if place not in fresh or failures > _PATIENCE:
                continue
            found = [(gain, p.owner, y) for p in fresh for y, gain in [_repaired_part(out, p, scene)] if y is not None]
            if not found:
                judged.update(_key(out, p) for p in fresh)
            failures = 0 if found else failures + 1
            for _, owner, y in sorted(found, key=lambda f: -f[0])[:1]:
                out[owner] = replace(out[owner], y=y)
                changed = True
        if not changed:
            break
    return out


def _key(lines: Sequence[Line], place: _Place) -> tuple[_Place, int]:
    """What tells whether a part has moved since no better path was found for it."""
    return place, hash(lines[place.owner].y[place.first:place.last + 1].tobytes())


def _overlap(lines: Sequence[Line], a: _Place, b: _Place, scene: _Scene) -> bool:
    (left, right), (other_left, other_right) = (lines[p.owner].x[[p.first, p.last]] for p in (a, b))
    beside = _BESIDE_MM * scene.px_per_mm.x
    return bool(left < other_right + beside and other_left < right + beside and a.top < b.bottom and b.top < a.bottom)


def _meetings(layout: Layout) -> list[tuple[bool, bool]]:
    """Whether the beginning and the end of each cell meet another lead or a pulse."""
    out = []
    for cell in layout.cells:
        first, last = (f(at for c in layout.cells if c.row == cell.row for at in (c.start, c.end)) for f in (min, max))
        pulsed = any(abs(p.right - cell.start) < _PULSE_MM * layout.px_per_mm.x for p in layout.pulses)
        # Leads side by side may begin at one time: only columns tell which of them meet.
        out.append((cell.start > first + 1 or pulsed, cell.end < last - 1))
    return out


def _places(lines: Sequence[Line], scene: _Scene, meetings: Sequence[tuple[bool, bool]]) -> list[_Place]:
    """Where lines and page disagree, the worst first."""
    wrong, pieces = _wrong(lines, scene)
    found: list[tuple[float, _Place]] = []
    columns, beside = np.arange(scene.evidence.ink.shape[1]), _BESIDE_MM * scene.px_per_mm.x
    for owner, line in enumerate(lines):
        inside = (columns >= line.x[0] - 3) & (columns <= line.x[-1] + 3)
        for a, b in _spans((wrong[owner] > _LEAST_WRONG_PX) & inside):
            found.append((float(wrong[owner, a:b].sum()), _place(owner, line, a, b, pieces, scene)))
        for a, b in _zigzags(line, scene.px_per_mm):
            found.append((0.0, _place(owner, line, a, b, pieces, scene)))
        for side, meets in enumerate(meetings[owner]):
            edge = float(line.x[-1] if side else line.x[0])
            near = _near(pieces, edge - beside, edge + beside, line.y, scene)
            if meets and (len(near) or _strays(line, side, scene)):
                begin, end = (edge - 2 * beside, edge) if side else (edge, edge + 2 * beside)
                found.append((float(near[:, 4].sum()), replace(
                    _place(owner, line, int(begin), int(end) + 1, near, scene), at_end=True)))
    return [place for _, place in sorted(found, key=lambda f: -f[0])]


def _wrong(lines: Sequence[Line], scene: _Scene) -> tuple[Float64Array, Float64Array]:
    """(lines, W) px of ink on which each line and the page disagree, and pieces of ink that no line draws.

    Pieces (P, 5) are left, top, right, bottom, px, and how many pixels they have.
    """
    at, drawn, number = _drawn(lines, scene.evidence)
    ink = scene.evidence.ink
    off = scene.evidence.confidence.ravel()[at] * (ink.ravel()[at] - drawn)
    unexplained = off * scene.missing.ravel()[at]
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


def _zigzags(line: Line, px_per_mm: Scale) -> list[tuple[int, int]]:
    """Columns in which a line turns back and forth: strokes that merge look the same drawn twice and drawn once."""
    window = round(_ZIGZAG_MM * px_per_mm.x / STEP_PX) | 1
    height = maximum_filter1d(line.y, window) - minimum_filter1d(line.y, window)
    length = uniform_filter1d(np.abs(np.diff(line.y, prepend=line.y[0])), window) * window
    ends = zip(*runs_of_true((height > _ZIGZAG_MM * px_per_mm.y) & (length > _ZIGZAG_TURNS * height)))
    return [(int(line.x[a]) - _AROUND_PX, int(line.x[b - 1]) + _AROUND_PX + 1) for a, b in ends]


def _strays(line: Line, side: int, scene: _Scene) -> bool:
    """Whether a line leaves its level where a printed mark hides it: at its beginning (side 0) or end (1)."""
    order = slice(None, None, -1 if side else 1)
    rows, columns = np.round(line.y[order]).astype(int), np.round(line.x[order]).astype(int)
    inside = np.s_[:round(2 * _BESIDE_MM * scene.px_per_mm.x / STEP_PX)]
    confidence = scene.evidence.confidence
    hidden = confidence[np.clip(rows[inside], 0, confidence.shape[0] - 1),
                        np.clip(columns[inside], 0, confidence.shape[1] - 1)] < HIDDEN_CONFIDENCE
    if not hidden[0] or hidden.all():
        return False
    seen = line.y[order][int(np.argmin(hidden))]
    return bool(abs(line.y[order][0] - seen) > _STRAY_MM * scene.px_per_mm.y)


def _near(pieces: Float64Array, left: float, right: float, y: Float64Array, scene: _Scene) -> Float64Array:
    """Pieces of ink in some columns that a line with rows `y` may reach."""
    reach = _REACH_MM * scene.px_per_mm.y
    return pieces[(pieces[:, 2] >= left) & (pieces[:, 0] <= right) & (pieces[:, 3] > y.min() - reach)
                  & (pieces[:, 1] < y.max() + reach)]


def _place(owner: int, line: Line, a: int, b: int, pieces: Float64Array, scene: _Scene) -> _Place:
    first, last = (int(np.clip(round((x - line.x0) / STEP_PX), 0, len(line.y) - 1)) for x in (a, b))
    y = line.y[first:last + 1]
    near = _near(pieces, a - 1, b + 1, y, scene)
    return _Place(owner, first, last, int(min([y.min(), *near[:, 1]])), int(max([y.max(), *near[:, 3]])))


def _repaired_part(lines: Sequence[Line], place: _Place, scene: _Scene) -> tuple[Float64Array | None, float]:
    """Rows of the whole line with a better path in the place and what that gains, or None and 0."""
    line, part = lines[place.owner], slice(place.first, place.last + 1)
    x, current = line.x[part], line.y[part]
    if not _LEAST_NODES <= len(x) <= _WIDEST_MM * scene.px_per_mm.x / STEP_PX:
        return None, 0.0
    height, width = scene.evidence.ink.shape
    pad = len(scene.evidence.pen.table.shares) // FINE + 3
    left, right = max(0, int(x[0]) - pad), min(width, int(x[-1]) + pad + 1)
    top, bottom = max(0, place.top - pad), min(height, place.bottom + pad + 1)
    own = _own_ink(scene.evidence, np.s_[top:bottom, left:right], x - left, current - top)
    # Rows that neither the line nor its ink takes only cost time.
    taken = np.r_[np.flatnonzero(own.any(axis=1)) + top, current]
    low, high = max(top, int(taken.min()) - pad), min(bottom, int(taken.max()) + pad + 1)
    if low >= high or left >= right:
        return None, 0.0  # the line has left the page
    evidence = scene.evidence.window(slice(low, high), slice(left, right))
    found = better_candidate(Window(
        x - left, current - low, place.first <= _END_NODES, place.last >= len(line.y) - 1 - _END_NODES, evidence,
        np.ascontiguousarray(scene.missing[low:high, left:right]),
        _others(lines, place, evidence.ink.shape, (left, low), evidence.pen.reach_px),
        np.ascontiguousarray(own[low - top:high - top])))
    if found is None:
        return None, 0.0
    y = line.y.copy()
    y[part] = found[0] + low
    return y, found[1]


def _own_ink(evidence: PageEvidence, at: tuple[slice, slice], x: Float64Array, y: Float64Array) -> UInt8Array:
    """(H, W) 1 on visible ink of a window that is connected with a line.

    Neither a printed mark nor a gap of two pixels disconnects it.
    """
    # A thin line is nowhere black: the shares count from what it has in its middle.
    middle, hidden = min(1.0, float(evidence.pen.table.shares[0])), evidence.confidence[at] < HIDDEN_CONFIDENCE
    dark, faint = evidence.ink[at] > _LINE_SHARE * middle, evidence.ink[at] > _JOINING_SHARE * middle
    joined = cv2.morphologyEx((faint | hidden).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 1), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8)
    rows = np.clip(np.round(y).astype(int), 0, dark.shape[0] - 1)
    columns = np.clip(np.round(x).astype(int), 0, dark.shape[1] - 1)
    touched = np.unique(labels[rows, columns])
    return (np.isin(labels, touched[touched > 0]) & dark & ~hidden).astype(np.uint8)


def _others(lines: Sequence[Line], place: _Place, shape: tuple[int, ...], corner: tuple[int, int],
            reach: float) -> Float32Array:
    """Distance, up to `reach`, of a window's pixels to every line but the part that may change; corner is (x, y)."""
    left, top = corner
    nearest = no_segment(shape, reach)
    for number, line in enumerate(lines):
        first = max(0, int((left - reach - line.x0) / STEP_PX))
        last = min(len(line.y), int((left + shape[1] + reach - line.x0) / STEP_PX) + 2)
        pieces = [(first, last)] if number != place.owner else [(first, place.first + 1), (place.last, last)]
        for a, b in pieces:
            if b - a > 1:
                pen_distance(line.y[a:b] - top, line.x0 + a * STEP_PX - left, STEP_PX, number, reach, nearest)
    return nearest.distance
