"""Prediction sets that hold the true class at a promised rate, in every class by itself.

Class-conditional (Mondrian) split conformal prediction, Vovk 2012, PMLR 25:475. The nonconformity score of a class is
one minus its calibrated probability. In each class at least 1 - alpha of the sets hold the truth, for rows exchangeable
with the calibrating ones: the same kind of patients, cameras and stains.

A class with too few calibrating rows could never be left out of a set. It is compared with the scores of all classes
instead (the "null cluster" of Ding et al. 2023, arXiv:2306.09335): the promise then holds for all rows together, and
not for such a class by itself. The same is done with all classes where each of them has few rows: at alpha .05 and with
19 to 38 rows the single strangest row of a class decides. With 22 images of each class of blood_pbc (two draws), 47
and 77 % of new cells had several classes in their set, with pooled scores 18 and 18 %. A rare class beside large ones
keeps its own scores, because theirs would say little about it.

Sets of an ordinal task are runs of stages: gaps are filled.
"""
from dataclasses import dataclass

import numpy as np

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
    pooled : tuple of int
        Numbers of the classes that are compared with the scores of all classes.
    """

    alpha: float
    scores: Float64Array
    y: Int64Array
    pooled: tuple[int, ...] = ()

    def compared(self, c: int) -> Float64Array:
        """Scores that the scores of class `c` are compared with."""
        return self.scores if c in self.pooled else self.scores[self.y == c]


def fewest_rows(alpha: float) -> int:
    """Fewest scores that can leave a class out of a set: with m of them its least p-value is 1 / (m + 1)."""
    return int(np.ceil(1 / alpha - 1e-9)) - 1


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
    counts = np.bincount(y, minlength=p.shape[1])
    all_small = counts.max() < fewest_rows(alpha / 2)
    pooled = tuple(int(c) for c in np.flatnonzero((counts < fewest_rows(alpha)) | all_small))
    return Conformal(alpha, 1 - p[np.arange(len(y)), y], y, pooled)


def p_values(conformal: Conformal, p: Float64Array) -> Float64Array:
    """(n, K): for each class, the share of its calibrating rows (and the new one) that are at least as strange.

    Not smoothed, so that the same picture always gets the same set.
    """
    columns = []
    for c, column in enumerate(p.T):
        scores = conformal.compared(c)
        columns.append((_at_least(scores, 1 - column) + 1) / (len(scores) + 1))
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
    return _sets(p_values(conformal, p), p, conformal.alpha)


def runs_of_stages(sets: BoolArray) -> BoolArray:
    """(n, K) sets of ordered stages without gaps: what lies between two members is a member, too.

    A set can only grow by this, so that it holds the truth at least as often.

    >>> runs_of_stages(np.array([[True, False, True, False]])).astype(int).tolist()
    [[1, 1, 1, 0]]
    """
    from_below = np.logical_or.accumulate(sets, axis=1)
    from_above = np.logical_or.accumulate(sets[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(from_below & from_above)


def cross_sets(p: Float64Array, y: Int64Array, split_group: Int64Array, alpha: float) -> tuple[BoolArray, BoolArray]:
    """Sets of the calibrating rows themselves, each row compared with the rows of all other split groups.

    A new row is compared with all calibrating rows. Here as few as possible are left out, so that sizes of sets and the
    share of rows for review forecast those of new rows. (Comparing only with other folds leaves out a fifth: where a
    class has 19 to 23 calibrating rows at alpha .05, every set held it.)

    Parameters
    ----------
    p : (n, K) float64
        Calibrated probabilities, of models and calibrations that did not see the row's fold.
    y, split_group : (n,) int64
        Classes, and groups of rows that are not independent.
    alpha : float
        Promised rate of sets that miss the truth, 0..1.

    Returns
    -------
    sets : (n, K) bool
    empty : (n,) bool
    """
    conformal = fit_conformal(p, y, alpha)
    members = _members(split_group)
    values = np.empty(p.shape)
    for c, column in enumerate(p.T):
        new, usable = 1 - column, (y == c) | (c in conformal.pooled)
        counted, compared = _at_least(conformal.compared(c), new), np.full(len(p), int(usable.sum()))
        for rows in members:
            own = conformal.scores[rows[usable[rows]]]
            counted[rows] -= _at_least(own, new[rows])
            compared[rows] -= len(own)
        values[:, c] = (counted + 1) / (compared + 1)
    return _sets(values, p, alpha)


def _at_least(scores: Float64Array, new: Float64Array) -> Int64Array:
    """For each new score, the number of `scores` that are at least as large."""
    return np.asarray(len(scores) - np.searchsorted(np.sort(scores), new, side="left"), dtype=np.int64)


def _members(split_group: Int64Array) -> list[Int64Array]:
    """Row numbers of each group."""
    order = np.argsort(split_group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(split_group[order])) + 1)


def _sets(values: Float64Array, p: Float64Array, alpha: float) -> tuple[BoolArray, BoolArray]:
    sets = values > alpha
    empty = np.asarray(~sets.any(axis=1))
    sets[np.arange(len(p)), p.argmax(axis=1)] = True
    return sets, empty
