"""What is fitted on held-out rows: calibration, conformal scores and the reference of nearest training rows."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from classify.data.dataset import Dataset
from classify.data.splits import Split, TrainTestIndices, iter_splits
from classify.data.tasks import Task
from classify.fitting.crossfit import CrossFit
from classify.fitting.models import Model
from classify.predictions import ModelPredictions
from classify.result import Predicted
from classify.review import ReviewRule
from classify.settings import TrainSettings
from classify.uncertainty import novelty
from classify.uncertainty import reference as reference_module
from classify.uncertainty.conformal import cross_sets, fit_conformal
from classify.uncertainty.held_out import HeldOut, fit_held_out, predict_all
from classify.uncertainty.reference import NearestNeighborReference, fit_reference
from featurize.table import TableInfo

N, FOLDS = 60, 3
Y = np.arange(N) % 2
SPLIT_GROUP = np.arange(N) // 2
TASK = Task("binary", ("ant", "bee"), Y)
SETTINGS = TrainSettings(calibration="temperature", alpha=.1)


def split_of(kind: str, split_group: np.ndarray = SPLIT_GROUP) -> Split:
    """Folds of whole split groups in turn, the last 6 rows unlabelled; or train, val and test in turn."""
    part = np.where(np.arange(N) < N - 6, "fold", "unlabelled").astype(object)
    fold = np.where(part == "fold", split_group % FOLDS, -1)
    if kind == "given":
        part = np.array(["train", "val", "test"], dtype=object)[split_group % 3]
        fold = np.where(part == "test", 0, -1)
    return Split(kind, part, fold, split_group, pd.DataFrame(), pd.DataFrame())


# A model without trees: leaves are not compared.
NO_TREES = Model("logistic", tuple(range(5)), 1, 0, None, np.empty((0, 2)))


def crossed_of(split: Split, margins: np.ndarray) -> CrossFit:
    splits = iter_splits(split)
    return CrossFit(splits, [NO_TREES] * len(splits), margins, pd.DataFrame(), 0)


def reference_of(split: Split, margins: np.ndarray, x: pd.DataFrame) -> NearestNeighborReference:
    return fit_reference(x, np.where(split.part == "unlabelled", -1, Y), crossed_of(split, margins), NO_TREES,
                         held_out_of(split, margins).rows, 0)


@pytest.fixture
def margins() -> np.ndarray:
    """Log-odds that are right in most rows and four times too sure."""
    return 4 * (np.where(Y == 1, 1.0, -1.0) + np.random.default_rng(0).normal(size=N))[:, None]


@pytest.fixture
def x() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(1).normal(size=(N, 5)).astype(np.float32))


def held_out_of(split: Split, margins: np.ndarray) -> HeldOut:
    return fit_held_out(crossed_of(split, margins), TASK, split, SETTINGS)


def test_all_rows_of_the_folds_calibrate_and_only_they(margins: np.ndarray) -> None:
    split = split_of("folds")
    held_out = held_out_of(split, margins)
    np.testing.assert_array_equal(held_out.rows, np.arange(N - 6))
    np.testing.assert_array_equal(held_out.fold, split.fold[:N - 6])
    assert held_out.calibration.temperature > 1.5, "margins were made four times too large"
    np.testing.assert_array_equal(held_out.conformal.scores, fit_conformal(held_out.p, Y[:N - 6], .1).scores)


def test_the_probability_of_a_row_does_not_depend_on_the_labels_of_its_fold(margins: np.ndarray) -> None:
    split = split_of("folds")
    before = held_out_of(split, margins)
    own = before.fold == 1
    y = Y.copy()
    y[before.rows[own]] = 1 - y[before.rows[own]]
    after = fit_held_out(crossed_of(split, margins), Task("binary", TASK.classes, y), split, SETTINGS)
    np.testing.assert_array_equal(after.p[own], before.p[own])
    assert (after.p[~own] != before.p[~own]).all(), "the other folds are calibrated on those labels"


def test_with_a_given_split_val_calibrates_and_test_does_not_count(margins: np.ndarray) -> None:
    split = split_of("given")
    held_out = held_out_of(split, margins)
    np.testing.assert_array_equal(held_out.rows, np.flatnonzero(split.part == "val"))
    changed = margins.copy()
    changed[split.part == "test"] *= -7
    np.testing.assert_array_equal(held_out_of(split, changed).p, held_out.p)


@pytest.mark.parametrize(("groups", "together"), [(10, True), (4, False)])
def test_val_is_divided_by_groups_or_by_rows_where_groups_are_fewer_than_folds(
        groups: int, together: bool, margins: np.ndarray) -> None:
    """Val has 20 rows: in 10 groups of 2 these stay whole, 4 groups of 5 cannot fill 5 folds."""
    split = split_of("given")
    val = np.flatnonzero(split.part == "val")
    split_group = SPLIT_GROUP + 100
    split_group[val] = np.arange(len(val)) % groups
    held_out = held_out_of(Split("given", split.part, split.fold, split_group, split.leaks, split.counts), margins)
    assert sorted(set(held_out.fold)) == [0, 1, 2, 3, 4]
    assert (pd.Series(held_out.fold).groupby(split_group[val]).nunique().max() == 1) == together


@pytest.mark.parametrize(("rows_a_class", "folds"), [(1, 2), (2, 2), (4, 4), (9, 5)])
def test_a_small_val_part_has_as_many_folds_as_its_largest_class_has_rows(rows_a_class: int, folds: int) -> None:
    """The table has val parts of 2 classes; scikit-learn refuses more folds than the largest class has rows."""
    y = np.tile([0, 1], N // 2)
    part = np.where(np.arange(N) < 2 * rows_a_class, "val", "test").astype(object)
    split = Split("given", part, np.where(part == "test", 0, -1), np.arange(N), pd.DataFrame(), pd.DataFrame())
    crossed = CrossFit((), [], np.random.default_rng(0).normal(size=(N, 1)), pd.DataFrame(), 0)
    held_out = fit_held_out(crossed, Task("binary", ("ant", "bee"), y), split, SETTINGS)
    assert sorted(set(held_out.fold)) == list(range(folds)) and np.isfinite(held_out.p).all()


def test_the_saved_reference_of_folds_holds_all_their_rows_and_not_those_of_one_fold(
        x: pd.DataFrame, margins: np.ndarray) -> None:
    split = split_of("folds")
    held_out = held_out_of(split, margins)
    found = reference_of(split, margins, x)
    inside = x.to_numpy()[:N - 6]
    np.testing.assert_array_equal(found.train, held_out.rows)
    np.testing.assert_array_equal(found.model.points, novelty.to_points(novelty.fit_space(inside), inside))


def test_the_saved_reference_of_a_given_split_holds_its_training_rows(x: pd.DataFrame, margins: np.ndarray) -> None:
    split = split_of("given")
    train = np.flatnonzero(split.part == "train")
    found = reference_of(split, margins, x)
    inside = x.to_numpy()[train]
    np.testing.assert_array_equal(found.train, train)
    np.testing.assert_array_equal(found.model.points, novelty.to_points(novelty.fit_space(inside), inside))


@pytest.mark.parametrize("kind", ["folds", "given"])
def test_every_tested_row_is_compared_with_the_training_rows_of_its_own_fit(
        kind: str, x: pd.DataFrame, margins: np.ndarray) -> None:
    """Expected: all distances by scipy, sorted."""
    split = split_of(kind)
    splits = iter_splits(split)
    found = reference_of(split, margins, x)
    for indices in splits:
        space = novelty.fit_space(x.to_numpy()[indices.train])
        far = cdist(*(novelty.to_points(space, x.to_numpy()[rows]) for rows in (indices.test, indices.train)))
        order = np.argsort(far, axis=1)[:, :novelty.NEAREST]
        np.testing.assert_array_equal(found.neighbours[indices.test], indices.train[order])
        np.testing.assert_allclose(found.distances[indices.test], np.sort(far, axis=1)[:, :novelty.NEAREST], rtol=1e-4)
    others = np.setdiff1d(np.arange(N), np.concatenate([indices.test for indices in splits]))
    assert len(others) and np.isnan(found.distances[others]).all() and (found.neighbours[others] == -1).all()


def test_fewer_training_rows_than_neighbours_leave_places_empty(x: pd.DataFrame) -> None:
    rows = np.arange(6)
    crossed = CrossFit((TrainTestIndices(rows[:3], rows[3:]),), [NO_TREES], np.empty((6, 1)), pd.DataFrame(), 0)
    found = fit_reference(x.iloc[:6], Y[:6], crossed, NO_TREES, rows[3:], 0)
    assert (found.neighbours[3:, :3] >= 0).all() and (found.neighbours[:, 3:] == -1).all()
    # The mean is of those there are, not NaN.
    assert np.isfinite(found.model.distances).all()


def test_a_row_of_a_large_table_is_compared_with_some_training_rows(x: pd.DataFrame,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_module, "MOST_POINTS", 7)
    rows = np.arange(N - 6)
    splits = (TrainTestIndices(rows[:30], rows[30:]), TrainTestIndices(rows[30:], rows[:30]))
    crossed = CrossFit(splits, [NO_TREES, NO_TREES], np.empty((N, 1)), pd.DataFrame(), 0)
    found = fit_reference(x, Y, crossed, NO_TREES, rows, 0)
    assert len(found.model.points) == len(found.train) == 7
    for indices in splits:
        named = found.neighbours[indices.test]
        assert np.isin(named, indices.train).all() and len(np.unique(named)) <= 7
        space = novelty.fit_space(x.to_numpy()[indices.train])
        own, named_points = (novelty.to_points(space, x.to_numpy()[r]) for r in (indices.test, named[:, 0]))
        np.testing.assert_allclose(np.linalg.norm(own - named_points, axis=1), found.distances[indices.test, 0],
                                   rtol=1e-3)


def everything(margins: np.ndarray, x: pd.DataFrame) -> tuple[Predicted, ModelPredictions, HeldOut]:
    """`predict_all` on folds, the saved model's predictions (all class 0, far away), and what was fitted.

    The last row, unlabelled, shares its group with rows 0 and 1.
    """
    split = replace(split_of("folds"), split_group=np.r_[SPLIT_GROUP[:-1], 0])
    held_out = held_out_of(split, margins)
    reference = fit_reference(x, Y, crossed_of(split, margins), NO_TREES, held_out.rows, 0)
    saved = ModelPredictions(
        margins=np.full((N, 1), -5.0), p=np.tile([.9, .1], (N, 1)), sets=np.tile([True, False], (N, 1)),
        empty=np.zeros(N, bool), novelty=np.full(N, .75), distances=np.full((N, novelty.NEAREST), 7.0),
        neighbours=np.tile(np.arange(novelty.NEAREST), (N, 1)))
    frame = pd.DataFrame({"image_id": np.arange(N).astype(str), "path": "", "label": "ant", "group": None,
                          "split": None})
    info = TableInfo({}, {}, "", [], [], [], [])
    data = Dataset(frame, info, x, TASK, split)
    return predict_all(data, crossed_of(split, margins), held_out, reference, saved, ReviewRule()), saved, held_out


def test_rows_of_the_folds_are_predicted_out_of_fold_and_all_others_by_the_saved_model(
        margins: np.ndarray, x: pd.DataFrame) -> None:
    found, saved, held_out = everything(margins, x)
    rows, others = np.arange(N - 6), np.arange(N - 6, N)
    np.testing.assert_array_equal(found.held_out, np.arange(N) < N - 6)
    np.testing.assert_array_equal(found.probabilities[rows], held_out.p)
    np.testing.assert_array_equal(found.margins[rows], margins[rows])
    sets, _ = cross_sets(held_out.p, Y[rows], np.r_[SPLIT_GROUP[:-1], 0][rows], .1)
    np.testing.assert_array_equal(found.sets[rows], sets)
    # Ranks of the rows among each other.
    np.testing.assert_allclose(np.sort(found.novelty[rows]), np.arange(len(rows)) / (len(rows) - 1))
    np.testing.assert_array_equal(found.probabilities[others], saved.p[others])
    np.testing.assert_array_equal(found.novelty[others], .75)
    np.testing.assert_array_equal(saved.p, np.tile([.9, .1], (N, 1)), "the given predictions are left as they were")


def test_shown_neighbours_are_of_other_split_groups_and_other_folds(margins: np.ndarray, x: pd.DataFrame) -> None:
    found, _, _ = everything(margins, x)
    rows = np.arange(N - 6)
    near = found.neighbours[rows]
    assert (near >= 0).all() and (SPLIT_GROUP[near] != SPLIT_GROUP[rows][:, None]).all()
    assert (SPLIT_GROUP[near] % FOLDS != SPLIT_GROUP[rows][:, None] % FOLDS).all()
    # The saved model's positions 0 to 4 are the rows 0 to 4 of the table; rows 0 and 1 are of the last row's group.
    np.testing.assert_array_equal(found.neighbours[N - 6:-1], np.tile([0, 1, 2], (5, 1)))
    np.testing.assert_array_equal(found.neighbours[-1], [2, 3, 4])
