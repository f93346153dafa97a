"""The content of metrics.json: which rows count, and how numbers are written."""
import json

import numpy as np
import pandas as pd
import pytest
from made_table import table_info

from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.summary import Comparisons, Context, plain, score
from classify.result import Predicted, Scores
from classify.review import REASONS
from classify.uncertainty.calibrate import Calibration

NAMES = ("ant", "bee")
# Ten rows: the first is unlabelled, the last was seen by the model; of the eight others six are right.
Y = np.array([-1, 0, 0, 0, 0, 1, 1, 1, 1, 1])
SURE = np.array([.9, .9, .9, .9, .4, .2, .3, .2, .7, .9])
HELD_OUT = np.arange(10) < 9
RIGHT, ROWS = 6, 8
# Five of the eight are of the east, three of the west.
FRAME = pd.DataFrame({"site": ["east"] * 6 + ["west"] * 4, "split": None, "group": None})


@pytest.fixture(scope="module")
def scores() -> Scores:
    p = np.column_stack([SURE, 1 - SURE])
    sets = p > .25
    split = Split("folds", np.full(10, "fold", object), np.where(HELD_OUT, np.arange(10) % 3, -1), np.arange(10) // 2,
                  pd.DataFrame(), pd.DataFrame())
    several = sets.sum(axis=1) > 1
    review = pd.DataFrame({"review": several, "review_reason": np.where(several, "set", "")})
    nothing = np.zeros(10)
    predicted = Predicted(review, HELD_OUT, np.zeros((10, 1)), np.full((10, 2), .5), p, sets, nothing > 0, nothing,
                          np.zeros((10, 3), int), np.zeros((10, 3)))
    shortcuts = pd.DataFrame([("nuisances", "label", .6, .5, .02, ""),
                              ("features", "site", np.nan, .5, np.nan, "")],
                             columns=["name", "target", "score", "chance", "gain", "warning"])
    always_ant = np.tile([.9, .1], (10, 1))
    calibration = Calibration("temperature", 1.5, losses={"none": .7, "temperature": .6})
    return score(Task("binary", NAMES, Y), split, predicted,
                 Comparisons({"majority": always_ant}, shortcuts, calibration), Bootstrap(20, 0),
                 Context(.05, None, FRAME, table_info([])))


def test_only_labelled_rows_that_no_model_saw_count(scores: Scores) -> None:
    assert scores.metrics["n"] == ROWS and scores.metrics["accuracy"] == pytest.approx(RIGHT / ROWS)
    pd.testing.assert_frame_equal(scores.confusion, pd.DataFrame([[3, 1], [1, 3]], index=list(NAMES),
                                                                 columns=list(NAMES)))
    # Rows 1 to 8 stand in the pairs (0 1) (2 3) (4 5) (6 7) (8 9).
    assert scores.metrics["groups"] == 5 and scores.metrics["folds"] == 3


def test_sets_and_reviews_are_counted_on_the_same_rows(scores: Scores) -> None:
    """Two classes are in the set where the first has .4, .3 or .7: 3 of 8 rows."""
    assert scores.metrics["mean_set_size"] == pytest.approx(1 + 3 / 8)
    assert scores.metrics["review_share"] == pytest.approx(3 / 8)
    assert scores.metrics["review"]["by_reason"] == {name: 3 / 8 if name == "set" else 0 for name in REASONS}
    assert scores.set_sizes.to_numpy().tolist() == [[3, 1], [2, 2]]


def test_coverage_is_scored_in_parts_of_five_rows_or_more(scores: Scores) -> None:
    """Classes have four rows each, the west three."""
    [east] = scores.metrics["coverage_by_part"]
    assert (east["by"], east["part"], east["n"]) == ("site", "east", 5)
    assert east["coverage"] == 1 and east["mean_set_size"] == pytest.approx(1 + 1 / 5) and not east["short"]


def test_baselines_are_scored_on_the_same_rows(scores: Scores) -> None:
    assert scores.metrics["baselines"]["majority"]["accuracy"] == pytest.approx(.5)


def test_calibration_holds_the_loss_before_it_and_of_every_method(scores: Scores) -> None:
    calibration = scores.metrics["calibration"]
    # Before calibration every class had .5.
    assert calibration["log_loss_before"] == pytest.approx(np.log(2))
    assert calibration["method"] == "temperature"
    assert calibration["log_loss_by_method"] == {"none": .7, "temperature": .6}


def test_shortcuts_are_named_by_what_tells_what(scores: Scores) -> None:
    assert scores.metrics["shortcuts"] == {"nuisances_to_label": .6, "features_to_site": None}


def test_intervals_hold_the_accuracy(scores: Scores) -> None:
    low, high = scores.metrics["intervals"]["accuracy"]
    assert 0 <= low < RIGHT / ROWS < high <= 1


def test_metrics_are_json_without_nan(scores: Scores) -> None:
    assert json.loads(json.dumps(scores.metrics, allow_nan=False)) == scores.metrics


def test_numbers_become_plain() -> None:
    made = plain({"a": np.float32(.5), "b": [np.int64(3), float("nan"), np.inf], "c": (np.bool_(True), "x", None)})
    assert made == {"a": .5, "b": [3, None, None], "c": [True, "x", None]}
    assert [type(v) for v in (made["a"], made["b"][0], made["c"][0])] == [float, int, bool]
