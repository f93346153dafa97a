"""Names of classes for those who read a report: "pneumonia" in the place of "1".

Only pages show them. predictions.csv, metrics.json and the model keep the labels of the table.
"""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from classify.result import Explanation, Predicted, RunResult, Scores
from featurize.errors import UserError


def check_names(names: Mapping[str, str], classes: Sequence[str]) -> None:
    """Refuse names of classes that do not exist, and a name that two classes would share.

    Raises
    ------
    UserError
    """
    unknown = [label for label in names if label not in classes]
    if unknown:
        raise UserError(f"--names has a name for {unknown[0]!r}, which is no class of the table: the classes are "
                        f"{', '.join(classes)}")
    shown = [names.get(label, label) for label in classes]
    twice = next((name for name in shown if shown.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"--names calls two classes {twice!r}: give each its own name")


def with_display_names(result: RunResult) -> RunResult:
    """The result with the names of `settings.names` in the place of labels, for pages."""
    names = result.settings.names
    if not names:
        return result
    classes = tuple(names.get(label, label) for label in result.task.classes)
    frame = result.frame.assign(label=result.frame["label"].replace(names))
    split = replace(result.split, counts=result.split.counts.rename(index=names))
    return replace(result, frame=frame, task=replace(result.task, classes=classes), split=split,
                   predicted=_predicted(result.predicted, names), scores=_scores(result.scores, names),
                   explanation=_explanation(result.explanation, names))


def _predicted(predicted: Predicted, names: Mapping[str, str]) -> Predicted:
    table = predicted.table.rename(columns={f"p_{label}": f"p_{name}" for label, name in names.items()})
    table = table.assign(label=table["label"].replace(dict(names)), predicted=table["predicted"].replace(dict(names)),
                         prediction_set=table["prediction_set"].map(lambda text: _set(text, names)))
    return replace(predicted, table=table)


def _set(text: object, names: Mapping[str, str]) -> object:
    return "|".join(names.get(label, label) for label in text.split("|")) if isinstance(text, str) else text


def _scores(scores: Scores, names: Mapping[str, str]) -> Scores:
    metrics: dict[str, Any] = {**scores.metrics}
    metrics["classes"] = [names.get(str(label), label) for label in metrics.get("classes", [])]
    metrics["per_class"] = {names.get(label, label): value for label, value in metrics["per_class"].items()}
    return replace(scores, metrics=metrics, confusion=scores.confusion.rename(index=names, columns=names),
                   reliability=_class_column(scores.reliability, names),
                   set_sizes=scores.set_sizes.rename(index=names))


def _class_column(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    return table.assign(**{"class": table["class"].replace(dict(names))})


def _explanation(explanation: Explanation, names: Mapping[str, str]) -> Explanation:
    return replace(explanation, features=explanation.features.rename(columns=names),
                   families=explanation.families.rename(columns=names),
                   regions=explanation.regions.rename(columns=names),
                   beeswarm=_class_column(explanation.beeswarm, names))
