"""Sums of contributions."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from classify.data.tasks import Task
from classify.evaluate.explain import MOST_ROWS, Contributions, explain, reasons, rows_to_explain, to_predicted

COLUMNS = ["nucleus_color_hue", "nucleus_texture_lbp", "cell_color_hue"]


@pytest.fixture()
def values() -> np.ndarray:
    """Four rows, three classes, three features and the base."""
    return np.random.default_rng(0).normal(size=(4, 3, 4)).astype(np.float32)


def test_families_and_regions_are_sums_over_their_features(values: np.ndarray) -> None:
    task = Task("multiclass", ("a", "b", "c"), np.array([0, 1, 2, 0]))
    x = pd.DataFrame(np.arange(12, dtype=np.float32).reshape(4, 3), columns=COLUMNS)
    found = explain(Contributions(np.arange(4), values, x.to_numpy(), COLUMNS, np.array([0, 1, 1, 2])), task,
                    ["color", "texture"])
    color = np.abs(values[:, :, 0] + values[:, :, 2]).mean(axis=0)
    nucleus = np.abs(values[:, :, 0] + values[:, :, 1]).mean(axis=0)
    row = found.families.set_index("family").loc["color"]
    np.testing.assert_allclose(row[["a", "b", "c"]].to_numpy(float), color, rtol=1e-5)
    assert row["importance"] == pytest.approx(color.mean(), rel=1e-5)
    assert found.regions.set_index("region").at["nucleus", "importance"] == pytest.approx(nucleus.mean(), rel=1e-5)
    assert list(found.features["importance"]) == sorted(found.features["importance"], reverse=True)
    first = found.features.set_index("feature").loc["nucleus_texture_lbp"]
    assert (first["family"], first["region"]) == ("texture", "nucleus")
    assert first["b"] == pytest.approx(np.abs(values[:, 1, 1]).mean(), rel=1e-5)


def test_the_linear_part_and_the_trees_are_told_apart(values: np.ndarray) -> None:
    task = Task("multiclass", ("a", "b", "c"), np.array([0, 1, 2, 0]))
    x, linear = np.zeros((4, 3), np.float32), np.random.default_rng(1).normal(size=(4, 3, 4)).astype(np.float32)
    one = Contributions(np.arange(4), values, x, COLUMNS, np.array([0, 1, 1, 2]))
    found = explain(replace(one, linear=linear), task, ["color", "texture"])
    share = found.parts.set_index("part")
    trees = np.abs((values - linear)[:, :, :3].sum(axis=2))
    np.testing.assert_allclose(share.loc["trees", ["a", "b", "c"]].to_numpy(float), trees.mean(axis=0), rtol=1e-5)
    assert share.at["linear", "importance"] == pytest.approx(np.abs(linear[:, :, :3].sum(axis=2)).mean(), rel=1e-5)
    hue = found.features.set_index("feature").loc["nucleus_color_hue"]
    assert hue["linear"] == pytest.approx(np.abs(linear[:, :, 0]).mean(), rel=1e-5)
    assert hue["trees"] == pytest.approx(np.abs((values - linear)[:, :, 0]).mean(), rel=1e-5)
    alone = explain(one, task, ["color", "texture"])
    assert alone.parts.empty and "linear" not in alone.features


def test_reasons_are_the_largest_contributions_to_the_predicted_class(values: np.ndarray) -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    found = reasons(Contributions(np.array([5, 6, 7, 8]), values, x, COLUMNS, np.array([2, 0, 1, 1])), count=2)
    first = found[found["row"] == 5]
    own = values[0, 2, :3]
    best = np.argsort(-np.abs(own))[:2]
    assert list(first["feature"]) == [COLUMNS[j] for j in best] and list(first["rank"]) == [1, 2]
    np.testing.assert_allclose(first["contribution"], own[best])
    np.testing.assert_allclose(first["value"], x[0, best])


def test_a_contribution_to_the_first_of_two_classes_has_the_other_sign(values: np.ndarray) -> None:
    one = values[:, :1]
    found = to_predicted(one, np.array([1, 0, 1, 0]))
    np.testing.assert_array_equal(found, one[:, 0] * np.array([1, -1, 1, -1])[:, None])


def test_beeswarm_levels_are_ranks_of_the_values(values: np.ndarray) -> None:
    task = Task("binary", ("a", "b"), np.array([0, 1, 1, 0]))
    x = pd.DataFrame(np.arange(12, dtype=np.float32).reshape(4, 3), columns=COLUMNS)
    x.iloc[0, 1] = np.nan
    contributions = Contributions(np.arange(4), values[:, :1], x.to_numpy(), COLUMNS, np.array([0, 1, 1, 0]))
    swarm = explain(contributions, task, ["color"]).beeswarm
    assert set(swarm["class"]) == {"b"} and len(swarm) == 12
    points = swarm[swarm["feature"] == COLUMNS[1]]
    np.testing.assert_allclose(points["level"], [np.nan, 1 / 3, 2 / 3, 1])


def test_all_errors_are_among_the_explained_rows_of_a_large_table() -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(6000) < .02, 1, 0)
    guess = np.where(rng.random(6000) < .1, 1 - y, y)
    held_out = rng.random(6000) < .9
    rows = rows_to_explain(y, guess, held_out, 0)
    assert len(rows) == MOST_ROWS and held_out[rows].all() and (np.diff(rows) > 0).all()
    assert set(np.flatnonzero((y != guess) & held_out)) <= set(rows)
    assert set(np.flatnonzero((y == 1) & held_out)) <= set(rows), "a rare class is wholly there"
    np.testing.assert_array_equal(rows_to_explain(y[:50], guess[:50], held_out[:50], 0), np.flatnonzero(held_out[:50]))
