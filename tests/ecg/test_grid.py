"""Scale and place of the grid, on pages drawn at a known scale."""
import cv2
import numpy as np
import pytest

from ecg.degrade import degrade
from ecg.grid import NoGrid, find_lattice
from ecg.ink import darkness, find_colors, grid_signal
from ecg.page import TooSmall, flatten
from ecg.synth import Style, draw_page, heartbeats

# A stretch of time by 0.5 % costs 12 dB, by 0.05 % almost nothing.
TOLERANCE = 5e-4


@pytest.mark.parametrize("style", [Style(), Style(px_per_mm=5.3), Style(major=(150, 150, 150), minor=(215, 215, 215)),
                                   Style(major=(120, 150, 220), minor=(200, 215, 245))],
                         ids=("red", "135 dpi", "gray", "blue"))
def test_scale_is_known_to_a_two_thousandth(style: Style) -> None:
    rgb, _ = draw_page(heartbeats(1), style)
    dark = darkness(rgb)
    scale = find_lattice(grid_signal(dark, find_colors(dark))).px_per_mm(rgb.shape)
    assert scale == pytest.approx((style.px_per_mm, style.px_per_mm), rel=TOLERANCE)


def test_rotation_is_measured_and_undone() -> None:
    rgb, _ = draw_page(heartbeats(2))
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.0, 1)
    page = flatten(cv2.warpAffine(rgb, turn, (width, height), borderValue=(255, 255, 255)))
    assert page.rotation_deg == pytest.approx(-2.0, abs=0.02)
    assert page.px_per_mm == pytest.approx((7.874, 7.874), rel=TOLERANCE)


def test_a_tilted_photo_is_laid_flat() -> None:
    rgb, _ = draw_page(heartbeats(2))
    page = flatten(degrade(rgb, "photo", 1))
    again = darkness(page.rgb)
    lattice = find_lattice(grid_signal(again, find_colors(again)))
    assert abs(lattice.rotation_deg(page.rgb.shape)) < 0.02
    assert lattice.px_per_mm(page.rgb.shape) == pytest.approx(page.px_per_mm, rel=TOLERANCE)


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
