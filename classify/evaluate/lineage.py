"""Scores of a lineage: how good the predictions are at every level of branches."""
from typing import Any

import numpy as np

from classify.data.lineage import Lineage
from classify.evaluate import metrics
from classify.evaluate.by_class import class_scores
from classify.evaluate.metrics import Bootstrap
from featurize.arrays import BoolArray, Float64Array, Int64Array


def lineage_scores(lineage: Lineage, y: Int64Array, p: Float64Array, sets: BoolArray, split_group: Int64Array,
                   bootstrap: Bootstrap) -> dict[str, Any]:
    """What metrics.json says of a lineage.

    Parameters
    ----------
    lineage : Lineage
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities of the classes: a branch has the sum of its own.
    sets : (n, K) bool
        Prediction sets: a branch is a member where one of its classes is.
    split_group : (n,) int64
        Rows with the same number are resampled together.
    bootstrap : Bootstrap

    Returns
    -------
    dict
        ``levels``: for each level its branches, the scores of `classify.evaluate.metrics.scores`, `per_branch` and
        `intervals`. ``errors_inside``, ``errors_across``: wrong classes in the right smallest branch, and in another
        one. ``sets_in_one_branch``: share of the sets whose classes all stand in one branch of the first level.
    """
    levels = [{"level": level, **_level(lineage, level, y, p, sets, split_group, bootstrap)}
              for level in range(1, lineage.depth + 1)]
    guess, branch = p.argmax(axis=1), lineage.branches(lineage.depth)[1]
    wrong = guess != y
    inside = wrong & (branch[guess] == branch[y])
    first = _of_branches(sets, lineage.branches(1)[1]) > 0
    return {"levels": levels, "errors_inside": int(inside.sum()), "errors_across": int((wrong & ~inside).sum()),
            "sets_in_one_branch": float((first.sum(axis=1) == 1).mean())}


def _level(lineage: Lineage, level: int, y: Int64Array, p: Float64Array, sets: BoolArray, split_group: Int64Array,
           bootstrap: Bootstrap) -> dict[str, Any]:
    names, branch = lineage.branches(level)
    truth, probabilities = branch[y], _of_branches(p, branch)
    members = _of_branches(sets, branch) > 0
    found = class_scores(truth, probabilities, members, split_group, names, bootstrap)
    return {"branches": list(names),
            **{name: values[0] for name, values in metrics.scores(truth, probabilities, members).items()},
            "per_branch": found.per_class, "intervals": found.intervals}


def _of_branches(values: Float64Array | BoolArray, branch: Int64Array) -> Float64Array:
    """(n, B) sums over the classes of each branch; at most 1 where they are probabilities, but for rounding."""
    sums = values.astype(np.float64) @ np.eye(int(branch.max()) + 1)[branch]
    return sums if values.dtype == bool else np.minimum(sums, 1)
