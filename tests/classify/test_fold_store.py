"""Fits of several folds side by side, and a store that holds some of them."""
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from classify.fitting.fold_store import NOTHING_KEPT, FittedFold, fit_missing, unwatched
from classify.fitting.models import NO_CURVE, Model


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


@pytest.mark.parametrize("threads", [1, 3])
def test_only_what_the_store_lacks_is_fitted_and_then_kept(threads: int) -> None:
    store, fitted, told = InMemory({"fold_2": fold(20)}), [], []

    def fit(number: int, abandoned: Callable[[], bool]) -> FittedFold:
        fitted.append(number)
        return fold(10 * number)
    found = fit_missing(4, fit, store, threads, lambda number, done: told.append((number, done.model.rounds)))
    assert [one.model.rounds for one in found] == [0, 10, 20, 30]
    assert sorted(fitted) == [0, 1, 3] and sorted(store.kept) == ["fold_0", "fold_1", "fold_2", "fold_3"]
    assert told[0] == (2, 20) and sorted(told[1:]) == [(0, 0), (1, 10), (3, 30)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_after_an_error_no_other_fold_begins_and_those_under_way_are_abandoned(error: type[BaseException]) -> None:
    begun, under_way = [], threading.Event()

    def fit(number: int, abandoned: Callable[[], bool]) -> FittedFold:
        begun.append(number)
        if number == 0:
            assert under_way.wait(30)
            raise error
        under_way.set()
        while not abandoned():
            pass
        raise RuntimeError("abandoned")
    with pytest.raises(error):
        fit_missing(6, fit, NOTHING_KEPT, 2, unwatched)
    # The thread of the first fold may take one more before anybody has heard of the error.
    assert {0, 1} <= set(begun) <= {0, 1, 2}
