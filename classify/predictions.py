"""What a model predicts for rows, as the lines of predictions.csv."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.data.costs import CostMatrix
from classify.data.lineage import Lineage
from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class ModelPredictions:
    """What a model predicts for n rows; K classes, k columns of margins, c neighbours.

    Parameters
    ----------
    margins : (n, k) float64
        Raw output of the trees, log-odds.
    p : (n, K) float64
        Calibrated probabilities.
    sets : (n, K) bool
        Prediction sets; the predicted class is always a member.
    empty : (n,) bool
        True where the conformal set was empty: no class fits at this level.
    novelty : (n,) float64
        Out-of-distribution score, 0..1: the share of held-out training rows that lay nearer to the training rows.
    distances : (n, c) float64
        To the nearest training rows, nearest first.
    neighbours : (n, c) int64
        Positions of these training rows in `Bundle.train_ids`.
    """

    margins: Float64Array
    p: Float64Array
    sets: BoolArray
    empty: BoolArray
    novelty: Float64Array
    distances: Float64Array
    neighbours: Int64Array


def named_and_other(p: Float64Array, threshold: float | None = None) -> Int64Array:
    """(n, 2) the most probable class and the next one, of (n, K) probabilities; of a finding by its threshold."""
    if threshold is not None:
        present = (p[:, 1] >= threshold).astype(np.int64)
        return np.column_stack([present, 1 - present])
    return np.asarray(np.argsort(-p, axis=1, kind="stable")[:, :2], dtype=np.int64)


@dataclass(frozen=True)
class FurtherColumns:
    """What the columns of predictions.csv that only some tasks have are made from.

    Parameters
    ----------
    lineage : Lineage or None
        Adds `branch_set` and `lineage_answer`.
    costs : CostMatrix or None
        Adds `decision` and `expected_cost`.
    alpha : float
        `lineage_answer` has a probability of at least 1 - alpha.
    """

    lineage: Lineage | None = None
    costs: CostMatrix | None = None
    alpha: float = 0.05


def prediction_table(frame: pd.DataFrame, classes: tuple[str, ...], predictions: ModelPredictions,
                     reasons: Sequence[str], fold: Int64Array | None = None,
                     further: FurtherColumns = FurtherColumns()) -> pd.DataFrame:
    """One row per row of the table, in its order.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Its columns `image_id, path, label, group, split` are copied, and `site` where a row has one: the same path may
        stand in several sources.
    classes : tuple of str
        Names of the K classes.
    predictions : ModelPredictions
        Of the n rows.
    reasons : sequence of n str
        Why a person should look, see `classify.review`; empty where nobody needs to.
    fold : (n,) int64 or None
        -1 becomes an empty field: the model has seen the row, or the row has no label. None: all are empty.
    further : FurtherColumns

    Returns
    -------
    DataFrame
        `image_id, path, label, group, (site,) split, fold, predicted, (decision, expected_cost,) p_<class>...,
        prediction_set, (branch_set, lineage_answer,) novelty, review, review_reason`. `predicted` is the most probable
        class, `decision` the one of least expected cost. The set is in the order of the classes, joined by ``|``, as
        are the reasons; `branch_set` is the smallest branch that holds the set, `lineage_answer` the smallest branch,
        or the class, whose probability is at least 1 - alpha; both are empty where there is none.
    """
    p, names = predictions.p, np.array(classes, dtype=object)
    number = pd.Series(-1 if fold is None else fold, index=range(len(frame)), dtype="Int64")
    number = number.mask(number < 0)
    site = ["site"] if "site" in frame and frame["site"].notna().any() else []
    known = ["image_id", "path", "label", "group", *site, "split"]
    table = frame[known].reset_index(drop=True)
    return table.assign(
        fold=number, predicted=names[p.argmax(axis=1)], **_decisions(further.costs, classes, p),
        **{f"p_{c}": p[:, i] for i, c in enumerate(classes)},
        prediction_set=["|".join(names[row]) for row in predictions.sets], **_branches(further, classes, predictions),
        novelty=predictions.novelty, review=[bool(words) for words in reasons], review_reason=list(reasons))


def _decisions(costs: CostMatrix | None, classes: tuple[str, ...], p: Float64Array) -> dict[str, Any]:
    """Columns of the answers of least expected cost."""
    if costs is None:
        return {}
    called = costs.decide(p)
    return {"decision": np.array(classes, dtype=object)[called],
            "expected_cost": costs.expected(p)[np.arange(len(p)), called]}


def _branches(further: FurtherColumns, classes: tuple[str, ...],
              predictions: ModelPredictions) -> dict[str, list[str]]:
    """Columns of the branches of classes."""
    lineage = further.lineage
    if lineage is None:
        return {}
    names = [("",), *(lineage.branches(level)[0] for level in range(1, lineage.depth + 1)), classes]
    found = zip(*lineage.surest_nodes(predictions.p, 1 - further.alpha))
    return {"branch_set": [lineage.branch_of(row) for row in predictions.sets],
            "lineage_answer": [names[level][number] for level, number in found]}
