"""The audit of a table from elsewhere, with the golden model, whose classes are ant, bee and cat."""
import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.accepted_error import AcceptedError
from classify.audit import shift
from classify.audit.examine import examine, home_metrics
from classify.audit.export import to_csv, to_json
from classify.audit.page import figures
from classify.audit.page.write import write_audit
from classify.audit.result import Audit, Judged
from classify.audit.run import audit
from classify.audit.warnings import warnings
from classify.bundle import load_bundle
from classify.data.tasks import encode_as
from classify.evaluate.parts_of_table import parts_of_table
from classify.evaluate.review_scores import abstention
from classify.predict import predict
from classify.uncertainty.known_images import Copies, known_line, trained_on
from featurize.errors import UserError
from featurize.report.numbers import percent
from featurize.table import TableInfo

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
HOME = {"n": 90, "accuracy": .9, "balanced_accuracy": .99, "macro_f1": .9, "auroc": .99, "ece": .02, "coverage": .95,
        "review_share": .1, "intervals": {"balanced_accuracy": [.97, 1.0]}}


@pytest.fixture(scope="module")
def elsewhere() -> tuple[pd.DataFrame, TableInfo]:
    """Sixty rows; one feature is higher than at home by ten, some images belong to an unknown class."""
    frame, info = made_table((25, 20, 15), features=4, seed=5)
    frame["image_id"] = [f"elsewhere{i:07d}" for i in range(len(frame))]
    frame["nucleus_color_feature0"] += 10
    frame.loc[:3, "label"] = "wasp"
    return frame, info


@pytest.fixture(scope="module")
def result(elsewhere: tuple[pd.DataFrame, TableInfo]) -> Audit:
    return examine(load_bundle(GOLDEN), HOME, *elsewhere)


@pytest.fixture(scope="module")
def page(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("audit")
    shutil.copytree(GOLDEN / "model", folder / "run" / "model")
    (folder / "run" / "metrics.json").write_text(json.dumps(HOME))
    audit(folder / "run", *elsewhere, folder / "audit.html")
    return (folder / "audit.html").read_text(encoding="utf-8")


def judged_of(result: Audit) -> Judged:
    assert result.judged is not None
    return result.judged


def test_audit_links_to_nothing_outside_itself(page: str) -> None:
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)


def test_labels_that_the_model_does_not_know_are_named_and_left_out(result: Audit, page: str) -> None:
    assert dict(result.unknown) == {"wasp": 4} and len(judged_of(result).rows) == len(result.frame) - 4
    assert "Labels that the model does not know: wasp (4)." in page
    assert sum(c["n"] for c in judged_of(result).metrics["per_class"].values()) == len(judged_of(result).rows)


def test_predictions_are_those_of_the_command_predict(result: Audit) -> None:
    table = predict(result.bundle, result.frame, result.info)
    assert list(table["predicted"]) == list(result.table["predicted"])
    right = (table["predicted"] == table["label"])[result.frame["label"] != "wasp"]
    assert judged_of(result).metrics["accuracy"] == pytest.approx(right.mean())


def test_a_promise_about_images_without_review_that_is_broken_here_is_told(
        elsewhere: tuple[pd.DataFrame, TableInfo], result: Audit, tmp_path: Path) -> None:
    bundle, promise = load_bundle(GOLDEN), AcceptedError(.02, False, .4, 60, 0, .019, .75, 0)
    rule = replace(bundle.review, by_set=False, least_probability=.4, most_novelty=1.0, accepted=promise)
    home = {**HOME, "review": {"errors_kept": .0123, "errors_found": .9}}
    found = examine(replace(bundle, review=rule), home, *elsewhere)
    judged = judged_of(found)
    table = found.table.iloc[judged.rows]
    kept, wrong = ~table["review"], table["predicted"] != table["label"]
    assert judged.metrics["review"]["errors_kept"] == pytest.approx(wrong[kept].mean())
    assert judged.metrics["review_share"] == pytest.approx(table["review"].mean())
    text = (f"{wrong[kept].sum()} of {kept.sum()} predictions without review are wrong here "
            f"({percent(wrong[kept].mean())}), not at most 2.0\u00a0% as promised")
    assert any(text in w["text"] and w["level"] == "serious" for w in warnings(found))
    assert not any("need no review" in w["text"] for w in warnings(result)), "this model promises nothing"
    write_audit(tmp_path / "audit.html", found)
    assert "1.2\u00a0%" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_the_feature_that_was_moved_is_found(result: Audit) -> None:
    moved = result.shift.set_index("feature").loc["nucleus_color_feature0"]
    at = result.bundle.model.features.index("nucleus_color_feature0")
    assert moved["shift"] == pytest.approx((moved["here"] - moved["training"]) / result.bundle.novelty.space.scale[at])
    assert moved["shift"] > 2 and result.shift["feature"].iloc[0] == "nucleus_color_feature0"
    others = result.shift[result.shift["feature"] != "nucleus_color_feature0"]
    assert others["shift"].abs().max() < moved["shift"] / 3


def test_scores_at_home_stand_beside_those_here(page: str) -> None:
    assert "at home .990" in page and "lower than at home" in page


def test_without_labels_only_the_shift_is_shown(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = elsewhere
    audit(GOLDEN, frame.assign(label=None), info, tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert 'id="shifted-features"' in page and 'id="novelty"' in page
    assert 'id="calibration"' not in page and "What the model called these images" in page


def test_images_that_the_model_was_trained_on_are_counted() -> None:
    bundle = load_bundle(GOLDEN)
    frame, info = made_table((5, 5, 5), features=4, seed=2)
    frame["image_id"] = bundle.train_ids[:15]
    assert examine(bundle, None, frame, info).trained_on.all()


def training_images() -> tuple[pd.DataFrame, TableInfo]:
    """The golden model's own table under other names, as a copy of the folder would be measured."""
    frame, info = made_table((30, 30, 30), features=4)
    return frame.assign(image_id=[f"copy{i:012d}" for i in range(len(frame))]), info


@pytest.mark.slow
def test_training_images_are_recognized_by_what_was_measured(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path
                                                             ) -> None:
    bundle, (frame, info) = load_bundle(GOLDEN), training_images()
    found = examine(bundle, HOME, frame, info)
    assert found.trained_on.all() and not examine(bundle, HOME, *elsewhere).trained_on.any()
    assert warnings(found)[0]["text"].startswith("The model was trained on all 90 images")
    page = audit_page(found, tmp_path)
    assert "✓" not in page and page.index("was trained on all") < page.index("were named correctly")


def test_a_near_copy_lies_nearer_than_training_images_lie_to_each_other(result: Audit) -> None:
    points = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    nearest = np.sort([np.sort(np.linalg.norm(points - p, axis=1))[1] for p in points])
    bundle = replace(result.bundle, novelty=replace(result.bundle.novelty, points=points))
    no_copies = Copies(np.zeros(len(result.frame), bool), np.zeros(len(result.frame), bool))
    for axes, distance, known in ((30, .5 * nearest[0], True), (30, nearest[0], False), (6, .5 * nearest[0], False),
                                  (6, 0, True)):
        few = replace(bundle, novelty=replace(bundle.novelty, points=points[:, :axes]))
        near = replace(result.predictions, distances=np.full_like(result.predictions.distances, distance))
        assert trained_on(few.train_ids, few.novelty.points, result.frame, near.distances, no_copies).all() == known


def test_the_first_line_says_where_prediction_sets_do_not_hold(result: Audit, elsewhere: tuple[pd.DataFrame, TableInfo],
                                                               tmp_path: Path) -> None:
    judged = judged_of(result)
    leads = []
    for high in (.94, .96):
        metrics = {**judged.metrics, "coverage": .5,
                   "intervals": {**judged.metrics["intervals"], "coverage": [.4, high]}}
        leads.append(lead_of(audit_page(replace(result, judged=replace(judged, metrics=metrics)), tmp_path)))
    assert leads[0].startswith("The prediction sets do not hold here: 50.0\u00a0% of them contain the truth, 95\u00a0%")
    assert leads[1].startswith("Of 56 labelled images")
    unlabelled = examine(load_bundle(GOLDEN), HOME, elsewhere[0].assign(label=None), elsewhere[1])
    for share, line, said in ((.5, "", True), (.0, "unlike; together", True), (.0, "", False)):
        found = replace(unlabelled, novel_share=share, batch_line=line)
        lead = lead_of(audit_page(found, tmp_path))
        assert lead.startswith("These images are unlike those at home, and the promise of the prediction sets") == said


def lead_of(page: str) -> str:
    """The first paragraph under the title."""
    found = re.search(r'<p class="lead">\s*(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_other_images_of_a_table_with_training_images_are_scored_apart(elsewhere: tuple[pd.DataFrame, TableInfo]
                                                                           ) -> None:
    frame, info = training_images()
    known = frame.head(10).assign(duplicate_group=np.arange(1000, 1010))
    found = examine(load_bundle(GOLDEN), HOME, pd.concat([elsewhere[0], known], ignore_index=True), info)
    assert found.trained_on.sum() == 10 and found.trained_on[-10:].all()
    alone = judged_of(examine(load_bundle(GOLDEN), HOME, *elsewhere)).metrics["accuracy"]
    first = warnings(found)[0]
    assert "trained on 10 of 70 images" in first["text"]
    assert f"Of the other 56 labelled images, {100 * alone:.1f}\u00a0% were named correctly" in first["advice"]


def audit_page(found: Audit, folder: Path) -> str:
    write_audit(folder / "audit.html", found)
    return (folder / "audit.html").read_text(encoding="utf-8")


def test_labels_of_which_the_model_knows_none_are_refused_with_both_lists(elsewhere: tuple[pd.DataFrame, TableInfo],
                                                                          tmp_path: Path) -> None:
    frame, info = elsewhere
    with pytest.raises(UserError, match="the table has 'wasp', the model knows 'ant', 'bee', 'cat'"):
        audit(GOLDEN, frame.assign(label="wasp"), info, tmp_path / "audit.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spelled", ("1.0", "01", "1", "1."))
def test_one_number_in_two_spellings_is_one_label(spelled: str) -> None:
    assert encode_as(pd.Series([spelled, "0", "wasp", None]), ("0", "1")).tolist() == [1, 0, -1, -1]
    assert encode_as(pd.Series(["1", "0"]), ("0.0", "1.0")).tolist() == [1, 0]
    # Two classes that differ by their spelling only are told apart by it.
    assert encode_as(pd.Series(["1", "1.0", "01"]), ("1", "1.0")).tolist() == [0, 1, -1]


def test_json_holds_the_numbers_of_the_page_and_csv_a_row_for_each_image(elsewhere: tuple[pd.DataFrame, TableInfo],
                                                                         tmp_path: Path) -> None:
    found = audit(GOLDEN, *elsewhere, tmp_path / "a.json")
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert read["here"]["accuracy"] == judged_of(found).metrics["accuracy"] and read["n"] == 60
    assert read["unknown_labels"] == {"wasp": 4} and read["shift"][0]["feature"] == "nucleus_color_feature0"
    assert [w["text"] for w in read["warnings"]] == [w["text"] for w in warnings(found)]
    kept = [step["kept"] for step in read["here"]["abstention"]]
    assert kept == pytest.approx(np.arange(1, 11) / 10, abs=.05) and kept[-1] == 1
    assert read["here"]["abstention"][-1]["errors"] == pytest.approx(1 - read["here"]["accuracy"])
    audit(GOLDEN, *elsewhere, tmp_path / "a.csv")
    rows = pd.read_csv(tmp_path / "a.csv")
    assert rows["predicted"].tolist() == found.table["predicted"].tolist() and not rows["trained_on"].any()


def test_a_table_is_asked_for_the_labels_of_the_model(elsewhere: tuple[pd.DataFrame, TableInfo],
                                                      tmp_path: Path) -> None:
    frame, info = elsewhere
    asked: list[tuple[str, ...]] = []

    def table_for(classes: tuple[str, ...], given: pd.DataFrame, of: TableInfo) -> tuple[pd.DataFrame, TableInfo]:
        asked.append(classes)
        return given.assign(label=frame["label"]), of
    audit(GOLDEN, frame.assign(label="wasp|hornet"), info, tmp_path / "a.csv", table_for)
    audit(GOLDEN, frame, info, tmp_path / "b.csv")
    assert asked == [("ant", "bee", "cat")]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_another_ending_is_refused_before_anything_is_read(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path
                                                           ) -> None:
    (tmp_path / "t.parquet").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"a name ending in \.html, \.json or \.csv was wanted"):
        audit(GOLDEN, *elsewhere, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes() == b"mine"


def test_few_labelled_images_leave_the_question_open(elsewhere: tuple[pd.DataFrame, TableInfo]) -> None:
    """As good as home in the middle, but the interval reaches far below: no reason for a green tick."""
    frame, info = elsewhere
    found = examine(load_bundle(GOLDEN), {**HOME, "balanced_accuracy": .5}, frame, info)
    judged = judged_of(found)
    said = []
    for interval in ([.3, .9], [.45, .55], [.3, .49]):
        metrics = {**judged.metrics, "intervals": {**judged.metrics["intervals"], "balanced_accuracy": interval}}
        texts = [w["text"] for w in warnings(replace(found, judged=replace(judged, metrics=metrics)))]
        said.append([t for t in texts if t.startswith("56 labelled images leave open how good the model is here")])
    assert len(said[0]) == 1 and not said[1]
    assert len(said[2]) == 1, "an interval that ends just below home does not ask whether the model is as good as there"


@pytest.mark.slow
def test_scores_that_one_class_makes_perfect_are_left_out(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path
                                                          ) -> None:
    """Where every image is an ant, whatever is called an ant is one: a precision of 1 is no merit."""
    frame, info = elsewhere
    ants = frame[frame["label"] == "ant"]
    found = examine(load_bundle(GOLDEN), HOME, ants, info)
    scores = judged_of(found).metrics
    assert np.isnan([scores["macro_precision"], scores["average_precision"], scores["per_class"]["ant"]["precision"]]
                    ).all() and np.isnan(scores["per_class"]["ant"]["precision_interval"]).all()
    assert 0 <= scores["per_class"]["ant"]["recall"] <= 1 and to_json(found)["here"]["macro_precision"] is None
    assert "<td>Macro-precision" not in audit_page(found, tmp_path)
    assert judged_of(examine(load_bundle(GOLDEN), HOME, frame, info)).metrics["macro_precision"] > 0


@pytest.mark.slow
def test_names_of_classes_stand_on_the_page_and_labels_in_the_data(elsewhere: tuple[pd.DataFrame, TableInfo],
                                                                   tmp_path: Path) -> None:
    bundle = load_bundle(GOLDEN)
    named = replace(bundle, settings={**bundle.settings, "names": {"ant": "Formica", "bee": "Apis", "cat": "Felis"}})
    found = examine(named, HOME, *elsewhere)
    page = audit_page(found, tmp_path)
    assert "Formica" in page and "Apis" in page and not re.search(r">\s*(ant|bee|cat)\b", page)
    assert set(to_csv(found)["predicted"]) <= {"ant", "bee", "cat"}
    assert to_json(found)["classes"] == ["ant", "bee", "cat"]


@pytest.mark.slow
def test_pictures_without_color_have_one_brightness(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = elsewhere
    channels = [f"image_quality_mean_{c}" for c in ("blue", "green", "red")]
    light = np.linspace(0, 1, len(frame))
    gray = frame.assign(**dict.fromkeys(channels, light))
    info = replace(info, nuisance=[*info.nuisance, *channels])
    found = examine(load_bundle(GOLDEN), HOME, gray, info)
    assert found.gray and set(judged_of(found).subgroups["by"]) & set(channels) == {"image_quality_mean_green"}
    page = audit_page(found, tmp_path)
    assert "mean brightness of the picture" in page and "mean green" not in page
    colored = examine(load_bundle(GOLDEN), HOME, gray.assign(image_quality_mean_red=light[::-1]), info)
    assert not colored.gray and set(channels) <= set(judged_of(colored).subgroups["by"])


def test_home_scores_are_found_beside_the_model_or_not_at_all(tmp_path: Path) -> None:
    assert home_metrics(tmp_path) is None
    (tmp_path / "model").mkdir()
    (tmp_path / "metrics.json").write_text('{"n": 3}')
    assert home_metrics(tmp_path) == {"n": 3} == home_metrics(tmp_path / "model")


def test_a_table_of_other_block_versions_is_refused(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = elsewhere
    other = TableInfo.from_json(info.to_json().replace('"color": 2', '"color": 3'))
    with pytest.raises(UserError, match="color v3, the model expects v2"):
        audit(GOLDEN, frame, other, tmp_path / "audit.html")
    assert not (tmp_path / "audit.html").exists()


def test_calibration_slope_finds_the_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) for row in p])
    sharper = p ** 2 / (p ** 2).sum(axis=1, keepdims=True)
    assert shift.calibration_slope(y, p) == pytest.approx(1, abs=.08)
    assert shift.calibration_slope(y, sharper) == pytest.approx(.5, abs=.04)
    assert shift.overconfidence(y, sharper) > .05 > abs(shift.overconfidence(y, p))


def test_a_part_that_fails_is_told_apart() -> None:
    n = 60
    frame = pd.DataFrame({"site": ["old"] * 40 + ["new"] * 20, "split": None, "group": None,
                          "focus": np.linspace(0, 1, n)})
    right = np.array([True] * 40 + [False] * 15 + [True] * 5)
    truth = pd.Series(["a", "b"] * 30)
    parts = parts_of_table(frame, truth, ["focus"])
    groups = shift.subgroups(parts, right, np.full(n, .9)).set_index(["by", "part"])
    assert groups.loc[("site", "new"), "against_rest"] == "worse"
    assert groups.loc[("site", "new"), "right"] == .25 and groups.loc[("focus", "low"), "n"] == 20
    assert groups.loc[("class", "a"), "against_rest"] == ""


def test_predict_marks_training_images_and_their_duplicates(elsewhere: tuple[pd.DataFrame, TableInfo]) -> None:
    """The duplicate was saved anew: its measurements differ, and the index has seen that it is the same picture."""
    bundle, (frame, info) = load_bundle(GOLDEN), training_images()
    known = frame.head(3).assign(duplicate_group=np.arange(1000, 1003))
    again = elsewhere[0].head(1).assign(image_id="again", duplicate_group=1002)
    told = predict(bundle, pd.concat([elsewhere[0].tail(20), known, again], ignore_index=True), info)
    assert told["trained_on"].tolist() == [False] * 20 + [True] * 4
    assert known_line(4, 24) == "The model was trained on 4 of 24 images, or on near copies of them."
    assert known_line(0, 24) == ""


@pytest.mark.parametrize("content", ['{"task": "binary", "acc', "[]", "", '{"accuracy": "high"}', '{"intervals": [1]}',
                                     "\ud800", '{"task": "multilabel", "findings": 5}', "[" * 100_000])
def test_a_metrics_json_that_is_damaged_or_foreign_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(UserError, match="is not the metrics.json of a run"):
        home_metrics(tmp_path)


def test_measurements_that_differ_in_the_middle_of_their_names_are_told_apart_in_the_chart_of_shifts() -> None:
    names = [f"cell_radial_ring{ring}_a_mean" for ring in range(4)]
    moved = pd.DataFrame({"feature": names, "importance": 1.0, "shift": 1.0})
    drawn = base64.b64decode(figures.shifts(moved, "cell").split(",", 1)[1]).decode()
    assert all(f"ring {ring} from the rim" in drawn for ring in range(1, 5))


@pytest.mark.parametrize("known", [True, False])
def test_the_surest_answers_here_are_drawn_beside_those_at_home(result: Audit, known: bool, tmp_path: Path) -> None:
    steps = abstention(np.repeat([0, 1], 20), np.tile([.8, .1, .1], (40, 1)), np.arange(40))
    write_audit(tmp_path / "a.html", replace(result, home={**HOME, **({"abstention": steps} if known else {})}))
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    chart = page.partition('aria-label="Do the surest answers stay good?"')[2].partition("</figure>")[0]
    drawn = base64.b64decode(chart.partition("base64,")[2].partition('"')[0]).decode()
    assert (">at home</text>" in drawn) == known and ">here</text>" in drawn
    assert ("100\u00a0% at home are right" in chart, "The line at home is not known" in chart) == (known, not known)
    assert result.judged is not None
    assert result.judged.metrics["abstention"][-1]["errors"] == 1 - result.judged.metrics["accuracy"]
