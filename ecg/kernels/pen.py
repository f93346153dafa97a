"""Compiled loops that compare what a round pen draws along a polyline with the ink of a page."""
from typing import NamedTuple

import numpy as np
from numba import njit

from featurize.arrays import Float32Array, Float64Array, Int32Array

# Weight of bending is added to a diagonal of at least this, so that nodes without ink do not make it singular.
_LEAST_DIAGONAL = 1e-3
# Weight of an error e is 1 / (1 + _CAUCHY e^2): ink far from what is drawn belongs to another line.
_CAUCHY = 2
# A pixel whose share of ink changes by less than this a px of distance tells nothing about where the line is.
_LEAST_SLOPE = 0.02
# A pixel closer to the line than this, px, pulls it in no direction.
_LEAST_DISTANCE_PX = 1e-6


class PenTable(NamedTuple):
    """Share of ink that a pen lays at distances 0, 1 / steps_per_px, 2 / steps_per_px, ... px; 0 from reach_px on."""

    shares: Float64Array
    steps_per_px: int
    reach_px: float


class NearestSegment(NamedTuple):
    """For each pixel (H, W): distance to the nearest line, px; number of that line; number of its segment."""

    distance: Float32Array
    line: Int32Array
    segment: Int32Array


class NodeEquations(NamedTuple):
    """Symmetric tridiagonal equations for the moves of n nodes: diagonal, right (n,); beside (n - 1,)."""

    diagonal: Float64Array
    beside: Float64Array
    right: Float64Array


class WindowPixels(NamedTuple):
    """Pixels (H, W) of a window: share of ink; weight; weight of ink that no line draws; distance to other lines."""

    ink: Float32Array
    confidence: Float32Array
    missing: Float32Array
    others: Float32Array


@njit(cache=True)
def pen_distance(nodes: Float64Array, x0: float, step: float, number: int, reach: float,
                 nearest: NearestSegment) -> None:
    """Distance of pixels to a polyline, kept in `nearest` where it is the smallest so far.

    nodes (n,) rows of the polyline at columns x0 + k step, NaN = pen lifted; number of the polyline; reach the largest
    distance that counts, px.
    """
    distance, line, segment = nearest
    height, width = distance.shape
    for k in range(len(nodes) - 1):
        ya, yb = nodes[k], nodes[k + 1]
        if np.isnan(ya) or np.isnan(yb):
            continue
        xa, rise = x0 + k * step, yb - ya
        length2 = step * step + rise * rise
        left, right = max(0, int(np.ceil(xa - reach))), min(width, int(xa + step + reach) + 1)
        for y in range(max(0, int(np.ceil(min(ya, yb) - reach))), min(height, int(max(ya, yb) + reach) + 1)):
            down = y - ya
            for x in range(left, right):
                across = x - xa
                along = across * step + down * rise
                s = 0.0 if along <= 0 else 1.0 if along >= length2 else along / length2
                dx, dy = across - s * step, down - s * rise
                d2, limit = dx * dx + dy * dy, np.float64(distance[y, x])
                # A root takes longer than all of the above, and few pixels need one.
                if d2 < 1.000001 * limit * limit:
                    d = np.sqrt(d2)
                    if d < limit:
                        distance[y, x], line[y, x], segment[y, x] = d, number, k


@njit(cache=True)
def pen_equations(nodes: Float64Array, x0: float, step: float, number: int, pen: PenTable, ink: Float32Array,
                  confidence: Float32Array, nearest: NearestSegment, equations: NodeEquations) -> float:
    """Normal equations of moving each node so that the drawn pen meets the ink; returns the weighted squared error.

    nodes, x0, step, number as for `pen_distance`; ink, confidence (H, W): share of ink and weight; nearest of
    `pen_distance`; equations are added to.
    """
    profile, fine, reach = pen
    distance, line, segment = nearest
    diagonal, beside, right = equations
    height, width = distance.shape
    total = 0.0
    for k in range(len(nodes) - 1):
        ya, yb = nodes[k], nodes[k + 1]
        if np.isnan(ya) or np.isnan(yb):
            continue
        xa = x0 + k * step
        length2 = step * step + (yb - ya) ** 2
        for y in range(max(0, int(np.ceil(min(ya, yb) - reach))), min(height, int(max(ya, yb) + reach) + 1)):
            for x in range(max(0, int(np.ceil(xa - reach))), min(width, int(xa + step + reach) + 1)):
                if segment[y, x] != k or line[y, x] != number or confidence[y, x] == 0:
                    continue
                d = distance[y, x]
                at = min(int(d * fine), len(profile) - 2)
                slope = (profile[at] - profile[at + 1]) * fine
                error = ink[y, x] - profile[at] + slope * (d - at / fine)
                weight = confidence[y, x] / (1 + _CAUCHY * error * error)
                total += weight * error * error
                if slope < _LEAST_SLOPE or d < _LEAST_DISTANCE_PX:
                    continue
                s = ((x - xa) * step + (y - ya) * (yb - ya)) / length2
                s = min(1.0, max(0.0, s))
                pull = slope * (y - ya - s * (yb - ya)) / d
                a, b = pull * (1 - s), pull * s
                diagonal[k] += weight * a * a
                diagonal[k + 1] += weight * b * b
                beside[k] += weight * a * b
                right[k] += weight * a * error
                right[k + 1] += weight * b * error
    return total


@njit(cache=True)
def move_nodes(nodes: Float64Array, equations: NodeEquations, stiffness: float, corner: float, longest: float,
               second: Float64Array) -> float:
    """Solve the equations of `pen_equations` with a polyline's bending added, and move its nodes.

    nodes (n,) changed in place, each by at most `longest` px; equations are used up; stiffness weight of bending, less
    where the bend exceeds `corner` px; second (n - 2,) scratch: the third diagonal. Returns the longest move, px.
    """
    diagonal, beside, right = equations
    n = len(nodes)
    for k in range(n):
        diagonal[k] += _LEAST_DIAGONAL
    for k in range(n - 2):
        bend = nodes[k] - 2 * nodes[k + 1] + nodes[k + 2]
        weight = stiffness / (1 + (bend / corner) ** 2)
        diagonal[k] += weight
        diagonal[k + 1] += 4 * weight
        diagonal[k + 2] += weight
        beside[k] -= 2 * weight
        beside[k + 1] -= 2 * weight
        second[k] = weight
        right[k] -= weight * bend
        right[k + 1] += 2 * weight * bend
        right[k + 2] -= weight * bend
    # L D L' of five diagonals: nothing fills in.
    for k in range(n - 1):
        factor = beside[k] / diagonal[k]
        if k < n - 2:
            second_factor = second[k] / diagonal[k]
            beside[k + 1] -= second_factor * beside[k]
            diagonal[k + 2] -= second_factor * second[k]
            right[k + 2] -= second_factor * right[k]
            second[k] = second_factor
        diagonal[k + 1] -= factor * beside[k]
        right[k + 1] -= factor * right[k]
        beside[k] = factor
    farthest = 0.0
    for k in range(n - 1, -1, -1):
        right[k] /= diagonal[k]
        if k < n - 1:
            right[k] -= beside[k] * right[k + 1]
        if k < n - 2:
            right[k] -= second[k] * right[k + 2]
        move = min(longest, max(-longest, right[k]))
        nodes[k] += move
        farthest = max(farthest, abs(move))
    return farthest


@njit(cache=True)
def polylines(at: Float64Array, rows: Float64Array, x0: float, step: float, out: Float64Array) -> None:
    """Rows of several polylines at columns x0 + k step, level beyond their ends.

    at, rows (P, m): columns, rising, and rows of their points; out (P, n).
    """
    last = at.shape[1] - 1
    for p in range(len(out)):
        j = 0
        for k in range(out.shape[1]):
            x = x0 + k * step
            while j < last and at[p, j] < x:
                j += 1
            if j == 0 or at[p, j] < x:
                out[p, k] = rows[p, j]
            else:
                share = (x - at[p, j - 1]) / (at[p, j] - at[p, j - 1])
                out[p, k] = rows[p, j - 1] + share * (rows[p, j] - rows[p, j - 1])


@njit(cache=True)
def candidate_errors(candidates: Float64Array, x0: float, step: float, pen: PenTable, window: WindowPixels,
                     nearest: Float32Array, touched: Int32Array, errors: Float64Array) -> None:
    """How much each of several candidate paths of one line changes the squared error of a window's picture.

    candidates (P, n) rows of nodes at columns x0 + k step; nearest (H, W), touched (H * W): scratch; out: errors (P,).
    """
    profile, fine, reach = pen
    ink, confidence, missing, others = window
    height, width = ink.shape
    # Squared distances until the end: a root takes longer than all the rest.
    nearest[:] = others * others
    for p in range(len(candidates)):
        count = 0
        for k in range(candidates.shape[1] - 1):
            ya, yb, xa = candidates[p, k], candidates[p, k + 1], x0 + k * step
            rise = yb - ya
            inverse = 1 / (step * step + rise * rise)
            left, right = max(0, int(np.ceil(xa - reach))), min(width, int(xa + step + reach) + 1)
            for y in range(max(0, int(np.ceil(min(ya, yb) - reach))), min(height, int(max(ya, yb) + reach) + 1)):
                down = y - ya
                for x in range(left, right):
                    across = x - xa
                    s = min(1.0, max(0.0, (across * step + down * rise) * inverse))
                    dx, dy = across - s * step, down - s * rise
                    d2 = dx * dx + dy * dy
                    if d2 < nearest[y, x]:
                        if nearest[y, x] == others[y, x] * others[y, x]:
                            touched[count] = y * width + x
                            count += 1
                        nearest[y, x] = d2
        total = 0.0
        for k in range(count):
            y, x = touched[k] // width, touched[k] % width
            for sign, d in ((1.0, np.sqrt(nearest[y, x])), (-1.0, others[y, x])):
                at = int(d * fine)
                error = ink[y, x] - (profile[at] if at < len(profile) else 0.0)
                total += sign * confidence[y, x] * error * error * (missing[y, x] if error > 0 else 1.0)
            nearest[y, x] = others[y, x] * others[y, x]
        errors[p] = total
