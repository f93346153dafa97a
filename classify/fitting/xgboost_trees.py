"""Trees of xgboost: grow, predict, explain, save, list."""
import json
from typing import Any

import numpy as np

from classify.fitting.libraries import Grown, Rounds, curve_of, library
from classify.fitting.rows import TrainingRows
from classify.fitting.tree_nodes import Ensemble, TreeNodes, one_leaf
from classify.settings import DEVICES, FitSettings
from featurize.arrays import Float32Array, Float64Array
from featurize.errors import UserError


def grow(rows: TrainingRows, valid: TrainingRows | None, columns: float, settings: FitSettings,
         done: Rounds) -> Grown:
    """Grow trees; `columns` is the share of the columns that each tree may use, `done` is told of every round."""
    xgboost, device = library("xgboost"), cuda_or_cpu(settings.device)
    classes = int(rows.y.max()) + 1
    multi = {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
    binary = {"objective": "binary:logistic", "eval_metric": "logloss"}
    parameters = {
        "tree_method": "hist", "device": device, "nthread": settings.jobs, "seed": settings.seed,
        "learning_rate": settings.learning_rate, "max_depth": settings.depth, "subsample": settings.subsample,
        "max_bin": settings.bins, "colsample_bytree": columns, "min_child_weight": settings.min_weight,
        "reg_lambda": settings.l2, "verbosity": 0, **(binary if classes == 2 else multi)}
    if rows.start is not None:
        # Log-odds of 0: the trees add to the start alone, with no number of their own.
        parameters["base_score"] = 0.5 if classes == 2 else 0.0
    # Names come afterwards: xgboost compares them in every round, half of the time of a fit on 24 cells.
    train = xgboost.QuantileDMatrix(rows.values(), rows.y, weight=rows.weights, max_bin=settings.bins,
                                    nthread=settings.jobs, base_margin=_flat(rows.start))
    history: dict[str, dict[str, list[float]]] = {}
    watched = [(train, "train")]
    if valid:
        tested = xgboost.QuantileDMatrix(valid.values(), valid.y, max_bin=settings.bins, ref=train,
                                         nthread=settings.jobs, base_margin=_flat(valid.start))
        watched.append((tested, "valid"))
    calls = [_telling(done)]
    if valid:
        calls.append(xgboost.callback.EarlyStopping(rounds=settings.patience, data_name="valid",
                                                    min_delta=settings.gain))
    booster = xgboost.train(parameters, train, settings.rounds, evals=watched, evals_result=history,
                            callbacks=calls, verbose_eval=False)
    rounds = booster.best_iteration + 1 if valid else settings.rounds
    metric = str(parameters["eval_metric"])
    losses = curve_of(history["train"][metric], history["valid"][metric] if valid else None, done.seconds)
    kept = booster[:rounds]
    kept.feature_names = list(rows.x.columns)
    if device != "cpu":
        kept.set_param({"device": device})
    return Grown(kept, rounds, losses)


def margin(booster: Any, x: Float32Array) -> Float64Array:
    """(n,) or (n, k) log-odds that the trees give, without a start."""
    if _is_on_gpu(booster):
        # Rows in main memory cannot be predicted in place there: xgboost would warn and do this.
        matrix = library("xgboost").DMatrix(x, feature_names=booster.feature_names)
        return np.asarray(booster.predict(matrix, output_margin=True), np.float64)
    return np.asarray(booster.inplace_predict(x, predict_type="margin", missing=np.nan), np.float64)


def contributions(booster: Any, x: Float32Array, names: list[str]) -> Float32Array:
    """(n, k * (d + 1)) TreeSHAP; last of each k = base value."""
    matrix = library("xgboost").DMatrix(x, feature_names=names)
    return np.asarray(booster.predict(matrix, pred_contribs=True), np.float32)


def leaves(booster: Any, x: Float32Array, names: list[str]) -> Float32Array:
    """(n, trees) number of the leaf of each row in each tree."""
    matrix = library("xgboost").DMatrix(x, feature_names=names)
    return np.asarray(booster.predict(matrix, pred_leaf=True))


def to_bytes(booster: Any) -> bytes:
    """UBJSON."""
    return bytes(booster.save_raw("ubj"))


def from_bytes(data: bytes, jobs: int, device: str) -> tuple[Any, int, list[str]]:
    """Booster, boosting rounds and names of the columns."""
    place = {"nthread": jobs, "device": cuda_or_cpu(device)}
    booster = library("xgboost").Booster(place, model_file=bytearray(data))
    return booster, booster.num_boosted_rounds(), list(booster.feature_names or ())


def ensemble(booster: Any, outputs: int) -> Ensemble:
    """Splits and leaves as the library's JSON has them; `outputs` = columns of the margin."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = tuple(map(_tree, learner["gradient_booster"]["model"]["trees"]))
    # One number, or one for each column. For two classes it is a probability, not log-odds.
    start = np.array(json.loads(learner["learner_model_param"]["base_score"]), np.float32)
    base = -np.log((1 / start - 1).astype(np.float64)).astype(np.float32) if outputs == 1 else start
    return Ensemble((*map(one_leaf, np.broadcast_to(base, outputs).tolist()), *trees), float32_sums=True)


def _tree(tree: dict[str, Any]) -> TreeNodes:
    """One tree of the JSON, whose nodes are splits and leaves together."""
    left, right, feature, default_left = (np.array(tree[name], np.int64) for name in (
        "left_children", "right_children", "split_indices", "default_left"))
    conditions = np.array(tree["split_conditions"], np.float32)
    split = left >= 0
    if not split.any():
        return one_leaf(float(conditions[0]))
    number = np.where(split, np.cumsum(split) - 1, -np.cumsum(~split, dtype=np.int64))
    # xgboost goes left where a value is less than the threshold: is the float32 number before it, or less.
    threshold = np.nextafter(conditions[split], np.float32(-np.inf)).astype(np.float64)
    return TreeNodes(feature[split], threshold, default_left[split] > 0, number[left[split]],
                     number[right[split]], conditions[~split].astype(np.float64))


def cuda_or_cpu(device: str) -> str:
    """The device, or one clear line: xgboost itself would quietly go on with the CPU."""
    if device not in DEVICES:
        raise UserError(f"--device {device} is unknown: choose {' or '.join(DEVICES)}")
    if device == "cpu":
        return "cpu"
    xgboost = library("xgboost")
    if not xgboost.build_info().get("USE_CUDA"):
        raise UserError("--device cuda: the installed xgboost has no CUDA; install the extra gpu instead of cpu, or "
                        "choose --device cpu")
    # The booster does not keep its matrix alive, and cannot tell its device without one.
    matrix = xgboost.DMatrix(np.zeros((1, 1)))
    with xgboost.config_context(verbosity=0):
        found = _is_on_gpu(xgboost.Booster({"device": "cuda"}, [matrix]))
    if not found:
        raise UserError("--device cuda: no GPU was found; choose --device cpu")
    return "cuda"


def _is_on_gpu(booster: Any) -> bool:
    """Whether a booster predicts on a GPU."""
    return bool(json.loads(booster.save_config())["learner"]["generic_param"]["device"].startswith("cuda"))


def _telling(done: Rounds) -> Any:
    """A callback of xgboost that tells of every round; its class cannot be made before the library is loaded."""
    class Telling(library("xgboost").callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            done.ended()
            return False
    return Telling()


def _flat(start: Float64Array | None) -> Float64Array | None:
    """(n,) of one column, else (n, k)."""
    return start[:, 0] if start is not None and start.shape[1] == 1 else start
