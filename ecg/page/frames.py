"""Frames: boxes ruled around rows, panels or the whole page in the ink of the trace; no trace, and taken off."""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.scale import Scale
from featurize.arrays import Float32Array, IntpArray, UInt8Array

# Share of ink from which a pixel is of a line.
_INKED = 0.35
# A frame's sides are longer than this, mm: its level ones longer than any wave runs level.
_LEVEL_MM = 40.0
_UPRIGHT_MM = 12.0
# Corners meet to this, mm; ticks of an axis go beyond them by less than that.
_MEET_MM = 0.5
_TICK_MM = 2.5
# Blurred edges included, no side is thicker.
_THICKEST_PX = 8


def without_frames(ink: Float32Array, px_per_mm: Scale) -> Float32Array:
    """Ink without the sides of boxes; where a trace crosses one it stays whole.

    A lead that is not connected is a straight line too, but no upright lines stand at both its ends.

    Parameters
    ----------
    ink : (H, W) float32
    px_per_mm : Scale
    """
    mask = (ink > _INKED).view(np.uint8)
    level = _runs(mask, cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel(), _LEVEL_MM * px_per_mm.x)
    inked = cv2.reduce(mask, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    if not len(level):  # nothing stands at its ends: only the page's edges are left to look at
        inked[int(px_per_mm.x) + 1:-int(px_per_mm.x) - 1] = 0
    upright = _runs(mask.T, inked, _UPRIGHT_MM * px_per_mm.y)
    height, width = ink.shape
    sides = [run for run in level if _at_edge(run, height, px_per_mm.y)
             or all(_corner(run, upright, _TICK_MM, px_per_mm, end) for end in (1, 2))]
    posts = [run for run in upright if _at_edge(run, width, px_per_mm.x)
             or any(_corner(side, run[None], _MEET_MM, px_per_mm, end) for side in sides for end in (1, 2))]
    out = _rubbed_out(ink, sides, 0) if sides else ink
    return _rubbed_out(out, posts, 1) if posts else out


def _runs(mask: UInt8Array, inked: IntpArray, least: float) -> IntpArray:
    """(n, 3) row, first column, last column of all unbroken runs along rows that are longer than so many px.

    mask (H, W) 0 or 1; inked (H,) how many of a row's pixels are 1.
    """
    rows = np.flatnonzero(inked > least)
    edges = np.diff(np.pad(mask[rows], ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (row, first), (_, end) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    long = end - first > least
    return np.stack([rows[row], first, end - 1], axis=1)[long]


def _at_edge(run: IntpArray, length: int, mm_px: float) -> bool:
    """Whether a run lies in the outermost millimetre of the page, where its other sides may have been cut off."""
    return bool(min(run[0], length - 1 - run[0]) < mm_px)


def _corner(run: IntpArray, across: IntpArray, near_mm: float, px_per_mm: Scale, end: int) -> bool:
    """Whether one of the upright lines across passes an end (1 the first, 2 the last) of a level run."""
    beside, above = near_mm * px_per_mm.x, near_mm * px_per_mm.y
    return bool(((np.abs(across[:, 0] - run[end]) <= beside) & (across[:, 1] - above <= run[0])
                 & (run[0] <= across[:, 2] + above)).any())


def _rubbed_out(ink: Float32Array, runs: Sequence[IntpArray], axis: int) -> Float32Array:
    """Ink without runs along rows (0) or columns (1) and their blurred edges, save where ink goes on at both sides."""
    band = np.zeros(ink.shape, np.uint8)
    lying = band if axis == 0 else band.T
    for row, first, last in runs:
        lying[max(0, row - 1):row + 2, max(0, first - 1):last + 2] = 1
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
