"""Can the label be told from what should not matter? A model may then have learned the camera instead of the cell.

Two tests, each a small cross-fitted model: the label from nuisance columns, and the site from the features. Nuisances
are warned of only where they add to what the subject's own measurements explain: `classify.evaluate.beyond_subject`.
"""
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import softmax
from scipy.stats.contingency import association

from classify.data.columns import matrix
from classify.data.folds import make_folds
from classify.data.splits import Split
from classify.data.tasks import Task, encode
from classify.evaluate.beyond_subject import gain_of, subject_columns
from classify.evaluate.metrics import scores
from classify.fitting.augment import Perturbations
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.settings import FitSettings
from classify.uncertainty.calibrate import logits
from featurize.arrays import Int64Array
from featurize.table import TableInfo

COLUMNS = ["name", "target", "score", "chance", "gain", "warning"]
# AUROC from which the site counts as told by the features: halfway from chance to 1.
WARN_AUROC = 0.75
# Cramer's V of site and label from which a difference between sites can pass for one between classes.
WARN_CRAMERS_V = 0.3
# AUROC of guessing.
CHANCE_AUROC = 0.5
# Most boosting rounds of these fits.
ROUNDS = 80
# Rows of a class count (n / n_class) ** power, as in `TrainSettings.weight_power`.
WEIGHT_POWER = 0.5
# Folds of the fit that tells sites apart, and least rows of each site.
SITE_FOLDS = 3
LEAST_SITE_ROWS = 10


def shortcuts(frame: pd.DataFrame, info: TableInfo, x: pd.DataFrame, task: Task, split: Split,
              settings: FitSettings, perturbations: Perturbations | None = None) -> pd.DataFrame:
    """The tests that the table allows.

    Parameters
    ----------
    frame, info
        The whole table of n rows; its nuisance columns and sites are read.
    x : (n, d) DataFrame
        The model's features.
    task : Task
    split : Split
        The tested rows are scored.
    settings : FitSettings
        Of the model; these fits use fewer rounds and no linear start.
    perturbations : Perturbations or None
        They say which features belong to the subject alone.

    Returns
    -------
    DataFrame
        `name, target, score, chance, gain, warning`: AUROC of the label from nuisance columns alone, and of the site
        from the model's features where there are several sites; `gain` is the share of the log-loss that the nuisances
        save beyond the subject's own measurements, NaN where that is not tested; `warning` is a sentence, or "" where
        there is no sign.
    """
    trees = "auto" if settings.library == "logistic" else settings.library
    light = replace(settings, library=trees, rounds=min(ROUNDS, settings.rounds), linear_start=False)
    subject = x[subject_columns(x, perturbations)]
    rows = _from_nuisances(frame, info, subject, task, split, light) + _from_features(frame, x, task, split, light)
    return pd.DataFrame(rows, columns=COLUMNS)


def _from_nuisances(frame: pd.DataFrame, info: TableInfo, subject: pd.DataFrame, task: Task, split: Split,
                    settings: FitSettings) -> list[tuple[str, str, float, float, float, str]]:
    """How well focus, noise, compression, illumination and size of the picture tell the label, and what they add."""
    # Lengths of the subject in file pixels are nuisances too, but they are no property of the picture alone.
    names = [c for c in info.nuisance if c in frame.columns and (c.startswith("image_") or not c.endswith("_px"))]
    if not names:
        return []
    auroc = _auroc(matrix(frame, names), task.y, split, settings)
    gain = gain_of(names, frame, subject, task, split, settings)
    warning = ""
    if gain and gain.counts:
        warning = (f"properties of the picture (most of all {' and '.join(gain.strongest[:2])}) tell the label beyond "
                   f"what the measurements of the subject explain: the log-loss falls by {100 * gain.share:.0f} %; the "
                   "classes may have been photographed, stained or saved differently, which a model can learn")
    return [("nuisances", "label", auroc, CHANCE_AUROC, gain.share if gain else np.nan, warning)]


def _from_features(frame: pd.DataFrame, x: pd.DataFrame, task: Task, split: Split,
                   settings: FitSettings) -> list[tuple[str, str, float, float, float, str]]:
    """How well the features tell the site, and whether site and label go together."""
    rows = np.flatnonzero(task.labelled)
    sites, y = encode(frame["site"].iloc[rows])
    if len(sites) < 2 or (y < 0).any() or np.bincount(y).min() < LEAST_SITE_ROWS:
        return []
    split_group = split.split_group[rows]
    if min(len(np.unique(split_group[y == c])) for c in range(len(sites))) < SITE_FOLDS:
        return []
    fold = make_folds(y, split_group, SITE_FOLDS, settings.seed)
    by_site = Split("folds", np.full(len(rows), "fold", dtype=object), fold, split_group, split.leaks, split.counts)
    auroc = _auroc(x.iloc[rows].reset_index(drop=True), y, by_site, settings)
    cramers_v = float(association(pd.crosstab(y, task.y[rows]).to_numpy(), method="cramer"))
    warning = ""
    if auroc > WARN_AUROC and cramers_v > WARN_CRAMERS_V:
        warning = (f"the features tell the site with an AUROC of {auroc:.2f}, and site and label go together (Cramer's "
                   f"V {cramers_v:.2f}): part of the scores may come from the site")
    return [("features", "site", auroc, CHANCE_AUROC, np.nan, warning)]


def _auroc(x: pd.DataFrame, y: Int64Array, split: Split, settings: FitSettings) -> float:
    """Macro one-vs-rest AUROC on the tested rows."""
    crossed = cross_fit(FitData(x, y, WEIGHT_POWER), split, settings)
    tested = np.flatnonzero(split.fold >= 0)
    p = softmax(logits(crossed.margins[tested]), axis=1)
    return float(scores(y[tested], p)["auroc"][0])
