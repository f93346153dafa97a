"""What an audit says of where a model comes from, what it measures, and what a reviewer ticks below the errors."""
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import chest_table, made_table

from classify.audit.examine import examine
from classify.audit.export import to_json
from classify.audit.origin import definitions
from classify.audit.page.write import DOUBTS, write_audit
from classify.audit.reporting import with_origin
from classify.audit.result import Audit
from classify.audit.run import audit
from classify.bundle import findings_digest, load_bundle, model_digest
from classify.findings import train as findings_train
from classify.findings.audit import to_json as findings_to_json
from classify.findings.audit_run import audit_findings
from classify.findings.bundle import folders_of, load_findings
from classify.findings.train import train_findings
from classify.run_folder import STABILITY
from classify.settings import TrainSettings
from classify.train import train

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"


@pytest.fixture(scope="module")
def alone() -> Audit:
    """An audit of a model without its run."""
    frame, info = made_table((30, 30, 20), features=4, seed=5)
    return examine(load_bundle(GOLDEN), None, frame.assign(image_id="x" + frame["image_id"]), info)


def test_what_is_not_known_is_said_as_missing(alone: Audit, tmp_path: Path) -> None:
    found = with_origin(GOLDEN, alone)
    assert found.origin is not None and found.origin.told == {} and found.origin.class_counts == {}
    write_audit(tmp_path / "a.html", found)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="where-the-model-comes-from"' in page and model_digest(GOLDEN) in page
    assert "missing: metrics.json of the run" in page and "missing: a run does not keep it" in page
    assert found.origin.machine in page and "nor a near copy of one" in page


def test_the_run_tells_its_splits_versions_seed_and_simpler_models(tmp_path: Path) -> None:
    frame, info = made_table((40, 40), features=4)
    train(frame, info, tmp_path / "run", TrainSettings(resamples=10, folds=2, rounds=20, model="lightgbm", seed=7))
    found = audit(tmp_path / "run", frame, info, tmp_path / "a.html")
    origin, page = found.origin, (tmp_path / "a.html").read_text(encoding="utf-8")
    assert origin is not None and origin.seed == 7 and origin.trained_with["lightgbm"]
    assert {"Splits", "Patients and copies", "Labels that look wrong", "Simpler models"} <= set(origin.told)
    assert origin.told["Splits"] in page and sum(sum(by.values()) for by in origin.class_counts.values()) >= 80
    assert "80 images of this table that the model was trained on" in page and "60 more; audit -o audit.csv" in page
    assert to_json(found)["origin"]["model_sha256"] == model_digest(tmp_path / "run")


def test_the_audit_of_several_findings_tells_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame, info = chest_table()
    monkeypatch.setattr(findings_train, "write_report", lambda path, result, numbers: path.write_text(str(path)))
    settings = TrainSettings(task="multilabel", resamples=10, folds=2, rounds=20, model="lightgbm", seed=7)
    run = train_findings(frame, info, tmp_path / "run", settings, perturbed=frame.iloc[:30]).out
    stable = pd.read_csv(run / STABILITY)
    assert stable["feature"].is_unique and stable["icc"].notna().any()
    found = audit_findings(run, Path("t.parquet"), frame, info, tmp_path / "a.html")
    origin, models = found.origin, load_findings(run)
    assert origin is not None and origin.seed == 7 and origin.trained_with["lightgbm"]
    assert origin.model_sha256 == findings_digest(folders_of(run, models), [model.threshold for model in models])
    assert origin.class_counts["with it"]["Edema"] + origin.class_counts["without it"]["Edema"] == len(frame)
    assert origin.class_counts["with it"]["Effusion"] == frame["label_Effusion"].sum()
    assert origin.told["Simpler models"].startswith("Mean AUROC of simpler models")
    read = {name for model in models for name in model.bundle.model.features}
    assert set(origin.definitions["feature"]) == read and origin.definitions["icc"].notna().any()
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="where-the-model-comes-from"' in page and 'href="#measurements"' in page
    assert origin.model_sha256 in page and info.index_hash in page and origin.machine in page
    assert "120 images of this table that the model was trained on" in page and "100 more." in page
    assert findings_to_json(found, [])["origin"]["class_counts"] == origin.class_counts


def test_measurements_have_unit_formula_and_agreement(tmp_path: Path) -> None:
    (tmp_path / "stability.csv").write_text("feature,family,region,icc,low,high,images\n"
                                            "nucleus_morphology_solidity,morphology,cell,.9,.8,.95,30\n")
    table = definitions(["nucleus_morphology_solidity", "cell_unknown_thing"], tmp_path / "stability.csv")
    known, other = table.to_dict("records")
    assert known["unit"] and known["formula"] and (known["icc"], known["low"], known["high"]) == (.9, .8, .95)
    assert (other["unit"], other["formula"]) == ("", "") and np.isnan(other["icc"])
    assert definitions(["nucleus_morphology_solidity"], tmp_path / "none.csv")["icc"].isna().all()


@pytest.mark.slow
def test_a_reviewer_ticks_errors_and_saves_them_as_csv(alone: Audit, browser: Any, tmp_path: Path) -> None:
    assert alone.judged is not None and len(alone.judged.wrong) > 1
    row = int(alone.judged.wrong[1])
    paths = alone.frame["path"].copy()
    paths[row] = '=HYPERLINK("a"),"b".png'
    found = replace(alone, frame=alone.frame.assign(path=paths))
    write_audit(tmp_path / "a.html", found)
    page = browser.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    errors = page.locator("#review fieldset")
    errors.nth(1).get_by_label(DOUBTS[0]).check()
    errors.nth(1).get_by_label("Note").fill('a "mitosis", cut')
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    saved.value.save_as(tmp_path / "review.csv")
    rows = list(csv.DictReader((tmp_path / "review.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == errors.count() and list(rows[0])[-len(DOUBTS) - 1:] == [*DOUBTS, "note"]
    assert rows[1]["path"] == "'" + paths[row] and rows[1][DOUBTS[0]] == "1" and rows[1][DOUBTS[1]] == "0"
    assert rows[1]["note"] == 'a "mitosis", cut' and rows[0][DOUBTS[0]] == "0"
    assert rows[1]["image_id"] == found.frame["image_id"].iloc[row]
    assert rows[1]["predicted"] == alone.bundle.classes[int(alone.predictions.p[row].argmax())]
    assert pd.read_csv(tmp_path / "review.csv")["p"].between(0, 1).all()
