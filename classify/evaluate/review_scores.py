"""What is left where unsure images go to a person: by the rule of review, and by the surest share that is kept."""
from typing import Any

import numpy as np
import pandas as pd

from classify.evaluate.by_class import grouped_wilson
from classify.review import review_summary
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Shares of the images that are kept, the surest first: tenths.
STEPS = 10


def review_scores(words: pd.Series, right: BoolArray, split_group: Int64Array) -> dict[str, Any]:
    """`classify.review.review_summary` with `errors_kept_interval`.

    Parameters
    ----------
    words : (n,) Series of str
        Column `review_reason`.
    right : (n,) bool
        The predicted class is the true one.
    split_group : (n,) int64
        Rows with the same number are not independent.

    Examples
    --------
    Of three images that nobody looks at, one is wrong:

    >>> import numpy as np
    >>> found = review_scores(pd.Series(["", "", "novel", ""]), np.array([True, False, False, True]), np.arange(4))
    >>> round(found["errors_kept"], 2), [round(end, 2) for end in found["errors_kept_interval"]], found["errors_found"]
    (0.33, [0.06, 0.79], 0.5)
    """
    kept = words.fillna("").to_numpy(dtype=object) == ""
    return {**review_summary(words, right),
            "errors_kept_interval": list(grouped_wilson(~right[kept], split_group[kept]))}


def abstention(y: Int64Array, p: Float64Array, split_group: Int64Array) -> list[dict[str, Any]]:
    """Errors among the surest images, for about each tenth of them that is kept.

    Parameters
    ----------
    y : (n,) int64
        True classes.
    p : (n, K) float64
        Probabilities.
    split_group : (n,) int64
        Rows with the same number are not independent.

    Returns
    -------
    list of dict
        `kept` (share of the images), `errors` (share of them that is named wrongly), `errors_interval` (95 %, groups
        counting), `confidence` (probability of the least sure of them), the smallest share first.

    Examples
    --------
    The less sure of two images is wrong:

    >>> found = abstention(np.array([0, 0]), np.array([[.9, .1], [.4, .6]]), np.arange(2))
    >>> [(step["kept"], step["errors"], step["confidence"]) for step in found]
    [(0.5, 0.0, 0.9), (1.0, 0.5, 0.6)]
    """
    confidence, wrong = p.max(axis=1), p.argmax(axis=1) != y
    order = np.argsort(-confidence, kind="stable")
    kept = np.unique(np.maximum(np.round(np.arange(1, STEPS + 1) * len(y) / STEPS).astype(int), 1))
    return [{"kept": float(n / len(y)), "errors": float(wrong[order[:n]].mean()),
             "errors_interval": list(grouped_wilson(wrong[order[:n]], split_group[order[:n]])),
             "confidence": float(confidence[order[n - 1]])} for n in kept]
