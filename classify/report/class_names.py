"""What the page calls the classes: names that the user gave, or what a bare number stands for."""
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from classify.result import RunResult, SuspectLabels
from featurize.errors import UserError
from featurize.table import TableInfo

# Option of `featurize` that names the column of the CSV with the label.
_OPTION = "--label-column"
# Labels that say nothing by themselves.
_BARE = ("true", "false", "yes", "no", "positive", "negative")


def check_names(names: Mapping[str, str], classes: Sequence[str]) -> None:
    """Refuse names of classes that the table lacks, and one name for two classes.

    Raises
    ------
    UserError
    """
    lost = [label for label in names if label not in classes]
    if lost:
        raise UserError(f"--names names the class {lost[0]!r}, which the table does not have: its classes are "
                        f"{', '.join(map(repr, classes))}")
    shown = [names.get(label, label) for label in classes]
    twice = [name for name in shown if shown.count(name) > 1]
    if twice:
        raise UserError(f"--names gives the name {twice[0]!r} to two classes: give every class its own")


def label_column(info: TableInfo) -> str:
    """The column of the CSV that held the label, "" where labels come from folders or it is not recorded."""
    words = shlex.split(getattr(info, "command", "") or "")
    return words[words.index(_OPTION) + 1] if _OPTION in words[:-1] else ""


def class_names(classes: Sequence[str], names: Mapping[str, str], column: str) -> tuple[str, ...]:
    """Names for the page, in the order of the classes.

    >>> class_names(("0", "1"), {}, "Effusion"), class_names(("0", "1"), {"1": "pneumonia", "0": "normal"}, "")
    (('Effusion = 0', 'Effusion = 1'), ('normal', 'pneumonia'))
    """
    return tuple(names.get(name, _explained(name, column)) for name in classes)


def _explained(name: str, column: str) -> str:
    bare = name.replace(".", "", 1).lstrip("+-").isdecimal() or name.lower() in _BARE
    if not bare:
        return name
    return f"{column} = {name}" if column else f"class {name}"


def shown_result(result: RunResult) -> RunResult:
    """The same run with the names of the page in the place of the classes."""
    names = class_names(result.task.classes, result.settings.names, label_column(result.info))
    new = dict(zip(result.task.classes, names))
    scores, split = result.scores, result.split
    metrics = named_metrics(scores.metrics, new)
    return replace(
        result, task=replace(result.task, classes=names), suspects=_suspects(result.suspects, new),
        scores=replace(scores, metrics=metrics, confusion=scores.confusion.rename(index=new, columns=new),
                       reliability=renamed(scores.reliability, new), set_sizes=scores.set_sizes.rename(index=new)),
        split=replace(split, counts=split.counts.rename(index=new)),
        warnings=tuple(_quoted(text, new) for text in result.warnings))


def named_metrics(metrics: Mapping[str, Any], new: Mapping[str, str]) -> dict[str, Any]:
    """Metrics as the page shows them: with its names of the classes wherever a table of the page names one."""
    shown = {**with_names(metrics, new), "per_class": _keys(metrics["per_class"], new)}
    if metrics.get("lineage"):
        pairs = [{**pair, "label": new[pair["label"]], "predicted": new[pair["predicted"]]}
                 for pair in metrics["lineage"]["confusions"]]
        shown["lineage"] = {**metrics["lineage"], "confusions": pairs}
    if metrics.get("costs"):
        costs = metrics["costs"]
        shown["costs"] = {**costs, "constant": new[costs["constant"]], "per_class": _keys(costs["per_class"], new)}
    shown["coverage_by_part"] = [{**part, "part": new[part["part"]]} if part["by"] == "class" else part
                                 for part in metrics.get("coverage_by_part", [])]
    return shown


def with_names(metrics: Mapping[str, Any], new: Mapping[str, str]) -> dict[str, Any]:
    """Metrics whose classes, their counts and the class of the threshold have the names of the page."""
    named: dict[str, Any] = {}
    if "classes" in metrics:
        named["classes"] = [new.get(name, name) for name in metrics["classes"]]
    if "class_counts" in metrics:
        named["class_counts"] = {part: _keys(counts, new) for part, counts in metrics["class_counts"].items()}
    if metrics.get("operating_point"):
        point = metrics["operating_point"]
        named["operating_point"] = {**point, "class": new.get(point["class"], point["class"])}
    return {**metrics, **named}


def _keys(values: Mapping[str, Any], new: Mapping[str, str]) -> dict[str, Any]:
    return {new.get(name, name): value for name, value in values.items()}


def _suspects(found: SuspectLabels, new: Mapping[str, str]) -> SuspectLabels:
    def named(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{c: table[c].replace(dict(new)) for c in ("label", "likely") if c in table.columns})
    return replace(found, table=named(found.table), pairs=named(found.pairs), copies=named(found.copies))


def _quoted(text: str, new: Mapping[str, str]) -> str:
    """Warnings name classes in quotes."""
    for name, shown in new.items():
        text = text.replace(repr(name), repr(shown)) if shown not in new else text
    return text


def renamed(curves: pd.DataFrame, new: Mapping[str, str]) -> pd.DataFrame:
    """A table with the names of the page in its column `class`; class "" is the curve of all."""
    return curves.assign(**{"class": curves["class"].replace(dict(new))})
