"""What every pixel's neighbors are like: dependences (GLDM, NGLDM) and gray tone differences (NGTDM), in one pass."""
from enum import IntEnum

import numpy as np
from numba import njit

# Coarseness of a region in which every pixel equals the mean of its neighbors: pyradiomics' value for 1 / 0.
_EVEN_COARSENESS = 1e6


class Ngtdm(IntEnum):
    """Place of each feature in the result of `tone_features`."""

    COARSENESS = 0
    CONTRAST = 1
    BUSYNESS = 2
    COMPLEXITY = 3
    STRENGTH = 4


@njit(cache=True)
def around(levels, pad, offsets, values, alpha, dependence, counted, tones):
    """Dependence counts and gray tone differences.

    levels (h + 2 pad, w + 2 pad) uint16, 0 outside the region; offsets (D, 2) int64: every neighbor, none farther than
    pad; values (K + 1,) int64 gray levels, values[0] = 0; alpha: largest difference of levels that counts as dependent;
    dependence (K + 1, D + 1) int64, zeroed: pixels by level and number of dependent neighbors;
    counted (K + 1,) int64, tones (K + 1,) float64, zeroed: pixels with a neighbor, and the sum of their differences
    from the mean of their neighbors.
    """
    height, width = levels.shape
    steps = offsets.shape[0]
    n, total, alike = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    limit = np.int32(alpha)
    level_of = np.empty((height, width), np.int32)
    for i in range(height):
        for j in range(width):
            level_of[i, j] = values[levels[i, j]]
    for i in range(pad, height - pad):
        here = level_of[i, pad:width - pad]
        n[:] = 0
        total[:] = 0
        alike[:] = 0
        # Offset by offset along the row: no branch, so that the compiler can take several pixels at once.
        for d in range(steps):
            right = offsets[d, 1]
            there = level_of[i + offsets[d, 0], pad + right:width - pad + right]
            for j in range(len(there)):
                b = there[j]
                n[j] += np.int32(b > 0)
                total[j] += b
                alike[j] += np.int32((b > 0) & (abs(b - here[j]) <= limit))
        for j in range(width - 2 * pad):
            a = levels[i, j + pad]
            if a:
                dependence[a, alike[j]] += 1
                if n[j]:
                    counted[a] += 1
                    tones[a] += abs(here[j] - total[j] / n[j])


@njit(cache=True)
def tone_features(counted, tones, values, out):
    """The features of gray tone differences (Amadasun & King 1989, 10.1109/21.44046).

    counted (K,) int64; tones (K,) float64; values (K,) int64; out (5,) float64 in the order of `Ngtdm`, NaN where no
    pixel has a neighbor.
    """
    n, levels, all_tones, weighted = 0, 0, 0.0, 0.0
    for k in range(len(values)):
        n += counted[k]
        levels += counted[k] > 0
        all_tones += tones[k]
    if n == 0:
        out[:] = np.nan
        return
    for k in range(len(values)):
        weighted += counted[k] / n * tones[k]
    contrast, busy, complexity, strength = 0.0, 0.0, 0.0, 0.0
    for a in range(len(values)):
        if counted[a] == 0:
            continue
        pa, ta, va = counted[a] / n, tones[a], float(values[a])
        for b in range(len(values)):
            if counted[b] == 0 or b == a:
                continue
            pb, gap = counted[b] / n, va - values[b]
            contrast += pa * pb * gap * gap
            # Whole numbers: two levels of the same product must give exactly 0.
            busy += abs(values[a] * counted[a] - values[b] * counted[b]) / n
            complexity += abs(gap) * (pa * ta + pb * tones[b]) / (pa + pb)
            strength += (pa + pb) * gap * gap
    out[Ngtdm.COARSENESS] = 1.0 / weighted if weighted != 0 else _EVEN_COARSENESS
    out[Ngtdm.CONTRAST] = contrast * all_tones / n / (levels * (levels - 1)) if levels > 1 else 0.0
    out[Ngtdm.BUSYNESS] = weighted / busy if busy != 0 else 0.0
    out[Ngtdm.COMPLEXITY] = complexity / n
    out[Ngtdm.STRENGTH] = strength / all_tones if all_tones != 0 else 0.0
