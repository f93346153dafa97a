"""Who trains and who is tested."""
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_table import made_table, table_info

from classify.data import folds
from classify.data.folds import leaks, make_folds, split_groups, validation_mask
from classify.data.splits import iter_splits, plan_split
from classify.data.tasks import Task, resolve_task
from featurize.errors import UserError


def frame_of(label: list[str], group: list[str | None], copies: list[int] | None = None,
             split: list[str | None] | None = None) -> pd.DataFrame:
    n = len(label)
    return pd.DataFrame({"image_id": [str(i) for i in range(n)], "path": [f"{i}.png" for i in range(n)],
                         "label": pd.Series(label, dtype=object), "group": pd.Series(group, dtype=object),
                         "duplicate_group": copies or list(range(n)),
                         "split": pd.Series(split or [None] * n, dtype=object)})


def task_of(frame: pd.DataFrame) -> Task:
    return resolve_task(frame, table_info(["cell_color_a"]))


def test_split_groups_link_rows_through_groups_and_duplicates() -> None:
    # 0-1 by group p, 1-3 by picture 7, 3-4 by group q; 2 and 5 stand alone, None links nothing.
    frame = frame_of(list("aabbab"), ["p", "p", None, "q", "q", None], [0, 7, 1, 7, 2, 3])
    np.testing.assert_array_equal(split_groups(frame), [0, 0, 1, 0, 0, 2])


def brute_split_groups(group: list[str | None], copies: list[int]) -> list[int]:
    """The definition: merge until nothing changes."""
    number = list(range(len(group)))
    changed = True
    while changed:
        changed = False
        for i in range(len(group)):
            for j in range(len(group)):
                same = copies[i] == copies[j] or group[i] is not None and group[i] == group[j]
                if same and number[i] != number[j]:
                    number[i] = number[j] = min(number[i], number[j])
                    changed = True
    return [sorted(set(number)).index(v) for v in number]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["p", "q", "r", "s", None]), st.integers(0, 9)), min_size=1, max_size=14))
def test_split_groups_equal_repeated_merging(rows: list[tuple[str | None, int]]) -> None:
    group, copies = [g for g, _ in rows], [c for _, c in rows]
    found = split_groups(frame_of(["a"] * len(rows), group, copies))
    np.testing.assert_array_equal(found, brute_split_groups(group, copies))


def test_no_patient_is_in_two_folds_and_every_fold_has_every_class() -> None:
    frame, info = made_table((60, 30, 12), group_size=2)
    split, _ = plan_split(frame, resolve_task(frame, info), 5, 0)
    assert split.kind == "folds" and frame.groupby("group")["label"].size().max() == 2
    assert pd.Series(split.fold).groupby(frame["group"]).nunique().max() == 1
    assert (split.counts > 0).all().all()
    assert sorted(np.concatenate([indices.test for indices in iter_splits(split)])) == list(range(len(frame)))
    for indices in iter_splits(split):
        assert len(indices.train) + len(indices.test) == len(frame)
        assert not set(frame["group"].iloc[indices.train]) & set(frame["group"].iloc[indices.test])


def test_copies_of_a_picture_stand_in_one_fold() -> None:
    frame, info = made_table((40, 40), group_size=1)
    frame["duplicate_group"] = np.arange(len(frame)) // 2
    frame["label"] = np.where(frame["duplicate_group"] % 2, "ant", "bee")
    split, _ = plan_split(frame, resolve_task(frame, info), 5, 0)
    assert pd.Series(split.fold).groupby(frame["duplicate_group"]).nunique().max() == 1


def test_the_seed_decides_the_folds() -> None:
    y, split_group = np.repeat([0, 1], 50), np.arange(100)
    a, b, c = (make_folds(y, split_group, 5, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_unlabelled_rows_are_in_no_fold() -> None:
    frame, info = made_table((30, 30))
    frame.loc[:4, "label"] = None
    split, _ = plan_split(frame, resolve_task(frame, info), 5, 0)
    assert (split.fold[:5] == -1).all() and (split.part[:5] == "unlabelled").all() and (split.fold[5:] >= 0).all()


def test_a_class_with_fewer_images_than_folds_is_refused_with_the_folds_that_work() -> None:
    frame = frame_of(["a"] * 9 + ["b"] * 3, [None] * 12)
    with pytest.raises(UserError, match="'b' has 3 images, fewer than --folds 5: use --folds 3"):
        plan_split(frame, task_of(frame), 5, 0)


def test_a_class_with_fewer_groups_than_folds_is_refused() -> None:
    frame = frame_of(["a"] * 10 + ["b"] * 10, [f"p{i}" for i in range(10)] + ["q", "r"] * 5)
    with pytest.raises(UserError, match="'b' has 10 images in 2 independent groups, fewer than --folds 5"):
        plan_split(frame, task_of(frame), 5, 0)
    frame["group"] = ["q"] * 20
    with pytest.raises(UserError, match="1 independent groups: at least 2"):
        plan_split(frame, task_of(frame), 2, 0)


def test_a_given_split_is_kept() -> None:
    frame, info = made_table((60, 60))
    frame["split"] = np.resize(["train", "train", "val", "test"], len(frame))
    frame["group"] = None
    split, warnings = plan_split(frame, resolve_task(frame, info), 5, 0)
    assert split.kind == "given" and warnings == () and split.leaks.empty
    np.testing.assert_array_equal(split.part, frame["split"])
    np.testing.assert_array_equal(split.fold, np.where(frame["split"] == "test", 0, -1))
    assert len(iter_splits(split)) == 1


def test_leaking_rows_are_told_and_leave_the_training_side() -> None:
    label = ["a", "b"] * 10
    split = ["train"] * 10 + ["val"] * 4 + ["test"] * 6
    group = [f"p{i}" for i in range(20)]
    group[0] = group[19]      # train and test: row 0 goes
    group[2] = group[12]      # train and val: row 2 goes
    group[11] = group[18]     # val and test: row 11 goes
    frame = frame_of(label, list(group), split=list(split))
    found, warnings = plan_split(frame, task_of(frame), 5, 0, drop_leaks=True)
    assert set(np.flatnonzero(found.part == "removed")) == {0, 2, 11}
    assert sorted(found.leaks["row"]) == [0, 2, 11, 12, 18, 19]
    assert "6 images of 3 groups" in warnings[0] and "3 were removed" in warnings[0]
    sides = [set(found.split_group[found.part == p]) for p in ("train", "val", "test")]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_a_group_in_several_given_parts_is_refused_by_name() -> None:
    group = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p1", "p7"]
    frame = frame_of(list("ababababab"), group, split=["train"] * 4 + ["val"] * 2 + ["test"] * 4)
    with pytest.raises(UserError, match="a group stands in several parts of the given split, the first 'p1' in train "
                                        "and test: .*--drop-leaks"):
        plan_split(frame, task_of(frame), 5, 0)
    frame.loc[9, ["group", "split"]] = ["p5", "test"]
    with pytest.raises(UserError, match="2 groups stand in several parts"):
        plan_split(frame, task_of(frame), 5, 0)


def test_copies_of_a_picture_and_unlabelled_images_of_a_group_in_several_given_parts_are_not_refused() -> None:
    frame = frame_of(list("ababababab"), [f"p{i}" for i in range(10)], split=["train"] * 4 + ["val"] * 2 + ["test"] * 4)
    frame.loc[[0, 8], "duplicate_group"] = 0
    found, warnings = plan_split(frame, task_of(frame), 5, 0)
    assert list(np.flatnonzero(found.part == "removed")) == [0] and "1 were removed" in warnings[0]
    frame["duplicate_group"] = range(10)
    frame.loc[9, "group"], frame.loc[9, "label"] = "p1", None
    assert plan_split(frame, task_of(frame), 5, 0)[1] == ()


def test_leaks_name_only_split_groups_on_several_sides() -> None:
    frame = frame_of(list("abab"), ["p", "p", "q", "q"], split=["train", "test", "train", "train"])
    assert list(leaks(frame, split_groups(frame))["row"]) == [0, 1]


def test_a_missing_val_part_is_carved_from_train_by_groups() -> None:
    frame, info = made_table((60, 60), group_size=3)
    number = frame["group"].str[3:].astype(int)
    frame["split"] = np.where(number < 5, "test", "train")
    split, warnings = plan_split(frame, resolve_task(frame, info), 5, 0)
    val, train = split.part == "val", split.part == "train"
    assert "no val part" in warnings[0] and not set(frame["group"][val]) & set(frame["group"][train])
    assert .08 < val.sum() / (val | train).sum() < .25


def test_val_is_tested_where_there_is_no_test_part() -> None:
    frame, info = made_table((60, 60))
    frame["split"] = np.where(frame["group"].str[3:].astype(int) < 8, "val", "train")
    split, warnings = plan_split(frame, resolve_task(frame, info), 5, 0)
    assert (split.part[frame["split"] == "val"] == "test").all() and "val was used as test" in warnings[0]


def test_a_class_that_training_lacks_is_refused() -> None:
    frame = frame_of(["a"] * 10 + ["b"] * 4, [None] * 14, split=["train"] * 8 + ["val"] * 2 + ["test"] * 4)
    with pytest.raises(UserError, match="'b' has no image in the part 'train'"):
        plan_split(frame, task_of(frame), 5, 0)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 4), st.integers(0, 3))
def test_held_out_rows_are_whole_groups_with_every_class_on_both_sides(a: int, b: int, size: int, seed: int) -> None:
    y = np.repeat([0, 1], [a * size, b * size])
    split_group = np.arange(len(y)) // size
    kept = validation_mask(y, split_group, 1 / 8, seed)
    assert kept.any() and not set(split_group[kept]) & set(split_group[~kept])
    assert set(y[kept]) == set(y[~kept]) == {0, 1}


def test_nothing_is_held_out_where_groups_are_too_few() -> None:
    assert not validation_mask(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 1 / 8, 0).any()


@pytest.mark.parametrize("copies", [1, 2])
def test_many_small_groups_are_divided_as_evenly_as_their_classes_allow(copies: int) -> None:
    """Every class differs by two groups at most from fold to fold, a group is in one fold, the seed decides."""
    y = np.repeat(np.repeat(np.arange(3), (300, 90, 12)), copies)
    split_group = np.arange(len(y)) // copies
    fold = make_folds(y, split_group, 5, seed=0)
    counts = np.array([[(y[fold == f] == c).sum() for c in range(3)] for f in range(5)]) / copies
    assert (np.ptp(counts, axis=0) <= 2).all() and counts.min() >= 1
    assert all(len(set(fold[split_group == g])) == 1 for g in np.unique(split_group))
    np.testing.assert_array_equal(fold, make_folds(y, split_group, 5, seed=0))
    assert (fold != make_folds(y, split_group, 5, seed=1)).any()
    # Whoever is in one fold changes with the seed: not only the number of the fold.
    assert len({frozenset(np.flatnonzero(make_folds(y, split_group, 5, s) == 0)) for s in range(5)}) == 5


def test_threads_that_make_folds_take_turns_with_the_filters_of_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread that ends would restore the filters under another one, whose warning then reaches the terminal."""
    inside, most = [0], [0]

    class Splitter:
        def __init__(self, k: int, **named: object) -> None:
            self.k = k

        def split(self, x: np.ndarray, y: np.ndarray, group: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(.02)
            inside[0] -= 1
            return [(np.arange(0), np.flatnonzero(group % self.k == fold)) for fold in range(self.k)]
    monkeypatch.setattr(folds, "StratifiedGroupKFold", Splitter)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: make_folds(np.arange(12) % 2, np.arange(12) // 4, 3, seed), range(4)))
    assert most == [1]
