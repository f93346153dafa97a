"""The loops of tangled complexes: what many courses cover, what lies between points, and the best two of many."""
import numpy as np
from numba import njit

from featurize.arrays import Float32Array, Float64Array, Int64Array


@njit(cache=True)
def covers(courses: Float64Array, x0: float, step: float, profile: Float64Array, fine: int, every: int,
           out: Float32Array) -> None:
    """Share of ink that each of several courses lays by itself.

    courses (P, n) rows of nodes at columns x0 + k step; profile (m,) share of ink at distance k / fine px; out
    (P, H, W), zeros: the shares in every so many-th row.
    """
    height, width = out.shape[1], out.shape[2]
    reach = len(profile) / fine
    for p in range(len(courses)):
        for k in range(courses.shape[1] - 1):
            ya, yb, xa = courses[p, k], courses[p, k + 1], x0 + k * step
            rise = yb - ya
            inverse = 1 / (step * step + rise * rise)
            left, right = max(0, int(np.ceil(xa - reach))), min(width, int(xa + step + reach) + 1)
            top, bottom = int(np.ceil((min(ya, yb) - reach) / every)), int((max(ya, yb) + reach) / every) + 1
            for y in range(max(0, top), min(height, bottom)):
                down = y * every - ya
                for x in range(left, right):
                    across = x - xa
                    s = min(1.0, max(0.0, (across * step + down * rise) * inverse))
                    dx, dy = across - s * step, down - s * rise
                    at = int(np.sqrt(dx * dx + dy * dy) * fine)
                    if at < len(profile) and profile[at] > out[p, y, x]:
                        out[p, y, x] = profile[at]


@njit(cache=True)
def crossings(bare: Float32Array, begins: Float64Array, ends: Float64Array, most: float, out: Float64Array) -> None:
    """px of bare paper that straight lines cross, `most` where it is more than that.

    bare (H, W) share that is bare; begins (A, 2), ends (B, 2) columns and rows; out (A, B).
    """
    height, width = bare.shape
    for a in range(len(begins)):
        for b in range(len(ends)):
            dx, dy = ends[b, 0] - begins[a, 0], ends[b, 1] - begins[a, 1]
            length = np.sqrt(dx * dx + dy * dy)
            count = int(length) + 2
            total, k = 0.0, 0
            while k < count and total < most:
                share = k / (count - 1)
                x, y = int(begins[a, 0] + share * dx + 0.5), int(begins[a, 1] + share * dy + 0.5)
                total += bare[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
                k += 1
            out[a, b] = min(total, most)


@njit(cache=True)
def pixel_errors(ink: Float32Array, trust: Float32Array, rest: Float32Array, at: Int64Array, courses: Float32Array,
                 out: Float64Array) -> None:
    """Weighted squared error of some pixels for each of several courses.

    ink, trust (P,) share of ink and weight; rest (P,) what all else covers; at (Q,) numbers of the pixels; courses
    (A, P) covers; out (A,).
    """
    for a in range(len(courses)):
        total = 0.0
        for p in at:
            off = ink[p] - max(rest[p], courses[a, p])
            total += trust[p] * off * off
        out[a] = total


@njit(cache=True)
def best_pair(ink: Float32Array, trust: Float32Array, rest: Float32Array, at: Int64Array, first: Float32Array,
              second: Float32Array, few: Int64Array, first_cost: Float64Array, second_cost: Float64Array, limit: float,
              both: Float32Array) -> tuple[float, int, int]:
    """Error and numbers of the two courses, one of either line, that explain some pixels best; limit, -1, -1 if none.

    ink, trust, rest, at as for `pixel_errors`; first (A, P), second (B, P) covers; few which of the first to try;
    first_cost (A,), second_cost (B,) added; limit the least error that is of no interest; both (Q,) scratch.
    """
    best, i, j = limit, -1, -1
    count = len(at)
    for a in few:
        for q in range(count):
            both[q] = max(rest[at[q]], first[a, at[q]])
        for b in range(len(second)):
            total, q = first_cost[a] + second_cost[b], 0
            while q < count and total < best:  # most are given up early
                stop = min(count, q + 64)
                while q < stop:
                    p = at[q]
                    off = ink[p] - max(both[q], second[b, p])
                    total += trust[p] * off * off
                    q += 1
            if total < best:
                best, i, j = total, a, b
    return best, i, j
