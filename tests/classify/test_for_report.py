"""Numbers that stand on the page of a run and in none of its other files."""
from dataclasses import replace

import numpy as np
import pytest
from made_run import FEATURES, made_run

from classify.evaluate.for_report import concepts, reasons_of, report_numbers, scored_rows
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
            if reason.place is None:
                continue
            values = run.frame[reason.feature].to_numpy(float)
            for k, percentile in zip((wrong.truth, wrong.chosen), reason.place.percentiles):
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
    row = next(r for r in numbers.class_features.to_dict("records") if r["concept"].by_itself)
    k, at = CLASSES.index(row["class"]), FEATURES.index(row["feature"])
    value, contribution = run.frame[row["feature"]].to_numpy(float), run.explanation.contributions[:, k, at]
    known = np.isfinite(value)
    assert row["direction"] == pytest.approx(np.sign(np.corrcoef(value[known], contribution[known])[0, 1]), abs=1e-3)
    assert row["median"] == pytest.approx(np.nanmedian(value[run.task.y == k]))
    assert row["median_of_rest"] == pytest.approx(np.nanmedian(value[run.task.y != k]))


def test_each_class_names_measurements_first_then_sums_each_by_weight(run: RunResult, numbers: ReportNumbers) -> None:
    for k, (name, rows) in enumerate(numbers.class_features.groupby("class", sort=False)):
        values = run.explanation.contributions[:, k, :-1]
        weights = [np.abs(values[:, c.columns].sum(axis=1)).mean() for c in rows["concept"]]
        by_itself = [c.by_itself for c in rows["concept"]]
        assert name == CLASSES[k] and list(rows["weight"]) == pytest.approx(weights)
        assert by_itself == sorted(by_itself, reverse=True) and 0 < sum(by_itself) < len(by_itself)
        for part in (True, False):
            own = [w for w, alone in zip(weights, by_itself) if alone == part]
            assert own == sorted(own, reverse=True)


def test_the_reasons_of_a_prediction_are_its_whole_explanation(run: RunResult, numbers: ReportNumbers) -> None:
    for wrong in numbers.wrong:
        own = run.explanation.contributions[wrong.row, wrong.chosen, :-1]
        assert sum(r.contribution for r in wrong.reasons) == pytest.approx(own.sum(), abs=1e-4)
        kinds = [(r.concept is None, not (r.concept and r.concept.by_itself)) for r in wrong.reasons]
        assert kinds == sorted(kinds), "measurements, then sums, then the rest"


def test_what_a_reader_looks_for_first_is_shown_also_where_it_did_not_decide(run: RunResult, numbers: ReportNumbers
                                                                             ) -> None:
    lobes = FEATURES.index("nucleus_morphology_lobes")
    silent = run.explanation.contributions.copy()
    silent[:, :, [at for at, f in enumerate(FEATURES) if "morphology" in f]] = 0
    quiet = replace(run, explanation=replace(run.explanation, contributions=silent))
    wrong = numbers.wrong[0]
    first = reasons_of(quiet, concepts(run), wrong.row, (wrong.truth, wrong.chosen))[0]
    assert first.feature == FEATURES[lobes] and first.contribution == 0
    assert first.value == run.frame[first.feature].iloc[wrong.row] and first.place is not None


def test_columns_of_one_name_are_one_concept(run: RunResult) -> None:
    listed = concepts(run)
    assert sorted(np.concatenate([c.columns for c in listed])) == list(range(len(FEATURES)))
    color = next(c for c in listed if c.name == "color of the nucleus")
    assert [FEATURES[at] for at in color.columns] == ["nucleus_color_hue_mean", "nucleus_color_saturation_p90"]


def test_the_swarm_shows_measurements_by_themselves_and_then_sums_in_words(run: RunResult, numbers: ReportNumbers
                                                                           ) -> None:
    """No "fine texture of the nucleus · r1 uniform", which says nothing to a reader."""
    listed = {c.name: c for c in concepts(run)}
    kinds = [listed[feature.name].by_itself for feature in numbers.swarm]
    assert kinds == sorted(kinds, reverse=True) and {True, False} == set(kinds)
    chosen = run.predicted.probabilities[run.explanation.rows].argmax(axis=1)
    own = run.explanation.contributions[np.arange(90), chosen, :-1]
    for feature in numbers.swarm:
        columns = listed[feature.name].columns
        assert feature.columns == len(columns)
        np.testing.assert_allclose(feature.contribution, own[:, columns].sum(axis=1), atol=1e-6)
        assert np.isnan(feature.level).all() == (len(columns) > 1)
    sizes = [np.abs(feature.contribution).mean() for feature in numbers.swarm if listed[feature.name].by_itself]
    assert sizes == sorted(sizes, reverse=True)


def test_unlabelled_rows_count_in_no_number(run: RunResult) -> None:
    y = np.where(np.arange(90) % 2, run.task.y, -1)
    assert list(scored_rows(replace(run, task=replace(run.task, y=y))).rows) == list(range(1, 90, 2))
