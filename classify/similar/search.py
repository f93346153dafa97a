"""Which measured images are most like some given ones, and in what."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import check_columns
from classify.evaluate.metrics import percentile_rank
from classify.similar.index import NeighborIndex
from classify.similar.space import MEASUREMENTS, Scale, distance, scale_of, table_space, usual_distance
from classify.similar.whole_table import WholeTable
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.explore.by_class import percentiles_by_class
from featurize.report.feature_names import feature_name
from featurize.table import TableInfo

# Neighbors that are shown unless another number is asked for.
NEIGHBORS = 12
# Column of the quality family: 0 where the segmenter found no cell.
FOUND = "image_quality_found"
# Features are unusual beyond this z-score.
UNUSUAL_Z_SCORE = 1.5
# Features of two images are alike if their z-scores differ by less, and different if they differ by at least so much.
ALIKE_Z_SCORES = .5
DIFFERENT_Z_SCORES = 1


@dataclass(frozen=True)
class Similar:
    """The images nearest to one image; n rows of the table, d features, c neighbors.

    Parameters
    ----------
    frame, info
        The table that was searched, RangeIndex.
    picture : Series
        The row of the image itself.
    picture_info : TableInfo
        How it was measured, and where its file is.
    features : tuple of str
        The d columns that were compared.
    same_file : (s,) int
        Rows of the table that are this very file, byte by byte.
    neighbors : (c,) int
        The nearest other rows of the table, nearest first.
    distances : (n,) float
        To every row of the table: root of the mean squared difference of compressed z-scores, or of the axes that tell
        the classes apart. NaN for the same file; with an index known of the neighbors alone, NaN for all others.
    z_scores : (d,) float
        Of the image; 0 = the median of the table, NaN = not measured.
    neighbor_z_scores : (c, d) float
    usual_distance : float
        99 % of the table's own images (of at most 300) have a neighbor within this distance. NaN with the metric of the
        classes: rows that it was learned from lie nearer to each other than new ones.
    metric : str
        One of `METRICS`.
    recall : float or None
        Share of the true neighbors that the index finds; None = every row was compared.
    """

    frame: pd.DataFrame
    info: TableInfo
    picture: pd.Series
    picture_info: TableInfo
    features: tuple[str, ...]
    same_file: Int64Array
    neighbors: Int64Array
    distances: Float64Array
    z_scores: Float64Array
    neighbor_z_scores: Float64Array
    usual_distance: float
    metric: str = MEASUREMENTS
    recall: float | None = None

    @property
    def name(self) -> str:
        """Path of the image, after its source where there are several."""
        path, site = str(self.picture["path"]), self.picture["site"]
        return f"{site}/{path}" if len(self.picture_info.sources) > 1 and isinstance(site, str) else path

    @property
    def label(self) -> "pd.Series[str]":
        """(n,) labels of the table, "no label" where there is none."""
        return self.frame["label"].fillna("no label").astype(str)


@dataclass(frozen=True)
class SimilarToSeveral:
    """The images nearest to each of several images.

    Parameters
    ----------
    images : tuple of Similar
        One for each image in which something was found.
    together : Similar or None
        Nearest to the mean of their z-scores; its picture has mean measurements and no file. None: there is one image.
    nothing_found : tuple of str
        Paths of the images in which nothing was found.
    """

    images: tuple[Similar, ...]
    together: Similar | None
    nothing_found: tuple[str, ...]


def search_several(frame: pd.DataFrame, info: TableInfo, picture_rows: pd.DataFrame, n: int = NEIGHBORS,
                   picture_info: TableInfo | None = None, metric: str = MEASUREMENTS, by: str = "",
                   index: NeighborIndex | WholeTable | None = None) -> SimilarToSeveral:
    """Find the images nearest to each of several images, and to all of them together.

    Parameters
    ----------
    frame, info
        The table to search in.
    picture_rows : DataFrame
        One row an image, measured with the table's preset; it may be a row of the table itself. Images in which nothing
        was found are left out.
    n : int
        Most neighbors of each.
    picture_info : TableInfo, optional
        Of `picture_rows`; None = they come from the table.
    metric : str
        ``measurements``: all measurements count alike. ``classes``: what tells the labels of the table apart, learned
        without the images, near copies of them and images of their groups.
    by : str
        Compare only measurements of this region or family; "" = all.
    index : NeighborIndex or WholeTable, optional
        Of this table: neighbors are looked up in it, and distances are known of them alone.

    Raises
    ------
    UserError
        Nothing was found in any of the images, they were measured in another way than the table or are all that it
        holds, an unknown metric, region or family, or fewer than two classes to learn from.
    """
    check_columns(frame, info)
    own_info = picture_info or info
    check_measured_alike(info, own_info)
    frame, picture_rows = frame.reset_index(drop=True), picture_rows.reset_index(drop=True)
    scale = index.scale if index else scale_of(frame, info, by)
    own = scale.z_scores(picture_rows)
    found = np.isfinite(own).any(axis=1) & (picture_rows.get(FOUND, pd.Series(1.0, picture_rows.index)) != 0).to_numpy()
    if not found.any():
        what = "cell" if info.preset.get("segment") == "cell" else "region to measure"
        raise UserError(f"no {what} was found in {picture_rows['path'].iloc[0]}, so that nothing can be compared: give "
                        f"a picture like those of the table (preset {info.preset.get('name')})")
    nothing = tuple(picture_rows["path"][~found])
    own, picture_rows = own[found], picture_rows[found].reset_index(drop=True)
    same_files = [np.flatnonzero(frame["sha256"] == sha256) for sha256 in picture_rows["sha256"]]
    finder = _Finder(frame, info, own_info, scale, n, metric)
    every_file = np.unique(np.concatenate(same_files))
    if any(len(same) == len(frame) for same in same_files):
        raise UserError(f"the table holds no image but {picture_rows['path'].iloc[0]} itself, so that nothing can be "
                        "compared: give a table with others")
    if len(own) > 1:
        same_files.append(every_file)
        own = np.vstack([own, _mean(own)])
        pictures = [*(row for _, row in picture_rows.iterrows()), _mean_row(picture_rows, scale.features)]
    else:
        pictures = [picture_rows.iloc[0]]
    results = _by_index(finder, index, pictures, own, same_files) if index else \
        _exactly(finder, pictures, own, same_files, every_file)
    together = results.pop() if len(picture_rows) > 1 else None
    return SimilarToSeveral(tuple(results), together, nothing)


@dataclass(frozen=True)
class _Finder:
    """What is the same for all images of a search."""

    frame: pd.DataFrame
    info: TableInfo
    picture_info: TableInfo
    scale: Scale
    n: int
    metric: str

    def result(self, picture: pd.Series, own: Float64Array, distances: Float64Array, same_file: Int64Array,
               usual: float, recall: float | None = None) -> Similar:
        """The nearest rows of the table; distances (n,) of rows that are no neighbors are infinite or NaN."""
        distances[same_file] = np.nan
        known = int(np.isfinite(distances).sum())
        neighbors = np.argsort(distances, kind="stable")[:min(self.n, known)]
        z = self.scale.z_scores(self.frame.iloc[neighbors])
        return Similar(self.frame, self.info, picture, self.picture_info, self.scale.features, same_file, neighbors,
                       distances, own, z, usual, self.metric, recall)


def _exactly(finder: _Finder, pictures: Sequence[pd.Series], own: Float64Array, same_files: Sequence[Int64Array],
             every_file: Int64Array) -> list[Similar]:
    space = table_space(finder.frame, finder.scale, finder.metric, own, every_file)
    usual = usual_distance(space.points) if finder.metric == MEASUREMENTS else float("nan")
    placed = space.place(own)
    return [finder.result(picture, z, distance(point[None], space.points)[0], same, usual)
            for picture, z, point, same in zip(pictures, own, placed, same_files)]


def _by_index(finder: _Finder, index: NeighborIndex | WholeTable, pictures: Sequence[pd.Series], own: Float64Array,
              same_files: Sequence[Int64Array]) -> list[Similar]:
    results = []
    for picture, z, same in zip(pictures, own, same_files):
        rows, near = index.nearest(finder.frame, z, finder.n + len(same))
        distances = np.full(len(finder.frame), np.nan)
        distances[rows] = near
        results.append(finder.result(picture, z, distances, same, index.usual_distance, index.recall))
    return results


def _mean(own: Float64Array) -> Float64Array:
    """(d,) mean z-score of what was measured."""
    known = np.isfinite(own)
    total = np.where(known, own, 0).sum(axis=0)
    return np.divide(total, known.sum(axis=0), out=np.full(own.shape[1], np.nan), where=known.any(axis=0))


def _mean_row(rows: pd.DataFrame, features: Sequence[str]) -> pd.Series:
    """The mean measurements of some images, as the row of an image that has no file."""
    row = rows.iloc[0].copy().astype(object)
    row[list(features)] = rows[list(features)].mean().to_numpy()
    row["image_id"], row["path"] = "", f"all {len(rows)} images together"
    row[["label", "group", "site", "sha256"]] = None
    return row


def check_measured_alike(info: TableInfo, other: TableInfo) -> None:
    """Refuse images, of which `other` tells how they were measured, that were measured otherwise than the table."""
    if info.preset != other.preset or info.blocks != other.blocks:
        raise UserError(f"the image was measured with preset {other.preset.get('name')!r} and the table with "
                        f"{info.preset.get('name')!r} or other versions: make the table again with `python cli.py "
                        "featurize`")


def distance_percentiles(result: Similar, most: int) -> pd.DataFrame:
    """Percentiles of the distances of the `most` largest classes, see `percentiles_by_class`."""
    table = pd.DataFrame({"label": result.label, "distance": result.distances})
    table = table[np.isfinite(table["distance"])]
    return percentiles_by_class(table, ["distance"], most)["distance"]


def alike(result: Similar, at: int, most: int = 3) -> list[int]:
    """Measurements in which the image and a neighbor are both unusual and close, one of each name."""
    own, other = result.z_scores, result.neighbor_z_scores[at]
    with np.errstate(invalid="ignore"):
        shared = np.minimum(np.abs(own), np.abs(other))
        both = (np.abs(own - other) < ALIKE_Z_SCORES) & (shared > UNUSUAL_Z_SCORE)
    return _first_of_each_name(result, np.where(both, shared, -np.inf), most)


def different(result: Similar, at: int, most: int = 3) -> list[int]:
    """Measurements in which the image and a neighbor differ most, one of each name."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(result.z_scores - result.neighbor_z_scores[at])
        return _first_of_each_name(result, np.where(gap >= DIFFERENT_Z_SCORES, gap, -np.inf), most)


def unusual(result: Similar, most: int = 8) -> pd.DataFrame:
    """Measurements in which the image is farthest from the median of the table, one of each name.

    Returns
    -------
    DataFrame
        `feature, value, median, percentile, z_score`, farthest first; `percentile` as `percentile_rank` gives it.
    """
    size = np.nan_to_num(np.abs(result.z_scores))
    rows = []
    for at in _first_of_each_name(result, np.where(size > UNUSUAL_Z_SCORE, size, -np.inf), most):
        column = result.features[at]
        values = result.frame[column].dropna().to_numpy(dtype=float)
        value = float(str(result.picture[column]))
        rows.append((column, value, float(np.median(values)), percentile_rank(values, value), result.z_scores[at]))
    return pd.DataFrame(rows, columns=["feature", "value", "median", "percentile", "z_score"])


def gap_of_sums(result: Similar, at: int) -> "pd.Series[float]":
    """How far the image and a neighbor lie apart in what is shown as a sum of many columns, smallest first.

    Returns
    -------
    Series
        Index: names such as "fine texture of the nucleus". Root of the mean squared difference of the z-scores.
    """
    gaps = (result.z_scores - result.neighbor_z_scores[at]) ** 2
    names = [feature_name(column, preset_of(result)) for column in result.features]
    table = pd.DataFrame({"name": [n.name for n in names], "gap": gaps})[[not n.by_itself for n in names]].dropna()
    return table.groupby("name")["gap"].mean().pow(.5).sort_values()


def preset_of(result: Similar) -> str:
    """Name of the preset that measured the table."""
    return str(result.info.preset.get("name", ""))


def _first_of_each_name(result: Similar, rank: Float64Array, most: int) -> list[int]:
    """The `most` measurements of highest rank that a reader can check by eye; rank -inf is left out."""
    chosen: dict[str, int] = {}
    for at in np.argsort(-rank, kind="stable"):
        if not np.isfinite(rank[at]) or len(chosen) == most:
            break
        named = feature_name(result.features[at], preset_of(result))
        if named.by_itself:
            chosen.setdefault(named.name, int(at))
    return list(chosen.values())
