"""Where the leads of a row begin and end: at equal shares of the row, or at gaps."""
from collections.abc import Sequence

import numpy as np

from ecg.layout.catalogue import LeadRows, runs_on
from ecg.layout.model import Cell, RowPath, TraceScale
from ecg.scale import Scale
from featurize.arrays import runs_of_true

# Leads usually last a multiple of this, as 2.5, 5 or 10 s.
_QUARTER_S = 0.25
# Three leads in a row of 10 s each last this.
_THIRD_S = 10 / 3
# A lead has a usual length if the measured one is off by less than this.
_OFF_S = 0.08
# Multiples of a quarter of a second that leads last.
_QUARTERS_S = tuple(_QUARTER_S * k for k in range(4, 61))
# From lead to lead paper is measured to this.
_SPEED_ERROR_S = 0.03
# A line of one lead that runs on is measured to this.
_LINE_ERROR_S = 0.01
# Rows of several leads last this long in all.
_ROW_S = 10.0
# The end of such a row may be lost by less than this, where a beat is cut off there.
_LOST_S = 0.35
# Shortest gap between leads.
_LEAST_GAP_MM = 0.8
# Longest gap between leads.
_MOST_GAP_MM = 12.0
# A gap is looked for at this distance from an equal share of the row.
_GAP_DISTANCE_MM = 11.0
# Gaps of different rows are the same if they end this near to each other.
_SAME_GAP_MM = 1
# At least this share of the rows has the gap.
_LEAST_ROWS = 0.5
# Quantile of the lengths of leads that tells the length of all: the end of one may be lost.
_LENGTH_QUANTILE = 0.75
# Leads between gaps differ in length by less than this share: the first may have lost its beginning.
_UNEVEN = 0.06
# A page shows each moment only once: rows that are longer than this show their leads side by side.
_LONGEST_S = 12.0


def find_cells(rows: Sequence[RowPath], leads: LeadRows, gaps: Sequence[tuple[float, float]],
               named: set[tuple[int, int]], scale: TraceScale) -> list[Cell]:
    """Leads in their rows.

    Parameters
    ----------
    rows : sequence of RowPath
        Of `ecg.layout.row_bounds.align_rows`.
    leads : LeadRows
    gaps : sequence of (begin, end)
        Of `find_gaps`.
    named : set of (row, column)
        Cells whose name was read.
    scale : TraceScale
    """
    out: list[Cell] = []
    late = 0.0
    for r, (row, of_row) in enumerate(zip(rows, leads)):
        spans = _spans(row, len(of_row), gaps, scale.px_per_s)
        times = _times(spans, scale.px_per_s)
        if runs_on(leads):
            seconds = _line_seconds(spans[0], scale)
            # Each line begins in time where the line above ends.
            spans, times, late = [(spans[0][0], spans[0][0] + seconds * scale.px_per_s)], [late], late + seconds
        out += [Cell(lead, r, *spans[c], times[c], (r, c) in named) for c, lead in enumerate(of_row)]
    return out


def _line_seconds(span: tuple[float, float], scale: TraceScale) -> float:
    """How long a line lasts that runs on in the next one: whole tenths or quarters of a second if it is about that."""
    # The pen lays ink half its width beyond where it ends.
    seconds = (span[1] - 0.5 - span[0] - scale.pen_px / 2) / scale.px_per_s
    usual = min((round(seconds * part) / part for part in (4, 10)), key=lambda value: abs(value - seconds))
    return usual if abs(usual - seconds) < _LINE_ERROR_S else seconds


def find_gaps(rows: Sequence[RowPath], leads: LeadRows, scale: TraceScale) -> list[tuple[float, float]]:
    """Gaps between leads: first and last column, px; none unless most rows have one between all leads.

    A gap ends where the next lead begins, in one column in all rows: that places the leads. All leads are of one
    length, which tells where a gap begins: the end of one lead may be lost.
    """
    several = [(row, len(of_row)) for row, of_row in zip(rows, leads) if len(of_row) > 1]
    if not several or len({count for _, count in several}) > 1:
        return []
    count = several[0][1]
    first, last = (float(np.median(at)) for at in zip(*((row.start, row.end) for row, _ in several)))
    starts, lengths, px_per_mm = [first], list[float](), scale.px_per_mm
    for c in range(1, count):
        seen = np.array([gap for row, _ in several
                         for gap in [_gap(row, row.start + (row.end - row.start) * c / count, px_per_mm)] if gap])
        alike = seen[np.abs(seen[:, 1] - np.median(seen[:, 1])) < _SAME_GAP_MM * px_per_mm.x] if len(seen) else seen
        if len(alike) < max(1, _LEAST_ROWS * len(several)):
            return []
        lengths += (alike[:, 0] - scale.pen_px / 2 - starts[-1]).tolist()
        starts.append(float(np.median(alike[:, 1])) + scale.pen_px / 2)
    if abs((last - first) / scale.px_per_s - _ROW_S) < _SPEED_ERROR_S:
        return []  # 10 s without a gap: traces jump from lead to lead
    ends = np.array([*(start + float(np.quantile(lengths, _LENGTH_QUANTILE)) for start in starts[:-1]), last])
    return list(zip(ends[:-1].tolist(), starts[1:])) if np.ptp(ends - starts) < _UNEVEN * np.mean(lengths) else []


def _gap(row: RowPath, at: float, px_per_mm: Scale) -> tuple[float, float] | None:
    """The longest stretch without ink near a column."""
    left = max(0, round(at - _GAP_DISTANCE_MM * px_per_mm.x))
    off = ~row.on_ink[left:round(at + _GAP_DISTANCE_MM * px_per_mm.x)]
    runs = [(int(a), int(b)) for a, b in zip(*runs_of_true(off))
            if _LEAST_GAP_MM * px_per_mm.x < b - a < _MOST_GAP_MM * px_per_mm.x]
    if not runs:
        return None
    a, b = max(runs, key=lambda run: run[1] - run[0])
    return left + a - 0.5, left + b - 0.5


def _spans(row: RowPath, count: int, gaps: Sequence[tuple[float, float]], px_per_s: float
           ) -> list[tuple[float, float]]:
    """Begin and end of each lead of a row."""
    if count > 1 and len(gaps) == count - 1:
        starts = [row.start, *(end for _, end in gaps)]
        ends = [*(begin for begin, _ in gaps), row.end]
        return list(zip(starts, ends))
    at = row.start + lead_step_px(row, count, px_per_s) * np.arange(count + 1)
    return [(float(a), float(b)) for a, b in zip(at, at[1:])]


def _times(spans: Sequence[tuple[float, float]], px_per_s: float) -> list[float]:
    """Seconds at which the leads of a row begin."""
    drawn = float(np.median([b - a for a, b in spans])) / px_per_s
    seconds = _usual(drawn)
    if len(spans) > 1:
        # Paper may run on while the pen is lifted, or leads are set apart from each other: time runs between the two.
        step = (spans[-1][0] - spans[0][0]) / (len(spans) - 1) / px_per_s
        fitting = [value for value in (*_QUARTERS_S, _THIRD_S)
                   if drawn - _SPEED_ERROR_S < value < step + _SPEED_ERROR_S]
        seconds = min(fitting, key=lambda value: abs(value - drawn), default=seconds)
    simultaneous = len(spans) > 1 and seconds * len(spans) > _LONGEST_S
    return [0.0 if simultaneous else c * seconds for c in range(len(spans))]


def _usual(seconds: float) -> float:
    """The nearest length that leads usually have, s, where the measured one is about that."""
    usual = min(round(seconds / _QUARTER_S) * _QUARTER_S, _THIRD_S, key=lambda value: abs(value - seconds))
    return usual if abs(usual - seconds) < _OFF_S else seconds


def lead_step_px(row: RowPath, count: int, px_per_s: float) -> float:
    """Columns from lead to lead in a row without gaps: of the usual length if it has about that, else as drawn."""
    seconds = (row.end - row.start) / px_per_s
    if count > 1 and abs(seconds - _ROW_S) < _LOST_S:
        return _ROW_S / count * px_per_s
    return _usual(seconds / count) * px_per_s if count > 1 else seconds * px_per_s
