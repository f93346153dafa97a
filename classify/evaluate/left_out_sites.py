"""How good a model is at a laboratory whose images it did not learn from: each site is left out once.

Folds mix the sites: a model that is tested on a site has learned from other images of the same site. Of a laboratory
that is not in the table, this test says more.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from classify.data.dataset import Dataset
from classify.data.folds import validation_mask
from classify.data.splits import STOP_SHARE, Split
from classify.data.tasks import encode
from classify.evaluate.metrics import scores
from classify.fitting.augment import Perturbations
from classify.fitting.crossfit import cross_fit
from classify.fitting.fit_data import FitData
from classify.result import Predicted
from classify.settings import TrainSettings
from classify.uncertainty.calibrate import logits
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Images of a site, at least: an accuracy of fewer is mostly chance.
LEAST_ROWS = 30
# Sites that are left out, the largest first: each costs a fit.
MOST_SITES = 5
# Balanced accuracy that a site may lose before it is warned of.
WARN_LOSS = 0.05
# Scores that are told.
TOLD = ("accuracy", "balanced_accuracy", "macro_f1")


@dataclass(frozen=True)
class SharedRows:
    """The rows that tell of sites; K classes that at least two sites have.

    Parameters
    ----------
    names : tuple of str
        Sites that are left out, the largest first.
    site : (n,) int64
        Of each row; -1: the row is not used. Sites beyond MOST_SITES have numbers, too.
    y : (n,) int64
        Classes, 0..K-1; -1: a class of one site only.
    classes : (K,) int64
        Their numbers in the task.
    """

    names: tuple[str, ...]
    site: Int64Array
    y: Int64Array
    classes: Int64Array


def shared_rows(data: Dataset) -> SharedRows | None:
    """Labelled rows of the sites; None where fewer than two sites share two classes.

    Of a given split the test part is left alone. Rows whose split group stands at several sites are not used.
    """
    task, split = data.task, data.split
    known = task.labelled & (np.isin(split.part, ["train", "val"]) if split.kind == "given" else split.fold >= 0)
    names, site = encode(data.frame["site"])
    if len(names) < 2:
        return None
    site = np.where(known, site, -1)
    at_sites = pd.DataFrame({"group": split.split_group, "site": site})[site >= 0].groupby("group")["site"].nunique()
    site[np.isin(split.split_group, at_sites.index[at_sites > 1])] = -1
    y = task.y
    here = pd.crosstab(y[site >= 0], site[site >= 0]) > 0
    classes = here.index[here.sum(axis=1) > 1].to_numpy(np.int64)
    place = np.full(len(task.classes), -1)
    place[classes] = np.arange(len(classes))
    shared = np.where(site >= 0, place[y], -1)
    site[shared < 0] = -1
    counts = np.bincount(site[site >= 0], minlength=len(names))
    # The largest sites get the first numbers: these are left out, each once.
    order = np.argsort(-counts, kind="stable")
    renamed = np.empty(len(names), np.int64)
    renamed[order] = np.arange(len(names))
    site = np.where(site >= 0, renamed[site], -1)
    large = int((counts >= LEAST_ROWS).sum())
    if len(classes) < 2 or large < 2:
        return None
    return SharedRows(tuple(str(names[k]) for k in order[:min(large, MOST_SITES)]), site, shared, classes)


def left_out_sites(data: Dataset, predicted: Predicted, perturbations: Perturbations | None,
                   settings: TrainSettings) -> list[dict[str, Any]]:
    """Scores of each site by a model of the other sites, beside those of the run.

    Parameters
    ----------
    data : Dataset
    predicted : Predicted
        Of the run: its held-out rows of the same site are scored beside.
    perturbations : Perturbations or None
        How measurements change between laboratories.
    settings : TrainSettings

    Returns
    -------
    list of dict
        `site, n, classes, n_home`, and of `accuracy, balanced_accuracy, macro_f1` the values without the site and, as
        `home_<score>`, with it; these are None where no row of the site was held out. Probabilities are not
        calibrated, and nothing is chosen by these scores. Empty where the sites share too little.
    """
    rows = shared_rows(data)
    if rows is None:
        return []
    fit = FitData(data.x, rows.y, settings.weight_power, perturbations, settings.balance)
    out = []
    for number, name in enumerate(rows.names):
        tested = rows.site == number
        split = _leaving_out(data.split, rows, tested, settings.seed)
        if split is None:
            continue
        margins = cross_fit(fit, split, settings.fit_settings()).margins[tested]
        home = tested & predicted.held_out
        known = predicted.probabilities[home][:, rows.classes]
        found = _told(rows.y[tested], np.asarray(softmax(logits(margins), axis=1)))
        beside = _told(rows.y[home], known) if home.any() else dict.fromkeys(TOLD)
        out.append({"site": name, "n": int(tested.sum()), "n_home": int(home.sum()),
                    "classes": [data.task.classes[c] for c in rows.classes], **found,
                    **{f"home_{key}": value for key, value in beside.items()}})
    return out


def _leaving_out(split: Split, rows: SharedRows, tested: BoolArray, seed: int) -> Split | None:
    """The rows of a site are tested; of the other sites' split groups some decide when the trees stop.

    None where the other sites have too few images of a class to both learn from it and stop by it.
    """
    others = np.flatnonzero((rows.site >= 0) & ~tested)
    group = split.split_group[others]
    stops = validation_mask(rows.y[others], group, STOP_SHARE, seed)
    if not stops.any():
        stops = validation_mask(rows.y[others], np.arange(len(others)), STOP_SHARE, seed)
    if not stops.any():
        return None
    part = np.full(len(tested), "removed", dtype=object)
    part[others] = np.where(stops, "val", "train")
    part[tested] = "test"
    return Split("given", part, np.where(tested, 0, -1), split.split_group, split.leaks, split.counts)


def _told(y: Int64Array, p: Float64Array) -> dict[str, float | None]:
    found = scores(y, p)
    return {name: float(found[name][0]) for name in TOLD}


def worst_loss(sites: list[dict[str, Any]]) -> str:
    """A warning of the site that loses most, or nothing."""
    losses = [(one["home_balanced_accuracy"] - one["balanced_accuracy"], one) for one in sites
              if one["home_balanced_accuracy"] is not None]
    loss, one = max(losses, key=lambda pair: pair[0], default=(0.0, {}))
    if loss <= WARN_LOSS:
        return ""
    return (f"a model that did not learn from site {one['site']!r} has a balanced accuracy of "
            f"{one['balanced_accuracy']:.3f} there, in place of {one['home_balanced_accuracy']:.3f}: of a laboratory "
            "that is not in the table, expect the former")
