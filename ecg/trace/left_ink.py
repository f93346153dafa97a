"""Ink that no lead, pulse or separator explains: strokes of handwriting, a frame, or a trace that was lost."""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.layout.model import Layout
from ecg.trace.line import DrawnLine
from featurize.arrays import Float32Array

# A pixel is ink from this share on.
_INKED = 0.5
# Ink this near to a line, beyond the pen and twice its blur, is the line's, px.
_BESIDE_PX = 2
# Ink this near to a pulse or separator is theirs, mm.
_BESIDE_MARK_MM = 1.0
# A fixed-point coordinate of OpenCV has so many bits behind the point.
_SUBPIXEL_BITS = 4


def longest_left_mm(ink: Float32Array, lines: Sequence[DrawnLine], layout: Layout) -> list[float]:
    """Lengths of what is left of the ink, mm: the longer side of each connected piece's box, the longest first.

    Parameters
    ----------
    ink : (H, W) float32
        Of `ecg.layout.rows.clean`: letters are no part of it.
    lines : sequence of DrawnLine
    layout : Layout
    """
    explained = np.zeros(ink.shape, np.uint8)
    thick = int(np.ceil(layout.pen_px + 2 * layout.blur_px)) + 2 * _BESIDE_PX
    for line in lines:
        points = np.round((1 << _SUBPIXEL_BITS) * np.c_[line.x, line.y]).astype(np.int32)
        cv2.polylines(explained, [points[:, None]], False, 1, thick, cv2.LINE_8, _SUBPIXEL_BITS)
    boxes = [(p.left, p.top, p.right, p.base) for p in layout.pulses]
    boxes += [(s.left, s.top, s.right, s.bottom) for s in layout.separators]
    x, y = (_BESIDE_MARK_MM * scale for scale in (layout.px_per_mm.x, layout.px_per_mm.y))
    for left, top, right, bottom in boxes:
        explained[max(0, round(top - y)):max(0, round(bottom + y)), max(0, round(left - x)):max(0, round(right + x))] = 1
    left_ink = (ink > _INKED).astype(np.uint8) & (1 - explained)
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(left_ink, 8, cv2.CV_32S, cv2.CCL_BBDT)
    sides = np.maximum(stats[1:, cv2.CC_STAT_WIDTH] / layout.px_per_mm.x,
                       stats[1:, cv2.CC_STAT_HEIGHT] / layout.px_per_mm.y)
    return [float(mm) for mm in np.sort(sides)[::-1]]
