"""Gray-level co-occurrences and their 24 features."""
import math
from enum import IntEnum

import numpy as np
from numba import njit

from featurize.kernels.radiomics.eigenvalues import largest_magnitude

EPS = np.spacing(1.0)     # added under logarithms, as pyradiomics does
_LEAST_ENTROPY = 1e-14    # bits; margins with less count as a single level


class Glcm(IntEnum):
    """Place of each feature in a row of `features`."""

    AUTOCORRELATION = 0
    JOINT_AVERAGE = 1
    CLUSTER_PROMINENCE = 2
    CLUSTER_SHADE = 3
    CLUSTER_TENDENCY = 4
    CONTRAST = 5
    CORRELATION = 6
    DIFFERENCE_AVERAGE = 7
    DIFFERENCE_ENTROPY = 8
    DIFFERENCE_VARIANCE = 9
    JOINT_ENERGY = 10
    JOINT_ENTROPY = 11
    IMC1 = 12
    IMC2 = 13
    IDM = 14
    MCC = 15
    IDMN = 16
    ID = 17
    IDN = 18
    INVERSE_VARIANCE = 19
    MAXIMUM_PROBABILITY = 20
    SUM_AVERAGE = 21
    SUM_ENTROPY = 22
    SUM_SQUARES = 23


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

    table (D, K + 1, K + 1) int32; weights (D,) float64; merge: all offsets into one matrix; out (D or 1, K, K) float64,
    zeroed.
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
    return largest_magnitude(a)


@njit(cache=True)
def features(matrices, values, symmetric, out):
    """The 24 features of each matrix of counts, NaN where it counts nothing, and their mean over the others.

    matrices (M, K, K) float64, made into probabilities in place; values (K,) int64 gray levels, rising, >= 1;
    out (M + 1, 24) float64 in the order of `Glcm`, the mean last; MCC is left at 1 where a matrix is not symmetric.
    """
    k, used = len(values), 0
    mean = out[matrices.shape[0]]
    mean[:] = 0
    top = values[k - 1]
    for m in range(matrices.shape[0]):
        p, row = matrices[m], out[m]
        total = 0.0
        for i in range(k):
            for j in range(k):
                total += p[i, j]
        if total == 0:
            row[:] = np.nan
            continue
        px, py = np.zeros(k), np.zeros(k)
        sums, differences = np.zeros(2 * top + 1), np.zeros(top)
        _whole_matrix(p, total, values, symmetric, px, py, sums, differences, row)
        mean_x, mean_y = _margins(p, values, symmetric, px, py, row)
        _of_sums(sums, mean_x, mean_y, row)
        _of_differences(differences, row)
        row[Glcm.MCC] = second_correlation(p, px) if symmetric and k > 1 else 1.0
        used += 1
        for f in range(len(row)):
            mean[f] += row[f]
    for f in range(len(mean)):
        mean[f] = mean[f] / used if used else np.nan


@njit(cache=True)
def _whole_matrix(p, total, values, symmetric, px, py, sums, differences, row):
    """Counts become probabilities; features of single cells.

    p (K, K) float64 counts of sum `total`, probabilities on return; px, py (K,), sums (2 K' + 1,), differences (K',)
    float64, zeroed: on return the margins, and how likely each sum and each difference of two levels is.
    """
    k = len(values)
    energy, entropy, highest, product = 0.0, 0.0, 0.0, 0.0
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
                highest = max(highest, q)
                product += twice * q * (values[i] * values[j])
                sums[values[i] + values[j]] += twice * q
                differences[abs(values[i] - values[j])] += twice * q
    if symmetric:
        py[:] = px
    row[Glcm.JOINT_ENERGY] = energy
    row[Glcm.JOINT_ENTROPY] = entropy
    row[Glcm.MAXIMUM_PROBABILITY] = highest
    row[Glcm.AUTOCORRELATION] = product


@njit(cache=True)
def _margins(p, values, symmetric, px, py, row):
    """Features that need the margins (K,) px and py of the probabilities p (K, K), and the joint entropy in `row`.

    Returns the mean level of rows and of columns.
    """
    k = len(values)
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
    row[Glcm.JOINT_AVERAGE], row[Glcm.SUM_SQUARES] = ux, vx
    spread = math.sqrt(vx) * math.sqrt(vy)
    row[Glcm.CORRELATION] = covariance / (spread + EPS) if used_x > 1 and used_y > 1 else 1.0
    _information(px, py, max(hx, hy), rare, used_x * used_y, row)
    return ux, uy


@njit(cache=True)
def _information(px, py, widest, rare, cells, row):
    """Information measures of correlation from the joint entropy in `row` and the larger entropy of the margins.

    H(XY1) = -sum p log2(px py + eps) and H(XY2) = -sum px py log2(px py + eps) are both HX + HY but for the guard eps,
    whose first order is kept: it shows in the ninth digit where a level is rare. `rare` = sum p / (px py), `cells` =
    places of the matrix where neither margin is 0.
    """
    plain_x, plain_y = 0.0, 0.0
    for i in range(len(px)):
        if px[i] > 0:
            plain_x -= px[i] * math.log2(px[i])
        if py[i] > 0:
            plain_y -= py[i] * math.log2(py[i])
    guard = EPS / math.log(2.0)
    entropy = row[Glcm.JOINT_ENTROPY]
    hxy1, hxy2 = plain_x + plain_y - guard * rare, plain_x + plain_y - guard * cells
    lost = 1.0 - math.exp(-2.0 * (hxy2 - entropy))
    row[Glcm.IMC1] = (entropy - hxy1) / widest if widest > _LEAST_ENTROPY else 0.0
    row[Glcm.IMC2] = math.sqrt(lost) if lost > 0 else 0.0


@njit(cache=True)
def _of_sums(sums, mean_x, mean_y, row):
    """Features of the sum s of two levels: sums (2 K' + 1,) float64 probabilities by s."""
    tendency, shade, prominence, average, entropy = 0.0, 0.0, 0.0, 0.0, 0.0
    for s in range(2, len(sums)):
        q = sums[s]
        if q > 0:
            away = s - mean_x - mean_y
            tendency += q * away ** 2
            shade += q * away ** 3
            prominence += q * away ** 4
            average += q * s
            entropy -= q * math.log2(q + EPS)
    row[Glcm.CLUSTER_TENDENCY] = tendency
    row[Glcm.CLUSTER_SHADE] = shade
    row[Glcm.CLUSTER_PROMINENCE] = prominence
    row[Glcm.SUM_AVERAGE] = average
    row[Glcm.SUM_ENTROPY] = entropy


@njit(cache=True)
def _of_differences(differences, row):
    """Features of the difference s of two levels: differences (K',) float64 probabilities by s, K' the top level."""
    top = len(differences)
    contrast, average, entropy = 0.0, 0.0, 0.0
    idm, idmn, inverse, normed, inverse_variance = 0.0, 0.0, 0.0, 0.0, 0.0
    for s in range(top):
        q = differences[s]
        if q > 0:
            contrast += q * s * s
            average += q * s
            entropy -= q * math.log2(q + EPS)
            idm += q / (1.0 + s * s)
            idmn += q / (1.0 + s * s / (top * top))
            inverse += q / (1.0 + s)
            normed += q / (1.0 + s / top)
            if s:
                inverse_variance += q / (s * s)
    variance = 0.0
    for s in range(top):
        variance += differences[s] * (s - average) ** 2
    row[Glcm.CONTRAST] = contrast
    row[Glcm.DIFFERENCE_AVERAGE] = average
    row[Glcm.DIFFERENCE_ENTROPY] = entropy
    row[Glcm.DIFFERENCE_VARIANCE] = variance
    row[Glcm.IDM] = idm
    row[Glcm.IDMN] = idmn
    row[Glcm.ID] = inverse
    row[Glcm.IDN] = normed
    row[Glcm.INVERSE_VARIANCE] = inverse_variance
