"""From margins to probabilities that mean what they say.

A new kind of task is one more branch in `logits`; a new method one more in `_fit` and `probabilities`.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from featurize.arrays import Float64Array, Int64Array

METHODS = ("none", "temperature", "isotonic")
CV_FOLDS = 5
# With fewer independent groups no calibration is learned unless one is asked for by name.
FEWEST_GROUPS = 10


@dataclass(frozen=True)
class Calibration:
    """A map from margins to probabilities, as plain numbers.

    Parameters
    ----------
    method : str
        ``none``, ``temperature`` or ``isotonic``.
    temperature : float
        Margins are divided by it (Guo et al. 2017, arXiv:1706.04599); 1 for the other methods.
    steps : tuple of (x, y)
        Isotonic: for each class the knots of its step function, from softmax probability to observed frequency.
    floor : float
        Isotonic: the least probability, since a frequency of exactly 0 says more than the rows can know.
    losses : dict
        Log-loss of each method that was tried, cross-validated by component.
    """

    method: str
    temperature: float = 1.0
    steps: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()
    floor: float = 0.0
    losses: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"method": self.method, "temperature": self.temperature, "floor": self.floor,
                "steps": [[list(x), list(y)] for x, y in self.steps], "losses": dict(self.losses or {})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_dict`."""
        steps = tuple((tuple(x), tuple(y)) for x, y in data["steps"])
        return cls(data["method"], float(data["temperature"]), steps, float(data["floor"]), dict(data["losses"]))


def logits(margins: Float64Array) -> Float64Array:
    """(n, K) from (n, k): the log-odds of a binary task become the two columns 0 and margin."""
    if margins.shape[1] == 1:
        return np.column_stack([np.zeros(len(margins)), margins[:, 0]])
    return margins


def probabilities(calibration: Calibration, margins: Float64Array) -> Float64Array:
    """(n, K) probabilities of (n, k) margins; rows add up to 1 and none is exactly 0."""
    raw = softmax(logits(margins) / calibration.temperature, axis=1)
    if calibration.method == "isotonic":
        raw = np.column_stack([np.interp(column, *knots) for column, knots in zip(raw.T, calibration.steps)])
        raw = np.maximum(raw, calibration.floor)
    raw = np.maximum(raw, np.finfo(np.float64).tiny)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def log_loss(p: Float64Array, y: Int64Array) -> float:
    """Mean negative log of the probability of the truth, natural logarithm."""
    return float(-np.log(p[np.arange(len(y)), y]).mean())


def fit_calibration(margins: Float64Array, y: Int64Array, component: Int64Array, method: str,
                    seed: int) -> Calibration:
    """Fit one method, or the best of all.

    Parameters
    ----------
    margins : (n, k) float64
        Of rows that the trees did not see.
    y : (n,) int64
        0..K-1.
    component : (n,) int64
        Rows with the same number never part in the cross-validation that chooses the method.
    method : str
        ``none``, ``temperature``, ``isotonic``, or ``auto``: the least cross-validated log-loss; with fewer components
        than ten, none.
    seed : int
        Of the cross-validation's shuffle.
    """
    if method == "auto" and len(np.unique(component)) < FEWEST_GROUPS:
        # What one or two patients teach does not hold for the next: on two-patient histology isotonic steps raised the
        # log-loss of the other patient from .43 to .66, one temperature from .38 to .43.
        method = "none"
    if method != "auto":
        return _fit(margins, y, method)
    losses = {name: _cross_loss(margins, y, component, name, seed) for name in METHODS}
    best = min(METHODS, key=lambda name: losses[name])
    fitted = _fit(margins, y, best)
    return Calibration(fitted.method, fitted.temperature, fitted.steps, fitted.floor, losses)


def cross_calibrate(margins: Float64Array, y: Int64Array, fold: Int64Array,
                    component: Int64Array, method: str, seed: int) -> Float64Array:
    """(n, K) probabilities of out-of-fold margins, each fold calibrated, method included, on the other folds."""
    out = np.empty(logits(margins).shape)
    for f in np.unique(fold):
        own = fold == f
        fitted = fit_calibration(margins[~own], y[~own], component[~own], method, seed)
        out[own] = probabilities(fitted, margins[own])
    return out


def _fit(margins: Float64Array, y: Int64Array, method: str) -> Calibration:
    if method == "temperature":
        return Calibration(method, _temperature(logits(margins), y))
    if method == "isotonic":
        return _isotonic(softmax(logits(margins), axis=1), y)
    if method == "none":
        return Calibration(method)
    raise ValueError(f"no calibration is called {method!r}; known: auto, {', '.join(METHODS)}")


def _temperature(scores: Float64Array, y: Int64Array) -> float:
    """The scalar of least log-loss, between e^-3 and e^3.

    The truth counts as (n + 1) / (n + 2) sure, as in Platt 1999: n rows that are all right would otherwise ask for
    certainty, which n rows cannot give.
    """
    n, k = scores.shape
    target = np.full((n, k), 1 / (n + 2) / (k - 1))
    target[np.arange(n), y] = (n + 1) / (n + 2)
    found = minimize_scalar(lambda t: -(target * log_softmax(scores / np.exp(t), axis=1)).sum(), bounds=(-3, 3),
                            method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def _isotonic(p: Float64Array, y: Int64Array) -> Calibration:
    """One step function a class (Zadrozny & Elkan 2002, doi:10.1145/775047.775151)."""
    steps = []
    for c, column in enumerate(p.T):
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(column, y == c)
        steps.append((tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_))))
    return Calibration("isotonic", steps=tuple(steps), floor=1 / (2 * (len(y) + p.shape[1])))


def _cross_loss(margins: Float64Array, y: Int64Array, component: Int64Array, method: str,
                seed: int) -> float:
    """Log-loss of a method on rows that it was not fitted on."""
    p = np.empty(logits(margins).shape)
    for fitted_on, tested in GroupKFold(CV_FOLDS, shuffle=True, random_state=seed).split(p, y, component):
        p[tested] = probabilities(_fit(margins[fitted_on], y[fitted_on], method), margins[tested])
    return log_loss(p, y)
