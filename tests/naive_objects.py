"""Slow twins that define the kernels of objects: plain Python, one obvious loop each."""
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def sides(inside: Array) -> list[tuple[int, int, int, int]]:
    """Every pair of a pixel inside and a 4-neighbour outside, both in the image."""
    height, width = inside.shape
    pairs = []
    for y, x in np.argwhere(inside).tolist():
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < height and 0 <= u < width and not inside[v, u]:
                pairs.append((y, x, v, u))
    return pairs


def ellipse_fill(inside: Array) -> float:
    """Area over the area of the ellipse with the same second moments, each pixel a unit square."""
    y, x = np.nonzero(inside)
    spread = np.cov(np.stack([x, y]), bias=True).reshape(2, 2) + np.eye(2) / 12
    return float(inside.sum() / (4 * math.pi * math.sqrt(np.linalg.det(spread))))


def quality(inside: Array, slope: Array, smallest: float, largest: float, steep: float, least_fill: float) -> float:
    if not smallest <= inside.sum() <= largest:
        return 0.0
    pairs = sides(inside)
    mean = sum(0.5 * (float(slope[y, x]) + float(slope[v, u])) for y, x, v, u in pairs) / max(len(pairs), 1)
    round_ = min(max((ellipse_fill(inside) - least_fill) / (0.95 - least_fill), 0.0), 1.0)
    return (0.12 + 0.88 * round_) * mean / (mean + steep)


def best_components(level: Array, slope: Array, levels: int, **limits: float) -> Array:
    """(H, W) labels of the chosen components, numbered in any order."""
    alive: list[dict[str, Any]] = []
    for t in range(levels - 1, -1, -1):
        count, parts = cv2.connectedComponents((level >= t).astype(np.uint8), connectivity=4)
        for k in range(1, count):
            mask = parts == k
            inner = [c for c in alive if mask[c["at"]]]
            if not (level[mask] == t).any():
                continue
            weight = sum(c["weight"] for c in inner)
            mean = sum(c["weight"] * c["value"] for c in inner) / weight if weight else 0.0
            own = quality(mask, slope, **limits)
            chosen = [mask] if own > 0 and own >= mean else [m for c in inner for m in c["chosen"]]
            alive = [c for c in alive if not mask[c["at"]]] + [{
                "at": tuple(np.argwhere(mask)[0]), "chosen": chosen, "value": max(own, mean) if own >= mean else mean,
                "weight": float(mask.sum()) if own > 0 and own >= mean else weight}]
    labels = np.zeros(level.shape, np.int32)
    for number, mask in enumerate((m for c in alive for m in c["chosen"]), 1):
        labels[mask] = number
    return labels


def object_values(labels: Array, planes: Array) -> Array:
    """(n, k, 2): sum and sum of squares of each plane over each object."""
    return np.array([[(plane[labels == k].astype(float).sum(), (plane[labels == k].astype(float) ** 2).sum())
                      for plane in planes] for k in range(1, int(labels.max()) + 1)])


def object_moments(labels: Array) -> tuple[Array, Array]:
    """(n, 6) area, y, x, yy, yx, xx from the image's corner, and (n,) sides of pixels on the outline."""
    sums, exposed = [], []
    for k in range(1, int(labels.max()) + 1):
        y, x = np.nonzero(labels == k)
        padded = np.pad(labels == k, 1)
        exposed.append(sum(int((padded & ~np.roll(padded, shift, axis)).sum()) for axis in (0, 1) for shift in (1, -1)))
        sums.append([len(y), y.sum(), x.sum(), (y * y).sum(), (y * x).sum(), (x * x).sum()])
    return np.array(sums, dtype=float), np.array(exposed)
