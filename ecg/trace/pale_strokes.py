"""Beats that a path cut off: it went over bare paper although pale strokes lead up to a peak and back.

On photographs fast strokes have .4 to .7 of a level line's ink: two of 40 px then cost a path more than 8 columns of
bare paper. There, and only there, pale ink counts more.

Tuning values were chosen by hand on 5 photographs and scans.
"""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecg.layout.model import RowPath
from ecg.layout.row_path import follow
from ecg.scale import Scale
from featurize.arrays import Float32Array, Int32Array, runs_of_true

# A path is on ink from this share on.
_INKED = 0.4
# A path over bare paper for this long, mm, is looked at: a beat is no wider there.
_BARE_MM = (0.3, 5.0)
# The way round begins and ends this far beside the bare paper.
_BESIDE_MM = 1.0
# A peak is looked for up to this distance from the path.
_REACH_MM = 35.0
# A peak is at least this high.
_LEAST_PEAK_MM = 1.0
# Factor on the ink of steep strokes.
_LIFT = 2.5
# Strokes have at least this share of ink,
_PALE = 0.2
# in at least this share of their pixels: fast ones may be broken.
_LEAST_INKED = 0.93
# Ink this near to the path of another row belongs to that.
_OTHERS_PX = 2
# Ink in the first and the last column off the path: any other way costs more than the one through it.
_FORBIDDEN = -100


def with_pale_strokes(rows: Sequence[RowPath], ink: Float32Array, px_per_mm: Scale, peak: float) -> list[RowPath]:
    """The rows with paths that follow pale strokes around bare paper; ink that other rows follow is not taken.

    Parameters
    ----------
    rows : sequence of RowPath
    ink : (H, W) float32
        Of `ecg.layout.rows.clean`.
    px_per_mm, peak
        See `ecg.layout.row_path.row_path`.
    """
    out = list(rows)
    columns = np.arange(ink.shape[1])
    for k, row in enumerate(out):
        bare = (np.maximum(ink[row.first, columns], ink[row.last, columns]) < _INKED) & (columns >= row.start) & (
            columns < row.end)
        for a, b in zip(*runs_of_true(bare)):
            if _BARE_MM[0] * px_per_mm.x <= b - a <= _BARE_MM[1] * px_per_mm.x:
                out[k] = _around(out[k], out[:k] + out[k + 1:], (int(a), int(b)), ink, px_per_mm, peak)
    return out


def _around(row: RowPath, others: Sequence[RowPath], bare: tuple[int, int], ink: Float32Array, px_per_mm: Scale,
            peak: float) -> RowPath:
    """The row with the way around bare paper, from column to column, if there is one on ink."""
    beside = round(_BESIDE_MM * px_per_mm.x)
    left, right = max(0, bare[0] - beside), min(ink.shape[1], bare[1] + beside)
    path = row.middle[left:right]
    top = max(0, int(path.min() - _REACH_MM * px_per_mm.y))
    band = ink[top:int(path.max() + _REACH_MM * px_per_mm.y) + 1, left:right].copy()
    for other in others:
        for c, x in enumerate(range(left, right)):
            low, high = sorted((int(other.first[x]) - top, int(other.last[x]) - top))
            band[max(0, low - _OTHERS_PX):max(0, high + _OTHERS_PX + 1), c] = 0
    pinned = band.copy()
    for c, y in ((0, int(row.first[left])), (-1, int(row.last[right - 1]))):
        pinned[:, c] = _FORBIDDEN
        pinned[y - top, c] = 1
    first, last = follow(pinned, path - top, px_per_mm, peak, _LIFT)
    away = np.maximum(np.abs(first + top - path), np.abs(last + top - path)).max()
    if away < _LEAST_PEAK_MM * px_per_mm.y or not _on_ink(band, first, last):
        return row
    whole_first, whole_last, on = row.first.copy(), row.last.copy(), row.on_ink.copy()
    whole_first[left:right], whole_last[left:right], on[left:right] = first + top, last + top, True
    return replace(row, first=whole_first, last=whole_last, on_ink=on)


def _on_ink(band: Float32Array, first: Int32Array, last: Int32Array) -> bool:
    """Whether a path through (H, W) ink is on ink all along, but for few pixels."""
    passed = np.concatenate([band[min(a, b):max(a, b) + 1, c] for c, (a, b) in enumerate(zip(first, last))])
    return bool((passed > _PALE).mean() >= _LEAST_INKED)
