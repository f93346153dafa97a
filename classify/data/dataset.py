"""A table ready for training: its rows, the features a model may use, the task and the split."""
from dataclasses import dataclass, replace

import pandas as pd

from classify.data.columns import check_columns, matrix, model_columns, useful_columns
from classify.data.costs import CostMatrix, read_costs
from classify.data.expert_words import Subject, read_words
from classify.data.lineage import read_lineage
from classify.data.splits import Split, plan_split
from classify.data.tasks import Task, resolve_task
from classify.settings import TrainSettings
from featurize.table import TableInfo


@dataclass(frozen=True)
class Dataset:
    """What a training run reads; n rows, d features.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        The whole table, RangeIndex.
    info : TableInfo
        How the table was made.
    x : (n, d) DataFrame of float32
        The features that the model is offered.
    task : Task
    split : Split
    costs : CostMatrix or None
        What wrong answers cost.
    words : tuple of Subject
        What experts said about the images; empty where nothing was given.
    """

    frame: pd.DataFrame
    info: TableInfo
    x: pd.DataFrame
    task: Task
    split: Split
    costs: CostMatrix | None = None
    words: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class PreparationWarnings:
    """Whole sentences.

    Parameters
    ----------
    split, columns : tuple of str
        About the division into folds or parts, and about columns that were left out.
    notes : tuple of str
        What was done and is nothing unusual: for the report, not for the terminal.
    """

    split: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def prepare(frame: pd.DataFrame, info: TableInfo, settings: TrainSettings) -> tuple[Dataset, PreparationWarnings]:
    """Check a table, resolve its task, divide its rows and choose its features.

    Raises
    ------
    UserError
        A table that nothing can be learned from, or settings that do not suit it.
    """
    check_columns(frame, info)
    frame = numbered(frame)
    task = resolve_task(frame, info, settings.task, settings.order)
    if settings.lineage:
        task = replace(task, lineage=read_lineage(settings.lineage, task.classes))
    costs = read_costs(settings.costs, task.classes) if settings.costs else None
    words = read_words(settings.words, frame) if settings.words else ()
    split, split_warnings = plan_split(frame, task, settings.folds, settings.seed, settings.drop_leaks)
    x = matrix(frame, model_columns(info))
    columns, column_warnings, notes = useful_columns(x, split.part != "unlabelled")
    if len(columns) < x.shape[1]:
        x = x[columns]
        frame = sharing(frame, x)
    data = Dataset(frame, info, x, task, split, costs, words)
    return data, PreparationWarnings(split_warnings, column_warnings, notes)


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with rows 0, 1, ...; itself, not a copy, where they are."""
    index = frame.index
    usual = isinstance(index, pd.RangeIndex) and index.equals(pd.RangeIndex(len(frame)))
    return frame if usual else frame.reset_index(drop=True)


def sharing(frame: pd.DataFrame, x: pd.DataFrame) -> pd.DataFrame:
    """A table with the memory of `x` for its columns, and copies of its others: the table that came can be let go."""
    others = frame[[name for name in frame.columns if name not in x.columns]]
    with pd.option_context("mode.copy_on_write", True):
        return pd.concat([others, x], axis=1)[list(frame.columns)]
