"""First-order statistics from a histogram: every number once, however many pixels have it."""
import math
from enum import IntEnum

import numpy as np
from numba import njit

EPS = np.spacing(1.0)    # added under logarithms, as pyradiomics does


class FirstOrder(IntEnum):
    """Place of each feature in the result of `statistics`."""

    ENERGY = 0
    TOTAL_ENERGY = 1
    ENTROPY = 2
    MINIMUM = 3
    PERCENTILE_10 = 4
    PERCENTILE_90 = 5
    MAXIMUM = 6
    MEAN = 7
    MEDIAN = 8
    INTERQUARTILE_RANGE = 9
    RANGE = 10
    MEAN_ABSOLUTE_DEVIATION = 11
    ROBUST_MEAN_ABSOLUTE_DEVIATION = 12
    ROOT_MEAN_SQUARED = 13
    STANDARD_DEVIATION = 14
    SKEWNESS = 15
    KURTOSIS = 16
    VARIANCE = 17
    UNIFORMITY = 18


@njit(cache=True)
def _percentile(counts, numbers, n, share):
    """Linear interpolation between order statistics, as numpy.percentile does by default."""
    place = share * (n - 1)
    low = int(math.floor(place))
    part = place - low
    seen, first = 0, np.nan
    for k in range(len(counts)):
        if counts[k] == 0:
            continue
        seen += counts[k]
        if seen > low and math.isnan(first):
            first = numbers[k]
        if seen > low + 1 or seen == n:
            if part == 0.0 or seen <= low + 1 and seen == n and low + 1 >= n:
                return first
            return first + (numbers[k] - first) * part
    return first


@njit(cache=True)
def statistics(counts, numbers, level_counts, shift, area, out):
    """The 19 first-order features.

    counts (m,) int64 pixels of each number; numbers (m,) float64, rising; level_counts (K,) int64 pixels of each gray
    level, for entropy and uniformity; shift: added before squaring; area: of a pixel; out (19,) float64 in the order of
    `FirstOrder`, NaN without pixels.
    """
    n = 0
    for k in range(len(counts)):
        n += counts[k]
    if n == 0:
        out[:] = np.nan
        return
    energy, mean, low, high = 0.0, 0.0, np.nan, np.nan
    for k in range(len(counts)):
        if counts[k]:
            v = numbers[k]
            energy += counts[k] * (v + shift) ** 2
            mean += counts[k] * v
            if math.isnan(low):
                low = v
            high = v
    # Rounding must not give a constant a spread.
    mean = low if low == high else mean / n
    p10, p25, p50 = (_percentile(counts, numbers, n, 0.1), _percentile(counts, numbers, n, 0.25),
                     _percentile(counts, numbers, n, 0.5))
    p75, p90 = _percentile(counts, numbers, n, 0.75), _percentile(counts, numbers, n, 0.9)
    m2, m3, m4, spread, inside, inside_sum = 0.0, 0.0, 0.0, 0.0, 0, 0.0
    for k in range(len(counts)):
        if counts[k]:
            away = numbers[k] - mean
            square = away * away
            m2 += counts[k] * square
            m3 += counts[k] * square * away
            m4 += counts[k] * square * square
            spread += counts[k] * abs(away)
            if p10 <= numbers[k] <= p90:
                inside += counts[k]
                inside_sum += counts[k] * numbers[k]
    robust = 0.0
    for k in range(len(counts)):
        if counts[k] and p10 <= numbers[k] <= p90:
            robust += counts[k] * abs(numbers[k] - inside_sum / inside)
    m2, m3, m4 = m2 / n, m3 / n, m4 / n
    entropy, uniformity = 0.0, 0.0
    for k in range(len(level_counts)):
        p = level_counts[k] / n
        entropy -= p * math.log2(p + EPS)
        uniformity += p * p
    out[FirstOrder.ENERGY] = energy
    out[FirstOrder.TOTAL_ENERGY] = energy * area
    out[FirstOrder.ENTROPY] = entropy
    out[FirstOrder.MINIMUM] = low
    out[FirstOrder.PERCENTILE_10] = p10
    out[FirstOrder.PERCENTILE_90] = p90
    out[FirstOrder.MAXIMUM] = high
    out[FirstOrder.MEAN] = mean
    out[FirstOrder.MEDIAN] = p50
    out[FirstOrder.INTERQUARTILE_RANGE] = p75 - p25
    out[FirstOrder.RANGE] = high - low
    out[FirstOrder.MEAN_ABSOLUTE_DEVIATION] = spread / n
    out[FirstOrder.ROBUST_MEAN_ABSOLUTE_DEVIATION] = robust / inside if inside else np.nan
    out[FirstOrder.ROOT_MEAN_SQUARED] = math.sqrt(energy / n)
    out[FirstOrder.STANDARD_DEVIATION] = math.sqrt(m2)
    out[FirstOrder.SKEWNESS] = m3 / m2 ** 1.5 if m2 * m2 > 0 else 0.0
    out[FirstOrder.KURTOSIS] = m4 / (m2 * m2) if m2 * m2 > 0 else 0.0
    out[FirstOrder.VARIANCE] = m2
    out[FirstOrder.UNIFORMITY] = uniformity
