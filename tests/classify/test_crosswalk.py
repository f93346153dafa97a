"""Reporting guidelines: which items are answered, by what; what only the authors can say; what is missing."""
import csv
import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from made_run import made_run
from made_table import made_table

import cli
from classify.audit.examine import examine
from classify.audit.export import to_json
from classify.audit.reporting import audit_evidence, reporting
from classify.audit.run import audit
from classify.bundle import load_bundle
from classify.crosswalk.answers import (MISSING, NOT_APPLICABLE, PARTIAL, REPORTED, SOURCES, Evidence, crosswalk,
                                        items)
from classify.crosswalk.export import COLUMNS, as_table, check_supplement, write_supplement
from classify.crosswalk.section import about, link
from classify.crosswalk.study import FIELDS, read_kept, read_study
from classify.report.reporting import answers_of
from classify.result import RunResult
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError
from featurize.table import write_table

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
EXAMPLE = Path(__file__).parents[2] / "docs" / "study.toml"
# What a run, and an audit, can answer.
OF_AUDIT = {"audit.model", "audit.shift", "audit.external", "audit.failures", "audit.people", "audit.sweep",
            "audit.drift", "audit.gains"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return made_run(tmp_path_factory.mktemp("run"), ("ant", "bee", "cat"))


def numbers_of(guideline: str) -> list[str]:
    return [item.number for item in items() if item.guideline == guideline]


def test_every_item_of_the_guidelines_is_there_once() -> None:
    """TRIPOD+AI: 27 items in 52 parts; CLAIM 2024: 44; FUTURE-AI: six principles; DECIDE-AI: 17."""
    assert {int(re.sub(r"\D", "", n)) for n in numbers_of("TRIPOD+AI")} == set(range(1, 28))
    assert len(numbers_of("TRIPOD+AI")) == 52
    assert numbers_of("CLAIM 2024") == [str(n) for n in range(1, 45)]
    assert len(numbers_of("FUTURE-AI")) == 6 and numbers_of("DECIDE-AI") == [str(n) for n in range(1, 18)]
    assert max(Counter((i.guideline, i.number) for i in items()).values()) == 1
    assert {i.guideline for i in items()} == set(SOURCES)


def test_every_source_of_an_answer_exists(run: RunResult) -> None:
    used = {source for item in items() for part in item.parts for source in part}
    of_run = {f"run.{name}" for name in ("sites", "stability")} | {
        source for source in used if source.startswith("run.") and any(
            given.sentence for a in answers_of(run) for given in a.given if source in sum(a.item.parts, ()))}
    known = {f"study.{key}" for key in FIELDS} | OF_AUDIT | of_run
    assert used <= known
    assert {f"study.{key}" for key in FIELDS} - used == {"study.contact"}, "every other answer serves an item"


def test_an_item_is_partial_until_all_its_parts_are_answered() -> None:
    both = {"run.data": Evidence("90 images.", "report.html#data"), "run.suspects": Evidence("2 labels.", "")}

    def status(study: dict[str, str], evidence: dict[str, Evidence]) -> str:
        found = {(a.item.guideline, a.item.number): a.status for a in crosswalk(study, evidence, True)}
        return found["TRIPOD+AI", "5a"]
    assert status({}, {}) == MISSING
    assert status({}, both) == status({"provenance": "Clinic H."}, {}) == PARTIAL
    assert status({"provenance": "Clinic H."}, both) == REPORTED


def test_what_is_missing_is_named_with_what_would_answer_it() -> None:
    found = {(a.item.guideline, a.item.number): a for a in crosswalk({}, {}, True)}
    assert found["TRIPOD+AI", "17"].wanted == ("ethics in study.toml (ethics committee, number of the approval, "
                                               "consent)",)
    assert "audit with --labels and --subgroups" in found["CLAIM 2024", "37"].wanted[1]


def test_items_on_evaluation_wait_for_an_audit_and_live_ones_for_users() -> None:
    def of(evaluated: bool) -> dict[tuple[str, str], str]:
        return {(a.item.guideline, a.item.number): a.status for a in crosswalk({}, {}, evaluated)}
    assert of(False)["TRIPOD+AI", "12g"] == NOT_APPLICABLE and of(True)["TRIPOD+AI", "12g"] == MISSING
    assert of(True)["DECIDE-AI", "12"] == NOT_APPLICABLE


def test_a_run_answers_with_its_own_numbers(run: RunResult) -> None:
    found = {(a.item.guideline, a.item.number): a for a in answers_of(run)}
    [told] = found["CLAIM 2024", "38"].given
    assert told.where == "report.html#performance" and "accuracy" in told.sentence
    assert "fold 0: ant 40, bee 40, cat 40" in found["TRIPOD+AI", "21"].given[0].sentence
    assert found["TRIPOD+AI", "23a"].status == PARTIAL, "no group of people was compared"


def test_the_example_names_every_key_and_is_taken() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    study = read_study(EXAMPLE)
    assert re.findall(r"^(?:# )?(\w+) = \"", text, re.M) == list(FIELDS)
    assert all(f"# {wanted}\n" in text for wanted in FIELDS.values())
    assert "intended_use" in study and "abstract" not in study


@pytest.mark.slow
def test_a_run_keeps_its_study_and_shows_it(tmp_path: Path) -> None:
    """As study.json: a study.toml that a user lays there stays as it is."""
    (tmp_path / "s.toml").write_text('title = \'A "quoted" \\ title\'\nfunding = """None.\n None."""', encoding="utf-8")
    frame, info = made_table((30, 30), features=4)
    settings = TrainSettings(resamples=10, folds=2, model="logistic", study=str(tmp_path / "s.toml"))
    train(frame, info, tmp_path / "run", settings)
    (tmp_path / "run" / "study.toml").write_text("# mine")
    train(frame, info, tmp_path / "run", settings)
    assert read_kept(tmp_path / "run/study.json") == {"title": 'A "quoted" \\ title', "funding": "None. None."}
    assert "None. None." in (tmp_path / "run/report.html").read_text(encoding="utf-8")
    rows = list(csv.DictReader((tmp_path / "run/crosswalk.csv").read_text(encoding="utf-8").splitlines()))
    assert {r["status"] for r in rows if r["item"] in ("18a", "44")} == {REPORTED}
    assert (tmp_path / "run" / "study.toml").read_text() == "# mine"


def test_a_wrong_study_is_told_before_anything_is_fitted(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("user = 'x'")
    frame, info = made_table((30, 30), features=4)
    with pytest.raises(UserError, match="'user' is unknown"):
        train(frame, info, tmp_path / "run", TrainSettings(study=str(tmp_path / "s.toml")))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["{", "[1]", '{"users": 3}', '{"user": "x"}'])
def test_a_damaged_study_of_a_run_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(UserError, match="study.json"):
        read_kept(tmp_path / "study.json")


@pytest.mark.parametrize("text, said", [
    ("user = 'x'", "'user' is unknown (did you mean 'users'?); the keys are title, "),
    ("users = 3", 'users = 3 is no text: write users = "..."'), ("users", "is no TOML ("),
    ("[title]\na = 'x'", "title = {'a': 'x'} is no text"), ("users = 'a'\nusers = 'b'", "is no TOML (")])
def test_a_wrong_study_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(UserError) as error:
        read_study(tmp_path / "s.toml")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_study_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--study .*none.toml cannot be read .*docs/study.toml"):
        read_study(tmp_path / "none.toml")


def test_the_section_says_what_is_missing() -> None:
    assert about({})["lead"].startswith("Nobody has said what the model is for")
    found = about({"users": "Pathologists."})
    assert found["said"] == [{"name": "Users", "text": "Pathologists."}] and len(found["missing"]) == len(FIELDS) - 1


def test_links_stay_inside_the_page_or_lead_to_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    assert link("report.html#performance", "report.html") == "#performance"
    assert link("report.html#performance", "audit.html") == ""
    assert link("report.html#performance", "", tmp_path) == "report.html#performance"
    assert link("gone.html#performance", "", tmp_path) == "" == link("study.toml: users", "", tmp_path)


def test_a_supplement_as_csv_has_a_row_an_item(run: RunResult, tmp_path: Path) -> None:
    write_supplement(tmp_path / "s.csv", answers_of(run), {}, "Ants")
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(items())
    check_supplement(tmp_path / "s.csv", [])


def test_a_supplement_as_a_page_holds_every_answer(run: RunResult, tmp_path: Path) -> None:
    answers = answers_of(run)
    write_supplement(tmp_path / "s.html", answers, {"users": "Pathologists <b>."}, "Ants")
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "Pathologists &lt;b&gt;." in page and page.count("<tr>") > len(items())
    assert 'id="tripodai"' in page or 'id="tripod-ai"' in page


def test_a_supplement_as_a_word_document(run: RunResult, tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    write_supplement(tmp_path / "s.docx", answers_of(run), {}, "Ants")
    document = docx.Document(str(tmp_path / "s.docx"))
    assert sum(len(table.rows) - 1 for table in document.tables) == len(items())
    assert all(cell.text.strip() for table in document.tables for row in table.rows for cell in row.cells)
    assert all(table.rows[0]._tr.xpath("./w:trPr/w:tblHeader") for table in document.tables)
    places = [row.cells[-1].text.split("; ") for table in document.tables for row in table.rows]
    assert all(len(set(named)) == len(named) for named in places) and max(map(len, places)) > 1
    widths = [cell.width.mm for cell in document.tables[0].rows[1].cells]
    page = document.sections[0]
    assert sum(widths) == pytest.approx(page.page_width.mm - page.left_margin.mm - page.right_margin.mm, abs=1)
    said = " ".join(paragraph.text for paragraph in document.paragraphs)
    assert "TRIPOD+AI:" in said and "Missing, to be told in study.toml: Title, Abstract" in said
    check_supplement(tmp_path / "s.docx", [])
    (tmp_path / "mine.docx").write_bytes(b"mine")
    with pytest.raises(UserError, match="was not written by Pellucid"):
        check_supplement(tmp_path / "mine.docx", [])


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the golden model that keeps a study, and a table."""
    folder = tmp_path_factory.mktemp("audited")
    shutil.copytree(GOLDEN / "model", folder / "run" / "model")
    (folder / "run" / "report.html").write_text("<p>")
    (folder / "run" / "study.json").write_text('{"users": "Pathologists."}')
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    frame["image_id"] = [f"elsewhere{i:07d}" for i in range(len(frame))]
    write_table(frame, info, folder / "t.parquet")
    return folder


def test_an_audit_takes_the_study_of_the_run_and_another_one_in_its_place(audited: Path, tmp_path: Path) -> None:
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    result = examine(load_bundle(audited / "run"), None, frame, info)
    assert reporting(audited / "run", None, result, tmp_path / "a.html").study == {"users": "Pathologists."}
    (tmp_path / "s.toml").write_text('funding = "None."')
    found = reporting(audited / "run" / "model", tmp_path / "s.toml", result, tmp_path / "a.html")
    assert found.study == {"funding": "None."}
    status = {(a.item.guideline, a.item.number): a.status for a in found.answers}
    assert status["CLAIM 2024", "44"] == REPORTED and status["CLAIM 2024", "33"] == REPORTED


def test_thirds_of_brightness_are_no_groups_of_people(audited: Path, tmp_path: Path) -> None:
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    bundle = load_bundle(audited / "run")
    frame["image_id"] = [f"elsewhere{i:07d}" for i in range(len(frame))]
    plain = audit(audited / "run", frame, info, tmp_path / "a.json")
    assert "audit.people" not in audit_evidence(plain, tmp_path / "a.html")
    sex = frame[["label"]].assign(sex=["F", "M"] * 45)[["sex"]]
    found = audit_evidence(audit(audited / "run", frame, info, tmp_path / "b.json", columns=sex), tmp_path / "a.html")
    assert "by sex" in found["audit.people"].sentence and found["audit.people"].where == "a.html#subgroups"
    assert bundle.classes == plain.bundle.classes


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out + printed.err


def test_the_audit_writes_page_and_supplement(audited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    given = ("audit", audited / "run", audited / "t.parquet", "-o", tmp_path / "a.html")
    code, said = call(monkeypatch, capsys, *given, "--supplement", tmp_path / "s.csv")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    checklist = page[page.index('id="reporting-checklist"'):page.index('id="what-to-do"')]
    assert code == 0 and f"written: {tmp_path / 's.csv'}" in said and "Pathologists." in page
    assert all(f'id="{anchor}"' in page for anchor in re.findall(r'href="#([^"]+)"', checklist))
    (tmp_path / "s.toml").write_text("user = 'x'")
    for wrong, says in ((("--study", tmp_path / "s.toml"), "'user' is unknown"),
                        (("--supplement", tmp_path / "s.txt"), "a name ending in .html or .csv or .docx was wanted"),
                        (("--supplement", audited / "t.parquet"), "a name ending in"),
                        (("--supplement", tmp_path / "a.html"), "would be replaced by its result")):
        code, said = call(monkeypatch, capsys, *given, *wrong)
        assert code == 2 and says in said and said.count("\n") == 1


def test_the_json_holds_every_item(audited: Path, tmp_path: Path) -> None:
    frame, info = made_table((30, 30, 30), features=4, seed=5)
    result = audit(audited / "run", frame, info, tmp_path / "a.json")
    written = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert len(written["crosswalk"]) == len(items()) and written["study"] == {"users": "Pathologists."}
    assert result.reporting is not None
    assert to_json(result)["crosswalk"] == as_table(result.reporting.answers).to_dict("records")
