"""The model card, how to make the run again, and which items of reporting checklists this page answers."""
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from classify.report.overview import how_split
from classify.result import RunResult
from featurize.report.numbers import count, number, percent
from featurize.report.page import cell, table
from featurize.runtime.shell import command_line
from featurize.table import TableInfo

# Classes that the model card lists by name.
MOST_NAMED_CLASSES = 12
# A class with fewer images is named under limitations.
FEW_IMAGES = 50
# Topic, its items in TRIPOD+AI (Collins 2024, BMJ 385:e078378) and in CLAIM (Mongan 2020, Radiol Artif Intell
# 2:e200029), who answers it, where.
# "here" names the section of this page that answers it, "you" is for the author to fill in.
CHECKLIST = (
    ("Population, setting, dates, eligibility", "5–6", "7–8", "you", "Where, when and of whom the images were taken"),
    ("Reference standard: who labelled, how, blinded to what", "8", "14–18", "you", "The origin of the labels"),
    ("Ethical approval, de-identification, consent", "17", "12", "you", ""),
    ("Data preparation and quality checks", "7", "9", "here", "Data, splits and leaks; the command explore shows more"),
    ("Predictors: definition, units, how measured", "9", "11", "here", "What the model looks at"),
    ("Sample size: images and patients in each class", "10, 21", "19, 34", "here", "Data, splits and leaks"),
    ("Missing values", "11", "13", "here", "Model card"),
    ("How the data were split, and what keeps the parts apart", "12a", "20–21", "here", "Data, splits and leaks"),
    ("Type of model, how it was built and chosen", "12c", "22–27", "here", "Model card"),
    ("Class imbalance", "13", "–", "here", "Data, splits and leaks; Model card"),
    ("Discrimination with uncertainty", "12e, 23a", "28–29, 35–36", "here", "Performance"),
    ("Calibration", "12e, 23a", "–", "here", "Calibration and selection"),
    ("Output, and what happens to doubtful cases", "15", "–", "here", "Prediction sets"),
    ("Robustness: shortcuts, other sites", "12d, 23b", "30", "here", "Performance; the command audit for other sites"),
    ("Explanation of predictions", "–", "31", "here", "What the model looks at; Single images"),
    ("Failure analysis", "–", "37", "here", "Single images"),
    ("Fairness across age, sex, ethnicity, device", "3c, 14", "34", "you", "Give such groups as sites and run audit"),
    ("Evaluation on data from elsewhere", "16, 20c", "32", "you", "Run audit on a table of another laboratory"),
    ("Poor or missing input at use", "27a", "–", "here", "Single images (novelty); unreadable files are listed"),
    ("Limitations", "26", "38", "here", "Model card; add those of your study"),
    ("Intended use and users, place in the care pathway", "3b, 27b", "3, 39", "you", "Model card gives a frame only"),
    ("Protocol, registration, funding, conflicts", "18a–d", "40–42", "you", ""),
    ("Availability of data and code", "18e–f", "–", "you", "How to make it again gives hash, versions, command"),
)


def checklist() -> dict[str, Any]:
    """The table of items and who answers them."""
    rows = [[cell(item), cell(tripod), cell(claim),
             cell("✓ on this page" if who == "here" else "○ for you to fill in", tone="good" if who == "here" else ""),
             cell(where, tone="quiet")] for item, tripod, claim, who, where in CHECKLIST]
    here = sum(row[3] == "here" for row in CHECKLIST)
    return table(["Item", "TRIPOD+AI", "CLAIM", "Answered", "Where"], rows, caption=(
        f"{here} of {len(CHECKLIST)} topics are answered on this page. The numbers are those of TRIPOD+AI (2024) and "
        "CLAIM (2020); the wording is ours, and the table does not replace the checklists."))


def model_card(result: RunResult, missing_share: float) -> list[dict[str, Any]]:
    """Paragraphs of the model card: title and sentences. `missing_share` is that of the measurements."""
    use = (f"Research on images like those it was trained on: to tell {_named(result)} with a stated uncertainty, to "
           "find wrong labels, and to learn which measurements set the classes apart.")
    never = ("For research use; no diagnosis. It is not a medical device, has not been tested prospectively, and must "
             "not decide on a patient's care.")
    closed = ("It knows only its own classes. An image of anything else gets one of their names; novelty and "
              "prediction sets soften this and do not prevent it.")
    parts = {"Intended use": [use], "What it is not": [never, closed],
             "How it was built": _built(result, missing_share), "Limitations": _limitations(result)}
    return [{"title": title, "lines": lines} for title, lines in parts.items()]


def _named(result: RunResult) -> str:
    names = [str(c) for c in result.task.classes]
    if len(names) > MOST_NAMED_CLASSES:
        return f"{len(names)} classes apart"
    return f"{', '.join(names[:-1])} and {names[-1]} apart"


def _built(result: RunResult, missing_share: float) -> list[str]:
    preset = result.info.preset
    how = f"normalization {preset.get('normalize', '?')}, segmentation {preset.get('segment', '?')}"
    return [f"{count(len(result.features), 'measurement')} of each image (preset {preset.get('name', '?')}: {how}) go "
            "into gradient-boosted trees. No deep network is involved; every number can be traced to pixels.",
            f"Validation: {how_split(result)}. Boosting stopped on images kept back; probabilities and prediction sets "
            "were set on images that the fit never saw. Classes are weighted so that rare ones count.",
            f"{percent(missing_share)} of the measurements were missing (a region was not found); the trees handle "
            "missing values themselves, nothing was filled in."]


def _limitations(result: RunResult) -> list[str]:
    limits = ["The numbers hold for images from the same source: another laboratory, stain, camera or patient group "
              "will lower them. Measure it there with the command audit."]
    frame = result.frame
    if frame["group"].isna().all():
        limits.append("No groups (patients, slides) were given. If several images come from one patient, the numbers "
                      "are too good. Give them with --group-column or --group-regex.")
    if frame["site"].nunique() < 2:
        limits.append("All images come from one source, so that nothing is known about other sites.")
    smallest = result.split.counts.sum(axis=1)
    if len(smallest) and smallest.min() < FEW_IMAGES:
        limits.append(f"The smallest class, {smallest.idxmin()}, has {count(float(smallest.min()), 'image')}; its "
                      "numbers are uncertain.")
    return [*limits, "Explanations show what the model used, not what causes a disease."]


def settings(result: RunResult) -> dict[str, Any]:
    """Every setting of the run and of the measurement."""
    chosen = result.settings
    pairs = [*asdict(chosen).items(),
             *((f"measurement: {k}", v) for k, v in result.info.preset.items() if k != "blocks"),
             *((f"block {name}", f"version {v}") for name, v in sorted(result.info.blocks.items()))]
    return table(["Setting", "Value"], [[cell(str(k).replace("_", " ")), cell(_shown(v))] for k, v in pairs])


def _shown(value: object) -> str:
    if value is None or value == ():
        return "–"
    return number(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def reproduce(info: TableInfo, table_path: str, classified: str) -> dict[str, Any]:
    """The commands, and what must be the same.

    Parameters
    ----------
    info : TableInfo
    table_path : str
        The table as it was named on the command line.
    classified : str
        The command that made the run.
    """
    return {"commands": [_measured_by(info, table_path), classified], "hash": info.index_hash,
            "note": f"{_note(info)} The same images, labels and groups give the data hash below; with the versions "
                    "named at the top the same numbers follow."}


def _measured_by(info: TableInfo, table_path: str) -> str:
    """The command that made the table."""
    if info.command:
        return f"{info.command} {shlex.join(['-o', table_path])}"
    preset = info.preset.get("name", "auto")
    if preset == "ecg":
        return command_line("ecg", ["PAGES"], {"-o": Path(table_path).parent})
    return command_line("featurize", [s["root"] for s in info.sources] or ["IMAGES"],
                        {"-o": table_path, "--preset": preset, "--mm-per-px": info.mm_per_px})


def _note(info: TableInfo) -> str:
    if info.command:
        return "Paths are as they were typed, from the folder where the commands were run."
    return "Labels, groups and settings that were given to featurize must be given again."
