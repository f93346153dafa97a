"""Which rows train and which are tested: the table's own split, or folds."""
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.data.folds import leaks, make_folds, split_groups, validation_mask
from classify.data.tasks import Task
from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError

PARTS = ("train", "val", "test")
# Share of the training rows of a fold that is kept back for early stopping.
STOP_SHARE = 1 / 8
# Share of the training rows that is kept back for calibration where a given split has no val part.
VAL_SHARE = 0.15


@dataclass(frozen=True)
class TrainTestIndices:
    """Row numbers of one model.

    Parameters
    ----------
    train : (t,) int64
        Rows that the model learns from.
    test : (m,) int64
        Rows that it predicts.
    """

    train: Int64Array
    test: Int64Array


@dataclass(frozen=True)
class Split:
    """Which rows trained, and which were kept back.

    Parameters
    ----------
    kind : str
        ``folds`` (grouped, stratified K-fold) or ``given`` (the table's own column `split`).
    part : (n,) object
        ``train``, ``val``, ``test`` of a given split, ``fold`` for a row of the K folds, ``unlabelled``, or ``removed``
        for a training row whose group or duplicate stands on the tested side.
    fold : (n,) int
        The fold in which a row was predicted; 0 for the test part of a given split; -1 where the row was not held out.
    split_group : (n,) int
        Rows with the same number share a group or a picture and stay on the same side.
    leaks : DataFrame
        `split_group, row, image_id, path, group, split`: rows of one split group on several sides of a given split.
    counts : DataFrame
        Index: classes. Columns: the parts (``train``, ``val``, ``test``) or the folds (``fold 0`` ...). Images each.
    """

    kind: str
    part: NDArray[np.object_]
    fold: Int64Array
    split_group: Int64Array
    leaks: pd.DataFrame
    counts: pd.DataFrame


def plan_split(frame: pd.DataFrame, task: Task, folds: int, seed: int,
               drop_leaks: bool = False) -> tuple[Split, tuple[str, ...]]:
    """The given split of a table, or folds where it has none.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Columns `image_id, path, group, split, duplicate_group`.
    task : Task
    folds : int
        Where the table has no split of its own.
    seed : int
    drop_leaks : bool
        Rows of a named group that stands in several parts of a given split leave its training side; else they are
        refused. Duplicate pictures always leave it.

    Returns
    -------
    split : Split
    warnings : tuple of str

    Raises
    ------
    UserError
        A class with too few images or groups, or one that training would not see; a group in several given parts.
    """
    split_group = split_groups(frame)
    given = set(frame["split"][task.labelled].dropna())
    if {"train", "test"} <= given or {"train", "val"} <= given:
        return _given_split(frame, task, split_group, seed, drop_leaks)
    split = _fold_split(frame, task, split_group, folds, seed)
    lone = tuple(f"the table knows only the split {name!r}: it was ignored and folds were made" for name in given)
    return split, _fold_warnings(split) + lone


def _fold_split(frame: pd.DataFrame, task: Task, split_group: Int64Array, folds: int, seed: int) -> Split:
    rows = np.flatnonzero(task.labelled)
    _check_folds(task, split_group, folds)
    fold = np.full(len(frame), -1, np.int64)
    fold[rows] = make_folds(task.y[rows], split_group[rows], folds, seed)
    assert pd.Series(fold[rows]).groupby(split_group[rows]).nunique().max() == 1, "a split group stands in two folds"
    part = np.where(task.labelled, "fold", "unlabelled").astype(object)
    counts = _counts(task, {f"fold {i}": fold == i for i in range(folds)})
    in_one_fold = counts.index[(counts.max(axis=1) == counts.sum(axis=1))]
    if len(in_one_fold):
        raise UserError(f"all groups of the class {in_one_fold[0]!r} fall into one fold of {folds}: try another "
                        "--folds or --seed, or bring more groups of it")
    return Split("folds", part, fold, split_group, leaks(frame.iloc[:0], split_group[:0]), counts)


def _check_folds(task: Task, split_group: Int64Array, folds: int) -> None:
    """Refuse a class that has fewer images, or fewer independent groups, than there are folds."""
    if folds < 2:
        raise UserError(f"--folds {folds}: at least 2 are needed")
    counts = task.counts()
    groups = np.array([len(np.unique(split_group[task.y == c])) for c in range(len(task.classes))])
    rarest = int(groups.argmin())
    name, images, least = task.classes[rarest], counts[rarest], groups[rarest]
    if least >= folds:
        return
    what = f"{images} images" if least == images else f"{images} images in {least} independent groups"
    if least < 2:
        raise UserError(f"the class {name!r} has {what}: at least 2 are needed to test what was not trained on; bring "
                        "more or leave the class out")
    raise UserError(f"the class {name!r} has {what}, fewer than --folds {folds}: use --folds {least} or bring more")


def _fold_warnings(split: Split) -> tuple[str, ...]:
    empty = [(c, f) for f in split.counts.columns for c in split.counts.index if split.counts.loc[c, f] == 0]
    if not empty:
        return ()
    name, fold = empty[0]
    return (f"{len(empty)} times a fold lacks a class (the first: {name!r} in {fold}): groups are too few or too "
            "unequal to spread every class over all folds",)


def _given_split(frame: pd.DataFrame, task: Task, split_group: Int64Array, seed: int,
                 drop_leaks: bool) -> tuple[Split, tuple[str, ...]]:
    """Train, val and test as the table has them, less the training rows that leak."""
    notes: list[str] = []
    part = frame["split"].fillna("train").to_numpy(dtype=object, copy=True)
    part[~task.labelled] = "unlabelled"
    if frame["split"][task.labelled].isna().any():
        lone = int(frame["split"][task.labelled].isna().sum())
        notes.append(f"{lone} labelled rows have no split: they count as train")
    if "test" not in part:
        part[part == "val"] = "test"
        notes.append("the given split has no test part: val was used as test")
    if not drop_leaks:
        _check_groups(frame["group"], part)
    found = leaks(frame.assign(split=pd.Series(part, frame.index).where(task.labelled)), split_group)
    removed = _remove_leaks(part, split_group)
    if removed:
        notes.insert(0, f"{len(found)} images of {found['split_group'].nunique()} groups or duplicate pictures stand "
                        f"on several sides of the given split: {removed} were removed from the training side")
    if "val" not in part:
        _carve_val(part, task, split_group, seed)
        notes.append(f"the given split has no val part: {int((part == 'val').sum())} rows of train were kept for "
                     "calibration")
    _check_parts(task, part)
    fold = np.where(part == "test", 0, -1).astype(np.int64)
    counts = _counts(task, {name: part == name for name in (*PARTS, "removed") if (part == name).any()})
    return Split("given", part, fold, split_group, found, counts), tuple(notes)


def _check_groups(group: pd.Series, part: NDArray[np.object_]) -> None:
    """Refuse a named group, such as a patient, whose labelled rows stand in several parts."""
    rows = group.notna().to_numpy() & (part != "unlabelled")
    parts_of = pd.Series(part[rows]).groupby(group[rows].to_numpy()).unique()
    shared = parts_of[parts_of.map(len) > 1]
    if shared.empty:
        return
    sides = " and ".join(name for name in PARTS if name in shared.iloc[0])
    number = "a group stands" if len(shared) == 1 else f"{len(shared)} groups stand"
    raise UserError(f"{number} in several parts of the given split, the first {str(shared.index[0])!r} in {sides}: a "
                    "group, such as a patient, belongs in one part; correct the split, or give --drop-leaks to leave "
                    "its images out of the training side")


def _remove_leaks(part: NDArray[np.object_], split_group: Int64Array) -> int:
    """Mark rows of train and val whose split group is tested, and rows of train whose split group is in val."""
    tested = np.isin(split_group, split_group[part == "test"])
    leaking = np.isin(part, ["train", "val"]) & tested
    leaking |= (part == "train") & np.isin(split_group, split_group[(part == "val") & ~tested])
    part[leaking] = "removed"
    return int(leaking.sum())


def _carve_val(part: NDArray[np.object_], task: Task, split_group: Int64Array, seed: int) -> None:
    rows = np.flatnonzero(part == "train")
    kept = validation_mask(task.y[rows], split_group[rows], VAL_SHARE, seed) if len(rows) else np.zeros(0, bool)
    if not kept.any():
        raise UserError("the given split has no val part, and train has too few groups of some class to make one: add "
                        "a val part or more groups")
    part[rows[kept]] = "val"


def _check_parts(task: Task, part: NDArray[np.object_]) -> None:
    for name in ("train", "val"):
        counts = task.counts(part == name)
        if not counts.all():
            lost = task.classes[int(counts.argmin())]
            raise UserError(f"the class {lost!r} has no image in the part {name!r} of the given split"
                            f"{' (leaking rows removed)' if (part == 'removed').any() else ''}: every class is needed "
                            "there")
    if task.counts(part == "test").sum() == 0:
        raise UserError("the test part of the given split has no labelled row: nothing could be measured")


def _counts(task: Task, sides: dict[str, BoolArray]) -> pd.DataFrame:
    return pd.DataFrame({name: task.counts(rows) for name, rows in sides.items()}, index=list(task.classes))


def iter_splits(split: Split) -> tuple[TrainTestIndices, ...]:
    """The models that a split asks for: one for each fold, or one for a given split (tested on val and test)."""
    if split.kind == "given":
        tested = np.isin(split.part, ["val", "test"])
        return (TrainTestIndices(np.flatnonzero(split.part == "train"), np.flatnonzero(tested)),)
    inside = split.fold >= 0
    return tuple(TrainTestIndices(np.flatnonzero(inside & (split.fold != f)), np.flatnonzero(split.fold == f))
                 for f in range(split.fold.max() + 1))
