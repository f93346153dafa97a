"""Can the label be told from what should not matter? A model may then have learned the camera instead of the cell.

Two tests, each a small cross-fitted model: the label from nuisance columns alone, and the site from the features.
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
from classify.evaluate.metrics import scores
from classify.fitting.crossfit import FitData, contributions, cross_fit
from classify.settings import FitSettings
from classify.uncertainty.calibrate import logits
from featurize.arrays import Int64Array
from featurize.table import TableInfo

COLUMNS = ["name", "target", "score", "chance", "warning"]
# AUROC from which the label counts as told by the nuisances, or the site by the features: halfway from chance to 1.
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
# Tested rows whose contributions are summed to name the columns that tell the label.
EXPLAINED_ROWS = 500


def shortcuts(frame: pd.DataFrame, info: TableInfo, x: pd.DataFrame, task: Task, split: Split,
              settings: FitSettings) -> pd.DataFrame:
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
        Of the model; these fits use fewer rounds and all columns.

    Returns
    -------
    DataFrame
        `name, target, score, chance, warning`: AUROC of the label from nuisance columns alone, and of the site from the
        model's features where there are several sites; `warning` is a sentence, or "" where there is no sign.
    """
    light = replace(settings, rounds=ROUNDS, columns=1.0)
    rows = _from_nuisances(frame, info, task, split, light) + _from_features(frame, x, task, split, light)
    return pd.DataFrame(rows, columns=COLUMNS)


def _from_nuisances(frame: pd.DataFrame, info: TableInfo, task: Task, split: Split,
                    settings: FitSettings) -> list[tuple[str, str, float, float, str]]:
    """How well focus, noise, compression, illumination and size of the picture alone tell the label."""
    # Lengths of the subject in file pixels are nuisances too, but they are no property of the picture alone.
    names = [c for c in info.nuisance if c in frame.columns and (c.startswith("image_") or not c.endswith("_px"))]
    if not names:
        return []
    auroc, strongest = _auroc(matrix(frame, names), task.y, split, settings)
    warning = ""
    if auroc > WARN_AUROC:
        warning = (f"nuisances alone ({len(names)} properties of the picture, most of all "
                   f"{' and '.join(strongest[:2])}) tell the label with an AUROC of {auroc:.2f}: either the classes "
                   "were photographed differently, which a model can learn, or these properties see the subject itself")
    return [("nuisances", "label", auroc, CHANCE_AUROC, warning)]


def _from_features(frame: pd.DataFrame, x: pd.DataFrame, task: Task, split: Split,
                   settings: FitSettings) -> list[tuple[str, str, float, float, str]]:
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
    auroc, _ = _auroc(x.iloc[rows].reset_index(drop=True), y, by_site, settings)
    cramers_v = float(association(pd.crosstab(y, task.y[rows]).to_numpy(), method="cramer"))
    warning = ""
    if auroc > WARN_AUROC and cramers_v > WARN_CRAMERS_V:
        warning = (f"the features tell the site with an AUROC of {auroc:.2f}, and site and label go together (Cramer's "
                   f"V {cramers_v:.2f}): part of the scores may come from the site")
    return [("features", "site", auroc, CHANCE_AUROC, warning)]


def _auroc(x: pd.DataFrame, y: Int64Array, split: Split, settings: FitSettings) -> tuple[float, list[str]]:
    """Macro one-vs-rest AUROC on the tested rows, and the columns in the order of their weight there."""
    crossed = cross_fit(FitData(x, y, WEIGHT_POWER), split, settings, lambda: None)
    tested = np.flatnonzero(split.fold >= 0)
    p = softmax(logits(crossed.margins[tested]), axis=1)
    weight = np.abs(contributions(x, tested[:EXPLAINED_ROWS], crossed)[:, :, :-1]).mean(axis=(0, 1))
    return float(scores(y[tested], p)["auroc"][0]), [str(x.columns[i]) for i in np.argsort(-weight)]
