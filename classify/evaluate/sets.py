"""How good prediction sets are: coverage of each class against chance, sizes, and classes that stand in one set."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Int64Array

# Standard errors of a 95 % interval.
_STANDARD_ERRORS = 1.96


def set_sizes(y: Int64Array, sets: BoolArray, classes: tuple[str, ...]) -> pd.DataFrame:
    """(K, K) images of each class (index) whose set has 1..K members (columns)."""
    k = len(classes)
    counts = np.bincount(y * k + sets.sum(axis=1) - 1, minlength=k * k).reshape(k, k)
    return pd.DataFrame(counts, index=list(classes), columns=range(1, k + 1))


def coverage_by_class(per_class: Mapping[str, Mapping[str, Any]], promise: float) -> pd.DataFrame:
    """Coverage of each class beside what chance allows.

    Parameters
    ----------
    per_class : mapping of class to scores
        As in metrics.json; `n` and `coverage` are read. Classes without a coverage are left out.
    promise : float
        Share of sets that should hold the truth, 1 - alpha.

    Returns
    -------
    DataFrame
        `class, n, coverage, chance, short`: `chance` is 1.96 standard errors of the promise for n rows; `short` is True
        where the coverage lies further below the promise.
    """
    rows = [(str(name), scores["n"], scores["coverage"]) for name, scores in per_class.items()
            if scores.get("coverage") is not None]
    table = pd.DataFrame(rows, columns=["class", "n", "coverage"])
    chance = _STANDARD_ERRORS * np.sqrt(promise * (1 - promise) / np.maximum(table["n"].to_numpy(), 1))
    return table.assign(chance=chance, short=table["coverage"].to_numpy() < promise - chance)


def pairs_in_sets(y: Int64Array, sets: BoolArray, classes: Sequence[str], most: int) -> pd.DataFrame:
    """Which two classes stand in one set most often.

    Parameters
    ----------
    y : (n,) int
        Truth, 0..K-1.
    sets : (n, K) bool
    classes : sequence of K str
    most : int
        Most pairs.

    Returns
    -------
    DataFrame
        `first, second, n, share, truth_first, truth_second, truth_other`: rows whose sets hold both classes, their
        share of all, and how many of them have which true class. Most frequent pair first.
    """
    member = sets.astype(np.int64)
    shared = np.triu(member.T @ member, 1)
    order = np.argsort(-shared, axis=None, kind="stable")[:most]
    rows = []
    for i, j in zip(*np.unravel_index(order, shared.shape)):
        n = int(shared[i, j])
        if n:
            truth = y[sets[:, i] & sets[:, j]]
            first, second = (int((truth == k).sum()) for k in (i, j))
            rows.append((str(classes[i]), str(classes[j]), n, n / max(len(y), 1), first, second, n - first - second))
    return pd.DataFrame(rows, columns=["first", "second", "n", "share", "truth_first", "truth_second", "truth_other"])


def with_sets_of_all(coverage: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """`coverage_by_class` with `all`, the share of sets that hold every class: they keep any promise and say nothing.

    Parameters
    ----------
    coverage : DataFrame
    sizes : DataFrame
        As `set_sizes` gives it, of the same classes or more.
    """
    share = sizes.iloc[:, -1] / sizes.sum(axis=1).clip(lower=1)
    return coverage.assign(all=share.reindex(coverage["class"]).to_numpy(float))
