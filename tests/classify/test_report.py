"""The classification report: what stands on the page, for many classes and few, with and without pictures."""
import base64
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import pytest
from made_run import made_run

import classify.report
from classify.accepted_error import AcceptedError
from classify.evaluate.for_report import concepts, reasons_of, report_numbers, scored_rows
from classify.report import calibration_and_sets, figures, model_card, overview, performance, write_report
from classify.report.class_names import check_names, class_names, label_column, shown_result
from classify.report.explanation import feature_table, parts_in_words, with_stability
from classify.report.figures import compared
from classify.report.review import reasons_for_review, rule_in_words
from classify.report.stability import stable_measurements
from classify.result import RunResult
from classify.settings import TrainSettings
from featurize.errors import UserError
from featurize.report.numbers import measurement, percent, score
from featurize.report.page import cell, render, table

CLASSES = ("ant", "bee", "cat", "dog")
VOID = {"meta", "img", "br", "input", "path", "col", "hr", "link"}


class Balance(HTMLParser):
    """Collects tags that are closed in another order than they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return made_run(tmp_path_factory.mktemp("images"), CLASSES, n=80, noise=2.5)


@pytest.fixture(scope="module")
def page(run: RunResult, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(run, tmp_path_factory.mktemp("page"))


def written(run: RunResult, folder: Path) -> str:
    write_report(folder / "report.html", run, report_numbers(run))
    return (folder / "report.html").read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees, without tags, styles and figures."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_report_links_to_nothing_outside_itself(page: str) -> None:
    addresses = re.findall(r"""(?:src|href|srcset|action|poster|xlink:href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)
    assert not re.search(r"@import|url\(|<link|<iframe|<object", page)


def test_figures_inside_the_page_load_nothing_either(page: str) -> None:
    import base64
    figures = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)
    assert len(figures) == page.count("data:image/svg") >= 5
    for data in figures:
        svg = base64.b64decode(data).decode()
        assert all(a.startswith(("#", "data:")) for a in re.findall(r"""href\s*=\s*["']([^"']*)["']""", svg))
        assert "@import" not in svg and "prefers-color-scheme" in svg


def test_tags_are_closed_in_the_order_they_were_opened(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert not parser.wrong and not parser.open


def test_warnings_stand_before_the_metrics(page: str) -> None:
    assert 0 < page.index('id="warnings"') < page.index('class="tiles"') < page.index('id="performance"')
    assert page.index("A shortcut") < page.index("3 classes have fewer"), "the serious one comes first"


def test_every_entry_of_the_contents_has_its_section(page: str) -> None:
    contents = re.search(r"<nav.*?</nav>", page, re.S)
    assert contents
    anchors = re.findall(r'href="#([^"]+)"', contents.group())
    assert len(anchors) == len(set(anchors)) >= 5
    for anchor in anchors:
        assert f'<section id="{anchor}"' in page


@pytest.mark.slow
def test_a_class_name_with_html_is_escaped(tmp_path: Path) -> None:
    run = made_run(tmp_path / "i", ("<b>bold</b>", "a & b", '"quoted"'), n=45, noise=2.5)
    page = written(run, tmp_path)
    assert "<b>bold" not in page and "&lt;b&gt;bold&lt;/b&gt;" in page and "a &amp; b" in page


@pytest.mark.slow
def test_missing_images_are_said_not_fatal(tmp_path: Path) -> None:
    run = made_run(tmp_path / "images", CLASSES, n=40, noise=2.5)
    shutil.rmtree(tmp_path / "images")
    page = written(run, tmp_path)
    assert "not shown: c" in page and "data:image/jpeg" not in page


def test_pictures_are_there_when_they_can_be_found(page: str) -> None:
    assert page.count("data:image/jpeg") >= 16


@pytest.mark.slow
def test_without_errors_the_page_says_so(tmp_path: Path) -> None:
    run = made_run(tmp_path / "i", CLASSES[:3], n=60, noise=0)
    assert scored_rows(run).right.all()
    assert "None of the 60 images was named wrongly." in text_of(written(run, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("k", (2, 11))
def test_two_classes_and_eleven_make_a_page(k: int, tmp_path: Path) -> None:
    names = tuple(f"class number {i} with a name that is rather long for a table" for i in range(k))
    page = written(made_run(tmp_path / "i", names, n=6 * k, noise=2.5, pictures=False), tmp_path)
    assert page.count('class="row"') == k and len(page) < 2_000_000


@pytest.mark.slow
def test_the_page_of_the_same_run_is_the_same(run: RunResult, page: str, tmp_path: Path) -> None:
    assert written(run, tmp_path) == page


def test_headline_counts_what_the_predictions_say(run: RunResult) -> None:
    scored, table = scored_rows(run), run.predicted.table
    kept = table[~table["review"]]
    right = 100 * (kept["label"] == kept["predicted"]).mean()
    assert f"{right:.1f}\u00a0% were right" in overview.first_sentence(run, scored)


def test_a_class_never_predicted_has_no_precision_and_no_crash() -> None:
    by_class = {"ant": {"n": 3, "recall": 0.0, "precision": None, "f1": 0.0}}
    rows = performance.per_class(by_class, pd.DataFrame([[0, 3], [0, 5]], ["ant", "bee"], ["ant", "bee"]))["rows"]
    assert [c["text"] for c in rows[0]] == ["ant", "3", "0", "–", "0", "bee (3)"]
    assert performance.further_per_class(by_class) is None


def test_scores_of_the_probabilities_of_a_class_stand_in_a_table_of_their_own(run: RunResult) -> None:
    """In one table with the others they were cut at the right of the page."""
    by_class = {"ant": {"n": 3, "recall": .5, "recall_interval": [.1, 1.0], "mcc": .25, "brier": .1}}
    shown = performance.further_per_class(by_class)
    assert shown is not None and [h["text"] for h in shown["head"]] == ["Class", "Matthews correlation", "Brier score"]
    assert all(h["text"] != "Brier score" for h in performance.per_class(by_class, pd.DataFrame())["head"])


def test_an_interval_stands_below_its_value_in_a_wide_table() -> None:
    cells = [cell(".5 (.1–1)", key=.5)]
    assert table(["A"] * 9, [[cell("a (b)"), *cells * 8]])["rows"][0][1]["text"] == ".5\n(.1–1)"
    assert table(["A"] * 9, [[cell("a (b)"), *cells * 8]])["rows"][0][0]["text"] == "a (b)"
    assert table(["A"] * 2, [[cell("a"), *cells]])["rows"][0][1]["text"] == ".5 (.1–1)"


def test_the_table_of_shortcuts_says_what_properties_of_the_picture_add() -> None:
    """Without that an AUROC of .95 stood beside "no sign of a shortcut"."""
    found = pd.DataFrame([("nuisance", "label", .95, .5, .031, ""), ("features", "site", .9, .5, np.nan, "odd")],
                         columns=["name", "target", "score", "chance", "gain", "warning"])
    shown = performance.shortcut_table(found)
    assert shown is not None and [row[4]["text"] for row in shown["rows"]] == [percent(.031), "–"]
    assert "from 10\u00a0% on" in shown["foot"] and performance.shortcut_table(found.iloc[:0]) is None
    misleading = performance.shortcut_table(found.assign(gain=-.2))
    assert misleading is not None and misleading["rows"][0][4]["text"] == percent(0)


def test_errors_and_hits_have_another_hue() -> None:
    matrix = performance.confusion(pd.DataFrame([[8, 2], [0, 5]], ["ant", "bee"], ["ant", "bee"]))
    styles = [[c["style"] for c in row["cells"]] for row in matrix["rows"]]
    assert "--heat)" in styles[0][0] and "--heat-error" in styles[0][1] and styles[1][0] == ""
    # Rows may be left out (an audit of fewer classes): then the diagonal is no longer where row = column.
    part = performance.confusion(pd.DataFrame([[0, 5]], ["bee"], ["ant", "bee"]))
    assert "--heat)" in part["rows"][0]["cells"][1]["style"]


@pytest.mark.slow
def test_a_class_without_a_tested_image_makes_a_page(run: RunResult, tmp_path: Path) -> None:
    nothing = {"n": 0, "precision": None, "recall": None, "f1": None, "auroc": None, "coverage": None}
    metrics = {**run.scores.metrics, "auroc": None, "per_class": {**run.scores.metrics["per_class"], "dog": nothing}}
    metrics["intervals"] = {**metrics["intervals"], "auroc": [None, None]}
    confusion, curves = run.scores.confusion.copy(), run.scores.reliability
    confusion.loc["dog"] = 0
    scores = replace(run.scores, metrics=metrics, confusion=confusion, reliability=curves[curves["class"] != "dog"])
    predicted = replace(run.predicted, held_out=run.task.y != CLASSES.index("dog"))
    page = written(replace(run, scores=scores, predicted=predicted), tmp_path)
    assert "No image of this class was named correctly." in page


def test_pairs_in_one_set_are_counted(run: RunResult) -> None:
    shown = calibration_and_sets.pair_table(report_numbers(run).set_pairs)
    assert shown is not None and shown["rows"]
    for row in shown["rows"]:
        a, b = (CLASSES.index(name) for name in row[0]["text"].split(" and "))
        assert int(row[1]["text"]) == (run.predicted.sets[:, a] & run.predicted.sets[:, b]).sum()


def command_of(run: RunResult) -> str:
    return overview.command(run.table, run.out, run.settings)


def reproduced(run: RunResult) -> dict[str, Any]:
    return model_card.reproduce(run.info, run.table, command_of(run))


def test_how_to_make_it_again_is_both_commands_as_they_were_run(run: RunResult, tmp_path: Path) -> None:
    measured = r"python cli.py featurize 'my cells' --labels 'l 1.csv' --label-column kind --group-regex 'p(\d+)_'"
    known = replace(run, info=replace(run.info, command=measured), table="a b.parquet", out=Path("my run"),
                    settings=TrainSettings(order=("low one", "high")))
    assert reproduced(known)["commands"] == [
        measured + " -o 'a b.parquet'", "python cli.py classify 'a b.parquet' -o 'my run' --order 'low one,high'"]


def test_a_table_that_does_not_tell_its_command_is_named_by_its_folders(run: RunResult) -> None:
    folders = replace(run.info, sources=[{"site": "a", "root": "/my cells", "kind": "folder"}], mm_per_px=.00025)
    made = reproduced(replace(run, info=folders))
    assert made["commands"][0] == ("python cli.py featurize '/my cells' -o TABLE.parquet --preset whole "
                                   "--mm-per-px 0.00025")
    assert "must be given again" in made["note"]


def test_command_names_every_option_that_was_chosen(run: RunResult) -> None:
    assert command_of(run).endswith("/run --model lightgbm")
    other = replace(run, settings=replace(run.settings, model="auto", folds=3, alpha=.1))
    assert command_of(other).endswith("/run --folds 3 --alpha 0.1")
    promised = replace(run, settings=TrainSettings(accept_error=0., balance="over", sensitivity=.9, drop_leaks=True))
    assert command_of(promised).endswith("/run --sensitivity 0.9 --accept-error 0 --balance over --drop-leaks")


def test_the_stability_of_measurements_is_told_by_family_and_beside_every_feature(run: RunResult) -> None:
    features = run.explanation.features["feature"]
    parts = features.str.split("_", n=2, expand=True)
    table = pd.DataFrame({"feature": features, "family": parts[1], "region": parts[0], "icc": .9, "low": .8,
                          "high": .95, "images": 48.0})
    table.loc[0, ["icc", "low", "high"]] = .2, .1, .4
    table.loc[1, ["icc", "low", "high"]] = np.nan
    shown = replace(run, stability=table)
    told = stable_measurements(shown)
    assert told is not None and "48 images were measured again" in told["sentence"]
    assert f"1 of {len(table) - 1} measurements are below .5" in told["sentence"]
    assert stable_measurements(run) is None
    merged = with_stability(run.explanation.features, table)
    assert merged["icc"].iloc[0] == .2 and list(merged["feature"]) == list(features)
    shown_table = feature_table(merged, "cell")
    at = [head["text"] if isinstance(head, dict) else head for head in shown_table["head"]].index("Stability")
    assert [row[at]["text"] for row in shown_table["rows"][:2]] == [score(.2), "–"]


def test_the_parts_of_a_model_are_told_where_there_are_two() -> None:
    told = parts_in_words(pd.DataFrame({"part": ["linear", "trees"], "importance": [2.5, .5]}))
    assert "on products of two of them, mean size 2.5" in told and "trees add, mean size" in told
    assert parts_in_words(pd.DataFrame({"part": [], "importance": []})) == ""


def test_the_rule_of_review_is_told_as_it_is() -> None:
    promise = AcceptedError(.02, True, .8, 60, 0, .01, .75, 0)
    assert "below .800" in rule_in_words(promise) and "prediction set" not in rule_in_words(promise)
    broken = replace(promise, images=0)
    assert rule_in_words(broken).startswith("Every image")
    for none in (None, replace(broken, chosen=False)):
        assert "below .500" in rule_in_words(none) and "prediction set" in rule_in_words(none)


def test_the_middle_of_the_picture_is_named_where_one_cell_is_meant_only() -> None:
    assert "in the middle" in rule_in_words(None) and "in the middle" not in rule_in_words(None, single=False)
    assert ", and where an image is less like" in rule_in_words(None, single=False)


def test_an_image_is_not_compared_with_its_own_relatives(run: RunResult) -> None:
    split_group = np.zeros_like(run.split.split_group)
    alone = replace(run, split=replace(run.split, split_group=split_group))
    listed = concepts(run)
    reasons = reasons_of(alone, listed, 0, (0, 1))
    assert reasons and all(r.place is None for r in reasons)
    assert any(r.place is not None for r in reasons_of(run, listed, 0, (0, 1)))


def test_the_checklist_links_to_sections_of_the_page(page: str) -> None:
    checklist = page[page.index('id="reporting-checklist"'):page.index('id="how-to-make-it-again"')]
    anchors = set(re.findall(r'href="#([^"]+)"', checklist))
    assert "performance" in anchors and all(f'id="{anchor}"' in page for anchor in anchors)
    assert "Nobody has said what the model is for" in page


def test_card_says_that_it_is_no_diagnosis(page: str) -> None:
    assert "For research use; no diagnosis." in page


def test_values_that_are_all_perfect_are_drawn_on_an_axis_of_some_width() -> None:
    """matplotlib warns of an axis from 1 to 1, and warnings are errors here."""
    drawn = compared([("accuracy", [("model", 1.0, 1.0, 1.0), ("majority", 1.0, None, None)])])
    assert drawn.startswith("data:image/svg")


def test_a_template_that_lacks_a_name_fails_loudly() -> None:
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render("base.html.j2", {})


@pytest.mark.slow
def test_the_report_shows_the_names_of_classes_and_no_label(tmp_path: Path) -> None:
    """Labels that occur nowhere else in the page, so that one that is left would be found."""
    made = made_run(tmp_path, ("qz0", "qz1", "qz2"))
    names = {"qz0": "normal lung", "qz1": "pneumonia", "qz2": "effusion"}
    result = replace(made, settings=replace(made.settings, names=names))
    assert set(made.predicted.table["label"].dropna()) == set(names)
    shown = shown_result(result)
    write_report(tmp_path / "r.html", shown, report_numbers(shown))
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    without_command = re.sub(r"qz0=normal lung,qz1=pneumonia,qz2=effusion|\{[^}]*qz0[^}]*\}", "", page)
    # Made-up pictures lie in folders called as the labels.
    assert not re.findall(r"qz\d(?!/)", re.sub(r"images/qz\d|qz\d/", "", without_command))
    charts = [base64.b64decode(c).decode() for c in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]
    charts = [re.sub(r"base64,[^\"]+", "", chart) for chart in charts]  # pictures within them
    assert not any("qz" in chart for chart in charts) and any("pneumonia" in chart for chart in charts)
    assert page.count("pneumonia") > 20 and "--names &#39;qz0=normal lung" in page


def with_names(run: RunResult, names: dict[str, str]) -> RunResult:
    return shown_result(replace(run, settings=replace(run.settings, names=names)))


@pytest.mark.slow
def test_names_of_classes_stand_in_the_place_of_labels(tmp_path: Path) -> None:
    run = made_run(tmp_path / "i", ("0", "1"), n=60, noise=2.5, pictures=False)
    page = text_of(written(with_names(run, {"0": "normal", "1": "pneumonia"}), tmp_path))
    assert "normal, called pneumonia" in page or "pneumonia, called normal" in page
    assert "0, called 1" not in page and "1, called 0" not in page
    bare = text_of(written(with_names(run, {}), tmp_path))
    assert "class 0, called class 1" in bare or "class 1, called class 0" in bare


def test_the_column_of_the_label_explains_a_bare_number() -> None:
    info = SimpleNamespace(command="python cli.py featurize 'my films' --labels l.csv --label-column Effusion")
    assert label_column(info) == "Effusion"  # type: ignore[arg-type]
    assert class_names(("0", "1"), {}, "Effusion") == ("Effusion = 0", "Effusion = 1")
    assert class_names(("ant", "bee"), {}, "Effusion") == ("ant", "bee")


def test_warnings_name_classes_as_the_page_does(run: RunResult) -> None:
    warned = replace(run, warnings=("the sets hold the truth in 68 % of 'ant' instead of 95 %",))
    named = with_names(warned, {"ant": "Formica"}).warnings
    assert named == ("the sets hold the truth in 68 % of 'Formica' instead of 95 %",)


@pytest.mark.parametrize("names, message", [
    ({"wasp": "x"}, "names the class 'wasp', which the table does not have"),
    ({"ant": "bee"}, "gives the name 'bee' to two classes"), ({"ant": "x", "bee": "x"}, "gives the name 'x' to two")])
def test_wrong_names_are_refused(names: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_names(names, CLASSES)


@pytest.mark.slow
def test_review_says_why(run: RunResult, tmp_path: Path) -> None:
    page = text_of(written(run, tmp_path))
    assert "The prediction set holds several classes, or no class fits" in page and "for review" in page
    table = run.predicted.table.assign(review_reason=["cut|several cells" if r else "" for r in
                                                      run.predicted.table["review"]])
    told = text_of(written(replace(run, predicted=replace(run.predicted, table=table)), tmp_path))
    assert "The cell is cut by the rim of the picture" in told and "Several cells in the picture" in told
    assert "The prediction set holds several classes" not in told


def test_without_a_column_the_reasons_are_those_of_the_rules() -> None:
    table = pd.DataFrame({"review": [True, True, True, False], "novelty": [.5, .995, .2, .1]})
    sets = np.array([[True, True], [True, False], [True, False], [True, False]])
    empty = np.array([False, False, True, False])
    assert reasons_for_review(table, sets, empty, [.9, .9, .4, .9]) == [("set",), ("novel",), ("set", "unsure"), ()]


def test_sets_of_all_classes_are_no_success(run: RunResult, tmp_path: Path) -> None:
    sizes = run.scores.set_sizes.copy()
    sizes.iloc[:, :] = 0
    sizes.iloc[:, -1] = 20
    predicted = replace(run.predicted, sets=np.ones_like(run.predicted.sets))
    whole = replace(run, scores=replace(run.scores, set_sizes=sizes), predicted=predicted)
    numbers = report_numbers(whole)
    assert (numbers.sets_of_one, numbers.sets_of_all) == (0, 1) and (numbers.set_coverage["all"] == 1).all()
    tile = next(t for t in overview.tiles(whole, numbers) if t["name"] == "Sets of one class")
    assert tile["value"] == "0\u00a0%" and "100\u00a0% hold every class" in tile["range"]
    assert list(figures._grouped_sizes(sizes)) == ["1", "all 4"]


@pytest.mark.slow
def test_a_task_of_two_classes_has_curves_with_the_operating_point(run: RunResult, page: str, tmp_path: Path) -> None:
    assert "Operating point" not in page, "four classes have none"
    two = made_run(tmp_path / "i", ("no", "yes"), n=60, noise=2.5, pictures=False)
    shown = text_of(written(two, tmp_path))
    assert "Even odds: the class that the model names" in shown and "Precision against sensitivity" in shown
    hits = two.scores.confusion.to_numpy()
    table = performance.operating_points(two, report_numbers(two))
    assert table is not None
    assert table["table"]["rows"][0][2]["text"].startswith(score(hits[1, 1] / hits[1].sum()))
    assert [row[0]["text"] for row in table["table"]["rows"]][1] == (
        "Stored with the model: largest sum of sensitivity and specificity (Youden)")
    assert [cell["text"] for cell in table["table"]["rows"][1][1:4]] == [
        ".370", ".800 (.700–.900)", ".600 (.500–.700)"]
    assert "its scores here come from images of other folds" in table["table"]["foot"]


def test_many_classes_have_upright_names_above_narrow_columns() -> None:
    names = [f"class {i}" for i in range(11)]
    assert performance.confusion(pd.DataFrame(np.eye(11), names, names))["tight"]
    assert not performance.confusion(pd.DataFrame(np.eye(4), names[:4], names[:4]))["tight"]
    css = (Path(classify.report.__file__).parents[2] / "featurize/report/style.css").read_text(encoding="utf-8")
    assert re.search(r"\.tight th\.column \{[^}]*writing-mode: vertical-rl", css)


def test_what_decided_has_definitions_and_sums(page: str) -> None:
    assert re.search(r'<abbr title="most parts that any erosion leaves[^"]*column nucleus_morphology_lobes">lobes of '
                     "the nucleus</abbr>", page)
    assert re.search(r'<tr class="summed"><td><abbr title="\d measurements? added up', page)
    assert "all other measurements" in page


def test_huge_values_are_powers_of_ten() -> None:
    assert measurement(123456789.0) == "1.23·10⁸" and measurement(-2e5, "px") == "−2.00·10⁵\u00a0px"
