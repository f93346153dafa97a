"""The fitted model of a fold, the place where finished ones are kept, and where missing ones are fitted."""
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from classify.data.splits import Split, TrainTestIndices
from classify.fitting.fit_data import FitData
from classify.fitting.models import Model
from classify.settings import FitSettings
from featurize.arrays import Float64Array

# What a store calls the model of all rows.
FINAL_MODEL = "final"


@dataclass(frozen=True)
class FoldTask:
    """All that the fit of one fold reads.

    Parameters
    ----------
    data : FitData
    indices : TrainTestIndices
        Rows that the fold trains on and tests.
    split : Split
    settings : FitSettings
    """

    data: FitData
    indices: TrainTestIndices
    split: Split
    settings: FitSettings


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
        """Keep a model."""


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


FitFold = Callable[[FoldTask], FittedFold]
# Where folds are fitted: gives number and model of each in the order in which they end.
FoldRunner = Callable[[FitFold, Mapping[int, FoldTask]], Generator[tuple[int, FittedFold], None, None]]


def in_threads(threads: int) -> FoldRunner:
    """Folds side by side in this process; those that nobody waits for any longer are abandoned."""
    def run(fit: FitFold, tasks: Mapping[int, FoldTask]) -> Generator[tuple[int, FittedFold], None, None]:
        ended = threading.Event()
        with ThreadPoolExecutor(threads) as pool:
            waiting = {pool.submit(fit, replace(task, data=replace(task.data, abandoned=ended.is_set))): number
                       for number, task in tasks.items()}
            try:
                for done in as_completed(waiting):
                    yield waiting[done], done.result()
            finally:
                # After Ctrl-C or an error the pool would fit all other folds before anybody hears of it.
                ended.set()
                pool.shutdown(wait=False, cancel_futures=True)
    return run


def fit_missing(tasks: Sequence[FoldTask], fit: FitFold, store: FoldStore, run: FoldRunner,
                watch: FoldWatch) -> list[FittedFold]:
    """The models of all folds: those that a store holds, and the others.

    Parameters
    ----------
    tasks : sequence of FoldTask
    fit : callable
        A function of a module, which another machine can be told by its name.
    store : FoldStore
        Every model is kept in it as soon as it is fitted.
    run : FoldRunner
        Where they are fitted.
    watch : callable
        Is told every model in the order in which they are there, by the thread that called this function.
    """
    folds = {number: kept for number in range(len(tasks)) if (kept := store.load(_name_of(number)))}
    for number, fold in folds.items():
        watch(number, fold)
    missing = {number: task for number, task in enumerate(tasks) if number not in folds}
    with closing(run(fit, missing)) as fitted:
        for number, fold in fitted:
            store.save(_name_of(number), fold)
            folds[number] = fold
            watch(number, fold)
    return [folds[number] for number in range(len(tasks))]


def _name_of(number: int) -> str:
    """What a store calls the model of a fold."""
    return f"fold_{number}"
