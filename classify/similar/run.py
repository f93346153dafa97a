"""The measured images nearest to one image: find them, write the page or its numbers."""
from pathlib import Path

import pandas as pd

from classify.similar.export import to_csv, to_json
from classify.similar.page import write_similar
from classify.similar.search import MEASUREMENTS, NEIGHBORS, Similar, search
from featurize.runtime.files import wanted_suffix, write_csv, write_json
from featurize.table import TableInfo

# What is written, by the ending of the name: the page, all that it says, a row for each neighbor.
SUFFIXES = (".html", ".json", ".csv")


def similar(frame: pd.DataFrame, info: TableInfo, picture_row: pd.DataFrame, out: Path, n: int = NEIGHBORS,
            picture_info: TableInfo | None = None, metric: str = MEASUREMENTS, by: str = "") -> Similar:
    """Find the images nearest to one, and write them.

    Parameters
    ----------
    frame, info
        The table to search in.
    picture_row : DataFrame
        One row, measured with the table's preset; it may be a row of the table itself.
    out : Path
        The page (``.html``), all that it says (``.json``) or a row for each neighbor (``.csv``), whole or not at all.
    n : int
        Most images to show.
    picture_info : TableInfo, optional
        Of `picture_row`; None = it comes from the table.
    metric, by : str
        See `classify.similar.search.search`.

    Raises
    ------
    UserError
        Not exactly one row, an image in which nothing was found, one that was measured in another way than the table,
        or a name of another ending.
    """
    suffix = wanted_suffix(out, SUFFIXES)
    result = search(frame, info, picture_row, n, picture_info, metric, by)
    if suffix == ".html":
        write_similar(out, result)
    elif suffix == ".json":
        write_json(to_json(result), out)
    else:
        write_csv(to_csv(result), out)
    return result
