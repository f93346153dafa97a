"""How good the predictions are: metrics beside baselines, confusion, calibration, selection, prediction sets."""
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from classify.report import figures
from classify.report.overview import Honest, plain_interval
from classify.result import RunResult
from featurize.report.charts import shorten
from featurize.report.numbers import count, interval, number, percent, score, whole
from featurize.report.page import cell, figure, table

# metric: (name, what it says, better when)
METRICS = {
    "accuracy": ("Accuracy", "share of images named correctly", "higher"),
    "balanced_accuracy": ("Balanced accuracy", "the same, every class counting alike", "higher"),
    "macro_f1": ("Macro-F1", "balance of missed and false findings, every class counting alike", "higher"),
    "weighted_f1": ("Weighted F1", "the same, classes weighted by their number", "higher"),
    "auroc": ("AUROC", "chance that a case ranks above a non-case", "higher"),
    "qwk": ("Quadratic kappa", "agreement in the order of stages, far misses counting more", "higher"),
    "mae": ("Mean stage error", "stages between prediction and truth", "lower"),
    "adjacent_error_share": ("Errors by one stage", "share of errors that miss by one stage only", "higher"),
    "log_loss": ("Log-loss", "cost of the probabilities given; sure and wrong is dearest", "lower"),
    "brier": ("Brier score", "squared distance of the probabilities from the truth", "lower"),
    "ece": ("Calibration error", "mean distance of given and observed probability (ECE)", "lower"),
    "coverage": ("Set coverage", "share of prediction sets that hold the truth", "as promised"),
    "mean_set_size": ("Mean set size", "classes in a prediction set", "lower"),
}
TOLD_FROM = {"nuisances": "properties of the picture (nuisances)", "features": "the features of the model"}
BASELINES = {"majority": "Most frequent class", "pca_logistic": "Logistic regression on PCA",
             "nuisance": "Nuisances only"}
CHARTED = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def metrics(result: RunResult) -> dict[str, Any]:
    """The table and the chart of metrics beside the baselines."""
    found = result.scores.metrics
    others: Mapping[str, Any] = found.get("baselines", {})
    names = [BASELINES.get(key, key.replace("_", " ")) for key in others]
    rows = [[cell(name, title=says), cell(plain_interval(found, key), key=_finite(found[key])),
             *(cell(_number_of(key, b.get(key)), key=_finite(b.get(key))) for b in others.values()),
             cell(says, tone="quiet"), cell(better, tone="quiet")]
            for key, (name, says, better) in METRICS.items() if found.get(key) is not None]
    shown = table(["Metric", "This model (95 % interval)", *names, "What it says", "Better"], rows)
    charted = [(METRICS[k][0], _spots(found, others, k)) for k in CHARTED if found.get(k) is not None]
    chart = figure(figures.compared(charted), "This model beside its baselines",
                   "Each line is a metric, further right is better. The blue dot is this model with its 95 % interval "
                   "from resampling whole groups; the other marks are what simple rivals reach on the same images; an "
                   "arrow leads to one left of the drawing. A model earns its keep only by its distance from them.")
    return {"table": shown, "chart": chart, "shortcuts": shortcut_table(result.scores.shortcuts)}


def _spots(found: Mapping[str, Any], others: Mapping[str, Any], key: str) -> list[figures.Spot]:
    low, high = found.get("intervals", {}).get(key) or (None, None)
    rivals = [(BASELINES.get(name, name.replace("_", " ")), float(b[key]), None, None)
              for name, b in others.items() if b.get(key) is not None]
    return [("This model", float(found[key]), low, high), *rivals]


def _number_of(key: str, value: float | None) -> str:
    return number(value) if key in ("mean_set_size", "mae") else score(value)


def _finite(value: object) -> float:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else -1.0


def shortcut_table(shortcuts: pd.DataFrame) -> dict[str, Any] | None:
    """What properties of the pictures alone can tell."""
    if shortcuts.empty:
        return None
    rows = [[cell(TOLD_FROM.get(r["name"], r["name"])), cell(r["target"]),
             cell(score(r["score"]), key=_finite(r["score"])), cell(score(r["chance"]), key=_finite(r["chance"])),
             _verdict(r["warning"])]
            for r in shortcuts.to_dict("records")]
    return table(["Told from", "Target", "AUROC", "By chance", "Verdict"], rows,
                 caption="Could the answer come from how a picture was taken instead of what it shows?")


def _verdict(said: object) -> dict[str, Any]:
    """The column `warning` may hold a sentence or a flag."""
    if isinstance(said, str):
        return cell(said or "no sign of a shortcut", tone="bad" if said else "good")
    return cell("possible shortcut", tone="bad") if said else cell("no sign of a shortcut", tone="good")


def confusion(matrix: pd.DataFrame) -> dict[str, Any]:
    """The matrix (rows truth, columns predicted) as a table: counts, per cent of the row, errors in another hue."""
    values = matrix.to_numpy(float)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    rows = [{"name": shorten(str(name), 36), "cells": [
                _confused(values[i, j], shares[i, j], name == other, str(name), str(other))
                for j, other in enumerate(matrix.columns)]} for i, name in enumerate(matrix.index)]
    return {"columns": [shorten(str(c), 26) for c in matrix.columns], "rows": rows, "tight": len(rows) > 6,
            "corner": "truth ↓ predicted →",
            "caption": "Images, and per cent of the row (of all images of that class)"}


def _confused(n: float, share: float, right: bool, truth: str, chosen: str) -> dict[str, Any]:
    hue = "--heat" if right else "--heat-error"
    strength = .08 + .82 * share if right else min(.12 + 1.6 * share, .9)
    ink = "color:var(--on-heat)" if strength > .6 else ""
    return {"text": number(n), "share": percent(share), "zero": n == 0,
            "style": f"background:rgba(var({hue}),{strength:.2f});{ink}" if n else "",
            "title": f"{count(n, 'image')} of {truth}, called {chosen}"}


def per_class(found: Mapping[str, Any], matrix: pd.DataFrame) -> dict[str, Any]:
    """Sensitivity, specificity and the like for every class, from `per_class` of the metrics."""
    columns = [("n", "Images"), ("recall", "Sensitivity"), ("specificity", "Specificity"), ("precision", "Precision"),
               ("f1", "F1"), ("auroc", "AUROC"), ("average_precision", "Average precision"),
               ("coverage", "Set coverage")]
    used = [(key, name) for key, name in columns if any(key in found[c] for c in found)]
    rows = [[cell(name), *(_class_cell(key, values) for key, _ in used), cell(_mistaken(matrix, name), tone="quiet")]
            for name, values in found.items()]
    explain = {"Sensitivity": "recall: share of this class that was found",
               "Specificity": "share of the other classes that was not called this class",
               "Precision": "positive predictive value at the frequencies of this data set",
               "Set coverage": "share of prediction sets that hold the truth"}
    return table(["Class", *(name for _, name in used), "Most often taken for"], rows, sortable=True, explain=explain,
                 foot="Precision depends on how frequent the classes are here; elsewhere it will differ.")


def _class_cell(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    value = values.get(key)
    if key == "n":
        return cell(number(value), key=_finite(value))
    low, high = values.get(f"{key}_interval") or (None, None)
    return cell(interval(value, low, high), key=_finite(value), bar=_finite(value) if key in ("recall", "f1") else None)


def _mistaken(matrix: pd.DataFrame, name: str) -> str:
    if name not in matrix.index:
        return ""
    others = matrix.loc[name].drop(name).to_numpy(float)
    most = float(others.max(initial=0))
    return f"{shorten(str(matrix.columns.drop(name)[int(others.argmax())]))} ({number(most)})" if most else "never"


def certainty(result: RunResult, honest: Honest) -> dict[str, Any]:
    """Calibration and the price of keeping fewer images."""
    table_, classes = result.scores.reliability, result.task.classes
    overall = figures.reliability(table_[table_["class"] == ""])
    kept = ~honest.review
    mark = (float(kept.mean()), float((~honest.right[kept]).mean())) if kept.any() and not kept.all() else None
    curve = figures.risk_coverage(result.scores.risk_coverage, mark)
    named = [str(c) for c in (classes[1:] if len(classes) == 2 else classes)]
    title = f"The same for {classes[1]}" if len(classes) == 2 else "The same for each class against the rest"
    small = figures.reliability_by_class(table_, named)
    return {"reliability": figure(overall, "Can the probabilities be believed?",
                                  "On the dashed line a stated 80 % is right in 80 of 100. Points below it were too "
                                  "sure. Thin lines are 95 % intervals: long ones come from few images, whose number "
                                  "the bars below show."),
            "risk": figure(curve, "What is gained by leaving the unsure ones to a person?",
                           "From right to left, the least sure images are taken away; the curve is the share of errors "
                           "among those that stay."),
            "by_class": figure(small, title,
                               "Where a thin line, the 95 % interval, reaches the dashed one, it may be chance."),
            "kept": kept_table(honest)}


def kept_table(honest: Honest) -> dict[str, Any]:
    """Accuracy when only the surest share is kept."""
    order = np.argsort(-honest.sure, kind="stable")
    rows = []
    for share in (1, .95, .9, .8, .7, .5):
        kept = order[:max(1, round(share * len(order)))]
        wrong = int((~honest.right[kept]).sum())
        right, least = float(honest.right[kept].mean()), float(honest.sure[kept].min())
        rows.append([cell(whole(share)), cell(number(len(kept)), key=len(kept)), cell(percent(right), key=right),
                     cell(number(wrong), key=wrong), cell(score(least), key=least)])
    return table(["Kept, surest first", "Images", "Right", "Errors left", "Least probability kept"], rows)


def sets(result: RunResult) -> dict[str, Any]:
    """Coverage, sizes and neighbours of the prediction sets."""
    alpha = result.settings.alpha
    found = result.scores.metrics["per_class"]
    # A class may have no tested image: then nothing is known of its sets.
    classes = [str(c) for c in result.task.classes if found[c].get("coverage") is not None]
    coverage, counts = [found[c]["coverage"] for c in classes], [found[c]["n"] for c in classes]
    return {"promise": whole(1 - alpha),
            "coverage": figure(figures.set_coverage(classes, coverage, counts, 1 - alpha),
                               "Is the promise kept in every class?",
                               "Dots are the share of sets that hold the truth, the dashed line is the promise "
                               f"({whole(1 - alpha)}), the gray band is what chance allows for that many images. "
                               "Red dots fall short of it."),
            "sizes": figure(figures.set_sizes(result.scores.set_sizes), "How many classes stand in a set?",
                            "One class is an answer; two or more say what cannot be told apart on this image."),
            "pairs": pair_table(result), "empty": _empty(result)}


def _empty(result: RunResult) -> str:
    honest = result.predicted.held_out & (np.asarray(result.task.y) >= 0)
    n = int(result.predicted.empty[honest].sum())
    return (f"For {count(n, 'image')} no class fitted at this level; the set was given the chosen class and the image "
            "is marked for review.") if n else ""


def pair_table(result: RunResult, most: int = 10) -> dict[str, Any] | None:
    """Which classes stand in one set together."""
    rows = np.flatnonzero(result.predicted.held_out & (np.asarray(result.task.y) >= 0))
    member = result.predicted.sets[rows].astype(np.int64)
    truth, classes = np.asarray(result.task.y)[rows], result.task.classes
    together = np.triu(member.T @ member, 1)
    order = np.argsort(-together, axis=None, kind="stable")[:most]
    pairs = [(i, j) for i, j in zip(*np.unravel_index(order, together.shape)) if together[i, j] > 0]
    if not pairs:
        return None
    shown = []
    for i, j in pairs:
        n, both = together[i, j], (member[:, i] & member[:, j]).astype(bool)
        split = [int((truth[both] == k).sum()) for k in (i, j)]
        shown.append([cell(f"{classes[i]} and {classes[j]}"), cell(number(n), key=float(n), bar=n / together.max()),
                      cell(percent(n / max(len(rows), 1)), key=n / max(len(rows), 1)),
                      cell(f"{split[0]} / {split[1]} / {int(n) - sum(split)}")])
    return table(["Classes in one set", "Images", "Of all", "Truth: first / second / another"], shown,
                 caption="Pairs that stand in a set together: the distinctions this model leaves open")


def training(result: RunResult) -> dict[str, Any]:
    """Learning curves and the time each stage took."""
    chart = None
    if not result.curves.empty:
        chart = figure(figures.learning_curves(result.curves), "Learning curves",
                       "One pair of lines per fold. Training loss always falls; boosting stops where the loss on "
                       "images kept back no longer does. A blue line that rises again would be overfitting.")
    times = [{"name": name, "value": f"{number(seconds)} s", "wide": False, "code": False}
             for name, seconds in result.timings.items()]
    return {"chart": chart, "times": times}
