"""Prediction sets."""
import numpy as np
import pytest
from scipy.special import softmax

from classify.uncertainty.conformal import Conformal, cross_sets, fewest_rows, fit_conformal, p_values, prediction_sets
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
    sets, _ = cross_sets(p, y, np.arange(3000) // 2, .1)
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


@pytest.mark.parametrize(("alpha", "rows"), [(.05, 19), (.1, 9), (.01, 99), (.03, 33)])
def test_fewest_rows_are_those_whose_least_p_value_does_not_exceed_alpha(alpha: float, rows: int) -> None:
    assert fewest_rows(alpha) == rows == next(m for m in range(1, 200) if 1 / (m + 1) <= alpha)


def test_few_rows_of_one_class_or_of_all_classes_are_compared_with_all() -> None:
    """Alone, 18 rows could never leave their class out at 5 %: the least p-value is 1 / 19. From 39 on two may."""
    p = np.tile([.9, .1], (57, 1))
    p[18:] = [.2, .8]
    fitted = fit_conformal(p, np.repeat([0, 1], [18, 39]), .05)
    assert fitted.pooled == (0,) and fit_conformal(p[:-1], np.repeat([0, 1], [19, 37]), .05).pooled == (0, 1)
    assert fit_conformal(np.tile(p, (2, 1)), np.repeat([0, 1], [19, 95]), .05).pooled == ()
    # Score .5 of class 0 among 18 x .1 and 39 x .2: stranger than all 57. Of class 1 among 39 x .2: than all 39.
    np.testing.assert_allclose(p_values(fitted, np.array([[.5, .5]])), [[1 / 58, 1 / 40]])
    assert not prediction_sets(fitted, np.array([[.4, .6]]))[0][0, 0]
    assert prediction_sets(Conformal(.05, fitted.scores, fitted.y), np.array([[.4, .6]]))[0][0, 0], "today's fault"


def test_pooled_sets_hold_the_truth_at_the_promised_rate() -> None:
    p, y = drawn(3000, 4)
    few = np.concatenate([np.flatnonzero(y == c)[:15] for c in range(3)])
    fitted = fit_conformal(p[few], y[few], .05)
    assert fitted.pooled == (0, 1, 2)
    # 45 rows: the coverage of a 5 % level is beta(44, 2), 2.5th percentile .88. Classes in equal parts, as calibrated.
    rest = np.concatenate([np.flatnonzero(y == c)[15:200] for c in range(3)])
    sets, _ = prediction_sets(fitted, p[rest])
    assert sets[np.arange(len(rest)), y[rest]].mean() > .88
    assert sets.sum(axis=1).mean() < 3


@pytest.mark.parametrize("alpha", [.05, .2])
def test_calibrating_rows_are_compared_with_all_rows_of_other_groups(alpha: float) -> None:
    """Expected: the definition, row by row."""
    p, y = drawn(150, 5)
    group = np.random.default_rng(6).integers(0, 90, 150)
    pooled = fit_conformal(p, y, alpha).pooled
    assert bool(pooled) == (alpha == .05), "the rare class has about 15 rows"
    sets, empty = cross_sets(p, y, group, alpha)
    for row in range(150):
        others = group != group[row]
        one = Conformal(alpha, 1 - p[others, y[others]], y[others], pooled)
        wanted, nothing = prediction_sets(one, p[row:row + 1])
        np.testing.assert_array_equal(sets[row], wanted[0])
        assert empty[row] == nothing[0]


@pytest.mark.parametrize("rows", [14, 19, 22, 40])
def test_sets_at_home_forecast_those_of_new_rows(rows: int) -> None:
    """With 19 to 23 rows a class every set at home held all classes, because folds kept a fifth from calibrating."""
    p, y = drawn(4000, 7)
    cut = np.concatenate([np.flatnonzero(y == c)[:rows] for c in range(3)])
    home, _ = cross_sets(p[cut], y[cut], np.arange(len(cut)), .05)
    new = np.concatenate([np.flatnonzero(y == c)[40:300] for c in range(3)])
    sets, _ = prediction_sets(fit_conformal(p[cut], y[cut], .05), p[new])
    several_at_home, several = (home.sum(axis=1) != 1).mean(), (sets.sum(axis=1) != 1).mean()
    # 3.5 standard errors of a share of 3 x rows at home.
    assert abs(several_at_home - several) < 3.5 * np.sqrt(several * (1 - several) / len(cut)) + .02
    assert several < .9
