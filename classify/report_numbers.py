"""Numbers that stand on the page of a run and in none of its other files, as plain data.

`classify.evaluate.for_report` computes them, `classify.report` shows them. Shapes as in `classify.result`: m explained
rows, h tested rows.
"""
from dataclasses import dataclass

import pandas as pd

from featurize.arrays import BoolArray, Float64Array, Int64Array

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
    """One feature in all explained rows.

    Parameters
    ----------
    feature : str
        The column.
    contribution : (m,) float
        To the margin of the predicted class (binary: of class 1), log-odds.
    level : (m,) float
        Rank of the value among the explained rows, 0..1; NaN where it is missing.
    """

    feature: str
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
class Reason:
    """One contribution to the predicted class of one row; positive speaks for it.

    Parameters
    ----------
    feature : str
        The column.
    value, contribution : float
        What was measured, and its contribution in log-odds.
    place : PlaceInClasses or None
        None where the value is missing, or no other image of a class was measured.
    """

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
        Largest first; empty if the row was not explained.
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
        As `Scores.reliability`, with the 95 % interval `low, high` of the frequency.
    kept : DataFrame
        `share, n, accuracy, errors, least_probability`: when only the surest share of the tested rows is kept.
    set_coverage : DataFrame
        `class, n, coverage, chance, short` of the classes with tested rows: `chance` is how far the coverage of n rows
        may lie from the promise by chance, `short` is True where it lies further below.
    set_pairs : DataFrame
        `first, second, n, share, truth_first, truth_second, truth_other`: rows whose sets hold both classes, most
        frequent pair first, and how many of them have which true class.
    empty_sets : int
        Tested rows whose conformal set was empty.
    novelty : dict of str to (20,) float
        ``right`` and ``wrong``: share of these rows in each of 20 equal bins of 0..1.
    missing_share : float
        Of the measurements that the model was offered.
    swarm : tuple of SwarmFeature
        The most important features, most important first.
    class_features : DataFrame
        `class, feature, weight, direction, median, median_of_rest`: the features that contribute most to the margin of
        each class; `direction` is the rank correlation of value and contribution, NaN where it is undefined.
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
    kept: pd.DataFrame
    set_coverage: pd.DataFrame
    set_pairs: pd.DataFrame
    empty_sets: int
    novelty: dict[str, Float64Array]
    missing_share: float
    swarm: tuple[SwarmFeature, ...]
    class_features: pd.DataFrame
    wrong: tuple[WrongPrediction, ...]
    typical: dict[int, Int64Array]
    novel: Int64Array
    review_reasons: dict[str, int]
