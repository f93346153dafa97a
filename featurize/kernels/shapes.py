"""Shapes of all objects of a label image at once: moments, outlines, convex hulls."""
from enum import IntEnum

import numpy as np
from numba import njit

# Beyond every column: the end of a row without pixels.
NOWHERE = 2 ** 40


class Moment(IntEnum):
    """Place of each sum over the pixels of an object; y and x are counted from its first pixel."""

    AREA = 0
    Y = 1
    X = 2
    YY = 3
    YX = 4
    XX = 5


class Step(IntEnum):
    """Place of each count of outline pixels, by their length: 1, sqrt(2), (1 + sqrt(2)) / 2."""

    STRAIGHT = 0
    SLANTED = 1
    MIXED = 2


@njit(cache=True)
def object_moments(labels, anchor, box, sums, quads):
    """Areas, boxes, moments and 2 x 2 neighborhoods of every object in one pass.

    labels (H, W) int32 in 0..n; anchor (n, 2) int64: row and column of the first pixel; box (n, 4) int64: first row,
    first column, last row, last column; sums (n, 6) float64, zeroed, in the order of `Moment`; quads (n, 16) int64,
    zeroed: windows of 2 x 2 pixels by which are the object's: 1 lower right, 2 upper right, 4 lower left, 8 upper left;
    those with all four are not counted.
    """
    height, width = labels.shape
    for i in range(height + 1):
        for j in range(width + 1):
            d = labels[i, j] if i < height and j < width else 0
            b = labels[i - 1, j] if i > 0 and j < width else 0
            c = labels[i, j - 1] if i < height and j > 0 else 0
            a = labels[i - 1, j - 1] if i > 0 and j > 0 else 0
            if not (a == b and b == c and c == d):
                if d > 0:
                    quads[d - 1, 1 + 2 * (b == d) + 4 * (c == d) + 8 * (a == d)] += 1
                if b > 0 and b != d:
                    quads[b - 1, 2 + 4 * (c == b) + 8 * (a == b)] += 1
                if c > 0 and c != d and c != b:
                    quads[c - 1, 4 + 8 * (a == c)] += 1
                if a > 0 and a != d and a != b and a != c:
                    quads[a - 1, 8] += 1
            if d == 0:
                continue
            k = d - 1
            if sums[k, Moment.AREA] == 0:
                anchor[k, 0], anchor[k, 1] = i, j
                box[k, 0], box[k, 1], box[k, 2], box[k, 3] = i, j, i, j
            box[k, 1], box[k, 2], box[k, 3] = min(box[k, 1], j), i, max(box[k, 3], j)
            y, x = i - anchor[k, 0], j - anchor[k, 1]
            sums[k, Moment.AREA] += 1
            sums[k, Moment.Y] += y
            sums[k, Moment.X] += x
            sums[k, Moment.YY] += y * y
            sums[k, Moment.YX] += y * x
            sums[k, Moment.XX] += x * x


@njit(cache=True)
def outline_steps(labels, edge, steps):
    """Pixels of each object's outline by the way their neighbors on it lie.

    labels (H, W) int32; edge (H, W) uint8, zeroed: receives the pixels with one of four neighbors outside the object;
    steps (n, 3) int64, zeroed, in the order of `Step` (Benkrid, Crookes & Benkrid 2000).
    """
    height, width = labels.shape
    for i in range(height):
        for j in range(width):
            k = labels[i, j]
            if k > 0 and (i == 0 or labels[i - 1, j] != k or i == height - 1 or labels[i + 1, j] != k
                          or j == 0 or labels[i, j - 1] != k or j == width - 1 or labels[i, j + 1] != k):
                edge[i, j] = 1
    for i in range(height):
        for j in range(width):
            if edge[i, j] == 0:
                continue
            k = labels[i, j]
            straight, slanted = 0, 0
            for y in range(max(i - 1, 0), min(i + 2, height)):
                for x in range(max(j - 1, 0), min(j + 2, width)):
                    if edge[y, x] == 1 and labels[y, x] == k:
                        if y != i and x != j:
                            slanted += 1
                        elif y != i or x != j:
                            straight += 1
            if slanted <= 2 and 2 <= straight <= 3:
                steps[k - 1, Step.STRAIGHT] += 1
            elif (slanted == 2 and straight == 0) or (slanted == 3 and straight == 1):
                steps[k - 1, Step.SLANTED] += 1
            elif straight == 1 and (slanted == 1 or slanted == 2):
                steps[k - 1, Step.MIXED] += 1


@njit(cache=True)
def row_ends(labels, box, start, low, high):
    """First and last column of every object in every row of its box, from the left of the box.

    start (n,) int64: where an object's rows begin in low and high (rows,) int64, on entry NOWHERE and -NOWHERE, which
    rows without pixels keep.
    """
    height, width = labels.shape
    for i in range(height):
        for j in range(width):
            k = labels[i, j] - 1
            if k >= 0:
                at = start[k] + i - box[k, 0]
                x = j - box[k, 1]
                low[at], high[at] = min(low[at], x), max(high[at], x)


@njit(cache=True)
def _edges(low, high, left, right):
    """Leftmost and rightmost middle of a pixel side on every half row, in half pixels: row r stands at 2 r + 1."""
    rows = low.shape[0]
    left[:], right[:] = NOWHERE, NOWHERE
    for r in range(rows):
        if low[r] > high[r]:
            continue
        a, b = 2 * low[r], -2 * high[r]
        left[2 * r + 1], right[2 * r + 1] = a - 1, b - 1
        left[2 * r], left[2 * r + 2] = min(left[2 * r], a), min(left[2 * r + 2], a)
        right[2 * r], right[2 * r + 2] = min(right[2 * r], b), min(right[2 * r + 2], b)


@njit(cache=True)
def _envelope(points, y, x):
    """Corners (y, x) of the lower convex envelope of points[y]; returns how many."""
    count = 0
    for t in range(points.shape[0]):
        if points[t] >= NOWHERE:
            continue
        while count > 1 and (x[count - 1] - x[count - 2]) * (t - y[count - 2]) \
                >= (points[t] - x[count - 2]) * (y[count - 1] - y[count - 2]):
            count -= 1
        y[count], x[count] = t, points[t]
        count += 1
    return count


@njit(cache=True)
def _first_pixels(y, x, count, out):
    """The first pixel centre on or right of the envelope, row by row, in exact integers."""
    s = 0
    for r in range(out.shape[0]):
        t = 2 * r + 1
        while s < count - 2 and y[s + 1] < t:
            s += 1
        run = y[s + 1] - y[s]
        out[r] = -((-(x[s] * run + (x[s + 1] - x[s]) * (t - y[s]))) // (2 * run))


@njit(cache=True)
def object_hulls(start, low, high, area, feret):
    """Pixels in the convex hull of every object, and the largest distance across it, squared, in half pixels.

    start (n + 1,) int64; low, high (rows,) int64 of `row_ends`; area, feret (n,) int64. The hull is that of the middles
    of the sides of all pixels; pixels whose centre lies in it or on it belong to it; the distance is between middles of
    sides of those.
    """
    most_rows = 0
    for k in range(area.shape[0]):
        most_rows = max(most_rows, start[k + 1] - start[k])
    left_side, right_side = np.empty(2 * most_rows + 1, np.int64), np.empty(2 * most_rows + 1, np.int64)
    ya, xa = np.empty(2 * most_rows + 1, np.int64), np.empty(2 * most_rows + 1, np.int64)
    yb, xb = np.empty(2 * most_rows + 1, np.int64), np.empty(2 * most_rows + 1, np.int64)
    for k in range(area.shape[0]):
        rows = start[k + 1] - start[k]
        if rows == 0:
            continue
        first, last = low[start[k]: start[k + 1]], high[start[k]: start[k + 1]]
        left, right = left_side[: 2 * rows + 1], right_side[: 2 * rows + 1]
        _edges(first, last, left, right)
        _first_pixels(ya, xa, _envelope(left, ya, xa), first)
        _first_pixels(yb, xb, _envelope(right, yb, xb), last)
        for r in range(rows):
            last[r] = -last[r]
            area[k] += last[r] - first[r] + 1
        _edges(first, last, left, right)
        m, n = _envelope(left, ya, xa), _envelope(right, yb, xb)
        for p in range(m):
            for q in range(n):
                feret[k] = max(feret[k], (ya[p] - yb[q]) ** 2 + (xa[p] + xb[q]) ** 2)
        # Top and bottom may be on the same side.
        for p in range(m):
            for q in range(p):
                feret[k] = max(feret[k], (ya[p] - ya[q]) ** 2 + (xa[p] - xa[q]) ** 2)
        for p in range(n):
            for q in range(p):
                feret[k] = max(feret[k], (yb[p] - yb[q]) ** 2 + (xb[p] - xb[q]) ** 2)
