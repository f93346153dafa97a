"""Predictions of changed images become the numbers of one strength."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.evaluate.by_class import grouped_wilson
from classify.evaluate.metrics import scores
from classify.evaluate.review_scores import review_scores
from classify.predict import apply_bundle
from classify.predictions import named_and_other
from classify.review import in_words, review_reasons
from classify.sweep.result import Scored
from featurize.arrays import Int64Array


def score(bundle: Bundle, frame: pd.DataFrame, y: Int64Array, split_group: Int64Array, told: str,
          failed: int = 0, threshold: float | None = None) -> Scored:
    """Predict n images and score them.

    Parameters
    ----------
    bundle : Bundle
    frame : (n, ...) DataFrame
        Their table, with every column that the model or its review reads.
    y, split_group : (n,) int64
        Truth and groups.
    told : str
        What the strength means.
    failed : int
        Images that could not be measured.
    threshold : float, optional
        Of a finding: class 1 is named from this probability on. Else the most probable class is.
    """
    if not len(frame):
        return _nothing(told, failed)
    predictions = apply_bundle(bundle, matrix(frame, bundle.model.features))
    words = pd.Series(in_words(review_reasons(bundle.review, predictions, frame)))
    named = named_and_other(predictions.p, threshold)[:, 0]
    right = named == y
    held = predictions.sets[np.arange(len(y)), y]
    found = scores(y, predictions.p, predictions.sets, ordered=bundle.kind == "ordinal")
    review = review_scores(words, right, split_group)
    coverage_interval = grouped_wilson(held, split_group)
    low, high = review["errors_kept_interval"]
    accepted = bundle.review.accepted
    return Scored(
        told=told, n=len(y), failed=failed, accuracy=float(right.mean()),
        accuracy_interval=grouped_wilson(right, split_group),
        confidence=float(predictions.p[np.arange(len(y)), named].mean()),
        ece=float(found["ece"][0]), coverage=float(held.mean()), coverage_interval=coverage_interval,
        mean_set_size=float(found["mean_set_size"][0]), review_share=float((words != "").mean()),
        errors_kept=review["errors_kept"], errors_kept_interval=(low, high),
        novelty=float(np.median(predictions.novelty)),
        sets_broken=bool(coverage_interval[1] < 1 - bundle.conformal.alpha),
        review_broken=bool(accepted is not None and accepted.kept and low > accepted.error),
        auroc=float(found["auroc"][0]))


def _nothing(told: str, failed: int) -> Scored:
    unknown = (np.nan, np.nan)
    return Scored(told, 0, failed, np.nan, unknown, np.nan, np.nan, np.nan, unknown, np.nan, np.nan, np.nan, unknown,
                  np.nan, False, False)


def first_broken(strengths: Sequence[Scored]) -> int:
    """The first strength at which a promise is broken; 0: at none."""
    return next((strength for strength, scored in enumerate(strengths, 1) if scored.broken), 0)
