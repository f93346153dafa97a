"""Is an image of a class that the model never saw? Three measures, each compared with held-out training rows.

1. Discriminant score. Features on the robust scale of `classify.uncertainty.novelty` are brought to principal axes and
   whitened by the covariance within the classes. There a row of a known class lies around the mean of its class with
   unit covariance, and the mean of a new class lies anywhere that the means of the known classes spread to. The score
   is the log-likelihood ratio of "a new class" to "the nearest known class" (probabilistic linear discriminant
   analysis: Ioffe 2006, doi:10.1007/11744085_41; the relative Mahalanobis distance of Ren et al. 2021,
   arXiv:2106.09022, has the covariance of all rows in place of the spread of the class means).
2. Leaf distance. Two rows are as similar as the share of trees in which they fall into the same leaf (Breiman 2001,
   doi:10.1023/A:1010933404324). An image of a new class falls into combinations of leaves that no training row
   has.
3. The distance to the nearest training rows of `classify.uncertainty.novelty`: an image may be unlike any cell at all.

The constants below were set with trees of 100 rounds, each class left out in turn, at 5 % false alarms. Found were, on
blood_pbc, the stages of leukemia_all4, blood_lab_b and the demo, by the discriminant score 57, 64, 30 and 86 % of the
images of the left-out class, by the leaf distance 69, 71, 36 and 39 %, by the distance 35, 33, 45 and 93 %, and by all
three together 74, 75, 58 and 87 %. benchmarks/unknown_class.py measures the score as it is used.
"""
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.uncertainty.row_blocks import Block, products_of_columns, row_blocks, sum_of_rows
from featurize.arrays import Float32Array, Float64Array, Int64Array, UInt8Array

# Principal axes, at most. 100 found 49 %, 300 found 51 %, all of 1,043 found 47 %.
MOST_AXES = 300
# Rows for each axis, at least.
ROWS_PER_AXIS = 3
# The covariance within the classes is shrunk by this share to a multiple of the identity; .3 found no more.
WITHIN_SHRINKAGE = 0.1
# The same of the covariance of the class means, which few classes give: .3, .1 and .03 found 39, 51 and 54 %.
BETWEEN_SHRINKAGE = 0.03
# Trees of the first rounds divide the classes coarsely: without this share of the rounds 69 % were found, else 66 %.
SKIPPED_ROUNDS = 0.3
# Trees that are compared, at most: half of 490 found 68 % instead of 69 %.
MOST_TREES = 1000
# Training rows that leaves are compared with, at most, drawn at random: they fill the model folder.
MOST_ROWS = 2000
# Most similar training rows that are averaged; 1 and 5 found as much, 20 found 4 % less.
NEAREST = 3
# Weights beside the leaf distance, in units of `Scale`. With .5 in place of .3, 72, 76, 57 and 88 % were found.
DISCRIMINANT_WEIGHT = 0.7
DISTANCE_WEIGHT = 0.3
# Percentile of held-out rows that counts as one in `Scale`.
UNIT_PERCENTILE = 95
# Guard against division by zero.
LEAST_UNIT = 1e-9


@dataclass(frozen=True)
class Discriminant:
    """The whitened space of the classes; d features, q axes, K classes, b = K - 1 directions between the means.

    Parameters
    ----------
    axes : (d, q) float32
        From scaled, centered features to the space.
    means : (K, q) float64
        Of the classes.
    between : (q, b) float64
        Orthonormal directions in which the means of the classes spread.
    variance : (b,) float64
        Of a row of a new class along them; 1 is the variance within a class.
    rest : float
        Variance of a row of a new class in all other directions.
    """

    axes: Float32Array
    means: Float64Array
    between: Float64Array
    variance: Float64Array
    rest: float


@dataclass(frozen=True)
class Scale:
    """Medians of the three measures among held-out rows, and the distances of their 95th percentiles from these.

    Parameters
    ----------
    middle, unit : (3,) float64
        Of the discriminant score, the leaf distance and the distance to the nearest training rows.
    """

    middle: Float64Array
    unit: Float64Array


@dataclass(frozen=True)
class UnknownClass:
    """What is kept to tell images of unknown classes.

    Parameters
    ----------
    discriminant : Discriminant
    leaves : (r, t) uint8
        Leaf of each reference row in each compared tree; t = 0 where the model has no trees.
    scale : Scale
    """

    discriminant: Discriminant
    leaves: UInt8Array
    scale: Scale


def fit_discriminant(scaled: Float64Array, vectors: Float64Array, y: Int64Array, classes: int) -> Discriminant:
    """The space of the classes.

    Parameters
    ----------
    scaled : (n, d) float64
        Scaled, centered features of the training rows.
    vectors : (d, a) float64
        Their principal axes, the largest variance first.
    y : (n,) int64
        Classes, 0..K-1, all present.
    classes : int
        K.
    """
    return discriminant_of_blocks(lambda some: scaled[some], vectors, y, classes)


def discriminant_of_blocks(scaled: Block, vectors: Float64Array, y: Int64Array, classes: int) -> Discriminant:
    """`fit_discriminant` of rows that are scaled a block at a time."""
    n = len(y)
    kept = vectors[:, :max(min(MOST_AXES, n // ROWS_PER_AXIS), 1)]
    means = _means_of_classes(lambda some: scaled(some) @ kept, y, classes)
    inside = products_of_columns(lambda some: scaled(some) @ kept - means[y[some]], n)
    covariance = _shrunk(inside / max(n - classes, 1), WITHIN_SHRINKAGE)
    variance, directions = np.linalg.eigh(covariance)
    whitening = directions / np.sqrt(np.maximum(variance, LEAST_UNIT))
    means = means @ whitening
    _, spread, between = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    along = spread[:classes - 1] ** 2 / (classes - 1)
    ridge = BETWEEN_SHRINKAGE * along.sum() / len(whitening)
    return Discriminant((kept @ whitening).astype(np.float32), means, between[:classes - 1].T,
                        1 + (1 - BETWEEN_SHRINKAGE) * along + ridge, float(1 + ridge))


def _means_of_classes(block_of: Block, y: Int64Array, classes: int) -> Float64Array:
    """(K, q) mean of the rows of each class."""
    totals: list[Float64Array | None] = [None] * classes
    for some in row_blocks(len(y)):
        block = block_of(some)
        for c in np.unique(y[some]):
            totals[c] = sum_of_rows(totals[c], block[y[some] == c])
    return np.stack([total / count for total, count in zip(totals, np.bincount(y))])


def _shrunk(covariance: Float64Array, share: float) -> Float64Array:
    size = len(covariance)
    return np.asarray((1 - share) * covariance + share * np.trace(covariance) / size * np.eye(size))


def discriminant_score(space: Discriminant, scaled: Float64Array) -> Float64Array:
    """(n,) twice the log-likelihood ratio of a new class to the nearest known one, but for a constant."""
    rows = scaled @ space.axes.astype(np.float64)
    centered = rows - space.means.mean(axis=0)
    nearest = np.min([((rows - mean) ** 2).sum(axis=1) for mean in space.means], axis=0)
    along = centered @ space.between
    rest = (centered ** 2).sum(axis=1) - (along ** 2).sum(axis=1)
    return np.asarray(nearest - (along ** 2 / space.variance).sum(axis=1) - rest / space.rest)


def compared_trees(rounds: int, outputs: int) -> Int64Array:
    """Numbers of the trees that leaves are compared in; `outputs` trees belong to each round."""
    first = int(SKIPPED_ROUNDS * rounds)
    step = max(1, int(np.ceil((rounds - first) * outputs / MOST_TREES)))
    return (np.arange(first, rounds, step)[:, None] * outputs + np.arange(outputs)).ravel()


def reference_rows(n: int, seed: int, most: int = MOST_ROWS) -> Int64Array:
    """Numbers of the training rows that others are compared with: all n, or `most` of them."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def leaf_distance(leaves: UInt8Array, reference: UInt8Array) -> Float64Array:
    """(n,) one minus the share of trees with the same leaf, mean over the most similar reference rows.

    0 where there is no tree.
    """
    if not reference.shape[1]:
        return np.zeros(len(leaves))
    count = min(NEAREST, len(reference))
    trees, bits = reference.shape[1], max(int(max(leaves.max(initial=0), reference.max())).bit_length(), 1)
    new, known = _bit_planes(leaves, bits), _bit_planes(reference, bits)
    same = np.empty((len(leaves), count))
    for row in range(len(leaves)):
        differ = np.zeros(known.shape[1:], np.uint64)
        for plane in range(bits):
            differ |= known[plane] ^ new[plane, row]
        found = trees - np.bitwise_count(differ).sum(axis=1, dtype=np.int64)
        same[row] = np.partition(found, len(found) - count)[len(found) - count:]
    return np.asarray(1 - same.mean(axis=1) / trees)


def _bit_planes(leaves: UInt8Array, bits: int) -> NDArray[np.uint64]:
    """(bits, n, words): each word holds one bit of the leaf numbers of 64 trees, which are compared at once."""
    planes = np.stack([np.packbits(leaves >> plane & 1, axis=1) for plane in range(bits)])
    whole_words = np.pad(planes, ((0, 0), (0, 0), (0, -planes.shape[2] % 8)))
    return np.ascontiguousarray(whole_words).view(np.uint64)


def fit_scale(measures: Float64Array) -> Scale:
    """The scale of (m, 3) measures of held-out rows."""
    middle, high = np.percentile(measures, [50, UNIT_PERCENTILE], axis=0)
    return Scale(middle, np.maximum(high - middle, LEAST_UNIT))


def combined(scale: Scale, measures: Float64Array) -> Float64Array:
    """(n,) the three measures in one number; the larger, the less like the training rows."""
    discriminant, leaves, distance = ((measures - scale.middle) / scale.unit).T
    return np.asarray(leaves + DISCRIMINANT_WEIGHT * discriminant + DISTANCE_WEIGHT * distance)
