"""Several findings at once: shared division, thresholds, files, and the saved model on rows again."""
import html
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import chest_table, made_table
from sklearn.metrics import roc_auc_score

import cli
from classify.audit.examine import home_metrics
from classify.audit.run import audit
from classify.evaluate.metrics import Bootstrap
from classify.findings import train as findings_train
from classify.findings.audit import FindingsAudit, examine_run
from classify.findings.audit_page import summary_lines
from classify.findings.audit_page import warnings as findings_warnings
from classify.findings.audit_run import audit_findings
from classify.findings.bundle import is_findings_model, load_findings
from classify.findings.evaluate import ScoredFinding, finding_scores, means
from classify.findings.predict import predict_findings
from classify.findings.result import FindingsResult
from classify.findings.split import PartShares, shared_split, split_of, with_test_part
from classify.findings.tables import Findings, findings_of, has_several_labels, table_for, task_of
from classify.findings.train import train_findings
from classify.settings import TrainSettings
from featurize.errors import UserError
from featurize.report.numbers import percent, score
from featurize.table import TableInfo, write_table

MEASURED = "python cli.py featurize 'my films' --labels films.csv --label-column 'Finding Labels'"
QUICK = TrainSettings(task="multilabel", folds=2, jobs=1, resamples=20, rounds=40)


@pytest.fixture(scope="module")
def findings_run(tmp_path_factory: pytest.TempPathFactory) -> FindingsResult:
    frame, info = chest_table()
    frame.loc[:3, "label_Edema"] = pd.NA
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings_train, "write_report", lambda path, result, numbers: path.write_text(str(path)))
        return train_findings(frame, replace(info, command=MEASURED), tmp_path_factory.mktemp("findings") / "my run",
                              QUICK, table="my table.parquet")


@pytest.mark.slow
def test_every_known_finding_is_predicted_out_of_fold_and_well(findings_run: FindingsResult) -> None:
    table = pd.read_csv(findings_run.out / "predictions.csv")
    assert list(findings_run.metrics["findings"]) == ["Edema", "Effusion"]
    assert all(f["auroc"] > .8 for f in findings_run.metrics["findings"].values())
    assert table["fold"].notna().all() and table["label_Edema"].isna().sum() == 4
    assert findings_run.metrics["findings"]["Edema"]["n"] == len(table) - 4


def test_no_patient_is_in_two_folds(findings_run: FindingsResult) -> None:
    assert findings_run.table.groupby("group")["fold"].nunique().max() == 1


def test_predictions_have_the_promised_columns(findings_run: FindingsResult) -> None:
    assert list(findings_run.table) == [
        "image_id", "path", "group", "site", "split", "fold", "label_Edema", "label_Effusion", "label_Hernia",
        "predicted", "p_Edema", "p_Effusion", "set_Edema", "set_Effusion", "novelty", "review", "review_reason"]
    assert set(findings_run.table["set_Edema"]) <= {"absent", "present", "absent|present"}
    assert set(findings_run.table["predicted"]) <= {"", "Edema", "Effusion", "Edema|Effusion"}


def test_a_film_for_review_says_why_and_others_do_not(findings_run: FindingsResult) -> None:
    table = pd.read_csv(findings_run.out / "predictions.csv", keep_default_na=False)
    assert table["review"].any() and ((table["review_reason"] != "") == table["review"]).all()
    undecided = (table[["set_Edema", "set_Effusion"]] == "absent|present").any(axis=1)
    assert undecided.any() and table.loc[undecided, "review_reason"].str.split("|").map(lambda r: "set" in r).all()
    by_reason = findings_run.metrics["review"]["by_reason"]
    assert by_reason["set"] == pytest.approx(table["review_reason"].str.contains("set").mean())
    assert findings_run.metrics["review_share"] == pytest.approx(table["review"].mean())


def test_suspects_of_all_findings_stand_in_one_file(findings_run: FindingsResult) -> None:
    suspects = pd.read_csv(findings_run.out / "suspects.csv")
    assert set(suspects["finding"]) == {"Edema", "Effusion"} and suspects["score"].is_monotonic_decreasing


def test_the_page_gives_both_commands_as_they_were_run(findings_run: FindingsResult) -> None:
    page = html.unescape((findings_run.out / "report.html").read_text(encoding="utf-8"))
    assert f"{MEASURED} -o 'my table.parquet'\n" in page
    ran = f"python cli.py classify 'my table.parquet' -o '{findings_run.out}' --task multilabel --folds 2"
    assert page.count(ran) == 2


def test_a_rare_finding_has_no_score_but_a_line(findings_run: FindingsResult) -> None:
    assert "3 images have it" in findings_run.metrics["not_trained"]["Hernia"]
    assert "1 finding was not trained: Hernia (3); each is wanted in at least 10 images" in findings_run.warnings
    assert "Hernia" not in findings_run.metrics["findings"]


def test_the_saved_model_predicts_a_table_without_labels(findings_run: FindingsResult) -> None:
    assert is_findings_model(findings_run.out)
    models = load_findings(findings_run.out)
    frame = findings_run.frame.drop(columns=[c for c in findings_run.frame if c.startswith("label_")])
    told = predict_findings(models, frame, findings_run.info, explain=True)
    assert ((told["p_Edema"] >= models[0].threshold) == told["predicted"].str.contains("Edema")).all()
    assert told["because_Effusion_1"].str.contains("=").all()
    assert "label_Edema" not in told


def test_a_damaged_list_of_findings_is_refused(findings_run: FindingsResult, tmp_path: Path) -> None:
    content = json.loads((findings_run.out / "model/manifest.json").read_text())
    content["findings"][0]["threshold"] = 0.0
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="damaged"):
        load_findings(tmp_path)


def test_the_page_names_every_finding_and_links_to_its_page(findings_run: FindingsResult) -> None:
    page = (findings_run.out / "report.html").read_text(encoding="utf-8")
    for name, place in findings_run.pages.items():
        assert f'href="{place}">{name}</a>' in page and (findings_run.out / place).is_file()
    assert "Hernia: 3 images have it" in page and "Occurring together" in page


def test_one_label_column_may_list_findings() -> None:
    frame, info = made_table((3, 3))
    frame["label"] = ["Edema|Mass", "No Finding", "Mass", None, "Edema", "Mass|Edema"]
    assert has_several_labels(frame, info)
    found = findings_of(frame, info)
    assert found.names == ("Edema", "Mass")
    assert found.truth.tolist() == [[1, 1], [0, 0], [0, 1], [-1, -1], [1, 0], [1, 1]]
    assert found.co_occurrence().loc["Edema", "Mass"] == 2


def test_a_model_of_one_finding_is_given_that_finding_of_a_table_with_several() -> None:
    frame, info = made_table((3, 3))
    listing = frame.assign(label=["Edema|Mass", "No Finding", "Mass", None, "Edema", "Mass|Edema"])
    own, own_info = table_for(("no Mass", "Mass"), listing, info)
    assert own["label"].tolist() == ["Mass", "no Mass", "Mass", None, "no Mass", "Mass"] and not own_info.label_columns
    columns, columns_info = table_for(("no Edema", "Edema"), *chest_table(12))
    assert set(columns["label"]) == {"Edema", "no Edema"} and not columns_info.label_columns
    for classes, table in ((("ant", "bee"), listing), (("no Hernia", "Hernia"), listing),
                           (("no Mass", "Mass"), frame.assign(label=["no Mass", "Mass"] * 3))):
        assert table_for(classes, table, info)[0] is table


@pytest.mark.parametrize(("labels", "words"), [
    (["No Finding|Mass", "Mass"], "findings or none"), (["No Finding", "No Finding"], "all findings are 0"),
    ([None, None], "has a label")])
def test_labels_that_say_nothing_are_refused(labels: list[str | None], words: str) -> None:
    frame, info = made_table((1, 1))
    with pytest.raises(UserError, match=words):
        findings_of(frame.assign(label=labels), info)


def test_a_column_of_findings_holds_nothing_but_0_and_1() -> None:
    frame, info = chest_table()
    with pytest.raises(UserError, match="label_Edema holds 2"):
        findings_of(frame.assign(label_Edema=2), info)


def test_a_test_part_has_its_share_of_images_and_of_every_finding_and_no_patient_twice() -> None:
    frame, info = chest_table(240)
    findings = findings_of(frame, info)
    divided = with_test_part(frame, findings, PartShares(.2, .3), seed=1)
    test = (divided["split"] == "test").to_numpy()
    assert test.mean() >= .2
    assert (findings.positives(test) >= .3 * findings.positives()).all()
    assert divided.groupby("group")["split"].nunique().max() == 1
    assert set(divided["split"]) == {"train", "val", "test"}
    pd.testing.assert_frame_equal(divided, with_test_part(frame, findings, PartShares(.2, .3), seed=1))


@pytest.mark.parametrize(("asked", "split", "words"), [
    (PartShares(1.5, 0), None, "shares between 0 and 1"), (PartShares(.2, 0), "train", "split of its own"),
    (PartShares(.99, .9), None, "leaves no image")])
def test_a_test_part_that_cannot_be_made_is_refused(asked: PartShares, split: str | None, words: str) -> None:
    frame, info = chest_table()
    with pytest.raises(UserError, match=words):
        with_test_part(frame.assign(split=split), findings_of(frame, info), asked, seed=0)


def test_every_finding_is_spread_over_all_folds() -> None:
    frame, info = chest_table(240)
    findings = findings_of(frame, info)
    split, _ = shared_split(frame, findings, 3, 0)
    for name in ("Edema", "Effusion"):
        own = split_of(split, task_of(findings, name)).counts.loc[name]
        assert own.min() > .15 * own.sum()


def test_scores_at_the_threshold_are_counted() -> None:
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    tested = ScoredFinding(np.arange(8), y, np.linspace(.9, .1, 8), np.array([1, 1, 0, 1, 0, 0, 0, 0], bool))
    found = finding_scores(tested, .5, np.arange(8))
    assert found["sensitivity"] == pytest.approx(2 / 3) and found["specificity"] == pytest.approx(.8)
    assert found["ppv"] == pytest.approx(2 / 3) and found["npv"] == pytest.approx(.8)
    assert found["average_precision"] == 1 and found["prevalence"] == 3 / 8


def test_the_mean_auroc_is_that_of_the_findings() -> None:
    y, p = np.array([0, 0, 1, 1] * 5), np.tile([.1, .4, .35, .8], 5)
    one = ScoredFinding(np.arange(20), y, p, p > .5)
    sure = ScoredFinding(np.arange(20), y, y.astype(float), y == 1)
    found = means({"a": one, "b": sure}, np.arange(20), Bootstrap(50))
    assert found["auroc"] == pytest.approx((.75 + 1) / 2)
    low, high = found["intervals"]["auroc"]  # type: ignore[index]
    assert low < found["auroc"] < high  # type: ignore[operator]


def test_findings_count_rows_of_a_mask() -> None:
    findings = Findings(("a", "b"), np.array([[1, 0], [1, -1], [-1, 1]]))
    assert findings.positives().tolist() == [2, 1]
    assert findings.positives(np.array([True, False, True])).tolist() == [1, 1]


@pytest.mark.parametrize("groups", [2, 20])
def test_draws_without_any_finding_are_left_out_of_the_mean(groups: int) -> None:
    """With two patients, one with the finding, half of the draws hold one kind of images only: no warning, no NaN."""
    y = np.repeat([0, 1], 10)
    p = np.linspace(.1, .9, 20)
    found = means({"a": ScoredFinding(np.arange(20), y, p, p > .5)}, np.arange(20) * groups // 20, Bootstrap(50))
    assert found["intervals"] == {"auroc": [1, 1]}
    none = means({"a": ScoredFinding(np.arange(20), y * 0, p, p > .5)}, np.arange(20), Bootstrap(50))
    assert np.isnan(none["auroc"]) and np.isnan(none["intervals"]["auroc"]).all()  # type: ignore[call-overload, index]


def elsewhere() -> tuple[pd.DataFrame, TableInfo]:
    """Other films; Effusion is not told, Hernia no model knows."""
    frame, info = chest_table(80, seed=9)
    return (frame.drop(columns="label_Effusion").assign(image_id=[f"elsewhere{i:07d}" for i in range(80)]),
            replace(info, label_columns=["Edema", "Hernia"]))


@pytest.fixture(scope="module")
def audited(findings_run: FindingsResult) -> FindingsAudit:
    return examine_run(findings_run.out, *elsewhere())


def test_an_audit_shows_every_finding_here_and_at_home(audited: FindingsAudit, findings_run: FindingsResult) -> None:
    rows, home = audited.rows.set_index("finding"), findings_run.metrics["findings"]
    assert list(rows.index) == ["Edema", "Effusion"] and audited.unknown == ("Hernia",)
    frame, info = elsewhere()
    told = predict_findings(load_findings(findings_run.out), frame, info)
    truth, called = frame["label_Edema"] == 1, told["predicted"].str.contains("Edema")
    edema = rows.loc["Edema"]
    assert edema["auroc"] == pytest.approx(roc_auc_score(truth, told["p_Edema"]))
    assert edema["sensitivity"] == pytest.approx(called[truth].mean())
    assert edema["specificity"] == pytest.approx((~called)[~truth].mean())
    for key in ("auroc", "average_precision", "sensitivity", "specificity", "coverage"):
        assert [rows.loc[name, f"home_{key}"] for name in rows.index] == [home[name][key] for name in rows.index]
        assert edema[f"{key}_low"] <= edema[key] <= edema[f"{key}_high"]
    assert rows.loc["Effusion", "images"] == 0 and np.isnan(rows.loc["Effusion", "auroc"])
    assert audited.review == told["review_reason"].tolist()


@pytest.mark.parametrize("ending", ["html", "json", "csv"])
def test_the_audit_of_findings_is_a_page_or_data(findings_run: FindingsResult, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"audit.{ending}"
    result = audit_findings(findings_run.out, Path("other.parquet"), *elsewhere(), out)
    text = out.read_text(encoding="utf-8")
    home = findings_run.metrics["findings"]["Edema"]["auroc"]
    if ending == "html":
        assert score(home) in text and "The table does not tell Effusion" in text and "does not know: Hernia" in text
    elif ending == "json":
        found = json.loads(text)
        assert found["findings"][0]["home_auroc"] == pytest.approx(home) and found["findings"][1]["auroc"] is None
        assert found["means"]["home_auroc"] == pytest.approx(home), "of the findings that are known on both sides"
    else:
        assert pd.read_csv(out)["finding"].tolist() == ["Edema", "Effusion"]
    assert "Edema" in summary_lines(result)[1] and len(summary_lines(result)) == 2


@pytest.mark.parametrize("ending", ["html", "csv"])
def test_the_command_audits_a_run_of_findings(ending: str, findings_run: FindingsResult, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
                                              ) -> None:
    frame, info = elsewhere()
    both = pd.concat([frame, findings_run.frame.head(5)[frame.columns]], ignore_index=True)
    both["duplicate_group"] = np.arange(len(both))
    write_table(both, info, tmp_path / "other.parquet")
    arguments = ["audit", findings_run.out, tmp_path / "other.parquet", "-o", tmp_path / f"a.{ending}"]
    monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert not ended.value.code and not said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("WARNING: The model was trained on 5 of 85 images, or on near copies of them.")
    assert any(line.startswith("2 findings") or "Edema" in line for line in lines) and lines[-1].startswith("written: ")
    assert (tmp_path / f"a.{ending}").stat().st_size > 100


def test_the_command_refuses_a_table_without_a_known_finding(findings_run: FindingsResult, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    frame, info = elsewhere()
    write_table(frame, replace(info, label_columns=["Hernia"]), tmp_path / "other.parquet")
    monkeypatch.setattr(sys, "argv", ["pellucid", "audit", str(findings_run.out), str(tmp_path / "other.parquet"),
                                      "-o", str(tmp_path / "a.html")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith("error: no finding of the table is one of the")
    assert not (tmp_path / "a.html").exists()


def test_a_drop_and_training_images_are_told_first(findings_run: FindingsResult, audited: FindingsAudit) -> None:
    worse = replace(audited, rows=audited.rows.assign(home_auroc=1.5))
    assert [w["level"] for w in findings_warnings(worse)][0] == "serious"
    assert any("Edema: the AUROC is" in w["text"] for w in findings_warnings(worse))
    good = replace(audited, rows=audited.rows.assign(home_auroc=.5))
    assert not any("AUROC" in w["text"] for w in findings_warnings(good))
    known = examine_run(findings_run.out, findings_run.frame.head(30), findings_run.info)
    assert findings_warnings(known)[0]["text"].startswith("The model was trained on all 30 images")


def test_a_listing_that_names_a_finding_nowhere_has_none_of_it(findings_run: FindingsResult) -> None:
    frame, info = elsewhere()
    listing = frame.assign(label=np.where(frame["label_Edema"] == 1, "Edema|Mass", "No Finding"))
    rows = examine_run(findings_run.out, listing, replace(info, label_columns=[])).rows.set_index("finding")
    assert rows.loc["Effusion", ["images", "positives"]].tolist() == [80, 0]
    assert rows.loc["Effusion", "specificity"] >= 0 and np.isnan(rows.loc["Effusion", "auroc"])
    with pytest.raises(UserError, match="no finding of the table is one of the model: the table has Hernia"):
        examine_run(findings_run.out, frame, replace(info, label_columns=["Hernia"]))


def test_the_audit_of_one_finding_knows_its_scores_at_home(findings_run: FindingsResult, tmp_path: Path) -> None:
    place = findings_run.out / "model" / "00_edema"
    home, known = home_metrics(place, "Edema"), findings_run.metrics["findings"]["Edema"]
    assert home is not None and home["auroc"] == known["auroc"]
    assert home["operating_point"]["sensitivity"] == known["sensitivity"]
    found = audit(place, *elsewhere(), tmp_path / "audit.html", table_for)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert found.judged is not None and f"at home it was {percent(known['accuracy'])}" in page
    assert "At the stored threshold" in page
    assert home_metrics(place, "Hernia") is None
