"""What makes classes of unequal size count alike: weights, repeated rows or rows left out."""
from dataclasses import dataclass

import numpy as np

from classify.fitting.models import class_weights
from featurize.arrays import Float64Array, Int64Array


@dataclass(frozen=True)
class Balance:
    """How rows of rarer classes gain weight.

    Parameters
    ----------
    method : str
        One of `classify.settings.BALANCES`.
    weight_power : float
        Of the class weights of ``auto``.
    """

    method: str = "auto"
    weight_power: float = 0.5


def balanced(balance: Balance, y: Int64Array, seed: int) -> tuple[Int64Array, Float64Array]:
    """Which training rows are used, and how much each counts.

    Parameters
    ----------
    balance : Balance
    y : (n,) int64
        Classes of the training rows, every class present.
    seed : int
        Of the rows that are repeated or left out.

    Returns
    -------
    rows : (m,) int64
        Positions among the n rows, in order; with ``over`` some stand there several times.
    weights : (m,) float64
        Mean 1.
    """
    if balance.method in ("over", "under"):
        rows = _resampled(y, balance.method == "over", np.random.default_rng(seed))
        return rows, np.ones(len(rows))
    power = {"auto": balance.weight_power, "weight": 1.0, "none": 0.0}[balance.method]
    return np.arange(len(y)), class_weights(y, power)


def _resampled(y: Int64Array, repeat: bool, rng: np.random.Generator) -> Int64Array:
    counts = np.bincount(y)
    wanted = counts.max() if repeat else counts[counts > 0].min()
    parts = []
    for c in np.flatnonzero(counts):
        own = np.flatnonzero(y == c)
        # Every row stands there equally often before chance decides which stand there once more.
        whole, rest = divmod(int(wanted), len(own))
        parts += [np.tile(own, whole), rng.choice(own, rest, replace=False)]
    return np.sort(np.concatenate(parts))
