"""Where the rows of a page begin and end: together, unless one is of another kind."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecg.layout.catalogue import Plan, runs_on
from ecg.layout.columns import step_px
from ecg.layout.model import Pulse, RowPath, Stroke
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.arrays import Float64Array

# A trace that begins this near to its pulse begins at it: the column between them is no gap.
_JOINED_MM = 0.9
# Of a name in line with its trace a path takes no more than this, and then there is bare paper; rows begin together to
# this; mm.
_NAME_MM = 13.0
_BARE_MM = 0.8
_LEVEL_MM = 1.5
# Of this many rows one that begins earlier than the others has taken something else for trace.
_MANY = 3
# Traces that run out of the page end this near to its edge: what is nearer is taken for a frame there, mm.
_EDGE_MM = 1.3


def begun(rows: Sequence[RowPath], words: Sequence[Word], px_per_mm: Scale) -> list[RowPath]:
    """Rows without the names that stand before them, in line with the trace.

    Parameters
    ----------
    rows : sequence of RowPath
    words : sequence of Word
    px_per_mm : Scale
    """
    later = [_after_gap(row, px_per_mm) for row in rows]
    named = [after is not None and _is_named(row, words, after) for row, after in zip(rows, later)]
    # Most rows begin there, whether something stands before them or not; where that is so twice, names tell.
    choices = [(sum(abs(row.start - at) < _LEVEL_MM * px_per_mm.x or after is not None
                    and abs(after - at) < _LEVEL_MM * px_per_mm.x for row, after in zip(rows, later)), sure, -at)
               for row, after, told in zip(rows, later, named)
               for at, sure in ((row.start, False), (after, told)) if at is not None]
    most, _, at = max(choices)
    if most < max(2, 0.5 * len(rows)) and not any(named):
        return list(rows)
    return [replace(row, start=after) if after is not None and row.start < -at - _LEVEL_MM * px_per_mm.x
            and (told or abs(after + at) < _LEVEL_MM * px_per_mm.x) else row
            for row, after, told in zip(rows, later, named)]


def _after_gap(row: RowPath, px_per_mm: Scale) -> float | None:
    """Where a row goes on after bare paper near its beginning."""
    start = max(0, int(row.start))
    off = ~row.on_ink[start:start + round((_NAME_MM + 10) * px_per_mm.x)]
    edges = np.diff(np.r_[False, off, False].astype(int))
    gaps = [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
            if b - a > _BARE_MM * px_per_mm.x and a < _NAME_MM * px_per_mm.x and b < len(off)]
    return float(start + gaps[-1][1]) if gaps else None


def _is_named(row: RowPath, words: Sequence[Word], after: float) -> bool:
    """Whether what stands before a row, in line with it, is the name of a lead."""
    return any(w.text.lstrip("-") in LEADS and w.x + w.width < after and w.x + w.width > row.start
               and abs(w.y + w.height / 2 - row.base) < w.height for w in words)


def aligned(rows: Sequence[RowPath], pulses: Sequence[Pulse], separators: Sequence[Stroke], leads: Plan,
            gaps: Sequence[tuple[float, float]], px_per_mm: Scale, mm_per_s: float, pen_px: float) -> list[RowPath]:
    """All rows begin and end together, unless one of them ends more than 4 mm later: faint ends are lost in some.

    Pulses and separators both tell the beginning, each to half a pixel of where printers snap lines: their mean does.
    """
    sx = px_per_mm.x
    rows = [_to_edge(row, px_per_mm) for row in rows]
    start = _common([row.start for row in rows], _LEVEL_MM * sx)
    end = -_common([-row.end for row in rows], _LEVEL_MM * sx)
    rights = [p.right for p in pulses if abs(start - p.right) < _JOINED_MM * sx]
    # A pen that is set down lays ink half its width before the signal.
    start = float(np.median(rights)) if rights else start + max(0.0, pen_px / 2 - 0.5) * (start > 0)
    told = _told_starts(rows, separators, leads, start, px_per_mm, mm_per_s)
    if len(told) >= max(2, 0.4 * sum(len(of_row) - 1 for of_row in leads)):
        start = (start + float(np.median(told))) / 2 if rights else float(np.median(told))
    # One of many rows that seems shorter has lost a faint end, unless gaps made the others longer; one that is longer
    # is of another kind.
    least = [end - 4 * sx if gaps and len(of_row) == 1 else -np.inf for of_row in leads]
    if runs_on(leads):
        least[-1] = np.inf  # what is recorded ends somewhere in the last line
    few = len(rows) < _MANY
    return [replace(row, start=row.start if few and row.start < start - 4 * sx else start,
                    end=end if low < row.end < end + 4 * sx else row.end) for row, low in zip(rows, least)]


def _common(places: Sequence[float], within: float) -> float:
    """Where most begin: median of the most places that are near each other, of as many the first; faint ends get lost.
    """
    first, at = min(places), np.array(places)
    near = max(places, key=lambda place: (int((np.abs(at - place) < within).sum()), first - place))
    return float(np.median(at[np.abs(at - near) < within]))


def _to_edge(row: RowPath, px_per_mm: Scale) -> RowPath:
    """The row to where the page ends, if it runs out of it."""
    width = len(row.on_ink)
    return replace(row, start=-0.5 if row.start < _EDGE_MM * px_per_mm.x else row.start,
                   end=width - 0.5 if row.end > width - _EDGE_MM * px_per_mm.x else row.end)


def _told_starts(rows: Sequence[RowPath], separators: Sequence[Stroke], leads: Plan, start: float, px_per_mm: Scale,
                 mm_per_s: float) -> Float64Array:
    """The beginning of the rows as each separator tells it."""
    sx, sy = px_per_mm.x, px_per_mm.y
    told = np.array([(s.x - at, s.height, (s.top + s.bottom) / 2 - row.base) for row, of_row in zip(rows, leads)
                     for c in range(1, len(of_row)) for at in [c * step_px(row, len(of_row), sx * mm_per_s)]
                     for s in separators if abs(s.x - at - start) < 2.5 * sx
                     and abs((s.top + s.bottom) / 2 - row.base) < 8 * sy]).reshape(-1, 3)
    # Separators stand in line, are of one height and at one place of their row; steep strokes of a beat are not.
    usual = np.median(told, axis=0) if len(told) else np.zeros(3)
    return told[(np.abs(told - usual) < [0.35 * sx, 0.12 * usual[1], 1.5 * sy]).all(axis=1), 0]
