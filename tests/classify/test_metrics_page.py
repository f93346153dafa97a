"""docs/metrics.md documents every key of metrics.json."""
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import table_info

from classify.accepted_error import CONFIDENCE, AcceptedError
from classify.data.costs import CostMatrix
from classify.data.expert_words import Subject
from classify.data.lineage import Lineage
from classify.data.splits import Split
from classify.data.tasks import Task
from classify.evaluate.left_out_sites import TOLD
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.summary import Comparisons, Context, score
from classify.evaluate.suspects import suspect_labels
from classify.result import Predicted
from classify.uncertainty.calibrate import Calibration
from classify.uncertainty.operating_point import OperatingPoint, ThresholdRule
from classify.words.score import word_scores

PAGE = Path(__file__).parent.parent.parent / "docs/metrics.md"
# Dictionaries whose keys are names of classes, parts, scores, libraries: the page describes them in their own line.
NAMED = {"class_counts", "intervals", "baselines", "baseline_differences", "shortcuts", "shortcut_gain", "versions",
         "suspects.scores", "suspects.scores_without_flagged", "calibration.log_loss_by_method", "review.by_reason",
         "lineage.branch_of_class", "lineage.levels[].intervals", "lineage.levels[].per_branch", "costs.intervals",
         "files", "words.mean", "words.subjects.<subject>.words", "words.subjects.<subject>.class_only"}
# Where the names of scores stand among other keys.
OF_SCORES = "lineage.levels[]."


def documented() -> set[str]:
    text = PAGE.read_text(encoding="utf-8").partition("# audit.json")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def keys_of(content: dict[str, Any], above: str = "") -> Iterator[str]:
    """Paths of all keys; the name of a class is `<class>`, the interval of one of its scores `<score>_interval`."""
    scores = content.get("intervals", {}) if above == OF_SCORES else {}
    for key, value in content.items():
        interval = "<score>_interval" if above.startswith(("per_class.", "operating_point.")) else "\\g<0>"
        name = "<score>" if key in scores else re.sub(r"^\w+_interval$", interval, key)
        name = "<class>" if above.endswith("per_class.") else name
        name = "<subject>" if above == "words.subjects." else name
        path = above + name
        if not path.endswith("per_class.<class>") and path not in ("words", "words.subjects"):
            yield path
        if isinstance(value, dict) and path not in NAMED:
            yield from keys_of(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from keys_of(value[0], f"{path}[].")


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    """metrics.json of a binary task of which two labels are swapped, as `classify.train.write_run` puts it together."""
    n = 60
    truth = np.arange(n) % 2
    y = np.where(np.arange(n) < 4, 1 - truth, truth)
    p = np.where(truth[:, None] == [0, 1], .9, .1) + np.linspace(-.05, .05, n)[:, None] * [1, -1]
    info = table_info([])
    frame = pd.DataFrame({"image_id": [f"{i:016x}" for i in range(n)], "path": [f"{i}.png" for i in range(n)],
                          "label": np.array(["ant", "bee"])[y], "group": None, "split": None,
                          "site": np.array(["east", "west"])[np.arange(n) % 3 // 2],
                          "duplicate_group": np.arange(n) // 2})
    split = Split("folds", np.full(n, "fold", object), np.arange(n) % 3, np.arange(n), pd.DataFrame(),
                  pd.DataFrame({"fold 0": [30, 30]}, index=["ant", "bee"]))
    nothing = np.zeros(n)
    told = pd.DataFrame({"review": nothing > 0, "review_reason": ""})
    predicted = Predicted(told, nothing == 0, np.zeros((n, 1)), p, p, p > .2, nothing > 0, nothing,
                          np.zeros((n, 3), int), np.zeros((n, 3)))
    task = Task("binary", ("ant", "bee"), y, Lineage((("ground",), ("wings",))))
    costs = CostMatrix(((0, 1), (10, 0)))
    shortcuts = pd.DataFrame([("nuisances", "label", .6, .5, .02, "")],
                             columns=["name", "target", "score", "chance", "gain", "warning"])
    point = OperatingPoint("bee", .5, ThresholdRule())
    sites = [{"site": "east", "n": 40, "n_home": 40, "classes": ["ant", "bee"],
              **{home + name: .9 for home in ("", "home_") for name in TOLD}}]
    beside = Comparisons({"majority": p}, shortcuts, Calibration("none", 1.0), point, nothing + .5, sites)
    found = score(task, split, predicted, beside, Bootstrap(20, 0), Context(.05, costs, frame, info))
    accepted = {**AcceptedError(.02, False, .8, 60, 0, .03, .75, 0).to_dict(), "confidence": CONFIDENCE}
    words = {"subjects": {"size": word_scores(Subject("size", ("big", "small"), y), p, y, split.fold)}, "mean": {}}
    return {**found.metrics, "accepted_error": accepted, "suspects": suspect_labels(frame, task, predicted).metrics,
            "words": words,
            "warnings": [], "versions": {}}


def test_every_key_stands_on_the_page(content: dict[str, Any]) -> None:
    assert content["suspects"]["pairs"] and "decision_curve" in content
    assert sorted(set(keys_of(content)) - documented()) == []


def test_the_page_names_nothing_that_is_gone(content: dict[str, Any]) -> None:
    of_findings = {"findings", "not_trained", "threshold_rule", "co_occurrence"}
    of_other_tasks = {"qwk", "mae", "adjacent_error_share"}
    of_the_file = {"files", "checksum"}
    assert documented() - set(keys_of(content)) - of_findings - of_other_tasks - of_the_file == set()
