"""A training run while it lasts: what is kept, what is logged, and what the user is told."""
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from classify.data.dataset import Dataset
from classify.data.splits import iter_splits
from classify.fitting.fold_store import NOTHING_KEPT, FittedFold, FoldRunner, FoldStore, FoldWatch, unwatched
from classify.runtime import curve_log
from classify.runtime.cluster import OnCluster, check_scheduler
from classify.runtime.curve_log import CurveLog, check_log
from classify.runtime.kept_folds import KeptFolds
from classify.runtime.run_key import run_key
from classify.runtime.tensorboard import EventFolder, check_event_folder
from classify.settings import TrainSettings


def _silent(line: str) -> None:
    """A line that nobody is told."""


@dataclass(frozen=True)
class Watch:
    """How a run is watched, and where folds are fitted; nothing of it changes the result.

    Parameters
    ----------
    log : Path or None
        A CSV of the learning curves, written anew after every fold: `fold, round, train_loss, valid_loss, seconds`, of
        several findings also `finding`.
    tensorboard : Path or None
        A folder for event files of TensorBoard.
    tell : callable
        Is given a line about models of an earlier run.
    scheduler : str or None
        Address of a Dask scheduler whose workers fit the folds, ``tcp://host:port``; None: this process does.
    """

    log: Path | None = None
    tensorboard: Path | None = None
    tell: Callable[[str], None] = _silent
    scheduler: str | None = None


@dataclass(frozen=True)
class TaskFits:
    """What becomes of the fits of one task.

    Parameters
    ----------
    store : FoldStore
        Where they are kept.
    watch : callable
        Is told each fold.
    run : FoldRunner or None
        Where folds are fitted; None: in this process.
    """

    store: FoldStore = NOTHING_KEPT
    watch: FoldWatch = unwatched
    run: FoldRunner | None = None


UNWATCHED = TaskFits()


def check_watch(watch: Watch, out: Path, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse what cannot be written, before any work is done.

    Raises
    ------
    UserError
    """
    if watch.log is not None:
        check_log(watch.log, out, inputs)
    if watch.tensorboard is not None:
        check_event_folder(watch.tensorboard, out)
    if watch.scheduler is not None:
        check_scheduler(watch.scheduler)


@contextmanager
def watched(out: Path, tasks: Mapping[str, Dataset], settings: TrainSettings, perturbed: pd.DataFrame | None,
            watch: Watch, parts: Mapping[str, str]) -> Iterator[Mapping[str, TaskFits]]:
    """Models are kept, logged and told within the block; at its end, which writes the run, the kept ones are removed.

    Parameters
    ----------
    out : Path
        The run folder.
    tasks : mapping of finding to Dataset
        "" where there is one task only.
    settings : TrainSettings
    perturbed : DataFrame or None
        Second measurements of some rows.
    watch : Watch
    parts : mapping of finding to str
        Name of each finding in names of folders.

    Yields
    ------
    mapping of finding to TaskFits
    """
    total = sum(len(iter_splits(task.split)) + (task.split.kind == "folds") for task in tasks.values())
    kept = KeptFolds(out, run_key(tasks.values(), settings, perturbed), total, watch.tell)
    trees = settings.fit_settings()
    with kept.opened():
        writers = _writers(out, watch, several="" not in tasks)
        run = OnCluster(watch.scheduler) if watch.scheduler else None
        yield {name: TaskFits(kept.of(parts[name], trees.device, trees.jobs), _watch_of(writers, name, parts[name]),
                              run) for name in tasks}


# Is told finding, its name in names of folders, number of the fold, and model.
_Writer = Callable[[str, str, int, FittedFold], None]


def _writers(out: Path, watch: Watch, several: bool) -> list[_Writer]:
    found: list[_Writer] = []
    if watch.log is not None:
        columns = (*curve_log.COLUMNS, curve_log.FINDING) if several else curve_log.COLUMNS
        log = CurveLog(watch.log, columns)
        log.begin()
        found.append(lambda name, part, number, fold: log.add(name, number, fold))
    if watch.tensorboard is not None:
        events = EventFolder(watch.tensorboard, os.path.basename(os.path.abspath(out)))
        found.append(lambda name, part, number, fold: events.add(part, number, fold))
    return found


def _watch_of(writers: list[_Writer], name: str, part: str) -> FoldWatch:
    def told(number: int, fold: FittedFold) -> None:
        for write in writers:
            write(name, part, number, fold)
    return told
