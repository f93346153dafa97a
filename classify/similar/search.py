"""Which measured images are most like a given one, and in what."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.data.columns import check_columns, matrix, model_columns, region_and_family
from featurize.arrays import Float64Array, Int64Array
from featurize.errors import UserError
from featurize.table import TableInfo

# Robust deviations beyond this count as this: one wild feature must not decide what is near.
CUT = 5.0
# A value this far from the middle of the table is worth telling; two values this close are told as alike.
UNUSUAL = 1.5
CLOSE = .5


@dataclass(frozen=True)
class Similar:
    """What was found; d features, c neighbours.

    Parameters
    ----------
    frame, info
        The table that was searched, RangeIndex.
    picture : Series
        The row of the image itself.
    picture_info : TableInfo
        How it was measured, and where it lies.
    features : tuple of str
        The d columns that were compared.
    same : (s,) int
        Rows of the table that are this very file, byte by byte.
    rows : (c,) int
        The nearest other rows of the table, nearest first.
    distances : (n,) float
        To every row of the table: root of the mean squared difference of robust z-scores, every family of measurements
        counting alike. NaN for the same file.
    own : (d,) float
        z-scores of the image; 0 = the middle of the table, NaN = not measured.
    others : (c, d) float
        z-scores of the neighbours.
    ordinary : float
        Distance that 99 % of the table's own images (of at most 300) have to their nearest neighbour at most.
    """

    frame: pd.DataFrame
    info: TableInfo
    picture: pd.Series
    picture_info: TableInfo
    features: tuple[str, ...]
    same: Int64Array
    rows: Int64Array
    distances: Float64Array
    own: Float64Array
    others: Float64Array
    ordinary: float


def search(frame: pd.DataFrame, info: TableInfo, picture_row: pd.DataFrame, n: int = 12,
           picture_info: TableInfo | None = None) -> Similar:
    """Everything but the page."""
    check_columns(frame, info)
    _check_picture(picture_row, info, picture_info or info)
    frame, features = frame.reset_index(drop=True), model_columns(info)
    values = matrix(frame, features).to_numpy(dtype=np.float64)
    own = matrix(picture_row.reset_index(drop=True), features).to_numpy(dtype=np.float64)
    center, scale = _middle(values)
    weights = family_weights(features, list(info.blocks))
    table, mine = (np.clip((v - center) / scale, -CUT, CUT) for v in (values, own))
    distances = distance(mine, table, weights)[0]
    same = np.flatnonzero(frame["sha256"] == picture_row["sha256"].iloc[0])
    distances[same] = np.nan
    rows = np.argsort(distances, kind="stable")[:min(n, int(np.isfinite(distances).sum()))]
    return Similar(frame, info, picture_row.iloc[0], picture_info or info, tuple(features), same, rows, distances,
                   mine[0], table[rows], _ordinary(table, weights))


def _check_picture(picture_row: pd.DataFrame, info: TableInfo, other: TableInfo) -> None:
    if len(picture_row) != 1:
        raise UserError(f"{len(picture_row)} images came that could be measured, one was wanted: name one image file "
                        "that can be opened")
    if info.preset != other.preset or info.blocks != other.blocks:
        raise UserError(f"the image was measured with preset {other.preset.get('name')!r} and the table with "
                        f"{info.preset.get('name')!r} or other versions: make the table again with `python cli.py "
                        "featurize`")


def _middle(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Median and interquartile range / 1.349 of every column, 1 where it does not vary."""
    known = np.isfinite(values).any(axis=0)
    low, center, high = np.zeros((3, values.shape[1]))
    low[known], center[known], high[known] = np.nanpercentile(values[:, known], [25, 50, 75], axis=0)
    scale = (high - low) / 1.349
    return center, np.where(scale > 1e-9 * np.maximum(np.abs(center), 1e-12), scale, 1.0)


def family_weights(features: Sequence[str], families: Sequence[str]) -> Float64Array:
    """(d,) weights that add up to 1, every family of measurements together the same."""
    family = pd.Series([region_and_family(name, families)[1] for name in features])
    return np.asarray(1 / (family.map(family.value_counts()) * family.nunique()), dtype=np.float64)


def distance(a: Float64Array, b: Float64Array, weights: Float64Array) -> Float64Array:
    """(n, m) weighted root mean squared differences over the features that both rows have; infinite if none."""
    known_a, known_b = np.isfinite(a), np.isfinite(b)
    x, y = np.where(known_a, a, 0), np.where(known_b, b, 0)
    shared = (known_a * weights) @ known_b.T.astype(np.float64)
    squares = (x * x * weights) @ known_b.T + (known_a * weights) @ (y * y).T - 2 * (x * weights) @ y.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(shared > 0, np.sqrt(np.maximum(squares, 0) / shared), np.inf))


def _ordinary(table: Float64Array, weights: Float64Array, most: int = 300) -> float:
    """How far images of the table lie from their own nearest neighbour, at the 99th percentile."""
    drawn = np.unique(np.linspace(0, len(table) - 1, min(most, len(table))).astype(int))
    apart = distance(table[drawn], table, weights)
    apart[np.arange(len(drawn)), drawn] = np.inf
    nearest = apart.min(axis=1)
    return float(np.percentile(nearest[np.isfinite(nearest)], 99)) if np.isfinite(nearest).any() else float("inf")


def alike(found: Similar, at: int, most: int = 3) -> list[int]:
    """Features in which the image and a neighbour are both unusual and close, one of each region and family."""
    mine, other = found.own, found.others[at]
    with np.errstate(invalid="ignore"):
        shared = np.minimum(np.abs(mine), np.abs(other))
        fits = (np.abs(mine - other) < CLOSE) & (shared > UNUSUAL)
    return _one_of_each(found, np.where(fits, shared, -np.inf), most)


def different(found: Similar, at: int, most: int = 3) -> list[int]:
    """Features in which they differ most, by at least one deviation, one of each region and family."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(found.own - found.others[at])
        return _one_of_each(found, np.where(gap >= 1, gap, -np.inf), most)


def unusual(found: Similar, most: int = 8) -> list[int]:
    """Features in which the image is farthest from the middle of the table, one of each region and family."""
    size = np.nan_to_num(np.abs(found.own))
    return _one_of_each(found, np.where(size > UNUSUAL, size, -np.inf), most)


def _one_of_each(found: Similar, rank: Float64Array, most: int) -> list[int]:
    """The first features by rank; of features that belong together only the first."""
    chosen: dict[tuple[str, str], int] = {}
    for at in np.argsort(-rank, kind="stable"):
        if not np.isfinite(rank[at]) or len(chosen) == most:
            break
        chosen.setdefault(region_and_family(found.features[at], list(found.info.blocks)), int(at))
    return list(chosen.values())
