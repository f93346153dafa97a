"""predictions.csv of several findings."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from classify.review import count_reasons, in_words
from featurize.arrays import BoolArray, Float64Array, Int64Array

# What a prediction set of one finding may hold, in the order of the classes.
ABSENT_PRESENT = ("absent", "present")


@dataclass(frozen=True)
class FindingPredictions:
    """What was predicted of one finding in n rows.

    Parameters
    ----------
    p : (n,) float64
        Calibrated probability of presence.
    present : (n,) bool
        The probability reaches the threshold.
    sets : (n, 2) bool
        Prediction sets of absent and present.
    reasons : (n, R) bool
        Why a person should look, for the sake of this finding: `classify.review.REASONS`.
    novelty : (n,) float64
        Out-of-distribution score, 0..1.
    """

    p: Float64Array
    present: BoolArray
    sets: BoolArray
    reasons: BoolArray
    novelty: Float64Array


def findings_table(frame: pd.DataFrame, truth: Mapping[str, Int64Array], predicted: Mapping[str, FindingPredictions],
                   fold: Int64Array | None = None) -> pd.DataFrame:
    """One row per row of the table, in its order.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Its columns `image_id, path, group, split` are copied, and `site` where a row has one.
    truth : mapping of str to (n,) int64
        Finding to 1, 0 or -1; empty for a table without labels.
    predicted : mapping of str to FindingPredictions
        In the order of the columns.
    fold : (n,) int64 or None
        -1 becomes an empty field.

    Returns
    -------
    DataFrame
        `image_id, path, group, (site,) split, fold, label_<finding>..., predicted, p_<finding>..., set_<finding>...,
        novelty, review, review_reason`. `predicted` lists the findings whose probability reaches the threshold, joined
        by ``|``, as are the reasons of all findings; a set is ``absent``, ``present`` or ``absent|present``. `novelty`
        is the highest of the findings' models.
    """
    names = np.array(list(predicted), dtype=object)
    present = np.column_stack([found.present for found in predicted.values()])
    number = pd.Series(-1 if fold is None else fold, index=range(len(frame)), dtype="Int64")
    labels = {f"label_{name}": pd.Series(values, dtype="Int64").mask(values < 0) for name, values in truth.items()}
    site = ["site"] if "site" in frame and frame["site"].notna().any() else []
    table = frame[["image_id", "path", "group", *site, "split"]].reset_index(drop=True)
    reasons = np.any([found.reasons for found in predicted.values()], axis=0)
    return table.assign(
        fold=number.mask(number < 0), **labels, predicted=["|".join(names[row]) for row in present],
        **{f"p_{name}": found.p for name, found in predicted.items()},
        **{f"set_{name}": _sets_in_words(found.sets) for name, found in predicted.items()},
        novelty=np.max([found.novelty for found in predicted.values()], axis=0),
        review=reasons.any(axis=1), review_reason=in_words(reasons))


def review_shares(table: pd.DataFrame) -> dict[str, Any]:
    """Shares of the tested images that a person should look at, and why."""
    tested = table[table["fold"].notna()]
    by_reason = {name: n / max(len(tested), 1) for name, n in count_reasons(tested["review_reason"]).items()}
    return {"review_share": float(tested["review"].mean()), "review": {"by_reason": by_reason}}


def _sets_in_words(sets: BoolArray) -> list[str]:
    return ["|".join(word for word, member in zip(ABSENT_PRESENT, row) if member) for row in sets]
