"""Sixteen features of a matrix that counts things by gray level and by size: runs, zones, distances, dependences."""
import math
from enum import IntEnum

import numpy as np
from numba import njit

EPS = np.spacing(1.0)    # added under logarithms, as pyradiomics does


class Emphasis(IntEnum):
    """Place of each feature in the result of `emphases`; a name without another word is an emphasis."""

    SMALL_SIZE = 0
    LARGE_SIZE = 1
    LEVEL_NON_UNIFORMITY = 2
    LEVEL_NON_UNIFORMITY_NORMALIZED = 3
    SIZE_NON_UNIFORMITY = 4
    SIZE_NON_UNIFORMITY_NORMALIZED = 5
    PERCENTAGE = 6
    LEVEL_VARIANCE = 7
    SIZE_VARIANCE = 8
    ENTROPY = 9
    LOW_LEVEL = 10
    HIGH_LEVEL = 11
    SMALL_SIZE_LOW_LEVEL = 12
    SMALL_SIZE_HIGH_LEVEL = 13
    LARGE_SIZE_LOW_LEVEL = 14
    LARGE_SIZE_HIGH_LEVEL = 15


# Sums over counts, made into means by the number of counts.
_SUMS = (Emphasis.SMALL_SIZE, Emphasis.LARGE_SIZE, Emphasis.LEVEL_NON_UNIFORMITY, Emphasis.SIZE_NON_UNIFORMITY,
         Emphasis.LOW_LEVEL, Emphasis.HIGH_LEVEL, Emphasis.SMALL_SIZE_LOW_LEVEL, Emphasis.SMALL_SIZE_HIGH_LEVEL,
         Emphasis.LARGE_SIZE_LOW_LEVEL, Emphasis.LARGE_SIZE_HIGH_LEVEL)


@njit(cache=True)
def emphases(matrices, values, sizes, pixels, out):
    """The mean features of the matrices that count anything, NaN where none does.

    matrices (M, K, J) counts, int32 or float64; values (K,) int64 gray levels; sizes (J,) float64, > 0; pixels: the
    number of pixels in the percentage, or 0 for sum count * size; out (16,) float64 in the order of `Emphasis`.
    """
    levels, width = matrices.shape[1], matrices.shape[2]
    square = sizes * sizes
    row, used = np.empty(len(out)), 0
    out[:] = 0
    for m in range(matrices.shape[0]):
        by_level, by_size = np.zeros(levels), np.zeros(width)
        n = 0.0
        for i in range(levels):
            for j in range(width):
                c = matrices[m, i, j]
                if c != 0:
                    by_level[i] += c
                    by_size[j] += c
                    n += c
        if n == 0:
            continue
        used += 1
        row[:] = 0
        entropy = 0.0
        for i in range(levels):
            if by_level[i] == 0:
                continue
            small, large = 0.0, 0.0
            for j in range(width):
                c = matrices[m, i, j]
                if c != 0:
                    small += c / square[j]
                    large += c * square[j]
                    entropy -= c / n * math.log2(c / n + EPS)
            v2 = float(values[i] * values[i])
            row[Emphasis.SMALL_SIZE_LOW_LEVEL] += small / v2
            row[Emphasis.SMALL_SIZE_HIGH_LEVEL] += small * v2
            row[Emphasis.LARGE_SIZE_LOW_LEVEL] += large / v2
            row[Emphasis.LARGE_SIZE_HIGH_LEVEL] += large * v2
            row[Emphasis.LOW_LEVEL] += by_level[i] / v2
            row[Emphasis.HIGH_LEVEL] += by_level[i] * v2
            row[Emphasis.LEVEL_NON_UNIFORMITY] += by_level[i] * by_level[i]
        covered, mean_size, mean_level = 0.0, 0.0, 0.0
        for j in range(width):
            row[Emphasis.SMALL_SIZE] += by_size[j] / square[j]
            row[Emphasis.LARGE_SIZE] += by_size[j] * square[j]
            row[Emphasis.SIZE_NON_UNIFORMITY] += by_size[j] * by_size[j]
            covered += by_size[j] * sizes[j]
        mean_size = covered / n
        for i in range(levels):
            mean_level += by_level[i] * values[i] / n
        for j in range(width):
            row[Emphasis.SIZE_VARIANCE] += by_size[j] / n * (sizes[j] - mean_size) ** 2
        for i in range(levels):
            row[Emphasis.LEVEL_VARIANCE] += by_level[i] / n * (values[i] - mean_level) ** 2
        row[Emphasis.LEVEL_NON_UNIFORMITY_NORMALIZED] = row[Emphasis.LEVEL_NON_UNIFORMITY] / (n * n)
        row[Emphasis.SIZE_NON_UNIFORMITY_NORMALIZED] = row[Emphasis.SIZE_NON_UNIFORMITY] / (n * n)
        row[Emphasis.PERCENTAGE] = n / (pixels if pixels > 0 else covered)
        row[Emphasis.ENTROPY] = entropy
        for f in _SUMS:
            row[f] /= n
        for f in range(len(out)):
            out[f] += row[f]
    for f in range(len(out)):
        out[f] = out[f] / used if used else np.nan
