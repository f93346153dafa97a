"""Scores of every class against the rest, with intervals, and those of all classes from the same draws."""
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score

from classify.data.independent_rows import independent_rows
from classify.evaluate.metrics import (Bootstrap, bins_of, confusion, draws, intervals_of, scores, weighted_confusion,
                                       wilson)
from classify.evaluate.ranking import ranked_by_class
from classify.report_numbers import RELIABILITY_BINS
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Scores of a class that are shares of rows: their intervals are Wilson's, which stay open at 0 and 1.
SHARES = ("precision", "recall", "specificity", "coverage")


@dataclass(frozen=True)
class ClassScores:
    """Of every class, and the intervals of the scores of all classes.

    Parameters
    ----------
    per_class : dict of class to dict
        n, precision, recall, f1, specificity, auroc, average_precision, mcc, brier, ece, coverage, and
        `<score>_interval`, [low, high]; NaN = undefined.
    intervals : dict of str to [low, high]
        Of `classify.evaluate.metrics.scores`.
    """

    per_class: dict[str, dict[str, Any]]
    intervals: dict[str, list[float]]


def class_scores(y: Int64Array, p: Float64Array, sets: BoolArray, split_group: Int64Array, classes: tuple[str, ...],
                 bootstrap: Bootstrap = Bootstrap(), ordered: bool = False) -> ClassScores:
    """Scores of every class and all intervals; the bootstrap draws whole groups.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities.
    sets : (n, K) bool
        Prediction sets.
    split_group : (n,) int64
        Rows with the same number are not independent.
    classes : tuple of K str
    bootstrap : Bootstrap
    ordered : bool
        The classes are stages.
    """
    overall, one_by_one = [], []
    for w in draws(split_group, bootstrap):
        ranked = ranked_by_class(y, p, w)
        overall.append(scores(y, p, sets, w, ranked, ordered))
        one_by_one.append(_against_rest(y, p, w, ranked))
    found = per_class(y, p, sets, classes)
    for c, name in enumerate(classes):
        drawn = intervals_of([{key: values[:, c] for key, values in part.items()} for part in one_by_one], bootstrap,
                             float(str(found[name]["ece"])))
        shares = _share_intervals(y, p.argmax(axis=1), sets[:, c], split_group, c)
        found[name].update({f"{key}_interval": pair for key, pair in {**shares, **drawn}.items()})
    return ClassScores(found, intervals_of(overall, bootstrap, float(scores(y, p)["ece"][0])))


def per_class(y: Int64Array, p: Float64Array, sets: BoolArray,
              classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Scores of every class against the rest, as `ClassScores.per_class`, without intervals."""
    table = confusion(y, p.argmax(axis=1), len(classes))
    truth, guessed, hit = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    rest, once = len(y) - truth, np.ones((1, len(y)))
    ranked = ranked_by_class(y, p, once)
    drawn = _against_rest(y, p, once, ranked)
    with np.errstate(invalid="ignore"):
        columns = {"precision": hit / guessed, "recall": hit / truth, "f1": 2 * hit / (truth + guessed),
                   "specificity": (rest - guessed + hit) / rest, "auroc": ranked[0][0],
                   **{key: drawn[key][0] for key in ("mcc", "brier", "ece")}}
    by_class: dict[str, dict[str, Any]] = {}
    for c, name in enumerate(classes):
        own = y == c
        by_class[name] = {"n": int(truth[c]), **{key: float(values[c]) for key, values in columns.items()},
                          "average_precision": float(average_precision_score(own, p[:, c])) if own.any() else np.nan,
                          "coverage": float(sets[own, c].mean()) if own.any() else np.nan}
    return by_class


def _against_rest(y: Int64Array, p: Float64Array, w: Float64Array,
                  ranked: tuple[Float64Array, Float64Array]) -> dict[str, Float64Array]:
    """(B, K) scores that are no shares: f1, auroc, average_precision, mcc (Matthews 1975), brier, ece."""
    k = p.shape[1]
    table = weighted_confusion(y, p.argmax(axis=1), k, w)
    truth, guessed, hit = table.sum(axis=2), table.sum(axis=1), np.diagonal(table, axis1=1, axis2=2)
    total = w.sum(axis=1)[:, None]
    own = np.eye(k)[y]
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * hit / (truth + guessed)
        mcc = (hit * total - truth * guessed) / np.sqrt(truth * guessed * (total - truth) * (total - guessed))
    return {"f1": f1, "auroc": ranked[0], "average_precision": ranked[1], "mcc": mcc,
            "brier": w @ (p - own) ** 2 / total,
            "ece": np.column_stack([_gap(p[:, c], own[:, c], w) for c in range(k)])}


def _gap(p: Float64Array, own: Float64Array, w: Float64Array) -> Float64Array:
    """(B,) mean distance of the probability of one class and its frequency, over equal bins of the probability."""
    gap = csr_array((own - p, (np.arange(len(p)), bins_of(p))), shape=(len(p), RELIABILITY_BINS))
    return np.asarray(np.abs(w @ gap).sum(axis=1) / w.sum(axis=1))


def _share_intervals(y: Int64Array, guess: Int64Array, in_set: BoolArray, split_group: Int64Array,
                     c: int) -> dict[str, list[float]]:
    own, called = y == c, guess == c
    parts = {"precision": (own, called), "recall": (called, own), "specificity": (~called, ~own),
             "coverage": (in_set, own)}
    return {key: list(grouped_wilson(hit[of], split_group[of])) for key, (hit, of) in parts.items()}


def grouped_wilson(hit: BoolArray, group: Int64Array) -> tuple[float, float]:
    """95 % Wilson interval of a share of (m,) rows that come in groups, from the number of independent rows.

    Ten patients of two images each, always both right or both wrong, say as much as ten images:

    >>> hit = np.repeat([True] * 7 + [False] * 3, 2)
    >>> grouped_wilson(hit, np.arange(20) // 2) == wilson(7, 10)
    True
    """
    if not len(hit):
        return np.nan, np.nan
    independent = independent_rows(hit, group)
    return wilson(float(hit.mean()) * independent, independent)
