"""First-order statistics from a histogram: every number once, however many pixels have it."""
import math

import numpy as np
from numba import njit

EPS = np.spacing(1.0)


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
    `featurize.radiomics.first_order.NAMES`, NaN without pixels.
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
    out[0], out[1], out[2], out[3], out[4], out[5] = energy, energy * area, entropy, low, p10, p90
    out[6], out[7], out[8], out[9], out[10] = high, mean, p50, p75 - p25, high - low
    out[11], out[12] = spread / n, robust / inside if inside else np.nan
    out[13], out[14] = math.sqrt(energy / n), math.sqrt(m2)
    out[15], out[16] = (m3 / m2 ** 1.5, m4 / (m2 * m2)) if m2 * m2 > 0 else (0.0, 0.0)
    out[17], out[18] = m2, uniformity
