"""Trees of every fold, where groups are few and where they are not."""
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from classify.data.folds import FEW_SPLIT_GROUPS
from classify.data.splits import Split
from classify.fitting import models
from classify.fitting.augment import Perturbations
from classify.fitting.contributions import contributions, linear_contributions
from classify.fitting.crossfit import FEW_GROUPS_COPIES, FEW_GROUPS_ROUNDS, cross_fit, final_model
from classify.fitting.fit_data import FitData
from classify.fitting.libraries import never
from classify.fitting.linear import LinearModel, linear_margin
from classify.fitting.rows import TrainingRows
from classify.settings import FitSettings

N, FOLDS = 72, 3
Y = np.arange(N) // 2 % 2
SETTINGS = FitSettings(library="auto", jobs=1, rounds=120)


@dataclass(frozen=True)
class Asked:
    """What one fit was asked for."""

    rows: int
    watched: bool
    settings: FitSettings
    started: bool


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    seen: list[Asked] = []
    original = models.fit

    def noted(rows: TrainingRows, valid: TrainingRows | None, settings: FitSettings,
              start: LinearModel | None = None, abandoned: Callable[[], bool] = never) -> models.Model:
        seen.append(Asked(len(rows.y), valid is not None, settings, start is not None))
        return original(rows, valid, settings, start, abandoned)
    monkeypatch.setattr(models, "fit", noted)
    return seen


def fit_data(perturbations: Perturbations | None = None) -> FitData:
    x = np.random.default_rng(0).normal(size=(N, 4)) + 2 * Y[:, None]
    return FitData(pd.DataFrame(x.astype(np.float32), columns=list("abcd")), Y, 0.5, perturbations)


def split_of(groups: int) -> Split:
    """Groups in turn over three folds: two thirds of them train each model."""
    split_group = np.arange(N) % groups
    return Split("folds", np.full(N, "fold", object), split_group % FOLDS, split_group, pd.DataFrame(), pd.DataFrame())


def test_the_linear_part_of_a_row_is_that_of_the_model_that_tested_it() -> None:
    data, rows = fit_data(), np.array([3, 7, 40])
    crossed = cross_fit(data, split_of(N), SETTINGS)
    linear = linear_contributions(data.x, rows, crossed)
    assert linear is not None
    for at, row in enumerate(rows):
        own = crossed.models[row % FOLDS]
        assert own.start is not None
        expected = linear_margin(own.start, data.x.iloc[[row]].to_numpy())
        np.testing.assert_allclose(linear[at].sum(axis=1), expected[0], atol=1e-5)
    trees = contributions(data.x, rows, crossed).sum(axis=2) - linear.sum(axis=2)
    np.testing.assert_allclose(linear.sum(axis=2) + trees, crossed.margins[rows], atol=1e-5)
    assert linear_contributions(data.x, rows, cross_fit(data, split_of(12), SETTINGS)) is None


def test_few_groups_are_fitted_once_with_half_the_learning_rate_and_ten_times_the_penalty(asked: list[Asked]) -> None:
    """12 groups: 8 of them train, fewer than FEW_SPLIT_GROUPS; nothing is kept back to choose the rounds by."""
    assert 8 < FEW_SPLIT_GROUPS
    crossed = cross_fit(fit_data(), split_of(12), SETTINGS, lambda: None)
    assert [a.rows for a in asked] == [48, 48, 48] and not any(a.watched for a in asked)
    for fit in asked:
        assert fit.settings == replace(
            SETTINGS, library="xgboost", rounds=FEW_GROUPS_ROUNDS, learning_rate=SETTINGS.learning_rate / 2,
            l2=SETTINGS.l2 * 10, columns=1.0, linear_start=False)
        assert not fit.started
    assert crossed.stopped_by_rows == 0 and [m.rounds for m in crossed.models] == [FEW_GROUPS_ROUNDS] * FOLDS
    assert crossed.curves["valid_loss"].isna().all() and len(crossed.curves) == FOLDS * FEW_GROUPS_ROUNDS
    assert np.isfinite(crossed.margins).all()


def test_enough_groups_keep_an_eighth_back_and_are_grown_again_as_asked(asked: list[Asked]) -> None:
    """36 groups: 24 of them train."""
    crossed = cross_fit(fit_data(), split_of(36), SETTINGS, lambda: None)
    assert [a.watched for a in asked] == [True, False] * FOLDS
    assert all(a.rows < 48 for a in asked if a.watched) and all(a.rows == 48 for a in asked if not a.watched)
    assert {(a.settings.learning_rate, a.settings.l2) for a in asked} == {(SETTINGS.learning_rate, SETTINGS.l2)}
    assert {a.settings.library for a in asked} == {"lightgbm"} and all(a.started for a in asked)
    assert crossed.curves["valid_loss"].notna().all()


@pytest.mark.slow
def test_the_final_model_of_few_groups_is_as_careful_and_of_many_is_not(asked: list[Asked]) -> None:
    for groups, part in ((12, 2), (36, 1)):
        split = split_of(groups)
        crossed = cross_fit(fit_data(), split, SETTINGS, lambda: None)
        final_model(fit_data(), split, crossed, SETTINGS)
        last = asked[-1]
        assert last.rows == N and not last.watched
        assert last.settings.learning_rate == SETTINGS.learning_rate / part
        assert last.settings.rounds == round(np.mean([m.rounds for m in crossed.models]))


def test_few_groups_get_more_perturbed_copies(asked: list[Asked]) -> None:
    perturbations = Perturbations(np.arange(N), np.full((N, 4), 0.1, np.float32))
    cross_fit(fit_data(perturbations), split_of(12), SETTINGS, lambda: None)
    assert [a.rows for a in asked] == [48 * (1 + FEW_GROUPS_COPIES)] * FOLDS


@pytest.mark.parametrize(("groups", "library"), [(12, "xgboost"), (36, "lightgbm")])
def test_few_training_groups_of_a_given_split_use_all_columns_too(
        asked: list[Asked], groups: int, library: str) -> None:
    """A third each trains, stops and is tested: 4 groups or 12."""
    drawn = split_of(groups)
    part = np.array(["train", "val", "test"], dtype=object)[drawn.fold]
    split = replace(drawn, kind="given", part=part, fold=np.where(part == "test", 0, -1))
    cross_fit(fit_data(), split, SETTINGS, lambda: None)
    fit, = asked
    assert fit.watched and fit.settings.library == library
    assert fit.started == (library == "lightgbm") and fit.settings.learning_rate == SETTINGS.learning_rate
