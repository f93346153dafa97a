"""The scale of a page by the lines of its grid, as they are drawn."""
from collections.abc import Sequence

import numpy as np

from ecg.scale import Scale
from ecg.vectors.drawing import Drawing, Polyline
from featurize.arrays import Float64Array

# Lines at distances that differ from each other by less than this share of the distance are a grid.
_IRREGULAR = 0.08
# Fewer lines are none.
_LEAST_LINES = 8
# A grid has lines in all of this share of the picture's width or height.
_LEAST_EXTENT = 0.3
# A line of the grid is drawn along this share of the longest one at least.
_LEAST_LENGTH = 0.3
# Lines nearer to each other than this, px, are one.
_SAME_PX = 0.3
# A line rises by no more than this, px.
_LEVEL_PX = 0.05
# Lines of a grid are 1 mm and 5 mm apart; two distances that differ by this factor, to 2 %, are both.
_FACTOR = 5.0
_FACTOR_OFF = 0.02
# A single distance is taken for 5 mm from this many mm on, were the page printed at full size: the middle between 1 and
# 5 mm, as factors go.
_LARGE_MM = 5 ** 0.5


def grid_scale(drawing: Drawing) -> Scale | None:
    """Pixels a millimetre by the lines of the grid; None if none is drawn as lines.

    Lines of one style (color and width) make up a grid if they are at equal distances over a good part of the page. Two
    styles whose distances are as 5 to 1 are lines of 5 mm and 1 mm. One distance alone is that of the two to which it
    is nearer, were the page printed at full size.
    """
    scales = []
    for axis, mm_px in enumerate((drawing.px_per_mm.x, drawing.px_per_mm.y)):
        step = _millimetre(_lines_across(drawing.polylines, axis), drawing.rgb.shape[1 - axis], mm_px)
        if step is None:
            return None
        scales.append(step)
    return Scale(scales[0], scales[1])


def _lines_across(polylines: Sequence[Polyline], axis: int) -> dict[tuple[int, ...], Float64Array]:
    """Positions along an axis, and lengths, of the straight lines across it: (n, 2) for each style."""
    found: dict[tuple[int, ...], list[tuple[float, float]]] = {}
    for line in polylines:
        if len(line.xy) > 5:
            continue
        for a, b in zip(line.xy, line.xy[1:]):
            if abs(a[axis] - b[axis]) < _LEVEL_PX and a[1 - axis] != b[1 - axis]:
                found.setdefault(line.style, []).append((float(a[axis] + b[axis]) / 2,
                                                         abs(float(a[1 - axis] - b[1 - axis]))))
    return {style: np.array(lines) for style, lines in found.items()}


def _millimetre(styles: dict[tuple[int, ...], Float64Array], extent_px: int, mm_px: float) -> float | None:
    """Pixels a millimetre by the lines across an axis."""
    steps = sorted(step for lines in styles.values() for step in [_distance(lines, extent_px)] if step)
    if not steps:
        return None
    finest = steps[0]
    if any(abs(step / finest / _FACTOR - 1) < _FACTOR_OFF for step in steps[1:]):
        return finest
    return finest if finest < _LARGE_MM * mm_px else finest / _FACTOR


def _distance(lines: Float64Array, extent_px: int) -> float | None:
    """Distance of the lines of one style if it is one; lines may be missing in between."""
    lines = lines[np.argsort(lines[:, 0])]
    first = np.flatnonzero(np.diff(lines[:, 0], prepend=-np.inf) > _SAME_PX)
    at, length = lines[first, 0], np.add.reduceat(lines[:, 1], first)
    at = at[length > _LEAST_LENGTH * length.max()]
    if len(at) < _LEAST_LINES or np.ptp(at) < _LEAST_EXTENT * extent_px:
        return None
    gaps = np.diff(at)
    number = np.r_[0, np.cumsum(np.round(gaps / np.median(gaps)))]
    if number[-1] < 1:
        return None
    step, offset = np.polyfit(number, at, 1).tolist()
    return step if np.abs(number * step + offset - at).max() < _IRREGULAR * step else None
