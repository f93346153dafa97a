"""Parts of a table for a network or any other method, and the scores of what it predicted: those of `classify`."""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.data.dataset import Dataset
from classify.data.folds import validation_mask
from classify.data.splits import STOP_SHARE, iter_splits
from classify.evaluate.metrics import Bootstrap, intervals, scores
from classify.uncertainty.calibrate import CalibrationRows, fit_calibration, probabilities
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError

# Scores that a benchmark shows.
SHOWN = ("accuracy", "macro_f1", "auroc", "log_loss", "ece")


@dataclass(frozen=True)
class Parts:
    """Row numbers of one model: what it learns from, what chooses its epoch and temperature, what it is tested on."""

    train: Int64Array
    valid: Int64Array
    test: Int64Array


def parts_of(data: Dataset, seed: int, rows: int | None = None) -> list[Parts]:
    """One for each model that the split of a table asks for, the same tested rows as `classify` has.

    Parameters
    ----------
    data : Dataset
    seed : int
        Of the validation rows of a fold, and of the choice of training rows.
    rows : int, optional
        Learn from so many training rows only; every class keeps its share.
    """
    found = []
    for indices in iter_splits(data.split):
        train, test = indices.train, indices.test
        if data.split.kind == "given":
            part = data.split.part
            train, valid, test = train, np.flatnonzero(part == "val"), np.flatnonzero(part == "test")
        else:
            kept = validation_mask(data.task.y[train], data.split.split_group[train], STOP_SHARE, seed)
            if not kept.any():
                raise UserError("a fold has too few groups of some class to keep any back for validation: use fewer "
                                "--folds")
            train, valid = train[~kept], train[kept]
        found.append(Parts(fewer(train, data.task.y, rows, seed), valid, test))
    return found


def fewer(train: Int64Array, y: Int64Array, rows: int | None, seed: int) -> Int64Array:
    """So many of the training rows, every class in its share and at least once."""
    if rows is None or rows >= len(train):
        return train
    order = np.random.default_rng(seed).permutation(train)
    kept = [own[:max(1, round(rows * len(own) / len(train)))] for own in (order[y[order] == c] for c in np.unique(y))]
    return np.sort(np.concatenate(kept))


def calibrated(valid_logits: Float64Array, logits: Float64Array, data: Dataset,
               parts: Parts) -> tuple[Float64Array, float]:
    """Probabilities of the tested rows by a temperature that the validation rows chose, and that temperature."""
    rows = CalibrationRows(valid_logits, data.task.y[parts.valid], data.split.split_group[parts.valid])
    fitted = fit_calibration(rows, "temperature", 0)
    return probabilities(fitted, logits), fitted.temperature


def score(y: Int64Array, p: Float64Array, split_group: Int64Array | None = None) -> dict[str, Any]:
    """The shown scores; where groups are given, 95 % intervals under `intervals`, whole groups drawn."""
    found: dict[str, Any] = {name: float(scores(y, p)[name][0]) for name in SHOWN}
    if split_group is not None:
        edges = intervals(y, p, None, split_group, Bootstrap())
        found["intervals"] = {name: edges[name] for name in SHOWN}
    return found


def predictions(data: Dataset, p: Float64Array, fold: Int64Array) -> pd.DataFrame:
    """The columns of predictions.csv that probabilities alone fill; p is NaN where a row was not predicted."""
    frame, names = data.frame, np.array(data.task.classes, dtype=object)
    known = np.isfinite(p).all(axis=1)
    number = pd.Series(fold, dtype="Int64").mask(fold < 0)
    guess = np.where(known, names[np.where(known, np.nan_to_num(p).argmax(axis=1), 0)], None)
    table = frame[["image_id", "path", "label", "group", "split"]].reset_index(drop=True)
    return table.assign(fold=number, predicted=guess, **{f"p_{c}": p[:, i] for i, c in enumerate(names)})
