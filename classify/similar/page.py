"""The page of `classify.similar.run`: one image, and the measured images nearest to it."""
from pathlib import Path
from typing import Any

from classify.similar.search import CLASSES, SAME_PICTURE_DISTANCE, Similar, distance_percentiles
from classify.similar.sentences import alike_sentences, different_sentences, sums_sentence, unusual_sentences
from featurize.report.charts import MOST_CLASSES, percentile_ranges
from featurize.report.numbers import count, number
from featurize.report.page import contents, figure, warning, write_page
from featurize.report.pictures import album_of, legend, show

SECTIONS = ("The image", "The nearest images", "Distance by class")
# Files that the warning of the same file names.
MOST_SAME_FILES = 5
# Sides of the thumbnails, in pixels.
PICTURE_PX = 300
NEIGHBOR_PX = 200


def write_similar(path: Path, result: Similar) -> None:
    """Write similar.html, whole or not at all."""
    name, site = str(result.picture["path"]), result.picture["site"]
    picture = show(album_of(result.picture_info), site if isinstance(site, str) else None, name, caption=name,
                   side=PICTURE_PX)
    neighbors = _neighbors(result)
    write_page(path, "similar.html.j2", {
        "kicker": "Similar images", "title": name, "lead": _lead(result), "facts": [], "warnings": warnings(result),
        "no_warnings": "Images as near as this are common in the table.", "contents": contents(SECTIONS),
        "picture": picture, "unusual": unusual_sentences(result), "neighbors": neighbors,
        "by_classes": result.metric == CLASSES,
        "legend": legend([picture, *(n["picture"] for n in neighbors)]),
        "by_class": _by_class(result)}, Path(__file__).parent)


def _lead(result: Similar) -> str:
    counts = result.label.iloc[result.neighbors].value_counts()
    named = [f"{number(int(n))} {'is' if n == 1 else 'are'} {label}" for label, n in counts.items()]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}" if named else "there is none"
    return (f"Of the {count(len(result.neighbors), 'nearest image')} among {number(len(result.frame))} measured ones, "
            f"{listed}. Images were compared by {count(len(result.features), 'measurement')}, {_how(result)}.")


def _how(result: Similar) -> str:
    if result.metric == CLASSES:
        return "by what tells the classes of the table apart, learned without this image and what is akin to it"
    return (f"every one counting alike; 99\u00a0% of the images have a neighbor within a distance of "
            f"{number(result.usual_distance)}")


def warnings(result: Similar) -> list[dict[str, str]]:
    """What must be known before the neighbors are looked at."""
    paths, labels = result.frame["path"], result.label
    names = ", ".join(f"{paths.iloc[r]} ({labels.iloc[r]})" for r in result.same_file[:MOST_SAME_FILES].tolist())
    same_file = warning("note", "The table holds this very file.", f"It stands there as {names}, and is not among the "
                        "neighbors.")
    return ([same_file] if names else []) + _distance_warnings(result)


def _distance_warnings(result: Similar) -> list[dict[str, str]]:
    if not len(result.neighbors):
        return [warning("caution", "The table holds no other image to compare with.")]
    nearest = float(result.distances[result.neighbors[0]])
    if result.metric != CLASSES and nearest < SAME_PICTURE_DISTANCE:
        return [warning("note", "The nearest image is the same picture, or nearly so.",
                        f"{result.frame['path'].iloc[result.neighbors[0]]}: keep the two together when you split the "
                        "data.")]
    if nearest > result.usual_distance:
        return [warning("caution", f"This image is unlike all others: its nearest neighbour is {number(nearest)} away, "
                        f"and 99\u00a0% of the table's own images have one within {number(result.usual_distance)}.",
                        "What its neighbours are called says little about it. Look at the outlines first.")]
    return []


def _neighbors(result: Similar) -> list[dict[str, Any]]:
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
