"""Prediction sets that hold the true class at a promised rate, in every class by itself.

Class-conditional (Mondrian) split conformal prediction, Vovk 2012, PMLR 25:475; p-values by the library crepes. The
nonconformity score of a class is one minus its calibrated probability. In each class at least 1 - alpha of the sets
hold the truth, for rows exchangeable with the calibrating ones: the same kind of patients, cameras and stains.
"""
from dataclasses import dataclass

import numpy as np
from crepes import ConformalClassifier

from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class Conformal:
    """What prediction sets are made from.

    Parameters
    ----------
    alpha : float
        Promised rate of sets that miss the truth, 0..1.
    scores : (m,) float64
        One minus the probability of the truth, for the calibrating rows.
    y : (m,) int64
        Their classes.
    """

    alpha: float
    scores: Float64Array
    y: Int64Array


def fit_conformal(p: Float64Array, y: Int64Array, alpha: float) -> Conformal:
    """Keep the scores of rows that neither trees nor calibration saw.

    Parameters
    ----------
    p : (m, K) float64
        Calibrated probabilities.
    y : (m,) int64
        Classes.
    alpha : float
        Promised rate of sets that miss the truth, 0..1.
    """
    return Conformal(alpha, 1 - p[np.arange(len(y)), y], y)


def p_values(conformal: Conformal, p: Float64Array) -> Float64Array:
    """(n, K): for each class, the share of its calibrating rows (and the new one) that are at least as strange.

    Not smoothed, so that the same picture always gets the same set.
    """
    fitted = ConformalClassifier().fit(conformal.scores, bins=conformal.y)
    columns = [fitted.predict_p(1 - column, bins=np.full(len(p), c), smoothing=False) for c, column in enumerate(p.T)]
    return np.column_stack(columns)


def prediction_sets(conformal: Conformal, p: Float64Array) -> tuple[BoolArray, BoolArray]:
    """Sets at the level of `conformal`.

    Returns
    -------
    sets : (n, K) bool
        The predicted class is always a member, also where its p-value is too small: a prediction outside its own set
        would confuse a reader, and an additional member never breaks the promise.
    empty : (n,) bool
        True where no class fits, so that the set holds the predicted class alone; a person should look at such a row.
    """
    sets = p_values(conformal, p) > conformal.alpha
    empty = np.asarray(~sets.any(axis=1))
    sets[np.arange(len(p)), p.argmax(axis=1)] = True
    return sets, empty


def cross_sets(p: Float64Array, y: Int64Array, fold: Int64Array, alpha: float) -> tuple[BoolArray, BoolArray]:
    """As `prediction_sets`, the rows of each fold compared with the other folds' scores.

    Parameters
    ----------
    p : (n, K) float64
        Calibrated probabilities.
    y, fold : (n,) int64
        Classes, and folds.
    alpha : float
        Promised rate of sets that miss the truth, 0..1.

    Returns
    -------
    sets : (n, K) bool
    empty : (n,) bool
    """
    sets, empty = np.zeros(p.shape, bool), np.zeros(len(p), bool)
    for f in np.unique(fold):
        own = fold == f
        sets[own], empty[own] = prediction_sets(fit_conformal(p[~own], y[~own], alpha), p[own])
    return sets, empty


def too_few(y: Int64Array, classes: tuple[str, ...], alpha: float) -> list[str]:
    """Classes that no set can ever leave out: with m calibrating rows of a class its least p-value is 1 / (m + 1)."""
    counts = np.bincount(y, minlength=len(classes))
    return [name for name, count in zip(classes, counts) if 1 / (count + 1) > alpha]
