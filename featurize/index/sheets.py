"""A CSV with a row an image, read as people save it: any separator, any common encoding, any column with the paths."""
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from featurize.errors import UserError
from featurize.images.read import ImageError, is_image_name, read_bytes
from featurize.runtime.cells import MOST_COLUMNS

# First bytes of an Excel workbook, and those by which a text in UTF-16 says its byte order.
_ZIP_MAGIC = b"PK\x03\x04"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# The encoding of Western European Windows; the letters of Latin-1 have the same bytes in it.
_WESTERN = "cp1252"
# What pandas calls a column without a name.
_NO_NAME = re.compile(r"Unnamed: \d+|\s*")
# Share of its cells that are names of images from which a column is taken to hold paths.
_PATHS_SHARE = 0.5


@dataclass(frozen=True)
class Sheet:
    """A labels file.

    Parameters
    ----------
    path : Path
        The file.
    keys : tuple of str
        The path of each row's image with forward slashes: the first column of `cells`.
    cells : DataFrame
        All columns as text, the one with the paths first.
    note : str
        What the user should know about how it was read, empty mostly.
    """

    path: Path
    keys: tuple[str, ...]
    cells: pd.DataFrame
    note: str = ""

    def column(self, name: str) -> list[str | None]:
        """One column, empty cells as None.

        Raises
        ------
        UserError
            There is no such column.
        """
        if name not in self.cells:
            raise UserError(f"{self.path} has no column {name!r}, it has: {', '.join(map(str, self.cells.columns))}")
        return [cell.strip() or None for cell in self.cells[name]]


def read_sheet(path: Path, path_column: str | None = None) -> Sheet:
    """Read a labels file: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.

    Parameters
    ----------
    path : Path
    path_column : str, optional
        The column with the paths of the images, relative to IMAGES; without it the first one.

    Raises
    ------
    UserError
        It cannot be read as that, or its first column only counts the rows and another one holds paths.
    """
    try:
        text, note = _decoded(path)
        header = text.partition("\n")[0]
        separator = max(",;\t", key=header.count)
        if header.count(separator) >= MOST_COLUMNS:
            raise UserError(f"{path} has {header.count(separator) + 1:,} columns, at most {MOST_COLUMNS:,} are read: "
                            "keep those with paths, labels and groups")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the header
            cells = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False)
    except (ImageError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.ParserWarning,
            pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}): a CSV in UTF-8 with one "
                        "header line and a column with the path of each image was wanted") from None
    cells = _without_empty_columns(cells.fillna(""))  # rows shorter than the header
    if not len(cells):
        raise UserError(f"{path} has no row below its header")
    cells = _paths_first(path, cells, path_column)
    return Sheet(path, tuple(plain(key) for key in cells.iloc[:, 0]), cells, note)


def _without_empty_columns(cells: pd.DataFrame) -> pd.DataFrame:
    """Columns without a name and without a value are left out: lines that end in a comma have one."""
    nothing = [bool(_NO_NAME.fullmatch(str(name))) and not cells[name].str.strip().any() for name in cells.columns]
    return cells.loc[:, ~np.array(nothing)] if not all(nothing) else cells


def _decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and a line about its encoding if that was guessed."""
    content = read_bytes(path)
    if content.startswith(_ZIP_MAGIC):
        raise UserError(f"{path} is an Excel workbook or another zip archive: open it and save it as CSV UTF-8")
    if content.startswith(_UTF16_MARKS):
        return content.decode("utf-16"), ""
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        try:
            text = "\0" if b"\0" in content else content.decode(_WESTERN)
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text:
        raise UserError(f"{path} is not text in UTF-8 (line {line}): save it as CSV UTF-8")
    return text, (f"the letters of {path.name} are not in UTF-8 (line {line}) and were read as Windows-1252 (Latin-1): "
                  "if they come out wrong, save it as CSV UTF-8")


def _paths_first(path: Path, cells: pd.DataFrame, path_column: str | None) -> pd.DataFrame:
    """The columns with the one that holds the paths first; a column that only counts the rows is left out."""
    counted = _counts_rows(cells)
    if path_column is not None:
        if path_column not in cells:
            raise UserError(f"{path} has no column {path_column!r} for --path-column, it has: "
                            f"{', '.join(map(str, cells.columns))}")
        rest = [name for name in cells.columns[counted:] if name != path_column]
        return cells[[path_column, *rest]]
    named = next(_columns_of_paths(cells), None)
    if counted and named is not None:
        raise UserError(f"{path}: its first column only counts the rows, and {named!r} holds paths of images: give "
                        f"--path-column {_quoted(named)}, or take the first column out")
    return cells


def _counts_rows(cells: pd.DataFrame) -> bool:
    """Whether the first column has no name and holds 0, 1, 2, ... or 1, 2, 3, ..., as pandas and R write it."""
    first = cells.iloc[:, 0].str.strip().tolist()
    runs = ([str(n) for n in range(start, start + len(cells))] for start in (0, 1))
    return bool(_NO_NAME.fullmatch(str(cells.columns[0]))) and first in list(runs)


def _columns_of_paths(cells: pd.DataFrame) -> Iterator[str]:
    for name in cells.columns[1:]:
        if cells[name].str.strip().map(is_image_name).mean() >= _PATHS_SHARE:
            yield str(name)


def offered_path_column(sheet: Sheet, paths: Sequence[str]) -> str | None:
    """Where no row fits an image: words that offer a column whose cells are names of these images, None without one."""
    names = {part for path in paths for part in (stem(path), path.rpartition("/")[2])}
    for name in sheet.cells.columns[1:]:
        keys = [plain(key).rpartition("/")[2] for key in sheet.cells[name]]
        if sum(key in names for key in keys) >= _PATHS_SHARE * len(keys):
            return f"its column {name!r} does fit: give --path-column {_quoted(str(name))}"
    return None


def _quoted(name: str) -> str:
    return f"'{name}'" if re.search(r"[^\w.-]", name) else name


def plain(key: str) -> str:
    """A path as people write it, with forward slashes and without a leading ``./``."""
    key = key.strip().replace("\\", "/")
    return key[2:] if key.startswith("./") else key


def stem(path: str) -> str:
    """The name of a file without folders and extension."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
