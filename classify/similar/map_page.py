"""The page of a map: a point an image, its picture under the mouse or by the arrow keys."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.similar.map import TableMap
from featurize.arrays import Float64Array
from featurize.report.charts import COLORS
from featurize.report.numbers import count, number, percent
from featurize.report.page import contents, warning, write_page
from featurize.report.pictures import Album, album_of, find, thumbnail
from featurize.table import TableInfo

SECTIONS = ("The map",)
# Longer side of the drawing, and the margin around the points, in units of the SVG.
SIDE = 1000
MARGIN = 30
THUMBNAIL_PX = 80
# Characters of all pictures: with more, some points have none, so that a page stays below 5 MB whatever is pictured.
MOST_OF_PICTURES = 3_800_000
# Classes with a mark of their own, the most frequent ones; seven colors and four shapes go around, and a color that
# comes again is drawn as an outline.
MOST_MARKS = 28
MARK_COLORS = ("blue", "orange", "green", "pink", "sky", "red", "gray")
SHAPES = ("circle", "square", "triangle", "diamond")
OTHERS = "other classes"
NO_LABEL = "no label"


def write_map(path: Path, laid: TableMap, info: TableInfo, picture_info: TableInfo | None = None) -> None:
    """Write the page, whole or not at all; picture_info: of the images beside the table."""
    labels = laid.frame["label"].fillna(NO_LABEL).astype(str)
    marks = _marks(labels)
    places = _placed(np.vstack([laid.xy, laid.pictures_xy]))
    points = [_point(row, place, marks.get(label, marks.get(OTHERS, 0)), album_of(info))
              for row, place, label in zip(laid.frame.to_dict("records"), places, labels)]
    lost = sum(not point["uri"] for point in points)
    points = fewer_pictures(points, MOST_OF_PICTURES)
    own = [] if laid.pictures is None else [
        {**_point(row, place, 0, album_of(picture_info or info)), "own": True}
        for row, place in zip(laid.pictures.to_dict("records"), places[len(points):])]
    lost += sum(not point["uri"] for point in own)
    counts = labels.map(lambda label: label if label in marks else OTHERS).value_counts()
    write_page(path, "map.html.j2", {
        "kicker": "Similar images", "title": f"Map of {count(laid.rows, 'image')}", "lead": _lead(laid),
        "facts": [], "warnings": _warnings(lost), "no_warnings": "Every picture was found again.",
        "contents": contents(SECTIONS), "side": SIDE, "points": points, "own": own, "shapes": SHAPES,
        "colors": [{"number": at, "light": COLORS[name][0], "dark": COLORS[name][1]}
                   for at, name in enumerate(MARK_COLORS)],
        "marks": [{"name": name, "number": mark, **_look(mark), "n": number(int(counts[name]))}
                  for name, mark in marks.items()]}, Path(__file__).parent)


def _lead(laid: TableMap) -> str:
    drawn = "" if laid.rows == len(laid.frame) else f" {number(len(laid.frame))} of them are drawn, evenly by class."
    if laid.explained:
        first, second = (percent(share) for share in laid.explained)
        how = (f"the first two principal components, which hold {first} and {second} of what varies: images that lie "
               "far apart differ, images that lie together may differ in all the rest")
    else:
        how = ("UMAP, which keeps near images together; distances between groups, and the sizes of groups, say little")
    return f"Laid out by {count(laid.features, 'measurement')}, without the labels: {how}.{drawn}"


def fewer_pictures(points: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The points, of which as many evenly spread ones keep their picture (`uri`) as `most` characters hold.

    >>> [p["uri"] for p in fewer_pictures([{"uri": "abcd"}] * 4, 8)]
    ['', 'abcd', '', 'abcd']
    """
    total = sum(len(point["uri"]) for point in points)
    share = min(1.0, most / total) if total else 1.0
    kept = [int((at + 1) * share) > int(at * share) for at in range(len(points))]
    return [point if keep else {**point, "uri": ""} for point, keep in zip(points, kept)]


def _warnings(lost: int) -> list[dict[str, str]]:
    if not lost:
        return []
    return [warning("note", f"{count(lost, 'picture')} could not be read again: their points have no picture.",
                    "The table names where the images were when they were measured.")]


def _marks(labels: "pd.Series[str]") -> dict[str, int]:
    """Number of the mark of each class, in the order of the names."""
    frequent = sorted(labels.value_counts(sort=True).index[:MOST_MARKS])
    marks = {str(name): at for at, name in enumerate(frequent)}
    return marks if len(frequent) == labels.nunique() else {**marks, OTHERS: MOST_MARKS}


def _look(mark: int) -> dict[str, Any]:
    """Color, shape and filling of a mark."""
    return {"color": mark % len(MARK_COLORS), "shape": mark % len(SHAPES), "hollow": mark // len(MARK_COLORS) % 2 == 1}


def _placed(xy: Float64Array) -> Float64Array:
    """Positions on the drawing, y down; both axes have the same scale."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), np.finfo(np.float64).tiny)
    middle = (low + high) / 2
    return np.asarray(SIDE / 2 + (xy - middle) * scale * (1, -1))


def _point(row: dict[Any, Any], place: Float64Array, mark: int, album: Album) -> dict[str, Any]:
    site, label = row["site"], row["label"]
    picture = find(album, site if isinstance(site, str) else None, str(row["path"]))
    small = {"uri": "", "width": 0, "height": 0} if isinstance(picture, str) else \
        thumbnail(picture.rgb, THUMBNAIL_PX)
    return {"x": round(float(place[0]), 1), "y": round(float(place[1]), 1), "mark": mark,
            **_look(mark), "own": False, "path": str(row["path"]),
            "label": label if isinstance(label, str) else NO_LABEL, "uri": small["uri"],
            "width": small["width"], "height": small["height"]}
