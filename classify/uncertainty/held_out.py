"""What is fitted on held-out rows, and the predictions of all rows that follow from it.

With folds, every row is held out once. Its probability comes from a calibration that was fitted on the other folds, and
its prediction set from the scores of all rows of other groups. With a given split, val calibrates and test only
reports. The saved model is calibrated on all held-out rows.
"""
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import softmax

from classify.accepted_error import AcceptedError, Candidates, choose
from classify.data.dataset import Dataset
from classify.data.folds import make_folds
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.fitting.crossfit import CrossFit
from classify.predictions import FurtherColumns, ModelPredictions, prediction_table
from classify.result import Predicted
from classify.review import ReviewRule, barred, in_words, review_reasons
from classify.settings import TrainSettings
from classify.uncertainty import calibrate, conformal
from classify.uncertainty.calibrate import Calibration, CalibrationRows, logits
from classify.uncertainty.conformal import Conformal
from classify.uncertainty.operating_point import OperatingPoint, ThresholdRule, choose_threshold, cross_thresholds
from classify.uncertainty.reference import NearestNeighborReference
from featurize.arrays import Float64Array, Int64Array

# Nearest training rows of each row that the report shows.
KEPT_NEIGHBOURS = 3
# Folds of the val part of a given split.
VAL_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """What is fitted on m held-out rows.

    Parameters
    ----------
    rows : (m,) int64
        The calibrating rows: all rows of the folds, or val.
    fold : (m,) int64
        Their folds, or folds made of val.
    p : (m, K) float64
        Their probabilities, calibrated on the other folds.
    calibration, conformal
        Fitted on all of them, for the saved model.
    operating_point : OperatingPoint or None
        Chosen on all of them, for the saved model; None where there are more classes than two.
    """

    rows: Int64Array
    fold: Int64Array
    p: Float64Array
    calibration: Calibration
    conformal: Conformal
    operating_point: OperatingPoint | None


def fit_held_out(crossed: CrossFit, task: Task, split: Split, settings: TrainSettings) -> HeldOut:
    """Calibration and conformal scores of the rows that the trees did not see.

    Parameters
    ----------
    crossed : CrossFit
        Its margins are read.
    task : Task
    split : Split
    settings : TrainSettings
        `calibration`, `alpha`, `threshold_rule`, `sensitivity` and `seed` are read.
    """
    rows = np.flatnonzero((split.part == "val") if split.kind == "given" else (split.fold >= 0))
    calibrating = CalibrationRows(crossed.margins[rows], task.y[rows], split.split_group[rows])
    fold = split.fold[rows] if split.kind == "folds" else _folds_of_val(calibrating, settings.seed)
    p = calibrate.cross_calibrate(calibrating, fold, settings.calibration, settings.seed)
    fitted = calibrate.fit_calibration(calibrating, settings.calibration, settings.seed)
    point = None
    if len(task.classes) == 2:
        rule = ThresholdRule(settings.threshold_rule, settings.sensitivity or None)
        point = OperatingPoint(task.classes[1], choose_threshold(calibrating.y == 1, p[:, 1], rule), rule)
    return HeldOut(rows, fold, p, fitted, conformal.fit_conformal(p, calibrating.y, settings.alpha), point)


def _folds_of_val(val: CalibrationRows, seed: int) -> Int64Array:
    """Folds of the val part, so that its conformal scores are out-of-fold too.

    Split groups stay whole unless there are fewer of them than folds. There are at most as many folds as the largest
    class has rows; where every class has one row, the rows are in two folds in turn.
    """
    folds = min(VAL_FOLDS, int(np.bincount(val.y).max()))
    if folds < 2:
        return np.arange(len(val.y)) % 2
    enough = len(np.unique(val.split_group)) >= folds
    return make_folds(val.y, val.split_group if enough else np.arange(len(val.y)), folds, seed)


def thresholds_at_home(held_out: HeldOut, task: Task, split: Split) -> Float64Array | None:
    """(n,) threshold of each row: chosen on the other folds, or on val; None where there is no operating point."""
    point = held_out.operating_point
    if point is None:
        return None
    thresholds = np.full(len(task.y), point.threshold)
    if split.kind == "folds":
        own = task.y[held_out.rows] == 1
        thresholds[held_out.rows] = cross_thresholds(own, held_out.p[:, 1], held_out.fold, point.rule)
    return thresholds


def accepted_error(predicted: Predicted, held_out: HeldOut, task: Task, split: Split,
                   error: float, chosen: bool) -> AcceptedError:
    """The promise of few errors among predictions that no person looks at, kept on the calibrating rows.

    `error` is the promised share, `chosen` whether the user named it.
    """
    rows = held_out.rows
    candidates = Candidates(held_out.p.max(axis=1), held_out.p.argmax(axis=1) != task.y[rows],
                            barred(predicted.table["review_reason"].iloc[rows]), split.split_group[rows])
    return choose(candidates, error, chosen)


def predict_all(data: Dataset, crossed: CrossFit, held_out: HeldOut, reference: NearestNeighborReference,
                saved: ModelPredictions, rule: ReviewRule) -> Predicted:
    """Predictions of every row: out-of-fold for the rows of the folds, of the saved model for all others.

    Parameters
    ----------
    data : Dataset
    crossed : CrossFit
    held_out : HeldOut
    reference : NearestNeighborReference
    saved : ModelPredictions
        Of the saved model, for every row of the table; with folds those of held-out rows are not read.
    rule : ReviewRule
        Which rows a person should look at.
    """
    split = data.split
    merged = replace(saved, neighbours=reference.train[saved.neighbours])
    if split.kind == "folds":
        own = _out_of_fold(data, crossed, held_out, reference, saved.distances.shape[1])
        merged = _with_rows(merged, held_out.rows, own)
    near, far = _other_groups(merged.neighbours, merged.distances, split.split_group)
    reasons = in_words(review_reasons(rule, merged, data.frame))
    further = FurtherColumns(data.task.lineage, data.costs, held_out.conformal.alpha)
    table = prediction_table(data.frame, data.task.classes, merged, reasons, split.fold, further)
    return Predicted(
        table=table, held_out=split.fold >= 0, margins=merged.margins, raw=softmax(logits(merged.margins), axis=1),
        probabilities=merged.p, sets=merged.sets, empty=merged.empty, novelty=merged.novelty, neighbours=near,
        neighbour_distances=far)


def _out_of_fold(data: Dataset, crossed: CrossFit, held_out: HeldOut, reference: NearestNeighborReference,
                 width: int) -> ModelPredictions:
    """Predictions of the held-out rows, each by what was fitted on the other folds; `width` neighbours of each."""
    rows = held_out.rows
    sets, empty = conformal.cross_sets(held_out.p, data.task.y[rows], data.split.split_group[rows],
                                       held_out.conformal.alpha)
    sets = conformal.runs_of_stages(sets) if data.task.ordered else sets
    # Each row is compared with all others, as a new row is compared with all of them.
    nearer = np.searchsorted(reference.model.distances, reference.numbers[rows], side="left")
    score = nearer / max(len(rows) - 1, 1)
    return ModelPredictions(crossed.margins[rows], held_out.p, sets, empty, score, reference.distances[rows, :width],
                            reference.neighbours[rows, :width])


def _with_rows(predictions: ModelPredictions, rows: Int64Array, own: ModelPredictions) -> ModelPredictions:
    """A copy of the predictions in which `rows` have the values of `own`, which holds these rows alone."""
    merged = {}
    for field in fields(ModelPredictions):
        merged[field.name] = getattr(predictions, field.name).copy()
        merged[field.name][rows] = getattr(own, field.name)
    return ModelPredictions(**merged)


def _other_groups(neighbours: Int64Array, distances: Float64Array,
                  split_group: Int64Array) -> tuple[Int64Array, Float64Array]:
    """(n, 3) nearest rows of other split groups, and their distances: a training row is its own nearest neighbour.

    -1 and NaN where there are fewer than three.
    """
    own = split_group[np.arange(len(neighbours))][:, None]
    barred = (neighbours < 0) | (split_group[neighbours] == own)
    order = np.argsort(barred, axis=1, kind="stable")[:, :KEPT_NEIGHBOURS]
    at = np.arange(len(neighbours))[:, None]
    near = np.full((len(neighbours), KEPT_NEIGHBOURS), -1, np.int64)
    far = np.full((len(neighbours), KEPT_NEIGHBOURS), np.nan)
    near[:, :order.shape[1]] = np.where(barred[at, order], -1, neighbours[at, order])
    far[:, :order.shape[1]] = np.where(barred[at, order], np.nan, distances[at, order])
    return near, far
