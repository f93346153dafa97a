"""From margins to calibrated probabilities: of the predictions with probability p, a share of p is right.

A new kind of task is one more branch in `logits`; a new method one more in `_fit` and `probabilities`.
"""
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from classify.data.folds import FEW_SPLIT_GROUPS
from featurize.arrays import BoolArray, Float64Array, Int64Array

METHODS = ("none", "temperature", "bias", "isotonic", "matrix")
# Methods that `auto` tries, from the fewest numbers to the most; see `fit_calibration`.
TRIED = ("none", "temperature", "bias", "matrix")
# Folds of the cross-validation that chooses the method.
CHOICE_FOLDS = 5
# The natural logarithm of the temperature is searched within +- this ...
MOST_LOG_TEMPERATURE = 3
# ... to this precision.
LOG_TEMPERATURE_TOLERANCE = 1e-4
# Penalties of the squared numbers of a matrix, beside the summed log-loss: of the bias and of the differences of the
# diagonal from its common factor, and of the numbers off the diagonal. Log-loss on rows that were not fitted on, of
# blood_28 (3,204 rows of its val part) .0633 without calibration, .0637, .0619 and .0610 with a tenth, a third and all
# of these; of pneumonia_28 (1,113 rows) .0773, .0763, .0759 and .0754.
DIAGONAL_PENALTY = 3.0
OFF_DIAGONAL_PENALTY = 30.0
# With fewer calibrating rows `auto` does not try a matrix: on blood_pbc (1,200 rows) and leukemia_all4 (640) it raised
# the log-loss from .0946 to .0995 and from .0437 to .0478.
FEWEST_MATRIX_ROWS = 1500


@dataclass(frozen=True)
class Calibration:
    """A map from margins to probabilities, as plain numbers.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    temperature : float
        Margins are divided by it (Guo et al. 2017, arXiv:1706.04599); 1 for the methods without.
    steps : tuple of (x, y)
        Isotonic: for each class the knots of its step function, from softmax probability to observed frequency.
    floor : float
        Isotonic: the least probability. A finite number of rows cannot show that a frequency is exactly 0.
    matrix : tuple of K tuples of K float
        Matrix: the log-probabilities are multiplied by it ...
    bias : tuple of K float
        ... and this is added. With the method ``bias`` it is added to the margins that the temperature divided
        (Alexandari et al. 2020, "Maximum likelihood with bias-corrected calibration is hard-to-beat at label shift
        adaptation"): class weights make rare classes more likely than they are.
    losses : dict
        Log-loss of each method that was tried, cross-validated by split groups.
    """

    method: str
    temperature: float = 1.0
    steps: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()
    floor: float = 0.0
    matrix: tuple[tuple[float, ...], ...] = ()
    bias: tuple[float, ...] = ()
    losses: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        linear: dict[str, Any] = {"bias": list(self.bias)} if self.bias else {}
        linear |= {"matrix": [list(row) for row in self.matrix]} if self.matrix else {}
        return {"method": self.method, "temperature": self.temperature, "floor": self.floor,
                "steps": [[list(x), list(y)] for x, y in self.steps], **linear, "losses": dict(self.losses or {})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_dict`."""
        steps = tuple((tuple(x), tuple(y)) for x, y in data["steps"])
        return cls(data["method"], float(data["temperature"]), steps, float(data["floor"]),
                   tuple(map(tuple, data.get("matrix", ()))), tuple(data.get("bias", ())), dict(data["losses"]))


@dataclass(frozen=True)
class CalibrationRows:
    """Rows that a calibration is fitted on.

    Parameters
    ----------
    margins : (m, k) float64
        Output of trees that did not see the rows.
    y : (m,) int64
        Classes, 0..K-1.
    split_group : (m,) int64
        Rows with the same number stay on the same side of a cross-validation.
    """

    margins: Float64Array
    y: Int64Array
    split_group: Int64Array

    def only(self, rows: BoolArray | Int64Array) -> "CalibrationRows":
        """Some of the rows, by mask or number."""
        return CalibrationRows(self.margins[rows], self.y[rows], self.split_group[rows])


def logits(margins: Float64Array) -> Float64Array:
    """(n, K) from (n, k): the log-odds of a binary task become the two columns 0 and margin."""
    if margins.shape[1] == 1:
        return np.column_stack([np.zeros(len(margins)), margins[:, 0]])
    return margins


def probabilities(calibration: Calibration, margins: Float64Array) -> Float64Array:
    """(n, K) probabilities of (n, k) margins; rows add up to 1 and none is exactly 0."""
    raw = softmax(logits(margins) / calibration.temperature + np.array(calibration.bias or 0.0), axis=1)
    if calibration.method == "matrix":
        scores = log_softmax(logits(margins), axis=1)
        raw = softmax(scores @ np.array(calibration.matrix).T + np.array(calibration.bias), axis=1)
    if calibration.method == "isotonic":
        raw = np.column_stack([np.interp(column, *knots) for column, knots in zip(raw.T, calibration.steps)])
        raw = np.maximum(raw, calibration.floor)
    raw = np.maximum(raw, np.finfo(np.float64).tiny)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def log_loss(p: Float64Array, y: Int64Array) -> float:
    """Mean negative log of the probability of the truth, natural logarithm."""
    return float(-np.log(p[np.arange(len(y)), y]).mean())


def fit_calibration(rows: CalibrationRows, method: str, seed: int) -> Calibration:
    """Fit one method, or the best of all.

    Parameters
    ----------
    rows : CalibrationRows
        Split groups stay whole in the cross-validation that chooses the method.
    method : str
        One of `METHODS`, or ``auto``: the first of `TRIED` whose cross-validated log-loss is within one standard error
        of the least. With few split groups `auto` is ``none``, with few rows it tries no matrix.
    seed : int
        Of the cross-validation's shuffle.

    Notes
    -----
    `auto` never takes isotonic steps: where it could, and took the method of least log-loss, the log-loss of held-out
    rows was .104, .0426, .238 and .225 in place of .078, .0372, .236 and .219 (leukemia_all4 with 200 rows and all, 10
    findings of chest_nih, 18 codes of ecg_ptbxl), the AUROC of these findings .640 in place of .677; blood_pbc and
    pneumonia_28 had the same.
    """
    if method == "auto" and len(np.unique(rows.split_group)) < FEW_SPLIT_GROUPS:
        # What one or two patients teach does not hold for the next: on two-patient histology isotonic steps raised the
        # log-loss of the other patient from .43 to .66, one temperature from .38 to .43.
        method = "none"
    if method != "auto":
        return _fit(rows, method)
    tried = TRIED if len(rows.y) >= FEWEST_MATRIX_ROWS else TRIED[:-1]
    losses = {name: _cross_losses(rows, name, seed) for name in tried}
    return replace(_fit(rows, _simplest(losses, rows.split_group)),
                   losses={name: float(values.mean()) for name, values in losses.items()})


def cross_calibrate(rows: CalibrationRows, fold: Int64Array, method: str, seed: int) -> Float64Array:
    """Probabilities of out-of-fold margins. Each fold is calibrated, choice of the method included, on the others.

    Parameters
    ----------
    rows : CalibrationRows
        m rows.
    fold : (m,) int64
    method : str
        As in `fit_calibration`.
    seed : int

    Returns
    -------
    (m, K) float64
    """
    out = np.empty(logits(rows.margins).shape)
    for f in np.unique(fold):
        own = fold == f
        out[own] = probabilities(fit_calibration(rows.only(~own), method, seed), rows.margins[own])
    return out


def _fit(rows: CalibrationRows, method: str) -> Calibration:
    scores = logits(rows.margins)
    if method == "temperature":
        return Calibration(method, _temperature(scores, rows.y))
    if method == "isotonic":
        return _isotonic(softmax(scores, axis=1), rows.y)
    if method == "bias":
        return _bias(scores, rows.y)
    if method == "matrix":
        return _matrix(scores, rows.y)
    if method == "none":
        return Calibration(method)
    raise ValueError(f"no calibration is called {method!r}; known: auto, {', '.join(METHODS)}")


def _temperature(scores: Float64Array, y: Int64Array) -> float:
    """The temperature of least log-loss, between e^-3 and e^3.

    With n rows that are all right, targets of 1 would give the least temperature.
    """
    target = _targets(y, scores.shape[1])
    found = minimize_scalar(lambda t: -(target * log_softmax(scores / np.exp(t), axis=1)).sum(), method="bounded",
                            bounds=(-MOST_LOG_TEMPERATURE, MOST_LOG_TEMPERATURE),
                            options={"xatol": LOG_TEMPERATURE_TOLERANCE})
    return float(np.exp(found.x))


def _targets(y: Int64Array, k: int) -> Float64Array:
    """(n, K) target probabilities: (n + 1) / (n + 2) for the true class instead of 1 (Platt 1999)."""
    n = len(y)
    target = np.full((n, k), 1 / (n + 2) / (k - 1))
    target[np.arange(n), y] = (n + 1) / (n + 2)
    return target


def _bias(scores: Float64Array, y: Int64Array) -> Calibration:
    """The temperature, and the bias of each class with a penalty, of least log-loss."""
    n, k = scores.shape
    target = _targets(y, k)

    def loss(numbers: Float64Array) -> tuple[float, Float64Array]:
        factor, bias = np.exp(-numbers[0]), numbers[1:]
        logs = log_softmax(factor * scores + bias, axis=1)
        slope = np.exp(logs) - target
        value = -(target * logs).sum() + DIAGONAL_PENALTY * (bias ** 2).sum()
        by_log = -factor * (slope * scores).sum()
        return float(value) / n, np.concatenate([[by_log], slope.sum(axis=0) + 2 * DIAGONAL_PENALTY * bias]) / n
    limit = (-MOST_LOG_TEMPERATURE, MOST_LOG_TEMPERATURE)
    found = minimize(loss, np.zeros(k + 1), jac=True, method="L-BFGS-B", bounds=[limit] + [(None, None)] * k).x
    return Calibration("bias", float(np.exp(found[0])), bias=tuple(map(float, found[1:])))


def _matrix(scores: Float64Array, y: Int64Array) -> Calibration:
    """Matrix scaling with a penalty for each part (Berta et al. 2025, Structured matrix scaling for multi-class
    calibration).

    The log-probabilities are multiplied by a common factor, which is free, plus a matrix; a bias is added.
    """
    n, k = scores.shape
    known, target, off = log_softmax(scores, axis=1), _targets(y, k), ~np.eye(k, dtype=bool)
    penalty = np.where(off, OFF_DIAGONAL_PENALTY, DIAGONAL_PENALTY)

    def loss(numbers: Float64Array) -> tuple[float, Float64Array]:
        factor, bias, change = numbers[0], numbers[1:k + 1], numbers[k + 1:].reshape(k, k)
        logs = log_softmax(known @ (change + factor * np.eye(k)).T + bias, axis=1)
        slope = np.exp(logs) - target
        by_matrix = slope.T @ known
        value = -(target * logs).sum() + (penalty * change ** 2).sum() + DIAGONAL_PENALTY * (bias ** 2).sum()
        return float(value) / n, np.concatenate([
            [np.trace(by_matrix)], slope.sum(axis=0) + 2 * DIAGONAL_PENALTY * bias,
            (by_matrix + 2 * penalty * change).ravel()]) / n
    start = np.concatenate([[1.0], np.zeros(k + k * k)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    matrix = found[k + 1:].reshape(k, k) + found[0] * np.eye(k)
    return Calibration("matrix", matrix=tuple(map(tuple, matrix.tolist())), bias=tuple(found[1:k + 1].tolist()))


def _isotonic(p: Float64Array, y: Int64Array) -> Calibration:
    """One step function for each class (Zadrozny & Elkan 2002, doi:10.1145/775047.775151)."""
    steps = []
    for c, column in enumerate(p.T):
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(column, y == c)
        steps.append((tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_))))
    return Calibration("isotonic", steps=tuple(steps), floor=1 / (2 * (len(y) + p.shape[1])))


def _simplest(losses: Mapping[str, Float64Array], split_group: Int64Array) -> str:
    """The first method whose mean loss is within one standard error of the least: a smaller gain may be chance."""
    best = min(losses.values(), key=lambda values: float(values.mean()))
    group = np.unique(split_group, return_inverse=True)[1]

    def as_good(values: Float64Array) -> bool:
        # Rows of one group are no independent evidence.
        more = np.bincount(group, values - best)
        return bool(more.sum() <= np.sqrt(((more - more.mean()) ** 2).sum()))
    return next(name for name, values in losses.items() if as_good(values))


def _cross_losses(rows: CalibrationRows, method: str, seed: int) -> Float64Array:
    """(m,) losses of a method on rows that it was not fitted on."""
    p = np.empty(logits(rows.margins).shape)
    folds = GroupKFold(CHOICE_FOLDS, shuffle=True, random_state=seed)
    for fitted_on, tested in folds.split(p, rows.y, rows.split_group):
        p[tested] = probabilities(_fit(rows.only(fitted_on), method), rows.margins[tested])
    return np.asarray(-np.log(p[np.arange(len(p)), rows.y]))
