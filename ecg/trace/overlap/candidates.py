"""Candidate paths of a lead through a QRS overlap.

The constants were chosen on about eight drawn development pages whose rows lie close.
"""
from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

from ecg.kernels.overlap import bare_lengths
from ecg.layout.model import Cell
from ecg.lead_table import LIMB
from ecg.trace.line import STEP_PX, Line
from ecg.trace.overlap.joint import QrsOverlap
from ecg.trace.work_limit import WorkLimit
from featurize.arrays import Float32Array, Float64Array, IntpArray

Chain = tuple[int, ...]

# Two complexes of one page are shifted against each other by at most this when their tallest columns lie together.
_SHIFT_PX = 4.0
# The stroke behind a tip is at least this many widths of the pen long.
_STROKE_PENS = 3.0
# The end of a tip is at most this many widths of the pen wide.
_WIDEST_PENS = 3.0
# Share of the stroke behind a tip that is ink, at least.
_INKED_BEHIND = 0.99
# Share of the strokes at both sides of a bare tip that is ink, at least.
_INKED_BESIDE = 0.8
# Spacing (along x, along y) of points inside the ink at which a pen may have turned unseen.
_HIDDEN_SPACING_PX = (1.0, 10.0)
# A point is inside the ink if less than this share of its pixel is bare.
_BARE_INSIDE = 0.2
# Share of ink from which a pixel is not bare at all.
_FULL_INK = 0.8
# Cost of a turn by one rad where a path leaves the line, in px of bare paper.
_COST_OF_KINK = 3.0
# Cost of each column in which a path is not on the line, in px of bare paper.
_COST_OF_COLUMN = 0.02
# Paths that cost more than this, px of bare paper, are no candidates.
_MOST_COST = 6.0
# At most this many paths over tips are candidates.
_MOST_CANDIDATES = 40
# Between this many nodes at the ends of a line no tip is taken.
_END_NODES = 3
# Every third node, that is one in each column, may be left or joined.
_EVERY_NODE = 3
# Work of one straight line between two points, in pixels compared: as long as 25 of them. Measured on a drawn page of
# 12 rows.
_WORK_OF_LINE = 25
# Two limb leads whose factors have a smaller determinant than this do not determine a third one.
_LEAST_DETERMINANT = 0.1


def from_other_complexes(lines: Sequence[Line], cells: Sequence[Cell], overlap: QrsOverlap, k: int,
                         shifts: Sequence[float]) -> Iterator[Float64Array]:
    """Paths (n,) of the same lead at its other complexes on the page.

    Parameters
    ----------
    lines, cells : sequence of Line, of Cell
    overlap : QrsOverlap
    k : int
        Which of its lines.
    shifts : sequence of float
        Distances from this complex to all, itself among them, px along x.
    """
    owner, (first, last) = overlap.owners[k], overlap.spans[k]
    own, at = cells[owner], lines[owner].x[first:last + 1]
    for line, cell in zip(lines, cells):
        if cell.lead.lstrip("-") != own.lead.lstrip("-"):
            continue
        sign = 1.0 if cell.lead == own.lead else -1.0
        for shift in shifts:
            if line is lines[owner] and shift == 0:
                continue
            moved = at + shift
            if line.x[0] <= moved[0] and moved[-1] <= line.x[-1]:
                yield shifted_to_ends(sign * np.interp(moved, line.x, line.y), overlap.paths[k], overlap.held[k])


def complex_shifts(overlap: QrsOverlap, ink: Float32Array, x: float, complexes: Sequence[float]) -> list[float]:
    """Distances along x, px, from an overlap to complexes of the page: where their ink by column agrees best.

    Parameters
    ----------
    overlap : QrsOverlap
    ink : (H, W) float32
        Of the page.
    x : float
        Column of the overlap's complex.
    complexes : sequence of float
        Columns of all complexes.
    """
    height, width = overlap.evidence.ink.shape
    profile = ink[overlap.top:overlap.top + height].sum(axis=0, dtype=np.float64)
    columns = np.arange(len(profile))
    at = round(x - width / 2) + np.arange(width)
    tried = np.arange(-_SHIFT_PX, _SHIFT_PX + 0.1, STEP_PX)
    here = np.interp(at, columns, profile)
    out = []
    for source in complexes:
        there = np.interp(at + source - x + tried[:, None], columns, profile)
        there -= there.mean(axis=1, keepdims=True)
        correlation = there @ (here - here.mean()) / (np.linalg.norm(there, axis=1) + 1e-9)
        out.append(source - x + float(tried[np.argmax(correlation)]) if source != x else 0.0)
    return out


def shifted_to_ends(y: Float64Array, current: Float64Array, held: tuple[bool, bool]) -> Float64Array:
    """A path (n,) shifted along y so that it begins and ends where another one does, at the sides that are held."""
    left, right = current[0] - y[0], current[-1] - y[-1]
    if held[0] != held[1]:
        left = right = left if held[0] else right
    return np.asarray(y + np.linspace(left, right, len(y)))


def from_limb_leads(lines: Sequence[Line], cells: Sequence[Cell], overlap: QrsOverlap, k: int
                    ) -> Iterator[Float64Array]:
    """Paths (n,) of a limb lead by the Einthoven constraints, from any two others that are drawn at the same time.

    Parameters
    ----------
    lines, cells : sequence of Line, of Cell
    overlap : QrsOverlap
    k : int
        Which of its lines.
    """
    owner, (first, last) = overlap.owners[k], overlap.spans[k]
    own, at = cells[owner], lines[owner].x[first:last + 1]
    if own.lead not in LIMB:
        return
    simultaneous = [(LIMB[cell.lead], line) for cell, line in zip(cells, lines)
                    if cell.lead in LIMB and cell.lead.lstrip("-") != own.lead.lstrip("-")
                    and (cell.start, cell.start_s) == (own.start, own.start_s)
                    and line.x[0] <= at[0] and at[-1] <= line.x[-1]]
    for (u, a), (v, b) in combinations(simultaneous, 2):
        base = np.array([u, v]).T
        if abs(np.linalg.det(base)) > _LEAST_DETERMINANT:
            p, q = np.linalg.solve(base, np.array(LIMB[own.lead]))
            yield shifted_to_ends(p * np.interp(at, a.x, a.y) + q * np.interp(at, b.x, b.y), overlap.paths[k],
                                  overlap.held[k])


def tips(overlap: QrsOverlap) -> Float64Array:
    """(T, 2) columns and rows at which a pen may have turned back: ends of ink, and of what is bare between strokes."""
    evidence = overlap.evidence
    pen_px, inward = evidence.pen.width_px, evidence.pen.inward_px
    mask = (evidence.ink * evidence.confidence > 0.5 * evidence.pen.table.shares[0]).astype(np.uint8)
    stroke, found = round(_STROKE_PENS * pen_px), []
    for inked, part in ((True, mask), (False, 1 - mask)):
        for way in (1, -1):
            beyond = np.zeros((3, 3), np.uint8)
            beyond[1 - way] = 1
            ends = part & (1 - cv2.dilate(part, beyond, borderType=cv2.BORDER_CONSTANT, borderValue=1))
            _, _, stats, centers = cv2.connectedComponentsWithStats(ends, connectivity=8)
            for (x, y), w in zip(centers[1:], stats[1:, cv2.CC_STAT_WIDTH]):
                beside = [round(x)] if inked else [max(0, round(x - w / 2) - 1),
                                                   min(mask.shape[1] - 1, round(x + w / 2) + 1)]
                at = round(y)
                rows = np.s_[at:at + stroke] if way == 1 else np.s_[max(0, at - stroke + 1):at + 1]
                # Strokes stand behind a tip, or at both sides of what is bare; a level line has bare paper there.
                least = _INKED_BEHIND if inked else _INKED_BESIDE
                if w <= _WIDEST_PENS * pen_px and mask[rows, beside].mean() > least:
                    found.append((x, y + way * inward if inked else y - way * (inward + 1)))
    return np.array(found).reshape(-1, 2)


def over_tips(overlap: QrsOverlap, k: int, tips: Float64Array, work: WorkLimit) -> list[Float64Array]:
    """Paths (n,) that stay on the line at both sides and go straight over one or two points between.

    One of the points may be any inside the ink: a pen that turns where another one has drawn leaves no tip.

    Parameters
    ----------
    overlap : QrsOverlap
    k : int
        Which of its lines.
    tips : (T, 2) float64
        Of `tips`.
    work : WorkLimit
        Of the page.
    """
    x, current = overlap.x(k), overlap.paths[k]
    bare = 1 - np.clip(overlap.evidence.ink / np.float32(_FULL_INK), 0, 1)
    left, right = x[_END_NODES], x[-1 - _END_NODES]
    tips = tips[(tips[:, 0] > left) & (tips[:, 0] < right)]
    points = np.concatenate([tips, _inside(bare, left, right)])
    if not len(points):
        return []
    work.count(_WORK_OF_LINE * len(points) * (len(tips) + 2 * len(x) / _EVERY_NODE))
    (begins, before), (ends, behind) = (_from_side(bare, x, current, points, side) for side in (0, 1))
    numbers = range(len(points))
    ways = _cheapest_by_height(points, before + behind, [(i,) for i in numbers])
    straight = np.empty((len(tips), len(points)))
    bare_lengths(bare, tips, points, _MOST_COST, straight)
    for t, (tx, _) in enumerate(tips):
        later = np.where(points[:, 0] > tx + STEP_PX, before[t] + straight[t] + behind, np.inf)
        ways += _cheapest_by_height(points, later, [(t, i) for i in numbers])
        earlier = np.where(points[:, 0] < tx - STEP_PX, before + straight[t] + behind[t], np.inf)
        ways += _cheapest_by_height(points, earlier, [(i, t) for i in numbers])
    out = []
    for _, chain in sorted(ways)[:_MOST_CANDIDATES]:
        i, j = begins[chain[0]], ends[chain[-1]]
        if i < j:
            knots = np.array([(x[i], current[i]), *points[list(chain)], (x[j], current[j])])
            out.append(np.concatenate([current[:i], np.interp(x[i:j + 1], knots[:, 0], knots[:, 1]), current[j + 1:]]))
    return out


def _inside(bare: Float32Array, left: float, right: float) -> Float64Array:
    """(N, 2) points inside the ink. A line may go on beyond the page, where there is none."""
    across, down = _HIDDEN_SPACING_PX
    height, width = bare.shape
    x, y = np.meshgrid(np.arange(max(np.ceil(left), 0), min(right, width), across), np.arange(down, height, down))
    points = np.c_[x.ravel(), y.ravel()]
    return points[bare[points[:, 1].astype(int), points[:, 0].astype(int)] < _BARE_INSIDE]


def _from_side(bare: Float32Array, x: Float64Array, current: Float64Array, points: Float64Array,
               side: int) -> tuple[IntpArray, Float64Array]:
    """(N,) node at which the line is best left for each point (or joined: side 1), and what that costs."""
    nodes = np.arange(side, len(x) - 1 + side, _EVERY_NODE)
    slope = np.diff(current)[nodes - side]
    dx, dy = points[:, :1] - x[nodes], points[:, 1:] - current[nodes]
    cost = np.empty(dx.T.shape)
    bare_lengths(bare, np.c_[x[nodes], current[nodes]], points, _MOST_COST, cost)
    sign = -1 if side else 1
    turn = np.abs(np.arctan2(sign * dy, sign * dx) - np.arctan2(slope, STEP_PX))
    total = np.where(sign * dx > STEP_PX, cost.T + _COST_OF_KINK * turn + _COST_OF_COLUMN * np.abs(dx), np.inf)
    best = np.argmin(total, axis=1)
    return nodes[best], total[np.arange(len(points)), best]


def _cheapest_by_height(points: Float64Array, cost: Float64Array, chains: Sequence[Chain]) -> list[tuple[float, Chain]]:
    """The cheapest chain of points (by number) for each height, where one is cheap enough."""
    order = np.argsort(cost, kind="stable")
    order = order[:np.searchsorted(cost[order], _MOST_COST)]
    _, first = np.unique((points[order, 1] // _HIDDEN_SPACING_PX[1]).astype(int), return_index=True)
    return [(float(cost[i]), chains[i]) for i in order[first]]
