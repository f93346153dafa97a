"""The crosswalk as CSV, as a filled supplement (HTML), and as a Word document by the extra docx."""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd

from classify.crosswalk.answers import Answer, Evidence, counts
from classify.crosswalk.section import ABOUT, WORDS_ARE_OURS, about, checklist, in_words
from classify.crosswalk.study import FIELDS
from featurize.errors import UserError
from featurize.report.numbers import number
from featurize.report.page import contents, write_page
from featurize.runtime.files import replacing, wanted_suffix, write_csv
from featurize.runtime.folders import PROGRAM
from featurize.runtime.outputs import check_output, check_replaceable_file, is_page

SUFFIXES = (".html", ".csv", ".docx")
COLUMNS = ("guideline", "item", "topic", "status", "answer", "where", "missing")
# Of the Word document, mm: the page, its margins at the sides, and the columns of a table.
A4_MM = (210, 297)
MARGIN_MM = 15
WIDTHS_MM = (16, 45, 22, 67, 30)
# English Metric Units a millimetre, in which Office counts.
_MM = 36000
# Items without an answer and without anything missing.
NO_USERS = "It needs users at work with the model; there were none."
HEAD = ("Item", "Topic", "Status", "Answer", "Where")


def as_table(answers: Sequence[Answer]) -> pd.DataFrame:
    """`guideline, item, topic, status, answer, where, missing`, a row an item."""
    return pd.DataFrame([{
        "guideline": a.item.guideline, "item": a.item.number, "topic": a.item.topic, "status": a.status,
        "answer": " ".join(given.sentence for given in a.given), "where": _places(a),
        "missing": "; ".join(a.wanted)} for a in answers], columns=list(COLUMNS))


def check_supplement(path: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse another ending, one of the inputs, a file of others, or a Word document where its library is missing.

    Raises
    ------
    UserError
    """
    check_output(path, SUFFIXES, inputs, option="--supplement")
    check_replaceable_file(path, _is_ours, option="--supplement")
    if path.suffix.lower() == ".docx":
        _document()


def _is_ours(path: Path) -> bool:
    """Whether a file is a supplement that this program wrote."""
    if path.suffix.lower() == ".html":
        return is_page(path)
    if path.suffix.lower() == ".csv":
        return path.read_bytes().startswith(f"{','.join(COLUMNS)}\n".encode())
    from docx.opc.exceptions import OpcError
    try:
        return bool(_document(path).core_properties.author == PROGRAM)
    except (OpcError, OSError, ValueError, KeyError, BadZipFile):
        return False


def write_supplement(path: Path, answers: Sequence[Answer], study: Mapping[str, str], title: str) -> None:
    """Write the filled supplement; its kind follows from the name.

    Raises
    ------
    UserError
        Another ending, or the extra docx is missing.
    """
    suffix = wanted_suffix(path, SUFFIXES)
    if suffix == ".csv":
        write_csv(as_table(answers), path)
    elif suffix == ".html":
        write_page(path, "supplement.html.j2", _content(answers, study, title, path.parent), Path(__file__).parent)
    else:
        _write_docx(path, answers, study, title)


def _content(answers: Sequence[Answer], study: Mapping[str, str], title: str, folder: Path) -> dict[str, Any]:
    found = checklist(answers, "", folder)
    return {"kicker": "Supplement: reporting guidelines", "title": title, "lead": f"{'; '.join(_lead(answers))}.",
            "facts": [],
            "warnings": [], "no_warnings": "Answers are those of the run, of its audit and of study.toml.",
            "about": about(study), "checklist": found,
            "contents": contents([ABOUT, *(g["name"] for g in found["guidelines"])])}


def _lead(answers: Sequence[Answer]) -> list[str]:
    """How much of each guideline is answered."""
    return [f"{name}: {number(c['reported'])} reported, {number(c['partial'])} partial, {number(c['missing'])} missing"
            for name, c in counts(answers).items()]


def _document(path: Path | None = None) -> Any:
    try:
        from docx import Document
    except ImportError as error:
        raise UserError("a supplement as .docx needs python-docx: pip install 'pellucid[docx]', or give .html"
                        ) from error
    return Document(None if path is None else str(path))


def _write_docx(path: Path, answers: Sequence[Answer], study: Mapping[str, str], title: str) -> None:
    document = _document()
    document.core_properties.author, document.core_properties.title = PROGRAM, title
    page = document.sections[0]
    page.page_width, page.page_height = A4_MM[0] * _MM, A4_MM[1] * _MM
    page.left_margin = page.right_margin = MARGIN_MM * _MM
    document.add_heading(title, 0)
    for line in (*_lead(answers), WORDS_ARE_OURS):
        document.add_paragraph(line)
    document.add_heading(ABOUT, 1)
    for key in FIELDS:
        if key in study:
            document.add_paragraph(f"{in_words(key)}: {study[key]}")
    left = [in_words(key) for key in FIELDS if key not in study]
    if left:
        document.add_paragraph(f"Missing, to be told in study.toml: {', '.join(left)}.")
    for name in counts(answers):
        document.add_heading(name, 1)
        table = document.add_table(rows=1, cols=len(HEAD), style="Table Grid")
        table.autofit = False
        _repeated(table.rows[0])
        for cell, text in zip(table.rows[0].cells, HEAD):
            cell.text = text
        for answer in (a for a in answers if a.item.guideline == name):
            for cell, text in zip(table.add_row().cells, _row(answer)):
                cell.text = text
        for row in table.rows:
            for cell, width in zip(row.cells, WIDTHS_MM):
                cell.width = width * _MM
    with replacing(path, option="--supplement") as part:
        document.save(str(part))


def _repeated(row: Any) -> None:
    """Have the head of a table stand on each of its pages."""
    from docx.oxml import OxmlElement
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _row(answer: Answer) -> tuple[str, ...]:
    given: tuple[Evidence, ...] = answer.given
    wanted = [f"Missing: {'; '.join(answer.wanted)}."] if answer.wanted else []
    told = " ".join([*(g.sentence for g in given), *wanted]) or NO_USERS
    return answer.item.number, answer.item.topic, answer.status, told, _places(answer) or "–"


def _places(answer: Answer) -> str:
    """Where the answers stand, each place once."""
    return "; ".join(dict.fromkeys(given.where for given in answer.given))
