"""The scikit-learn classifier: its contract, and the same numbers as `classify`."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from classify.bundle import Bundle
from classify.data.columns import matrix
from classify.estimator import CalibratedTrees
from classify.predict import apply_bundle
from classify.settings import TrainSettings
from classify.train import train

QUICK: dict[str, Any] = {"rounds": 12, "folds": 2, "calibration": "temperature"}


def _x_y(counts: tuple[int, ...], seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    frame, info = made_table(counts, seed=seed)
    return matrix(frame, info.features), frame["label"].to_numpy(), frame


@pytest.mark.slow
# Some checks fit classes of a single row, which the estimator rightly warns of.
@pytest.mark.filterwarnings("ignore:a class has one row:UserWarning")
@parametrize_with_checks([CalibratedTrees(**QUICK)])
def test_scikit_learn_finds_no_fault(estimator: CalibratedTrees, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("check", [checks.check_estimators_pickle, checks.check_fit_idempotent,
                                   checks.check_fit2d_1feature], ids=lambda c: c.__name__)
def test_scikit_learn_finds_no_fault_in_short(check: Any, library: str) -> None:
    check("CalibratedTrees", CalibratedTrees(library=library, **QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("check", [checks.check_classifiers_classes, checks.check_estimators_dtypes],
                         ids=lambda c: c.__name__)
def test_scikit_learn_finds_no_fault_with_lightgbm(check: Any) -> None:
    check("CalibratedTrees", CalibratedTrees(library="lightgbm", **QUICK))


@pytest.mark.slow
def test_it_is_the_model_that_classify_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, info = made_table((40, 50, 60))
    kept: list[Bundle] = []
    monkeypatch.setattr("classify.train.write_run", lambda result, bundle: kept.append(bundle))
    with threadpool_limits(1):
        train(frame, info, tmp_path / "run", TrainSettings(folds=3, seed=4, resamples=10, rounds=60))
    bundle, = kept
    x = matrix(frame, bundle.model.features)
    said = apply_bundle(bundle, x)
    trees = CalibratedTrees(folds=3, random_state=4, rounds=60).fit(x, frame["label"], groups=frame["group"])
    np.testing.assert_array_equal(trees.predict_proba(x), said.p)
    np.testing.assert_array_equal(trees.predict_set(x), said.sets)
    assert trees.classes_.tolist() == list(bundle.classes)


def test_contributions_add_up_to_the_log_odds_of_the_probability() -> None:
    x, y, _ = _x_y((60, 60))
    trees = CalibratedTrees(calibration="none", rounds=12, folds=2).fit(x, y)
    p = trees.predict_proba(x)[:, 1]
    values = trees.contributions(x)
    assert values.shape == (120, 1, x.shape[1] + 1)
    np.testing.assert_allclose(values.sum(axis=2)[:, 0], np.log(p / (1 - p)), atol=1e-4)


@pytest.mark.slow
def test_prediction_sets_hold_every_class_of_new_rows_at_the_promised_rate() -> None:
    x, y, _ = _x_y((500, 500))
    trees = CalibratedTrees(alpha=0.1, rounds=20, folds=2, calibration="none").fit(x[:500], y[:500])
    sets, truth = trees.predict_set(x[500:]), np.searchsorted(trees.classes_, y[500:])
    covered = sets[np.arange(500), truth]
    # The standard error of a rate of 0.9 of 250 rows is 0.019, and as large for the level set by 250 calibrating rows.
    assert all(0.83 < covered[truth == c].mean() < 0.97 for c in (0, 1))
    assert sets.sum(axis=1).min() >= 1 and sets.sum(axis=1).max() == 2


@pytest.mark.slow
def test_groups_stay_together() -> None:
    """Rows of a group are copies of each other under a random label: only leaking folds could predict them."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    x, y = rng.normal(size=(40, 6))[groups], rng.permutation(np.arange(40) % 2)[groups]
    apart = CalibratedTrees(calibration="temperature", rounds=30).fit(x, y, groups=groups)
    leaking = CalibratedTrees(calibration="temperature", rounds=30).fit(x, y)
    assert leaking.calibration_.temperature < 1 < apart.calibration_.temperature
    assert apart.predict_set(x).all(axis=1).mean() > 0.5 > leaking.predict_set(x).all(axis=1).mean()


def test_groups_that_hold_a_class_alone_are_never_held_out() -> None:
    x, y, _ = _x_y((20, 20))
    with pytest.warns(UserWarning, match="one group only"):
        trees = CalibratedTrees(**QUICK).fit(x, y, groups=y)
    assert trees.calibration_.method == "none" and trees.predict_set(x).all()


@pytest.mark.slow
def test_it_works_in_a_pipeline_and_in_cross_val_predict() -> None:
    x, y, frame = _x_y((40, 40, 40))
    pipeline = make_pipeline(StandardScaler(), CalibratedTrees(**QUICK))
    params = {"calibratedtrees__groups": frame["group"].to_numpy()}
    p = cross_val_predict(pipeline, x.fillna(0), y, cv=3, method="predict_proba", params=params)
    assert p.shape == (120, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (np.unique(y)[p.argmax(axis=1)] == y).mean() > 0.6


@pytest.mark.slow
def test_a_random_state_object_is_drawn_from() -> None:
    x, y, _ = _x_y((40, 40))
    a, b = (CalibratedTrees(random_state=np.random.RandomState(3), **QUICK).fit(x, y) for _ in range(2))
    c = clone(a).set_params(random_state=np.random.RandomState(5)).fit(x, y)
    assert (a.predict_proba(x) == b.predict_proba(x)).all() and (a.predict_proba(x) != c.predict_proba(x)).any()


@pytest.mark.parametrize(("wrong", "words"), [
    ({"calibration": "platt"}, "calibration 'platt' is unknown: choose auto, none"), ({"alpha": 0.5}, "alpha 0.5"),
    ({"folds": 1}, "folds 1"), ({"rounds": 0}, "rounds 0")])
def test_a_wrong_parameter_is_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    x, y, _ = _x_y((20, 20))
    with pytest.raises(ValueError, match=words):
        CalibratedTrees(**wrong).fit(x, y)


def test_groups_of_another_length_are_refused() -> None:
    x, y, _ = _x_y((20, 20))
    with pytest.raises(ValueError, match="3 groups came with 40 rows"):
        CalibratedTrees(**QUICK).fit(x, y, groups=[1, 2, 3])
