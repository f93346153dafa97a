"""Where the leads of a row begin and end: equal shares of the row, or the pieces between gaps."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecg.marks import Pulse, Stroke
from ecg.paths import RowPath
from ecg.plan import Plan

# Leads last whole quarters of a second, as 2.5, 5 or 10 s, or a third of 10 s; for no longer than this off it (s).
_QUARTER_S, _THIRD_S, _OFF_S = 0.25, 10 / 3, 0.08
# From lead to lead paper is measured to this, s.
_STEADY_S = 0.03
# Gaps between leads, mm; how far from an equal share of the row one is looked for.
_LEAST_GAP_MM, _MOST_GAP_MM, _REACH_MM = 0.8, 12.0, 11.0
# Leads between gaps are of one length, to this share: the first may have lost its beginning.
_UNEVEN = 0.06
# A trace that begins this near to its pulse begins at it: the column between them is no gap.
_JOINED_MM = 0.9
# A page shows one time only once: rows that are longer than this show their leads side by side.
_LONGEST_S = 12.0


@dataclass(frozen=True)
class Cell:
    """One lead in one row.

    Parameters
    ----------
    lead : str
    row : int
    start, end : float
        Columns in px, subpixel: its time 0 and its end.
    start_s : float
        Time of its start from the beginning of the row.
    named : bool
        Its name was read, not only concluded.
    """

    lead: str
    row: int
    start: float
    end: float
    start_s: float
    named: bool


def find_cells(rows: Sequence[RowPath], leads: Plan, gaps: Sequence[tuple[float, float]], px_per_s: float,
               found: set[tuple[int, int]]) -> list[Cell]:
    """Leads in their rows.

    Parameters
    ----------
    rows : sequence of RowPath
        Of `aligned`.
    leads : Plan
    gaps : sequence of (begin, end)
        Of `find_gaps`.
    px_per_s : float
    found : set of (row, column)
        Where the name was read.
    """
    out: list[Cell] = []
    late = 0.0
    for r, (row, of_row) in enumerate(zip(rows, leads)):
        spans = _spans(row, len(of_row), gaps, px_per_s)
        times = _times(spans, px_per_s)
        if len(set(leads)) == 1 and len(leads) > 1:  # one lead, line after line
            times, late = [late], late + _usual((spans[0][1] - spans[0][0]) / px_per_s)
        out += [Cell(lead, r, *spans[c], times[c], (r, c) in found) for c, lead in enumerate(of_row)]
    return out


def find_gaps(rows: Sequence[RowPath], leads: Plan, px_per_mm: float, pen_px: float) -> list[tuple[float, float]]:
    """Columns between leads that no pen went through, where most rows have them and between all leads; px."""
    several = [(row, len(of_row)) for row, of_row in zip(rows, leads) if len(of_row) > 1]
    if not several or len({count for _, count in several}) > 1:
        return []
    count, out = several[0][1], []
    for c in range(1, count):
        seen = [gap for row, _ in several
                for gap in [_gap(row, row.start + (row.end - row.start) * c / count, px_per_mm)] if gap]
        if len(seen) < max(1, 0.5 * len(several)):
            return []
        begin, end = np.median(seen, axis=0)
        alike = np.abs(np.array(seen) - [begin, end]).max(axis=1) < px_per_mm
        if alike.sum() < max(1, 0.5 * len(several)):
            return []
        out.append((float(begin) - pen_px / 2, float(end) + pen_px / 2))
    first, last = (float(np.median(at)) for at in zip(*((row.start, row.end) for row, _ in several)))
    long = np.array([*(begin for begin, _ in out), last]) - [first, *(end for _, end in out)]
    return out if np.ptp(long) < _UNEVEN * long.mean() else []


def _gap(row: RowPath, at: float, px_per_mm: float) -> tuple[float, float] | None:
    """The longest stretch without ink near a column."""
    left = max(0, round(at - _REACH_MM * px_per_mm))
    off = ~row.on_ink[left:round(at + _REACH_MM * px_per_mm)]
    edges = np.diff(np.r_[False, off, False].astype(int))
    runs = [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
            if _LEAST_GAP_MM * px_per_mm < b - a < _MOST_GAP_MM * px_per_mm]
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
    long = _usual(float(np.median([b - a for a, b in spans])) / px_per_s)
    if len(spans) > 1:
        step = (spans[-1][0] - spans[0][0]) / (len(spans) - 1) / px_per_s
        # Paper that runs on while the printer lifts its pen, or leads set apart from each other.
        long = _usual(step) if 0 < abs(_usual(step) - step) < _STEADY_S else long
    together = len(spans) > 1 and long * len(spans) > _LONGEST_S
    return [0.0 if together else c * long for c in range(len(spans))]


def _usual(seconds: float) -> float:
    """What leads usually last, where it is about that."""
    usual = min(round(seconds / _QUARTER_S) * _QUARTER_S, _THIRD_S, key=lambda value: abs(value - seconds))
    return usual if abs(usual - seconds) < _OFF_S else seconds


def step_px(row: RowPath, count: int, px_per_s: float) -> float:
    """Columns from lead to lead in a row without gaps; where it is about usual the scale, known better, places them."""
    step = (row.end - row.start) / count
    return _usual(step / px_per_s) * px_per_s if count > 1 else step


def aligned(rows: Sequence[RowPath], pulses: Sequence[Pulse], separators: Sequence[Stroke], leads: Plan,
            gaps: Sequence[tuple[float, float]], px_per_mm: float, mm_per_s: float) -> list[RowPath]:
    """All rows begin and end together, unless one reaches out by more than 4 mm: faint ends are lost in some.

    Pulses and separators both tell the beginning, each to half a pixel of where printers snap lines: their mean does.
    """
    sx = px_per_mm
    start, end = float(np.median([r.start for r in rows])), float(np.median([r.end for r in rows]))
    rights = [p.right for p in pulses if abs(start - p.right) < _JOINED_MM * sx]
    start = float(np.median(rights)) if rights else start
    told = _told_starts(rows, separators, leads, start, sx, mm_per_s)
    if len(told) >= max(2, 0.4 * sum(len(of_row) - 1 for of_row in leads)):
        start = (start + float(np.median(told))) / 2 if pulses else float(np.median(told))
    # One of many rows that seems shorter has lost a faint end, unless gaps made the others longer; one that is longer
    # is of another kind.
    least = [end - 4 * sx if gaps and len(of_row) == 1 else -np.inf for of_row in leads]
    return [replace(row, start=start if row.start > start - 4 * sx else row.start,
                    end=end if low < row.end < end + 4 * sx else row.end) for row, low in zip(rows, least)]


def _told_starts(rows: Sequence[RowPath], separators: Sequence[Stroke], leads: Plan, start: float, sx: float,
                 mm_per_s: float) -> NDArray[np.float64]:
    """The beginning of the rows as each separator tells it."""
    told = np.array([(s.x - at, s.height, (s.top + s.bottom) / 2 - row.base) for row, of_row in zip(rows, leads)
                     for c in range(1, len(of_row)) for at in [c * step_px(row, len(of_row), sx * mm_per_s)]
                     for s in separators if abs(s.x - at - start) < 2.5 * sx
                     and abs((s.top + s.bottom) / 2 - row.base) < 8 * sx]).reshape(-1, 3)
    # Separators stand in line, are of one height and at one place of their row; steep strokes of a beat are not.
    usual = np.median(told, axis=0) if len(told) else np.zeros(3)
    return told[(np.abs(told - usual) < [0.35 * sx, 0.12 * usual[1], 1.5 * sx]).all(axis=1), 0]
