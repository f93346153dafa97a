"""The page of `classify.similar.run`: one image, and the measured images nearest to it."""
from pathlib import Path
from typing import Any

from classify.similar.search import Similar, distance_percentiles
from classify.similar.sentences import alike_sentences, different_sentences, sums_sentence, unusual_sentences
from classify.similar.space import CLASSES
from classify.similar.warnings import warnings
from featurize.report.charts import MOST_CLASSES, percentile_ranges
from featurize.report.numbers import count, number, percent
from featurize.report.page import contents, figure, write_page
from featurize.report.pictures import album_of, legend, show

SECTIONS = ("The image", "The nearest images", "Distance by class")
# Sides of the thumbnails, in pixels.
PICTURE_PX = 300
NEIGHBOR_PX = 200


def write_similar(path: Path, result: Similar) -> None:
    """Write similar.html, whole or not at all."""
    name, site = str(result.picture["path"]), result.picture["site"]
    picture = show(album_of(result.picture_info), site if isinstance(site, str) else None, name, caption=name,
                   side=PICTURE_PX)
    neighbors = neighbor_parts(result)
    write_page(path, "similar.html.j2", {
        "kicker": "Similar images", "title": name, "lead": lead_of(result), "facts": [], "warnings": warnings(result),
        "no_warnings": "Images as near as this are common in the table.",
        "contents": contents(SECTIONS if result.recall is None else SECTIONS[:-1]),
        "picture": picture, "unusual": unusual_sentences(result), "neighbors": neighbors,
        "by_classes": result.metric == CLASSES,
        "legend": legend([picture, *(n["picture"] for n in neighbors)]),
        "by_class": None if result.recall is not None else _by_class(result)}, Path(__file__).parent)


def lead_of(result: Similar, brief: bool = False) -> str:
    """Which classes the neighbors are of and, unless brief, how they were found."""
    counts = result.label.iloc[result.neighbors].value_counts()
    named = [f"{number(int(n))} {'is' if n == 1 else 'are'} {label}" for label, n in counts.items()]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}" if named else "there is none"
    if brief:
        return f"Of the {count(len(result.neighbors), 'nearest image')}, {listed}."
    return (f"Of the {count(len(result.neighbors), 'nearest image')} among {number(len(result.frame))} measured ones, "
            f"{listed}. Images were compared by {count(len(result.features), 'measurement')}, {how_compared(result)}.")


def how_compared(result: Similar) -> str:
    """By what, for a sentence."""
    if result.recall is not None:
        return (f"every one counting alike, by an index that finds {percent(result.recall)} of the true neighbors; "
                f"99\u00a0% of the images have a neighbor within a distance of {number(result.usual_distance)}")
    if result.metric == CLASSES:
        return "by what tells the classes of the table apart, learned without this image and what is akin to it"
    return (f"every one counting alike; 99\u00a0% of the images have a neighbor within a distance of "
            f"{number(result.usual_distance)}")


def neighbor_parts(result: Similar) -> list[dict[str, Any]]:
    """Picture, distance and sentences of each neighbor."""
    album, labels = album_of(result.info), result.label
    shown = []
    for at, row in enumerate(result.neighbors.tolist()):
        site, path = result.frame["site"].iloc[row], str(result.frame["path"].iloc[row])
        shown.append({"picture": show(album, site, path, caption=labels.iloc[row], small=path, side=NEIGHBOR_PX),
                      "distance": number(float(result.distances[row])),
                      "alike": alike_sentences(result, at), "different": different_sentences(result, at),
                      "sums": sums_sentence(result, at)})
    return shown


def _by_class(result: Similar) -> dict[str, str]:
    return figure(percentile_ranges({"distance to this image": distance_percentiles(result, MOST_CLASSES)}),
                  "How far are all images of a class?",
                  "Dots are medians, thick bars the middle half, thin lines 5th to 95th percentile. Classes whose "
                  "bars reach far left hold images like this one.")
