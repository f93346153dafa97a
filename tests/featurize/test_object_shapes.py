"""Shapes of many objects: the numbers of scikit-image's regionprops, and of the slow twins."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.descriptors.shape import object_shapes
from featurize.errors import UserError
from featurize.kernels.shapes import object_hulls, object_moments, outline_steps, row_ends

_spec = importlib.util.spec_from_file_location("naive_texture", Path(__file__).parents[1] / "naive_texture.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

PROPERTIES = ("label", "area", "centroid", "bbox", "area_bbox", "extent", "equivalent_diameter_area",
              "axis_major_length", "axis_minor_length", "eccentricity", "orientation", "perimeter", "perimeter_crofton",
              "area_convex", "solidity", "feret_diameter_max", "euler_number")


def nuclei(seed: int, count: int = 40, side: int = 200) -> np.ndarray:
    """Ellipses that overlap and leave the image; some numbers are wholly covered."""
    rng, labels = np.random.default_rng(seed), np.zeros((side, side), np.int32)
    for k in range(1, count + 1):
        center = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = int(rng.integers(1, 18)), int(rng.integers(1, 12))
        cv2.ellipse(labels, center, axes, float(rng.uniform(0, 180)), 0, 360, k, -1)
    return labels


def scattered(seed: int = 0) -> np.ndarray:
    """Every number in many parts, touching each other everywhere, with holes."""
    return np.random.default_rng(seed).integers(0, 12, (25, 31)).astype(np.int32)


def blobs(seed: int = 0) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(120, 140)), (0, 0), 1.6)
    return np.asarray(cv2.connectedComponents((noise > 0).astype(np.uint8))[1], np.int32)


IMAGES = {"nuclei 1": nuclei(1), "nuclei 2": nuclei(2), "scattered": scattered(), "blobs": blobs(),
          "one pixel": np.pad(np.ones((1, 1), np.int32), 3), "all": np.ones((7, 9), np.int32),
          "row": np.ones((1, 9), np.int32), "column": np.ones((9, 1), np.int32)}


@pytest.mark.parametrize("spacing", [1.0, 0.25])
@pytest.mark.parametrize("image", IMAGES)
def test_shapes_are_those_of_regionprops(image: str, spacing: float) -> None:
    reference = pytest.importorskip("skimage.measure")
    found = object_shapes(IMAGES[image], spacing)
    wanted = reference.regionprops_table(IMAGES[image], properties=PROPERTIES, spacing=(spacing, spacing))
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        if name == "orientation":
            # An axis has no front: -pi / 2 and pi / 2 are the same.
            np.testing.assert_allclose(np.exp(2j * found[name]), np.exp(2j * values), atol=1e-9)
        else:
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("image", ["scattered", "one pixel", "all", "row", "column"])
def test_the_kernels_are_their_slow_twins(image: str) -> None:
    labels = IMAGES[image]
    n = int(labels.max())
    anchor, box = np.zeros((n, 2), np.int64), np.zeros((n, 4), np.int64)
    sums, quads, steps = np.zeros((n, 6)), np.zeros((n, 16), np.int64), np.zeros((n, 3), np.int64)
    object_moments(labels, anchor, box, sums, quads)
    outline_steps(labels, np.zeros(labels.shape, np.uint8), steps)
    start = np.concatenate([[0], np.cumsum(box[:, 2] - box[:, 0] + 1)])
    low, high = np.full(start[-1], 2 ** 40), np.full(start[-1], -2 ** 40)
    row_ends(labels, box, start, low, high)
    area, feret = np.zeros(n, np.int64), np.zeros(n, np.int64)
    object_hulls(start, low, high, area, feret)
    for k in range(n):
        mask = labels == k + 1
        y, x = np.nonzero(mask)
        assert tuple(anchor[k]) == (y[0], x[0])
        assert tuple(box[k]) == (y.min(), x.min(), y.max(), x.max())
        y, x = y - y[0], x - x[0]
        assert tuple(sums[k]) == (len(y), y.sum(), x.sum(), (y * y).sum(), (y * x).sum(), (x * x).sum())
        np.testing.assert_array_equal(quads[k], naive.quads(mask))
        np.testing.assert_array_equal(steps[k], naive.outline_steps(mask))
        assert (area[k], feret[k]) == naive.convex_hull(mask)


def test_a_square_has_the_measures_of_a_square() -> None:
    """10 x 10 pixels: 36 on the outline, second moment (100 - 1) / 12, no pixel of its hull outside itself."""
    labels = np.zeros((30, 30), np.int32)
    labels[5:15, 8:18] = 3
    row = {k: v.item() for k, v in object_shapes(labels, 0.5).items()}
    assert (row["label"], row["area"], row["solidity"], row["extent"], row["euler_number"]) == (3, 25.0, 1, 1, 1)
    assert (row["centroid-0"], row["centroid-1"]) == (9.5 / 2, 12.5 / 2)
    assert row["perimeter"] == 36 / 2
    assert row["axis_major_length"] == pytest.approx(4 * np.sqrt(99 / 12) / 2)
    assert row["feret_diameter_max"] == pytest.approx(np.hypot(10, 9) / 2)


def test_a_hole_lowers_the_euler_number_and_a_second_part_raises_it() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[2:9, 2:9] = 1
    labels[4:6, 4:6] = 0
    labels[12:14, 12:14] = 2
    labels[16:18, 16:18] = 2
    np.testing.assert_array_equal(object_shapes(labels)["euler_number"], [0, 2])


def test_no_objects_give_empty_columns_of_the_same_names() -> None:
    for shape in ((0, 0), (5, 7)):
        none = object_shapes(np.zeros(shape, np.int32))
        assert set(none) == set(object_shapes(nuclei(1))) and all(v.shape == (0,) for v in none.values())


def test_a_missing_number_is_left_out() -> None:
    labels = np.array([[5, 0, 2]])
    np.testing.assert_array_equal(object_shapes(labels)["label"], [2, 5])


@pytest.mark.parametrize(("labels", "match"), [
    (np.zeros((3, 3)), "float64"), (np.zeros(3, np.int32), r"\(3,\)"), (np.full((3, 3), -1), "down to -1")])
def test_a_wrong_call_is_refused(labels: Any, match: str) -> None:
    with pytest.raises(UserError, match=match):
        object_shapes(labels)
    with pytest.raises(UserError, match="spacing is 0"):
        object_shapes(np.zeros((3, 3), np.int32), 0)
