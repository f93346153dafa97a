"""Where on a page each lead is drawn: rows, columns, names, pulses."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.columns import Cell, find_cells, find_gaps
from ecg.extent import aligned, begun
from ecg.marks import Pulse, Stroke, as_line, bars_at, find_pulses, find_separators, find_strokes, measure_pen
from ecg.names import GAINS, SPEEDS, Word, read_words
from ecg.page import Page
from ecg.paths import RowPath
from ecg.plan import LAYOUTS, choose_plan, without_extra
from ecg.rows import find_rows, without_pulse
from featurize.errors import UserError

# How long a calibration pulse is by convention.
_PULSE_S = 0.2


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
    rows = [without_pulse(row, pulses, page, peak) for row in begun(rows, words, sx)]
    rows = without_extra(rows, words, pulses, sx) if name == "auto" else rows
    warnings: list[str] = []
    mm_per_mv = _gain(pulses, words, sy, warnings)
    mm_per_s = _speed(pulses, words, sx, warnings)
    chosen, leads, found = choose_plan(rows, words, separators, sx, name, warnings)
    gaps = find_gaps(rows, leads, sx, sx * mm_per_s, pen)
    rows = aligned(rows, pulses, separators, leads, gaps, sx, mm_per_s, pen)
    cells = find_cells(rows, leads, gaps, sx * mm_per_s, pen, found)
    inner = [(c.start, rows[c.row].base) for c in cells if c.start > rows[c.row].start]
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


def _speed(pulses: Sequence[Pulse], words: Sequence[Word], sx: float, warnings: list[str]) -> float:
    """Millimetres a second: as printed, else of the pulses (0.2 s by convention), else 25."""
    printed = [SPEEDS[w.text] for w in words if w.text in SPEEDS]
    if printed:
        return float(np.median(printed))
    if pulses:
        wide = float(np.median([p.right - p.left for p in pulses])) / sx / _PULSE_S
        usual = min((12.5, 25.0, 50.0), key=lambda v: abs(np.log(v / wide)))
        if usual != 25 and abs(wide / usual - 1) < 0.1:
            warnings.append(f"no printed paper speed was found: {usual:g} mm/s is what the pulses are wide for")
            return usual
    warnings.append("no printed paper speed was found: 25 mm/s is assumed")
    return 25.0
