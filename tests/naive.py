"""Slow twins that define the compiled kernels: plain Python, one obvious loop each."""
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def histograms(channels: Array, masks: Array) -> Array:
    """(R, C, 256): how often each byte stands in each channel of each region."""
    return np.array([[[int(((plane == value) & mask).sum()) for value in range(256)] for plane in channels]
                     for mask in masks])


def cooccurrences(levels: Array, masks: Array, steps: Array, n: int) -> Array:
    """(R, D, n, n): each pair of pixels one step apart and both in the region, counted in both orders."""
    out = np.zeros((len(masks), len(steps), n, n), np.int64)
    height, width = levels.shape
    for (r, mask), (d, (down, right)) in itertools.product(enumerate(masks), enumerate(steps)):
        for i, j in itertools.product(range(height), range(width)):
            y, x = i + down, j + right
            if 0 <= y < height and 0 <= x < width and mask[i, j] and mask[y, x]:
                out[r, d, levels[i, j], levels[y, x]] += 1
                out[r, d, levels[y, x], levels[i, j]] += 1
    return out


def entropy(p: Array) -> float:
    return -sum(float(v) * math.log2(v) for v in p.ravel() if v > 0)


def haralick_features(counts: Array) -> list[float]:
    """f1 to f13 of Haralick et al. 1973 of one symmetric (L, L) matrix, term by term."""
    if not counts.sum():
        return [math.nan] * 13
    p = counts / counts.sum()
    i, j = np.indices(p.shape)
    px, hxy = p.sum(axis=1), entropy(p)
    mean = float((p * i).sum())
    variance = float((p * (i - mean) ** 2).sum())
    sums = np.array([p[i + j == k].sum() for k in range(2 * len(p) - 1)])
    gaps = np.array([p[abs(i - j) == k].sum() for k in range(len(p))])
    average, gap = float((p * (i + j)).sum()), float((p * abs(i - j)).sum())
    hx = entropy(px)
    return [float((p ** 2).sum()), float((p * (i - j) ** 2).sum()),
            float((p * (i - mean) * (j - mean)).sum()) / variance if variance > 1e-12 else 1.0, variance,
            float((p / (1 + (i - j) ** 2)).sum()), average, float((p * (i + j - average) ** 2).sum()), entropy(sums),
            hxy, float((p * (abs(i - j) - gap) ** 2).sum()), entropy(gaps), (hxy - 2 * hx) / hx if hx > 1e-12 else 0.0,
            math.sqrt(max(1 - math.exp(-2 * max(2 * hx - hxy, 0)), 0))]


def bilinear(plane: Array, y: float, x: float) -> float:
    top, left = math.floor(y), math.floor(x)
    fy, fx = y - top, x - left
    corners = ((0, 0, (1 - fy) * (1 - fx)), (0, 1, (1 - fy) * fx), (1, 0, fy * (1 - fx)), (1, 1, fy * fx))
    return sum(float(plane[top + dy, left + dx]) * w for dy, dx, w in corners if w > 0)


def binary_patterns(gray: Array, masks: Array, radius: float, tolerance: float, reach: int) -> Array:
    """(R, 10): riu2 codes of eight neighbours, for pixels at least `reach` from every rim."""
    out = np.zeros((len(masks), 10), np.int64)
    height, width = gray.shape
    for i, j in itertools.product(range(reach, height - reach), range(reach, width - reach)):
        bits = []
        for p in range(8):
            y = i + round(-radius * math.sin(2 * math.pi * p / 8), 9)
            x = j + round(radius * math.cos(2 * math.pi * p / 8), 9)
            bits.append(bilinear(gray, y, x) - float(gray[i, j]) >= tolerance)
        changes = sum(bits[p] != bits[p - 1] for p in range(8))
        code = sum(bits) if changes <= 2 else 9
        out[:, code] += masks[:, i, j]
    return out


def ring_sums(channels: Array, masks: Array, ring: Array, rings: int) -> Array:
    """(R, K, C, 3): number, sum, sum of squares."""
    out = np.zeros((len(masks), rings, len(channels), 3))
    for r, k, c in np.ndindex(len(masks), rings, len(channels)):
        values = channels[c][masks[r] & (ring == k)].astype(float)
        out[r, k, c] = len(values), values.sum(), (values ** 2).sum()
    return out


def gradient_grid(dy: Array, dx: Array, mask: Array, shape: tuple[int, int, int]) -> Array:
    """(rows, columns, bins): magnitudes shared linearly between the two nearest of the unsigned directions."""
    out = np.zeros(shape)
    height, width = dy.shape
    rows, columns, bins = shape
    for i, j in itertools.product(range(height), range(width)):
        size = math.hypot(dy[i, j], dx[i, j])
        if mask[i, j] and size > 0:
            angle = math.atan2(dy[i, j], dx[i, j]) % math.pi
            place = angle / math.pi * bins
            low = math.floor(place)
            out[i * rows // height, j * columns // width, low % bins] += size * (1 - place + low)
            out[i * rows // height, j * columns // width, (low + 1) % bins] += size * (place - low)
    return out


def closed_path(gain: Array, reach: int, bend: float) -> tuple[float, tuple[int, ...]]:
    """Best of all closed paths, tried one by one: total and radius per angle."""
    angles, radii = gain.shape
    best, at = -math.inf, (0,) * angles
    for path in itertools.product(range(radii), repeat=angles):
        steps = [abs(path[a] - path[a - 1]) for a in range(angles)]
        if max(steps) <= reach:
            total = sum(float(gain[a, r]) for a, r in enumerate(path)) - bend * sum(steps)
            if total > best:
                best, at = total, path
    return best, at
