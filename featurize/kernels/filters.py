"""Filters along columns, a whole row at a time: recursive, periodic; and patterns of the eight neighbors."""
import numpy as np
from numba import njit


@njit(cache=True)
def recursive_rows(plane, rates, feedback, edge, delay, forward, out):
    """Filter every column with four values of the plane and four of the result.

    plane (H, W) float; rates, feedback, edge (4,) float64; delay 0 or 1; out (H, W) float64. Downwards (`forward`):
    out[i] = sum_k rates[k] plane[i - delay - k] - sum_k feedback[k] out[i - 1 - k]; upwards with the signs of the
    steps turned. Outside the plane its own first row (upwards: its last) goes on; the result there is that row times
    edge[k] / feedback[k].
    """
    height, width = plane.shape
    step = 1 if forward else -1
    start = 0 if forward else height - 1
    first = np.empty(width, np.float64)
    fed = np.empty(width, np.float64)
    first[:] = plane[start]
    for s in range(height):
        i = start + step * s
        out[i] = 0.0
        fed[:] = 0.0
        for k in range(4):
            row = min(max(i - step * (delay + k), 0), height - 1)
            for j in range(width):
                out[i, j] += plane[row, j] * rates[k]
        for k in range(4):
            inside = s > k
            past = out[i - step * (1 + k)] if inside else first
            rate = feedback[k] if inside else edge[k]
            for j in range(width):
                fed[j] += past[j] * rate
        for j in range(width):
            out[i, j] -= fed[j]


@njit(cache=True)
def periodic_rows(plane, low, high, out_low, out_high):
    """Undecimated periodic convolution of every column with two filters of the same length F.

    plane (H, W), low, high (F,) of one float type; out_low, out_high (H, W) of that type, zeroed.
    out[i] = sum_k filter[k] plane[(i + F / 2 - k) mod H].
    """
    height, width = plane.shape
    taps = low.shape[0]
    for i in range(height):
        last = i + taps // 2
        # Taps 0 .. over reach past the end. They are summed first and downwards, as PyWavelets does, because the
        # sign of what rounding leaves in a flat area decides on which side of zero its pixels are counted.
        over = last - height
        for t in range(taps):
            k = over - t if t <= over else t
            row = (last - k) % height
            for j in range(width):
                out_low[i, j] += low[k] * plane[row, j]
                out_high[i, j] += high[k] * plane[row, j]


@njit(cache=True)
def uniform_patterns(padded, down, right, out):
    """Number of neighbors at least as bright as the pixel, P + 1 where they change sides more than twice.

    padded (H + 2, W + 2) float64, a rim of one pixel; down, right (P,) float64 steps to the neighbors, at most one
    pixel; out (H, W) float64.
    """
    height, width = out.shape
    points = down.shape[0]
    across = np.empty(width, np.float64)
    ones = np.empty(width, np.int32)
    changes = np.empty(width, np.int32)
    before = np.empty(width, np.int32)
    for i in range(height):
        ones[:] = 0
        changes[:] = 0
        for p in range(points):
            y = i + down[p]
            low, high = int(np.floor(y)) + 1, int(np.ceil(y)) + 1
            dy = y - np.floor(y)
            left, more = int(np.floor(right[p])) + 1, int(np.ceil(right[p])) + 1
            for j in range(width):
                # From the full coordinate, not from the step: a share of 1e-16 decides ties in flat areas.
                across[j] = (j + right[p]) - (j + left - 1)
            for j in range(width):
                dx = across[j]
                top = (1 - dx) * padded[low, j + left] + dx * padded[low, j + more]
                bottom = (1 - dx) * padded[high, j + left] + dx * padded[high, j + more]
                value = (1 - dy) * top + dy * bottom
                bit = np.int32(1) if value - padded[i + 1, j + 1] >= 0 else np.int32(0)
                ones[j] += bit
                if p > 0:
                    changes[j] += bit ^ before[j]
                before[j] = bit
        for j in range(width):
            out[i, j] = ones[j] if changes[j] <= 2 else points + 1
