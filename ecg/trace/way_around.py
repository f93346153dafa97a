"""The way that pale or broken strokes lead around a place where a line lies on bare paper.

Pale ink counts as much as a level line's here, and what `ecg.layout.rows.clean` took for small marks is looked at
again.

Tuning values were chosen by hand on 4 photographs and on drawn pages of even records (`benchmarks.ecg_review`).
"""
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ecg.layout.model import Layout
from ecg.layout.row_path import follow
from ecg.page.grid import BOX_MM
from ecg.scale import Scale
from ecg.trace.line import Line
from ecg.trace.name_overlap import merged_names
from featurize.arrays import Float32Array, Float64Array, Int32Array

# The way round begins and ends this far beside the bare paper, mm.
_BESIDE_MM = 2.0
# A peak is looked for up to this distance from the line, mm.
_REACH_MM = 35.0
# A peak is at least this high, mm.
_LEAST_PEAK_MM = 1.0
# Factor on the ink of strokes: those of photographs have .4 to .7 of a level line's.
_LIFT = 4.0
# Strokes have at least this share of ink,
_PALE = 0.2
# in at least this share of their pixels: fast ones may be broken.
_LEAST_INKED = 0.8
# Breaks of a stroke up to this are closed, mm,
_BREAK_MM = 3.0
# with this share of the ink at both sides.
_CLOSED_SHARE = 0.5
# Where a thin stroke goes from one column to the next it is broken for less than this, px.
_SHORT_BREAK_PX = 5
# The grid's own ink is what stands so many boxes to the left and to the right.
_BOXES = (-2, -1, 1, 2)
# Ink this near to another line belongs to that, px.
_OTHERS_PX = 2
# Below this share of ink paper is bare: going over it costs a path as this much ink less than none does,
_BARE = 0.1
# so that only a way without ink crosses it.
_BARE_PAPER = -5.0
# Points of a way whose distances from the line differ by less than this are all its farthest, px.
_LEVEL_PX = 2
# Around a name nothing is a stroke, px.
_NAME_MARGIN_PX = 2
# Ink in the first and the last column off the line: any other way costs more than the one through it.
_FORBIDDEN = -100
# A way crosses a column within this distance of its middle: it enters at one side and leaves at the other.
HALF_COLUMN_PX = 0.4


@dataclass(frozen=True)
class PageInk:
    """Ink of a page in which pale strokes are looked for.

    Parameters
    ----------
    marks : (H, W) float32
        Share of ink of `ecg.page.pen.as_line`, small marks included.
    traces : (H, W) float32
        The same after `ecg.layout.rows.clean`.
    peak : float
        See `ecg.layout.row_path.row_path`.
    """

    marks: Float32Array
    traces: Float32Array
    peak: float


@dataclass(frozen=True)
class Way:
    """A way through columns `left` to `left + n` of the page.

    Parameters
    ----------
    left : int
    first, last : (n,) int32
        Rows at which it enters and leaves each column.
    line : (n,) float64
        Rows of the line there before.
    """

    left: int
    first: Int32Array
    last: Int32Array
    line: Float64Array


def way_around(lines: Sequence[Line], owner: int, bare: tuple[int, int], page: PageInk, layout: Layout) -> Way | None:
    """The way on ink around the bare columns of a line, if there is one.

    Ink of other lines and of names is not taken.

    Parameters
    ----------
    lines : sequence of Line
        Of all leads of the page.
    owner : int
        Which of them lies on bare paper.
    bare : (int, int)
        From and to which column.
    page : PageInk
    layout : Layout
    """
    scale, line = layout.px_per_mm, lines[owner]
    beside = round(_BESIDE_MM * scale.x)
    left = max(0, int(np.ceil(line.x[0])), bare[0] - beside)
    right = min(page.marks.shape[1], int(line.x[-1]) + 1, bare[1] + beside)
    rows_of_line = rows_at(line, np.arange(left, right))
    if rows_of_line.min() < 0 or rows_of_line.max() > len(page.marks) - 1:
        return None  # the line has left the page
    top = max(0, int(rows_of_line.min() - _REACH_MM * scale.y))
    rows, columns = slice(top, int(rows_of_line.max() + _REACH_MM * scale.y) + 1), slice(left, right)
    band = np.where(page.traces[rows, columns] > 0, page.traces[rows, columns],
                    _beside_grid(page.marks, rows, columns, scale))
    for k, other in enumerate(lines):
        if k != owner:
            _without_line(band, other, top, left)
    _without_names(band, top, left, layout)
    closed = _closed(band, scale)
    pinned = np.where(closed < _BARE, np.float32(_BARE_PAPER), closed)
    path = rows_of_line[:, 1] - top
    for c, y in ((0, path[0]), (-1, path[-1])):
        pinned[:, c] = _FORBIDDEN
        pinned[int(np.clip(round(y), 0, len(band) - 1)), c] = 1
    first, last = follow(pinned, path, scale, page.peak, _LIFT)
    # Beside the beat the line stays as it was fitted.
    a, b = _changed(first, last, rows_of_line - top, bare[0] - left, bare[1] - left)
    band, closed, first, last, path = band[:, a:b], closed[:, a:b], first[a:b], last[a:b], path[a:b]
    away = np.maximum(np.abs(first - path), np.abs(last - path)).max()
    if away < _LEAST_PEAK_MM * scale.y or not _on_ink(band, first, last):
        return None
    _to_tip(closed, path, first, last)
    return Way(left + a, first + np.int32(top), last + np.int32(top), rows_of_line[a:b, 1])


def _changed(first: Int32Array, last: Int32Array, line: Float64Array, start: int, stop: int) -> tuple[int, int]:
    """From and to which column, around columns `start` to `stop`, a way leaves the rows that the line has nearby."""
    high = minimum_filter1d(line.min(axis=1), 3) - _LEVEL_PX
    low = maximum_filter1d(line.max(axis=1), 3) + _LEVEL_PX
    leaves = (np.minimum(first, last) < high) | (np.maximum(first, last) > low)
    a, b = start, stop
    while a > 0 and leaves[a - 1]:
        a -= 1
    while b < len(leaves) and leaves[b]:
        b += 1
    return a, b


def rows_at(line: Line, columns: Int32Array) -> Float64Array:
    """(n, 3) rows of a line where it enters columns, in their middle, and where it leaves them."""
    sides = np.array([-HALF_COLUMN_PX, 0, HALF_COLUMN_PX])
    return np.asarray(np.interp(columns[:, None] + sides, line.x, line.y), np.float64)


def _without_line(band: Float32Array, line: Line, top: int, left: int) -> None:
    """Ink of a window, in place, without what a line draws."""
    columns = np.arange(max(left, int(np.ceil(line.x[0]))), min(left + band.shape[1], int(line.x[-1]) + 1))
    if not len(columns):
        return
    for x, rows in zip(columns, rows_at(line, columns) - top):
        low, high = int(np.floor(rows.min())) - _OTHERS_PX, int(np.ceil(rows.max())) + _OTHERS_PX
        band[max(0, low):max(0, high + 1), x - left] = 0


def _beside_grid(marks: Float32Array, rows: slice, columns: slice, scale: Scale) -> Float32Array:
    """Ink of a window without what also stands in the boxes beside it."""
    width = marks.shape[1]
    near = []
    for boxes in _BOXES:
        shift = round(boxes * BOX_MM * scale.x)
        if columns.start + shift >= 1 and columns.stop + shift < width:
            part = marks[rows, columns.start + shift - 1:columns.stop + shift + 1]
            near.append(cv2.dilate(part, np.ones((1, 3), np.uint8))[:, 1:-1])
    grid = np.median(near, axis=0) if near else np.float32(0)
    return np.maximum(marks[rows, columns] - grid, np.float32(0))


def _without_names(band: Float32Array, top: int, left: int, layout: Layout) -> None:
    """Ink of a window, in place, without names of leads."""
    boxes = [(w.x, w.y, w.x + w.width, w.y + w.height) for w in layout.words]
    boxes += [box for _, box in merged_names(layout)]
    for x0, y0, x1, y1 in boxes:
        a, b = int(x0) - left - _NAME_MARGIN_PX, int(x1) - left + _NAME_MARGIN_PX + 1
        c, d = int(y0) - top - _NAME_MARGIN_PX, int(y1) - top + _NAME_MARGIN_PX + 1
        band[max(0, c):max(0, d), max(0, a):max(0, b)] = 0


def _closed(band: Float32Array, scale: Scale) -> Float32Array:
    """Ink of a window with breaks of upright strokes closed: short ones in one column, long ones with paler ink."""
    out = cv2.morphologyEx(band, cv2.MORPH_CLOSE, np.ones((_SHORT_BREAK_PX, 1), np.uint8))
    wide = cv2.dilate(out, np.ones((1, 3), np.uint8))
    long = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((round(_BREAK_MM * scale.y) | 1, 1), np.uint8))
    return np.where(wide > _PALE, out, np.maximum(out, np.float32(_CLOSED_SHARE) * long))


def _on_ink(band: Float32Array, first: Int32Array, last: Int32Array) -> bool:
    """Whether a path through (H, W) ink is on ink, to a column, all along but for few pixels."""
    wide = cv2.dilate(band, np.ones((1, 3), np.uint8))
    passed = np.concatenate([wide[min(a, b):max(a, b) + 1, c] for c, (a, b) in enumerate(zip(first, last))])
    return bool((passed > _PALE).mean() >= _LEAST_INKED)


def _to_tip(band: Float32Array, path: Float64Array, first: Int32Array, last: Int32Array) -> None:
    """Draw the way, in place, out to where the ink ends beyond its farthest point: strokes that merge look like one."""
    wide = cv2.dilate(band, np.ones((1, 3), np.uint8))
    ends = np.stack([first, last])
    away = np.abs(ends - path)
    found = [_walk(wide, int(ends[side, c]), int(c), int(np.sign(ends[side, c] - path[c])))
             for side, c in np.argwhere(away > away.max() - _LEVEL_PX)]
    farthest, y, c = max((abs(y - path[c]), y, c) for y, c in found)
    if farthest > away.max():
        first[c] = last[c] = y


def _walk(ink: Float32Array, y: int, c: int, step: int) -> tuple[int, int]:
    """Row and column where ink (H, W) ends that goes on up (step -1) or down (1) from a pixel."""
    while step and 0 <= y + step < len(ink):
        near = ink[y + step, max(0, c - 1):c + 2]
        if near.max() < _PALE:
            break
        c = max(0, c - 1) + int(near.argmax()) if near.max() > ink[y + step, c] else c
        y += step
    return y, c
