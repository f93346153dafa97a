"""Where boosting starts: the log-odds of a linear model, to which the trees add what it misses.

A linear model reads sums over many columns well and thresholds badly; trees do the opposite. Trees that start from
linear log-odds and use a tenth of the columns each had, against trees alone on all columns (same 5 folds, seed 0), on
blood_pbc an accuracy of .973 against .967 and a log-loss of .096 against .119; on leukemia_all4 (preset tissue) .975
against .964 and .076 against .106; for one finding of chest_nih an AUROC of .902 against .855. Since then sizes of
scores and products of two scores have weights, too: see `BEND` and `PRODUCTS`.

The linear log-odds of a training row come from a model that did not see the row or its split group. Those of a model
that saw it would be too sure, and the trees would learn nothing.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from classify.data.folds import make_folds
from classify.fitting.balance import Balance, balanced
from classify.fitting.linear import (LinearModel, Scores, fit_linear, fit_linears, linear_margin, scaled,
                                     standard_scores)
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array

# Inverse penalties (scikit-learn's C) that are compared, times the number of columns, from the strongest penalty to
# the weakest.
INVERSE_PENALTIES = (1.0, 10.0, 100.0)
# From this number of training rows on one penalty is taken: a comparison would take longer than the trees.
MANY_ROWS = 3000
MANY_ROWS_PENALTY = 30.0
# Weight of the size of a score beside the score. With .5 in place of 0 the log-loss of leukemia_all4 fell from .0437 to
# .0386 and from .0436 to .0405 (seeds 0, 1), that of blood_28's val part from .0633 to .0610; blood_pbc kept .0945 and
# .1026 (.0946 and .1032), pneumonia_28's val part of 524 rose from .0773 to .0794. With 1: .0362, .0412, .0617, .0993,
# .1019, .0796.
BEND = 0.5
# Principal components whose products have weights, see `classify.fitting.linear`. With 40 in place of 0 the log-loss of
# leukemia_all4 fell from .0386 to .0373 and from .0405 to .0365 (seeds 0, 1), that of the val part of pneumonia_28 from
# .0794 to .0785 and from .0859 to .0746; blood_pbc had .0990 and .1006 for .0966 and .1034 (with 80: .1012 and .1023).
PRODUCTS = 40
# The same from MANY_ROWS rows on: the log-loss of blood_28's val part was .0617, .0590, .0575 and .0575 with 0, 40, 60
# and 80 (seed 0), .0594, .0590, .0551 and .0565 (seed 1).
MANY_ROWS_PRODUCTS = 60
# Mean square of these components. With 1 in place of .5 blood_28 had .0596 (40 components) and .0620 (80).
PRODUCT_SIZE = 0.5
# A linear model learns from at most so many rows, drawn by chance: its log-odds hardly change with more, and the terms
# of more rows fill the memory (2,300 terms of a row at 200 columns).
MOST_ROWS = 60_000
# Folds that give log-odds of rows that a linear model did not see.
FOLDS = 3
# Calibrated linear log-odds are multiplied by this: the trees then have something left to learn. With 1 in place of .7
# a fit on pneumonia_28 stopped after 8 rounds, at a log-loss of .079 instead of .070; blood_pbc and leukemia_all4 were
# the same within .003.
SHRINKAGE = 0.7
# The factor that calibrates the log-odds is searched between e to these powers.
LOG_FACTORS = (-3.0, 0.0)


@dataclass(frozen=True)
class _Rows:
    """Rows that linear models learn from.

    Parameters
    ----------
    used : (m,) int64
        Positions among the t training rows.
    y : (m,) int64
    weights : (m,) float64
    scores : Scores
        Of all m rows, for the models of all folds: center, axes and means know no label, and take longer than a fit.
    """

    used: Int64Array
    y: Int64Array
    weights: Float64Array
    scores: Scores


@dataclass(frozen=True)
class Start:
    """A fitted start.

    Parameters
    ----------
    model : LinearModel
        Its log-odds are those that boosting starts from.
    margins : (t, k) float64
        Log-odds of the training rows, each from a model that did not see the row's split group.
    inverse_penalty : float
        Of the logistic regression.
    fold : (t,) int64
        Of the training rows.
    unseen : tuple of LinearModel
        Of each fold the model that did not see it.
    """

    model: LinearModel
    margins: Float64Array
    inverse_penalty: float
    fold: Int64Array
    unseen: tuple[LinearModel, ...]

    def margins_of_copies(self, x: Float32Array, rows: Int64Array) -> Float64Array:
        """(c, k) log-odds of copies (c, d) of training rows, each from the model that did not see its row."""
        out = np.empty((len(x), self.margins.shape[1]))
        for number, model in enumerate(self.unseen):
            own = self.fold[rows] == number
            out[own] = linear_margin(model, x[own])
        return out

    @property
    def probabilities(self) -> Float64Array:
        """(t, K) calibrated probabilities of the training rows, each from a model that did not see its split group."""
        return np.asarray(softmax(_both(self.margins) / SHRINKAGE, axis=1))


def fit_start(x: Float32Array, y: Int64Array, split_group: Int64Array, balance: Balance, seed: int,
              train: Int64Array | None = None) -> Start | None:
    """The penalty of least log-loss on rows that were not seen, the factor that calibrates it, and the model.

    Parameters
    ----------
    x : (n, d) float32
        Without perturbed copies: with them the log-loss of leukemia_all4 was .095 instead of .081, that of blood_28
        .055 instead of .049.
    y : (t,) int64
        Classes of the training rows, 0..K-1.
    split_group : (t,) int64
        Theirs.
    balance : Balance
        How rows of rarer classes gain weight.
    seed : int
    train : (t,) int64, optional
        Which of the n rows are the training rows; all if not given.

    Returns
    -------
    Start or None
        None where the split groups do not divide into folds that leave every class to learn from.
    """
    fold = _folds(y, split_group, seed)
    if fold is None:
        return None
    train = np.arange(len(x)) if train is None else train
    rows = _rows(x, y, balance, seed, train)
    penalties = INVERSE_PENALTIES if len(y) < MANY_ROWS else (MANY_ROWS_PENALTY,)
    tried = _models_of_others(rows, fold, penalties)
    unseen = [_margins_of_unseen(x, train, fold, models) for models in tried]
    calibrated = [_calibrated(margins[rows.used], rows.y, rows.weights) for margins in unseen]
    best = _simplest([loss for _, loss in calibrated])
    factor = SHRINKAGE * calibrated[best][0]
    model = fit_linear(rows.scores, rows.y, rows.weights, penalties[best])
    return Start(scaled(model, factor), factor * unseen[best], penalties[best], fold,
                 tuple(scaled(m, factor) for m in tried[best]))


def _simplest(losses: list[Float64Array]) -> int:
    """The first of (t,) losses whose mean is within one standard error of the least: a smaller gain may be chance."""
    best = losses[int(np.argmin([loss.mean() for loss in losses]))]
    worse = [loss - best for loss in losses]
    near = [more.mean() <= more.std() / np.sqrt(len(more)) for more in worse]
    return near.index(True)


def _folds(y: Int64Array, split_group: Int64Array, seed: int) -> Int64Array | None:
    """(t,) 0..FOLDS - 1 of whole split groups; None where a model of the other folds would miss a class."""
    classes = range(int(y.max()) + 1)
    if any(len(np.unique(split_group[y == c])) < FOLDS for c in classes):
        return None
    fold = make_folds(y, split_group, FOLDS, seed)
    missed = any((fold[y == c] == number).all() for c in classes for number in range(FOLDS))
    return None if missed else fold


def _rows(x: Float32Array, y: Int64Array, balance: Balance, seed: int, train: Int64Array) -> _Rows:
    """The balanced rows, or MOST_ROWS of them, with their scores, sizes and products."""
    used, weights = balanced(balance, y, seed)
    if len(used) > MOST_ROWS:
        some = np.sort(np.random.default_rng(seed).choice(len(used), MOST_ROWS, replace=False))
        used, weights = used[some], weights[some]
    products = PRODUCTS if len(used) < MANY_ROWS else MANY_ROWS_PRODUCTS
    return _Rows(used, y[used], weights, standard_scores(x[train[used]], BEND, products, PRODUCT_SIZE))


def _models_of_others(rows: _Rows, fold: Int64Array, penalties: Sequence[float]) -> list[list[LinearModel]]:
    """For each penalty a model for each fold, fitted on the other folds."""
    fitted = [_fit(rows, fold[rows.used] != number, penalties) for number in range(FOLDS)]
    return [list(models) for models in zip(*fitted)]


def _fit(rows: _Rows, fitted: BoolArray, penalties: Sequence[float]) -> list[LinearModel]:
    """A model for each penalty, fitted on some of the rows."""
    return fit_linears(rows.scores.of_rows(fitted), rows.y[fitted], rows.weights[fitted], penalties)


def _margins_of_unseen(x: Float32Array, train: Int64Array, fold: Int64Array,
                       models: Sequence[LinearModel]) -> Float64Array:
    """(t, k) log-odds of each training row by the model of its fold."""
    out = np.empty((len(train), models[0].weights.shape[1]))
    for number, model in enumerate(models):
        out[fold == number] = linear_margin(model, x, train[fold == number])
    return out


def _calibrated(margins: Float64Array, y: Int64Array, weights: Float64Array) -> tuple[float, Float64Array]:
    """The factor on the log-odds of least weighted log-loss, and the (t,) weighted losses with it."""
    both, rows = _both(margins), np.arange(len(y))

    def losses(log_factor: float) -> Float64Array:
        return np.asarray(-weights * log_softmax(both * np.exp(log_factor), axis=1)[rows, y])

    found = minimize_scalar(lambda log_factor: losses(log_factor).mean(), method="bounded", bounds=LOG_FACTORS)
    return float(np.exp(found.x)), losses(found.x)


def _both(margins: Float64Array) -> Float64Array:
    """(n, K): the log-odds of two classes become the two columns 0 and margin."""
    return np.column_stack([np.zeros(len(margins)), margins]) if margins.shape[1] == 1 else margins
