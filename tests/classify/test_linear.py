"""Logistic regression on all columns, and the start of trees."""
import json
from itertools import permutations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from classify.fitting.balance import Balance
from classify.fitting.linear import (LARGEST_SCORE, fit_linear, linear_contributions, linear_from_bytes, linear_margin,
                                     linear_to_bytes, scaled, standard_scores)
from classify.fitting.start import BEND, PRODUCT_SIZE, PRODUCTS, SHRINKAGE, Start, fit_start

N = 120
RNG = np.random.default_rng(0)


def rows(classes: int, columns: int = 6, distance: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(N) % classes
    x = RNG.normal(size=(N, columns)) * np.arange(1, columns + 1) + 5
    x[:, 0] += distance * y
    x[::11, 1] = np.nan
    return x.astype(np.float32), y


def begun(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Start:
    start = fit_start(x, y, groups, Balance("none"), 0)
    assert start is not None
    return start


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_regression_of_scikit_learn_on_clipped_scores(classes: int) -> None:
    x, y = rows(classes)
    model = fit_linear(standard_scores(x), y, np.ones(N), .6)
    filled = np.where(np.isnan(x), np.nanmedian(x, axis=0), x).astype(float)
    z = np.clip((filled - filled.mean(axis=0)) / filled.std(axis=0), -LARGEST_SCORE, LARGEST_SCORE)
    wanted = LogisticRegression(C=.1, tol=1e-8).fit(z - z.mean(axis=0), y).decision_function(z - z.mean(axis=0))
    np.testing.assert_allclose(linear_margin(model, x), wanted.reshape(N, -1), atol=.02)
    x[3, 2] = 1000
    assert np.abs(linear_margin(fit_linear(standard_scores(x), y, np.ones(N), .6), x)[3]).max() < 10
    assert linear_margin(model, x).std() > .2


def test_contributions_add_up_and_no_value_counts_beyond_the_clip() -> None:
    x, y = rows(3)
    model = fit_linear(standard_scores(x), y, np.ones(N), .6)
    np.testing.assert_allclose(linear_contributions(model, x).sum(axis=2), linear_margin(model, x), atol=1e-4)
    far, farther = x[:1].copy(), x[:1].copy()
    far[0, 0], farther[0, 0] = 1e4, 1e6
    np.testing.assert_array_equal(linear_margin(model, far), linear_margin(model, farther))
    assert (linear_margin(model, far) != linear_margin(model, x[:1])).any()


def test_bytes_bring_back_the_same_numbers_and_older_weights_are_read() -> None:
    x, y = rows(2)
    model = fit_linear(standard_scores(x), y, np.ones(N), .6)
    np.testing.assert_array_equal(linear_margin(linear_from_bytes(linear_to_bytes(model)), x), linear_margin(model, x))
    old = {"fill": [1.0, 2.0], "center": [1.0, 1.0], "weights": [[2.0], [3.0]], "base": [0.5]}
    read = linear_from_bytes(json.dumps(old).encode())
    np.testing.assert_allclose(linear_margin(read, np.array([[101, np.nan]], np.float32)), [[2 * 100 + 3 + 0.5]])


def test_a_bend_tells_a_middle_range_from_what_lies_outside_and_stays_a_sum_over_features() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    y = (np.abs(x[:, 1]) > .7).astype(int)
    straight, bent = (fit_linear(standard_scores(x, bend), y, np.ones(400), 10.0) for bend in (0.0, .5))
    right = [((linear_margin(model, x)[:, 0] > 0) == y).mean() for model in (straight, bent)]
    assert right[0] < .7 and right[1] > .95
    found = linear_contributions(bent, x)
    assert found.shape == (400, 1, 4)
    np.testing.assert_allclose(found.sum(axis=2), linear_margin(bent, x), atol=1e-4)
    moved = x.copy()
    moved[:, 1] += 1
    change = linear_contributions(bent, moved) - found
    assert (change[:, :, [0, 2, 3]] == 0).all() and (change[:, :, 1] != 0).any()
    read = linear_from_bytes(linear_to_bytes(bent))
    np.testing.assert_array_equal(linear_margin(read, x), linear_margin(bent, x))


def test_products_tell_what_two_measurements_say_together() -> None:
    x = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    y = (x[:, 1] * x[:, 2] > 0).astype(int)
    models = [fit_linear(standard_scores(x, BEND, products), y, np.ones(400), 30.0) for products in (0, 4)]
    right = [((linear_margin(model, x)[:, 0] > 0) == y).mean() for model in models]
    assert right[0] < .7 and right[1] > .95
    importance = np.abs(linear_contributions(models[1], x)[:, 0, :4]).mean(axis=0)
    assert importance[[1, 2]].min() > 3 * importance[[0, 3]].max()


def test_contributions_of_products_are_shapley_values_of_the_terms() -> None:
    """v(S) = the terms whose features all lie in S; the mean gain of a feature over all orders is its Shapley value."""
    x, y = rows(3, distance=1.0)
    x = x[:, [0, 2, 3]] + x[:, [2, 3, 4]]
    model = fit_linear(standard_scores(x, BEND, 2, .5), y, np.ones(len(x)), 30.0)
    scores = (x - model.center) / model.scale
    middle = scores - scores.mean(axis=0)
    d, r = model.axes.shape
    assert (d, r) == (3, 2) and np.abs(scores).max() < LARGEST_SCORE
    first, second = np.triu_indices(r)
    found = linear_contributions(model, x)
    for k in range(found.shape[1]):
        weights = model.weights[:, k]
        crossed = np.zeros((d, d))
        for a, b, w in zip(first, second, weights[2 * d:]):
            crossed += w * np.outer(model.axes[:, a], model.axes[:, b])
        sizes = BEND * np.abs(scores)
        alone = middle * weights[:d] + (sizes - sizes.mean(axis=0)) * weights[d:2 * d]
        both = middle[:, :, None] * middle[:, None, :] * crossed
        both = both - both.mean(axis=0)

        def value(members: tuple[int, ...]) -> np.ndarray:
            return alone[:, members].sum(axis=1) + both[:, members][:, :, members].sum(axis=(1, 2))

        for j in range(d):
            gains = [value((*order[:order.index(j)], j)) - value(order[:order.index(j)])
                     for order in permutations(range(d))]
            np.testing.assert_allclose(found[:, k, j], np.mean(gains, axis=0), atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=2), linear_margin(model, x), atol=1e-4)
    read = linear_from_bytes(linear_to_bytes(scaled(model, .5)))
    np.testing.assert_array_equal(linear_margin(read, x), linear_margin(scaled(model, .5), x))
    np.testing.assert_allclose(linear_contributions(read, x), .5 * found, atol=1e-4)


def test_scaled_log_odds() -> None:
    x, y = rows(3)
    model = fit_linear(standard_scores(x), y, np.ones(N), .6)
    np.testing.assert_allclose(linear_margin(scaled(model, .5), x), linear_margin(model, x) / 2)


def test_start_of_noise_is_shrunk_to_nearly_nothing_and_that_of_a_signal_is_not() -> None:
    groups, found = np.arange(N), []
    for distance in (0.0, 20.0):
        x, y = rows(2, 30, distance)
        start = begun(x, y, groups)
        found.append(float(np.abs(start.margins).mean()))
    assert found[0] < .3 < .8 < found[1]


def test_log_odds_of_a_row_come_from_other_groups() -> None:
    """Labels are constant within groups and chance between them: a model that saw the group would know them."""
    groups = np.arange(N) // 6
    y = RNG.permutation(np.arange(N // 6) % 2)[groups]
    x = (np.eye(N // 6)[groups] * 5 + RNG.normal(size=(N, N // 6)) * .1).astype(np.float32)
    start = begun(x, y, groups)
    seen = linear_margin(start.model, x)[:, 0]
    assert ((seen > 0) == y).mean() > .95 and ((start.margins[:, 0] > 0) == y).mean() < .8


def test_without_three_groups_of_a_class_there_is_no_start() -> None:
    x, y = rows(2)
    assert fit_start(x, y, y.copy(), Balance(), 0) is None


@pytest.mark.parametrize("method", ["over", "under"])
def test_rows_that_are_repeated_or_left_out_have_log_odds_too(method: str) -> None:
    x, y = rows(2, distance=20.0)
    some = np.flatnonzero((y == 0) | (np.arange(N) % 3 == 0))
    start = fit_start(x[some], y[some], np.arange(len(some)), Balance(method), 0)
    assert start is not None and start.margins.shape == (len(some), 1)
    assert ((start.margins[:, 0] > 0) == y[some]).mean() > .9


def test_the_factor_is_at_most_the_shrinkage() -> None:
    x, y = rows(2, 30, 20.0)
    start = begun(x, y, np.arange(N))
    plain = fit_linear(standard_scores(x, BEND, PRODUCTS, PRODUCT_SIZE), y, np.ones(N), start.inverse_penalty)
    factor = linear_margin(start.model, x) / linear_margin(plain, x)
    np.testing.assert_allclose(factor, factor.mean(), rtol=1e-6)
    assert 0 < factor.mean() <= SHRINKAGE


def test_margins_are_log_odds() -> None:
    x, y = rows(3, distance=3.0)
    p = softmax(linear_margin(fit_linear(standard_scores(x), y, np.ones(N), .2), x), axis=1)
    assert -np.log(p[np.arange(N), y]).mean() < np.log(3)


def test_a_copy_has_log_odds_of_the_model_that_did_not_see_its_row() -> None:
    x, y = rows(3, distance=3.0)
    start = begun(x, y, np.arange(N))
    some = np.array([7, 0, 7])
    np.testing.assert_allclose(start.margins_of_copies(x[some], some), start.margins[some])
    assert not np.allclose(start.margins_of_copies(x[some] + 1, some), start.margins[some])
