"""What the answers of least expected cost save, beside the most probable classes."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from classify.data.costs import CostMatrix
from classify.evaluate import metrics
from classify.evaluate.metrics import Bootstrap
from featurize.arrays import BoolArray, Float64Array, Int64Array


def decision_scores(costs: CostMatrix, classes: tuple[str, ...], y: Int64Array, p: Float64Array,
                    split_group: Int64Array, bootstrap: Bootstrap = Bootstrap()) -> dict[str, Any]:
    """What metrics.json says of costs.

    Parameters
    ----------
    costs : CostMatrix
    classes : tuple of K str
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Calibrated probabilities.
    split_group : (n,) int64
        Rows with the same number are drawn together.
    bootstrap : Bootstrap

    Returns
    -------
    dict
        `matrix`; `total` and `mean` cost of the decisions, `predicted_total` and `predicted_mean` of the most probable
        classes, `difference` of the means (below 0: the decisions cost less) and the `intervals` of the three;
        `changed` = rows whose decision is another class than the predicted one; `constant` = the class that would cost
        least if all rows were called it, and `constant_mean`; `confusion` of the decisions; `per_class`: `n, recall,
        mean` and `predicted_recall, predicted_mean`.

    Examples
    --------
    A miss of `b` costs ten times a false alarm. Called by probability, one miss costs 10; called by cost, one false
    alarm costs 1:

    >>> p = np.array([[.9, .1], [.96, .04], [.8, .2], [.1, .9]])
    >>> found = decision_scores(CostMatrix(((0, 1), (10, 0))), ("a", "b"), np.array([0, 0, 1, 1]), p, np.arange(4))
    >>> found["total"], found["predicted_total"], found["changed"], found["per_class"]["b"]["recall"]
    (1.0, 10.0, 2, 1.0)
    """
    chosen, guess, matrix = costs.decide(p), p.argmax(axis=1), costs.matrix
    paid, plain = matrix[y, chosen], matrix[y, guess]
    drawn = [_means(paid, plain, w) for w in metrics.draws(split_group, bootstrap)]
    constant = matrix[y].mean(axis=0)
    return {
        "matrix": matrix.tolist(), "total": float(paid.sum()), "mean": float(paid.mean()),
        "predicted_total": float(plain.sum()), "predicted_mean": float(plain.mean()),
        "difference": float((paid - plain).mean()), "intervals": _intervals(drawn, bootstrap),
        "changed": int((chosen != guess).sum()),
        "constant": classes[int(constant.argmin())], "constant_mean": float(constant.min()),
        "confusion": metrics.confusion(y, chosen, len(classes)).tolist(),
        "per_class": {name: _of_class(y == c, chosen == c, guess == c, paid, plain)
                      for c, name in enumerate(classes)}}


def _means(paid: Float64Array, plain: Float64Array, w: Float64Array) -> dict[str, Float64Array]:
    """(B,) weighted means of a resample."""
    total = w.sum(axis=1)
    mean, predicted = w @ paid / total, w @ plain / total
    return {"mean": mean, "predicted_mean": predicted, "difference": mean - predicted}


def _intervals(drawn: Sequence[Mapping[str, Float64Array]], bootstrap: Bootstrap) -> dict[str, list[float]]:
    """Percentiles over all resamples."""
    edge = 100 * (1 - bootstrap.level) / 2
    return {key: np.percentile(np.concatenate([part[key] for part in drawn]), [edge, 100 - edge]).tolist()
            for key in drawn[0]}


def _of_class(own: BoolArray, chosen: BoolArray, guess: BoolArray, paid: Float64Array,
              plain: Float64Array) -> dict[str, Any]:
    if not own.any():
        return {"n": 0, **dict.fromkeys(("recall", "mean", "predicted_recall", "predicted_mean"), np.nan)}
    return {"n": int(own.sum()), "recall": float(chosen[own].mean()), "mean": float(paid[own].mean()),
            "predicted_recall": float(guess[own].mean()), "predicted_mean": float(plain[own].mean())}
