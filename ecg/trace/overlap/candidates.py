"""Courses that a lead may take through a tangled complex."""
from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

from ecg.kernels.overlap import crossings
from ecg.layout.model import Cell
from ecg.lead_table import LIMB
from ecg.trace.line import STEP_PX, Line
from ecg.trace.overlap.joint import Tangle
from featurize.arrays import Float32Array, Float64Array, IntpArray

Chain = tuple[int, ...]

# Columns by which two complexes of one page may be shifted against each other when their tallest columns lie together.
_SHIFT_PX = 4.0
# Strokes behind a tip are at least so many pens long, and its end no wider than so many.
_STROKE_PENS = 3.0
_WIDEST_PENS = 3.0
# Points inside the ink at which a pen may have turned unseen lie so far apart.
_HIDDEN_PX = (1.0, 10.0)
# What a kink by one rad costs in px of bare paper, and each column of new course; the most that a course may cost.
_KINK = 3.0
_NEW = 0.02
_MOST = 6.0
_PLANNED = 40


def of_other_complexes(lines: Sequence[Line], cells: Sequence[Cell], tangle: Tangle, k: int,
                       beside: Sequence[float]) -> Iterator[Float64Array]:
    """Courses (n,) of the same lead at its other complexes on the page.

    Parameters
    ----------
    lines, cells : sequence of Line, of Cell
    tangle : Tangle
    k : int
        Which of its lines.
    beside : sequence of float
        Columns by which all complexes lie beside this one, itself among them.
    """
    owner, (first, last) = tangle.owners[k], tangle.spans[k]
    own, at = cells[owner], lines[owner].x[first:last + 1]
    for line, cell in zip(lines, cells):
        if cell.lead.lstrip("-") != own.lead.lstrip("-"):
            continue
        sign = 1.0 if cell.lead == own.lead else -1.0
        for off in beside:
            if line is lines[owner] and off == 0:
                continue
            moved = at + off
            if line.x[0] <= moved[0] and moved[-1] <= line.x[-1]:
                yield joined(sign * np.interp(moved, line.x, line.y), tangle.courses[k], tangle.held[k])


def offsets(tangle: Tangle, ink: Float32Array, x: float, complexes: Sequence[float]) -> list[float]:
    """Columns by which complexes of a page lie beside the one of a tangle: where their columns of ink agree best.

    Parameters
    ----------
    tangle : Tangle
    ink : (H, W) float32
        Of the page.
    x : float
        Column of the tangle's complex.
    complexes : sequence of float
        Columns of all complexes.
    """
    height, width = tangle.ink.shape
    profile = ink[tangle.top:tangle.top + height].sum(axis=0, dtype=np.float64)
    columns = np.arange(len(profile))
    at = round(x - width / 2) + np.arange(width)
    steps = np.arange(-_SHIFT_PX, _SHIFT_PX + 0.1, STEP_PX)
    here = np.interp(at, columns, profile)
    out = []
    for source in complexes:
        there = np.interp(at + source - x + steps[:, None], columns, profile)
        there -= there.mean(axis=1, keepdims=True)
        likeness = there @ (here - here.mean()) / (np.linalg.norm(there, axis=1) + 1e-9)
        out.append(source - x + float(steps[np.argmax(likeness)]) if source != x else 0.0)
    return out


def joined(y: Float64Array, now: Float64Array, held: tuple[bool, bool]) -> Float64Array:
    """A course (n,) raised so that it begins and ends where another one does, at the sides where that is held."""
    left, right = now[0] - y[0], now[-1] - y[-1]
    if held[0] != held[1]:
        left = right = left if held[0] else right
    return np.asarray(y + np.linspace(left, right, len(y)))


def by_law(lines: Sequence[Line], cells: Sequence[Cell], tangle: Tangle, k: int) -> Iterator[Float64Array]:
    """Courses (n,) of a limb lead as any two others that are drawn at the same time give it."""
    owner, (first, last) = tangle.owners[k], tangle.spans[k]
    own, at = cells[owner], lines[owner].x[first:last + 1]
    if own.lead not in LIMB:
        return
    together = [(LIMB[cell.lead], line) for cell, line in zip(cells, lines)
                if cell.lead in LIMB and cell.lead.lstrip("-") != own.lead.lstrip("-")
                and (cell.start, cell.start_s) == (own.start, own.start_s)
                and line.x[0] <= at[0] and at[-1] <= line.x[-1]]
    for (u, a), (v, b) in combinations(together, 2):
        base = np.array([u, v]).T
        if abs(np.linalg.det(base)) > 0.1:
            p, q = np.linalg.solve(base, np.array(LIMB[own.lead]))
            yield joined(p * np.interp(at, a.x, a.y) + q * np.interp(at, b.x, b.y), tangle.courses[k],
                         tangle.held[k])


def tips(tangle: Tangle, pen_px: float) -> Float64Array:
    """(T, 2) columns and rows at which a pen may have turned back: ends of ink, and of what is bare between strokes."""
    mask = (tangle.ink * tangle.trust > 0.5 * tangle.profile[0]).astype(np.uint8)
    inward, stroke, found = pen_px / 2 - 0.5, round(_STROKE_PENS * pen_px), []
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
                if w <= _WIDEST_PENS * pen_px and mask[rows, beside].mean() > (0.99 if inked else 0.8):
                    found.append((x, y + way * inward if inked else y - way * (inward + 1)))
    return np.array(found).reshape(-1, 2)


def over_tips(tangle: Tangle, k: int, tips: Float64Array) -> list[Float64Array]:
    """Courses (n,) of a line that leave it as it is at both sides and go straight over one or two points between.

    One of the points may be any inside the ink: a pen that turns where another one has drawn leaves no tip.

    Parameters
    ----------
    tangle : Tangle
    k : int
    tips : (T, 2) float64
        Of `tips`.
    """
    x, now = tangle.x(k), tangle.courses[k]
    bare = 1 - np.clip(tangle.ink / np.float32(0.8), 0, 1)
    tips = tips[(tips[:, 0] > x[3]) & (tips[:, 0] < x[-4])]
    points = np.concatenate([tips, _inside(bare, x[3], x[-4])])
    if not len(points):
        return []
    (begins, before), (ends, behind) = (_from_side(bare, x, now, points, side) for side in (0, 1))
    numbers = range(len(points))
    ways = _by_height(points, before + behind, [(i,) for i in numbers])
    straight = np.empty((len(tips), len(points)))
    crossings(bare, tips, points, 2 * _MOST, straight)
    for t, (tx, _) in enumerate(tips):
        later = np.where(points[:, 0] > tx + STEP_PX, before[t] + straight[t] + behind, np.inf)
        ways += _by_height(points, later, [(t, i) for i in numbers])
        earlier = np.where(points[:, 0] < tx - STEP_PX, before + straight[t] + behind[t], np.inf)
        ways += _by_height(points, earlier, [(i, t) for i in numbers])
    out = []
    for _, chain in sorted(ways)[:_PLANNED]:
        i, j = begins[chain[0]], ends[chain[-1]]
        if i < j:
            knots = np.array([(x[i], now[i]), *points[list(chain)], (x[j], now[j])])
            out.append(np.concatenate([now[:i], np.interp(x[i:j + 1], knots[:, 0], knots[:, 1]), now[j + 1:]]))
    return out


def _inside(bare: Float32Array, left: float, right: float) -> Float64Array:
    """(N, 2) points inside the ink."""
    across, down = _HIDDEN_PX
    x, y = np.meshgrid(np.arange(np.ceil(left), right, across), np.arange(down, len(bare), down))
    points = np.c_[x.ravel(), y.ravel()]
    return points[bare[points[:, 1].astype(int), points[:, 0].astype(int)] < 0.2]


def _from_side(bare: Float32Array, x: Float64Array, now: Float64Array, points: Float64Array,
               side: int) -> tuple[IntpArray, Float64Array]:
    """(N,) node at which the line is best left for each point (or joined again: side 1), and what that costs."""
    nodes = np.arange(side, len(x) - 1 + side, 3)
    slope = np.diff(now)[nodes - side]
    dx, dy = points[:, :1] - x[nodes], points[:, 1:] - now[nodes]
    cost = np.empty(dx.T.shape)
    crossings(bare, np.c_[x[nodes], now[nodes]], points, 2 * _MOST, cost)
    sign = -1 if side else 1
    turn = np.abs(np.arctan2(sign * dy, sign * dx) - np.arctan2(slope, STEP_PX))
    total = np.where(sign * dx > STEP_PX, cost.T + _KINK * turn + _NEW * np.abs(dx), np.inf)
    best = np.argmin(total, axis=1)
    return nodes[best], total[np.arange(len(points)), best]


def _by_height(points: Float64Array, cost: Float64Array, chains: Sequence[Chain]) -> list[tuple[float, Chain]]:
    """The cheapest chain for each height, where one is cheap enough."""
    order = np.argsort(cost, kind="stable")
    order = order[:np.searchsorted(cost[order], _MOST)]
    _, first = np.unique((points[order, 1] // _HIDDEN_PX[1]).astype(int), return_index=True)
    return [(float(cost[i]), chains[i]) for i in order[first]]
