"""Ink: how much of each pixel the trace covers, on pages whose cover is known."""
from dataclasses import astuple, replace

import cv2
import numpy as np
import pytest

from ecg.layout.rows import clean
from ecg.page.colors import find_colors
from ecg.page.gridlines import without_grid_lines
from ecg.page.panel_frames import without_panel_frames
from ecg.page.pen import measure_pen
from ecg.page.read import flatten
from ecg.scale import Scale
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats

WHITE, BLACK, BLUE = (255, 255, 255), (0, 0, 0), (0, 0, 179)


def cover_of(mv: np.ndarray, style: Style) -> np.ndarray:
    """(H, W) share of ink: the same page in black on bare white."""
    bare = replace(style, paper=WHITE, major=WHITE, minor=WHITE, ink=BLACK)
    return 1 - draw_page(mv, bare)[0][..., 0] / np.float32(255)


@pytest.mark.slow
@pytest.mark.parametrize("style", [
    Style(px_per_mm=5.9, pen_mm=0.22, major=(102, 102, 102), minor=(190, 190, 190), ink=BLACK),
    Style(px_per_mm=7.874, major=(165, 165, 165), minor=(218, 218, 218), ink=(70, 70, 75)),
    Style(px_per_mm=5.9, pen_mm=0.2, major=(230, 90, 90), minor=(248, 190, 190), ink=(85, 45, 20))],
    ids=("black on gray", "gray on gray", "thin brown on red"))
def test_ink_is_the_share_that_was_drawn(style: Style) -> None:
    mv = heartbeats(3)
    page, cover = flatten(draw_page(mv, style)[0]), cover_of(mv, style)
    near = cv2.dilate(cover, np.ones((5, 5))) > 0.05
    assert page.ink.shape == cover.shape  # its own pixels
    assert np.sqrt(((page.ink - cover)[near] ** 2).mean()) < 0.035
    assert page.ink[near].mean() == pytest.approx(cover[near].mean(), rel=0.04)
    assert (page.ink[~near] > 0.35).mean() < 1e-4
    assert measure_pen(page.ink)[0] == pytest.approx(measure_pen(cover)[0], rel=0.08)


@pytest.mark.slow
def test_a_level_trace_along_a_gray_grid_keeps_its_ink() -> None:
    style = Style(layout="3x1", major=(120, 120, 120), minor=(200, 200, 200), words=False)
    mv = heartbeats(3)
    mv[1] = 0  # an electrode that fell off
    page, cover = flatten(draw_page(mv, style)[0]), cover_of(mv, style)
    middle = int(cover[:, 400:1800].mean(axis=1).argmax())
    band = np.s_[middle - 15:middle + 16, 400:1800]
    assert page.ink[band].sum() == pytest.approx(cover[band].sum(), rel=0.1)


@pytest.mark.slow
def test_ink_has_the_color_of_the_traces_not_of_a_black_title() -> None:
    rgb, _ = draw_page(heartbeats(1), Style(ink=BLUE, words=False, names="none"))
    cv2.putText(rgb, "ECG of a patient", (300, 100), cv2.FONT_HERSHEY_SIMPLEX, 2.0, BLACK, 6)
    np.testing.assert_allclose(flatten(rgb).colors.ink, [1, 1, 1 - 179 / 255], atol=0.05)


@pytest.mark.parametrize("width", [1.5, 3.0, 6.0])
def test_pens_are_measured_thin_and_thick(width: float) -> None:
    y, x = np.mgrid[:400, :900]
    off = np.abs((y - 0.02 * x) % 50 - 25)
    ink = np.clip(width / 2 + 0.5 - off, 0, 1).astype(np.float32)
    assert measure_pen(ink)[0] == pytest.approx(width, rel=0.05)


def test_a_strongly_blurred_line_is_measured_to_its_ends() -> None:
    """Blur of 2.2 px lays ink 7 px from the middle: in a window of 5 px the line measured 3.3 px wide."""
    y, x = np.mgrid[:400, :900]
    ink = np.clip(2.5 - np.abs((y - 0.02 * x) % 50 - 25), 0, 1).astype(np.float32)
    width, blur = measure_pen(cv2.GaussianBlur(ink, (0, 0), 2.2))
    assert width == pytest.approx(4, rel=0.05) and blur == pytest.approx(2.2, rel=0.1)


def test_a_sharp_grid_in_step_with_coarse_pixels_is_neither_displaced_nor_stretched() -> None:
    rgb = np.full((540, 1500, 3), 255, np.uint8)
    for step, color in ((6, (255, 178, 178)), (30, (255, 0, 0))):
        rgb[3::step], rgb[:, 3::step] = color, color
    at = np.arange(0, 1500, 0.2)
    for base in (90, 270, 450):
        trace = np.c_[at, base - 30 * np.exp(-0.5 * ((at % 140 - 70) / 3) ** 2)]
        cv2.polylines(rgb, [np.round(16 * trace).astype(np.int32)], False, BLUE, 1, cv2.LINE_AA, 4)
    page = flatten(rgb)
    assert page.to_source.displacement is None and page.rgb is rgb
    assert astuple(page.px_per_mm) == pytest.approx((6, 6), rel=2e-5)


@pytest.mark.slow
def test_a_lead_of_noise_is_no_hole_in_the_paper() -> None:
    mv, style = heartbeats(4), Style(ink=(70, 70, 75), px_per_mm=11.811, pen_mm=0.4)
    mv[0] += np.where(np.arange(5000) < 2000, np.random.default_rng(1).normal(0, 0.12, 5000), 0)
    page, cover = flatten(draw_page(mv, style)[0]), cover_of(mv, style)
    assert page.ink.sum() == pytest.approx(cover.sum(), rel=0.03)


def boxed() -> tuple[np.ndarray, np.ndarray]:
    """(H, W) ink of a trace, and of the same in a box that it crosses; 6 px/mm."""
    ink = np.zeros((300, 900), np.float32)
    ink[150:152, 100:500], ink[150:152, 500:800] = 1, 1
    ink[30:150, 400:402] = 1
    frame = ink.copy()
    frame[60:62, 60:840], frame[240:242, 60:840] = 1, 1
    frame[60:242, 60:62], frame[60:242, 838:840] = 1, 1
    return ink, frame


def test_a_frame_goes_and_the_trace_across_it_stays() -> None:
    ink, frame = boxed()
    np.testing.assert_array_equal(without_panel_frames(frame, Scale.square(6)), ink)


def test_a_lead_that_is_not_connected_is_no_frame() -> None:
    ink, _ = boxed()
    ink[30:60] = 0  # a pulse as high as 15 mm at one end
    np.testing.assert_array_equal(without_panel_frames(ink, Scale.square(6)), ink)


def test_a_side_at_the_edge_of_the_page_is_frame() -> None:
    ink, _ = boxed()
    frame = ink.copy()
    frame[0], frame[:, 0] = 1, 1
    np.testing.assert_array_equal(without_panel_frames(frame, Scale.square(6))[1:, 1:], ink[1:, 1:])


def test_a_trace_may_begin_at_the_edge_but_not_in_a_dark_rim() -> None:
    ink = np.zeros((300, 900), np.float32)
    ink[150:152] = 1
    assert clean(ink, Scale.square(6.0))[150:152].all()
    ink[:, :6] = 1
    assert not clean(ink, Scale.square(6.0))[:, :6].any()


def test_a_blue_pen_is_ink_where_gray_lines_are_as_dark_in_blue() -> None:
    blue = np.array([0.90, 0.86, 0.41], np.float32)
    dark = np.zeros((600, 800, 3), np.float32)
    for step, gray in ((6, 0.11), (30, 0.36)):
        dark[::step] = dark[:, ::step] = gray
    dark[100:102, 50:650] = blue
    colors = find_colors(dark)
    assert colors.ink == pytest.approx(blue, abs=0.02)
    assert colors.grid.any() and np.ptp(colors.grid) < 0.01


def test_a_line_that_falls_on_one_row_of_pixels_is_no_trace() -> None:
    """Lines 30 px apart, every eighth of them half as dark again as those that share two rows."""
    dark = np.full((900, 1200), 0.02, np.float32)
    dark[15::30] = 0.3
    dark[15::240] = 0.46
    dark[400:403, 200:1000] = 1
    share = without_grid_lines(dark, Scale.square(6.0))
    assert share[15::30].max() < 0.06
    assert share[401, 210:990].min() > 0.9
