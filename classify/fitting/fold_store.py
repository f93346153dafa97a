"""The fitted model of a fold, the place where finished ones are kept, and fits of several folds side by side."""
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Protocol

from classify.fitting.models import Model
from featurize.arrays import Float64Array

# What a store calls the model of all rows.
FINAL_MODEL = "final"


@dataclass(frozen=True)
class FittedFold:
    """The model of one fold, and how its rounds were chosen.

    Parameters
    ----------
    model : Model
    curve : (r, 3) float64
        Losses and seconds of the fit that chose the rounds, as `Model.curve` has them.
    stopped_by_rows : bool
        True where the rows that chose the rounds belong to groups that the model also learned from.
    left_out : int
        Training rows that were not learned from, because other rows contradict their label.
    """

    model: Model
    curve: Float64Array
    stopped_by_rows: bool
    left_out: int = 0

    @property
    def valid_loss(self) -> float:
        """Log-loss on the validation rows after the rounds that were kept; NaN without such rows."""
        kept = self.curve[:max(self.model.rounds, 1), 1]
        return float(kept[-1]) if len(kept) else float("nan")


class FoldStore(Protocol):
    """Keeps finished models by name, so that a run that was stopped does not fit them again."""

    def load(self, name: str) -> FittedFold | None:
        """What was kept under a name; None where nothing is, or nothing that can be read."""

    def save(self, name: str, fold: FittedFold) -> None:
        """Keep a model; called from several threads, with a name each."""


@dataclass(frozen=True)
class NothingKept:
    """A `FoldStore` that keeps nothing."""

    def load(self, name: str) -> FittedFold | None:
        return None

    def save(self, name: str, fold: FittedFold) -> None:
        pass


NOTHING_KEPT = NothingKept()
# Is told the number of a fold and its model.
FoldWatch = Callable[[int, FittedFold], None]


def unwatched(number: int, fold: FittedFold) -> None:
    """A `FoldWatch` that does nothing."""


def fit_missing(count: int, fit: Callable[[int, Callable[[], bool]], FittedFold], store: FoldStore, threads: int,
                watch: FoldWatch) -> list[FittedFold]:
    """The models of all folds: those that a store holds, and the others fitted side by side.

    Parameters
    ----------
    count : int
        Number of folds.
    fit : callable
        Fits the fold of a number. It is also given a function that is True as soon as nobody waits for it any longer.
    store : FoldStore
        Every model is kept in it as soon as it is fitted.
    threads : int
    watch : callable
        Is told every model in the order in which they are there, by the thread that called this function.
    """
    folds = {number: kept for number in range(count) if (kept := store.load(_name_of(number)))}
    for number, fold in folds.items():
        watch(number, fold)
    ended = threading.Event()

    def fit_and_keep(number: int) -> FittedFold:
        fold = fit(number, ended.is_set)
        store.save(_name_of(number), fold)
        return fold
    with ThreadPoolExecutor(threads) as pool:
        waiting = {pool.submit(fit_and_keep, number): number for number in range(count) if number not in folds}
        try:
            for done in as_completed(waiting):
                folds[waiting[done]] = done.result()
                watch(waiting[done], done.result())
        finally:
            # After Ctrl-C or an error the pool would fit all other folds before anybody hears of it.
            ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return [folds[number] for number in range(count)]


def _name_of(number: int) -> str:
    """What a store calls the model of a fold."""
    return f"fold_{number}"
