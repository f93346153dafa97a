"""Curves of a page: reliability with enough images a point, ROC and precision-recall with operating points."""
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from classify.evaluate.metrics import with_intervals
from classify.evaluate.threshold import shares_of, threshold_scores
from classify.uncertainty.operating_point import OperatingPoint
from classify.uncertainty.operating_point import curve as curve_of
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Fewest images of a point of a reliability curve: with fewer its 95 % interval is wider than half of the axis.
LEAST_IN_POINT = 10
# Points of a ROC or precision-recall curve that are drawn, at most.
MOST_POINTS = 300
# Sensitivity of the operating point that misses few.
HIGH_SENSITIVITY = 0.95
# Probability above which a model of two classes names the second one: the more probable class.
EVEN_ODDS = 0.5
# Thresholds of the decision curve.
DECISION_THRESHOLDS = np.arange(1, 100) / 100


def reliability_points(curves: pd.DataFrame) -> pd.DataFrame:
    """Neighboring bins of `metrics.reliability` pooled until each point holds ten images.

    Parameters
    ----------
    curves : DataFrame
        `class, bin, n, confidence, frequency`.

    Returns
    -------
    DataFrame
        `class, n, confidence, frequency, low, high`, 95 % Wilson intervals; a class of fewer than ten images has no
        point.

    Examples
    --------
    >>> bins = pd.DataFrame({"class": "a", "bin": [0, 1, 9, 12], "n": [9, 3, 20, 4], "confidence": [.1, .3, .9, .9],
    ...                      "frequency": [0, 1, .9, .9]})
    >>> reliability_points(bins)[["n", "confidence", "frequency"]].round(2).values.tolist()
    [[12.0, 0.15, 0.25], [24.0, 0.9, 0.9]]
    """
    rows = []
    for name, bins in curves[curves["n"] > 0].sort_values("bin").groupby("class", sort=False):
        n = bins["n"].to_numpy()
        confidence, hits = (bins[column].to_numpy(float) for column in ("confidence", "frequency"))
        for point in _pooled(n):
            total = n[point].sum()
            rows.append((name, int(total), float((n * confidence)[point].sum() / total),
                         float((n * hits)[point].sum() / total)))
    points = pd.DataFrame(rows, columns=["class", "n", "confidence", "frequency"])
    return with_intervals(points.astype({"n": np.int64, "confidence": float, "frequency": float}))


def _pooled(n: Int64Array) -> list[slice]:
    """Runs of bins that hold ten images or more together; what is left over joins the last one."""
    runs, start, held = [], 0, 0
    for at, count in enumerate(n):
        held += int(count)
        if held >= LEAST_IN_POINT:
            runs.append(slice(start, at + 1))
            start, held = at + 1, 0
    if held and runs:
        runs[-1] = slice(runs[-1].start, len(n))
    return runs


def threshold_curve(positive: BoolArray, p: Float64Array) -> pd.DataFrame:
    """What every threshold on the probability of the second class gives.

    Parameters
    ----------
    positive : (n,) bool
        Rows of the second class.
    p : (n,) float
        Its probability.

    Returns
    -------
    DataFrame
        `threshold, found, false_alarms, sensitivity, false_positive_rate, precision`, from the highest threshold, at
        which nothing is called positive, to the lowest. A row is called positive from the threshold on.

    Examples
    --------
    >>> curve = threshold_curve(np.array([True, False, True]), np.array([.9, .6, .6]))
    >>> curve[["threshold", "sensitivity", "false_positive_rate"]].values.tolist()
    [[inf, 0.0, 0.0], [0.9, 0.5, 0.0], [0.6, 1.0, 1.0]]
    """
    curve = curve_of(positive, p)
    found, false = np.r_[0, curve.found], np.r_[0, curve.false_alarms]
    with np.errstate(invalid="ignore"):
        return pd.DataFrame({"threshold": np.r_[np.inf, curve.threshold], "found": found, "false_alarms": false,
                             "sensitivity": found / positive.sum(), "false_positive_rate": false / (~positive).sum(),
                             "precision": found / (found + false)})


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """At most 300 rows of a curve, evenly spread, ends included."""
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, MOST_POINTS).astype(int))]


def operating_points(positive: BoolArray, p: Float64Array, split_group: Int64Array,
                     stored: Mapping[str, Any] | None) -> pd.DataFrame:
    """What is called positive at even odds, at the model's stored threshold, and at one that misses few.

    Parameters
    ----------
    positive : (n,) bool
        Rows of the second class.
    p : (n,) float64
        Its probability.
    split_group : (n,) int64
        Rows with the same number are not independent.
    stored : mapping or None
        `operating_point` of metrics.json: its scores come from thresholds chosen without the row.

    Returns
    -------
    DataFrame
        `name, rule, threshold` and the shares of `classify.evaluate.threshold.threshold_scores`. Names: ``used`` (even
        odds), ``stored`` (its `rule` in words), ``sensitive`` (fewest false alarms at a sensitivity of .95 on these
        very rows; left out where the stored threshold was chosen for its sensitivity).
    """
    points = [{"name": "used", "rule": "", "threshold": EVEN_ODDS,
               **shares_of(threshold_scores(positive, p > EVEN_ODDS, split_group))}]
    if stored:
        rule = OperatingPoint.from_dict(stored).rule
        points.append({"name": "stored", "rule": rule.words, "threshold": stored["threshold"], **shares_of(stored)})
    if not stored or stored["chosen_by"] != "sensitivity":
        curve = curve_of(positive, p)
        threshold = float(curve.threshold[int((curve.sensitivity >= HIGH_SENSITIVITY).argmax())])
        points.append({"name": "sensitive", "rule": "", "threshold": threshold,
                       **shares_of(threshold_scores(positive, p >= threshold, split_group))})
    return pd.DataFrame(points)


def net_benefit(positive: BoolArray, p: Float64Array) -> pd.DataFrame:
    """Decision curve (Vickers and Elkin 2006, doi:10.1177/0272989X06295361).

    A person who acts from a probability t on takes (1 - t) / t false alarms for one case found, so that the net benefit
    is found / n - false alarms / n * t / (1 - t), in cases found per image without any false alarm.

    Parameters
    ----------
    positive : (n,) bool
        Rows of the second class.
    p : (n,) float64
        Its probability.

    Returns
    -------
    DataFrame
        `threshold, net_benefit, treat_all` at .01, .02 ... .99; to treat nobody has a net benefit of 0.

    Examples
    --------
    One of two cases is found at .5, with one false alarm in four images:

    >>> curve = net_benefit(np.array([True, True, False, False]), np.array([.9, .4, .6, .1]))
    >>> curve[curve["threshold"] == .5].iloc[0].tolist()
    [0.5, 0.0, 0.0]
    """
    t, n = DECISION_THRESHOLDS, max(len(p), 1)
    called = p[:, None] >= t
    odds = t / (1 - t)
    benefit = (called & positive[:, None]).sum(axis=0) / n - (called & ~positive[:, None]).sum(axis=0) / n * odds
    everybody = positive.sum() / n - (~positive).sum() / n * odds
    return pd.DataFrame({"threshold": t, "net_benefit": benefit, "treat_all": everybody})
