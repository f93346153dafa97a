"""Prediction sets."""
import numpy as np
import pytest
from scipy.special import softmax

from classify.uncertainty.conformal import Conformal, cross_sets, fit_conformal, p_values, prediction_sets, too_few
from featurize.arrays import Float64Array, Int64Array


def drawn(n: int, seed: int) -> tuple[Float64Array, Int64Array]:
    """Probabilities and truths of three classes; the third is rare and hard."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, size=n, p=[.5, .4, .1])
    scores = rng.normal(size=(n, 3)) + 3 * np.eye(3)[y] * np.array([1, 1, .4])[y][:, None]
    return softmax(scores, axis=1), y


@pytest.mark.parametrize("alpha", [.05, .2])
def test_every_class_is_covered_at_the_promised_rate(alpha: float) -> None:
    p, y = drawn(3000, 0)
    fresh, truth = drawn(6000, 1)
    fits = p_values(fit_conformal(p, y, alpha), fresh) > alpha
    for c in range(3):
        # About 300 calibrating rows in the rare class: 3.5 standard errors of a beta(1 - alpha) coverage are .045.
        assert fits[truth == c, c].mean() == pytest.approx(1 - alpha, abs=.045 if alpha < .1 else .08)


def test_cross_fitted_sets_cover_every_class_too() -> None:
    p, y = drawn(3000, 2)
    sets, _ = cross_sets(p, y, np.arange(3000) % 5, .1)
    assert all(sets[y == c, c].mean() > .88 for c in range(3))


def test_p_values_are_counts_of_stranger_calibrating_rows() -> None:
    # Class 0 was calibrated on .1 .2 .3 .4; a new row with p = .75 has the score .25: two are stranger, and itself.
    fitted = Conformal(.1, np.array([.1, .2, .3, .4, .5]), np.array([0, 0, 0, 0, 1]))
    np.testing.assert_allclose(p_values(fitted, np.array([[.75, .25]])), [[3 / 5, 1 / 2]])


def test_the_predicted_class_is_in_its_set_even_where_only_another_fits() -> None:
    # Class 0 is calibrated on sure rows, class 1 on unsure ones: p = (.6, .4) is strange for class 0 only.
    fitted = Conformal(.1, np.r_[np.linspace(0, .01, 50), np.linspace(.5, .9, 50)], np.repeat([0, 1], 50))
    p = np.array([[.6, .4]])
    np.testing.assert_array_equal(p_values(fitted, p) > .1, [[False, True]])
    sets, empty = prediction_sets(fitted, p)
    assert sets.all() and not empty.any()


def test_an_empty_set_gets_the_predicted_class_and_is_marked() -> None:
    scores = np.linspace(0, .01, 50)
    fitted = Conformal(.1, np.tile(scores, 2), np.repeat([0, 1], 50))
    sets, empty = prediction_sets(fitted, np.array([[.6, .4], [.995, .005]]))
    np.testing.assert_array_equal(sets, [[True, False], [True, False]])
    np.testing.assert_array_equal(empty, [True, False])


def test_the_same_row_always_gets_the_same_set() -> None:
    p, y = drawn(200, 3)
    fitted = fit_conformal(p, y, .1)
    np.testing.assert_array_equal(prediction_sets(fitted, p)[0], prediction_sets(fitted, p)[0])


def test_a_class_of_18_rows_can_never_be_left_out_at_5_percent() -> None:
    assert too_few(np.repeat([0, 1], [18, 19]), ("a", "b"), .05) == ["a"]
    fitted = Conformal(.05, np.zeros(37), np.repeat([0, 1], [18, 19]))
    sets, _ = prediction_sets(fitted, np.array([[.5, .5]]))
    np.testing.assert_array_equal(sets, [[True, False]])
