"""Numbers that stand on the page of a run and in none of its other files, as plain data.

`classify.evaluate.for_report` computes them, `classify.report` shows them. Shapes as in `classify.result`: m explained
rows, h tested rows.
"""
from dataclasses import dataclass

import pandas as pd

from featurize.arrays import BoolArray, Float64Array, Int64Array

# Least gain of properties of the picture over the subject's own measurements, as a share of the log-loss. Classes saved
# with different JPEG quality gave .65 and .24, the same pictures with the qualities mixed less than 0, the demo .05,
# blood_pbc .07, breast_idc .06.
LEAST_GAIN = 0.1
# Equal bins of confidence, for the calibration error and the reliability curves.
RELIABILITY_BINS = 15


@dataclass(frozen=True)
class ScoredRows:
    """The rows that count in the scores: labelled, and predicted by a model that never saw them.

    Parameters
    ----------
    rows : (h,) int
        Positions in the table.
    truth, chosen : (h,) int
        Numbers of the true and of the predicted class.
    confidence : (h,) float
        Probability of the predicted class.
    review : (h,) bool
        A person should look.
    """

    rows: Int64Array
    truth: Int64Array
    chosen: Int64Array
    confidence: Float64Array
    review: BoolArray

    @property
    def right(self) -> BoolArray:
        """(h,) bool"""
        return self.truth == self.chosen


@dataclass(frozen=True)
class SwarmFeature:
    """One measurement, or a sum of many, in all explained rows.

    Parameters
    ----------
    name : str
        As a `Concept` has it.
    columns : int
        Features of the model that are summed.
    contribution : (m,) float
        To the margin of the predicted class (binary: of class 1), log-odds.
    level : (m,) float
        Rank of the value among the explained rows, 0..1; NaN where it is missing, and for a sum.
    """

    name: str
    columns: int
    contribution: Float64Array
    level: Float64Array


@dataclass(frozen=True)
class PlaceInClasses:
    """Where a value lies among the images of the true class and of the predicted class, in this order.

    Parameters
    ----------
    percentiles : pair of int
        Percentile rank of the value in each class.
    middle_halves : pair of (first, last)
        25th and 75th percentile of each class, 0..1 on an axis from the 1st to the 99th percentile of both.
    value : float
        The value itself on that axis, clipped to 0..1.
    """

    percentiles: tuple[int, int]
    middle_halves: tuple[tuple[float, float], tuple[float, float]]
    value: float


@dataclass(frozen=True)
class Concept:
    """Columns that have one name on the page: one measurement, or all that are summed to one phrase.

    Parameters
    ----------
    name : str
        As `featurize.report.feature_names.feature_name` gives it.
    by_itself : bool
        Whether it is a measurement that a reader can check by eye.
    columns : (c,) int
        Positions among the features of the model.
    """

    name: str
    by_itself: bool
    columns: Int64Array


@dataclass(frozen=True)
class Reason:
    """What a concept contributed to the predicted class of one row; positive speaks for it.

    Parameters
    ----------
    concept : Concept or None
        None: all that is not listed.
    feature : str
        Its column with the largest contribution; "" where nothing is listed.
    value : float
        What was measured in that column; NaN unless the concept is one measurement.
    contribution : float
        Sum over its columns, in log-odds.
    place : PlaceInClasses or None
        Of the value; None where there is none, or no other image of a class was measured.
    """

    concept: Concept | None
    feature: str
    value: float
    contribution: float
    place: PlaceInClasses | None


@dataclass(frozen=True)
class WrongPrediction:
    """A tested row that was named wrongly.

    Parameters
    ----------
    row : int
        Position in the table.
    truth, chosen : int
        Numbers of the true and of the predicted class.
    reasons : tuple of Reason
        Measurements by themselves, then sums, each largest first, then all others; together they are the whole
        explanation. Empty if the row was not explained.
    """

    row: int
    truth: int
    chosen: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ReportNumbers:
    """What `classify.report` shows beside a `RunResult`.

    Parameters
    ----------
    scored : ScoredRows
    reliability : DataFrame
        Points of the curves, as `classify.evaluate.curves.reliability_points` gives them.
    thresholds, operating_points : DataFrame or None
        As `classify.evaluate.curves` gives them, the curve thinned; None unless there are two classes and tested rows
        of both.
    kept : DataFrame
        `share, n, accuracy, errors, least_probability`: when only the surest share of the tested rows is kept.
    set_coverage : DataFrame
        `class, n, coverage, chance, short, all` of the classes with tested rows: `chance` is how far the coverage of n
        rows may lie from the promise by chance, `short` is True where it lies further below, `all` is the share of sets
        that hold every class.
    set_pairs : DataFrame
        `first, second, n, share, truth_first, truth_second, truth_other`: rows whose sets hold both classes, most
        frequent pair first, and how many of them have which true class.
    empty_sets : int
        Tested rows whose conformal set was empty.
    sets_of_one, sets_of_all : float
        Share of the tested rows whose set holds one class, and every class.
    novelty : dict of str to (20,) float
        ``right`` and ``wrong``: share of these rows in each of 20 equal bins of 0..1.
    missing_share : float
        Of the measurements that the model was offered.
    swarm : tuple of SwarmFeature
        The most important features, most important first.
    class_features : DataFrame
        `class, concept, feature, weight, direction, median, median_of_rest`: the concepts that contribute most to the
        margin of each class, measurements by themselves first. `feature` is the column that contributes most;
        `direction` the rank correlation of its value and its contribution; NaN where it is undefined, or where the
        concept is a sum, as are the medians.
    wrong : tuple of WrongPrediction
        The wrong predictions of the highest probability, highest first.
    typical : dict of int to (c,) int
        Class number to positions in `scored`: rows that were right and surest.
    novel : (c,) int
        The rows of the highest out-of-distribution score, highest first.
    review_reasons : dict of str to int
        Tested rows that have each reason for review, see `classify.review.REASONS`.
    """

    scored: ScoredRows
    reliability: pd.DataFrame
    thresholds: pd.DataFrame | None
    operating_points: pd.DataFrame | None
    kept: pd.DataFrame
    set_coverage: pd.DataFrame
    set_pairs: pd.DataFrame
    empty_sets: int
    sets_of_one: float
    sets_of_all: float
    novelty: dict[str, Float64Array]
    missing_share: float
    swarm: tuple[SwarmFeature, ...]
    class_features: pd.DataFrame
    wrong: tuple[WrongPrediction, ...]
    typical: dict[int, Int64Array]
    novel: Int64Array
    review_reasons: dict[str, int]
