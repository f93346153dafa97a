"""What parts of the picture tell by themselves, in words and as a table."""
from collections.abc import Sequence
from typing import Any

from classify.audit.shortcuts.parts_evidence import TELLS, WITHOUT_SUBJECT, PartScore
from featurize.report.numbers import count, finite, interval, number, percent, score
from featurize.report.page import cell, table

_AS_TAKEN = "A model can then be right by how the picture was taken, and the scores at home too high."
_IN_TISSUE = ("The subject here are the nuclei: where the ground between them is tissue, it may tell the label "
              "rightly; where it is empty slide, the model can be right by how the picture was taken, and the scores "
              "at home too high.")
HEAD = ["Part of the picture", "AUROC (95 % interval)", "Accuracy", "Measurements"]


def sentence(found: Sequence[PartScore], preset: str = "") -> str:
    """Do the background or the rim tell the label? In tissue the ground between nuclei may do so rightly."""
    telling = [part for part in found if part.tells]
    rest = [part for part in found if part.part in WITHOUT_SUBJECT and not part.tells]
    if telling:
        told = " and ".join(f"the {part.part} ({auroc(part)})" for part in telling)
        means = _IN_TISSUE if preset == "tissue" else _AS_TAKEN
        return f"The label is told without the subject: by {told}. {means}"
    told = " and ".join(f"{part.part}: {auroc(part)}" for part in rest)
    return f"Without the subject the label is not told beyond an AUROC of {score(TELLS)} for certain ({told})."


def section(found: Sequence[PartScore], preset: str = "") -> dict[str, Any]:
    """The sentence and the table."""
    rows = [row_of(part) for part in found]
    return {"sentence": sentence(found, preset), "table": table(HEAD, rows, foot=foot(found))}


def auroc(part: PartScore) -> str:
    """Its AUROC with the interval, for brackets."""
    return f"AUROC {score(part.auroc)}, 95\u00a0% interval {score(part.interval[0])}–{score(part.interval[1])}"


def row_of(part: PartScore) -> list[Any]:
    """The cells of a part."""
    return [cell(part.part), cell(interval(part.auroc, *part.interval), key=finite(part.auroc),
                                  tone="bad" if part.tells else ""),
            cell(percent(part.accuracy), key=finite(part.accuracy)),
            cell(number(part.measurements), key=part.measurements)]


def foot(found: Sequence[PartScore]) -> str:
    """How the table came about."""
    return (f"A linear model of each part, out of fold, on {count(found[0].n, 'image')} measured with the preset "
            "whole. Subject alone: what the segmenter found and a little more, on gray. Background alone: the subject "
            "hidden behind its blurred surroundings. Rim alone: the outermost tenth of every side of that background. "
            "What the segmenter misses of the subject stays in both.")
