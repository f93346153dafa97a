"""Rows retraced with evidence from the layout: lead names, ruled lines, where leads meet, corrections by hand."""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ecg.layout.model import Cell, Layout, RowPath
from ecg.layout.row_path import retrace_row
from ecg.scale import Scale
from ecg.trace.corrections import Point
from ecg.trace.name_overlap import Box, merged_names, without_letters
from featurize.arrays import Float32Array, Int32Array

# A ruled line, as on a form to sign, is at least this long.
_RULED_LENGTH_MM = 8.0
# A ruled line is at most this high.
_RULED_HEIGHT_MM = 0.35
# Around both ends of a ruled line there is bare paper for this distance.
_RULED_BARE_MM = 0.8
# A level line this near to a row's base line is a flat lead of that row and not a ruled line.
_BASE_LINE_MM = 3.0
# A path over more bare paper than this is a bridge, and one that follows a ruled line for longer took it for trace.
_BARE_MM = 0.6
# Distance from where a lead begins or ends in which bridges are looked for.
_NEAR_MM = 12.0
# A trace ends no farther than this behind its last lead.
_BEHIND_MM = 1.5
# A pixel is ink from this share on.
_INKED = 0.4
# Ink in the column of a pin off the pin itself: any other way through costs more than the way to the pin.
_FORBIDDEN = -100


def retrace_rows(layout: Layout, ink: Float32Array, points: Sequence[Point], px_per_mm: Scale, peak: float
                 ) -> Layout:
    """The layout with paths that avoid names and ruled lines, jump where leads meet, and pass the pins.

    Parameters
    ----------
    layout : Layout
    ink : (H, W) float32
        Of `ecg.layout.rows.clean`.
    points : sequence of Point
        Corrections by hand.
    px_per_mm, peak
        See `ecg.layout.row_path.row_path`.
    """
    merged, ruled = merged_names(layout), ruled_lines(ink, px_per_mm)
    touched = {cell.row for cell, _ in merged}
    rows = list(layout.rows)
    for r, row in enumerate(rows):
        boxes = [box for _, box in merged] if r in touched else []
        boxes += [box for box in ruled if _runs_along(row, box, px_per_mm)]
        own = without_letters(ink, boxes, px_per_mm) if boxes else ink
        jumps = _jumps(layout, r, ink, px_per_mm)
        pins = [p for cell in layout.cells if cell.row == r for p in corrections_of_cell(points, cell)[0]]
        if len(jumps) or pins:
            own = _pinned(_with_free_columns(own, jumps), pins)
        if own is not ink:
            rows[r] = _with_jumps(retrace_row(row, own, px_per_mm, peak), jumps)
    return replace(layout, rows=rows)


def ruled_lines(ink: Float32Array, px_per_mm: Scale) -> list[Box]:
    """Boxes (left, top, right, bottom) px of level lines that end in bare paper at both sides; ink is (H, W)."""
    sx, sy = px_per_mm.x, px_per_mm.y
    mask = (ink > _INKED).astype(np.uint8)
    level = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, round(_RULED_LENGTH_MM * sx) | 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(level, 8, cv2.CV_32S, cv2.CCL_BBDT)
    others = mask & (1 - cv2.dilate(level, np.ones((3, 3), np.uint8)))
    beside, above = round(_RULED_BARE_MM * sx), round(_RULED_BARE_MM * sy)
    out = []
    for x, y, wide, high, _ in stats[1:].tolist():
        around = [others[max(0, y - above):y + high + above, max(0, end - beside):end + beside]
                  for end in (x, x + wide)]
        if high <= _RULED_HEIGHT_MM * sy + 1 and not any(part.any() for part in around):
            out.append((x, max(0, y - 1), x + wide, y + high + 1))
    return out


def _runs_along(row: RowPath, box: Box, px_per_mm: Scale) -> bool:
    """Whether a path follows what stands in a box far from its base line; near it a flat lead looks the same."""
    left, top, right, bottom = box
    if abs((top + bottom) / 2 - row.base) < _BASE_LINE_MM * px_per_mm.y:
        return False
    inside = (row.middle[left:right] >= top) & (row.middle[left:right] < bottom)
    return bool(inside.sum() > _BARE_MM * px_per_mm.x)


def _jumps(layout: Layout, number: int, ink: Float32Array, px_per_mm: Scale) -> Int32Array:
    """Columns in which the pen is lifted: around a row, and where its leads meet, if its path bridges bare paper there.

    Printers draw each lead on its own: it begins at any height, and no stroke leads there.
    """
    row, width = layout.rows[number], ink.shape[1]
    columns = np.arange(width)
    inked = np.maximum(ink[row.first, columns], ink[row.last, columns]) > _INKED
    cells = [cell for cell in layout.cells if cell.row == number]
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
    if out.any():
        # What stands behind the row, such as handwriting, leads the path nowhere.
        out |= columns > last + _BEHIND_MM * px_per_mm.x
    return np.asarray(np.flatnonzero(out), np.int32)


def _with_free_columns(ink: Float32Array, columns: Int32Array) -> Float32Array:
    """Ink (H, W), a copy, in which a path may go anywhere in some columns."""
    out = ink.copy()
    out[:, columns] = 1
    return out


def _with_jumps(row: RowPath, jumps: Int32Array) -> RowPath:
    """The row without the vertical pieces of its path in columns where the pen was lifted."""
    if not len(jumps):
        return row
    first, last = row.first.copy(), row.last.copy()
    for x in jumps:
        first[x] = last[x]
    return replace(row, first=first, last=last)


def _pinned(own: Float32Array, pins: Sequence[Point]) -> Float32Array:
    """Ink, changed in place, that leads a path through the pins: in the column of a pin nothing else is ink."""
    for pin in pins:
        x, y = round(pin.x), int(np.clip(round(pin.y), 1, len(own) - 2))
        own[:, x - 1:x + 2] = _FORBIDDEN
        own[y - 1:y + 2, x - 1:x + 2] = 1
    return own


def corrections_of_cell(points: Sequence[Point], cell: Cell) -> tuple[list[Point], list[tuple[float, float]]]:
    """Pins of a cell, and its cut spans from column to column.

    A pin belongs to the cell of its lead whose columns hold it; a cut without a partner reaches to the cell's end.
    """
    own = [p for p in points if p.lead == cell.lead.lstrip("-") and cell.start <= p.x <= cell.end]
    cuts = sorted(p.x for p in own if p.action == "cut")
    if len(cuts) % 2:
        cuts.append(cell.end)
    return [p for p in own if p.action == "pin"], list(zip(cuts[::2], cuts[1::2]))
