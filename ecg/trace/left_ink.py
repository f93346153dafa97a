"""Ink beside the lines that no lead, pulse or separator explains: handwriting over a trace, a trace that was lost."""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.layout.model import Layout
from ecg.trace.line import DrawnLine
from featurize.arrays import Float32Array, UInt8Array

# A pixel is ink from this share on.
_INKED = 0.5
# Ink this near to a line, beyond the pen and twice its blur, is the line's, px.
_BESIDE_PX = 2
# Ink this near to a pulse or separator is theirs, mm.
_BESIDE_MARK_MM = 1.0
# Pieces of ink with shorter sides are letters, dots and spikes at which a line is a little off, mm.
_LEAST_PIECE_MM = 6.0
# Pieces this much wider than the pen are no ruled lines, px.
_WIDER_PX = 2
# A piece disturbs a line that comes this near to it, mm.
_NEAR_MM = 2.0
# A fixed-point coordinate of OpenCV has so many bits behind the point.
_SUBPIXEL_BITS = 4


def left_ink_mm(ink: Float32Array, lines: Sequence[DrawnLine], layout: Layout) -> float:
    """Length of the ink that is left beside the lines, mm: the longer sides of the boxes of connected pieces.

    On pages that are read right it is 0 but for a few; handwriting over the leads leaves more than 100.

    Parameters
    ----------
    ink : (H, W) float32
    lines : sequence of DrawnLine
    layout : Layout
    """
    sx, sy = layout.px_per_mm.x, layout.px_per_mm.y
    left = (ink > _INKED).astype(np.uint8) & (1 - _explained(ink.shape, lines, layout))
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(left, 8, cv2.CV_32S, cv2.CCL_BBDT)
    wide, high = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    sides = np.maximum(wide / sx, high / sy)
    large = (sides > _LEAST_PIECE_MM) & (np.minimum(wide, high) > layout.pen_px + _WIDER_PX)
    near = [_is_beside(lines, x, y, w, h, _NEAR_MM * sy) for x, y, w, h in stats[1:][large][:, :4].tolist()]
    return float(sides[large][np.array(near, bool)].sum())


def _explained(shape: tuple[int, ...], lines: Sequence[DrawnLine], layout: Layout) -> UInt8Array:
    """(H, W) uint8, 1 where a line, a pulse or a separator is drawn."""
    out = np.zeros(shape, np.uint8)
    thick = int(np.ceil(layout.pen_px + 2 * layout.blur_px)) + 2 * _BESIDE_PX
    for line in lines:
        points = np.round((1 << _SUBPIXEL_BITS) * np.c_[line.x, line.y]).astype(np.int32)
        cv2.polylines(out, [points[:, None]], False, 1, thick, cv2.LINE_8, _SUBPIXEL_BITS)
    boxes = [(p.left, p.top, p.right, p.base) for p in layout.pulses]
    boxes += [(s.left, s.top, s.right, s.bottom) for s in layout.separators]
    x, y = _BESIDE_MARK_MM * layout.px_per_mm.x, _BESIDE_MARK_MM * layout.px_per_mm.y
    for left, top, right, bottom in boxes:
        out[max(0, round(top - y)):max(0, round(bottom + y)), max(0, round(left - x)):max(0, round(right + x))] = 1
    return out


def _is_beside(lines: Sequence[DrawnLine], left: int, top: int, wide: int, high: int, near_px: float) -> bool:
    """Whether a line comes near to a box where it passes it."""
    for line in lines:
        y = line.y[(line.x >= left) & (line.x <= left + wide)]
        if ((y > top - near_px) & (y < top + high + near_px)).any():
            return True
    return False
