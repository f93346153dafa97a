"""Local binary patterns: the bits of a circle of points around every pixel, and the codes made of them."""
import numpy as np
from numba import njit

DEFAULT, ROR, UNIFORM, NRI_UNIFORM = range(4)


@njit(cache=True)
def circle_bits(padded, margin, rows, columns, y0, x0, codes):
    """Bit p of a pixel's code: the plane at point p of its circle is at least as bright as the pixel.

    padded (H + 2 margin, W + 2 margin) float64; rows, columns (P,) float64: the points relative to the pixel; y0, x0:
    place of the plane in its image; codes (H, W) int64, zeroed.
    A weight is the fraction of the *absolute* coordinate: its last bits depend on the place, and decide where all four
    pixels around a point equal the middle one.
    """
    height, width = codes.shape
    middle, fraction = np.empty(width), np.empty(width)
    for i in range(height):
        middle[:] = padded[i + margin, margin: margin + width]
        code = codes[i]
        for p in range(rows.shape[0]):
            y = np.floor(y0 + i + rows[p])
            down = y0 + i + rows[p] - y
            top = int(y) - y0 + margin
            left = int(np.floor(columns[p])) + margin
            a, b = padded[top, left: left + width], padded[top, left + 1: left + 1 + width]
            c, d = padded[top + 1, left: left + width], padded[top + 1, left + 1: left + 1 + width]
            bit = 1 << p
            if down == 0 and columns[p] == np.floor(columns[p]):
                for j in range(width):
                    code[j] |= bit if a[j] - middle[j] >= 0 else 0
                continue
            for j in range(width):
                x = x0 + j + columns[p]
                fraction[j] = x - np.floor(x)
            for j in range(width):
                f = fraction[j]
                value = (1 - down) * ((1 - f) * a[j] + f * b[j]) + down * ((1 - f) * c[j] + f * d[j])
                code[j] |= bit if value - middle[j] >= 0 else 0


@njit(cache=True)
def _ones(bits):
    """How many of the low 32 bits are set, by adding neighbours in parallel."""
    bits = bits - ((bits >> 1) & 0x55555555)
    bits = (bits & 0x33333333) + ((bits >> 2) & 0x33333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F
    return ((bits * 0x01010101) & 0xFFFFFFFF) >> 24


@njit(cache=True)
def _turned(bits, points):
    return (bits >> 1) | ((bits & 1) << (points - 1))


@njit(cache=True)
def name_codes(codes, points, method, out):
    """The bits of every pixel become the code of the method.

    codes (H, W) int64; out (H, W) int32. Uniform: number of ones if the circle changes at most twice, else points + 1.
    nri_uniform: 1 + (ones - 1) points + place of the run, 0 none, points (points - 1) + 1 all, + 2 not uniform.
    """
    height, width = codes.shape
    for i in range(height):
        if method == DEFAULT:
            for j in range(width):
                out[i, j] = codes[i, j]
        elif method == UNIFORM:
            for j in range(width):
                bits = codes[i, j]
                out[i, j] = _ones(bits) if _ones(bits ^ _turned(bits, points)) <= 2 else points + 1
        elif method == ROR:
            for j in range(width):
                bits = codes[i, j]
                least = bits
                for _ in range(points - 1):
                    bits = _turned(bits, points)
                    least = min(least, bits)
                out[i, j] = least
        else:
            for j in range(width):
                bits = codes[i, j]
                ones = _ones(bits)
                first = _ones((bits & -bits) - 1)
                gap = _ones((~bits & (bits + 1)) - 1)
                place = ones - gap if bits & 1 else points - first
                name = 1 + (ones - 1) * points + place
                name = 0 if ones == 0 else (points * (points - 1) + 1 if ones == points else name)
                out[i, j] = name if _ones(bits ^ _turned(bits, points)) <= 2 else points * (points - 1) + 2


@njit(cache=True)
def count_codes(codes, masks, out):
    """How often every code stands in every region.

    codes (H, W) int32; masks (R, H, W) bool; out (R, K) int64, zeroed.
    """
    regions, height, width = masks.shape
    for r in range(regions):
        for i in range(height):
            for j in range(width):
                if masks[r, i, j]:
                    out[r, codes[i, j]] += 1
