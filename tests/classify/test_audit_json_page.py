"""docs/metrics.md documents every key of audit.json."""
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import chest_table, made_table

from classify.audit.examine import examine
from classify.audit.export import to_json
from classify.audit.run import audit
from classify.audit.shortcuts.evidence import CONVICTED, Evidence
from classify.audit.shortcuts.parts_evidence import PartScore
from classify.audit.watch import Watch
from classify.bundle import load_bundle
from classify.findings import train as findings_train
from classify.findings.audit import to_json as findings_to_json
from classify.findings.audit_run import Asked, audit_findings
from classify.findings.train import train_findings
from classify.maps.result import (KINDS, TESTS, Answer, Counterfactual, Curves, ImageMap, Maps, OrderTest, Stability,
                                  Swap)
from classify.monitor.baseline import read_baseline
from classify.settings import TrainSettings
from classify.sweep.export import to_dict
from classify.sweep.result import Example, Scored, Sweep, SweptChange
from classify.train import train

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
METRICS, AUDIT = PAGE.split("# audit.json, key by key")
OF_FINDINGS = {"means", "unknown_findings", "findings", "maps.<finding>.location", "kept_home",
               *(f"findings[].{key}" for key in ("finding", "images", "positives", "threshold", "<score>")),
               *(f"compared[].{key}" for key in ("finding", "positives", "sensitivity", "specificity"))}
# Of an audit of several findings: entries by the name of the finding.
BY_FINDING = ("maps", "sweep", "parts", "fit_labels")
# Dictionaries whose keys are names (of classes, parts, maps, tests, of study.toml), or told in a sentence.
NAMED = {"unknown_labels", "predicted", "here.confusion", "study", "home", "origin.trained_with", "origin.audited_with",
         "origin.told", "origin.class_counts",
         *(f"maps.images[].{key}" for key in ("curves", "random_curves", "areas", "places", "counterfactual.swaps"))}
AUDIT_HERE = {"here.confusion", "here.calibration_slope", "here.overconfidence", "here.subgroups"}
SCORES = ("accuracy", "auroc", "confidence", "ece", "coverage", "mean_set_size", "review_share", "errors_kept",
          "novelty")


# Of each finding.
SCORED = ("auroc", "average_precision", "sensitivity", "specificity", "coverage")


def documented(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def keys_of(content: dict[str, Any], above: str = "") -> Iterator[str]:
    """Paths of all keys; those of `here` are metrics.json's, but for those that only an audit has."""
    for key, value in content.items():
        strength = above == "sweep.changes[].strengths[]."
        path = above + ("<score>" if strength and key.removesuffix("_interval") in SCORES else key)
        yield path
        if path in NAMED or path == "sweep.unchanged" or (above == "here." and path not in AUDIT_HERE):
            continue
        if isinstance(value, dict):
            yield from keys_of(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from keys_of(value[0], f"{path}[].")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything that an audit can write, of a run that was trained on a made table."""
    folder = tmp_path_factory.mktemp("everything")
    frame, info = made_table((60, 60), features=6)
    train(frame, info, folder / "run", TrainSettings(resamples=10, folds=2, rounds=20, model="lightgbm"))
    there, _ = made_table((80, 80), features=6, seed=3)
    there["image_id"] = [f"there{i:011d}" for i in range(len(there))]
    there["sha256"] = [f"{i + 10 ** 6:064x}" for i in range(len(there))]
    audit(folder / "run", there, info, None, watch=Watch(write=folder / "b.json"))
    found = audit(folder / "run", there, info, folder / "a.json", columns=pd.DataFrame({"sex": ["F", "M"] * 80}),
                  fit_labels=[10], watch=Watch(against=read_baseline(folder / "b.json")))
    group = Evidence("lamp", ("whole_quality_focus",), .5, .0, False, .5, 9, 9, 1., 1.,
                     (0., 1.), (0., 1.), 1., 1., 0., .9, .6, False, CONVICTED)
    written = to_json(replace(found, shortcuts=(group,), maps=_maps(), parts=(
        PartScore("rim alone", 80, 6, .7, .6, (.6, .8), True),)))
    assert written["fit_labels"] and written["compared"] and found.drift
    return {**written, "sweep": to_dict(made_sweep())}


def made_sweep() -> Sweep:
    """One change of one image."""
    scored = Scored("told", 1, 0, 1., (0., 1.), 1., 0., 1., (0., 1.), 1., 0., 0., (0., 1.), .5, False, False)
    return Sweep(0, False, "", .95, None, scored, (SweptChange("blur", (scored,) * 5, 0),), Example((), None, "", ""))


def _maps() -> Maps:
    """One image of two cells."""
    cells, curves = np.zeros(2), Curves((0., 0.), (0., 0.))
    swap = Swap("width", "px", ("cell_morphology_diameter_px",), 1., 2., -.5)
    image = ImageMap(0, Answer(0, 1, .9, 2., .1), 1, 2, cells, np.zeros((2, 2)), (0., 0., 2., 2.), cells, cells, cells,
                     {kind: curves for kind in KINDS}, (curves,), {"left": (.5, .5, .5)},
                     Counterfactual(1, 1, False, 2., (swap,)))
    test = OrderTest(KINDS[0], TESTS[0], .1, .2, 1, 1, np.nan)
    return Maps((image,), False, "", 0, (test,), Stability(.5, .5, .5), ())


@pytest.mark.slow
def test_every_key_of_an_audit_stands_on_the_page(content: dict[str, Any]) -> None:
    keys = set(keys_of(content))
    of_metrics = {f"here.{key.split('.')[0]}" for key in documented(METRICS)}
    assert content["warnings"], "their keys are looked at, too"
    assert sorted(keys - documented(AUDIT) - of_metrics) == []


@pytest.mark.slow
def test_the_page_names_no_key_that_is_gone(content: dict[str, Any]) -> None:
    assert sorted(documented(AUDIT) - set(keys_of(content)) - OF_FINDINGS) == []


def test_every_key_of_an_audit_of_several_findings_stands_on_the_page(tmp_path: Path) -> None:
    frame, info = chest_table()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings_train, "write_report", lambda path, result, numbers: path.write_text(str(path)))
        run = train_findings(frame, info, tmp_path / "run", TrainSettings(
            task="multilabel", resamples=10, folds=2, rounds=20, model="lightgbm")).out
    there, _ = chest_table(seed=11)
    names = [f"film{i:08d}" for i in range(len(there))]
    there = there.assign(image_id=names, group=names, label_Gout=0)
    info = replace(info, label_columns=[*info.label_columns, "Gout"])
    audit_findings(run, Path("t.parquet"), there, info, None, Asked(Watch(write=tmp_path / "b.json")))
    found = audit_findings(run, Path("t.parquet"), there, info, tmp_path / "a.html", Asked(
        columns=pd.DataFrame({"sex": ["F", "M"] * 60}), fit_labels=[10], fitted=tmp_path / "fitted",
        watch=Watch(against=read_baseline(tmp_path / "b.json"))))
    part = PartScore("rim alone", 80, 6, .7, .6, (.6, .8), True)
    written = findings_to_json(replace(found, maps={"Edema": _maps()}, parts={"Edema": (part,)},
                                       sweeps={"Edema": made_sweep()}), [dict(level="note", text="", advice="")])
    assert written["origin"] and written["compared"] and written["drift"] and written["unknown_findings"]
    assert written["maps"]["Edema"].pop("location", 0) is None
    keys = set(keys_of({**written, **{key: written[key]["Edema"] for key in BY_FINDING}}))
    told = documented(AUDIT) | {"means." + key for key in written["means"]}
    wanted = {re.sub(rf"^(findings|compared)\[\]\.(home_)?({'|'.join(SCORED)})(_low|_high)?$",
                     lambda m: f"{m[1]}[].{'<score>' if m[1] == 'findings' else m[3]}", key) for key in keys}
    assert sorted(wanted - told) == []


def test_an_audit_without_labels_writes_no_other_keys(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "model_v1"
    shutil.copytree(golden / "model", tmp_path / "model")
    frame, info = made_table((10, 10, 10), features=4, seed=5)
    written = to_json(examine(load_bundle(tmp_path), None, frame.assign(label=None), info))
    assert sorted(set(keys_of(written)) - documented(AUDIT)) == [] and written["here"] is None
