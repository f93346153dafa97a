"""Gray levels of a region: histogram and box of the region, its pixels as small numbers in a padded crop."""
import numpy as np
from numba import njit


@njit(cache=True)
def count_bytes(plane, mask, counts, box):
    """Histogram of a byte plane inside a mask, and the mask's bounding box.

    plane (H, W) uint8; mask (H, W) bool; counts (256,) int64, zeroed; box (4,) int64: first row, last row + 1, first
    column, last column + 1, all 0 for an empty mask. Returns the smallest and the largest byte.
    """
    height, width = mask.shape
    even = np.zeros(256, np.int64)
    top, bottom, left, right = height, 0, width, 0
    for i in range(height):
        first, last = width, -1
        for j in range(width):
            if mask[i, j]:
                # Neighbors are often equal: two tables, so that one increment needn't wait for the other.
                if j & 1:
                    counts[plane[i, j]] += 1
                else:
                    even[plane[i, j]] += 1
                if last < 0:
                    first = j
                last = j
        if last >= 0:
            top, bottom = min(top, i), i + 1
            left, right = min(left, first), max(right, last + 1)
    low, high = 256, -1
    for k in range(256):
        counts[k] += even[k]
        if counts[k]:
            low, high = min(low, k), k
    box[0], box[1], box[2], box[3] = (top, bottom, left, right) if bottom else (0, 0, 0, 0)
    return low, high


@njit(cache=True)
def bounds(mask, box):
    """Bounding box of a mask, as in `count_bytes`; returns the number of its pixels."""
    height, width = mask.shape
    top, bottom, left, right, n = height, 0, width, 0, 0
    for i in range(height):
        first, last = width, -1
        for j in range(width):
            if mask[i, j]:
                n += 1
                if last < 0:
                    first = j
                last = j
        if last >= 0:
            top, bottom = min(top, i), i + 1
            left, right = min(left, first), max(right, last + 1)
    box[0], box[1], box[2], box[3] = (top, bottom, left, right) if bottom else (0, 0, 0, 0)
    return n


@njit(cache=True)
def rank_bytes(counts, edges, table, values, level_counts):
    """Gray levels of the bytes that occur.

    counts (256,) int64; edges (m,) float64 rising, the first not above the smallest byte that occurs; table (256,)
    uint16, zeroed: rank of the gray level of each byte that occurs, from 1 on; values, level_counts (256,) int64: gray
    level and pixels of each rank. Returns the number of ranks.
    """
    ranks, last, k = 0, 0, 0
    for v in range(256):
        if counts[v]:
            while k + 1 < len(edges) and v >= edges[k + 1]:
                k += 1
            if k + 1 != last:
                last = k + 1
                values[ranks] = last
                level_counts[ranks] = 0
                ranks += 1
            level_counts[ranks - 1] += counts[v]
            table[v] = ranks
    return ranks


@njit(cache=True)
def look_up(plane, mask, box, table, pad, out):
    """Levels of a byte plane by a table, 0 outside the mask.

    plane (H, W) uint8; mask (H, W) bool; box (4,) int64; table (256,) uint16; out (h + 2 pad, w + 2 pad) uint16,
    zeroed, where (h, w) is the size of the box.
    """
    for i in range(box[0], box[1]):
        row, inside, to = plane[i], mask[i], out[i - box[0] + pad]
        shift = pad - box[2]
        for j in range(box[2], box[3]):
            if inside[j]:
                to[j + shift] = table[row[j]]


@njit(cache=True)
def digitize(values, edges, out):
    """Number of the bin of every value, bins of equal width: 1 for edges[0] <= value < edges[1], and so on.

    values (n,) float64, none below edges[0] or NaN; edges (m,) float64 rising; out (n,) int64. Same numbers as
    `numpy.digitize`, without its search: the quotient is at most one bin off.
    """
    m = len(edges)
    low = edges[0]
    width = edges[1] - low if m > 1 else 1.0
    for p in range(len(values)):
        k = min(max(int((values[p] - low) / width), 0), m - 1)
        while k > 0 and values[p] < edges[k]:
            k -= 1
        while k < m - 1 and values[p] >= edges[k + 1]:
            k += 1
        out[p] = k + 1


@njit(cache=True)
def scatter(levels, mask, box, pad, out):
    """The levels of a mask's pixels, in reading order, put back in their places.

    levels (n,) uint16; mask (H, W) bool; box (4,) int64; out (h + 2 pad, w + 2 pad) uint16, zeroed.
    """
    p = 0
    for i in range(box[0], box[1]):
        for j in range(box[2], box[3]):
            if mask[i, j]:
                out[i - box[0] + pad, j - box[2] + pad] = levels[p]
                p += 1
