"""Fits of several folds side by side, and a store that holds some of them."""
import threading
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from classify.data.splits import Split, TrainTestIndices
from classify.fitting.fit_data import FitData
from classify.fitting.fold_store import NOTHING_KEPT, FittedFold, FoldTask, fit_missing, in_threads, unwatched
from classify.fitting.models import NO_CURVE, Model
from classify.settings import FitSettings


def fold(rounds: int) -> FittedFold:
    return FittedFold(Model("lightgbm", ("a",), 1, rounds, None, NO_CURVE), NO_CURVE, False)


@dataclass(frozen=True)
class InMemory:
    """A store for tests."""

    kept: dict[str, FittedFold] = field(default_factory=dict)

    def load(self, name: str) -> FittedFold | None:
        return self.kept.get(name)

    def save(self, name: str, fold: FittedFold) -> None:
        self.kept[name] = fold


def tasks(count: int) -> list[FoldTask]:
    """Folds whose number is the seed of their settings."""
    data = FitData(pd.DataFrame(), np.empty(0, np.int64), 0.0)
    none = np.empty(0, np.int64)
    split = Split("folds", np.empty(0, object), none, none, pd.DataFrame(), pd.DataFrame())
    return [FoldTask(data, TrainTestIndices(none, none), split, FitSettings(seed=number)) for number in range(count)]


@pytest.mark.parametrize("threads", [1, 3])
def test_only_what_the_store_lacks_is_fitted_and_then_kept(threads: int) -> None:
    store, fitted, told = InMemory({"fold_2": fold(20)}), [], []

    def fit(task: FoldTask) -> FittedFold:
        fitted.append(task.settings.seed)
        return fold(10 * task.settings.seed)
    found = fit_missing(tasks(4), fit, store, in_threads(threads),
                        lambda number, done: told.append((number, done.model.rounds)))
    assert [one.model.rounds for one in found] == [0, 10, 20, 30]
    assert sorted(fitted) == [0, 1, 3] and sorted(store.kept) == ["fold_0", "fold_1", "fold_2", "fold_3"]
    assert told[0] == (2, 20) and sorted(told[1:]) == [(0, 0), (1, 10), (3, 30)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_after_an_error_no_other_fold_begins_and_those_under_way_are_abandoned(error: type[BaseException]) -> None:
    begun, under_way = [], threading.Event()

    def fit(task: FoldTask) -> FittedFold:
        begun.append(task.settings.seed)
        if task.settings.seed == 0:
            assert under_way.wait(30)
            raise error
        under_way.set()
        while not task.data.abandoned():
            pass
        raise RuntimeError("abandoned")
    with pytest.raises(error):
        fit_missing(tasks(6), fit, NOTHING_KEPT, in_threads(2), unwatched)
    # The thread of the first fold may take one more before anybody has heard of the error.
    assert {0, 1} <= set(begun) <= {0, 1, 2}


def test_after_a_stop_between_two_folds_those_under_way_are_abandoned() -> None:
    under_way, abandoned = threading.Event(), threading.Event()

    def fit(task: FoldTask) -> FittedFold:
        if task.settings.seed == 0:
            assert under_way.wait(30)
            return fold(1)
        under_way.set()
        while not task.data.abandoned():
            pass
        abandoned.set()
        return fold(1)

    def stop(number: int, done: FittedFold) -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        fit_missing(tasks(2), fit, NOTHING_KEPT, in_threads(2), stop)
    assert abandoned.wait(30)
