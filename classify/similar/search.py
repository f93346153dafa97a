"""Which measured images are most like a given one, and in what."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import check_columns, matrix, model_columns, region_and_family
from classify.data.folds import split_groups
from classify.evaluate.metrics import percentile_rank
from classify.similar.class_space import fit_class_space
from classify.uncertainty.novelty import IQR_PER_DEVIATION
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.explore.by_class import percentiles_by_class
from featurize.report.feature_names import feature_name
from featurize.table import TableInfo

# Neighbors that are shown unless another number is asked for.
NEIGHBORS = 12
# Column of the quality family: 0 where the segmenter found no cell.
FOUND = "image_quality_found"
# z-scores beyond this count as this: one extreme feature must not decide what is near.
Z_SCORE_LIMIT = 5.0
# What is compared: all measurements alike, or what tells the classes of the table apart.
MEASUREMENTS, CLASSES = "measurements", "classes"
METRICS = (MEASUREMENTS, CLASSES)
# Distance of measurements below which two images are called the same picture.
SAME_PICTURE_DISTANCE = .05
# Labelled rows of a class, at least, that it takes part in the metric of the classes.
LEAST_OF_CLASS = 5
# Features are unusual beyond this z-score.
UNUSUAL_Z_SCORE = 1.5
# Features of two images are alike if their z-scores differ by less, and different if they differ by at least so much.
ALIKE_Z_SCORES = .5
DIFFERENT_Z_SCORES = 1
# Percentile of the distances of the table's own images to their nearest neighbors: the usual distance.
USUAL_PERCENTILE = 99
# Most images of the table whose nearest neighbors are measured for it.
USUAL_SAMPLE = 300
# A column varies if its robust deviation is above this share of its median; the second number stands for a median of 0.
_LEAST_RELATIVE_DEVIATION = 1e-9
_LEAST_MEDIAN = 1e-12


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
        the classes apart. NaN for the same file.
    z_scores : (d,) float
        Of the image; 0 = the median of the table, NaN = not measured.
    neighbor_z_scores : (c, d) float
    usual_distance : float
        99 % of the table's own images (of at most 300) have a neighbor within this distance. NaN with the metric of the
        classes: rows that it was learned from lie nearer to each other than new ones.
    metric : str
        One of `METRICS`.
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

    @property
    def label(self) -> "pd.Series[str]":
        """(n,) labels of the table, "no label" where there is none."""
        return self.frame["label"].fillna("no label").astype(str)


def search(frame: pd.DataFrame, info: TableInfo, picture_row: pd.DataFrame, n: int = NEIGHBORS,
           picture_info: TableInfo | None = None, metric: str = MEASUREMENTS, by: str = "") -> Similar:
    """Find the images nearest to one image.

    Parameters
    ----------
    frame, info
        The table to search in.
    picture_row : DataFrame
        One row, measured with the table's preset; it may be a row of the table itself.
    n : int
        Most neighbors.
    picture_info : TableInfo, optional
        Of `picture_row`; None = it comes from the table.
    metric : str
        ``measurements``: all measurements count alike. ``classes``: what tells the labels of the table apart, learned
        without the image, near copies of it and images of its group.
    by : str
        Compare only measurements of this region or family; "" = all.

    Raises
    ------
    UserError
        Not exactly one row, nothing was found in the image, it was measured in another way than the table, an unknown
        metric, region or family, or fewer than two classes to learn from.
    """
    check_columns(frame, info)
    _check_picture(picture_row, info, picture_info or info)
    if metric not in METRICS:
        raise UserError(f"the metric {metric!r} was given, one of {', '.join(METRICS)} was wanted")
    frame, features = frame.reset_index(drop=True), _chosen(model_columns(info), list(info.blocks), by)
    values = matrix(frame, features).to_numpy(dtype=np.float64)
    own = matrix(picture_row.reset_index(drop=True), features).to_numpy(dtype=np.float64)
    if picture_row.get(FOUND, pd.Series([1.0])).iloc[0] == 0 or not np.isfinite(own).any():
        what = "cell" if info.preset.get("segment") == "cell" else "region to measure"
        raise UserError(f"no {what} was found in {picture_row['path'].iloc[0]}, so that nothing can be compared: give "
                        f"a picture like those of the table (preset {info.preset.get('name')})")
    center, scale = center_and_scale(values)
    table, own = (np.clip((v - center) / scale, -Z_SCORE_LIMIT, Z_SCORE_LIMIT) for v in (values, own))
    points, point = compressed(table), compressed(own)
    same_file = np.flatnonzero(frame["sha256"] == picture_row["sha256"].iloc[0])
    if metric == CLASSES:
        points, point = _by_class(frame, points, point, same_file)
    distances = distance(point, points)[0]
    distances[same_file] = np.nan
    neighbors = np.argsort(distances, kind="stable")[:min(n, int(np.isfinite(distances).sum()))]
    return Similar(frame, info, picture_row.iloc[0], picture_info or info, tuple(features), same_file, neighbors,
                   distances, own[0], table[neighbors],
                   _usual_distance(points) if metric == MEASUREMENTS else float("nan"), metric)


def compressed(z: Float64Array) -> Float64Array:
    """z-scores as sign(z) log(1 + |z|).

    Precision at 5 on blood_pbc: .912, beside .885 with families of the same weight and .869 of these without logarithm.
    """
    return np.asarray(np.sign(z) * np.log1p(np.abs(z)))


def _chosen(features: list[str], families: list[str], by: str) -> list[str]:
    """The features of a region or family; all without a name."""
    if not by:
        return features
    parts = [region_and_family(name, families) for name in features]
    kept = [name for name, part in zip(features, parts) if by in part]
    if not kept:
        known = ", ".join(sorted({name for part in parts for name in part}))
        raise UserError(f"--by {by} was given, and the table has no such region or family: choose one of {known}")
    return kept


def _by_class(frame: pd.DataFrame, z: Float64Array, own: Float64Array, same_file: Int64Array
              ) -> tuple[Float64Array, Float64Array]:
    """Points of the table and of the image in a space that was learned without all that is akin to the image."""
    group = split_groups(frame)
    copies = np.flatnonzero(distance(own, z)[0] < SAME_PICTURE_DISTANCE)
    akin = np.isin(group, group[np.union1d(same_file, copies)])
    learned = frame["label"].where(~akin)
    counts = learned.value_counts()
    names = sorted(counts.index[counts >= LEAST_OF_CLASS])
    if len(names) < 2:
        raise UserError(f"--metric {CLASSES} learns from two labels or more of {LEAST_OF_CLASS} images each, and the "
                        f"table has {len(names)}: use --metric {MEASUREMENTS}, or featurize with labels")
    rows = learned.isin(names).to_numpy()
    space = fit_class_space(z[rows], np.asarray(pd.Categorical(learned[rows], names).codes, dtype=np.int64))
    return space.points(z), space.points(own)


def _check_picture(picture_row: pd.DataFrame, info: TableInfo, other: TableInfo) -> None:
    if len(picture_row) != 1:
        raise UserError(f"{len(picture_row)} images came that could be measured, one was wanted: name one image file "
                        "that can be opened")
    if info.preset != other.preset or info.blocks != other.blocks:
        raise UserError(f"the image was measured with preset {other.preset.get('name')!r} and the table with "
                        f"{info.preset.get('name')!r} or other versions: make the table again with `python cli.py "
                        "featurize`")


def center_and_scale(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Median, and interquartile range as a standard deviation, of every column; scale 1 where it does not vary."""
    known = np.isfinite(values).any(axis=0)
    low, center, high = np.zeros((3, values.shape[1]))
    low[known], center[known], high[known] = np.nanpercentile(values[:, known], [25, 50, 75], axis=0)
    scale = (high - low) / IQR_PER_DEVIATION
    varies = scale > _LEAST_RELATIVE_DEVIATION * np.maximum(np.abs(center), _LEAST_MEDIAN)
    return center, np.where(varies, scale, 1.0)


def distance(a: Float64Array, b: Float64Array) -> Float64Array:
    """(n, m) root mean squared differences over the columns that both rows have; infinite if none."""
    known_a, known_b = np.isfinite(a), np.isfinite(b)
    x, y = np.where(known_a, a, 0), np.where(known_b, b, 0)
    shared = known_a.astype(np.float64) @ known_b.T.astype(np.float64)
    squares = (x * x) @ known_b.T + known_a.astype(np.float64) @ (y * y).T - 2 * x @ y.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(shared > 0, np.sqrt(np.maximum(squares, 0) / shared), np.inf))


def _usual_distance(table: Float64Array) -> float:
    """How far images of the table lie from their own nearest neighbor, at the 99th percentile."""
    sample = np.unique(np.linspace(0, len(table) - 1, min(USUAL_SAMPLE, len(table))).astype(int))
    distances = distance(table[sample], table)
    distances[np.arange(len(sample)), sample] = np.inf
    nearest = distances.min(axis=1)
    finite = nearest[np.isfinite(nearest)]
    return float(np.percentile(finite, USUAL_PERCENTILE)) if len(finite) else float("inf")


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
