"""Printed marks (calibration pulses, separators) subtracted from the ink of the traces.

A pulse's edge or a separator is the same in every row, and a trace only adds ink: a low quantile along the stroke is
its own cover. Where the cover leaves part of a pixel bare, (ink - cover) / (1 - cover) of that part is trace.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ecg.layout.model import Layout
from ecg.scale import Scale
from ecg.trace.evidence import PageEvidence, Pen
from ecg.trace.line import STEP_PX, Line
from featurize.arrays import Float32Array

# At least this share of a stroke's length is not covered by any trace: the quantile of ink that is the stroke's own.
_STROKE_ALONE = 0.2
# From this cover on a pixel tells nothing about the trace.
_FULL_COVER = 0.6
# A pixel that is covered has at least this share left as a divisor.
_LEAST_ROOM = 0.1
# Distance around a stroke in which its blurred edge lies.
_MARGIN_PX = 2
# Strokes shorter than this inside their margins are not subtracted.
_LEAST_LENGTH_PX = 5
# Below this confidence a pixel counts as hidden.
HIDDEN_CONFIDENCE = 0.1
# Nodes next to a hidden end that tell its slope.
_SLOPE_NODES = 6
# Share of that slope at which a hidden end goes on: full slope was worse, for signals bend back.
_SLOPE_SHARE = 0.5
# A hidden end rises or falls by at most this.
_MOST_RISE_MM = 2.0
# An end that the fit put farther than this from the extrapolation was seen beside the mark that hides it, and stays.
_FAR_MM = 2.5
# But no signal leaves the extrapolation by more than this many times the way along x: that is the pulse's own stroke.
# QRS complexes of 2 mV fall 20 mm within 1 mm.
_STEEPEST = 25.0


def without_printed_marks(ink: Float32Array, layout: Layout) -> PageEvidence:
    """Ink of the traces alone, and how far each pixel can be believed.

    Parameters
    ----------
    ink : (H, W) float32
    layout : Layout
        Its pulses and separators are subtracted.

    Returns
    -------
    PageEvidence
        Confidence is 1 where nothing was printed, 0 where a mark hides the page.
    """
    cover = np.zeros_like(ink)
    for left, right, top, bottom in _strokes(layout):
        _lay(cover, ink, left, right, top, bottom)
    half = layout.pen_px / 2
    for pulse in layout.pulses:
        _lay(cover.T, ink.T, int(np.floor(pulse.top - half)), int(np.ceil(pulse.top + half)), round(pulse.left),
             round(pulse.right))
    own, confidence, at = ink.copy(), np.ones_like(ink), np.nonzero(cover)
    room = 1 - cover[at]
    confidence[at] = np.where(cover[at] < _FULL_COVER, room * room, np.float32(0))
    share = np.clip((ink[at] - cover[at]) / np.maximum(room, np.float32(_LEAST_ROOM)), 0, 1)
    own[at] = np.where(confidence[at] > 0, share, ink[at])
    return PageEvidence(own, confidence, Pen(layout.pen_px, layout.blur_px))


def _strokes(layout: Layout) -> Iterator[tuple[int, int, int, int]]:
    """(left, right, top, bottom) px, edges included, of everything printed that a trace may touch."""
    half = layout.pen_px / 2
    for pulse in layout.pulses:
        for x in (pulse.left, pulse.right):
            yield (int(np.floor(x - half)), int(np.ceil(x + half)), round(pulse.top), round(pulse.base + half))
    for s in layout.separators:
        yield s.left, s.right, s.top, s.bottom


def _lay(cover: Float32Array, ink: Float32Array, left: int, right: int, top: int, bottom: int) -> None:
    """Draw one stroke into the cover, as dark across and along as the page shows it."""
    x0, x1 = max(0, left - _MARGIN_PX), min(ink.shape[1], right + _MARGIN_PX + 1)
    y0, y1 = max(0, top - _MARGIN_PX), min(ink.shape[0], bottom + _MARGIN_PX + 1)
    inner = ink[top + _MARGIN_PX:bottom - _MARGIN_PX, x0:x1]
    if inner.shape[0] < _LEAST_LENGTH_PX or x1 - x0 < 3:
        return
    across = np.quantile(inner, _STROKE_ALONE, axis=0)
    dark = across > _FULL_COVER
    if not dark.any():
        return
    along = np.quantile(ink[y0:y1, x0:x1][:, dark], _STROKE_ALONE, axis=1)
    along /= max(float(along.max()), 1e-6)
    part = cover[y0:y1, x0:x1]
    np.maximum(part, np.minimum(along[:, None], 1) * across[None, :], out=part)


def extrapolate_hidden_ends(line: Line, confidence: Float32Array, px_per_mm: Scale) -> Line:
    """The line with its hidden ends continued at half the slope that it has beside them.

    Half is what errs least on pages of 25 records: signals bend back, and the nearer to the edge the more. An end that
    lies far from there was put where it is by ink around what hides it, and stays. confidence is (H, W).
    """
    rows = np.clip(np.round(line.y).astype(int), 0, confidence.shape[0] - 1)
    columns = np.clip(np.round(line.x).astype(int), 0, confidence.shape[1] - 1)
    hidden = confidence[rows, columns] < HIDDEN_CONFIDENCE
    y = line.y.copy()
    for order in (slice(None), slice(None, None, -1)):
        covered, path = hidden[order], y[order]
        first = int(np.argmin(covered))
        seen = path[first:first + _SLOPE_NODES]
        if not covered[0] or covered.all() or len(seen) < _SLOPE_NODES:
            continue
        slope = float(np.polyfit(np.arange(_SLOPE_NODES), seen, 1)[0])
        most = _MOST_RISE_MM * px_per_mm.y
        guess = path[first] - np.clip(_SLOPE_SHARE * slope * np.arange(first, 0, -1), -most, most)
        far = float(np.abs(path[:first] - guess).max())
        if far < _FAR_MM * px_per_mm.y or far > _STEEPEST * STEP_PX * first:
            path[:first] = guess
    return replace(line, y=y)
