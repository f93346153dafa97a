"""The path of one row's trace through the columns of a page."""
from dataclasses import replace

import numpy as np

from ecg.kernels.row_path import cheapest_path
from ecg.layout.model import RowPath
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array

# How far from its base line a trace is followed.
_REACH_MM = 45.0
_LEAST_MM = 25.0
# Share of ink from which a pixel begins to count as line, and share of a level line's ink that counts fully.
_FAINT = 0.05
_SURE = 0.85
# A steep stroke lies between two columns of pixels over a long way, each only partly inked.
_LIFT = 1.3


def row_path(ink: Float32Array, base: float, px_per_mm: Scale, peak: float) -> RowPath | None:
    """The trace that runs around row `base`, or None where less than 25 mm of ink does.

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
    for _ in range(1):  # base lines wander: look again around the path's own course
        on = _on_ink(band, first, last)
        if on.sum() < _LEAST_MM * px_per_mm.x:
            return None
        rest = _course((first + last) / 2, on, rest, round(20 * px_per_mm.x))
        first, last = follow(band, rest, px_per_mm, peak)
    on = _on_ink(band, first, last)
    extent = _extent(on, px_per_mm)
    if extent is None:
        return None
    inside = np.zeros(len(on), bool)
    inside[extent[0]:extent[1]] = True
    middle = (first + last)[extent[0]:extent[1]] / 2
    if np.quantile(np.abs(np.diff(middle, 2)), 0.98) == 0 and np.ptp(middle) < 0.01 * len(middle):
        return None  # ruled: a frame, no trace
    at = float(np.median((first + last)[inside & on] / 2)) + top
    return RowPath(at, extent[0], extent[1], first + np.int32(top), last + np.int32(top), on, int((on & inside).sum()))


def row_again(row: RowPath, ink: Float32Array, px_per_mm: Scale, peak: float) -> RowPath:
    """The row followed once more on other evidence, around the course that it took.

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
    rest = _course(row.middle - top, row.on_ink, row.middle, round(20 * px_per_mm.x))
    first, last = follow(band, rest, px_per_mm, peak)
    return replace(row, first=first + np.int32(top), last=last + np.int32(top))


def follow(band: Float32Array, rest: Float64Array, px_per_mm: Scale, peak: float) -> tuple[Int32Array, Int32Array]:
    """Rows at which the cheapest path enters and leaves each column of a band.

    Parameters
    ----------
    band : (H, W) float32
    rest : (W,) float64
        The row that the path prefers in each column.
    px_per_mm : Scale
    peak : float
        Share of ink in the middle of a level line: less than 1 where it is thin or blurred.
    """
    height, width = band.shape
    first, last = np.zeros(width, np.int32), np.zeros(width, np.int32)
    # Blurred strokes are less dark than sharp ones and as much a line.
    # Columns lie together in memory: the path is sought column by column.
    band = np.clip((band - _FAINT) / (_SURE * peak - _FAINT), None, 1).astype(np.float32, order="F")
    source, entry = np.zeros((width, height), np.int32), np.zeros((width, height), np.int32)
    cheapest_path(band, rest, 0.04 / px_per_mm.y, 0.012 / px_per_mm.y, 25 * px_per_mm.y, 1.0, _LIFT,
                  np.zeros((2, height)), source, entry, first, last)
    return first, last


def _on_ink(band: Float32Array, first: Int32Array, last: Int32Array) -> BoolArray:
    x = np.arange(band.shape[1])
    return np.asarray((band[first, x] > 0.4) | (band[last, x] > 0.4) | (band[(first + last) // 2, x] > 0.4))


def _course(middle: Float64Array, on: BoolArray, rest: Float64Array, window: int) -> Float64Array:
    """Running median of the path where it is on ink: a guess of the wandering base line."""
    from scipy.ndimage import median_filter
    known = np.flatnonzero(on)
    filled = np.interp(np.arange(len(middle)), known, middle[known])
    return np.asarray(median_filter(filled, 2 * window + 1, mode="nearest"))


def _extent(on: BoolArray, px_per_mm: Scale) -> tuple[int, int] | None:
    """First and last column of the trace: gaps up to 12 mm are inside it, words beside it are not."""
    from scipy.ndimage import binary_closing, label
    gap = round(12 * px_per_mm.x)
    padded = np.pad(on, gap)
    closed = binary_closing(padded, np.ones(gap))[gap:-gap]
    parts, count = label(closed)
    best: tuple[int, int] | None = None
    for k in range(1, count + 1):
        at = np.flatnonzero((parts == k) & on)
        if len(at) and (best is None or at[-1] + 1 - at[0] > best[1] - best[0]):
            best = int(at[0]), int(at[-1]) + 1
    return best if best and on[best[0]:best[1]].sum() > _LEAST_MM * px_per_mm.x else None


def cover(path: RowPath, *others: RowPath) -> float:
    """Share of a path's columns on ink at which one of others runs at the same place."""
    # Beyond its own end a short path runs along whatever is there.
    on = path.on_ink.copy()
    on[:max(0, int(path.start))] = on[int(np.ceil(path.end)):] = False
    shared = np.zeros(len(on), bool)
    for other in others:
        low = np.maximum(np.minimum(path.first, path.last), np.minimum(other.first, other.last))
        high = np.minimum(np.maximum(path.first, path.last), np.maximum(other.first, other.last))
        shared |= other.on_ink & (high - low >= -1)
    return float((on & shared).sum() / max(on.sum(), 1))
