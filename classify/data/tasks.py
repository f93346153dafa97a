"""What is to be predicted: the kind of task, its classes and the label of every row as a number.

A new kind is one more branch in `resolve_task`, `classify.evaluate.metrics.scores` and
`classify.uncertainty.calibrate.logits`.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo

# Kinds that exist, and kinds that have an option but do not exist yet.
BUILT = ("binary", "multiclass")
PLANNED = ("ordinal", "hierarchical")
# Classes that an error names.
NAMED_CLASSES = 5


@dataclass(frozen=True)
class Task:
    """What is to be predicted from a table.

    Parameters
    ----------
    kind : str
        ``binary`` or ``multiclass``.
    classes : tuple of str
        In order: sorted as numbers where all of them are whole numbers, as text otherwise.
    y : (n,) int64
        Position in `classes`; -1 = unlabelled.
    """

    kind: str
    classes: tuple[str, ...]
    y: Int64Array

    @property
    def labelled(self) -> BoolArray:
        """(n,) bool."""
        return self.y >= 0

    def counts(self, rows: BoolArray | None = None) -> Int64Array:
        """(K,) images of each class, among the rows of a mask if one is given."""
        y = self.y if rows is None else self.y[rows]
        return np.bincount(y[y >= 0], minlength=len(self.classes))


def resolve_task(frame: pd.DataFrame, info: TableInfo, name: str = "auto", order: Sequence[str] = ()) -> Task:
    """The task of a table, as the user asks for it.

    Parameters
    ----------
    frame, info
        A table with the column `label`; None = unlabelled.
    name : str
        ``auto``: binary for two classes, multiclass for more. ``multiclass`` of two classes is binary.
    order : sequence of str
        For ordinal tasks.

    Raises
    ------
    UserError
        An unknown task or one that is not built yet; no label, one class only, a class name with ``|`` in it.
    """
    if name not in ("auto", *BUILT, *PLANNED, "multilabel"):
        raise UserError(f"--task {name} is unknown: choose auto, {', '.join(BUILT)}")
    if name in PLANNED or order:
        asked = name if name in PLANNED else "ordinal (asked for by --order)"
        raise UserError(f"the task {asked} is not built yet: choose --task auto, {' or '.join(BUILT)}")
    if info.label_columns:
        raise UserError(f"the table has several labels a row ({', '.join(info.label_columns)}): they are the task "
                        "multilabel (--task auto takes it, in Python `classify.train_findings`); for one label run "
                        "`python cli.py featurize` again with one --label-column")
    classes, y = encode(frame["label"])
    _check_classes(classes, y, name)
    return Task("binary" if len(classes) == 2 else "multiclass", classes, y)


def encode(labels: pd.Series) -> tuple[tuple[str, ...], Int64Array]:
    """Class names in order, and the position of each label among them (-1 = missing)."""
    text = [None if pd.isna(v) else str(v) for v in labels]
    names = {v for v in text if v is not None}
    numeric = all(v.lstrip("+-").isdecimal() for v in names)
    classes = tuple(sorted(names, key=lambda v: (int(v), v) if numeric else (0, v)))
    position = {v: i for i, v in enumerate(classes)}
    return classes, np.array([-1 if v is None else position[v] for v in text], dtype=np.int64)


def encode_as(labels: pd.Series, classes: Sequence[str]) -> Int64Array:
    """(n,) position of each label among given classes; -1 = missing or none of them.

    Spellings of one number are one label: ``1``, ``1.0`` and ``01``, as programs that write tables make them.

    >>> encode_as(pd.Series(["0.0", "1", "2", None]), ("0", "1.0")).tolist()
    [0, 1, -1, -1]
    """
    position = {name: at for at, name in enumerate(classes)}
    as_number: dict[float | None, int] = {}
    for at, name in enumerate(classes):
        number = _number(name)
        if number is not None:
            # Of classes that differ by their spelling only, the spelling decides.
            as_number[number] = -1 if number in as_number else at
    found = [-1 if pd.isna(v) else position.get(str(v), as_number.get(_number(str(v)), -1)) for v in labels]
    return np.array(found, dtype=np.int64)


def _number(name: str) -> float | None:
    """The number that a class name spells in digits, or None."""
    digits = name.removeprefix("-").replace(".", "", 1)
    return float(name) if digits.isdecimal() and digits.isascii() else None


def _check_classes(classes: tuple[str, ...], y: Int64Array, name: str) -> None:
    if not classes:
        raise UserError(f"none of the {len(y)} rows has a label: put the images into a folder per class, or name a CSV "
                        "with --labels and run `python cli.py featurize` again")
    if len(classes) == 1:
        raise UserError(f"all {(y == 0).sum()} labelled rows are {classes[0]!r}: at least two classes are needed")
    if name == "binary" and len(classes) > 2:
        some = ", ".join(classes[:NAMED_CLASSES]) + (", ..." if len(classes) > NAMED_CLASSES else "")
        raise UserError(f"--task binary needs two classes, the table has {len(classes)} ({some}): choose --task "
                        "multiclass")
    unwritable = [c for c in classes if "|" in c or c != c.strip() or not c]
    if unwritable:
        raise UserError(f"the class name {unwritable[0]!r} is empty or holds '|' or outer blanks, which "
                        "predictions.csv cannot write: rename the class")
