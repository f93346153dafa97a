"""The one number that a map explains: log-odds of the named class against the next one."""
import hashlib

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.fitting import models
from classify.uncertainty.calibrate import Calibration, probabilities
from featurize.arrays import Float64Array

# Log-odds among which that of a threshold is sought, in steps of a hundredth: no calibrated model is surer.
_WIDEST = 20.0
_GRID = 4001


def against(margins: Float64Array, named: int, other: int) -> Float64Array:
    """Log-odds of `named` against `other` from margins (..., k); a binary model has one column, that of class 1.

    >>> against(np.array([[2.0]]), 0, 1), against(np.array([[1.0, 0.5, 3.0]]), 2, 0)
    (array([-2.]), array([2.]))
    """
    if margins.shape[-1] == 1:
        return np.asarray(margins[..., 0] * (1 if named == 1 else -1), dtype=np.float64)
    return np.asarray(margins[..., named] - margins[..., other], dtype=np.float64)


def margins_of(bundle: Bundle, x: pd.DataFrame, named: int, other: int) -> Float64Array:
    """(n,) log-odds of a class against another for (n, d) measurements."""
    return against(models.margin(bundle.model, x), named, other)


def contributions_of(bundle: Bundle, x: pd.DataFrame, named: int, other: int) -> Float64Array:
    """(d + 1,) exact contributions of one row to these log-odds, the base last."""
    values = models.contributions(bundle.model, x).astype(np.float64)
    return against(np.moveaxis(values[0], 0, -1), named, other)


def limit_of(calibration: Calibration, threshold: float) -> float:
    """Log-odds of class 1 of a binary model from which its calibrated probability reaches a threshold."""
    grid = np.linspace(-_WIDEST, _WIDEST, _GRID)
    reached = probabilities(calibration, grid[:, None])[:, 1] >= threshold
    return float(grid[int(reached.argmax())]) if reached.any() else _WIDEST


def digest(bundle: Bundle) -> str:
    """16 hex digits of what predicts: trees or weights, start and calibration."""
    found = hashlib.sha256(repr((bundle.classes, bundle.model.features, bundle.calibration.to_dict())).encode())
    for part in models.to_bytes(bundle.model):
        found.update(part.trees)
        found.update(part.start or b"")
    return found.hexdigest()[:16]
