"""Local binary patterns: the codes of scikit-image, and their counts over regions."""
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from featurize.descriptors.texture import lbp_histogram, local_binary_pattern
from featurize.errors import UserError

_spec = importlib.util.spec_from_file_location("naive_texture", Path(__file__).parents[1] / "naive_texture.py")
assert _spec and _spec.loader
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

METHODS = ("default", "ror", "uniform", "nri_uniform")
CIRCLES = ((8, 1.0), (16, 2.0), (24, 3.0), (12, 1.5))


def planes() -> dict[str, np.ndarray]:
    """Noise, even ground (every comparison is a tie), terraces, a smooth field, one row, one pixel."""
    rng = np.random.default_rng(2)
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (70, 90)), (0, 0), 4)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 255
    return {"noise": rng.integers(0, 256, (60, 47)).astype(np.uint8), "even": np.full((40, 50), 17, np.uint8),
            "terraces": (smooth // 50 * 50).astype(np.uint8), "smooth": smooth.astype(np.uint8),
            "row": rng.integers(0, 4, (1, 30)).astype(np.uint8), "pixel": np.array([[9]], np.uint8)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("points", "radius"), CIRCLES)
def test_codes_are_those_of_scikit_image(points: int, radius: float, method: str) -> None:
    reference = pytest.importorskip("skimage.feature")
    for kind, plane in planes().items():
        np.testing.assert_array_equal(local_binary_pattern(plane, points, radius, method),
                                      reference.local_binary_pattern(plane, points, radius, method), err_msg=kind)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("points", "radius"), CIRCLES)
def test_codes_are_those_of_the_slow_twin(points: int, radius: float, method: str) -> None:
    for kind, plane in planes().items():
        part = plane[:9, :11]
        np.testing.assert_array_equal(local_binary_pattern(part, points, radius, method),
                                      naive.local_binary_pattern(part, points, radius, method), err_msg=kind)


def test_a_brighter_right_half_turns_only_the_bits_that_point_to_it() -> None:
    """Points 0, 1, 7 of 8 lie to the right (right, upper right, lower right); ties count as brighter."""
    plane = np.full((7, 8), 10, np.uint8)
    plane[:, 4:] = 30
    codes = local_binary_pattern(plane, 8, 1, "default")
    assert codes[3, 2] == codes[3, 3] == 255
    assert codes[3, 4] == 255 - 2 ** 3 - 2 ** 4 - 2 ** 5


@pytest.mark.parametrize("method", METHODS)
def test_counts_are_those_of_the_codes_away_from_the_rim(method: str) -> None:
    rng = np.random.default_rng(3)
    plane = rng.integers(0, 256, (33, 29)).astype(np.uint8)
    masks = np.zeros((4, 33, 29), bool)
    masks[0, 4:20, 9:27] = rng.random((16, 18)) > .4
    masks[1] = True
    masks[2, 20, 15] = True
    inner = np.zeros((33, 29), bool)
    inner[2:-2, 2:-2] = True
    counts = lbp_histogram(plane, masks, 8, 1.5, method)
    codes = local_binary_pattern(plane, 8, 1.5, method)
    for mask, count in zip(masks, counts):
        np.testing.assert_array_equal(count, np.bincount(codes[mask & inner], minlength=counts.shape[1]))
    assert counts[2].sum() == 1 and not counts[3].any()


def test_counts_of_a_plane_smaller_than_the_circle_are_zero() -> None:
    for shape in ((1, 1), (1, 40), (5, 5)):
        assert not lbp_histogram(np.ones(shape, np.uint8), np.ones((2, *shape), bool), 8, 3.0).any()


@pytest.mark.parametrize(("change", "match"), [
    ({"method": "var"}, "method is 'var'"), ({"points": 40}, "points is 40"), ({"radius": 0}, "radius is 0")])
def test_a_wrong_call_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UserError, match=match):
        local_binary_pattern(np.zeros((4, 4), np.uint8), **change)


def test_too_many_codes_and_wrong_masks_are_refused() -> None:
    plane = np.zeros((4, 4), np.uint8)
    with pytest.raises(UserError, match="24 points make"):
        lbp_histogram(plane, np.ones((1, 4, 4), bool), 24, 1, "default")
    with pytest.raises(UserError, match="masks are"):
        lbp_histogram(plane, np.ones((1, 4, 5), bool))
    with pytest.raises(UserError, match="one channel"):
        local_binary_pattern(np.zeros((4, 4, 3), np.uint8))
