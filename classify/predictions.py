"""What a model predicts for rows, as the lines of predictions.csv."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

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


def prediction_table(frame: pd.DataFrame, classes: tuple[str, ...], predictions: ModelPredictions,
                     reasons: Sequence[str], fold: Int64Array | None = None,
                     lineage: Lineage | None = None) -> pd.DataFrame:
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
    lineage : Lineage or None
        Adds the column `branch_set`.

    Returns
    -------
    DataFrame
        `image_id, path, label, group, (site,) split, fold, predicted, p_<class>..., prediction_set, (branch_set,)
        novelty, review, review_reason`. The set is in the order of the classes, joined by ``|``, as are the reasons;
        `branch_set` is the smallest branch that holds the set, empty where none does.
    """
    p, names = predictions.p, np.array(classes, dtype=object)
    number = pd.Series(-1 if fold is None else fold, index=range(len(frame)), dtype="Int64")
    number = number.mask(number < 0)
    site = ["site"] if "site" in frame and frame["site"].notna().any() else []
    known = ["image_id", "path", "label", "group", *site, "split"]
    table = frame[known].reset_index(drop=True)
    branches = {"branch_set": [lineage.branch_of(row) for row in predictions.sets]} if lineage else {}
    return table.assign(
        fold=number, predicted=names[p.argmax(axis=1)], **{f"p_{c}": p[:, i] for i, c in enumerate(classes)},
        prediction_set=["|".join(names[row]) for row in predictions.sets], **branches, novelty=predictions.novelty,
        review=[bool(words) for words in reasons], review_reason=list(reasons))
