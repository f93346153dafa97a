"""Audits of several findings: monitoring, maps and guidelines of all of them at once."""
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import chest_table

import cli
from classify.audit.subgroups import own_rows
from classify.bundle import load_bundle
from classify.crosswalk.export import as_table
from classify.data.columns import matrix
from classify.findings import train as findings_train
from classify.findings.audit import FindingsAudit, examine_run, to_json
from classify.findings.audit_page import sets_fail, warnings, write_findings_page
from classify.findings.audit_run import Asked, audit_findings
from classify.findings.bundle import load_findings
from classify.findings.remeasured import rarest, truth_of
from classify.findings.train import train_findings
from classify.maps.location import location_of
from classify.maps.margins import limit_of, margins_of
from classify.maps.result import ATTRIBUTION, DELETION
from classify.maps.sentences import location_sentence
from classify.monitor.baseline import read_baseline
from classify.settings import TrainSettings
from classify.sweep import run as sweep_run
from classify.sweep.choose import Chosen, Remeasure
from classify.sweep.run import Changed, scored_sweep
from classify.uncertainty.calibrate import probabilities
from featurize.batch import hidden
from featurize.errors import UserError
from featurize.images.corrupt import CORRUPTIONS, LongerSides
from featurize.index.build import Index, build_index
from featurize.parts import PARTS
from featurize.presets.load import Preset
from featurize.run import measure_index
from featurize.runtime.seal import SEAL
from featurize.table import TableInfo, write_table

QUICK = TrainSettings(task="multilabel", folds=2, jobs=1, resamples=20, rounds=40)
SIDE_PX = 64
PRESET = Preset("whole", "none", "whole", {"hog": {"regions": ("whole",), "rows": 8, "columns": 8}})


@pytest.fixture(scope="module", autouse=True)
def quick_report() -> None:
    """The page of the run has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings_train, "write_report", lambda path, result, numbers: path.write_text(str(path)))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame, info = chest_table()
    return train_findings(frame, info, tmp_path_factory.mktemp("several") / "run", QUICK).out


def elsewhere(seed: int, n: int = 120) -> tuple[pd.DataFrame, TableInfo]:
    """Films that no model has seen, a patient each."""
    frame, info = chest_table(n, seed=seed)
    names = [f"film{seed}x{i:08d}" for i in range(n)]
    return frame.assign(image_id=names, group=names, duplicate_group=np.arange(n)), info


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_one_baseline_watches_every_finding(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    for seed, name in ((11, "first"), (12, "later"), (13, "shifted")):
        frame, info = elsewhere(seed)
        moved = [c for c in info.features if "nuisance" not in c] if name == "shifted" else []
        write_table(frame.assign(**{c: frame[c] + 5 for c in moved}), info, tmp_path / f"{name}.parquet")
    base = tmp_path / "base.json"
    assert call(monkeypatch, "audit", run, tmp_path / "first.parquet", "--baseline", base) == 0
    kept = read_baseline(base)
    assert kept.model.several and list(kept.rows.answers) == ["Edema", "Effusion"]
    assert json.loads(base.read_text())["format"] == 2
    assert call(monkeypatch, "audit", "--against", base, tmp_path / "later.parquet") == 0
    assert "no alarm: " in capsys.readouterr().out
    out = tmp_path / "a.json"
    assert call(monkeypatch, "audit", run, tmp_path / "shifted.parquet", "--against", base, "-o", out) == 3
    tests = pd.DataFrame(json.loads(out.read_text())["drift"]["tests"])
    assert {"Edema", "Effusion"} <= set(tests.loc[tests["family"] == "predictions", "name"])
    assert {"Edema: probability", "Effusion: novelty"} <= set(tests["name"])


def test_the_answer_of_a_finding_is_that_of_its_threshold(run: Path, tmp_path: Path) -> None:
    from classify.audit.watch import Watch
    frame, info = elsewhere(14)
    found = audit_findings(run, Path("t.parquet"), frame, info, None, Asked(Watch(tmp_path / "b.json")))
    said = read_baseline(tmp_path / "b.json").rows.answers
    for model in load_findings(run):
        p = found.audits[model.name].predictions.p[:, 1]
        assert said[model.name].predicted.sum() == (p >= model.threshold).sum()
        np.testing.assert_allclose(np.sort(said[model.name].probability), np.sort(p), atol=1e-6)


def test_a_baseline_of_other_thresholds_is_refused(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    frame, info = elsewhere(15)
    write_table(frame, info, tmp_path / "t.parquet")
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "--baseline", tmp_path / "b.json") == 0
    content = json.loads((tmp_path / "b.json").read_text())
    content["model"]["sha256"] = "0" * 64
    del content[SEAL]
    (tmp_path / "b.json").write_text(json.dumps(content))
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "--against", tmp_path / "b.json") == 2
    assert "written for another model" in capsys.readouterr().err


def test_guidelines_are_answered_with_every_finding(run: Path, tmp_path: Path) -> None:
    frame, info = elsewhere(16)
    (tmp_path / "study.toml").write_text('intended_use = "Triage of films."\n')
    asked = Asked(study=tmp_path / "study.toml", supplement=tmp_path / "s.csv")
    found = audit_findings(run, Path("t.parquet"), frame, info, tmp_path / "a.html", asked)
    table, page = pd.read_csv(tmp_path / "s.csv"), (tmp_path / "a.html").read_text(encoding="utf-8")
    assert found.reporting is not None and set(table["guideline"]) >= {"TRIPOD+AI", "CLAIM 2024"}
    told = " ".join(table["answer"].dropna())
    assert "2 findings in 120 images of this table" in told and "Triage of films." in told
    assert "One model a finding" in told and "Accuracy of simpler models" not in told
    assert 'id="reporting-checklist"' in page and "Triage of films." in page


def test_a_limit_is_where_the_calibrated_probability_reaches_the_threshold(run: Path) -> None:
    model = load_findings(run)[0]
    limit = limit_of(model.bundle.calibration, model.threshold)
    below, above = probabilities(model.bundle.calibration, np.array([[limit - .02], [limit + .01]]))[:, 1]
    assert below < model.threshold <= above


Films = tuple[Path, Index, pd.DataFrame, TableInfo]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """Pictures with a bright patch in row 1, column 2 (Edema) or row 5, column 6 (Effusion), and a run on half of them.
    """
    from PIL import Image
    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = []
    for number in range(120):
        rgb = rng.integers(80, 110, (8, 8)).repeat(8, axis=0).repeat(8, axis=1) + rng.integers(0, 10, (64, 64))
        edema, effusion = number % 2, number // 2 % 2
        rgb[9:15, 17:23] += 90 * edema
        rgb[41:47, 49:55] += 90 * effusion
        Image.fromarray(rgb.astype(np.uint8)).save(folder / "images" / f"{number:03d}.png")
        rows.append((f"{number:03d}.png", edema, effusion))
    pd.DataFrame(rows, columns=["file", "Edema", "Effusion"]).to_csv(folder / "films.csv", index=False)
    index = build_index([folder / "images"], labels=folder / "films.csv", label_columns=["Edema", "Effusion"])
    frame, info, _ = measure_index(index, PRESET, jobs=1)
    home = frame["path"] < "080"
    train_findings(frame[home].reset_index(drop=True), info, folder / "run", QUICK)
    return folder, index, frame[~home].reset_index(drop=True), info


@pytest.fixture(scope="module")
def mapped(films: Films) -> FindingsAudit:
    folder, index, frame, info = films
    return audit_findings(folder / "run", Path("t.parquet"), frame, info, folder / "a.html",
                          Asked(maps=Remeasure(index, 4)))


def test_the_maps_of_each_finding_name_its_own_place(mapped: FindingsAudit) -> None:
    for name, cell in (("Edema", 10), ("Effusion", 46)):
        found = mapped.maps[name]
        called = [image for image in found.images if image.answer.named == 1]
        assert len(found.images) == 4 and called
        assert all(int(image.attribution.argmax()) == cell for image in called)
        assert all(int(np.nanargmax(image.occlusion)) == cell for image in called)
        test = next(t for t in found.tests if (t.kind, t.test) == (ATTRIBUTION, DELETION))
        assert test.area < test.random


def test_a_map_explains_the_log_odds_of_the_finding_from_its_threshold_on(films: Films, mapped: FindingsAudit) -> None:
    folder, _, frame, _ = films
    for number, model in enumerate(load_findings(folder / "run")):
        bundle = load_bundle(folder / "run" / "model" / f"{number:02d}_{model.name.lower()}")
        for image in mapped.maps[model.name].images:
            x = matrix(frame, bundle.model.features).iloc[[image.row]]
            margin = margins_of(bundle, x, 1, 0)[0]
            p = mapped.audits[model.name].predictions.p[image.row, 1]
            assert image.answer.named == int(p >= model.threshold)
            assert image.answer.margin == pytest.approx(margin if image.answer.named else -margin)
            assert image.answer.margin >= image.answer.limit - .01


def test_page_and_json_show_the_maps_of_every_finding(films: Films, mapped: FindingsAudit) -> None:
    folder, index, frame, info = films
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "<h3>Edema</h3>" in page and "<h3>Effusion</h3>" in page and 'href="#maps"' in page
    audit_findings(folder / "run", Path("t.parquet"), frame, info, folder / "a.json", Asked(maps=Remeasure(index, 4)))
    read = json.loads((folder / "a.json").read_text(encoding="utf-8"))["maps"]
    assert set(read) == {"Edema", "Effusion"} and len(read["Edema"]["images"]) == 4
    assert read["Effusion"]["location"] is None, "pictures without lungs"


def test_what_two_findings_hide_alike_is_measured_once(films: Films, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    folder, index, frame, info = films
    asked: list[str] = []

    def measured(plan: hidden.HiddenPlan, requests: list[hidden.ImageRequest]) -> pd.DataFrame:
        asked.extend(request.key for request in requests)
        return measure(plan, requests)
    measure = hidden.measure_hidden
    monkeypatch.setattr(hidden, "measure_hidden", measured)
    audit_findings(folder / "run", Path("t.parquet"), frame, info, tmp_path / "a.json", Asked(maps=Remeasure(index, 2)))
    assert asked and len(asked) == len(set(asked))


def test_a_finding_is_expected_where_it_is_usually_seen(mapped: FindingsAudit) -> None:
    image = next(i for i in mapped.maps["Effusion"].images if i.answer.named == 1)
    base = {"right lung, lower third": (.1, .3, .2), "left lung, lower third": (.1, .3, .1), "elsewhere": (.8, .4, .7)}
    images = [replace(image, places=base)] * 6
    found = location_of("Effusion", images)
    assert found is not None and found.n == 6 and found.area == pytest.approx(.2)
    assert found.shares == pytest.approx((.6, .3)) and found.p[0] < .05
    assert "Effusion light" in location_sentence(found) and "3 times the area" in location_sentence(found)
    assert location_of("Nodule", images) is None, "a nodule may lie anywhere"
    absent = [replace(image, places=base, answer=replace(image.answer, named=0))]
    assert location_of("Effusion", absent) is None


CHANGES = ("rotation", "noise")


def swept(films: Films, out: Path) -> FindingsAudit:
    folder, index, frame, info = films
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_run, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in CHANGES})
        return audit_findings(folder / "run", Path("t.parquet"), frame, info, out,
                              Asked(sweep=Remeasure(index, 24), parts=Remeasure(index, 40)))


@pytest.fixture(scope="module")
def changed(films: Films, tmp_path_factory: pytest.TempPathFactory) -> tuple[FindingsAudit, Path]:
    out = tmp_path_factory.mktemp("swept") / "a.html"
    return swept(films, out), out


def test_changed_images_are_measured_once_and_scored_as_one_model_scores_them(films: Films, tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _, _ = films
    measured, asked = sweep_run.measure_sweep, []

    def counted(*given: object) -> object:
        asked.append(given)
        return measured(*given)  # type: ignore[arg-type]
    monkeypatch.setattr(sweep_run, "measure_sweep", counted)
    found = swept(films, tmp_path / "a.json")
    assert len(asked) == 1 and list(found.sweeps) == ["Edema", "Effusion"]
    assert [change.name for change in found.sweeps["Edema"].changes] == list(CHANGES)
    for model in load_findings(folder / "run"):
        own, audit = found.sweeps[model.name], found.audits[model.name]
        assert own.unchanged.n == 24
        p, y = audit.predictions.p[:, 1], audit.judged.y
        # Where every image of the table is swept, the unchanged ones are those of the audit.
        whole = scored_sweep(model.bundle, every(found, films, audit.frame), y, model.threshold).unchanged
        assert whole.accuracy == ((p >= model.threshold) == y).mean() and whole.auroc == audit.judged.metrics["auroc"]


def every(found: FindingsAudit, films: Films, frame: pd.DataFrame) -> Changed:
    """Nothing changed: all images of the table."""
    chosen = Chosen(np.arange(len(frame)), False, "")
    return Changed(chosen, frame, frame["image_id"].to_numpy(str), np.arange(len(frame)), [], {}, (), 0,
                   found.sweeps["Edema"].example, LongerSides(64, 64), None)  # type: ignore[arg-type]


def test_the_verdicts_of_all_findings_count_together(changed: tuple[FindingsAudit, Path]) -> None:
    sweeps = changed[0].sweeps
    steps = [s for own in sweeps.values() for change in own.changes for s in change.strengths]
    tests = sum(np.isfinite(p) for s in steps for p in (s.sets_p, s.review_p))
    assert {own.comparisons for own in sweeps.values()} == {tests} and tests >= 2 * 5 * len(CHANGES)
    assert f"counting all {tests} comparisons with a promise together (Holm)" in changed[1].read_text(encoding="utf-8")


def test_maps_of_findings_are_explained_once_and_folded_from_the_second_image_on(films: Films, mapped: FindingsAudit
                                                                                 ) -> None:
    text = (films[0] / "a.html").read_text(encoding="utf-8")
    assert text.count("chosen evenly by class (seed 0). Two maps of") == 1 and len(mapped.maps) == 2
    for name in mapped.maps:
        assert f"<summary>{name}: tests of the maps and 3 more images</summary>" in text


@pytest.mark.slow
def test_print_leaves_out_what_is_folded_and_says_so(changed: tuple[FindingsAudit, Path], browser: Any) -> None:
    page = browser.new_page(viewport={"width": 700, "height": 900})
    page.goto(changed[1].as_uri())
    page.emulate_media(media="print")
    heights = "[...document.querySelectorAll('details.unprinted')].map(fold => fold.offsetHeight)"
    folded = page.evaluate(heights)
    # Two findings, the checklists of four guidelines, the definitions; a line or two each.
    assert len(folded) >= 7 and max(folded) < 60
    said = "getComputedStyle(document.querySelector('details.unprinted > summary'), '::after').content"
    assert "not printed" in page.evaluate(said)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert min(page.evaluate(heights)) > 100 and "not printed" not in page.evaluate(said)
    page.close()


def test_the_first_line_names_the_findings_whose_sets_do_not_hold(changed: tuple[FindingsAudit, Path]) -> None:
    found = changed[0]
    rows = found.rows.assign(coverage=[.8, .9], coverage_high=[.94, .96])
    short = replace(found, rows=rows)
    assert sets_fail(short) == ("The prediction sets of 1 of 2 findings do not hold here: Edema. They should contain "
                                "the truth in 95\u00a0% of the images.")
    assert [w["text"] for w in warnings(short) if w["level"] == "serious" and "sets" in w["text"]] == [
        "The prediction sets hold the truth more seldom than promised (95\u00a0% of the images): Edema in "
        "80.0\u00a0%."]
    assert not sets_fail(replace(found, rows=rows.assign(coverage_high=.96)))
    bare = replace(found, rows=rows.assign(images=0), audits={
        name: replace(own, novel_share=.5) for name, own in found.audits.items()})
    assert sets_fail(bare).startswith("These images are unlike those at home, and the promise of the prediction sets")


def test_the_page_begins_with_the_sets_that_do_not_hold(changed: tuple[FindingsAudit, Path], tmp_path: Path) -> None:
    short = replace(changed[0], rows=changed[0].rows.assign(coverage=.8, coverage_high=.9))
    write_findings_page(tmp_path / "a.html", short, tmp_path, Path("t.parquet"))
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert '<p class="lead">The prediction sets of 2 of 2 findings do not hold here: Edema, Effusion.' in text


def test_a_turned_film_has_its_patch_elsewhere(changed: tuple[FindingsAudit, Path]) -> None:
    for own in changed[0].sweeps.values():
        turned = own.changes[0].strengths[-1]
        assert own.unchanged.accuracy > .9 > turned.accuracy and turned.auroc < own.unchanged.auroc


def test_the_page_shows_each_change_once_and_every_finding_in_its_table(changed: tuple[FindingsAudit, Path]) -> None:
    found, out = changed
    page = out.read_text(encoding="utf-8")
    assert page.count('class="pictures small"') == len(CHANGES) and 'href="#changed-pictures"' in page
    assert all(f"{name}: chart and numbers" in page for name in found.sweeps)
    assert "chosen evenly by their rarest finding" in page and not list(out.parent.glob("*.shards"))
    told = {row["topic"]: row for row in as_table(found.reporting.answers).to_dict("records")}
    assert any("were changed" in str(row["answer"]) for row in told.values())
    content = to_json(found, [])
    assert content["sweep"]["Effusion"]["changes"][0]["strengths"][4]["auroc"] == \
        found.sweeps["Effusion"].changes[0].strengths[4].auroc


def test_parts_of_the_picture_tell_the_finding_that_lies_in_them(changed: tuple[FindingsAudit, Path]) -> None:
    found, out = changed
    assert list(found.parts) == ["Edema", "Effusion"]
    entire = {name: own[0].auroc for name, own in found.parts.items()}
    assert min(entire.values()) > .9, "the patch is in the entire picture"
    assert {part["part"] for part in to_json(found, [])["parts"]["Edema"]} == set(PARTS)
    assert 'id="parts-of-the-picture"' in out.read_text(encoding="utf-8")


def test_images_are_chosen_by_the_rarest_finding_that_they_have(run: Path) -> None:
    frame, info = elsewhere(19)
    found = examine_run(run, frame, info)
    truth = {name: truth_of(found, name) for name in ("Edema", "Effusion")}
    rare, usual = sorted(truth, key=lambda name: (truth[name] == 1).sum())
    own = rarest(found)
    order = {"Edema": 1, "Effusion": 2}
    assert (own[truth[rare] == 1] == order[rare]).all()
    assert (own[(truth[usual] == 1) & (truth[rare] != 1)] == order[usual]).all()
    assert (own[(truth[usual] == 0) & (truth[rare] == 0)] == 0).all()


def test_the_worst_part_of_any_finding_stands_on_top(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    """In one ward the labels of Edema are turned round: only there, and only for Edema, is the model wrong."""
    frame, info = elsewhere(20, n=240)
    ward = np.where(np.arange(240) % 3 == 0, "A", "B")
    frame["path"] = [f"{i:03d}.png" for i in range(240)]
    frame["label_Edema"] = np.where(ward == "A", 1 - frame["label_Edema"], frame["label_Edema"])
    write_table(frame, info, tmp_path / "t.parquet")
    pd.DataFrame({"file": frame["path"], "ward": ward}).to_csv(tmp_path / "wards.csv", index=False)
    out = tmp_path / "a.json"
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "-o", out, "--labels", tmp_path / "wards.csv",
                "--subgroups", "ward") == 0
    read = json.loads(out.read_text(encoding="utf-8"))
    table = pd.DataFrame(read["compared"])
    first = table.iloc[0]
    assert (first["finding"], first["by"], first["part"], bool(first["worse"])) == ("Edema", "ward", "A", True)
    assert set(table["finding"]) == {"Edema", "Effusion"}
    assert not table[table["finding"] == "Effusion"]["worse"].any()
    rest = table[(table["finding"] == "Edema") & (table["part"] == "B")].iloc[0]
    assert first["sensitivity"] < rest["sensitivity"] and first["positives"] + rest["positives"] == \
        int(frame["label_Edema"].sum())
    assert "Worst: Edema in ward: A" in capsys.readouterr().out
    raw = own_rows(examine_run(run, frame, info).audits["Edema"], pd.DataFrame({"ward": ward}))
    assert raw is not None
    alone = raw.scores(load_findings(run)[0].threshold).set_index("part").loc["A", "p"]
    assert first["p"] == pytest.approx(min(1, alone * len(table))), "the smallest p counts every comparison (Holm)"


def test_models_fitted_to_there_are_a_model_of_findings(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    frame, info = elsewhere(17)
    frame["label_Effusion"] = np.where(np.arange(len(frame)) < 110, np.nan, frame["label_Effusion"])
    write_table(frame, info, tmp_path / "t.parquet")
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "-o", tmp_path / "a.json", "--fit-labels", "10,40",
                "--fitted", tmp_path / "there") == 0
    said = capsys.readouterr().out
    assert "Edema: with 40 labels from here" in said and "those of Effusion stay as they are" in said
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [gain["labels"] for gain in read["fit_labels"]["Edema"]] == [10, 40] and read["kept_home"] == ["Effusion"]
    home, there = load_findings(run), load_findings(tmp_path / "there")
    assert [model.name for model in there] == [model.name for model in home]
    assert there[0].bundle.calibration != home[0].bundle.calibration and there[1].threshold == home[1].threshold
    assert call(monkeypatch, "predict", tmp_path / "there", tmp_path / "t.parquet", "-o", tmp_path / "p.csv") == 0
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "-o", tmp_path / "a.json", "--fitted", run) == 2


def test_too_few_labels_are_told_in_a_line(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    frame, info = elsewhere(21, n=24)
    write_table(frame, info, tmp_path / "t.parquet")
    assert call(monkeypatch, "audit", run, tmp_path / "t.parquet", "-o", tmp_path / "a.html", "--fit-labels", "9") == 2
    assert "no finding has enough labels" in capsys.readouterr().err and not (tmp_path / "a.html").exists()


def test_a_baseline_with_an_answer_of_an_unknown_finding_is_damaged(run: Path, tmp_path: Path) -> None:
    from classify.audit.watch import Watch
    audit_findings(run, Path("t.parquet"), *elsewhere(18), None, Asked(Watch(tmp_path / "b.json")))
    content = json.loads((tmp_path / "b.json").read_text())
    content["answers"]["Hernia"] = content["answers"]["Edema"]
    (tmp_path / "b.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="is damaged"):
        read_baseline(tmp_path / "b.json")
