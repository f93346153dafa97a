"""A few labelled images of another place."""
import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_softmax, softmax

from classify.elsewhere.few_labels import (BIAS_PENALTY, FACTOR_PENALTY, FEWEST_TESTED, FewLabels, fit_few, fitted,
                                           gains)
from featurize.arrays import Float64Array, Int64Array

K = 3


def shifted(n: int, seed: int = 0, bias: float = 2.0, factor: float = 3.0) -> tuple[Float64Array, Int64Array]:
    """Probabilities that are too sure by `factor` and lean to class 0 by `bias`, and the truth."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, K)) * 2
    y = np.array([rng.choice(K, p=row) for row in softmax(scores, axis=1)])
    return np.asarray(softmax(factor * scores + [bias * factor, 0, 0], axis=1)), y


def test_many_labels_find_the_factor_and_the_bias() -> None:
    p, y = shifted(4000)
    few = fit_few(p, y)
    assert few.factor == pytest.approx(1 / 3, rel=.1)
    assert few.bias[1] - few.bias[0] == pytest.approx(2, abs=.2)
    assert few.bias[2] - few.bias[1] == pytest.approx(0, abs=.2)


def test_the_fit_is_the_least_of_the_stated_loss() -> None:
    p, y = shifted(30)
    few, logs = fit_few(p, y), np.log(np.maximum(p, 1e-6))

    def loss(numbers: Float64Array) -> float:
        scores = log_softmax(np.exp(numbers[K]) * logs + numbers[:K], axis=1)[np.arange(len(y)), y]
        return float(-scores.sum() + BIAS_PENALTY * (numbers[:K] ** 2).sum() + FACTOR_PENALTY * numbers[K] ** 2)
    best = np.append(few.bias, np.log(few.factor))
    assert check_grad(loss, lambda numbers: np.zeros(K + 1), best) < 1e-2
    assert all(loss(best + step) > loss(best) for step in np.vstack([np.eye(K + 1), -np.eye(K + 1)]) * .05)


def test_no_label_changes_nothing_and_one_little() -> None:
    p, y = shifted(50, bias=0, factor=1)
    none = fit_few(p[:0], y[:0])
    assert none == FewLabels(1.0, (0.0,) * K)
    np.testing.assert_allclose(fitted(none, p), p, atol=1e-5)
    assert np.abs(fitted(fit_few(p[:1], y[:1]), p) - p).max() < .35


def test_labels_help_where_the_place_differs_and_harm_little_where_it_does_not() -> None:
    p, y = shifted(300)
    ten, fifty = gains(p, y, np.arange(300), (10, 50), seed=0)
    assert ten.labels == 10 and ten.tested == 290
    assert ten.accuracy[0] > ten.accuracy[1] + .05 and fifty.log_loss[0] < ten.log_loss[0] < ten.log_loss[1]
    assert ten.accuracy_range[0] <= ten.accuracy[0] <= ten.accuracy_range[1]
    same, = gains(*shifted(300, bias=0, factor=1), np.arange(300), (10,), seed=0)
    assert same.accuracy[0] > same.accuracy[1] - .05


def test_groups_are_drawn_whole_and_too_few_images_are_left_out() -> None:
    p, y = shifted(60)
    found = gains(p, y, np.arange(60) // 6, (4, 60 - FEWEST_TESTED + 1), seed=0)
    assert [(gain.labels, gain.tested) for gain in found] == [(6, 54)]


def test_numbers_of_labels_that_draw_the_same_patients_are_told_once() -> None:
    p, y = shifted(200)
    found = gains(p, y, np.repeat(np.arange(20), 10), (5, 10, 15), 0)
    assert [gain.labels for gain in found] == [10, 20]


def test_the_same_seed_gives_the_same_draws() -> None:
    p, y = shifted(80)
    assert gains(p, y, np.arange(80), (10,), 1) == gains(p, y, np.arange(80), (10,), 1) != gains(
        p, y, np.arange(80), (10,), 2)
