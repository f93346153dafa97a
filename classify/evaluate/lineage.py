"""Scores of a lineage: how good the predictions are at every level of branches."""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.data.lineage import STEP, Lineage
from classify.evaluate import metrics
from classify.evaluate.by_class import class_scores, grouped_wilson
from classify.evaluate.metrics import Bootstrap
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Pairs of a true and a predicted class that are listed, most frequent first.
MOST_PAIRS = 12


@dataclass(frozen=True)
class LineageRows:
    """The n rows that count; K classes.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities of the classes: a branch has the sum of its own.
    sets : (n, K) bool
        Prediction sets: a branch is a member where one of its classes is.
    split_group : (n,) int64
        Rows with the same number are resampled together.
    """

    y: Int64Array
    p: Float64Array
    sets: BoolArray
    split_group: Int64Array


def lineage_scores(lineage: Lineage, classes: tuple[str, ...], rows: LineageRows, alpha: float,
                   bootstrap: Bootstrap = Bootstrap()) -> dict[str, Any]:
    """What metrics.json says of a lineage.

    Parameters
    ----------
    lineage : Lineage
    classes : tuple of K str
    rows : LineageRows
    alpha : float
        Answers have a probability of at least 1 - alpha.
    bootstrap : Bootstrap

    Returns
    -------
    dict
        ``branch_of_class``. ``levels``: for each level its branches, the scores of `classify.evaluate.metrics.scores`,
        `per_branch` and `intervals`. ``errors_inside``, ``errors_across``: wrong classes in the right smallest branch,
        and in another one. ``confusions``: the most frequent pairs of a true and a predicted class.
        ``sets_in_one_branch``: share of the sets whose classes all stand in one branch of the first level.
        ``answers``: see `answers_by_level`.
    """
    guess, branch = rows.p.argmax(axis=1), lineage.branches(lineage.depth)[1]
    wrong = guess != rows.y
    inside = wrong & (branch[guess] == branch[rows.y])
    first = _of_branches(rows.sets, lineage.branches(1)[1]) > 0
    return {"branch_of_class": {name: STEP.join(path) for name, path in zip(classes, lineage.paths)},
            "levels": [{"level": level, **_level(lineage, level, rows, bootstrap)}
                       for level in range(1, lineage.depth + 1)],
            "errors_inside": int(inside.sum()), "errors_across": int((wrong & ~inside).sum()),
            "confusions": _confusions(lineage, classes, rows.y, guess),
            "sets_in_one_branch": float((first.sum(axis=1) == 1).mean()),
            "answers": answers_by_level(lineage, rows, 1 - alpha)}


def answers_by_level(lineage: Lineage, rows: LineageRows, least: float) -> list[dict[str, Any]]:
    """How often the column `lineage_answer` is right, for the answers of each level.

    Parameters
    ----------
    lineage : Lineage
    rows : LineageRows
    least : float
        Least probability of an answer.

    Returns
    -------
    list of dict
        `level` (``class``, then ``depth`` .. ``1``, ``none`` = no answer, ``any`` = all that have one), `n`, `share` of
        the rows, `right` = share of them whose class is the answer or stands in it, `right_interval` (Wilson's, groups
        counting); NaN where there is none.
    """
    level, number = lineage.surest_nodes(rows.p, least)
    right = np.zeros(len(level), bool)
    for at in range(1, lineage.depth + 1):
        right |= (level == at) & (lineage.branches(at)[1][rows.y] == number)
    right |= (level == lineage.depth + 1) & (rows.y == number)
    named = {"class": level == lineage.depth + 1, **{str(at): level == at for at in range(lineage.depth, 0, -1)},
             "none": level == 0, "any": level > 0}
    found = []
    for name, of in named.items():
        known = name != "none" and bool(of.any())
        interval = grouped_wilson(right[of], rows.split_group[of]) if known else (np.nan, np.nan)
        found.append({"level": name, "n": int(of.sum()), "share": float(of.mean()),
                      "right": float(right[of].mean()) if known else np.nan, "right_interval": list(interval)})
    return found


def _confusions(lineage: Lineage, classes: tuple[str, ...], y: Int64Array, guess: Int64Array) -> list[dict[str, Any]]:
    """`label, predicted, n, branch`: the smallest branch that holds both, "" where they share none; and `inside`."""
    pairs = pd.DataFrame({"y": y, "guess": guess})[y != guess].value_counts(sort=False).reset_index(name="n")
    pairs = pairs.sort_values("n", ascending=False, kind="stable").head(MOST_PAIRS)
    found = []
    for true, called, n in pairs.itertuples(index=False):
        both = np.isin(np.arange(len(classes)), (true, called))
        found.append({"label": classes[true], "predicted": classes[called], "n": int(n),
                      "branch": lineage.branch_of(both), "inside": lineage.paths[true] == lineage.paths[called]})
    return found


def _level(lineage: Lineage, level: int, rows: LineageRows, bootstrap: Bootstrap) -> dict[str, Any]:
    names, branch = lineage.branches(level)
    truth, probabilities = branch[rows.y], _of_branches(rows.p, branch)
    members = _of_branches(rows.sets, branch) > 0
    found = class_scores(truth, probabilities, members, rows.split_group, names, bootstrap)
    return {"branches": list(names),
            **{name: values[0] for name, values in metrics.scores(truth, probabilities, members).items()},
            "per_branch": found.per_class, "intervals": found.intervals}


def _of_branches(values: Float64Array | BoolArray, branch: Int64Array) -> Float64Array:
    """(n, B) sums over the classes of each branch; at most 1 where they are probabilities, but for rounding."""
    sums = values.astype(np.float64) @ np.eye(int(branch.max()) + 1)[branch]
    return sums if values.dtype == bool else np.minimum(sums, 1)
