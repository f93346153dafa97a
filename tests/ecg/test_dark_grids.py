"""Pages whose grid lines are nearly as dark as the trace, and pages of which a part lies outside the file."""
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecg.page.colors import darkness
from ecg.page.displacement import projected
from ecg.page.line_color import line_color
from ecg.page.read import flatten
from ecg.simulate.degrade import degrade
from ecg.simulate.draw import Style, draw_page
from ecg.simulate.heart import heartbeats

PALETTES = {"green": ((0, 77, 0), (0, 204, 77)), "brown": ((109, 50, 47), (150, 107, 101)),
            "gray": ((102, 102, 102), (191, 191, 191))}


def page_of(palette: str) -> np.ndarray:
    """A page 67 mm high whose lines lie on whole pixels, as drawing programs snap them."""
    major, minor = PALETTES[palette]
    rgb = np.full((400, 1400, 3), 255, np.uint8)
    for step, color in ((6, minor), (30, major)):
        rgb[3::step], rgb[:, 3::step] = color, color
    at = np.arange(60, 1340, 0.2)
    for base in (110, 290):
        trace = np.c_[at, base - 50 * np.exp(-0.5 * ((at % 140 - 70) / 4) ** 2)]
        cv2.polylines(rgb, [np.round(16 * trace).astype(np.int32)], False, (0, 0, 0), 2, cv2.LINE_AA, 4)
    return rgb


@pytest.mark.parametrize("palette", PALETTES)
def test_dark_lines_are_grid_neither_bent_nor_ink(palette: str) -> None:
    rgb = page_of(palette)
    page = flatten(rgb)
    assert page.to_source.displacement is None and page.rgb is rgb
    np.testing.assert_allclose(page.colors.grid, 1 - np.array(PALETTES[palette][0]) / 255, atol=0.02)
    trace = cv2.dilate((rgb.max(axis=2) < 40).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert page.ink[~trace].mean() < 0.01
    assert page.ink[rgb.max(axis=2) < 5].mean() > 0.9


def test_the_color_of_lines_is_measured_whatever_the_phase_of_the_grid() -> None:
    rgb = page_of("green")
    grid = flatten(rgb).grid
    half_a_box = type(grid)(np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]) @ grid.matrix, 0, 1)
    for each in (grid, half_a_box):
        np.testing.assert_allclose(line_color(darkness(rgb), each), [1, 178 / 255, 1], atol=0.02)


def test_traces_lighter_than_the_title_are_full_ink() -> None:
    """On lines nearly as dark as the traces: else half of the trace is missing there."""
    rgb = page_of("green")
    trace = rgb.max(axis=2) < 5
    rgb[trace] = 40
    rgb[10:40, 100:600] = 0  # a black title with more pixels than the traces
    assert (rgb.max(axis=2) == 0).sum() > trace.sum()
    page = flatten(rgb)
    np.testing.assert_allclose(page.colors.ink, 1 - 40 / 255, atol=0.02)
    assert page.ink[trace].mean() > 0.9


def test_what_lies_outside_the_file_bears_no_ink() -> None:
    rgb, _ = draw_page(heartbeats(2), Style(layout="3x1", px_per_mm=5.5))
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -8, 1)
    # The picture ends where lines and traces still run on.
    turned = cv2.warpAffine(rgb, turn, (width, height), borderValue=(0, 0, 0))[120:-120, 200:-200]
    height, width = turned.shape[:2]
    page = flatten(turned)
    y, x = np.mgrid[:page.ink.shape[0]:2, :page.ink.shape[1]:2]
    place = projected(page.to_source.after, np.c_[x.ravel(), y.ravel()].astype(float))
    far = 2 * page.px_per_mm.x
    outside = ((place < -far) | (place > np.array([width, height]) + far)).any(axis=1)
    assert outside.sum() > 1000 and page.ink[::2, ::2].ravel()[outside].max() < 0.1


def test_lines_as_dark_as_the_trace_are_no_ink_wherever_they_lie_between_the_1_mm_lines() -> None:
    # Here the 5 mm lines are taken for ink, and the grid is found by its 1 mm lines.
    gray = (70, 70, 70)
    style = Style(layout="3x1", px_per_mm=6.516, major=gray, minor=(150, 150, 150), ink=gray, pen_mm=0.4)
    rgb, _ = draw_page(heartbeats(2), style)
    page = flatten(rgb)
    red, _ = draw_page(heartbeats(2), replace(style, ink=(255, 70, 70)))
    cover = (red[..., 0].astype(float) - rgb[..., 0]) / (255 - 70)
    near = cv2.dilate((cover > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (page.ink[~near] > 0.5).mean() < 0.002
    assert (page.ink[cover > 0.9] > 0.5).mean() > 0.9


def test_a_fax_stays_one_when_it_is_turned_upright() -> None:
    """Between black and white its turned pixels are gray: they were taken for a gray grid, and the lines for ink."""
    black = (0, 0, 0)
    rgb, _ = draw_page(heartbeats(2), Style(layout="3x1", px_per_mm=6.5, major=black, minor=(150, 150, 150), ink=black))
    page = flatten(degrade(rgb, "black_and_white", 3))
    assert page.rotation_deg > 0.3 and not page.colors.grid.any()
    assert (page.ink > 0.5).mean() < 0.04
