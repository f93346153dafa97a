"""Trees of LightGBM: grow, predict, explain, save."""
from typing import Any

import numpy as np

from classify.fitting.libraries import Grown, Rounds, curve_of, library
from classify.fitting.rows import TrainingRows
from classify.settings import FitSettings
from featurize.arrays import Float32Array, Float64Array
from featurize.errors import UserError


def grow(rows: TrainingRows, valid: TrainingRows | None, columns: float, settings: FitSettings,
         done: Rounds) -> Grown:
    """Grow trees; `columns` is the share of the columns that each tree may use, `done` is told of every round."""
    if settings.device != "cpu":
        raise UserError(f"--device {settings.device} works with --model xgboost only: choose that or --device cpu")
    lightgbm = library("lightgbm")
    classes = int(rows.y.max()) + 1
    multi = {"objective": "multiclass", "num_class": classes, "metric": "multi_logloss"}
    binary = {"objective": "binary", "metric": "binary_logloss"}
    parameters = {
        "num_threads": settings.jobs, "seed": settings.seed, "deterministic": True, "force_row_wise": True,
        "learning_rate": settings.learning_rate, "max_depth": settings.depth, "num_leaves": 2 ** settings.depth,
        "bagging_fraction": settings.subsample, "bagging_freq": 1, "feature_fraction": columns,
        "max_bin": settings.bins - 1, "min_sum_hessian_in_leaf": settings.min_weight, "min_data_in_leaf": 1,
        "lambda_l2": settings.l2, "verbosity": -1, **(binary if classes == 2 else multi)}
    train = lightgbm.Dataset(rows.x.to_numpy(), rows.y, weight=rows.weights, feature_name=list(rows.x.columns),
                             params=parameters, init_score=_flat(rows.start))
    history: dict[str, dict[str, list[float]]] = {}
    calls = [lambda _: done.ended(), lightgbm.record_evaluation(history)]
    watched, titles = [train], ["train"]
    if valid:
        watched.append(lightgbm.Dataset(valid.x.to_numpy(), valid.y, reference=train, params=parameters,
                                        init_score=_flat(valid.start)))
        titles.append("valid")
        calls.append(lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.gain))
    booster = lightgbm.train(parameters, train, settings.rounds, valid_sets=watched, valid_names=titles,
                             callbacks=calls, keep_training_booster=True)
    rounds = booster.best_iteration if valid else settings.rounds
    kept = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
    metric = str(parameters["metric"])
    losses = curve_of(history["train"][metric], history["valid"][metric] if valid else None, done.seconds)
    # LightGBM ends by itself where no split lowers the loss any more.
    return Grown(kept, kept.current_iteration(), losses)


def margin(booster: Any, x: Float32Array) -> Float64Array:
    """(n,) or (n, k) log-odds that the trees give, without a start."""
    return np.asarray(booster.predict(x, raw_score=True), np.float64)


def contributions(booster: Any, x: Float32Array, names: list[str]) -> Float32Array:
    """(n, k * (d + 1)) TreeSHAP; last of each k = base value."""
    return np.asarray(booster.predict(x, pred_contrib=True), np.float32)


def leaves(booster: Any, x: Float32Array, names: list[str]) -> Float32Array:
    """(n, trees) number of the leaf of each row in each tree."""
    return np.asarray(booster.predict(x, pred_leaf=True))


def to_bytes(booster: Any) -> bytes:
    """The library's text."""
    return str(booster.model_to_string()).encode()


def from_bytes(data: bytes, jobs: int, device: str) -> tuple[Any, int, list[str]]:
    """Booster, boosting rounds and names of the columns."""
    booster = library("lightgbm").Booster(model_str=data.decode())
    return booster, booster.current_iteration(), list(booster.feature_name())


def _flat(start: Float64Array | None) -> Float64Array | None:
    """LightGBM reads log-odds class by class."""
    return None if start is None else start.ravel(order="F")
