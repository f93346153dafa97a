"""Is a baseline better than the model, beyond what chance makes of so few images?"""
from collections.abc import Mapping
from typing import Any

import numpy as np

from classify.evaluate.metrics import Bootstrap, draws, of_confusion, weighted_confusion
from featurize.arrays import Float64Array, Int64Array


def baseline_differences(y: Int64Array, p: Float64Array, baselines: Mapping[str, Float64Array],
                         split_group: Int64Array, bootstrap: Bootstrap = Bootstrap()) -> dict[str, dict[str, Any]]:
    """Macro-F1 of each baseline less that of the model on the same rows, with a paired bootstrap interval.

    Parameters
    ----------
    y : (n,) int64
        Truth, 0..K-1.
    p : (n, K) float64
        Probabilities of the model.
    baselines : mapping of str to (n, K) float64
        Probabilities of each baseline.
    split_group : (n,) int64
        Rows with the same number are drawn together.
    bootstrap : Bootstrap

    Returns
    -------
    dict of str to dict
        `macro_f1` (the difference) and `macro_f1_interval`, [low, high]: percentiles of the resamples, in each of which
        both are scored on the same drawn groups.

    Examples
    --------
    >>> y, sure = np.arange(40) % 2, np.eye(2)[np.arange(40) % 2]
    >>> found = baseline_differences(y, sure[:, ::-1], {"a": sure}, np.arange(40), Bootstrap(50))["a"]
    >>> found["macro_f1"], found["macro_f1_interval"]
    (1.0, [1.0, 1.0])
    """
    once = np.ones((1, len(y)))
    edge = 100 * (1 - bootstrap.level) / 2
    own, own_drawn = _macro_f1(y, p, once), [_macro_f1(y, p, w) for w in draws(split_group, bootstrap)]
    found = {}
    for name, other in baselines.items():
        drawn = [_macro_f1(y, other, w) - same for w, same in zip(draws(split_group, bootstrap), own_drawn)]
        interval = np.percentile(np.concatenate(drawn), [edge, 100 - edge]).tolist() if drawn else [np.nan, np.nan]
        found[name] = {"macro_f1": float((_macro_f1(y, other, once) - own)[0]), "macro_f1_interval": interval}
    return found


def _macro_f1(y: Int64Array, p: Float64Array, weights: Float64Array) -> Float64Array:
    """(B,) macro-F1 with each of (B, n) weights of the rows."""
    return of_confusion(weighted_confusion(y, p.argmax(axis=1), p.shape[1], weights))["macro_f1"]
