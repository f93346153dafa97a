"""Why a person should look at an image, in words."""
from collections.abc import Sequence

import pandas as pd

from classify.accepted_error import AcceptedError
from classify.review import LEAST_PROBABILITY, MOST_NOVELTY
from featurize.arrays import BoolArray
from featurize.report.numbers import number, percent, score
from featurize.report.page import cell, table

# Column of predictions.csv with the reasons of each row, joined by "|".
COLUMN = "review_reason"
# The words of that column, and what they mean to a reader.
MEANING = {
    "set": "the prediction set holds several classes, or no class fits",
    "novel": f"farther from the training images than {100 * MOST_NOVELTY:g}\u00a0% of held-out ones",
    "several cells": "several cells in the picture",
    "cut": "the cell is cut by the rim of the picture",
    "off centre": "the cell is not in the middle of the picture",
    "nothing found": "no cell was found",
    "unsure": "the chosen class is not probable enough",
    "batch": "the images of the table differ, together, from the training images of the class"}


def reasons_for_review(predictions: pd.DataFrame, sets: BoolArray, empty: BoolArray, largest: Sequence[float]
                       ) -> list[tuple[str, ...]]:
    """The reasons of every row; none where no person is asked.

    Parameters
    ----------
    predictions : (n, ...) DataFrame
        predictions.csv; where it has no column `review_reason`, the reasons follow from the rules of
        `classify.review`.
    sets : (n, K) bool
    empty : (n,) bool
    largest : (n,) float
        Probability of the predicted class.
    """
    asked = predictions["review"].to_numpy(bool)
    if COLUMN in predictions.columns:
        return [tuple(str(text).split("|")) if ask and text and not pd.isna(text) else ()
                for ask, text in zip(asked, predictions[COLUMN])]
    rules = {"set": (sets.sum(axis=1) != 1) | empty, "novel": predictions["novelty"] > MOST_NOVELTY,
             "unsure": pd.Series(largest) < LEAST_PROBABILITY}
    found = pd.DataFrame({name: pd.Series(rule).to_numpy(bool) for name, rule in rules.items()})
    return [tuple(found.columns[row]) if ask else () for ask, row in zip(asked, found.to_numpy())]


def rule_in_words(accepted: AcceptedError | None, single: bool = True) -> str:
    """When a person is asked, in one sentence; `single`: each picture is meant to show one cell."""
    least, sets = LEAST_PROBABILITY, "where the prediction set holds another number of classes than one"
    if accepted is not None and accepted.kept:
        least, sets = accepted.threshold, ""
    elif accepted is not None and accepted.chosen:
        return "Every image is for a person, because the promised share of errors cannot be kept."
    parts = [*([sets] if sets else []), f"where the chosen class has a probability below {score(least)}",
             f"where an image is less like the training images than {100 * MOST_NOVELTY:g}\u00a0% of held-out ones are",
             *(["where no whole cell stands alone in the middle of the picture"] if single else [])]
    return f"A person is asked to look {', '.join(parts[:-1])}, and {parts[-1]}."


def why(reasons: Sequence[str]) -> str:
    """The reasons of one row in words."""
    return "; ".join(MEANING.get(reason, reason) for reason in reasons)


def review_table(reasons: Sequence[Sequence[str]]) -> dict[str, object] | None:
    """How many rows each reason sends to a person, most frequent first; None where there is none."""
    counts = pd.Series([reason for row in reasons for reason in row], dtype=object).value_counts()
    if counts.empty:
        return None
    rows = [[cell(MEANING.get(str(name), str(name)).capitalize()), cell(number(int(n)), key=int(n)),
             cell(percent(n / len(reasons)), key=int(n), bar=n / len(reasons))] for name, n in counts.items()]
    return table(["Why a person is asked", "Images", "Of all"], rows,
                 foot="An image may be asked about for several reasons.")
