"""Counts over regions: histograms, local binary patterns, oriented gradients."""
import numpy as np
from numba import njit


@njit(cache=True)
def histograms(channels, masks, out):
    """Count every byte of every channel in every region.

    channels (C, H, W) uint8; masks (R, H, W) bool; out (R, C, 256) int64, zeroed.
    """
    regions, height, width = masks.shape
    for i in range(height):
        for j in range(width):
            for r in range(regions):
                if masks[r, i, j]:
                    for c in range(channels.shape[0]):
                        out[r, c, channels[c, i, j]] += 1


@njit(cache=True)
def binary_patterns(gray, masks, offsets, weights, tolerance, out):
    """Counts of the ten rotation-invariant uniform patterns of eight neighbours.

    gray (H, W) float32; masks (R, H, W) bool; offsets (8, 4, 2) int64 the four pixels around each neighbour;
    weights (8, 4) float32 their bilinear weights; out (R, 10) int64, zeroed. Pixels whose circle leaves the image
    are not counted. A neighbour counts as brighter from `tolerance` gray levels on.
    """
    regions, height, width = masks.shape
    reach = 0
    for p in range(8):
        for q in range(4):
            reach = max(reach, abs(offsets[p, q, 0]), abs(offsets[p, q, 1]))
    bits, ones, changes = np.zeros((8, width), np.int32), np.zeros(width, np.int32), np.zeros(width, np.int32)
    values = np.zeros(width, np.float32)
    for i in range(reach, height - reach):
        start, stop = width, 0
        for r in range(regions):
            for j in range(reach, width - reach):
                if masks[r, i, j]:
                    start, stop = min(start, j), max(stop, j + 1)
        n = stop - start
        if n <= 0:
            continue
        # Point by point along the whole row: loops without branches are done for many pixels at once.
        middle = gray[i, start: stop]
        ones[:n], changes[:n] = 0, 0
        for p in range(8):
            values[:n] = 0
            for q in range(4):
                weight, left = weights[p, q], start + offsets[p, q, 1]
                near = gray[i + offsets[p, q, 0], left: left + n]
                for j in range(n):
                    values[j] += weight * near[j]
            bit, before = bits[p], bits[max(p - 1, 0)]
            for j in range(n):
                bit[j] = np.int32(1) if values[j] - middle[j] >= tolerance else np.int32(0)
            for j in range(n):
                ones[j] += bit[j]
                changes[j] += bit[j] ^ before[j]
        for j in range(n):
            if changes[j] + (bits[7, j] ^ bits[0, j]) > 2:
                ones[j] = 9
        for r in range(regions):
            inside = masks[r, i, start: stop]
            for j in range(n):
                if inside[j]:
                    out[r, ones[j]] += 1


@njit(cache=True)
def ring_sums(channels, masks, ring, out):
    """Number, sum and sum of squares of every channel in every ring of every region.

    channels (C, H, W) uint8; masks (R, H, W) bool; ring (H, W) int32, negative = none; out (R, K, C, 3) float64, 0.
    """
    regions, height, width = masks.shape
    for i in range(height):
        for j in range(width):
            k = ring[i, j]
            if k < 0 or k >= out.shape[1]:
                continue
            for r in range(regions):
                if masks[r, i, j]:
                    for c in range(channels.shape[0]):
                        v = float(channels[c, i, j])
                        out[r, k, c, 0] += 1.0
                        out[r, k, c, 1] += v
                        out[r, k, c, 2] += v * v


@njit(cache=True)
def gradient_grid(dy, dx, mask, out):
    """Magnitude of the gradient by cell of a grid and unsigned direction.

    dy, dx (H, W) float32; mask (H, W) bool; out (rows, columns, bins) float64, zeroed.
    """
    height, width = dy.shape
    rows, columns, bins = out.shape
    for i in range(height):
        for j in range(width):
            if not mask[i, j]:
                continue
            size = np.sqrt(dy[i, j] * dy[i, j] + dx[i, j] * dx[i, j])
            if size == 0:
                continue
            angle = np.arctan2(dy[i, j], dx[i, j])
            if angle < 0:
                angle += np.pi
            place = angle / np.pi * bins
            low = int(np.floor(place))
            share = place - low
            a, b = i * rows // height, j * columns // width
            out[a, b, low % bins] += size * (1 - share)
            out[a, b, (low + 1) % bins] += size * share
