"""Histograms of oriented gradients: cells of directions, normalized over blocks of cells."""
import numpy as np
from numba import njit

L1, L2, L2_HYS = range(3)
_CLIP = 0.2            # share of a block's norm at which L2-Hys clips (Dalal & Triggs 2005)
_EPS = 1e-5            # added to norms, as scikit-image does
_EPS_SQUARED = 1e-10
_TIE = 1e-12           # of the magnitude; a direction that misses the end of a bin by less belongs to the next bin


@njit(cache=True)
def cell_histograms(plane, cosines, sines, cell_rows, cell_columns, out):
    """Mean gradient magnitude of every cell by direction.

    plane (H, W); cosines, sines (k,) float64 of the upper ends of the bins below half a turn; out (rows, columns, bins)
    float32, zeroed. Central differences, 0 at the rim. A direction is compared with the ends of the bins by the
    sign of a cross product, which needs no arctangent; one that lies on an end belongs to the next bin. Sums are kept
    in single precision, as scikit-image keeps them.
    """
    height, width = plane.shape
    rows, columns, bins = out.shape
    down, right = np.zeros(width), np.zeros(width)
    size, place = np.zeros(width), np.zeros(width, np.int64)
    for i in range(rows * cell_rows):
        inside = 0 < i < height - 1
        above, here, below = plane[max(i - 1, 0)], plane[i], plane[min(i + 1, height - 1)]
        for j in range(width):
            down[j] = np.float64(below[j]) - np.float64(above[j]) if inside else 0.0
        for j in range(1, width - 1):
            right[j] = np.float64(here[j + 1]) - np.float64(here[j - 1])
        for j in range(width):
            y, x = down[j], right[j]
            size[j] = np.sqrt(y * y + x * x)
            # The lower half plane holds the same directions as the upper.
            turn = -1.0 if y < 0 or (y == 0 and x < 0) else 1.0
            down[j], right[j], place[j] = y * turn, x * turn, 0
        for k in range(cosines.shape[0]):
            c, s = cosines[k], sines[k]
            for j in range(width):
                place[j] += 1 if down[j] * c - right[j] * s >= -_TIE * size[j] else 0
        cells = out[i // cell_rows]
        for b in range(columns):
            for j in range(b * cell_columns, (b + 1) * cell_columns):
                if size[j] > 0 and place[j] < bins:
                    cells[b, place[j]] += size[j]
        # `right` of the rim stays 0; the rest is written anew in the next row.
    for i in range(rows):
        for j in range(columns):
            for k in range(bins):
                out[i, j, k] = out[i, j, k] / np.float32(cell_rows * cell_columns)


@njit(cache=True)
def normalized_blocks(cells, method, out):
    """Every block of cells over its norm. cells (rows, columns, bins) float32; out (R, C, a, b, bins) float64."""
    rows, columns, high, wide, bins = out.shape
    for i in range(rows):
        for j in range(columns):
            block = out[i, j]
            total = 0.0
            for a in range(high):
                for b in range(wide):
                    for k in range(bins):
                        value = np.float64(cells[i + a, j + b, k])
                        block[a, b, k] = value
                        total += value if method == L1 else value * value
            scale = 1 / (total + _EPS) if method == L1 else 1 / np.sqrt(total + _EPS_SQUARED)
            total = 0.0
            for a in range(high):
                for b in range(wide):
                    for k in range(bins):
                        value = block[a, b, k] * scale
                        if method == L2_HYS:
                            value = min(value, _CLIP)
                            total += value * value
                        block[a, b, k] = value
            if method == L2_HYS:
                scale = 1 / np.sqrt(total + _EPS_SQUARED)
                for a in range(high):
                    for b in range(wide):
                        for k in range(bins):
                            block[a, b, k] *= scale
