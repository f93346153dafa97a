"""The out-of-distribution score: how unlike the training images an image is, and which of them it is most like.

1. Features are put on a robust scale (median, interquartile range); large values are compressed to a logarithm.
2. Principal axes that hold most of the variance are scaled to one standard deviation each (whitening).
3. Two more axes are added: the distance of a row from the principal axes, and the share of its features that are
   missing.
4. The distance of a row is the mean distance to its nearest training rows.
5. Two more measures ask whether the image is of a class that the model never saw, see
   `classify.uncertainty.unknown_class`, and one number is made of the three.
6. The score is the share of held-out training rows whose number is smaller: 0..1. It is the column `novelty` of
   predictions.csv.
"""
import warnings
from dataclasses import dataclass, replace

import numpy as np
from sklearn.neighbors import NearestNeighbors

from classify.uncertainty.row_blocks import row_blocks
from classify.uncertainty.unknown_class import (Discriminant, UnknownClass, combined, discriminant_score,
                                                leaf_distance)
from featurize.arrays import Float32Array, Float64Array, Int64Array, UInt8Array

# Nearest training rows whose distances are averaged.
NEAREST = 5
# Principal axes, at most.
MOST_AXES = 60
# Share of the variance that the axes hold, unless MOST_AXES are fewer.
VARIANCE_SHARE = 0.95
# Rows for each axis, at least.
ROWS_PER_AXIS = 3
# Of more rows than this a random sample of this size gives the axes.
MOST_AXES_ROWS = 5000
# Robust deviations beyond which a value grows with the logarithm only: one extreme feature does not make another kind
# of image.
COMPRESSED_BEYOND = 4.0
# A difference in the share of missing features that counts as one standard deviation.
MISSING_SHARE_DEVIATION = 0.02
# Interquartile range of a normal distribution, in standard deviations.
IQR_PER_DEVIATION = 1.349
# Columns whose center, scale and mean are found at a time.
COLUMNS_AT_ONCE = 16
# Percentiles.
QUARTILES = (25, 50, 75)
# An interquartile range below this share of the standard deviation counts as zero (a column that is nearly constant);
# the standard deviation is the scale then.
LEAST_IQR_SHARE = 1e-6
# Axes with less than this share of the first axis' variance are rounding errors.
LEAST_AXIS_VARIANCE = 1e-9
# Guards against division by zero: total variance, and variance of an axis.
LEAST_TOTAL_VARIANCE = 1e-300
LEAST_VARIANCE = 1e-18


@dataclass(frozen=True)
class WhitenedSpace:
    """The whitened space of a training set, as plain arrays; d features, a axes.

    Parameters
    ----------
    center, scale : (d,) float64
        Median, and interquartile range / 1.349.
    mean : (d,) float64
        Mean of the scaled, compressed features.
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
class OutOfDistribution:
    """What is kept of the training rows to score new rows.

    Parameters
    ----------
    space : WhitenedSpace
    points : (m, a + 2) float32
        Training rows in the space.
    distances : (q,) float64
        Sorted numbers of held-out training rows: the scale of the score.
    unknown : UnknownClass or None
        None in models of format 1: the number is the distance.
    """

    space: WhitenedSpace
    points: Float32Array
    distances: Float64Array
    unknown: UnknownClass | None = None


def fit_space(x: Float32Array, seed: int = 0) -> WhitenedSpace:
    """The first of `fit_spaces`."""
    return fit_spaces(x, seed)[0]


def _quartiles(x: Float64Array) -> Float64Array:
    """(3, d) of the values that are there; numpy sorts columns with gaps one by one, all others at once."""
    out = np.empty((3, x.shape[1]))
    gaps = np.isnan(x).any(axis=0)
    out[:, ~gaps] = np.percentile(x[:, ~gaps], QUARTILES, axis=0)
    out[:, gaps] = np.nanpercentile(x[:, gaps], QUARTILES, axis=0)
    return out


def _columns_at_once(columns: int) -> list[slice]:
    """Parts of the columns; the last ones stay together: numpy adds a single column up in another way."""
    last = max(columns // COLUMNS_AT_ONCE - 1, 0) * COLUMNS_AT_ONCE
    return [slice(start, start + COLUMNS_AT_ONCE if start < last else columns)
            for start in range(0, last + 1, COLUMNS_AT_ONCE)]


def _center_scale_and_mean(x: Float32Array, rows: Int64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """(d,) `center`, `scale` and `mean` of a `WhitenedSpace`, from some of the rows; a few columns at a time."""
    center, scale, mean = np.empty((3, x.shape[1]))
    with warnings.catch_warnings():
        # A column without any value gets the median 0 and the scale 1.
        warnings.filterwarnings("ignore", message="All-NaN slice|Degrees of freedom", category=RuntimeWarning)
        for some in _columns_at_once(x.shape[1]):
            # Column by column, as a table lies in memory: numpy then adds up pairwise.
            part = np.asfortranarray(x[:, some][rows])
            low, middle, high = np.nan_to_num(_quartiles(part.astype(np.float64)))
            spread = np.nan_to_num(np.nanstd(part, axis=0, dtype=np.float64))
            wide = np.where(high - low > LEAST_IQR_SHARE * spread, (high - low) / IQR_PER_DEVIATION, spread)
            center[some], scale[some] = middle, np.where(wide > 0, wide, 1.0)
            mean[some] = _robust_scores(part, center[some], scale[some]).mean(axis=0)
    return center, scale, mean


def fit_spaces(x: Float32Array, seed: int = 0, rows: Int64Array | None = None) -> tuple[WhitenedSpace, Float64Array]:
    """Learn the space from (n, d) features, NaN = missing.

    Axes are taken until they hold 95 % of the variance, at most 60 and at most one for every three rows.

    Parameters
    ----------
    x : (n, d) float32
    seed : int
        Of the sample of rows that gives the axes where there are many rows.
    rows : (m,) int64, optional
        Learn from these rows alone.

    Returns
    -------
    space : WhitenedSpace
    vectors : (d, a) float64
        All principal axes, orthonormal, the largest variance first.
    """
    rows = np.arange(len(x)) if rows is None else rows
    center, scale, mean = _center_scale_and_mean(x, rows)
    drawn = rows[_rows_of_axes(len(rows), seed)]
    variance, vectors = _principal_axes(_robust_scores(x[drawn], center, scale) - mean)
    kept = _kept_axes(variance, len(rows))
    axes, deviation = np.ascontiguousarray(vectors[:, :kept].T), np.sqrt(np.maximum(variance[:kept], LEAST_VARIANCE))
    space = WhitenedSpace(center, scale, mean, axes, deviation, 1.0)
    off = [_off_axes(centered, centered @ axes.T)
           for centered in (centered_scores(space, np.asfortranarray(x[rows[some]])) for some in row_blocks(len(rows)))]
    space = replace(space, off=float(np.median(np.concatenate(off))) or 1.0)
    return space, vectors[:, :max(int((variance > LEAST_AXIS_VARIANCE * variance[0]).sum()), 1)]


def to_points(space: WhitenedSpace, x: Float32Array) -> Float32Array:
    """(n, d) features to (n, a + 2) points: whitened axes, distance off them, missing share."""
    return np.concatenate([_block_to_points(space, x[some]) for some in row_blocks(len(x))])


def _block_to_points(space: WhitenedSpace, x: Float32Array) -> Float32Array:
    centered = centered_scores(space, x)
    along = centered @ space.axes.T
    off = _off_axes(centered, along) / space.off
    missing = np.isnan(x).mean(axis=1) / MISSING_SHARE_DEVIATION
    return np.column_stack([along / space.deviation, off, missing]).astype(np.float32)


def centered_scores(space: WhitenedSpace, x: Float32Array) -> Float64Array:
    """(n, d) robust z-scores less their mean; missing ones count as 0, large ones are compressed to a logarithm."""
    return np.asarray(_robust_scores(x, space.center, space.scale) - space.mean)


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


def out_of_distribution_score(distances: Float64Array, held_out: Float64Array) -> Float64Array:
    """Share of the held-out distances (sorted) that are smaller: 0 = nearer than any, 1 = farther than all."""
    return np.asarray(np.searchsorted(held_out, distances, side="left") / max(len(held_out), 1))


def score_rows(model: OutOfDistribution, x: Float32Array,
               leaves: UInt8Array) -> tuple[Float64Array, Float64Array, Int64Array]:
    """Out-of-distribution score of new rows, with their nearest training rows.

    Parameters
    ----------
    model : OutOfDistribution
    x : (n, d) float32
    leaves : (n, t) uint8
        Their leaves in the compared trees of the model.

    Returns
    -------
    score : (n,) float64
    distances, index : (n, c)
        To the nearest training rows and their positions in `model.points`.
    """
    distances, index = nearest(to_points(model.space, x), model.points)
    number = distances.mean(axis=1)
    if model.unknown:
        unknown = model.unknown
        measures = np.column_stack([discriminant_scores(unknown.discriminant, model.space, x),
                                    leaf_distance(leaves, unknown.leaves), number])
        number = combined(unknown.scale, measures)
    return out_of_distribution_score(number, model.distances), distances, index


def discriminant_scores(discriminant: Discriminant, space: WhitenedSpace, x: Float32Array) -> Float64Array:
    """(n,) `classify.uncertainty.unknown_class.discriminant_score` of (n, d) features."""
    return np.concatenate([discriminant_score(discriminant, centered_scores(space, x[some]))
                           for some in row_blocks(len(x))])


def _robust_scores(x: Float32Array, center: Float64Array, scale: Float64Array) -> Float64Array:
    """Robust z-scores; missing ones are 0, large ones are compressed to a logarithm."""
    z = np.nan_to_num((x - center) / scale)
    size = np.abs(z)
    compressed = COMPRESSED_BEYOND + np.log1p(np.maximum(size - COMPRESSED_BEYOND, 0))
    return np.asarray(np.where(size > COMPRESSED_BEYOND, np.sign(z) * compressed, z))


def _rows_of_axes(n: int, seed: int) -> Int64Array:
    """Numbers of the rows that give the axes: all n, or MOST_AXES_ROWS of them."""
    if n <= MOST_AXES_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_AXES_ROWS, replace=False))


def _principal_axes(centered: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Variances (a,) and axes (d, a) as columns, the largest variance first; a is d, or n where that is less."""
    degrees = max(len(centered) - 1, 1)
    if len(centered) >= centered.shape[1]:
        variance, vectors = np.linalg.eigh(centered.T @ centered / degrees)
        return variance[::-1], vectors[:, ::-1]
    # The products of rows have the same eigenvalues as those of columns, and give the axes by way of the rows.
    variance, rows = np.linalg.eigh(centered @ centered.T / degrees)
    lengths = np.sqrt(np.maximum(variance * degrees, LEAST_VARIANCE))
    return variance[::-1], (centered.T @ rows / lengths)[:, ::-1]


def _kept_axes(variance: Float64Array, rows: int) -> int:
    """Number of the axes that hold most of the variance (d,)."""
    share = np.cumsum(variance) / max(float(variance.sum()), LEAST_TOTAL_VARIANCE)
    real = int((variance > LEAST_AXIS_VARIANCE * variance[0]).sum())
    most = min(MOST_AXES, max(min(rows, MOST_AXES_ROWS) // ROWS_PER_AXIS, 1), max(real, 1))
    return min(most, int(np.searchsorted(share, VARIANCE_SHARE)) + 1)


def _off_axes(centered: Float64Array, along: Float64Array) -> Float64Array:
    """(n,) distance of (n, d) rows from the axes, given their (n, a) coordinates along them."""
    return np.asarray(np.sqrt(np.maximum((centered ** 2).sum(axis=1) - (along ** 2).sum(axis=1), 0)))
