"""Points of reliability curves, and what thresholds give, against counts by hand and scikit-learn."""
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from classify.evaluate.curves import operating_points, reliability_points, thinned, threshold_curve
from classify.evaluate.metrics import reliability, wilson
from classify.evaluate.threshold import SHARES, threshold_scores

STORED = {"class": "yes", "threshold": .37, "chosen_by": "youden", "wanted_sensitivity": None,
          **{name: .8 for name in SHARES}, **{f"{name}_interval": [.7, .9] for name in SHARES}}


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.random(400) < .3
    return positive, np.round(1 / (1 + np.exp(-(rng.normal(size=400) + 2 * positive - 1))), 2)


def test_no_point_stands_for_fewer_than_ten_images_and_none_is_lost(scored: tuple[np.ndarray, np.ndarray]) -> None:
    positive, p = scored
    bins = reliability(positive.astype(np.int64), np.column_stack([1 - p, p]), ("no", "yes"))
    points = reliability_points(bins)
    assert (bins["n"] < 10).any() and (points["n"] >= 10).all()
    own = points[points["class"] == "yes"]
    assert own["n"].sum() == 400 and own["confidence"].is_monotonic_increasing
    assert (own["n"] * own["frequency"]).sum() == pytest.approx(positive.sum())
    assert (own["n"] * own["confidence"]).sum() == pytest.approx(p.sum())
    assert ((own["low"] <= own["frequency"]) & (own["frequency"] <= own["high"])).all()


def test_a_class_of_few_images_has_no_point() -> None:
    bins = pd.DataFrame({"class": ["a", "a"], "bin": [1, 2], "n": [4, 5], "confidence": [.1, .2], "frequency": [0, 1]})
    assert reliability_points(bins).empty


def test_the_curve_is_that_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    positive, p = scored
    curve = threshold_curve(positive, p)
    area = np.trapezoid(curve["sensitivity"], curve["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(positive, p))
    precision, recall, threshold = precision_recall_curve(positive, p)
    at = curve.set_index("threshold").loc[threshold]
    assert at["precision"].to_numpy() == pytest.approx(precision[:-1])
    assert at["sensitivity"].to_numpy() == pytest.approx(recall[:-1])
    few = thinned(pd.concat([curve] * 10, ignore_index=True))
    assert len(few) == 300 and few.index[0] == 0 and few.index[-1] == 10 * len(curve) - 1


def test_operating_points_by_counting(scored: tuple[np.ndarray, np.ndarray]) -> None:
    positive, p = scored
    points = operating_points(positive, p, np.arange(400), STORED).set_index("name")
    used = p > .5
    assert points.loc["used", "sensitivity"] == used[positive].mean()
    assert points.loc["used", "specificity"] == (~used)[~positive].mean()
    assert points.loc["used", "ppv"] == positive[used].mean()
    assert points.loc["used", "npv"] == (~positive)[~used].mean()
    sensitive = p >= points.loc["sensitive", "threshold"]
    stricter = p > points.loc["sensitive", "threshold"]
    assert sensitive[positive].mean() >= .95 > stricter[positive].mean()


def test_a_model_that_calls_nothing_positive_has_no_precision() -> None:
    positive = np.array([True, False, False])
    points = operating_points(positive, np.array([.4, .2, .1]), np.arange(3), None).set_index("name")
    assert points.loc["used", "sensitivity"] == 0 and points["ppv"].isna()["used"]
    assert list(points.index) == ["used", "sensitive"], "no stored threshold is known"


def test_the_stored_threshold_is_shown_with_its_own_scores_and_none_is_chosen_beside_it(
        scored: tuple[np.ndarray, np.ndarray]) -> None:
    positive, p = scored
    points = operating_points(positive, p, np.arange(400), STORED).set_index("name")
    assert list(points.index) == ["used", "stored", "sensitive"]
    assert {key: points.loc["stored", key] for key in STORED if key in points} == {
        key: value for key, value in STORED.items() if key in points}
    assert points.loc["stored", "rule"] == "largest sum of sensitivity and specificity (Youden)"
    asked = {**STORED, "chosen_by": "sensitivity", "wanted_sensitivity": .9}
    points = operating_points(positive, p, np.arange(400), asked).set_index("name")
    assert list(points.index) == ["used", "stored"]
    assert points.loc["stored", "rule"] == "sensitivity of at least 90 %"


def test_intervals_at_a_threshold_count_patients_and_not_their_images() -> None:
    own, positive = np.repeat([True, False], 40), np.repeat([True, False, True, False], [30, 10, 5, 35])
    alone = threshold_scores(own, positive, np.arange(80))
    assert alone["sensitivity_interval"] == pytest.approx(wilson(30, 40))
    assert alone["npv_interval"] == pytest.approx(wilson(35, 45))
    patients = threshold_scores(own, positive, np.arange(80) // 5)
    assert patients["sensitivity"] == alone["sensitivity"] == .75
    assert patients["sensitivity_interval"] == pytest.approx(wilson(6, 8))
    nobody = threshold_scores(own, own & False, np.arange(80))
    assert np.isnan(nobody["ppv"]) and np.isnan(nobody["ppv_interval"]).all()


def test_the_interval_of_all_or_none_ends_at_1_or_0() -> None:
    own = np.repeat([True, False], [7, 9])
    sure = threshold_scores(own, own, np.arange(16) // 3)
    assert sure["sensitivity_interval"][1] == sure["specificity_interval"][1] == 1
    assert threshold_scores(own, ~own, np.arange(16) // 3)["sensitivity_interval"][0] == 0
