"""Labels to tasks."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_table import table_info

from classify.data.tasks import encode, resolve_task
from featurize.errors import UserError

INFO = table_info(["cell_color_a"])


def labels(*values: str | None) -> pd.DataFrame:
    return pd.DataFrame({"label": pd.Series(values, dtype=object)})


def test_two_classes_are_binary_and_three_are_multiclass() -> None:
    assert resolve_task(labels("a", "b", "a"), INFO).kind == "binary"
    assert resolve_task(labels("a", "b", "c"), INFO).kind == "multiclass"


def test_classes_are_sorted_and_unlabelled_rows_are_minus_one() -> None:
    task = resolve_task(labels("pig", None, "ant", "pig"), INFO)
    assert task.classes == ("ant", "pig")
    np.testing.assert_array_equal(task.y, [1, -1, 0, 1])
    np.testing.assert_array_equal(task.counts(), [1, 2])


def test_whole_numbers_are_sorted_as_numbers() -> None:
    assert encode(pd.Series(["10", "9", "-1"]))[0] == ("-1", "9", "10")
    assert encode(pd.Series(["10", "9", "x"]))[0] == ("10", "9", "x")


@pytest.mark.parametrize("name", ["ordinal", "hierarchical"])
def test_later_tasks_are_refused_with_one_line(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is not built yet") as caught:
        resolve_task(labels("a", "b"), INFO, name)
    assert "\n" not in str(caught.value)


def test_an_order_is_refused_until_ordinal_tasks_are_built() -> None:
    with pytest.raises(UserError, match="asked for by --order"):
        resolve_task(labels("a", "b"), INFO, order=("b", "a"))


def test_several_label_columns_are_refused() -> None:
    with pytest.raises(UserError, match="several labels a row"):
        resolve_task(labels(None), replace(INFO, label_columns=["Edema"]))


@pytest.mark.parametrize("frame, message", [
    (labels(None, None), "none of the 2 rows has a label"), (labels("a", "a", None), "all 2 labelled rows are 'a'"),
    (labels("a|b", "c"), "holds '|'"), (labels("a ", "c"), "outer blanks")])
def test_labels_that_cannot_be_learned_are_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_task(frame, INFO)
    assert message in str(caught.value)


def test_binary_is_refused_for_three_classes_and_unknown_tasks_are_named() -> None:
    with pytest.raises(UserError, match="needs two classes, the table has 3"):
        resolve_task(labels("a", "b", "c"), INFO, "binary")
    with pytest.raises(UserError, match="--task guess is unknown"):
        resolve_task(labels("a", "b"), INFO, "guess")
