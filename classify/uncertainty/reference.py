"""Where held-out rows lie among the training rows: the scale of the out-of-distribution score."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.fitting import models
from classify.fitting.crossfit import CrossFit
from classify.fitting.models import Model
from classify.uncertainty import novelty
from classify.uncertainty.novelty import OutOfDistribution, WhitenedSpace
from classify.uncertainty.row_blocks import row_blocks
from classify.uncertainty.unknown_class import (Discriminant, UnknownClass, combined, compared_trees,
                                                discriminant_of_blocks, fit_scale, leaf_distance, reference_rows)
from featurize.arrays import Float32Array, Float64Array, Int64Array, UInt8Array

# Training rows that a row is compared with by distance, at most, drawn at random: with all of a million rows the search
# would take days, and the model would hold all of them.
MOST_POINTS = 20_000


@dataclass(frozen=True)
class NearestNeighborReference:
    """Where held-out rows lie among the training rows.

    Parameters
    ----------
    model : OutOfDistribution
        Of the training rows, for the saved model; t of them are compared with.
    train : (t,) int64
        The rows of `model.points`.
    numbers : (n,) float64
        How unlike the training rows of its own model each tested row is; NaN for the other rows.
    distances : (n, c) float64
        To the nearest training rows of each tested row; NaN for the other rows.
    neighbours : (n, c) int64
        These training rows; -1 for the other rows.
    """

    model: OutOfDistribution
    train: Int64Array
    numbers: Float64Array
    distances: Float64Array
    neighbours: Int64Array


@dataclass(frozen=True)
class _Fitted:
    """What is kept of the t training rows of one model.

    Parameters
    ----------
    space : WhitenedSpace
    points : (p, a + 2) float32
        Training rows in the space, all or MOST_POINTS of them.
    compared : (p,) int64
        Which of the training rows these are.
    discriminant : Discriminant
    leaves : (r, b) uint8
        Leaves of the reference rows in the compared trees.
    """

    space: WhitenedSpace
    points: Float32Array
    compared: Int64Array
    discriminant: Discriminant
    leaves: UInt8Array


def fit_reference(x: pd.DataFrame, y: Int64Array, crossed: CrossFit, final: Model, rows: Int64Array,
                  seed: int) -> NearestNeighborReference:
    """Compare every tested row with the training rows of its own model.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        Features of all rows.
    y : (n,) int64
        Classes of all rows, 0..K-1; -1 = unlabelled.
    crossed : CrossFit
    final : Model
        The model that is kept.
    rows : (m,) int64
        Held-out rows: their numbers are the scale of the score.
    seed : int
    """
    distances = np.full((len(x), novelty.NEAREST), np.nan)
    neighbours = np.full((len(x), novelty.NEAREST), -1, np.int64)
    measures = np.full((len(x), 3), np.nan)
    fitted = None
    for indices, model in zip(crossed.splits, crossed.models):
        fitted = _fit(x, y, indices.train, model, seed)
        tested = x.iloc[indices.test]
        found, index = novelty.nearest(novelty.to_points(fitted.space, tested.to_numpy()), fitted.points)
        distances[indices.test, :found.shape[1]] = found
        neighbours[indices.test, :found.shape[1]] = indices.train[fitted.compared[index]]
        measures[indices.test] = _measures(fitted, tested, model, found.mean(axis=1))
    train = rows
    # With a given split the saved model is that of the one split; with folds it learns from the rows of all folds.
    if fitted is not None and len(crossed.splits) == 1:
        train = crossed.splits[0].train
    else:
        fitted = _fit(x, y, rows, final, seed)
    scale = fit_scale(measures[rows])
    numbers = combined(scale, measures)
    saved = OutOfDistribution(fitted.space, fitted.points, np.sort(numbers[rows]),
                              UnknownClass(fitted.discriminant, fitted.leaves, scale))
    return NearestNeighborReference(saved, train[fitted.compared], numbers, distances, neighbours)


def compared_leaves(model: Model, x: pd.DataFrame) -> UInt8Array:
    """(n, t) leaves of rows in the trees that are compared."""
    return models.leaves(model, x, compared_trees(model.rounds, model.trees_per_round))


def _fit(x: pd.DataFrame, y: Int64Array, rows: Int64Array, model: Model, seed: int) -> _Fitted:
    """What is kept of the training rows `rows`."""
    values, own = x.to_numpy(), y[rows]
    space, vectors = novelty.fit_spaces(values, seed, rows)
    discriminant = discriminant_of_blocks(lambda some: novelty.centered_scores(space, values[rows[some]]), vectors, own,
                                          int(own.max()) + 1)
    some = x.iloc[rows[reference_rows(len(rows), seed)]]
    compared = reference_rows(len(rows), seed, MOST_POINTS)
    return _Fitted(space, novelty.to_points(space, values[rows[compared]]), compared, discriminant,
                   compared_leaves(model, some))


def _measures(fitted: _Fitted, x: pd.DataFrame, model: Model, distance: Float64Array) -> Float64Array:
    """(m, 3) of tested rows."""
    leaves = np.concatenate([leaf_distance(compared_leaves(model, x.iloc[some]), fitted.leaves)
                             for some in row_blocks(len(x))])
    return np.column_stack([novelty.discriminant_scores(fitted.discriminant, fitted.space, x.to_numpy()), leaves,
                            distance])
