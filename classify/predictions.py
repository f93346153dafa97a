"""What a model predicts for rows, as the lines of predictions.csv, and which of them a person should look at."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Float64Array, Int64Array

# A predicted class with less than even odds calls for review.
REVIEW_BELOW_PROBABILITY = 0.5
# Out-of-distribution score (share of held-out training rows that lay nearer, 0..1) above which a row calls for review:
# of images like the training images 1 % are expected above it.
REVIEW_ABOVE_NOVELTY = 0.99


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


def review(predictions: ModelPredictions) -> BoolArray:
    """(n,) True where a person should look.

    That is the case where the prediction set holds another number of classes than one (several fit, or none did), where
    the out-of-distribution score is above 0.99, and where the predicted class has less than even odds.
    """
    not_one = (predictions.sets.sum(axis=1) != 1) | predictions.empty
    unsure = predictions.p.max(axis=1) < REVIEW_BELOW_PROBABILITY
    return np.asarray(not_one | (predictions.novelty > REVIEW_ABOVE_NOVELTY) | unsure)


def prediction_table(frame: pd.DataFrame, classes: tuple[str, ...], predictions: ModelPredictions,
                     fold: Int64Array | None = None) -> pd.DataFrame:
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
    fold : (n,) int64 or None
        -1 becomes an empty field: the model has seen the row, or the row has no label. None: all are empty.

    Returns
    -------
    DataFrame
        `image_id, path, label, group, (site,) split, fold, predicted, p_<class>..., prediction_set, novelty, review`.
        The set is in the order of the classes, joined by ``|``.
    """
    p, names = predictions.p, np.array(classes, dtype=object)
    number = pd.Series(-1 if fold is None else fold, index=range(len(frame)), dtype="Int64")
    number = number.mask(number < 0)
    site = ["site"] if "site" in frame and frame["site"].notna().any() else []
    known = ["image_id", "path", "label", "group", *site, "split"]
    table = frame[known].reset_index(drop=True)
    return table.assign(
        fold=number, predicted=names[p.argmax(axis=1)], **{f"p_{c}": p[:, i] for i, c in enumerate(classes)},
        prediction_set=["|".join(names[row]) for row in predictions.sets], novelty=predictions.novelty,
        review=review(predictions))
