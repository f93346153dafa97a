"""Texts of others in a CSV: names of files and labels are never a formula, and never end a row; small CSVs read."""
import io
import re
import warnings
from typing import Any

import pandas as pd

# Cells that a spreadsheet would calculate: "=" begins a formula, so do "+", "-" and "@" before a call or a command.
# One that is marked already counts as well, so that the mark can be taken off again.
_FORMULA = re.compile(r"'*(?:=|[+\-@].*[(!|])")
# Columns of a CSV that are read at most: a million of them took 13 GB.
MOST_COLUMNS = 5000
# What marks such a cell as text; spreadsheets do not show it.
_TEXT_MARK = "'"


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table with texts that a CSV can hold: formulas are marked as text, carriage returns are spelled out.

    The names of columns are texts too.

    >>> safe_cells(pd.DataFrame({"path": ["a.png", "=HYPERLINK(1)", "-1.png"]}))["path"].tolist()
    ['a.png', "'=HYPERLINK(1)", '-1.png']
    """
    texts = [name for name in table.columns if table[name].dtype.kind not in "biufc"]
    cells = table.assign(**{name: table[name].map(_safe) for name in texts if isinstance(name, str)})
    return cells.rename(columns={name: _safe(name) for name in cells.columns})


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The table with formulas marked as text, and nothing else changed: `with_formulas` gives it back."""
    texts = [name for name in table.columns if table[name].dtype.kind not in "biufc"]
    return table.assign(**{name: table[name].map(_marked) for name in texts})


def with_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `without_formulas`."""
    texts = [name for name in table.columns if table[name].dtype == object]
    return table.assign(**{name: table[name].map(_original) for name in texts if isinstance(name, str)})


def original_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `safe_cells` for formulas."""
    cells = with_formulas(table)
    return cells.rename(columns={name: _original(name) for name in cells.columns})


def _safe(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    return _marked(cell.replace("\r", "\\r"))


def _marked(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    return _TEXT_MARK + cell if _FORMULA.match(cell) else cell


def _original(cell: object) -> object:
    marked = isinstance(cell, str) and cell.startswith(_TEXT_MARK) and _FORMULA.match(cell[1:])
    return cell[1:] if marked and isinstance(cell, str) else cell


def read_plain_csv(content: bytes, dtype: Any = None, gaps: bool = True) -> pd.DataFrame:
    """A CSV with a name for every column, names without blanks around them.

    Empty cells, and words such as NA, are missing; without `gaps` they are texts like all others.

    Raises
    ------
    ValueError
        It is no CSV, has more than `MOST_COLUMNS`, or a row has more cells than there are names: pandas would drop
        what is beyond them.
    """
    columns = content.partition(b"\n")[0].count(b",") + 1
    if columns > MOST_COLUMNS:
        raise ValueError(f"it has {columns:,} columns, at most {MOST_COLUMNS:,} are read")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.BytesIO(content), dtype=dtype, index_col=False,
                               keep_default_na=gaps).rename(columns=str.strip)
        except pd.errors.ParserWarning as error:
            raise ValueError("rows have more cells than the first line has names") from error
