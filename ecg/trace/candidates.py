"""Other courses that a part of a line may take, and how well each of them explains the page."""
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import cv2
import numpy as np

from ecg.kernels.pen import course_errors, polylines
from ecg.page.pen import FINE
from ecg.trace.fit import fit_window
from ecg.trace.line import STEP_PX, drawing_cost
from featurize.arrays import Float32Array, Float64Array, UInt8Array

Point = tuple[float, float]
Plan = tuple[Point, tuple[Point, ...], Point]
# Points, and the columns before and behind which the line stays as it is.
Way = tuple[tuple[Point, ...], float, float]

_TURN = 0.3
_LEAST_GAIN = 1.0
# Courses worse than the line by more than this, px of ink, are not refined; nor are more than so many, in rounds.
_SLACK = 25.0
_REFINED = 4
_ROUNDS = 8
_UNLIKE_PX = 2.0
_MOST_TIPS = 8
_MOST_PAIRED = 5
_BEST_PLANS = 8
# Distances from a tip, px, beyond which the line may stay as it is.
_KEPT_PX = (1.0, 2.5, 5.0)
# How far inward of an end its level is looked for, px: beside what hides it.
_INWARD_PX = (4.0, 7.0)


@dataclass(frozen=True)
class Window:
    """A part of a line and the page around it; rows and columns count from the window's corner.

    Parameters
    ----------
    x, now : (n,) float64
        Columns and rows of the nodes that may move.
    open_left, open_right : bool
        Whether the line begins or ends here: elsewhere its joint is held.
    ink, trust, missing : (H, W) float32
        Share of ink; weight of each pixel; weight of ink that no line draws.
    others : (H, W) float32
        Distance to all that is drawn besides.
    own : (H, W) uint8
        1 on ink that hangs together with the line.
    profile : (m,) float64
        Of `ecg.page.pen.pen_profile`.
    pen_px : float
    """

    x: Float64Array
    now: Float64Array
    open_left: bool
    open_right: bool
    ink: Float32Array
    trust: Float32Array
    missing: Float32Array
    others: Float32Array
    own: UInt8Array
    profile: Float64Array
    pen_px: float

    @property
    def reach(self) -> float:
        """How far from its path the pen lays ink, px."""
        return len(self.profile) / FINE


def better_course(window: Window) -> tuple[Float64Array, float] | None:
    """(n,) rows of a course that explains the window better than the line does, and by how many px; or None."""
    courses, errors = _tried(window)
    order = _unlike(courses, errors)
    courses = np.stack([window.now, *courses[order], *(_refined(window, courses[k]) for k in order)])
    errors = _errors(window, courses)
    best = int(np.argmin(errors))
    gain = float(errors[0] - errors[best])
    return (courses[best], gain) if gain > _LEAST_GAIN else None


def _unlike(courses: Float64Array, errors: Float64Array) -> list[int]:
    """Numbers of the best courses that are not nearly the line itself, nor each other."""
    out = [0]
    for k in np.argsort(errors, kind="stable"):
        if errors[k] > errors[0] + _SLACK or len(out) > _REFINED:
            break
        if all(np.abs(courses[k] - courses[o]).max() > _UNLIKE_PX for o in out):
            out.append(int(k))
    return out[1:]


def _errors(window: Window, courses: Float64Array) -> Float64Array:
    """(P,) squared error of the picture that each course gives, and what its length and its turns cost."""
    errors = np.empty(len(courses))
    course_errors(courses, float(window.x[0]), STEP_PX, window.reach, window.profile, FINE, window.ink, window.trust,
                  window.missing, window.others, window.others.copy(), np.empty(window.ink.size, np.int32), errors)
    return np.asarray(errors + drawing_cost(courses, _TURN))


def _tried(window: Window) -> tuple[Float64Array, Float64Array]:
    """(P, n) courses and (P,) their errors: first the line as it is, then those over the tips of the ink there."""
    plans = _plans(window)
    courses = np.concatenate([window.now[None], _drawn(window, [way for plan in plans for way in (
        _straight(plan), _kept(window, plan, _KEPT_PX[1], True, True))])])
    errors = _errors(window, courses)
    # How much of the line may stay is asked for the best plans only.
    best = np.argsort(np.minimum(errors[1::2], errors[2::2]), kind="stable")[:_BEST_PLANS]
    ways = [_kept(window, plans[k], near, left, right) for k in best if plans[k][1] for near in _KEPT_PX
            for left, right in ((True, True), (True, False), (False, True))]
    if not ways:
        return courses, errors
    more = _drawn(window, ways)
    return np.concatenate([courses, more]), np.concatenate([errors, _errors(window, more)])


def _plans(window: Window) -> list[Plan]:
    """Ways from side to side: straight, and over one or two tips."""
    x, now = window.x, window.now
    tips = _tips(window)
    starts = _ends(window, tips, 0) if window.open_left else [(float(x[0]), float(now[0]))]
    stops = _ends(window, tips, -1) if window.open_right else [(float(x[-1]), float(now[-1]))]
    middles: list[tuple[Point, ...]] = [(), *((tip,) for tip in tips)]
    middles += [pair for pair in permutations(tips[:_MOST_PAIRED], 2) if pair[0][0] < pair[1][0]]
    return [(start, middle, stop) for start, stop, middle in product(starts, stops, middles)]


def _straight(plan: Plan) -> Way:
    start, middle, stop = plan
    return (start, *middle, stop), -np.inf, np.inf


def _kept(window: Window, plan: Plan, near: float, left: bool, right: bool) -> Way:
    """The plan's way that leaves the line as it is beyond `near` px from the tips, at either or both sides."""
    start, middle, stop = plan
    if not middle:
        return _straight(plan)
    a, b = middle[0][0] - near, middle[-1][0] + near
    before, after = np.interp([a, b], window.x, window.now).tolist()
    points = ((a, before) if left else start, *middle, (b, after) if right else stop)
    # The line cannot be kept up to an end that is moved.
    left &= not window.open_left or start[1] == window.now[0]
    return points, a if left else -np.inf, b if right else np.inf


def _drawn(window: Window, ways: Sequence[Way]) -> Float64Array:
    """(P, n) rows of ways at the window's columns."""
    most = max(len(points) for points, _, _ in ways)
    points = np.array([(*points, *points[-1:] * (most - len(points))) for points, _, _ in ways])
    at = np.maximum.accumulate(points[..., 0] + 1e-6 * np.arange(most), axis=1)
    courses = np.empty((len(ways), len(window.x)))
    polylines(at, points[..., 1], float(window.x[0]), STEP_PX, courses)
    first, last = (np.array([[way[k]] for way in ways]) for k in (1, 2))
    return np.where((window.x < first) | (window.x > last), window.now, courses)


def _tips(window: Window) -> list[Point]:
    """Upper and lower ends (x, y) of the line's ink: the outermost, then those farthest from the line."""
    inward, x = window.pen_px / 2 - 0.5, window.x
    found: list[Point] = []
    for sign in (1, -1):
        beyond = np.zeros((3, 3), np.uint8)
        beyond[1 - sign] = 1
        near = cv2.dilate(window.own, beyond, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        _, _, _, centers = cv2.connectedComponentsWithStats(window.own & (1 - near), connectivity=8)
        # A lead's edge is known to a pixel, and strokes are as wide as two.
        found += [(float(np.clip(cx, x[0], x[-1])), float(cy) + sign * inward) for cx, cy in centers[1:]
                  if x[0] - 2 <= cx <= x[-1] + 2]
    found.sort(key=lambda t: t[1])
    outer = [*found[:1], *found[1:][-1:]]
    return outer + sorted(found[1:-1], key=lambda t: -abs(t[1] - float(np.interp(t[0], x, window.now))))[:_MOST_TIPS]


def _ends(window: Window, tips: Sequence[Point], at: int) -> list[Point]:
    """Where an open end may lie: where it is, level with the line some px inward, at the height of tips nearby."""
    x, now = window.x, window.now
    inner = [float(np.interp(x[at] + (px if at == 0 else -px), x, now)) for px in _INWARD_PX]
    heights = [float(now[at]), *inner, *(t[1] for t in tips if abs(t[0] - x[at]) < 4)]
    return [(float(x[at]), y) for y in dict.fromkeys(heights)]


def _refined(window: Window, course: Float64Array) -> Float64Array:
    """The course after some rounds of the fit, its joints held."""
    held = (not window.open_left, not window.open_right)
    return fit_window([course], [float(window.x[0])], [held], window.ink, window.trust, window.others, window.profile,
                      _ROUNDS)[0]
