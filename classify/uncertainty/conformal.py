"""Sets of classes that hold the truth at a promised rate, in every class by itself.

Class-conditional (Mondrian) split conformal prediction, Vovk 2012, PMLR 25:475; p-values by the library crepes. The
score of a class is one minus its calibrated probability. The promise, at least 1 - alpha in each class, holds for rows
like the calibrating ones: the same kind of patients, cameras and stains.
"""
from dataclasses import dataclass

import numpy as np
from crepes import ConformalClassifier

from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class Conformal:
    """What sets are made from.

    Parameters
    ----------
    alpha : float
        Promised rate of misses.
    scores : (m,) float64
        One minus the probability of the truth, for the calibrating rows.
    y : (m,) int64
        Their classes.
    """

    alpha: float
    scores: Float64Array
    y: Int64Array


def fit_conformal(p: Float64Array, y: Int64Array, alpha: float) -> Conformal:
    """Keep the scores of rows that neither trees nor calibration saw; p is (m, K), y is (m,)."""
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
        They always hold the predicted class, also where only others fit, or none: a reader would not understand a
        prediction outside its set, and more members never break the promise.
    empty : (n,) bool
        True where no class fits and the predicted one stands alone; such a row should be looked at.
    """
    sets = p_values(conformal, p) > conformal.alpha
    empty = np.asarray(~sets.any(axis=1))
    sets[np.arange(len(p)), p.argmax(axis=1)] = True
    return sets, empty


def cross_sets(p: Float64Array, y: Int64Array, fold: Int64Array,
               alpha: float) -> tuple[BoolArray, BoolArray]:
    """As `prediction_sets`, the rows of each fold judged by the other folds' scores."""
    sets, empty = np.zeros(p.shape, bool), np.zeros(len(p), bool)
    for f in np.unique(fold):
        own = fold == f
        sets[own], empty[own] = prediction_sets(fit_conformal(p[~own], y[~own], alpha), p[own])
    return sets, empty


def too_few(y: Int64Array, classes: tuple[str, ...], alpha: float) -> list[str]:
    """Classes that no set can ever leave out: with m rows the least p-value is 1 / (m + 1)."""
    counts = np.bincount(y, minlength=len(classes))
    return [name for name, count in zip(classes, counts) if 1 / (count + 1) > alpha]
