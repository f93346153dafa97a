"""The page of a multilabel run: how well each finding is told, which occur together, and where its own page is."""
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.findings.result import FindingsResult
from classify.report.model_card import reproduce
from classify.report.overview import command
from classify.report.review import review_table
from featurize.report.numbers import count, interval, number, percent, score, whole
from featurize.report.page import by_weight, cell, contents, heat, table, warning, write_page

SECTIONS = ("At a glance", "Findings", "Occurring together", "Data and division", "How to make it again")
# Words of a warning that undermines the numbers.
SERIOUS = ("shortcut", "tell the label", "site and label", "the baseline", "labelled differently", "hold the truth",
           "independent groups", "on several sides")
# Words of a warning that only says what was done.
NOTES = ("repeat others", "are constant", "rows have no label")


def write_findings_report(path: Path, result: FindingsResult) -> None:
    """Write report.html of a multilabel run; the findings' own pages lie beside it."""
    metrics = result.metrics
    trained = metrics["findings"]
    content = {
        "kicker": "Classification report", "title": f"{count(len(trained), 'finding')}, "
        f"{count(metrics['n'], 'tested image')}", "lead": _lead(result), "facts": _facts(result),
        "warnings": by_weight(_warning(text) for text in result.warnings),
        "no_warnings": "No check found anything to warn about.", "contents": contents(SECTIONS),
        "tiles": _tiles(result),
        "findings": _findings_table(trained, metrics["threshold_rule"]), "pages": _links(result),
        "not_trained": _not_trained(metrics["not_trained"]), "co_occurrence": _co_occurrence(result),
        "parts_table": _parts(result), "how": _how(result),
        "review": _review(result), "reproduce": reproduce(result.info, result.table_path, _command(result))}
    write_page(path, "findings.html.j2", content, Path(__file__).parent)


def _lead(result: FindingsResult) -> str:
    metrics = result.metrics
    best = max(metrics["findings"], key=lambda name: metrics["findings"][name]["auroc"] or 0)
    worst = min(metrics["findings"], key=lambda name: metrics["findings"][name]["auroc"] or 0)
    told = metrics["findings"]
    return (f"Each finding is a question of its own, asked of images that the model had never seen. An image with the "
            f"finding ranks above one without in {percent(metrics['auroc'])} of pairs on average: best for {best} "
            f"({score(told[best]['auroc'])}), worst for {worst} ({score(told[worst]['auroc'])}).")


def _facts(result: FindingsResult) -> list[dict[str, Any]]:
    frame, metrics = result.frame, result.metrics
    groups = frame["group"].dropna().nunique()
    calibrated = sorted({str(f["calibration"]["method"]) for f in metrics["findings"].values()})
    pairs = [("Task", f"multilabel, {len(result.findings.names)} findings"),
             ("Images", f"{number(len(frame))}, of which {number(result.findings.labelled.sum())} labelled"),
             ("Groups (patients)", number(groups) if groups else "not given"),
             ("Model", f"{result.model or result.settings.model}, calibration {', '.join(calibrated)}"),
             ("Classes balanced by", result.settings.balance),
             ("Threshold of each finding", metrics["threshold_rule"]), ("Made on", date.today().isoformat())]
    wide = [("Data hash (files, labels, groups)", result.info.index_hash), ("Command", _command(result)),
            ("Versions", ", ".join(f"{n} {v}" for n, v in sorted(result.versions.items())))]
    return [{"name": n, "value": v, "wide": False, "code": False} for n, v in pairs] + \
        [{"name": n, "value": v, "wide": True, "code": True} for n, v in wide if v]


def _command(result: FindingsResult) -> str:
    return command(result.table_path, result.out, result.settings)


def _review(result: FindingsResult) -> dict[str, Any] | None:
    """Why a person is asked to look at tested images."""
    reasons = result.table.loc[result.table["fold"].notna(), "review_reason"]
    return review_table([words.split("|") if words else () for words in reasons])


def _warning(text: str) -> dict[str, str]:
    level = "note" if any(w in text for w in NOTES) else "serious" if any(w in text for w in SERIOUS) else "caution"
    return warning(level, text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))


def _tiles(result: FindingsResult) -> list[dict[str, str]]:
    metrics = result.metrics
    low, high = metrics["intervals"]["auroc"]
    tested = result.table["fold"].notna()
    return [{"name": "Mean AUROC", "value": score(metrics["auroc"]),
             "range": f"95 % interval {score(low)}–{score(high)}"},
            {"name": "Mean average precision", "value": score(metrics["average_precision"]),
             "range": f"by chance {score(float(np.mean([f['prevalence'] for f in metrics['findings'].values()])))}"},
            {"name": "Findings", "value": number(len(metrics["findings"])),
             "range": f"{number(len(metrics['not_trained']))} more not trained" if metrics["not_trained"] else ""},
            {"name": "For a person to review", "value": percent(float(result.table["review"][tested].mean())),
             "range": "an undecided finding, or an unusual image"}]


def _findings_table(trained: Mapping[str, Any], rule: str) -> dict[str, Any]:
    rows = [[cell(name), cell(number(f["positives"]), key=f["positives"]), cell(percent(f["prevalence"]),
             key=f["prevalence"]), cell(interval(f["auroc"], *f["intervals"]["auroc"]), key=f["auroc"], bar=f["auroc"]),
             cell(score(f["average_precision"]), key=f["average_precision"]),
             cell(score(f["threshold"]), key=f["threshold"]),
             *(_share(f, key) for key in ("sensitivity", "specificity", "ppv")),
             cell(score(f["ece"]), key=f["ece"]), cell(percent(f["coverage"]), key=f["coverage"])]
            for name, f in trained.items()]
    explain = {"Average precision": "area under the precision-recall curve; by chance it is the share of images",
               "Threshold": f"probability from which the finding counts as present: {rule}",
               "Sensitivity": "share of the images with the finding that reach the threshold",
               "Specificity": "share of the images without the finding that stay below it",
               "PPV": "share of the images above the threshold that have the finding, at the frequency of this data",
               "ECE": "mean distance of stated and observed probability",
               "Set coverage": "share of prediction sets (absent, present or both) that hold the truth"}
    return table(["Finding", "Images", "Share", "AUROC (95 % interval)", "Average precision", "Threshold",
                  "Sensitivity", "Specificity", "PPV", "ECE", "Set coverage"], rows, sortable=True, explain=explain,
                 foot="Thresholds were chosen on other images than those on which sensitivity, specificity and PPV are "
                      "counted.")


def _share(f: Mapping[str, Any], key: str) -> dict[str, Any]:
    low, high = f[f"{key}_interval"]
    return cell(interval(f[key], low, high), key=-1.0 if f[key] is None else f[key])


def _links(result: FindingsResult) -> list[dict[str, str]]:
    return [{"name": name, "href": page} for name, page in result.pages.items()]


def _not_trained(rare: Mapping[str, str]) -> list[str]:
    return [f"{name}: {why}." for name, why in rare.items()]


def _co_occurrence(result: FindingsResult) -> dict[str, Any]:
    """Of the images with the row's finding, how many have the column's too."""
    counts = result.findings.co_occurrence().to_numpy()
    shares = counts / np.maximum(np.diag(counts), 1)[:, None]
    names = result.findings.names
    rows = [{"name": name, "cells": [_together(int(counts[i, j]), float(shares[i, j]), name, other)
                                     for j, other in enumerate(names)]} for i, name in enumerate(names)]
    return {"columns": names, "rows": rows, "tight": len(names) > 6, "corner": "of these ↓ also these →",
            "caption": "Images with both findings, and per cent of those with the row's finding"}


def _together(n: int, share: float, name: str, other: str) -> dict[str, Any]:
    same = name == other
    strength = .08 if same else min(.08 + .82 * share, .9)
    return {"text": number(n), "share": "" if same else percent(share), "zero": n == 0,
            "style": heat(strength) if n else "",
            "title": f"{count(n, 'image')} with {name}" + ("" if same else f" and {other}")}


def _parts(result: FindingsResult) -> dict[str, Any]:
    parts: pd.DataFrame = result.parts
    rows = [[cell(name), *(cell(number(v), key=float(v)) for v in row), cell(number(row.sum()), key=float(row.sum()))]
            for name, row in parts.iterrows()]
    return table(["Finding", *(str(c).capitalize() for c in parts.columns), "All"], rows, sortable=True,
                 caption="Images with each finding in each part")


def _how(result: FindingsResult) -> str:
    if result.split.kind == "given":
        made = "A test part was drawn by group" if result.settings.test_share else "The table came with its own parts"
        return (f"{made}. All findings share it: the models were trained on train, their probabilities, thresholds and "
                "prediction sets were set on val, and every number counts test only.")
    return ("The images were dealt into folds, whole groups and copies together, so that every finding is spread "
            "evenly; all findings share these folds. Every image was predicted by models, calibrations and thresholds "
            "that never saw it or its relatives. A prediction set is made to hold the truth in "
            f"{whole(1 - result.settings.alpha)} of the images with a finding, and of those without.")
