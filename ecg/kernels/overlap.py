"""Compiled loops for QRS overlaps: ink that candidate paths lay, bare paper between points, the best pair of paths."""
from typing import NamedTuple

import numpy as np
from numba import njit

from ecg.kernels.pen import PenTable
from featurize.arrays import Float32Array, Float64Array, Int64Array

# Pixels that are added up before the sum is compared with the best so far.
_BATCH = 64


class PixelEvidence(NamedTuple):
    """Some pixels of a window: ink, confidence, rest (P,) share of ink, weight, and what all other lines cover there;
    at (Q,) numbers of the pixels that count.
    """

    ink: Float32Array
    confidence: Float32Array
    rest: Float32Array
    at: Int64Array


@njit(cache=True)
def covers(paths: Float64Array, x0: float, step: float, pen: PenTable, every: int, out: Float32Array) -> None:
    """Share of ink that each of several paths lays by itself.

    paths (P, n) rows of nodes at columns x0 + k step; out (P, H, W), zeros: the shares in rows 0, every, 2 every, ...
    """
    profile, fine, reach = pen
    height, width = out.shape[1], out.shape[2]
    for p in range(len(paths)):
        for k in range(paths.shape[1] - 1):
            ya, yb, xa = paths[p, k], paths[p, k + 1], x0 + k * step
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
def bare_lengths(bare: Float32Array, begins: Float64Array, ends: Float64Array, limit: float,
                 out: Float64Array) -> None:
    """Length of bare paper under straight lines, px; `limit` where it is more than that.

    bare (H, W) share that is bare; begins (A, 2), ends (B, 2) columns and rows; out (A, B).
    """
    height, width = bare.shape
    for a in range(len(begins)):
        for b in range(len(ends)):
            dx, dy = ends[b, 0] - begins[a, 0], ends[b, 1] - begins[a, 1]
            length = np.sqrt(dx * dx + dy * dy)
            count = int(length) + 2
            total, k = 0.0, 0
            while k < count and total < limit:
                share = k / (count - 1)
                x, y = int(begins[a, 0] + share * dx + 0.5), int(begins[a, 1] + share * dy + 0.5)
                total += bare[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
                k += 1
            out[a, b] = min(total, limit)


@njit(cache=True)
def pixel_errors(pixels: PixelEvidence, paths: Float32Array, out: Float64Array) -> None:
    """Weighted squared error of the pixels for each of several paths.

    paths (A, P) share of ink that each lays; out (A,).
    """
    ink, confidence, rest, at = pixels
    for a in range(len(paths)):
        total = 0.0
        for p in at:
            off = ink[p] - max(rest[p], paths[a, p])
            total += confidence[p] * off * off
        out[a] = total


@njit(cache=True)
def best_pair(pixels: PixelEvidence, first: Float32Array, second: Float32Array, tried: Int64Array,
              first_cost: Float64Array, second_cost: Float64Array, limit: float,
              both: Float32Array) -> tuple[float, int, int]:
    """The two paths, one of either line, that explain the pixels best: their error and numbers.

    first (A, P), second (B, P) share of ink that each path lays; tried numbers of the first that are looked at;
    first_cost (A,), second_cost (B,) added to the error; both (Q,) scratch. Returns limit, -1, -1 if no pair is below
    the limit.
    """
    ink, confidence, rest, at = pixels
    best, i, j = limit, -1, -1
    count = len(at)
    for a in tried:
        for q in range(count):
            both[q] = max(rest[at[q]], first[a, at[q]])
        for b in range(len(second)):
            total, q = first_cost[a] + second_cost[b], 0
            while q < count and total < best:  # most are given up early
                stop = min(count, q + _BATCH)
                while q < stop:
                    p = at[q]
                    off = ink[p] - max(both[q], second[b, p])
                    total += confidence[p] * off * off
                    q += 1
            if total < best:
                best, i, j = total, a, b
    return best, i, j
