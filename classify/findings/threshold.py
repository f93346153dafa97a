"""The probability from which a finding counts as present, chosen on rows that calibrate."""
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array, Int64Array


@dataclass(frozen=True)
class ThresholdRule:
    """How thresholds are chosen.

    Parameters
    ----------
    sensitivity : float or None
        The highest threshold whose sensitivity on the calibrating rows is at least this; None: the threshold of the
        highest F1.
    """

    sensitivity: float | None = None

    @property
    def words(self) -> str:
        """For a page."""
        return "highest F1" if self.sensitivity is None else f"sensitivity of at least {100 * self.sensitivity:g} %"


def choose_threshold(rule: ThresholdRule, y: Int64Array, p: Float64Array) -> float:
    """A probability, halfway between the two values that it separates.

    Parameters
    ----------
    rule : ThresholdRule
    y : (n,) int64
        1 = present, 0 = absent.
    p : (n,) float64
        Calibrated probabilities of presence.

    Returns
    -------
    float
        0.5 where no row has the finding.

    Examples
    --------
    >>> y, p = np.array([0, 0, 1, 1]), np.array([.1, .2, .3, .9])
    >>> choose_threshold(ThresholdRule(), y, p)
    0.25
    """
    if not (y == 1).any():
        return 0.5
    values = np.unique(p)[::-1]
    order = np.argsort(-p, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(p[order])), len(p) - 1]
    hits, named = np.cumsum(y[order] == 1)[last], last + 1
    positives = int((y == 1).sum())
    if rule.sensitivity is None:
        at = int(np.argmax(2 * hits / (named + positives)))
    else:
        at = int(np.argmax(hits >= rule.sensitivity * positives))
    below = values[at + 1] if at + 1 < len(values) else 0.0
    return float((values[at] + below) / 2)
