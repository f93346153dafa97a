"""Do properties of the picture tell the label beyond what the measured subject explains?

That properties of the picture tell the label is no proof of a shortcut: focus, contrast and mean color are measured on
a picture that shows the subject. So the question is what they add.

1. The label is predicted from the subject's own measurements. Columns that the recording itself changes are left out:
   those that moved where images were measured a second time as another laboratory might have pictured them.
2. Small trees predict the label from these out-of-fold log-probabilities, once alone and once with the properties of
   the picture, cross-fitted by split groups.
3. The gain is the fall of the log-loss. It counts where it is a tenth of the log-loss or more, and above what chance
   gives to so many groups.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import log_softmax
from scipy.stats import t as student

from classify.data.columns import matrix
from classify.data.folds import make_folds
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.fitting.augment import FEWEST_DIFFERENCES, Perturbations
from classify.fitting.contributions import contributions
from classify.fitting.crossfit import CrossFit, cross_fit
from classify.fitting.fit_data import FitData
from classify.report_numbers import LEAST_GAIN
from classify.settings import FitSettings
from classify.uncertainty.calibrate import logits
from featurize.arrays import Float64Array, Int64Array

# A column belongs to the subject alone if a change of stain, lamp, camera and file format moves it by at most this
# share of its standard deviation (median over the images that were measured twice) ...
MOST_MOVED = 0.15
# ... and with fewer columns than this all of them are taken.
FEWEST_COLUMNS = 5
# Trees of the comparison: they read a few columns, of which one says nearly everything.
ROUNDS = 80
LEARNING_RATE = 0.1
DEPTH = 2
PATIENCE = 15
# Of the logistic regression on the subject's own measurements: the middle one of those that a run compares.
INVERSE_PENALTY = 10.0
# Folds of the comparison.
FOLDS = 5
# One-sided level of the test of the gain, by Student's t with as many degrees of freedom as groups less one.
LEVEL = 0.005
# Least standard error, guards against division by zero.
LEAST_ERROR = 1e-12
# Rows whose contributions are summed to name the properties that add most.
EXPLAINED_ROWS = 500


@dataclass(frozen=True)
class Gain:
    """What properties of the picture add.

    Parameters
    ----------
    share : float
        Fall of the log-loss as a share of it; below 0 where they mislead.
    certain : bool
        The fall is larger than chance gives.
    strongest : tuple of str
        Properties, the most important first.
    """

    share: float
    certain: bool
    strongest: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """The gain is large, and no chance."""
        return self.certain and self.share >= LEAST_GAIN


def subject_columns(x: pd.DataFrame, perturbations: Perturbations | None, most_moved: float = MOST_MOVED) -> list[str]:
    """Columns of (n, d) features that the recording of the picture hardly changes: by `most_moved` deviations."""
    if perturbations is None or len(perturbations.rows) < FEWEST_DIFFERENCES:
        return list(x.columns)
    deviation = np.nanstd(x.to_numpy(np.float64), axis=0)
    moved = np.median(np.abs(perturbations.deltas), axis=0)
    steady = [name for name, still in zip(x.columns, moved <= most_moved * deviation) if still]
    return steady if len(steady) >= FEWEST_COLUMNS else list(x.columns)


def subject_margins(x: pd.DataFrame, task: Task, split: Split, settings: FitSettings) -> Float64Array:
    """(n, k) out-of-fold margins of the label from the subject's own measurements; parameters as for `gain_of`."""
    linear = replace(settings, library="logistic", linear_start=False, inverse_penalty=INVERSE_PENALTY)
    return cross_fit(FitData(x, task.y, 0.0), split, linear).margins


def gain_of(names: Sequence[str], frame: pd.DataFrame, x: pd.DataFrame, task: Task, split: Split,
            settings: FitSettings, margins: Float64Array | None = None) -> Gain | None:
    """What the named properties of the picture add to the subject's own measurements.

    Parameters
    ----------
    names : sequence of str
        Columns of `frame`.
    frame : (n, ...) DataFrame
    x : (n, d) DataFrame
        The subject's own measurements.
    task : Task
    split : Split
        Rows that it holds out are compared.
    settings : FitSettings
        `jobs` and `seed` are read, and the library where it grows trees.
    margins : (n, k) float64, optional
        `subject_margins`, where they are known already.

    Returns
    -------
    Gain or None
        None where a class has too few groups to compare.
    """
    margins = subject_margins(x, task, split, settings) if margins is None else margins
    rows = np.flatnonzero(np.isfinite(margins).all(axis=1) & task.labelled)
    y, split_group = task.y[rows], split.split_group[rows]
    fewest = min(len(np.unique(split_group[y == c])) for c in range(len(task.classes)))
    if fewest < 2:
        return None
    known = log_softmax(logits(margins[rows]), axis=1)
    alone = pd.DataFrame((known - known.mean(axis=1, keepdims=True)).astype(np.float32)).add_prefix("known_")
    pictures = matrix(frame.iloc[rows].reset_index(drop=True), names)
    fold = make_folds(y, split_group, min(FOLDS, fewest), settings.seed)
    compared = Split("folds", np.full(len(rows), "fold", dtype=object), fold, split_group, split.leaks, split.counts)
    library = "auto" if settings.library == "logistic" else settings.library
    trees = replace(settings, library=library, rounds=min(ROUNDS, settings.rounds), learning_rate=LEARNING_RATE,
                    depth=DEPTH, patience=PATIENCE, columns=1.0, linear_start=False)
    both = pd.concat([alone, pictures], axis=1)
    without, added = (cross_fit(FitData(columns, y, 0.0), compared, trees) for columns in (alone, both))
    before, after = (_log_losses(fitted, y) for fitted in (without, added))
    return Gain(float((before - after).mean() / before.mean()), _certain(before - after, split_group),
                strongest(both, added, list(names)))


def _log_losses(crossed: CrossFit, y: Int64Array) -> Float64Array:
    """(n,) of each row."""
    return np.asarray(-log_softmax(logits(crossed.margins), axis=1)[np.arange(len(y)), y])


def _certain(gains: Float64Array, split_group: Int64Array) -> bool:
    """The mean of (n,) gains is above 0, by sums over groups: rows of one patient are not independent."""
    sums = np.bincount(pd.factorize(split_group)[0], gains)
    error = sums.std(ddof=1) * np.sqrt(len(sums))
    return bool(gains.sum() / max(float(error), LEAST_ERROR) > student.ppf(1 - LEVEL, len(sums) - 1))


def strongest(x: pd.DataFrame, crossed: CrossFit, names: list[str]) -> tuple[str, ...]:
    """The last columns of what was fitted, those that contribute most first."""
    rows = np.arange(min(EXPLAINED_ROWS, len(x)))
    weight = np.abs(contributions(x, rows, crossed)[:, :, :-1]).mean(axis=(0, 1))[-len(names):]
    return tuple(names[i] for i in np.argsort(-weight, kind="stable"))
