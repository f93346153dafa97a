"""What the model looks at: features, families and regions, for all images and class by class."""
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.data.columns import readable
from classify.report import figures
from classify.result import RunResult
from featurize.arrays import Float64Array
from featurize.report.charts import shorten
from featurize.report.numbers import number
from featurize.report.page import cell, figure, table

SWARM = 20
LISTED = 40
PER_CLASS = 5


def importance(result: RunResult) -> dict[str, Any]:
    """Charts and tables of the section."""
    explained = result.explanation
    unit = "mean |contribution|, log-odds"
    family = explained.families.sort_values("importance", ascending=False)
    region = explained.regions.sort_values("importance", ascending=False)
    return {"swarm": swarm(result),
            "families": figure(figures.bars(family["family"].astype(str).tolist(), family["importance"].tolist(), unit),
                               "By family of measurements", "Contributions of a family's features are added image by "
                               "image before their size is taken, so that opposite ones cancel."),
            "regions": figure(figures.bars(region["region"].astype(str).tolist(), region["importance"].tolist(), unit),
                              "By region of the image", "Where the numbers were measured. A large share of the "
                              "background or of the whole picture would hint at a shortcut."),
            "features": feature_table(explained.features), "by_class": class_tables(result)}


def swarm(result: RunResult) -> dict[str, str]:
    """The beeswarm of the features that matter most."""
    names = result.explanation.features["feature"].astype(str).tolist()[:SWARM]
    contributions = toward_prediction(result)
    binary = len(result.task.classes) == 2
    toward = f"{result.task.classes[1]} rather than {result.task.classes[0]}" if binary else "the class that was chosen"
    column = {name: at for at, name in enumerate(result.features)}
    rows = [(readable(name), contributions[:, column[name]], _levels(result, name)) for name in names]
    uri = figures.beeswarm(rows, f"contribution (log-odds): right of the line speaks for {toward}")
    return figure(uri, f"The {len(rows)} features that matter most, image by image",
                  f"Every point is one of {number(len(result.explanation.rows))} images. Its place tells how strongly "
                  f"the feature spoke for {toward}, its color whether the value was low (blue) or high (orange) among "
                  "these images. These are exact Shapley values of the trees. They explain the model, not the disease.")


def toward_prediction(result: RunResult) -> Float64Array:
    """(m, d): contributions to the margin of the chosen class (binary: of class 1)."""
    values = result.explanation.contributions[:, :, :-1]
    if values.shape[1] == 1:
        return np.asarray(values[:, 0], dtype=float)
    chosen = result.predicted.probabilities[result.explanation.rows].argmax(axis=1)
    return np.asarray(values[np.arange(len(values)), chosen], dtype=float)


def _levels(result: RunResult, name: str) -> Float64Array:
    """Rank 0..1 of the values of one feature among the explained images; NaN where missing."""
    values = result.frame[name].iloc[result.explanation.rows]
    ranks = values.rank(method="average")
    known = max(int(values.notna().sum()) - 1, 1)
    return np.asarray((ranks - 1) / known, dtype=np.float64)


def feature_table(features: pd.DataFrame) -> dict[str, Any]:
    """The most important features with unit and definition."""
    top = features.head(LISTED)
    most = max(float(top["importance"].max()), 1e-12) if len(top) else 1.0
    rows = [[cell(at, key=at), cell(readable(r["feature"]), title=r["feature"]),
             cell(number(r["importance"]), key=r["importance"], bar=r["importance"] / most),
             cell(_text(r["unit"])), cell(_text(r["formula"]), tone="quiet")]
            for at, r in enumerate(top.to_dict("records"), start=1)]
    return table(["Rank", "Feature", "Importance", "Unit", "Definition"], rows, sortable=True,
                 foot=f"{number(len(features))} features were offered; the first {number(len(top))} are listed.")


def _text(value: object) -> str:
    # A unit of "1" is none.
    return value if isinstance(value, str) and value not in ("", "1") else "–"


def class_tables(result: RunResult) -> list[dict[str, Any]]:
    """For each class, the features that speak loudest for or against it, and how its values differ."""
    if len(result.task.classes) == 2:
        return [_class_table(result, 1, 0)]
    return [_class_table(result, k, k) for k in range(len(result.task.classes))]


def _class_table(result: RunResult, k: int, margin: int) -> dict[str, Any]:
    """Binary models have one margin: that of class 1."""
    name = str(result.task.classes[k])
    values = result.explanation.contributions[:, margin, :-1]
    weight = np.abs(values).mean(axis=0)
    top = np.argsort(-weight, kind="stable")[:PER_CLASS]
    mine = np.asarray(result.task.y) == k
    rest = (np.asarray(result.task.y) >= 0) & ~mine
    rows = []
    for at in top:
        column = result.features[at]
        measured = result.frame[column].to_numpy(float)
        rows.append([cell(readable(column), title=column),
                     cell(number(weight[at]), key=float(weight[at]), bar=float(weight[at] / max(weight.max(), 1e-12))),
                     cell(_direction(measured[result.explanation.rows], values[:, at])),
                     cell(_middle(measured[mine]), key=0.0), cell(_middle(measured[rest]), key=0.0)])
    short = shorten(name, 22)
    other = shorten(str(result.task.classes[1 - k]), 22) if len(result.task.classes) == 2 else "the others"
    return {"name": name, "table": table(["Feature", "Weight", f"Speaks for {short} when", f"Median in {short}",
                                          f"Median in {other}"], rows)}


def _direction(value: NDArray[np.floating], contribution: NDArray[np.floating]) -> str:
    """Whether high or low values push towards the class: the sign of the rank correlation, if it is clear."""
    known = np.isfinite(value)
    if known.sum() < 3 or np.ptp(value[known]) == 0 or np.ptp(contribution[known]) == 0:
        return "–"
    a, b = (pd.Series(x[known]).rank().to_numpy() for x in (value, contribution))
    r = float(np.corrcoef(a, b)[0, 1])
    return "high" if r > .3 else "low" if r < -.3 else "in a middle range or together with others"


def _middle(values: Float64Array) -> str:
    known = values[np.isfinite(values)]
    return number(float(np.median(known))) if len(known) else "–"
