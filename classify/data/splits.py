"""Who trains and who is tested, so that no patient and no picture stands on both sides."""
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from classify.data.tasks import Task
from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError

PARTS = ("train", "val", "test")
# Seeds that folds may try before they are taken with a class missing somewhere, and seeds that a hold-out compares.
TRIES = 20
HOLD_TRIES = 3
# Share of the training rows kept back for early stopping, and for calibration where a given split has no val part.
STOP_SHARE = 1 / 8
VAL_SHARE = 0.15


@dataclass(frozen=True)
class Fit:
    """One model to be fitted: rows that it learns from and rows that it predicts."""

    train: Int64Array
    test: Int64Array


def components(frame: pd.DataFrame) -> Int64Array:
    """Number of the component of each row: rows linked by a group or by a duplicate, also through others.

    Parameters
    ----------
    frame : DataFrame
        Columns `group` (None = a group of its own) and `duplicate_group`. The same group name at two sites counts as
        one group: that costs a little freedom and can never leak.

    Returns
    -------
    (n,) int64
        0, 1, ... in the order of first appearance.
    """
    n = len(frame)
    rows, nodes, offset = [np.empty(0, np.int64)], [np.empty(0, np.int64)], n
    for column in ("group", "duplicate_group"):
        code, names = pd.factorize(frame[column])
        known = np.flatnonzero(code >= 0)
        rows.append(known)
        nodes.append(code[known] + offset)
        offset += len(names)
    i, j = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(offset, offset))
    return pd.factorize(connected_components(graph, directed=False)[1][:n])[0].astype(np.int64)


def make_folds(y: Int64Array, component: Int64Array, k: int, seed: int) -> Int64Array:
    """Grouped, stratified folds: of several shuffles, the first whose folds hold every class, or the best there is.

    Returns
    -------
    (n,) int64
        0..k-1; rows of one component are in one fold.
    """
    best, least = np.empty(0, np.int64), (len(y), len(y))
    for shuffle in range(seed, seed + TRIES):
        fold = _shuffled_folds(y, component, k, shuffle)
        table = np.zeros((k, y.max() + 1), np.int64)
        np.add.at(table, (fold, y), 1)
        # A class that training never sees is worse than one that a test never sees.
        faults = (int((table.sum(0) == table).sum()), int((table == 0).sum()))
        if faults < least:
            best, least = fold, faults
        if faults == (0, 0):
            break
    return best


def _shuffled_folds(y: Int64Array, component: Int64Array, k: int, seed: int) -> Int64Array:
    fold = np.full(len(y), -1, np.int64)
    with warnings.catch_warnings():
        # Fewer rows of a class than folds: make_folds counts that itself.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        for number, (_, tested) in enumerate(splitter.split(y[:, None], y, component)):
            fold[tested] = number
    return fold


def hold_out(y: Int64Array, component: Int64Array, share: float, seed: int) -> BoolArray:
    """Rows to keep back from a fit, as near as components allow to `share` and to the class balance.

    Returns
    -------
    (n,) bool
        True = kept back. All False where no choice of whole components leaves every class on both sides.
    """
    best, least = np.zeros(len(y), bool), np.inf
    counts = np.bincount(y)
    most = min(len(np.unique(component)), int(counts.max()))
    for parts, shuffle in product(sorted({round(1 / share), 5, 3, 2}, reverse=True), range(seed, seed + HOLD_TRIES)):
        if parts > most:
            continue
        fold = _shuffled_folds(y, component, parts, shuffle)
        for number in range(parts):
            kept = np.bincount(y[fold == number], minlength=len(counts))
            off = float(np.abs(kept - counts * share).sum())
            if kept.all() and (counts - kept).all() and off < least:
                best, least = fold == number, off
    return best


def leaks(frame: pd.DataFrame, component: Int64Array) -> pd.DataFrame:
    """Rows of the components that stand in more than one part of the column `split`.

    Returns
    -------
    DataFrame
        `component, row, image_id, path, group, split`, sorted by component and row.
    """
    table = frame[["image_id", "path", "group", "split"]].assign(component=component, row=np.arange(len(frame)))
    sides = table.dropna(subset=["split"]).groupby("component")["split"].nunique()
    found = table[table["component"].isin(sides.index[sides > 1]) & table["split"].notna()]
    columns = ["component", "row", "image_id", "path", "group", "split"]
    return found.sort_values(["component", "row"])[columns].reset_index(drop=True)


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
        The fold in which a row was predicted; 0 for the test part of a given split; -1 where the row is not honest.
    component : (n,) int
        Rows with the same number share a group or a picture and never part.
    leaks : DataFrame
        `component, row, image_id, path, group, split`: rows of one component on several sides of a given split.
    counts : DataFrame
        Index: classes. Columns: the parts (``train``, ``val``, ``test``) or the folds (``fold 0`` ...). Images each.
    """

    kind: str
    part: NDArray[np.object_]
    fold: Int64Array
    component: Int64Array
    leaks: pd.DataFrame
    counts: pd.DataFrame


def plan_split(frame: pd.DataFrame, task: Task, folds: int, seed: int) -> tuple[Split, tuple[str, ...]]:
    """The given split of a table, or folds where it has none.

    Returns
    -------
    split : Split
    warnings : tuple of str

    Raises
    ------
    UserError
        A class with too few images or groups, or one that training would not see.
    """
    component = components(frame)
    given = set(frame["split"][task.labelled].dropna())
    if {"train", "test"} <= given or {"train", "val"} <= given:
        return _given_split(frame, task, component, seed)
    split = _fold_split(frame, task, component, folds, seed)
    lone = tuple(f"the table knows only the split {name!r}: it was ignored and folds were made" for name in given)
    return split, _fold_warnings(split) + lone


def _fold_split(frame: pd.DataFrame, task: Task, component: Int64Array, folds: int, seed: int) -> Split:
    rows = np.flatnonzero(task.labelled)
    _check_folds(task, component, folds)
    fold = np.full(len(frame), -1, np.int64)
    fold[rows] = make_folds(task.y[rows], component[rows], folds, seed)
    assert pd.Series(fold[rows]).groupby(component[rows]).nunique().max() == 1, "a component stands in two folds"
    part = np.where(task.labelled, "fold", "unlabelled").astype(object)
    counts = _counts(task, {f"fold {i}": fold == i for i in range(folds)})
    blind = counts.index[(counts.max(axis=1) == counts.sum(axis=1))]
    if len(blind):
        raise UserError(f"all groups of the class {blind[0]!r} fall into one fold of {folds}: try another --folds or "
                        "--seed, or bring more groups of it")
    return Split("folds", part, fold, component, leaks(frame.iloc[:0], component[:0]), counts)


def _check_folds(task: Task, component: Int64Array, folds: int) -> None:
    """Refuse a class that has fewer images, or fewer independent groups, than there are folds."""
    if folds < 2:
        raise UserError(f"--folds {folds}: at least 2 are needed")
    counts = task.counts()
    groups = np.array([len(np.unique(component[task.y == c])) for c in range(len(task.classes))])
    worst = int(groups.argmin())
    name, images, least = task.classes[worst], counts[worst], groups[worst]
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


def _given_split(frame: pd.DataFrame, task: Task, component: Int64Array,
                 seed: int) -> tuple[Split, tuple[str, ...]]:
    """Train, val and test as the table has them, less the training rows that leak."""
    said: list[str] = []
    part = frame["split"].fillna("train").to_numpy(dtype=object, copy=True)
    part[~task.labelled] = "unlabelled"
    if frame["split"][task.labelled].isna().any():
        lone = int(frame["split"][task.labelled].isna().sum())
        said.append(f"{lone} labelled rows have no split: they count as train")
    if "test" not in part:
        part[part == "val"] = "test"
        said.append("the given split has no test part: val was used as test")
    found = leaks(frame.assign(split=pd.Series(part, frame.index).where(task.labelled)), component)
    removed = _remove_leaks(part, component)
    if removed:
        said.insert(0, f"{len(found)} images of {found['component'].nunique()} groups or duplicate pictures stand on "
                       f"several sides of the given split: {removed} were removed from the training side")
    if "val" not in part:
        _carve_val(part, task, component, seed)
        said.append(f"the given split has no val part: {int((part == 'val').sum())} rows of train were kept for "
                    "calibration")
    _check_parts(task, part)
    fold = np.where(part == "test", 0, -1).astype(np.int64)
    counts = _counts(task, {name: part == name for name in (*PARTS, "removed") if (part == name).any()})
    return Split("given", part, fold, component, found, counts), tuple(said)


def _remove_leaks(part: NDArray[np.object_], component: Int64Array) -> int:
    """Mark rows of train and val whose component is tested, and rows of train whose component is in val."""
    tested = np.isin(component, component[part == "test"])
    leaking = np.isin(part, ["train", "val"]) & tested
    leaking |= (part == "train") & np.isin(component, component[(part == "val") & ~tested])
    part[leaking] = "removed"
    return int(leaking.sum())


def _carve_val(part: NDArray[np.object_], task: Task, component: Int64Array, seed: int) -> None:
    rows = np.flatnonzero(part == "train")
    kept = hold_out(task.y[rows], component[rows], VAL_SHARE, seed) if len(rows) else np.zeros(0, bool)
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


def fits(split: Split) -> Sequence[Fit]:
    """The models that a split asks for: one for each fold, or one for a given split (tested on val and test)."""
    if split.kind == "given":
        return [Fit(np.flatnonzero(split.part == "train"), np.flatnonzero(np.isin(split.part, ["val", "test"])))]
    inside = split.fold >= 0
    return [Fit(np.flatnonzero(inside & (split.fold != f)), np.flatnonzero(split.fold == f))
            for f in range(split.fold.max() + 1)]
