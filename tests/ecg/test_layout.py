"""Which lead stands where on a page, and when it begins: names, gaps, beats, the Einthoven constraints."""
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import Digitized, digitize
from ecg.layout.catalogue import LAYOUTS
from ecg.layout.choose import choose_layout, without_extra
from ecg.layout.columns import find_gaps
from ecg.layout.einthoven import beat_correlation, misfit
from ecg.layout.model import NoLayout, Pulse, RowPath, TraceScale
from ecg.layout.straight_rows import without_straight_rows
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.text.lead_names import Word

PX = 6.0
SCALE = Scale.square(PX)
# 150 dots per inch, for pages that need no more: they are read in two thirds of the time.
SMALL = Style(px_per_mm=5.9)


def read(rgb: np.ndarray) -> Digitized:
    return digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


def score(found: Digitized, truth: pd.DataFrame) -> float:
    return decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500)])


def path(mv: np.ndarray, base: float = 300.0, start: float = 100.0) -> RowPath:
    """The path of a signal at 150 samples a second, one a column, of 60 px a millivolt."""
    at = np.full(len(mv) + 200, float(base))
    at[100:-100] -= 60 * mv
    rows = np.round(at).astype(np.int32)
    on = np.zeros(len(at), bool)
    on[100:-100] = True
    return RowPath(base, start, len(at) - 100.0, rows, rows, on, len(mv))


@pytest.fixture(scope="module")
def limbs() -> dict[str, RowPath]:
    beats = heartbeats(3, fs_hz=150)
    return {lead: path(beats[k]) for k, lead in enumerate(LEADS)} | {"-aVR": path(-beats[3])}


@pytest.mark.parametrize(("leads", "wrong"), [
    (("I", "II", "III"), ("II", "III", "I")), (("aVR", "aVL", "aVF"), ("I", "II", "III")),
    (("aVL", "I", "-aVR", "II", "aVF", "III"), LEADS[:6]), (LEADS[:6], ("aVL", "I", "-aVR", "II", "aVF", "III"))])
def test_limb_leads_obey_the_einthoven_constraints_where_they_stand_and_nowhere_else(
        limbs: dict[str, RowPath], leads: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    rows = [limbs[lead] for lead in leads]
    assert misfit(rows, [(lead,) for lead in leads], SCALE) < 0.01
    assert misfit(rows, [(lead,) for lead in wrong], SCALE) > 0.2
    assert misfit([limbs[lead] for lead in ("V1", "V2", "V6")], [("I",), ("II",), ("III",)], SCALE) > 0.1


def test_leads_too_short_to_compare_say_nothing(limbs: dict[str, RowPath]) -> None:
    rows = [limbs[lead] for lead in ("I", "II", "III")]
    many = [(lead,) * 130 for lead in ("II", "III", "I")]
    assert misfit(rows, many, SCALE) is None


def test_rows_of_no_known_layout_whose_names_were_not_read_are_refused() -> None:
    rows = [path(np.zeros(1500), 40.0 * k) for k in range(40)]
    with pytest.raises(NoLayout, match="40 rows were found and 0 different names of leads read: no known layout"):
        choose_layout(rows, [], [], SCALE, "auto")


def test_many_rows_that_all_read_as_lead_one_are_refused() -> None:
    """Lines of a dark grid, beside which upright strokes read as I."""
    rows = [path(np.zeros(1500), 40.0 * k) for k in range(11)]
    words = [Word("I", row.start - 8, row.base - 10, 2, 20, 0.9) for row in rows]
    with pytest.raises(NoLayout, match="11 rows were found and 1 different names"):
        choose_layout(rows, words, [], SCALE, "auto")


def test_frames_and_page_edges_above_and_below_the_traces_are_no_rows(limbs: dict[str, RowPath]) -> None:
    flat = [path(np.zeros(1500), base) for base in (20.0, 150.0, 280.0)]
    traces = [replace(limbs["I"], base=100.0), replace(limbs["II"], base=200.0)]
    rows = [flat[0], traces[0], flat[1], traces[1], flat[2]]
    # The one between traces may be a lead that is not connected.
    assert without_straight_rows(rows, [], [], SCALE) == rows[1:4]
    assert without_straight_rows(rows, [Pulse(80, 95, -40.0, 20.0)], [], SCALE) == rows[:4]
    assert without_straight_rows(flat, [], [], SCALE) == flat


def test_twelve_rows_keep_their_leads_and_a_strip_below_them_takes_its_printed_name(
        limbs: dict[str, RowPath]) -> None:
    rows = [replace(limbs[lead], base=100.0 * (k + 1)) for k, lead in enumerate((*LEADS, "I"))]
    # Names stand below their rows, as near to the next one, and two of them were read.
    words = [Word("aVF", 101, 638, 30, 22, 0.95), Word("I", 101, 1338, 4, 22, 0.95)]
    pulses = [Pulse(80, 95, row.base, row.base - 60) for row in rows]
    assert without_extra(rows, words, pulses, SCALE) == rows
    chosen = choose_layout(rows, words, [], SCALE, "auto")
    assert chosen.name == "12x1+1" and chosen.leads == (*((lead,) for lead in LEADS), ("I",))


def test_where_no_three_limb_leads_are_drawn_together_there_is_no_misfit(limbs: dict[str, RowPath]) -> None:
    rows = list(limbs.values())[:3]
    assert misfit(rows, [("II",), ("V1",), ("V5",)], SCALE) is None
    assert misfit(rows, [("I",)] * 3, SCALE) is None
    assert misfit(rows[:2], [("I",), ("II",)], SCALE) is None


def test_beats_of_leads_of_one_time_correlate_and_those_of_lines_of_one_lead_do_not(limbs: dict[str, RowPath]) -> None:
    assert beat_correlation([limbs["II"], limbs["V2"], limbs["V5"]], SCALE) > 0.8
    long = heartbeats(7, 30, fs_hz=150)[0]
    assert beat_correlation([path(long[k:k + 1500]) for k in (0, 1500, 3000)], SCALE) < 0.6
    assert beat_correlation([limbs["II"]], SCALE) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "row_mm"), [
    ("3x4", 36), ("6x2 cabrera", 26),
    *(pytest.param(layout, row_mm, marks=pytest.mark.slow)
      for layout, row_mm in (("6x2", 26), ("3x4+3", 26), ("4x3+1", 28), ("6x2 across", 26)))])
def test_without_names_the_limb_leads_tell_the_layout(layout: str, row_mm: float) -> None:
    style = Style(layout=layout, row_mm=row_mm, names="none", separators="none", pulse="first", px_per_mm=5.9)
    rgb, truth = draw_page(heartbeats(3), style)
    found = read(rgb)
    assert found.layout.name == layout
    assert score(found, truth) > 19


@pytest.mark.slow
@pytest.mark.parametrize("layout", [
    pytest.param("6x2", marks=pytest.mark.slow), "6x1", pytest.param("3x4 cabrera", marks=pytest.mark.slow)])
def test_av_r_is_turned_the_way_up_that_it_is_drawn(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"aVR": "-aVR", "-aVR": "aVR"}
    turned = tuple(tuple(other.get(lead, lead) for lead in row) for row in LAYOUTS[layout])
    monkeypatch.setattr("ecg.simulate.draw.LAYOUTS", LAYOUTS | {layout: turned})
    rgb, truth = draw_page(heartbeats(3), replace(SMALL, layout=layout, row_mm=28, names="above", separators="none"))
    found = read(rgb)
    assert score(found, truth) > 22
    # The dash is read where the name stands alone.
    read_so = any(cell.lead == "-aVR" for cell in found.layout.cells if layout == "6x1")
    assert read_so or any("aVR is drawn the other way up" in warning for warning in found.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("line_s, seed", [(8.5, 7), *(
    pytest.param(line_s, seed, marks=pytest.mark.slow) for line_s, seed in ((10, 7), (6, 7), (8.5, 0)))])
def test_a_lead_that_is_named_once_runs_on_line_after_line(line_s: float, seed: int) -> None:
    """Cards and watches print 30 s so; the last line may be short."""
    style = Style(layout="1x1", line_s=line_s, names="below", pulse="first", px_per_mm=6, row_mm=30)
    rgb, truth = draw_page(heartbeats(seed, 30), style)
    found = read(rgb)
    assert [c.lead for c in found.layout.cells] == ["II"] * int(np.ceil(30 / line_s))
    assert [c.start_s for c in found.layout.cells] == pytest.approx(np.arange(0, 30, line_s))
    assert found.signals.mv.shape == (12, 15000)
    assert np.isfinite(found.signals.mv[1]).mean() > 0.999
    assert score(found, truth) > 19


@pytest.mark.slow
def test_lines_without_any_name_are_those_of_lead_one() -> None:
    style = Style(layout="1x1", line_s=10, names="none", pulse="none", px_per_mm=6)
    found = read(draw_page(heartbeats(9, 30), style)[0])
    assert found.layout.name == "I/I/I"
    assert any("only 0 lead names were read" in warning for warning in found.warnings)


@pytest.mark.slow
def test_time_that_is_not_drawn_between_leads_is_time() -> None:
    style = replace(SMALL, gap_mm=3, blank_s=0.08, separators="none", names="above", pulse="right")
    rgb, truth = draw_page(heartbeats(0), style)
    found = read(rgb)
    assert sorted({cell.start_s for cell in found.layout.cells}) == pytest.approx([0, 2.5, 5, 7.5])
    assert score(found, truth) > 19


@pytest.mark.slow
def test_rhythm_strips_below_leads_that_are_set_apart_are_what_their_names_say() -> None:
    style = replace(SMALL, layout="3x4+3", row_mm=26, gap_mm=4, separators="none", names="above", pulse="none")
    rgb, truth = draw_page(heartbeats(3), style)
    found = read(rgb)
    assert [cell.lead for cell in found.layout.cells[-3:]] == ["V1", "II", "V5"]
    assert score(found, truth) > 18


@pytest.mark.slow
def test_traces_that_run_out_of_the_page_begin_at_its_edge() -> None:
    rgb, truth = draw_page(heartbeats(0), Style(layout="3x4", pulse="none", names="above", px_per_mm=8))
    found = read(np.ascontiguousarray(rgb[:, 64:64 + 2000]))
    assert found.layout.cells[0].start == pytest.approx(0, abs=1.5)
    assert found.layout.cells[-1].end == pytest.approx(2000, abs=1.5)
    assert score(found, truth) > 20


@pytest.mark.slow
def test_a_name_in_line_with_its_trace_is_no_trace() -> None:
    rgb, truth = draw_page(heartbeats(0), Style(layout="6x2", row_mm=28, names="none", separators="none", pulse="none",
                                                size_mm=(290, 220)))
    rgb = np.roll(rgb, round(20 * 7.874), axis=1)  # 4 boxes: the grid goes on over the edge
    for r, name in enumerate(LEADS[:6]):
        size, _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 1.5, 3)
        at = round(25 * 7.874) - size[0], round((35 + 28 * (r + 0.5)) * 7.874) + size[1] // 2
        cv2.putText(rgb, name, at, cv2.FONT_HERSHEY_SIMPLEX, 1.5, (23, 23, 23), 3, cv2.LINE_AA)
    found = read(rgb)
    assert found.layout.name == "6x2"
    assert [cell.start for cell in found.layout.cells if cell.start_s == 0] == pytest.approx([28 * 7.874] * 6, abs=3)
    assert score(found, truth) > 18


def test_ten_seconds_have_no_gaps_whatever_is_not_seen() -> None:
    def row(width: int, hole: tuple[int, int]) -> RowPath:
        on = np.zeros(width + 100, bool)
        on[50:50 + width] = True
        on[slice(*hole)] = False
        flat = np.full(len(on), 100, np.int32)
        return RowPath(100.0, 50.0, 50.0 + width, flat, flat, on, int(on.sum()))
    ten = [row(1500, (800, 812))] * 6
    assert find_gaps(ten, LAYOUTS["6x2"], TraceScale(SCALE, 25, 2)) == []
    wider = [row(1524, (800, 824))] * 6
    (begin, end), = find_gaps(wider, LAYOUTS["6x2"], TraceScale(SCALE, 25, 2))
    assert (begin, end) == pytest.approx((799.5, 823.5), abs=1.5)


def test_of_thirteen_rows_and_twelve_pulses_the_one_without_a_pulse_goes(limbs: dict[str, RowPath]) -> None:
    flat = np.zeros(1500)
    rows = [path(flat, base) for base in sorted([*range(100, 1300, 100), 950])]
    pulses = [Pulse(60, 90, base - 60, base) for base in range(100, 1300, 100)]
    assert [row.base for row in without_extra(rows, [], pulses, SCALE)] == list(range(100, 1300, 100))


def test_of_thirteen_rows_at_even_distances_none_goes(limbs: dict[str, RowPath]) -> None:
    """One pulse stands at the first row only, as some machines print it, and the name of the strip was not read."""
    rows = [replace(limbs[lead], base=100.0 * (k + 1)) for k, lead in enumerate((*LEADS, "II"))]
    words = [Word(lead, 101, 100.0 * (k + 1) - 70, 30, 22, 0.95) for k, lead in enumerate(LEADS)]
    assert without_extra(rows, words, [Pulse(80, 95, 40, 100)], SCALE) == rows


@pytest.mark.parametrize(("base", "support"), [(1340.0, 1.0), (1300.0, 0.4)])
def test_a_thirteenth_row_elsewhere_or_with_little_ink_goes(limbs: dict[str, RowPath], base: float,
                                                            support: float) -> None:
    rows = [replace(limbs[lead], base=100.0 * (k + 1)) for k, lead in enumerate((*LEADS, "II"))]
    rows[-1] = replace(rows[-1], base=base, support=round(support * rows[-1].support))
    words = [Word(lead, 101, 100.0 * (k + 1) - 70, 30, 22, 0.95) for k, lead in enumerate(LEADS)]
    assert without_extra(rows, words, [Pulse(80, 95, 40, 100)], SCALE) == rows[:-1]
