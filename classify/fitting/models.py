"""Models behind three functions, fit, margin and contributions: boosted trees of two libraries, or linear log-odds.

Only this file knows xgboost and lightgbm. It also checks that the columns are those of the fit, in their order:
LightGBM accepts reordered columns silently.
"""
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from classify.fitting.linear import fit_linear, linear_contributions, linear_from_bytes, linear_margin, linear_to_bytes
from classify.fitting.stages import common_rounds, scores_of_stages
from classify.settings import LIBRARIES, TREE_LIBRARIES, FitSettings
from featurize.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from featurize.errors import UserError

# Rows whose contributions are held in memory at a time.
EXPLAINED_ROWS_AT_ONCE = 512
# Tables with at most this many values are fitted on one thread: on a busy machine several threads mostly wait for each
# other.
ONE_THREAD_VALUES = 6_000_000


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
        Only this module touches it. None: the model is its `thresholds`.
    curve : (r, 2) float64
        Log-loss on the fitted and on the validation rows after every round, the abandoned ones too; the second column
        is NaN without validation rows. Empty for a loaded model. Of ordered stages: the sum over the thresholds.
    thresholds : tuple of Model
        Ordered stages: K - 1 binary models, "above stage 0" to "above stage K - 2", see `classify.fitting.stages`.
    """

    library: str
    features: tuple[str, ...]
    outputs: int
    rounds: int
    booster: Any
    curve: Float64Array
    thresholds: tuple["Model", ...] = ()

    @property
    def trees_per_round(self) -> int:
        """Trees that each boosting round adds."""
        return len(self.thresholds) or self.outputs


Valid = tuple[pd.DataFrame, Int64Array]


def fit(x: pd.DataFrame, y: Int64Array, weights: Float64Array, valid: Valid | None,
        settings: FitSettings) -> Model:
    """Grow trees, or fit linear log-odds.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        NaN = not measured: the trees send it to the better side.
    y : (n,) int64
        0..K-1, every class present.
    weights : (n,) float64
    valid : (x, y) or None
        Rows that decide when to stop; without them all `settings.rounds` are grown.
    settings : FitSettings

    Raises
    ------
    UserError
        The library is not installed, or cannot use the device.
    """
    if settings.library not in LIBRARIES:
        raise UserError(f"--model {settings.library} is unknown: choose {', '.join(LIBRARIES)}")
    if settings.library == "logistic":
        return _fit_logistic(x, y, weights)
    grow = _fit_xgboost if settings.library == "xgboost" else _fit_lightgbm
    return grow(x, y, weights, valid, replace(settings, jobs=settings.jobs if x.size > ONE_THREAD_VALUES else 1))


def join_thresholds(thresholds: Sequence[Model], gain: float) -> Model:
    """One model of ordered stages from the K - 1 binary models of its thresholds.

    Parameters
    ----------
    thresholds : sequence of Model
        "Above stage 0" to "above stage K - 2", with the same columns.
    gain : float
        Least decrease of the summed validation loss that counts when `rounds` is chosen. Models that were stopped by
        validation rows are not cut to it: grow them again with that number.
    """
    first, grown = thresholds[0], max(m.rounds for m in thresholds)
    rounds, curve = common_rounds([m.curve for m in thresholds], gain) if grown else (0, first.curve)
    return Model(first.library, first.features, len(thresholds) + 1, min(rounds, grown), None, curve, tuple(thresholds))


def margin(model: Model, x: pd.DataFrame) -> Float64Array:
    """(n, k) log-odds before calibration; for binary k = 1, the log-odds of class 1."""
    if model.thresholds:
        return scores_of_stages(np.concatenate([margin(m, x) for m in model.thresholds], axis=1))
    values = _checked(model, x)
    if model.library == "xgboost":
        out = model.booster.inplace_predict(values, predict_type="margin", missing=np.nan)
    elif model.library == "logistic":
        out = linear_margin(model.booster, values)
    else:
        out = model.booster.predict(values, raw_score=True)
    return np.asarray(out, dtype=np.float64).reshape(len(x), model.outputs)


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
        if model.library == "xgboost":
            matrix = _library("xgboost").DMatrix(part, feature_names=list(model.features))
            found = model.booster.predict(matrix, pred_contribs=True)
        elif model.library == "logistic":
            found = linear_contributions(model.booster, part)
        else:
            found = model.booster.predict(part, pred_contrib=True)
        out[start:start + EXPLAINED_ROWS_AT_ONCE] = np.asarray(found).reshape(len(part), model.outputs, -1)
    return out


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
    # A tree of depth 3 has at most 15 nodes.
    return _all_leaves(model, x)[:, trees].astype(np.uint8)


def _all_leaves(model: Model, x: pd.DataFrame) -> Int64Array:
    """(n, t) the leaf of each row in every tree, round by round."""
    if model.thresholds:
        # LightGBM may end before the last round. A tree that it did not grow would have one leaf for all rows.
        found = [_all_leaves(m, x) for m in model.thresholds]
        padded = [np.pad(own, ((0, 0), (0, model.rounds - own.shape[1]))) for own in found]
        return np.stack(padded, axis=2).reshape(len(x), -1)
    values = _checked(model, x)
    if model.library == "xgboost":
        matrix = _library("xgboost").DMatrix(values, feature_names=list(model.features))
        found = model.booster.predict(matrix, pred_leaf=True)
    else:
        found = model.booster.predict(values, pred_leaf=True)
    return np.asarray(found).reshape(len(x), -1).astype(np.int64)


def to_bytes(model: Model) -> list[bytes]:
    """The library's own format: UBJSON of xgboost, text of LightGBM; JSON of linear log-odds. One part a threshold."""
    return [_to_bytes(m) for m in model.thresholds or (model,)]


def _to_bytes(model: Model) -> bytes:
    if model.library == "logistic":
        return linear_to_bytes(model.booster)
    if model.library == "xgboost":
        return bytes(model.booster.save_raw("ubj"))
    return str(model.booster.model_to_string()).encode()


def from_bytes(data: Sequence[bytes], library: str, features: Sequence[str], outputs: int, jobs: int = 1) -> Model:
    """The inverse of `to_bytes`.

    Parameters
    ----------
    data : sequence of bytes
        One part, or one of each threshold of ordered stages. The caller has checked that they are undamaged: xgboost
        may crash on damaged ones.
    library : str
    features : sequence of str
        Columns in the order of the fit.
    outputs : int
        k columns of the margin.
    jobs : int
        Threads of a prediction.

    Raises
    ------
    UserError
        The library is not installed, or the trees were grown on other features.
    """
    if len(data) == 1:
        return _from_bytes(data[0], library, features, outputs, jobs)
    thresholds = tuple(_from_bytes(part, library, features, 1, jobs) for part in data)
    rounds = max(m.rounds for m in thresholds)
    return Model(library, tuple(features), outputs, rounds, None, np.empty((0, 2)), thresholds)


def _from_bytes(data: bytes, library: str, features: Sequence[str], outputs: int, jobs: int) -> Model:
    if library == "logistic":
        return Model(library, tuple(features), outputs, 0, linear_from_bytes(data), np.empty((0, 2)))
    module = _library(library)
    if library == "xgboost":
        booster = module.Booster({"nthread": jobs}, model_file=bytearray(data))
        rounds, names = booster.num_boosted_rounds(), booster.feature_names
    else:
        booster = module.Booster(model_str=data.decode())
        rounds, names = booster.current_iteration(), booster.feature_name()
    if list(names or ()) != list(features):
        raise UserError("the model's trees were grown on other features than its manifest names: train it again")
    return Model(library, tuple(features), outputs, rounds, booster, np.empty((0, 2)))


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


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        other = TREE_LIBRARIES[name == TREE_LIBRARIES[0]]
        extra = " (the extra cpu or gpu of pellucid)" if name == "xgboost" else ""
        raise UserError(f"{name} is not installed{extra}: install it, or choose --model {other}") from error


def _fit_logistic(x: pd.DataFrame, y: Int64Array, weights: Float64Array) -> Model:
    fitted = fit_linear(x.to_numpy(np.float32), y, weights)
    return Model("logistic", tuple(x.columns), len(fitted.base), 0, fitted, np.empty((0, 2)))


def _fit_xgboost(x: pd.DataFrame, y: Int64Array, weights: Float64Array, valid: Valid | None,
                 settings: FitSettings) -> Model:
    xgboost = _library("xgboost")
    classes = int(y.max()) + 1
    multi = {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
    binary = {"objective": "binary:logistic", "eval_metric": "logloss"}
    parameters = {
        "tree_method": "hist", "device": _cuda_or_cpu(settings), "nthread": settings.jobs, "seed": settings.seed,
        "learning_rate": settings.learning_rate, "max_depth": settings.depth, "subsample": settings.subsample,
        "max_bin": settings.bins, "colsample_bynode": settings.columns, "min_child_weight": settings.min_weight,
        "reg_lambda": settings.l2, "verbosity": 0, **(binary if classes == 2 else multi)}
    names = list(x.columns)
    train = xgboost.QuantileDMatrix(x.to_numpy(), y, weight=weights, feature_names=names, max_bin=settings.bins,
                                    nthread=settings.jobs)
    history: dict[str, dict[str, list[float]]] = {}
    watched = [(train, "train")]
    if valid:
        tested = xgboost.QuantileDMatrix(valid[0].to_numpy(), valid[1], feature_names=names, max_bin=settings.bins,
                                         ref=train, nthread=settings.jobs)
        watched.append((tested, "valid"))
    stop = xgboost.callback.EarlyStopping(rounds=settings.patience, data_name="valid", min_delta=settings.gain)
    booster = xgboost.train(parameters, train, settings.rounds, evals=watched, evals_result=history,
                            callbacks=[stop] if valid else [], verbose_eval=False)
    rounds = booster.best_iteration + 1 if valid else settings.rounds
    return Model("xgboost", tuple(names), 1 if classes == 2 else classes, rounds, booster[:rounds], _curve(history))


def _cuda_or_cpu(settings: FitSettings) -> str:
    """The device, or one clear line: xgboost itself would quietly go on with the CPU."""
    if settings.device not in ("cpu", "cuda"):
        raise UserError(f"--device {settings.device} is unknown: choose cpu or cuda")
    if settings.device == "cpu":
        return "cpu"
    xgboost = _library("xgboost")
    if not xgboost.build_info().get("USE_CUDA"):
        raise UserError("--device cuda: the installed xgboost has no CUDA; install the extra gpu instead of cpu, or "
                        "choose --device cpu")
    probe = xgboost.Booster({"device": "cuda", "verbosity": 0}, [xgboost.DMatrix(np.zeros((1, 1)))])
    if not json.loads(probe.save_config())["learner"]["generic_param"]["device"].startswith("cuda"):
        raise UserError("--device cuda: no GPU was found; choose --device cpu")
    return "cuda"


def _fit_lightgbm(x: pd.DataFrame, y: Int64Array, weights: Float64Array, valid: Valid | None,
                  settings: FitSettings) -> Model:
    if settings.device != "cpu":
        raise UserError(f"--device {settings.device} works with --model xgboost only: choose that or --device cpu")
    lightgbm = _library("lightgbm")
    classes = int(y.max()) + 1
    multi = {"objective": "multiclass", "num_class": classes, "metric": "multi_logloss"}
    binary = {"objective": "binary", "metric": "binary_logloss"}
    parameters = {
        "num_threads": settings.jobs, "seed": settings.seed, "deterministic": True, "force_row_wise": True,
        "learning_rate": settings.learning_rate, "max_depth": settings.depth, "num_leaves": 2 ** settings.depth,
        "bagging_fraction": settings.subsample, "bagging_freq": 1, "feature_fraction_bynode": settings.columns,
        "max_bin": settings.bins - 1, "min_sum_hessian_in_leaf": settings.min_weight, "min_data_in_leaf": 1,
        "lambda_l2": settings.l2, "verbosity": -1, **(binary if classes == 2 else multi)}
    names = list(x.columns)
    train = lightgbm.Dataset(x.to_numpy(), y, weight=weights, feature_name=names, params=parameters)
    history: dict[str, dict[str, list[float]]] = {}
    calls = [lightgbm.record_evaluation(history)]
    watched, titles = [train], ["train"]
    if valid:
        watched.append(lightgbm.Dataset(valid[0].to_numpy(), valid[1], reference=train, params=parameters))
        titles.append("valid")
        calls.append(lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.gain))
    booster = lightgbm.train(parameters, train, settings.rounds, valid_sets=watched, valid_names=titles,
                             callbacks=calls)
    rounds = booster.best_iteration if valid else settings.rounds
    kept = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
    # LightGBM ends by itself where no split lowers the loss any more.
    return Model("lightgbm", tuple(names), 1 if classes == 2 else classes, kept.current_iteration(), kept,
                 _curve(history))


def _curve(history: dict[str, dict[str, list[float]]]) -> Float64Array:
    train = next(iter(history["train"].values()))
    valid = next(iter(history["valid"].values())) if "valid" in history else [np.nan] * len(train)
    return np.column_stack([train, valid])
