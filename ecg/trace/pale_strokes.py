"""Beats that a line cuts off: it lies on bare paper although pale or broken strokes lead up to a peak and back.

A fast pen lays less ink, and lines of the grid that are taken away break the strokes that run along them. Such a stroke
costs a path more than some columns of bare paper, and a line along it explains the page no better than none. Where a
fitted line lies on bare paper, and only there, such strokes are looked for (`ecg.trace.way_around`) and darkened.

Tuning values were chosen by hand on 4 photographs and on drawn pages of even records (`benchmarks.ecg_review`).
"""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ecg.layout.model import Layout
from ecg.scale import Scale
from ecg.trace.corrections import Point
from ecg.trace.evidence import PageEvidence
from ecg.trace.line import STEP_PX, Line
from ecg.trace.way_around import HALF_COLUMN_PX, PageInk, Way, way_around
from featurize.arrays import BoolArray, Float32Array, runs_of_true

# A line is on bare paper below this share of ink.
_INKED = 0.35
# Bare paper of this width, mm, is looked at: strokes of narrow beats merge at their feet, and no beat is wider.
_BARE_MM = (0.1, 8.0)
# Beside where a lead begins or ends, mm, nothing is looked for: printed marks stand there.
_END_MM = 2.0
# Places that are looked at: a page with more is not read at all, and each takes some milliseconds.
_MOST_PLACES = 150
# A stroke's darkness is averaged over so many rows.
_RIDGE_PX = 5
# Its ink is multiplied by this at most.
_MOST_FACTOR = 2.5


def with_pale_strokes(lines: Sequence[Line], layout: Layout, page: PageInk, evidence: PageEvidence,
                      points: Sequence[Point]) -> tuple[list[Line], PageEvidence]:
    """Lines that follow pale strokes around bare paper, and the evidence in which these are as dark as level lines.

    Ink of other lines is not taken, nor that of names, nor is a pin left.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    page : PageInk
    evidence : PageEvidence
        What the lines were fitted to.
    points : sequence of Point
        Corrections by hand.
    """
    out, ink = list(lines), evidence.ink.copy()
    places = [(k, columns) for k, line in enumerate(lines)
              for columns in bare_columns(line, page.traces, evidence.confidence, points, layout.px_per_mm)]
    for k, columns in places[:_MOST_PLACES]:
        way = way_around(out, k, columns, page, layout)
        if way is not None:
            _darken(ink, page.marks, way, layout.pen_px)
            out[k] = _along(out[k], way)
    return out, replace(evidence, ink=ink)


def bare_columns(line: Line, traces: Float32Array, confidence: Float32Array, points: Sequence[Point], scale: Scale
                 ) -> list[tuple[int, int]]:
    """Runs of columns, from and to, in which a line lies on bare paper that nothing hides, as where beats are cut off.

    Parameters
    ----------
    line : Line
    traces : (H, W) float32
        Of `ecg.layout.rows.clean`.
    confidence : (H, W) float32
        Of `ecg.trace.evidence.PageEvidence`.
    points : sequence of Point
        A person's pins: a run with one is left out.
    scale : Scale
        Runs of .1 to 8 mm are meant, 2 mm from the ends of the lead.
    """
    height, width = traces.shape
    x = np.clip(np.round(line.x).astype(int), 1, width - 2)
    y = np.clip(np.round(line.y).astype(int), 1, height - 2)
    # A pixel across the line counts as under it.
    steep = np.abs(np.gradient(line.y, STEP_PX)) > 1
    dx, dy = steep.astype(int), (~steep).astype(int)
    ink = np.maximum(np.maximum(traces[y - dy, x - dx], traces[y + dy, x + dx]), traces[y, x])
    bare = np.zeros(width, bool)
    bare[x] = True
    bare[x[(ink >= _INKED) | (confidence[y, x] == 0)]] = False
    end = _END_MM * scale.x
    pins = [p.x for p in points if p.action == "pin"]
    return [(int(a), int(b)) for a, b in zip(*runs_of_true(bare))
            if _BARE_MM[0] * scale.x <= b - a <= _BARE_MM[1] * scale.x and a > line.x[0] + end and b < line.x[-1] - end
            and not any(a - 1 <= pin <= b for pin in pins)]


def _darken(ink: Float32Array, marks: Float32Array, way: Way, pen_px: float) -> None:
    """Make the strokes of a way, in place, as dark as level lines where they leave the line."""
    reach = round(pen_px / 2 + 1)
    # From each column to the next the way also goes up or down.
    before = np.r_[way.first[:1], way.last[:-1]]
    low, high = (pick(pick(way.first, way.last), before) for pick in (np.minimum, np.maximum))
    top, bottom = max(0, int(low.min())), min(len(ink), int(high.max()) + 1)
    along = np.zeros((bottom - top, len(low)), np.uint8)
    for c, (a, b) in enumerate(zip(low - top, high - top)):
        along[max(0, a):b + 1, c] = 1
    across = np.ones((1, 2 * reach + 1), np.uint8)
    along = cv2.dilate(along, across)
    area = np.s_[top:bottom, way.left:way.left + len(low)]
    ridge = cv2.blur(cv2.dilate(marks[area] * along, across), (1, _RIDGE_PX))
    away = np.abs(np.arange(top, bottom)[:, None] - way.line) > pen_px + 1
    darker = np.minimum(marks[area] / np.maximum(ridge, np.float32(1 / _MOST_FACTOR)), np.float32(1))
    ink[area] = np.where((along > 0) & away, np.maximum(ink[area], darker), ink[area])


def _along(line: Line, way: Way) -> Line:
    """The line led along a way."""
    columns = way.left + np.arange(len(way.first))
    at = (columns[:, None] + np.array([-HALF_COLUMN_PX, 0, HALF_COLUMN_PX])).ravel()
    rows = np.c_[way.first, (way.first + way.last) / 2, way.last].ravel()
    inside: BoolArray = (line.x >= columns[0]) & (line.x <= columns[-1])
    return replace(line, y=np.where(inside, np.interp(line.x, at, rows), line.y))
