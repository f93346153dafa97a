"""Handwriting over a page in another color than the traces': told by its color, and by its size from letters.

In darkness a mixture of trace, grid and paper lies in the plane of the trace's and the grid's colors. What lies far off
that plane was drawn with another pen. On 41 drawn pages and photographs the share of such ink is the same for every
threshold from .12 to .2: handwriting lies at .2 and more, traces below .05.
"""
import cv2
import numpy as np

from ecg.page.colors import Colors
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array

# A pixel is of another pen if its color is off the plane by more than this share of the ink's darkness.
_OFF_PLANE = 0.15
# If half of all ink is off by more than this, it is the ink's color that was not measured right.
_USUAL_OFF = 0.05
# A pixel belongs to a stroke from this share of ink on,
_STROKE = 0.3
# and is all ink from this one on.
_INKED = 0.5
# Handwriting that is less ink than this, at the median of its strokes, is told from the trace without being hidden.
_USUAL_INK = 0.5
# Strokes are smoothed by a square of this side, against the coarse colors of JPEG, px,
_SMOOTH_PX = 3
# and joined, with their pale edges, by a square of this side, px.
_JOINED_PX = 5
# Handwriting has a side longer than this, mm: names of leads may be printed in another color.
_LEAST_SIDE_MM = 6.0
# Grid and ink span a plane if the part of the grid's color beside the ink's is more than this share of it.
_LEAST_BESIDE = 0.2


def other_pens(dark: Float32Array, ink: Float32Array, colors: Colors, px_per_mm: Scale) -> BoolArray:
    """Where something is written over a page in another color than the traces' that could be taken for them, (H, W).

    Parameters
    ----------
    dark : (H, W, 3) float32
        Of `ecg.page.colors.darkness`.
    ink : (H, W) float32
        Share of ink of any pen.
    colors : Colors
    px_per_mm : Scale
    """
    size = float(np.linalg.norm(colors.ink))
    off = cv2.blur(cv2.transform(dark, _off_plane(colors).astype(np.float32)), (_SMOOTH_PX, _SMOOTH_PX))
    distance = np.sqrt(cv2.transform(off * off, np.ones((1, 3), np.float32)))
    inked = ink > _INKED
    if not inked.any() or float(np.median(distance[inked])) > _USUAL_OFF * size:
        return np.zeros(ink.shape, bool)
    strokes = (distance > _OFF_PLANE * size) & (ink > _STROKE)
    joined = cv2.dilate(strokes.astype(np.uint8), np.ones((_JOINED_PX, _JOINED_PX), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(joined, 8, cv2.CV_32S, cv2.CCL_BBDT)
    large = np.maximum(stats[:, cv2.CC_STAT_WIDTH] / px_per_mm.x,
                       stats[:, cv2.CC_STAT_HEIGHT] / px_per_mm.y) > _LEAST_SIDE_MM
    large[0] = False
    written = large[labels]
    strokes &= written
    if not strokes.any() or float(np.median(ink[strokes])) < _USUAL_INK:
        return np.zeros(ink.shape, bool)
    return np.asarray(written)


def _off_plane(colors: Colors) -> Float64Array:
    """(3, 3) projection of a color onto what neither ink nor grid has: on the one direction, or two of a gray grid."""
    ink = colors.ink / float(np.linalg.norm(colors.ink))
    out = np.eye(3) - np.outer(ink, ink)
    beside = out @ colors.grid
    length = float(np.linalg.norm(beside))
    if length > _LEAST_BESIDE * float(np.linalg.norm(colors.grid)):
        out -= np.outer(beside, beside) / length ** 2
    return np.asarray(out, np.float64)
