"""Objects of a gray image: the best set of nested level components, the splitting of touching ones, their values."""
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit

from featurize.arrays import Float32Array, Float64Array, Int32Array, Int64Array, UInt8Array
from featurize.kernels.union_find import find_root

# Quality of a component.
_UNFILLED_QUALITY = 0.12    # of a component that fills only the least share of its ellipse; times its slope's part
_FULL = 0.95                # share of its ellipse from which a component counts as filled
_LEAST_DETERMINANT = 1e-9   # of the covariance of a component's pixels, in px^4: keeps it from being 0
_PIXEL_VARIANCE = 1 / 12    # px^2, of a coordinate within a pixel: a pixel is a square, not a point


class Moment(IntEnum):
    """Place of each sum over a component: of its pixels, then over the sides between it and the rest of the image."""

    AREA = 0
    X = 1
    Y = 2
    XX = 3
    YY = 4
    XY = 5
    SIDES = 6
    SLOPES = 7


class Limits(NamedTuple):
    """What a component must be like to count as an object.

    Parameters
    ----------
    smallest, largest : float
        Area in px.
    steep : float
        Slope of the outline that halves its quality.
    least_fill : float
        Share of its ellipse of inertia below which filling counts nothing.
    """

    smallest: float
    largest: float
    steep: float
    least_fill: float


@njit(cache=True)
def _neighbor(p: int, d: int, width: int, size: int) -> int:
    """Index of the left, right, upper or lower neighbor; -1 outside."""
    if d == 0:
        return p - 1 if p % width > 0 else -1
    if d == 1:
        return p + 1 if p % width < width - 1 else -1
    if d == 2:
        return p - width if p >= width else -1
    return p + width if p + width < size else -1


@njit(cache=True)
def _by_level(level: UInt8Array, levels: int) -> tuple[Int32Array, Int64Array]:
    """Pixels sorted from the highest level down, and where each level starts (counting sort)."""
    start = np.zeros(levels + 1, np.int64)
    for p in range(level.size):
        start[levels - int(level[p])] += 1
    for k in range(levels):
        start[k + 1] += start[k]
    fill = start[:-1].copy()
    order = np.empty(level.size, np.int32)
    for p in range(level.size):
        k = levels - 1 - int(level[p])
        order[fill[k]] = p
        fill[k] += 1
    return order, start


@njit(cache=True)
def _quality(m: Float64Array, limits: Limits) -> float:
    """0..1: how much of its own ellipse of inertia a component fills, times how steep its outline is."""
    a = m[Moment.AREA]
    if a < limits.smallest or a > limits.largest:
        return 0.0
    x, y = m[Moment.X] / a, m[Moment.Y] / a
    vx, vy = m[Moment.XX] / a - x * x + _PIXEL_VARIANCE, m[Moment.YY] / a - y * y + _PIXEL_VARIANCE
    c = m[Moment.XY] / a - x * y
    fill = a / (4 * np.pi * np.sqrt(max(vx * vy - c * c, _LEAST_DETERMINANT)))
    slope = m[Moment.SLOPES] / max(m[Moment.SIDES], 1.0)
    filled = min(max((fill - limits.least_fill) / (_FULL - limits.least_fill), 0.0), 1.0)
    return (_UNFILLED_QUALITY + (1.0 - _UNFILLED_QUALITY) * filled) * slope / (slope + limits.steep)


@njit(cache=True)
def best_components(level: UInt8Array, slope: Float32Array, levels: int, width: int, limits: Limits,
                    labels: Int32Array, cut: UInt8Array) -> int:
    """Disjoint connected components {level >= t}, each at its own t, that look most like single convex objects.

    The components of all thresholds form a tree; from the leaves up, a component is preferred to the ones inside it
    when its quality is at least their area-weighted mean.
    level (n,) uint8 < levels; slope (n,) float32: steepness of the image; n pixels in rows of `width`.
    out: labels (n,) int32; cut (n,) uint8 with cut[k] the threshold of object k. Returns the number of objects.
    """
    n = level.size
    order, start = _by_level(level, levels)
    parent = np.full(n, -1, np.int32)
    moments = np.zeros((n, 8))
    head, tail, follow = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    node, stamp, node_of = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    value, weight, chosen = np.zeros(n), np.zeros(n), np.zeros(n, np.uint8)
    up, threshold, number = np.full(n, -1, np.int32), np.zeros(n, np.uint8), np.zeros(n, np.int32)
    nodes = 0
    for k in range(levels):
        for i in range(start[k], start[k + 1]):
            p = order[i]
            x, y = p % width, p // width
            parent[p] = p
            moments[p, Moment.AREA], moments[p, Moment.X], moments[p, Moment.Y] = 1, x, y
            moments[p, Moment.XX], moments[p, Moment.YY], moments[p, Moment.XY] = x * x, y * y, x * y
            r = p
            for d in range(4):
                o = _neighbor(p, d, width, n)
                if o < 0:
                    continue
                g = 0.5 * (slope[p] + slope[o])
                if parent[o] < 0:
                    moments[r, Moment.SIDES] += 1
                    moments[r, Moment.SLOPES] += g
                    continue
                moments[r, Moment.SIDES] -= 1
                moments[r, Moment.SLOPES] -= g
                s = find_root(parent, o)
                if s == r:
                    continue
                if moments[s, Moment.AREA] > moments[r, Moment.AREA]:
                    r, s = s, r
                parent[s] = r
                for j in range(8):
                    moments[r, j] += moments[s, j]
                if head[s] >= 0:
                    if head[r] < 0:
                        head[r] = head[s]
                    else:
                        follow[tail[r]] = head[s]
                    tail[r] = tail[s]
        for i in range(start[k], start[k + 1]):
            p = order[i]
            r = find_root(parent, p)
            if stamp[r] != k:
                stamp[r] = k
                t = nodes
                nodes += 1
                inner, total = 0.0, 0.0
                c = head[r]
                while c >= 0:
                    up[c] = t
                    inner += weight[c]
                    total += weight[c] * value[c]
                    c = follow[c]
                mean = total / inner if inner > 0 else 0.0
                own = _quality(moments[r], limits)
                if own > 0 and own >= mean:
                    value[t], weight[t], chosen[t] = own, moments[r, Moment.AREA], 1
                else:
                    value[t], weight[t] = mean, inner
                threshold[t] = levels - 1 - k
                head[r], tail[r], node[r] = t, t, t
            node_of[p] = node[r]
    count = 0
    for t in range(nodes - 1, -1, -1):
        if up[t] >= 0 and number[up[t]] > 0:
            number[t] = number[up[t]]
        elif chosen[t]:
            count += 1
            number[t] = count
            cut[count] = threshold[t]
    for p in range(n):
        labels[p] = number[node_of[p]]
    return count


@njit(cache=True)
def split_necks(labels: Int32Array, depth: UInt8Array, levels: int, width: int, neck: float, small: float,
                out: Int32Array) -> int:
    """Cut objects at necks narrower than `neck` times the narrower of the two parts that they join.

    labels (n,) int32, 0 = none; depth (n,) uint8: distance to the outline in steps, < levels, not 0 inside; parts less
    deep than `small` never stand alone; out (n,) int32. Returns the number of parts.
    """
    n = labels.size
    order, start = _by_level(depth, levels)
    parent = np.full(n, -1, np.int32)
    basin = np.full(n, -1, np.int32)
    for i in range(start[levels - 1]):
        p = order[i]
        if labels[p] == 0:
            continue
        best = -1
        for d in range(4):
            o = _neighbor(p, d, width, n)
            if o < 0 or basin[o] < 0 or labels[o] != labels[p]:
                continue
            b = find_root(parent, basin[o])
            if best < 0:
                best = b
            elif b != best:
                low, high = (b, best) if depth[b] < depth[best] else (best, b)
                if depth[p] >= neck * depth[low] or depth[low] < small:
                    parent[low] = high
                best = high
        if best < 0:
            parent[p] = p
            best = p
        basin[p] = best
    count = 0
    number = np.zeros(n, np.int32)
    for p in range(n):
        out[p] = 0
        if basin[p] >= 0:
            b = find_root(parent, basin[p])
            if number[b] == 0:
                count += 1
                number[b] = count
            out[p] = number[b]
    return count


@njit(cache=True)
def object_values(labels: Int32Array, planes: Float32Array, sums: Float64Array) -> None:
    """Sum and sum of squares of every plane over every object.

    labels (H, W) int32, 0 = none; planes (k, H, W) float32; sums (objects, k, 2) float64, zeroed.
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            k = labels[y, x] - 1
            if k < 0:
                continue
            for j in range(planes.shape[0]):
                v = planes[j, y, x]
                sums[k, j, 0] += v
                sums[k, j, 1] += v * v
