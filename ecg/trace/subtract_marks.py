"""Printed strokes that are no trace, taken off the ink: what remains beside and behind them is the trace's.

A pulse's edge or a separator is the same in every row, and a trace only adds ink: a low quantile along the stroke is
its own cover. Where that leaves a pixel room, (ink - cover) / (1 - cover) of the room is trace.
"""
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ecg.layout.model import Layout
from ecg.scale import Scale
from ecg.trace.line import Line
from featurize.arrays import Float32Array

# Share of a stroke's length that no trace covers, at least; and the cover from which a pixel has no room to tell.
_ALONE = 0.2
_FULL = 0.6
# A hidden end: trust below; nodes that tell its slope; mm that it may rise, and from which on it is no guess.
_HIDDEN = 0.1
_SLOPE_NODES = 6
_MOST_RISE_MM = 2.0
_FAR_MM = 2.5


def without_furniture(ink: Float32Array, layout: Layout) -> tuple[Float32Array, Float32Array]:
    """Ink of the traces alone, and how far each pixel is to be trusted.

    Parameters
    ----------
    ink : (H, W) float32
    layout : Layout
        Its pulses and separators are taken away.

    Returns
    -------
    (H, W) float32, (H, W) float32
        Share of ink, and weight: 1 where nothing was printed, 0 where a stroke hides the page.
    """
    cover = np.zeros_like(ink)
    for left, right, top, bottom in _strokes(layout):
        _lay(cover, ink, left, right, top, bottom)
    half = layout.pen_px / 2
    for pulse in layout.pulses:
        _lay(cover.T, ink.T, int(np.floor(pulse.top - half)), int(np.ceil(pulse.top + half)), round(pulse.left),
             round(pulse.right))
    own, trust, at = ink.copy(), np.ones_like(ink), np.nonzero(cover)
    room = 1 - cover[at]
    trust[at] = np.where(cover[at] < _FULL, room * room, np.float32(0))
    own[at] = np.where(trust[at] > 0, np.clip((ink[at] - cover[at]) / np.maximum(room, np.float32(0.1)), 0, 1), ink[at])
    return own, trust


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
    margin = 2
    x0, x1 = max(0, left - margin), min(ink.shape[1], right + margin + 1)
    y0, y1 = max(0, top - margin), min(ink.shape[0], bottom + margin + 1)
    inner = ink[top + margin:bottom - margin, x0:x1]
    if inner.shape[0] < 5 or x1 - x0 < 3:
        return
    across = np.quantile(inner, _ALONE, axis=0)
    dark = across > _FULL
    if not dark.any():
        return
    along = np.quantile(ink[y0:y1, x0:x1][:, dark], _ALONE, axis=1)
    along /= max(float(along.max()), 1e-6)
    part = cover[y0:y1, x0:x1]
    np.maximum(part, np.minimum(along[:, None], 1) * across[None, :], out=part)


def led_on(line: Line, trust: Float32Array, px_per_mm: Scale) -> Line:
    """The line with its hidden ends led on at half the slope with which they come into sight.

    Half is what errs least on pages of 25 records: signals bend back, and the nearer to the edge the more. An end that
    lies far from there was put where it is by ink around what hides it, and stays.
    """
    rows = np.clip(np.round(line.y).astype(int), 0, trust.shape[0] - 1)
    hidden = trust[rows, np.clip(np.round(line.x).astype(int), 0, trust.shape[1] - 1)] < _HIDDEN
    y = line.y.copy()
    for order in (slice(None), slice(None, None, -1)):
        covered, course = hidden[order], y[order]
        first = int(np.argmin(covered))
        seen = course[first:first + _SLOPE_NODES]
        if not covered[0] or covered.all() or len(seen) < _SLOPE_NODES:
            continue
        slope = float(np.polyfit(np.arange(_SLOPE_NODES), seen, 1)[0])
        most = _MOST_RISE_MM * px_per_mm.y
        guess = course[first] - np.clip(0.5 * slope * np.arange(first, 0, -1), -most, most)
        if np.abs(course[:first] - guess).max() < _FAR_MM * px_per_mm.y:
            course[:first] = guess
    return replace(line, y=y)
