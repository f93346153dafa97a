"""Where on a page each lead is drawn: rows, columns, names, pulses."""
from dataclasses import replace

from ecg.layout.calibration import find_gain, find_speed, pulses_outside_leads
from ecg.layout.catalogue import LAYOUTS
from ecg.layout.choose import choose_layout, without_extra
from ecg.layout.column_places import column_places, cut_at_places
from ecg.layout.columns import find_cells, find_gaps
from ecg.layout.half_pulses import find_half_pulses
from ecg.layout.model import GivenScale, Layout, TraceScale
from ecg.layout.row_bounds import align_rows, without_leading_names
from ecg.layout.rows import find_rows, without_pulse
from ecg.layout.step_pulses import with_step_pulses
from ecg.layout.straight_rows import without_straight_rows
from ecg.layout.strokes import find_pulses, find_separators, find_strokes, separators_at
from ecg.layout.whole_page import check_one_page, cut_warnings
from ecg.lead_table import LEADS
from ecg.page.pen import as_line, measure_pen
from ecg.page.read import Page
from ecg.text.glyphs import find_components
from ecg.text.lead_names import read_words
from ecg.text.speed_and_gain import read_printed
from featurize.errors import UserError


def count_names(page: Page) -> int:
    """How many names of leads can be read on a page, in this position."""
    return sum(word.text.lstrip("-") in LEADS for word in read_words(find_components(page.ink, page.px_per_mm)))


def find_layout(page: Page, name: str = "auto", given: GivenScale = GivenScale()) -> Layout:
    """Rows, leads and calibration of a page.

    Parameters
    ----------
    page : Page
    name : str
        A key of `LAYOUTS`, where a person knows it.
    given : GivenScale
        Gain and speed, where a person knows them.

    Raises
    ------
    NoTrace
        Nothing that runs along the paper.
    SeveralPages
        The names of leads stand twice, and nobody named the layout.
    UserError
        No layout has that name.
    """
    if name != "auto" and name not in LAYOUTS:
        raise UserError(f"no layout is called {name!r}: choose one of auto, {', '.join(LAYOUTS)}")
    scale = page.px_per_mm
    components = find_components(page.ink, scale)
    words, printed = read_words(components), read_printed(components)
    if name == "auto":
        check_one_page(words, scale)
    pen, blur = measure_pen(page.ink)
    ink, peak = as_line(page.ink, pen, blur)
    printed_ink, page = page.ink, replace(page, ink=ink)
    strokes = find_strokes(page.ink, scale)
    pulses = with_step_pulses(page.ink, strokes, find_pulses(page.ink, strokes, scale, pen), scale, pen)
    separators = find_separators(strokes, pulses, scale, pen)
    rows = find_rows(page, pulses, peak, len(LAYOUTS[name]) if name != "auto" else 0)
    rows = without_straight_rows(rows, pulses, words, scale)
    whole, pulses = pulses, [*pulses, *find_half_pulses(rows, pulses, scale)]
    rows = [without_pulse(row, pulses, page, peak) for row in without_leading_names(rows, words, scale)]
    rows = without_extra(rows, words, pulses, scale) if name == "auto" else rows
    mm_per_s, speed_warnings = find_speed(whole, printed, scale, given.mm_per_s)
    chosen = choose_layout(rows, words, separators, scale, name)
    traces = TraceScale(scale, mm_per_s, pen)
    gaps = find_gaps(rows, chosen.leads, traces)
    rows = align_rows(rows, chosen.leads, gaps, pulses, separators, traces)
    places = None if gaps else column_places(printed_ink, rows, chosen.leads, words, pulses, traces)
    if places is not None:
        rows, gaps = cut_at_places(rows, places, traces), [(float(x), float(x)) for x in places[1:-1]]
    cells = find_cells(rows, chosen.leads, gaps, chosen.named, traces)
    pulses = pulses_outside_leads(pulses, rows, cells, scale)
    meetings = [(c.start, rows[c.row].base) for c in cells if c.start > rows[c.row].start]
    separators = separators_at(page.ink, separators, meetings, scale)
    gain = find_gain(pulses, printed, rows, cells, scale, given.mm_per_mv)
    warnings = [*speed_warnings, *chosen.warnings, *gain.warnings,
                *cut_warnings(rows, page.ink.shape[1], traces)]
    return Layout(chosen.name, rows, cells, pulses, separators, words, gain.limb, mm_per_s, pen, blur, scale, warnings,
                  gain.chest)
