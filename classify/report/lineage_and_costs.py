"""Tables of tasks with a lineage or with costs: branches, answers, confusions; decisions beside predictions."""
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from classify.report import performance
from classify.report.overview import plain_interval
from featurize.report.numbers import count, finite, interval, number, percent, whole
from featurize.report.page import cell, table

# Scores of each level.
OF_LEVEL = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "coverage")
# What an answer is, by its level in `lineage.answers`.
ANSWERS = {"class": "a class", "none": "no answer: not even a branch of the first level is probable enough",
           "any": "all answers"}


def lineage(metrics: Mapping[str, Any], alpha: float, home: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Scores by level, answers by level, and the most frequent confusions, from `lineage` of the metrics.

    Parameters
    ----------
    metrics : mapping
        As metrics.json has them.
    alpha : float
        Answers have a probability of at least 1 - alpha.
    home : mapping, optional
        Of an audit: those of the run, whose scores stand below each row.
    """
    scores = metrics.get("lineage")
    if scores is None:
        return None
    known = home if home and home.get("lineage") else None
    return {"levels": _levels(metrics, scores, known), "answers": _answers(scores["answers"], alpha, known),
            "confusions": _confusions(scores["confusions"])}


def _levels(metrics: Mapping[str, Any], scores: Mapping[str, Any],
            home: Mapping[str, Any] | None) -> dict[str, Any]:
    levels = [*scores["levels"], metrics]
    at_home: list[Mapping[str, Any] | None] = [*home["lineage"]["levels"], home] if home else [None] * len(levels)
    rows = []
    for level, there in zip(levels, at_home):
        name = ", ".join(level["branches"]) if "branches" in level else "the classes themselves"
        rows.append([cell(name), *_scores(level)])
        if there is not None:
            rows.append([cell("at home", tone="quiet"), *_scores(there)])
    foot = (f"{_errors(scores)}. {percent(scores['sets_in_one_branch'])} of the prediction sets stand in one branch "
            "of the first row.")
    if home:
        foot += f" At home: {_errors(home['lineage'])}."
    return table(["Branches", *(performance.METRICS[key][0] for key in OF_LEVEL)], rows, foot=foot,
                 caption="By branch: a branch has the sum of the probabilities of its classes")


def _scores(level: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [cell(plain_interval(level, key), key=finite(level.get(key))) for key in OF_LEVEL]


def _errors(scores: Mapping[str, Any]) -> str:
    errors = scores["errors_inside"] + scores["errors_across"]
    return (f"Of {count(errors, 'wrong prediction')}, {number(scores['errors_inside'])} stay inside the smallest "
            f"branch of the truth and {number(scores['errors_across'])} leave it")


def _answers(answers: Sequence[Mapping[str, Any]], alpha: float, home: Mapping[str, Any] | None) -> dict[str, Any]:
    """How often an answer of each level is given, and right."""
    there = {answer["level"]: answer for answer in home["lineage"].get("answers", [])} if home else {}
    rows = []
    for answer in answers:
        known = there.get(answer["level"])
        rows.append([cell(ANSWERS.get(answer["level"], f"a branch of level {answer['level']}")),
                     cell(number(answer["n"]), key=answer["n"]), cell(percent(answer["share"]), key=answer["share"]),
                     cell(interval(answer["right"], *answer["right_interval"]), key=finite(answer["right"])),
                     *(_answer_at_home(known) if home else [])])
    at_home = ["Of all at home", "Right at home"] if home else []
    head = ["Answer", "Images", "Of all", "Right (95 % interval)", *at_home]
    return table(head, rows, caption="Answers at the level the model is sure of (lineage_answer of predictions.csv)",
                 foot=f"The smallest branch, or the class, whose probability is {whole(1 - alpha)} or more.")


def _answer_at_home(known: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if known is None:
        return [cell("–", key=-1), cell("–", key=-1)]
    return [cell(percent(known["share"]), key=known["share"]),
            cell(interval(known["right"], *known["right_interval"]), key=finite(known["right"]))]


def _confusions(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not pairs:
        return None
    rows = [[cell(pair["label"]), cell(pair["predicted"]), cell(number(pair["n"]), key=pair["n"]),
             cell("inside" if pair["inside"] else "across", tone="" if pair["inside"] else "bad"),
             cell(pair["branch"] or "none")] for pair in pairs]
    return table(["Truth", "Predicted", "Images", "Branches", "Smallest branch of both"], rows, sortable=True,
                 caption="The most frequent confusions, inside a branch or across branches")


def decisions(metrics: Mapping[str, Any], classes: Sequence[str],
              home: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Decisions of least expected cost beside the most probable classes, from `costs` of the metrics.

    `home`: metrics of the run, where this is an audit.
    """
    costs = metrics.get("costs")
    if costs is None:
        return None
    matrix = pd.DataFrame(costs["confusion"], index=list(classes), columns=list(classes))
    return {"sentence": _sentence(costs), "table": _totals(costs, (home or {}).get("costs")),
            "per_class": _costs_by_class(costs["per_class"]),
            "matrix": performance.confusion(matrix[matrix.sum(axis=1) > 0], "decided"),
            "costs": _matrix(costs["matrix"], classes)}


def _sentence(costs: Mapping[str, Any]) -> str:
    low, high = costs["intervals"]["difference"]
    sure = "" if low <= 0 <= high else ", which is beyond chance"
    verb = "less" if costs["difference"] <= 0 else "more"
    return (f"The decision is the class of least expected cost; predicted is still the most probable one. They differ "
            f"in {count(costs['changed'], 'image')}. A decision costs {number(abs(costs['difference']))} {verb} on "
            f"average (95 % interval of the difference {_signed(low)} to {_signed(high)}){sure}.")


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _totals(costs: Mapping[str, Any], home: Mapping[str, Any] | None) -> dict[str, Any]:
    """Costs of the decisions, of the most probable classes, and of calling every image the same."""
    rows = []
    for name, before in (("Decisions of least expected cost", ""), ("Most probable classes", "predicted_")):
        mean, total = f"{before}mean", f"{before}total"
        rows.append([cell(name), cell(_with_interval(costs, mean), key=costs[mean]),
                     cell(number(costs[total]), key=costs[total]),
                     *([cell(_with_interval(home, mean), key=home[mean])] if home else [])])
    rows.append([cell(f"Calling every image {costs['constant']}"),
                 cell(number(costs["constant_mean"]), key=costs["constant_mean"]), cell("", key=0),
                 *([cell(number(home["constant_mean"]), key=home["constant_mean"])] if home else [])])
    return table(["Answer", "Mean cost (95 % interval)", "Total cost", *(["Mean cost at home"] if home else [])], rows,
                 caption="What the answers cost")


def _with_interval(costs: Mapping[str, Any], key: str) -> str:
    low, high = costs["intervals"][key]
    return f"{number(costs[key])} ({number(low)}–{number(high)})"


def _costs_by_class(by_class: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows = [[cell(name), cell(number(of["n"]), key=of["n"]),
             *(cell(percent(of[key]), key=finite(of[key])) for key in ("recall", "predicted_recall")),
             *(cell(number(of[key]), key=finite(of[key])) for key in ("mean", "predicted_mean"))]
            for name, of in by_class.items() if of["n"]]
    return table(["Class", "Images", "Found by decision", "Found by probability", "Mean cost of decisions",
                  "Mean cost by probability"], rows, sortable=True)


def _matrix(matrix: Sequence[Sequence[float]], classes: Sequence[str]) -> dict[str, Any]:
    rows = [[cell(name), *(cell(number(value), key=value) for value in row)] for name, row in zip(classes, matrix)]
    return table(["Truth", *(f"called {name}" for name in classes)], rows, caption="Costs (--costs)")
