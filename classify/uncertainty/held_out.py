"""What is fitted on held-out rows, and the predictions of all rows that follow from it.

With folds, every row is held out once. Its probability comes from a calibration that was fitted on the other folds, and
its prediction set from the other folds' scores. With a given split, val calibrates and test only reports. The saved
model is calibrated on all held-out rows.
"""
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from scipy.special import softmax

from classify.data.dataset import Dataset
from classify.data.folds import make_folds
from classify.data.splits import Split, TrainTestIndices
from classify.data.tasks import Task
from classify.fitting.crossfit import CrossFit
from classify.predictions import ModelPredictions, prediction_table
from classify.result import Predicted
from classify.settings import TrainSettings
from classify.uncertainty import calibrate, conformal, novelty
from classify.uncertainty.calibrate import Calibration, CalibrationRows, logits
from classify.uncertainty.conformal import Conformal
from classify.uncertainty.novelty import OutOfDistribution, WhitenedSpace
from featurize.arrays import Float32Array, Float64Array, Int64Array

# Nearest training rows of each row that the report shows.
KEPT_NEIGHBOURS = 3
# Folds of the val part of a given split.
VAL_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """What is fitted on m held-out rows.

    Parameters
    ----------
    rows : (m,) int64
        The calibrating rows: all rows of the folds, or val.
    fold : (m,) int64
        Their folds, or folds made of val.
    p : (m, K) float64
        Their probabilities, calibrated on the other folds.
    calibration, conformal
        Fitted on all of them, for the saved model.
    """

    rows: Int64Array
    fold: Int64Array
    p: Float64Array
    calibration: Calibration
    conformal: Conformal


@dataclass(frozen=True)
class NearestNeighborReference:
    """Where held-out rows lie among the training rows.

    Parameters
    ----------
    model : OutOfDistribution
        Of all t training rows, for the saved model.
    train : (t,) int64
        The rows of `model.points`.
    distances : (n, c) float64
        To the nearest training rows of each tested row; NaN for the other rows.
    neighbours : (n, c) int64
        These training rows; -1 for the other rows.
    """

    model: OutOfDistribution
    train: Int64Array
    distances: Float64Array
    neighbours: Int64Array


def fit_held_out(crossed: CrossFit, task: Task, split: Split, settings: TrainSettings) -> HeldOut:
    """Calibration and conformal scores of the rows that the trees did not see.

    Parameters
    ----------
    crossed : CrossFit
        Its margins are read.
    task : Task
    split : Split
    settings : TrainSettings
        `calibration`, `alpha` and `seed` are read.
    """
    rows = np.flatnonzero((split.part == "val") if split.kind == "given" else (split.fold >= 0))
    calibrating = CalibrationRows(crossed.margins[rows], task.y[rows], split.split_group[rows])
    fold = split.fold[rows] if split.kind == "folds" else _folds_of_val(calibrating, settings.seed)
    p = calibrate.cross_calibrate(calibrating, fold, settings.calibration, settings.seed)
    fitted = calibrate.fit_calibration(calibrating, settings.calibration, settings.seed)
    return HeldOut(rows, fold, p, fitted, conformal.fit_conformal(p, calibrating.y, settings.alpha))


def _folds_of_val(val: CalibrationRows, seed: int) -> Int64Array:
    """Folds of the val part, so that its conformal scores are out-of-fold too.

    Split groups stay whole unless there are fewer of them than folds. There are at most as many folds as the largest
    class has rows; where every class has one row, the rows are in two folds in turn.
    """
    folds = min(VAL_FOLDS, int(np.bincount(val.y).max()))
    if folds < 2:
        return np.arange(len(val.y)) % 2
    enough = len(np.unique(val.split_group)) >= folds
    return make_folds(val.y, val.split_group if enough else np.arange(len(val.y)), folds, seed)


def fit_reference(x: pd.DataFrame, splits: Sequence[TrainTestIndices], held_out: HeldOut,
                  seed: int) -> NearestNeighborReference:
    """Distances of every tested row to the training rows of its own model.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        Features of all rows.
    splits : sequence of TrainTestIndices
        Of the cross-fit.
    held_out : HeldOut
        The distances of its rows are the scale of the out-of-distribution score.
    seed : int
    """
    values = x.to_numpy()
    distances = np.full((len(x), novelty.NEAREST), np.nan)
    neighbours = np.full((len(x), novelty.NEAREST), -1, np.int64)
    references = [_reference(values[indices.train], seed) for indices in splits]
    for indices, (space, points) in zip(splits, references):
        found, index = novelty.nearest(novelty.to_points(space, values[indices.test]), points)
        distances[indices.test, :found.shape[1]] = found
        neighbours[indices.test, :found.shape[1]] = indices.train[index]
    scale = np.sort(np.nanmean(distances[held_out.rows], axis=1))
    # With a given split the saved model is that of the one split; with folds it learns from the rows of all folds.
    train, (space, points) = (splits[0].train, references[0]) if len(splits) == 1 \
        else (held_out.rows, _reference(values[held_out.rows], seed))
    return NearestNeighborReference(OutOfDistribution(space, points, scale), train, distances, neighbours)


def _reference(train: Float32Array, seed: int) -> tuple[WhitenedSpace, Float32Array]:
    """The space of some training rows, and where they lie in it."""
    space = novelty.fit_space(train, seed)
    return space, novelty.to_points(space, train)


def predict_all(data: Dataset, crossed: CrossFit, held_out: HeldOut, reference: NearestNeighborReference,
                saved: ModelPredictions) -> Predicted:
    """Predictions of every row: out-of-fold for the rows of the folds, of the saved model for all others.

    Parameters
    ----------
    data : Dataset
    crossed : CrossFit
    held_out : HeldOut
    reference : NearestNeighborReference
    saved : ModelPredictions
        Of the saved model, for every row of the table.
    """
    split = data.split
    merged = replace(saved, neighbours=reference.train[saved.neighbours])
    if split.kind == "folds":
        own = _out_of_fold(data.task, crossed, held_out, reference, saved.distances.shape[1])
        merged = _with_rows(merged, held_out.rows, own)
    near, far = _other_groups(merged.neighbours, merged.distances, split.split_group)
    table = prediction_table(data.frame, data.task.classes, merged, split.fold)
    return Predicted(
        table=table, held_out=split.fold >= 0, margins=merged.margins, raw=softmax(logits(merged.margins), axis=1),
        probabilities=merged.p, sets=merged.sets, empty=merged.empty, novelty=merged.novelty, neighbours=near,
        neighbour_distances=far)


def _out_of_fold(task: Task, crossed: CrossFit, held_out: HeldOut, reference: NearestNeighborReference,
                 width: int) -> ModelPredictions:
    """Predictions of the held-out rows, each by what was fitted on the other folds; `width` neighbours of each."""
    rows = held_out.rows
    sets, empty = conformal.cross_sets(held_out.p, task.y[rows], held_out.fold, held_out.conformal.alpha)
    score = novelty.out_of_distribution_score(np.nanmean(reference.distances[rows], axis=1), reference.model.distances)
    return ModelPredictions(crossed.margins[rows], held_out.p, sets, empty, score, reference.distances[rows, :width],
                            reference.neighbours[rows, :width])


def _with_rows(predictions: ModelPredictions, rows: Int64Array, own: ModelPredictions) -> ModelPredictions:
    """A copy of the predictions in which `rows` have the values of `own`, which holds these rows alone."""
    merged = {}
    for field in fields(ModelPredictions):
        merged[field.name] = getattr(predictions, field.name).copy()
        merged[field.name][rows] = getattr(own, field.name)
    return ModelPredictions(**merged)


def _other_groups(neighbours: Int64Array, distances: Float64Array,
                  split_group: Int64Array) -> tuple[Int64Array, Float64Array]:
    """(n, 3) nearest rows of other split groups, and their distances: a training row is its own nearest neighbour.

    -1 and NaN where there are fewer than three.
    """
    own = split_group[np.arange(len(neighbours))][:, None]
    barred = (neighbours < 0) | (split_group[neighbours] == own)
    order = np.argsort(barred, axis=1, kind="stable")[:, :KEPT_NEIGHBOURS]
    at = np.arange(len(neighbours))[:, None]
    near = np.full((len(neighbours), KEPT_NEIGHBOURS), -1, np.int64)
    far = np.full((len(neighbours), KEPT_NEIGHBOURS), np.nan)
    near[:, :order.shape[1]] = np.where(barred[at, order], -1, neighbours[at, order])
    far[:, :order.shape[1]] = np.where(barred[at, order], np.nan, distances[at, order])
    return near, far
