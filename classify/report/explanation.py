"""What the model looks at: features, families and regions, for all images and class by class."""
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from classify.report import feature_figures
from classify.report.stability import stable_measurements
from classify.report_numbers import ReportNumbers
from classify.result import LINEAR, TREES, RunResult
from featurize.report.charts import shorten
from featurize.report.feature_names import family_words, feature_name, region_words, words
from featurize.report.numbers import count, measurement, number, score
from featurize.report.page import cell, figure, table

# Rows of the table of features.
LISTED = 40
# Length of a class name in the head of a table.
CLASS_NAME_LENGTH = 22
# Rank correlation of value and contribution from which high or low values speak for a class.
CLEAR_CORRELATION = .3
# Of the columns with the two parts of a contribution.
HEADS_OF_PARTS = {LINEAR: "Of it regression", TREES: "Of it trees"}
# Least importance that bars are drawn against.
LEAST_IMPORTANCE = 1e-12


def importance(result: RunResult, numbers: ReportNumbers) -> dict[str, Any]:
    """Charts and tables of the section."""
    explained = result.explanation
    return {"swarm": swarm(result, numbers),
            "families": figure(_bars(explained.families, "family", family_words),
                               "By family of measurements", "Contributions of a family's features are added image by "
                               "image before their size is taken, so that opposite ones cancel."),
            "regions": figure(_bars(explained.regions, "region", region_words),
                              "By region of the image", "Where the numbers were measured. A large share of the "
                              "background or of the whole picture would hint at a shortcut."),
            "linear_and_trees": parts_in_words(explained.parts),
            "stability": stable_measurements(result),
            "features": feature_table(with_stability(explained.features, result.stability), preset_name(result)),
            "by_class": class_tables(result, numbers)}


def parts_in_words(parts: pd.DataFrame) -> str:
    """How much of the log-odds the logistic regression and the trees give; "" for a model of one part."""
    if parts.empty:
        return ""
    share = parts.set_index("part")["importance"]
    return ("The model is a sum: a logistic regression on the measurements, on their distance from the middle and on "
            f"products of two of them, mean size {number(share[LINEAR])} in log-odds, and what trees add, "
            f"mean size {number(share[TREES])}. Every contribution on this page is the sum of both parts. What a "
            "product gives is divided equally between its two measurements.")


def preset_name(result: RunResult) -> str:
    """Name of the preset that measured the images."""
    return str(result.info.preset.get("name", ""))


def _bars(sums: pd.DataFrame, column: str, named: Callable[[str], str]) -> str:
    ordered = sums.sort_values("importance", ascending=False)
    return feature_figures.bars([named(str(name)) for name in ordered[column]], ordered["importance"].tolist(),
                                "mean |contribution|, log-odds")


def swarm(result: RunResult, numbers: ReportNumbers) -> dict[str, str]:
    """The beeswarm of what matters most."""
    binary = len(result.task.classes) == 2
    toward = f"{result.task.classes[1]} rather than {result.task.classes[0]}" if binary else "the class that was chosen"
    uri = feature_figures.beeswarm(numbers.swarm, f"contribution (log-odds): right of the line speaks for {toward}")
    return figure(uri, "What matters most, image by image",
                  "First what can be checked by eye, then, in gray, sums of many numbers. Every point is one of "
                  f"{number(len(result.explanation.rows))} images. Its place tells how strongly the measurement spoke "
                  f"for {toward}, its color whether the value was low (blue) or high (orange) among these images. "
                  "These are exact Shapley values of the model. They explain the model, not the disease.")


def with_stability(features: pd.DataFrame, stability: pd.DataFrame) -> pd.DataFrame:
    """The features with `icc`, where images were measured twice."""
    return features.merge(stability[["feature", "icc"]], on="feature", how="left") if len(stability) else features


def feature_table(features: pd.DataFrame, preset: str) -> dict[str, Any]:
    """The most important features with unit and definition."""
    top = features.head(LISTED)
    most = max(float(top["importance"].max()), LEAST_IMPORTANCE) if len(top) else 1.0
    both, stable = [name for name in (LINEAR, TREES) if name in top], ["Stability"] if "icc" in top else []
    rows = [[cell(at, key=at), cell(words(r["feature"], preset), title=r["feature"]),
             cell(number(r["importance"]), key=r["importance"], bar=r["importance"] / most),
             *(cell(number(r[name]), key=r[name]) for name in both),
             *(cell(score(r["icc"]), key=-1 if pd.isna(r["icc"]) else r["icc"]) for _ in stable),
             cell(_text(r["unit"])), cell(_text(r["formula"]), tone="quiet")]
            for at, r in enumerate(top.to_dict("records"), start=1)]
    heads = ["Rank", "Feature", "Importance", *(HEADS_OF_PARTS[name] for name in both), *stable, "Unit", "Definition"]
    return table(heads, rows, sortable=True,
                 foot=f"{number(len(features))} features were offered; the first {number(len(top))} are listed.")


def _text(value: object) -> str:
    # A unit of "1" is none.
    return value if isinstance(value, str) and value not in ("", "1") else "–"


def class_tables(result: RunResult, numbers: ReportNumbers) -> list[dict[str, Any]]:
    """For each class, the features that speak loudest for or against it, and how its values differ."""
    return [_class_table(result, str(name), rows) for name, rows in numbers.class_features.groupby("class", sort=False)]


def _class_table(result: RunResult, name: str, features: pd.DataFrame) -> dict[str, Any]:
    most = max(float(features["weight"].max()), LEAST_IMPORTANCE)
    rows = [[cell(r["concept"].name, title=feature_name(r["feature"], preset_name(result)).definition),
             cell(number(r["weight"]), key=r["weight"], bar=r["weight"] / most), *_typical(r, preset_name(result))]
            for r in features.to_dict("records")]
    short, classes = shorten(name, CLASS_NAME_LENGTH), result.task.classes
    other = shorten(str(classes[0]), CLASS_NAME_LENGTH) if len(classes) == 2 else "the others"
    return {"name": name, "table": table(["What was measured", "Weight", f"Speaks for {short} when",
                                          f"Median in {short}", f"Median in {other}"], rows)}


def _typical(row: Mapping[Hashable, Any], preset: str) -> list[dict[str, Any]]:
    """When it speaks for the class, and the medians; a sum of many measurements has none."""
    if not row["concept"].by_itself:
        many = count(len(row["concept"].columns), "measurement")
        return [cell(f"{many} together", tone="quiet"), cell("", key=0.0), cell("", key=0.0)]
    unit = feature_name(row["feature"], preset).unit
    return [cell(_direction(row["direction"])), cell(measurement(row["median"], unit), key=0.0),
            cell(measurement(row["median_of_rest"], unit), key=0.0)]


def _direction(correlation: float) -> str:
    """Whether high or low values push towards the class, if it is clear."""
    if pd.isna(correlation):
        return "–"
    if abs(correlation) <= CLEAR_CORRELATION:
        return "in a middle range or together with others"
    return "high" if correlation > 0 else "low"
