"""New images against a baseline: the promised rate of false alarms, what is found, and the file in between."""
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from scipy.stats import binom

import cli
from classify.audit.examine import examine
from classify.audit.export import to_json as audit_to_json
from classify.audit.page.write import write_audit
from classify.bundle import load_bundle
from classify.monitor.baseline import IMAGES_OF_UNIT, KEPT_IMAGES, KEPT_UNITS, read_baseline, sample
from classify.monitor.compare import compare
from classify.monitor.drift import drift, smallest_p
from classify.monitor.observed import ONE, Answers, Observed, answers_of
from classify.monitor.sentences import PRINTED, lines
from classify.review import REASONS
from featurize.errors import UserError
from featurize.runtime.seal import sealed, unsealed
from featurize.table import write_table

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
CLASSES = ("ant", "bee", "cat")


def observed(n: int, seed: int, patients: int = 0, effect: float = 0.0) -> Observed:
    """Correlated measurements; with patients each has a level of its own in all of them."""
    rng = np.random.default_rng(seed)
    unit = np.sort(rng.integers(0, patients, n)) if patients else np.arange(n)
    level = rng.normal(size=(n, 1)) + effect * rng.normal(size=n)[unit][:, None]
    x = pd.DataFrame(level + rng.normal(size=(n, 8)), columns=[f"cell_color_{i}" for i in range(8)])
    answers = Answers(rng.integers(0, 3, n), rng.random(n), rng.random(n), rng.random((n, len(REASONS))) < .1)
    picture = pd.DataFrame({"image_quality_focus": rng.normal(size=n)})
    return Observed(pd.factorize(unit)[0].astype(np.int64), bool(patients), x, picture, {ONE: answers})


def divided(rows: Observed, seed: int) -> tuple[Observed, Observed]:
    """Half of the units, and the others."""
    first = np.isin(rows.unit, np.random.default_rng(seed).permutation(rows.units)[:rows.units // 2])
    return rows.take(np.flatnonzero(first)), rows.take(np.flatnonzero(~first))


@pytest.mark.slow
@pytest.mark.parametrize("patients", [0, 24])
def test_false_alarms_come_as_often_as_promised(patients: int) -> None:
    """At most as many as a coin of .1 gives in 80 throws but once in a thousand, and not never."""
    found = [drift(*divided(observed(96, seed, patients, effect=2), seed), CLASSES, .1).alarm for seed in range(80)]
    assert 0 < sum(found) <= binom.isf(.001, 80, .1)


@pytest.mark.slow
def test_patients_that_count_as_independent_images_give_false_alarms() -> None:
    alarms = 0
    for seed in range(20):
        parts = divided(observed(96, seed, patients=24, effect=2), seed)
        a, b = (replace(part, unit=np.arange(len(part.unit)), grouped=False) for part in parts)
        alarms += drift(a, b, CLASSES, .1).alarm
    assert alarms > binom.isf(.001, 20, .1)


def with_change(rows: Observed, what: str) -> Observed:
    x, answers = rows.measurements.copy(), rows.answers[ONE]
    if what == "level":
        x["cell_color_3"] += 3
    if what == "spread":
        x["cell_color_3"] *= 4
    if what == "missing":
        x.loc[::2, "cell_color_3"] = np.nan
    if what == "class":
        answers = replace(answers, predicted=np.where(np.arange(len(rows.unit)) % 2, 0, answers.predicted))
    if what == "novelty":
        answers = replace(answers, novelty=answers.novelty ** .2)
    if what == "review":
        answers = replace(answers, reasons=answers.reasons | (np.arange(len(rows.unit)) % 2 == 0)[:, None])
    return replace(rows, measurements=x, answers={ONE: answers})


@pytest.mark.parametrize("what, first", [
    ("level", ("measurements", "cell_color_3", "level")), ("spread", ("measurements", "cell_color_3", "spread")),
    ("missing", ("measurements", "cell_color_3", "missing")), ("class", ("predictions", "ant", "share")),
    ("novelty", ("predictions", "novelty", "level"))])
def test_what_drifted_is_named_first(what: str, first: tuple[str, str, str]) -> None:
    rows = [observed(120, seed) for seed in (1, 2)]
    found = drift(rows[0], with_change(rows[1], what), CLASSES, .01)
    assert found.alarm and tuple(found.tests.loc[0, ["family", "name", "what"]]) == first
    assert not drift(*rows, CLASSES, .01).alarm


def test_a_larger_share_for_review_is_an_alarm() -> None:
    rows = [observed(120, seed) for seed in (1, 2)]
    found = drift(rows[0], with_change(rows[1], "review"), CLASSES, .01)
    assert found.alarm and set(found.tests.loc[found.tests["p"] <= .01, "family"]) == {"review"}
    assert sum("for review" in line for line in lines(found)) == PRINTED


def test_the_same_call_gives_the_same_p() -> None:
    rows = [observed(60, seed) for seed in (1, 2)]
    pd.testing.assert_frame_equal(drift(*rows, CLASSES, .01).tests, drift(*rows, CLASSES, .01).tests)


def test_a_sample_keeps_patients_whole() -> None:
    rows = observed(4000, 0, patients=400)
    kept = sample(rows)
    sizes = np.bincount(rows.unit)
    assert kept.units >= KEPT_UNITS and KEPT_IMAGES <= len(kept.unit) < KEPT_IMAGES + sizes.max()
    assert set(np.bincount(kept.unit)) <= set(sizes)
    few = sample(observed(4000, 0, patients=20))
    assert few.units == 20 and set(np.bincount(few.unit)) == {IMAGES_OF_UNIT}
    assert len(sample(observed(4000, 0), 2000).unit) == 2000


def test_so_few_units_cannot_raise_an_alarm() -> None:
    """Of 3 patients and 1 there are 4 divisions: each of 4 families reaches p = 1/4, so that nothing is rare."""
    assert smallest_p((3, 1)) == 1 and smallest_p((20, 3)) == pytest.approx(4 / 1771)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """run/, and tables of images that its model has not seen: first.parquet, later.parquet and shifted.parquet."""
    folder = tmp_path_factory.mktemp("monitor")
    shutil.copytree(GOLDEN / "model", folder / "run" / "model")
    for seed, name in ((5, "first"), (6, "later"), (7, "shifted")):
        frame, info = made_table((40, 40, 40), features=4, seed=seed)
        frame["image_id"] = [f"{name}{i:011d}" for i in range(len(frame))]
        if name == "shifted":
            frame["nucleus_color_feature0"] += 10
        write_table(frame, info, folder / f"{name}.parquet")
    return folder


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out + printed.err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Any:
    """Call the command in the folder; the baseline is there."""
    monkeypatch.chdir(folder)
    if not Path("baseline.json").exists():
        assert call(monkeypatch, capsys, "audit", "run", "first.parquet", "--baseline", "baseline.json")[0] == 0
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def test_the_exit_code_says_whether_something_drifted(run: Any) -> None:
    code, said = run("audit", "--against", "baseline.json", "later.parquet")
    assert code == 0 and said.startswith("no alarm: ")
    code, said = run("audit", "--against", "baseline.json", "shifted.parquet")
    assert code == 3 and said.startswith("ALARM: ") and "feature0" in said.replace(" ", "").lower()


def test_the_page_and_its_json_tell_the_drift(run: Any, folder: Path) -> None:
    code, said = run("audit", "run", "shifted.parquet", "--against", "baseline.json", "-o", "a.html")
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert code == 3 and "WARNING: Something has drifted" in said and 'id="since-the-baseline"' in page
    assert run("audit", "--against", "baseline.json", "later.parquet", "-o", "a.json")[0] == 0
    found = json.loads((folder / "a.json").read_text(encoding="utf-8"))["drift"]
    assert found["alarm"] is False and found["images"] == {"baseline": 120, "here": 120}
    assert {t["family"] for t in found["tests"]} >= {"picture", "measurements", "predictions"}


def test_a_baseline_names_no_patient_file_or_image(run: Any, folder: Path) -> None:
    text = (folder / "baseline.json").read_text(encoding="utf-8")
    assert '"grouped":true' in text
    assert not any(name in text for name in (".png", "first0", "ant1", str(folder)))


def test_a_baseline_read_again_is_the_sample(run: Any, folder: Path) -> None:
    known = read_baseline(folder / "baseline.json")
    assert list(known.rows.answers) == [ONE] and len(known.rows.unit) == 120 and known.rows.units == 60
    assert np.isnan(known.rows.measurements.to_numpy()).any()
    assert list(known.rows.picture) == ["whole_quality_focus"] and Path(known.model.path).resolve() == folder / "run"


def test_images_that_the_model_learned_from_give_no_baseline_of_its_answers(run: Any, folder: Path) -> None:
    """It is surer of them than of new ones, which is no drift."""
    frame, info = made_table((30, 30, 30), features=4)
    known = load_bundle(GOLDEN).train_ids
    write_table(frame.assign(image_id=known[:len(frame)]), info, folder / "known.parquet")
    code, said = run("audit", "run", "known.parquet", "--baseline", "known.json")
    assert code == 0 and "WARNING: The model learned from 90 of the images" in said
    assert read_baseline(folder / "known.json").rows.answers == {}
    code, said = run("audit", "--against", "known.json", "later.parquet", "-o", "k.json")
    assert {t["family"] for t in json.loads((folder / "k.json").read_text())["drift"]["tests"]} == {
        "picture", "measurements"}
    code, said = run("audit", "--against", "baseline.json", "known.parquet")
    assert code == 2 and "0 of 90 images are new to the model" in said


@pytest.mark.parametrize("arguments, said", [
    (("run", "first.parquet"), "no output was named"),
    (("run", "-o", "a.html"), "a run folder and a table were wanted"),
    (("run", "first.parquet", "-o", "a.html", "--alarm-rate", ".1"), "--alarm-rate was given without --against"),
    (("--against", "baseline.json", "later.parquet", "--alarm-rate", ".9"), "a share from 0.002 to 0.2 was wanted"),
    (("--against", "run/model/manifest.json", "later.parquet"), "is no baseline (it is something else)"),
    (("--against", "later.parquet", "later.parquet"), "is no baseline (it cannot be read as JSON)"),
    (("--against", "away.json", "later.parquet"), "away.json does not exist: give the file that `python cli.py audit "),
    (("--against", "run", "later.parquet"), "run is a folder, a baseline was wanted: give the file that"),
    (("run", "first.parquet", "--baseline", "first.parquet"), "a name ending in .json was wanted"),
    (("run", "first.parquet", "--baseline", "run/model/manifest.json"), "was not written by Pellucid"),
    (("--against", "baseline.json", "later.parquet", "--fit-labels", "5"), "--fit-labels was given without -o")])
def test_a_wrong_call_is_one_line_and_exit_2(arguments: tuple[str, ...], said: str, run: Any) -> None:
    code, told = run("audit", *arguments)
    assert code == 2 and told.count("\n") == 1 and said in told


def damaged(content: dict[str, Any], how: str) -> object:
    if how == "unit":
        content["unit"] = content["unit"][:-1]
    if how == "text":
        content["measurements"]["nucleus_color_feature0"][0] = "high"
    if how == "infinite":
        content["picture"]["whole_quality_focus"][0] = 1e999
    if how == "class":
        content["answers"]["predicted"][0] = 99
    if how == "missing":
        del content["answers"]
    if how == "list":
        content["model"] = ["run"]
    if how == "format":
        content["format"] = 3
    return content


@pytest.mark.parametrize("how", ["unit", "text", "infinite", "class", "missing", "list", "format"])
def test_a_damaged_baseline_is_refused(how: str, run: Any, folder: Path, tmp_path: Path) -> None:
    content = unsealed(json.loads((folder / "baseline.json").read_text(encoding="utf-8")))
    (tmp_path / "b.json").write_text(json.dumps(sealed(damaged(content, how))))
    with pytest.raises(UserError, match="is damaged" if how != "format" else "this version reads 1"):
        read_baseline(tmp_path / "b.json")


def test_a_baseline_with_another_digit_is_refused(run: Any, folder: Path, tmp_path: Path) -> None:
    text = (folder / "baseline.json").read_text(encoding="utf-8")
    at = text.index('"unit":[0') + len('"unit":[')
    (tmp_path / "b.json").write_text(text[:at] + "1" + text[at + 1:])
    with pytest.raises(UserError, match="is damaged"):
        read_baseline(tmp_path / "b.json")


def test_a_baseline_of_another_model_is_refused(run: Any, folder: Path, tmp_path: Path) -> None:
    content = unsealed(json.loads((folder / "baseline.json").read_text(encoding="utf-8")))
    content["model"]["sha256"] = "0" * 64
    (tmp_path / "b.json").write_text(json.dumps(sealed(content)))
    code, said = run("audit", "run", "later.parquet", "--against", tmp_path / "b.json")
    assert code == 2 and "written for another model" in said
    code, said = run("audit", "--against", tmp_path / "b.json", "later.parquet")
    assert code == 2 and "the model of" in said and "name its run" in said


def test_new_images_without_patients_or_too_few_of_them_are_refused(run: Any, folder: Path) -> None:
    baseline, bundle = read_baseline(folder / "baseline.json"), load_bundle(GOLDEN)
    frame, info = made_table((10, 10, 10), features=4, seed=9)
    found = examine(bundle, None, frame, info)
    answers, none = {ONE: answers_of(bundle.review, found.predictions, frame)}, np.zeros(30, bool)
    with pytest.raises(UserError, match="knows the patients of its images and the new table does not"):
        compare(baseline, frame.assign(group=None), answers, none, .01)
    with pytest.raises(UserError, match="60 and the new table 1 independent patients"):
        compare(baseline, frame.assign(group="one"), answers, none, .01)


def test_the_audit_of_a_table_without_a_baseline_has_no_such_section(folder: Path, tmp_path: Path) -> None:
    frame, info = made_table((10, 10, 10), features=4, seed=9)
    found = examine(load_bundle(GOLDEN), None, frame, info)
    write_audit(tmp_path / "a.html", found)
    assert "Since the baseline" not in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "drift" not in audit_to_json(found)
