"""How unlike the training pictures a picture is, and which of them it is most like.

Features are put on a robust scale, tails are bent, and principal axes that hold most of the variance are scaled to one
standard deviation each (whitening). Two more axes say what those leave out: how far a row lies off the axes, and which
share of its features could not be measured. The distance of a row is the mean to its nearest training rows; novelty is
the share of held-out training rows that lay nearer than that.
"""
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from featurize.arrays import Float32Array, Float64Array, Int64Array

NEAREST = 5
AXES = 60
VARIANCE = 0.95
SVD_ROWS = 5000
# Tails beyond this many robust deviations grow with the logarithm only: one wild feature is no new kind of picture.
BEND = 4.0
# A share of missing features that differs by this much counts as one standard deviation.
MISSING_SCALE = 0.02


@dataclass(frozen=True)
class Space:
    """The whitened space of a training set, as plain arrays; d features, a axes.

    Parameters
    ----------
    center, scale : (d,) float64
        Median, and interquartile range / 1.349.
    mean : (d,) float64
        Mean of the bent features.
    axes : (a, d) float64
        Principal axes, orthonormal.
    deviation : (a,) float64
        Standard deviation along each.
    off : float
        Median distance off the axes.
    """

    center: Float64Array
    scale: Float64Array
    mean: Float64Array
    axes: Float64Array
    deviation: Float64Array
    off: float


@dataclass(frozen=True)
class Novelty:
    """What is kept of the training rows.

    Parameters
    ----------
    space : Space
    points : (m, a + 2) float32
        Training rows in the space.
    distances : (q,) float64
        Sorted distances of held-out training rows: the scale of novelty.
    """

    space: Space
    points: Float32Array
    distances: Float64Array


def fit_space(x: Float32Array, seed: int = 0) -> Space:
    """Learn the space from (n, d) features, NaN = missing.

    Axes are taken until they hold 95 % of the variance, at most 60 and at most a third of the rows.
    """
    with warnings.catch_warnings():
        # A column without any value gets the median 0 and the scale 1 below.
        warnings.filterwarnings("ignore", message="All-NaN slice|Degrees of freedom", category=RuntimeWarning)
        low, center, high = np.nan_to_num(np.nanpercentile(x.astype(np.float64), [25, 50, 75], axis=0))
        spread = np.nan_to_num(np.nanstd(x, axis=0, dtype=np.float64))
    scale = np.where(high - low > 1e-6 * spread, (high - low) / 1.349, spread)
    scale = np.where(scale > 0, scale, 1.0)
    bent = _bend(x, center, scale)
    mean = bent.mean(axis=0)
    size, axes = _principal_axes(bent - mean, seed)
    first = Space(center, scale, mean, axes, size, 1.0)
    off = _off_axes(first, bent - mean, (bent - mean) @ axes.T)
    return Space(center, scale, mean, axes, size, float(np.median(off)) or 1.0)


def to_points(space: Space, x: Float32Array) -> Float32Array:
    """(n, d) features to (n, a + 2) points: whitened axes, distance off them, missing share."""
    centered = _bend(x, space.center, space.scale) - space.mean
    along = centered @ space.axes.T
    off = _off_axes(space, centered, along) / space.off
    missing = np.isnan(x).mean(axis=1) / MISSING_SCALE
    return np.column_stack([along / space.deviation, off, missing]).astype(np.float32)


def nearest(points: Float32Array, reference: Float32Array, count: int = NEAREST) -> tuple[Float64Array, Int64Array]:
    """The nearest reference points of each point.

    Returns
    -------
    distances : (n, c) float64, index : (n, c) int64
        Nearest first; c = `count`, or the number of reference points if that is smaller.
    """
    index = NearestNeighbors(n_neighbors=min(count, len(reference)), algorithm="brute").fit(reference)
    distances, found = index.kneighbors(points)
    return distances.astype(np.float64), found.astype(np.int64)


def novelty(distances: Float64Array, held_out: Float64Array) -> Float64Array:
    """Share of the held-out distances (sorted) that are smaller: 0 = nearer than any, 1 = farther than all."""
    return np.asarray(np.searchsorted(held_out, distances, side="left") / max(len(held_out), 1))


def measure(model: Novelty, x: Float32Array) -> tuple[Float64Array, Float64Array, Int64Array]:
    """Novelty of new rows, with their nearest training rows.

    Returns
    -------
    novelty : (n,) float64
    distances, index : (n, c)
        To the nearest training rows and their positions in `model.points`.
    """
    distances, index = nearest(to_points(model.space, x), model.points)
    return novelty(distances.mean(axis=1), model.distances), distances, index


def _bend(x: Float32Array, center: Float64Array, scale: Float64Array) -> Float64Array:
    """Robust z-scores, missing ones 0, large ones bent to a logarithm."""
    z = np.nan_to_num((x - center) / scale)
    size = np.abs(z)
    return np.asarray(np.where(size > BEND, np.sign(z) * (BEND + np.log1p(np.maximum(size - BEND, 0))), z))


def _principal_axes(centered: Float64Array, seed: int) -> tuple[Float64Array, Float64Array]:
    """Standard deviations (a,) and axes (a, d); of many rows 5,000 are enough."""
    if len(centered) > SVD_ROWS:
        draw = np.random.default_rng(seed).choice(len(centered), SVD_ROWS, replace=False)
        centered = centered[np.sort(draw)]
    variance, vectors = np.linalg.eigh(centered.T @ centered / max(len(centered) - 1, 1))
    variance, vectors = variance[::-1], vectors[:, ::-1]
    share = np.cumsum(variance) / max(float(variance.sum()), 1e-300)
    most = min(AXES, max(len(centered) // 3, 1), max(int((variance > 1e-9 * variance[0]).sum()), 1))
    kept = min(most, int(np.searchsorted(share, VARIANCE)) + 1)
    return np.sqrt(np.maximum(variance[:kept], 1e-18)), np.ascontiguousarray(vectors[:, :kept].T)


def _off_axes(space: Space, centered: Float64Array, along: Float64Array) -> Float64Array:
    """(n,) length of what the axes leave out."""
    return np.asarray(np.sqrt(np.maximum((centered ** 2).sum(axis=1) - (along ** 2).sum(axis=1), 0)))
