"""Fit the trees that a split asks for, so that every tested row is predicted by trees that never saw it."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from classify.data.folds import FEW_SPLIT_GROUPS, validation_mask
from classify.data.splits import STOP_SHARE, Split, TrainTestIndices, iter_splits
from classify.fitting import models
from classify.fitting.augment import augment
from classify.fitting.balance import Balance, balanced
from classify.fitting.begun import Begun, begin, starts
from classify.fitting.fit_data import FitData
from classify.fitting.fold_store import (FINAL_MODEL, NOTHING_KEPT, FittedFold, FoldRunner, FoldStore, FoldTask,
                                         FoldWatch, fit_missing, in_threads, unwatched)
from classify.fitting.large_tables import give_back
from classify.fitting.libraries import installed
from classify.fitting.models import Model
from classify.fitting.rows import TrainingRows
from classify.fitting.tune import tuned
from classify.settings import FitSettings
from featurize.arrays import Float64Array, Int64Array

# Boosting rounds where too few rows or groups are left to choose the number by. One or two groups kept back would
# choose between 50 and 200 rounds by accident; this fixed number at half the learning rate does as well or better.
FEW_GROUPS_ROUNDS = 100
# Fewest boosting rounds of a fit that is stopped by validation rows. Where a class has two or three patients, the loss
# of the one kept back can rise from the first tree on while the ranking still improves.
LEAST_ROUNDS = 50
# With few groups the learning rate is divided by this.
FEW_GROUPS_RATE_DIVISOR = 2
# With few groups the L2 penalty of leaf values is multiplied by this: rows of one group are alike, so a leaf full of
# them proves less than its number of rows says. Together with FEW_GROUPS_COPIES it took AUROC on leukemia_cnmc (nine
# subjects, four divisions into three folds) from .865 .885 .831 .790 to .886 .893 .855 .809. Penalties from 100 to
# 1000 lie within .01 of each other.
FEW_GROUPS_L2_FACTOR = 10.0
# With few groups each training row gets this many perturbed copies.
FEW_GROUPS_COPIES = 8


@dataclass(frozen=True)
class CrossFit:
    """Fitted trees and what they predict for rows they never saw.

    Parameters
    ----------
    splits : sequence of TrainTestIndices
        Trained and tested rows of each model.
    models : list of Model
    margins : (n, k) float64
        NaN where no model tests the row.
    curves : DataFrame
        `fold, round, train_loss, valid_loss`.
    stopped_by_rows : int
        Models whose rounds were chosen on rows of groups that they also learned from, for want of groups.
    left_out : float
        Share of the training rows that were not learned from, because other rows contradict their label: mean over the
        models.
    """

    splits: Sequence[TrainTestIndices]
    models: list[Model]
    margins: Float64Array
    curves: pd.DataFrame
    stopped_by_rows: int
    left_out: float = 0.0


def _nobody() -> None:
    """Is told that a model is there."""


def cross_fit(data: FitData, split: Split, settings: FitSettings, step: Callable[[], None] = _nobody,
              store: FoldStore = NOTHING_KEPT, watch: FoldWatch = unwatched,
              run: FoldRunner | None = None) -> CrossFit:
    """One model a fold, or one for a given split.

    Parameters
    ----------
    data : FitData
        All rows; only those in the split are used.
    split : Split
    settings : FitSettings
    step : callable
        Called after every model.
    store : FoldStore
        Models that it holds are not fitted again; the others are kept in it as soon as they are fitted.
    watch : callable
        Is told every model in the order in which they are there, by the thread that called this function.
    run : FoldRunner, optional
        Where folds are fitted; in threads of this process if not given.

    Notes
    -----
    In a fold an eighth of the training rows, whole split groups, decides after how many rounds to stop. Then the trees
    are grown again on all training rows for that many rounds: on blood cells this lowered the log-loss by 2 to 7 %.
    With a given split its val part decides, and nothing is grown again.
    """
    splits = iter_splits(split)
    # Folds side by side, a thread each, are faster than one fold on all threads: those wait for each other after every
    # level of a tree.
    lighter = replace(settings, jobs=max(1, settings.jobs // len(splits)))

    def told(number: int, fold: FittedFold) -> None:
        watch(number, fold)
        step()
    # Threads of matrix products wait for each other: a linear fit took 3 s with one and 38 s with many.
    with threadpool_limits(1, user_api="blas"):
        folds = fit_missing([FoldTask(data, indices, split, lighter) for indices in splits], fit_fold, store,
                            run or in_threads(min(settings.jobs, len(splits))), told)
    margins = np.full((len(data.y), folds[0].model.outputs), np.nan)
    for indices, fold in zip(splits, folds):
        margins[indices.test] = models.margin(fold.model, data.x.iloc[indices.test])
    return CrossFit(splits, [fold.model for fold in folds], margins, _curves([fold.curve for fold in folds]),
                    sum(fold.stopped_by_rows for fold in folds),
                    float(np.mean([fold.left_out / len(indices.train) for indices, fold in zip(splits, folds)])))


def final_model(data: FitData, split: Split, crossed: CrossFit, settings: FitSettings,
                store: FoldStore = NOTHING_KEPT) -> Model:
    """The model to keep.

    With a given split that is the one model there is. With folds, trees are grown on all rows for the mean number of
    rounds of the folds' models. On a held-out third of blood cells this was as good as the mean of the folds' models
    (log-loss .278 against .283 over three draws), and it is a fifth of the size.

    Parameters
    ----------
    data : FitData
    split : Split
    crossed : CrossFit
        What `cross_fit` gave for the same table and split.
    settings : FitSettings
    store : FoldStore
        As in `cross_fit`.
    """
    if split.kind == "given":
        return crossed.models[0]
    kept = store.load(FINAL_MODEL)
    if kept is None:
        model = _fit_final(data, split, crossed, settings)
        kept = FittedFold(model, model.curve, False)
        store.save(FINAL_MODEL, kept)
    return kept.model


def _fit_final(data: FitData, split: Split, crossed: CrossFit, settings: FitSettings) -> Model:
    """A model of all rows."""
    if settings.tune:
        with threadpool_limits(1, user_api="blas"):
            return _fit_then_refit(data, np.flatnonzero(split.fold >= 0), split, settings).model
    rounds = round(float(np.mean([m.rounds for m in crossed.models])))
    rows = np.flatnonzero(split.fold >= 0)
    few = min(_group_count(split, indices.train) for indices in crossed.splits) < FEW_SPLIT_GROUPS
    grown = replace(settings, rounds=rounds)
    with threadpool_limits(1, user_api="blas"):
        if few:
            return _fit(data, rows, None, _careful(grown), copies=FEW_GROUPS_COPIES)
        return _fit_all(data, rows, split, grown)


def fit_rows(data: FitData, train: Int64Array, settings: FitSettings) -> Model:
    """A model on the given rows alone, of all `settings.rounds`."""
    return _fit(data, train, None, _library_of(settings))


def _curves(curves: list[Float64Array]) -> pd.DataFrame:
    """`fold, round, train_loss, valid_loss` of (r, 3) losses and seconds of each fold."""
    tables = [pd.DataFrame(curve[:, :2], columns=["train_loss", "valid_loss"]).rename_axis("round").reset_index()
              .assign(fold=fold) for fold, curve in enumerate(curves)]
    return pd.concat(tables, ignore_index=True)[["fold", "round", "train_loss", "valid_loss"]]


def _group_count(split: Split, rows: Int64Array) -> int:
    """Number of split groups among rows."""
    return len(np.unique(split.split_group[rows]))


def _careful(settings: FitSettings) -> FitSettings:
    """How trees are grown where the groups are few and no validation rows decide when to stop."""
    return replace(_all_columns(settings), learning_rate=settings.learning_rate / FEW_GROUPS_RATE_DIVISOR,
                   l2=settings.l2 * FEW_GROUPS_L2_FACTOR)


def _all_columns(settings: FitSettings) -> FitSettings:
    """Few groups: every tree may use all columns, and starts from nothing.

    Copies of the rows, moved as another laboratory would move them, show which columns hold; a tree that may not use
    these takes others (AUROC on leukemia_cnmc, three divisions: .88, .90 and .86 with all columns, .80, .86 and .81
    with a tenth; with a linear start .89, .90 and .86).
    """
    return replace(settings, library=_library_of(settings, few=True).library, columns=1.0, linear_start=False)


def _library_of(settings: FitSettings, few: bool = False) -> FitSettings:
    """The settings with a library in the place of ``auto``."""
    if settings.library != "auto":
        return settings
    wanted = few or settings.device != "cpu"
    return replace(settings, library="xgboost" if wanted and installed("xgboost") else "lightgbm")


def _fit_all(data: FitData, train: Int64Array, split: Split, settings: FitSettings) -> Model:
    """A model of all `settings.rounds` on training rows of many groups."""
    settings = _library_of(settings)
    train, begun = begin(data, train, split, settings)
    return _fit(data, train, None, settings, begun)


def fit_fold(task: FoldTask) -> FittedFold:
    """The model of one fold, or of a given split."""
    data, indices, split, settings = task.data, task.indices, task.split, task.settings
    if split.kind == "folds":
        return _fit_then_refit(data, indices.train, split, settings)
    few = _group_count(split, indices.train) < FEW_SPLIT_GROUPS
    settings = _all_columns(settings) if few and settings.library != "logistic" else _library_of(settings)
    train, begun = begin(data, indices.train, split, settings)
    settings = settings if few else _tuned(data, train, split, settings, begun)
    model = _fit(data, train, np.flatnonzero(split.part == "val"), settings, begun)
    return FittedFold(model, model.curve, False, len(indices.train) - len(train))


def _fit_then_refit(data: FitData, train: Int64Array, split: Split, settings: FitSettings) -> FittedFold:
    """Choose the number of rounds on validation rows, then fit all training rows for that many rounds."""
    few_rounds = replace(settings, rounds=min(FEW_GROUPS_ROUNDS, settings.rounds))
    if _group_count(split, train) < FEW_SPLIT_GROUPS:
        model = _fit(data, train, None, _careful(few_rounds), copies=FEW_GROUPS_COPIES)
        return FittedFold(model, model.curve, False)
    settings = _library_of(settings)
    learned, begun = begin(data, train, split, settings)
    left_out = len(train) - len(learned)
    if settings.library == "logistic":
        model = _fit(data, learned, None, settings, begun)
        return FittedFold(model, model.curve, False, left_out)
    y, split_group = data.y[learned], split.split_group[learned]
    kept = validation_mask(y, split_group, STOP_SHARE, settings.seed)
    by_rows = not kept.any()
    if by_rows:
        kept = validation_mask(y, np.arange(len(learned)), STOP_SHARE, settings.seed)
    if not kept.any():
        model = _fit(data, learned, None, replace(settings, rounds=few_rounds.rounds), begun)
        return FittedFold(model, model.curve, False, left_out)
    settings = _tuned(data, learned, split, settings, begun)
    first = _fit(data, learned[~kept], learned[kept], settings, begun)
    rounds = min(max(first.rounds, LEAST_ROUNDS), settings.rounds)
    model = _fit(data, learned, None, replace(settings, rounds=rounds), begun)
    return FittedFold(model, first.curve, by_rows, left_out)


def _tuned(data: FitData, train: Int64Array, split: Split, settings: FitSettings, begun: Begun | None) -> FitSettings:
    """The settings, or those that suit the training rows best."""
    if not settings.tune or settings.library == "logistic":
        return settings
    kept = validation_mask(data.y[train], split.split_group[train], STOP_SHARE, settings.seed)
    if not kept.any():
        return settings

    def loss(tried: FitSettings) -> float:
        model = _fit(data, train[~kept], train[kept], tried, begun)
        return FittedFold(model, model.curve, False).valid_loss
    return tuned(settings, loss)


def _fit(data: FitData, train: Int64Array, valid: Int64Array | None, settings: FitSettings,
         begun: Begun | None = None, copies: int | None = None) -> Model:
    """A model of training rows with class weights and perturbed copies, stopped by the rows `valid` if given."""
    x, y = data.x, data.y
    chosen, weights = balanced(Balance(data.balance, data.weight_power), y[train], settings.seed)
    used = train[chosen]
    plain = TrainingRows(x, y[used], weights, chosen=used)
    if settings.library == "logistic":
        # Without copies: with them its log-loss on blood_pbc was .148 instead of .121.
        penalty = settings.inverse_penalty if begun is None else begun.start.inverse_penalty
        return models.fit(plain, None, replace(settings, inverse_penalty=penalty))
    augmented = augment(plain, used, data.perturbations, settings.seed, copies)
    rows = augmented.rows
    if begun is not None:
        rows = replace(rows, start=starts(data, begun, augmented, used))
    watched = None
    if valid is not None:
        start = None if begun is None else begun.margins(data, valid)
        watched = TrainingRows(x, y[valid], np.ones(len(valid)), start, valid)
    model = models.fit(rows, watched, settings, None if begun is None else begun.start.model, data.abandoned)
    give_back(rows.size)
    return model
