"""The section of a sweep on the audit page."""
from typing import Any

import numpy as np

from classify.sweep import figures
from classify.sweep.result import Scored, Sweep, SweptChange
from classify.sweep.sentences import lead, says, unchanged_breach
from featurize.arrays import UInt8Array
from featurize.images.corrupt import corrupted
from featurize.report.numbers import finite, interval, number, percent, score
from featurize.report.page import cell, figure, table
from featurize.report.pictures import Album, find, thumbnail

# Longer side of the pictures of changed copies, pixels.
PICTURE_PX = 110
HEAD = ["Strength", "Images", "Accuracy", "AUROC", "Sets hold the truth", "Classes in a set", "For review",
        "Errors without review", "Mean probability", "ECE", "Novelty"]


def section(found: Sweep) -> dict[str, Any]:
    """Sentences, chart, pictures and numbers of a sweep."""
    return {
        "lead": lead(found), "note": found.note, "unchanged": unchanged_breach(found),
        "chart": chart(found), "changes": [_change(change, found) for change in found.changes]}


def chart(found: Sweep) -> dict[str, Any]:
    """The scores by strength, a panel a change."""
    return figure(figures.panels(found), "How far can the picture change?",
                  "0 is the unchanged image. Where the ground is red, a promise is broken or was broken before. "
                  "The dashed line is what the sets promise. Green that falls below it without orange that rises "
                  "is the danger: wrong answers that nobody looks at.")


def _change(change: SweptChange, found: Sweep) -> dict[str, Any]:
    rows = [_row("0", found.unchanged)]
    rows += [_row(f"{at} ({scored.told})", scored) for at, scored in enumerate(change.strengths, 1)]
    return {"name": change.name[0].upper() + change.name[1:], "says": says(change, found),
            "pictures": pictures(change, found), "table": table(HEAD, rows), "broken": bool(change.broken_at)}


def without_pictures(found: Sweep) -> dict[str, Any]:
    """Chart and numbers of one of several models whose changed images are the same."""
    rows = [[cell(change.name), *_row(f"{at} ({scored.told})" if at else "0", scored)] for change in found.changes
            for at, scored in enumerate((found.unchanged, *change.strengths)) if at or change is found.changes[0]]
    return {"chart": chart(found), "unchanged": unchanged_breach(found), "table": table(["Change", *HEAD], rows)}


def _row(name: str, scored: Scored) -> list[Any]:
    n = number(scored.n) if not scored.failed else f"{number(scored.n)}, {number(scored.failed)} not measured"
    kept = interval(scored.errors_kept, *scored.errors_kept_interval)
    return [cell(name), cell(n, key=scored.n), cell(interval(scored.accuracy, *scored.accuracy_interval),
                                                    key=finite(scored.accuracy)),
            cell(score(scored.auroc), key=finite(scored.auroc)),
            cell(interval(scored.coverage, *scored.coverage_interval), key=finite(scored.coverage),
                 tone="bad" if scored.sets_broken else ""),
            cell(number(scored.mean_set_size), key=finite(scored.mean_set_size)),
            cell(percent(scored.review_share), key=finite(scored.review_share)),
            cell(kept, key=finite(scored.errors_kept), tone="bad" if scored.review_broken else ""),
            cell(score(scored.confidence), key=finite(scored.confidence)),
            cell(score(scored.ece), key=finite(scored.ece)), cell(score(scored.novelty), key=finite(scored.novelty))]


def pictures(change: SweptChange, found: Sweep, scores: bool = True) -> list[dict[str, Any]]:
    """One image unchanged and at every strength, with the scores there or what the strength means."""
    example = found.example
    picture = find(Album(example.sources, None, None), example.site, example.path)
    if isinstance(picture, str):
        return []
    shown = [_picture(picture.rgb, "unchanged", found.unchanged, change.name, scores)]
    for strength, scored in enumerate(change.strengths, 1):
        rgb = corrupted(picture, example.image_id, change.name, strength).rgb
        shown.append(_picture(_at_size(rgb, *picture.rgb.shape[:2]), f"{strength}", scored, change.name, scores))
    return shown


def _at_size(rgb: UInt8Array, height: int, width: int) -> UInt8Array:
    """The middle of a picture, of the size given; white where it is smaller: a reader sees a change of scale."""
    shape = rgb.shape[:2]
    if shape == (height, width):
        return rgb
    seen = np.full((height, width, 3), 255, np.uint8)
    rows, columns = min(height, shape[0]), min(width, shape[1])
    to_y, to_x = (height - rows) // 2, (width - columns) // 2
    at_y, at_x = (shape[0] - rows) // 2, (shape[1] - columns) // 2
    seen[to_y:to_y + rows, to_x:to_x + columns] = rgb[at_y:at_y + rows, at_x:at_x + columns]
    return seen


def _picture(rgb: UInt8Array, caption: str, scored: Scored, name: str, scores: bool) -> dict[str, Any]:
    small = (f"right {percent(scored.accuracy)}, sets {percent(scored.coverage)}, review "
             f"{percent(scored.review_share)}") if scores else scored.told if scored.told != caption else ""
    return {**thumbnail(rgb, PICTURE_PX), "caption": caption, "small": small, "alarm": scores and scored.broken,
            "alt": f"{name} {caption}"}
