"""Row bounds: the columns in which the rows of a page begin and end, mostly the same in all rows."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecg.layout.catalogue import LeadRows, runs_on
from ecg.layout.columns import lead_step_px
from ecg.layout.model import Pulse, RowPath, Stroke, TraceScale
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.text.lead_names import Word
from featurize.arrays import Float64Array, runs_of_true

# A trace that begins this near to its pulse begins at it: the column between them is no gap.
_JOINED_MM = 0.9
# A path takes no more than this of a name that stands in line with its trace.
_NAME_MM = 13.0
# The gap between such a name and the trace is looked for up to this distance farther.
_NAME_SEARCH_MM = 10
# Between such a name and the trace there is more bare paper than this.
_BARE_MM = 0.8
# Rows begin at one place if they begin this near to each other.
_SAME_PLACE_MM = 1.5
# The place where most rows begin is that of at least this share of them.
_LEAST_ROWS = 0.5
# With this many rows or more, one that begins earlier than the others has taken something else for trace.
_LEAST_MANY = 3
# A row ends with the others, or begins with them, if it does so within this.
_WITH_OTHERS_MM = 4
# Rows of several leads last this long in all,
_ROW_S = 10.0
# to this.
_ROW_OFF_S = 0.1
# Traces that run out of the page end this near to its edge: what is nearer is taken for a frame there.
_EDGE_MM = 1.3
# Separators tell the beginning of the rows if at least this share of the leads has one.
_LEAST_SEPARATORS = 0.4
# A separator stands this near to where a lead begins.
_SEPARATOR_X_MM = 2.5
# The middle of a separator stands this near to the base line of its row.
_SEPARATOR_Y_MM = 8
# Separators stand in line along x to this.
_IN_LINE_MM = 0.35
# Separators are of one height to this share.
_SAME_HEIGHT = 0.12
# Separators stand at one place of their rows along y to this.
_IN_ROW_MM = 1.5


def without_leading_names(rows: Sequence[RowPath], words: Sequence[Word], px_per_mm: Scale) -> list[RowPath]:
    """Rows without the names that stand before them, in line with the trace."""
    later, near = [_after_gap(row, px_per_mm) for row in rows], _SAME_PLACE_MM * px_per_mm.x
    named = [after is not None and _is_named(row, words, after) for row, after in zip(rows, later)]
    # Most rows begin at one place, with or without a name before it; between two such places, names decide.
    places = [(sum(abs(row.start - at) < near or after is not None and abs(after - at) < near
                   for row, after in zip(rows, later)), sure, -at)
              for row, after, has_name in zip(rows, later, named)
              for at, sure in ((row.start, False), (after, has_name)) if at is not None]
    most, _, minus_at = max(places)
    if most < max(2, _LEAST_ROWS * len(rows)) and not any(named):
        return list(rows)
    return [replace(row, start=after) if after is not None and row.start < -minus_at - near
            and (has_name or abs(after + minus_at) < near) else row
            for row, after, has_name in zip(rows, later, named)]


def _after_gap(row: RowPath, px_per_mm: Scale) -> float | None:
    """Where a row goes on after bare paper near its beginning."""
    start = max(0, int(row.start))
    off = ~row.on_ink[start:start + round((_NAME_MM + _NAME_SEARCH_MM) * px_per_mm.x)]
    gaps = [(int(a), int(b)) for a, b in zip(*runs_of_true(off))
            if b - a > _BARE_MM * px_per_mm.x and a < _NAME_MM * px_per_mm.x and b < len(off)]
    return float(start + gaps[-1][1]) if gaps else None


def _is_named(row: RowPath, words: Sequence[Word], after: float) -> bool:
    """Whether what stands before a row, in line with it, is the name of a lead."""
    return any(w.text.lstrip("-") in LEADS and w.x + w.width < after and w.x + w.width > row.start
               and abs(w.y + w.height / 2 - row.base) < w.height for w in words)


def align_rows(rows: Sequence[RowPath], leads: LeadRows, gaps: Sequence[tuple[float, float]], pulses: Sequence[Pulse],
               separators: Sequence[Stroke], scale: TraceScale) -> list[RowPath]:
    """Rows that all begin and end together, unless one ends more than 4 mm later: faint ends are lost in some.

    Pulses and separators both tell the beginning, each to half a pixel of where printers snap lines; their mean is
    better than either.

    Parameters
    ----------
    rows : sequence of RowPath
    leads : LeadRows
    gaps : sequence of (begin, end)
        Of `ecg.layout.columns.find_gaps`.
    pulses : sequence of Pulse
    separators : sequence of Stroke
    scale : TraceScale
    """
    sx = scale.px_per_mm.x
    rows = [_to_edge(row, scale.px_per_mm) for row in rows]
    start = _common([row.start for row in rows], _SAME_PLACE_MM * sx)
    end = -_common([-row.end for row in rows], _SAME_PLACE_MM * sx)
    rights = [p.right for p in pulses if abs(start - p.right) < _JOINED_MM * sx]
    # A pen that is set down lays ink half its width before the signal.
    start = float(np.median(rights)) if rights else start + max(0.0, scale.pen_px / 2 - 0.5) * (start > 0)
    by_separators = _starts_by_separators(rows, separators, leads, start, scale)
    if len(by_separators) >= max(2, _LEAST_SEPARATORS * sum(len(of_row) - 1 for of_row in leads)):
        middle = float(np.median(by_separators))
        start = (start + middle) / 2 if rights else middle
    # One of many rows that seems shorter has lost a faint end, unless gaps made the others longer; one that is longer
    # is of another kind.
    least = [end - _WITH_OTHERS_MM * sx if gaps and len(of_row) == 1 else -np.inf for of_row in leads]
    if runs_on(leads):
        least[-1] = np.inf  # the recording ends somewhere in the last line
    few = len(rows) < _LEAST_MANY
    # Beside several rows that last 10 s, a longer one of as many leads runs on in something else, such as handwriting.
    ending = sum(abs(row.end - end) < _SAME_PLACE_MM * sx for row in rows)
    known = ending > max(1, _LEAST_ROWS * len(rows)) and abs((end - start) / scale.px_per_s - _ROW_S) < _ROW_OFF_S
    most = [np.inf if known and len(of_row) > 1 else end + _WITH_OTHERS_MM * sx for of_row in leads]
    return [replace(row, start=row.start if few and row.start < start - _WITH_OTHERS_MM * sx else start,
                    end=end if low < row.end < high else row.end)
            for row, low, high in zip(rows, least, most)]


def _common(places: Sequence[float], within: float) -> float:
    """The median of the largest group of places that are near each other; of two as large the first."""
    first, at = min(places), np.array(places)
    near = max(places, key=lambda place: (int((np.abs(at - place) < within).sum()), first - place))
    return float(np.median(at[np.abs(at - near) < within]))


def _to_edge(row: RowPath, px_per_mm: Scale) -> RowPath:
    """The row to where the page ends, if it runs out of it."""
    width = len(row.on_ink)
    return replace(row, start=-0.5 if row.start < _EDGE_MM * px_per_mm.x else row.start,
                   end=width - 0.5 if row.end > width - _EDGE_MM * px_per_mm.x else row.end)


def _starts_by_separators(rows: Sequence[RowPath], separators: Sequence[Stroke], leads: LeadRows, start: float,
                          scale: TraceScale) -> Float64Array:
    """The beginning of the rows by each separator, px."""
    sx, sy = scale.px_per_mm.x, scale.px_per_mm.y
    # Beginning of the row, height of the separator, place in its row.
    found = np.array([(s.x - at, s.height, (s.top + s.bottom) / 2 - row.base) for row, of_row in zip(rows, leads)
                      for c in range(1, len(of_row)) for at in [c * lead_step_px(row, len(of_row), scale.px_per_s)]
                      for s in separators if abs(s.x - at - start) < _SEPARATOR_X_MM * sx
                      and abs((s.top + s.bottom) / 2 - row.base) < _SEPARATOR_Y_MM * sy]).reshape(-1, 3)
    # Steep strokes of a beat differ from the usual separator.
    usual = np.median(found, axis=0) if len(found) else np.zeros(3)
    tolerance = [_IN_LINE_MM * sx, _SAME_HEIGHT * usual[1], _IN_ROW_MM * sy]
    return found[(np.abs(found - usual) < tolerance).all(axis=1), 0]
