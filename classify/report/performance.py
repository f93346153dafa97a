"""How good the predictions are: metrics beside baselines, confusion, calibration, selection, prediction sets."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.report import figures, threshold_figures
from classify.report.overview import plain_interval
from classify.report_numbers import LEAST_GAIN, ReportNumbers
from classify.result import RunResult
from featurize.report.charts import shorten
from featurize.report.feature_names import in_words
from featurize.report.numbers import count, finite, interval, number, percent, score, whole
from featurize.report.page import cell, figure, heat, table

# metric: (name, what it says, better when)
METRICS = {
    "accuracy": ("Accuracy", "share of images named correctly", "higher"),
    "balanced_accuracy": ("Balanced accuracy", "the same, every class counting alike", "higher"),
    "macro_f1": ("Macro-F1", "balance of missed and false findings, every class counting alike", "higher"),
    "weighted_f1": ("Weighted F1", "the same, classes weighted by their number", "higher"),
    "macro_precision": ("Macro-precision", "share of right answers among those naming a class, classes counting alike",
                        "higher"),
    "macro_specificity": ("Macro-specificity", "share of other images not called a class, every class counting alike",
                          "higher"),
    "mcc": ("Matthews correlation", "correlation of answer and truth; 0 is chance, also where classes are unequal",
            "higher"),
    "auroc": ("AUROC", "chance that a case ranks above a non-case", "higher"),
    "average_precision": ("Average precision", "area under precision against sensitivity; by chance the class' share",
                          "higher"),
    "qwk": ("Quadratic kappa", "agreement in the order of stages, far misses counting more", "higher"),
    "mae": ("Mean stage error", "stages between prediction and truth", "lower"),
    "adjacent_error_share": ("Errors by one stage", "share of errors that miss by one stage only", "higher"),
    "log_loss": ("Log-loss", "cost of the probabilities given; sure and wrong is dearest", "lower"),
    "brier": ("Brier score", "squared distance of the probabilities from the truth", "lower"),
    "ece": ("Calibration error", "mean distance of given and observed probability (ECE)", "lower"),
    "coverage": ("Set coverage", "share of prediction sets that hold the truth", "as promised"),
    "mean_set_size": ("Mean set size", "classes in a prediction set", "lower"),
}
# What the label or site is told from.
TOLD_FROM = {"nuisances": "properties of the picture (nuisances)", "features": "the features of the model"}
# Names of the baselines.
BASELINES = {"majority": "Most frequent class", "pca_logistic": "Logistic regression on PCA",
             "nuisance": "Nuisances only"}
# From more classes on the confusion matrix has narrow columns with upright names.
TIGHT_CLASSES = 6
# Operating points by their name in `ReportNumbers.operating_points`.
OPERATING_POINTS = {"used": "Even odds: the class that the model names", "stored": "Stored with the model",
                    "sensitive": "Fewest false alarms at a sensitivity of 95\u00a0% on these images"}
# Metrics in the chart.
CHARTED = ("accuracy", "balanced_accuracy", "macro_f1", "qwk", "auroc")


def metrics(result: RunResult) -> dict[str, Any]:
    """The table and the chart of metrics beside the baselines."""
    scores = result.scores.metrics
    baselines: Mapping[str, Any] = scores.get("baselines", {})
    names = [BASELINES.get(key, key.replace("_", " ")) for key in baselines]
    rows = [[cell(name, title=says), cell(plain_interval(scores, key), key=finite(scores[key])),
             *(cell(_number_of(key, b.get(key)), key=finite(b.get(key))) for b in baselines.values()),
             cell(says, tone="quiet"), cell(better, tone="quiet")]
            for key, (name, says, better) in METRICS.items() if scores.get(key) is not None]
    shown = table(["Metric", "This model (95 % interval)", *names, "What it says", "Better"], rows)
    charted = [(METRICS[k][0], _spots(scores, baselines, k)) for k in CHARTED if scores.get(k) is not None]
    chart = figure(figures.compared(charted), "This model beside its baselines",
                   "Each line is a metric, further right is better. The blue dot is this model with its 95 % interval "
                   "from resampling whole groups; the other marks are what simple rivals reach on the same images; an "
                   "arrow leads to one left of the drawing. A model that is no better than they are is not needed.")
    return {"table": shown, "chart": chart, "shortcuts": shortcut_table(result.scores.shortcuts),
            "sites": site_table(scores.get("left_out_sites", []))}


def _spots(scores: Mapping[str, Any], baselines: Mapping[str, Any], key: str) -> list[figures.Spot]:
    low, high = scores.get("intervals", {}).get(key) or (None, None)
    others = [(BASELINES.get(name, name.replace("_", " ")), float(b[key]), None, None)
              for name, b in baselines.items() if b.get(key) is not None]
    return [("This model", float(scores[key]), low, high), *others]


def _number_of(key: str, value: float | None) -> str:
    return number(value) if key == "mean_set_size" else score(value)


def site_table(sites: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a model of the other sites makes of each site."""
    if not sites:
        return None
    rows = [[cell(one["site"]), cell(number(one["n"]), key=one["n"]),
             *(cell(score(one[key]), key=finite(one[key])) for key in ("balanced_accuracy", "home_balanced_accuracy",
                                                                       "accuracy", "home_accuracy"))]
            for one in sites]
    foot = (f"Of the {number(len(sites[0]['classes']))} classes that two sites share. A model for a laboratory that is "
            "not in the table should be believed by the figures without the site; of a given split the test part is "
            "not used here.")
    return table(["Site left out", "Images", "Balanced accuracy without it", "with it", "Accuracy without it",
                  "with it"], rows, caption="How good is the model where it did not learn?", foot=foot)


def shortcut_table(shortcuts: pd.DataFrame) -> dict[str, Any] | None:
    """What properties of the pictures alone can tell."""
    if shortcuts.empty:
        return None
    rows = [[cell(TOLD_FROM.get(r["name"], r["name"])), cell(r["target"]),
             cell(score(r["score"]), key=finite(r["score"])), cell(score(r["chance"]), key=finite(r["chance"])),
             _gain(r.get("gain")), _verdict(r["warning"])]
            for r in shortcuts.to_dict("records")]
    foot = ("Focus, contrast and mean color are measured on a picture that shows the subject, so that they tell the "
            "label without a shortcut, too. What they add is the share of the log-loss that they save beyond the "
            f"subject's own measurements: from {whole(LEAST_GAIN)} on, and beyond chance, it is a sign of a shortcut.")
    tested = "gain" in shortcuts and shortcuts["gain"].notna().any()
    return table(["Told from", "Target", "AUROC", "By chance", "What it adds", "Verdict"], rows,
                 caption="Could the answer come from how a picture was taken instead of what it shows?",
                 foot=foot if tested else "")


def _gain(share: object) -> dict[str, Any]:
    """What properties of the picture add; below zero they mislead, which is nothing added."""
    if not isinstance(share, float) or not np.isfinite(share):
        return cell("–", key=-1.0)
    return cell(percent(max(share, 0)), key=share)


def _verdict(warning: object) -> dict[str, Any]:
    """The column `warning` may hold a sentence or a flag."""
    if isinstance(warning, str):
        return cell(in_words(warning) or "no sign of a shortcut", tone="bad" if warning else "good")
    return cell("possible shortcut", tone="bad") if warning else cell("no sign of a shortcut", tone="good")


def confusion(matrix: pd.DataFrame, called: str = "predicted") -> dict[str, Any]:
    """The matrix (rows truth, columns predicted) as a table: counts, per cent of the row, errors in another hue."""
    values = matrix.to_numpy(float)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    rows = [{"name": shorten(str(name), 36), "cells": [
                _confused(values[i, j], shares[i, j], name == other, str(name), str(other))
                for j, other in enumerate(matrix.columns)]} for i, name in enumerate(matrix.index)]
    return {"columns": [shorten(str(c), 26) for c in matrix.columns], "rows": rows,
            "tight": len(matrix.columns) > TIGHT_CLASSES,
            "corner": f"truth ↓ {called} →",
            "caption": "Images, and per cent of the row (of all images of that class)"}


def _confused(n: float, share: float, right: bool, truth: str, chosen: str) -> dict[str, Any]:
    hue = "heat" if right else "heat-error"
    strength = .08 + .82 * share if right else min(.12 + 1.6 * share, .9)
    return {"text": number(n), "share": percent(share), "zero": n == 0,
            "style": heat(strength, hue) if n else "",
            "title": f"{count(n, 'image')} of {truth}, called {chosen}"}


def operating_points(result: RunResult, numbers: ReportNumbers) -> dict[str, Any] | None:
    """ROC and precision-recall curves of a task of two classes, and what the thresholds on them give."""
    curve, points = numbers.thresholds, numbers.operating_points
    if curve is None or points is None:
        return None
    name = str(result.task.classes[1])
    share = float((numbers.scored.truth == 1).mean())
    rows = [[cell(OPERATING_POINTS[r["name"]] + (f": {r['rule']}" if r["rule"] else "")),
             cell(score(r["threshold"]), key=r["threshold"]),
             *(cell(interval(r[key], *r[f"{key}_interval"]), key=finite(r[key]))
               for key in ("sensitivity", "specificity", "ppv", "npv"))] for r in points.to_dict("records")]
    shown = table(["Operating point", "Threshold", "Sensitivity", "Specificity", "Positive predictive value",
                   "Negative predictive value"], rows, caption=f"What counts as {name}, and what follows", foot=(
                       f"{_foot(points, result.split.kind)} Predictive values hold where {percent(share)} of the "
                       f"images are {name}. In brackets 95 % intervals."))
    return {"table": shown,
            "roc": figure(threshold_figures.roc(curve, points, name), "Sensitivity against false alarms (ROC)",
                          "Every point of the curve is a threshold. Up and left is better; the dashed line is a coin."),
            "precision": figure(threshold_figures.precision_recall(curve, points, name, share),
                                "Precision against sensitivity", "Up and right is better; the dashed line is the "
                                f"share of {name} among these images.")}


def _foot(points: pd.DataFrame, kind: str) -> str:
    """How the thresholds were chosen."""
    text = "Thresholds are on the calibrated probability."
    if (points["name"] == "stored").any():
        chosen = "images of other folds, so that its mark may lie beside the curve" if kind == "folds" else \
            "the validation part"
        text += f" The stored one was chosen on all calibrating images; its scores here come from {chosen}."
    if (points["name"] == "sensitive").any():
        text += (" The last one was chosen on these very images and will do a little worse on others; classify "
                 "--sensitivity 0.95 stores such a threshold with the model.")
    return text


def decision_curve(result: RunResult) -> dict[str, str] | None:
    """Net benefit of acting on the probability of the second class; None for other tasks."""
    curve = result.scores.metrics.get("decision_curve")
    if not curve:
        return None
    name = str(result.task.classes[1])
    return figure(figures.decision_curve(curve), "Is it worth acting on the probability? (decision curve)",
                  f"A person who acts from a probability of 10 % on takes nine false alarms for one {name} found; the "
                  "threshold says how dear a false alarm is. Where the blue line is above the others, the model does "
                  "more good than acting on every image or on none.")


def per_class(by_class: Mapping[str, Any], matrix: pd.DataFrame) -> dict[str, Any]:
    """Sensitivity, specificity and the like for every class, from `per_class` of the metrics."""
    used = _used(by_class, {"n": "Images", "recall": "Sensitivity", "specificity": "Specificity",
                            "precision": "Precision", "f1": "F1", "auroc": "AUROC", "coverage": "Set coverage"})
    rows = [[cell(name), *(_class_cell(key, values) for key in used), cell(_mistaken(matrix, name), tone="quiet")]
            for name, values in by_class.items()]
    explain = {"Sensitivity": "recall: share of this class that was found",
               "Specificity": "share of the other classes that was not called this class",
               "Precision": "positive predictive value at the frequencies of this data set",
               "Set coverage": "share of prediction sets that hold the truth"}
    return table(["Class", *used.values(), "Most often taken for"], rows, sortable=True, explain=explain,
                 foot="In brackets 95 % intervals. Precision depends on how frequent the classes are here; elsewhere "
                      "it will differ.")


def further_per_class(by_class: Mapping[str, Any]) -> dict[str, Any] | None:
    """Scores of the probabilities of every class, and the Matthews correlation; None where there are none."""
    used = _used(by_class, {"mcc": "Matthews correlation", "average_precision": "Average precision",
                            "brier": "Brier score", "ece": "Calibration error"})
    if not used:
        return None
    rows = [[cell(name), *(_class_cell(key, values) for key in used)] for name, values in by_class.items()]
    explain = {"Matthews correlation": "of being called this class and being it; 0 is chance",
               "Average precision": "area under precision against sensitivity; by chance it is the class's share",
               "Brier score": "squared distance of this class's probability from 0 or 1",
               "Calibration error": "mean distance of this class's probability and its frequency (ECE)"}
    return table(["Class", *used.values()], rows, sortable=True, explain=explain,
                 foot="Average precision and the Brier score depend on how frequent the classes are here.")


def _used(by_class: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that a class has a score for."""
    return {key: name for key, name in columns.items() if any(key in scores for scores in by_class.values())}


def _class_cell(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    value = values.get(key)
    if key == "n":
        return cell(number(value), key=finite(value))
    low, high = values.get(f"{key}_interval") or (None, None)
    return cell(interval(value, low, high), key=finite(value), bar=finite(value) if key in ("recall", "f1") else None)


def _mistaken(matrix: pd.DataFrame, name: str) -> str:
    if name not in matrix.index:
        return ""
    others = matrix.loc[name].drop(name).to_numpy(float)
    most = float(others.max(initial=0))
    return f"{shorten(str(matrix.columns.drop(name)[int(others.argmax())]))} ({number(most)})" if most else "never"


def training(result: RunResult) -> dict[str, Any]:
    """Learning curves."""
    chart = None
    if not result.curves.empty:
        chart = figure(figures.learning_curves(result.curves), "Learning curves",
                       "One pair of lines per fold. Training loss always falls; boosting stops where the loss on "
                       "images kept back no longer does. A blue line that rises again would be overfitting.")
    return {"chart": chart}
