"""Entropy of gray levels in a window that slides over a region."""
import numpy as np
from numba import njit


@njit(cache=True)
def local_entropies(levels, mask, half, terms, scale, out):
    """Shannon entropy in bits of the pixels of the region in the (2 half + 1)^2 window around each of its pixels.

    levels (H, W) uint8; mask (H, W) bool; terms (N + 1,) int64: c log2 c x scale, rounded, for counts up to
    N = (2 half + 1)^2; out (H, W) float64, written where the mask is set.
    Integers: a sum that is added to and taken from a thousand times has no drift, and even ground gives exactly 0.
    """
    height, width = levels.shape
    counts = np.zeros(256, np.int64)
    for i in range(height):
        first, last = width, -1
        for j in range(width):
            if mask[i, j]:
                first, last = min(first, j), j
        if last < 0:
            continue
        top, bottom = max(i - half, 0), min(i + half + 1, height)
        counts[:] = 0
        n, total = 0, 0
        for j in range(max(first - half, 0), min(last + half + 1, width) + half):
            # The column that leaves goes before the next one comes: no count is ever above N.
            old = j - 2 * half - 1
            if old >= max(first - half, 0):
                for y in range(top, bottom):
                    if mask[y, old]:
                        c = counts[levels[y, old]]
                        counts[levels[y, old]] = c - 1
                        total += terms[c - 1] - terms[c]
                        n -= 1
            if j < width:
                for y in range(top, bottom):
                    if mask[y, j]:
                        c = counts[levels[y, j]]
                        counts[levels[y, j]] = c + 1
                        total += terms[c + 1] - terms[c]
                        n += 1
            middle = j - half
            if first <= middle <= last and mask[i, middle]:
                out[i, middle] = (terms[n] - total) / (scale * n)
