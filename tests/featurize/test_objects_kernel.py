"""The compiled kernels of objects are what their slow twins say, and necks are cut where disks touch."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.descriptors.shape import moments_of_objects
from featurize.kernels.objects import Limits, best_components, object_values, split_necks

_spec = importlib.util.spec_from_file_location("naive_objects", Path(__file__).parents[1] / "naive_objects.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

LIMITS = Limits(smallest=4.0, largest=60.0, steep=1.0, least_fill=0.6)


def partition(labels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(np.flatnonzero(labels.ravel() == k).tolist()) for k in np.unique(labels[labels > 0])}


def compiled(level: np.ndarray, slope: np.ndarray, levels: int) -> np.ndarray:
    labels, cut = np.zeros(level.size, np.int32), np.zeros(level.size + 1, np.uint8)
    count = best_components(level.ravel(), slope.ravel(), levels, level.shape[1], LIMITS, labels, cut)
    assert count == labels.max()
    assert all((level.ravel()[labels == k] >= cut[k]).all() for k in range(1, count + 1))
    return labels.reshape(level.shape)


@pytest.mark.parametrize("seed", range(8))
def test_the_chosen_components_are_those_of_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((15, 19)).astype(np.float32), (0, 0), 1.5)
    level = np.clip((noise - noise.min()) / (noise.max() - noise.min()) * 8, 0, 7).astype(np.uint8)
    slope = rng.uniform(0.2, 2, level.shape).astype(np.float32)
    found = compiled(level, slope, 8)
    assert found.any()
    assert partition(found) == partition(naive.best_components(level, slope, 8, **LIMITS._asdict()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)], ids=str)
def test_thin_and_even_images_hold_no_component_of_size(shape: tuple[int, int]) -> None:
    level = np.zeros(shape, np.uint8)
    labels = compiled(level, np.zeros(shape, np.float32), 4)
    assert not labels.any()


def test_values_and_moments_of_objects_are_those_of_the_slow_twins() -> None:
    rng = np.random.default_rng(4)
    # Away from the corner, so that sums from the first pixel and from the corner differ.
    labels = np.pad(rng.integers(0, 5, (9, 11)), (4, 3)).astype(np.int32)
    planes = rng.uniform(0, 9, (2, *labels.shape)).astype(np.float32)
    values, moments = np.zeros((4, 2, 2)), moments_of_objects(labels)
    object_values(labels, planes, values)
    np.testing.assert_allclose(values, naive.object_values(labels, planes), rtol=1e-6)
    sums, sides = naive.object_moments(labels)
    np.testing.assert_array_equal(moments.from_corner(), sums)
    np.testing.assert_array_equal(moments.outline_sides, sides)


def disks(distance: int, radius: int = 10) -> np.ndarray:
    canvas = np.zeros((40, 70), np.uint8)
    for x in (20, 20 + distance):
        cv2.circle(canvas, (x, 20), radius, 1, -1)
    return canvas


def cut(mask: np.ndarray) -> tuple[int, np.ndarray]:
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    steps = np.clip(cv2.GaussianBlur(depth, (0, 0), 0.8) * 6, 0, 255).astype(np.uint8)
    steps[mask > 0] = np.maximum(steps[mask > 0], 1)
    out = np.zeros(mask.size, np.int32)
    count = split_necks(mask.astype(np.int32).ravel(), steps.ravel(), 256, mask.shape[1], 0.8, 15.0, out)
    return count, out.reshape(mask.shape)


def test_one_disk_stays_one() -> None:
    count, parts = cut(disks(0))
    assert count == 1 and (parts > 0).sum() == disks(0).sum()


def test_two_overlapping_disks_are_cut_halfway() -> None:
    """Centres 17 px apart, radius 10: the neck is 2 sqrt(100 - 8.5^2) = 10.5 px wide, half a diameter."""
    count, parts = cut(disks(17))
    assert count == 2
    assert parts[20, 20] != parts[20, 37]
    border = np.flatnonzero(np.diff(parts[20, 12:46])) + 12
    assert len(border) == 1 and abs(int(border[0]) - 28) <= 1


def test_disks_that_overlap_deeply_stay_one() -> None:
    """Centres 6 px apart: the neck is 19 px wide, hardly less than the diameter of 20."""
    assert cut(disks(6))[0] == 1


def test_parts_of_different_objects_never_join() -> None:
    labels = np.array([[1, 1, 2, 2]], np.int32)
    out = np.zeros(4, np.int32)
    assert split_necks(labels.ravel(), np.ones(4, np.uint8), 4, 4, 0.8, 1.0, out) == 2
    assert out[0] == out[1] != out[2] == out[3]
