"""How a table from elsewhere differs from the one a model was trained on: features, calibration, subgroups."""
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from classify.bundle import Bundle
from classify.evaluate.metrics import wilson
from classify.fitting import models
from featurize.arrays import BoolArray, Float64Array, Int64Array

EXPLAINED = 400
LEAST_IN_GROUP = 5


def feature_shift(bundle: Bundle, x: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every feature of the model: where it lies here against the training images, and how much it matters.

    Parameters
    ----------
    x : (n, d) DataFrame
        The model's features, NaN = not measured.
    seed : int
        Of the draw of at most 400 rows that are explained.

    Returns
    -------
    DataFrame
        `feature, training, here, shift, spread, missing, importance, weight`, largest weight first. `training` and
        `here` are medians; `shift` their difference in robust standard deviations of the training images (the
        interquartile range over 1.349); `spread` = robust deviation here over that there; `missing` the share of NaN;
        `importance` the mean |contribution| in log-odds on this table; `weight` = |shift|, at most 5, times importance.
    """
    space, values = bundle.novelty.space, x.to_numpy(dtype=np.float64)
    known = np.isfinite(values).any(axis=0)
    low, middle, high = np.full((3, values.shape[1]), np.nan)
    low[known], middle[known], high[known] = np.nanpercentile(values[:, known], [25, 50, 75], axis=0)
    shift = (middle - space.center) / space.scale
    importance = _importance(bundle, x, seed)
    table = pd.DataFrame({"feature": list(bundle.model.features), "training": space.center, "here": middle,
                          "shift": shift, "spread": (high - low) / 1.349 / space.scale,
                          "missing": np.isnan(values).mean(axis=0), "importance": importance,
                          "weight": np.minimum(np.abs(np.nan_to_num(shift)), 5) * importance})
    return table.sort_values("weight", ascending=False, kind="stable").reset_index(drop=True)


def _importance(bundle: Bundle, x: pd.DataFrame, seed: int) -> Float64Array:
    rows = np.arange(len(x))
    if len(x) > EXPLAINED:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), EXPLAINED, replace=False))
    values = models.contributions(bundle.model, x.iloc[rows].reset_index(drop=True))
    return np.asarray(np.abs(values[:, :, :-1]).mean(axis=(0, 1)), dtype=np.float64)


def calibration_slope(y: Int64Array, p: Float64Array) -> float:
    """The factor on the log-probabilities that fits the labels best: 1 = as it should be, less = too sure.

    Multinomial form of Cox 1958 (Biometrika 45:562) without intercepts: argmin over s of the log-loss of
    softmax(s log p), s in 0.02..10.
    """
    logs = np.log(np.maximum(p, 1e-12))
    rows = np.arange(len(y))
    found = minimize_scalar(lambda s: float(-log_softmax(np.exp(s) * logs, axis=1)[rows, y].mean()),
                            bounds=(np.log(.02), np.log(10)), method="bounded")
    return float(np.exp(found.x))


def overconfidence(y: Int64Array, p: Float64Array) -> float:
    """Mean probability of the chosen class less the share that was right: above 0 = too sure on the whole."""
    return float(p.max(axis=1).mean() - (p.argmax(axis=1) == y).mean())


def subgroups(frame: pd.DataFrame, truth: pd.Series, nuisance: list[str], right: BoolArray, sure: Float64Array
              ) -> pd.DataFrame:
    """How often predictions are right in parts of the table.

    Parameters
    ----------
    frame : DataFrame
        The judged rows of the table.
    truth : Series
        Their labels.
    nuisance : list of str
        Columns that describe the picture: each is cut into thirds.
    right, sure : (n,)
        Whether the prediction is right, and its probability.

    Returns
    -------
    DataFrame
        `by, part, n, right, low, high, confidence, against_rest`: share that was right with its 95 % Wilson interval,
        mean probability; ``worse`` or ``better`` where the rest of the table lies outside that interval, else "".
        Parts of less than 5 rows are left out.
    """
    rows = []
    for by, part in _parts(frame, truth, nuisance).items():
        for name, at in part.groupby(part, sort=False, observed=True).groups.items():
            mine = frame.index.isin(at)
            n = int(mine.sum())
            if n < LEAST_IN_GROUP or n == len(frame):
                continue
            low, high = wilson(right[mine].sum(), n)
            rest = float(right[~mine].mean())
            rows.append({"by": by, "part": str(name), "n": n, "right": float(right[mine].mean()), "low": low,
                         "high": high, "confidence": float(sure[mine].mean()),
                         "against_rest": "" if low <= rest <= high else "worse" if rest > high else "better"})
    return pd.DataFrame(rows, columns=["by", "part", "n", "right", "low", "high", "confidence", "against_rest"])


def _parts(frame: pd.DataFrame, truth: pd.Series, nuisance: list[str]) -> Mapping[str, pd.Series]:
    """Ways to divide a table; a way with one part only is left out."""
    found = {"class": truth.sort_values(), "site": frame["site"].dropna(), "split": frame["split"].dropna()}
    group = frame["group"].dropna()
    if len(group):
        found["images in the group"] = pd.cut(group.map(group.value_counts()), [0, 1, 5, 20, np.inf],
                                              labels=["1", "2 to 5", "6 to 20", "more than 20"]).astype(str)
    for column in nuisance:
        values = frame[column].dropna()
        if values.nunique() >= 10:
            found[column] = pd.qcut(values.rank(method="first"), 3, labels=["low", "middle", "high"]).sort_values()
    return {by: part for by, part in found.items() if part.nunique() > 1}
