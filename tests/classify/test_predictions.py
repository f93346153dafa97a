"""Lines of predictions.csv."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from classify.predictions import ModelPredictions, prediction_table

NAMES = ("ant", "bee", "cat")
N = 4


@pytest.fixture
def predictions() -> ModelPredictions:
    """Four rows that nobody needs to look at."""
    p = np.tile([.1, .8, .1], (N, 1))
    return ModelPredictions(margins=np.log(p), p=p, sets=p > .5, empty=np.zeros(N, bool), novelty=np.full(N, .99),
                            distances=np.ones((N, 1)), neighbours=np.zeros((N, 1), np.int64))


def changed(values: np.ndarray, row: int, value: object) -> np.ndarray:
    out = values.copy()
    out[row] = value
    return out


def test_a_line_holds_the_class_its_probabilities_and_the_set_in_the_order_of_the_classes(
        predictions: ModelPredictions) -> None:
    frame = pd.DataFrame({"image_id": list("wxyz"), "path": list("WXYZ"), "label": ["ant", None, "bee", "bee"],
                          "group": None, "split": None}, index=[7, 5, 3, 1])
    both = replace(predictions, sets=changed(predictions.sets, 0, [True, True, False]))
    table = prediction_table(frame, NAMES, both, ["set", "", "novel|unsure", ""], np.array([2, -1, 0, 1]))
    assert list(table.columns) == ["image_id", "path", "label", "group", "split", "fold", "predicted", "p_ant", "p_bee",
                                   "p_cat", "prediction_set", "novelty", "review", "review_reason"]
    assert table["review"].tolist() == [True, False, True, False] and table["review_reason"][2] == "novel|unsure"
    assert list(table["prediction_set"]) == ["ant|bee", "bee", "bee", "bee"] and set(table["predicted"]) == {"bee"}
    assert table["fold"].tolist() == [2, pd.NA, 0, 1] and list(table["image_id"]) == list("wxyz")
    assert prediction_table(frame, NAMES, both, [""] * N)["fold"].isna().all()


def test_the_source_stands_in_the_line_where_the_table_has_it(predictions: ModelPredictions) -> None:
    frame = pd.DataFrame({"image_id": list("wxyz"), "path": list("XXYY"), "label": None, "group": None, "split": None})
    sites = prediction_table(frame.assign(site=["A", "B", None, "B"]), NAMES, predictions, [""] * 4)
    assert list(sites.columns[:6]) == ["image_id", "path", "label", "group", "site", "split"]
    assert sites["site"].tolist() == ["A", "B", None, "B"]
    assert "site" not in prediction_table(frame.assign(site=None), NAMES, predictions, [""] * 4)
