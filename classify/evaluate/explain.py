"""Contributions of features to a prediction, summed by feature, family, region and case.

Everything here is arithmetic on exact TreeSHAP values, (m, k, d + 1) float32 in log-odds: they add up to the margin, so
sums over a family or a region are again its exact share.
"""
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from classify.data.columns import region_and_family
from classify.data.tasks import Task
from classify.result import Explanation
from featurize.arrays import BoolArray, Float32Array, Int64Array
from featurize.families import blocks

SWARM_FEATURES = 10
SWARM_ROWS = 300
REASONS = 8
# More rows than this are explained by a sample: their contributions would fill gigabytes.
MOST_ROWS = 2000


def rows_to_explain(y: Int64Array, guess: Int64Array, honest: BoolArray,
                    seed: int) -> Int64Array:
    """All honest labelled rows, or every error among them and a sample of the rest, equally many of each class.

    Returns
    -------
    (m,) int64
        Sorted; at most 2,000.
    """
    rows = np.flatnonzero(honest & (y >= 0))
    if len(rows) <= MOST_ROWS:
        return rows
    draw = np.random.default_rng(seed)
    shuffled = draw.permutation(rows)
    rank = pd.Series(y[shuffled]).groupby(y[shuffled]).cumcount().to_numpy()
    right = y[shuffled] == guess[shuffled]
    # Errors first, then the first of each class, the second of each class, and so on.
    order = np.lexsort((rank, right))
    return np.sort(shuffled[order[:MOST_ROWS]])


def explain(rows: Int64Array, contributions: Float32Array, x: pd.DataFrame, task: Task, guess: Int64Array,
            families: Sequence[str]) -> Explanation:
    """Every sum that a report shows.

    Parameters
    ----------
    rows : (m,) int64
    contributions : (m, k, d + 1) float32
    x : (n, d) DataFrame
        Features of all rows of the table.
    guess : (n,) int64
        Predicted class of all rows.
    families : sequence of str
        Names of the feature families of the table.
    """
    shown = class_names(task)
    values = x.to_numpy()[rows]
    features = feature_table(list(x.columns), contributions, shown, families)
    columns = list(x.columns)
    split = [region_and_family(c, families) for c in columns]
    importance = np.abs(contributions[:, :, :-1]).mean(axis=0)
    return Explanation(
        rows=rows, contributions=contributions, features=features,
        families=_summed(contributions, [family for _, family in split], shown, "family"),
        regions=_summed(contributions, [region for region, _ in split], shown, "region"),
        beeswarm=_beeswarm(rows, contributions, values, columns, shown, importance),
        reasons=reasons(rows, contributions, values, columns, guess[rows]))


def class_names(task: Task) -> list[str]:
    """Names of the k columns of margins: all classes, or the second of a binary task."""
    return [task.classes[1]] if task.kind == "binary" else list(task.classes)


def feature_table(columns: Sequence[str], contributions: Float32Array, shown: Sequence[str],
                  families: Sequence[str]) -> pd.DataFrame:
    """`feature, family, region, unit, formula, importance` and a column per class, most important first."""
    known = blocks()
    mean = np.abs(contributions[:, :, :-1]).mean(axis=0)
    split = [region_and_family(c, families) for c in columns]
    said = [known[family].describe(c) if family in known else None for c, (_, family) in zip(columns, split)]
    table = pd.DataFrame({
        "feature": columns, "family": [f for _, f in split], "region": [r for r, _ in split],
        "unit": [s.unit if s else "" for s in said], "formula": [s.formula if s else "" for s in said],
        "importance": mean.mean(axis=0), **_by_class(mean, shown)})
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def reasons(rows: Int64Array, contributions: Float32Array, values: Float32Array, columns: Sequence[str],
            guess: Int64Array, count: int = REASONS) -> pd.DataFrame:
    """The largest contributions to the predicted class of each row, by size.

    Returns
    -------
    DataFrame
        `row, rank, feature, value, contribution`; rank 1 = largest; a positive contribution speaks for the predicted
        class. For binary, contributions to class 0 are those to class 1 with the other sign.
    """
    own = to_predicted(contributions, guess)[:, :-1]
    count = min(count, own.shape[1])
    top = np.argsort(-np.abs(own), axis=1, kind="stable")[:, :count]
    at = np.arange(len(rows))[:, None]
    return pd.DataFrame({
        "row": np.repeat(rows, count), "rank": np.tile(np.arange(1, count + 1), len(rows)),
        "feature": np.array(columns, dtype=object)[top].ravel(), "value": values[at, top].ravel(),
        "contribution": own[at, top].ravel()})


def to_predicted(contributions: Float32Array, guess: Int64Array) -> Float32Array:
    """(m, d + 1) contributions to the margin of the predicted class."""
    if contributions.shape[1] == 1:
        return np.where(guess == 1, 1, -1).astype(np.float32)[:, None] * contributions[:, 0]
    return contributions[np.arange(len(guess)), guess]


def _by_class(mean: Float32Array, shown: Sequence[str]) -> Mapping[str, Float32Array]:
    """A column per class for multiclass; for binary the one column would repeat `importance`."""
    return dict(zip(shown, mean)) if len(shown) > 1 else {}


def _summed(contributions: Float32Array, names: Sequence[str], shown: Sequence[str], title: str) -> pd.DataFrame:
    """Mean |sum of the contributions| of each family or region, most important first."""
    kinds, code = np.unique(np.array(names, dtype=str), return_inverse=True)
    member = np.eye(len(kinds), dtype=np.float32)[code]
    mean = np.abs(contributions[:, :, :-1] @ member).mean(axis=0)
    table = pd.DataFrame({title: kinds, "importance": mean.mean(axis=0), **_by_class(mean, shown)})
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def _beeswarm(rows: Int64Array, contributions: Float32Array, values: Float32Array, columns: Sequence[str],
              shown: Sequence[str], importance: Float32Array) -> pd.DataFrame:
    """Long table of dots: the features that matter most in each class, for at most 300 evenly chosen rows."""
    some = np.unique(np.linspace(0, len(rows) - 1, min(SWARM_ROWS, len(rows))).round().astype(int))
    tables = []
    for k, name in enumerate(shown):
        for rank, j in enumerate(np.argsort(-importance[k], kind="stable")[:SWARM_FEATURES], start=1):
            level = pd.Series(values[some, j]).rank(pct=True)
            tables.append(pd.DataFrame({
                "class": name, "feature": columns[j], "rank": rank, "row": rows[some], "value": values[some, j],
                "level": level, "contribution": contributions[some, k, j]}))
    return pd.concat(tables, ignore_index=True)
