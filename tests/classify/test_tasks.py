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


@pytest.mark.parametrize("name", ["auto", "ordinal"])
def test_an_order_makes_the_classes_stages(name: str) -> None:
    task = resolve_task(labels("mid", "high", None, "low", "mid"), INFO, name, ("low", "mid", "high"))
    assert (task.kind, task.classes, task.ordered) == ("ordinal", ("low", "mid", "high"), True)
    assert task.y.tolist() == [1, 2, -1, 0, 1]


def test_two_stages_are_binary_in_the_given_order() -> None:
    task = resolve_task(labels("a", "b"), INFO, "ordinal", ("b", "a"))
    assert (task.kind, task.classes, task.y.tolist()) == ("binary", ("b", "a"), [1, 0])


@pytest.mark.parametrize("name, order, message", [
    ("ordinal", (), "add --order with all classes from the lowest to the highest; the table has a,b,c"),
    ("auto", ("a", "b"), "--order leaves out 'c': give all classes"),
    ("auto", ("a", "b", "d"), "--order names 'd', which no row of the table has"),
    ("auto", ("a", "b", "c", "b"), "--order names 'b' 2 times"),
    ("multiclass", ("a", "b", "c"), "--task multiclass has none")])
def test_an_order_that_does_not_suit_the_table_is_one_line(name: str, order: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        resolve_task(labels("a", "b", "c"), INFO, name, order)
    assert "\n" not in str(caught.value)


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
