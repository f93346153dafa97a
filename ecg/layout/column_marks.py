"""Separators between columns of leads that were not found as strokes: dotted, dashed, or run together with traces.

Tuning values were chosen by hand on 26 photographs and scans.
"""
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from ecg.layout.model import RowPath, TraceScale
from featurize.arrays import BoolArray, Float32Array, Float64Array

# A pixel belongs to a mark from this share of ink on.
_MARK_INK = 0.35
# The ink of a separator is counted up to this distance from the base line of its row.
_REACH_MM = 9.0
# The trace runs nearer to the base line than this: its ink is not counted.
_TRACE_MM = 0.8
# A separator has at least this much ink above the base line, and as much below it.
_LEAST_INK_MM = 1.5
# A separator is thin: there is less ink at this distance beside it.
_BESIDE_MM = 1.2
# There is less ink beside it by at least this.
_CLEARER_MM = 1.0
# Separators of one column stand in line to this.
_IN_LINE_MM = 0.4
# The distance between columns may be off the usual one by this share: the scale of a photograph is not sure.
DISTANCE_OFF = 0.04
# Distances between columns that are tried differ by this.
_TRIED_MM = 0.1
# Separators stand between at least this share of the leads.
_LEAST_SHARE = 0.6
# The first lead of a row is at least this share of a column wide, where the page is cut or a pulse stands before it.
_FIRST_SHARE = 0.5
# The last lead of a row is at least this share of a column wide, where the page is cut.
_LAST_SHARE = 0.3


def find_column_marks(ink: Float32Array, rows: Sequence[RowPath], count: int, usual_px: float, scale: TraceScale
                      ) -> Float64Array | None:
    """(count - 1,) columns where leads meet, px, by equally spaced separators in most rows; None without them.

    One separator a row tells no distance between columns: it is looked for where the rows' beginning has it.

    Parameters
    ----------
    ink : (H, W) float32
    rows : sequence of RowPath
        Rows of several leads.
    count : int
        Leads in each of them.
    usual_px : float
        Distance between columns, if the scale is right.
    scale : TraceScale
    """
    if len(rows) < 2:
        return None
    sx = scale.px_per_mm.x
    marked = np.array([_marked(ink, row, scale) for row in rows]).astype(np.uint8)
    seen = maximum_filter1d(marked, 2 * round(_IN_LINE_MM * sx) + 1, axis=1)
    first, last = min(row.start for row in rows), max(row.end for row in rows)
    found = np.zeros((0, 3))
    steps = np.arange((1 - DISTANCE_OFF) * usual_px, (1 + DISTANCE_OFF) * usual_px, _TRIED_MM * sx)
    for step in steps if count > 2 else [usual_px]:
        offsets = np.round(step * np.arange(count - 1)).astype(int)
        begin = max(0, round(first + (_FIRST_SHARE if count > 2 else 1 - DISTANCE_OFF) * step))
        end = min(seen.shape[1] - 1, round(last - _LAST_SHARE * step)) - int(offsets[-1])
        end = end if count > 2 else min(end, round(first + (1 + DISTANCE_OFF) * step))
        at = np.arange(begin, end + 1)
        hits = seen[:, at[:, None] + offsets].sum(axis=0)
        total = np.where((hits > 0).all(axis=1), hits.sum(axis=1), 0)
        found = np.concatenate([found, np.c_[total, at, np.full(len(at), step)]])
    best = found[:, 0].max(initial=0)
    if best < max(count, _LEAST_SHARE * len(rows) * (count - 1)):
        return None
    _, start, step = np.median(found[found[:, 0] == best], axis=0)
    return np.asarray(start + step * np.arange(count - 1))


def _marked(ink: Float32Array, row: RowPath, scale: TraceScale) -> BoolArray:
    """(W,) columns with a thin upright mark above and below the base line of a row."""
    sx, sy = scale.px_per_mm.x, scale.px_per_mm.y
    base, reach, near = round(row.base), round(_REACH_MM * sy), round(_TRACE_MM * sy)
    above, below = (np.count_nonzero(part > _MARK_INK, axis=0) / sy for part in (
        ink[max(0, base - reach):max(0, base - near)], ink[base + near:base + reach]))
    inked = np.minimum(above, below)
    beside = round(_BESIDE_MM * sx)
    padded = np.pad(inked, beside)
    around = np.maximum(padded[:-2 * beside], padded[2 * beside:])
    return np.asarray((inked >= _LEAST_INK_MM) & (inked - around >= _CLEARER_MM))
