"""The summing loops against numpy and their slow twins."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.kernels.radiomics import sums

_spec = importlib.util.spec_from_file_location("naive_cell", Path(__file__).parents[1] / "naive_cell.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

SHAPES = [(1, 1), (1, 9), (9, 1), (12, 17)]


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def reals(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_power_sums_are_exact(shape: tuple[int, int]) -> None:
    plane, out = noise(shape).astype(np.int16) * 100 - 12000, np.zeros(2, np.int64)
    sums.power_sums(plane, out)
    assert out.tolist() == [int(plane.sum(dtype=np.int64)), int((plane.astype(np.int64) ** 2).sum())]


@pytest.mark.parametrize("shape", SHAPES)
def test_opponent_sums_are_exact(shape: tuple[int, int]) -> None:
    red, green, blue = planes = np.where(noise((3, *shape)) > 200, 255, noise((3, *shape), 1) // 30).astype(np.uint8)
    out = np.zeros(6, np.int64)
    sums.opponent_sums(*planes, out)
    r, g, b = planes.astype(int)
    assert out.tolist() == [(r - g).sum(), ((r - g) ** 2).sum(), (r + g - 2 * b).sum(), ((r + g - 2 * b) ** 2).sum(),
                            (planes.min(axis=0) == 0).sum(), (planes.max(axis=0) == 255).sum()]


@pytest.mark.parametrize("shape", SHAPES)
def test_spot_sums_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    answer, planes = reals(shape), reals((4, *shape), 1)
    window, inner = np.ones((3, 3), np.uint8), noise(shape, 2) > 60
    given = (answer, cv2.dilate(answer, window), cv2.erode(answer, window), np.float32(0.3), inner, planes)
    out, under = np.zeros(6), np.empty(answer.size, np.float32)
    n = sums.spot_sums(*given, out, under)
    true, values = naive.spot_sums(*given)
    np.testing.assert_allclose(out, true, rtol=1e-12)
    np.testing.assert_array_equal(under[:n], values)


@pytest.mark.parametrize("shape", SHAPES)
def test_detail_sums_are_those_of_numpy(shape: tuple[int, int]) -> None:
    details, inner, out = reals((3, *shape)), noise(shape) > 60, np.zeros((3, 3))
    sums.detail_sums(details, inner, out)
    w = details[:, inner]
    true = [p.sum(axis=1, dtype=np.float64) for p in (np.abs(w), w * w, w * w * w)]
    np.testing.assert_allclose(out, np.stack(true, axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [*SHAPES, (2, 2)])
def test_tensor_sums_are_those_of_the_slow_twin_and_of_opencv(shape: tuple[int, int]) -> None:
    plane, inner, out = noise(shape), noise(shape, 1) > 60, np.zeros(3, np.int64)
    sums.tensor_sums(plane, inner, out)
    dx, dy = (cv2.Sobel(plane, cv2.CV_32F, *step)[inner].astype(int) for step in ((1, 0), (0, 1)))
    assert out.tolist() == [(dy * dy).sum(), (dx * dx).sum(), (dy * dx).sum()]
    if min(shape) > 1:
        assert out.tolist() == naive.tensor_sums(plane, inner).tolist()
