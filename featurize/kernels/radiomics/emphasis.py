"""Sixteen features of a matrix that counts things by gray level and by size: runs, zones, distances, dependences."""
import math

import numpy as np
from numba import njit

EPS = np.spacing(1.0)


@njit(cache=True)
def emphases(matrices, values, sizes, pixels, out):
    """The mean features of the matrices that count anything, NaN where none does.

    matrices (M, K, J) counts, int32 or float64; values (K,) int64 gray levels; sizes (J,) float64, > 0; pixels: the
    number of pixels in the percentage, or 0 for sum count * size; out (16,) float64: emphasis of small and of large
    sizes, non-uniformity of levels, normalized, of sizes, normalized, percentage, variance of levels, of sizes,
    entropy, emphasis of low and of high levels, small-low, small-high, large-low, large-high.
    """
    levels, width = matrices.shape[1], matrices.shape[2]
    square = sizes * sizes
    row, used = np.empty(16), 0
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
            row[12] += small / v2
            row[13] += small * v2
            row[14] += large / v2
            row[15] += large * v2
            row[10] += by_level[i] / v2
            row[11] += by_level[i] * v2
            row[2] += by_level[i] * by_level[i]
        covered, mean_size, mean_level = 0.0, 0.0, 0.0
        for j in range(width):
            row[0] += by_size[j] / square[j]
            row[1] += by_size[j] * square[j]
            row[4] += by_size[j] * by_size[j]
            covered += by_size[j] * sizes[j]
        mean_size = covered / n
        for i in range(levels):
            mean_level += by_level[i] * values[i] / n
        for j in range(width):
            row[8] += by_size[j] / n * (sizes[j] - mean_size) ** 2
        for i in range(levels):
            row[7] += by_level[i] / n * (values[i] - mean_level) ** 2
        row[3], row[5] = row[2] / (n * n), row[4] / (n * n)
        row[6] = n / (pixels if pixels > 0 else covered)
        row[9] = entropy
        for f in (0, 1, 2, 4, 10, 11, 12, 13, 14, 15):
            row[f] /= n
        for f in range(16):
            out[f] += row[f]
    for f in range(16):
        out[f] = out[f] / used if used else np.nan
