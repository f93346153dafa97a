"""Which predictions a person should look at, and why."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from classify.predictions import ModelPredictions
from classify.review import (FEWEST_IMAGES, REASONS, Limit, ReviewRule, batch_line, count_reasons, fit_rule, in_words,
                             review_reasons, review_summary)

N = 4
LIMITS = (Limit("several cells", "image_quality_other_nuclei", 1, (0., 1., 1.)),
          Limit("cut", "image_quality_cut_rim", 1, (.02, .02, .02)),
          Limit("off centre", "image_quality_offset", 1, (.1, .1, .1)),
          Limit("nothing found", "image_quality_found", -1, (-1., -1., -1.)))
RULE = ReviewRule(limits=LIMITS)


@pytest.fixture
def predictions() -> ModelPredictions:
    """Four rows that nobody needs to look at."""
    p = np.tile([.1, .8, .1], (N, 1))
    return ModelPredictions(margins=np.log(p), p=p, sets=p > .5, empty=np.zeros(N, bool), novelty=np.full(N, .95),
                            distances=np.ones((N, 1)), neighbours=np.zeros((N, 1), np.int64))


@pytest.fixture
def frame() -> pd.DataFrame:
    """One whole cell in the middle of each picture; of a kind that one more nucleus is usual for."""
    return pd.DataFrame({"image_quality_other_nuclei": [1.] * N, "image_quality_cut_rim": [0.] * N,
                         "image_quality_offset": [.03] * N, "image_quality_found": [1.] * N})


def changed(values: np.ndarray, value: object) -> np.ndarray:
    out = values.copy()
    out[2] = value
    return out


def words(predictions: ModelPredictions, frame: pd.DataFrame, rule: ReviewRule = RULE) -> list[str]:
    return in_words(review_reasons(rule, predictions, frame))


def test_a_certain_prediction_of_one_class_like_the_training_images_needs_no_review(
        predictions: ModelPredictions, frame: pd.DataFrame) -> None:
    assert words(predictions, frame) == [""] * N


def test_each_doubt_of_the_model_alone_calls_for_review(predictions: ModelPredictions, frame: pd.DataFrame) -> None:
    for reason, other in (
            ("set", replace(predictions, sets=changed(predictions.sets, [True, True, False]))),
            ("set", replace(predictions, empty=changed(predictions.empty, True))),
            ("novel", replace(predictions, novelty=changed(predictions.novelty, .951))),
            ("unsure", replace(predictions, p=changed(predictions.p, [.3, .49, .21])))):
        assert words(other, frame) == ["", "", reason, ""]


@pytest.mark.parametrize(("reason", "column", "value"), [
    ("several cells", "other_nuclei", 2), ("cut", "cut_rim", .03), ("off centre", "offset", .2),
    ("nothing found", "found", 0)])
def test_each_fault_of_the_picture_alone_calls_for_review(
        reason: str, column: str, value: float, predictions: ModelPredictions, frame: pd.DataFrame) -> None:
    frame.loc[2, f"image_quality_{column}"] = value
    assert words(predictions, frame) == ["", "", reason, ""]


def test_the_limit_is_that_of_the_predicted_class(predictions: ModelPredictions, frame: pd.DataFrame) -> None:
    """Of class 0 one more nucleus is unusual, of class 1 it is not."""
    other = replace(predictions, p=changed(predictions.p, [.8, .1, .1]),
                    sets=changed(predictions.sets, [True, False, False]))
    assert words(other, frame) == ["", "", "several cells", ""]


def test_several_reasons_are_joined_in_the_order_of_the_words(
        predictions: ModelPredictions, frame: pd.DataFrame) -> None:
    frame.loc[2, ["image_quality_found", "image_quality_offset"]] = [0, np.nan]
    other = replace(predictions, novelty=changed(predictions.novelty, 1.), p=changed(predictions.p, [.3, .4, .3]))
    found = words(other, frame)
    assert found[2] == "novel|nothing found|unsure"
    assert count_reasons(pd.Series(found)) == {name: int(name in found[2].split("|")) for name in REASONS}


def test_a_table_without_the_columns_and_a_rule_without_sets_lose_only_these_reasons(
        predictions: ModelPredictions) -> None:
    other = replace(predictions, sets=changed(predictions.sets, True), novelty=changed(predictions.novelty, 1.))
    assert words(other, pd.DataFrame(index=range(N)), replace(RULE, by_set=False)) == ["", "", "novel", ""]


def test_limits_are_the_99th_percentiles_at_home_of_each_class_with_enough_images() -> None:
    """Class 0: 0..199, class 1: too few images, so the percentile of all; offsets of both are below a tenth."""
    y = np.repeat([0, 1], [200, FEWEST_IMAGES - 1])
    nuclei = np.r_[np.arange(200), np.full(FEWEST_IMAGES - 1, 1000.)]
    frame = pd.DataFrame({"image_quality_other_nuclei": nuclei, "image_quality_offset": .01, "image_quality_found": 1.})
    rule = fit_rule(frame, y, np.arange(len(y)), 2)
    assert [(limit.reason, limit.above) for limit in rule.limits] == [
        ("several cells", (198., 1000.)), ("off centre", (.1, .1)), ("nothing found", (-1., -1.))]
    assert ReviewRule.from_dict(rule.to_dict()) == rule


def test_pictures_in_which_nothing_is_found_are_usual_where_they_were_at_home() -> None:
    frame = pd.DataFrame({"image_quality_found": np.r_[np.zeros(5), np.ones(195)]})
    limit, = fit_rule(frame, np.zeros(200, np.int64), np.arange(200), 1).limits
    assert limit.above == (0.,), "no value of -1 x found lies above 0"


def test_at_most_one_in_a_hundred_at_home_is_beyond_a_limit() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"image_quality_offset": rng.gamma(2, .1, 1000), "image_quality_cut_rim": 0.})
    rule = fit_rule(frame, np.arange(1000) % 2, np.arange(1000), 2)
    p = np.eye(2)[np.arange(1000) % 2]
    sure = ModelPredictions(p, p, p > .5, np.zeros(1000, bool), np.zeros(1000), p, p.astype(np.int64))
    assert 0 < review_reasons(rule, sure, frame).any(axis=1).mean() <= .01


@pytest.mark.parametrize(("median", "n", "line"), [
    (.96, 40, "unlike the training images: their median novelty is 0.96"), (.02, 40, "very like the training images"),
    (.55, 4000, ""), (.96, 9, ""), (.75, 12, "")])
def test_a_batch_with_an_unusual_median_is_told(median: float, n: int, line: str) -> None:
    found = batch_line(np.full(n, median))
    assert line in found and bool(found) == bool(line)


def test_a_batch_like_the_training_images_is_seldom_told() -> None:
    rng = np.random.default_rng(0)
    assert sum(bool(batch_line(rng.random(n))) for n in (10, 15, 20, 60) for _ in range(200)) <= 8


def test_the_summary_says_what_review_costs_and_what_it_leaves() -> None:
    """Of 5 rows 2 are for review, one of them for two reasons; of 2 errors 1 is found, 1 of the 3 others is wrong."""
    words = pd.Series(["set|novel", "", "", "unsure", ""])
    found = review_summary(words, np.array([False, False, True, True, True]))
    assert found["by_reason"] == {name: .2 if name in ("set", "novel", "unsure") else 0 for name in REASONS}
    assert found["errors_kept"] == pytest.approx(1 / 3) and found["errors_found"] == .5
    assert np.isnan(review_summary(words, np.ones(5, bool))["errors_found"])
