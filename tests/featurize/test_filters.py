"""Filtered images: those of pyradiomics, the kernels' slow twins, and what mathematics says of them."""
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_filters_golden import GOLDEN, SIGMAS, WAVELET, planes, reference
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_laplace

from featurize.arrays import Float64Array
from featurize.errors import UserError
from featurize.kernels import filters as kernels
from featurize.radiomics.filters import _LOW, FILTERS, WAVELETS, _recursion, filtered_images

_spec = importlib.util.spec_from_file_location("naive_filters", Path(__file__).parents[1] / "naive_filters.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

Images = dict[str, Float64Array]
SHAPES = [(1, 1), (1, 9), (9, 1), (3, 2), (12, 14)]


def noise(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def odd_planes() -> dict[str, NDArray[Any]]:
    """Every type, flat areas, ramps and the smallest shapes."""
    y, x = np.mgrid[:31, :26]
    signed = np.random.default_rng(3).normal(0, 100, (33, 21))
    return {"uint8": noise((40, 31)), "uint16": noise((31, 44), np.uint16) * np.uint16(257),
            "int16": (noise((12, 13), np.int16) - 99).astype(np.int16), "float64": signed,
            "float32": signed.astype(np.float32), "constant": np.full((20, 21), 137, np.uint8),
            "tenths": np.full((12, 8), 0.1), "black": np.zeros((8, 9), np.uint8), "ramp": (3 * x + 2 * y) - 50.0,
            "ramp_across": x.astype(np.uint8), "steps": np.kron(noise((5, 6)), np.ones((7, 9), np.uint8)),
            "pixel": np.full((1, 1), 7, np.uint8), "row": noise((1, 9)), "column": noise((8, 1)),
            "smallest_log": noise((4, 4)), "too_small_for_log": noise((3, 5))}


def assert_same(found: Images, wanted: Images, plane: NDArray[Any]) -> None:
    """Equal to 1e-9 of the largest value, where ITK and pyradiomics work in float32 to 2e-7; absent means NaN."""
    assert set(wanted) <= set(found)
    for key, image in found.items():
        if key not in wanted:
            assert key.startswith("log_sigma") and np.isnan(image).all()
            continue
        single = key.startswith(("log_sigma", "gradient")) or (plane.dtype == np.float32 and key[:7] == "wavelet")
        scale = max(float(np.nan_to_num(np.abs(wanted[key])).max()), float(np.abs(plane).max()))
        np.testing.assert_allclose(image, wanted[key], rtol=0, atol=(2e-7 if single else 1e-9) * scale, err_msg=key)


@pytest.mark.parametrize("title", list(planes()))
def test_images_are_those_that_pyradiomics_made_of_the_golden_planes(title: str) -> None:
    with np.load(GOLDEN) as file:
        wanted = {key.split(".")[1]: file[key] for key in file.files if key.startswith(title)}
    plane = planes()[title]
    found = filtered_images(plane, log_sigma=SIGMAS, wavelet=WAVELET)
    assert set(found) == set(wanted) and len(found) == 13
    assert_same(found, wanted, plane)


@pytest.mark.slow
@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("title", list(odd_planes()))
def test_images_are_those_of_pyradiomics(title: str, wavelet: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("radiomics")
    plane = odd_planes()[title]
    sigmas = (0.7, 1.0, 1.5, 3.0, 8.0)
    assert_same(filtered_images(plane, log_sigma=sigmas, wavelet=wavelet), reference(plane, sigmas, wavelet), plane)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("delay", "forward"), [(0, True), (1, False), (1, True)])
def test_recursions_are_those_of_the_slow_twin(shape: tuple[int, int], delay: int, forward: bool) -> None:
    plane = noise(shape, np.float64)
    rates, feedback = _recursion(1.3, 0)
    edge, out = feedback * 0.7, np.empty(shape)
    kernels.recursive_rows(plane, rates, feedback, edge, delay, forward, out)
    wanted = naive.recursive_rows(plane, rates, feedback, edge, delay, forward)
    np.testing.assert_allclose(out, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wavelet", WAVELETS)
def test_periodic_convolutions_are_those_of_the_slow_twin(shape: tuple[int, int], wavelet: str) -> None:
    plane, low = noise(shape, np.float64), np.array(_LOW[wavelet])
    out = np.zeros((2, *shape))
    kernels.periodic_rows(plane, low, low[::-1].copy(), *out)
    np.testing.assert_allclose(out[0], naive.periodic_rows(plane, low), atol=1e-10)
    np.testing.assert_allclose(out[1], naive.periodic_rows(plane, low[::-1]), atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("top", [2, 256])
def test_patterns_are_those_of_the_slow_twin(shape: tuple[int, int], top: int) -> None:
    plane = noise(shape, np.float64, seed=4) % top
    np.testing.assert_array_equal(filtered_images(plane, ("lbp_2d",))["lbp_2d"], naive.uniform_patterns(plane))


def test_the_laplacian_of_a_parabola_is_its_curvature_times_sigma_squared() -> None:
    y, x = np.mgrid[-60:61, -60:61]
    found = filtered_images(1.5 * x ** 2 + 2.0 * y ** 2, ("log",), log_sigma=(2.0,))["log_sigma_2"]
    assert found[60, 60] == pytest.approx((3.0 + 4.0) * 2.0 ** 2, rel=1e-4)


def test_the_laplacian_is_near_the_one_by_convolution() -> None:
    plane = gaussian_filter(noise((64, 64), np.float64), 2)
    found = filtered_images(plane, ("log",), log_sigma=(2.5,))["log_sigma_2_5"]
    wanted = gaussian_laplace(plane, 2.5, mode="nearest", truncate=8.0) * 2.5 ** 2
    # The recursive fit is off by about 0.5 % of the largest response.
    assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_wavelet_filters_are_orthonormal_to_their_even_shifts(wavelet: str) -> None:
    low = np.array(_LOW[wavelet])
    assert low.sum() == pytest.approx(np.sqrt(2), abs=1e-11)
    for shift in range(0, len(low), 2):
        assert low[shift:] @ low[:len(low) - shift] == pytest.approx(float(shift == 0), abs=1e-11)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_the_four_bands_hold_four_times_the_energy(wavelet: str) -> None:
    plane = noise((12, 10), np.float64)
    bands = filtered_images(plane, ("wavelet",), wavelet=wavelet)
    assert list(bands) == ["wavelet_lh", "wavelet_hl", "wavelet_hh", "wavelet_ll"]
    assert sum((band ** 2).sum() for band in bands.values()) == pytest.approx(4 * (plane ** 2).sum())


def test_the_first_letter_of_a_band_is_along_x() -> None:
    stripes = np.tile([0.0, 9.0], (8, 4))
    bands = filtered_images(stripes, ("wavelet",), wavelet="haar")
    assert np.abs(bands["wavelet_hl"]).min() > 1 > np.abs(bands["wavelet_lh"]).max()


def test_keys_come_in_the_order_of_the_names_and_the_plane_is_left_alone() -> None:
    plane = noise((9, 8), np.float64)
    before = plane.copy()
    names = ("square", "log", "original")
    found = filtered_images(plane, names, log_sigma=(1.5, 1.0))
    assert list(found) == ["square", "log_sigma_1_5", "log_sigma_1", "original"]
    found["original"][:] = 0
    np.testing.assert_array_equal(plane, before)


@pytest.mark.parametrize("plane", [noise((9, 8)) > 99, noise((9, 8), ">u2"), noise((8, 9)).T,
                                   noise((18, 16))[::2, ::-2]])
def test_bool_byte_order_and_strides_do_not_matter(plane: NDArray[Any]) -> None:
    found, wanted = (filtered_images(p, log_sigma=(1.0,)) for p in (plane, np.ascontiguousarray(plane, np.float64)))
    assert list(found) == list(wanted) and {"original", "log_sigma_1"} <= set(found)
    for key, image in found.items():
        assert image.dtype == np.float64 and image.shape == plane.shape
        np.testing.assert_array_equal(image, wanted[key], err_msg=key)


def test_a_plane_too_small_for_log_gives_nan_and_a_black_one_where_nothing_is_defined() -> None:
    found = filtered_images(np.zeros((3, 7)), FILTERS, log_sigma=(1.0,))
    empty = {key for key, image in found.items() if np.isnan(image).all()}
    assert empty == {"log_sigma_1", "square", "logarithm", "exponential"}
    assert np.isnan(filtered_images(noise((8, 30)), ("log",), log_sigma=(8.0,))["log_sigma_8"]).all()


def test_what_cannot_be_filtered_is_refused_in_one_line() -> None:
    good = noise((8, 8))
    with pytest.raises(UserError, match=r"shape \(8, 8, 3\), want"):
        filtered_images(noise((8, 8, 3)))
    with pytest.raises(UserError, match=r"shape \(0, 4\), want"):
        filtered_images(np.zeros((0, 4)))
    with pytest.raises(UserError, match="NaN or infinite"):
        filtered_images(np.array([[1.0, np.nan]]))
    with pytest.raises(UserError, match="'lbp-2D' is not known: choose among original"):
        filtered_images(good, ("lbp-2D",))
    with pytest.raises(UserError, match="'db9' is not known: choose among haar"):
        filtered_images(good, wavelet="db9")
    with pytest.raises(UserError, match="log_sigma has 0.0, want 0.1 px"):
        filtered_images(good, log_sigma=(1.0, 0.0))
