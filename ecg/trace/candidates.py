"""Candidate paths for a part of a line, and how well each of them explains the page.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import cv2
import numpy as np

from ecg.kernels.pen import WindowPixels, candidate_errors, polylines
from ecg.trace.evidence import PageEvidence
from ecg.trace.fit import fit_window
from ecg.trace.line import STEP_PX, drawing_cost
from featurize.arrays import Float32Array, Float64Array, UInt8Array

XY = tuple[float, float]

# Cost of a turn by one rad, in px of wrong ink.
_COST_OF_TURN = 0.3
# A candidate replaces the line if it explains at least this much more ink, px.
_LEAST_GAIN = 1.0
# Candidates that are worse than the line by more than this, px of ink, are not refined.
_MOST_WORSE = 25.0
# At most this many candidates are refined: most of the time goes there.
_MOST_REFINED = 4
# Rounds of the fit in which a candidate is refined.
_ROUNDS = 8
# Candidates that are refined differ somewhere by at least this.
_LEAST_DIFFERENCE_PX = 2.0
# Candidates go over at most this many tips beside the two outermost.
_MOST_TIPS = 8
# Candidates over two tips go over pairs of the first so many.
_MOST_PAIRED = 5
# How much of the line may stay is tried for the best so many ways from side to side.
_BEST_WAYPOINTS = 8
# Distances from a tip beyond which the line may stay as it is.
_KEPT_PX = (1.0, 2.5, 5.0)
# Distances inward of an open end at which its level is looked for: beside the mark that hides it.
_INWARD_PX = (4.0, 7.0)
# A tip this near to an open end, in columns, may be the height at which the line ends.
_END_COLUMNS = 4
# A tip may lie this far outside the columns of the line: a lead's edge is known to a pixel, and strokes are two wide.
_OUTSIDE_PX = 2


@dataclass(frozen=True)
class _Waypoints:
    """The points (x, y) of a way from side to side."""

    start: XY
    tips: tuple[XY, ...]
    stop: XY


@dataclass(frozen=True)
class _Polyline:
    """A way from side to side; before and behind some columns the line stays as it is."""

    points: tuple[XY, ...]
    kept_before: float = -np.inf
    kept_behind: float = np.inf


@dataclass(frozen=True)
class Window:
    """A part of a line and the page around it; rows and columns count from the window's corner.

    Parameters
    ----------
    x, current : (n,) float64
        Columns and rows of the nodes that may move.
    open_left, open_right : bool
        Whether the line begins or ends here: elsewhere its joint is held.
    evidence : PageEvidence
        Of the window (H, W).
    missing : (H, W) float32
        Weight of ink that no line draws.
    others : (H, W) float32
        Distance to all that is drawn besides, px.
    own : (H, W) uint8
        1 on ink that is connected with the line.
    """

    x: Float64Array
    current: Float64Array
    open_left: bool
    open_right: bool
    evidence: PageEvidence
    missing: Float32Array
    others: Float32Array
    own: UInt8Array


def better_candidate(window: Window) -> tuple[Float64Array, float] | None:
    """(n,) rows of a path that explains the window better than the line does, and the gain in px of ink; or None."""
    candidates, errors = _candidates(window)
    order = _different(candidates, errors)
    candidates = np.stack([window.current, *candidates[order], *(_refined(window, candidates[k]) for k in order)])
    errors = _errors(window, candidates)
    best = int(np.argmin(errors))
    gain = float(errors[0] - errors[best])
    return (candidates[best], gain) if gain > _LEAST_GAIN else None


def _different(candidates: Float64Array, errors: Float64Array) -> list[int]:
    """Numbers of the best candidates that are not nearly the line itself, nor each other."""
    out = [0]
    for k in np.argsort(errors, kind="stable"):
        if errors[k] > errors[0] + _MOST_WORSE or len(out) > _MOST_REFINED:
            break
        if all(np.abs(candidates[k] - candidates[o]).max() > _LEAST_DIFFERENCE_PX for o in out):
            out.append(int(k))
    return out[1:]


def _errors(window: Window, candidates: Float64Array) -> Float64Array:
    """(P,) squared error of the picture that each candidate gives, and what its length and its turns cost."""
    errors, ink = np.empty(len(candidates)), window.evidence.ink
    pixels = WindowPixels(ink, window.evidence.confidence, window.missing, window.others)
    candidate_errors(candidates, float(window.x[0]), STEP_PX, window.evidence.pen.table, pixels, window.others.copy(),
                     np.empty(ink.size, np.int32), errors)
    return np.asarray(errors + drawing_cost(candidates, _COST_OF_TURN))


def _candidates(window: Window) -> tuple[Float64Array, Float64Array]:
    """(P, n) candidates and (P,) their errors: first the line as it is, then those over the tips of the ink there."""
    ways = _waypoints(window)
    candidates = np.concatenate([window.current[None], _drawn(window, [polyline for way in ways for polyline in (
        _straight(way), _partly_kept(window, way, _KEPT_PX[1], True, True))])])
    errors = _errors(window, candidates)
    # How much of the line may stay is asked for the best ways only.
    best = np.argsort(np.minimum(errors[1::2], errors[2::2]), kind="stable")[:_BEST_WAYPOINTS]
    shapes = [_partly_kept(window, ways[k], near, left, right) for k in best if ways[k].tips for near in _KEPT_PX
              for left, right in ((True, True), (True, False), (False, True))]
    if not shapes:
        return candidates, errors
    more = _drawn(window, shapes)
    return np.concatenate([candidates, more]), np.concatenate([errors, _errors(window, more)])


def _waypoints(window: Window) -> list[_Waypoints]:
    """Ways from side to side: straight, and over one or two tips."""
    x, current = window.x, window.current
    tips = _tips(window)
    starts = _ends(window, tips, 0) if window.open_left else [(float(x[0]), float(current[0]))]
    stops = _ends(window, tips, -1) if window.open_right else [(float(x[-1]), float(current[-1]))]
    between: list[tuple[XY, ...]] = [(), *((tip,) for tip in tips)]
    between += [pair for pair in permutations(tips[:_MOST_PAIRED], 2) if pair[0][0] < pair[1][0]]
    return [_Waypoints(start, over, stop) for start, stop, over in product(starts, stops, between)]


def _straight(way: _Waypoints) -> _Polyline:
    return _Polyline((way.start, *way.tips, way.stop))


def _partly_kept(window: Window, way: _Waypoints, near: float, left: bool, right: bool) -> _Polyline:
    """The way that leaves the line as it is beyond `near` px from the tips, at either or both sides."""
    if not way.tips:
        return _straight(way)
    # A way that began outside the window would meet its edge off the line, and the jump there would cost nothing.
    a, b = max(way.tips[0][0] - near, float(window.x[0])), min(way.tips[-1][0] + near, float(window.x[-1]))
    before, after = np.interp([a, b], window.x, window.current).tolist()
    points = ((a, before) if left else way.start, *way.tips, (b, after) if right else way.stop)
    # The line cannot be kept up to an end that is moved.
    left &= not window.open_left or way.start[1] == window.current[0]
    return _Polyline(points, a if left else -np.inf, b if right else np.inf)


def _drawn(window: Window, ways: Sequence[_Polyline]) -> Float64Array:
    """(P, n) rows of polylines at the window's columns."""
    most = max(len(way.points) for way in ways)
    points = np.array([(*way.points, *way.points[-1:] * (most - len(way.points))) for way in ways])
    # Columns must rise, also where a point is repeated.
    at = np.maximum.accumulate(points[..., 0] + 1e-6 * np.arange(most), axis=1)
    rows = np.empty((len(ways), len(window.x)))
    polylines(at, points[..., 1], float(window.x[0]), STEP_PX, rows)
    first, last = (np.array([[edge] for edge in edges]) for edges in (
        [way.kept_before for way in ways], [way.kept_behind for way in ways]))
    return np.where((window.x < first) | (window.x > last), window.current, rows)


def _tips(window: Window) -> list[XY]:
    """Upper and lower ends (x, y) of the line's ink: the outermost, then those farthest from the line."""
    x, inward = window.x, window.evidence.pen.inward_px
    found: list[XY] = []
    for sign in (1, -1):
        beyond = np.zeros((3, 3), np.uint8)
        beyond[1 - sign] = 1
        near = cv2.dilate(window.own, beyond, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        _, _, _, centers = cv2.connectedComponentsWithStats(window.own & (1 - near), connectivity=8)
        found += [(float(np.clip(cx, x[0], x[-1])), float(cy) + sign * inward) for cx, cy in centers[1:]
                  if x[0] - _OUTSIDE_PX <= cx <= x[-1] + _OUTSIDE_PX]
    found.sort(key=lambda tip: tip[1])
    outer, inner = [*found[:1], *found[1:][-1:]], found[1:-1]
    inner.sort(key=lambda tip: -abs(tip[1] - float(np.interp(tip[0], x, window.current))))
    return outer + inner[:_MOST_TIPS]


def _ends(window: Window, tips: Sequence[XY], at: int) -> list[XY]:
    """Where an open end may lie: where it is, level with the line some px inward, at the height of tips nearby."""
    x, current = window.x, window.current
    inner = [float(np.interp(x[at] + (px if at == 0 else -px), x, current)) for px in _INWARD_PX]
    heights = [float(current[at]), *inner, *(tip[1] for tip in tips if abs(tip[0] - x[at]) < _END_COLUMNS)]
    return [(float(x[at]), y) for y in dict.fromkeys(heights)]


def _refined(window: Window, candidate: Float64Array) -> Float64Array:
    """The candidate after some rounds of the fit, its joints held."""
    held = (not window.open_left, not window.open_right)
    return fit_window([candidate], [float(window.x[0])], [held], window.evidence, window.others, _ROUNDS)[0]
