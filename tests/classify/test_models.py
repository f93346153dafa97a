"""Boosted trees and linear log-odds behind three functions."""
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.data.columns import matrix
from classify.data.tasks import encode
from classify.fitting import models, xgboost_trees
from classify.fitting.linear import fit_linear, linear_margin, standard_scores
from classify.fitting.models import (Model, check_device, class_weights, contributions, fit, from_bytes, leaves, margin,
                                     to_bytes)
from classify.fitting.rows import TrainingRows
from classify.settings import LIBRARIES, TREE_LIBRARIES, FitSettings
from featurize.errors import UserError


def data(classes: int) -> tuple[pd.DataFrame, np.ndarray]:
    frame, info = made_table((40,) * classes)
    return matrix(frame, info.features), encode(frame["label"])[1]


def fitted(library: str, classes: int, seed: int = 0, jobs: int = 1) -> tuple[Model, pd.DataFrame]:
    x, y = data(classes)
    valid = rows(x.iloc[::4].reset_index(drop=True), y[::4])
    settings = FitSettings(library=library, seed=seed, jobs=jobs, rounds=60, patience=8)
    return fit(rows(x, y), valid, settings), x


def rows(x: pd.DataFrame, y: np.ndarray) -> TrainingRows:
    return TrainingRows(x, y, class_weights(y, .5))


@pytest.fixture(scope="module", params=[(lib, k) for lib in LIBRARIES for k in (2, 3)], ids=str)
def model_and_x(request: pytest.FixtureRequest) -> tuple[Model, pd.DataFrame]:
    return fitted(*request.param)


def test_margins_have_one_column_for_binary_and_one_a_class_otherwise(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    assert margin(model, x).shape == (len(x), model.outputs) and model.outputs in (1, 3)


def test_contributions_add_up_to_the_margin(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    values = contributions(model, x)
    assert values.shape == (len(x), model.outputs, len(x.columns) + 1)
    # Both libraries sum in float32 or better: 1e-4 is a hundred times their rounding.
    np.testing.assert_allclose(values.sum(axis=2), margin(model, x), atol=1e-4)


def test_a_column_that_no_tree_uses_contributes_nothing(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    assert not contributions(model, x)[:, :, list(x.columns).index("cell_color_constant")].any()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_bytes_of_a_model_do_not_tell_how_many_threads_made_it(library: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "ONE_THREAD_VALUES", 0)
    one, other = (to_bytes(fitted(library, 3, jobs=jobs)[0]) for jobs in (1, 3))
    assert one == other


def test_bytes_bring_back_the_same_bits(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    loaded = from_bytes(to_bytes(model), model.library, model.features, model.outputs)
    assert loaded.rounds == model.rounds
    np.testing.assert_array_equal(margin(loaded, x), margin(model, x))
    np.testing.assert_array_equal(contributions(loaded, x), contributions(model, x))


def test_rounds_end_near_the_least_validation_loss(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, _ = model_and_x
    if model.library == "logistic":
        pytest.skip("there are no rounds")
    # A later round is better by less than the gain that counts, each of the eight rounds of patience.
    assert 0 <= model.curve[model.rounds - 1, 1] - model.curve[:, 1].min() < 8 * FitSettings().gain
    assert model.curve[0, 0] > model.curve[-1, 0]


def test_reordered_columns_are_refused(model_and_x: tuple[Model, pd.DataFrame]) -> None:
    model, x = model_and_x
    with pytest.raises(ValueError, match="differ from position 0 on"):
        margin(model, x[list(x.columns)[::-1]])
    with pytest.raises(ValueError, match="12 columns came, the model was fitted on 13"):
        contributions(model, x.iloc[:, :-1])


@pytest.mark.parametrize("library", TREE_LIBRARIES)
def test_the_same_seed_gives_the_same_bits(library: str) -> None:
    (a, x), (b, _), (c, _) = fitted(library, 3), fitted(library, 3, jobs=2), fitted(library, 3, seed=1)
    np.testing.assert_array_equal(margin(a, x), margin(b, x))
    assert (margin(a, x) != margin(c, x)).any()


@pytest.mark.parametrize("library", LIBRARIES)
def test_missing_values_need_no_care(library: str) -> None:
    model, x = fitted(library, 2)
    empty = pd.DataFrame(np.full((3, len(x.columns)), np.nan, np.float32), columns=x.columns)
    assert np.isfinite(margin(model, empty)).all() and np.isfinite(contributions(model, empty)).all()


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_in_the_same_leaves_have_the_same_margin(library: str) -> None:
    model, x = fitted(library, 3)
    found = leaves(model, x, np.arange(model.rounds * 3))
    assert found.shape == (len(x), model.rounds * 3) and (model.rounds > 0) == (library != "logistic")
    if library == "logistic":
        return
    _, first, code = np.unique(found, axis=0, return_index=True, return_inverse=True)
    assert 10 < len(first)
    np.testing.assert_allclose(margin(model, x), margin(model, x)[first][code], atol=1e-5)
    some = np.array([5, 0])
    np.testing.assert_array_equal(leaves(model, x.iloc[:7], some), found[:7, some])


@pytest.mark.parametrize("library", TREE_LIBRARIES)
@pytest.mark.parametrize("classes", [2, 3])
def test_trees_with_a_start_are_a_sum_of_both_parts(library: str, classes: int) -> None:
    """Margins, contributions and bytes hold the start; the trees learn what it leaves."""
    x, y = data(classes)
    plain = rows(x, y)
    start = fit_linear(standard_scores(x.to_numpy()), y, plain.weights, .1)
    begun = replace(plain, start=linear_margin(start, x.to_numpy()))
    model = fit(begun, None, FitSettings(library=library, rounds=10, jobs=1), start)
    trees = replace(model, start=None)
    assert margin(trees, x).std() > 0
    np.testing.assert_allclose(margin(model, x), margin(trees, x) + begun.start, atol=1e-6)
    np.testing.assert_allclose(contributions(model, x).sum(axis=2), margin(model, x), atol=1e-4)
    loaded = from_bytes(to_bytes(model), library, model.features, model.outputs)
    np.testing.assert_array_equal(margin(loaded, x), margin(model, x))
    other = fit(plain, None, FitSettings(library=library, rounds=10, jobs=1))
    assert not np.allclose(margin(trees, x), margin(other, x), atol=.1)


def test_balanced_weights_give_every_class_the_same_sum() -> None:
    y = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(class_weights(y, 1), [2 / 3, 2 / 3, 2 / 3, 2])
    np.testing.assert_allclose(class_weights(y, 0), 1)


def test_cuda_is_refused_in_one_line_where_there_is_none() -> None:
    import xgboost
    if xgboost.build_info().get("USE_CUDA"):
        pytest.skip("this xgboost may find a GPU")
    x, y = data(2)
    with pytest.raises(UserError, match="--device cuda: the installed xgboost has no CUDA"):
        fit(rows(x, y), None, FitSettings(device="cuda"))
    with pytest.raises(UserError, match="works with --model xgboost only"):
        fit(rows(x, y), None, FitSettings(library="lightgbm", device="cuda"))


def test_a_machine_without_a_gpu_is_told_in_one_line_also_where_xgboost_has_cuda(monkeypatch: pytest.MonkeyPatch,
                                                                                 capfd: Any) -> None:
    """The probe once ended in xgboost's own "0 feature is supplied"."""
    import xgboost
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    try:
        check_device("auto", "cuda")
    except UserError as error:
        assert str(error) == "--device cuda: no GPU was found; choose --device cpu"
    assert capfd.readouterr() == ("", "")


def test_rows_for_a_gpu_are_predicted_as_those_for_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = fitted("xgboost", 3)
    expected = margin(model, x)
    monkeypatch.setattr(xgboost_trees, "_is_on_gpu", lambda booster: True)
    np.testing.assert_array_equal(margin(model, x), expected)


@pytest.mark.parametrize(("library", "device", "line"), [
    ("auto", "gpu", "--device gpu is unknown: choose cpu or cuda"),
    ("lightgbm", "cuda", "--device cuda works with xgboost only, and the model is of lightgbm"),
    ("logistic", "cuda", "--device cuda works with xgboost only, and the model is of logistic")])
def test_a_device_that_a_model_cannot_use_is_refused(library: str, device: str, line: str) -> None:
    with pytest.raises(UserError, match=line):
        check_device(library, device)
    if library != "auto":
        model, _ = fitted(library, 2)
        with pytest.raises(UserError, match=line):
            from_bytes(to_bytes(model), library, model.features, model.outputs, device=device)


def test_an_unknown_library_is_refused() -> None:
    x, y = data(2)
    with pytest.raises(UserError, match="--model forest is unknown: choose xgboost, lightgbm, logistic"):
        fit(rows(x, y), None, FitSettings(library="forest"))
