"""The page of `classify.audit.examine`: there beside home."""
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from classify.audit import sections
from classify.audit.result import Audit
from featurize.report.numbers import count, number, percent, score, whole
from featurize.report.page import by_weight, contents, warning, write_page
from featurize.report.pictures import Album, album_of, legend, show

SECTIONS = ("At a glance", "Scores there and at home", "Confusion and classes", "Calibration", "Prediction sets",
            "Novelty", "Shifted features", "Subgroups", "Single images", "What to do")
UNJUDGED = ("At a glance", "Novelty", "Shifted features", "Single images", "What to do")
ERRORS = 8
NOVEL = 8


def write_audit(path: Path, found: Audit) -> None:
    """Write audit.html, whole or not at all."""
    album = album_of(found.info)
    errors, novel = _errors(found, album), _novel(found, album)
    content: dict[str, Any] = {
        "kicker": "Audit of a model on a table from elsewhere", "title": _title(found), "lead": _lead(found),
        "facts": _facts(found), "warnings": by_weight(_warnings(found)),
        "no_warnings": "The model does here what it does at home.",
        "contents": contents(UNJUDGED if found.metrics is None else SECTIONS), "tiles": _tiles(found),
        "judged": found.metrics is not None, "novelty": sections.novelty(found), "shift": sections.shift(found),
        "predicted": sections.predicted(found), "errors": errors, "novel": novel, "legend": legend([*errors, *novel]),
        "steps": _steps(found)}
    if found.metrics is not None:
        content |= sections.judged(found, found.metrics)
    write_page(path, "audit.html.j2", content, Path(__file__).parent)


def _title(found: Audit) -> str:
    names = [s["site"] or Path(s["root"]).name for s in found.info.sources]
    return f"{', '.join(names) or 'A table'}: {count(len(found.frame), 'image')}"


def _lead(found: Audit) -> str:
    if found.metrics is None:
        return ("No image has a label that the model knows, so nothing is said about right and wrong: only how the "
                "images differ.")
    right, n = percent(found.metrics["accuracy"]), count(found.metrics["n"], "labelled image")
    here = f"Of {n}, {right} were named correctly"
    if found.home is None:
        return f"{here}. The scores at home are not known: metrics.json does not lie beside the model."
    return (f"{here}; at home it was {percent(found.home['accuracy'])} of {number(found.home['n'])}. Every class "
            f"counting alike: {percent(found.metrics['balanced_accuracy'])} here, "
            f"{percent(found.home['balanced_accuracy'])} at home.")


def _facts(found: Audit) -> list[dict[str, Any]]:
    pairs = [("Model", f"{found.bundle.model.library}, {count(len(found.bundle.classes), 'class', 'classes')}"),
             ("Measurements", f"{number(len(found.bundle.model.features))} features, preset "
              f"{found.bundle.preset.get('name', '?')}"), ("Made on", date.today().isoformat())]
    plain = [{"name": n, "value": v, "wide": False, "code": False} for n, v in pairs]
    wide = [("Classes", ", ".join(found.bundle.classes), False),
            ("Data hash of this table", found.info.index_hash, True)]
    return plain + [{"name": n, "value": v, "wide": True, "code": code} for n, v, code in wide]


def _warnings(found: Audit) -> list[dict[str, str]]:
    said = []
    if found.seen:
        said.append(warning("serious", f"The model was trained on {count(found.seen, 'image')} of this table.",
                            "Scores are too good: take them out, they are no images from elsewhere."))
    if len(found.unknown):
        names = ", ".join(f"{name} ({number(int(n))})" for name, n in found.unknown.items())
        said.append(warning("caution", f"Labels that the model does not know: {names}.",
                            "These images were predicted, but count in no score; the model must be wrong on them."))
    new = float((found.said.novelty > .99).mean())
    if new > .1:
        said.append(warning("serious" if new > .5 else "caution",
                            f"{percent(new)} of the images lie farther from the training images than 99 % of those at "
                            "home.", "Another stain, camera or preparation; see which features are shifted."))
    return said + (_score_warnings(found, found.metrics) if found.metrics is not None else [])


def _score_warnings(found: Audit, metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    said, alpha = [], found.bundle.conformal.alpha
    low, high = metrics["intervals"]["balanced_accuracy"]
    if found.home is not None and high < found.home["balanced_accuracy"] - .02:
        drop = found.home["balanced_accuracy"] - metrics["balanced_accuracy"]
        said.append(warning("serious" if drop > .1 else "caution",
                            f"The balanced accuracy is {score(drop)} lower than at home.",
                            "Do not use the model here as it is; see the last section."))
    if metrics["intervals"]["coverage"][1] < 1 - alpha:
        said.append(warning("serious", f"The prediction sets hold the truth in {percent(metrics['coverage'])} of the "
                            f"images, not in {whole(1 - alpha)} as promised.",
                            "The promise holds only for images like those at home."))
    if metrics["calibration_slope"] < .7:
        said.append(warning("caution", f"The probabilities are too sure here (calibration slope "
                            f"{number(metrics['calibration_slope'])}, 1 is right).", "Do not read them as chances."))
    return said


def _tiles(found: Audit) -> list[dict[str, str]]:
    new = {"name": "Farther from training than 99 % at "
                   "home", "value": percent(float((found.said.novelty > .99).mean())),
           "range": "1 % would be expected"}
    review = {"name": "For a person to review", "value": percent(float(found.table["review"].mean())),
              "range": sections.at_home(found, "review_share")}
    if found.metrics is None:
        return [new, review]
    named = [("Accuracy", "accuracy"), ("Balanced accuracy", "balanced_accuracy"), ("AUROC", "auroc"),
             ("Calibration error (ECE)", "ece"), ("Sets that hold the truth", "coverage")]
    tiles = [{"name": name, "value": score(found.metrics.get(key)), "range": sections.at_home(found, key, score)}
             for name, key in named]
    return [*tiles, review, new]


def _errors(found: Audit, album: Album) -> list[dict[str, Any]]:
    p = found.said.p[found.judged]
    wrong = np.flatnonzero(p.argmax(axis=1) != found.y)
    surest = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")][:ERRORS]
    return [_picture(found, album, int(found.judged[at])) for at in surest]


def _novel(found: Audit, album: Album) -> list[dict[str, Any]]:
    order = np.argsort(-found.said.distances.mean(axis=1), kind="stable")[:NOVEL]
    return [_picture(found, album, int(row)) for row in order]


def _picture(found: Audit, album: Album, row: int) -> dict[str, Any]:
    frame, p = found.frame, found.said.p[row]
    site, path, label = frame["site"].iloc[row], str(frame["path"].iloc[row]), frame["label"].iloc[row]
    called = f"called {found.bundle.classes[int(p.argmax())]} (p {score(float(p.max()))})"
    return show(album, site, path, caption=str(label or "no label"), small=f"{called}; {path}", side=170)


def _steps(found: Audit) -> list[str]:
    """Advice that fits what was found."""
    steps = ["Look at the errors and the most novel images above: wrong outlines explain more failures than wrong "
             "classes."]
    if found.metrics is None:
        return [*steps, "Have 50 images of each class labelled and run the audit again: a shift alone does not tell "
                "how much worse the model is."]
    if found.home is not None and found.metrics["balanced_accuracy"] < found.home["balanced_accuracy"] - .05:
        steps.append("Train on both places together, so that the model must find what they share: give both folders to "
                     "featurize, then run classify; the report compares the sites.")
    if found.metrics["calibration_slope"] < .8:
        steps.append("Until then, leave every image with a set of more than one class, or a novelty above .99, to a "
                     "person.")
    return [*steps, "Report these scores beside those at home; scores at home alone say nothing about another place."]
