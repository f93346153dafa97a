"""Gray-level runs in the four directions of the plane, in one pass."""
import numpy as np
from numba import njit


@njit(cache=True)
def runs(levels, out):
    """Count runs of equal level.

    levels (h + 2, w + 2) uint16, 0 outside the region, padded by one; out (4, K + 1, L + 1) int32, zeroed,
    L = max(h, w) + 2, by direction (right, down-left, down, down-right), level and length; what it counts for level 0
    means nothing.
    """
    height, width = levels.shape
    # Length of the run that ends at each pixel of the row above; those of this row replace them.
    length = np.zeros((4, width), np.int32)
    fresh = np.zeros((4, width), np.int32)
    for i in range(1, height):
        here, above = levels[i], levels[i - 1]
        for j in range(1, width):
            a = here[j]
            before = here[j - 1]
            # A run is entered when its next pixel breaks it; the padding breaks all that reach the rim.
            if before == a:
                fresh[0, j] = fresh[0, j - 1] + 1
            else:
                out[0, before, fresh[0, j - 1]] += 1
                fresh[0, j] = 1
        for j in range(0, width - 1):
            a, before = here[j], above[j + 1]
            if before == a:
                fresh[1, j] = length[1, j + 1] + 1
            else:
                out[1, before, length[1, j + 1]] += 1
                fresh[1, j] = 1
        for j in range(1, width - 1):
            a, before = here[j], above[j]
            if before == a:
                fresh[2, j] = length[2, j] + 1
            else:
                out[2, before, length[2, j]] += 1
                fresh[2, j] = 1
        for j in range(1, width):
            a, before = here[j], above[j - 1]
            if before == a:
                fresh[3, j] = length[3, j - 1] + 1
            else:
                out[3, before, length[3, j - 1]] += 1
                fresh[3, j] = 1
        length, fresh = fresh, length
