"""The loops of the cell segmenter against their slow twins, on noise and on odd shapes."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.kernels import cell
from featurize.kernels.radiomics import runs
from featurize.segment.lobes import choose_nucleus
from featurize.segment.stain import median, otsu

_spec = importlib.util.spec_from_file_location("naive_cell", Path(__file__).parents[1] / "naive_cell.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

SHAPES = [(1, 1), (1, 9), (9, 1), (12, 17)]
SHARES = [0.0, 0.3, 0.6, 0.9, 1.0]


def noise(shape: tuple[int, ...], seed: int = 0, low: float = 0, high: float = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def mask(shape: tuple[int, ...], share: float, seed: int = 0) -> np.ndarray:
    return np.asarray(noise(shape, seed) < share)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_small_holes_are_those_of_the_slow_twin(shape: tuple[int, int], share: float) -> None:
    for limit in (0, 3, 4.5, 100):
        out = np.zeros(shape, bool)
        runs.small_holes(mask(shape, share), limit, out)
        np.testing.assert_array_equal(out, naive.small_holes(mask(shape, share), limit))


@pytest.mark.parametrize("spare_rim", [False, True])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_parts_that_hold_a_seed_are_those_of_the_slow_twin(shape: tuple[int, int], share: float,
                                                           spare_rim: bool) -> None:
    seeds, out = mask(shape, 0.2, seed=1), np.zeros(shape, bool)
    runs.parts_holding(mask(shape, share), seeds, spare_rim, out)
    np.testing.assert_array_equal(out, naive.parts_holding(mask(shape, share), seeds, spare_rim))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_components_are_those_of_the_slow_twin(shape: tuple[int, int], share: float) -> None:
    labels, weights = np.zeros(shape, np.int32), noise(shape, 2)
    sums, boxes = runs.components(mask(shape, share), weights, labels)
    for found, true in zip((labels, sums, boxes), naive.components(mask(shape, share), weights)):
        np.testing.assert_array_equal(found, true)


def test_components_of_a_large_noise_are_as_many_as_opencv_finds() -> None:
    busy = mask((97, 131), 0.45)
    sums, _ = runs.components(busy, noise(busy.shape), np.zeros(busy.shape, np.int32))
    count, _, stats, _ = cv2.connectedComponentsWithStats(busy.astype(np.uint8), connectivity=8)
    assert sorted(sums[1:, 0]) == sorted(stats[1:, cv2.CC_STAT_AREA])
    assert len(sums) == count


@pytest.mark.parametrize("shape", SHAPES)
def test_lobes_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    levels, least = np.array([0.1, 0.4, 0.8], np.float32), np.array([3.0, 1.0, 0.5])
    for seed in range(5):
        assert runs.lobes(noise(shape, seed), levels, least) == naive.lobes(noise(shape, seed), levels, least)


def test_extremes_are_taken_label_by_label() -> None:
    labels, plane = np.random.default_rng(0).integers(0, 4, (9, 11)).astype(np.int32), noise((9, 11))
    low, high = np.full(5, np.inf, np.float32), np.full(5, -np.inf, np.float32)
    runs.extremes(labels, plane, low, high)
    assert low[0] == low[4] == np.inf and high[0] == high[4] == -np.inf
    assert [(low[k], high[k]) for k in (1, 2, 3)] == [(plane[labels == k].min(), plane[labels == k].max())
                                                      for k in (1, 2, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_slopes_by_level_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    dye, slope = noise(shape), noise(shape, 1)
    counts, totals = np.zeros(5, np.int64), np.zeros(5)
    cell.slopes_by_level(dye, slope, 0.3, 0.1, counts, totals)
    for found, true in zip((counts, totals), naive.slopes_by_level(dye, slope, 0.3, 0.1, 5)):
        np.testing.assert_array_equal(found, true)


@pytest.mark.parametrize("seed", range(5))
def test_counts_between_edges_are_those_of_numpy(seed: int) -> None:
    # Rounded values fall on edges, where a bin more or less is easily counted.
    values = np.round(noise((3000,), seed, -0.2, 1.2), 2 + seed)
    counts = np.zeros(128, np.int64)
    cell.count_between(values, np.linspace(0.1, 0.93, 129, dtype=np.float32), counts)
    np.testing.assert_array_equal(counts, np.histogram(values, 128, (0.1, 0.93))[0])


def test_otsu_parts_two_heaps() -> None:
    values = np.concatenate([np.full(50, 0.2), np.full(30, 0.7)]).astype(np.float32)
    assert 0.2 < otsu(values, 0.0, 1.0) < 0.7


@pytest.mark.parametrize("n", [1, 2, 3, 10, 101, 5000])
def test_the_median_is_that_of_numpy_to_the_last_bit(n: int) -> None:
    assert median(noise((n,), n)) == float(np.median(noise((n,), n)))


@pytest.mark.parametrize("shape", SHAPES)
def test_color_bins_are_those_of_the_slow_twin(shape: tuple[int, int]) -> None:
    planes = [noise(shape, seed, -0.1, 1.5) for seed in range(3)]
    out = np.empty(shape, np.uint16)
    cell.color_bins(*planes, np.float32(0.8), out)
    np.testing.assert_array_equal(out, naive.color_bins(*planes, np.float32(0.8)))


@pytest.mark.parametrize("shape", SHAPES)
def test_colors_are_counted_in_both_masks(shape: tuple[int, int]) -> None:
    bins = (noise(shape) * 7).astype(np.uint16)
    inside, far = mask(shape, 0.5, 1), mask(shape, 0.5, 2)
    counts = np.zeros((2, 7), np.int32)
    cell.count_colors(bins, inside, far, counts)
    np.testing.assert_array_equal(counts, [np.bincount(bins[m], minlength=7) for m in (inside, far)])


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 2), (5, 3, 4)])
def test_smoothed_bins_are_those_of_the_slow_twin(shape: tuple[int, int, int]) -> None:
    counts = (noise(shape) * 50).astype(np.float32)
    true = naive.smooth_bins(counts)
    cell.smooth_bins(counts, np.empty_like(counts))
    np.testing.assert_array_equal(counts, true)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_likelihood_is_that_of_the_slow_twin(shape: tuple[int, int]) -> None:
    given = (noise((7,), 3, -3, 3), (noise(shape) * 7).astype(np.uint16), noise(shape, 1), noise(shape, 2, 0, 90),
             np.float32(20.3), mask(shape, 0.2, 4), mask(shape, 0.2, 5), mask(shape, 0.2, 6))
    out = np.empty(shape, np.float32)
    cell.likelihood(*given, out)
    np.testing.assert_array_equal(out, naive.likelihood(*given))


@pytest.mark.parametrize("steps", [4, 1000])
@pytest.mark.parametrize("shape", [*SHAPES, (40, 30)])
def test_peaks_are_those_of_the_slow_twin(shape: tuple[int, int], steps: int) -> None:
    depth = (np.round(cv2.blur(noise(shape), (5, 5)) * steps) / steps).astype(np.float32)
    out = np.zeros(shape, bool)
    cell.peaks(depth, np.float32(0.4), 3, out)
    np.testing.assert_array_equal(out, naive.peaks(depth, 0.4, 3))


def discs(*places: tuple[int, int, int]) -> np.ndarray:
    canvas = np.zeros((120, 120), np.uint8)
    for row, column, radius in places:
        cv2.circle(canvas, (column, row), radius, 1, cv2.FILLED)
    return canvas > 0


def chosen(nuclei: np.ndarray, empty: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    bare = np.zeros(nuclei.shape, bool) if empty is None else empty
    return choose_nucleus(nuclei, np.asarray(nuclei, np.float32), bare)


def test_lobes_near_the_center_are_one_nucleus() -> None:
    nuclei = discs((60, 55, 12), (60, 80, 9), (38, 62, 7))
    nucleus, others = chosen(nuclei)
    np.testing.assert_array_equal(nucleus, nuclei)
    assert not others.any()


def test_empty_slide_between_two_pieces_makes_them_two_nuclei() -> None:
    one, two = discs((60, 50, 12)), discs((60, 78, 10))
    assert (chosen(one | two)[0] == (one | two)).all()
    nucleus, others = chosen(one | two, ~(one | two))
    np.testing.assert_array_equal(nucleus, one)
    np.testing.assert_array_equal(others, two)


def test_a_larger_or_distant_piece_is_another_nucleus() -> None:
    one, two = discs((60, 55, 9)), discs((100, 105, 13), (10, 55, 5))
    nucleus, others = chosen(one | two)
    np.testing.assert_array_equal(nucleus, one)
    np.testing.assert_array_equal(others, two)


def test_an_image_without_nuclei_has_none() -> None:
    nucleus, others = chosen(np.zeros((20, 30), bool))
    assert not nucleus.any() and not others.any()
