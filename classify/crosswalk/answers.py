"""Every item of a guideline: reported, partial, missing or not applicable, and the sentences that answer it."""
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from classify.crosswalk.study import FIELDS

REPORTED = "reported"
PARTIAL = "partial"
MISSING = "missing"
NOT_APPLICABLE = "not applicable"
STATUSES = (REPORTED, PARTIAL, MISSING, NOT_APPLICABLE)
# Where the items and their numbers come from; the words are ours.
SOURCES: Mapping[str, str] = {
    "TRIPOD+AI": "Collins 2024, BMJ 385:e078378: 27 items in 52 parts",
    "CLAIM 2024": "Tejani 2024, Radiol Artif Intell 6(4):e240300: 44 items",
    "FUTURE-AI": "Lekadir 2025, BMJ 388:e081554: its six principles; its recommendations are not counted one by one",
    "DECIDE-AI": "Vasey 2022, BMJ 377:e070904: 17 items for a first use in care; those that need it do not apply here",
}
STUDY = "study"
# Where an item applies: to models that are built, to their test elsewhere, or to a study of users at work.
DEVELOPMENT = "development"
EVALUATION = "evaluation"
LIVE = "live"


@dataclass(frozen=True)
class Item:
    """One item.

    Parameters
    ----------
    guideline, number, topic : str
        `number` as the guideline counts; `topic` in our words.
    applies : str
        ``both``, ``development``, ``evaluation`` or ``live``.
    parts : tuple of tuples of str
        All parts make it reported; any of the sources of a part answers it: ``study.<key>`` or the name of an
        `Evidence`.
    """

    guideline: str
    number: str
    topic: str
    applies: str
    parts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Evidence:
    """A sentence of a page or file that answers items.

    Parameters
    ----------
    sentence : str
    where : str
        The file, with the section of a page: ``report.html#performance``.
    """

    sentence: str
    where: str


@dataclass(frozen=True)
class Answer:
    """An item with its status.

    Parameters
    ----------
    item : Item
    status : str
        One of STATUSES.
    given : tuple of Evidence
        What answers it.
    wanted : tuple of str
        For each part that nothing answers: what is missing, in words.
    """

    item: Item
    status: str
    given: tuple[Evidence, ...]
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Reporting:
    """What the authors say, and every item of the guidelines.

    Parameters
    ----------
    study : mapping of str to str
        See `classify.crosswalk.study`.
    answers : tuple of Answer
    """

    study: Mapping[str, str]
    answers: tuple[Answer, ...]


def items() -> list[Item]:
    """All items of all guidelines, in their order."""
    text = files("classify.crosswalk").joinpath("items.csv").read_text(encoding="utf-8")
    return [Item(row["guideline"], row["item"], row["topic"], row["applies"],
                 tuple(tuple(source.strip() for source in part.split("|"))
                       for part in row["answers"].split(" + ") if part)) for row in csv.DictReader(text.splitlines())]


def crosswalk(study: Mapping[str, str], evidence: Mapping[str, Evidence], evaluated: bool) -> list[Answer]:
    """The status of every item.

    Parameters
    ----------
    study : mapping of str to str
        `classify.crosswalk.study.read_study`.
    evidence : mapping of str to Evidence
        What the run and the audit answer themselves: ``run.<name>``, ``audit.<name>``.
    evaluated : bool
        The model was tested elsewhere: else items on evaluation do not apply.
    """
    said = {f"{STUDY}.{key}": Evidence(text, f"study.toml: {key}") for key, text in study.items()}
    return [_answer(item, {**evidence, **said}, evaluated) for item in items()]


def _answer(item: Item, known: Mapping[str, Evidence], evaluated: bool) -> Answer:
    if item.applies == LIVE or (item.applies == EVALUATION and not evaluated):
        return Answer(item, NOT_APPLICABLE, (), ())
    found = [next((known[source] for source in part if source in known), None) for part in item.parts]
    given = tuple(dict.fromkeys(evidence for evidence in found if evidence))
    wanted = tuple(_wanted(part) for part, evidence in zip(item.parts, found) if evidence is None)
    status = REPORTED if not wanted else PARTIAL if given else MISSING
    return Answer(item, status, given, wanted)


# What would answer a part that only an audit or a certain table answers.
_HOW: Mapping[str, str] = {
    "audit.people": "audit with --labels and --subgroups age,sex", "audit.external": "audit of a table from elsewhere",
    "audit.sweep": "audit with --sweep", "audit.drift": "audit with --against", "audit.shift": "audit of a table from "
    "elsewhere", "audit.gains": "audit with --fit-labels", "audit.failures": "audit of a labelled table",
    "audit.model": "audit of a table from elsewhere", "run.sites": "images of several sites",
    "run.stability": "featurize with changed copies",
}


def _wanted(part: Sequence[str]) -> str:
    """What would answer a part: a key of study.toml with its meaning, or what to run."""
    return " or ".join(_missing_source(source) for source in part)


def _missing_source(source: str) -> str:
    place, _, name = source.partition(".")
    return f"{name} in study.toml ({FIELDS[name]})" if place == STUDY else _HOW.get(source, "the run's report.html")


def counts(answers: Iterable[Answer]) -> dict[str, dict[str, int]]:
    """Number of items of each status, by guideline."""
    found: dict[str, dict[str, int]] = {}
    for answer in answers:
        of = found.setdefault(answer.item.guideline, dict.fromkeys(STATUSES, 0))
        of[answer.status] += 1
    return found
