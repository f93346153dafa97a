"""A table in memory that is searched again and again: what is the same for all images is computed once."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.similar.space import Scale, compressed, distance, scale_of, usual_distance
from featurize.arrays import Float64Array, Int64Array
from featurize.table import TableInfo


@dataclass(frozen=True)
class WholeTable:
    """All rows of a table as points; it finds the same neighbors as a search without it.

    Parameters
    ----------
    scale : Scale
    points : (n, d) float64
        Compressed z-scores.
    usual_distance : float
        See `Similar`.
    recall : None
        Every row is compared.
    """

    scale: Scale
    points: Float64Array
    usual_distance: float
    recall: None = None

    def nearest(self, frame: pd.DataFrame, z: Float64Array, n: int) -> tuple[Int64Array, Float64Array]:
        """The n rows of the table nearest to (d,) z-scores, with their distances; `frame` is the table."""
        near = distance(compressed(z[None]), self.points)[0]
        rows = np.argsort(near, kind="stable")[:n]
        return rows, near[rows]


def whole_table(frame: pd.DataFrame, info: TableInfo) -> WholeTable:
    """Make a table ready for searches by all its measurements."""
    scale = scale_of(frame, info)
    points = compressed(scale.z_scores(frame))
    return WholeTable(scale, points, usual_distance(points))
