"""Warnings: each is given where it is due, and where it is not, none is."""
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate import warnings
from classify.evaluate.against_baseline import baseline_differences
from classify.fitting.crossfit import CrossFit
from classify.result import Predicted, Scores
from classify.uncertainty.conformal import Conformal, fewest_rows

N = 80
Y = np.arange(N) % 2
TASK = Task("binary", ("ant", "bee"), Y)


def frame(**given: Any) -> pd.DataFrame:
    """A table that nothing is wrong with."""
    labels = [TASK.classes[k] for k in Y]
    return pd.DataFrame({"path": [f"{k}.png" for k in range(N)], "label": labels, "group": [f"g{k}" for k in range(N)],
                         "duplicate_group": np.arange(N), **given})


def test_nothing_is_warned_of_in_a_good_table() -> None:
    assert warnings.of_data(frame(), TASK) == []


def test_copies_with_other_labels_are_named_first() -> None:
    copies = np.r_[0, 0, np.arange(2, N)]
    torn, repeated = warnings.of_data(frame(duplicate_group=copies), TASK)
    assert torn.startswith("2 images are duplicates of each other but labelled differently, for example '0.png'")
    assert repeated.startswith("1 images repeat others")


def test_copies_with_the_same_label_are_only_counted() -> None:
    warning, = warnings.of_data(frame(duplicate_group=np.r_[0, 1, 0, np.arange(3, N)]), TASK)
    assert warning.startswith("1 images repeat others")


def test_a_table_without_groups_is_warned_of_with_the_option_that_names_them() -> None:
    warning, = warnings.of_data(frame(group=[None] * N), TASK)
    assert warning.startswith("the table knows no groups") and "--group-column" in warning


@pytest.mark.parametrize(("rare", "warned"), [(7, True), (8, False)])
def test_classes_are_unequal_beyond_ten_to_one(rare: int, warned: bool) -> None:
    """7 of 80 is 1 to 10.4; 8 of 80 is 1 to 9."""
    y = (np.arange(N) < rare).astype(np.int64)
    listed = warnings.of_data(frame(), replace(TASK, y=y))
    assert [s.split(":")[0] for s in listed] == ["the classes are unequal"] * warned
    assert all(f"'bee' has {rare} images, the largest class {N - rare}" in s for s in listed)


def test_rows_without_a_label_are_counted() -> None:
    warning, = warnings.of_data(frame(), replace(TASK, y=np.where(np.arange(N) < 3, -1, Y)))
    assert warning.startswith("3 rows have no label")


def metrics(**given: Any) -> dict[str, Any]:
    return {"macro_f1": .9, "groups": N, "calibration": {"method": "temperature"},
            "baselines": {"majority": {"macro_f1": .3}, "pca_logistic": {"macro_f1": .95}},
            "left_out_sites": [],
            "baseline_differences": {"majority": {"macro_f1": -.6, "macro_f1_interval": [-.7, -.5]},
                                     "pca_logistic": {"macro_f1": .05, "macro_f1_interval": [-.01, .1]}},
            "per_class": {name: {"n": 40, "coverage": .95} for name in TASK.classes}, **given}


def result(shortcut_warnings: list[str], stopped: int = 0, kind: str = "folds", split_group: np.ndarray | None = None,
           **given: Any) -> tuple[list[str], list[str]]:
    """`of_result` of a run that nothing is wrong with, but for what is given."""
    part = np.full(N, "fold", object) if kind == "folds" else np.array(["train", "val", "test", "test"], object)[
        np.arange(N) // 2 % 4]
    fold = np.arange(N) % 5 if kind == "folds" else np.where(part == "test", 0, -1)
    groups = np.arange(N) if split_group is None else split_group
    split = Split(kind, part, fold, groups, pd.DataFrame(), pd.DataFrame())
    nothing = np.zeros((N, 2))
    predicted = Predicted(frame(), fold >= 0, nothing, nothing, nothing, nothing > 0, nothing[:, 0] > 0, nothing[:, 0],
                          nothing.astype(int), nothing)
    scores = Scores(metrics(**given), pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), pd.DataFrame(),
                    pd.DataFrame({"warning": shortcut_warnings}))
    return warnings.of_result(TASK, split, CrossFit([], [], nothing, pd.DataFrame(), stopped), predicted, scores, .05)


def test_nothing_is_warned_of_in_a_good_result() -> None:
    assert result([""]) == ([], [])


def test_shortcuts_come_first() -> None:
    serious, _ = result(["", "nuisances alone"], groups=3)
    assert serious[0] == "nuisances alone" and serious[1].startswith("only 3 independent groups were tested")


@pytest.mark.parametrize(("low", "warned"), [(-.001, False), (.002, True), (None, False)])
def test_a_baseline_that_is_better_beyond_the_interval_of_the_difference_is_named(low: float | None, warned: bool
                                                                                  ) -> None:
    serious, _ = result([], baseline_differences={"pca_logistic": {"macro_f1": .05, "macro_f1_interval": [low, .1]}})
    assert [g.split(" (")[0] for g in serious] == ["the baseline pca_logistic has a better macro-F1"] * warned
    assert all("(0.950) than the model (0.900); the difference is 0.002 to 0.100" in g for g in serious)


def test_a_difference_between_two_models_is_paired_and_draws_patients() -> None:
    """The model errs on the last 8 of 80 images, the baseline on none: better in every draw that holds one of them."""
    p = np.eye(2)[np.where(np.arange(N) < 72, Y, 1 - Y)]
    alone = baseline_differences(Y, p, {"other": np.eye(2)[Y], "same": p}, np.arange(N))
    assert alone["other"]["macro_f1"] == pytest.approx(.1) and alone["same"]["macro_f1_interval"] == [0, 0]
    low, high = alone["other"]["macro_f1_interval"]
    # Standard error of a share of .1 of 80 rows: .034.
    assert 0 < low < .06 and .14 < high < .2
    # All 8 of one patient of ten: a draw lacks that patient in a third of the cases.
    grouped = baseline_differences(Y, p, {"other": np.eye(2)[Y], "same": p}, np.arange(N) // 8)
    assert grouped["other"]["macro_f1_interval"][0] == 0 and grouped["same"]["macro_f1_interval"] == [0, 0]


@pytest.mark.parametrize(("n", "coverage", "warned"), [(400, .91, False), (400, .89, True), (20, .86, False),
                                                       (20, .84, True)])
def test_coverage_may_fall_short_by_five_hundredths_or_two_standard_errors(n: int, coverage: float, warned: bool
                                                                           ) -> None:
    """Two standard errors of .95 are .022 with 400 rows (so .05 is allowed) and .097 with 20."""
    serious, _ = result([], per_class={"ant": {"n": n, "coverage": coverage}, "bee": {"n": 9, "coverage": None}})
    assert len(serious) == warned and all(f"hold the truth in {100 * coverage:.0f} % of 'ant' instead of 95 %" in g
                                          for g in serious)


def test_classes_whose_sets_are_calibrated_on_all_classes_are_named() -> None:
    few, = warnings.of_sets(("ant", "bee", "cat"), Conformal(.05, np.zeros(60), np.repeat([0, 1], [12, 48]), (0, 2)))
    assert few.startswith("few calibrating images of 'ant' (12), 'cat' (0): their prediction sets")
    assert warnings.of_sets(("ant", "bee"), Conformal(.05, np.zeros(60), np.zeros(60, np.int64))) == []


@pytest.mark.parametrize(("n", "alpha"), [(18, "0.06"), (9, "0.1"), (12, "0.08")])
def test_sets_that_hold_all_classes_are_told_with_the_alpha_that_helps(n: int, alpha: str) -> None:
    """With 12 rows the least p-value is 1 / 13 = .077."""
    all_of_them, = warnings.of_sets(("ant",), Conformal(.05, np.zeros(n), np.zeros(n, np.int64), (0,)))
    assert all_of_them.startswith(f"only {n} images calibrate the prediction sets") and "every image is for review" in \
        all_of_them and all_of_them.endswith(f"choose --alpha {alpha}") and fewest_rows(float(alpha)) <= n


def test_probabilities_left_as_they_are_for_want_of_groups_are_warned_of() -> None:
    few = np.arange(N) % 9
    assert result([], split_group=few)[1] == []
    _, other = result([], split_group=few, calibration={"method": "none"})
    assert other == ["only 9 independent groups to calibrate on: the probabilities are the model's own"]


def test_rounds_chosen_on_known_groups_are_warned_of() -> None:
    _, other = result([], stopped=1)
    assert len(other) == 1 and other[0].startswith("groups are too few to keep one back inside a fold")
