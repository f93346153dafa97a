"""Gray-level co-occurrences and their 24 features."""
import math

import numpy as np
from numba import njit

EPS = np.spacing(1.0)


@njit(cache=True)
def pairs(levels, pad, offsets, table):
    """Count pairs of levels one offset apart.

    levels (h + 2 pad, w + 2 pad) uint16, 0 outside the region; offsets (D, 2) int64, none longer than pad;
    table (D, K + 1, K + 1) int32, zeroed: column 0 takes what leaves the region.
    """
    height, width = levels.shape
    for i in range(pad, height - pad):
        for j in range(pad, width - pad):
            a = levels[i, j]
            if a:
                for d in range(offsets.shape[0]):
                    table[d, a, levels[i + offsets[d, 0], j + offsets[d, 1]]] += 1


@njit(cache=True)
def touching_pairs(levels, pad, table):
    """`pairs` for the steps right, down-left, down, down-right of one pixel: three times as fast written out."""
    height, width = levels.shape
    for i in range(pad, height - pad):
        here, below = levels[i], levels[i + 1]
        for j in range(pad, width - pad):
            a = here[j]
            if a:
                table[0, a, here[j + 1]] += 1
                table[1, a, below[j - 1]] += 1
                table[2, a, below[j]] += 1
                table[3, a, below[j + 1]] += 1


@njit(cache=True)
def gather(table, weights, symmetrical, merge, out):
    """Make the counts symmetrical and weight them, without what left the region.

    table (D, K + 1, K + 1) int32; weights (D,) float64; merge: all offsets into one matrix;
    out (D or 1, K, K) float64, zeroed.
    """
    for d in range(table.shape[0]):
        to = out[0] if merge else out[d]
        weight = weights[d]
        for i in range(to.shape[0]):
            for j in range(to.shape[1]):
                n = table[d, i + 1, j + 1]
                if n:
                    to[i, j] += weight * n
                    if symmetrical:
                        to[j, i] += weight * n


@njit(cache=True, error_model="numpy")
def _has_root_above(diagonal, beside, sign, x):
    """Whether sign * T has an eigenvalue above x: Sturm's count of the negative pivots of x - sign * T."""
    r = x - sign * diagonal[0]
    if r < 0:
        return True
    for i in range(1, len(diagonal)):
        r = x - sign * diagonal[i] - beside[i - 1] * beside[i - 1] / (r if r != 0 else 1e-300)
        if r < 0:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _largest_root(diagonal, beside, sign):
    """The largest eigenvalue of sign * T, T symmetric tridiagonal, by Laguerre's method from above (Wilkinson 1965,
    The Algebraic Eigenvalue Problem, 7.23): every step stays above the root and the order of convergence is three."""
    n = len(diagonal)
    high = -np.inf
    for i in range(n):
        reach = (abs(beside[i - 1]) if i else 0.0) + (abs(beside[i]) if i < n - 1 else 0.0)
        high = max(high, sign * diagonal[i] + reach)
    scale = max(abs(high), 1e-30)
    x = high + 1e-12 * scale
    for _ in range(60):
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
        if step < 1e-15 * scale:
            break
    # Many equal roots (levels that never meet) slow the last steps down: then halve what is left.
    low = x - 1e-13 * scale
    if _has_root_above(diagonal, beside, sign, low):
        return x
    reach = 1e-13 * scale
    while not _has_root_above(diagonal, beside, sign, low):
        reach *= 8
        x, low = low, x - reach
        if reach > 4 * scale:
            break
    for _ in range(60):
        middle = 0.5 * (low + x)
        if middle <= low or middle >= x:
            break
        if _has_root_above(diagonal, beside, sign, middle):
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


@njit(cache=True)
def second_correlation(p, px):
    """Maximal correlation coefficient of a symmetric matrix of probabilities.

    The second largest eigenvalue of Q = sum_k p(i,k) p(j,k) / (px(i) px(k)) (Haralick 1973, f14) is the square of
    the second largest |eigenvalue| of p(i,j) / sqrt(px(i) px(j)), whose largest is 1 with the vector sqrt(px).

    p (K, K) float64, symmetric, sum 1; px (K,) its row sums.
    """
    n, size = 0, len(px)
    root, inverse = np.zeros(size), np.zeros(size)
    for i in range(size):
        if px[i] > 0:
            root[i] = math.sqrt(px[i])
            inverse[i] = 1.0 / root[i]
            n += 1
    if n == 1:
        return 0.0
    # A level without pairs is a row of zeros: one eigenvalue 0 more, which is never the largest.
    a = np.empty((size, size))
    for i in range(size):
        row, from_row = a[i], p[i]
        for j in range(size):
            row[j] = from_row[j] * inverse[i] * inverse[j] - root[i] * root[j]
    n = size
    diagonal, beside = np.empty(n), np.empty(n - 1)
    _tridiagonal(a, diagonal, beside)
    return max(abs(_largest_root(diagonal, beside, 1.0)), abs(_largest_root(diagonal, beside, -1.0)))


@njit(cache=True)
def features(matrices, values, symmetric, out):
    """The 24 features of each matrix of counts, NaN where it counts nothing, and their mean over the others.

    matrices (M, K, K) float64, made into probabilities in place; values (K,) int64 gray levels, rising, >= 1;
    out (M + 1, 24) float64 in the order of `featurize.radiomics.glcm.NAMES`, the mean last; the 16th is left at 1
    where a matrix is not symmetric.
    """
    k, used = len(values), 0
    mean = out[matrices.shape[0]]
    mean[:] = 0
    top = values[k - 1]
    for m in range(matrices.shape[0]):
        p = matrices[m]
        total = 0.0
        for i in range(k):
            for j in range(k):
                total += p[i, j]
        if total == 0:
            out[m] = np.nan
            continue
        px, py = np.zeros(k), np.zeros(k)
        sums, differences = np.zeros(2 * top + 1), np.zeros(top)
        energy, entropy, most, product = 0.0, 0.0, 0.0, 0.0
        # Of a symmetric matrix one half is the other: each cell off the diagonal is then taken twice.
        for i in range(k):
            for j in range(i if symmetric else 0, k):
                if p[i, j] != 0:
                    q = p[i, j] / total
                    p[i, j] = q
                    px[i] += q
                    twice = 1.0
                    if symmetric:
                        p[j, i] = q
                        if j > i:
                            px[j] += q
                            twice = 2.0
                    else:
                        py[j] += q
                    energy += twice * q * q
                    entropy -= twice * q * math.log2(q + EPS)
                    most = max(most, q)
                    product += twice * q * (values[i] * values[j])
                    sums[values[i] + values[j]] += twice * q
                    differences[abs(values[i] - values[j])] += twice * q
        if symmetric:
            py[:] = px
        ux, uy, hx, hy, used_x, used_y = 0.0, 0.0, 0.0, 0.0, 0, 0
        for i in range(k):
            used_x += px[i] > 0
            used_y += py[i] > 0
            ux += values[i] * px[i]
            uy += values[i] * py[i]
            hx -= px[i] * math.log2(px[i] + EPS)
            hy -= py[i] * math.log2(py[i] + EPS)
        vx, vy, covariance, rare = 0.0, 0.0, 0.0, 0.0
        for i in range(k):
            vx += px[i] * (values[i] - ux) ** 2
            vy += py[i] * (values[i] - uy) ** 2
            if px[i] > 0:
                row_covariance, row_rare, first = 0.0, 0.0, i + 1 if symmetric else 0
                for j in range(first, k):
                    if p[i, j] != 0:
                        row_covariance += p[i, j] * (values[j] - uy)
                        row_rare += p[i, j] / py[j]
                if symmetric:
                    row_covariance = 2 * row_covariance + p[i, i] * (values[i] - uy)
                    row_rare = 2 * row_rare + p[i, i] / py[i]
                covariance += row_covariance * (values[i] - ux)
                rare += row_rare / px[i]
        cells = used_x * used_y
        tendency, shade, prominence, sum_average, sum_entropy = 0.0, 0.0, 0.0, 0.0, 0.0
        for s in range(2, 2 * top + 1):
            q = sums[s]
            if q > 0:
                away = s - ux - uy
                tendency += q * away ** 2
                shade += q * away ** 3
                prominence += q * away ** 4
                sum_average += q * s
                sum_entropy -= q * math.log2(q + EPS)
        contrast, average, gap_entropy = 0.0, 0.0, 0.0
        idm, idmn, inverse, normed, inverse_variance = 0.0, 0.0, 0.0, 0.0, 0.0
        for s in range(top):
            q = differences[s]
            if q > 0:
                contrast += q * s * s
                average += q * s
                gap_entropy -= q * math.log2(q + EPS)
                idm += q / (1.0 + s * s)
                idmn += q / (1.0 + s * s / (top * top))
                inverse += q / (1.0 + s)
                normed += q / (1.0 + s / top)
                if s:
                    inverse_variance += q / (s * s)
        gap_variance = 0.0
        for s in range(top):
            gap_variance += differences[s] * (s - average) ** 2
        # H(XY1) = -sum p log2(px py + eps) and H(XY2) = -sum px py log2(px py + eps) are both HX + HY but for the
        # guard eps, whose first order is kept: it shows in the ninth digit where a level is rare.
        plain_x, plain_y = 0.0, 0.0
        for i in range(k):
            if px[i] > 0:
                plain_x -= px[i] * math.log2(px[i])
            if py[i] > 0:
                plain_y -= py[i] * math.log2(py[i])
        guard = EPS / math.log(2.0)
        hxy1 = plain_x + plain_y - guard * rare
        hxy2 = plain_x + plain_y - guard * cells
        widest = max(hx, hy)
        spread = math.sqrt(vx) * math.sqrt(vy)
        lost = 1.0 - math.exp(-2.0 * (hxy2 - entropy))
        row = out[m]
        row[0], row[1], row[2], row[3], row[4], row[5] = product, ux, prominence, shade, tendency, contrast
        row[6] = covariance / (spread + EPS) if used_x > 1 and used_y > 1 else 1.0
        row[7], row[8], row[9], row[10], row[11] = average, gap_entropy, gap_variance, energy, entropy
        row[12] = (entropy - hxy1) / widest if widest > 1e-14 else 0.0
        row[13] = math.sqrt(lost) if lost > 0 else 0.0
        row[14] = idm
        row[15] = 1.0
        if symmetric and k > 1:
            row[15] = second_correlation(p, px)
        row[16], row[17], row[18], row[19] = idmn, inverse, normed, inverse_variance
        row[20], row[21], row[22], row[23] = most, sum_average, sum_entropy, vx
        used += 1
        for f in range(24):
            mean[f] += row[f]
    for f in range(24):
        mean[f] = mean[f] / used if used else np.nan
