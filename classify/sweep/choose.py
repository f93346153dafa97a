"""Which images are swept: those that the model did not learn from, evenly by class."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurize.arrays import BoolArray, Int64Array
from featurize.errors import UserError
from featurize.index.build import Index
from featurize.report.numbers import count, number


@dataclass(frozen=True)
class Remeasure:
    """Which images of a table are measured again, changed, hidden in parts or in one part alone.

    Parameters
    ----------
    index : Index
        The images of the table.
    images : int
        At most so many.
    jobs : int
        Processes.
    seed : int
        Of the choice of the images, and of random orders.
    progress : bool
        Show a bar.
    """

    index: Index
    images: int
    jobs: int = 1
    seed: int = 0
    progress: bool = False


@dataclass(frozen=True)
class Chosen:
    """The images of a sweep.

    Parameters
    ----------
    rows : (m,) int64
        Of the table, ascending.
    learned : bool
        The model learned from them: there were no others.
    note : str
        A sentence, or "".
    """

    rows: Int64Array
    learned: bool
    note: str


def choose(frame: pd.DataFrame, y: Int64Array, trained_on: BoolArray, found: BoolArray, most: int,
           seed: int, option: str = "--sweep") -> Chosen:
    """Choose at most `most` labelled images.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        Its column `split` is read: where the model learned from a part of the table, only the part ``test`` is new.
    y : (n,) int64
        Number of the class, -1 = unknown.
    trained_on : (n,) bool
        The model learned from the image or a near copy.
    found : (n,) bool
        The image is there.
    most : int
    seed : int
    option : str
        Of the command line, for errors.

    Raises
    ------
    UserError
        No labelled image was found.
    """
    there = found & (y >= 0)
    if not there.any():
        raise UserError(f"{option}: of {count(int((y >= 0).sum()), 'labelled image')} of the table, none is among the "
                        "images (compared by content): give the folder that `featurize` measured for this table")
    new = there & ~trained_on
    if trained_on.any() and (frame["split"] == "test").any():
        new &= (frame["split"] == "test").to_numpy()
    learned = not new.any()
    rows = _evenly(np.flatnonzero(there if learned else new), y, most, seed)
    note = ("The model learned from all of these images: its first answers are too good, only their fall says "
            "something. A table with images of its own for testing tells more." if learned else "")
    lost = int(((y >= 0) & ~found).sum())
    if lost:
        note = (f"{note} {number(lost)} labelled images of the table were not found among the images, or are copies of "
                "others.").strip()
    return Chosen(rows, learned, note)


def found_images(frame: pd.DataFrame, images: pd.DataFrame) -> BoolArray:
    """(n,) rows whose image is there: the first of those with the same content, of several cells the central one."""
    found = frame["sha256"].isin(images["sha256"]).to_numpy()
    if "cell" in frame.columns:
        found &= (frame["cell"] == 1).to_numpy()
    return np.asarray(found & ~frame["sha256"].where(found).duplicated().to_numpy())


def _evenly(rows: Int64Array, y: Int64Array, most: int, seed: int) -> Int64Array:
    """As many of each class as there are, up to an even share; what rare classes leave goes to the others."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    turn = pd.Series(y[shuffled]).groupby(y[shuffled]).cumcount().to_numpy()
    return np.asarray(np.sort(shuffled[np.argsort(turn, kind="stable")][:most]), dtype=np.int64)
