"""Printed strokes taken off the ink, and lines repaired where they do not meet the page."""
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecg.digitize import Digitized, digitize
from ecg.layout.model import Cell, Layout, Pulse, RowPath, Stroke
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.trace.evidence import PageEvidence, Pen
from ecg.trace.line import STEP_PX, Line
from ecg.trace.repair import repair_lines
from ecg.trace.work_limit import WorkLimit
from ecg.trace.subtract_marks import without_printed_marks

HEIGHT, WIDTH = 160, 240
SCALE = Scale.square(8.0)


def drawn(*lines: tuple[list[float], list[float]], pen_px: float = 2.0) -> np.ndarray:
    """(HEIGHT, WIDTH) share of ink of some polylines."""
    canvas = np.zeros((HEIGHT * 8, WIDTH * 8), np.uint8)
    for x, y in lines:
        points = np.round((np.c_[x, y] + 0.5) * 8 * 16 - 8).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, round(pen_px * 8), cv2.LINE_AA, 4)
    return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def layout(**given: object) -> Layout:
    """A layout of one lead from column 40 to 200, without anything printed unless it is given."""
    ones = np.zeros(WIDTH, np.int32)
    row = RowPath(100.0, 40.0, 200.0, ones, ones, np.ones(WIDTH, bool), WIDTH)
    empty = Layout("1x1", [row], [Cell("II", 0, 40.0, 200.0, 0.0, True)], [], [], [], 10.0, 25.0, 2.0, 0.3, SCALE,
                   [])
    return replace(empty, **given)


def evidence(ink: np.ndarray) -> PageEvidence:
    """A page on which nothing printed hides the ink."""
    return PageEvidence(ink, np.ones_like(ink), Pen(2.0, 0.3))


def level(y: float, x0: float = 40.0, x1: float = 200.0) -> Line:
    n = round((x1 - x0) / STEP_PX) + 1
    return Line(x0, np.full(n, y), np.ones(n))


def test_a_tip_that_was_cut_is_drawn_again() -> None:
    x, y = [40.0, 116, 120, 124, 200], [100.0, 100, 40, 100, 100]
    ink = drawn((x, y))
    found, = repair_lines([level(100)], layout(), evidence(ink), WorkLimit(1e9))
    assert found.y.min() == pytest.approx(40, abs=2)
    assert abs(found.x[found.y.argmin()] - 120) < 1
    assert np.abs(found.y - np.interp(found.x, x, y))[np.abs(found.x - 120) > 8].max() < 0.5


def test_a_detour_over_bare_paper_is_taken_back() -> None:
    ink = drawn(([40.0, 200], [100.0, 100]))
    line = level(100)
    line = replace(line, y=np.where(np.abs(line.x - 120) < 3, 80.0, line.y))
    found, = repair_lines([line], layout(), evidence(ink), WorkLimit(1e9))
    assert np.abs(found.y - 100).max() < 0.6


def test_repairs_end_when_their_work_is_spent() -> None:
    ink = drawn(([40.0, 200], [100.0, 100]))
    line = level(100)
    line = replace(line, y=np.where(np.abs(line.x - 120) < 3, 80.0, line.y))
    limit = WorkLimit(0)
    np.testing.assert_array_equal(repair_lines([line], layout(), evidence(ink), limit)[0].y, line.y)


def test_a_line_that_meets_its_ink_stays_as_it_is() -> None:
    ink = drawn(([40.0, 200], [100.0, 100]))
    line = level(100)
    np.testing.assert_array_equal(repair_lines([line], layout(), evidence(ink), WorkLimit(1e9))[0].y, line.y)


def test_ink_of_another_line_is_left_to_it() -> None:
    """A peak that crosses a level line belongs to the line that draws it."""
    x, y = [40.0, 116, 120, 124, 200], [140.0, 140, 60, 140, 140]
    ink = drawn((x, y), ([40.0, 200], [100.0, 100]))
    own = level(140)
    lines = [replace(own, y=np.interp(own.x, x, y)), level(100)]
    both = layout(cells=[Cell("II", 0, 40.0, 200.0, 0.0, True), Cell("V1", 0, 40.0, 200.0, 0.0, True)])
    found = repair_lines(lines, both, evidence(ink), WorkLimit(1e9))
    np.testing.assert_array_equal(found[1].y, lines[1].y)


def test_a_bar_is_taken_off_and_the_trace_beside_it_stays() -> None:
    bar = ([120.0, 120], [80.0, 120])
    trace = ([40.0, 121.5, 124, 200], [100.0, 100, 60, 60])
    ink = np.maximum(drawn(bar, pen_px=6), drawn(trace))
    found = without_printed_marks(ink, layout(separators=[Stroke(117, 122, 77, 122)]))
    own, confidence = found.ink, found.confidence
    assert (confidence[85:115, 118:122] == 0).all() and confidence[100, 112] == confidence[100, 128] == 1
    # Where the trace rises beside the bar its ink is as it was.
    np.testing.assert_allclose(own[62:74, 120:126], ink[62:74, 120:126], atol=1e-6)
    assert own[85:95, 110:116].max() == 0


def test_a_stroke_along_a_pulse_is_seen_beside_it() -> None:
    """A lead that begins with a fall along its pulse's edge: only what the pulse does not cover tells."""
    pulse = ([60.0, 60, 100, 100], [140.0, 60, 60, 140])
    trace = ([101.5, 103, 200], [80.0, 140, 140])
    ink = np.maximum(drawn(pulse), drawn(trace))
    found = without_printed_marks(ink, layout(pulses=[Pulse(60.0, 100.0, 60.0, 140.0)]))
    own, confidence = found.ink, found.confidence
    assert (confidence[70:130, 100] == 0).all()
    assert own[65:75, 102:].max() < 0.1 < 0.5 < own[100:120, 102:104].max()
    assert (own * confidence)[56:64, 62:98].max() < 0.2  # the roof is gone too


def found_lead(found: Digitized, lead: str) -> np.ndarray:
    mv = found.signals.mv[LEADS.index(lead)]
    return mv[np.isfinite(mv)]


@pytest.mark.slow
def test_a_lead_that_begins_inside_a_complex_is_whole() -> None:
    """A beat of 1 mV stands at the beginning of every window of a 6x2 page; ends are hidden by nothing."""
    t = np.arange(5000) / 500
    beat = sum(np.exp(-0.5 * ((t - at) / 0.012) ** 2) for at in (0.015, 1.0, 2.0, 3.0, 4.0, 5.015, 6.0, 7.0, 8.0, 9.0))
    mv = np.repeat(beat[None], 12, axis=0)
    rgb, truth = draw_page(mv, Style(layout="6x2", row_mm=26, separators="none", pulse="none", names="above"))
    found = digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    for lead in ("V1", "V4"):
        y = found_lead(found, lead)
        y, true = y - np.median(y), truth[lead].dropna().to_numpy()
        assert y[:12].max() == pytest.approx(true[:12].max(), abs=0.12), lead
