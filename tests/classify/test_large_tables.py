"""Tables whose rows are fitted where they lie."""
import threading
import time

import numpy as np
import pandas as pd
import pytest

from classify.fitting import large_tables, models
from classify.fitting.lightgbm_trees import _data_seed
from classify.fitting.rows import TrainingRows
from classify.settings import FitSettings

# LightGBM chooses its bins by 200,000 rows, drawn where there are more.
MANY = 200_500


def drawn(n: int, columns: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, columns)).astype(np.float32)
    x[rng.random(x.shape) < .05] = np.nan
    x[rng.random(x.shape) < .2] = 0
    y = (np.nan_to_num(x).sum(axis=1) + rng.normal(size=n) > 0).astype(np.int64)
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(columns)]), y


def test_rows_are_those_of_the_table_followed_by_copies() -> None:
    x, y = drawn(9, 2)
    chosen, copies = np.array([7, 2, 2]), np.ones((2, 2), np.float32)
    rows = TrainingRows(x, np.zeros(5, np.int64), np.ones(5), None, chosen, copies)
    whole = np.concatenate([x.to_numpy()[chosen], copies])
    np.testing.assert_array_equal(rows.values(), whole)
    assert rows.size == whole.size and rows.values().flags.c_contiguous
    for start in range(5):
        for stop in range(start, 6):
            np.testing.assert_array_equal(rows.values(start, stop), whole[start:stop])


@pytest.mark.parametrize(("n", "seed"), [(400, 0), (MANY, 0), (MANY, 70_001)])
def test_lightgbm_grows_the_trees_of_a_table_that_comes_whole(n: int, seed: int) -> None:
    """The expected losses are those of LightGBM itself, given the rows as one array."""
    lightgbm = pytest.importorskip("lightgbm")
    x, y = drawn(n + 300, 3)
    chosen, valid, weights = np.arange(300, n + 300), np.arange(300), np.linspace(.5, 1.5, n)
    settings = FitSettings(library="lightgbm", rounds=5, seed=seed, jobs=1, columns=1.0)
    model = models.fit(TrainingRows(x, y[chosen], weights, chosen=chosen),
                       TrainingRows(x, y[valid], np.ones(300), chosen=valid), settings)
    asked = {"num_threads": 1, "seed": seed, "deterministic": True, "force_row_wise": True, "learning_rate": .2,
             "max_depth": 3, "num_leaves": 8, "bagging_fraction": .7, "bagging_freq": 1, "feature_fraction": 1.0,
             "max_bin": 63, "min_sum_hessian_in_leaf": 1.0, "min_data_in_leaf": 1, "lambda_l2": 10.0, "verbosity": -1,
             "objective": "binary", "metric": "binary_logloss"}
    train = lightgbm.Dataset(x.to_numpy()[chosen], y[chosen], weight=weights, params=asked)
    tested = lightgbm.Dataset(x.to_numpy()[valid], y[valid], reference=train, params=asked)
    history: dict[str, dict[str, list[float]]] = {}
    lightgbm.train(asked, train, 5, [train, tested], ["train", "valid"],
                   callbacks=[lightgbm.record_evaluation(history)])
    wanted = [history[part]["binary_logloss"] for part in ("train", "valid")]
    np.testing.assert_array_equal(model.curve[:, :2].T, wanted)


def test_the_seed_of_the_bins_is_what_lightgbm_derives() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    x, y = drawn(50, 1)
    for seed in (0, 1, 12345):
        asked = {"seed": seed, "verbosity": -1, "num_threads": 1}
        trained = lightgbm.train(asked, lightgbm.Dataset(x.to_numpy(), y), 1)
        assert f"[data_random_seed: {_data_seed(seed)}]" in trained.model_to_string()


@pytest.mark.parametrize(("values", "most"), [(large_tables.LARGE_VALUES, 1), (large_tables.LARGE_VALUES - 1, 2)])
def test_only_folds_of_large_tables_take_turns(values: int, most: int) -> None:
    both, inside, seen = threading.Barrier(2), [0], []

    def work() -> None:
        both.wait()
        with large_tables.in_turn(values):
            inside[0] += 1
            time.sleep(.2)
            seen.append(inside[0])
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == most
