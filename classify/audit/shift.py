"""How a table from elsewhere differs from the one a model was trained on: features, calibration, subgroups."""
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from classify.bundle import Bundle
from classify.evaluate.metrics import LEAST_PROBABILITY, wilson
from classify.evaluate.parts_of_table import LEAST_IN_PART
from classify.fitting import models
from classify.uncertainty.novelty import IQR_PER_DEVIATION
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Most rows whose contributions are averaged for the importance of the features.
EXPLAINED_ROWS = 400
# A shift beyond this counts as this in the order of features, in robust standard deviations.
LARGEST_SHIFT = 5
# Bounds of the calibration slope.
LEAST_SLOPE = .02
LARGEST_SLOPE = 10


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
                          "shift": shift, "spread": (high - low) / IQR_PER_DEVIATION / space.scale,
                          "missing": np.isnan(values).mean(axis=0), "importance": importance,
                          "weight": np.minimum(np.abs(np.nan_to_num(shift)), LARGEST_SHIFT) * importance})
    return table.sort_values("weight", ascending=False, kind="stable").reset_index(drop=True)


def _importance(bundle: Bundle, x: pd.DataFrame, seed: int) -> Float64Array:
    rows = np.arange(len(x))
    if len(x) > EXPLAINED_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), EXPLAINED_ROWS, replace=False))
    values = models.contributions(bundle.model, x.iloc[rows].reset_index(drop=True))
    return np.asarray(np.abs(values[:, :, :-1]).mean(axis=(0, 1)), dtype=np.float64)


def calibration_slope(y: Int64Array, p: Float64Array) -> float:
    """The factor on the log-probabilities that fits the labels best: 1 = as it should be, less = too sure.

    Multinomial form of Cox 1958 (Biometrika 45:562) without intercepts: argmin over s of the log-loss of
    softmax(s log p), s in 0.02..10.
    """
    logs = np.log(np.maximum(p, LEAST_PROBABILITY))
    rows = np.arange(len(y))
    best = minimize_scalar(lambda s: float(-log_softmax(np.exp(s) * logs, axis=1)[rows, y].mean()),
                           bounds=(np.log(LEAST_SLOPE), np.log(LARGEST_SLOPE)), method="bounded")
    return float(np.exp(best.x))


def overconfidence(y: Int64Array, p: Float64Array) -> float:
    """Mean probability of the chosen class less the share that was right: above 0 = too sure on the whole."""
    return float(p.max(axis=1).mean() - (p.argmax(axis=1) == y).mean())


def subgroups(parts: Mapping[str, pd.Series], right: BoolArray, confidence: Float64Array) -> pd.DataFrame:
    """How often predictions are right in parts of the table.

    Parameters
    ----------
    parts : mapping of str to Series
        Ways to divide the judged rows, see `classify.evaluate.parts_of_table`.
    right : (n,) bool
        Whether the prediction is right.
    confidence : (n,) float
        Probability of the predicted class.

    Returns
    -------
    DataFrame
        `by, part, n, right, low, high, confidence, against_rest`: share that was right with its 95 % Wilson interval,
        mean probability; ``worse`` or ``better`` where the rest of the table lies outside that interval, else "".
        Parts of less than 5 rows are left out.
    """
    rows = []
    for by, part in parts.items():
        for name, at in part.groupby(part, sort=False, observed=True).groups.items():
            in_part = np.zeros(len(right), bool)
            in_part[at] = True
            n = int(in_part.sum())
            if n < LEAST_IN_PART or n == len(right):
                continue
            low, high = wilson(right[in_part].sum(), n)
            rest = float(right[~in_part].mean())
            rows.append({"by": by, "part": str(name), "n": n, "right": float(right[in_part].mean()), "low": low,
                         "high": high, "confidence": float(confidence[in_part].mean()),
                         "against_rest": "" if low <= rest <= high else "worse" if rest > high else "better"})
    return pd.DataFrame(rows, columns=["by", "part", "n", "right", "low", "high", "confidence", "against_rest"])
