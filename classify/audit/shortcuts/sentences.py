"""The verdict on each group of properties of the picture, in a sentence with its evidence, and what to do."""
from collections.abc import Sequence
from typing import Any

from classify.audit.shortcuts.evidence import CONVICTED, LEAST_AGAINST, LEVEL, OPEN, PRINT, Evidence
from featurize.report.feature_names import words
from featurize.report.numbers import count, finite, interval, number, percent, score
from featurize.report.page import cell, table

_TAKEN_ALIKE = ("Audit images of which all classes were taken, stained and saved alike; until then the scores may be "
                "those of the picture.")
HEAD = ["Property", "Verdict", "AUROC alone", "Permuted", "Adds", "Right where it points to the truth",
        "Right where it points elsewhere", "Matched", "Attribution"]


def sentence(found: Evidence, preset: str = "") -> str:
    """One sentence: the verdict and its evidence."""
    name = f"{found.name[0].upper()}{found.name[1:]}"
    if found.verdict == CONVICTED:
        return (f"{name}: convicted. These properties (most of all {words(found.strongest[0], preset)}) tell the label "
                f"beyond the measured subject (the log-loss falls by {percent(found.gain)}), and the model follows "
                f"them: where they point to the true class {percent(found.right_with)} of "
                f"{count(found.n_with, 'image')} are named correctly, where they point to another "
                f"{percent(found.right_against)} of {number(found.n_against)}.")
    if found.verdict == OPEN:
        return f"{name}: open. {_why_open(found)}"
    if found.gain_counts:
        return (f"{name}: acquitted. These properties tell the label beyond the measured subject, but the model does "
                f"not follow them: where they point to the true class {percent(found.right_with)} are named correctly, "
                f"where they point to another {percent(found.right_against)}.")
    return (f"{name}: acquitted. Alone these properties tell the label with an AUROC of {score(found.auroc)} (.5 is "
            "chance), but nothing that counts beyond what the measured subject explains.")


def _why_open(found: Evidence) -> str:
    """What is missing for a verdict, and what the reader should do."""
    if found.gain_counts and found.n_against >= LEAST_AGAINST and found.p < LEVEL:
        return (f"The model follows them (where they point to another class {percent(found.right_against)} of "
                f"{number(found.n_against)} are named correctly, elsewhere {percent(found.right_with)}), but no "
                "subject was outlined: measurements and properties are both of the whole picture, and properties may "
                "be the subject's. Measure the images with a preset that outlines it, which tells them apart.")
    if found.gain_counts and found.n_against >= LEAST_AGAINST:
        return (f"These properties tell the label (AUROC {score(found.auroc)}) beyond the measured subject, and only "
                f"{number(found.n_against)} of {count(found.n_with + found.n_against, 'image')} have properties that "
                f"point to another class: {percent(found.right_against)} of these are named correctly, elsewhere "
                f"{percent(found.right_with)}, too few to exclude that the model follows them. {_TAKEN_ALIKE}")
    if found.gain_counts:
        return ("These properties tell the label beyond the measured subject, but of the images that the model did not "
                f"learn from only {number(found.n_against)} have properties that point to another class, "
                f"{LEAST_AGAINST} are wanted: nothing tells whether the model follows them. {_TAKEN_ALIKE}")
    if found.copies or found.name == PRINT:
        return (f"Where they point to another class the model is right less often ({percent(found.right_against)} of "
                f"{number(found.n_against)}) than elsewhere ({percent(found.right_with)}), but they tell nothing that "
                "counts beyond the measured subject: unusual subjects may be the reason. Look at these images.")
    follows = (f", and the model is right in {percent(found.right_against)} of {count(found.n_against, 'image')} where "
               f"they point to another class, in {percent(found.right_with)} elsewhere" if found.n_against else "")
    return (f"These properties tell the label (AUROC {score(found.auroc)}){follows}. Whether the subject itself "
            "explains this cannot be told: the changed copies of featurize do not lie beside the table. Run featurize "
            "again, which writes them.")


def advice(found: Sequence[Evidence]) -> str:
    """What to do about convicted properties."""
    names = ", ".join(group.name for group in found)
    return (f"Take, stain and save the images of all classes alike ({names}), or leave out those that differ, and "
            "train again; until then believe the share of the matched images. Learning from changed copies helps, too.")


def section(found: Sequence[Evidence], preset: str) -> dict[str, Any]:
    """Sentences and table of the page."""
    rows = [[cell(group.name), cell(group.verdict, tone="bad" if group.verdict == CONVICTED else ""),
             cell(score(group.auroc), key=group.auroc), cell(score(group.permuted), key=finite(group.permuted)),
             cell(percent(group.gain), key=finite(group.gain)),
             cell(f"{interval(group.right_with, *group.with_interval)} of {number(group.n_with)}",
                  key=finite(group.right_with)),
             cell(f"{interval(group.right_against, *group.against_interval)} of {number(group.n_against)}",
                  key=finite(group.right_against)),
             cell(score(group.matched), key=finite(group.matched)),
             cell(percent(group.explained), key=finite(group.explained))] for group in found]
    foot = ("AUROC alone: the label from these properties, out of fold. Permuted: the AUROC of a linear model of all "
            "measurements where labels are exchanged among images that are alike in these properties, so that nothing "
            f"else can be learned; with the true labels it is {score(found[0].measured)}. Adds: fall of the log-loss "
            "beyond the subject's own measurements. Matched: share named correctly where of each class as many images "
            "point to it as to another. Attribution: share of the model's contributions that these properties explain "
            "inside the classes. Only images that the model did not learn from count. "
            f"{len(found)} groups were tested.")
    return {"sentences": [sentence(group, preset) for group in found], "table": table(HEAD, rows, foot=foot)}
