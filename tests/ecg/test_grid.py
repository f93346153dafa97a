"""Scale and place of the grid, on pages drawn at a known scale."""
from dataclasses import astuple

import cv2
import numpy as np
import pytest
from read_pages import FlatPage

from ecg.page import read
from ecg.page.colors import darkness, find_colors
from ecg.page.find_displacement import find_displacement
from ecg.page.find_grid import find_grid
from ecg.page.grid import BOX_MM, FlatGrid, GridHomography, NoGrid
from ecg.page.grid_spectrum import _harmonics, _Peaks
from ecg.page.ink import grid_signal
from ecg.page.line_color import colors_and_grid
from ecg.page.read import Page, TooSmall, flatten
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats

# A stretch of time by 0.5 % costs 12 dB, by 0.05 % almost nothing.
TOLERANCE = 5e-4
# What 1 mm lines tell where nothing was moved.
FINE = 1e-4


def crossing_of(page: Page) -> tuple[float, float]:
    """A crossing of 5 mm lines near the middle of a flat page."""
    center = np.array([[page.ink.shape[1] / 2, page.ink.shape[0] / 2]])
    boxes = GridHomography(page.grid.matrix @ page.to_source.after, 0, 0).boxes(center)[0]
    x, y = center[0] - (boxes % 1) * BOX_MM * np.array(astuple(page.px_per_mm))
    return float(x), float(y)


def paper_of(page: Page) -> np.ndarray:
    """Where a flat page is no table: all that is bright enough."""
    return cv2.erode((cv2.blur(page.rgb, (41, 41)).max(axis=2) > 140).astype(np.uint8), np.ones((25, 25))) > 0


@pytest.mark.slow
@pytest.mark.parametrize("style", [Style(), Style(px_per_mm=5.3), Style(major=(150, 150, 150), minor=(215, 215, 215)),
                                   Style(major=(120, 150, 220), minor=(200, 215, 245))],
                         ids=("red", "135 dpi", "gray", "blue"))
def test_millimetre_lines_tell_the_scale_to_a_ten_thousandth(style: Style) -> None:
    rgb, _ = draw_page(heartbeats(1), style)
    dark = darkness(rgb)
    scale = find_grid(grid_signal(dark, find_colors(dark))).px_per_mm(rgb.shape)
    assert astuple(scale) == pytest.approx((style.px_per_mm, style.px_per_mm), rel=FINE)


@pytest.mark.parametrize(("height", "width"), [(400, 400), (400, 600), (500, 500), (400, 1400)])
def test_a_small_picture_has_a_grid_too(height: int, width: int) -> None:
    rgb = np.full((height, width, 3), 255, np.uint8)
    for every, color in ((6, (255, 215, 215)), (30, (255, 150, 150))):
        rgb[::every] = rgb[:, ::every] = color
    row = height // 2 - 30 * (np.arange(width) % 120 < 3)
    cv2.polylines(rgb, [np.c_[np.arange(width), row].astype(np.int32)[:, None]], False, (0, 0, 0), 2)
    dark = darkness(rgb)
    scale = find_grid(grid_signal(dark, find_colors(dark))).px_per_mm(rgb.shape)
    assert astuple(scale) == pytest.approx((6, 6), rel=1e-3)


def test_a_low_page_whose_last_block_of_odd_side_is_rounded_over_its_edge_has_a_grid() -> None:
    """534 px high: 6 periods of 30 px are 179 px by the spectrum, and half of that rounds up."""
    rgb, _ = draw_page(heartbeats(3), Style(layout="3x4", row_mm=14, px_per_mm=6, separators="none", names="above"))
    assert rgb.shape[0] == 534
    assert astuple(flatten(rgb).px_per_mm) == pytest.approx((6, 6), rel=TOLERANCE)


@pytest.mark.slow
def test_a_large_page_is_reduced_once(flat_page: FlatPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """76 x 100 px, reduced to 2500, round to 44 x 57, which is above it; so do 6000 x 8000 px to 25 million."""
    seen = []

    def remember(rgb: np.ndarray) -> Page:
        seen.append(rgb.shape)
        return flat_page.page

    monkeypatch.setattr(read, "MOST_PX", 2500)
    monkeypatch.setattr(read, "_flatten", remember)
    page = flatten(np.full((76, 100, 3), 255, np.uint8))
    assert seen == [(44, 57, 3)]
    share = (2500 / 7600) ** 0.5
    assert page.to_source.after[0, 0] == pytest.approx(flat_page.page.to_source.after[0, 0] / share)


@pytest.mark.slow
def test_rotation_is_measured_and_undone() -> None:
    rgb, _ = draw_page(heartbeats(2))
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.0, 1)
    page = flatten(cv2.warpAffine(rgb, turn, (width, height), borderValue=(255, 255, 255)))
    assert page.rotation_deg == pytest.approx(-2.0, abs=0.02)
    assert astuple(page.px_per_mm) == pytest.approx((7.874, 7.874), rel=TOLERANCE)


@pytest.mark.slow
def test_a_tilted_photo_is_laid_flat() -> None:
    rgb, _ = draw_page(heartbeats(2))
    page = flatten(degrade(rgb, "photo", 1))
    dark = darkness(page.rgb)
    grid = find_grid(grid_signal(dark, find_colors(dark)))
    assert abs(grid.rotation_deg(page.rgb.shape)) < 0.02
    assert astuple(grid.px_per_mm(page.rgb.shape)) == pytest.approx(astuple(page.px_per_mm), rel=TOLERANCE)


@pytest.mark.parametrize("kind", ["curl", "folds"])
@pytest.mark.slow
def test_bent_paper_is_laid_flat_to_a_tenth_of_a_millimetre(kind: str) -> None:
    page = flatten(degrade(draw_page(heartbeats(2), Style(layout="3x1"))[0], kind, 1))
    dark = darkness(page.rgb)
    signal = grid_signal(dark, find_colors(dark))
    left = find_displacement(signal, paper_of(page), FlatGrid(crossing_of(page), page.px_per_mm.x))
    assert page.to_source.displacement is not None and page.to_source.displacement.size_px > 3 * left.size_px
    assert left.size_px < 0.1 * page.px_per_mm.x


@pytest.mark.slow
def test_a_flat_page_is_left_as_it_is(flat_page: FlatPage) -> None:
    rgb, page = flat_page.rgb, flat_page.page
    assert page.rgb is rgb and page.to_source.displacement is None


@pytest.mark.slow
def test_places_on_bent_paper_are_found_in_the_file() -> None:
    rgb = degrade(draw_page(heartbeats(2), Style(layout="3x1"))[0], "curl", 1)
    page = flatten(rgb)
    places = np.array([[400., 300.], [900., 500.], [1500., 640.]])
    x, y = page.to_source.points(places).astype(np.float32).T[:, None]
    there = cv2.remap(rgb, x, y, cv2.INTER_CUBIC)[0]
    np.testing.assert_allclose(there, page.rgb[places[:, 1].astype(int), places[:, 0].astype(int)], atol=3)


@pytest.mark.slow
def test_a_table_beside_the_paper_is_no_ink() -> None:
    rgb, _ = draw_page(heartbeats(2))
    rgb[:, -200:] = (70, 50, 45)
    rgb[-60:] = (150, 150, 140)
    page = flatten(rgb)
    assert page.ink[:, -190:].max() < 0.1 and page.ink[-50:].max() < 0.1
    assert page.ink[:-70, :-210].max() > 0.9


@pytest.mark.slow
def test_a_shadow_on_the_grid_is_paper(flat_page: FlatPage) -> None:
    rgb, plain = flat_page.rgb.copy(), flat_page.page.ink
    rgb[:, :700] = (rgb[:, :700] * 0.7).astype(np.uint8)
    assert np.abs(flatten(rgb).ink - plain)[:, :600].mean() < 0.01


@pytest.mark.parametrize("picture", ["white", "noise", "stripes"])
def test_what_has_no_grid_is_refused(picture: str) -> None:
    rng = np.random.default_rng(0)
    rgb = {"white": np.full((700, 900, 3), 255, np.uint8),
           "noise": cv2.resize(rng.integers(0, 255, (70, 90, 3), np.uint8), (900, 700)),
           "stripes": np.repeat(np.where(np.arange(700) % 20 < 3, 60, 240).astype(np.uint8)[:, None, None], 900, axis=1)
           .repeat(3, axis=2)}[picture]
    with pytest.raises(NoGrid, match="ECG on grid paper"):
        flatten(rgb)


def test_a_stamp_is_too_small() -> None:
    with pytest.raises(TooSmall, match="50 x 60 px"):
        flatten(np.full((60, 50, 3), 255, np.uint8))


def test_lines_of_1_mm_are_counted_in_no_boxes_of_4_mm() -> None:
    """Their harmonics, and peaks that lines snapped to pixels have between them where the page is turned."""
    base, size = 1 / 32, 512
    k = np.array([4, 8, 12, 7, 5, 9, 11, 3], float)
    weight = np.array([1, 0.6, 0.3, 0.08, 0.08, 0.08, 0.07, 0.05])
    peaks = _Peaks(k * base, np.zeros(8), weight, size)
    assert _harmonics(peaks, 0.0).frequency == pytest.approx(4 * base)
    # Thin lines in boxes have all harmonics.
    boxes = _Peaks(np.arange(1, 9) * base, np.zeros(8), np.array([0.9, 0.8, 0.8, 1, 0.7, 0.6, 0.5, 0.4]), size)
    assert _harmonics(boxes, 0.0).frequency == pytest.approx(base)


def test_a_blurred_page_has_the_boxes_of_its_grid_not_of_its_beats() -> None:
    style = Style(major=(235, 140, 150), minor=(250, 215, 220), ink=(30, 40, 140), pen_mm=0.54, px_per_mm=7.0)
    soft = cv2.GaussianBlur(draw_page(heartbeats(1), style)[0], (0, 0), 4.0)
    soft = cv2.imdecode(cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, 12])[1], cv2.IMREAD_COLOR)
    grid = colors_and_grid(darkness(soft))[2]  # by what is pale; else boxes of 24 px a mm
    assert astuple(grid.px_per_mm(soft.shape)) == pytest.approx((7, 7), rel=5e-3)
