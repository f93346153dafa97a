"""The loops of the digitizer: the cheapest path along a row, and the drawn pen against the page."""
import numpy as np
from numba import njit

from featurize.arrays import Float32Array, Float64Array, Int32Array


@njit(cache=True)
def pen_distance(nodes: Float64Array, x0: float, step: float, owner: int, reach: float, nearest: Float32Array,
                 who: Int32Array, which: Int32Array) -> None:
    """Distance of pixels to a polyline, kept where it is the smallest so far.

    nodes (n,) rows of the polyline at columns x0 + k step, NaN = pen lifted; owner number of the polyline; reach how
    far is looked; nearest (H, W), who, which (H, W): distance, polyline and segment.
    """
    height, width = nearest.shape
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
                d2, limit = dx * dx + dy * dy, np.float64(nearest[y, x])
                # A root takes longer than all of the above, and few pixels need one.
                if d2 < 1.000001 * limit * limit:
                    d = np.sqrt(d2)
                    if d < limit:
                        nearest[y, x], who[y, x], which[y, x] = d, owner, k


@njit(cache=True)
def pen_equations(nodes: Float64Array, x0: float, step: float, owner: int, reach: float, profile: Float64Array,
                  fine: int, ink: Float32Array, trust: Float32Array, nearest: Float32Array, who: Int32Array,
                  which: Int32Array, diagonal: Float64Array, beside: Float64Array, right: Float64Array) -> float:
    """Normal equations of moving each node so that the drawn pen meets the ink; returns the weighted squared error.

    profile (m,) share of ink that the pen lays at distance k / fine px from its path, 0 from `reach` on; ink, trust
    (H, W): share of ink and weight; diagonal, right (n,), beside (n - 1,): added to.
    """
    height, width = nearest.shape
    total = 0.0
    for k in range(len(nodes) - 1):
        ya, yb = nodes[k], nodes[k + 1]
        if np.isnan(ya) or np.isnan(yb):
            continue
        xa = x0 + k * step
        length2 = step * step + (yb - ya) ** 2
        for y in range(max(0, int(np.ceil(min(ya, yb) - reach))), min(height, int(max(ya, yb) + reach) + 1)):
            for x in range(max(0, int(np.ceil(xa - reach))), min(width, int(xa + step + reach) + 1)):
                if which[y, x] != k or who[y, x] != owner or trust[y, x] == 0:
                    continue
                d = nearest[y, x]
                at = min(int(d * fine), len(profile) - 2)
                slope = (profile[at] - profile[at + 1]) * fine
                error = ink[y, x] - profile[at] + slope * (d - at / fine)
                # Ink far from what is drawn is another's; a Cauchy weight lets it go.
                weight = trust[y, x] / (1 + 2 * error * error)
                total += weight * error * error
                if slope < 0.02 or d < 1e-6:
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
def move_nodes(nodes: Float64Array, diagonal: Float64Array, beside: Float64Array, right: Float64Array, stiff: float,
               corner: float, longest: float, second: Float64Array) -> float:
    """Solve the equations of `pen_equations` with a polyline's bending added, and move its nodes; returns the most.

    nodes (n,) changed in place, each by at most `longest` px; stiff weight of bending, less where the bend exceeds
    `corner` px; diagonal, right (n,), beside (n - 1,): used up; second (n - 2,) scratch: the third diagonal.
    """
    n = len(nodes)
    for k in range(n):
        diagonal[k] += 1e-3
    for k in range(n - 2):
        bend = nodes[k] - 2 * nodes[k + 1] + nodes[k + 2]
        weight = stiff / (1 + (bend / corner) ** 2)
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
        one = beside[k] / diagonal[k]
        if k < n - 2:
            two = second[k] / diagonal[k]
            beside[k + 1] -= two * beside[k]
            diagonal[k + 2] -= two * second[k]
            right[k + 2] -= two * right[k]
            second[k] = two
        diagonal[k + 1] -= one * beside[k]
        right[k + 1] -= one * right[k]
        beside[k] = one
    most = 0.0
    for k in range(n - 1, -1, -1):
        right[k] /= diagonal[k]
        if k < n - 1:
            right[k] -= beside[k] * right[k + 1]
        if k < n - 2:
            right[k] -= second[k] * right[k + 2]
        move = min(longest, max(-longest, right[k]))
        nodes[k] += move
        most = max(most, abs(move))
    return most


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
def course_errors(courses: Float64Array, x0: float, step: float, reach: float, profile: Float64Array, fine: int,
                  ink: Float32Array, trust: Float32Array, missing: Float32Array, others: Float32Array,
                  nearest: Float32Array, touched: Int32Array, errors: Float64Array) -> None:
    """How much each of several courses of one line changes the squared error of a window's picture.

    courses (P, n) rows of nodes at columns x0 + k step; ink, trust, missing (H, W): share of ink, weight, weight of
    ink that is not drawn; others (H, W): distance to all other lines; nearest (H, W), touched (H * W): scratch; out:
    errors (P,).
    """
    height, width = ink.shape
    # Squares until the end: a root takes longer than all the rest.
    nearest[:] = others * others
    for p in range(len(courses)):
        count = 0
        for k in range(courses.shape[1] - 1):
            ya, yb, xa = courses[p, k], courses[p, k + 1], x0 + k * step
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
                total += sign * trust[y, x] * error * error * (missing[y, x] if error > 0 else 1.0)
            nearest[y, x] = others[y, x] * others[y, x]
        errors[p] = total
