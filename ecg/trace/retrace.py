"""Rows followed again where more is known than their ink: names, ruled lines, joints of leads, corrections by hand."""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ecg.layout.model import Layout, RowPath
from ecg.layout.row_path import row_again
from ecg.scale import Scale
from ecg.trace.corrections import Point, of_cell
from ecg.trace.name_overlap import merged_names, without_letters
from featurize.arrays import Float32Array, Int32Array

Box = tuple[int, int, int, int]

# Ruled lines: at least so long, at most so high, and this far around their ends there is bare paper; mm.
_RULED_MM = 8.0
_THIN_MM = 0.35
_FREE_MM = 0.8
# A row's traces are level where they are flat, to this, mm.
_LEVEL_MM = 3.0
# Paths over so much bare paper so near to where a lead begins or ends are bridges, mm.
_BARE_MM = 0.6
_NEAR_MM = 12.0


def followed_again(plan: Layout, ink: Float32Array, points: Sequence[Point], px_per_mm: Scale, peak: float
                   ) -> Layout:
    """The plan with paths that take no name and no ruled line for trace, jump where leads meet, and pass the pins.

    Parameters
    ----------
    plan : Layout
    ink : (H, W) float32
        Of `ecg.layout.rows.clean`.
    points : sequence of Point
        Corrections by hand.
    px_per_mm, peak
        See `ecg.layout.row_path.row_path`.
    """
    merged, ruled = merged_names(plan), ruled_lines(ink, px_per_mm)
    touched = {cell.row for cell, _ in merged}
    rows = list(plan.rows)
    for r, row in enumerate(rows):
        boxes = [box for _, box in merged] if r in touched else []
        boxes += [box for box in ruled if _runs_along(row, box, px_per_mm)]
        own = without_letters(ink, boxes, px_per_mm) if boxes else ink
        jumps = _jumps(plan, r, ink, px_per_mm)
        pins = [p for cell in plan.cells if cell.row == r for p in of_cell(points, cell)[0]]
        if len(jumps) or pins:
            own = _pinned(_freed(own, jumps), pins)
        if own is not ink:
            rows[r] = _parted(row_again(row, own, px_per_mm, peak), jumps)
    return replace(plan, rows=rows)


def ruled_lines(ink: Float32Array, px_per_mm: Scale) -> list[Box]:
    """Boxes (left, top, right, bottom) of level lines that end in bare paper at both sides: a form's, to sign on."""
    sx, sy = px_per_mm.x, px_per_mm.y
    mask = (ink > 0.4).astype(np.uint8)
    level = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, round(_RULED_MM * sx) | 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(level, 8, cv2.CV_32S, cv2.CCL_BBDT)
    others = mask & (1 - cv2.dilate(level, np.ones((3, 3), np.uint8)))
    beside, above = round(_FREE_MM * sx), round(_FREE_MM * sy)
    out = []
    for x, y, wide, high, _ in stats[1:].tolist():
        around = [others[max(0, y - above):y + high + above, max(0, end - beside):end + beside]
                  for end in (x, x + wide)]
        if high <= _THIN_MM * sy + 1 and not any(part.any() for part in around):
            out.append((x, max(0, y - 1), x + wide, y + high + 1))
    return out


def _runs_along(row: RowPath, box: Box, px_per_mm: Scale) -> bool:
    """Whether a path takes a piece of what stands in a box away from its level: a lead may be flat."""
    left, top, right, bottom = box
    if abs((top + bottom) / 2 - row.base) < _LEVEL_MM * px_per_mm.y:
        return False
    inside = (row.middle[left:right] >= top) & (row.middle[left:right] < bottom)
    return bool(inside.sum() > _BARE_MM * px_per_mm.x)


def _jumps(plan: Layout, number: int, ink: Float32Array, px_per_mm: Scale) -> Int32Array:
    """Columns in which the pen is lifted: around a row, and where its leads meet, if its path bridges bare paper there.

    Printers draw each lead on its own: it begins where it likes, and no stroke leads there.
    """
    row, width = plan.rows[number], ink.shape[1]
    columns = np.arange(width)
    inked = np.maximum(ink[row.first, columns], ink[row.last, columns]) > 0.4
    cells = [cell for cell in plan.cells if cell.row == number]
    first, last = min(c.start for c in cells), max(c.end for c in cells)
    # From the end of each lead to the beginning of the next, and what is beyond the row.
    spans = [(-np.inf, first), *((a.end, b.start) for a, b in zip(cells, cells[1:])), (last, np.inf)]
    out = np.zeros(width, bool)
    for begin, end in spans:
        left, right = (int(np.clip(round(at), 0, width - 1)) for at in (max(begin, -1), min(end, width)))
        around = slice(max(0, left - round(_NEAR_MM * px_per_mm.x)), right + round(_NEAR_MM * px_per_mm.x))
        lifted = (columns >= left) & (columns <= right)
        bare = ~inked & ~lifted & (columns >= first) & (columns <= last)
        if bare[around].sum() > _BARE_MM * px_per_mm.x:
            out |= lifted
    return np.asarray(np.flatnonzero(out), np.int32)


def _freed(ink: Float32Array, columns: Int32Array) -> Float32Array:
    """Ink (H, W), a copy, in which a path may go anywhere in some columns."""
    out = ink.copy()
    out[:, columns] = 1
    return out


def _parted(row: RowPath, jumps: Int32Array) -> RowPath:
    """The row without the ways that its path went up or down in columns where no pen did."""
    if not len(jumps):
        return row
    first, last = row.first.copy(), row.last.copy()
    for x in jumps:
        first[x] = last[x]
    return replace(row, first=first, last=last)


def _pinned(own: Float32Array, pins: Sequence[Point]) -> Float32Array:
    """Ink, changed in place, that passes the pins: in a pin's column nothing else is ink for that row."""
    for pin in pins:
        x, y = round(pin.x), int(np.clip(round(pin.y), 1, len(own) - 2))
        # Without ink all around, any other way through these columns costs more than the way to the pin.
        own[:, x - 1:x + 2] = -100
        own[y - 1:y + 2, x - 1:x + 2] = 1
    return own
