"""Other courses of a line, tried where what it draws does not meet the page.

A shortest path cuts tips, takes a letter for a bridge, and ends a lead where it likes best. After the fit such places
stand out: ink that nobody explains, or a line over bare paper. There other courses are drawn - to the tips of the ink
that stands there, to other ends - and the one that explains the page best is kept.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.crossings import name_places
from ecg.fit import STEP_PX, Line, moved
from ecg.kernels import course_errors, pen_distance, pen_equations
from ecg.layout import Layout
from ecg.marks import FINE, pen_profile

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Ints = NDArray[np.int32]

# Error of a column, in px of ink, from which it is looked at, and how far around it courses may change, px.
_WRONG, _AROUND_PX = 1.0, 4
# Unexplained ink counts from this share on.
_CLEAR, _FREE = 0.35, 0.2
# Pixels trusted less may hide anything.
_HIDDEN = 0.1
# What a vertical px of line costs, in px of wrong ink; gain below which the line stays as it is.
_LENGTH, _LEAST_GAIN = 0.08, 1.0
# Courses worse than the line by more than this, px of ink, are not refined.
_SLACK = 10.0
_PASSES, _ROUNDS, _REFINED = 3, 8, 4
_WIDEST_PX, _MOST_TIPS, _MOST_PAIRED = 60, 8, 5
# Places come worst first: after so many that could not be bettered the rest is left.
_PATIENCE = 16
# Weight of a letter's ink; columns beside a meeting in which ink may belong to a lead, mm.
_LETTER, _BESIDE_MM = 0.15, 0.9


@dataclass(frozen=True)
class Scene:
    """What lines are held against.

    Parameters
    ----------
    ink : (H, W) float32
    trust : (H, W) float32
        0 where something printed hides the page.
    missing : (H, W) float32
        Weight of ink that no line draws, 0..1: little on letters.
    pen_px, blur_px : float
    """

    ink: Floats
    trust: Floats
    missing: Floats
    pen_px: float
    blur_px: float


@dataclass(frozen=True)
class _Place:
    """A part of one line that may take another course: nodes `first` to `last`; an open side is the lead's end."""

    owner: int
    first: int
    last: int
    top: int
    bottom: int
    open_left: bool
    open_right: bool


def mended(lines: Sequence[Line], layout: Layout, ink: Floats, trust: Floats) -> list[Line]:
    """Lines whose course was changed where another one explains the page better.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    ink, trust : (H, W) float32
    """
    missing = np.ones_like(ink)
    for left, top, right, bottom in name_places(layout).values():
        missing[top:bottom, left:right] = _LETTER
    scene = Scene(ink, trust, missing, layout.pen_px, layout.blur_px)
    meets, beside_px = _meetings(layout), _BESIDE_MM * layout.px_per_mm
    out, seen = list(lines), set[tuple[int, ...]]()
    for _ in range(_PASSES):
        changed, failures = False, 0
        for place in _places(out, scene, meets, beside_px):
            # A place whose surroundings nothing has changed since would be judged as before.
            key = _key(out, place)
            if key in seen:
                continue
            seen.add(key)
            y = _better(out, place, scene)
            failures = failures + 1 if y is None else 0
            if y is not None:
                out[place.owner] = replace(out[place.owner], y=y)
                changed = True
            if failures > _PATIENCE:
                break
        if not changed:
            break
    return out


def _key(lines: Sequence[Line], place: _Place) -> tuple[int, ...]:
    y = lines[place.owner].y[place.first:place.last + 1]
    return place.owner, place.first, place.last, place.top, place.bottom, hash(y.tobytes())


def _meetings(layout: Layout) -> list[tuple[bool, bool]]:
    """Whether the beginning and the end of each cell meet another lead or a pulse."""
    out = []
    for cell in layout.cells:
        last = max(c.end for c in layout.cells if c.row == cell.row)
        pulsed = any(abs(p.right - cell.start) < 1.5 * layout.px_per_mm for p in layout.pulses)
        out.append((cell.start_s > 0 or pulsed, cell.end < last - 1))
    return out


def _places(lines: Sequence[Line], scene: Scene, meets: Sequence[tuple[bool, bool]], beside_px: float) -> list[_Place]:
    """Where lines and page disagree, the worst first."""
    drawn, who = _drawn(lines, scene)
    off = scene.trust * (scene.ink - drawn)
    bare = np.clip(-off - _FREE, 0, None)
    free, boxes = _unexplained(off * scene.missing, drawn)
    found: list[tuple[float, _Place]] = []
    for owner, line in enumerate(lines):
        own = who == owner
        x = np.arange(scene.ink.shape[1])
        wrong = (bare * own).sum(axis=0) + (free * own).sum(axis=0)
        inside = (x >= line.x[0] - 3) & (x <= line.x[-1] + 3)
        for a, b in _spans((wrong > _WRONG) & inside):
            found.append((float(wrong[a:b].sum()), _place(owner, line, a, b, boxes)))
        for side, meeting in enumerate(meets[owner]):
            edge = line.x[-1] if side else line.x[0]
            near = boxes[(boxes[:, 2] > edge - beside_px) & (boxes[:, 0] < edge + beside_px)
                         & (boxes[:, 3] > line.y.min() - 200) & (boxes[:, 1] < line.y.max() + 200)]
            if meeting and len(near):
                a, b = (edge - 2 * beside_px, edge) if side else (edge, edge + 2 * beside_px)
                found.append((float(near[:, 4].sum()), _place(owner, line, int(a), int(b) + 1, near)))
    return [place for _, place in sorted(found, key=lambda f: -f[0])]


def _drawn(lines: Sequence[Line], scene: Scene) -> tuple[Floats, Ints]:
    """Cover that all lines lay, and whose line is nearest, -1 where none is."""
    profile = pen_profile(scene.pen_px, scene.blur_px)
    reach = len(profile) / FINE
    nearest, who = np.full(scene.ink.shape, reach, np.float32), np.full(scene.ink.shape, -1, np.int32)
    which = np.zeros(scene.ink.shape, np.int32)
    for owner, line in enumerate(lines):
        pen_distance(line.y, line.x0, STEP_PX, owner, reach, nearest, who, which)
    cover = np.r_[profile, 0][np.minimum((nearest * FINE).astype(np.int32), len(profile))]
    return cover.astype(np.float32), who


def _unexplained(off: Floats, drawn: Floats) -> tuple[Floats, Reals]:
    """Ink beside the lines that no line draws, and its pieces: left, top, right, bottom, amount."""
    mask = (off > _CLEAR).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= 3
    keep[0] = False
    free = np.where(keep[labels], np.clip(off - _FREE, 0, None), np.float32(0))
    boxes = stats[keep].astype(float)
    boxes[:, 2:4] += boxes[:, :2]
    return free.astype(np.float32), boxes


def _spans(wrong: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of runs of columns, drawn out to both sides and joined."""
    wide = np.convolve(wrong, np.ones(2 * _AROUND_PX + 1), mode="same") > 0
    edges = np.diff(np.r_[0, wide.astype(int), 0])
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))


def _place(owner: int, line: Line, a: int, b: int, boxes: Reals) -> _Place:
    n = len(line.y)
    first, last = (int(np.clip(round((x - line.x0) / STEP_PX), 0, n - 1)) for x in (a, b))
    y = line.y[first:last + 1]
    near = boxes[(boxes[:, 2] >= a - 1) & (boxes[:, 0] <= b + 1)]
    near = near[(near[:, 3] > y.min() - 200) & (near[:, 1] < y.max() + 200)]
    top = min([float(y.min()), *near[:, 1]]) if len(near) else float(y.min())
    bottom = max([float(y.max()), *near[:, 3]]) if len(near) else float(y.max())
    return _Place(owner, first, last, int(top), int(bottom), first <= 2, last >= n - 3)


def _better(lines: Sequence[Line], place: _Place, scene: Scene) -> Reals | None:
    """Rows of the whole line with a better course in the place, or None."""
    line = lines[place.owner]
    x = line.x[place.first:place.last + 1]
    if not 4 <= len(x) <= _WIDEST_PX / STEP_PX:
        return None
    profile = pen_profile(scene.pen_px, scene.blur_px)
    reach = len(profile) / FINE
    pad = int(reach) + 3
    left, right = max(0, int(x[0]) - pad), min(scene.ink.shape[1], int(x[-1]) + pad + 1)
    top, bottom = max(0, place.top - pad), min(scene.ink.shape[0], place.bottom + pad + 1)
    own, (high, low) = _own_ink(scene, np.s_[top:bottom, left:right], x - left, line.y[place.first:place.last + 1] - top)
    own = own[max(0, high - pad):low + pad + 1]
    top, bottom = top + max(0, high - pad), min(bottom, top + low + pad + 1)
    part = np.s_[top:bottom, left:right]
    ink, trust, missing = (np.ascontiguousarray(a[part]) for a in (scene.ink, scene.trust, scene.missing))
    base = _others(lines, place, ink.shape, left, top, reach)
    now = line.y[place.first:place.last + 1] - top
    courses = _courses(x - left, now, own, scene.pen_px, place)
    tables = ink, trust, missing, base, base.copy(), np.empty(base.size, np.int32)
    errors = _errors(courses, float(x[0]) - left, profile, tables)
    order = [k for k in np.argsort(errors, kind="stable") if k and errors[k] < errors[0] + _SLACK][:_REFINED]
    refined = np.stack([now, *(_refined(courses[k], float(x[0]) - left, place, reach, profile, ink, trust, base)
                               for k in order)])
    errors = _errors(refined, float(x[0]) - left, profile, tables)
    best = int(np.argmin(errors))
    if errors[best] > errors[0] - _LEAST_GAIN:
        return None
    y = line.y.copy()
    y[place.first:place.last + 1] = refined[best] + top
    return y


def _errors(courses: Reals, x0: float, profile: Reals, tables: tuple[Floats, ...]) -> Reals:
    errors = np.empty(len(courses))
    course_errors(courses, x0, STEP_PX, len(profile) / FINE, profile, FINE, *tables, errors)
    return errors + _LENGTH * np.abs(np.diff(courses, axis=1)).sum(axis=1)


def _others(lines: Sequence[Line], place: _Place, shape: tuple[int, ...], left: int, top: int, reach: float) -> Floats:
    """Distance of the pixels of a window to every line but the part that may change."""
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


def _own_ink(scene: Scene, part: tuple[slice, slice], x: Reals, y: Reals) -> tuple[Bytes, tuple[int, int]]:
    """(H, W) 0 or 1: visible ink of a window that hangs together with a line; and the rows that both take.

    What hides the page does not part it, nor does a gap of two pixels.
    """
    trust = scene.trust[part]
    dark = (scene.ink[part] > 0.5).astype(np.uint8)
    joined = cv2.morphologyEx(dark | (trust < _HIDDEN).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 1), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8)
    rows, columns = np.clip(np.round(y).astype(int), 0, len(dark) - 1), np.clip(np.round(x).astype(int), 0, dark.shape[1] - 1)
    touched = np.unique(labels[rows, columns])
    own = np.isin(labels, touched[touched > 0]) & (dark > 0) & (trust >= _HIDDEN)
    at = np.flatnonzero(own.any(axis=1))
    return own.astype(np.uint8), (int(min([rows.min(), *at[:1]])), int(max([rows.max(), *at[-1:]])))


def _courses(x: Reals, now: Reals, own: Bytes, pen_px: float, place: _Place) -> Reals:
    """(P, n) courses from side to side of a window: as it is, straight, and over one or two tips of the ink there."""
    tips = _tips(own, pen_px, x, now)
    starts = _ends(x, now, tips, 0) if place.open_left else [(float(x[0]), float(now[0]))]
    stops = _ends(x, now, tips, -1) if place.open_right else [(float(x[-1]), float(now[-1]))]
    middles: list[tuple[tuple[float, float], ...]] = [(), *((t,) for t in tips)]
    middles += [pair for pair in permutations(tips[:_MOST_PAIRED], 2) if pair[0][0] < pair[1][0]]
    out = [now]
    for start, stop, middle in product(starts, stops, middles):
        out.append(_polyline(x, (start, *middle, stop)))
        if middle:
            for near in (1.0, 2.5, 5.0):
                out += _kept(x, now, start, stop, middle, near, place)
    return np.stack(out)


def _kept(x: Reals, now: Reals, start: tuple[float, float], stop: tuple[float, float],
          middle: tuple[tuple[float, float], ...], near: float, place: _Place) -> list[Reals]:
    """Courses that leave the line as it is farther than `near` px from the tips, at either or both sides."""
    a, b = middle[0][0] - near, middle[-1][0] + near
    before, after = (float(np.interp(at, x, now)) for at in (a, b))
    out = []
    for left, right in ((True, True), (True, False), (False, True)):
        inner = [(a, before)] if left else [start]
        inner += [*middle, (b, after) if right else stop]
        y = _polyline(x, inner)
        keep = (x < a) & left & (not place.open_left or start[1] == now[0]) | (x > b) & right
        out.append(np.where(keep, now, y))
    return out


def _polyline(x: Reals, points: Sequence[tuple[float, float]]) -> Reals:
    at, y = np.array(points).T
    return np.interp(x, np.maximum.accumulate(at + 1e-6 * np.arange(len(at))), y)


def _tips(own: Bytes, pen_px: float, x: Reals, now: Reals) -> list[tuple[float, float]]:
    """Upper and lower ends (x, y) of the ink inside a window, the farthest from the line first."""
    inward = pen_px / 2 - 0.5
    found: list[tuple[float, float]] = []
    for kernel, sign in ((np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]], np.uint8), 1),
                         (np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1]], np.uint8), -1)):
        beyond = cv2.dilate(own, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        count, _, _, centers = cv2.connectedComponentsWithStats(own & (1 - beyond), connectivity=8)
        # A lead's edge is known to a pixel, and strokes are as wide as two.
        found += [(float(np.clip(cx, x[0], x[-1])), float(cy) + sign * inward) for cx, cy in centers[1:]
                  if x[0] - 2 <= cx <= x[-1] + 2]
    return sorted(found, key=lambda t: -abs(t[1] - float(np.interp(t[0], x, now))))[:_MOST_TIPS]


def _ends(x: Reals, now: Reals, tips: Sequence[tuple[float, float]], at: int) -> list[tuple[float, float]]:
    """Where an open end may lie: where it is, level with the line nearby, at each tip's height."""
    inner = float(now[min(len(now) - 1, 12)] if at == 0 else now[max(0, len(now) - 13)])
    heights = [float(now[at]), inner, *(t[1] for t in tips if abs(t[0] - x[at]) < 4)]
    return [(float(x[at]), y) for y in dict.fromkeys(heights)]


def _refined(y: Reals, x0: float, place: _Place, reach: float, profile: Reals, ink: Floats, trust: Floats,
             base: Floats) -> Reals:
    """The course after some rounds of the fit, its joints held."""
    y = y.copy()
    who, which = np.empty(ink.shape, np.int32), np.zeros(ink.shape, np.int32)
    for _ in range(_ROUNDS):
        nearest = base.copy()
        who.fill(-1)
        pen_distance(y, x0, STEP_PX, 0, reach, nearest, who, which)
        diagonal, beside, right = np.zeros(len(y)), np.zeros(len(y) - 1), np.zeros(len(y))
        pen_equations(y, x0, STEP_PX, 0, reach, profile, FINE, ink, trust, nearest, who, which, diagonal, beside, right)
        if not place.open_left:
            diagonal[0] += 1e6
        if not place.open_right:
            diagonal[-1] += 1e6
        y += moved(y, diagonal, beside, right)
    return y
