"""Predictions of changed images become the numbers of one strength."""
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.evaluate.by_class import grouped_wilson
from classify.evaluate.metrics import scores
from classify.evaluate.review_scores import review_scores
from classify.evaluate.several_tests import LEVEL, holm, p_below, shown_from
from classify.predict import apply_bundle
from classify.predictions import named_and_other
from classify.review import in_words, review_reasons
from classify.sweep.result import Scored, Sweep, SweptChange
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
    review, kept = review_scores(words, right, split_group), (words == "").to_numpy()
    coverage_interval = grouped_wilson(held, split_group)
    low, high = review["errors_kept_interval"]
    accepted = bundle.review.accepted
    promised = accepted is not None and accepted.kept
    return Scored(
        told=told, n=len(y), failed=failed, accuracy=float(right.mean()),
        accuracy_interval=grouped_wilson(right, split_group),
        confidence=float(predictions.p[np.arange(len(y)), named].mean()),
        ece=float(found["ece"][0]), coverage=float(held.mean()), coverage_interval=coverage_interval,
        mean_set_size=float(found["mean_set_size"][0]), review_share=float((words != "").mean()),
        errors_kept=review["errors_kept"], errors_kept_interval=(low, high),
        novelty=float(np.median(predictions.novelty)),
        sets_broken=bool(coverage_interval[1] < 1 - bundle.conformal.alpha),
        review_broken=bool(accepted is not None and promised and low > accepted.error), auroc=float(found["auroc"][0]),
        sets_p=p_below(held, split_group, 1 - bundle.conformal.alpha),
        review_p=p_below(right[kept], split_group[kept], 1 - accepted.error) if accepted is not None and promised
        else float("nan"))


def _nothing(told: str, failed: int) -> Scored:
    unknown = (np.nan, np.nan)
    return Scored(told, 0, failed, np.nan, unknown, np.nan, np.nan, np.nan, unknown, np.nan, np.nan, np.nan, unknown,
                  np.nan, False, False)


def first_broken(strengths: Sequence[Scored]) -> int:
    """The first strength at which a promise is broken; 0: at none."""
    return next((strength for strength, scored in enumerate(strengths, 1) if scored.broken), 0)


def with_verdicts(sweeps: Mapping[str, Sweep]) -> dict[str, Sweep]:
    """Sweeps of one or several models whose verdicts hold together: Holm's correction over all their comparisons.

    Parameters
    ----------
    sweeps : mapping of str to Sweep
        `sets_p` and `review_p` are those of each comparison alone.
    """
    scored = [one for found in sweeps.values() for change in found.changes for one in change.strengths]
    alone = np.array([(one.sets_p, one.review_p) for one in scored]).reshape(-1, 2)
    known = np.isfinite(alone)
    alone[known] = holm(alone[known])
    counted = iter(replace(one, sets_p=float(sets), review_p=float(review), sets_broken=bool(sets < LEVEL),
                           review_broken=bool(review < LEVEL)) for one, (sets, review) in zip(scored, alone))
    done = {}
    for name, found in sweeps.items():
        steps = {change.name: tuple(next(counted) for _ in change.strengths) for change in found.changes}
        changes = tuple(SweptChange(change, own, first_broken(own)) for change, own in steps.items())
        tests = int(known.sum())
        done[name] = replace(found, changes=changes, comparisons=tests,
                             shown_from=shown_from(found.unchanged.n, found.coverage_promised, tests))
    return done
