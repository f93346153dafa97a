"""Neighbors of a pixel, and how a step along each direction counts."""
from functools import cache

import numpy as np

from featurize.arrays import Float64Array, Int64Array


@cache
def half(distances: tuple[int, ...]) -> Int64Array:
    """(D, 2) steps (rows, columns) of the given Chebyshev lengths, one of each opposite pair; right first."""
    steps = [step for step in _all(distances) if step > (0, 0)]
    return np.array(steps, np.int64).reshape(-1, 2)


@cache
def full(distances: tuple[int, ...]) -> Int64Array:
    """(2 D, 2) the steps in both senses."""
    return np.array(_all(distances), np.int64).reshape(-1, 2)


def _all(distances: tuple[int, ...]) -> list[tuple[int, int]]:
    reach = range(-max(distances), max(distances) + 1)
    return [(y, x) for y in reach for x in reach if max(abs(y), abs(x)) in distances]


def glcm_weights(steps: Int64Array, norm: str, spacing: tuple[float, float]) -> Float64Array:
    """(D,) exp(-length^2), with the length of the norm, as pyradiomics weights co-occurrences."""
    return np.exp(-lengths(steps, norm, spacing) ** 2) if norm != "no_weighting" else np.ones(len(steps))


def lengths(steps: Int64Array, norm: str, spacing: tuple[float, float]) -> Float64Array:
    """(D,) length of every step in the given norm; 1 for ``no_weighting``."""
    size = np.abs(steps) * np.asarray(spacing)
    if norm == "infinity":
        return np.asarray(size.max(axis=1))
    if norm == "euclidean":
        return np.asarray(np.hypot(size[:, 0], size[:, 1]))
    return np.asarray(size.sum(axis=1)) if norm == "manhattan" else np.ones(len(steps))
