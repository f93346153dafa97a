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
    if not baselines:
        return {}
    edge = 100 * (1 - bootstrap.level) / 2
    difference = _differences(y, p, baselines, np.ones((1, len(y))))[0]
    drawn = [_differences(y, p, baselines, w) for w in draws(split_group, bootstrap)]
    bounds = (np.percentile(np.concatenate(drawn), [edge, 100 - edge], axis=0) if drawn
              else np.full((2, len(baselines)), np.nan))
    return {name: {"macro_f1": float(difference[i]), "macro_f1_interval": bounds[:, i].tolist()}
            for i, name in enumerate(baselines)}


def _differences(y: Int64Array, p: Float64Array, baselines: Mapping[str, Float64Array],
                 weights: Float64Array) -> Float64Array:
    """(B, baselines) macro-F1 of each baseline less the model's, with each of (B, n) weights of the rows."""
    own = _macro_f1(y, p, weights)
    return np.column_stack([_macro_f1(y, other, weights) - own for other in baselines.values()])


def _macro_f1(y: Int64Array, p: Float64Array, weights: Float64Array) -> Float64Array:
    """(B,) macro-F1 with each of (B, n) weights of the rows."""
    return of_confusion(weighted_confusion(y, p.argmax(axis=1), p.shape[1], weights))["macro_f1"]
