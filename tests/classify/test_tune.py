"""The search for settings of the trees."""
import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from classify.data.splits import Split
from classify.fitting.crossfit import cross_fit, final_model
from classify.fitting.fit_data import FitData
from classify.fitting.tune import RANGES, check_tune, tuned
from classify.settings import FitSettings
from featurize.errors import UserError

pytest.importorskip("optuna")
SETTINGS = FitSettings(library="lightgbm", jobs=1, rounds=60, tune=25)


def test_it_finds_settings_of_less_loss_begins_with_the_usual_ones_and_the_seed_decides() -> None:
    seen: list[FitSettings] = []

    def loss(tried: FitSettings) -> float:
        seen.append(tried)
        return float(abs(np.log(tried.learning_rate / .05)) + abs(tried.depth - 5))
    best = tuned(SETTINGS, loss)
    assert seen[0] == SETTINGS and len(seen) == SETTINGS.tune
    assert loss(best) == min(map(loss, seen[:SETTINGS.tune])) < loss(SETTINGS) and best.depth == 5
    assert all(low <= getattr(tried, name) <= high for tried in seen for name, (low, high) in RANGES.items())
    assert tuned(SETTINGS, loss) == best != tuned(replace(SETTINGS, seed=1), loss)
    assert (best.rounds, best.subsample, best.library) == (SETTINGS.rounds, SETTINGS.subsample, "lightgbm")


def test_every_fold_searches_inside_its_training_rows_and_the_saved_model_chooses_its_own_rounds() -> None:
    n, folds = 90, 3
    y = np.arange(n) % 2
    x = np.random.default_rng(0).normal(size=(n, 4)) + 2 * y[:, None]
    data = FitData(pd.DataFrame(x.astype(np.float32), columns=list("abcd")), y, .5)
    split = Split("folds", np.full(n, "fold", object), np.arange(n) // 2 % folds, np.arange(n) // 2, pd.DataFrame(),
                  pd.DataFrame())
    few = replace(SETTINGS, tune=3)
    crossed = cross_fit(data, split, few)
    assert np.isfinite(crossed.margins).all()
    # Other tested rows leave the model of a fold as it is.
    other = x.copy()
    other[split.fold == 0] = 9
    again = cross_fit(replace(data, x=pd.DataFrame(other.astype(np.float32), columns=list("abcd"))), split, few)
    assert crossed.models[0].booster.model_to_string() == again.models[0].booster.model_to_string()
    assert final_model(data, split, crossed, few).rounds >= 1


def test_a_number_of_trials_that_means_nothing_or_a_missing_library_is_one_line(
        monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--tune -1: a number of trials is wanted"):
        check_tune(-1)

    def missing(name: str) -> Any:
        raise ImportError(name)
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"--tune needs optuna: pip install -e .*tune"):
        check_tune(5)
    check_tune(0)
