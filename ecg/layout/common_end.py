"""Rows that left their trace for something that runs on beyond the end of the other rows, such as handwriting."""
from collections.abc import Sequence

import numpy as np

from ecg.layout.model import RowPath
from ecg.layout.row_path import row_path
from ecg.scale import Scale
from featurize.arrays import Float32Array

# Rows end together if they end within this of each other.
_TOGETHER_MM = 1.5
# They tell the end of the others if they are more than this share of all, and so many at least.
_MOST_ROWS = 0.5
_LEAST_ROWS = 2
# A row runs on if it ends this far behind them.
_BEHIND_MM = 4.0
# Its path is another without what is behind the end if it is more than this far off
_OFF_MM = 1.0
# in more than this share of its columns.
_OTHER_SHARE = 0.01
# It is the same row if its base line moves by less than this.
_SAME_ROW_MM = 3.0


def with_common_end(rows: Sequence[RowPath], ink: Float32Array, px_per_mm: Scale, peak: float) -> list[RowPath]:
    """Rows of which those that run on are followed again without the ink behind the end of most.

    A row that then takes the same way up to there only is longer: it stays as it is.

    Parameters
    ----------
    rows : sequence of RowPath
    ink : (H, W) float32
        Of `ecg.layout.rows.clean`.
    px_per_mm : Scale
    peak : float
        See `ecg.layout.row_path.follow`.
    """
    ends = np.array([row.end for row in rows])
    near = np.abs(ends[:, None] - ends) < _TOGETHER_MM * px_per_mm.x
    if not len(rows) or near.sum(axis=1).max() <= max(_LEAST_ROWS - 1, _MOST_ROWS * len(rows)):
        return list(rows)
    end = float(np.median(ends[near[near.sum(axis=1).argmax()]]))
    if ends.max() < end + _BEHIND_MM * px_per_mm.x:
        return list(rows)
    shown = ink.copy()
    shown[:, int(np.ceil(end + _TOGETHER_MM * px_per_mm.x)):] = 0
    return [_on_its_trace(row, shown, end, px_per_mm, peak) if row.end > end + _BEHIND_MM * px_per_mm.x else row
            for row in rows]


def _on_its_trace(row: RowPath, shown: Float32Array, end: float, px_per_mm: Scale, peak: float) -> RowPath:
    """The row as it is followed on the ink that is shown, if that is another way up to the end."""
    again = row_path(shown, row.base, px_per_mm, peak)
    if again is None or abs(again.base - row.base) > _SAME_ROW_MM * px_per_mm.y:
        return row
    both = slice(int(max(row.start, again.start)), int(min(end, again.end)))
    off = np.abs(row.middle[both] - again.middle[both]) > _OFF_MM * px_per_mm.y
    return again if off.mean() > _OTHER_SHARE else row
