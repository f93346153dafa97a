"""Exact sums over byte and 16-bit planes."""
from enum import IntEnum

import numpy as np
from numba import njit


class Opponent(IntEnum):
    """Place of each sum in the result of `opponent_sums`: of a color difference, of its squares, of clipped pixels."""

    RED_GREEN = 0
    RED_GREEN_SQUARES = 1
    YELLOW_BLUE = 2
    YELLOW_BLUE_SQUARES = 3
    DARK = 4
    BRIGHT = 5


class Spots(IntEnum):
    """Place of each sum in the result of `spot_sums`; the sums of planes under the high extremes begin at the last."""

    HIGH = 0
    LOW_COUNT = 1
    LOW = 2
    PLANES = 3


class Tensor(IntEnum):
    """Place of each sum in the result of `tensor_sums`."""

    YY = 0
    XX = 1
    XY = 2


@njit(cache=True)
def power_sums(plane, out):
    """Sum and sum of squares.

    plane (H, W) int16; out (2,) int64, zeroed.
    """
    total, squares = 0, 0
    for i in range(plane.shape[0]):
        row = plane[i]
        for j in range(len(row)):
            v = np.int64(row[j])
            total += v
            squares += v * v
    out[0], out[1] = total, squares


@njit(cache=True)
def opponent_sums(red, green, blue, out):
    """Sums and sums of squares of red - green and of red + green - 2 blue, pixels with a channel at 0, at 255.

    red, green, blue (H, W) uint8; out (6,) int64 in the order of `Opponent`.
    """
    a1, a2, b1, b2, dark, bright = 0, 0, 0, 0, 0, 0
    for i in range(red.shape[0]):
        for j in range(red.shape[1]):
            r, g, b = np.int64(red[i, j]), np.int64(green[i, j]), np.int64(blue[i, j])
            across, along = r - g, r + g - 2 * b
            a1 += across
            a2 += across * across
            b1 += along
            b2 += along * along
            dark += (r == 0) | (g == 0) | (b == 0)
            bright += (r == 255) | (g == 255) | (b == 255)
    out[Opponent.RED_GREEN], out[Opponent.RED_GREEN_SQUARES] = a1, a2
    out[Opponent.YELLOW_BLUE], out[Opponent.YELLOW_BLUE_SQUARES] = b1, b2
    out[Opponent.DARK], out[Opponent.BRIGHT] = dark, bright


@njit(cache=True)
def spot_sums(answer, highest, lowest, least, inner, planes, out, under):
    """Local extremes of a blob filter inside a region.

    answer, highest, lowest (H, W) float32: the filter's answer, the largest and smallest one of the 3 x 3 around; least
    float32: what an extreme must exceed; inner (H, W) bool; planes (C, H, W) float32; out (2 + C,) float64, zeroed, in
    the order of `Spots`: answers of the high extremes, number and answers of the low ones, all planes but the last
    under the high ones; under (H W,) float32: values of the last plane there. Returns the number of high extremes.
    """
    n, last = 0, len(planes) - 1
    for i in range(answer.shape[0]):
        for j in range(answer.shape[1]):
            a = answer[i, j]
            if not inner[i, j]:
                continue
            if a > least and a >= highest[i, j]:
                out[Spots.HIGH] += a
                for c in range(last):
                    out[Spots.PLANES + c] += planes[c, i, j]
                under[n] = planes[last, i, j]
                n += 1
            elif a < -least and a <= lowest[i, j]:
                out[Spots.LOW_COUNT] += 1
                out[Spots.LOW] += a
    return n


@njit(cache=True)
def detail_sums(details, inner, out):
    """Sums of |w|, w^2 and w^3 over a region.

    details (K, H, W) float32; inner (H, W) bool; out (K, 3) float64, zeroed.
    """
    for k in range(details.shape[0]):
        total, squares, cubes = 0.0, 0.0, 0.0
        for i in range(inner.shape[0]):
            for j in range(inner.shape[1]):
                if inner[i, j]:
                    # Powers in single precision, sums in double, as numpy has them: a skewness near 0 shows it.
                    w = details[k, i, j]
                    square = w * w
                    total += abs(w)
                    squares += square
                    cubes += square * w
        out[k, 0], out[k, 1], out[k, 2] = total, squares, cubes


@njit(cache=True)
def tensor_sums(plane, inner, out):
    """Structure tensor over a region: sums of dy dy, dx dx and dy dx of Sobel's 3 x 3 gradients.

    plane (H, W) uint8, the rim mirrored without repeating it; inner (H, W) bool; out (3,) int64 in the order of
    `Tensor`.
    """
    height, width = inner.shape
    yy, xx, xy = 0, 0, 0
    for i in range(height):
        up, down = abs(i - 1) if height > 1 else 0, i + 1 if i + 1 < height else max(height - 2, 0)
        for j in range(width):
            if inner[i, j]:
                left, right = abs(j - 1) if width > 1 else 0, j + 1 if j + 1 < width else max(width - 2, 0)
                a, b, c = np.int64(plane[up, left]), np.int64(plane[up, j]), np.int64(plane[up, right])
                d, f = np.int64(plane[i, left]), np.int64(plane[i, right])
                g, h, k = np.int64(plane[down, left]), np.int64(plane[down, j]), np.int64(plane[down, right])
                dx, dy = c + 2 * f + k - a - 2 * d - g, g + 2 * h + k - a - 2 * b - c
                yy += dy * dy
                xx += dx * dx
                xy += dy * dx
    out[Tensor.YY], out[Tensor.XX], out[Tensor.XY] = yy, xx, xy
