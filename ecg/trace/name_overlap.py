"""Names that a trace runs through: a shortest path takes a letter for a bridge and cuts the stroke short."""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.layout.model import Cell, Layout
from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.arrays import Float32Array

Box = tuple[int, int, int, int]

# What a letter's ink counts, beside 1 for a steep stroke's; strokes are at least this high in a column, mm.
_LETTER = 0.0
_STEEP_MM = 0.9
# A name stands no farther from the beginning of its lead, along x and along y.
_BESIDE_MM = 25.0


def name_places(layout: Layout) -> dict[int, Box]:
    """Boxes (left, top, right, bottom) by number of the cell in which its name stands or, by the others, must stand."""
    off = [(w.x - c.start, w.y - layout.rows[c.row].base, w.height, w.width / len(c.lead))
           for c, w in ((c, _name_of(c, layout)) for c in layout.cells) if w]
    if len(off) < 3:
        return {}
    dx, dy, high = np.median(np.array(off)[:, :3], axis=0)
    wide = max(o[3] for o in off)
    return {k: (max(0, round(c.start + dx) - 2), max(0, round(layout.rows[c.row].base + dy - 0.3 * high)),
                round(c.start + dx + len(c.lead) * wide) + 3, round(layout.rows[c.row].base + dy + 1.3 * high))
            for k, c in enumerate(layout.cells)}


def _name_of(cell: Cell, layout: Layout) -> Word | None:
    scale, base = layout.px_per_mm, layout.rows[cell.row].base
    return next((w for w in layout.words if w.text == cell.lead and abs(w.x - cell.start) < _BESIDE_MM * scale.x
                 and abs(w.y - base) < _BESIDE_MM * scale.y), None)


def merged_names(layout: Layout) -> list[tuple[Cell, Box]]:
    """Cells whose name was not read on its own: their trace runs through it."""
    return [(layout.cells[k], box) for k, box in name_places(layout).items() if not _name_of(layout.cells[k], layout)]


def without_letters(ink: Float32Array, boxes: Sequence[Box], px_per_mm: Scale) -> Float32Array:
    """Ink (H, W) in which level pieces of letters inside the boxes count little: they are what joins two strokes."""
    out = ink.copy()
    high = max(3, round(_STEEP_MM * px_per_mm.y))
    for left, top, right, bottom in boxes:
        above, bottom = max(0, top - high), min(bottom, len(ink))
        part = ink[above:bottom + high, left:right]
        if not part.size or bottom <= top:
            continue
        steep = cv2.morphologyEx((part > 0.4).astype(np.uint8), cv2.MORPH_OPEN, np.ones((high, 1), np.uint8))
        weight = np.where(cv2.dilate(steep, np.ones((1, 3), np.uint8)) > 0, np.float32(1), np.float32(_LETTER))
        inside = slice(top - above, top - above + bottom - top)
        out[top:bottom, left:right] = (part * weight)[inside]
    return out
