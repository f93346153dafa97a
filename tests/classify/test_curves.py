"""Points of reliability curves, and what thresholds give, against counts by hand and scikit-learn."""
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from classify.evaluate.curves import operating_points, reliability_points, thinned, threshold_curve
from classify.evaluate.metrics import reliability


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
    points = operating_points(threshold_curve(positive, p), positive).set_index("name")
    used = p > .5
    assert points.loc["used", "sensitivity"] == used[positive].mean()
    assert points.loc["used", "specificity"] == (~used)[~positive].mean()
    assert points.loc["used", "precision"] == positive[used].mean()
    assert points.loc["used", "negative_precision"] == (~positive)[~used].mean()
    sums = [(p >= t)[positive].mean() + (p < t)[~positive].mean() for t in np.unique(p)]
    assert points.loc["youden", ["sensitivity", "specificity"]].sum() == pytest.approx(max(sums))
    sensitive = p >= points.loc["sensitive", "threshold"]
    stricter = p > points.loc["sensitive", "threshold"]
    assert sensitive[positive].mean() >= .95 > stricter[positive].mean()


def test_a_model_that_calls_nothing_positive_has_no_precision() -> None:
    positive = np.array([True, False, False])
    points = operating_points(threshold_curve(positive, np.array([.4, .2, .1])), positive).set_index("name")
    assert points.loc["used", "sensitivity"] == 0 and points["precision"].isna()["used"]
