"""What calling rows positive from a threshold on gives, with intervals: used for every threshold of a run."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from classify.evaluate.by_class import grouped_wilson
from featurize.arrays import BoolArray, Int64Array

# Scores that are shares of rows and have an interval.
SHARES = ("sensitivity", "specificity", "ppv", "npv")


def threshold_scores(own: BoolArray, positive: BoolArray, split_group: Int64Array) -> dict[str, Any]:
    """Scores of calls that are already made.

    Parameters
    ----------
    own : (n,) bool
        Rows of the class.
    positive : (n,) bool
        Rows that count as positive: their probability reaches a threshold that was chosen without them.
    split_group : (n,) int64
        Rows with the same number are not independent.

    Returns
    -------
    dict
        `sensitivity, specificity, ppv, npv` (positive and negative predictive value), `f1`, and for the first four
        `<score>_interval`, [low, high] of 95 %, Wilson's with the number of independent rows. NaN = undefined.

    Examples
    --------
    >>> found = threshold_scores(np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool), np.arange(5))
    >>> {name: round(found[name], 2) for name in ("sensitivity", "specificity", "ppv", "npv", "f1")}
    {'sensitivity': 0.67, 'specificity': 0.5, 'ppv': 0.67, 'npv': 0.5, 'f1': 0.67}
    """
    shares = {"sensitivity": (positive, own), "specificity": (~positive, ~own), "ppv": (own, positive),
              "npv": (~own, ~positive)}
    found: dict[str, Any] = {}
    for name, (hit, of) in shares.items():
        found[name] = float(hit[of].mean()) if of.any() else np.nan
        found[f"{name}_interval"] = list(grouped_wilson(hit[of], split_group[of]))
    called = int(own.sum() + positive.sum())
    return {**found, "f1": 2 * int((own & positive).sum()) / called if called else np.nan}


def shares_of(scores: Mapping[str, Any]) -> dict[str, Any]:
    """The shares among the scores, and their intervals."""
    return {key: scores[key] for name in SHARES for key in (name, f"{name}_interval")}
