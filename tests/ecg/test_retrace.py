"""Where leads begin and end: paths that jump there, and marks that stand beside them."""
import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import Digitized, digitize
from ecg.layout.strokes import find_pulses, find_strokes
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.trace.retrace import ruled_lines


def read(rgb: np.ndarray) -> Digitized:
    return digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


def score(found: Digitized, truth: pd.DataFrame) -> float:
    return decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500)])


def far_off(mv: np.ndarray, at_s: tuple[float, ...], off_mv: float) -> np.ndarray:
    """Signals (12, n) that stand far off their level at some moments and come back in half a second."""
    t = np.arange(mv.shape[1]) / 500
    return mv + off_mv * sum(np.exp(-(t - at) / 0.15) * (t >= at) for at in at_s)


@pytest.mark.slow
@pytest.mark.parametrize("off_mv", [-1.3, pytest.param(1.3, marks=pytest.mark.slow)])
def test_leads_that_begin_far_off_their_row_s_level_are_followed_from_there(off_mv: float) -> None:
    mv = far_off(heartbeats(3), (2.5, 5.0, 7.5), off_mv)
    rgb, truth = draw_page(mv, Style(layout="3x4", separators="none", names="above", px_per_mm=6.0))
    assert score(read(rgb), truth) > 22


@pytest.mark.slow
def test_leads_begin_at_their_ink_where_a_pulse_stands_apart() -> None:
    style = Style(layout="3x4", separators="none", pulse_gap_mm=2.5)
    found = read(draw_page(heartbeats(4), style)[0])
    # Where `draw_page` begins: 15 mm from the left.
    assert abs(found.layout.cells[0].start - 15 * style.px_per_mm) < 1


@pytest.mark.parametrize("px_per_mm", [8.0, 9.0, 10.0, 11.0])
def test_a_stroke_is_found_where_it_stands(px_per_mm: float) -> None:
    ink = np.zeros((120, 40), np.float32)
    ink[20:81, 10:12] = 1
    stroke, = find_strokes(ink, Scale.square(px_per_mm))
    assert (stroke.top, stroke.bottom, stroke.left, stroke.right) == (20, 80, 10, 11)


@pytest.mark.parametrize(("wide_mm", "count"), [(5.0, 1), (2.5, 1), (1.8, 0)])
def test_a_notched_complex_is_no_pulse(wide_mm: float, count: int) -> None:
    ink = np.zeros((160, 160), np.float32)
    right = 40 + round(10 * wide_mm)
    ink[20:121, 40:42] = ink[20:121, right:right + 2] = ink[20:22, 40:right + 2] = 1
    assert len(find_pulses(ink, find_strokes(ink, Scale.square(10.0)), Scale.square(10.0), 2.0)) == count


@pytest.mark.slow
def test_a_line_to_sign_on_cuts_off_no_complex() -> None:
    style = Style(layout="3x4", separators="none", names="above")
    mv = heartbeats(3)
    beat = int(np.argmin(mv[LEADS.index("V1"), 2750:3750])) + 2750
    mv[LEADS.index("V1"), beat - 40:beat + 41] -= 1.8 * (1 - np.abs(np.arange(-40, 41)) / 40)
    rgb, truth = draw_page(mv, style)
    k = style.px_per_mm
    # 8 mm below the level of the first row, whose middle `draw_page` puts 53 mm from the top.
    x, y = round((15 + beat / 20) * k), round(61 * k)
    rgb[y:y + 2, x - round(10 * k):x + round(10 * k)] = style.ink
    found = read(rgb)
    assert score(found, truth) > 24
    assert found.layout.rows[0].middle[x] > y + 6 * k


def test_a_flat_lead_is_no_ruled_line() -> None:
    ink = np.zeros((200, 700), np.float32)
    ink[40:42, 100:300] = 1
    ink[120:122, 100:300] = ink[100:122, 298:300] = ink[100:102, 298:400] = 1
    assert ruled_lines(ink, Scale.square(8.0)) == [(100, 39, 300, 43)]
