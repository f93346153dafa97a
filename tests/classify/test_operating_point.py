"""The threshold of a binary model."""
import numpy as np
import pytest
from sklearn import metrics

from classify.evaluate.threshold import threshold_scores
from classify.uncertainty.operating_point import (OperatingPoint, ThresholdRule, choose_threshold, cross_thresholds,
                                                  curve)
from featurize.arrays import BoolArray, Float64Array


def drawn(n: int, seed: int) -> tuple[BoolArray, Float64Array]:
    """A third are positive; probabilities have one decimal place, so that many are equal."""
    rng = np.random.default_rng(seed)
    own = rng.random(n) < 1 / 3
    return own, np.round(1 / (1 + np.exp(-rng.normal(size=n) - 1.5 * own)), 1)


def test_the_curve_is_that_of_scikit_learn() -> None:
    own, score = drawn(200, 0)
    found = curve(own, score)
    false, true, thresholds = metrics.roc_curve(own, score, drop_intermediate=False)
    np.testing.assert_allclose(found.threshold, thresholds[1:])
    np.testing.assert_allclose(found.sensitivity, true[1:])
    np.testing.assert_allclose(found.specificity, 1 - false[1:])
    precision = [metrics.precision_score(own, score >= t) for t in found.threshold]
    np.testing.assert_allclose(found.precision, precision)


def test_youdens_threshold_has_the_largest_sum_of_sensitivity_and_specificity() -> None:
    own, score = drawn(200, 1)
    calls = threshold_scores(own, score >= choose_threshold(own, score, ThresholdRule()), np.arange(200))
    best = max(metrics.balanced_accuracy_score(own, score >= t) for t in np.linspace(0, 1, 101))
    assert (calls["sensitivity"] + calls["specificity"]) / 2 == pytest.approx(best)


@pytest.mark.parametrize("wanted", [.5, .9, 1.])
def test_a_stated_sensitivity_is_kept_by_the_highest_threshold_that_does(wanted: float) -> None:
    own, score = drawn(200, 2)
    threshold = choose_threshold(own, score, ThresholdRule(sensitivity=wanted))
    assert (score >= threshold)[own].mean() >= wanted
    assert (score >= threshold + .1)[own].mean() < wanted
    assert not (score == threshold).any(), "no row ties with it"


def test_without_positives_or_negatives_the_threshold_is_even_odds() -> None:
    assert choose_threshold(np.ones(3, bool), np.array([.1, .2, .3]), ThresholdRule()) == .5
    assert choose_threshold(np.zeros(3, bool), np.array([.1, .2, .3]), ThresholdRule(sensitivity=.9)) == .5


def test_the_threshold_of_a_row_does_not_depend_on_the_labels_of_its_fold() -> None:
    own, score = drawn(100, 3)
    fold = np.arange(100) % 4
    before = cross_thresholds(own, score, fold, ThresholdRule(sensitivity=.9))
    own[fold == 1] = ~own[fold == 1]
    after = cross_thresholds(own, score, fold, ThresholdRule(sensitivity=.9))
    np.testing.assert_array_equal(after[fold == 1], before[fold == 1])
    assert (after[fold == 2] != before[fold == 2]).all()


@pytest.mark.parametrize(("rule", "name"), [(ThresholdRule(), "youden"), (ThresholdRule("f1"), "f1"),
                                            (ThresholdRule(sensitivity=.95), "sensitivity")])
def test_an_operating_point_is_plain_data(rule: ThresholdRule, name: str) -> None:
    point = OperatingPoint("bee", .3, rule)
    assert OperatingPoint.from_dict(point.to_dict()) == point
    assert point.to_dict()["chosen_by"] == name


def test_the_highest_f1_is_found() -> None:
    own, score = drawn(200, 4)
    threshold = choose_threshold(own, score, ThresholdRule("f1"))
    best = max(metrics.f1_score(own, score >= t) for t in np.linspace(0, 1, 101))
    assert metrics.f1_score(own, score >= threshold) == pytest.approx(best)


@pytest.mark.parametrize(("rule", "threshold"), [(ThresholdRule("f1"), .15), (ThresholdRule(sensitivity=.3), .7),
                                                 (ThresholdRule(sensitivity=.6), .35)])
def test_thresholds_lie_halfway_between_two_probabilities(rule: ThresholdRule, threshold: float) -> None:
    own, score = np.array([0, 1, 0, 1, 1, 0, 0], bool), np.array([.1, .2, .3, .4, .9, .5, .05])
    assert choose_threshold(own, score, rule) == pytest.approx(threshold)
