"""Outline of a region as a polygon through the middles between pixels, and the moments of its pixels."""
import math
from enum import IntEnum

import numpy as np
from numba import njit


class Outline(IntEnum):
    """Place of each sum in the result of `outline`: y and x are counted from the box's corner, in units of length."""

    PERIMETER = 0
    MESH_AREA = 1
    PIXELS = 2
    SUM_Y = 3
    SUM_X = 4
    SUM_YY = 5
    SUM_XX = 6
    SUM_XY = 7


@njit(cache=True)
def outline(mask, box, dy, dx, sums, ends):
    """Perimeter and area of the mesh, moments of the pixels, and the outermost vertices of every line of vertices.

    mask (H, W) bool; box (4,) int64 as in `quantizing.bounds`; dy, dx: size of a pixel;
    sums (8,) float64 in the order of `Outline`; ends (2 (h + 1) + 1, 2) float64: smallest and largest x of the vertices
    on each half row, NaN where none.

    Marching squares (Lorensen & Cline 1987 in the plane): each 2 x 2 block of pixels has one of 16 forms; a diagonal
    pair is cut as two corners.
    """
    top, bottom, left, right = box[0], box[1], box[2], box[3]
    height, width = bottom - top, right - left
    slant = 0.5 * math.sqrt(dy * dy + dx * dx)
    sums[:] = 0
    ends[:] = np.nan
    above, here = np.zeros(width + 2, np.uint8), np.zeros(width + 2, np.uint8)
    corners, threes, diagonals, flat, upright, full = 0, 0, 0, 0, 0, 0
    for i in range(height + 1):
        n, along, square = 0, 0, 0
        for j in range(width):
            inside = i < height and mask[i + top, j + left]
            here[j + 1] = inside
            n += inside
            along += j * inside
            square += j * j * inside
        sums[Outline.PIXELS] += n
        sums[Outline.SUM_Y] += i * n
        sums[Outline.SUM_X] += along
        sums[Outline.SUM_YY] += i * i * n
        sums[Outline.SUM_XX] += square
        sums[Outline.SUM_XY] += i * along
        for j in range(width + 1):
            a, b, c, d = above[j], above[j + 1], here[j], here[j + 1]
            n = a + b + c + d
            if n == 4:
                full += 1
            if n == 0 or n == 4:
                continue
            if n == 1:
                corners += 1
            elif n == 3:
                threes += 1
            elif a == d:
                diagonals += 1
            elif a == b:
                flat += 1
            else:
                upright += 1
            # Vertices of this block lie in the middle of its sides where the two pixels differ.
            if a != b:
                _widen(ends, 2 * i, j * dx)
            if c != d:
                _widen(ends, 2 * i + 2, j * dx)
            if a != c:
                _widen(ends, 2 * i + 1, (j - 0.5) * dx)
            if b != d:
                _widen(ends, 2 * i + 1, (j + 0.5) * dx)
        above, here = here, above
    sums[Outline.PERIMETER] = slant * (corners + threes + 2 * diagonals) + dx * flat + dy * upright
    sums[Outline.MESH_AREA] = 0.125 * corners + 0.875 * threes + 0.25 * diagonals + 0.5 * (flat + upright) + full
    sums[Outline.MESH_AREA] *= dy * dx
    sums[Outline.SUM_Y] = sums[Outline.SUM_Y] * dy
    sums[Outline.SUM_X] = sums[Outline.SUM_X] * dx
    sums[Outline.SUM_YY] = sums[Outline.SUM_YY] * dy * dy
    sums[Outline.SUM_XX] = sums[Outline.SUM_XX] * dx * dx
    sums[Outline.SUM_XY] = sums[Outline.SUM_XY] * dy * dx


@njit(cache=True)
def _widen(ends, row, x):
    if math.isnan(ends[row, 0]) or x < ends[row, 0]:
        ends[row, 0] = x
    if math.isnan(ends[row, 1]) or x > ends[row, 1]:
        ends[row, 1] = x


@njit(cache=True)
def diameter(ends, dy):
    """Largest distance between two vertices: between two corners of their convex hull (Andrew 1979).

    ends (R, 2) float64 as `outline` leaves them, rows half a pixel apart.
    """
    n = 0
    hull = np.empty((4 * len(ends) + 2, 2))
    for side in range(2):
        start = n
        for r in range(len(ends)):
            if math.isnan(ends[r, 0]):
                continue
            x, y = ends[r, side], r * dy / 2
            while n - start >= 2:
                ax, ay, bx, by = hull[n - 2, 0], hull[n - 2, 1], hull[n - 1, 0], hull[n - 1, 1]
                turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
                if (turn <= 0) == (side == 0) and turn != 0:
                    break
                n -= 1
            hull[n, 0], hull[n, 1] = x, y
            n += 1
    farthest = 0.0
    for p in range(n):
        for q in range(p + 1, n):
            farthest = max(farthest, (hull[p, 0] - hull[q, 0]) ** 2 + (hull[p, 1] - hull[q, 1]) ** 2)
    return math.sqrt(farthest)
