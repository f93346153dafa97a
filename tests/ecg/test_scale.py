"""Pages whose pixels are not as wide as they are high: a fax, which is stretched along one axis."""
import cv2
import numpy as np
import pandas as pd
import pytest

from ecg.digitize import Digitized, digitize
from ecg.layout.model import Stroke
from ecg.layout.strokes import find_separators, find_strokes
from ecg.lead_table import LEADS
from ecg.page.read import Page, flatten, turned
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats
from ecg.simulate.score import decibels, page_ratio
from ecg.text.glyphs import find_components
from ecg.text.lead_names import read_words
from ecg.trace.line import STEP_PX, Line
from ecg.trace.repair_places import zigzags
from ecg.trace.subtract_marks import extrapolate_hidden_ends

PX = 6.0
# An image drawn for square pixels, and the same one twice as high.
SQUARE, HIGH = Scale.square(PX), Scale(PX, 2 * PX)


def stretched(rgb: np.ndarray, x: float, y: float) -> np.ndarray:
    return np.asarray(cv2.resize(rgb, None, fx=x, fy=y, interpolation=cv2.INTER_CUBIC))


def read(rgb: np.ndarray) -> Digitized:
    return digitize(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


@pytest.mark.slow
@pytest.mark.parametrize(("x", "y"), [(1.03, 1.0), (1.0, 1.03)])
def test_a_fax_has_the_seconds_and_millivolts_of_the_page(x: float, y: float) -> None:
    rgb, truth = draw_page(heartbeats(0), Style(layout="3x1", px_per_mm=PX))
    found = read(stretched(rgb, x, y))
    scale = found.page.px_per_mm
    assert (scale.x, scale.y) == pytest.approx((PX * x, PX * y), rel=5e-4) and found.layout.px_per_mm == scale
    assert (found.layout.mm_per_mv, found.layout.mm_per_s) == (10, 25) and not found.warnings
    lead = dict(zip(LEADS, found.signals.mv))["II"]
    assert np.isfinite(lead).sum() == 5000
    assert np.ptp(lead) == pytest.approx(np.ptp(truth["II"]), rel=0.015)
    assert decibels([page_ratio(truth, pd.DataFrame(dict(zip(LEADS, found.signals.mv))), 500)]) > 24


def test_a_quarter_turn_exchanges_the_axes() -> None:
    rgb, _ = draw_page(heartbeats(0), Style(layout="1x1", px_per_mm=PX))
    page: Page = flatten(stretched(rgb, 1.03, 1.0))
    assert turned(page, 1).px_per_mm == page.px_per_mm.turned == Scale(page.px_per_mm.y, page.px_per_mm.x)
    assert turned(page, 2).px_per_mm == page.px_per_mm


def test_a_line_zigzags_by_its_height_in_mm() -> None:
    """Peaks of 1.2 mm are no zigzag, of 2 mm they are, whatever the pixels of a row are worth."""
    x = np.arange(0, 200, STEP_PX)
    saw = 2 * np.abs((x / 4) % 1 - 0.5)
    for height_mm, found in ((1.2, False), (2.0, True)):
        for scale in (SQUARE, HIGH):
            line = Line(0.0, 100 + height_mm * scale.y * saw, np.ones(len(x)))
            assert bool(zigzags(line, scale)) == found, (height_mm, scale)


def test_a_hidden_end_rises_by_2_mm_at_most() -> None:
    for scale in (SQUARE, HIGH):
        confidence = np.ones((600, 100), np.float32)
        confidence[:, :12] = 0
        x = np.arange(0, 40, STEP_PX)
        first = int(np.argmax(np.round(x) >= 12))
        y = 300 - 0.25 * scale.y * np.maximum(np.arange(len(x)) - first, 0)
        found = extrapolate_hidden_ends(Line(0.0, y, np.ones(len(x))), confidence, scale)
        assert (found.y - y).max() == pytest.approx(2 * scale.y), scale


def test_names_strokes_and_separators_are_measured_along_their_own_axis() -> None:
    ink = np.zeros((200, 400), np.uint8)
    cv2.putText(ink, "V1", (40, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2, cv2.LINE_AA)
    share = ink.astype(np.float32) / 255
    # A V is 20 px wide, letters are at most 8 mm wide; and 22 px high, letters are at least 1.1 mm high.
    assert [w.text for w in read_words(find_components(share, Scale(6.5, 18.0)))] == ["V1"]
    assert [w.text for w in read_words(find_components(share, Scale(2.0, 18.0)))] == []
    bar = np.zeros((200, 100), np.float32)
    bar[60:100, 50:59] = 1
    assert len(find_strokes(bar, Scale(6.0, 12.0))) == 1 and not find_strokes(bar, Scale(5.0, 12.0))
    strokes = [Stroke(50, 58, 20, 20 + 170)]
    assert find_separators(strokes, [], HIGH, 2.0) == strokes and not find_separators(strokes, [], SQUARE, 2.0)


def test_a_hidden_end_at_the_roof_of_a_pulse_is_none_of_the_signal() -> None:
    y = np.full(60, 50.0)
    y[:3] = 5.0  # 45 px within one: the pulse's own stroke
    confidence = np.ones((120, 40), np.float32)
    confidence[:, :2] = 0
    found = extrapolate_hidden_ends(Line(0.0, y, np.ones(60)), confidence, Scale.square(6.0))
    np.testing.assert_allclose(found.y, 50.0)


def test_a_complex_that_begins_hidden_stays_where_its_ink_is() -> None:
    y = np.full(60, 50.0)
    y[:6] = np.linspace(20, 50, 6)
    confidence = np.ones((120, 40), np.float32)
    confidence[:, :2] = 0
    found = extrapolate_hidden_ends(Line(0.0, y, np.ones(60)), confidence, Scale.square(6.0))
    np.testing.assert_array_equal(found.y, y)
