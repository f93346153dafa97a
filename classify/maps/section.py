"""The section of maps on the audit page."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.maps import figures
from classify.maps.result import ImageMap, Maps
from classify.maps.sentences import (LEVEL, NAMES, answer_sentence, counterfactual_sentence, lead, p_value,
                                     stability_sentence, swaps_lead, verdict_sentence)
from featurize.arrays import Float64Array, UInt8Array
from featurize.report.numbers import count, finite, measurement, number, percent, score, signed
from featurize.report.page import cell, figure, table
from featurize.report.pictures import Album, edges_of, find, show, thumbnail

# Longer side of the pictures, pixels.
PICTURE_PX = 200
TEST_HEAD = ["Map", "Test", "Mean log-odds, cells by the map", "Cells in random order", "Better in", "p"]
SWAP_HEAD = ["Measurement", "This image", "That image", "Log-odds then"]
PLACE_HEAD = ["Part of the picture", "Area", "Contributions", "Occlusion"]


def section(found: Maps, frame: pd.DataFrame, classes: Sequence[str], album: Album) -> dict[str, Any]:
    """Sentences, pictures, chart and tables of maps.

    Parameters
    ----------
    found : Maps
    frame : DataFrame
        The table, RangeIndex.
    classes : sequence of str
        As the page calls them.
    album : Album
        Of the images.
    """
    album = Album(found.sources, album.preset, album.mm_per_px)
    return {"lead": lead(found), "note": found.note, "test": verdict_sentence(found),
            "stability": stability_sentence(found), "images": [_image(i, frame, classes, album) for i in found.images],
            "chart": figure(figures.curves(found.images), "Do the maps name the cells that matter?",
                            "Mean over the images. Left: the curve should fall below the gray one; right: rise above "
                            "it. Cells are hidden with another fill than the one that made the map."),
            "tests": _tests(found),
            "places": [_places(found, named, classes[named])
                       for named in sorted({image.answer.named for image in found.images})]}


def _tests(found: Maps) -> dict[str, Any]:
    rows = [[cell(NAMES[t.kind]), cell(t.test), cell(number(t.area), key=finite(t.area)),
             cell(number(t.random), key=finite(t.random)), cell(f"{t.better} of {t.n}", key=t.better),
             cell(p_value(t.p), key=finite(t.p), tone="bad" if t.p >= LEVEL else "")] for t in found.tests]
    foot = ("Mean log-odds: area under the curve from no cell to all. Deletion hides the cells that the map names "
            "first, first: lower is better. Insertion shows them first: higher is better. Random order: the mean of "
            "five orders of each image. p: Wilcoxon's signed-rank test over the images, one-sided.")
    return table(TEST_HEAD, rows, foot=foot)


def _places(found: Maps, named: int, name: str) -> dict[str, Any]:
    """Where the maps of one named class lie, mean over its images."""
    own = [image.places for image in found.images if image.answer.named == named]
    rows = []
    for part in own[0]:
        area, attribution, occlusion = np.mean([places[part] for places in own], axis=0)
        rows.append([cell(part), cell(percent(area), key=area),
                     cell(percent(attribution), key=attribution, bar=attribution),
                     cell(percent(occlusion), key=occlusion, bar=occlusion)])
    caption = (f"{count(len(own), 'image')} called {name}: each part's share of the area and of what the maps show, "
               "for and against taken together")
    return table(PLACE_HEAD, rows, caption=caption)


def _image(image: ImageMap, frame: pd.DataFrame, classes: Sequence[str], album: Album) -> dict[str, Any]:
    row = frame.iloc[image.row]
    label, called = str(row["label"]), classes[image.answer.named]
    swaps = swaps_lead(image, classes)
    right = "rightly" if label == called else "wrongly"
    return {"title": f"{row['path']}: {label}, {right} called {called} (p\u00a0{score(image.answer.p)})",
            "pictures": _pictures(image, frame, classes, album), "answer": answer_sentence(image, classes),
            "counterfactual": f"{swaps}:" if swaps else counterfactual_sentence(image, classes),
            "swaps": _swaps(image)}


def _swaps(image: ImageMap) -> dict[str, Any] | None:
    """The measurements that change the answer, one after the other; None where no few of them do."""
    if image.counterfactual is None or not image.counterfactual.swaps:
        return None
    rows = []
    for swap in image.counterfactual.swaps:
        several = f"{count(len(swap.columns), 'measurement')} together" if not np.isfinite(swap.here) and \
            not np.isfinite(swap.there) else ""
        values = [several, ""] if several else [measurement(value, swap.unit) for value in (swap.here, swap.there)]
        rows.append([cell(swap.name), *(cell(value) for value in values), cell(signed(swap.margin), key=swap.margin)])
    return table(SWAP_HEAD, rows)


def _pictures(image: ImageMap, frame: pd.DataFrame, classes: Sequence[str], album: Album) -> list[dict[str, Any]]:
    path, site = str(frame["path"].iloc[image.row]), frame["site"].iloc[image.row]
    picture = find(album, site, path)
    if isinstance(picture, str):
        return []
    height, width = picture.rgb.shape[:2]
    shown = [{**thumbnail(picture.rgb, PICTURE_PX, edges_of(picture, album)), "caption": "The image", "small": "",
              "alarm": False, "alt": path},
             _map(picture.rgb, figures.by_pixels(image, height, width), "Contributions"),
             _map(picture.rgb, figures.by_cells(image.occlusion, image.rows, image.columns, height, width),
                  "Occlusion")]
    other = image.counterfactual
    if other is not None:
        shown.append(show(album, frame["site"].iloc[other.row], str(frame["path"].iloc[other.row]),
                          caption=f"Nearest {classes[other.called]}", side=PICTURE_PX,
                          small=f"distance {number(other.distance)}; {frame['path'].iloc[other.row]}"))
    return shown


def _map(rgb: UInt8Array, values: Float64Array, caption: str) -> dict[str, Any]:
    full = figures.full_color(values)
    # Each pixel of a small picture becomes a square: the map is drawn on the enlarged one.
    return {**thumbnail(figures.over(rgb, values, full), PICTURE_PX), "caption": caption,
            "small": f"full color: {score(full)} log-odds a cell or more", "alarm": False, "alt": f"map: {caption}"}
