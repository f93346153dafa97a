"""The model card, and how to make the run again."""
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
