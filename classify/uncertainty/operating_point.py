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

# A share that differs from the stated sensitivity by less than this is equal to it: 9 of 10 against 0.9.
ROUNDING = 1e-12


@dataclass(frozen=True)
class ThresholdRule:
    """How a threshold is chosen.

    Parameters
    ----------
    best : str
        ``youden``: the largest sum of sensitivity and specificity. ``f1``: the highest F1, which disregards the many
        true negatives of a rare finding.
    sensitivity : float or None
        Instead: the highest threshold with this sensitivity or more.
    """

    best: str = "youden"
    sensitivity: float | None = None

    @property
    def words(self) -> str:
        """For a page."""
        if self.sensitivity is not None:
            return f"sensitivity of at least {100 * self.sensitivity:g} %"
        return _WORDS[self.best]


_WORDS = {"youden": "largest sum of sensitivity and specificity (Youden)", "f1": "highest F1"}


@dataclass(frozen=True)
class OperatingPoint:
    """The chosen threshold of a binary task.

    Parameters
    ----------
    name : str
        The class that counts as positive, the second.
    threshold : float
        Rows whose probability of it is this or more count as positive.
    rule : ThresholdRule
        How it was chosen on the calibrating rows.
    """

    name: str
    threshold: float
    rule: ThresholdRule

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"class": self.name, "threshold": self.threshold, "wanted_sensitivity": self.rule.sensitivity,
                "chosen_by": self.rule.best if self.rule.sensitivity is None else "sensitivity"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OperatingPoint":
        """The inverse of `to_dict`."""
        best = data["chosen_by"] if data["chosen_by"] in _WORDS else "youden"
        return cls(data["class"], float(data["threshold"]), ThresholdRule(best, data["wanted_sensitivity"]))


@dataclass(frozen=True)
class Curve:
    """What each threshold gives, from the highest to the lowest.

    Parameters
    ----------
    threshold : (t,) float64
        Rows with this probability or more count as positive.
    found, false_alarms : (t,) int64
        Rows of the class, and others, that count as positive.
    sensitivity, specificity, precision : (t,) float64
        NaN where undefined.
    """

    threshold: Float64Array
    found: Int64Array
    false_alarms: Int64Array
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
    found, called = np.cumsum(own[order], dtype=np.int64)[last], last + 1
    positives, negatives = own.sum(), (~own).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curve(score[order][last], found, called - found, found / positives, 1 - (called - found) / negatives,
                     found / called)


def choose_threshold(own: BoolArray, score: Float64Array, rule: ThresholdRule) -> float:
    """The threshold of a class against the rest.

    Parameters
    ----------
    own : (n,) bool
        Rows of the class.
    score : (n,) float64
        Its probability.
    rule : ThresholdRule
        Among equally good thresholds the highest is taken.

    Returns
    -------
    float
        Halfway to the next lower probability that occurs, so that a new row need not tie. 0.5 where one of the two
        sides has no row.
    """
    if own.all() or not own.any():
        return 0.5
    found = curve(own, score)
    at = int(np.argmax(_goodness(found, rule)))
    lower = found.threshold[at + 1] if at + 1 < len(found.threshold) else 0.0
    return float((found.threshold[at] + lower) / 2)


def _goodness(found: Curve, rule: ThresholdRule) -> Float64Array:
    """(t,) the threshold with the largest value is wanted."""
    if rule.sensitivity is not None:
        return (found.sensitivity >= rule.sensitivity - ROUNDING).astype(np.float64)
    if rule.best == "f1":
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(2 * found.precision * found.sensitivity / (found.precision + found.sensitivity))
    return found.sensitivity + found.specificity


def cross_thresholds(own: BoolArray, score: Float64Array, fold: Int64Array, rule: ThresholdRule) -> Float64Array:
    """(n,) the threshold of each row, chosen on the rows of the other folds."""
    out = np.empty(len(own))
    for f in np.unique(fold):
        out[fold == f] = choose_threshold(own[fold != f], score[fold != f], rule)
    return out
