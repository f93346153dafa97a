"""One division of the rows for all findings: patients stay together, and every finding is spread over all parts."""
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from classify.data.folds import split_groups
from classify.data.splits import PARTS, VAL_SHARE, Split, plan_split
from classify.data.tasks import Task
from classify.findings.tables import Findings
from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError

# Stratum of a row without any finding that is spread by itself.
OTHER = "others"


@dataclass(frozen=True)
class PartShares:
    """How much a part that is drawn by group must hold.

    Parameters
    ----------
    share : float
        Least share of the labelled images, 0..1.
    positives : float
        Least share of the images with each finding, 0..1.
    """

    share: float
    positives: float


def with_test_part(frame: pd.DataFrame, findings: Findings, asked: PartShares, seed: int) -> pd.DataFrame:
    """The table with a column `split` of its own: whole groups go to test, then to val, the rest to train.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Columns `group`, `duplicate_group`.
    findings : Findings
        Of the n rows.
    asked : PartShares
        The val part is made in the same way from what is left, with the share that `classify` keeps for calibration.
    seed : int

    Raises
    ------
    UserError
        Shares that cannot be met.
    """
    if not (0 < asked.share < 1 and 0 <= asked.positives < 1):
        raise UserError(f"--test-share {asked.share:g} and --test-positives {asked.positives:g}: shares between 0 and "
                        "1 are wanted, such as 0.2 and 0.1")
    if frame["split"].notna().any():
        raise UserError("--test-share was given, but the table has a split of its own: leave the option out, or "
                        "put the images into one folder")
    group = split_groups(frame)
    part = np.full(len(frame), None, dtype=object)
    part[findings.labelled] = "train"
    rng = np.random.default_rng(seed)
    for name, wanted in (("test", asked), ("val", PartShares(VAL_SHARE, VAL_SHARE))):
        free = part == "train"
        part[_drawn_groups(findings, group, free, wanted, rng)] = name
    if not (part == "train").any():
        raise UserError(f"--test-share {asked.share:g} leaves no image to train on: {len(np.unique(group))} groups are "
                        "too few or too large; ask for less")
    return frame.assign(split=part)


def _drawn_groups(findings: Findings, group: Int64Array, free: BoolArray, wanted: PartShares,
                  rng: np.random.Generator) -> BoolArray:
    """(n,) rows of groups drawn until every finding, the rarest first, and all rows together have their share."""
    drawn = np.zeros(len(group), bool)
    positives = findings.positives(free)
    for at in np.argsort(positives, kind="stable"):
        has = free & (findings.truth[:, at] == 1)
        for number in rng.permutation(np.unique(group[has])):
            if (drawn & has).sum() >= wanted.positives * positives[at]:
                break
            drawn |= free & (group == number)
    for number in rng.permutation(np.unique(group[free])):
        if drawn.sum() >= wanted.share * free.sum():
            break
        drawn |= free & (group == number)
    return drawn


def shared_split(frame: pd.DataFrame, findings: Findings, folds: int, seed: int,
                 drop_leaks: bool = False) -> tuple[Split, tuple[str, ...]]:
    """The table's own split, or folds in which every finding is spread evenly.

    A row belongs to the stratum of its rarest finding, as rare findings are the hardest to spread. Findings of fewer
    groups than folds have no stratum.

    Raises
    ------
    UserError
        As `classify.data.splits.plan_split`.
    """
    given = frame["split"][findings.labelled].notna().any()
    strata = _any_finding(findings) if given else _rarest_finding(findings, split_groups(frame), folds)
    return plan_split(frame, strata, folds, seed, drop_leaks)


def _any_finding(findings: Findings) -> Task:
    present = (findings.truth == 1).any(axis=1)
    return Task("binary", (OTHER, "any finding"), np.where(findings.labelled, present.astype(np.int64), -1))


def _rarest_finding(findings: Findings, group: Int64Array, folds: int) -> Task:
    y = np.where(findings.labelled, 0, -1)
    classes = [OTHER]
    for at in np.argsort(-findings.positives(), kind="stable"):
        has = findings.truth[:, at] == 1
        if len(np.unique(group[has])) >= folds:
            y[has] = len(classes)
            classes.append(findings.names[at])
    return _without_small_strata(Task("multiclass", tuple(classes), y.astype(np.int64)), group, folds)


def _without_small_strata(task: Task, group: Int64Array, folds: int) -> Task:
    """Strata that rarer findings emptied below the number of folds join the others, those without images vanish."""
    y, kept = task.y.copy(), []
    for c in range(1, len(task.classes)):
        if len(np.unique(group[y == c])) < folds:
            y[y == c] = 0
        else:
            kept.append(c)
    if 0 < len(np.unique(group[y == 0])) < folds and kept:
        y[y == 0] = kept[0]
    order = [c for c in (0, *kept) if (y == c).any()]
    number = np.full(len(task.classes) + 1, -1, np.int64)
    number[order] = np.arange(len(order))
    return Task(task.kind, tuple(task.classes[c] for c in order), number[y])


def split_of(shared: Split, task: Task) -> Split:
    """The shared division for one finding: rows where it is unknown are in no part."""
    unknown = ~task.labelled
    part, fold = shared.part.copy(), np.where(unknown, -1, shared.fold)
    part[unknown] = "unlabelled"
    sides = {f"fold {i}": fold == i for i in range(int(fold.max()) + 1)} if shared.kind == "folds" else \
        {name: part == name for name in (*PARTS, "removed") if (part == name).any()}
    counts = pd.DataFrame({name: task.counts(rows) for name, rows in sides.items()}, index=list(task.classes))
    return replace(shared, part=part, fold=fold, counts=counts)
