"""Lines of a QRS overlap drawn together: how well they explain the page, and which candidate paths do so best.

The constants were chosen on about eight drawn development pages whose rows lie close.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ecg.kernels.overlap import PixelEvidence, best_pair, covers, pixel_errors
from ecg.page.pen import shares_at
from ecg.trace.evidence import PageEvidence
from ecg.trace.fit import fit_window
from ecg.trace.line import STEP_PX, drawing_cost
from ecg.trace.work_limit import WorkLimit
from featurize.arrays import Float32Array, Float64Array

# For each line of an overlap the number of one of its candidate paths.
Combination = tuple[int, ...]

# Cost of a turn by one rad, in px of wrong ink: where ink does not decide, the path that turns least is taken.
_COST_OF_TURN = 2.0
# Combinations from which a search starts.
_STARTS = 3
# How often a search goes over all pairs of lines.
_SWEEPS = 3
# A search ends when going over all pairs gains less than this, px of wrong ink.
_LEAST_GAIN = 0.5
# Candidates of one line that are tried with every candidate of another line: this many by error and as many by cost.
_PAIRED = 6
# A pixel counts as ink from this share on.
_FAINT = 0.05
# Only every third row is compared: strokes are steep, and these rows tell as much as all.
_EVERY_ROW = 3
# Rounds of the fit in which a combination is refined.
_ROUNDS = 8


@dataclass(frozen=True)
class QrsOverlap:
    """Lines that overlap in a window of the page; rows and columns count from its corner.

    Parameters
    ----------
    owners : sequence of int
        Numbers of the lines.
    spans : sequence of (int, int)
        First and last node of each in the window.
    x0 : sequence of float
        Column of the first of these nodes.
    paths : sequence of (n,) float64
        Rows of the nodes.
    held : sequence of (bool, bool)
        Whether each goes on to the left and to the right of the window: there it is held.
    top, left : int
        Row and column of the page at which the window begins.
    evidence : PageEvidence
        Of the window (H, W).
    others : (H, W) float32
        Distance to all that is drawn besides, px.
    """

    owners: Sequence[int]
    spans: Sequence[tuple[int, int]]
    x0: Sequence[float]
    paths: Sequence[Float64Array]
    held: Sequence[tuple[bool, bool]]
    top: int
    left: int
    evidence: PageEvidence
    others: Float32Array

    def x(self, k: int) -> Float64Array:
        """(n,) columns of a line's nodes."""
        return np.asarray(self.x0[k] + STEP_PX * np.arange(len(self.paths[k])), np.float64)


@dataclass(frozen=True)
class _Pictures:
    """What the candidates of each line draw on P pixels of one or several windows.

    Parameters
    ----------
    ink, confidence, base : (P,) float32
        Share of ink, weight, and ink that is drawn besides.
    covers : sequence of (S, P) float32
        Ink that each candidate of a line lays.
    most : sequence of (P,) float32
        The most that any candidate of a line lays.
    costs : sequence of (S,) float64
        Cost of length and turns of each candidate of a line.
    work : WorkLimit
        Of the page; pairs of candidates times pixels.
    """

    ink: Float32Array
    confidence: Float32Array
    base: Float32Array
    covers: Sequence[Float32Array]
    most: Sequence[Float32Array]
    costs: Sequence[Float64Array]
    work: WorkLimit

    def rest(self, chosen: Sequence[int], without: tuple[int, ...] = ()) -> Float32Array:
        """(P,) ink that all lines but some lay."""
        out = self.base.copy()
        for k, s in enumerate(chosen):
            if k not in without:
                np.maximum(out, self.covers[k][s], out=out)
        return out

    def error(self, chosen: Sequence[int]) -> float:
        off = self.ink - self.rest(chosen)
        return float((off * off) @ self.confidence) + sum(float(cost[s]) for cost, s in zip(self.costs, chosen))


def _cost(paths: Float64Array) -> Float64Array:
    return drawing_cost(paths, _COST_OF_TURN)


def wrong_ink(overlap: QrsOverlap, paths: Sequence[Float64Array]) -> float:
    """px of ink on which the page and the picture of some paths differ (squared shares, summed)."""
    drawn = shares_at(overlap.others, overlap.evidence.pen.table.shares)
    for k, y in enumerate(paths):
        np.maximum(drawn, _covers(overlap, k, y[None])[0], out=drawn)
    return float((overlap.evidence.confidence * (overlap.evidence.ink - drawn) ** 2).sum())


def error(overlap: QrsOverlap, paths: Sequence[Float64Array]) -> float:
    """Wrong ink, and what length and turns cost."""
    return wrong_ink(overlap, paths) + sum(float(_cost(y[None])[0]) for y in paths)


def refined(overlap: QrsOverlap, paths: Sequence[Float64Array], rounds: int = _ROUNDS) -> list[Float64Array]:
    """Paths after some rounds of the fit, all together; ends of lines move too."""
    return fit_window(paths, overlap.x0, overlap.held, overlap.evidence, overlap.others, rounds)


def best_combinations(overlap: QrsOverlap, candidates: Sequence[Float64Array], common: Sequence[Combination],
                      work: WorkLimit) -> list[Combination]:
    """Combinations, one candidate of (S, n) for each line, that explain the page best before they are fitted to it.

    Pairs of lines are optimized in turn, all others held: ink that one line leaves the other can take. The first
    candidate of each line is its current path; the combination of these is left out. When the work is spent the
    search ends with what it has found. It begins with the likeliest of `common`.
    """
    found = _search(_pictures(overlap, candidates, work), common, True)
    return [combination for combination in found if any(combination)]


def best_shared_combination(overlaps: Sequence[QrsOverlap], candidates: Sequence[Sequence[Float64Array]],
                            work: WorkLimit) -> Combination:
    """The combination that explains several overlaps of the same lines best, taken together.

    Parameters
    ----------
    overlaps : sequence of QrsOverlap
    candidates : sequence of sequence of (S, n) float64
        For each overlap and line: paths, in one order in all overlaps.
    work : WorkLimit
    """
    each = [_pictures(overlap, paths, work) for overlap, paths in zip(overlaps, candidates)]
    lines = range(len(candidates[0]))
    pictures = _Pictures(np.concatenate([p.ink for p in each]), np.concatenate([p.confidence for p in each]),
                         np.concatenate([p.base for p in each]),
                         [np.concatenate([p.covers[k] for p in each], axis=1) for k in lines],
                         [np.concatenate([p.most[k] for p in each]) for k in lines],
                         [np.sum([p.costs[k] for p in each], axis=0) for k in lines], work)
    return _search(pictures, [(s,) * len(candidates[0]) for s in range(min(map(len, candidates[0])))], False)[0]


def _pictures(overlap: QrsOverlap, candidates: Sequence[Float64Array], work: WorkLimit) -> _Pictures:
    found = [_covers(overlap, k, paths, _EVERY_ROW) for k, paths in enumerate(candidates)]
    base = shares_at(overlap.others[::_EVERY_ROW], overlap.evidence.pen.table.shares)
    ink = overlap.evidence.ink[::_EVERY_ROW]
    most = [cover.max(axis=0) for cover in found]
    active = (ink > _FAINT) | (np.maximum.reduce([base, *most]) > 0)
    confidence = np.float32(_EVERY_ROW) * overlap.evidence.confidence[::_EVERY_ROW][active]
    return _Pictures(ink[active], confidence, base[active],
                     [np.ascontiguousarray(cover[:, active]) for cover in found], [m[active] for m in most],
                     [_cost(paths) for paths in candidates], work)


def _search(pictures: _Pictures, common: Sequence[Combination], current_first: bool) -> list[Combination]:
    """Combinations, the best first, from the likeliest of some and, if wanted, from the current path of all lines."""
    values = {combination: pictures.error(combination) for combination in common}
    starts = sorted(common, key=lambda c: (current_first and any(c), values[c]))[:_STARTS]
    ends = dict(_optimized(pictures, start, values[start]) for start in starts)
    return sorted(ends, key=lambda c: ends[c])


def _optimized(pictures: _Pictures, start: Combination, value: float) -> tuple[Combination, float]:
    """A combination that no change of two lines improves, and its error."""
    chosen = list(start)
    pairs = [(i, j) for i, j in combinations(range(len(chosen)), 2)
             if (np.minimum(pictures.most[i], pictures.most[j]) > 0).any()]
    for _ in range(_SWEEPS):
        before = value
        for i, j in pairs:
            if pictures.work.spent:
                break
            gain, s, t = _better_pair(pictures, chosen, i, j)
            if gain > 0:
                value, chosen[i], chosen[j] = value - gain, s, t
        if value > before - _LEAST_GAIN:
            break
    return tuple(chosen), value


def _better_pair(pictures: _Pictures, chosen: Sequence[int], i: int, j: int) -> tuple[float, int, int]:
    """The best candidates of two lines: by how much they are better than those they have, and their numbers."""
    rest = pictures.rest(chosen, (i, j))
    # Other pixels look the same whichever candidates are chosen.
    at = np.flatnonzero(np.maximum(pictures.most[i], pictures.most[j]) > rest)
    first, second = pictures.covers[i], pictures.covers[j]
    alone = np.empty(len(first))
    with_second = np.maximum(rest, second[chosen[j]])
    pixel_errors(PixelEvidence(pictures.ink, pictures.confidence, with_second, at), first, alone)
    current = float(alone[chosen[i]] + pictures.costs[i][chosen[i]] + pictures.costs[j][chosen[j]])
    # A candidate over another line's ink explains nothing more, and is found by error alone, until that line leaves.
    tried = np.unique([chosen[i], *np.argsort(alone + pictures.costs[i])[:_PAIRED], *np.argsort(alone)[:_PAIRED]])
    pictures.work.count(len(at) * (len(first) + len(tried) * len(second)))
    value, a, b = best_pair(PixelEvidence(pictures.ink, pictures.confidence, rest, at), first, second, tried,
                            pictures.costs[i], pictures.costs[j], current, np.empty(len(at), np.float32))
    return (current - value, a, b) if a >= 0 else (0.0, chosen[i], chosen[j])


def _covers(overlap: QrsOverlap, k: int, paths: Float64Array, every: int = 1) -> Float32Array:
    """(P, H, W) share of ink that paths (P, n) of one line lay in rows 0, every, 2 every, ..."""
    out = np.zeros((len(paths), *overlap.evidence.ink[::every].shape), np.float32)
    covers(paths, overlap.x0[k], STEP_PX, overlap.evidence.pen.table, every, out)
    return out
