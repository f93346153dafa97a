"""Oriented gradients, Gabor energies, Zernike moments, entropy, boxes and openings against their definitions."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.blocks.texture.entropy import _SCALE, _terms
from featurize.blocks.texture.granulometry import _spectrum
from featurize.descriptors.texture import gabor_energies, hog
from featurize.descriptors.zernike import zernike_moments, zernike_orders
from featurize.errors import UserError
from featurize.families import measure
from featurize.kernels.entropy import local_entropies
from featurize.kernels.fractal import box_ladder, gliding_boxes
from featurize.kernels.zernike import power_sums
from featurize.sample import Sample

_spec = importlib.util.spec_from_file_location("naive_texture", Path(__file__).parents[1] / "naive_texture.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

FAMILIES = ("gabor", "zernike", "fractal", "granulometry", "entropy")


def noise(height: int, width: int, seed: int = 0, top: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top, (height, width)).astype(np.uint8)


def smooth(side: int, sigma: float, seed: int = 0) -> np.ndarray:
    field = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(side, side)), (0, 0), sigma)
    return np.clip(128 + 50 * field / field.std(), 0, 255).astype(np.uint8)


def disk(side: int, radius: float) -> np.ndarray:
    middle = (side - 1) / 2
    y, x = np.ogrid[-middle: middle + 1, -middle: middle + 1]
    return np.asarray(y * y + x * x <= radius * radius)


def measured(gray: np.ndarray, mask: np.ndarray, family: str) -> dict[str, float]:
    """The features of one region without region and family in their names."""
    rgb = np.dstack([gray] * 3)
    sample = Sample(rgb, rgb, {"spot": mask}, np.zeros(mask.shape, np.int32))
    return {k.removeprefix(f"spot_{family}_"): v for k, v in measure(sample, {family: {"regions": ("spot",)}}).items()}


HOGS = [(9, (8, 8), (3, 3), "L2-Hys"), (8, (16, 16), (2, 2), "L2-Hys"), (7, (7, 5), (1, 1), "L1"),
        (12, (8, 8), (2, 3), "L2"), (4, (6, 6), (2, 2), "L2-Hys"), (11, (3, 9), (3, 1), "L2")]


@pytest.mark.parametrize(("bins", "cell", "block", "norm"), HOGS)
def test_hog_is_that_of_scikit_image(bins: int, cell: tuple[int, int], block: tuple[int, int], norm: str) -> None:
    reference = pytest.importorskip("skimage.feature")
    for plane in (noise(67, 80), smooth(64, 3), noise(50, 60, top=2) * np.uint8(200), np.full((50, 50), 9, np.uint8)):
        np.testing.assert_allclose(hog(plane, bins, cell, block, norm).ravel(),
                                   reference.hog(plane, bins, cell, block, norm), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("bins", "cell", "block", "norm"), HOGS)
def test_hog_is_that_of_the_slow_twin(bins: int, cell: tuple[int, int], block: tuple[int, int], norm: str) -> None:
    """The twin sums in double precision, scikit-image and the kernel in single."""
    plane = noise(50, 61, 4)
    slow = naive.hog(plane, bins, cell, block, norm)
    np.testing.assert_allclose(hog(plane, bins, cell, block, norm), slow, atol=1e-6)


def test_a_ramp_has_all_its_gradient_in_one_direction() -> None:
    ramp = np.tile(np.arange(0, 96, 3, dtype=np.uint8), (32, 1))
    found = hog(ramp, 6, (8, 8), (1, 1), "L1")
    np.testing.assert_allclose(found[..., 0], 1, atol=1e-4)
    np.testing.assert_allclose(hog(ramp.T.copy(), 6, (8, 8), (1, 1), "L1")[..., 3], 1, atol=1e-4)


def test_hog_refuses_a_plane_smaller_than_a_block() -> None:
    with pytest.raises(UserError, match="one block needs 24 x 24 pixels"):
        hog(noise(20, 40))
    with pytest.raises(UserError, match="block_norm is 'max'"):
        hog(noise(40, 40), block_norm="max")


def test_gabor_energies_are_those_of_the_filtered_plane() -> None:
    """float32 transform: 1e-4 relative."""
    plane, mask = smooth(30, 1.5), disk(30, 11)
    found = gabor_energies(plane, mask, (4.0, 7.0), 4)
    slow = [[naive.gabor_energy(plane, mask, w, k * np.pi / 4) for k in range(4)] for w in (4.0, 7.0)]
    np.testing.assert_allclose(found, slow, rtol=1e-3)


def test_a_wave_is_found_at_its_wavelength_and_direction() -> None:
    """Amplitude 100: the filter along it answers with A^2 / 4 = 2500, less what a finite region loses at its rim."""
    x = np.arange(200)
    wave = np.tile(128 + 100 * np.cos(2 * np.pi * x / 8), (200, 1)).round().astype(np.uint8)
    found = gabor_energies(wave, np.ones((200, 200), bool), (4.0, 8.0, 16.0), 6)
    assert found.argmax() == 1 * 6 + 0
    assert abs(found[1, 0] - 2500) < 150
    assert gabor_energies(wave.T, np.ones((200, 200), bool), (4.0, 8.0, 16.0), 6).argmax() == 1 * 6 + 3


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_quarter_turn_changes_no_texture(family: str, turns: int) -> None:
    plane, mask = smooth(48, 2, 5), noise(48, 48, 6, 9) > 0
    mask[:20, 30:] = False
    before = measured(plane, mask, family)
    after = measured(np.rot90(plane, turns).copy(), np.rot90(mask, turns).copy(), family)
    assert after == pytest.approx(before, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_zernike_moments_are_those_of_mahotas(seed: int) -> None:
    reference = pytest.importorskip("mahotas.features")
    plane = noise(41, 52, seed) * disk(52, 20)[:41]
    for radius, degree in ((25, 8), (12.5, 8), (60, 12)):
        np.testing.assert_allclose(zernike_moments(plane, radius, degree),
                                   reference.zernike_moments(plane, radius, degree),
                                   atol=1e-9)
    mask = plane > 0
    np.testing.assert_allclose(zernike_moments(mask, 22, 8, (18.5, 24.0)),
                               reference.zernike_moments(mask, 22, 8, (18.5, 24.0)), atol=1e-9)


def test_zernike_moments_are_those_of_the_slow_twin() -> None:
    plane, center = noise(15, 17, 8), (6.3, 8.9)
    slow = [naive.zernike_moment(plane, 7.5, center, n, k) for n, k in zernike_orders(8)]
    np.testing.assert_allclose(zernike_moments(plane, 7.5, 8, center), slow, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (12, 14)])
def test_power_sums_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    plane, out = noise(*shape, 3), np.zeros((5, 5))
    power_sums(plane, 3.25, 4.0, 6.0, out)
    np.testing.assert_allclose(out, naive.power_sums(plane, (3.25, 4.0), 6.0, 5), rtol=1e-12, atol=1e-12)


def test_the_first_zernike_moment_is_one_over_pi_and_nothing_is_unknown() -> None:
    assert zernike_moments(noise(20, 20), 8)[0] == pytest.approx(1 / np.pi)
    assert np.isnan(zernike_moments(np.zeros((5, 5)), 3)).all()
    with pytest.raises(UserError, match="degree is 20"):
        zernike_moments(noise(5, 5), 3, 20)
    with pytest.raises(UserError, match="radius is 0"):
        zernike_moments(noise(5, 5), 0)


def masks(height: int, width: int) -> list[np.ndarray]:
    """Noise, everything, nothing, one pixel, a blob."""
    empty, one = np.zeros((height, width), bool), np.zeros((height, width), bool)
    one[0, -1] = True
    return [noise(height, width, 7, 2) > 0, ~empty, empty, one, noise(height, width, 9, 5) > 0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (13, 1), (17, 15)])
@pytest.mark.parametrize("half", [1, 4])
def test_local_entropies_are_those_of_the_slow_twin(shape: tuple[int, int], half: int) -> None:
    levels = noise(*shape, 1, 6)
    for mask in masks(*shape):
        out = np.zeros(shape)
        local_entropies(levels, mask, half, _terms(half), _SCALE, out)
        np.testing.assert_allclose(out, naive.local_entropies(levels, mask, half), atol=1e-8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (13, 1), (17, 15)])
def test_boxes_of_all_sizes_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    plane = noise(*shape, 1)
    for mask in masks(*shape):
        out, bits = np.zeros((4, 2)), np.pad(mask, 8).astype(np.uint8)
        low, high = np.where(bits > 0, np.pad(plane, 8), 255).astype(np.uint8), np.pad(plane * mask, 8)
        edge = np.pad(naive.outline(mask), 8).astype(np.uint8)
        box_ladder(low, high, edge, cv2.integral(bits, sdepth=cv2.CV_64F), 8, out)
        np.testing.assert_array_equal(out, naive.box_ladder(plane, mask, naive.outline(mask), [1, 2, 4, 8]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (13, 1), (17, 15)])
def test_gliding_boxes_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    plane = noise(*shape, 1)
    for mask in masks(*shape):
        bits, out = mask.view(np.uint8), np.zeros((2, 6))
        gliding_boxes(cv2.integral(bits, sdepth=cv2.CV_64F), cv2.integral(plane * bits, sdepth=cv2.CV_64F), mask,
                      np.array([3, 7]), out)
        np.testing.assert_allclose(out, [naive.gliding_boxes(plane, mask, side) for side in (3, 7)], rtol=1e-12)


@pytest.mark.parametrize("number", [0, 1, 3, 4])
def test_openings_are_those_of_the_slow_twin(number: int) -> None:
    plane, mask = noise(14, 16, 2), masks(14, 16)[number]
    left, slow = plane.astype(float), []
    for radius in (1, 2, 4):
        round_ = disk(2 * radius + 1, radius + .5)
        after = np.minimum(left, naive.opened(plane, mask, round_))
        slow.append((left - after)[mask].mean())
        left = after
    np.testing.assert_allclose(_spectrum(plane, mask, (1, 2, 4)), slow, atol=1e-9)


def test_bright_grains_are_taken_away_by_the_disk_that_they_do_not_hold() -> None:
    """Squares of 3 px hold the disk of radius 1 and lose everything to that of radius 2."""
    plane = np.full((40, 40), 50, np.uint8)
    for y, x in ((8, 8), (20, 28), (30, 12)):
        plane[y: y + 3, x: x + 3] = 150
    row = measured(plane, np.ones((40, 40), bool), "granulometry")
    assert row["r2_light"] == pytest.approx(100 * 27 / 1600) and row["light_radius"] == pytest.approx(2)
    assert row["r1_light"] == row["r1_dark"] == row["r3_light"] == row["dark_radius"] == 0


def test_even_ground_has_two_dimensions_and_noise_almost_three() -> None:
    everything = np.ones((128, 128), bool)
    assert measured(np.full((128, 128), 90, np.uint8), everything, "fractal")["gray_dimension"] == pytest.approx(2)
    assert measured(noise(128, 128), everything, "fractal")["gray_dimension"] > 2.6
    ramp = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    assert measured(ramp, everything, "fractal")["gray_dimension"] == pytest.approx(2, abs=.05)
    assert 2 < measured(smooth(128, 4), everything, "fractal")["gray_dimension"] < 2.6


def test_an_outline_has_one_dimension_and_dust_more() -> None:
    plane = np.zeros((128, 128), np.uint8)
    assert measured(plane, disk(128, 60), "fractal")["outline_dimension"] == pytest.approx(1, abs=.1)
    assert measured(plane, noise(128, 128, 1, 2) > 0, "fractal")["outline_dimension"] > 1.6


def test_lacunarity_is_one_where_nothing_varies_and_more_with_gaps() -> None:
    whole, gaps = np.ones((40, 40), bool), np.ones((40, 40), bool)
    gaps[10:30, 10:30] = False
    even, holed = (measured(np.full((40, 40), 77, np.uint8), mask, "fractal") for mask in (whole, gaps))
    assert even["shape_lacunarity7"] == even["gray_lacunarity7"] == holed["gray_lacunarity7"] == 1
    assert holed["shape_lacunarity7"] > 1.2


def test_noise_has_more_entropy_than_a_smooth_field() -> None:
    mask = disk(40, 18)
    rough, fine = (measured(plane, mask, "entropy")["mean"] for plane in (noise(40, 40), smooth(40, 5)))
    assert rough > fine + .5 > .5


CONSTANT = {"gabor": {"w4_mean": 0, "w4_anisotropy": 0, "w16_spread": 0}, "entropy": {"mean": 0, "std": 0},
            "fractal": {"gray_dimension": 2, "gray_lacunarity3": 1}, "granulometry": {"r1_light": 0, "dark_radius": 0}}


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_region_has_defined_values(level: int) -> None:
    plane, mask = np.full((40, 40), level, np.uint8), disk(40, 16)
    for family in FAMILIES:
        row = measured(plane, mask, family)
        assert np.isfinite(list(row.values())).all()
        assert {k: row[k] for k in CONSTANT.get(family, {})} == pytest.approx(CONSTANT.get(family, {}))
    shape = measured(plane, mask, "zernike")
    assert shape["gray_n4_l4"] == pytest.approx(shape["shape_n4_l4"])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_lies_outside_the_region_does_not_matter(family: str) -> None:
    plane, mask = smooth(50, 2), disk(50, 17)
    changed = np.where(mask, plane, noise(50, 50, 3))
    assert measured(plane, mask, family) == pytest.approx(measured(changed, mask, family), rel=1e-9)
