"""What is watched of each image: its measurements, its picture, what the model said, and whether a person must look."""
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import matrix
from classify.data.folds import split_groups
from classify.predictions import ModelPredictions
from classify.review import REASONS, ReviewRule, review_reasons
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Name of the answers of a model that gives each image one class.
ONE = ""
# The reason that depends on the other images of the table: it would compare tables of different size, not images.
_OF_TABLE = REASONS.index("batch")


@dataclass(frozen=True)
class Answers:
    """What a model said about n images; K classes, R reasons for review.

    Parameters
    ----------
    predicted : (n,) int64
        0..K-1; of a finding 1 where it is present.
    probability, novelty : (n,) float64
        Of the predicted class, of a finding that it is present; out-of-distribution score.
    reasons : (n, R) bool
        See `classify.review.REASONS`; the reason `batch` is left out.
    """

    predicted: Int64Array
    probability: Float64Array
    novelty: Float64Array
    reasons: BoolArray

    def take(self, rows: Int64Array) -> "Answers":
        """Those of some rows."""
        return Answers(self.predicted[rows], self.probability[rows], self.novelty[rows], self.reasons[rows])


@dataclass(frozen=True)
class Observed:
    """n images.

    Parameters
    ----------
    unit : (n,) int64
        0, 1, ...: images of one patient, and duplicates of each other, have the same number.
    grouped : bool
        Groups were given; else units are images and their duplicates.
    measurements : (n, d) DataFrame
        The model's features, NaN = not measured.
    picture : (n, q) DataFrame
        Properties of the picture that the model does not read: brightness, focus, noise, size ...
    answers : mapping of str to Answers
        By finding; of a model of one class an image under `ONE`. Empty where the model learned from the images.
    """

    unit: Int64Array
    grouped: bool
    measurements: pd.DataFrame
    picture: pd.DataFrame
    answers: Mapping[str, Answers]

    def take(self, rows: Int64Array) -> "Observed":
        """Some of the rows; units are numbered anew."""
        return Observed(pd.factorize(self.unit[rows])[0].astype(np.int64), self.grouped,
                        self.measurements.iloc[rows].reset_index(drop=True),
                        self.picture.iloc[rows].reset_index(drop=True),
                        {name: said.take(rows) for name, said in self.answers.items()})

    @property
    def units(self) -> int:
        """Number of different units."""
        return len(np.unique(self.unit))


def answers_of(rule: ReviewRule, predictions: ModelPredictions, frame: pd.DataFrame) -> Answers:
    """The answers of a model for the rows of a table."""
    p = predictions.p
    return Answers(p.argmax(axis=1).astype(np.int64), p.max(axis=1), predictions.novelty,
                   _reasons(rule, predictions, frame))


def answers_of_finding(rule: ReviewRule, predictions: ModelPredictions, frame: pd.DataFrame, threshold: float
                       ) -> Answers:
    """The answers of a finding's model: 1 from the threshold on, and the probability of presence."""
    p = predictions.p[:, 1]
    return Answers((p >= threshold).astype(np.int64), p, predictions.novelty, _reasons(rule, predictions, frame))


def _reasons(rule: ReviewRule, predictions: ModelPredictions, frame: pd.DataFrame) -> BoolArray:
    reasons = review_reasons(rule, predictions, frame)
    reasons[:, _OF_TABLE] = False
    return reasons


def observe(frame: pd.DataFrame, answers: Mapping[str, Answers], features: list[str], picture: list[str]) -> Observed:
    """The watched values of the rows of a table.

    Raises
    ------
    UserError
        The table lacks one of the columns.
    """
    return Observed(split_groups(frame), bool(frame["group"].notna().any()), matrix(frame, features),
                    matrix(frame, picture), answers)
