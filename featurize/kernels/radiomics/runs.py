"""Connected components of masks by their runs: a row's stretches of pixels, joined to those of the row above."""
import numpy as np
from numba import njit

from featurize.kernels.union_find import find_root, join


@njit(cache=True)
def _joined_runs(mask, wanted, reach):
    """Runs of pixels equal to `wanted`, in reading order: row, first column, column after the last, number of the
    first run of their component. reach 0: components over sides only; 1: over corners too."""
    height, width = mask.shape
    runs = np.empty((height * ((width + 1) // 2), 3), np.int32)
    parent = np.empty(len(runs), np.int32)
    n, above = 0, 0
    for i in range(height):
        row, here, j = mask[i], n, 0
        while j < width:
            while j < width and row[j] != wanted:
                j += 1
            if j == width:
                break
            first = j
            while j < width and row[j] == wanted:
                j += 1
            runs[n, 0], runs[n, 1], runs[n, 2], parent[n] = i, first, j, n
            n += 1
        k = above
        for m in range(here, n):
            while k < here and runs[k, 2] + reach <= runs[m, 1]:
                k += 1
            # The last one that overlaps may overlap the next run as well: it isn't passed over.
            q = k
            while q < here and runs[q, 1] < runs[m, 2] + reach:
                join(parent, find_root(parent, q), find_root(parent, m))
                q += 1
        above = here
    for k in range(n):
        parent[k] = parent[parent[k]]
    return runs[:n], parent[:n]


@njit(cache=True)
def small_holes(mask, limit, out):
    """Pixels outside the mask in pieces, joined over sides, of fewer than `limit` pixels.

    mask (H, W) bool; limit float64; out (H, W) bool, False.
    """
    runs, parent = _joined_runs(mask, False, 0)
    area = np.zeros(len(runs), np.int64)
    for k in range(len(runs)):
        area[parent[k]] += runs[k, 2] - runs[k, 1]
    for k in range(len(runs)):
        if area[parent[k]] < limit:
            out[runs[k, 0], runs[k, 1]: runs[k, 2]] = True


@njit(cache=True)
def parts_holding(mask, seeds, spare_rim, out):
    """The parts of the mask, joined over sides, that hold a pixel of `seeds`; if `spare_rim`, none on the image's rim.

    mask, seeds (H, W) bool; out (H, W) bool, False.
    """
    height, width = mask.shape
    runs, parent = _joined_runs(mask, True, 0)
    holding, cut = np.zeros(len(runs), np.bool_), np.zeros(len(runs), np.bool_)
    for k in range(len(runs)):
        i, first, stop = runs[k]
        if spare_rim and (i == 0 or i == height - 1 or first == 0 or stop == width):
            cut[parent[k]] = True
        for j in range(first, stop):
            if seeds[i, j]:
                holding[parent[k]] = True
                break
    for k in range(len(runs)):
        if holding[parent[k]] and not cut[parent[k]]:
            out[runs[k, 0], runs[k, 1]: runs[k, 2]] = True


@njit(cache=True)
def components(mask, weights, labels):
    """Parts of a mask that touch, over corners too, numbered from 1 by their first pixel, and what they add up to.

    mask (H, W) bool; weights (H, W) float32; labels (H, W) int32, zeroed.
    Returns sums (n + 1, 4) float64: area, sum of columns, sum of rows, sum of weights; boxes (n + 1, 4) int64: first
    row, row after the last, first column, column after the last. Entry 0 stands for the ground and is zero.
    """
    runs, parent = _joined_runs(mask, True, 1)
    name = np.zeros(len(runs), np.int32)
    n = 0
    for k in range(len(runs)):
        if parent[k] == k:
            n += 1
            name[k] = n
    sums, boxes = np.zeros((n + 1, 4)), np.zeros((n + 1, 4), np.int64)
    boxes[1:, 0], boxes[1:, 2] = mask.shape
    for k in range(len(runs)):
        i, first, stop = runs[k]
        label = name[parent[k]]
        to, box = sums[label], boxes[label]
        for j in range(first, stop):
            labels[i, j] = label
            to[1] += j
            to[3] += weights[i, j]
        to[0] += stop - first
        to[2] += (stop - first) * i
        box[0], box[1] = min(box[0], i), max(box[1], i + 1)
        box[2], box[3] = min(box[2], first), max(box[3], stop)
    return sums, boxes


@njit(cache=True)
def lobes(depth, levels, least):
    """The most parts, touching over corners too, that any level leaves.

    depth (H, W) float32; levels (K,) float32: only what is deeper counts; least (K,) float64: a part counts if it has
    more pixels than that.
    """
    most_parts = 0
    for k in range(len(levels)):
        runs, parent = _joined_runs(depth > levels[k], True, 1)
        area, count = np.zeros(len(runs), np.int64), 0
        for m in range(len(runs)):
            area[parent[m]] += runs[m, 2] - runs[m, 1]
        for m in range(len(runs)):
            count += area[m] > least[k]
        most_parts = max(most_parts, count)
    return most_parts


@njit(cache=True)
def extremes(labels, plane, low, high):
    """Least and largest value of every label but 0.

    labels (H, W) int32; plane (H, W) float32; low (n,), high (n,) float32, inf and -inf.
    """
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            k = labels[i, j]
            if k:
                low[k], high[k] = min(low[k], plane[i, j]), max(high[k], plane[i, j])
