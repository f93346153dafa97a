"""A scikit-learn classifier: boosted trees with calibrated probabilities and conformal prediction sets."""
import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from classify.data.folds import split_groups
from classify.data.splits import plan_split
from classify.data.tasks import Task
from classify.fitting import models
from classify.fitting.crossfit import FEW_GROUPS_ROUNDS, cross_fit, final_model, fit_rows
from classify.fitting.fit_data import FitData
from classify.settings import FitSettings, TrainSettings
from classify.uncertainty import calibrate, conformal
from classify.uncertainty.calibrate import Calibration
from classify.uncertainty.conformal import Conformal
from classify.uncertainty.held_out import fit_held_out
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.errors import UserError


class CalibratedTrees(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees, calibrated and with prediction sets, fitted as `classify` fits them.

    `fit` makes grouped, stratified folds. The predictions of held-out rows calibrate the probabilities and the
    prediction sets. The trees that are kept are then grown on all rows.

    Parameters
    ----------
    library : str
        ``xgboost`` or ``lightgbm``.
    calibration : str
        ``auto``, ``none``, ``temperature``, ``bias``, ``isotonic`` or ``matrix``.
    alpha : float
        Promised rate of prediction sets that miss the truth, in each class.
    folds : int
        Folds; fewer where a class has fewer groups.
    rounds : int
        Most boosting rounds.
    random_state : int, RandomState or None
        The same integer gives the same model.
    jobs : int
        Most threads.
    order : sequence or None
        All labels from the lowest stage to the highest, where they are ordered: prediction sets are then runs of
        stages. Columns of probabilities stay in the order of `classes_`.

    Attributes
    ----------
    classes_ : (K,) array
        Labels, sorted.
    model_ : Model
        The trees, see `classify.fitting.models`.
    calibration_ : Calibration
    conformal_ : Conformal
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["ant", "bee"], 40)
    >>> X = rng.normal(size=(80, 3)) + 3 * (y == "bee")[:, None]
    >>> trees = CalibratedTrees(rounds=20).fit(X, y)
    >>> trees.predict([[0, 0, 0], [3, 3, 3]])
    array(['ant', 'bee'], dtype='<U3')
    >>> trees.predict_set([[0, 0, 0]])
    array([[ True, False]])
    """

    def __init__(self, library: str = "auto", calibration: str = "auto", alpha: float = 0.05, folds: int = 5,
                 rounds: int = FitSettings.rounds, random_state: Any = 0, jobs: int = 1, order: Any = None) -> None:
        self.library = library
        self.calibration = calibration
        self.alpha = alpha
        self.folds = folds
        self.rounds = rounds
        self.random_state = random_state
        self.jobs = jobs
        self.order = order

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Fit trees, calibration and prediction sets.

        Parameters
        ----------
        X : (n, d) array or DataFrame
            NaN = not measured.
        y : (n,) array
            Labels of two or more classes.
        groups : (n,) array, optional
            The patient of each row: rows of one group never stand on two sides of a fold. None or NaN is a group of its
            own.

        Raises
        ------
        ValueError
            A wrong parameter, one class only, or groups that leave a fold without a class to learn from.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}: two classes or more are wanted")
        task = self._task(codes.astype(np.int64))
        rows = _rows(len(y), groups)
        fewest = _fewest_groups(task, split_groups(rows))
        x, settings = _named(X), self._fit_settings()
        if fewest < 2:
            self._fit_without_folds(x, task, settings)
        else:
            self._fit_with_folds(x, task, rows, min(self.folds, fewest), settings)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(n,) the most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Any) -> Float64Array:
        """(n, K) calibrated probabilities, columns in the order of `classes_`."""
        return self._proba_in_order(X)[:, self._stage]

    def predict_set(self, X: Any) -> BoolArray:
        """(n, K) True where a class belongs to the prediction set of a row.

        For rows like the training rows, the set holds the true class with probability 1 - alpha or more, in each class.
        It always holds the predicted class.
        """
        p = self._proba_in_order(X)
        if not len(self.conformal_.y):
            return np.ones(p.shape, bool)
        sets = conformal.prediction_sets(self.conformal_, p)[0]
        return conformal.runs_of_stages(sets)[:, self._stage] if self._has_stages() else sets

    def contributions(self, X: Any) -> Float32Array:
        """(n, k, d + 1) exact Shapley values of the features, in log-odds before calibration.

        k is 1 for two classes (towards the second) and K for more. The last entry is the base value; the sum over the
        last axis is what the trees say.
        """
        values = models.contributions(self.model_, self._checked(X))
        return values[:, self._stage] if self._has_stages() else values

    def __sklearn_tags__(self) -> Tags:
        """Missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _task(self, codes: Int64Array) -> Task:
        """The task; `_stage` becomes the place of each of `classes_` among its classes."""
        self._stage = np.arange(len(self.classes_))
        names = tuple(map(str, self.classes_))
        if self.order is None:
            return Task("binary" if len(names) == 2 else "multiclass", names, codes)
        order = np.asarray(self.order)
        if sorted(order.tolist()) != sorted(self.classes_.tolist()):
            raise ValueError(f"order {order.tolist()!r}: all labels are wanted, each once, from the lowest stage to "
                             f"the highest; y holds {self.classes_.tolist()!r}")
        if len(names) == 2:
            return Task("binary", names, codes)
        self._stage = np.array([int(np.flatnonzero(order == name)[0]) for name in self.classes_])
        return Task("ordinal", tuple(map(str, order)), self._stage[codes])

    def _has_stages(self) -> bool:
        return self.order is not None and len(self.classes_) > 2

    def _proba_in_order(self, X: Any) -> Float64Array:
        """(n, K) calibrated probabilities, columns in the order of the task's classes."""
        x = self._checked(X)
        return calibrate.probabilities(self.calibration_, models.margin(self.model_, x))

    def _checked(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return _named(validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False))

    def _check_parameters(self) -> None:
        choices = ("auto", *calibrate.METHODS)
        if self.calibration not in choices:
            raise ValueError(f"calibration {self.calibration!r} is unknown: choose {', '.join(choices)}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha {self.alpha!r}: a rate of misses between 0 and 0.5 is wanted, such as 0.05")
        if self.folds < 2:
            raise ValueError(f"folds {self.folds!r}: at least 2 are wanted")
        if self.rounds < 1:
            raise ValueError(f"rounds {self.rounds!r}: at least 1 is wanted")

    def _fit_settings(self) -> FitSettings:
        state = self.random_state
        seed = state if isinstance(state, int | np.integer) else check_random_state(state).randint(2 ** 31 - 1)
        return FitSettings(library=self.library, seed=int(seed), jobs=self.jobs, rounds=self.rounds)

    def _fit_with_folds(self, x: pd.DataFrame, task: Task, rows: pd.DataFrame, folds: int,
                        settings: FitSettings) -> None:
        """As `classify.train.train` does it, without measurements of perturbed images."""
        try:
            split, _ = plan_split(rows, task, folds, settings.seed)
        except UserError as error:
            raise ValueError(str(error)) from error
        data = FitData(x, task.y, TrainSettings.weight_power)
        crossed = cross_fit(data, split, settings)
        calibrating = TrainSettings(calibration=self.calibration, alpha=self.alpha, seed=settings.seed)
        held_out = fit_held_out(crossed, task, split, calibrating)
        self.model_ = final_model(data, split, crossed, settings)
        self.calibration_, self.conformal_ = held_out.calibration, held_out.conformal

    def _fit_without_folds(self, x: pd.DataFrame, task: Task, settings: FitSettings) -> None:
        """A class of one group cannot be learned and held out at once: nothing calibrates, sets hold every class."""
        warnings.warn("a class has one row or one group only, so that no row can be held out: probabilities are not "
                      "calibrated and prediction sets hold all classes", UserWarning, stacklevel=3)
        data = FitData(x, task.y, TrainSettings.weight_power)
        few = replace(settings, rounds=min(FEW_GROUPS_ROUNDS, settings.rounds))
        self.model_ = fit_rows(data, np.arange(len(x)), few)
        self.calibration_ = Calibration("none")
        self.conformal_ = Conformal(self.alpha, np.empty(0), np.empty(0, np.int64))


def _named(X: Float32Array) -> pd.DataFrame:
    """Columns x0, x1, ...: libraries of trees refuse some characters in names."""
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])


def _rows(n: int, groups: Any) -> pd.DataFrame:
    """What a split reads of a table: every row an image of its own."""
    if groups is not None and len(groups) != n:
        raise ValueError(f"{len(groups)} groups came with {n} rows: one for each row is wanted")
    group = [None] * n if groups is None else list(groups)
    return pd.DataFrame({"image_id": np.arange(n).astype(str), "path": "", "group": pd.Series(group, dtype=object),
                         "split": None, "duplicate_group": np.arange(n)})


def _fewest_groups(task: Task, split_group: Int64Array) -> int:
    return min(len(np.unique(split_group[task.y == c])) for c in range(len(task.classes)))
