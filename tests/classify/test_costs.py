"""Costs of wrong answers: read and refused, decided by, scored, and kept by the model."""
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import chest_table, made_table

from classify.audit.export import lines_of_task, to_csv, to_json
from classify.audit.run import audit
from classify.bundle import load_bundle, save_bundle
from classify.data.costs import CostMatrix, read_costs
from classify.data.lineage import Lineage
from classify.evaluate.decisions import decision_scores
from classify.evaluate.lineage import LineageRows, lineage_scores
from classify.evaluate.metrics import Bootstrap
from classify.evaluate.summary import plain
from classify.findings.train import train_findings
from classify.predict import predict
from classify.report.class_names import named_metrics
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError

CLASSES = ("ant", "bee", "cat")
GOOD = ",ant,bee,cat\nant,0,1,2\nbee,3,0,4\ncat,5,6,0\n"
GOLDEN = Path(__file__).parents[1] / "golden" / "model_v3"
# To call a bee anything else costs twenty times any other error.
COSTLY_BEE = ((0, 1, 1), (20, 0, 20), (1, 1, 0))
BRANCHES = 'wings = ["bee"]\nground = ["ant", "cat"]\n'


def written(folder: Path, text: str) -> Path:
    (folder / "costs.csv").write_text(text, encoding="utf-8")
    return folder / "costs.csv"


@pytest.mark.parametrize("text", [
    GOOD, "truth;cat;ant;bee\ncat;0;5;6\n\nbee;4,0;3;0,0\nant;2;0;1\n", "\ufeff" + GOOD.replace(",", "\t")])
def test_costs_are_read_in_the_order_of_the_classes(text: str, tmp_path: Path) -> None:
    assert read_costs(written(tmp_path, text), CLASSES).values == ((0, 1, 2), (3, 0, 4), (5, 6, 0))


def test_numbers_may_be_spelled_in_another_way(tmp_path: Path) -> None:
    found = read_costs(written(tmp_path, ",0.0,1\n1.0,7,0\n0,0,2.5\n"), ("0", "1"))
    assert found.values == ((0, 2.5), (7, 0))


@pytest.mark.parametrize("text, message", [
    (GOOD.replace("cat,5,6,0\n", ""), "the first column misses 'cat': name every class of the table once"),
    (GOOD.replace(",cat\n", "\n"), "the header misses 'cat'"),
    (GOOD.replace("bee,3", "ant,3"), "the first column misses 'bee'"),
    (GOOD + "ant,0,1,2\n", "the first column names 'ant' twice"),
    (GOOD + "dog,0,1,2\n", "the first column names 'dog', the table has ant, bee, cat"),
    (GOOD.replace(",3,0,4", ",3,0"), "the row 'bee' has 2 costs, the header names 3 classes"),
    (GOOD.replace(",3,0,4", ",3,0,4,5"), "the row 'bee' has 4 costs"),
    (GOOD.replace("3,0", "-3,0"), "calling 'bee' 'ant' is '-3': a cost of 0 or more"),
    (GOOD.replace("3,0", "dear,0"), "calling 'bee' 'ant' is 'dear': a number was wanted"),
    (GOOD.replace("3,0", ",0"), "calling 'bee' 'ant' is '': a number"),
    (GOOD.replace("3,0", "inf,0"), "is 'inf': a number was wanted"),
    (GOOD.replace("3,0", "3,1"), "calling 'bee' 'bee' is '1': the right answer costs 0"),
    (",ant,bee,cat\nant,0,0,0\nbee,0,0,0\ncat,0,0,0\n", "all costs are 0"), ("", "holds no matrix"),
    (",ant,bee,cat\n", "holds no matrix")])
def test_a_matrix_that_does_not_suit_the_table_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_costs(written(tmp_path, text), CLASSES)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_missing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read .it is not text in UTF-8"):
        read_costs(tmp_path / "costs.csv", CLASSES)
    with pytest.raises(UserError, match="cannot be read .No such file"):
        read_costs(tmp_path / "none.csv", CLASSES)


def test_the_decision_costs_least_and_equal_costs_go_to_the_most_probable_class() -> None:
    costs, p = CostMatrix(((0, 1, 2), (3, 0, 4), (5, 6, 0))), np.random.default_rng(0).dirichlet(np.ones(3), 200)
    by_hand = [min(range(3), key=lambda k: sum(row[c] * costs.values[c][k] for c in range(3))) for row in p]
    assert costs.decide(p).tolist() == by_hand
    alike = CostMatrix(tuple(tuple(float(i != j) for j in range(3)) for i in range(3)))
    assert (alike.decide(p) == p.argmax(axis=1)).all()
    free = CostMatrix(((0, 0, 0), (0, 0, 0), (0, 1, 0)))
    assert free.decide(np.array([[.2, .5, .3], [.3, .7, 0]])).tolist() == [2, 1]


def test_costs_are_counted_beside_those_of_the_most_probable_class() -> None:
    costs, y = CostMatrix(((0, 1), (10, 0))), np.array([0, 0, 0, 1, 1])
    p = np.array([[.99, .01], [.8, .2], [.7, .3], [.7, .3], [.95, .05]])
    found = decision_scores(costs, ("no", "yes"), y, p, np.arange(5), Bootstrap(50))
    # Called by cost from a probability of 1 / 11 on: two false alarms and one miss; by probability two misses.
    assert (found["total"], found["predicted_total"], found["changed"]) == (12, 20, 3)
    assert found["mean"] == 12 / 5 and found["difference"] == pytest.approx(-8 / 5)
    assert found["confusion"] == [[1, 2], [1, 1]]
    assert (found["constant"], found["constant_mean"]) == ("yes", 3 / 5)
    assert found["per_class"]["yes"] == {"n": 2, "recall": .5, "mean": 5, "predicted_recall": 0, "predicted_mean": 10}
    low, high = found["intervals"]["difference"]
    assert low < found["difference"] < high


@pytest.mark.slow
def test_a_run_decides_by_cost_and_predicts_as_ever(tmp_path: Path) -> None:
    """Ordered stages with a lineage; to call a bee anything else costs twenty times any other error."""
    (tmp_path / "tree.toml").write_text(BRANCHES)
    costs_file = written(tmp_path, ",ant,bee,cat\nant,0,1,1\nbee,20,0,20\ncat,1,1,0\n")
    frame, info = made_table((24, 24, 24), features=4)
    settings = TrainSettings(order=CLASSES, costs=str(costs_file), lineage=str(tmp_path / "tree.toml"), folds=2,
                             resamples=5, jobs=1, model="logistic", calibration="none", alpha=.3)
    run = train(frame, info, tmp_path / "run", settings)
    table, costs = pd.read_csv(run.out / "predictions.csv"), run.scores.metrics["costs"]
    p = table[["p_ant", "p_bee", "p_cat"]].to_numpy()
    assert (table["predicted"] == np.array(CLASSES)[p.argmax(axis=1)]).all()
    assert (table["decision"] != table["predicted"]).sum() == costs["changed"] > 0
    assert costs["total"] == paid(table, costs["matrix"]) < costs["predicted_total"]
    assert table["expected_cost"].to_numpy() == pytest.approx((p @ np.array(costs["matrix"])).min(axis=1))
    page = (run.out / "report.html").read_text(encoding="utf-8")
    assert "Decisions by cost" in page and "--costs" in page and "mean cost" in run.sentence
    assert load_bundle(run.out).costs == CostMatrix(COSTLY_BEE)


def paid(table: pd.DataFrame, matrix: Sequence[Sequence[float]]) -> float:
    """Cost of the decisions of a table."""
    return sum(matrix[CLASSES.index(a)][CLASSES.index(b)] for a, b in zip(table["label"], table["decision"]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden model with a lineage and costs, in the folder of a run with scores at home."""
    run = tmp_path_factory.mktemp("run")
    lineage = Lineage((("ground",), ("wings",), ("ground",)))
    bundle = load_bundle(GOLDEN)
    save_bundle(replace(bundle, lineage=lineage, costs=CostMatrix(COSTLY_BEE),
                        conformal=replace(bundle.conformal, alpha=.4)), run / "model")
    rows = LineageRows(np.arange(3), np.eye(3) * .7 + .1, np.eye(3) > 0, np.arange(3))
    home = {"task": "multiclass", "n": 3, "accuracy": .9, "balanced_accuracy": .9, "intervals": {},
            "lineage": lineage_scores(lineage, CLASSES, rows, .4, Bootstrap(5)),
            "costs": decision_scores(CostMatrix(COSTLY_BEE), CLASSES, rows.y, rows.p, rows.split_group, Bootstrap(5))}
    (run / "metrics.json").write_text(json.dumps(plain(home)))
    return run


def test_a_saved_model_decides_by_its_costs(model: Path) -> None:
    bundle, (frame, info) = load_bundle(model), made_table((12, 12, 10), features=4, seed=5)
    told = predict(bundle, frame, info)
    p = told[["p_ant", "p_bee", "p_cat"]].to_numpy()
    assert list(told)[7:10] == ["predicted", "decision", "expected_cost"]
    assert list(told)[13:16] == ["prediction_set", "branch_set", "lineage_answer"]
    assert (told["predicted"] == np.array(CLASSES)[p.argmax(axis=1)]).all()
    assert (told["decision"] == np.array(CLASSES)[(p @ np.array(COSTLY_BEE)).argmin(axis=1)]).all()
    assert (told["decision"] == "bee").sum() > (told["predicted"] == "bee").sum()
    plain_model = predict(replace(bundle, costs=None), frame, info)
    pd.testing.assert_frame_equal(plain_model, told.drop(columns=["decision", "expected_cost"]))
    sure = np.where(p.max(axis=1) >= .6, told["predicted"], np.where(p[:, 0] + p[:, 2] >= .6, "ground", ""))
    assert (told["lineage_answer"] == sure).all() and set(sure) == {"", "ground", "ant", "bee"}


def test_an_audit_scores_branches_and_costs_here_and_at_home(model: Path, tmp_path: Path) -> None:
    frame, info = made_table((12, 12, 10), features=4, seed=5)
    frame = frame.assign(image_id=[f"elsewhere{i:07d}" for i in range(len(frame))])
    frame.loc[0, "label"] = None
    found = audit(model, frame, info, tmp_path / "audit.html")
    assert found.judged is not None and to_csv(found)["label_branch"][0] == ""
    here, told, table = found.judged.metrics, to_json(found), to_csv(found)[1:]
    lineage, branch = here["lineage"], {"ant": "ground", "bee": "wings", "cat": "ground"}
    same, wrong = table["label_branch"] == table["predicted_branch"], table["label"] != table["predicted"]
    assert (table["label_branch"] == table["label"].map(branch)).all()
    named = np.where(table["p_bee"] > .5, "wings", "ground")
    assert lineage["levels"][0]["accuracy"] == pytest.approx((named == table["label_branch"]).mean())
    assert (lineage["errors_inside"], lineage["errors_across"]) == ((wrong & same).sum(), (~same).sum())
    answer = table["lineage_answer"]
    right = (answer == table["label"]) | (answer == table["label_branch"])
    assert lineage["answers"][-1]["n"] == (answer != "").sum() > 0
    assert lineage["answers"][-1]["right"] == pytest.approx(right[answer != ""].mean())
    home = json.loads((model / "metrics.json").read_text())
    assert told["home"]["lineage"] == home["lineage"] and told["home"]["costs"] == home["costs"]
    assert here["costs"]["total"] == paid(table, COSTLY_BEE)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "Branches of the lineage" in page and "Decisions by cost" in page and "Mean cost at home" in page
    assert re.search(r"<td[^>]*>at home</td>", page)
    branches, costs = lines_of_task(here)
    assert branches.startswith(f"branches: accuracy {lineage['levels'][0]['accuracy']:.3f} on level 1")
    assert costs.startswith(f"costs: {here['costs']['mean']:.3g} on average by decision")


def test_findings_have_thresholds_and_no_costs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--costs is for tasks of one class an image"):
        train_findings(*chest_table(), tmp_path / "run", TrainSettings(task="multilabel", costs="any.csv"))


def test_pages_call_the_classes_by_their_names_wherever_a_table_names_one() -> None:
    metrics = {"per_class": {"0": {"n": 1}, "1": {"n": 2}},
               "lineage": {"confusions": [{"label": "0", "predicted": "1", "n": 3, "branch": "", "inside": False}]},
               "costs": {"constant": "1", "per_class": {"0": {"n": 1}, "1": {"n": 2}}},
               "coverage_by_part": [{"by": "class", "part": "1"}, {"by": "site", "part": "1"}]}
    shown = named_metrics(metrics, {"0": "normal", "1": "blast"})
    assert list(shown["per_class"]) == list(shown["costs"]["per_class"]) == ["normal", "blast"]
    assert shown["lineage"]["confusions"][0] == {
        "label": "normal", "predicted": "blast", "n": 3, "branch": "", "inside": False}
    assert shown["costs"]["constant"] == "blast"
    assert [part["part"] for part in shown["coverage_by_part"]] == ["blast", "1"], "a site is no class"
