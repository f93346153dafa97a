"""Several lines drawn together: how well they explain a window of the page, and which of their courses do so best."""
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ecg.kernels.overlap import best_pair, covers, pixel_errors
from ecg.page.pen import FINE, shares_at
from ecg.trace.fit import fit_window
from ecg.trace.line import STEP_PX, drawing_cost
from featurize.arrays import Float32Array, Float64Array

State = tuple[int, ...]

# What a turn by one rad costs, in px of wrong ink: where ink tells little, the plainest course is the likeliest.
_TURN = 2.0
# Combinations that are followed from a start of their own, rounds of it, and what such a round has to gain.
_STARTS = 3
_SWEEPS = 3
_LEAST_GAIN = 0.5
# Courses of a line that are looked at with each one of another line.
_PAIRED = 6
# A pixel counts as ink from this share on; strokes are steep: every so many-th row tells as much as all.
_FAINT = 0.05
_ROWS = 3
_ROUNDS = 8


@dataclass(frozen=True)
class Tangle:
    """Lines that run through each other in a window of the page; rows and columns count from its corner.

    Parameters
    ----------
    owners : sequence of int
        Numbers of the lines.
    spans : sequence of (int, int)
        First and last node of each in the window.
    x0 : sequence of float
        Column of the first of these nodes.
    courses : sequence of (n,) float64
        Rows of the nodes.
    held : sequence of (bool, bool)
        Whether each goes on to the left and to the right of the window: there it is held.
    top : int
        Row of the page at which the window begins.
    ink, trust, others : (H, W) float32
        Share of ink; weight of each pixel; distance to all that is drawn besides.
    profile : (m,) float64
        Of `ecg.page.pen.pen_profile`.
    """

    owners: Sequence[int]
    spans: Sequence[tuple[int, int]]
    x0: Sequence[float]
    courses: Sequence[Float64Array]
    held: Sequence[tuple[bool, bool]]
    top: int
    ink: Float32Array
    trust: Float32Array
    others: Float32Array
    profile: Float64Array

    def x(self, k: int) -> Float64Array:
        """(n,) columns of a line's nodes."""
        return np.asarray(self.x0[k] + STEP_PX * np.arange(len(self.courses[k])), np.float64)


@dataclass(frozen=True)
class _Scene:
    """Pixels (P,) of a window: ink, weight, cover of what is drawn besides; covers (S, P), their most (P,) and costs
    (S,) by line.
    """

    ink: Float32Array
    trust: Float32Array
    base: Float32Array
    covers: Sequence[Float32Array]
    most: Sequence[Float32Array]
    costs: Sequence[Float64Array]

    def rest(self, state: Sequence[int], without: tuple[int, ...] = ()) -> Float32Array:
        """(P,) what all lines but some cover."""
        out = self.base.copy()
        for k, s in enumerate(state):
            if k not in without:
                np.maximum(out, self.covers[k][s], out=out)
        return out

    def error(self, state: Sequence[int]) -> float:
        off = self.ink - self.rest(state)
        return float((off * off) @ self.trust) + sum(float(cost[s]) for cost, s in zip(self.costs, state))


def _cost(courses: Float64Array) -> Float64Array:
    return drawing_cost(courses, _TURN)


def wrong_ink(tangle: Tangle, courses: Sequence[Float64Array]) -> float:
    """px of ink on which the page and the picture of some courses differ (squared shares, summed)."""
    drawn = shares_at(tangle.others, tangle.profile)
    for k, y in enumerate(courses):
        np.maximum(drawn, _covers(tangle, k, y[None])[0], out=drawn)
    return float((tangle.trust * (tangle.ink - drawn) ** 2).sum())


def error(tangle: Tangle, courses: Sequence[Float64Array]) -> float:
    """Wrong ink, and what length and turns cost."""
    return wrong_ink(tangle, courses) + sum(float(_cost(y[None])[0]) for y in courses)


def refined(tangle: Tangle, courses: Sequence[Float64Array]) -> list[Float64Array]:
    """Courses after some rounds of the fit, all together; ends of lines move too."""
    return fit_window(courses, tangle.x0, tangle.held, tangle.ink, tangle.trust, tangle.others, tangle.profile, _ROUNDS)


def combined(tangle: Tangle, choices: Sequence[Float64Array]) -> list[State]:
    """Combinations, one course of (S, n) for each line, that explain the page best before they are fitted to it.

    Pairs of lines are settled in turn, all other ones held: what one gives up the other takes. The first course of each
    line is the one that it has; that combination is left out.
    """
    states = _best_states(_scene(tangle, choices), True)
    return [state for state in states if any(state)]


def agreed(tangles: Sequence[Tangle], choices: Sequence[Sequence[Float64Array]]) -> State:
    """The combination that explains several tangles of the same lines best, taken together.

    Parameters
    ----------
    tangles : sequence of Tangle
    choices : sequence of sequence of (S, n) float64
        For each tangle and line: courses, in one order in all tangles.
    """
    scenes = [_scene(tangle, courses) for tangle, courses in zip(tangles, choices)]
    lines = range(len(choices[0]))
    scene = _Scene(np.concatenate([s.ink for s in scenes]), np.concatenate([s.trust for s in scenes]),
                   np.concatenate([s.base for s in scenes]),
                   [np.concatenate([s.covers[k] for s in scenes], axis=1) for k in lines],
                   [np.concatenate([s.most[k] for s in scenes]) for k in lines],
                   [np.sum([s.costs[k] for s in scenes], axis=0) for k in lines])
    return _best_states(scene, False)[0]


def _scene(tangle: Tangle, choices: Sequence[Float64Array]) -> _Scene:
    found = [_covers(tangle, k, courses, _ROWS) for k, courses in enumerate(choices)]
    base, ink = shares_at(tangle.others[::_ROWS], tangle.profile), tangle.ink[::_ROWS]
    most = [cover.max(axis=0) for cover in found]
    active = (ink > _FAINT) | (np.maximum.reduce([base, *most]) > 0)
    return _Scene(ink[active], np.float32(_ROWS) * tangle.trust[::_ROWS][active], base[active],
                  [np.ascontiguousarray(cover[:, active]) for cover in found], [m[active] for m in most],
                  [_cost(courses) for courses in choices])


def _best_states(scene: _Scene, first: bool) -> list[State]:
    """Combinations, the best first, from the likeliest starts and, if wanted, from the first course of all lines."""
    common = [tuple([s] * len(scene.covers)) for s in range(min(map(len, scene.covers)))]
    values = {state: scene.error(state) for state in common}
    starts = sorted(common, key=lambda s: (first and any(s), values[s]))[:_STARTS]
    ends = dict(_settled(scene, start, values[start]) for start in starts)
    return sorted(ends, key=lambda s: ends[s])


def _settled(scene: _Scene, start: State, value: float) -> tuple[State, float]:
    """A combination no pair of whose lines can be bettered, and its error."""
    state = list(start)
    pairs = [(i, j) for i, j in combinations(range(len(state)), 2)
             if (np.minimum(scene.most[i], scene.most[j]) > 0).any()]
    for _ in range(_SWEEPS):
        before = value
        for i, j in pairs:
            gain, s, t = _better_pair(scene, state, i, j)
            if gain > 0:
                value, state[i], state[j] = value - gain, s, t
        if value > before - _LEAST_GAIN:
            break
    return tuple(state), value


def _better_pair(scene: _Scene, state: Sequence[int], i: int, j: int) -> tuple[float, int, int]:
    """By how much the best courses of two lines are better than those they have, and which these are."""
    rest = scene.rest(state, (i, j))
    # Other pixels look the same whatever is chosen.
    at = np.flatnonzero(np.maximum(scene.most[i], scene.most[j]) > rest)
    first, second = scene.covers[i], scene.covers[j]
    alone = np.empty(len(first))
    pixel_errors(scene.ink, scene.trust, np.maximum(rest, second[state[j]]), at, first, alone)
    now = float(alone[state[i]] + scene.costs[i][state[i]] + scene.costs[j][state[j]])
    # A course that takes another's ink costs its length, until the other one gives that up.
    few = np.unique([state[i], *np.argsort(alone + scene.costs[i])[:_PAIRED], *np.argsort(alone)[:_PAIRED]])
    value, a, b = best_pair(scene.ink, scene.trust, rest, at, first, second, few, scene.costs[i], scene.costs[j], now,
                            np.empty(len(at), np.float32))
    return (now - value, a, b) if a >= 0 else (0.0, state[i], state[j])


def _covers(tangle: Tangle, k: int, courses: Float64Array, every: int = 1) -> Float32Array:
    """(P, H, W) share of ink that courses (P, n) of one line lay in every so many-th row."""
    out = np.zeros((len(courses), *tangle.ink[::every].shape), np.float32)
    covers(courses, tangle.x0[k], STEP_PX, tangle.profile, FINE, every, out)
    return out
