"""Numbers that stand on the page of a run and in none of its other files."""
from dataclasses import replace

import numpy as np
import pytest
from made_run import FEATURES, made_run

from classify.evaluate.for_report import report_numbers, scored_rows
from classify.report_numbers import ReportNumbers
from classify.result import RunResult

CLASSES = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return made_run(tmp_path_factory.mktemp("images"), CLASSES, n=90, noise=4, pictures=False)


@pytest.fixture(scope="module")
def numbers(run: RunResult) -> ReportNumbers:
    return report_numbers(run)


def test_wrong_predictions_are_the_surest_errors_in_order(run: RunResult, numbers: ReportNumbers) -> None:
    p, y = run.predicted.probabilities, run.task.y
    wrong = [row for row in np.argsort(-p.max(axis=1), kind="stable") if p[row].argmax() != y[row]]
    assert len(wrong) > 8 and [w.row for w in numbers.wrong] == wrong[:8]
    assert all((w.truth, w.chosen) == (y[w.row], p[w.row].argmax()) for w in numbers.wrong)


def test_a_value_is_placed_among_the_images_of_the_true_and_the_predicted_class(run: RunResult, numbers: ReportNumbers
                                                                                ) -> None:
    """A percentile is the share of the others that lie below, 1 to 99 inside their range; no value occurs twice."""
    for wrong in numbers.wrong:
        for reason in wrong.reasons:
            values = run.frame[reason.feature].to_numpy(float)
            for k, percentile in zip((wrong.truth, wrong.chosen), reason.place.percentiles if reason.place else ()):
                others = values[(run.task.y == k) & (np.arange(90) != wrong.row) & np.isfinite(values)]
                below = 100 * (others < reason.value).mean()
                outside = reason.value < others.min() or reason.value > others.max()
                assert percentile == (below if outside else np.clip(round(below), 1, 99))


def test_typical_images_are_right_and_none_of_their_class_is_surer(numbers: ReportNumbers) -> None:
    scored = numbers.scored
    assert set(numbers.typical) == {0, 1, 2}
    for k, at in numbers.typical.items():
        right = scored.right & (scored.truth == k)
        assert right[at].all() and len(at) == min(4, right.sum()) > 0
        rest = np.setdiff1d(np.flatnonzero(right), at)
        assert scored.confidence[at].min() >= scored.confidence[rest].max(initial=0) - 5e-4


def test_the_direction_of_a_feature_is_the_rank_correlation_of_value_and_contribution(run: RunResult,
                                                                                      numbers: ReportNumbers) -> None:
    """In a linear model a contribution is weight times value: the correlation is the sign of the weight."""
    row = next(r for r in numbers.class_features.to_dict("records") if run.frame[r["feature"]].notna().all())
    k, at = CLASSES.index(row["class"]), FEATURES.index(row["feature"])
    value, contribution = run.frame[row["feature"]].to_numpy(float), run.explanation.contributions[:, k, at]
    assert row["direction"] == pytest.approx(np.sign(np.corrcoef(value, contribution)[0, 1]), abs=1e-3)
    assert row["median"] == pytest.approx(np.median(value[run.task.y == k]))
    assert row["median_of_rest"] == pytest.approx(np.median(value[run.task.y != k]))


def test_each_class_names_its_strongest_features_first(run: RunResult, numbers: ReportNumbers) -> None:
    for k, (name, rows) in enumerate(numbers.class_features.groupby("class", sort=False)):
        mean = np.abs(run.explanation.contributions[:, k, :-1]).mean(axis=0)
        assert name == CLASSES[k] and list(rows["feature"]) == [FEATURES[j] for j in np.argsort(-mean)[:5]]


def test_unlabelled_rows_count_in_no_number(run: RunResult) -> None:
    y = np.where(np.arange(90) % 2, run.task.y, -1)
    assert list(scored_rows(replace(run, task=replace(run.task, y=y))).rows) == list(range(1, 90, 2))
