"""Where on a page each lead is drawn: rows, columns, names, pulses."""
from dataclasses import replace

from ecg.layout.calibration import find_gain, find_speed
from ecg.layout.catalogue import LAYOUTS
from ecg.layout.choose import choose_plan, without_extra
from ecg.layout.columns import find_cells, find_gaps
from ecg.layout.row_bounds import aligned, begun
from ecg.layout.model import Layout
from ecg.layout.rows import find_rows, without_pulse
from ecg.layout.step_pulses import with_steps
from ecg.layout.strokes import bars_at, find_pulses, find_separators, find_strokes
from ecg.page.pen import as_line, measure_pen
from ecg.page.read import Page
from ecg.text.glyphs import find_components
from ecg.text.lead_names import read_words
from ecg.text.speed_and_gain import read_printed
from featurize.errors import UserError


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
    scale = page.px_per_mm
    components = find_components(page.ink, scale)
    words, printed = read_words(components), read_printed(components)
    pen, blur = measure_pen(page.ink)
    ink, peak = as_line(page.ink, pen, blur)
    page = replace(page, ink=ink)
    strokes = find_strokes(page.ink, scale)
    pulses = with_steps(page.ink, strokes, find_pulses(page.ink, strokes, scale, pen), scale, pen)
    separators = find_separators(strokes, pulses, scale, pen)
    rows = find_rows(page, pulses, peak, len(LAYOUTS[name]) if name != "auto" else 0)
    rows = [without_pulse(row, pulses, page, peak) for row in begun(rows, words, scale)]
    rows = without_extra(rows, words, pulses, scale) if name == "auto" else rows
    warnings: list[str] = []
    mm_per_s = find_speed(pulses, printed, scale, warnings)
    chosen, leads, found = choose_plan(rows, words, separators, scale, name, warnings)
    gaps = find_gaps(rows, leads, scale, scale.x * mm_per_s, pen)
    rows = aligned(rows, pulses, separators, leads, gaps, scale, mm_per_s, pen)
    cells = find_cells(rows, leads, gaps, scale.x * mm_per_s, pen, found)
    inner = [(c.start, rows[c.row].base) for c in cells if c.start > rows[c.row].start]
    separators = bars_at(page.ink, separators, inner, scale)
    limb, chest = find_gain(pulses, printed, rows, cells, scale, warnings)
    return Layout(chosen, rows, cells, pulses, separators, words, limb, mm_per_s, pen, blur, scale, warnings, chest)
