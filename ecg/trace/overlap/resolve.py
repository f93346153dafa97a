"""QRS overlaps: beats in which the traces of several leads run through each other.

Where rows lie close, QRS complexes of several leads fill the same columns, and none can be followed alone. Three things
tell which paths a lead may take there (`ecg.trace.overlap.candidates`): its other complexes on the page, the other limb
leads, and straight strokes over tips of the ink. The combination of candidate paths that explains the page best is
kept (`ecg.trace.overlap.joint`). With several overlaps of the same leads, one combination for all of them is tried too.

The constants were chosen on about eight drawn development pages whose rows lie close.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.trace.evidence import PageEvidence, no_segment
from ecg.trace.line import STEP_PX, Line
from ecg.trace.overlap.candidates import (complex_shifts, from_limb_leads, from_other_complexes, over_tips,
                                          shifted_to_ends, tips)
from ecg.trace.overlap.joint import QrsOverlap, best_combinations, best_shared_combination, error, refined, wrong_ink
from ecg.trace.work_limit import WorkLimit
from featurize.arrays import Float32Array, Float64Array

# A complex begins this long before the column in which most ink stands.
_BEFORE_S = 0.08
# A complex ends this long behind that column.
_BEHIND_S = 0.13
# Complexes follow each other no faster than this.
_REFRACTORY_S = 0.25
# A line that begins or ends this near to a complex does so in the same window. A larger value (0.7 s) repaired
# beginnings of leads between tight rows and cost 4 dB on other pages.
_EDGE_S = 0.3
# A column is a complex if its ink is more than this share of that of the usual complex.
_LEAST_SHARE = 0.3
# Standard deviation of the filter over the ink of columns.
_SMOOTH_S = 0.015
# Other paths are taken if the error falls by at least this, px of wrong ink.
_LEAST_GAIN = 2.0
# With 3 or more overlaps of the same leads, force one shared shape unless it raises an overlap's error too much.
_LEAST_ALIKE = 3
# Lines of a group, at most. Drawn pages of 12 rows that run through each other have 6. A photo of which 15 meet is not
# read right there, and its search took over ten minutes (now 50 s).
_MOST_LINES = 6
# A shared shape may raise the error of an overlap to this many times.
_MOST_WORSE = 1.15
# Overlaps of two lines alone keep their own shape unless the shared one lowers the error: each can be followed.
_TOLD_APART = 2
# Paths over tips are tried in overlaps where more than this is wrong, px of ink.
_WRONG_PX = 12.0
# Trying them ends when the error is less than this many times that of the best overlap of the same lines.
_WORSE_THAN_BEST = 1.08
# Tries for each overlap in a pass.
_TRIES_EACH = 4
# Tries for all overlaps of the page in a pass.
_TRIES_PER_PASS = 10
# Overlaps of the same lines, the nearest, whose paths are compared with those of another one: what 10 s hold at 145
# beats a minute.
_MOST_OFFERING = 24
# Overlaps of the same lines whose paths are fitted to another one: those that explain it best before.
_OFFERED = 3
# Rounds of that fit: complexes differ by more than candidates that were chosen by ink.
_ROUNDS = 24
# Candidates that are nowhere farther apart than this are one: the fit moves a path by as much.
_ALIKE_PX = 4.0
# Passes over all overlaps of the page.
_PASSES = 2


@dataclass(frozen=True)
class _Page:
    """What lines are compared with, the columns of all complexes, and the work that searches and offers may do."""

    layout: Layout
    evidence: PageEvidence
    px_per_s: float
    complexes: Sequence[float]
    work: WorkLimit
    offers: WorkLimit


@dataclass(frozen=True)
class _Group:
    """Numbers of lines, rising, that overlap in the complex of column x."""

    x: float
    owners: tuple[int, ...]


def resolve_overlaps(lines: Sequence[Line], layout: Layout, evidence: PageEvidence, px_per_s: float, work: WorkLimit,
                     offers: WorkLimit) -> list[Line]:
    """Lines whose paths through QRS overlaps were chosen together.

    When the work is spent, the paths that are left stay as each line was fitted alone.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    evidence : PageEvidence
        Of `ecg.trace.subtract_marks.without_printed_marks`.
    px_per_s : float
    work : WorkLimit
        Of searches, in pairs of candidates times pixels that are compared.
    offers : WorkLimit
        Of paths that one overlap offers to others, in paths times pixels that are drawn.
    """
    page = _Page(layout, evidence, px_per_s, find_complexes(evidence.ink, px_per_s), work, offers)
    out = list(lines)
    groups = [group for x in page.complexes for group in _groups(out, page, x)]
    wanting = groups
    for _ in range(_PASSES if groups else 0):
        # Where no path of another complex was better, none is in the next pass, with few exceptions.
        wanting = [group for group in wanting if _improve(out, page, group, False)]
        _try_tips(out, page, groups)
        for owners in dict.fromkeys(group.owners for group in groups):
            alike = [group for group in groups if group.owners == owners]
            _share_shape(out, page, alike)
            _offer_paths(out, page, alike)
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


def _groups(lines: Sequence[Line], page: _Page, x: float) -> list[_Group]:
    """Groups of lines, not too many, whose rows meet around column x."""
    inside = []
    for owner, line in enumerate(lines):
        if line.x[0] <= x <= line.x[-1]:
            first, last = _span(line, x, page.px_per_s)
            part = line.y[first:last + 1]
            inside.append((float(part.min()), float(part.max()), owner))
    groups: list[list[int]] = []
    reached = -np.inf
    for low, high, owner in sorted(inside):
        if low > reached + page.evidence.pen.width_px:
            groups.append([])
        groups[-1].append(owner)
        reached = max(reached, high)
    return [_Group(x, tuple(sorted(group))) for group in groups if 1 < len(group) <= _MOST_LINES]


def _span(line: Line, x: float, px_per_s: float) -> tuple[int, int]:
    """First and last node of a line in the complex of column x, or its ends where they are near."""
    left, right = x - _BEFORE_S * px_per_s, x + _BEHIND_S * px_per_s
    first, last = round((left - line.x0) / STEP_PX), round((right - line.x0) / STEP_PX)
    edge, end = round(_EDGE_S * px_per_s / STEP_PX), len(line.y) - 1
    return 0 if first < edge else first, end if last > end - edge else last


def _overlap(lines: Sequence[Line], page: _Page, group: _Group) -> QrsOverlap:
    """The window of a group and its lines there."""
    reach = page.evidence.pen.reach_px
    pad = int(reach) + 3
    spans = {owner: _span(lines[owner], group.x, page.px_per_s) for owner in group.owners}
    parts = [lines[owner].y[first:last + 1] for owner, (first, last) in spans.items()]
    height, width = page.evidence.ink.shape
    top = int(np.clip(min(y.min() for y in parts) - pad, 0, height - 1))
    bottom = int(np.clip(max(y.max() for y in parts) + pad + 1, top + 1, height))
    left = max(0, int(min(lines[owner].x[first] for owner, (first, _) in spans.items())) - pad)
    right = min(width, int(max(lines[owner].x[last] for owner, (_, last) in spans.items())) + pad + 2)
    others = no_segment((bottom - top, right - left), reach)
    for number, line in enumerate(lines):
        a, b = (int(np.clip((at - line.x0) / STEP_PX, 0, len(line.y))) for at in (left - reach, right + reach))
        for begin, end in [(a, spans[number][0] + 1), (spans[number][1], b)] if number in spans else [(a, b)]:
            if end - begin > 1:
                pen_distance(line.y[begin:end] - top, line.x0 + begin * STEP_PX - left, STEP_PX, number, reach, others)
    x0 = [lines[owner].x0 + first * STEP_PX - left for owner, (first, _) in spans.items()]
    held = [(first > 0, last < len(lines[owner].y) - 1) for owner, (first, last) in spans.items()]
    return QrsOverlap(list(spans), list(spans.values()), x0, [y - top for y in parts], held, top, left,
                      page.evidence.window(slice(top, bottom), slice(left, right)), others.distance)


def _improve(lines: list[Line], page: _Page, group: _Group, with_tips: bool) -> bool:
    """Whether paths that explain an overlap better were found, and put into `lines`.

    Candidates are the paths of other complexes and those that the limb leads give; or also paths over tips.
    """
    if page.work.spent:
        return False
    overlap, cells = _overlap(lines, page, group), page.layout.cells
    turns = tips(overlap) if with_tips else np.empty((0, 2))
    shifts = complex_shifts(overlap, page.evidence.ink, group.x, page.complexes)
    every = [[current, *from_other_complexes(lines, cells, overlap, k, shifts),
              *from_limb_leads(lines, cells, overlap, k),
              *(over_tips(overlap, k, turns, page.work) if with_tips else ())]
             for k, current in enumerate(overlap.paths)]
    candidates, numbers = zip(*map(_different, every))
    # All lines as in one other complex: what the search begins with.
    common = list(dict.fromkeys(zip(*numbers)))
    options = [refined(overlap, [paths[s] for paths, s in zip(candidates, combination)])
               for combination in best_combinations(overlap, candidates, common, page.work)]
    best = min(options, key=lambda paths: error(overlap, paths), default=overlap.paths)
    if error(overlap, best) > error(overlap, overlap.paths) - _LEAST_GAIN:
        return False
    _put(lines, overlap, best)
    return True


def _different(paths: Sequence[Float64Array]) -> tuple[Float64Array, list[int]]:
    """(S, n) the paths without those that are nearly an earlier one, and which of them stands for each path.

    Beats of one lead are mostly alike.
    """
    out, numbers = np.array(paths[:1]), list[int]()
    for path in paths:
        off = np.abs(out - path).max(axis=1)
        numbers.append(int(np.argmin(off)))
        if off.min() > _ALIKE_PX:
            numbers[-1] = len(out)
            out = np.concatenate([out, path[None]])
    return out, numbers


def _put(lines: list[Line], overlap: QrsOverlap, paths: Sequence[Float64Array]) -> None:
    for owner, (first, last), y in zip(overlap.owners, overlap.spans, paths):
        rows = lines[owner].y.copy()
        rows[first:last + 1] = y + overlap.top
        lines[owner] = replace(lines[owner], y=rows)


def _try_tips(lines: list[Line], page: _Page, groups: Sequence[_Group]) -> None:
    """Paths over tips: first where least is wrong, then where more is than in the best overlap of these lines."""
    if page.work.spent:
        return
    overlaps = [_overlap(lines, page, group) for group in groups]
    poor = sorted((error(o, o.paths), n) for n, o in enumerate(overlaps) if wrong_ink(o, o.paths) > _WRONG_PX)
    best, left = dict[tuple[int, ...], float](), _TRIES_PER_PASS
    for value, n in poor:
        group = groups[n]
        for _ in range(_TRIES_EACH):
            if left <= 0 or value < _WORSE_THAN_BEST * best.get(group.owners, 0.0):
                break
            left -= 1
            if not _improve(lines, page, group, True):
                break
            overlap = _overlap(lines, page, group)
            value = error(overlap, overlap.paths)
        best[group.owners] = min(best.get(group.owners, np.inf), value)


def _offer_paths(lines: list[Line], page: _Page, groups: Sequence[_Group]) -> None:
    """Overlaps given all paths of another one of the same lines where these explain them better than their own.

    Paths that were found in one overlap are so found in all, without a search.
    """
    if len(groups) < 2:
        return
    for group in groups:
        if page.offers.spent:
            return
        overlap = _overlap(lines, page, group)
        others = sorted((other for other in groups if other is not group), key=lambda other: abs(other.x - group.x))
        others = sorted(others[:_MOST_OFFERING], key=lambda other: other.x)
        page.offers.count((len(others) + 1 + _OFFERED * _ROUNDS) * len(group.owners) * overlap.others.size)
        shapes = [_within_complex(overlap, k, of_line, group.x, page.px_per_s) for k, of_line in enumerate(
            _shapes(lines, page, overlap, group, others))]
        offered = sorted(zip(*shapes), key=lambda paths: error(overlap, paths))[:_OFFERED]
        options = [refined(overlap, paths, _ROUNDS) for paths in offered]
        best = min(options, key=lambda paths: error(overlap, paths), default=overlap.paths)
        if error(overlap, best) < error(overlap, overlap.paths) - _LEAST_GAIN:
            _put(lines, overlap, best)


def _within_complex(overlap: QrsOverlap, k: int, paths: Float64Array, x: float, px_per_s: float) -> Float64Array:
    """(S, n) paths that leave a line as it is outside the complex of column x: a window may reach to the line's end."""
    at = overlap.x(k) + overlap.left
    inside = np.flatnonzero((at >= x - _BEFORE_S * px_per_s) & (at <= x + _BEHIND_S * px_per_s))
    if len(inside) in (0, len(at)):
        return paths
    first, last, current = inside[0], inside[-1], overlap.paths[k]
    held = (bool(first > 0) or overlap.held[k][0], bool(last < len(at) - 1) or overlap.held[k][1])
    out = np.tile(current, (len(paths), 1))
    out[:, first:last + 1] = [shifted_to_ends(path[first:last + 1], current[first:last + 1], held) for path in paths]
    return out


def _share_shape(lines: list[Line], page: _Page, groups: Sequence[_Group]) -> None:
    """Overlaps of the same lines given the shape that explains all of them best, unless it is too bad for one."""
    if len(groups) < _LEAST_ALIKE or page.work.spent:
        return
    overlaps = [_overlap(lines, page, group) for group in groups]
    candidates = [_shapes(lines, page, overlap, group, groups) for overlap, group in zip(overlaps, groups)]
    combination = best_shared_combination(overlaps, candidates, page.work)
    most = _MOST_WORSE if len(groups[0].owners) > _TOLD_APART else 1.0
    for overlap, of_overlap in zip(overlaps, candidates):
        paths = refined(overlap, [of_line[s] for of_line, s in zip(of_overlap, combination)])
        if error(overlap, paths) < most * error(overlap, overlap.paths):
            _put(lines, overlap, paths)


def _shapes(lines: Sequence[Line], page: _Page, overlap: QrsOverlap, group: _Group, groups: Sequence[_Group]
            ) -> list[Float64Array]:
    """For each line of an overlap its paths (S, n) in all of several groups, and their median."""
    shifts = complex_shifts(overlap, page.evidence.ink, group.x, [g.x for g in groups])
    out = []
    for owner, (first, last), current, held in zip(overlap.owners, overlap.spans, overlap.paths, overlap.held):
        line = lines[owner]
        moved = np.array([shifted_to_ends(np.interp(line.x[first:last + 1] + shift, line.x, line.y), current, held)
                          for shift in shifts])
        out.append(np.concatenate([moved, np.median(moved, axis=0)[None]]))
    return out
