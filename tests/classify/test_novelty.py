"""How far from the training data."""
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from classify.uncertainty.novelty import (NEAREST, OutOfDistribution, fit_space, nearest, out_of_distribution_score,
                                          score_rows, to_points)
from featurize.arrays import Float32Array, Float64Array

# Models of format 1 have no leaves to compare.
NO_LEAVES = np.empty((0, 0), np.uint8)


def cloud(n: int, seed: int) -> Float32Array:
    """Twelve correlated features of three factors, on very different scales."""
    mixing = np.random.default_rng(0).normal(size=(3, 12))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) @ mixing + .1 * rng.normal(size=(n, 12))
    return (x * np.logspace(-3, 3, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> OutOfDistribution:
    x, held_out = cloud(400, 1), cloud(200, 2)
    space = fit_space(x)
    points = to_points(space, x)
    return OutOfDistribution(space, points, np.sort(nearest(to_points(space, held_out), points)[0].mean(axis=1)))


def test_the_score_of_the_same_kind_is_spread_evenly(model: OutOfDistribution) -> None:
    found, _, _ = score_rows(model, cloud(1000, 3), NO_LEAVES)
    # Two samples of the same kind: the largest gap of the distributions is under 1.63 / sqrt(200) at 1 %.
    gap = np.abs(np.sort(found) - np.linspace(0, 1, 1000)).max()
    assert gap < .12


@pytest.mark.parametrize("foreign", [
    np.random.default_rng(0).normal(size=(20, 12)) * np.logspace(-3, 3, 12) * 3, np.zeros((1, 12)) + 50,
    np.full((1, 12), np.nan)], ids=["no factors", "far", "nothing measured"])
def test_something_else_is_wholly_out_of_distribution(model: OutOfDistribution, foreign: Float64Array) -> None:
    found, _, _ = score_rows(model, foreign.astype(np.float32), NO_LEAVES)
    assert found.min() > .97 and np.median(found) == 1


def test_a_training_row_is_its_own_nearest_neighbour(model: OutOfDistribution) -> None:
    _, distances, index = score_rows(model, cloud(400, 1)[:30], NO_LEAVES)
    np.testing.assert_array_equal(index[:, 0], np.arange(30))
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-3)


def test_whitened_axes_have_the_deviation_one() -> None:
    x = cloud(400, 1)
    points = to_points(fit_space(x), x)
    np.testing.assert_allclose(points[:, :-2].std(axis=0, ddof=1), 1, rtol=1e-4)
    assert points.shape[1] == 3 + 2, "three factors make three axes, beside them the rest and the missing share"


def test_nearest_equals_sorting_all_distances() -> None:
    a, b = (np.random.default_rng(s).normal(size=(n, 4)).astype(np.float32) for s, n in ((0, 20), (1, 50)))
    distances, index = nearest(a, b)
    all_of_them = cdist(a, b)
    np.testing.assert_array_equal(index, np.argsort(all_of_them, axis=1)[:, :NEAREST])
    np.testing.assert_allclose(distances, np.sort(all_of_them, axis=1)[:, :NEAREST], rtol=1e-4)


def test_the_score_is_the_share_of_nearer_held_out_rows() -> None:
    score = out_of_distribution_score(np.array([0, 1.5, 9]), np.array([1.0, 2, 3, 4]))
    np.testing.assert_array_equal(score, [0, .25, 1])


def test_columns_without_values_or_spread_do_no_harm() -> None:
    x = cloud(50, 1)
    x[:, 3], x[:, 4] = np.nan, 7
    points = to_points(fit_space(x), x)
    assert np.isfinite(points).all()


def test_fewer_training_rows_than_neighbours_are_enough() -> None:
    x = cloud(3, 1)
    space = fit_space(x)
    distances, index = nearest(to_points(space, cloud(5, 2)), to_points(space, x))
    assert index.shape == (5, 3) and np.isfinite(distances).all()
