"""The sections of the audit page: scores beside home, calibration, sets, novelty, shift, subgroups."""
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from classify.audit import figures as audit_figures
from classify.audit.result import Audit
from classify.data.columns import readable
from classify.evaluate.metrics import confusion, reliability, risk_coverage, set_sizes
from classify.report import figures, performance
from classify.report.overview import plain_interval
from featurize.report.numbers import number, percent, score, signed, whole
from featurize.report.page import cell, figure, table

SHIFTED = 15
LISTED = 40
GROUPS = 40
DRAWN = 6
# A third of a robust standard deviation is visible, one is what separates many classes.
VISIBLE = .33


def judged(found: Audit, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that need labels."""
    p, classes = found.said.p[found.judged], found.bundle.classes
    matrix = pd.DataFrame(confusion(found.y, p.argmax(axis=1), len(classes)), list(classes), list(classes))
    present = [c for c in classes if metrics["per_class"][c]["n"]]
    shown = {c: metrics["per_class"][c] for c in present}
    return {"scores": _scores(found, metrics), "confusion": performance.confusion(matrix.loc[present]),
            "per_class": performance.per_class(shown, matrix), "calibration": _calibration(found, metrics),
            "sets": _sets(found, shown), "subgroups": _subgroups(found)}


def _scores(found: Audit, metrics: Mapping[str, Any]) -> dict[str, Any]:
    home = found.home or {}
    known = {k: v for k, v in performance.METRICS.items() if metrics.get(k) is not None and np.isfinite(metrics[k])}
    rows = [[cell(name), cell(plain_interval(metrics, key), key=metrics[key]), *_beside(metrics, home, key),
             cell(says, tone="quiet")] for key, (name, says, _) in known.items()]
    spots = [(known[k][0], [("Here", metrics[k], *_pair(metrics, k)),
                            *[("At home", home[k], *_pair(home, k)) for _ in [k] if home.get(k) is not None]])
             for k in performance.CHARTED if k in known]
    chart = figure(figures.compared(spots), "Here and at home", "Dots with 95 % intervals from resampling whole "
                   "groups. Where the intervals lie apart, the difference is no chance.")
    head = ["Metric", "Here (95 % interval)", "At home", "Difference", "What it says"]
    return {"chart": chart, "table": table(head, rows)}


def _beside(metrics: Mapping[str, Any], home: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    if home.get(key) is None:
        return [cell("–", key=0), cell("–", key=0)]
    change = metrics[key] - home[key]
    sign = "−" if change < 0 else "+"
    return [cell(plain_interval(home, key), key=home[key]), cell(f"{sign}{score(abs(change))}", key=change)]


def _pair(metrics: Mapping[str, Any], key: str) -> tuple[float | None, float | None]:
    low, high = metrics.get("intervals", {}).get(key) or (None, None)
    return low, high


def _calibration(found: Audit, metrics: Mapping[str, Any]) -> dict[str, Any]:
    curves = reliability(found.y, found.said.p[found.judged], found.bundle.classes)
    sure = metrics["overconfidence"]
    tail = "too sure" if sure > 0 else "not sure enough"
    said = (f"Calibration slope {number(metrics['calibration_slope'])} (1 is right, less is too sure). On the whole "
            f"the probabilities are {percent(abs(sure))} {tail}. ECE {score(metrics['ece'])}"
            f"{', ' + at_home(found, 'ece', score) if found.home else ''}.")
    return {"said": said, "chart": figure(figures.reliability(curves[curves["class"] == ""]), "Can the probabilities "
                                          "be believed here?", "On the dashed line a stated 80 % is right in 80 of "
                                          "100. Points below it were too sure."),
            "risk": figure(figures.risk_coverage(risk_coverage(found.y, found.said.p[found.judged]), None),
                           "Do the surest answers stay good?",
                           "From right to left the least sure images are taken away; the curve is the share of errors "
                           "among those that stay.")}


def _sets(found: Audit, shown: Mapping[str, Any]) -> dict[str, Any]:
    target = 1 - found.bundle.conformal.alpha
    sizes = set_sizes(found.y, found.said.sets[found.judged], found.bundle.classes).loc[list(shown)]
    coverage = figures.set_coverage(list(shown), [c["coverage"] for c in shown.values()],
                                    [c["n"] for c in shown.values()], target)
    return {"coverage": figure(coverage, "Is the promise kept in every class?",
                               f"Dots are the share of sets that hold the truth, the dashed line is the promise "
                               f"({whole(target)}), the gray band is what chance allows. Red dots fall short."),
            "sizes": figure(figures.set_sizes(sizes), "How many classes stand in a set?",
                            "Sets grow where the model is unsure, which is what they should do on images from "
                            "elsewhere.")}


def novelty(found: Audit) -> dict[str, Any]:
    values = found.said.novelty
    wrong = np.zeros(len(values), bool)
    wrong[found.judged] = found.said.p[found.judged].argmax(axis=1) != found.y
    chart = audit_figures.novelty(values, values[wrong] if found.metrics is not None else None)
    return figure(chart, "How new are these images?", "Images like those at home would fill all bars alike, to the "
                  "dashed line. A pile at the right are images unlike any in training; the red line shows the errors.")


def shift(found: Audit) -> dict[str, Any]:
    top = found.shift.head(SHIFTED)
    chart = audit_figures.shifts([readable(f) for f in top["feature"]], top["shift"].to_numpy(float),
                                 top["importance"].to_numpy(float))
    n = int((found.shift["shift"].abs() > VISIBLE).sum())
    rows = [[cell(readable(r["feature"]), title=r["feature"]), cell(number(r["training"]), key=r["training"]),
             cell(number(r["here"]), key=np.nan_to_num(r["here"])),
             cell(signed(r["shift"]), key=np.nan_to_num(r["shift"])),
             cell(number(r["spread"]), key=np.nan_to_num(r["spread"])), cell(percent(r["missing"]), key=r["missing"]),
             cell(number(r["importance"]), key=r["importance"])] for r in found.shift.head(LISTED).to_dict("records")]
    head = ["Feature", "Median in training", "Median here", "Shift", "Spread", "Missing here", "Importance"]
    explain = {"Shift": "difference of the medians in robust standard deviations of the training images",
               "Spread": "robust deviation here over that of the training images",
               "Importance": "mean |contribution| in log-odds on this table"}
    return {"said": f"{number(n)} of {number(len(found.shift))} features are shifted by more than a third of a "
                    "standard deviation. A shift may come from another stain or camera, or from another mix of "
                    "classes.",
            "chart": figure(chart, "The shifts that matter most", "Bars: how far the median has moved, in standard "
                            "deviations of the training images; numbers: how much the feature contributes on average "
                            "(log-odds). Ordered by both together."),
            "table": table(head, rows, sortable=True, explain=explain)}


def predicted(found: Audit) -> dict[str, Any]:
    counts = found.table["predicted"].value_counts().reindex(list(found.bundle.classes), fill_value=0)
    rows = [[cell(c), cell(number(int(n)), key=int(n), bar=int(n) / len(found.table))] for c, n in counts.items()]
    return table(["Class", "Predicted"], rows, caption="What the model called these images")


def _subgroups(found: Audit) -> dict[str, Any] | None:
    groups = found.subgroups
    if groups.empty:
        return None
    rows = [[cell(_by(r["by"])), cell(r["part"]), cell(number(r["n"]), key=r["n"]),
             cell(f"{score(r['right'])} ({score(r['low'])}–{score(r['high'])})", key=r["right"]),
             cell(score(r["confidence"]), key=r["confidence"]),
             cell(f"{r['against_rest']} than the rest" if r["against_rest"] else "",
                  tone="bad" if r["against_rest"] == "worse" else "good")] for r in groups.to_dict("records")]
    plain = ~groups["by"].isin(found.info.nuisance)
    most = groups[~plain].groupby("by")["right"].agg(np.ptp).sort_values(ascending=False).index[:DRAWN]
    shown = groups[plain | groups["by"].isin(most)].head(GROUPS)
    names = [f"{_by(r['by'])}: {r['part']}" for r in shown.to_dict("records")]
    chart = audit_figures.groups(names, shown["right"].to_numpy(float), shown["low"].to_numpy(float),
                                 shown["high"].to_numpy(float), shown["against_rest"].tolist(),
                                 float(found.metrics["accuracy"] if found.metrics else 0))
    return {"chart": figure(chart, "Share that was right in parts of the table", "Dots with 95 % intervals; the "
                            "dashed line is the whole table. Properties of the picture are cut into thirds; the six "
                            "that matter most are drawn. Many parts are compared: one in twenty differs by chance."),
            "table": table(["By", "Part", "Images", "Right (95 % interval)", "Mean probability", ""], rows,
                           sortable=True)}


def _by(column: str) -> str:
    return readable(column) if column.count("_") >= 2 else column


def at_home(found: Audit, key: str, form: Any = percent) -> str:
    value = None if found.home is None else found.home.get(key)
    return "" if value is None else f"at home {form(value)}"
