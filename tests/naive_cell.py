"""The loops of the cell segmenter as slow plain Python: they define featurize/kernels/radiomics/runs.py and cell.py."""
import itertools
from typing import Any

import numpy as np

Array = Any
SIDES = ((-1, 0), (0, -1), (0, 1), (1, 0))
CORNERS = (*SIDES, (-1, -1), (-1, 1), (1, -1), (1, 1))


def parts(mask: Array, steps: tuple[tuple[int, int], ...]) -> list[list[tuple[int, int]]]:
    """Pixels of every connected part, parts in the order of their first pixel."""
    left = {(int(i), int(j)) for i, j in zip(*np.nonzero(mask))}
    found = []
    while left:
        part = [min(left)]
        left.remove(part[0])
        for i, j in part:
            for y, x in ((i + di, j + dj) for di, dj in steps):
                if (y, x) in left:
                    left.remove((y, x))
                    part.append((y, x))
        found.append(sorted(part))
    return found


def painted(shape: tuple[int, int], chosen: list[list[tuple[int, int]]]) -> Array:
    out = np.zeros(shape, bool)
    for i, j in itertools.chain(*chosen):
        out[i, j] = True
    return out


def small_holes(mask: Array, limit: float) -> Array:
    return painted(mask.shape, [part for part in parts(~mask, SIDES) if len(part) < limit])


def parts_holding(mask: Array, seeds: Array, spare_rim: bool) -> Array:
    height, width = mask.shape

    def rim(i: int, j: int) -> bool:
        return i in (0, height - 1) or j in (0, width - 1)
    return painted(mask.shape, [part for part in parts(mask, SIDES) if any(seeds[p] for p in part)
                                and not (spare_rim and any(rim(*p) for p in part))])


def components(mask: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Labels, sums and boxes."""
    found = parts(mask, CORNERS)
    labels = np.zeros(mask.shape, np.int32)
    sums, boxes = np.zeros((len(found) + 1, 4)), np.zeros((len(found) + 1, 4), np.int64)
    for k, part in enumerate(found, start=1):
        rows, columns = [i for i, _ in part], [j for _, j in part]
        for p in part:
            labels[p] = k
        sums[k] = len(part), sum(columns), sum(rows), sum(float(weights[p]) for p in part)
        boxes[k] = min(rows), max(rows) + 1, min(columns), max(columns) + 1
    return labels, sums, boxes


def lobes(depth: Array, levels: Array, least: Array) -> int:
    return max(sum(len(part) > few for part in parts(depth > level, CORNERS)) for level, few in zip(levels, least))


def slopes_by_level(dye: Array, slope: Array, first: float, step: float, n: int) -> tuple[Array, Array]:
    """Counts and totals."""
    counts, totals = np.zeros(n, np.int64), np.zeros(n)
    for p in np.ndindex(dye.shape):
        at = (float(dye[p]) - first) / step
        k = 0 if -1 < at < 0 else int(np.floor(at))
        if 0 <= k < n:
            counts[k] += 1
            totals[k] += float(slope[p])
    return counts, totals


def color_bins(total: Array, red: Array, blue: Array, scale: Array) -> Array:
    """Single precision, as numpy would do it array by array."""
    safe = np.maximum(total, np.float32(0.08))
    a = np.clip(total / scale * np.float32(12), 0, 15).astype(int)
    b = np.clip((red / safe - np.float32(0.05)) / np.float32(0.5) * np.float32(12), 0, 11).astype(int)
    c = np.clip((blue / safe - np.float32(0.02)) / np.float32(0.5) * np.float32(12), 0, 11).astype(int)
    return (a * 12 + b) * 12 + c


def smooth_bins(counts: Array) -> Array:
    for axis in range(3):
        moved = np.moveaxis(counts, axis, 0)
        padded = np.concatenate([moved[:1], moved, moved[-1:]])
        counts = np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)
    return counts


def likelihood(ratio: Array, bins: Array, redness: Array, gap: Array, radius: Array, empty: Array, nucleus: Array,
               others: Array) -> Array:
    likely = ratio[bins]
    likely += 2 * (np.float32(0.5) - redness) - np.float32(0.3) - np.float32(0.5) * np.maximum(
        gap / radius - np.float32(0.5), 0)
    likely[empty] = np.minimum(likely[empty], -1)
    likely[nucleus] = 3
    likely[others] = -3
    return likely


def peaks(depth: Array, least: float, reach: int) -> Array:
    out = np.zeros(depth.shape, bool)
    for i, j in np.ndindex(depth.shape):
        around = depth[max(i - reach, 0): i + reach + 1, max(j - reach, 0): j + reach + 1]
        out[i, j] = depth[i, j] > least and depth[i, j] == around.max()
    return out


def spot_sums(answer: Array, highest: Array, lowest: Array, least: float, inner: Array,
              planes: Array) -> tuple[Array, Array]:
    """Sums, and the values of the last plane under the high spots."""
    high = inner & (answer > least) & (answer >= highest)
    low = inner & (answer < -least) & (answer <= lowest)
    return (np.array([answer[high].sum(dtype=float), low.sum(), answer[low].sum(dtype=float),
                      *(plane[high].sum(dtype=float) for plane in planes[:-1])]), planes[-1][high])


def tensor_sums(plane: Array, inner: Array) -> Array:
    """From Sobel's masks laid on the plane with a mirrored rim."""
    framed = np.pad(plane.astype(int), 1, mode="reflect" if min(plane.shape) > 1 else "edge")
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    total = np.zeros(3, int)
    for i, j in zip(*np.nonzero(inner)):
        dx, dy = ((framed[i: i + 3, j: j + 3] * mask).sum() for mask in (across, across.T))
        total += (dy * dy, dx * dx, dy * dx)
    return total
