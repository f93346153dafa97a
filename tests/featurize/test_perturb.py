"""Pictures as another laboratory might have taken them."""
import numpy as np
import pytest

from featurize.images.perturb import LEAST, MOST, images_to_perturb, perturbed
from featurize.images.picture import Picture
from featurize.simulate.smears import HOME, draw_cell


def picture(rgb: np.ndarray, mm_per_px: float | None = None) -> Picture:
    return Picture(rgb, rgb.shape[1], rgb.shape[0], "RGB", 8, mm_per_px)


def test_the_same_image_is_always_changed_alike() -> None:
    cell = picture(draw_cell("monocyte", 1, HOME).rgb)
    first, second, other = (perturbed(cell, i, centred=True).rgb for i in ("a", "a", "b"))
    assert np.array_equal(first, second)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_gray_stays_gray() -> None:
    film = picture(np.repeat(np.random.default_rng(0).integers(0, 256, (90, 80, 1)).astype(np.uint8), 3, axis=2))
    for seed in "abcdef":
        rgb = perturbed(film, seed, centred=False).rgb.astype(int)
        assert np.ptp(rgb, axis=2).max() == 0


def test_the_size_of_a_pixel_follows_the_magnification() -> None:
    cell = picture(draw_cell("monocyte", 1, HOME).rgb, mm_per_px=1e-4)
    changed = perturbed(cell, "a", centred=False)
    assert changed.mm_per_px is not None
    np.testing.assert_allclose(changed.mm_per_px * changed.width_px, 1e-4 * cell.width_px, rtol=0.01)


def test_small_pictures_are_not_made_smaller_than_64_px() -> None:
    small = picture(np.full((28, 28, 3), 120, np.uint8))
    for seed in "abcdef":
        assert max(perturbed(small, seed, centred=False).rgb.shape[:2]) >= 28


def test_a_tenth_is_chosen_within_bounds_whatever_the_order() -> None:
    ids = [f"{k:04d}" for k in range(1000)]
    many = [f"{k:05d}" for k in range(9000)]
    assert [len(images_to_perturb(i)) for i in (ids, ids[:100], many)] == [100, LEAST, MOST]
    assert images_to_perturb(ids) == images_to_perturb(ids[::-1]) and images_to_perturb(ids[:5]) == ids[:5]


def test_copies_of_large_pictures_are_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = picture(draw_cell("monocyte", 1, HOME).rgb, mm_per_px=1e-4)
    monkeypatch.setattr("featurize.images.perturb._MOST_PX", 5000)
    for seed in "abc":
        changed = perturbed(cell, seed, centred=False)
        assert 4500 < changed.width_px * changed.height_px < 5500 and changed.mm_per_px is not None
        np.testing.assert_allclose(changed.mm_per_px * changed.width_px, 1e-4 * cell.width_px, rtol=0.01)


def test_noise_in_bands_is_that_of_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = picture(draw_cell("monocyte", 1, HOME).rgb)
    whole = perturbed(cell, "a", centred=True).rgb
    monkeypatch.setattr("featurize.images.perturb._NOISE_ROWS", 7)
    assert np.array_equal(perturbed(cell, "a", centred=True).rgb, whole)
