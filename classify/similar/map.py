"""The images of a table as points of a plane: principal components, or UMAP (extra `umap`)."""
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from classify.similar.space import compressed, scale_of
from featurize.arrays import Float64Array
from featurize.errors import UserError
from featurize.table import TableInfo

PROJECTIONS = ("pca", "umap")
# Points of the map: of larger tables so many rows are drawn, evenly by class.
MOST_POINTS = 1500
# Rows that the axes are learned from, at most.
MOST_LEARNED = 20_000
# Fewer rows have no plane.
LEAST_ROWS = 3
_UMAP_NEIGHBORS = 15
_SEED = 0


@dataclass(frozen=True)
class TableMap:
    """Rows of a table, and images that were looked for, in a plane.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        The rows that are drawn.
    xy : (n, 2) float64
    pictures : (m, ...) DataFrame or None
        Other images, as they were measured.
    pictures_xy : (m, 2) float64
    rows : int
        Of the table.
    features : int
        Measurements that were compared.
    projection : str
        One of `PROJECTIONS`.
    explained : tuple of two floats, or None
        Shares of the variance of all measurements that the axes hold; None with UMAP.
    """

    frame: pd.DataFrame
    xy: Float64Array
    pictures: pd.DataFrame | None
    pictures_xy: Float64Array
    rows: int
    features: int
    projection: str
    explained: tuple[float, float] | None


def table_map(frame: pd.DataFrame, info: TableInfo, pictures: pd.DataFrame | None = None, projection: str = "pca",
              by: str = "") -> TableMap:
    """Lay a table out in a plane.

    The axes are learned from compressed z-scores of all measurements, each with the same weight; labels take no part.

    Parameters
    ----------
    frame, info
        The table.
    pictures : DataFrame, optional
        Other images, measured in the same way: they are placed and not learned from.
    projection : str
        ``pca`` or ``umap``.
    by : str
        Region or family; "" = all.

    Raises
    ------
    UserError
        An unknown projection, too few rows, no such region or family, or umap-learn is missing.
    """
    if projection not in PROJECTIONS:
        raise UserError(f"--projection {projection} was given, one of {', '.join(PROJECTIONS)} was wanted")
    if len(frame) < LEAST_ROWS:
        raise UserError(f"the table has {len(frame)} rows, a map needs {LEAST_ROWS} or more")
    frame = frame.reset_index(drop=True)
    scale = scale_of(frame, info, by)
    drawn = _even(frame["label"], MOST_POINTS)
    learned = np.union1d(drawn, _even(frame["label"], MOST_LEARNED))
    z = np.nan_to_num(compressed(scale.z_scores(frame.iloc[learned])))
    others = np.nan_to_num(compressed(scale.z_scores(pictures))) if pictures is not None else np.zeros((0, z.shape[1]))
    if z.shape[1] < 2:
        raise UserError(f"{z.shape[1]} measurement is compared, a map needs two or more: leave --by out")
    model, shares = _fitted(z, projection)
    xy = np.asarray(model.transform(z[np.searchsorted(learned, drawn)]), dtype=np.float64)
    others_xy = np.asarray(model.transform(others), dtype=np.float64) if len(others) else np.zeros((0, 2))
    return TableMap(frame.iloc[drawn].reset_index(drop=True), xy, pictures, others_xy, len(frame), z.shape[1],
                    projection, shares)


def _even(label: "pd.Series[str]", most: int) -> np.ndarray:
    """At most so many rows, in order, drawn by chance and evenly from the labels; no label is one of them."""
    if len(label) <= most:
        return np.arange(len(label))
    order = np.random.default_rng(_SEED).permutation(len(label))
    turn = label.fillna("").iloc[order].groupby(label.fillna("").iloc[order]).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def _fitted(z: Float64Array, projection: str) -> tuple[Any, tuple[float, float] | None]:
    if projection == "pca":
        pca = PCA(2, svd_solver="randomized", random_state=_SEED).fit(z)
        return pca, (float(pca.explained_variance_ratio_[0]), float(pca.explained_variance_ratio_[1]))
    try:
        from umap import UMAP
    except ImportError as error:
        raise UserError("--projection umap needs umap-learn: pip install 'pellucid[umap]'") from error
    return UMAP(n_neighbors=min(_UMAP_NEIGHBORS, len(z) - 1), random_state=_SEED, n_jobs=1).fit(z), None
