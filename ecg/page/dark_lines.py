"""5 mm lines as dark as the trace, on a page in shades: what lies on them is told by what lies beside them.

A trace darkens a line of darkness g from g to 1 at most. Where g is nearly 1 nothing is seen on the line: strokes that
cross it, and a level trace that is wider than the line, show above and below it.

Tuning values were chosen by hand on drawn pages (`benchmarks.ecg_review`, even records).
"""
import numpy as np
from scipy.ndimage import percentile_filter

from ecg.page.gridlines import GridLineMask
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, IntpArray

# Half the length along a line in which its darkness is measured, mm.
_HALF_WINDOW_MM = 30
# Traces darken less of a window than all but this percentage of it.
_BARE_PERCENT = 15
# Step in which that window moves along the line, px.
_STEP_PX = 4
# Where a level trace fills a window, a line's darkness, summed up across it, is above the median of all lines by more
# than this factor.
_TRACE_RATIO = 1.3
# Lines darker than this, of the ink, hide what lies on them.
_HIDING = 0.6


def without_dark_lines(share: Float32Array, px_per_mm: Scale, on_line: GridLineMask) -> Float32Array:
    """Darkness after the 5 mm lines are taken away.

    Parameters
    ----------
    share : (H, W) float32
        Darkness, 1 as the trace's ink.
    px_per_mm : Scale
    on_line : GridLineMask
        Where the grid's lines lie.

    Returns
    -------
    (H, W) float32
        Not cut to 0..1.
    """
    level = _line_darkness(share, on_line.rows, px_per_mm)
    upright = _line_darkness(share.T, on_line.columns, px_per_mm.turned).T
    lines = np.maximum(level, upright)
    hidden = np.minimum(lines, np.float32(_HIDING))
    out = np.asarray((share - hidden) / (1 - hidden), np.float32)
    rows, columns = np.flatnonzero(on_line.rows), np.flatnonzero(on_line.columns)
    by_level, by_upright = level > _HIDING, upright > _HIDING
    across = _from_both_sides(out.T, by_upright.T, columns).T
    out = np.where(by_level, _from_both_sides(out, by_level, rows), out)
    out = np.where(by_upright, across, out)
    both = by_level & by_upright
    crossing = np.maximum(_from_both_sides(out, both, rows), _from_both_sides(out.T, both.T, columns).T)
    return np.where(both, crossing, out)


def _line_darkness(share: Float32Array, on: BoolArray, px_per_mm: Scale) -> Float32Array:
    """(H, W) darkness of the lines along rows `on`, 0 elsewhere: what nearly all of a long window along the row has."""
    out = np.zeros(share.shape, np.float32)
    rows = np.flatnonzero(on)
    if not len(rows):
        return out
    length = max(3, round(2 * _HALF_WINDOW_MM * px_per_mm.x / _STEP_PX) | 1)
    own = percentile_filter(np.clip(share[rows, ::_STEP_PX], 0, 1), _BARE_PERCENT, size=(1, length))
    bands = np.cumsum(np.r_[0, np.diff(rows) > 1])
    sums = np.stack([own[bands == band].sum(axis=0) for band in range(bands[-1] + 1)])
    most = _TRACE_RATIO * float(np.median(sums))
    own *= np.minimum(1, most / np.maximum(sums, 1e-6))[bands]
    out[rows] = np.repeat(own, _STEP_PX, axis=1)[:, :share.shape[1]]
    return out


def _from_both_sides(image: Float32Array, hidden: BoolArray, rows: IntpArray) -> Float32Array:
    """(H, W) the image with hidden pixels of some rows between what is above and below them, by distance."""
    out = np.array(image)
    at = np.arange(len(image), dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(hidden, -1, at), axis=0)[rows]
    below = np.minimum.accumulate(np.where(hidden, len(image), at)[::-1], axis=0)[::-1][rows]
    columns = np.arange(image.shape[1])
    first, last = np.maximum(above, 0), np.minimum(below, len(image) - 1)
    part = (rows[:, None] - first) / np.maximum(last - first, 1)
    out[rows] = image[first, columns] * (1 - part) + image[last, columns] * part
    return out
