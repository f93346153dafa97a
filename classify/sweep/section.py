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
HEAD = ["Strength", "Images", "Accuracy", "Sets hold the truth", "Classes in a set", "For review",
        "Errors without review", "Mean probability", "ECE", "Novelty"]


def section(found: Sweep) -> dict[str, Any]:
    """Sentences, chart, pictures and numbers of a sweep."""
    return {
        "lead": lead(found), "note": found.note, "unchanged": unchanged_breach(found),
        "chart": figure(figures.panels(found), "How far can the picture change?",
                        "0 is the unchanged image. Where the ground is red, a promise is broken or was broken before. "
                        "The dashed line is what the sets promise. Green that falls below it without orange that rises "
                        "is the danger: wrong answers that nobody looks at."),
        "changes": [_change(change, found) for change in found.changes]}


def _change(change: SweptChange, found: Sweep) -> dict[str, Any]:
    rows = [_row("0", found.unchanged)]
    rows += [_row(f"{at} ({scored.told})", scored) for at, scored in enumerate(change.strengths, 1)]
    return {"name": change.name[0].upper() + change.name[1:], "says": says(change, found),
            "pictures": _pictures(change, found), "table": table(HEAD, rows), "broken": bool(change.broken_at)}


def _row(name: str, scored: Scored) -> list[Any]:
    n = number(scored.n) if not scored.failed else f"{number(scored.n)}, {number(scored.failed)} not measured"
    kept = interval(scored.errors_kept, *scored.errors_kept_interval)
    return [cell(name), cell(n, key=scored.n), cell(interval(scored.accuracy, *scored.accuracy_interval),
                                                    key=finite(scored.accuracy)),
            cell(interval(scored.coverage, *scored.coverage_interval), key=finite(scored.coverage),
                 tone="bad" if scored.sets_broken else ""),
            cell(number(scored.mean_set_size), key=finite(scored.mean_set_size)),
            cell(percent(scored.review_share), key=finite(scored.review_share)),
            cell(kept, key=finite(scored.errors_kept), tone="bad" if scored.review_broken else ""),
            cell(score(scored.confidence), key=finite(scored.confidence)),
            cell(score(scored.ece), key=finite(scored.ece)), cell(score(scored.novelty), key=finite(scored.novelty))]


def _pictures(change: SweptChange, found: Sweep) -> list[dict[str, Any]]:
    """One image unchanged and at every strength."""
    example = found.example
    picture = find(Album(example.sources, None, None), example.site, example.path)
    if isinstance(picture, str):
        return []
    shown = [_picture(picture.rgb, "unchanged", found.unchanged, change.name)]
    for strength, scored in enumerate(change.strengths, 1):
        rgb = corrupted(picture, example.image_id, change.name, strength).rgb
        shown.append(_picture(_at_size(rgb, *picture.rgb.shape[:2]), f"{strength}", scored, change.name))
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


def _picture(rgb: UInt8Array, caption: str, scored: Scored, name: str) -> dict[str, Any]:
    small = (f"right {percent(scored.accuracy)}, sets {percent(scored.coverage)}, review "
             f"{percent(scored.review_share)}")
    return {**thumbnail(rgb, PICTURE_PX), "caption": caption, "small": small, "alarm": scored.broken,
            "alt": f"{name} {caption}"}
