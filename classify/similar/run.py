"""The page of the measured images nearest to one image."""
from pathlib import Path

import pandas as pd

from classify.similar.page import write_similar
from classify.similar.search import Similar, search
from featurize.table import TableInfo


def similar(frame: pd.DataFrame, info: TableInfo, picture_row: pd.DataFrame, out: Path, n: int = 12,
            picture_info: TableInfo | None = None) -> Similar:
    """Write the page of the images nearest to one.

    Parameters
    ----------
    frame, info
        The table to search in.
    picture_row : DataFrame
        One row, measured with the table's preset; it may be a row of the table itself.
    out : Path
        Where the page goes, whole or not at all.
    n : int
        Most images to show.
    picture_info : TableInfo, optional
        Of `picture_row`; None = it comes from the table.

    Raises
    ------
    UserError
        Not exactly one row, or the image was measured in another way than the table.
    """
    result = search(frame, info, picture_row, n, picture_info)
    write_similar(out, result)
    return result
