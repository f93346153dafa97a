"""Lines mended where what they draw does not meet the page.

A shortest path cuts tips, takes a letter for a bridge, and ends a lead where it likes best. After the fit such places
stand out: ink that nobody explains, or a line over bare paper. There other courses are tried
(`ecg.trace.candidates`), and the one that explains the page best is kept.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.page.pen import FINE, pen_profile, shares_at
from ecg.scale import Scale
from ecg.trace.candidates import Window, better_course
from ecg.trace.line import STEP_PX, Line
from ecg.trace.name_overlap import name_places
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, IntpArray, UInt8Array

# Error of a column, in px of ink, from which it is looked at, and how far around it courses may change, px.
_WRONG = 1.0
_AROUND_PX = 4
# Unexplained ink begins to count at the first share, and is a piece of its own from the second on, of 3 px.
_FREE = 0.2
_CLEAR = 0.35
_LEAST_PX = 3
# Pixels trusted less may hide anything.
_HIDDEN = 0.1
# Weight of a letter's ink; columns beside a meeting in which ink may belong to a lead, and how far above or below, mm.
_LETTER = 0.15
_BESIDE_MM = 0.9
_REACH_MM = 25.0
_WIDEST_MM = 7.5
_PASSES = 3
# A line zigzags where on so many mm of time it goes so many times its height; it strays where it is hidden and leaves
# its level by so many mm.
_ZIGZAG_MM = 1.5
_TURNS = 2.5
_STRAY_MM = 0.7
# Places come worst first: after so many in a row that could not be bettered the rest is left.
_PATIENCE = 16


@dataclass(frozen=True)
class _Scene:
    """What lines are held against: see `ecg.trace.candidates.Window`."""

    ink: Float32Array
    trust: Float32Array
    missing: Float32Array
    profile: Float64Array
    pen_px: float
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


def mended(lines: Sequence[Line], layout: Layout, ink: Float32Array, trust: Float32Array) -> list[Line]:
    """Lines whose course was changed where another one explains the page better.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    ink, trust : (H, W) float32
        Of `ecg.trace.subtract_marks.without_furniture`.
    """
    missing = np.ones_like(ink)
    for left, top, right, bottom in name_places(layout).values():
        missing[top:bottom, left:right] = _LETTER
    scene = _Scene(ink, trust, missing, pen_profile(layout.pen_px, layout.blur_px), layout.pen_px, layout.px_per_mm)
    out, judged, meetings = list(lines), set[tuple[_Place, int]](), _meetings(layout)
    for _ in range(_PASSES):
        places, failures = _places(out, scene, meetings), 0
        changed = False
        for place in places:
            # Two leads that meet want the same ink: the one that it suits better has it.
            rivals = [p for p in places if p.owner != place.owner and p.at_end and place.at_end
                      and _overlap(out, p, place, scene)]
            fresh = [p for p in (place, *rivals[:2]) if _key(out, p) not in judged]
            if place not in fresh or failures > _PATIENCE:
                continue
            found = [(gain, p.owner, y) for p in fresh for y, gain in [_mended_part(out, p, scene)] if y is not None]
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
    """A part that has not moved since it was judged would be judged as before."""
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
        pulsed = any(abs(p.right - cell.start) < 1.5 * layout.px_per_mm.x for p in layout.pulses)
        # Leads side by side may begin at one time: only columns tell which of them meet.
        out.append((cell.start > first + 1 or pulsed, cell.end < last - 1))
    return out


def _places(lines: Sequence[Line], scene: _Scene, meetings: Sequence[tuple[bool, bool]]) -> list[_Place]:
    """Where lines and page disagree, the worst first."""
    wrong, pieces = _wrong(lines, scene)
    found: list[tuple[float, _Place]] = []
    columns, beside = np.arange(scene.ink.shape[1]), _BESIDE_MM * scene.px_per_mm.x
    for owner, line in enumerate(lines):
        inside = (columns >= line.x[0] - 3) & (columns <= line.x[-1] + 3)
        for a, b in _spans((wrong[owner] > _WRONG) & inside):
            found.append((float(wrong[owner, a:b].sum()), _place(owner, line, a, b, pieces, scene)))
        for a, b in _zigzags(line, scene.px_per_mm):
            found.append((0.0, _place(owner, line, a, b, pieces, scene)))
        for at, meets in enumerate(meetings[owner]):
            edge = float(line.x[-1] if at else line.x[0])
            near = _near(pieces, edge - beside, edge + beside, line.y, scene)
            if meets and (len(near) or _strays(line, at, scene)):
                begin, end = (edge - 2 * beside, edge) if at else (edge, edge + 2 * beside)
                found.append((float(near[:, 4].sum()), replace(
                    _place(owner, line, int(begin), int(end) + 1, near, scene), at_end=True)))
    return [place for _, place in sorted(found, key=lambda f: -f[0])]


def _wrong(lines: Sequence[Line], scene: _Scene) -> tuple[Float64Array, Float64Array]:
    """(lines, W) px of ink on which each line and the page disagree, and pieces of ink that no line draws.

    Pieces are left, top, right, bottom, px.
    """
    at, drawn, who = _drawn(lines, scene)
    off = scene.trust.ravel()[at] * (scene.ink.ravel()[at] - drawn)
    unexplained = off * scene.missing.ravel()[at]
    clear = unexplained > _CLEAR
    mask = np.zeros(scene.ink.shape, np.uint8)
    mask.ravel()[at[clear]] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    keep = stats[:, cv2.CC_STAT_AREA] >= _LEAST_PX
    keep[0] = False
    free = np.where(keep[labels.ravel()[at]], unexplained - _FREE, 0)
    pieces = stats[keep].astype(float)
    pieces[:, 2:4] += pieces[:, :2]
    near, width = who >= 0, scene.ink.shape[1]
    wrong = np.zeros((len(lines), width))
    np.add.at(wrong, (who[near], at[near] % width), (np.clip(-off - _FREE, 0, None) + free)[near])
    return wrong, pieces


def _drawn(lines: Sequence[Line], scene: _Scene) -> tuple[IntpArray, Float32Array, Int32Array]:
    """Pixels (flat) that have ink or are drawn, the cover that all lines lay there, and whose line is nearest or -1."""
    reach = len(scene.profile) / FINE
    nearest, who = np.full(scene.ink.shape, reach, np.float32), np.full(scene.ink.shape, -1, np.int32)
    which = np.empty(scene.ink.shape, np.int32)
    for owner, line in enumerate(lines):
        pen_distance(line.y, line.x0, STEP_PX, owner, reach, nearest, who, which)
    # Most of a page is bare, and nothing is drawn there.
    at = np.flatnonzero((scene.ink > 0) | (who >= 0))
    return at, shares_at(nearest.ravel()[at], scene.profile), who.ravel()[at]


def _spans(wrong: BoolArray) -> list[tuple[int, int]]:
    """Begin and end of runs of columns, drawn out to both sides and joined."""
    wide = np.convolve(wrong, np.ones(2 * _AROUND_PX + 1), mode="same") > 0
    edges = np.diff(np.r_[0, wide.astype(int), 0])
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))


def _zigzags(line: Line, px_per_mm: Scale) -> list[tuple[int, int]]:
    """Columns in which a line turns back and forth: strokes that merge look the same drawn twice and drawn once."""
    window = round(_ZIGZAG_MM * px_per_mm.x / STEP_PX) | 1
    height = maximum_filter1d(line.y, window) - minimum_filter1d(line.y, window)
    way = uniform_filter1d(np.abs(np.diff(line.y, prepend=line.y[0])), window) * window
    edges = np.diff(np.r_[0, ((height > _ZIGZAG_MM * px_per_mm.y) & (way > _TURNS * height)).astype(int), 0])
    ends = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
    return [(int(line.x[a]) - _AROUND_PX, int(line.x[b - 1]) + _AROUND_PX + 1) for a, b in ends]


def _strays(line: Line, at: int, scene: _Scene) -> bool:
    """Whether a line leaves its level where something printed hides it: at its beginning (0) or end (1)."""
    order = slice(None, None, -1 if at else 1)
    rows, columns = np.round(line.y[order]).astype(int), np.round(line.x[order]).astype(int)
    inside = np.s_[:round(2 * _BESIDE_MM * scene.px_per_mm.x / STEP_PX)]
    hidden = scene.trust[np.clip(rows[inside], 0, scene.trust.shape[0] - 1),
                         np.clip(columns[inside], 0, scene.trust.shape[1] - 1)] < _HIDDEN
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


def _mended_part(lines: Sequence[Line], place: _Place, scene: _Scene) -> tuple[Float64Array | None, float]:
    """Rows of the whole line with a better course in the place and what that gains, or None and 0."""
    line, part = lines[place.owner], slice(place.first, place.last + 1)
    x, now = line.x[part], line.y[part]
    if not 4 <= len(x) <= _WIDEST_MM * scene.px_per_mm.x / STEP_PX:
        return None, 0.0
    pad = len(scene.profile) // FINE + 3
    left, right = max(0, int(x[0]) - pad), min(scene.ink.shape[1], int(x[-1]) + pad + 1)
    top, bottom = max(0, place.top - pad), min(scene.ink.shape[0], place.bottom + pad + 1)
    own = _own_ink(scene, np.s_[top:bottom, left:right], x - left, now - top)
    # Rows that neither the line nor its ink takes only cost time.
    taken = np.r_[np.flatnonzero(own.any(axis=1)) + top, now]
    low, high = max(top, int(taken.min()) - pad), min(bottom, int(taken.max()) + pad + 1)
    if low >= high or left >= right:
        return None, 0.0  # the line has left the page
    at = np.s_[low:high, left:right]
    ink, trust, missing = (np.ascontiguousarray(a[at]) for a in (scene.ink, scene.trust, scene.missing))
    found = better_course(Window(
        x - left, now - low, place.first <= 2, place.last >= len(line.y) - 3, ink, trust, missing,
        _others(lines, place, ink.shape, left, low, len(scene.profile) / FINE),
        np.ascontiguousarray(own[low - top:high - top]), scene.profile, scene.pen_px))
    if found is None:
        return None, 0.0
    y = line.y.copy()
    y[part] = found[0] + low
    return y, found[1]


def _own_ink(scene: _Scene, at: tuple[slice, slice], x: Float64Array, y: Float64Array) -> UInt8Array:
    """(H, W) 1 on visible ink of a window that hangs together with a line.

    What hides the page does not part it, nor does a gap of two pixels.
    """
    # A thin line is nowhere black: half of what it is in its middle is line, a third joins pieces of it.
    middle, hidden = min(1.0, float(scene.profile[0])), scene.trust[at] < _HIDDEN
    dark, faint = scene.ink[at] > 0.5 * middle, scene.ink[at] > 0.33 * middle
    joined = cv2.morphologyEx((faint | hidden).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 1), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8)
    rows = np.clip(np.round(y).astype(int), 0, dark.shape[0] - 1)
    columns = np.clip(np.round(x).astype(int), 0, dark.shape[1] - 1)
    touched = np.unique(labels[rows, columns])
    return (np.isin(labels, touched[touched > 0]) & dark & ~hidden).astype(np.uint8)


def _others(lines: Sequence[Line], place: _Place, shape: tuple[int, ...], left: int, top: int,
            reach: float) -> Float32Array:
    """Distance of a window's pixels to every line but the part that may change."""
    nearest, who = np.full(shape, reach, np.float32), np.full(shape, -1, np.int32)
    which = np.zeros(shape, np.int32)
    for owner, line in enumerate(lines):
        first = max(0, int((left - reach - line.x0) / STEP_PX))
        last = min(len(line.y), int((left + shape[1] + reach - line.x0) / STEP_PX) + 2)
        pieces = [(first, last)] if owner != place.owner else [(first, place.first + 1), (place.last, last)]
        for a, b in pieces:
            if b - a > 1:
                pen_distance(line.y[a:b] - top, line.x0 + a * STEP_PX - left, STEP_PX, owner, reach, nearest, who,
                             which)
    return nearest
