"""Words that experts gave to images, one column a subject, such as ``nucleus_shape``: read from a CSV."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array
from featurize.errors import UserError
from featurize.images.read import is_image_name
from featurize.index.labels import match_rows
from featurize.index.sheets import Sheet, read_sheet

# A column of more different words holds numbers or names, not words.
MOST_WORDS = 20
# A word of fewer images is not learned: two folds need one each.
FEWEST_IMAGES = 5
# Columns called so, in small letters, hold the class of the image.
_LABEL_NAMES = ("label", "class", "target")


@dataclass(frozen=True)
class Subject:
    """What experts said about one thing, such as the shape of the nucleus.

    Parameters
    ----------
    name : str
        The column of the CSV.
    words : tuple of str
        The words that are learned, in alphabetical order.
    y : (n,) int64
        Position in `words` for each row of the table; -1 = no word, or one of too few images.
    """

    name: str
    words: tuple[str, ...]
    y: Int64Array


def read_words(path: Path | str, frame: pd.DataFrame) -> tuple[Subject, ...]:
    """The subjects of a CSV for the rows of a table.

    Parameters
    ----------
    path : Path or str
        CSV whose first column names the images, as `featurize --labels` takes it. Columns that hold the class, names
        of images, one single word or more than 20 different ones are left out.
    frame : (n, ...) DataFrame
        Columns `path, site, label`.

    Raises
    ------
    UserError
        The file cannot be read, names no image of the table, or holds no column of words.
    """
    sheet = read_sheet(Path(path))
    sites = frame["site"].fillna("").astype(str).tolist()
    rows = match_rows(sheet, sites, frame["path"].astype(str).tolist())
    found = [_subject(sheet, str(name), rows, frame["label"]) for name in sheet.cells.columns[1:]]
    subjects = tuple(subject for subject in found if subject is not None)
    if not subjects:
        raise UserError(f"--words {path} has no column of words about the images of the table: beside the path, "
                        f"columns of 2 to {MOST_WORDS} different words were wanted, each of at least {FEWEST_IMAGES} "
                        "images")
    return subjects


def _subject(sheet: Sheet, name: str, rows: list[int | None], label: pd.Series) -> Subject | None:
    """One column for the rows of the table; None where it holds no words."""
    if name.strip().lower() in _LABEL_NAMES:
        return None
    cells = sheet.column(name)
    said = pd.Series([cells[row] if row is not None else None for row in rows], dtype=object)
    known = said.dropna()
    same_as_label = known.str.lower() == label.reset_index(drop=True)[known.index].astype(str).str.lower()
    if known.empty or same_as_label.all() or known.map(is_image_name).all():
        return None
    counts = known.value_counts()
    words = tuple(sorted(counts.index[counts >= FEWEST_IMAGES]))
    if len(words) < 2 or len(counts) > MOST_WORDS:
        return None
    place = {word: at for at, word in enumerate(words)}
    return Subject(name, words, np.array([place.get(word, -1) for word in said], np.int64))
