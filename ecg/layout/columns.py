"""Where the leads of a row begin and end: equal shares of the row, or the pieces between gaps."""
from collections.abc import Sequence

import numpy as np

from ecg.layout.catalogue import Plan, runs_on
from ecg.layout.model import Cell, RowPath
from ecg.scale import Scale

# Leads last whole quarters of a second, as 2.5, 5 or 10 s, or a third of 10 s; for no longer than this off it (s).
_QUARTER_S = 0.25
_THIRD_S = 10 / 3
_OFF_S = 0.08
_QUARTERS_S = tuple(_QUARTER_S * k for k in range(4, 61))
# From lead to lead paper is measured to this, s.
_STEADY_S = 0.03
# A line of a strip is measured to this, s.
_LINE_S = 0.01
# Rows of several leads last 10 s in all; their ends are lost where a beat is cut off there, by less than this, s.
_ROW_S = 10.0
_LOST_S = 0.35
# Gaps between leads, mm; how far from an equal share of the row one is looked for.
_LEAST_GAP_MM = 0.8
_MOST_GAP_MM = 12.0
_REACH_MM = 11.0
# Leads between gaps are of one length, to this share: the first may have lost its beginning.
_UNEVEN = 0.06
# A page shows one time only once: rows that are longer than this show their leads side by side.
_LONGEST_S = 12.0


def find_cells(rows: Sequence[RowPath], leads: Plan, gaps: Sequence[tuple[float, float]], px_per_s: float,
               pen_px: float, found: set[tuple[int, int]]) -> list[Cell]:
    """Leads in their rows.

    Parameters
    ----------
    rows : sequence of RowPath
        Of `aligned`.
    leads : Plan
    gaps : sequence of (begin, end)
        Of `find_gaps`.
    px_per_s, pen_px : float
    found : set of (row, column)
        Where the name was read.
    """
    out: list[Cell] = []
    late = 0.0
    for r, (row, of_row) in enumerate(zip(rows, leads)):
        spans = _spans(row, len(of_row), gaps, px_per_s)
        times = _times(spans, px_per_s)
        if runs_on(leads):
            long = _long(spans[0], px_per_s, pen_px)
            # No line shows what the next one shows.
            spans, times, late = [(spans[0][0], spans[0][0] + long * px_per_s)], [late], late + long
        out += [Cell(lead, r, *spans[c], times[c], (r, c) in found) for c, lead in enumerate(of_row)]
    return out


def _long(span: tuple[float, float], px_per_s: float, pen_px: float) -> float:
    """Seconds that a line of a lead lasts that runs on in the next one: tenths or quarters if it is about that."""
    # The pen lays ink half its width beyond where it ends.
    seconds = (span[1] - 0.5 - span[0] - pen_px / 2) / px_per_s
    usual = min((round(seconds * part) / part for part in (4, 10)), key=lambda value: abs(value - seconds))
    return usual if abs(usual - seconds) < _LINE_S else seconds


def find_gaps(rows: Sequence[RowPath], leads: Plan, px_per_mm: Scale, px_per_s: float, pen_px: float
              ) -> list[tuple[float, float]]:
    """Columns between leads that no pen went through, where most rows have them and between all leads; px.

    A gap ends where the next lead begins, in one column in all rows: that places the leads. Where it begins is told by
    all leads together, which are of one length: the end of one may be lost.
    """
    several = [(row, len(of_row)) for row, of_row in zip(rows, leads) if len(of_row) > 1]
    if not several or len({count for _, count in several}) > 1:
        return []
    count = several[0][1]
    first, last = (float(np.median(at)) for at in zip(*((row.start, row.end) for row, _ in several)))
    starts, long = [first], list[float]()
    for c in range(1, count):
        seen = np.array([gap for row, _ in several
                         for gap in [_gap(row, row.start + (row.end - row.start) * c / count, px_per_mm)] if gap])
        alike = seen[np.abs(seen[:, 1] - np.median(seen[:, 1])) < px_per_mm.x] if len(seen) else seen
        if len(alike) < max(1, 0.5 * len(several)):
            return []
        long += (alike[:, 0] - pen_px / 2 - starts[-1]).tolist()
        starts.append(float(np.median(alike[:, 1])) + pen_px / 2)
    if abs((last - first) / px_per_s - _ROW_S) < _STEADY_S:
        return []  # 10 s without a gap: traces jump from lead to lead
    ends = np.array([*(start + float(np.quantile(long, 0.75)) for start in starts[:-1]), last])
    return list(zip(ends[:-1].tolist(), starts[1:])) if np.ptp(ends - starts) < _UNEVEN * np.mean(long) else []


def _gap(row: RowPath, at: float, px_per_mm: Scale) -> tuple[float, float] | None:
    """The longest stretch without ink near a column."""
    left = max(0, round(at - _REACH_MM * px_per_mm.x))
    off = ~row.on_ink[left:round(at + _REACH_MM * px_per_mm.x)]
    edges = np.diff(np.r_[False, off, False].astype(int))
    runs = [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
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
    at = row.start + step_px(row, count, px_per_s) * np.arange(count + 1)
    return [(float(a), float(b)) for a, b in zip(at, at[1:])]


def _times(spans: Sequence[tuple[float, float]], px_per_s: float) -> list[float]:
    """Seconds at which the leads of a row begin."""
    drawn = float(np.median([b - a for a, b in spans])) / px_per_s
    long = _usual(drawn)
    if len(spans) > 1:
        # Paper may run on while the pen is lifted, or leads are set apart from each other: time runs between the two.
        step = (spans[-1][0] - spans[0][0]) / (len(spans) - 1) / px_per_s
        fitting = [value for value in (*_QUARTERS_S, _THIRD_S) if drawn - _STEADY_S < value < step + _STEADY_S]
        long = min(fitting, key=lambda value: abs(value - drawn), default=long)
    together = len(spans) > 1 and long * len(spans) > _LONGEST_S
    return [0.0 if together else c * long for c in range(len(spans))]


def _usual(seconds: float) -> float:
    """What leads usually last, where it is about that."""
    usual = min(round(seconds / _QUARTER_S) * _QUARTER_S, _THIRD_S, key=lambda value: abs(value - seconds))
    return usual if abs(usual - seconds) < _OFF_S else seconds


def step_px(row: RowPath, count: int, px_per_s: float) -> float:
    """Columns from lead to lead in a row without gaps; where it is about usual the scale, known better, places them."""
    long = (row.end - row.start) / px_per_s
    if count > 1 and abs(long - _ROW_S) < _LOST_S:
        return _ROW_S / count * px_per_s
    return _usual(long / count) * px_per_s if count > 1 else long * px_per_s
