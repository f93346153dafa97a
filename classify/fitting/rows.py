"""Rows that a model learns from."""
from dataclasses import dataclass

import pandas as pd

from featurize.arrays import Float64Array, Int64Array


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a model learns from, or that decide when it stops.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        NaN = not measured: trees send it to the better side.
    y : (n,) int64
        Classes, 0..K-1.
    weights : (n,) float64
        Rows that decide when to stop count alike, whatever stands here.
    start : (n, k) float64 or None
        Log-odds that trees add to.
    """

    x: pd.DataFrame
    y: Int64Array
    weights: Float64Array
    start: Float64Array | None = None
