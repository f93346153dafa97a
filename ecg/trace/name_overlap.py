"""Lead names that a trace runs through: a shortest path would cross a letter and cut the stroke short."""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.layout.model import Cell, Layout
from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.arrays import Float32Array

Box = tuple[int, int, int, int]

# Weight of the ink of a letter; a steep stroke's has 1.
_LETTER_WEIGHT = 0.0
# Ink that is at least this high in a column is a steep stroke and no letter.
_STEEP_MM = 0.9
# A pixel is ink from this share on.
_INKED = 0.4
# A name stands no farther from the beginning of its lead, along x and along y.
_NAME_DISTANCE_MM = 25.0
# From this many names on, the place of the others is known.
_LEAST_NAMES = 3


def name_places(layout: Layout) -> dict[int, Box]:
    """Box (left, top, right, bottom) px in which the name of each cell stands, by number of the cell.

    It is the median place of all names that were read beside their cells; empty if too few were.
    """
    off = [(w.x - c.start, w.y - layout.rows[c.row].base, w.height, w.width / len(c.lead))
           for c, w in ((c, _name_of(c, layout)) for c in layout.cells) if w]
    if len(off) < _LEAST_NAMES:
        return {}
    dx, dy, high = np.median(np.array(off)[:, :3], axis=0)
    wide = max(o[3] for o in off)
    return {k: (max(0, round(c.start + dx) - 2), max(0, round(layout.rows[c.row].base + dy - 0.3 * high)),
                round(c.start + dx + len(c.lead) * wide) + 3, round(layout.rows[c.row].base + dy + 1.3 * high))
            for k, c in enumerate(layout.cells)}


def _name_of(cell: Cell, layout: Layout) -> Word | None:
    scale, base = layout.px_per_mm, layout.rows[cell.row].base
    return next((w for w in layout.words if w.text == cell.lead and abs(w.x - cell.start) < _NAME_DISTANCE_MM * scale.x
                 and abs(w.y - base) < _NAME_DISTANCE_MM * scale.y), None)


def merged_names(layout: Layout) -> list[tuple[Cell, Box]]:
    """Cells whose name was not read on its own: their trace runs through it."""
    return [(layout.cells[k], box) for k, box in name_places(layout).items() if not _name_of(layout.cells[k], layout)]


def without_letters(ink: Float32Array, boxes: Sequence[Box], px_per_mm: Scale) -> Float32Array:
    """Ink (H, W) without level pieces of letters inside the boxes: those would join two strokes."""
    out = ink.copy()
    high = max(3, round(_STEEP_MM * px_per_mm.y))
    for left, top, right, bottom in boxes:
        above, bottom = max(0, top - high), min(bottom, len(ink))
        part = ink[above:bottom + high, left:right]
        if not part.size or bottom <= top:
            continue
        steep = cv2.morphologyEx((part > _INKED).astype(np.uint8), cv2.MORPH_OPEN, np.ones((high, 1), np.uint8))
        weight = np.where(cv2.dilate(steep, np.ones((1, 3), np.uint8)) > 0, np.float32(1), np.float32(_LETTER_WEIGHT))
        inside = slice(top - above, top - above + bottom - top)
        out[top:bottom, left:right] = (part * weight)[inside]
    return out
