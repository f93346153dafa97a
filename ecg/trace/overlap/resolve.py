"""Beats in which several leads run through each other.

Where rows lie close, QRS complexes of several leads fill the same columns, and none of them can be followed alone. But
a page shows each lead's complex many times, tangled a little differently each time; limb leads follow from each other;
and a pen goes on straight inside ink that hides it. Each tells courses that a lead may take
(`ecg.trace.overlap.candidates`). The combination of courses that explains the page best is kept
(`ecg.trace.overlap.joint`); where pages cannot tell, all complexes of a lead are drawn alike.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.page.pen import FINE, pen_profile
from ecg.trace.line import STEP_PX, Line
from ecg.trace.overlap.candidates import by_law, joined, of_other_complexes, offsets, over_tips, tips
from ecg.trace.overlap.joint import Tangle, agreed, combined, error, refined, wrong_ink
from featurize.arrays import Float32Array, Float64Array

# A complex reaches so far before and behind the column in which most ink stands; complexes follow no faster, s.
_BEFORE_S = 0.08
_BEHIND_S = 0.13
_REFRACTORY_S = 0.25
# A line that begins or ends no farther than this from there does so in the same window, s.
_EDGE_S = 0.3
# Ink in a column, beside what complexes usually have, from which it is one; and how far columns are averaged, s.
_LEAST_SHARE = 0.3
_SMOOTH_S = 0.015
# Gain, in px of wrong ink, from which other courses are taken.
_LEAST_GAIN = 2.0
# From so many tangles of the same lines on they are drawn alike, unless that makes one's error so many times as large;
# two lines alone can be told apart.
_ALIKE = 3
_DIFFER = 1.15
_SURE_LINES = 2
# Courses are planned anew where that much ink is wrong, px, and the error is so many times that of the best tangle of
# these lines; so many times each, and in each of the passes.
_WRONG_PX = 12.0
_WORSE = 1.08
_PLANS = 4
_MOST_PLANS = 20
_PASSES = 2


@dataclass(frozen=True)
class _Sheet:
    """What lines are held against: see `untangled` and `ecg.page.pen.pen_profile`; columns of all complexes."""

    layout: Layout
    ink: Float32Array
    trust: Float32Array
    px_per_s: float
    profile: Float64Array
    complexes: Sequence[float]


@dataclass(frozen=True)
class _Place:
    """Numbers of lines, rising, that run through each other in the complex of column x."""

    x: float
    owners: tuple[int, ...]


def untangled(lines: Sequence[Line], layout: Layout, ink: Float32Array, trust: Float32Array,
              px_per_s: float) -> list[Line]:
    """Lines whose courses through tangled complexes were chosen together.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    ink, trust : (H, W) float32
        Of `ecg.trace.subtract_marks.without_furniture`.
    px_per_s : float
    """
    sheet = _Sheet(layout, ink, trust, px_per_s, pen_profile(layout.pen_px, layout.blur_px),
                   find_complexes(ink, px_per_s))
    out = list(lines)
    places = [place for x in sheet.complexes for place in _places(out, sheet, x)]
    for _ in range(_PASSES if places else 0):
        for place in places:
            _better(out, sheet, place, False)
        _plan(out, sheet, places)
        for owners in dict.fromkeys(place.owners for place in places):
            _agree(out, sheet, [place for place in places if place.owners == owners])
    return out


def find_complexes(ink: Float32Array, px_per_s: float) -> list[float]:
    """Columns of a page (H, W) in which most ink stands: where leads run up and down."""
    height = ink.sum(axis=0, dtype=np.float64)
    height = gaussian_filter1d(height - np.median(height), _SMOOTH_S * px_per_s)
    peaks, _ = find_peaks(height, distance=max(1, round(_REFRACTORY_S * px_per_s)))
    tall = height[peaks]
    if not len(peaks) or tall.max() <= 0:
        return []
    usual = float(np.median(tall[tall > 0.5 * np.quantile(tall, 0.9)]))
    return [float(x) for x in peaks[tall > _LEAST_SHARE * usual]]


def _places(lines: Sequence[Line], sheet: _Sheet, x: float) -> list[_Place]:
    """Groups of lines whose rows meet around column x."""
    inside = []
    for owner, line in enumerate(lines):
        if line.x[0] <= x <= line.x[-1]:
            first, last = _span(line, x, sheet.px_per_s)
            part = line.y[first:last + 1]
            inside.append((float(part.min()), float(part.max()), owner))
    groups: list[list[int]] = []
    reached = -np.inf
    for low, high, owner in sorted(inside):
        if low > reached + sheet.layout.pen_px:
            groups.append([])
        groups[-1].append(owner)
        reached = max(reached, high)
    return [_Place(x, tuple(sorted(group))) for group in groups if len(group) > 1]


def _span(line: Line, x: float, px_per_s: float) -> tuple[int, int]:
    """First and last node of a line in the complex of column x, or its ends where they are near."""
    left, right = x - _BEFORE_S * px_per_s, x + _BEHIND_S * px_per_s
    first, last = round((left - line.x0) / STEP_PX), round((right - line.x0) / STEP_PX)
    edge, end = round(_EDGE_S * px_per_s / STEP_PX), len(line.y) - 1
    return 0 if first < edge else first, end if last > end - edge else last


def _tangle(lines: Sequence[Line], sheet: _Sheet, place: _Place) -> Tangle:
    reach = len(sheet.profile) / FINE
    pad = int(reach) + 3
    spans = {owner: _span(lines[owner], place.x, sheet.px_per_s) for owner in place.owners}
    parts = [lines[owner].y[first:last + 1] for owner, (first, last) in spans.items()]
    height, width = sheet.ink.shape
    top = int(np.clip(min(y.min() for y in parts) - pad, 0, height - 1))
    bottom = int(np.clip(max(y.max() for y in parts) + pad + 1, top + 1, height))
    left = max(0, int(min(lines[owner].x[first] for owner, (first, _) in spans.items())) - pad)
    right = min(width, int(max(lines[owner].x[last] for owner, (_, last) in spans.items())) + pad + 2)
    others = np.full((bottom - top, right - left), reach, np.float32)
    who, which = np.zeros(others.shape, np.int32), np.zeros(others.shape, np.int32)
    for owner, line in enumerate(lines):
        a, b = (int(np.clip((at - line.x0) / STEP_PX, 0, len(line.y))) for at in (left - reach, right + reach))
        for begin, end in [(a, spans[owner][0] + 1), (spans[owner][1], b)] if owner in spans else [(a, b)]:
            if end - begin > 1:
                pen_distance(line.y[begin:end] - top, line.x0 + begin * STEP_PX - left, STEP_PX, owner, reach, others,
                             who, which)
    at = np.s_[top:bottom, left:right]
    x0 = [lines[owner].x0 + first * STEP_PX - left for owner, (first, _) in spans.items()]
    held = [(first > 0, last < len(lines[owner].y) - 1) for owner, (first, last) in spans.items()]
    return Tangle(list(spans), list(spans.values()), x0, [y - top for y in parts], held, top,
                  np.ascontiguousarray(sheet.ink[at]), np.ascontiguousarray(sheet.trust[at]), others, sheet.profile)


def _better(lines: list[Line], sheet: _Sheet, place: _Place, anew: bool) -> bool:
    """Whether courses that explain a tangle better were found, and put into `lines`.

    They are asked of other complexes and of the limb leads' laws; or also planned anew.
    """
    tangle = _tangle(lines, sheet, place)
    turns = tips(tangle, sheet.layout.pen_px) if anew else np.empty((0, 2))
    beside = offsets(tangle, sheet.ink, place.x, sheet.complexes)
    choices = [np.array([now, *of_other_complexes(lines, sheet.layout.cells, tangle, k, beside),
                         *by_law(lines, sheet.layout.cells, tangle, k), *(over_tips(tangle, k, turns) if anew else ())])
               for k, now in enumerate(tangle.courses)]
    options = [refined(tangle, [courses[s] for courses, s in zip(choices, state)])
               for state in combined(tangle, choices)]
    best = min(options, key=lambda courses: error(tangle, courses), default=tangle.courses)
    if error(tangle, best) > error(tangle, tangle.courses) - _LEAST_GAIN:
        return False
    _put(lines, tangle, best)
    return True


def _put(lines: list[Line], tangle: Tangle, courses: Sequence[Float64Array]) -> None:
    for owner, (first, last), y in zip(tangle.owners, tangle.spans, courses):
        rows = lines[owner].y.copy()
        rows[first:last + 1] = y + tangle.top
        lines[owner] = replace(lines[owner], y=rows)


def _plan(lines: list[Line], sheet: _Sheet, places: Sequence[_Place]) -> None:
    """Courses planned anew: first where least is wrong, then where more is than in the best tangle of these lines."""
    tangles = [_tangle(lines, sheet, place) for place in places]
    poor = sorted((error(t, t.courses), n) for n, t in enumerate(tangles) if wrong_ink(t, t.courses) > _WRONG_PX)
    best, left = dict[tuple[int, ...], float](), _MOST_PLANS
    for value, n in poor:
        place = places[n]
        for _ in range(_PLANS):
            if left <= 0 or value < _WORSE * best.get(place.owners, 0.0):
                break
            left -= 1
            if not _better(lines, sheet, place, True):
                break
            tangle = _tangle(lines, sheet, place)
            value = error(tangle, tangle.courses)
        best[place.owners] = min(best.get(place.owners, np.inf), value)


def _agree(lines: list[Line], sheet: _Sheet, places: Sequence[_Place]) -> None:
    """Tangles of the same lines drawn alike, as explains all of them best; but for one that is of another kind."""
    if len(places) < _ALIKE:
        return
    tangles = [_tangle(lines, sheet, place) for place in places]
    choices = [_alike(lines, sheet, tangle, place, places) for tangle, place in zip(tangles, places)]
    state = agreed(tangles, choices)
    most = _DIFFER if len(places[0].owners) > _SURE_LINES else 1.0
    for tangle, of_tangle in zip(tangles, choices):
        courses = refined(tangle, [of_line[s] for of_line, s in zip(of_tangle, state)])
        if error(tangle, courses) < most * error(tangle, tangle.courses):
            _put(lines, tangle, courses)


def _alike(lines: Sequence[Line], sheet: _Sheet, tangle: Tangle, place: _Place, places: Sequence[_Place]
           ) -> list[Float64Array]:
    """For each line of a tangle its courses (S, n) in all of several places, and their median."""
    beside = offsets(tangle, sheet.ink, place.x, [p.x for p in places])
    out = []
    for owner, (first, last), now, held in zip(tangle.owners, tangle.spans, tangle.courses, tangle.held):
        line = lines[owner]
        moved = np.array([joined(np.interp(line.x[first:last + 1] + off, line.x, line.y), now, held)
                          for off in beside])
        out.append(np.concatenate([moved, np.median(moved, axis=0)[None]]))
    return out
