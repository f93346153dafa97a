"""The counting kernels against their slow twins, on noise and on odd shapes."""
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featurize.blocks.texture.haralick import _percentile
from featurize.blocks.texture.lbp import _circle
from featurize.kernels import contour
from featurize.kernels.haralick import haralick_features
from featurize.kernels.radiomics import counting
from featurize.kernels.radiomics.glcm import pairs

_spec = importlib.util.spec_from_file_location("naive", Path(__file__).parents[1] / "naive.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

SHAPES = [(1, 1), (1, 9), (9, 1), (12, 14)]


def noise(shape: tuple[int, ...], top: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top, shape).astype(np.uint8)


def regions(shape: tuple[int, int]) -> np.ndarray:
    """Noise, nothing, everything and one pixel."""
    masks = np.zeros((4, *shape), bool)
    masks[0] = noise(shape, 2, 7) > 0
    masks[2] = True
    masks[3, 0, -1] = True
    return masks


@pytest.mark.parametrize("shape", SHAPES)
def test_histograms_count_every_byte_of_every_region(shape: tuple[int, int]) -> None:
    channels = noise((3, *shape))
    out = np.zeros((4, 3, 256), np.int64)
    counting.histograms(channels, regions(shape), out)
    np.testing.assert_array_equal(out, naive.histograms(channels, regions(shape)))


def pair_table(levels: np.ndarray, mask: np.ndarray, steps: np.ndarray, top: int) -> np.ndarray:
    """What the haralick block counts: levels from 1 on, 0 outside the region and in the frame."""
    pad = int(np.abs(steps).max())
    framed = np.pad(np.where(mask, levels + 1, 0).astype(np.uint16), pad)
    table = np.zeros((len(steps), top + 1, top + 1), np.int32)
    pairs(framed, pad, steps, table)
    return table


@pytest.mark.parametrize("shape", SHAPES)
def test_pairs_of_levels_are_the_cooccurrences_of_the_slow_twin(shape: tuple[int, int]) -> None:
    levels = noise(shape, 5)
    steps = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (3, -3), (0, 20)], np.int64)
    for mask, true in zip(regions(shape), naive.cooccurrences(levels, regions(shape), steps, 5)):
        inside = pair_table(levels, mask, steps, 5)[:, 1:, 1:]
        np.testing.assert_array_equal(inside + inside.transpose(0, 2, 1), true)


@pytest.mark.parametrize("shape", [*SHAPES, (30, 40)])
@pytest.mark.parametrize("top", [1, 2, 9])
def test_haralick_features_are_those_of_the_slow_twin(shape: tuple[int, int], top: int) -> None:
    levels = noise(shape, top)
    steps = np.array([(0, 1), (1, 1), (1, 0), (1, -1)], np.int64)
    for mask in regions(shape):
        table, out = pair_table(levels, mask, steps, top), np.empty((4, 13))
        haralick_features(table, out)
        counts = table[:, 1:, 1:] + table[:, 1:, 1:].transpose(0, 2, 1)
        for found, count in zip(out, counts):
            np.testing.assert_allclose(found, naive.haralick_features(count), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 50, 51, 4000])
@pytest.mark.parametrize("q", [1, 37, 50, 99])
def test_percentiles_of_counted_bytes_are_those_of_numpy(n: int, q: int) -> None:
    values = noise((n,), 90, n)
    below = np.cumsum(np.bincount(values, minlength=256))
    assert _percentile(below, q) == float(np.percentile(values, q))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [1, 2, 4])
def test_binary_patterns_are_those_of_the_slow_twin(shape: tuple[int, int], radius: int) -> None:
    gray = noise(shape, seed=3).astype(np.float32)
    offsets, weights = _circle(float(radius))
    out = np.zeros((4, 10), np.int64)
    counting.binary_patterns(gray, regions(shape), offsets, weights, np.float32(2), out)
    np.testing.assert_array_equal(out, naive.binary_patterns(gray, regions(shape), radius, 2, radius))


@pytest.mark.parametrize("shape", SHAPES)
def test_ring_sums_are_number_sum_and_squares(shape: tuple[int, int]) -> None:
    channels, ring = noise((2, *shape)), noise(shape, 5).astype(np.int32) - 1
    out = np.zeros((4, 3, 2, 3))
    counting.ring_sums(channels, regions(shape), ring, out)
    np.testing.assert_allclose(out, naive.ring_sums(channels, regions(shape), ring, 3))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_fall_into_their_cell_and_direction(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    dy, dx = rng.normal(size=(2, *shape)).astype(np.float32)
    mask = regions(shape)[0]
    out = np.zeros((2, 3, 4))
    counting.gradient_grid(dy, dx, mask, out)
    np.testing.assert_allclose(out, naive.gradient_grid(dy, dx, mask, (2, 3, 4)), rtol=1e-5)


def contour_of(gain: np.ndarray, reach: int, bend: float) -> np.ndarray:
    angles, radii = gain.shape
    path = np.empty(angles, np.int32)
    contour.closed_path(gain, reach, bend, path, np.empty((2, radii)), np.empty((angles, radii), np.int32))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_a_contour_is_closed_and_never_better_than_the_best_of_all(seed: int) -> None:
    gain = np.random.default_rng(seed).normal(size=(6, 5)).astype(np.float32)
    path = contour_of(gain, 2, 0.5)
    steps = np.abs(path - np.roll(path, 1))
    assert steps.max() <= 2
    assert gain[np.arange(6), path].sum() - 0.5 * steps.sum() <= naive.closed_path(gain, 2, 0.5)[0] + 1e-5


@pytest.mark.parametrize("seed", range(6))
def test_a_contour_that_stands_out_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = np.array([1, 2, 3, 3, 2, 1])
    gain = rng.normal(0, 0.5, (6, 5)).astype(np.float32)
    gain[np.arange(6), true] += 4
    np.testing.assert_array_equal(contour_of(gain, 2, 0.5), naive.closed_path(gain, 2, 0.5)[1])
