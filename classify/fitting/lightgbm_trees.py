"""Trees of LightGBM: grow, predict, explain, save, list."""
import re
from typing import Any

import numpy as np

from classify.fitting.large_tables import give_back, in_turn
from classify.fitting.libraries import Grown, Rounds, curve_of, library
from classify.fitting.rows import TrainingRows
from classify.fitting.tree_nodes import Ensemble, TreeNodes, one_leaf
from classify.settings import FitSettings
from featurize.arrays import Float32Array, Float64Array
from featurize.errors import UserError

# Bits of decision_type in the library's text (its include/LightGBM/tree.h): a split by category, missing values go
# left, and from bit 2 on what counts as missing.
_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_MISSING_SHIFT = 2
# What counts as missing: nothing (NaN is read as 0), or NaN. 1, zeros, needs a setting that no fit has.
_MISSING_NONE = 0
_MISSING_NAN = 2
# Values of this size or less are read as 0 (kZeroThreshold in its include/LightGBM/meta.h).
_ZERO = np.float32(1e-35)
# Rows that the library chooses the bins by, at most (its bin_construct_sample_cnt). It copies these in any case.
_BINNED_ROWS = 200_000
# Rows that are handed to the library at a time.
_ROWS_AT_ONCE = 16_384
# Where the settings of the fit begin in that text, and the only one that another machine sets otherwise.
_PARAMETERS = "\nparameters:\n"
_THREADS = re.compile(r"\[num_threads: \d+\]")


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
    binned = {**parameters, "data_random_seed": _data_seed(settings.seed)}
    train = lightgbm.Dataset(_in_parts(rows), rows.y, weight=rows.weights, feature_name=list(rows.x.columns),
                             params=binned, init_score=_flat(rows.start))
    history: dict[str, dict[str, list[float]]] = {}
    calls = [lambda _: done.ended(), lightgbm.record_evaluation(history)]
    watched, titles = [train], ["train"]
    if valid:
        watched.append(lightgbm.Dataset(_in_parts(valid), valid.y, reference=train, params=binned,
                                        init_score=_flat(valid.start)))
        titles.append("valid")
        calls.append(lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.gain))
    with in_turn(rows.size):
        for dataset in watched:
            dataset.construct()
        give_back(rows.size)
    if valid:
        # A table that comes in parts after `train` has weights as that has, of 0.
        watched[1].set_field("weight", None)
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
    """The library's text; the number of threads in it, which no prediction depends on, is written as 1."""
    trees, parameters, further = str(booster.model_to_string()).partition(_PARAMETERS)
    return (trees + parameters + _THREADS.sub("[num_threads: 1]", further)).encode()


def from_bytes(data: bytes, jobs: int, device: str) -> tuple[Any, int, list[str]]:
    """Booster, boosting rounds and names of the columns."""
    booster = library("lightgbm").Booster(model_str=data.decode())
    return booster, booster.current_iteration(), list(booster.feature_name())


def ensemble(booster: Any, outputs: int) -> Ensemble:
    """Splits and leaves as the library's text has them; `outputs` = columns of the margin."""
    text = str(booster.model_to_string()).split("\nend of trees")[0]
    trees = tuple(map(_tree, text.split("\nTree=")[1:]))
    # A fit that found nothing may have ended before its first tree.
    return Ensemble(trees or (one_leaf(0.0),) * outputs, float32_sums=False)


def _tree(block: str) -> TreeNodes:
    """One tree of the text, whose lines are name=values."""
    said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    leaf = np.array(said["leaf_value"].split(), np.float64)
    if len(leaf) == 1:
        return one_leaf(leaf[0])
    feature, decision, left, right = (np.array(said[name].split(), np.int64) for name in (
        "split_feature", "decision_type", "left_child", "right_child"))
    threshold, missing = np.array(said["threshold"].split(), np.float64), decision >> _MISSING_SHIFT
    if (decision & _CATEGORICAL).any() or not np.isin(missing, (_MISSING_NONE, _MISSING_NAN)).all():
        raise UserError("the model's trees have splits that no fit of Pellucid makes (categories, or zeros as missing "
                        "values): train it again with `python cli.py classify`")
    missing_left = np.where(missing == _MISSING_NAN, (decision & _DEFAULT_LEFT) > 0, threshold >= 0)
    # A threshold among the values that are read as 0 leaves all of them on one side.
    ends = np.where(threshold < 0, np.nextafter(-_ZERO, np.float32(-np.inf)), _ZERO)
    threshold = np.where(np.abs(threshold) <= _ZERO, ends, threshold)
    return TreeNodes(feature, threshold, missing_left, left, right, leaf)


def _in_parts(rows: TrainingRows) -> Any:
    """The rows, or what LightGBM reads them from a part at a time; its class needs the library, which loads late."""
    if len(rows) <= _BINNED_ROWS:
        return rows.values()

    class Parts(library("lightgbm").Sequence):  # type: ignore[misc]
        batch_size = _ROWS_AT_ONCE

        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, at: Any) -> Any:
            if isinstance(at, slice):
                return rows.values(at.start, at.stop)
            # Of rows that choose the bins the library wants float64.
            return rows.values(at, at + 1)[0].astype(np.float64)
    return Parts()


def _data_seed(seed: int) -> int:
    """The seed of the rows that choose the bins, as LightGBM derives it from `seed` (its config.cpp and random.h).

    It does so for tables that come whole, and not for those that come in parts.
    """
    return (214013 * seed + 2531011) % 2**32 >> 16 & 0x7FFF


def _flat(start: Float64Array | None) -> Float64Array | None:
    """LightGBM reads log-odds class by class."""
    return None if start is None else start.ravel(order="F")
