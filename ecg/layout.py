"""Where on a page each lead is drawn: rows, columns, names, pulses."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.marks import Pulse, Stroke, as_line, bars_at, find_pulses, find_separators, find_strokes, measure_pen
from ecg.names import GAINS, SPEEDS, Word, read_words
from ecg.page import Page
from ecg.paths import RowPath
from ecg.plan import LAYOUTS, choose_plan
from ecg.rows import find_rows, without_pulse
from featurize.errors import UserError


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


@dataclass(frozen=True)
class Layout:
    """The plan of a page.

    Parameters
    ----------
    name : str
        A key of `LAYOUTS`, or rows joined by "/" where the names say something else.
    rows : sequence of RowPath
    cells : sequence of Cell
    pulses : sequence of Pulse
    separators : sequence of Stroke
    words : sequence of Word
    mm_per_mv, mm_per_s : float
    pen_px, blur_px : float
        Width of the trace's line, and standard deviation of its blur.
    px_per_mm : float
        Along y.
    warnings : sequence of str
    """

    name: str
    rows: Sequence[RowPath]
    cells: Sequence[Cell]
    pulses: Sequence[Pulse]
    separators: Sequence[Stroke]
    words: Sequence[Word]
    mm_per_mv: float
    mm_per_s: float
    pen_px: float
    blur_px: float
    px_per_mm: float
    warnings: Sequence[str]


def find_layout(page: Page, name: str = "auto") -> Layout:
    """Rows, leads and calibration of a page.

    Parameters
    ----------
    page : Page
    name : str
        A key of `LAYOUTS`, where a person knows it.

    Raises
    ------
    NoTrace
        Nothing that runs along the paper.
    UserError
        No layout has that name.
    """
    if name != "auto" and name not in LAYOUTS:
        raise UserError(f"no layout is called {name!r}: choose one of auto, {', '.join(LAYOUTS)}")
    sx, sy = page.px_per_mm
    pen, blur = measure_pen(page.ink)
    ink, peak = as_line(page.ink, pen, blur)
    page = replace(page, ink=ink)
    strokes = find_strokes(page.ink, sy)
    pulses = find_pulses(page.ink, strokes, page.px_per_mm, pen)
    separators = find_separators(strokes, pulses, sx, pen)
    words = read_words(page.ink, sy)
    rows = find_rows(page, pulses, peak, len(LAYOUTS[name]) if name != "auto" else 0)
    rows = [without_pulse(row, pulses, sx) for row in rows]
    warnings: list[str] = []
    mm_per_mv = _gain(pulses, words, sy, warnings)
    mm_per_s = _speed(words, warnings)
    chosen, leads, found = choose_plan(rows, words, sx, name, warnings)
    rows = _aligned(rows, pulses, separators, leads, sx, mm_per_s)
    cells = [cell for r, (row, of_row) in enumerate(zip(rows, leads))
             for cell in _cells(r, row, of_row, sx, mm_per_s, found)]
    inner = [(c.start, rows[c.row].base) for c in cells if c.start_s > 0]
    separators = bars_at(page.ink, separators, inner, sx)
    return Layout(chosen, rows, cells, pulses, separators, words, mm_per_mv, mm_per_s, pen, blur, sy, warnings)


def _gain(pulses: Sequence[Pulse], words: Sequence[Word], sy: float, warnings: list[str]) -> float:
    """Millimetres a millivolt: of the pulses (1 mV by convention), else as printed, else 10."""
    printed = [GAINS[w.text] for w in words if w.text in GAINS]
    if pulses:
        height = float(np.median([p.base - p.top for p in pulses])) / sy
        usual = min((2.5, 5.0, 10.0, 20.0), key=lambda v: abs(np.log(v / height)))
        if abs(height / usual - 1) < 0.12:
            return usual
        warnings.append(f"the calibration pulses are {height:.1f} mm high, 5, 10 or 20 mm were expected")
    if printed:
        return float(np.median(printed))
    warnings.append("neither a calibration pulse nor a printed gain was found: 10 mm/mV is assumed")
    return 10.0


def _speed(words: Sequence[Word], warnings: list[str]) -> float:
    printed = [SPEEDS[w.text] for w in words if w.text in SPEEDS]
    if printed:
        return float(np.median(printed))
    warnings.append("no printed paper speed was found: 25 mm/s is assumed")
    return 25.0


def _aligned(rows: Sequence[RowPath], pulses: Sequence[Pulse], separators: Sequence[Stroke],
             leads: Sequence[Sequence[str]], sx: float, mm_per_s: float) -> list[RowPath]:
    """All rows begin and end together, unless one reaches out by more than 4 mm: faint ends are lost in some.

    Pulses and separators both tell the beginning, each to half a pixel of where printers snap lines: their mean does.
    """
    start, end = float(np.median([r.start for r in rows])), float(np.median([r.end for r in rows]))
    told = np.array([(s.x - at, s.height, (s.top + s.bottom) / 2 - row.base) for row, of_row in zip(rows, leads)
                     for c in range(1, len(of_row)) for at in [c * _step(row, len(of_row), sx, mm_per_s)]
                     for s in separators if abs(s.x - at - start) < 2.5 * sx
                     and abs((s.top + s.bottom) / 2 - row.base) < 8 * sx]).reshape(-1, 3)
    # Separators stand in line, are of one height and at one place of their row; steep strokes of a beat are not.
    usual = np.median(told, axis=0) if len(told) else np.zeros(3)
    told = told[(np.abs(told - usual) < [0.35 * sx, 0.12 * usual[1], 1.5 * sx]).all(axis=1), 0]
    if len(told) >= max(2, 0.4 * sum(len(of_row) - 1 for of_row in leads)):
        start = (start + float(np.median(told))) / 2 if pulses else float(np.median(told))
    # One of many rows that seems shorter has lost a faint end; one that is longer is of another kind.
    return [replace(row, start=start if row.start > start - 4 * sx else row.start,
                    end=end if row.end < end + 4 * sx else row.end) for row in rows]


def _step(row: RowPath, count: int, sx: float, mm_per_s: float) -> float:
    """Columns from lead to lead in a row."""
    step, px_per_s = (row.end - row.start) / count, sx * mm_per_s
    # Leads last whole quarters of a second: 2.5, 5 or 10 s; then the scale, which is known better, places them.
    usual = round(step / px_per_s / 0.25) * 0.25
    return usual * px_per_s if count > 1 and abs(usual * px_per_s - step) < 2 * sx else step


def _cells(r: int, row: RowPath, leads: Sequence[str], sx: float, mm_per_s: float, found: set[tuple[int, int]]
           ) -> list[Cell]:
    """The row shared out among its leads."""
    step = _step(row, len(leads), sx, mm_per_s)
    starts = row.start + step * np.arange(len(leads) + 1)
    return [Cell(lead, r, float(starts[c]), float(starts[c + 1]), float(c * step / (sx * mm_per_s)), (r, c) in found)
            for c, lead in enumerate(leads)]
