"""From a table to the matrix that a model reads: which columns, checked for what no model can use."""
from collections.abc import Sequence

import numpy as np
import pandas as pd

from featurize import registry
from featurize.arrays import BoolArray, Float32Array
from featurize.errors import UserError
from featurize.table import TableInfo

# A column that is missing in a larger share of the rows is left out: trees would learn where the segmenter found
# nothing instead of what was measured.
MOST_MISSING = 0.5
# A larger share of columns that are left out is unusual: it means a wrong preset, or that the subject was not found.
# Measured on six sets: 0 to .03, and .41 on cells that are cut out on black (leukemia_cnmc).
MOST_USELESS = 0.5
# Larger numbers are no measurements, and their squares would overflow as float32.
LARGEST = 1e18
# Columns that are looked at together.
COLUMNS_AT_ONCE = 16
# Columns that a warning names.
NAMED_COLUMNS = 3
# Describing columns that every table has.
NEEDED = ("image_id", "path", "label", "group", "site", "split", "duplicate_group")


def check_columns(frame: pd.DataFrame, info: TableInfo) -> None:
    """Refuse a table without its describing columns, without features or without rows.

    Raises
    ------
    UserError
    """
    lost = [c for c in NEEDED if c not in frame.columns]
    if lost:
        raise UserError(f"the table lacks the column {lost[0]!r}: make it with `python cli.py featurize`")
    if not len(frame):
        raise UserError("the table has no row: nothing can be learned from it")
    if not model_columns(info):
        raise UserError("the table has no feature that a model may use: run `python cli.py featurize` with another "
                        "preset")


def model_columns(info: TableInfo) -> list[str]:
    """The features of a table, without the nuisances that a model must not learn from."""
    nuisances = set(info.nuisance)
    return [c for c in info.features if c not in nuisances]


def matrix(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns as one block of float32.

    Returns
    -------
    DataFrame
        (n, d) float32 with a RangeIndex; NaN = not measured. Read only where its memory is that of `frame`.

    Raises
    ------
    UserError
        A column is missing, or holds text, or a value that is infinite or beyond LARGEST.
    """
    lost = [c for c in columns if c not in frame.columns]
    if lost:
        raise UserError(f"the table lacks {len(lost)} of {len(columns)} columns that the model reads, the first is "
                        f"{lost[0]!r}: run `python cli.py featurize` again with the model's preset")
    # Columns that lie together in one block are shared with the frame, not copied.
    with pd.option_context("mode.copy_on_write", True):
        chosen = frame[list(columns)]
        text = [(c, kind) for c, kind in chosen.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
        if text:
            raise UserError(f"the column {text[0][0]!r} holds {text[0][1]} instead of numbers: run `python cli.py "
                            "featurize` again")
        x = np.asarray(chosen.to_numpy(dtype=np.float32))
    infinite = np.concatenate([np.argwhere(np.abs(x[:, some]) > LARGEST) + [0, some.start] for some in _parts(x)])
    if len(infinite):
        row, column = infinite[np.lexsort((infinite[:, 1], infinite[:, 0]))[0]]
        raise UserError(f"the column {columns[column]!r} holds an infinite value, or one beyond {LARGEST:g} (row "
                        f"{row}, {len(infinite)} in all): run `python cli.py featurize` again; a missing value must be "
                        "NaN")
    return pd.DataFrame(x, columns=list(columns))


def _parts(x: Float32Array) -> list[slice]:
    """A few columns at a time; one part at least."""
    return [slice(start, start + COLUMNS_AT_ONCE) for start in range(0, max(x.shape[1], 1), COLUMNS_AT_ONCE)]


def useful_columns(x: pd.DataFrame,
                   rows: BoolArray | None = None) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Columns that most rows have and that are not constant, and a line that names the others.

    Parameters
    ----------
    x : (n, d) DataFrame
        A constant that is NaN in some rows is kept: that it is missing may tell the class. A column that is missing in
        more than half of the rows is left out.
    rows : (n,) bool, optional
        The labelled rows, which alone decide; all if not given.

    Returns
    -------
    columns : list of str
    warnings, notes : tuple of str
        The line is a warning where more than half of the columns are left out, else a note.

    Raises
    ------
    UserError
        No column is left.
    """
    values, decide = x.to_numpy(), slice(None) if rows is None else rows
    useless = np.concatenate([_useless(values[:, some][decide]) for some in _parts(values)])
    names = np.array(x.columns)
    if useless.all():
        raise UserError(f"all {len(names)} features are constant or missing: there is nothing to learn from")
    if not useless.any():
        return list(names), (), ()
    dropped = names[useless]
    some = ", ".join(dropped[:NAMED_COLUMNS]) + (", ..." if len(dropped) > NAMED_COLUMNS else "")
    kept, left_out = list(names[~useless]), f"{len(dropped)} of {len(names)} features"
    if useless.mean() > MOST_USELESS:
        return kept, (f"more than half of the measurements tell nothing: {left_out} have one value or are missing in "
                      f"more than half of the images ({some}); was the subject found in these images?",), ()
    return kept, (), (f"{left_out} are constant or measured in less than half of the images and were left out: {some}",)


def _useless(values: Float32Array) -> BoolArray:
    """(d,) columns that are constant, or missing in most of the (n, d) rows."""
    missing = np.isnan(values)
    with np.errstate(invalid="ignore"):
        first = _first_known(values, missing)
        constant = (missing | (values == first)).all(axis=0) & ~(missing.any(axis=0) & ~missing.all(axis=0))
    return np.asarray(constant | (missing.mean(axis=0) > MOST_MISSING))


def _first_known(values: Float32Array, missing: BoolArray) -> Float32Array:
    """(d,) the first value of each column that is not NaN; NaN where there is none."""
    return np.asarray(values[missing.argmin(axis=0), np.arange(values.shape[1])])


def region_and_family(column: str, families: Sequence[str]) -> tuple[str, str]:
    """First and second part of ``<region>_<family>_<feature>``; guessed by underscores where no family is known.

    >>> region_and_family("cell_body_color_mean", ["color"])
    ('cell_body', 'color')
    """
    found = registry.region_and_family(column, families)
    if found:
        return found
    parts = column.split("_")
    return (parts[0], parts[1]) if len(parts) > 2 else ("", parts[0])
