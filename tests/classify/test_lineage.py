"""Lineages: read and refused, scored at every level, and kept by the model."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.bundle import load_bundle
from classify.data.lineage import Lineage, read_lineage
from classify.evaluate.lineage import LineageRows, lineage_scores
from classify.evaluate.metrics import Bootstrap
from classify.predict import predict
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError

TREE = 'wings = ["bee"]\n[ground]\nsmall = ["ant"]\nlarge = ["cat", "dog"]\n'
CLASSES = ("ant", "bee", "cat", "dog")


def written(folder: Path, text: str) -> str:
    (folder / "tree.toml").write_text(text)
    return str(folder / "tree.toml")


def test_branches_of_every_level(tmp_path: Path) -> None:
    found = read_lineage(written(tmp_path, TREE), CLASSES)
    assert found.branches(1)[0] == ("ground", "wings") and found.branches(1)[1].tolist() == [0, 1, 0, 0]
    assert found.branches(2)[0] == ("ground/small", "wings", "ground/large") and found.depth == 2


def test_the_branch_of_a_set_is_the_smallest_that_holds_it(tmp_path: Path) -> None:
    found = read_lineage(written(tmp_path, TREE), CLASSES)
    sets = np.array([[0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 0, 0]], bool)
    assert [found.branch_of(row) for row in sets] == ["ground/large", "ground", "", "wings"]


@pytest.mark.parametrize("name, classes", [
    ("marrow", ("BLA", "LYT", "PMO")), ("blood", ("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte",
                                                  "monocyte", "neutrophil", "platelet")),
    ("blood", ("basophil", "eosinophil", "erythroblast", "lymphocyte_typical", "metamyelocyte", "monocyte",
               "myeloblast", "myelocyte", "neutrophil_banded", "neutrophil_segmented", "promyelocyte"))])
def test_shipped_lineages_know_their_classes(name: str, classes: tuple[str, ...]) -> None:
    assert len(read_lineage(name, classes).branches(1)[0]) == 2


@pytest.mark.parametrize("text, message", [
    (TREE + 'more = ["bee"]', "the class 'bee' stands in wings and in ground/more: name each class once"),
    ('a = ["ant", "bee", "cat"]', "the class 'dog' of the table stands in no branch"),
    (TREE.replace("bee", 'bee", "fly'), "the class 'fly' is unknown, the table has ant, bee, cat, dog"),
    ('a = ["ant", "bee", "cat", "dog"]', "at least two branches are wanted"),
    ("a = 3", "a list of class names was wanted"), ("a =", "is not TOML"), ('"a/b" = ["ant"]', "rename it")])
def test_a_lineage_that_does_not_suit_the_table_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_lineage(written(tmp_path, text), CLASSES)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_names_the_lineages_that_ship() -> None:
    with pytest.raises(UserError, match="cannot be read .*one of blood, marrow"):
        read_lineage("nowhere.toml", CLASSES)


def test_scores_of_branches_are_those_of_summed_probabilities() -> None:
    tree = Lineage((("a",), ("a",), ("b",)))
    p = np.array([[.4, .5, .1], [.2, .2, .6], [.3, .3, .4], [.1, .2, .7]])
    y = np.array([0, 2, 0, 1])
    found = lineage_scores(tree, ("p", "q", "r"), LineageRows(y, p, p > .35, np.arange(4)), .35, Bootstrap(5))
    level = found["levels"][0]
    # Branches: truth a b a a; probabilities of a .9 .4 .6 .3; sets {a} {b} {b} {b}.
    assert level["accuracy"] == .75 and level["coverage"] == .5
    assert level["log_loss"] == pytest.approx(-np.log([.9, .6, .6, .3]).mean())
    # Wrong classes: row 0 (1 for 0, inside), row 2 (2 for 0) and row 3 (2 for 1).
    assert (found["errors_inside"], found["errors_across"], found["sets_in_one_branch"]) == (1, 2, 1.0)
    assert found["confusions"] == [
        {"label": "p", "predicted": "q", "n": 1, "branch": "a", "inside": True},
        {"label": "p", "predicted": "r", "n": 1, "branch": "", "inside": False},
        {"label": "q", "predicted": "r", "n": 1, "branch": "", "inside": False}]
    # With a probability of .65: a (.9), no answer (.6 and .6), r (.7), of which only the first holds the truth.
    answers = {row["level"]: (row["n"], row["right"]) for row in found["answers"]}
    assert answers["1"] == (1, 1.0) and answers["class"] == (1, 0.0) and answers["any"] == (2, .5)
    assert answers["none"][0] == 2 and np.isnan(answers["none"][1])


def test_an_answer_is_the_smallest_node_that_is_probable_enough() -> None:
    tree = Lineage((("a", "x"), ("a", "x"), ("a", "y"), ("b",)))
    p = np.array([[.96, .02, .01, .01], [.5, .46, .02, .02], [.5, .2, .28, .02], [.3, .2, .2, .3], [.02, 0, .03, .95]])
    level, number = tree.surest_nodes(p, .95)
    assert level.tolist() == [3, 2, 1, 0, 3]
    assert number.tolist() == [0, 0, 0, -1, 3]
    # .7 + .1 + .1 falls short of .9 by rounding.
    assert tree.surest_nodes(np.array([[.7, .1, .1, .1]]), .9)[0].tolist() == [1]


@pytest.mark.slow
def test_a_run_scores_its_lineage_and_the_model_keeps_it(tmp_path: Path) -> None:
    frame, info = made_table((20,) * 4, features=4)
    settings = TrainSettings(lineage=written(tmp_path, TREE), folds=2, resamples=2, jobs=1, model="logistic",
                             calibration="none", alpha=.4)
    run = train(frame, info, tmp_path / "run", settings)
    levels = run.scores.metrics["lineage"]["levels"]
    assert [level["level"] for level in levels] == [1, 2] and set(levels[0]["per_branch"]) == {"ground", "wings"}
    assert run.scores.metrics["lineage"]["branch_of_class"]["dog"] == "ground/large"
    stored = pd.read_csv(tmp_path / "run" / "predictions.csv", keep_default_na=False)
    assert {"wings", "ground/large"} <= set(stored["branch_set"])
    assert "By branch" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    fresh = predict(load_bundle(tmp_path / "run"), frame, info)
    alone = fresh["prediction_set"] == "bee"
    assert alone.any() and (fresh.loc[alone, "branch_set"] == "wings").all()
