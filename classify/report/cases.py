"""Single images: the surest errors with what decided them, typical ones, and the ones unlike any other."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.data.columns import readable
from classify.report import figures
from classify.report.overview import Honest
from classify.result import RunResult
from featurize.arrays import BoolArray
from featurize.report.charts import shorten
from featurize.report.numbers import count, number, ordinal, percentile, score, signed
from featurize.report.page import figure
from featurize.report.pictures import Album, album_of, legend, show

ERRORS = 8
REASONS = 6
NOVEL = 6
TYPICAL = 4


def cases(result: RunResult, honest: Honest) -> dict[str, Any]:
    """Everything with pictures."""
    album = album_of(result.info)
    wrong = np.flatnonzero(~honest.right)
    surest = wrong[np.argsort(-honest.sure[wrong], kind="stable")][:ERRORS]
    errors = [case(result, album, int(honest.rows[at])) for at in surest]
    typical = typical_images(result, honest, album)
    novel = novel_images(result, album)
    return {"errors": errors, "wrong": _wrong_sentence(len(wrong), len(surest), len(honest.rows)), "typical": typical,
            "novel": novel, "novelty": _novelty_chart(result, honest),
            "legend": legend(_all_pictures(errors, typical, novel))}


def _all_pictures(errors: Sequence[dict[str, Any]], typical: Sequence[dict[str, Any]],
                  novel: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*(e["picture"] for e in errors), *(p for t in typical for p in t["pictures"]), *novel]


def _wrong_sentence(wrong: int, shown: int, n: int) -> str:
    if wrong == 0:
        return f"None of the {count(n, 'image')} was named wrongly."
    verb = "was" if wrong == 1 else "were"
    shown_too = f"the {number(shown)} of which the model was surest" if shown < wrong else "all of them"
    return (f"{number(wrong)} of {count(n, 'image')} {verb} named wrongly. Shown: {shown_too}. Look for wrong labels, "
            "wrong outlines and bad pictures before you blame the model.")


def case(result: RunResult, album: Album, row: int) -> dict[str, Any]:
    """One image with all that is known about its prediction."""
    predicted, classes = result.predicted, result.task.classes
    truth, chosen = int(result.task.y[row]), int(predicted.probabilities[row].argmax())
    site, path = place_of(result.frame, row)
    picture = show(album, site, path, caption=path, side=240)
    return {"title": f"{classes[truth]}, called {classes[chosen]}", "picture": picture,
            "chances": chances(result, row, truth, chosen),
            "set": [{"name": str(c), "truth": k == truth} for k, c in enumerate(classes) if predicted.sets[row, k]],
            "novelty": score(float(predicted.novelty[row])), "review": bool(predicted.table["review"].iloc[row]),
            "reasons": reasons(result, row, truth, chosen), "truth": shorten(str(classes[truth])),
            "chosen": shorten(str(classes[chosen])), "neighbours": neighbours(result, album, row)}


def place_of(frame: pd.DataFrame, row: int) -> tuple[str, str]:
    """Site and path of one image."""
    return str(frame["site"].iloc[row]), str(frame["path"].iloc[row])


def chances(result: RunResult, row: int, truth: int, chosen: int, most: int = 4) -> list[dict[str, Any]]:
    """The probabilities that matter: the largest ones, and that of the truth."""
    p = result.predicted.probabilities[row]
    shown = list(np.argsort(-p, kind="stable")[:most])
    if truth not in shown:
        shown[-1] = truth
    return [{"name": str(result.task.classes[k]), "text": score(float(p[k])), "width": f"{100 * p[k]:.1f}%",
             "tone": ("chosen " if k == chosen else "") + ("truth" if k == truth else "")} for k in shown]


def reasons(result: RunResult, row: int, truth: int, chosen: int) -> list[dict[str, Any]]:
    """The features that decided, and where the value lies among the images of the two classes."""
    table = result.explanation.reasons
    mine = table[table["row"] == row].sort_values("rank").head(REASONS)
    most = max(float(mine["contribution"].abs().max()), 1e-12) if len(mine) else 1.0
    relatives = result.split.split_group == result.split.split_group[row]
    return [{"feature": readable(r["feature"]), "column": r["feature"], "value": number(r["value"]),
             "contribution": signed(r["contribution"]), "for": r["contribution"] > 0,
             "width": f"{100 * abs(r['contribution']) / most:.0f}%",
             "place": _place(result, r["feature"], float(r["value"]), truth, chosen, ~relatives)}
            for r in mine.to_dict("records")]


def _place(result: RunResult, column: str, value: float, truth: int, chosen: int, usable: BoolArray
           ) -> dict[str, Any]:
    """Percentiles of the value in both classes, and a small line with their middle halves."""
    values, y = result.frame[column].to_numpy(float), np.asarray(result.task.y)
    both = [values[(y == k) & usable & np.isfinite(values)] for k in (truth, chosen)]
    if not np.isfinite(value) or any(len(v) == 0 for v in both):
        return {"text": "not measured here", "boxes": [], "dot": None}
    low, high = np.percentile(np.concatenate(both), [1, 99])
    span = max(high - low, 1e-12)
    boxes = []
    for name, v in zip(("truth", "chosen"), both):
        first, last = np.clip((np.percentile(v, [25, 75]) - low) / span, 0, 1)
        boxes.append({"tone": name, "left": f"{100 * first:.1f}%", "width": f"{max(100 * (last - first), 1.5):.1f}%"})
    ranks = [percentile(v, value) for v in both]
    return {"text": f"{ordinal(ranks[0])} · {ordinal(ranks[1])}", "boxes": boxes,
            "dot": f"{100 * float(np.clip((value - low) / span, 0, 1)):.1f}%"}


def neighbours(result: RunResult, album: Album, row: int) -> list[dict[str, Any]]:
    """The nearest training images with their labels."""
    predicted = result.predicted
    pairs = zip(predicted.neighbours[row].tolist(), predicted.neighbour_distances[row].tolist())
    return [show(album, *place_of(result.frame, r), caption=label_of(result, r), small=f"{number(d)} away",
                 side=110, outlines=False) for r, d in pairs if r >= 0]


def label_of(result: RunResult, row: int) -> str:
    """The class name of a row, if it has one."""
    y = int(result.task.y[row])
    return str(result.task.classes[y]) if y >= 0 else "no label"


def typical_images(result: RunResult, honest: Honest, album: Album) -> list[dict[str, Any]]:
    """Of each class a few images that were right and surest, the least novel first among equals."""
    shown = []
    for k, name in enumerate(result.task.classes):
        at = np.flatnonzero(honest.right & (honest.truth == k))
        novelty = result.predicted.novelty[honest.rows[at]]
        best = at[np.lexsort((novelty, -np.round(honest.sure[at], 3)))][:TYPICAL]
        shown.append({"name": str(name), "pictures": [
            _captioned(result, album, int(honest.rows[i]), "", f"p {score(float(honest.sure[i]))}") for i in best]})
    return shown


def novel_images(result: RunResult, album: Album) -> list[dict[str, Any]]:
    """The images least like all others."""
    order = np.argsort(-result.predicted.novelty, kind="stable")[:NOVEL]
    return [_captioned(result, album, int(r), label_of(result, int(r)),
                       f"novelty {score(float(result.predicted.novelty[r]))}; {_told(result, int(r))}") for r in order]


def _told(result: RunResult, row: int) -> str:
    chosen = int(result.predicted.probabilities[row].argmax())
    verdict = "right" if chosen == int(result.task.y[row]) else f"called {result.task.classes[chosen]}"
    return verdict if result.task.y[row] >= 0 else f"called {result.task.classes[chosen]}"


def _captioned(result: RunResult, album: Album, row: int, caption: str, small: str) -> dict[str, Any]:
    return show(album, *place_of(result.frame, row), caption=caption, small=small, side=170)


def _novelty_chart(result: RunResult, honest: Honest) -> dict[str, str]:
    values = result.predicted.novelty[honest.rows]
    return figure(figures.novelty(values[honest.right], values[~honest.right]), "How new were the images to the model?",
                  "If errors stand further right than right answers, novelty is a useful warning sign on new images.")
