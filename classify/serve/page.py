"""The page of the server: the frame with its form, and the part that shows an answer. Both place finished numbers."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from classify.bundle import Bundle
from classify.report.class_names import class_names
from classify.report.review import why
from classify.report.single_images import LEAST_CONTRIBUTION, LEAST_SHOWN
from classify.serve.examine import Segmented
from classify.serve.model import Served
from classify.serve.result import Answer, Contribution, NearCase
from classify.similar.search import Similar
from featurize.report.numbers import count, number, score, signed
from featurize.report.page import render, warning
from featurize.report.pictures import album_of, legend, show, thumbnail

HERE = Path(__file__).parent
# Sides of the pictures, pixels.
PICTURE_PX = 460
CASE_PX = 130
# Probabilities that are shown.
MOST_PROBABILITIES = 5


def start_page(nonce: str, classes: Sequence[str], needs_token: bool, most: str) -> str:
    """The page before an image came.

    Parameters
    ----------
    nonce : str
        Allows its one script, see `classify.serve.guard`.
    classes : sequence of str
        What the model tells apart; none are named where a token is needed.
    needs_token : bool
    most : str
        The limit of an image file in words.
    """
    return render("page.html.j2", {"nonce": nonce, "classes": list(classes), "needs_token": needs_token,
                                   "most": most}, HERE)


def shown_classes(bundle: Bundle) -> dict[str, str]:
    """Classes by the names that `classify --names` gave them, or by words that say what a bare number stands for."""
    return dict(zip(bundle.classes, class_names(bundle.classes, bundle.settings.get("names") or {}, "")))


def shown_answer(answer: Answer, names: Mapping[str, str]) -> Answer:
    """The same answer with these names in the place of the classes."""
    nearest = [replace(case, label=names.get(str(case.label), case.label)) for case in answer.nearest]
    further = {name: names.get(value, value) if isinstance(value, str) else value
               for name, value in answer.further.items()}
    return replace(answer, predicted=names[answer.predicted], nearest=tuple(nearest), further=further,
                   probabilities={names[one]: p for one, p in answer.probabilities.items()},
                   prediction_set=tuple(names[one] for one in answer.prediction_set))


def answer_part(served: Served, answer: Answer, found: Segmented, similar: Similar | None) -> str:
    """What is put into the page for an image."""
    answer = shown_answer(answer, shown_classes(served.bundle))
    picture = {**thumbnail(found.picture.rgb, PICTURE_PX, found.edges), "alarm": answer.review, "small": "",
               "alt": "the image that was sent, with the outlines of what was measured",
               "caption": f"{number(answer.width_px)} × {number(answer.height_px)} pixels"}
    cases = _cases(answer.nearest, similar)
    return render("answer.html.j2", {
        "predicted": answer.predicted, "lead": _lead(answer), "warnings": _warnings(answer),
        "picture": picture, "legend": legend([picture]), "probabilities": _probabilities(answer),
        "set": answer.prediction_set, "novelty": score(answer.novelty), "further": _further(answer),
        "reasons": _reasons(answer), "nearest": cases, "with_table": similar is not None}, HERE)


def _lead(answer: Answer) -> str:
    p, n = answer.probabilities[answer.predicted], len(answer.prediction_set)
    fits = "the only class that fits" if n == 1 else f"{count(n, 'class', 'classes')} fit"
    return f"Probability {score(p)}; {fits}."


def _warnings(answer: Answer) -> list[dict[str, str]]:
    known = warning("caution", "The model was trained on this image, or on a near copy of it.",
                    "What it says of it tells nothing about new images.")
    review = warning("serious", "A person should look at this image:",
                     f"{why([reason.word for reason in answer.review_reasons])}.")
    return [w for w, due in ((review, answer.review), (known, answer.trained_on)) if due]


def _probabilities(answer: Answer) -> list[dict[str, str]]:
    ordered = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:MOST_PROBABILITIES]
    return [{"name": name, "text": score(p), "width": f"{100 * p:.1f}%",
             "tone": "truth" if name in answer.prediction_set else ""} for name, p in ordered]


def _further(answer: Answer) -> list[dict[str, str]]:
    return [{"name": name.replace("_", " "), "value": value if isinstance(value, str) else number(value)}
            for name, value in answer.further.items() if value != ""]


def _reasons(answer: Answer) -> list[dict[str, Any]]:
    most = max([abs(r.contribution) for r in answer.attribution] + [abs(answer.other_contributions),
                                                                    LEAST_CONTRIBUTION])
    rest = {"name": "all other measurements", "definition": "", "value": "", "summed": True,
            **_bar(answer.other_contributions, most)}
    return [*(_reason(r, most) for r in answer.attribution), rest]


def _reason(reason: Contribution, most: float) -> dict[str, Any]:
    summed = not reason.text
    definition = f"{count(reason.measurements, 'measurement')} added up, most of all {reason.definition}" if summed \
        else reason.definition
    return {"name": reason.name, "definition": definition, "summed": summed,
            "value": count(reason.measurements, "number") if summed else reason.text,
            **_bar(reason.contribution, most)}


def _bar(contribution: float, most: float) -> dict[str, Any]:
    return {"contribution": signed(contribution) if abs(contribution) >= LEAST_SHOWN else "0.00",
            "for": contribution > 0, "width": f"{100 * abs(contribution) / most:.0f}%"}


def _cases(nearest: Sequence[NearCase], similar: Similar | None) -> list[dict[str, Any]]:
    """The nearest cases, with pictures where the server knows the table that they are in."""
    cases: list[dict[str, Any]] = [{"label": case.label or "no label", "distance": number(case.distance),
                                    "alike": case.alike, "different": case.different} for case in nearest]
    if similar is None:
        return cases
    album = album_of(similar.info)
    for case, row in zip(cases, similar.neighbors.tolist()):
        site, path = similar.frame["site"].iloc[row], str(similar.frame["path"].iloc[row])
        picture = show(album, site if isinstance(site, str) else None, path, caption=str(case["label"]),
                       side=CASE_PX, outlines=False)
        # The name of a file may name a patient, and may not leave this machine.
        case["picture"] = {**picture, "alt": f"a measured image, {case['label']}", "missing": "not found again",
                           "why": ""}
    return cases
