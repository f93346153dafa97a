"""Contributions of features to a prediction, summed by feature, family, region and case.

Everything here is arithmetic on exact TreeSHAP values, (m, k, d + 1) float32 in log-odds: they add up to the margin, so
sums over a family or a region are its exact share, too.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import region_and_family
from classify.data.tasks import Task
from classify.result import LINEAR, TREES, Explanation
from featurize.arrays import BoolArray, Float32Array, Int64Array
from featurize.families import blocks

# Features and rows of `Explanation.beeswarm`, for each class.
SWARM_FEATURES = 10
SWARM_ROWS = 300
# Contributions that are kept for each explained row.
REASONS = 8
# More rows than this are explained by a sample: their contributions would fill gigabytes.
MOST_ROWS = 2000


@dataclass(frozen=True)
class Contributions:
    """Exact TreeSHAP values of m explained rows; k columns of margins, d features.

    Parameters
    ----------
    rows : (m,) int64
        Positions in the table.
    values : (m, k, d + 1) float32
        Log-odds; the last column is the base value.
    x : (m, d) float32
        Measured values of the features.
    features : sequence of d str
    predicted : (m,) int64
        Numbers of the predicted classes.
    linear : (m, k, d + 1) float32 or None
        The part of `values` that the linear start gives; None where trees start from nothing.
    """

    rows: Int64Array
    values: Float32Array
    x: Float32Array
    features: Sequence[str]
    predicted: Int64Array
    linear: Float32Array | None = None


def rows_to_explain(y: Int64Array, guess: Int64Array, held_out: BoolArray,
                    seed: int) -> Int64Array:
    """All held-out labelled rows, or every error among them and a sample of the rest, equally many of each class.

    Parameters
    ----------
    y, guess : (n,) int64
        True and predicted class of all rows; -1 = unlabelled.
    held_out : (n,) bool
        The prediction comes from a model that never saw the row.
    seed : int
        Of the sample.

    Returns
    -------
    (m,) int64
        Sorted; at most 2,000.
    """
    rows = np.flatnonzero(held_out & (y >= 0))
    if len(rows) <= MOST_ROWS:
        return rows
    draw = np.random.default_rng(seed)
    shuffled = draw.permutation(rows)
    rank = pd.Series(y[shuffled]).groupby(y[shuffled]).cumcount().to_numpy()
    right = y[shuffled] == guess[shuffled]
    # Errors first, then the first of each class, the second of each class, and so on.
    order = np.lexsort((rank, right))
    return np.sort(shuffled[order[:MOST_ROWS]])


def explain(contributions: Contributions, task: Task, families: Sequence[str]) -> Explanation:
    """Every sum of contributions that a report shows; `families` are the feature families of the table."""
    names = class_names(task)
    values = contributions.values
    importance = np.abs(values[:, :, :-1]).mean(axis=0)
    parts = [region_and_family(c, families) for c in contributions.features]
    return Explanation(
        rows=contributions.rows, contributions=values,
        features=_with_parts(feature_table(contributions.features, values, names, families), contributions),
        families=_summed(values, [family for _, family in parts], names, "family"),
        regions=_summed(values, [region for region, _ in parts], names, "region"),
        beeswarm=_beeswarm(contributions, names, importance), reasons=reasons(contributions),
        parts=_parts(contributions, names))


def _parts(contributions: Contributions, classes: Sequence[str]) -> pd.DataFrame:
    """What the linear start and the trees give: `part` and the columns of `_summed`; no rows without a start."""
    linear = contributions.linear
    if linear is None:
        return pd.DataFrame({"part": [], "importance": []})
    totals = [part[:, :, :-1].sum(axis=2) for part in (linear, contributions.values - linear)]
    mean = np.abs(np.stack(totals)).mean(axis=1)
    return pd.DataFrame({"part": [LINEAR, TREES], "importance": mean.mean(axis=1),
                         **_by_class(mean.T, classes)})


def _with_parts(table: pd.DataFrame, contributions: Contributions) -> pd.DataFrame:
    """The table of features with `linear` and `trees`: mean |contribution| of either part, where there are two."""
    linear = contributions.linear
    if linear is None:
        return table
    for name, part in ((LINEAR, linear), (TREES, contributions.values - linear)):
        mean = np.abs(part[:, :, :-1]).mean(axis=(0, 1))
        table[name] = table["feature"].map(dict(zip(contributions.features, mean)))
    return table


def class_names(task: Task) -> list[str]:
    """Names of the k columns of margins: all classes, or the second of a binary task."""
    return [task.classes[1]] if task.kind == "binary" else list(task.classes)


def feature_table(columns: Sequence[str], contributions: Float32Array, classes: Sequence[str],
                  families: Sequence[str]) -> pd.DataFrame:
    """What each feature is, and how much it matters.

    Parameters
    ----------
    columns : sequence of d str
        Names of the features.
    contributions : (m, k, d + 1) float32
    classes : sequence of k str
        Names of the columns of margins.
    families : sequence of str
        Feature families of the table.

    Returns
    -------
    DataFrame
        `feature, family, region, unit, formula, importance` and a column per class, most important first.
    """
    known = blocks()
    mean = np.abs(contributions[:, :, :-1]).mean(axis=0)
    parts = [region_and_family(c, families) for c in columns]
    definitions = [known[family].describe(c) if family in known else None for c, (_, family) in zip(columns, parts)]
    table = pd.DataFrame({
        "feature": columns, "family": [f for _, f in parts], "region": [r for r, _ in parts],
        "unit": [d.unit if d else "" for d in definitions], "formula": [d.formula if d else "" for d in definitions],
        "importance": mean.mean(axis=0), **_by_class(mean, classes)})
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def reasons(contributions: Contributions, count: int = REASONS) -> pd.DataFrame:
    """The largest contributions to the predicted class of each row, by size.

    Returns
    -------
    DataFrame
        `row, rank, feature, value, contribution`; rank 1 = largest; a positive contribution speaks for the predicted
        class. For binary, contributions to class 0 are those to class 1 with the other sign.
    """
    rows = contributions.rows
    own = to_predicted(contributions.values, contributions.predicted)[:, :-1]
    count = min(count, own.shape[1])
    top = np.argsort(-np.abs(own), axis=1, kind="stable")[:, :count]
    at = np.arange(len(rows))[:, None]
    return pd.DataFrame({
        "row": np.repeat(rows, count), "rank": np.tile(np.arange(1, count + 1), len(rows)),
        "feature": np.array(contributions.features, dtype=object)[top].ravel(),
        "value": contributions.x[at, top].ravel(), "contribution": own[at, top].ravel()})


def to_predicted(contributions: Float32Array, guess: Int64Array) -> Float32Array:
    """(m, d + 1) contributions to the margin of the predicted class."""
    if contributions.shape[1] == 1:
        return np.where(guess == 1, 1, -1).astype(np.float32)[:, None] * contributions[:, 0]
    return contributions[np.arange(len(guess)), guess]


def _by_class(mean: Float32Array, classes: Sequence[str]) -> Mapping[str, Float32Array]:
    """A column per class for multiclass; for binary the one column would repeat `importance`."""
    return dict(zip(classes, mean)) if len(classes) > 1 else {}


def _summed(contributions: Float32Array, names: Sequence[str], classes: Sequence[str], title: str) -> pd.DataFrame:
    """Mean |sum of the contributions| of each family or region, most important first; `names` are those of features."""
    kinds, code = np.unique(np.array(names, dtype=str), return_inverse=True)
    member = np.eye(len(kinds), dtype=np.float32)[code]
    mean = np.abs(contributions[:, :, :-1] @ member).mean(axis=0)
    table = pd.DataFrame({title: kinds, "importance": mean.mean(axis=0), **_by_class(mean, classes)})
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def _beeswarm(contributions: Contributions, classes: Sequence[str], importance: Float32Array) -> pd.DataFrame:
    """Long table of points: the features that matter most in each class, for at most 300 evenly chosen rows."""
    rows, x = contributions.rows, contributions.x
    some = np.unique(np.linspace(0, len(rows) - 1, min(SWARM_ROWS, len(rows))).round().astype(int))
    tables = []
    for k, name in enumerate(classes):
        for rank, j in enumerate(np.argsort(-importance[k], kind="stable")[:SWARM_FEATURES], start=1):
            level = pd.Series(x[some, j]).rank(pct=True)
            tables.append(pd.DataFrame({
                "class": name, "feature": contributions.features[j], "rank": rank, "row": rows[some],
                "value": x[some, j], "level": level, "contribution": contributions.values[some, k, j]}))
    return pd.concat(tables, ignore_index=True)
