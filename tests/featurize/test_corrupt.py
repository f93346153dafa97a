"""One change of a picture at a time, at five strengths."""
from dataclasses import replace

import numpy as np
import pytest

from featurize.images.corrupt import CORRUPTIONS, STRENGTHS, corrupted
from featurize.images.picture import Picture
from featurize.images.read import from_array
from featurize.simulate.smears import draw_cell


@pytest.fixture(scope="module")
def cell() -> Picture:
    return replace(from_array(draw_cell("monocyte", 1).rgb), mm_per_px=1e-4)


def distance(a: Picture, b: Picture) -> float:
    """Mean difference of the gray levels; of pictures of other sizes how far the sizes are apart."""
    if a.rgb.shape != b.rgb.shape:
        return abs(np.log(a.width_px / b.width_px))
    return float(np.abs(a.rgb.astype(float) - b.rgb).mean())


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in ("rotation", "shift")])
def test_a_stronger_change_changes_more(cell: Picture, name: str) -> None:
    far = [distance(cell, corrupted(cell, "a", name, strength)) for strength in range(1, STRENGTHS + 1)]
    assert far[0] > 0 and all(np.diff(far) > 0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_image_is_always_changed_alike_and_stays_untouched(cell: Picture, name: str) -> None:
    before = cell.rgb.copy()
    first, second = (corrupted(cell, "a", name, 3) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb) and np.array_equal(cell.rgb, before)
    assert first.rgb.dtype == np.uint8 and (first.height_px, first.width_px) == first.rgb.shape[:2]


@pytest.mark.parametrize("name", [name for name, kind in CORRUPTIONS.items() if not kind.needs_color])
def test_gray_stays_gray_and_one_pixel_is_borne(name: str) -> None:
    film = np.repeat(np.random.default_rng(0).integers(0, 256, (50, 40, 1)).astype(np.uint8), 3, axis=2)
    for rgb in (film, film[:1, :1]):
        changed = corrupted(from_array(rgb), "a", name, 5).rgb.astype(int)
        assert np.ptp(changed, axis=2).max() == 0


def test_half_of_the_images_are_changed_the_other_way(cell: Picture) -> None:
    for name in ("brightness", "gamma", "stain strength", "scale"):
        changed = [corrupted(cell, image_id, name, 4).rgb for image_id in "abcdef"]
        ways = {(rgb.shape, round(float(rgb.mean()))) for rgb in changed}
        assert CORRUPTIONS[name].both_ways and len(ways) == 2


def test_a_blur_is_as_wide_as_it_says() -> None:
    """A point becomes a Gaussian of 8 per mille of 500 pixels: its variance is 16 square pixels."""
    point = np.zeros((500, 500, 3), np.uint8)
    point[230:271, 230:271] = 255
    seen = corrupted(from_array(point), "a", "blur", 3).rgb[..., 0].astype(float)
    place = np.arange(500) - 250
    share = seen.sum(axis=0) / seen.sum()
    assert share @ place ** 2 - (41 ** 2 - 1) / 12 == pytest.approx(16, rel=.05)


def test_more_hematoxylin_and_less_eosin_leave_dab_as_it_is(cell: Picture) -> None:
    """A pixel of pure DAB has the same color after any change of the other two stains."""
    dab = np.round(256 * 10 ** -np.array([.27, .57, .78]) - 1)
    picture = from_array(np.tile(dab.astype(np.uint8), (4, 4, 1)))
    changed = corrupted(picture, "a", "stain hue", 5).rgb[0, 0].astype(int)
    assert np.abs(changed - dab).max() <= 1
    assert distance(cell, corrupted(cell, "a", "stain hue", 5)) > 5


def test_the_size_of_a_pixel_follows_the_scale_and_nothing_else(cell: Picture) -> None:
    for name in CORRUPTIONS:
        changed = corrupted(cell, "a", name, 5)
        if name != "scale":
            assert changed.mm_per_px == 1e-4
        else:
            assert changed.mm_per_px * changed.width_px == pytest.approx(1e-4 * cell.width_px)


def test_a_scale_bar_is_white_on_dark_and_black_on_bright() -> None:
    for level, tone in ((240, 0), (10, 255)):
        picture = from_array(np.full((200, 300, 3), level, np.uint8))
        changed = corrupted(picture, "a", "scale bar", 3).rgb
        bar = (changed == tone).all(axis=2)
        assert bar[150:, 150:].any() and not bar[:150].any() and (bar.sum(axis=1).max() - 1) / 300 == .2


def test_large_pictures_are_made_smaller_before_a_change(cell: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(cell, mm_per_px=1e-4)
    monkeypatch.setattr("featurize.images.corrupt._MOST_PX", 5000)
    changed = corrupted(known, "a", "brightness", 1)
    assert 4500 < changed.width_px * changed.height_px < 5500 and changed.mm_per_px is not None
    np.testing.assert_allclose(changed.mm_per_px * changed.width_px, 1e-4 * cell.width_px, rtol=0.01)
