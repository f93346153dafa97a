"""Ordered stages: scores that know distances, sets without gaps, thresholds of older models, training to audit."""
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from classify.audit.run import audit
from classify.bundle import load_bundle, save_bundle
from classify.data.columns import matrix
from classify.estimator import CalibratedTrees
from classify.evaluate import metrics
from classify.fitting.models import Model, contributions, from_bytes, leaves, margin, to_bytes
from classify.fitting.stages import scores_of_stages
from classify.predict import predict
from classify.result import RunResult
from classify.run_folder import RUN_FOLDER
from classify.settings import TrainSettings
from classify.train import train
from classify.uncertainty.conformal import runs_of_stages
from featurize.table import TableInfo, read_table

# Not the alphabetical order.
ORDER = ("bee", "ant", "dog", "cat")
QUICK = TrainSettings(order=ORDER, folds=2, resamples=30, jobs=1, rounds=40, model="lightgbm",
                      calibration="temperature")
OLDER = ("model_v2_ordinal", "model_v3_ordinal")


@pytest.fixture(scope="module", params=OLDER)
def model_and_x(request: pytest.FixtureRequest) -> tuple[Model, pd.DataFrame]:
    """A model of format 2 or 3, which has a binary model for each threshold."""
    folder = Path(__file__).parents[1] / "golden" / request.param
    frame, info = read_table(folder / "table.parquet")
    model = load_bundle(folder).model
    return model, matrix(frame, info.features)[list(model.features)]


@pytest.fixture(scope="module")
def stages_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    frame, info = made_table((30,) * 4, features=4)
    return train(frame, info, tmp_path_factory.mktemp("stages") / "run", QUICK)


def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((5, 5, 5, 5), features=4, seed=7)


def test_differences_of_neighboring_scores_are_the_log_odds_of_their_threshold() -> None:
    log_odds = np.random.default_rng(0).normal(size=(9, 3))
    scores = scores_of_stages(log_odds)
    np.testing.assert_allclose(np.diff(scores, axis=1), log_odds)
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-12)


def test_log_odds_that_contradict_each_other_still_give_at_least_probabilities_that_fall() -> None:
    p = softmax(scores_of_stages(np.array([[-2.0, 3.0, -1.0]])), axis=1)
    at_least = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    assert (np.diff(at_least, axis=1) < 0).all() and at_least[0, 0] == pytest.approx(1)


def test_contributions_of_thresholds_add_up(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    assert (len(model.thresholds), model.outputs, margin(model, x).shape) == (2, 3, (len(x), 3))
    values = contributions(model, x)
    np.testing.assert_allclose(values.sum(axis=2), margin(model, x), atol=1e-4)
    # Every stage has contributions, the lowest one too.
    assert np.abs(values[:, :, :-1]).max(axis=(0, 2)).min() > .1


def test_bytes_bring_back_all_thresholds(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    loaded = from_bytes(to_bytes(model), model.library, model.features, model.outputs)
    assert (loaded.rounds, loaded.trees_per_round) == (model.rounds, 2)
    np.testing.assert_array_equal(margin(loaded, x), margin(model, x))


def test_leaves_of_thresholds_stand_round_by_round(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    found = leaves(model, x, np.arange(2 * model.rounds))
    for stage, threshold in enumerate(model.thresholds):
        np.testing.assert_array_equal(found[:, stage::2], leaves(threshold, x, np.arange(threshold.rounds)))


def test_kappa_and_stage_error_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 4, 60), rng.dirichlet(np.ones(4), 60)
    found, guess = metrics.scores(y, p, ordered=True), p.argmax(axis=1)
    assert found["qwk"][0] == pytest.approx(cohen_kappa_score(y, guess, weights="quadratic"))
    assert found["mae"][0] == pytest.approx(mean_absolute_error(y, guess))
    apart = np.abs(y - guess)
    assert found["adjacent_error_share"][0] == pytest.approx((apart == 1).sum() / (apart > 0).sum())
    assert not {"qwk", "mae", "adjacent_error_share"} & set(metrics.scores(y, p))


def test_a_stage_error_of_weighted_rows_is_that_of_repeated_ones() -> None:
    rng = np.random.default_rng(1)
    y, p, counts = rng.integers(0, 3, 20), rng.dirichlet(np.ones(3), 20), rng.integers(0, 4, 20)
    weighted = metrics.scores(y, p, weights=counts[None].astype(float), ordered=True)
    repeated = metrics.scores(np.repeat(y, counts), np.repeat(p, counts, axis=0), ordered=True)
    for name in ("qwk", "mae", "adjacent_error_share"):
        assert weighted[name][0] == pytest.approx(repeated[name][0])


def test_reliability_of_stages_is_that_of_at_least_this_stage() -> None:
    y, p = np.array([0, 1, 2, 2]), np.array([[.8, .1, .1], [.2, .2, .6], [.1, .1, .8], [.1, .2, .7]])
    curves = metrics.reliability(y, p, ("low", "mid", "high"), ordered=True)
    assert list(dict.fromkeys(curves["class"])) == ["", "mid", "high"]
    own = curves[curves["class"] == "mid"]
    assert (own["n"] * own["confidence"]).sum() == pytest.approx(2.8) and (own["n"] * own["frequency"]).sum() == 3


def test_a_gap_of_a_set_is_filled_and_nothing_else() -> None:
    sets = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1]], bool)
    assert runs_of_stages(sets).astype(int).tolist() == [[1, 1, 1, 1], [0, 1, 0, 0], [0, 1, 1, 1]]


@pytest.mark.slow
def test_a_run_of_stages_says_its_own_scores(stages_run: RunResult) -> None:
    found = stages_run.scores.metrics
    assert found["task"] == "ordinal" and found["classes"] == list(ORDER)
    for name in ("qwk", "mae", "adjacent_error_share"):
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert "mae" in found["baselines"]["majority"]
    assert "quadratic kappa" in stages_run.sentence


def test_sets_of_a_run_have_no_gap(stages_run: RunResult) -> None:
    assert (np.abs(np.diff(stages_run.predicted.sets.astype(int), axis=1)).sum(axis=1) <= 2).all()
    np.testing.assert_array_equal(runs_of_stages(stages_run.predicted.sets), stages_run.predicted.sets)


def test_the_report_of_a_run_speaks_of_stages(stages_run: RunResult) -> None:
    page = (stages_run.out / "report.html").read_text(encoding="utf-8")
    assert "Quadratic kappa" in page and "each stage or a higher one" in page and "--order bee,ant,dog,cat" in page


def test_a_model_of_stages_has_the_files_of_any_model(stages_run: RunResult) -> None:
    names = {path.name for path in (stages_run.out / "model").iterdir()}
    assert names == {"manifest.json", "arrays.npz", "trees.txt", "start.json"}


def test_a_new_run_leaves_no_thresholds_of_an_older_model_behind(stages_run: RunResult, tmp_path: Path) -> None:
    older = Path(__file__).parents[1] / "golden" / "model_v3_ordinal"
    shutil.copytree(older / "model", tmp_path / "model")
    assert all(RUN_FOLDER.owns(f"model/{path.name}") for path in (tmp_path / "model").iterdir())
    assert not RUN_FOLDER.owns("model/trees_x.txt")
    save_bundle(load_bundle(stages_run.out), tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"manifest.json", "arrays.npz", "trees.txt",
                                                                      "start.json"}


@pytest.mark.slow
def test_predict_and_audit_know_stages(stages_run: RunResult, tmp_path: Path) -> None:
    frame, info = table()
    bundle = load_bundle(stages_run.out)
    found = predict(bundle, frame, info, explain=True)
    positions = [[ORDER.index(name) for name in text.split("|")] for text in found["prediction_set"]]
    assert all(at == list(range(at[0], at[0] + len(at))) for at in positions)
    lowest = found[found["predicted"] == ORDER[0]]
    assert len(lowest) and not lowest["because_1"].str.contains(r"\(\+0\.00\)").any()
    judged = audit(stages_run.out, frame, info, tmp_path / "audit.html").judged
    assert judged is not None and judged.metrics["qwk"] <= 1
    assert "Quadratic kappa" in (tmp_path / "audit.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_estimator_takes_an_order_and_keeps_its_columns() -> None:
    frame, info = made_table((30,) * 4, features=4)
    x, y = matrix(frame, info.features), frame["label"].to_numpy()
    trees = CalibratedTrees(order=ORDER, rounds=12, folds=2, calibration="none").fit(x, y)
    assert trees.classes_.tolist() == sorted(ORDER)
    p, sets = trees.predict_proba(x), trees.predict_set(x)
    assert (trees.predict(x) == y).mean() > .6
    np.testing.assert_array_equal(trees.predict(x), trees.classes_[p.argmax(axis=1)])
    in_order = sets[:, [sorted(ORDER).index(name) for name in ORDER]]
    np.testing.assert_array_equal(runs_of_stages(in_order), in_order)
    scores = trees.contributions(x).sum(axis=2)
    np.testing.assert_allclose(softmax(scores, axis=1), p, atol=1e-5)
    with pytest.raises(ValueError, match="all labels are wanted, each once"):
        CalibratedTrees(order=ORDER[:3]).fit(x, y)
