"""Shapley values of tested rows, each by the model that predicted it."""
from collections.abc import Callable

import numpy as np
import pandas as pd

from classify.fitting import models
from classify.fitting.crossfit import CrossFit
from classify.fitting.models import Model
from featurize.arrays import Float32Array, Int64Array


def contributions(x: pd.DataFrame, rows: Int64Array, crossed: CrossFit) -> Float32Array:
    """(m, k, d + 1) TreeSHAP of tested rows, each by the model that predicted it."""
    return _by_own_model(x, rows, crossed, models.contributions)


def linear_contributions(x: pd.DataFrame, rows: Int64Array, crossed: CrossFit) -> Float32Array | None:
    """(m, k, d + 1) the linear part of `contributions`; None where no trees start from linear log-odds."""
    if all(model.start is None for model in crossed.models):
        return None
    return _by_own_model(x, rows, crossed, models.linear_part)


def _by_own_model(x: pd.DataFrame, rows: Int64Array, crossed: CrossFit,
                  explained: Callable[[Model, pd.DataFrame], Float32Array]) -> Float32Array:
    """(m, k, d + 1) what `explained` says of every row by the model that tested it."""
    place = {row: i for i, row in enumerate(rows)}
    first = crossed.models[0]
    out = np.empty((len(rows), first.outputs, len(first.features) + 1), np.float32)
    for indices, model in zip(crossed.splits, crossed.models):
        own = indices.test[np.isin(indices.test, rows)]
        out[[place[row] for row in own]] = explained(model, x.iloc[own])
    return out
