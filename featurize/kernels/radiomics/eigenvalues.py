"""The largest eigenvalue by magnitude of a symmetric matrix: reduced to tridiagonal form, then Laguerre's method."""
import math

import numpy as np
from numba import njit

# Relative to the scale, which is the larger end of Gershgorin's interval around all eigenvalues.
_START_ABOVE = 1e-12       # the search starts this far above the interval, so that no pivot is 0
_SMALLEST_STEP = 1e-15     # Laguerre's method has converged below this step: a few units in the last place
_TOLERANCE = 1e-13         # a result is accepted if an eigenvalue lies within this distance below it
_WIDEST = 4.0              # the search for the lower end of the interval to halve stops here
_WIDENING = 8              # by which that search grows from step to step
_MOST_STEPS = 60           # halvings bring any interval of doubles down to its last place; Laguerre's method needs few
_SMALLEST_SCALE = 1e-30    # stands for the scale of a matrix of zeros
_TINY_PIVOT = 1e-300       # stands for a pivot of 0, by which nothing can be divided


@njit(cache=True)
def largest_magnitude(a):
    """The largest |eigenvalue| of a symmetric matrix.

    a (n, n) float64, used up.
    """
    n = len(a)
    diagonal, beside = np.empty(n), np.empty(n - 1)
    _tridiagonal(a, diagonal, beside)
    return max(abs(_largest_eigenvalue(diagonal, beside, 1.0)), abs(_largest_eigenvalue(diagonal, beside, -1.0)))


@njit(cache=True, error_model="numpy")
def _has_eigenvalue_above(diagonal, beside, sign, x):
    """Whether sign * T has an eigenvalue above x: then x - sign * T has a negative pivot (Sturm's theorem)."""
    r = x - sign * diagonal[0]
    if r < 0:
        return True
    for i in range(1, len(diagonal)):
        r = x - sign * diagonal[i] - beside[i - 1] * beside[i - 1] / (r if r != 0 else _TINY_PIVOT)
        if r < 0:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _largest_eigenvalue(diagonal, beside, sign):
    """The largest eigenvalue of sign * T, T symmetric and tridiagonal, by Laguerre's method from above.

    Wilkinson 1965, The Algebraic Eigenvalue Problem, 7.23: no step passes the eigenvalue, and convergence is cubic.
    """
    n = len(diagonal)
    high = -np.inf
    for i in range(n):
        reach = (abs(beside[i - 1]) if i else 0.0) + (abs(beside[i]) if i < n - 1 else 0.0)
        high = max(high, sign * diagonal[i] + reach)
    scale = max(abs(high), _SMALLEST_SCALE)
    x = high + _START_ABOVE * scale
    for _ in range(_MOST_STEPS):
        # p'/p and p''/p of the characteristic polynomial through the ratios r of its leading minors.
        r, dr, ddr, s1, s2 = x - sign * diagonal[0], 1.0, 0.0, 0.0, 0.0
        for i in range(n):
            inverse = 1.0 / r
            t, v = dr * inverse, ddr * inverse
            s1 += t
            s2 += v - t * t
            if i < n - 1:
                c = beside[i] * beside[i] * inverse
                r = x - sign * diagonal[i + 1] - c
                dr, ddr = 1.0 + c * t, -c * (2 * t * t - v)
        # s1 = sum 1 / (x - root), -s2 = sum 1 / (x - root)^2
        if not (s1 > 0 and math.isfinite(s1) and math.isfinite(s2)):
            break
        inside = max((n - 1) * (n * -s2 - s1 * s1), 0.0)
        step = n / (s1 + math.sqrt(inside))
        x -= step
        if step < _SMALLEST_STEP * scale:
            break
    # Many equal eigenvalues (levels that never meet) slow the last steps down: then halve the interval that is left.
    low = x - _TOLERANCE * scale
    if _has_eigenvalue_above(diagonal, beside, sign, low):
        return x
    reach = _TOLERANCE * scale
    while not _has_eigenvalue_above(diagonal, beside, sign, low):
        reach *= _WIDENING
        x, low = low, x - reach
        if reach > _WIDEST * scale:
            break
    for _ in range(_MOST_STEPS):
        middle = 0.5 * (low + x)
        if middle <= low or middle >= x:
            break
        if _has_eigenvalue_above(diagonal, beside, sign, middle):
            low = middle
        else:
            x = middle
    return x


# Only products and sums may be fused and put in another order: no NaN test is there to lose.
@njit(cache=True, fastmath={"contract", "reassoc"})
def _tridiagonal(a, diagonal, beside):
    """Householder's reduction of a symmetric matrix to tridiagonal form (Golub & Van Loan 2013, 8.3.1); a is used up.

    a (n, n) float64; diagonal (n,), beside (n - 1,) float64. The update of one step and the product of the next go over
    a row together: half the loads and stores.
    """
    n = a.shape[0]
    u, p, fresh, product = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for k in range(n - 2):
        row = a[k]
        if k:
            for j in range(k, n):
                row[j] -= u[k] * p[j] + p[k] * u[j]
        diagonal[k] = row[k]
        norm = 0.0
        for j in range(k + 1, n):
            norm += row[j] * row[j]
        norm = math.sqrt(norm)
        alpha = -norm if row[k + 1] > 0 else norm
        half = norm * (norm + abs(row[k + 1]))
        beside[k] = alpha
        for j in range(k + 1, n):
            fresh[j] = row[j]
            product[j] = 0.0
        fresh[k + 1] -= alpha
        scale = 1.0 / half if half > 0 else 0.0
        first = k + 1
        wide = first + (n - first) // 4 * 4
        # Four rows at a time load p, u and product once for all of them.
        for i in range(first, wide, 4):
            r1, r2, r3, r4 = a[i], a[i + 1], a[i + 2], a[i + 3]
            u1, u2, u3, u4 = u[i], u[i + 1], u[i + 2], u[i + 3]
            p1, p2, p3, p4 = p[i], p[i + 1], p[i + 2], p[i + 3]
            w1, w2, w3, w4 = fresh[i] * scale, fresh[i + 1] * scale, fresh[i + 2] * scale, fresh[i + 3] * scale
            for j in range(first, n):
                pj, uj = p[j], u[j]
                v1, v2 = r1[j] - (u1 * pj + p1 * uj), r2[j] - (u2 * pj + p2 * uj)
                v3, v4 = r3[j] - (u3 * pj + p3 * uj), r4[j] - (u4 * pj + p4 * uj)
                r1[j], r2[j], r3[j], r4[j] = v1, v2, v3, v4
                product[j] += (w1 * v1 + w2 * v2) + (w3 * v3 + w4 * v4)
        for i in range(wide, n):
            r1, u1, p1, w1 = a[i], u[i], p[i], fresh[i] * scale
            for j in range(first, n):
                v1 = r1[j] - (u1 * p[j] + p1 * u[j])
                r1[j] = v1
                product[j] += w1 * v1
        shared = 0.0
        for i in range(k + 1, n):
            shared += fresh[i] * product[i]
        shared = shared / (2 * half) if half > 0 else 0.0
        for i in range(k + 1, n):
            product[i] -= shared * fresh[i]
        u, fresh, p, product = fresh, u, product, p
    for k in range(max(n - 2, 0), n):
        for j in range(k, n):
            a[k, j] -= u[k] * p[j] + p[k] * u[j]
        diagonal[k] = a[k, k]
    if n > 1:
        beside[n - 2] = a[n - 2, n - 1]
