"""Names of files, classes, patients, sites, findings and words are text everywhere: no formula, no part of a page."""
import csv
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import cli
from featurize.errors import UserError
from featurize.runtime.cells import original_cells, safe_cells, with_formulas, without_formulas
from featurize.table import read_table, write_table
from made_table import made_table

# Cells that a spreadsheet would calculate, and names that a browser would obey.
FORMULA = re.compile(r"=|[+\-@].*[(!|]")
HTML = ("<script>alert(1)", "<i>evil", "<u>evil")
CLASSES = ("=HYPERLINK(1)", "<script>alert(1)<_script>")
IMAGES = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in folders of such names; a sheet with such columns and cells."""
    place = tmp_path_factory.mktemp("names")
    rows = []
    for number in range(IMAGES):
        image = place / "in" / CLASSES[number % 2] / f"{'=cmd' if number % 3 else '@SUM'}({number})<u>evil.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        drawn = np.random.default_rng(number).normal(100 + 25 * (number % 2), 40, (24, 24, 3))
        Image.fromarray(drawn.clip(0, 255).astype(np.uint8)).save(image)
        rows.append([image.relative_to(place / "in"), ("=A(1)", "<i>evil</i>")[number % 2], f"=P({number // 2 % 6})",
                     ("<script>alert(1)</script>", "+S(1)")[number // 2 % 2],
                     ("=W(1)", "<u>evil</u>")[number // 2 % 2]])
    with (place / "sheet.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["=PATH(1)", "=LABEL(1)", "<i>evil", "=SITE(1)", "=WORD(1)"], *rows])
    return place


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pellucid", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code, arguments


@pytest.mark.slow
def test_no_csv_holds_a_formula_and_no_page_a_tag(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    known = ["--labels", "sheet.csv", "--label-column", "=LABEL(1)", "--group-column", "<i>evil", "--site-column",
             "=SITE(1)"]
    one = f"in/{CLASSES[0]}/=cmd(2)<u>evil.png"
    for arguments in (["explore", "in", "-o", "e.html", *known],
                      ["featurize", "in", "-o", "t.csv", "--preset", "whole", "--jobs", "1", *known],
                      ["classify", "t.csv", "-o", "run", "--folds", "2", "--words", "sheet.csv"],
                      ["predict", "run", "t.csv", "-o", "p.csv", "--explain", "--words"],
                      ["audit", "run", "t.csv", "-o", "a.html", "--labels", "sheet.csv", "--subgroups", "=WORD(1)",
                       "--supplement", "s.csv"],
                      ["audit", "run", "t.csv", "-o", "a.csv"],
                      ["similar", "t.csv", one, "-o", "s.html", "--map", "m.html", "--jobs", "1"]):
        call(monkeypatch, *arguments)
    csv.field_size_limit(2 ** 30)
    lists = {path for path in folder.rglob("*.csv") if path.name != "sheet.csv"}
    assert {path.name for path in lists} >= {"t.csv", "p.csv", "a.csv", "s.csv", "predictions.csv", "words.csv"}
    for path in lists:
        with path.open(newline="", encoding="utf-8") as file:
            formulas = [cell for row in csv.reader(file) for cell in row if FORMULA.match(cell)]
        assert formulas == [], path
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 5
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "&lt;" in text and not [tag for tag in HTML if tag in text], path
    frame, _ = read_table(folder / "t.csv")
    assert set(frame["label"]) == {"=A(1)", "<i>evil</i>"}
    assert all((folder / "in" / path).is_file() for path in frame["path"])


@pytest.mark.parametrize("name", ("=HYPERLINK(1)", "<script>", "@SUM(1)", "+1("))
@pytest.mark.parametrize("suffix", (".parquet", ".csv"))
def test_a_measurement_of_such_a_name_is_refused(name: str, suffix: str, tmp_path: Path) -> None:
    frame, info = made_table((5, 5), features=2)
    own, *others = info.features
    write_table(frame.rename(columns={own: name}), replace(info, features=[name, *others]), tmp_path / f"t{suffix}")
    with pytest.raises(UserError, match="features is .*, names that begin"):
        read_table(tmp_path / f"t{suffix}")


def test_a_cell_that_bears_the_mark_already_comes_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"=A(1)": ["=1", "'=1", "''@S(1)", "'quoted'", None, "a\rb"]}, dtype=object)
    assert without_formulas(table)["=A(1)"].tolist() == ["'=1", "''=1", "'''@S(1)", "'quoted'", None, "a\rb"]
    assert with_formulas(without_formulas(table)).equals(table)
    assert list(safe_cells(table)) == ["'=A(1)"] and list(original_cells(safe_cells(table))) == ["=A(1)"]
