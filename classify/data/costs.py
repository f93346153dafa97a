"""What wrong answers cost: a matrix of classes, read from a CSV, and the answers of least expected cost.

The first column and the header name the classes, rows are the true class, columns what it is called:

    ,benign,malignant
    benign,0,1
    malignant,10,0
"""
import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from classify.data.tasks import NAMED_CLASSES, encode_as
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError, shown

# Expected costs that differ by less than this share of the largest cost are equal: rounding errors of their sums.
EQUAL = 1e-12


@dataclass(frozen=True)
class CostMatrix:
    """What calling one class another costs.

    Parameters
    ----------
    values : tuple of K tuples of K float
        Row = true class, column = called class, in the order of the task's classes; 0 on the diagonal.
    """

    values: tuple[tuple[float, ...], ...]

    @property
    def matrix(self) -> Float64Array:
        """(K, K)"""
        return np.array(self.values, dtype=np.float64)

    def expected(self, p: Float64Array) -> Float64Array:
        """(n, K) expected cost of calling each row each class, from its (n, K) probabilities."""
        return np.asarray(p @ self.matrix)

    def decide(self, p: Float64Array) -> Int64Array:
        """(n,) class of least expected cost (Elkan 2001, IJCAI 17:973); of equal ones the most probable.

        A miss of the second class costs ten times a false alarm, so that 10 % are enough to call it:

        >>> CostMatrix(((0, 1), (10, 0))).decide(np.array([[.88, .12], [.95, .05]])).tolist()
        [1, 0]
        """
        expected = self.expected(p)
        least = expected <= expected.min(axis=1, keepdims=True) + EQUAL * self.matrix.max()
        return np.asarray(np.where(least, p, -1).argmax(axis=1), dtype=np.int64)


def read_costs(path: Path | str, classes: Sequence[str]) -> CostMatrix:
    """A cost matrix for the classes of a table, in their order.

    Parameters
    ----------
    path : Path or str
        CSV with commas, semicolons or tabs.
    classes : sequence of str
        All of them must stand once in the first column and once in the header, in any order.

    Raises
    ------
    UserError
        The file cannot be read, misses a class, names one twice or an unknown one, is not square, or holds a cost that
        is no number of 0 or more, one other than 0 on the diagonal, or nothing but 0.
    """
    rows = _rows(Path(path))
    called, true = [cell.strip() for cell in rows[0][1:]], [row[0].strip() for row in rows[1:]]
    columns, order = _places(called, classes, path, "header"), _places(true, classes, path, "first column")
    ragged = next((row for row in rows[1:] if len(row) != len(rows[0])), None)
    if ragged is not None:
        raise UserError(f"--costs {path}: the row {shown(ragged[0])} has {len(ragged) - 1} costs, the header names "
                        f"{len(called)} classes: give a cost for each")
    values = [[_cost(rows[1 + at][1 + to], classes[c], classes[k], path) for k, to in enumerate(columns)]
              for c, at in enumerate(order)]
    if not any(map(any, values)):
        raise UserError(f"--costs {path}: all costs are 0: say what it costs to call one class another")
    return CostMatrix(tuple(map(tuple, values)))


def _rows(path: Path) -> list[list[str]]:
    """The cells of a CSV; empty lines are left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise UserError(f"--costs {path} cannot be read ({why}): give a CSV whose first column and header name the "
                        "classes, rows being the true class") from error
    separator = max(",;\t", key=text.partition("\n")[0].count)
    decimal = "." if separator == "," else ","
    cells = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(cell.strip() for cell in row)]
    if len(cells) < 2:
        raise UserError(f"--costs {path} holds no matrix: a header with the called classes and a row for each true "
                        "class were wanted")
    return [[row[0], *(cell.replace(decimal, ".") for cell in row[1:])] if at else row for at, row in enumerate(cells)]


def _places(names: Sequence[str], classes: Sequence[str], path: Path | str, where: str) -> list[int]:
    """Where each class of the table stands among the names of a header or a first column."""
    found = encode_as(pd.Series(list(names), dtype=object), tuple(classes))
    unknown = [name for name, c in zip(names, found) if c < 0]
    if unknown:
        raise UserError(f"--costs {path}: the {where} names {shown(unknown[0])}, the table has "
                        f"{', '.join(classes)}: write the classes as the table does")
    missed = [name for c, name in enumerate(classes) if c not in found]
    if missed:
        raise UserError(f"--costs {path}: the {where} misses {', '.join(map(repr, missed[:NAMED_CLASSES]))}: name "
                        "every class of the table once")
    twice = [classes[c] for c in found if (found == c).sum() > 1]
    if twice:
        raise UserError(f"--costs {path}: the {where} names {twice[0]!r} twice: name every class of the table once")
    return [int(np.flatnonzero(found == c)[0]) for c in range(len(classes))]


def _cost(cell: str, true: str, called: str, path: Path | str) -> float:
    where = f"--costs {path}: the cost of calling {true!r} {called!r} is {shown(cell.strip())}"
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: a number was wanted")
    if value < 0:
        raise UserError(f"{where}: a cost of 0 or more was wanted")
    if value and true == called:
        raise UserError(f"{where}: the right answer costs 0")
    return value
