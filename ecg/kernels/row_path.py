"""Compiled loops that follow one row of ink."""
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from featurize.arrays import Float32Array, Float64Array, Int32Array

# Going to the next column one row up or down costs this share of a pixel without ink: level paths win ties.
_DIAGONAL = 0.02
# Share of ink above which a pixel belongs to an unbroken run.
_INKED = 0.5


class PathCosts(NamedTuple):
    """What a path pays: travel for a vertical pixel on ink; pull for each column and pixel of distance from the row
    that it prefers, which counts up to far px; gap for a pixel without ink. lift is the factor on the ink of pixels
    passed inside a column, which then counts up to 1.
    """

    travel: float
    pull: float
    far: float
    gap: float
    lift: float


class PathScratch(NamedTuple):
    """score (2, H) cost up to this and the last column; source, entry (W, H) row in the column before, and row at which
    the column was entered.
    """

    score: Float64Array
    source: Int32Array
    entry: Int32Array


@njit(cache=True)
def cheapest_path(ink: Float32Array, rest: Float64Array, costs: PathCosts, scratch: PathScratch, first: Int32Array,
                  last: Int32Array) -> None:
    """Path from the left to the right edge that stays on ink.

    ink (H, W) share of ink; rest (W,) row that the path prefers; out: first, last (W,) rows at which the path enters
    and leaves each column.
    """
    travel, pull, far, gap, lift = costs
    score, source, entry = scratch
    height, width = ink.shape
    for y in range(height):
        score[1, y] = 0.0
    for x in range(width):
        now, old = x % 2, 1 - x % 2
        for y in range(height):
            best, at = score[old, y], y
            if y > 0 and score[old, y - 1] + _DIAGONAL * gap < best:
                best, at = score[old, y - 1] + _DIAGONAL * gap, y - 1
            if y < height - 1 and score[old, y + 1] + _DIAGONAL * gap < best:
                best, at = score[old, y + 1] + _DIAGONAL * gap, y + 1
            score[now, y] = best + gap * (1 - ink[y, x]) + pull * min(abs(y - rest[x]), far)
            source[x, y], entry[x, y] = at, y
        # Down and up inside the column: each pixel costs little on ink, much off it.
        for y in range(1, height):
            s = score[now, y - 1] + travel + gap * (1 - min(1.0, lift * ink[y, x]))
            if s < score[now, y]:
                score[now, y], source[x, y], entry[x, y] = s, source[x, y - 1], entry[x, y - 1]
        for y in range(height - 2, -1, -1):
            s = score[now, y + 1] + travel + gap * (1 - min(1.0, lift * ink[y, x]))
            if s < score[now, y]:
                score[now, y], source[x, y], entry[x, y] = s, source[x, y + 1], entry[x, y + 1]
    y = 0
    for k in range(height):
        if score[(width - 1) % 2, k] < score[(width - 1) % 2, y]:
            y = k
    for x in range(width - 1, -1, -1):
        last[x], first[x] = y, entry[x, y]
        y = source[x, y]


@njit(cache=True)
def mark_path(first: Int32Array, last: Int32Array, margin: int, claimed: NDArray[np.int8]) -> None:
    """Count in claimed (H, W) how many paths come within `margin` rows of a pixel in its column."""
    for x in range(len(first)):
        low, high = min(first[x], last[x]) - margin, max(first[x], last[x]) + margin
        for y in range(max(0, low), min(claimed.shape[0], high + 1)):
            claimed[y, x] += 1


@njit(cache=True)
def ink_run(ink: Float32Array, first: Int32Array, last: Int32Array, margin: int,
            claimed: NDArray[np.int8], top: Int32Array, bottom: Int32Array) -> None:
    """Ends of the unbroken ink above and below a path in each column; none where it runs into another path's.

    ink, claimed (H, W), claimed of `mark_path`; first, last (W,); out: top, bottom (W,) rows, the path's own where
    nothing is added.
    """
    for x in range(len(first)):
        low, high = min(first[x], last[x]), max(first[x], last[x])
        top[x], bottom[x] = low, high
        y = low
        while y > 0 and ink[y - 1, x] > _INKED:
            y -= 1
            if claimed[y, x] > (1 if y >= low - margin else 0):
                y = low
                break
        top[x] = y
        y = high
        while y < ink.shape[0] - 1 and ink[y + 1, x] > _INKED:
            y += 1
            if claimed[y, x] > (1 if y <= high + margin else 0):
                y = high
                break
        bottom[x] = y
