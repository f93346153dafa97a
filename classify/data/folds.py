"""Split groups, and divisions of rows that respect them.

Rows that share a patient or a picture form one *split group*. All of its rows stay on the same side of a division.
"""
import threading
import warnings

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from featurize.arrays import BoolArray, Int64Array

# Fewer independent split groups than this are "few": training takes a fixed number of boosting rounds, `auto`
# calibration keeps the trees' own probabilities, and a warning says that the bootstrap's intervals are too narrow.
# leukemia_cnmc, on which training with few groups was measured (see classify/fitting/crossfit.py), has nine groups.
FEW_SPLIT_GROUPS = 10
# Groups of equal composition are dealt out to the folds where every row is a group of its own, and from this number of
# groups on where none holds more than this share of a fold. The greedy search of scikit-learn, which fewer or unequal
# groups need, takes .3 ms a group: 20 s for the validation rows of 10,000 images.
MANY_SPLIT_GROUPS = 100
LARGEST_SHARE = 0.05
# Shuffles of the folds that are compared before a class may be missing from a fold.
FOLD_SHUFFLES = 20
# Shuffles that are compared to find validation rows, for each number of parts.
VALIDATION_SHUFFLES = 3
# Numbers of parts that are tried for validation rows besides 1 / share: with few groups only coarse parts hold every
# class.
COARSE_PARTS = (5, 3, 2)
# The filters of warnings belong to the whole process: threads that fit folds side by side take turns with them.
_FILTERS = threading.Lock()


def split_groups(frame: pd.DataFrame) -> Int64Array:
    """Split group of each row: rows linked by a group or by a duplicate picture, directly or through other rows.

    Parameters
    ----------
    frame : DataFrame
        Columns `group` (None = a group of its own) and `duplicate_group`. The same group name at two sites counts as
        one group: folds are then a little less free, but nothing can leak.

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


def make_folds(y: Int64Array, split_group: Int64Array, k: int, seed: int) -> Int64Array:
    """Grouped, stratified folds: the first of several shuffles whose folds hold every class, or the best of them.

    Parameters
    ----------
    y : (n,) int64
        Classes, 0..K-1.
    split_group : (n,) int64
    k : int
        Number of folds.
    seed : int
        The first shuffle's; the next shuffles take the next seeds.

    Returns
    -------
    (n,) int64
        0..k-1; rows of one split group are in one fold.
    """
    best, least = np.empty(0, np.int64), (len(y), len(y))
    for shuffle in range(seed, seed + FOLD_SHUFFLES):
        fold = _shuffled_folds(y, split_group, k, shuffle)
        table = np.zeros((k, y.max() + 1), np.int64)
        np.add.at(table, (fold, y), 1)
        # A class that training never sees is worse than one that a test never sees.
        faults = (int((table.sum(0) == table).sum()), int((table == 0).sum()))
        if faults < least:
            best, least = fold, faults
        if faults == (0, 0):
            break
    return best


def _shuffled_folds(y: Int64Array, split_group: Int64Array, k: int, seed: int) -> Int64Array:
    fold = np.full(len(y), -1, np.int64)
    names, group = np.unique(split_group, return_inverse=True)
    largest = int(np.bincount(group).max())
    if largest == 1 or len(names) >= MANY_SPLIT_GROUPS and largest * k <= LARGEST_SHARE * len(y):
        return _dealt_out(y, group, k, seed)
    with _FILTERS, warnings.catch_warnings():
        # scikit-learn warns of fewer rows of a class than folds; make_folds counts that itself.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        for number, (_, tested) in enumerate(splitter.split(y[:, None], y, split_group)):
            fold[tested] = number
    return fold


def _dealt_out(y: Int64Array, group: Int64Array, k: int, seed: int) -> Int64Array:
    """Folds of many small groups 0..G-1: those with the same number of rows of each class go to all folds in turn."""
    rows_of = np.zeros((group.max() + 1, y.max() + 1), np.int64)
    np.add.at(rows_of, (group, y), 1)
    kind = np.unique(rows_of, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.random.default_rng(seed).permutation(len(kind))
    order = order[np.argsort(kind[order], kind="stable")]
    fold_of = np.empty(len(kind), np.int64)
    fold_of[order] = np.arange(len(kind)) % k
    return fold_of[group]


def validation_mask(y: Int64Array, split_group: Int64Array, share: float, seed: int) -> BoolArray:
    """Training rows to keep back for validation, as near to `share` and to the class balance as split groups allow.

    Parameters
    ----------
    y : (n,) int64
        Classes, 0..K-1.
    split_group : (n,) int64
    share : float
        Wanted share of the rows, 0..1.
    seed : int

    Returns
    -------
    (n,) bool
        True = kept back. All False where no choice of whole split groups leaves every class on both sides.
    """
    best, least = np.zeros(len(y), bool), np.inf
    counts = np.bincount(y)
    most = min(len(np.unique(split_group)), int(counts.max()))
    divisions = sorted({round(1 / share), *COARSE_PARTS}, reverse=True)
    for parts in divisions:
        if parts > most or best.any():
            # Coarser parts are farther from the share: they are for groups that finer ones do not divide.
            continue
        for shuffle in range(seed, seed + VALIDATION_SHUFFLES):
            fold = _shuffled_folds(y, split_group, parts, shuffle)
            for number in range(parts):
                kept = np.bincount(y[fold == number], minlength=len(counts))
                off = float(np.abs(kept - counts * share).sum())
                if kept.all() and (counts - kept).all() and off < least:
                    best, least = fold == number, off
    return best


def leaks(frame: pd.DataFrame, split_group: Int64Array) -> pd.DataFrame:
    """Rows whose split group stands in more than one part of the column `split`.

    Returns
    -------
    DataFrame
        `split_group, row, image_id, path, group, split`, sorted by split group and row.
    """
    table = frame[["image_id", "path", "group", "split"]].assign(split_group=split_group, row=np.arange(len(frame)))
    sides = table.dropna(subset=["split"]).groupby("split_group")["split"].nunique()
    found = table[table["split_group"].isin(sides.index[sides > 1]) & table["split"].notna()]
    columns = ["split_group", "row", "image_id", "path", "group", "split"]
    return found.sort_values(["split_group", "row"])[columns].reset_index(drop=True)
