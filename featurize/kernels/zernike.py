"""Sums of powers of the coordinates inside a disk, of which every Zernike moment is made."""
import numpy as np
from numba import njit


@njit(cache=True)
def power_sums(plane, y0, x0, radius, out):
    """out[b, a] = sum of value x ((row - y0) / radius)^b x ((column - x0) / radius)^a over the disk, values above 0.

    plane (H, W); out (degree + 1, degree + 1) float64, zeroed. Row by row: the powers of the row are multiplied once.
    """
    height, width = plane.shape
    powers = out.shape[0]
    row = np.zeros(powers)
    for i in range(height):
        y = (i - y0) / radius
        left = 1 - y * y
        if left < 0:
            continue
        row[:] = 0
        for j in range(width):
            x = (j - x0) / radius
            value = np.float64(plane[i, j])
            if value <= 0 or x * x > left:
                continue
            for a in range(powers):
                row[a] += value
                value *= x
        scale = 1.0
        for b in range(powers):
            for a in range(powers):
                out[b, a] += scale * row[a]
            scale *= y
