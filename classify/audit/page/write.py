"""The page of `classify.audit.examine`: there beside home."""
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from classify.audit import labels_section
from classify.audit.page import origin_section, sections
from classify.audit.page.origin_section import known_table
from classify.audit.page.shown import shown_audit
from classify.audit.result import Audit
from classify.audit.shortcuts import parts_section, sentences as shortcut_sentences
from classify.audit.subgroup_section import compared_section
from classify.audit.warnings import known_images, sets_fail, warnings
from classify.crosswalk.section import ABOUT, CHECKLIST, about, checklist
from classify.maps.section import section as maps_section
from classify.monitor import sentences
from classify.sweep.section import section
from featurize.report.numbers import count, number, percent, score
from featurize.report.page import contents, write_page
from featurize.report.pictures import Album, album_of, legend, show

SECTIONS = ("At a glance", "Scores there and at home", "Confusion and classes", "Calibration", "Prediction sets",
            "Novelty", "Shifted features", "Subgroups", "Single images", "What to do")
UNJUDGED = ("At a glance", "Novelty", "Shifted features", "Single images", "What to do")
# Images that are shown: wrong predictions and the most novel ones.
WRONG = 16
NOVEL = 8
# What a reviewer may tick below an error; the columns of the CSV that the page saves.
DOUBTS = ("label is wrong", "outline is wrong", "picture is bad", "hard for people, too", "model is wrong")
# Side of the thumbnails, in pixels.
PICTURE_PX = 170
# Drop from which training on both places is advised.
TRAIN_AGAIN_DROP = .05
# Calibration slope below which doubtful images go to a person.
REVIEW_SLOPE = .8


def write_audit(path: Path, result: Audit) -> None:
    """Write audit.html, whole or not at all."""
    result, told = shown_audit(result), result.reporting
    album = album_of(result.info)
    wrong, novel = _wrong(result, album), _novel(result, album)
    content: dict[str, Any] = {
        "kicker": "Audit of a model on a table from elsewhere", "title": title_of(result), "lead": _lead(result),
        "facts": _facts(result), "warnings": warnings(result),
        "no_warnings": _all_well(result),
        "contents": contents(_titles(result)), "tiles": _tiles(result),
        "judged": result.judged is not None, "novelty": sections.novelty(result), "shift": sections.shift(result),
        "predicted": sections.predicted(result), "errors": wrong, "novel": novel, "legend": legend([*wrong, *novel]),
        "steps": _steps(result), "sweep": section(result.sweep) if result.sweep else None,
        "parts_of_picture": (
            parts_section.section(result.parts, result.info.preset.get("name", "")) if result.parts else None),
        "maps": maps_section(result.maps, result.frame, result.bundle.classes, album) if result.maps else None,
        "shortcuts": shortcut_sentences.section(result.shortcuts, result.info.preset.get("name", ""))
        if result.shortcuts else None,
        "origin": origin_section.section(result.origin, result.info.index_hash) if result.origin else None,
        "definitions": origin_section.definitions(result.origin, result.shift["feature"].tolist(),
                                                  str(result.info.preset.get("name", ""))) if result.origin else None,
        "known": known_table(result.frame, result.trained_on, "audit -o audit.csv marks all (trained_on)"),
        "doubts": DOUBTS,
        "about": about(told.study) if told else None, "checklist": checklist(told.answers, path.name) if told else None,
        "drift": sentences.section(result.drift, str(result.info.preset.get("name", ""))) if result.drift else None}
    if result.judged is not None:
        content |= sections.judged_sections(result, result.judged)
        content["compared"] = compared_section(result)
        content["gains"] = labels_section.section(result.gains) if result.gains else None
    write_page(path, "audit.html.j2", content, Path(__file__).parent)


def _titles(result: Audit) -> list[str]:
    titles = list(UNJUDGED if result.judged is None else SECTIONS)
    if result.reporting:
        titles[-1:-1] = [ABOUT, CHECKLIST]
    if result.origin:
        titles[-1:-1] = [origin_section.ORIGIN, origin_section.DEFINITIONS]
    if result.drift:
        titles.insert(1, "Since the baseline")
    if result.sweep:
        titles.insert(titles.index("Single images"), "Changed pictures")
    if result.maps:
        titles.insert(titles.index("Single images"), "Maps")
    if result.shortcuts or result.parts:
        titles.insert(titles.index("Subgroups"), "Shortcuts")
    if result.gains:
        titles.insert(titles.index("Subgroups"), "Labels from here")
    return titles


def title_of(result: Audit) -> str:
    """Where the images come from, and how many they are."""
    names = [s["site"] or Path(s["root"]).name for s in result.info.sources]
    return f"{', '.join(names) or 'A table'}: {count(len(result.frame), 'image')}"


def _all_well(result: Audit) -> str:
    """What stands in the place of warnings."""
    if result.judged is None or result.home is None:
        return "No check found anything to warn about."
    return "The model does here what it does at home."


def _lead(result: Audit) -> str:
    """What must be known first, then the scores."""
    return " ".join(filter(None, [known_images(result), sets_fail(result), _scores_sentence(result)]))


def _scores_sentence(result: Audit) -> str:
    if result.judged is None:
        return "No image has a label, so nothing is said about right and wrong: only how the images differ."
    metrics = result.judged.metrics
    right, n = percent(metrics["accuracy"]), count(metrics["n"], "labelled image")
    here = f"Of {n}, {right} were named correctly"
    if result.home is None or "accuracy" not in result.home:
        return f"{here}. The scores at home are not known: metrics.json does not lie beside the model."
    return (f"{here}; at home it was {percent(result.home['accuracy'])} of {number(result.home['n'])}. Every class "
            f"counting alike: {percent(metrics['balanced_accuracy'])} here, "
            f"{percent(result.home['balanced_accuracy'])} at home.")


def _facts(result: Audit) -> list[dict[str, Any]]:
    pairs = [("Model", f"{result.bundle.model.library}, {count(len(result.bundle.classes), 'class', 'classes')}"),
             ("Measurements", f"{number(len(result.bundle.model.features))} features, preset "
              f"{result.bundle.preset.get('name', '?')}"), ("Made on", date.today().isoformat())]
    plain = [{"name": n, "value": v, "wide": False, "code": False} for n, v in pairs]
    wide = [("Classes", ", ".join(result.bundle.classes), False),
            ("Data hash of this table", result.info.index_hash, True)]
    return plain + [{"name": n, "value": v, "wide": True, "code": code} for n, v, code in wide]


def _tiles(result: Audit) -> list[dict[str, str]]:
    usual = result.bundle.review.most_novelty
    new = {"name": f"Less like training than {percent(usual)} at "
                   "home", "value": percent(result.novel_share),
           "range": f"{percent(1 - usual)} would be expected"}
    review = {"name": "For a person to review", "value": percent(float(result.table["review"].mean())),
              "range": sections.at_home(result, "review_share")}
    if result.judged is None:
        return [new, review]
    named = [("Accuracy", "accuracy"), ("Balanced accuracy", "balanced_accuracy"), ("AUROC", "auroc"),
             ("Calibration error (ECE)", "ece")]
    metrics = result.judged.metrics
    tiles = [{"name": name, "value": score(metrics.get(key)), "range": sections.at_home(result, key, score)}
             for name, key in named]
    return [*tiles, _sets_tile(result, metrics), review, new]


def _sets_tile(result: Audit, metrics: Mapping[str, Any]) -> dict[str, str]:
    sizes = result.predictions.sets.sum(axis=1)
    every = float((sizes == len(result.bundle.classes)).mean())
    known = [f"truth in {percent(metrics['coverage'])} of the sets", sections.at_home(result, "coverage"),
             f"{percent(every)} hold every class" if every else ""]
    return {"name": "Sets of one class", "value": percent(float((sizes == 1).mean())),
            "range": "; ".join(filter(None, known))}


def _wrong(result: Audit, album: Album) -> list[dict[str, Any]]:
    rows = result.judged.wrong[:WRONG].tolist() if result.judged is not None else []
    return [_picture(result, album, row) for row in rows]


def _novel(result: Audit, album: Album) -> list[dict[str, Any]]:
    return [_picture(result, album, row) for row in result.most_novel[:NOVEL].tolist()]


def _picture(result: Audit, album: Album, row: int) -> dict[str, Any]:
    frame, p = result.frame, result.predictions.p[row]
    site, path, label = frame["site"].iloc[row], str(frame["path"].iloc[row]), frame["label"].iloc[row]
    called = f"called {result.bundle.classes[int(p.argmax())]} (p\u00a0{score(float(p.max()))})"
    shown = show(album, site, path, caption=str(label or "no label"), small=f"{called}; {path}", side=PICTURE_PX)
    said = {"image_id": str(frame["image_id"].iloc[row]), "path": path, "label": str(label or ""),
            "predicted": result.bundle.classes[int(p.argmax())], "p": f"{float(p.max()):.3g}"}
    return {**shown, "said": said}


def _steps(result: Audit) -> list[str]:
    """What to do next, by what the audit found."""
    steps = ["Look at the errors and the most novel images above: wrong outlines explain more failures than wrong "
             "classes."]
    if result.judged is None:
        return [*steps, "Have 50 images of each class labelled and run the audit again: a shift alone does not tell "
                "how much worse the model is."]
    metrics, home = result.judged.metrics, result.home or {}
    if metrics["balanced_accuracy"] < home.get("balanced_accuracy", 0) - TRAIN_AGAIN_DROP:
        steps.append("Train on both places together, so that the model must find what they share: give both folders to "
                     "featurize, then run classify; the report compares the sites.")
    if metrics["calibration_slope"] < REVIEW_SLOPE:
        steps.append("Until then, leave every image with a set of more than one class, or a novelty above "
                     f"{score(result.bundle.review.most_novelty)}, to a person.")
    return [*steps, "Report these scores beside those at home; scores at home alone say nothing about another place."]
