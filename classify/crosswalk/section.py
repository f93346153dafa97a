"""The sections "About the study" and "Reporting checklist" of a page."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from classify.crosswalk.answers import MISSING, NOT_APPLICABLE, PARTIAL, REPORTED, SOURCES, STATUSES, Answer, counts
from classify.crosswalk.study import FIELDS
from featurize.report.numbers import count, number
from featurize.report.page import cell, table

ABOUT = "About the study"
WORDS_ARE_OURS = ("The words are ours: the table does not replace the checklists, and an item that is answered here "
                  "must still be told in the article.")
CHECKLIST = "Reporting checklist"
TONES = {REPORTED: "good", PARTIAL: "", MISSING: "bad", NOT_APPLICABLE: "quiet"}


def about(study: Mapping[str, str]) -> dict[str, Any]:
    """What the authors say, and what they do not."""
    missed = [key for key in FIELDS if key not in study]
    said = [{"name": in_words(key), "text": study[key]} for key in FIELDS if key in study]
    lead = ("Nobody has said what the model is for: give study.toml with --study." if not study else
            f"From study.toml; {number(len(missed))} of {count(len(FIELDS), 'answer')} are missing." if missed else
            "From study.toml; every answer is there.")
    return {"lead": lead, "said": said, "missing": [{"name": in_words(key), "text": FIELDS[key]} for key in missed]}


def in_words(key: str) -> str:
    """``intended_use`` as it is read."""
    return key.replace("_", " ").capitalize()


def checklist(answers: Sequence[Answer], page: str, folder: Path | None = None) -> dict[str, Any]:
    """How much of each guideline is answered, and every item with its answer.

    Links stay inside `page`; with a folder, they also lead to files that lie there.
    """
    found = counts(answers)
    rows = [[cell(name), *(cell(number(of[status]), key=of[status]) for status in STATUSES),
             cell(SOURCES[name], tone="quiet")] for name, of in found.items()]
    summary = table(["Guideline", *(status.capitalize() for status in STATUSES), "Source"], rows, foot=WORDS_ARE_OURS)
    shown = {name: [_shown(a, page, folder) for a in answers if a.item.guideline == name] for name in found}
    return {"summary": summary, "guidelines": [{"name": name, "items": rows} for name, rows in shown.items()]}


def _shown(answer: Answer, page: str, folder: Path | None) -> dict[str, Any]:
    return {"number": answer.item.number, "topic": answer.item.topic, "status": answer.status,
            "tone": TONES[answer.status], "wanted": "; ".join(answer.wanted), "given": [
                {"text": given.sentence, "where": given.where, "href": link(given.where, page, folder)}
                for given in answer.given]}


def link(where: str, page: str, folder: Path | None = None) -> str:
    """The anchor, where it is in this page; the file, where it lies in the folder; else ""."""
    file, _, anchor = where.partition("#")
    if file == page and anchor:
        return f"#{anchor}"
    return where if folder and (folder / file).exists() else ""
