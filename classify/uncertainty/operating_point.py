"""The threshold of a binary model that is chosen on calibrating rows and kept with it.

A binary prediction names the class of the larger probability. Where a missed finding costs more than a false alarm,
another threshold is better: the one with the largest sum of sensitivity and specificity (Youden 1950,
doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3), or the highest that keeps a stated sensitivity.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class OperatingPoint:
    """The chosen threshold of a binary task.

    Parameters
    ----------
    name : str
        The class that counts as positive, the second.
    threshold : float
        Rows whose probability of it is this or more count as positive.
    sensitivity : float or None
        The stated sensitivity that it keeps on the calibrating rows; None: it is the largest sum of sensitivity and
        specificity there.
    """

    name: str
    threshold: float
    sensitivity: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"class": self.name, "threshold": self.threshold, "wanted_sensitivity": self.sensitivity,
                "chosen_by": "youden" if self.sensitivity is None else "sensitivity"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OperatingPoint":
        """The inverse of `to_dict`."""
        return cls(data["class"], float(data["threshold"]), data["wanted_sensitivity"])


@dataclass(frozen=True)
class Curve:
    """What each threshold gives, from the highest to the lowest.

    Parameters
    ----------
    threshold : (t,) float64
        Rows with this probability or more count as positive.
    sensitivity, specificity, precision : (t,) float64
        NaN where undefined.
    """

    threshold: Float64Array
    sensitivity: Float64Array
    specificity: Float64Array
    precision: Float64Array


def curve(own: BoolArray, score: Float64Array) -> Curve:
    """The curve of a class against the rest.

    Parameters
    ----------
    own : (n,) bool
        Rows of the class.
    score : (n,) float64
        Its probability.

    Examples
    --------
    >>> found = curve(np.array([True, False, True]), np.array([.9, .6, .3]))
    >>> found.threshold.tolist(), found.sensitivity.tolist(), found.specificity.tolist()
    ([0.9, 0.6, 0.3], [0.5, 0.5, 1.0], [1.0, 0.0, 0.0])
    """
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, np.ones(min(len(score), 1), bool)])
    hits, called = np.cumsum(own[order])[last], last + 1
    positives, negatives = own.sum(), (~own).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curve(score[order][last], hits / positives, 1 - (called - hits) / negatives, hits / called)


def choose_threshold(own: BoolArray, score: Float64Array, sensitivity: float | None) -> float:
    """The threshold of a class against the rest.

    Parameters
    ----------
    own : (n,) bool
        Rows of the class.
    score : (n,) float64
        Its probability.
    sensitivity : float or None
        The highest threshold with this sensitivity or more is chosen; None: the largest sum of sensitivity and
        specificity. Among equal ones the highest.

    Returns
    -------
    float
        Halfway to the next lower probability that occurs, so that a new row need not tie. 0.5 where one of the two
        sides has no row.
    """
    if own.all() or not own.any():
        return 0.5
    found = curve(own, score)
    good = found.sensitivity + found.specificity if sensitivity is None else found.sensitivity >= sensitivity - 1e-12
    at = int(np.argmax(good))
    lower = found.threshold[at + 1] if at + 1 < len(found.threshold) else 0.0
    return float((found.threshold[at] + lower) / 2)


def cross_thresholds(own: BoolArray, score: Float64Array, fold: Int64Array, sensitivity: float | None) -> Float64Array:
    """(n,) the threshold of each row, chosen on the rows of the other folds."""
    out = np.empty(len(own))
    for f in np.unique(fold):
        out[fold == f] = choose_threshold(own[fold != f], score[fold != f], sensitivity)
    return out


def at_threshold(own: BoolArray, positive: BoolArray) -> dict[str, float]:
    """`sensitivity, specificity, precision, negative_predictive_value` of calls; NaN where undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        hits, rejections = np.float64((own & positive).sum()), np.float64((~own & ~positive).sum())
        return {"sensitivity": float(hits / own.sum()), "specificity": float(rejections / (~own).sum()),
                "precision": float(hits / positive.sum()),
                "negative_predictive_value": float(rejections / (~positive).sum())}
