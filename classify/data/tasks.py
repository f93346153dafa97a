"""What is to be predicted: the kind of task, its classes and the label of every row as a number.

A new kind is one more branch in `resolve_task`, `classify.evaluate.metrics.scores` and
`classify.uncertainty.calibrate.logits`.
"""
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.lineage import Lineage
from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo

# Kinds of a table with one label a row.
KINDS = ("binary", "multiclass", "ordinal")
# Classes that an error names.
NAMED_CLASSES = 5
# Unicode categories of letters that neither a page nor a csv file can hold: controls, halves of surrogates.
_UNWRITABLE = ("Cc", "Cs")


@dataclass(frozen=True)
class Task:
    """What is to be predicted from a table.

    Parameters
    ----------
    kind : str
        ``binary``, ``multiclass`` or ``ordinal``.
    classes : tuple of str
        Ordinal: from the lowest stage to the highest. Otherwise sorted as numbers where all of them are whole numbers,
        as text where they are not.
    y : (n,) int64
        Position in `classes`; -1 = unlabelled.
    lineage : Lineage or None
        Branches of the classes.
    """

    kind: str
    classes: tuple[str, ...]
    y: Int64Array
    lineage: Lineage | None = None

    @property
    def ordered(self) -> bool:
        """Whether the classes are stages, from the lowest to the highest."""
        return self.kind == "ordinal"

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
        ``auto``: binary for two classes, multiclass for more, ordinal where an order is given. ``multiclass`` and
        ``ordinal`` of two classes are binary.
    order : sequence of str
        All classes, from the lowest stage to the highest.

    Raises
    ------
    UserError
        An unknown task; no label, one class only, a class name with ``|`` in it; an ordinal task without an order, or
        an order that is not one of all classes.
    """
    if name not in ("auto", *KINDS, "multilabel"):
        raise UserError(f"--task {name} is unknown: choose auto, {', '.join(KINDS)} or multilabel")
    if name == "multiclass" and order:
        raise UserError("--order is for ordered stages, and --task multiclass has none: leave one of them out")
    if info.label_columns:
        raise UserError(f"the table has several labels a row ({', '.join(info.label_columns)}): they are the task "
                        "multilabel (--task auto takes it, in Python `classify.train_findings`); for one label run "
                        "`python cli.py featurize` again with one --label-column")
    classes, y = encode(frame["label"])
    _check_classes(classes, y, name)
    if name == "ordinal" and not order:
        raise UserError("--task ordinal needs the stages in their order: add --order with all classes from the lowest "
                        f"to the highest; the table has {','.join(classes)}")
    if order:
        classes, y = _in_order(classes, y, order)
    if len(classes) == 2:
        return Task("binary", classes, y)
    return Task("ordinal" if order else "multiclass", classes, y)


def is_class_name(name: str) -> bool:
    """Whether predictions.csv and the pages can hold a class of this name.

    >>> is_class_name("AML"), is_class_name("a|b"), is_class_name(" a"), is_class_name("a\\rb")
    (True, False, False, False)
    """
    return bool(name) and "|" not in name and name == name.strip() and not any(
        unicodedata.category(letter) in _UNWRITABLE for letter in name)


def _in_order(classes: tuple[str, ...], y: Int64Array, order: Sequence[str]) -> tuple[tuple[str, ...], Int64Array]:
    """Classes and labels in a given order."""
    at = encode_as(pd.Series(list(order), dtype=object), classes)
    wanted = f"all classes, each once, from the lowest to the highest; the table has {','.join(classes)}"
    unknown = [given for given, place in zip(order, at) if place < 0]
    if unknown:
        raise UserError(f"--order names {unknown[0]!r}, which no row of the table has: give {wanted}")
    twice = [classes[place] for place in at if (at == place).sum() > 1]
    if twice:
        raise UserError(f"--order names {twice[0]!r} {twice.count(twice[0])} times: give {wanted}")
    missed = [name for place, name in enumerate(classes) if place not in at]
    if missed:
        raise UserError(f"--order leaves out {', '.join(map(repr, missed[:NAMED_CLASSES]))}: give {wanted}")
    rank = np.argsort(at)
    return tuple(classes[place] for place in at), np.where(y < 0, -1, rank[y])


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
    unwritable = [c for c in classes if not is_class_name(c)]
    if unwritable:
        raise UserError(f"the class name {unwritable[0]!r} is empty or holds '|', outer blanks or control characters, "
                        "which predictions.csv or the pages cannot write: rename the class")
