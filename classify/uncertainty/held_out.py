"""What is fitted on held-out rows, and the predictions of all rows that follow from it.

With folds, every row is held out once: its probability comes from a calibration, and its set from scores, of the other
folds. With a given split, val calibrates and test only reports. The saved model is calibrated on all held-out rows.
"""
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from classify.data.splits import Fit, Split, make_folds
from classify.data.tasks import Task
from classify.fitting.crossfit import CrossFit
from classify.predictions import prediction_table
from classify.result import Applied, Predicted
from classify.uncertainty import calibrate, conformal, novelty
from classify.uncertainty.calibrate import Calibration, logits
from classify.uncertainty.conformal import Conformal
from classify.uncertainty.novelty import Novelty, Space
from featurize.arrays import Float32Array, Float64Array, Int64Array

SHOWN = 3
VAL_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """Fitted on held-out rows.

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
class Surroundings:
    """Where held-out rows lie among the training rows.

    Parameters
    ----------
    model : Novelty
        Of all training rows, for the saved model.
    train : (m,) int64
        The rows of `model.points`.
    distances : (n, c) float64, neighbours : (n, c) int64
        Nearest training rows of each tested row; NaN and -1 for the others.
    """

    model: Novelty
    train: Int64Array
    distances: Float64Array
    neighbours: Int64Array


def fit_held_out(crossed: CrossFit, task: Task, split: Split, method: str, alpha: float, seed: int) -> HeldOut:
    """Calibration and conformal scores of the rows that the trees did not see."""
    rows = np.flatnonzero((split.part == "val") if split.kind == "given" else (split.fold >= 0))
    margins, y, component = crossed.margins[rows], task.y[rows], split.component[rows]
    fold = split.fold[rows] if split.kind == "folds" else _folds_of_val(y, component, seed)
    p = calibrate.cross_calibrate(margins, y, fold, component, method, seed)
    fitted = calibrate.fit_calibration(margins, y, component, method, seed)
    return HeldOut(rows, fold, p, fitted, conformal.fit_conformal(p, y, alpha))


def _folds_of_val(y: Int64Array, component: Int64Array, seed: int) -> Int64Array:
    """Folds of the calibrating part, so that its conformal scores are honest too; of rows where groups are too few."""
    units = component if len(np.unique(component)) >= VAL_FOLDS else np.arange(len(y))
    return make_folds(y, units, min(VAL_FOLDS, len(np.unique(units))), seed)


def fit_surroundings(x: pd.DataFrame, fits: tuple[Fit, ...], held: HeldOut, seed: int) -> Surroundings:
    """Distances of every tested row to the training rows of its own fit."""
    values = x.to_numpy()
    distances = np.full((len(x), novelty.NEAREST), np.nan)
    neighbours = np.full((len(x), novelty.NEAREST), -1, np.int64)
    references = [_reference(values[fit.train], seed) for fit in fits]
    for fit, (space, points) in zip(fits, references):
        found, index = novelty.nearest(novelty.to_points(space, values[fit.test]), points)
        distances[fit.test, :found.shape[1]] = found
        neighbours[fit.test, :found.shape[1]] = fit.train[index]
    scale = np.sort(np.nanmean(distances[held.rows], axis=1))
    # With a given split the saved model is the one fit; with folds it learns from the rows of all folds.
    train, (space, points) = (fits[0].train, references[0]) if len(fits) == 1 \
        else (held.rows, _reference(values[held.rows], seed))
    return Surroundings(Novelty(space, points, scale), train, distances, neighbours)


def _reference(train: Float32Array, seed: int) -> tuple[Space, Float32Array]:
    """The space of some training rows, and where they lie in it."""
    space = novelty.fit_space(train, seed)
    return space, novelty.to_points(space, train)


def predict_all(frame: pd.DataFrame, task: Task, split: Split, crossed: CrossFit, held: HeldOut, around: Surroundings,
                applied: Applied, alpha: float) -> Predicted:
    """Predictions of every row: held-out ones for the rows of the folds, those of the saved model for all others.

    Parameters
    ----------
    applied : Applied
        What the saved model says about every row of the table.
    """
    honest = split.fold >= 0
    margins, p, sets, empty = applied.margins.copy(), applied.p.copy(), applied.sets.copy(), applied.empty.copy()
    new, distances = applied.novelty.copy(), applied.distances.copy()
    neighbours = around.train[applied.neighbours]
    if split.kind == "folds":
        rows = held.rows
        margins[rows], p[rows] = crossed.margins[rows], held.p
        sets[rows], empty[rows] = conformal.cross_sets(held.p, task.y[rows], held.fold, alpha)
        new[rows] = novelty.novelty(np.nanmean(around.distances[rows], axis=1), around.model.distances)
        width = distances.shape[1]
        distances[rows], neighbours[rows] = around.distances[rows, :width], around.neighbours[rows, :width]
    near, far = _other_components(neighbours, distances, split.component)
    table = prediction_table(frame, task.classes, p, sets, empty, new, split.fold)
    return Predicted(table, honest, margins, softmax(logits(margins), axis=1), p, sets, empty, new, near, far)


def _other_components(neighbours: Int64Array, distances: Float64Array,
                      component: Int64Array) -> tuple[Int64Array, Float64Array]:
    """(n, 3) nearest rows of other components: a training row is its own nearest neighbour."""
    own = component[np.arange(len(neighbours))][:, None]
    barred = (neighbours < 0) | (component[neighbours] == own)
    order = np.argsort(barred, axis=1, kind="stable")[:, :SHOWN]
    at = np.arange(len(neighbours))[:, None]
    near = np.full((len(neighbours), SHOWN), -1, np.int64)
    far = np.full((len(neighbours), SHOWN), np.nan)
    near[:, :order.shape[1]] = np.where(barred[at, order], -1, neighbours[at, order])
    far[:, :order.shape[1]] = np.where(barred[at, order], np.nan, distances[at, order])
    return near, far
