"""Haralick's features of co-occurrence counts."""
import math
from enum import IntEnum

import numpy as np
from numba import njit

_LEAST = 1e-12    # variance (squared levels) and entropy (bits) below which a region counts as constant


class Haralick(IntEnum):
    """Place of each feature in a row of `haralick_features`: number f1 to f13 of the paper, less 1."""

    ENERGY = 0
    CONTRAST = 1
    CORRELATION = 2
    VARIANCE = 3
    HOMOGENEITY = 4
    SUM_AVERAGE = 5
    SUM_VARIANCE = 6
    SUM_ENTROPY = 7
    ENTROPY = 8
    DIFFERENCE_VARIANCE = 9
    DIFFERENCE_ENTROPY = 10
    INFORMATION_1 = 11
    INFORMATION_2 = 12


@njit(cache=True)
def haralick_features(table, out):
    """Features f1 to f13 of Haralick et al. 1973 of symmetric co-occurrences, NaN where there is no pair.

    table (D, L + 1, L + 1) int32: pairs of levels 1..L, row and column 0 what leaves the region; out (D, 13) float64
    in the order of `Haralick`. Both margins are the same, so HXY1 = HXY2 = 2 HX.
    """
    top = table.shape[1] - 1
    px, sums, gaps = np.empty(top), np.empty(2 * top - 1), np.empty(top)
    for d in range(len(table)):
        counts, total = table[d], 0
        for i in range(1, top + 1):
            for j in range(1, top + 1):
                total += counts[i, j]
        if total == 0:
            out[d] = np.nan
            continue
        px[:], sums[:], gaps[:] = 0.0, 0.0, 0.0
        energy, entropy, contrast, homogeneity, product = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(top):
            for j in range(i + 1):
                n = counts[i + 1, j + 1] + (counts[j + 1, i + 1] if j < i else counts[i + 1, i + 1])
                if n == 0:
                    continue
                # Off the diagonal one number stands for two equal places of the matrix.
                p, twice = n / (2.0 * total), 2.0 if j < i else 1.0
                both, gap = twice * p, i - j
                energy += both * p
                entropy -= both * math.log2(p)
                contrast += both * gap * gap
                homogeneity += both / (1.0 + gap * gap)
                px[i] += p
                if j < i:
                    px[j] += p
                sums[i + j] += both
                gaps[gap] += both
        mean, square, hx = 0.0, 0.0, 0.0
        for i in range(top):
            mean += px[i] * i
            square += px[i] * i * i
            if px[i] > 0:
                hx -= px[i] * math.log2(px[i])
        variance = square - mean * mean
        for i in range(top):
            for j in range(top):
                n = counts[i + 1, j + 1] + counts[j + 1, i + 1]
                if n:
                    product += n / (2.0 * total) * (i - mean) * (j - mean)
        average, spread, sum_entropy = 0.0, 0.0, 0.0
        for k in range(2 * top - 1):
            average += sums[k] * k
            spread += sums[k] * k * k
            if sums[k] > 0:
                sum_entropy -= sums[k] * math.log2(sums[k])
        gap_mean, gap_spread, gap_entropy = 0.0, 0.0, 0.0
        for k in range(top):
            gap_mean += gaps[k] * k
            gap_spread += gaps[k] * k * k
            if gaps[k] > 0:
                gap_entropy -= gaps[k] * math.log2(gaps[k])
        shared = 2 * hx - entropy
        row = out[d]
        row[Haralick.ENERGY] = energy
        row[Haralick.CONTRAST] = contrast
        row[Haralick.CORRELATION] = product / variance if variance >= _LEAST else 1.0
        row[Haralick.VARIANCE] = variance
        row[Haralick.HOMOGENEITY] = homogeneity
        row[Haralick.SUM_AVERAGE] = average
        row[Haralick.SUM_VARIANCE] = spread - average * average
        row[Haralick.SUM_ENTROPY] = sum_entropy
        row[Haralick.ENTROPY] = entropy
        row[Haralick.DIFFERENCE_VARIANCE] = gap_spread - gap_mean * gap_mean
        row[Haralick.DIFFERENCE_ENTROPY] = gap_entropy
        row[Haralick.INFORMATION_1] = -shared / hx if hx >= _LEAST else 0.0
        row[Haralick.INFORMATION_2] = math.sqrt(max(1.0 - math.exp(-2.0 * max(shared, 0.0)), 0.0))
