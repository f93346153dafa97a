"""Grid lines of the trace's own color: recognized because they are straight and come again every 5 mm.

Tuning values were chosen by hand on drawn pages (`ecg.simulate`).
"""
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import percentile_filter

from ecg.page.grid import BOX_MM
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, UInt8Array

# Half the length along a line whose median is its darkness, mm.
_HALF_WINDOW_MM = 3
# Step in which that window moves along the line, px.
_STEP_PX = 4
# A row darker than the same row of the boxes nearby by this factor carries a level trace ...
_TRACE_RATIO = 1.2
# ... if it is also darker by this much, of 255.
_TRACE_MARGIN = 10
# A row is a line if all of it but this share of its columns is dark,
_BARE_SHARE = 0.03
# unless that share of its columns is darker than this: then it is a trace all over the page.
_LINE_DARKNESS = 0.6
# No line is taken to be darker than this: on a black line no trace can be seen.
_DARKEST_LINE = 0.9
# Boxes up and down whose same row is compared.
_COMPARED_BOXES = (-2, -1, 1, 2)
# If one of them is off the page, the one farther by this many is taken.
_INSTEAD_BOXES = 5
# On a fax: share of ink above which a pixel is black.
_BLACK = 0.5
# Share of ink above which a line that a scanner broke goes on.
_FAINT = 0.1
# Rows on which lines lie are black to more than this share in a fifth of them; where specks are all that is left of the
# lines, to less: .38 to .67 on 2 drawn pages, .02 to .08 on 3 of specks.
_DRAWN_SHARE = 0.15
# The fifth.
_DRAWN_QUANTILE = 0.8
# Least height of a bar, such as a side of a printed box, mm.
_BAR_HEIGHT_MM = 4
# Least width of a bar, mm.
_BAR_WIDTH_MM = 0.6
# Least width of a bar, px.
_BAR_WIDTH_PX = 4
# Least length of a black line, mm.
_LINE_MM = 3
# Breaks up to this part of that length, 1 / 4, are closed.
_BREAK_PART = 4
# A stroke goes on at both sides of a line that hid it: gaps up to this are closed, mm.
_HIDDEN_MM = 0.8
# Half the height across a line in which its ink is summed up, mm.
_HALF_ACROSS_MM = 0.4
# Ink beyond the line's own that is a trace on it, px.
_MORE_INK_PX = 0.6
# Least length of a trace along a level line, mm: strokes that cross it must not be joined at their feet.
_LEVEL_TRACE_MM = 3
# Least length of a trace along an upright line, mm: strokes are steep.
_STEEP_TRACE_MM = 0.6


@dataclass(frozen=True)
class GridLineMask:
    """Where 5 mm lines lie on a flat page.

    Parameters
    ----------
    rows : (H,) bool
    columns : (W,) bool
    """

    rows: BoolArray
    columns: BoolArray


def without_grid_lines(dark: Float32Array, px_per_mm: Scale) -> Float32Array:
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
    lines = np.minimum(np.maximum(level, upright).astype(np.float32) / np.float32(255), np.float32(_DARKEST_LINE))
    # A pixel of trace over a line of darkness g shows g + share (1 - g).
    return np.asarray((dark - lines) / (1 - lines), np.float32)


def _level_lines(image: UInt8Array, px_per_mm: Scale) -> UInt8Array:
    """(H, W) darkness of the lines along rows: the median of a long window along the row.

    A level trace as long as the window has such a median too, but the same row of other boxes has not. There the row's
    own darkness to the left and to the right is taken instead.
    """
    length = 2 * round(_HALF_WINDOW_MM * px_per_mm.x) + 1
    own = np.asarray(percentile_filter(image[:, ::_STEP_PX], 50, size=(1, max(3, length // _STEP_PX | 1))))
    usual = _same_row_elsewhere(own, BOX_MM * px_per_mm.y)
    # Lines that fall on one row of pixels are darker than those that share two; they are dark up to the margins.
    throughout = np.quantile(own, _BARE_SHARE, axis=1, keepdims=True)
    line_level = np.maximum(usual, np.where(throughout < 255 * _LINE_DARKNESS, throughout, 0))
    is_line = own <= _TRACE_RATIO * line_level + _TRACE_MARGIN
    columns = np.arange(own.shape[1], dtype=np.int32)
    left = np.maximum.accumulate(np.where(is_line, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(is_line, columns, own.shape[1])[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(own))[:, None]
    beside = [np.where((at >= 0) & (at < own.shape[1]), own[rows, np.clip(at, 0, own.shape[1] - 1)], 255)
              for at in (left, right)]
    found = np.where(is_line, own, np.minimum(np.minimum(*beside), usual)).astype(np.uint8)
    return np.repeat(found, _STEP_PX, axis=1)[:, :image.shape[1]]


def _same_row_elsewhere(own: UInt8Array, box_px: float) -> Float32Array:
    """The mean of the middle two of what the same row of four boxes nearby shows, each to a pixel up or down."""
    tall = cv2.dilate(own, np.ones((3, 1), np.uint8))
    rows, near = np.arange(len(own)), []
    for boxes in _COMPARED_BOXES:
        at = rows + round(boxes * box_px)
        instead = round(_INSTEAD_BOXES * box_px)
        at += np.where(at < 0, instead, np.where(at >= len(own), -instead, 0))
        near.append(tall[np.clip(at, 0, len(own) - 1)])
    a, b, c, d = near
    low, high = np.maximum(np.minimum(a, b), np.minimum(c, d)), np.minimum(np.maximum(a, b), np.maximum(c, d))
    return (low.astype(np.float32) + high) / 2


def without_black_lines(share: Float32Array, px_per_mm: Scale, on_line: GridLineMask) -> Float32Array:
    """Share of ink after lines as black as the trace are taken away; strokes across them are joined again.

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
        0 to 1.
    """
    mask = (share > _BLACK).astype(np.uint8)
    if not _are_drawn(mask, on_line):
        return np.clip(share, 0, 1)
    bar = np.ones((round(_BAR_HEIGHT_MM * px_per_mm.y), max(_BAR_WIDTH_PX, round(_BAR_WIDTH_MM * px_per_mm.x))),
                  np.uint8)
    bars = cv2.morphologyEx(mask, cv2.MORPH_OPEN, bar)
    thin = np.where(cv2.dilate(bars, np.ones((3, 3), np.uint8)) > 0, np.float32(0), share)
    faint, lines = (share > _FAINT).astype(np.uint8), np.zeros_like(mask)
    for axis, on in enumerate((on_line.rows, on_line.columns)):
        shape = (1, round(_LINE_MM * px_per_mm.x)) if axis == 0 else (round(_LINE_MM * px_per_mm.y), 1)
        closed = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones([max(1, n // _BREAK_PART) for n in shape], np.uint8))
        long = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        own = long & np.expand_dims(on, 1 - axis).astype(np.uint8)
        lines |= own & (1 - _trace_along(thin, own, axis, px_per_mm))
    # A bar beside a line is no stroke.
    left = mask & (1 - lines) & (1 - bars)
    high, wide = round(_HIDDEN_MM * px_per_mm.y), round(_HIDDEN_MM * px_per_mm.x)
    joined = cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((high, 1), np.uint8)) | cv2.morphologyEx(
        left, cv2.MORPH_CLOSE, np.ones((1, wide), np.uint8)) | bars
    return np.asarray(np.where((lines > 0) & (joined == 0), np.float32(0), np.clip(share, 0, 1)), np.float32)


def _are_drawn(mask: UInt8Array, on_line: GridLineMask) -> bool:
    """Whether the rows or columns of a mask (H, W) on which lines lie are black, other than by traces across them."""
    shares = (mask[on_line.rows].mean(axis=1), mask[:, on_line.columns].mean(axis=0))
    return any(len(part) and np.quantile(part, _DRAWN_QUANTILE) > _DRAWN_SHARE for part in shares)


def _trace_along(share: Float32Array, lines: UInt8Array, axis: int, px_per_mm: Scale) -> UInt8Array:
    """(H, W) 0 or 1: where a trace runs along a line, because there is more ink across it than the line itself has."""
    if not lines.any():
        return lines
    wide = 2 * round(_HALF_ACROSS_MM * (px_per_mm.y if axis == 0 else px_per_mm.x)) + 1
    ink = cv2.boxFilter(share, -1, (1, wide) if axis == 0 else (wide, 1), normalize=False)
    more = (ink > float(np.median(ink[lines > 0])) + _MORE_INK_PX).astype(np.uint8) & lines
    long = (1, round(_LEVEL_TRACE_MM * px_per_mm.x)) if axis == 0 else (round(_STEEP_TRACE_MM * px_per_mm.y), 1)
    return np.asarray(cv2.morphologyEx(more, cv2.MORPH_OPEN, np.ones(long, np.uint8)))
