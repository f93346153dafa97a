"""The measured images nearest to one image: find them, write the page or its numbers."""
from pathlib import Path

import pandas as pd

from classify.similar.export import several_to_csv, several_to_json, to_csv, to_json
from classify.similar.index import EXACT_ROWS, kept_index
from classify.similar.page import write_similar
from classify.similar.search import NEIGHBORS, Similar, SimilarToSeveral, search_several
from classify.similar.several_page import write_several
from classify.similar.space import MEASUREMENTS
from featurize.errors import UserError
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
        See `classify.similar.search.search_several`.

    Raises
    ------
    UserError
        Not exactly one row, an image in which nothing was found, one that was measured in another way than the table,
        or a name of another ending.
    """
    if len(picture_row) != 1:
        raise UserError(f"{len(picture_row)} images came that could be measured, one was wanted: name one image file "
                        "that can be opened")
    return similar_to_several(frame, info, picture_row, out, n, picture_info, metric, by).images[0]


def similar_to_several(frame: pd.DataFrame, info: TableInfo, picture_rows: pd.DataFrame, out: Path, n: int = NEIGHBORS,
                       picture_info: TableInfo | None = None, metric: str = MEASUREMENTS, by: str = "",
                       index: Path | None = None) -> SimilarToSeveral:
    """Find the images nearest to each of several, and to their mean, and write them; of one image as `similar` does.

    Parameters
    ----------
    frame, info, out, n, picture_info, metric, by
        As `similar` takes them.
    picture_rows : DataFrame
        One row an image.
    index : Path, optional
        Folder in which the index of a large table is kept, see `classify.similar.index`; smaller tables are searched
        exactly.

    Raises
    ------
    UserError
        As `similar`; an index with the metric of the classes.
    """
    suffix = wanted_suffix(out, SUFFIXES)
    frame = frame.reset_index(drop=True)
    if index and metric != MEASUREMENTS:
        raise UserError(f"--index and --metric {metric} were given: the classes are learned anew for every image, an "
                        f"index is of --metric {MEASUREMENTS}")
    kept = kept_index(index, frame, info, by) if index and len(frame) >= EXACT_ROWS else None
    results = search_several(frame, info, picture_rows, n, picture_info, metric, by, kept)
    one = results.images[0] if results.together is None and not results.nothing_found else None
    if suffix == ".html":
        write_similar(out, one) if one else write_several(out, results)
    elif suffix == ".json":
        write_json(to_json(one) if one else several_to_json(results), out)
    else:
        write_csv(to_csv(one) if one else several_to_csv(results), out)
    return results
