"""Printed panel frames: boxes around rows, panels or the whole page in the ink of the trace, removed from the ink.

Tuning values were chosen by hand on pages drawn in other makers' styles.
"""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.scale import Scale
from featurize.arrays import Float32Array, IntpArray, UInt8Array

# Share of ink above which a pixel belongs to a line.
_INKED = 0.35
# Least length of a frame's level sides, mm: longer than any wave runs level.
_LEVEL_SIDE_MM = 40.0
# Least length of a frame's upright sides, mm.
_UPRIGHT_SIDE_MM = 12.0
# An upright side meets the end of a level one to this distance, mm.
_CORNER_GAP_MM = 0.5
# Frames with ticks of an axis: a level side may end this far beyond an upright one, mm.
_TICK_MM = 2.5
# Thickest side, px, blurred edges included.
_THICKEST_PX = 8


def without_panel_frames(ink: Float32Array, px_per_mm: Scale) -> Float32Array:
    """Ink without the sides of frames; where a trace crosses one it stays whole.

    A lead that is not connected is a straight line too, but no upright lines stand at both its ends.

    Parameters
    ----------
    ink : (H, W) float32
    px_per_mm : Scale
    """
    mask = (ink > _INKED).view(np.uint8)
    inked = cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    level = _long_runs(mask, inked, _LEVEL_SIDE_MM * px_per_mm.x)
    inked = cv2.reduce(mask, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    if not len(level):  # without level sides only upright ones at the page's edges can be a frame's
        inked[int(px_per_mm.x) + 1:-int(px_per_mm.x) - 1] = 0
    upright = _long_runs(mask.T, inked, _UPRIGHT_SIDE_MM * px_per_mm.y)
    height, width = ink.shape
    level_sides = [run for run in level if _is_at_edge(run, height, px_per_mm.y)
                   or all(_has_corner(run, upright, _TICK_MM, px_per_mm, end) for end in (1, 2))]
    upright_sides = [run for run in upright if _is_at_edge(run, width, px_per_mm.x)
                     or any(_has_corner(side, run[None], _CORNER_GAP_MM, px_per_mm, end)
                            for side in level_sides for end in (1, 2))]
    out = _erased(ink, level_sides, 0) if level_sides else ink
    return _erased(out, upright_sides, 1) if upright_sides else out


def _long_runs(mask: UInt8Array, inked: IntpArray, least: float) -> IntpArray:
    """(n, 3) row, first column, last column of all unbroken runs along rows that are longer than `least` px.

    mask (H, W) 0 or 1; inked (H,) how many of a row's pixels are 1.
    """
    rows = np.flatnonzero(inked > least)
    edges = np.diff(np.pad(mask[rows], ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (row, first), (_, end) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    long = end - first > least
    return np.stack([rows[row], first, end - 1], axis=1)[long]


def _is_at_edge(run: IntpArray, length: int, px_per_mm: float) -> bool:
    """Whether a run lies in the outermost millimetre of the page, where its other sides may have been cut off."""
    return bool(min(run[0], length - 1 - run[0]) < px_per_mm)


def _has_corner(run: IntpArray, across: IntpArray, near_mm: float, px_per_mm: Scale, end: int) -> bool:
    """Whether one of the upright lines across passes an end (1 the first, 2 the last) of a level run."""
    beside, above = near_mm * px_per_mm.x, near_mm * px_per_mm.y
    return bool(((np.abs(across[:, 0] - run[end]) <= beside) & (across[:, 1] - above <= run[0])
                 & (run[0] <= across[:, 2] + above)).any())


def _erased(ink: Float32Array, runs: Sequence[IntpArray], axis: int) -> Float32Array:
    """Ink without runs along rows (0) or columns (1) and their blurred edges, save where ink goes on at both sides."""
    band = np.zeros(ink.shape, np.uint8)
    along_rows = band if axis == 0 else band.T
    for row, first, last in runs:
        along_rows[max(0, row - 1):row + 2, max(0, first - 1):last + 2] = 1
    outside = (ink > _INKED).view(np.uint8) & (1 - band)
    thick = int(np.count_nonzero(band, axis=axis).max())
    reach = min(thick, _THICKEST_PX) + 1
    down, up = np.zeros((2, 2 * reach + 1), np.uint8)
    down[:reach + 1], up[reach:] = 1, 1
    shape = (-1, 1) if axis == 0 else (1, -1)
    crossed = cv2.dilate(outside, down.reshape(shape)) & cv2.dilate(outside, up.reshape(shape))
    out = ink.copy()
    out[(band & (1 - crossed)).view(bool)] = 0
    return out
