"""Single images: the surest errors with what decided them, typical ones, and the ones unlike any other."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.report import figures
from classify.report.review import reasons_for_review, why
from classify.report.words import words_of_image
from classify.report_numbers import PlaceInClasses, Reason, ReportNumbers, WrongPrediction
from classify.result import RunResult
from featurize.report.charts import shorten
from featurize.report.feature_names import feature_name
from featurize.report.numbers import count, measurement, number, ordinal, score, signed
from featurize.report.page import figure
from featurize.report.pictures import Album, album_of, legend, show

# Probabilities that are shown of a wrong prediction.
MOST_PROBABILITIES = 4
# Sides of the thumbnails, in pixels.
WRONG_PX = 240
NEIGHBOR_PX = 110
CAPTIONED_PX = 170
# Least contribution that bars are drawn against.
LEAST_CONTRIBUTION = 1e-12
# Contributions below this would be written as a zero with a sign, log-odds.
LEAST_SHOWN = .005
# Narrowest box of a middle half, in per cent of the axis.
NARROWEST_BOX = 1.5
# Where nothing is to be compared.
NO_PLACE: dict[str, Any] = {"text": "", "boxes": [], "dot": None}


def single_images(result: RunResult, numbers: ReportNumbers) -> dict[str, Any]:
    """Everything with pictures."""
    album, scored = album_of(result.info), numbers.scored
    review = review_reasons(result)
    wrong = [wrong_image(result, album, prediction, review[prediction.row]) for prediction in numbers.wrong]
    typical = typical_images(result, numbers, album)
    novel = novel_images(result, numbers, album, review)
    n_wrong = int((~scored.right).sum())
    return {"wrong": wrong, "sentence": _wrong_sentence(n_wrong, len(wrong), len(scored.rows)), "typical": typical,
            "novel": novel, "novelty": _novelty_chart(numbers), "legend": legend(_all_pictures(wrong, typical, novel))}


def review_reasons(result: RunResult) -> list[tuple[str, ...]]:
    """Why a person is asked, for every row of the table."""
    predicted = result.predicted
    return reasons_for_review(predicted.table, predicted.sets, predicted.empty, predicted.probabilities.max(axis=1))


def _all_pictures(wrong: Sequence[dict[str, Any]], typical: Sequence[dict[str, Any]],
                  novel: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*(w["picture"] for w in wrong), *(p for t in typical for p in t["pictures"]), *novel]


def _wrong_sentence(wrong: int, shown: int, n: int) -> str:
    if wrong == 0:
        return f"None of the {count(n, 'image')} was named wrongly."
    verb = "was" if wrong == 1 else "were"
    shown_too = f"the {number(shown)} of which the model was surest" if shown < wrong else "all of them"
    return (f"{number(wrong)} of {count(n, 'image')} {verb} named wrongly. Shown: {shown_too}. Look for wrong labels, "
            "wrong outlines and bad pictures before you blame the model.")


def wrong_image(result: RunResult, album: Album, wrong: WrongPrediction, review: Sequence[str]) -> dict[str, Any]:
    """One image with all that is known about its prediction."""
    predicted, classes, row = result.predicted, result.task.classes, wrong.row
    truth, chosen = str(classes[wrong.truth]), str(classes[wrong.chosen])
    site, path = place_of(result.frame, row)
    return {"title": f"{truth}, called {chosen}", "picture": show(album, site, path, caption=path, side=WRONG_PX),
            "probabilities": probabilities(result, wrong),
            "set": [{"name": str(c), "truth": k == wrong.truth} for k, c in enumerate(classes)
                    if predicted.sets[row, k]],
            "novelty": score(float(predicted.novelty[row])), "review": bool(predicted.table["review"].iloc[row]),
            "why": why(review), "reasons": reasons(wrong.reasons, str(result.info.preset.get("name", ""))),
            "truth": shorten(truth), "chosen": shorten(chosen),
            "neighbors": neighbors(result, album, row), "words": words_of_image(result, row)}


def place_of(frame: pd.DataFrame, row: int) -> tuple[str, str]:
    """Site and path of one image."""
    return str(frame["site"].iloc[row]), str(frame["path"].iloc[row])


def probabilities(result: RunResult, wrong: WrongPrediction) -> list[dict[str, Any]]:
    """The largest probabilities, and that of the truth."""
    p = result.predicted.probabilities[wrong.row]
    shown = list(np.argsort(-p, kind="stable")[:MOST_PROBABILITIES])
    if wrong.truth not in shown:
        shown[-1] = wrong.truth
    return [{"name": str(result.task.classes[k]), "text": score(float(p[k])), "width": f"{100 * p[k]:.1f}%",
             "tone": ("chosen " if k == wrong.chosen else "") + ("truth" if k == wrong.truth else "")} for k in shown]


def reasons(listed: Sequence[Reason], preset: str) -> list[dict[str, Any]]:
    """What decided, and where the value lies among the images of the two classes."""
    most = max([abs(r.contribution) for r in listed] + [LEAST_CONTRIBUTION])
    return [{**_words(r, preset), "contribution": _contribution(r.contribution), "for": r.contribution > 0,
             "width": f"{100 * abs(r.contribution) / most:.0f}%"} for r in listed]


def _contribution(value: float) -> str:
    return signed(value) if abs(value) >= LEAST_SHOWN else "0.00"


def _words(reason: Reason, preset: str) -> dict[str, Any]:
    if reason.concept is None:
        return {"name": "all other measurements", "definition": "", "value": "", "quiet": True, "place": NO_PLACE}
    named, n = feature_name(reason.feature, preset), len(reason.concept.columns)
    if reason.concept.by_itself:
        return {"name": named.name, "definition": named.definition, "value": measurement(reason.value, named.unit),
                "quiet": False, "place": _place(reason.place)}
    definition = f"{count(n, 'measurement')} added up, most of all {named.definition}"
    return {"name": named.name, "definition": definition, "value": count(n, "number"), "quiet": True,
            "place": NO_PLACE}


def _place(place: PlaceInClasses | None) -> dict[str, Any]:
    """Percentiles of the value in both classes, and a small line with their middle halves."""
    if place is None:
        return {**NO_PLACE, "text": "not measured here"}
    boxes = [{"tone": name, "left": f"{100 * first:.1f}%", "width": f"{max(100 * (last - first), NARROWEST_BOX):.1f}%"}
             for name, (first, last) in zip(("truth", "chosen"), place.middle_halves)]
    return {"text": " · ".join(ordinal(rank) for rank in place.percentiles), "boxes": boxes,
            "dot": f"{100 * place.value:.1f}%"}


def neighbors(result: RunResult, album: Album, row: int) -> list[dict[str, Any]]:
    """The nearest training images with their labels."""
    predicted = result.predicted
    pairs = zip(predicted.neighbours[row].tolist(), predicted.neighbour_distances[row].tolist())
    return [show(album, *place_of(result.frame, r), caption=label_of(result, r), small=f"{number(d)} away",
                 side=NEIGHBOR_PX, outlines=False) for r, d in pairs if r >= 0]


def label_of(result: RunResult, row: int) -> str:
    """The class name of a row, if it has one."""
    y = int(result.task.y[row])
    return str(result.task.classes[y]) if y >= 0 else "no label"


def typical_images(result: RunResult, numbers: ReportNumbers, album: Album) -> list[dict[str, Any]]:
    """Of each class a few images that were right and surest."""
    scored = numbers.scored
    return [{"name": str(result.task.classes[k]), "pictures": [
        _captioned(result, album, int(scored.rows[i]), "", f"p {score(float(scored.confidence[i]))}") for i in rows]}
            for k, rows in numbers.typical.items()]


def novel_images(result: RunResult, numbers: ReportNumbers, album: Album, review: Sequence[Sequence[str]]
                 ) -> list[dict[str, Any]]:
    """The images least like all others."""
    novelty = result.predicted.novelty
    return [_captioned(result, album, row, label_of(result, row), "; ".join(
        [f"novelty {score(float(novelty[row]))}", _verdict(result, row), *filter(None, [_for_review(review[row])])]))
            for row in numbers.novel.tolist()]


def _for_review(reasons: Sequence[str]) -> str:
    return f"for review: {why(reasons)}" if reasons else ""


def _verdict(result: RunResult, row: int) -> str:
    """Right, or what the image was called."""
    chosen = int(result.predicted.probabilities[row].argmax())
    right = result.task.y[row] >= 0 and chosen == int(result.task.y[row])
    return "right" if right else f"called {result.task.classes[chosen]}"


def _captioned(result: RunResult, album: Album, row: int, caption: str, small: str) -> dict[str, Any]:
    return show(album, *place_of(result.frame, row), caption=caption, small=small, side=CAPTIONED_PX)


def _novelty_chart(numbers: ReportNumbers) -> dict[str, str]:
    right = numbers.scored.right
    chart = figures.novelty(numbers.novelty, {"right": int(right.sum()), "wrong": int((~right).sum())})
    return figure(chart, "How new were the images to the model?",
                  "If errors stand further right than right answers, novelty is a useful warning sign on new images.")
