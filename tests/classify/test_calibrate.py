"""Margins to probabilities."""
import json

import numpy as np
import pytest
from scipy.special import softmax

from classify.uncertainty.calibrate import (FEWEST_MATRIX_ROWS, METHODS, TRIED, Calibration, CalibrationRows,
                                            cross_calibrate, fit_calibration, log_loss, logits, probabilities)
from featurize.arrays import Float64Array, Int64Array


def overconfident(n: int = 600, k: int = 3, factor: float = 4.0,
                  seed: int = 0) -> tuple[Float64Array, Int64Array]:
    """Margins whose softmax would be the true chances of `y`, multiplied by `factor`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, k)) * 1.5
    y = np.array([rng.choice(k, p=row) for row in softmax(true, axis=1)])
    return true * factor, y


def alone(margins: Float64Array, y: Int64Array) -> CalibrationRows:
    """Every row is a split group of its own."""
    return CalibrationRows(margins, y, np.arange(len(y)))


def test_temperature_finds_the_factor_of_overconfidence() -> None:
    margins, y = overconfident(n=4000)
    fitted = fit_calibration(alone(margins, y), "temperature", 0)
    assert fitted.temperature == pytest.approx(4, rel=.1)


@pytest.mark.parametrize("method", [*METHODS[1:], "auto"])
def test_calibration_lowers_the_log_loss_of_an_overconfident_model(method: str) -> None:
    margins, y = overconfident()
    p = cross_calibrate(alone(margins, y), np.arange(len(y)) % 5, method, 0)
    assert log_loss(p, y) < .6 * log_loss(softmax(margins, axis=1), y)


def test_auto_takes_the_method_with_the_fewest_numbers_that_is_as_good_as_the_best() -> None:
    margins, y = overconfident()
    fitted = fit_calibration(alone(margins, y), "auto", 0)
    assert fitted.losses and set(fitted.losses) == set(TRIED) - {"matrix"}
    assert fitted.losses["temperature"] < .6 * fitted.losses["none"] and fitted.method == "temperature"
    as_good, truth = overconfident(factor=1)
    assert fit_calibration(alone(as_good, truth), "auto", 0).method == "none"


@pytest.mark.parametrize("method", ["bias", "auto"])
def test_a_bias_takes_back_what_class_weights_add(method: str) -> None:
    margins, y = overconfident(n=1200, factor=2)
    weighted = margins + np.log([1, 4, 1 / 4])
    fitted = fit_calibration(alone(weighted, y), method, 0)
    assert fitted.method == "bias" and fitted.temperature == pytest.approx(2, rel=.15)
    shift = np.array(fitted.bias) + np.log([1, 4, 1 / 4]) / 2
    np.testing.assert_allclose(shift - shift.mean(), 0, atol=.15)
    assert log_loss(probabilities(fitted, weighted), y) == pytest.approx(log_loss(softmax(margins / 2, axis=1), y),
                                                                         rel=.02)


def test_rows_of_one_group_are_no_evidence_for_a_method() -> None:
    margins, y = overconfident(n=300, factor=1.4)
    assert fit_calibration(alone(margins, y), "auto", 0).method == "temperature"
    ten_times = CalibrationRows(np.repeat(margins[::10], 10, axis=0), np.repeat(y[::10], 10), np.arange(300) // 10)
    assert fit_calibration(ten_times, "auto", 0).method == "none"


def test_a_matrix_finds_a_bias_and_a_factor_of_each_class() -> None:
    margins, y = overconfident(n=FEWEST_MATRIX_ROWS, factor=1)
    scores = margins * [1, 2, .5] + [2.0, 0, -2]
    rows = alone(scores, y)
    fitted = fit_calibration(rows, "auto", 0)
    assert fitted.losses and fitted.method == "matrix"
    assert fitted.losses["matrix"] < .95 * fitted.losses["temperature"]
    assert log_loss(probabilities(fitted, scores), y) == pytest.approx(log_loss(softmax(margins, axis=1), y), rel=.08)
    read = Calibration.from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(probabilities(read, scores), probabilities(fitted, scores))


def test_binary_margins_become_the_log_odds_of_the_second_class() -> None:
    margins = np.array([[0.0], [np.log(3)]])
    np.testing.assert_allclose(probabilities(Calibration("none"), margins), [[.5, .5], [.25, .75]])
    assert logits(margins).shape == (2, 2)


@pytest.mark.parametrize("method", METHODS)
def test_no_probability_is_zero_and_rows_add_up_to_one(method: str) -> None:
    margins, y = overconfident(factor=1)
    extreme = np.array([[900.0, -900, 0], [-900, 900, 0]])
    p = probabilities(fit_calibration(alone(margins, y), method, 0), extreme)
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_comes_back_from_json(method: str) -> None:
    margins, y = overconfident()
    fitted = fit_calibration(alone(margins, y), method, 0)
    loaded = Calibration.from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(probabilities(loaded, margins), probabilities(fitted, margins))


@pytest.mark.parametrize("method", [*METHODS[1:], "auto"])
def test_a_row_does_not_take_part_in_its_own_calibration(method: str) -> None:
    margins, y = overconfident(n=200)
    fold = np.arange(200) % 4
    other = y.copy()
    other[fold == 2] = (y[fold == 2] + 1) % 3
    before, after = (cross_calibrate(alone(margins, truth), fold, method, 0) for truth in (y, other))
    np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert (before[fold != 2] != after[fold != 2]).any()


def test_rows_that_are_all_right_do_not_ask_for_certainty() -> None:
    y = np.arange(30) % 3
    margins = np.eye(3)[y] * 50
    p = probabilities(fit_calibration(alone(margins, y), "temperature", 0), margins)
    # As Platt has it: thirty of thirty right rows are (30 + 1) / (30 + 2) sure.
    np.testing.assert_allclose(p.max(axis=1), 31 / 32, rtol=1e-3)


def test_nothing_is_learned_from_a_handful_of_groups_unless_asked_for_by_name() -> None:
    margins, y = overconfident()
    few = CalibrationRows(margins, y, np.arange(len(y)) % 9)
    fitted = fit_calibration(few, "auto", 0)
    assert fitted.method == "none" and not fitted.losses
    assert fit_calibration(few, "temperature", 0).temperature > 3
