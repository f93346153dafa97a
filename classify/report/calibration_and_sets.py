"""Sections of the report: calibration, what review brings, prediction sets."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from classify.report import figures
from classify.report_numbers import ReportNumbers
from classify.result import RunResult
from featurize.report.feature_names import words
from featurize.report.numbers import count, finite, interval, number, percent, score, whole
from featurize.report.page import cell, figure, table

# What gray dots mean in a chart of coverage.
GRAY_DOTS = "Gray dots: at least half of these sets hold every class, which keeps any promise and says nothing."


def calibration(result: RunResult, numbers: ReportNumbers) -> dict[str, Any]:
    """Calibration and the price of keeping fewer images."""
    curves, classes, scored = numbers.reliability, result.task.classes, numbers.scored
    bins = result.scores.reliability
    overall = figures.reliability(curves[curves["class"] == ""], bins[bins["class"] == ""])
    kept = ~scored.review
    without_review = ((float(kept.mean()), float((~scored.right[kept]).mean())) if kept.any() and not kept.all()
                      else None)
    risk = figures.risk_coverage(result.scores.risk_coverage, without_review)
    ordered = result.task.ordered
    named = [str(c) for c in (classes[1:] if len(classes) == 2 or ordered else classes)]
    title = (f"The same for {classes[1]}" if len(classes) == 2 else "The same for each stage or a higher one"
             if ordered else "The same for each class against the rest")
    return {"reliability": figure(overall, "Can the probabilities be believed?",
                                  "On the dashed line a stated 80 % is right in 80 of 100. Points below it were too "
                                  "sure. Thin lines are 95 % intervals: long ones come from few images, whose number "
                                  "the bars below show. Every point stands for ten images or more."),
            "risk": figure(risk, "What is gained by leaving the unsure ones to a person?",
                           "From right to left, the least sure images are taken away; the curve is the share of errors "
                           f"among those that stay. {_promise(result)}"),
            "by_class": figure(figures.reliability_by_class(curves, named, "≥ " if ordered else ""), title,
                               "Where a thin line, the 95 % interval, reaches the dashed one, it may be chance."),
            "kept": kept_table(numbers.kept)}


def _promise(result: RunResult) -> str:
    if result.accepted is None:
        return ""
    text = f"{result.accepted.sentence[0].upper()}{result.accepted.sentence[1:]}."
    return text if result.accepted.kept or result.accepted.chosen else f"{text} Review follows the prediction sets."


def kept_table(kept: pd.DataFrame) -> dict[str, Any]:
    """Accuracy when only the surest share is kept."""
    rows = [[cell(whole(r["share"])), cell(number(r["n"]), key=r["n"]),
             cell(percent(r["accuracy"]), key=r["accuracy"]), cell(number(r["errors"]), key=r["errors"]),
             cell(score(r["least_probability"]), key=r["least_probability"])]
            for r in kept.to_dict("records")]
    return table(["Kept, surest first", "Images", "Right", "Errors left", "Least probability kept"], rows)


def sets(result: RunResult, numbers: ReportNumbers) -> dict[str, Any]:
    """Coverage, sizes and pairs of classes of the prediction sets."""
    promise = 1 - result.settings.alpha
    return {"promise": whole(promise),
            "coverage": figure(figures.set_coverage(numbers.set_coverage, promise),
                               "Is the promise kept in every class?",
                               "Dots are the share of sets that hold the truth, the dashed line is the promise "
                               f"({whole(promise)}), the gray band is what chance allows for that many images. "
                               f"Red dots fall short of it. {GRAY_DOTS}"),
            "sizes": figure(figures.set_sizes(result.scores.set_sizes), "How many classes stand in a set?",
                            "One class is an answer; two or more say what cannot be told apart on this image; a set of "
                            "all classes (gray) is no answer."),
            "parts": coverage_of_parts(result.scores.metrics.get("coverage_by_part", []), promise, _by(result)),
            "pairs": pair_table(numbers.set_pairs), "empty": _empty(numbers.empty_sets)}


def _by(result: RunResult) -> Callable[[str], str]:
    nuisance = set(result.info.nuisance)
    return lambda column: words(column) if column in nuisance else column


def _empty(n: int) -> str:
    return (f"For {count(n, 'image')} no class fitted at this level; the set was given the chosen class and the image "
            "is marked for review.") if n else ""


def coverage_of_parts(parts: Sequence[Mapping[str, Any]], promise: float,
                      name_of: Callable[[str], str]) -> dict[str, Any] | None:
    """Coverage of the sets by site, images in a group and properties of the picture, from `coverage_by_part`.

    `name_of` says a way to divide the table in words. Classes have a chart of their own.
    """
    rows = [[cell(name_of(part["by"])), cell(part["part"]), cell(number(part["n"]), key=part["n"]),
             cell(interval(part["coverage"], part["low"], part["high"]), key=finite(part["coverage"])),
             cell(number(part["mean_set_size"]), key=part["mean_set_size"]),
             cell("short of the promise" if part["short"] else "", tone="bad")]
            for part in parts if part["by"] != "class"]
    return table(["By", "Part", "Images", "Coverage (95 % interval)", "Mean set size", "Note"], rows, sortable=True,
                 caption=f"Is the promise ({whole(promise)}) kept in every part of the table?", foot=(
                     "Properties of the picture are cut into thirds. Of many parts, one in twenty falls short by "
                     "chance.")) if rows else None


def pair_table(pairs: pd.DataFrame) -> dict[str, Any] | None:
    """Which classes stand in one set together."""
    if pairs.empty:
        return None
    rows = [[cell(f"{r['first']} and {r['second']}"), cell(number(r["n"]), key=float(r["n"]),
                                                           bar=r["n"] / pairs["n"].max()),
             cell(percent(r["share"]), key=r["share"]),
             cell(f"{r['truth_first']} / {r['truth_second']} / {r['truth_other']}")] for r in pairs.to_dict("records")]
    return table(["Classes in one set", "Images", "Of all", "Truth: first / second / another"], rows,
                 caption="Pairs that stand in a set together: the distinctions this model leaves open")
