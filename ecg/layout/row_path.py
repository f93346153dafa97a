"""The path of one row's trace through the columns of a page."""
from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_closing, label, median_filter

from ecg.kernels.row_path import PathCosts, PathScratch, cheapest_path
from ecg.layout.model import RowPath
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array

# A trace is followed up to this distance from its base line.
_REACH_MM = 45.0
# A trace has at least this length of ink along x.
_LEAST_LENGTH_MM = 25.0
# A pixel begins to count as line from this share of ink on.
_FAINT = 0.05
# A pixel counts fully as line from this share of a level line's ink on: blurred strokes are less dark.
_FULL = 0.85
# Factor on the ink of steep strokes: one that lies between two columns of pixels inks each only partly.
_LIFT = 1.3
# Cost of a path for each mm up or down on ink; a pixel without ink costs 1.
_TRAVEL_PER_MM = 0.04
# Cost of a path in each column for each mm of distance from the row that it prefers.
_PULL_PER_MM = 0.012
# Distance from that row beyond which the cost does not rise.
_FAR_MM = 25
# Cost of a pixel without ink.
_GAP = 1.0
# A pixel is ink from this share on.
_INKED = 0.4
# The base line wanders: it is the running median of the path over this distance to both sides.
_BASE_LINE_MM = 20
# A trace may have gaps up to this; a word stands farther beside it.
_MOST_GAP_MM = 12
# A frame or a ruled line: this share of its path has no bend at all, and it rises by less than this a column.
_RULED_SHARE = 0.98
_RULED_SLOPE = 0.01


def row_path(ink: Float32Array, base: float, px_per_mm: Scale, peak: float) -> RowPath | None:
    """The trace that runs around row `base`, or None where it has less than 25 mm of ink.

    Parameters
    ----------
    ink : (H, W) float32
        Share of ink.
    base : float
    px_per_mm : Scale
    peak : float
        See `follow`.
    """
    reach = _REACH_MM * px_per_mm.y
    top = max(0, int(base - reach))
    band = np.ascontiguousarray(ink[top:int(base + reach) + 1])
    rest = np.full(band.shape[1], base - top, np.float64)
    first, last = follow(band, rest, px_per_mm, peak)
    on = _on_ink(band, first, last)
    if on.sum() < _LEAST_LENGTH_MM * px_per_mm.x:
        return None
    # Base lines wander: follow the trace once more around the base line of the path found.
    rest = _base_line((first + last) / 2, on, px_per_mm)
    first, last = follow(band, rest, px_per_mm, peak)
    on = _on_ink(band, first, last)
    bounds = _bounds(on, px_per_mm)
    if bounds is None:
        return None
    start, end = bounds
    inside = np.zeros(len(on), bool)
    inside[start:end] = True
    middle = (first + last)[start:end] / 2
    if np.quantile(np.abs(np.diff(middle, 2)), _RULED_SHARE) == 0 and np.ptp(middle) < _RULED_SLOPE * len(middle):
        return None  # ruled: a frame, no trace
    at = float(np.median((first + last)[inside & on] / 2)) + top
    return RowPath(at, start, end, first + np.int32(top), last + np.int32(top), on, int((on & inside).sum()))


def retrace_row(row: RowPath, ink: Float32Array, px_per_mm: Scale, peak: float) -> RowPath:
    """The row followed once more on other evidence, around the base line of its path.

    Parameters
    ----------
    row : RowPath
    ink : (H, W) float32
        Evidence; below 0 where the path must not go.
    px_per_mm, peak
        See `row_path`.
    """
    top = max(0, int(row.base - _REACH_MM * px_per_mm.y))
    band = np.ascontiguousarray(ink[top:int(row.base + _REACH_MM * px_per_mm.y) + 1])
    rest = _base_line(row.middle - top, row.on_ink, px_per_mm)
    first, last = follow(band, rest, px_per_mm, peak)
    return replace(row, first=first + np.int32(top), last=last + np.int32(top))


def follow(band: Float32Array, rest: Float64Array, px_per_mm: Scale, peak: float, lift: float = _LIFT
           ) -> tuple[Int32Array, Int32Array]:
    """Rows at which the cheapest path enters and leaves each column of a band.

    Parameters
    ----------
    band : (H, W) float32
    rest : (W,) float64
        The row that the path prefers in each column.
    px_per_mm : Scale
    peak : float
        Share of ink in the middle of a level line: less than 1 where it is thin or blurred.
    lift : float
        Factor on the ink of steep strokes.
    """
    height, width = band.shape
    first, last = np.zeros(width, np.int32), np.zeros(width, np.int32)
    # Columns lie together in memory: the path is found column by column.
    band = np.clip((band - _FAINT) / (_FULL * peak - _FAINT), None, 1).astype(np.float32, order="F")
    costs = PathCosts(_TRAVEL_PER_MM / px_per_mm.y, _PULL_PER_MM / px_per_mm.y, _FAR_MM * px_per_mm.y, _GAP, lift)
    scratch = PathScratch(np.zeros((2, height)), np.zeros((width, height), np.int32),
                          np.zeros((width, height), np.int32))
    cheapest_path(band, rest, costs, scratch, first, last)
    return first, last


def _on_ink(band: Float32Array, first: Int32Array, last: Int32Array) -> BoolArray:
    x = np.arange(band.shape[1])
    middle = (first + last) // 2
    return np.asarray((band[first, x] > _INKED) | (band[last, x] > _INKED) | (band[middle, x] > _INKED))


def _base_line(middle: Float64Array, on: BoolArray, px_per_mm: Scale) -> Float64Array:
    """(W,) running median of a path where it is on ink."""
    window = round(_BASE_LINE_MM * px_per_mm.x)
    known = np.flatnonzero(on)
    filled = np.interp(np.arange(len(middle)), known, middle[known])
    return np.asarray(median_filter(filled, 2 * window + 1, mode="nearest"))


def _bounds(on: BoolArray, px_per_mm: Scale) -> tuple[int, int] | None:
    """First column of the trace, and the column behind its last; None where it is too short."""
    gap = round(_MOST_GAP_MM * px_per_mm.x)
    padded = np.pad(on, gap)
    closed = binary_closing(padded, np.ones(gap))[gap:-gap]
    parts, count = label(closed)
    best: tuple[int, int] | None = None
    for k in range(1, count + 1):
        at = np.flatnonzero((parts == k) & on)
        if len(at) and (best is None or at[-1] + 1 - at[0] > best[1] - best[0]):
            best = int(at[0]), int(at[-1]) + 1
    return best if best and on[best[0]:best[1]].sum() > _LEAST_LENGTH_MM * px_per_mm.x else None


def cover(path: RowPath, *others: RowPath) -> float:
    """Share of a path's columns on ink in which one of the other paths touches it."""
    # Beyond its own end a short path runs along whatever is there.
    on = path.on_ink.copy()
    on[:max(0, int(path.start))] = on[int(np.ceil(path.end)):] = False
    shared = np.zeros(len(on), bool)
    for other in others:
        low = np.maximum(np.minimum(path.first, path.last), np.minimum(other.first, other.last))
        high = np.minimum(np.maximum(path.first, path.last), np.maximum(other.first, other.last))
        shared |= other.on_ink & (high - low >= -1)
    return float((on & shared).sum() / max(on.sum(), 1))
