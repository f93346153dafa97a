"""What every fit of a run reads."""
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from classify.fitting.augment import Perturbations
from classify.fitting.libraries import never
from featurize.arrays import Int64Array


@dataclass(frozen=True)
class FitData:
    """What every fit of a run reads.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        Features of all rows of the table, NaN = not measured.
    y : (n,) int64
        Classes, 0..K-1; -1 = unlabelled.
    weight_power : float
        Of the class weights, see `classify.fitting.models.class_weights`.
    perturbations : Perturbations or None
        How measurements change between laboratories.
    balance : str
        How rarer classes gain weight, one of `classify.settings.BALANCES`.
    abandoned : callable
        True as soon as nobody waits for a fit any longer.
    """

    x: pd.DataFrame
    y: Int64Array
    weight_power: float
    perturbations: Perturbations | None = None
    balance: str = "auto"
    abandoned: Callable[[], bool] = never
