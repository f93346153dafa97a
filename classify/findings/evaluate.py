"""Scores of several findings: each at its threshold, and their means with intervals that draw whole patients."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from classify.evaluate import metrics
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.threshold import threshold_scores
from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class ScoredFinding:
    """What was predicted of one finding in m tested rows.

    Parameters
    ----------
    rows : (m,) int64
        Row numbers in the table.
    y : (m,) int64
        1 = present, 0 = absent.
    p : (m,) float64
        Calibrated probability of presence.
    present : (m,) bool
        The probability reaches a threshold that was chosen without the row.
    """

    rows: Int64Array
    y: Int64Array
    p: Float64Array
    present: BoolArray


def finding_scores(tested: ScoredFinding, threshold: float, split_group: Int64Array) -> dict[str, Any]:
    """Scores at the threshold, and the average precision beside its chance.

    Parameters
    ----------
    tested : ScoredFinding
    threshold : float
        That of the saved model.
    split_group : (n,) int64
        Of all rows of the table.

    Returns
    -------
    dict
        `positives, prevalence, threshold, average_precision`, and those of
        `classify.evaluate.threshold.threshold_scores`; NaN = undefined.
    """
    own = tested.y == 1
    return {"positives": int(own.sum()), "prevalence": float(own.mean()), "threshold": threshold,
            "average_precision": float(average_precision_score(own, tested.p)) if own.any() else np.nan,
            **threshold_scores(own, tested.present, split_group[tested.rows])}


def means(tested: Mapping[str, ScoredFinding], split_group: Int64Array, bootstrap: Bootstrap) -> dict[str, object]:
    """Mean AUROC and average precision over the findings, and the interval of the mean AUROC.

    Parameters
    ----------
    tested : mapping of str to ScoredFinding
    split_group : (n,) int64
        Of all rows of the table: one draw of groups serves all findings, which share patients.
    bootstrap : Bootstrap
    """
    once = [float(_auroc(found)[0]) for found in tested.values()]
    precision = [float(average_precision_score(found.y, found.p)) if found.y.any() else np.nan
                 for found in tested.values()]
    resampled = np.concatenate([[_auroc(found, w[:, found.rows]) for found in tested.values()]
                                for w in metrics.draws(split_group, bootstrap)], axis=1)
    edge = 100 * (1 - bootstrap.level) / 2
    # A draw in which no finding has both kinds of images has no AUROC.
    known = resampled[:, ~np.isnan(resampled).all(axis=0)]
    mean = np.nanmean(known, axis=0)
    interval = [float(np.percentile(mean, q)) for q in (edge, 100 - edge)] if len(mean) else [np.nan, np.nan]
    return {"auroc": _mean(once), "average_precision": _mean(precision), "intervals": {"auroc": interval}}


def _mean(values: list[float]) -> float:
    """Of the defined values; NaN where there is none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _auroc(found: ScoredFinding, weights: Float64Array | None = None) -> Float64Array:
    """(B,) AUROC with each of (B, n) weights of the tested rows."""
    return metrics.scores(found.y, np.column_stack([1 - found.p, found.p]), None, weights)["auroc"]
