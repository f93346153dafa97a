"""Which predictions a person should look at, and why.

A rule is plain data that is kept with the model. Each reason is one condition of it, and a row is for review where at
least one condition holds. Where few errors are promised among the others (`classify.accepted_error`), prediction sets
are no reason, and the promise chooses `least_probability`; the other conditions stay, because they ask whether the
picture is one the model knows at all.
"""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from classify.accepted_error import AcceptedError
from classify.predictions import ModelPredictions
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Words of the column `review_reason`, in their order there. They say: the prediction set holds another number of
# classes than one; the image is unlike the training images; further nuclei; the cell is cut by the rim of the image; it
# lies far from the centre; no cell was found; the predicted class is improbable; the images of the table differ,
# together, from the training images (`classify.uncertainty.batch`).
REASONS = ("set", "novel", "several cells", "cut", "off centre", "nothing found", "unsure", "batch")
# A predicted class with less than even odds calls for review.
LEAST_PROBABILITY = 0.5
# Out-of-distribution score (share of held-out training rows that lay nearer, 0..1) above which a row calls for review:
# of images like the training images 5 % are expected above it. benchmarks/unknown_class.py shows what it finds.
MOST_NOVELTY = 0.95
# A measurement of the picture calls for review above this percentile of the training images of the predicted class ...
LIMIT_PERCENTILE = 99
# ... if that class has this many of them; else above the percentile of all classes.
FEWEST_IMAGES = 99
# Images of a batch, at least, before a line is said about its median out-of-distribution score.
BATCH = 10
# Distance of this median from .5 that is told, and standard errors that it must exceed besides.
FAR_MEDIAN = 0.2
STANDARD_ERRORS = 3


@dataclass(frozen=True)
class Framing:
    """A column of the family quality that says whether one whole cell stands in the middle of the picture.

    Parameters
    ----------
    reason : str
        One of `REASONS`.
    column : str
    sign : int
        1 where large values are unusual, -1 where small ones are.
    least : float
        Least limit of sign * value: smaller values are harmless wherever they come from.
    """

    reason: str
    column: str
    sign: int
    least: float


# A tenth of the image's side off the centre, and a fiftieth of the outline on the rim, are chosen as what an eye sees.
FRAMING = (Framing("several cells", "image_quality_other_nuclei", 1, 0),
           Framing("cut", "image_quality_cut_rim", 1, 0.02),
           Framing("off centre", "image_quality_offset", 1, 0.1),
           Framing("nothing found", "image_quality_found", -1, -1))


@dataclass(frozen=True)
class Limit:
    """Values of one column that call for review.

    Parameters
    ----------
    reason, column, sign
        As in `Framing`.
    above : tuple of K float
        For each predicted class: sign * value above it calls for review.
    """

    reason: str
    column: str
    sign: int
    above: tuple[float, ...]


@dataclass(frozen=True)
class ReviewRule:
    """The conditions under which a prediction is for review.

    Parameters
    ----------
    by_set : bool
        Where the prediction set holds another number of classes than one (several fit, or none did).
    least_probability : float
        Where the probability of the predicted class is below it.
    most_novelty : float
        Where the out-of-distribution score is above it.
    limits : tuple of Limit
        Where a measurement of the picture is above its limit.
    accepted : AcceptedError or None
        The promise that `least_probability` keeps, or cannot keep.
    """

    by_set: bool = True
    least_probability: float = LEAST_PROBABILITY
    most_novelty: float = MOST_NOVELTY
    limits: tuple[Limit, ...] = ()
    accepted: AcceptedError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        data = asdict(self)
        del data["accepted"]
        return {**data, "accepted": self.accepted.to_dict()} if self.accepted else data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ReviewRule":
        """The inverse of `to_dict`."""
        limits = tuple(Limit(d["reason"], d["column"], int(d["sign"]), tuple(d["above"])) for d in data["limits"])
        accepted = AcceptedError.from_dict(data["accepted"]) if data.get("accepted") else None
        return cls(bool(data["by_set"]), float(data["least_probability"]), float(data["most_novelty"]), limits,
                   accepted)


def keeping(rule: ReviewRule, accepted: AcceptedError) -> ReviewRule:
    """The rule that keeps a promise; where no threshold does, everything is for review if the user named the error."""
    if not accepted.kept and not accepted.chosen:
        return replace(rule, accepted=accepted)
    return replace(rule, by_set=False, least_probability=accepted.threshold, accepted=accepted)


def barred(words: pd.Series) -> BoolArray:
    """(n,) True where a column `review_reason` has another reason than the prediction set and the probability."""
    return np.array([bool(set(w.split("|")) - {"", "set", "unsure"}) for w in words.fillna("")], bool)


def fit_rule(frame: pd.DataFrame, y: Int64Array, rows: Int64Array, classes: int) -> ReviewRule:
    """The rule with limits from the training images.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Columns that it lacks, as in a table of tissue or films, give no limit.
    y : (n,) int64
        Classes, 0..K-1.
    rows : (m,) int64
        Labelled rows that the limits are taken from.
    classes : int
        K.
    """
    known = [framing for framing in FRAMING if framing.column in frame.columns]
    limits = [Limit(f.reason, f.column, f.sign, _limits(frame[f.column].to_numpy(np.float64)[rows] * f.sign, y[rows],
                                                        classes, f.least)) for f in known]
    return ReviewRule(limits=tuple(limits))


def _limits(values: Float64Array, y: Int64Array, classes: int, least: float) -> tuple[float, ...]:
    """The limit of each class."""
    groups = [values[y == c] for c in range(classes)]
    return tuple(max(_percentile(own if np.isfinite(own).sum() >= FEWEST_IMAGES else values), least) for own in groups)


def _percentile(values: Float64Array) -> float:
    """Of the known values; -inf where there are none."""
    known = values[np.isfinite(values)]
    return float(np.percentile(known, LIMIT_PERCENTILE, method="higher")) if len(known) else -np.inf


def review_reasons(rule: ReviewRule, predictions: ModelPredictions, frame: pd.DataFrame,
                   batch: BoolArray | None = None) -> BoolArray:
    """(n, R) True where a reason, in the order of `REASONS`, calls for review.

    Parameters
    ----------
    rule : ReviewRule
    predictions : ModelPredictions
        Of n rows.
    frame : (n, ...) DataFrame
        Their table; limits of columns that it lacks are left out.
    batch : (n,) bool, optional
        Images that differ, together with others of the table, from the training images.
    """
    held = np.zeros((len(predictions.p), len(REASONS)), bool)
    if rule.by_set:
        held[:, REASONS.index("set")] = (predictions.sets.sum(axis=1) != 1) | predictions.empty
    held[:, REASONS.index("novel")] = predictions.novelty > rule.most_novelty
    held[:, REASONS.index("unsure")] = predictions.p.max(axis=1) < rule.least_probability
    if batch is not None:
        held[:, REASONS.index("batch")] = batch
    for limit in rule.limits:
        if limit.column in frame.columns:
            above = np.array(limit.above)[predictions.p.argmax(axis=1)]
            held[:, REASONS.index(limit.reason)] = frame[limit.column].to_numpy(np.float64) * limit.sign > above
    return held


def in_words(reasons: BoolArray) -> list[str]:
    """The reasons of each row, joined by ``|``; empty where there is none.

    >>> in_words(np.array([[True, True] + [False] * 6, [False] * 8]))
    ['set|novel', '']
    """
    names = np.array(REASONS, dtype=object)
    return ["|".join(names[row]) for row in reasons]


def from_words(words: pd.Series) -> BoolArray:
    """(n, R) which reasons a column `review_reason` names: the inverse of `in_words`.

    >>> from_words(pd.Series(["set|novel", None]))[:, :3].tolist()
    [[True, True, False], [False, False, False]]
    """
    listed = words.fillna("").str.split("|")
    return np.array([[name in row for name in REASONS] for row in listed], bool).reshape(len(words), len(REASONS))


def count_reasons(words: pd.Series) -> dict[str, int]:
    """Rows for review by reason, from a column `review_reason`; a row with two reasons counts in both."""
    return dict(zip(REASONS, from_words(words).sum(axis=0).tolist()))


def reasons_line(words: pd.Series) -> str:
    """The reasons that occur in a column `review_reason`, most frequent first: for the terminal.

    >>> reasons_line(pd.Series(["set|novel", "set", None]))
    'set 2, novel 1'
    """
    counts = sorted(count_reasons(words).items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {n}" for name, n in counts if n)


def review_summary(words: pd.Series, right: BoolArray) -> dict[str, Any]:
    """What the rule costs and what it leaves, for rows whose truth is known.

    Parameters
    ----------
    words : (n,) Series of str
        Column `review_reason`.
    right : (n,) bool
        The predicted class is the true one.

    Returns
    -------
    dict
        `by_reason` (share of the rows that have each reason), `errors_kept` (share of errors among the rows that are
        not for review; NaN where there is none), `errors_found` (share of the errors that are for review).
    """
    marked = words.fillna("").to_numpy(dtype=object) != ""
    kept, wrong = ~marked, ~right
    return {"by_reason": {name: count / max(len(words), 1) for name, count in count_reasons(words).items()},
            "errors_kept": float(wrong[kept].mean()) if kept.any() else np.nan,
            "errors_found": float(marked[wrong].mean()) if wrong.any() else np.nan}


def together_line(words: pd.Series) -> str:
    """What the reason `batch` says about a table, from its column `review_reason`; "" where no image has it."""
    count = count_reasons(words)["batch"]
    if not count:
        return ""
    return (f"{count} of {len(words)} images differ, together, from the training images of the class that they are "
            "named: a kind of cell that the model does not know, another laboratory or an unlike patient; look at "
            "some of them, and give the table to `audit` with their true classes")


def batch_line(novelty: Float64Array) -> str:
    """What the median out-of-distribution score says about a batch of images; "" where that is nothing unusual."""
    n, median = len(novelty), float(np.median(novelty)) if len(novelty) else 0.5
    # The median of n even draws from 0..1 has about this standard error.
    chance = STANDARD_ERRORS * 0.5 / np.sqrt(max(n, 1))
    if n < BATCH or abs(median - 0.5) <= max(FAR_MEDIAN, chance):
        return ""
    if median > 0.5:
        return (f"these images are unlike the training images: their median novelty is {median:.2f} instead of about "
                "0.50; another stain, camera or kind of cell, so do not trust the predictions before an audit")
    return (f"these images are very like the training images: their median novelty is {median:.2f} instead of about "
            "0.50; if the model was trained on them, the predictions say nothing about new images")
