"""Images of classes that the model never saw."""
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from classify.uncertainty.unknown_class import (BETWEEN_SHRINKAGE, MOST_ROWS, MOST_TREES, Discriminant, combined,
                                                compared_trees, discriminant_score, fit_discriminant, fit_scale,
                                                leaf_distance, reference_rows)
from featurize.arrays import Float64Array, Int64Array

D, K = 20, 5


def cells(n: int, seed: int, classes: int = K + 1) -> tuple[Float64Array, Int64Array]:
    """Classes whose means differ in 5 of 20 features by about 3 deviations; 10 other features vary widely in each."""
    means = np.zeros((K + 1, D))
    means[:, :5] = 3 * np.random.default_rng(0).normal(size=(K + 1, 5))
    y = np.arange(n) % classes
    deviation = np.r_[np.ones(10), np.full(10, 8.)]
    return means[y] + np.random.default_rng(seed).normal(size=(n, D)) * deviation, y


def axes_of(x: Float64Array) -> Float64Array:
    return np.linalg.svd(x - x.mean(axis=0))[2].T


@pytest.fixture(scope="module")
def space() -> Discriminant:
    x, y = cells(1000, 1, K)
    return fit_discriminant(x, axes_of(x), y, K)


def test_a_class_that_was_left_out_scores_higher_than_the_known_ones(space: Discriminant) -> None:
    x, y = cells(1200, 2)
    score = discriminant_score(space, x)
    limit = np.percentile(score[y < K], 95)
    assert (score[y == K] > limit).mean() > .8
    # The distance from all training rows, dominated by what varies in every class, says little.
    far = np.sqrt((x ** 2).sum(axis=1))
    assert (far[y == K] > np.percentile(far[y < K], 95)).mean() < .3


def test_variances_within_the_classes_become_one_but_for_a_tenth_of_their_mean(space: Discriminant) -> None:
    x, y = cells(1000, 1, K)

    def within(rows: Float64Array) -> Float64Array:
        inside = rows - np.stack([rows[y == c].mean(axis=0) for c in range(K)])[y]
        return np.linalg.eigvalsh(inside.T @ inside / (len(rows) - K))
    raw = within(x)
    np.testing.assert_allclose(within(x @ space.axes), raw / (.9 * raw + .1 * raw.mean()), rtol=1e-3)


def test_the_score_is_twice_the_log_likelihood_ratio(space: Discriminant) -> None:
    """Expected: scipy's densities of the two normal distributions."""
    x, _ = cells(30, 4)
    rows, center = x @ space.axes.astype(float), space.means.mean(axis=0)
    spread = space.between @ np.diag(space.variance - space.rest) @ space.between.T
    covariance = space.rest * np.eye(len(center)) + spread
    new = multivariate_normal(center, covariance).logpdf(rows)
    known = np.max([multivariate_normal(mean, np.eye(len(mean))).logpdf(rows) for mean in space.means], axis=0)
    ratio = 2 * (new - known)
    found = discriminant_score(space, x)
    np.testing.assert_allclose(found - found.mean(), ratio - ratio.mean(), rtol=1e-6, atol=1e-6)


def test_the_variance_of_a_new_class_is_that_of_the_known_means_and_one(space: Discriminant) -> None:
    spread = np.cov(space.means.T)
    shrunk = (1 - BETWEEN_SHRINKAGE) * spread + BETWEEN_SHRINKAGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    np.testing.assert_allclose(np.sort(np.r_[space.variance, [space.rest] * (len(spread) - K + 1)]),
                               np.linalg.eigvalsh(shrunk + np.eye(len(spread))), rtol=1e-6)


@pytest.mark.parametrize("n", [4, 7, 40])
def test_two_classes_and_few_rows_are_enough(n: int) -> None:
    x, y = cells(n, 5, 2)
    space = fit_discriminant(x, axes_of(x), y, 2)
    assert np.isfinite(discriminant_score(space, cells(20, 6)[0])).all() and space.between.shape[1] == 1


def test_leaf_distance_is_one_minus_the_mean_share_of_the_three_most_similar_rows() -> None:
    reference = np.array([[1, 1, 1, 1], [1, 1, 1, 2], [1, 1, 2, 2], [1, 2, 2, 2]], np.uint8)
    new = np.array([[1, 1, 1, 1], [3, 3, 3, 3]], np.uint8)
    # Shares 1, .75, .5, .25 and none.
    np.testing.assert_allclose(leaf_distance(new, reference), [1 - .75, 1])


@pytest.mark.parametrize(("trees", "most"), [(1, 2), (7, 15), (64, 8), (130, 200)])
def test_leaf_distance_equals_comparing_every_pair(trees: int, most: int) -> None:
    rng = np.random.default_rng(trees)
    new, reference = (rng.integers(0, most, (n, trees)).astype(np.uint8) for n in (5, 9))
    shares = np.sort([[np.mean(a == b) for b in reference] for a in new], axis=1)
    np.testing.assert_allclose(leaf_distance(new, reference), 1 - shares[:, -3:].mean(axis=1), atol=1e-12)


def test_a_model_without_trees_has_no_leaf_distance() -> None:
    np.testing.assert_array_equal(leaf_distance(np.empty((3, 0), np.uint8), np.empty((5, 0), np.uint8)), np.zeros(3))


@pytest.mark.parametrize(("rounds", "outputs"), [(1, 1), (10, 1), (100, 7), (500, 8), (0, 3)])
def test_whole_rounds_are_compared_and_not_the_first_ones(rounds: int, outputs: int) -> None:
    trees = compared_trees(rounds, outputs)
    assert len(trees) <= MOST_TREES and len(trees) % outputs == 0 and (rounds == 0 or trees.max() < rounds * outputs)
    assert rounds < 4 or trees.min() >= .3 * rounds * outputs - outputs
    np.testing.assert_array_equal(trees[:outputs] % outputs, np.arange(min(outputs, len(trees))))


def test_reference_rows_are_all_or_a_sample_of_the_same_size() -> None:
    np.testing.assert_array_equal(reference_rows(5, 0), np.arange(5))
    some = reference_rows(3 * MOST_ROWS, 0)
    assert len(np.unique(some)) == MOST_ROWS and (np.diff(some) > 0).all()
    np.testing.assert_array_equal(some, reference_rows(3 * MOST_ROWS, 0))


def test_measures_are_added_in_units_of_their_95th_percentile_above_the_median() -> None:
    home = np.column_stack([np.arange(101.), np.arange(101.) * 10, np.zeros(101)])
    scale = fit_scale(home)
    np.testing.assert_allclose(scale.middle, [50, 500, 0])
    np.testing.assert_allclose(scale.unit[:2], [45, 450])
    middle, far = combined(scale, np.array([[50., 500, 0], [50, 950, 0]]))
    assert middle == 0 and far == 1
    assert combined(scale, np.array([[95., 500, 0]])) == pytest.approx(.7)
