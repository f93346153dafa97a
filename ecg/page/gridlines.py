"""Lines of a grid that no color tells from the trace: told by running straight, and by coming again every 5 mm."""
import cv2
import numpy as np
from scipy.ndimage import percentile_filter

from ecg.page.grid import BOX_MM
from ecg.scale import Scale
from featurize.arrays import Float32Array, UInt8Array

# Half the window along a line, mm, and the step in which it is walked, px.
_HALF_MM = 3
_STEP = 4
# A row this much darker than the same rows of the boxes above and below (and by so many of 255) carries a level trace.
_DARKER = 1.2
_AND = 10
# A row that is dark in all but this share of its columns, though less than this, is a line.
_MARGIN = 0.03
_FAINT = 0.6
# No line is darker: of its pixels the trace could not be told.
_DARKEST = 0.9


def without_lines(dark: Float32Array, px_per_mm: Scale) -> Float32Array:
    """Share of ink after the grid's lines are taken away.

    Parameters
    ----------
    dark : (H, W) float32
        Darkness, 1 as the trace's ink.
    px_per_mm : Scale

    Returns
    -------
    (H, W) float32
        Not cut to 0..1.
    """
    bytes_ = np.clip(dark * 255, 0, 255).astype(np.uint8)
    level, upright = _level_lines(bytes_, px_per_mm), _level_lines(bytes_.T, px_per_mm.turned).T
    lines = np.minimum(np.maximum(level, upright).astype(np.float32) / np.float32(255), np.float32(_DARKEST))
    # A pixel of trace over a line of darkness g shows g + share (1 - g).
    return np.asarray((dark - lines) / (1 - lines), np.float32)


def _level_lines(image: UInt8Array, px_per_mm: Scale) -> UInt8Array:
    """(H, W) darkness of the lines along rows: what most of a long window along the row shares.

    A trace that runs level for as long shares it too, but not with the same row of other boxes; there the row's own
    darkness to the left and to the right is taken.
    """
    length = 2 * round(_HALF_MM * px_per_mm.x) + 1
    own = np.asarray(percentile_filter(image[:, ::_STEP], 50, size=(1, max(3, length // _STEP | 1))))
    usual = _same_row_elsewhere(own, BOX_MM * px_per_mm.y)
    # Lines that fall on one row of pixels are darker than those that share two; they are dark up to the margins.
    throughout = np.quantile(own, _MARGIN, axis=1, keepdims=True)
    ruled = own <= _DARKER * np.maximum(usual, np.where(throughout < 255 * _FAINT, throughout, 0)) + _AND
    columns = np.arange(own.shape[1], dtype=np.int32)
    left = np.maximum.accumulate(np.where(ruled, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(ruled, columns, own.shape[1])[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(own))[:, None]
    beside = [np.where((at >= 0) & (at < own.shape[1]), own[rows, np.clip(at, 0, own.shape[1] - 1)], 255)
              for at in (left, right)]
    found = np.where(ruled, own, np.minimum(np.minimum(*beside), usual)).astype(np.uint8)
    return np.repeat(found, _STEP, axis=1)[:, :image.shape[1]]


def _same_row_elsewhere(own: UInt8Array, box_px: float) -> Float32Array:
    """The middle of what the same row of four boxes nearby shows, each to a pixel up or down."""
    wide = cv2.dilate(own, np.ones((3, 1), np.uint8))
    rows, near = np.arange(len(own)), []
    for boxes in (-2, -1, 1, 2):
        at = rows + round(boxes * box_px)
        at += np.where(at < 0, round(5 * box_px), np.where(at >= len(own), -round(5 * box_px), 0))
        near.append(wide[np.clip(at, 0, len(own) - 1)])
    a, b, c, d = near
    low, high = np.maximum(np.minimum(a, b), np.minimum(c, d)), np.minimum(np.maximum(a, b), np.maximum(c, d))
    return (low.astype(np.float32) + high) / 2
