"""Signals of drawn pages against those that were drawn."""
import os
from dataclasses import astuple, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from read_pages import ReadPage, digitize_once

from ecg.digitize import Digitized, digitize
from ecg.layout.model import NoTrace
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.text.glyphs import find_components
from ecg.text.lead_names import read_words
from ecg.trace.corrections import Point
from featurize.errors import UserError

# 150 dots per inch, for pages that need no more: they are read in two thirds of the time.
SMALL = Style(px_per_mm=5.9)

SHARED = Path(__file__).parents[3] / "shared" / "data"
SLOW = pytest.mark.slow


def png(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


def frame(found: Digitized) -> pd.DataFrame:
    return pd.DataFrame(dict(zip(LEADS, found.signals.mv)))


def score(found: Digitized, truth: pd.DataFrame) -> float:
    return decibels([page_ratio(truth, frame(found), 500)])


def test_a_clean_page_comes_back(usual_page: ReadPage) -> None:
    truth, found = usual_page.truth, usual_page.found
    assert found.layout.name == "3x4+1" and (found.layout.mm_per_mv, found.layout.mm_per_s) == (10, 25)
    assert score(found, truth) > 23
    assert not found.warnings


def test_leads_are_empty_outside_their_window(usual_page: ReadPage) -> None:
    truth, found = usual_page.truth, usual_page.found
    pd.testing.assert_frame_equal(frame(found).isna(), truth.isna())


def test_no_lead_is_shifted(usual_page: ReadPage) -> None:
    """Within two samples: printers snap lines to half a pixel, which is one sample."""
    truth, found = usual_page.truth, usual_page.found
    for lead in LEADS:
        y, p = (f[lead].dropna().to_numpy() for f in (truth, frame(found)))
        lags = range(-10, 11)
        errors = [np.std(y[20:-20] - np.roll(p, k)[20:-20]) for k in lags]
        assert abs(lags[int(np.argmin(errors))]) <= 2, lead


def test_limb_leads_obey_einthoven(usual_page: ReadPage) -> None:
    found = frame(usual_page.found)[:1250]
    off = (found["I"] + found["III"] - found["II"]).dropna()
    assert (off - off.median()).abs().quantile(0.98) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("style", "least"), [
    pytest.param(replace(SMALL, layout="6x2", row_mm=26, separators="tick", names="above"), 17, marks=SLOW),
    pytest.param(replace(SMALL, layout="12x1", row_mm=18, separators="none"), 20, marks=SLOW),
    (replace(SMALL, layout="3x1"), 20),
    (Style(pulse="right", names="above", px_per_mm=5.9, major=(235, 140, 150), minor=(250, 215, 220)), 18),
    pytest.param(replace(SMALL, major=(150, 150, 150), minor=(215, 215, 215)), 18, marks=SLOW)],
    ids=("6x2", "12x1", "3x1", "pink, pulse right", "gray"))
def test_other_layouts_and_colors_are_read(style: Style, least: float) -> None:
    rgb, truth = draw_page(heartbeats(0), style)
    found = digitize_once(png(rgb))
    assert found.layout.name == style.layout
    assert score(found, truth) > least


@pytest.mark.slow
@pytest.mark.parametrize("style", [
    pytest.param(replace(SMALL, layout="6x2 cabrera", row_mm=26, separators="none", names="above"), marks=SLOW),
    replace(SMALL, layout="3x4 cabrera"),
    pytest.param(replace(SMALL, layout="12x1 cabrera", row_mm=18, separators="none", names="beside", pulse="first"),
                 marks=SLOW),
    pytest.param(replace(SMALL, layout="4x3", row_mm=30, separators="tick", names="above"), marks=SLOW)],
    ids=lambda style: style.layout)
def test_leads_in_cabreras_or_another_order_are_named_and_turned(style: Style) -> None:
    rgb, truth = draw_page(heartbeats(0), style)
    found = digitize(png(rgb))
    assert found.layout.name == style.layout
    assert score(found, truth) > 22


@pytest.mark.parametrize("style", [
    replace(SMALL, gap_mm=5, separators="none", names="above", pulse="right"),
    replace(SMALL, layout="6x2", row_mm=26, gap_mm=3, separators="none", names="beside", pulse="first")],
    ids=("3x4+1", "6x2"))
@pytest.mark.slow
def test_gaps_between_leads_are_no_time(style: Style) -> None:
    rgb, truth = draw_page(heartbeats(0), style)
    found = digitize(png(rgb))
    starts = sorted({cell.start_s for cell in found.layout.cells})
    assert starts == pytest.approx([0, 2.5, 5, 7.5] if style.layout == "3x4+1" else [0, 5])
    assert found.signals.mv.shape == (12, 5000)
    assert score(found, truth) > 20


@pytest.mark.slow
def test_leads_of_ten_seconds_side_by_side_show_one_time() -> None:
    rgb, truth = draw_page(heartbeats(0), replace(SMALL, layout="6x2", same_time=True, row_mm=26, separators="none"))
    found = digitize(png(rgb))
    assert {cell.start_s for cell in found.layout.cells} == {0}
    assert score(found, truth) > 22


@pytest.mark.slow
def test_one_lead_line_after_line_runs_on() -> None:
    beats = heartbeats(0)
    rgb, _ = draw_page(np.tile(beats[1], (12, 1)), Style(layout="3x1"))
    # Every row shall be named II.
    named, _ = draw_page(np.tile(beats[1], (12, 1)), Style(layout="1x1", names="below"))
    step, top = round(36 * 7.874), round(35 * 7.874)
    for r in range(3):
        rgb[top + r * step:top + (r + 1) * step] = named[top:top + step]
    found = digitize(png(rgb))
    assert [cell.start_s for cell in found.layout.cells] == [0, 10, 20]
    assert np.isfinite(found.signals.mv[1]).all() and found.signals.mv.shape == (12, 15000)


@pytest.mark.slow
def test_a_line_by_hand_below_twelve_leads_is_no_row() -> None:
    style = replace(SMALL, layout="12x1", row_mm=18, separators="none", names="beside", words=False)
    rgb, _ = draw_page(heartbeats(0), style)
    x = np.arange(300, 1700)
    y = len(rgb) - 70 + 12 * np.sin(x / 90)
    cv2.polylines(rgb, [np.c_[x, y].astype(np.int32)[:, None]], False, (20, 20, 20), 2, cv2.LINE_AA)
    found = digitize(png(rgb))
    assert found.layout.name == "12x1" and len(found.layout.rows) == 12


def test_a_name_beside_a_separator_is_read() -> None:
    ink = np.zeros((60, 90), np.uint8)
    cv2.putText(ink, "V1", (25, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2, cv2.LINE_AA)
    cv2.line(ink, (20, 18), (20, 43), 255, 2)
    components = find_components(ink.astype(np.float32) / 255, Scale.square(7.874))
    assert [word.text for word in read_words(components)] == ["V1"]


@pytest.mark.slow
def test_separators_speak_for_columns_where_no_name_does() -> None:
    found = digitize(png(draw_page(heartbeats(0), replace(SMALL, layout="3x4", names="none"))[0]))
    assert found.layout.name == "3x4"


@pytest.mark.slow
def test_a_thin_pen_is_followed_to_the_tips() -> None:
    rgb, truth = draw_page(heartbeats(0), Style(px_per_mm=5.9, pen_mm=0.17))
    assert score(digitize(png(rgb)), truth) > 22


@pytest.mark.slow
def test_dots_at_every_millimetre_are_a_grid() -> None:
    rgb, truth = draw_page(heartbeats(0), Style(dots=True, major=(240, 140, 150)))
    found = digitize(png(rgb))
    assert astuple(found.page.px_per_mm) == pytest.approx((7.874, 7.874), rel=5e-4)
    assert score(found, truth) > 22


@pytest.mark.parametrize(("kind", "least"), [("scan", 18), ("gray_scan", 18), ("photo", 14), ("stains", 15),
                                             ("creases", 15)])
@pytest.mark.slow
def test_degraded_pages_are_read(kind: str, least: float) -> None:
    rgb, truth = draw_page(heartbeats(100), SMALL)
    assert score(digitize(png(degrade(rgb, kind, 0))), truth) > least


@pytest.mark.slow
def test_gain_is_measured_on_the_pulses() -> None:
    rgb, truth = draw_page(heartbeats(4), replace(SMALL, mm_per_mv=5, words=False))
    found = digitize(png(rgb))
    assert found.layout.mm_per_mv == 5
    assert score(found, truth) > 18


@pytest.mark.slow
@pytest.mark.parametrize("style", [
    pytest.param(replace(SMALL, layout="6x2", chest_mm_per_mv=5, pulse="none"), marks=SLOW),
    Style(chest_mm_per_mv=5, pulse="none", px_per_mm=6),
    pytest.param(replace(SMALL, layout="6x2", chest_mm_per_mv=5, steps=True, words=False), marks=SLOW),
    pytest.param(replace(SMALL, mm_per_mv=20, chest_mm_per_mv=10, row_mm=50, steps=True, words=False), marks=SLOW)])
def test_chest_leads_have_their_own_gain(style: Style) -> None:
    rgb, truth = draw_page(heartbeats(4), style)
    found = digitize(png(rgb))
    assert (found.layout.mm_per_mv, found.layout.chest_mm_per_mv) == (style.mm_per_mv, style.chest_mm_per_mv)
    assert score(found, truth) > 18


@pytest.mark.slow
def test_printed_speed_is_read() -> None:
    rgb, truth = draw_page(heartbeats(4), replace(SMALL, layout="3x1", mm_per_s=50))
    assert digitize(png(rgb)).layout.mm_per_s == 50


@pytest.mark.slow
def test_speed_that_is_not_printed_is_that_of_the_pulses() -> None:
    found = digitize(png(draw_page(heartbeats(4), replace(SMALL, layout="3x1", mm_per_s=50, words=False))[0]))
    assert found.layout.mm_per_s == 50
    assert "no printed paper speed was found: 50 mm/s is what the pulses are wide for" in found.warnings


@pytest.mark.slow
def test_what_a_person_knows_of_the_layout_is_taken(usual_page: ReadPage) -> None:
    with pytest.raises(NoTrace, match="layout 12x1 has 12 rows, 4 were found"):
        digitize(png(usual_page.rgb), layout="12x1")
    with pytest.raises(UserError, match="no layout is called '4x4'"):
        digitize(png(usual_page.rgb), layout="4x4")


@pytest.mark.slow
def test_a_grid_without_a_trace_is_refused() -> None:
    flat = replace(SMALL, layout="1x1", ink=(255, 255, 255), words=False)
    with pytest.raises(NoTrace, match="a grid, but nothing that runs along it for 25 mm"):
        digitize(png(draw_page(heartbeats(0), replace(flat, pulse="none", names="none", separators="none"))[0]))


@pytest.mark.slow
@pytest.mark.parametrize("quarters", [1, *(pytest.param(quarters, marks=SLOW) for quarters in (2, 3))])
def test_a_page_on_its_side_or_head_is_turned(quarters: int, three_leads_page: ReadPage) -> None:
    rgb, truth = three_leads_page.rgb, three_leads_page.truth
    found = digitize(png(np.rot90(rgb, quarters)))
    assert score(found, truth) > 20
    corner, = found.page.to_source.points(np.zeros((1, 2)))
    assert corner == pytest.approx({1: (0, rgb.shape[1] - 1), 2: (rgb.shape[1] - 1, rgb.shape[0] - 1),
                                    3: (rgb.shape[0] - 1, 0)}[quarters], abs=1)


@pytest.mark.slow
def test_a_cut_span_is_bridged_and_told(usual_page: ReadPage) -> None:
    cell = next(c for c in usual_page.found.layout.cells if c.lead == "V5")
    cuts = [Point("V5", cell.start + at, 0, "cut") for at in (100, 200)]
    found = digitize(png(usual_page.rgb), points=cuts)
    (begin, end), = [g for g in found.signals.gaps("V5") if g[1] - g[0] > 0.3]
    assert begin == pytest.approx(7.5 + 100 / 196.85, abs=0.02) and end == pytest.approx(7.5 + 200 / 196.85, abs=0.02)


@pytest.mark.slow
def test_a_pin_is_passed(usual_page: ReadPage) -> None:
    cell = next(c for c in usual_page.found.layout.cells if c.lead == "aVL")
    x, y = round(cell.start) + 150, usual_page.found.layout.rows[cell.row].base - 60
    found = digitize(png(usual_page.rgb), points=[Point("aVL", x, y, "pin")])
    row = found.layout.rows[cell.row]
    assert min(row.first[x], row.last[x]) <= y + 2


@pytest.mark.skipif(not (SHARED / "ecg_pages").is_dir(), reason="the real pages are not here")
@pytest.mark.slow
def test_real_pages_come_back() -> None:
    pages = sorted((SHARED / "ecg_pages").glob("*.png"))[:2]
    ratios = [page_ratio(pd.read_csv(p.with_suffix(".csv")), frame(digitize(p)), 500) for p in pages]
    assert decibels(ratios) > 22


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="as slow as the loops are in Python")
def test_the_same_page_gives_the_same_bits(usual_page: ReadPage) -> None:
    np.testing.assert_array_equal(digitize(png(usual_page.rgb)).signals.mv, usual_page.found.signals.mv)


@pytest.mark.slow
def test_a_trace_may_begin_far_from_its_pulse_s_foot() -> None:
    drift = np.array([0.4, 0.8, 0.4, -0.6, 0, 0.6, *[0.8] * 6])  # as Einthoven's law wants it
    mv = heartbeats(2) - drift[:, None] * np.exp(-np.arange(5000) / 2000)
    rgb, truth = draw_page(mv)
    found = digitize(png(rgb))
    assert found.layout.cells[0].start == pytest.approx(15 * 7.874, abs=1.5)
    assert score(found, truth) > 23
