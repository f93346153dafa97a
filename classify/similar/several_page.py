"""The page of several images: each with its row of nearest measured images, and all of them together."""
from pathlib import Path
from typing import Any

from classify.similar.page import how_compared, lead_of, neighbor_parts
from classify.similar.search import Similar, SimilarToSeveral
from classify.similar.sentences import unusual_sentences
from classify.similar.space import CLASSES
from classify.similar.warnings import warnings
from featurize.report.numbers import count, number
from featurize.report.page import warning, write_page
from featurize.report.pictures import album_of, legend, show

# Images that the page shows; JSON and CSV hold all.
MOST_SHOWN = 40
# Warnings about single images that stand at the top.
MOST_WARNINGS = 8
PICTURE_PX = 200
TOGETHER = "All images together"


def write_several(path: Path, results: SimilarToSeveral) -> None:
    """Write the page, whole or not at all."""
    parts = [_part(result, f"image-{at}") for at, result in enumerate(results.images[:MOST_SHOWN], 1)]
    together = results.together
    if together:
        parts.insert(0, {**_part(together, "together"), "title": TOGETHER, "picture": None})
    shown = [picture for part in parts for picture in (part["picture"], *(n["picture"] for n in part["neighbors"]))
             if picture]
    first = results.images[0]
    write_page(path, "several.html.j2", {
        "kicker": "Similar images", "title": count(len(results.images), "image"), "lead": _lead(results), "facts": [],
        "warnings": _warnings(results), "no_warnings": "Images as near as these are common in the table.",
        "contents": [{"id": part["id"], "title": part["title"]} for part in parts], "parts_shown": parts,
        "by_classes": first.metric == CLASSES, "legend": legend(shown)}, Path(__file__).parent)


def _lead(results: SimilarToSeveral) -> str:
    first = results.images[0]
    more = f" The first {MOST_SHOWN} are shown; -o similar.csv lists all." if len(results.images) > MOST_SHOWN else ""
    return (f"{count(len(results.images), 'image')} beside {number(len(first.frame))} measured ones, compared by "
            f"{count(len(first.features), 'measurement')}, {how_compared(first)}.{more}")


def _part(result: Similar, anchor: str) -> dict[str, Any]:
    path, site = str(result.picture["path"]), result.picture["site"]
    picture = show(album_of(result.picture_info), site if isinstance(site, str) else None, path, caption="",
                   small=result.name, side=PICTURE_PX) if result.picture["sha256"] is not None else None
    return {"id": anchor, "title": result.name, "picture": picture, "lead": lead_of(result, brief=True),
            "unusual": unusual_sentences(result), "neighbors": neighbor_parts(result)}


def _warnings(results: SimilarToSeveral) -> list[dict[str, str]]:
    """Those of single images, each with the image's name."""
    found = [{**said, "text": f"{result.name}: {said['text']}"}
             for result in results.images for said in warnings(result)]
    if len(found) > MOST_WARNINGS:
        rest = len(found) - MOST_WARNINGS + 1
        found = [*found[:MOST_WARNINGS - 1], warning("note", f"{number(rest)} more warnings stand in -o similar.json.")]
    if results.nothing_found:
        found.insert(0, warning("caution", f"Nothing was found in {count(len(results.nothing_found), 'image')}: "
                                f"{', '.join(results.nothing_found[:MOST_WARNINGS])}.", "They are left out."))
    return found
