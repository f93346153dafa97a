"""Models behind three functions, fit, margin and contributions: boosted trees of two libraries, or linear log-odds.

Trees may start from linear log-odds: margins and contributions are then sums of both parts. This file also checks that
the columns are those of the fit, in their order: LightGBM accepts reordered columns silently.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from classify.fitting import lightgbm_trees, xgboost_trees
from classify.fitting.libraries import Rounds, never
from classify.fitting.linear import (LinearModel, fit_linear, linear_contributions, linear_from_bytes, linear_margin,
                                     linear_to_bytes, standard_scores)
from classify.fitting.rows import TrainingRows
from classify.fitting.stages import scores_of_stages
from classify.fitting.tree_nodes import Ensemble
from classify.settings import LIBRARIES, FitSettings
from featurize.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from featurize.errors import UserError

TREES = {"xgboost": xgboost_trees, "lightgbm": lightgbm_trees}
# Rows whose contributions are held in memory at a time.
EXPLAINED_ROWS_AT_ONCE = 512
# Rows whose leaves in all trees are held in memory at a time.
LEAF_ROWS_AT_ONCE = 8192
# Tables with at most this many values are fitted on one thread: on a busy machine several threads mostly wait for each
# other.
ONE_THREAD_VALUES = 6_000_000
# Columns that each tree may use, at least, where the table has as many.
LEAST_COLUMNS = 20
# Of a model without boosting rounds, or one that was loaded.
NO_CURVE = np.empty((0, 3))


class ModelPart(NamedTuple):
    """Trees or weights as bytes, and those of the linear log-odds that the trees start from."""

    trees: bytes
    start: bytes | None


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Parameters
    ----------
    library : str
    features : tuple of str
        Columns in the order of the fit.
    outputs : int
        k columns of the margin: 1 for binary, K for multiclass and ordinal.
    rounds : int
        Boosting rounds kept; 0 for linear log-odds.
    booster : xgboost.Booster, lightgbm.Booster, LinearModel or None
        None: the model is its `thresholds`.
    curve : (r, 3) float64
        After every round, the abandoned ones too: log-loss on the fitted and on the validation rows (NaN without
        these), and seconds. Empty for a loaded model.
    thresholds : tuple of Model
        Ordered stages of model formats 2 and 3, see `classify.fitting.stages`: K - 1 binary models, "above stage 0" to
        "above stage K - 2".
    start : LinearModel or None
        Its log-odds are added to those of the trees.
    """

    library: str
    features: tuple[str, ...]
    outputs: int
    rounds: int
    booster: Any
    curve: Float64Array
    thresholds: tuple["Model", ...] = ()
    start: LinearModel | None = None

    @property
    def description(self) -> str:
        """The library, and whether trees start from linear log-odds, in words."""
        begun = any(m.start is not None for m in self.thresholds or (self,))
        return f"{self.library} from linear log-odds" if begun else self.library

    @property
    def trees_per_round(self) -> int:
        """Trees that each boosting round adds."""
        return len(self.thresholds) or self.outputs


def fit(rows: TrainingRows, valid: TrainingRows | None, settings: FitSettings,
        start: LinearModel | None = None, abandoned: Callable[[], bool] = never) -> Model:
    """Grow trees, or fit linear log-odds.

    Parameters
    ----------
    rows : TrainingRows
        Every class present. With `start`, its log-odds of these rows by models that did not see them.
    valid : TrainingRows or None
        Rows that decide when to stop; without them all `settings.rounds` are grown.
    settings : FitSettings
    start : LinearModel or None
        Is kept with the trees.
    abandoned : callable
        Is asked after every boosting round; True ends the fit.

    Raises
    ------
    FitAbandoned
    UserError
        The library is not installed, or cannot use the device.
    """
    if settings.library not in LIBRARIES:
        raise UserError(f"--model {settings.library} is unknown: choose {', '.join(LIBRARIES)}")
    names = tuple(rows.x.columns)
    if settings.library == "logistic":
        scores = standard_scores(rows.values())
        fitted = fit_linear(scores, rows.y, rows.weights, settings.inverse_penalty)
        return Model("logistic", names, len(fitted.base), 0, fitted, NO_CURVE)
    jobs = settings.jobs if rows.size > ONE_THREAD_VALUES else 1
    columns = min(max(settings.columns, LEAST_COLUMNS / len(names)), 1.0)
    grown = TREES[settings.library].grow(rows, valid, columns, replace(settings, jobs=jobs), Rounds(abandoned))
    classes = int(rows.y.max()) + 1
    return Model(settings.library, names, 1 if classes == 2 else classes, grown.rounds, grown.booster, grown.curve,
                 start=start)


def margin(model: Model, x: pd.DataFrame) -> Float64Array:
    """(n, k) log-odds before calibration; for binary k = 1, the log-odds of class 1."""
    if model.thresholds:
        return scores_of_stages(np.concatenate([margin(m, x) for m in model.thresholds], axis=1))
    values = _checked(model, x)
    if model.library == "logistic":
        return linear_margin(model.booster, values)
    trees = TREES[model.library].margin(model.booster, values).reshape(len(x), model.outputs)
    return trees if model.start is None else trees + linear_margin(model.start, values)


def contributions(model: Model, x: pd.DataFrame) -> Float32Array:
    """Exact Shapley values: TreeSHAP (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), or of linear log-odds.

    Returns
    -------
    (n, k, d + 1) float32
        Last column = base value; the sum over the last axis is the margin.
    """
    if model.thresholds:
        return scores_of_stages(np.concatenate([contributions(m, x) for m in model.thresholds], axis=1))
    values = _checked(model, x)
    out = np.empty((len(x), model.outputs, len(model.features) + 1), np.float32)
    for start in range(0, len(x), EXPLAINED_ROWS_AT_ONCE):
        part = values[start:start + EXPLAINED_ROWS_AT_ONCE]
        if model.library == "logistic":
            out[start:start + EXPLAINED_ROWS_AT_ONCE] = linear_contributions(model.booster, part)
            continue
        found = TREES[model.library].contributions(model.booster, part, list(model.features))
        both = found.reshape(len(part), model.outputs, -1)
        if model.start is not None:
            both = both + linear_contributions(model.start, part)
        out[start:start + EXPLAINED_ROWS_AT_ONCE] = both
    return out


def linear_part(model: Model, x: pd.DataFrame) -> Float32Array:
    """(n, k, d + 1) what the linear start gives to `contributions`; 0 where trees start from nothing."""
    values = _checked(model, x)
    if model.start is None:
        return np.zeros((len(x), model.outputs, len(model.features) + 1), np.float32)
    return linear_contributions(model.start, values)


def leaves(model: Model, x: pd.DataFrame, trees: Int64Array) -> UInt8Array:
    """(n, t) the leaf of each row in each of the trees; (n, 0) for a model without trees.

    Parameters
    ----------
    model : Model
    x : (n, d) DataFrame of float32
    trees : (t,) int64
        Numbers of trees; `model.trees_per_round` of them belong to each round.
    """
    if not len(x) or model.library == "logistic":
        return np.empty((len(x), 0 if model.library == "logistic" else len(trees)), np.uint8)
    # A tree of depth 3 has at most 15 nodes; the libraries give 8 bytes for each of them.
    return np.concatenate([_all_leaves(model, x.iloc[start:start + LEAF_ROWS_AT_ONCE])[:, trees].astype(np.uint8)
                           for start in range(0, len(x), LEAF_ROWS_AT_ONCE)])


def _all_leaves(model: Model, x: pd.DataFrame) -> Int64Array:
    """(n, t) the leaf of each row in every tree, round by round."""
    if model.thresholds:
        # LightGBM may end before the last round. A tree that it did not grow would have one leaf for all rows.
        found = [_all_leaves(m, x) for m in model.thresholds]
        padded = [np.pad(own, ((0, 0), (0, model.rounds - own.shape[1]))) for own in found]
        return np.stack(padded, axis=2).reshape(len(x), -1)
    found = TREES[model.library].leaves(model.booster, _checked(model, x), list(model.features))
    return found.reshape(len(x), -1).astype(np.int64)


def ensemble(model: Model) -> Ensemble:
    """Splits and leaves of a model's trees; a model of `thresholds` or of linear log-odds alone has none itself."""
    found: Ensemble = TREES[model.library].ensemble(model.booster, model.outputs)
    return found


def to_bytes(model: Model) -> list[ModelPart]:
    """One part, or one of each threshold."""
    return [_to_bytes(m) for m in model.thresholds or (model,)]


def _to_bytes(model: Model) -> ModelPart:
    if model.library == "logistic":
        return ModelPart(linear_to_bytes(model.booster), None)
    start = None if model.start is None else linear_to_bytes(model.start)
    return ModelPart(TREES[model.library].to_bytes(model.booster), start)


def from_bytes(parts: Sequence[ModelPart], library: str, features: Sequence[str], outputs: int, jobs: int = 1,
               device: str = "cpu") -> Model:
    """The inverse of `to_bytes`.

    Parameters
    ----------
    parts : sequence of ModelPart
        One part, or one of each threshold. The caller has checked that they are undamaged: xgboost may crash on
        damaged ones.
    library : str
    features : sequence of str
        Columns in the order of the fit.
    outputs : int
        k columns of the margin.
    jobs : int
        Threads of a prediction.
    device : str
        ``cpu`` or ``cuda`` (xgboost only): where rows are predicted and explained.

    Raises
    ------
    UserError
        The library is not installed or cannot use the device, or the trees were grown on other features.
    """
    if len(parts) == 1:
        return _from_bytes(parts[0], library, features, outputs, jobs, device)
    thresholds = tuple(_from_bytes(part, library, features, 1, jobs, device) for part in parts)
    rounds = max(m.rounds for m in thresholds)
    return Model(library, tuple(features), outputs, rounds, None, NO_CURVE, thresholds)


def _from_bytes(part: ModelPart, library: str, features: Sequence[str], outputs: int, jobs: int,
                device: str) -> Model:
    check_device(library, device)
    if library == "logistic":
        return Model(library, tuple(features), outputs, 0, linear_from_bytes(part.trees), NO_CURVE)
    booster, rounds, names = TREES[library].from_bytes(part.trees, jobs, device)
    if names != list(features):
        raise UserError("the model's trees were grown on other features than its manifest names: train it again")
    start = None if part.start is None else linear_from_bytes(part.start)
    return Model(library, tuple(features), outputs, rounds, booster, NO_CURVE, start=start)


def check_device(library: str, device: str) -> None:
    """Refuse a device that is not there, or that a library cannot use.

    Raises
    ------
    UserError
    """
    if device == "cuda" and library not in ("auto", "xgboost"):
        raise UserError(f"--device {device} works with xgboost only, and the model is of {library}: choose --device "
                        "cpu, or train one with --model xgboost")
    xgboost_trees.cuda_or_cpu(device)


def class_weights(y: Int64Array, power: float) -> Float64Array:
    """(n,) weights: rows of a class count (n / n_class) ** power, scaled to mean 1. 0 = all alike, 1 = balanced."""
    weights = (len(y) / np.bincount(y)[y]) ** power
    return np.asarray(weights / weights.mean())


def _checked(model: Model, x: pd.DataFrame) -> Float32Array:
    """(n, d) C-ordered float32, if the columns are those of the fit."""
    if list(x.columns) != list(model.features):
        pairs = enumerate(zip(x.columns, model.features))
        at = next((i for i, (a, b) in pairs if a != b), min(len(x.columns), len(model.features)))
        raise ValueError(f"{len(x.columns)} columns came, the model was fitted on {len(model.features)}; they differ "
                         f"from position {at} on")
    return np.ascontiguousarray(x.to_numpy(), dtype=np.float32)
