"""The sections of the audit page: scores beside home, calibration, sets, novelty, shift, subgroups."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from classify.audit.page import figures as audit_figures
from classify.audit.result import Audit, Judged
from classify.audit.subgroup_section import by_words
from classify.report import calibration_and_sets, figures, lineage_and_costs, performance
from classify.report.overview import plain_interval
from featurize.report.feature_names import words
from featurize.report.numbers import interval, measurement, number, percent, score, signed, whole
from featurize.report.page import cell, figure, table

# Features in the chart of shifts, and in its table.
SHIFTED = 15
LISTED = 40
# Subgroups in the chart, and properties of the picture among them.
MOST_SUBGROUPS = 40
MOST_PROPERTIES = 6
# Scores at a threshold: name and meaning.
AT_THRESHOLD = {"sensitivity": ("Sensitivity", "share of the images of this class that reach the threshold"),
                "specificity": ("Specificity", "share of the other images that stay below it"),
                "ppv": ("Positive predictive value", "share of the images that reach it that are of this class"),
                "npv": ("Negative predictive value", "share of the images below it that are of the other")}
# Shift from which a feature counts as shifted, in robust standard deviations: a third of one is visible, a whole one is
# what separates many classes.
VISIBLE_SHIFT = .33


def judged_sections(result: Audit, judged: Judged) -> dict[str, Any]:
    """The sections that need labels."""
    present = list(judged.set_sizes.index)
    shown = {name: judged.metrics["per_class"][name] for name in present}
    return {"scores": _scores(judged.metrics, result.home or {}),
            "review": _review(judged.metrics, result.home or {}),
            "threshold": _at_threshold(judged.metrics.get("operating_point"), result.home or {}),
            "confusion": performance.confusion(judged.confusion.loc[present]),
            "per_class": performance.per_class(shown, judged.confusion),
            "further": performance.further_per_class(shown),
            "lineage": lineage_and_costs.lineage(judged.metrics, result.bundle.conformal.alpha, result.home),
            "costs": lineage_and_costs.decisions(judged.metrics, result.bundle.classes, result.home),
            "calibration": _calibration(result, judged),
            "sets": _sets(judged, 1 - result.bundle.conformal.alpha), "subgroups": _subgroups(result, judged)}


def _scores(metrics: Mapping[str, Any], home: Mapping[str, Any]) -> dict[str, Any]:
    known = {k: v for k, v in performance.METRICS.items() if metrics.get(k) is not None and np.isfinite(metrics[k])}
    rows = [[cell(name), cell(plain_interval(metrics, key), key=metrics[key]), *_beside(metrics, home, key),
             cell(meaning, tone="quiet")] for key, (name, meaning, _) in known.items()]
    spots = [(known[k][0], [("Here", metrics[k], *_pair(metrics, k)),
                            *[("At home", home[k], *_pair(home, k)) for _ in [k] if home.get(k) is not None]])
             for k in performance.CHARTED if k in known]
    chart = figure(figures.compared(spots), "Here and at home", "Dots with 95 % intervals from resampling whole "
                   "groups. Where the intervals lie apart, the difference is no chance.")
    head = ["Metric", "Here (95 % interval)", "At home", "Difference", "What it says"]
    return {"chart": chart, "table": table(head, rows)}


def _at_threshold(here: Mapping[str, Any] | None, home: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the stored threshold of a model of two classes gives here and at home."""
    if not here:
        return None
    known = home.get("operating_point") or {}
    rows = [[cell(name), cell(interval(here[key], *here[f"{key}_interval"])),
             cell(interval(known.get(key), *known.get(f"{key}_interval", (None, None)))), cell(meaning, tone="quiet")]
            for key, (name, meaning) in AT_THRESHOLD.items()]
    return table(["At the stored threshold", "Here (95 % interval)", "At home", "What it says"], rows, caption=(
        f"Images whose probability of {here['class']} is {score(here['threshold'])} or more count as {here['class']}"))


def _review(metrics: Mapping[str, Any], home: Mapping[str, Any]) -> dict[str, Any]:
    """What review costs and leaves, here and at home."""
    here, there = metrics["review"], home.get("review") or {}
    named = [("For a person to review", metrics["review_share"], home.get("review_share")),
             ("Errors among the others", here["errors_kept"], there.get("errors_kept")),
             ("Errors that are for review", here["errors_found"], there.get("errors_found"))]
    low, high = here["errors_kept_interval"]
    rows = [[cell(name), cell(percent(value), key=np.nan_to_num(value)), cell(percent(known), key=known or 0)]
            for name, value, known in named]
    return table(["Review", "Here", "At home"], rows, caption="What review costs and leaves on the labelled images",
                 foot=f"95 % interval of the errors among the others: {percent(low)} to {percent(high)}.")


def _beside(metrics: Mapping[str, Any], home: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    if home.get(key) is None:
        return [cell("–", key=0), cell("–", key=0)]
    change = metrics[key] - home[key]
    sign = "−" if change < 0 else "+"
    return [cell(plain_interval(home, key), key=home[key]), cell(f"{sign}{score(abs(change))}", key=change)]


def _pair(metrics: Mapping[str, Any], key: str) -> tuple[float | None, float | None]:
    low, high = metrics.get("intervals", {}).get(key) or (None, None)
    return low, high


def _calibration(result: Audit, judged: Judged) -> dict[str, Any]:
    metrics, bins, points = judged.metrics, judged.reliability, judged.reliability_points
    overconfidence = metrics["overconfidence"]
    tail = "high: the model is too sure" if overconfidence > 0 else "low: the model is not sure enough"
    sentence = (f"Calibration slope {number(metrics['calibration_slope'])} (1 is right, below 1 too sure). On average "
                f"the probability of the answer is {number(100 * abs(overconfidence))} percentage points too {tail}. "
                f"Calibration error (ECE) {score(metrics['ece'])}"
                f"{', ' + at_home(result, 'ece', score) if result.home else ''}.")
    return {"sentence": sentence,
            "chart": figure(figures.reliability(points[points["class"] == ""], bins[bins["class"] == ""]),
                            "Can the probabilities be believed here?", "On the dashed line a stated 80 % is right in "
                            "80 of 100. Points below it were too sure. Every point stands for ten images or more."),
            "abstention": _abstention(metrics["abstention"], (result.home or {}).get("abstention") or [])}


def _abstention(here: Sequence[Mapping[str, Any]], home: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How right the surest images are, here and at home; runs of older versions do not tell it of home."""
    curves = {"here": here, **({"at home": home} if home else {})}
    halves = [min(steps, key=lambda step: abs(step["kept"] - .5)) for steps in curves.values()]
    told = " and ".join(f"{percent(1 - half['errors'])} {name}" for name, half in zip(curves, halves))
    missing = "" if home else (" The line at home is not known: an older version made the run, or its metrics.json "
                               "does not lie beside the model.")
    return figure(audit_figures.abstention(curves), "Do the surest answers stay good?", (
        "From right to left the least sure images are taken away, to a person; the line is the share named correctly "
        f"of those that stay, the band its 95 % interval. Of the surest {whole(halves[0]['kept'])}, {told} are right."
        f"{missing}"))


def _sets(judged: Judged, promise: float) -> dict[str, Any]:
    return {"coverage": figure(figures.set_coverage(judged.set_coverage, promise),
                               "Is the promise kept in every class?",
                               f"Dots are the share of sets that hold the truth, the dashed line is the promise "
                               f"({whole(promise)}), the gray band is what chance allows. Red dots fall short. "
                               f"{calibration_and_sets.GRAY_DOTS}"),
            "sizes": figure(figures.set_sizes(judged.set_sizes), "How many classes stand in a set?",
                            "Sets grow where the model is unsure, which is what they should do on images from "
                            "elsewhere.")}


def novelty(result: Audit) -> dict[str, Any]:
    """How far the images lie from those of training."""
    shares, n = {"images": result.novelty}, {"images": len(result.frame)}
    if result.judged is not None:
        shares["errors"], n["errors"] = result.judged.novelty, len(result.judged.wrong)
    return figure(audit_figures.novelty(shares, n), "How new are these images?", "Images like those at home would fill "
                  "all bars alike, to the dashed line. A pile at the right are images unlike any in training; the red "
                  "line shows the errors.")


def shift(result: Audit) -> dict[str, Any]:
    """The features that moved, and how much they matter."""
    preset = str(result.info.preset.get("name", ""))
    chart = audit_figures.shifts(result.shift.head(SHIFTED), preset)
    n = int((result.shift["shift"].abs() > VISIBLE_SHIFT).sum())
    rows = [[cell(words(r["feature"], preset), title=r["feature"]), cell(measurement(r["training"]), key=r["training"]),
             cell(measurement(r["here"]), key=np.nan_to_num(r["here"])),
             cell(signed(r["shift"]), key=np.nan_to_num(r["shift"])),
             cell(number(r["spread"]), key=np.nan_to_num(r["spread"])), cell(percent(r["missing"]), key=r["missing"]),
             cell(number(r["importance"]), key=r["importance"])] for r in result.shift.head(LISTED).to_dict("records")]
    head = ["Feature", "Median in training", "Median here", "Shift", "Spread", "Missing here", "Importance"]
    explain = {"Shift": "difference of the medians in robust standard deviations of the training images",
               "Spread": "robust deviation here over that of the training images",
               "Importance": "mean |contribution| in log-odds on this table"}
    return {"sentence": f"{number(n)} of {number(len(result.shift))} features are shifted by more than a third of "
                        "a standard deviation. A shift may come from another stain or camera, or from another mix of "
                        "classes.",
            "chart": figure(chart, "The shifts that matter most", "Bars: how far the median has moved, in standard "
                            "deviations of the training images; numbers: how much the feature contributes on average "
                            "(log-odds). Ordered by both together."),
            "table": table(head, rows, sortable=True, explain=explain)}


def predicted(result: Audit) -> dict[str, Any]:
    """Number of images that were given each class."""
    counts = result.table["predicted"].value_counts().reindex(list(result.bundle.classes), fill_value=0)
    rows = [[cell(c), cell(number(int(n)), key=int(n), bar=int(n) / len(result.table))] for c, n in counts.items()]
    return table(["Class", "Predicted"], rows, caption="What the model called these images")


def _subgroups(result: Audit, judged: Judged) -> dict[str, Any] | None:
    groups = judged.subgroups
    if groups.empty:
        return None
    covered = {(r["by"], r["part"]): r for r in judged.metrics["coverage_by_part"]}
    rows = [[cell(by_words(result, r["by"])), cell(r["part"]), cell(number(r["n"]), key=r["n"]),
             cell(f"{score(r['right'])} ({score(r['low'])}–{score(r['high'])})", key=r["right"]),
             cell(score(r["confidence"]), key=r["confidence"]),
             cell({"worse": "lower", "better": "higher"}.get(r["against_rest"], ""),
                  tone="bad" if r["against_rest"] == "worse" else "good"),
             *_covered(covered.get((r["by"], r["part"])))] for r in groups.to_dict("records")]
    properties = groups["by"].isin(result.info.nuisance)
    spread = groups[properties].groupby("by")["right"].agg(np.ptp).sort_values(ascending=False)
    shown = groups[~properties | groups["by"].isin(spread.index[:MOST_PROPERTIES])].head(MOST_SUBGROUPS)
    names = [f"{by_words(result, r['by'])}: {r['part']}" for r in shown.to_dict("records")]
    chart = audit_figures.groups(names, shown, float(judged.metrics["accuracy"]))
    return {"chart": figure(chart, "Share that was right in parts of the table", "Dots with 95 % intervals; the "
                            "dashed line is the whole table. Properties of the picture are cut into thirds; the six "
                            "that matter most are drawn, each compared alone: one in twenty differs by chance."),
            "table": table(["By", "Part", "Images", "Right (95 % interval)", "Mean probability",
                            "Against the rest, alone", "Set coverage (95 % interval)", "Mean set size"], rows,
                           sortable=True)}


def _covered(part: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Coverage and size of the prediction sets of a part; red where the interval lies below the promise."""
    if part is None:
        return [cell("–", key=-1), cell("–", key=-1)]
    return [cell(interval(part["coverage"], part["low"], part["high"]), key=part["coverage"],
                 tone="bad" if part["short"] else ""), cell(number(part["mean_set_size"]), key=part["mean_set_size"])]


def at_home(result: Audit, key: str, form: Callable[[float], str] = percent) -> str:
    """A score of the run at home as text, or "" where it is unknown."""
    value = None if result.home is None else result.home.get(key)
    return "" if value is None else f"at home {form(value)}"
