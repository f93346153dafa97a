"""The page of `classify.similar.run`: one image, and the measured images nearest to it."""
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.data.columns import readable
from classify.similar.search import CUT, Similar, alike, different, unusual
from featurize.report.charts import ranges
from featurize.report.numbers import count, number, ordinal, percentile, signed
from featurize.report.page import cell, contents, figure, table, warning, write_page
from featurize.report.pictures import album_of, legend, show

SECTIONS = ("The image", "The nearest images", "Distance by class")
# Distances below this are no more than what saving a picture anew changes.
SAME = .05


def write_similar(path: Path, found: Similar) -> None:
    """Write similar.html, whole or not at all."""
    name, site = str(found.picture["path"]), found.picture["site"]
    picture = show(album_of(found.picture_info), site if isinstance(site, str) else None, name, caption=name, side=300)
    cards = _cards(found)
    write_page(path, "similar.html.j2", {
        "kicker": "Similar images", "title": name, "lead": _lead(found), "facts": [], "warnings": _warnings(found),
        "no_warnings": "Images as near as this are common in the table.", "contents": contents(SECTIONS),
        "picture": picture, "unusual": _unusual(found), "cards": cards,
        "legend": legend([picture, *(c["picture"] for c in cards)]),
        "by_class": _by_class(found)}, Path(__file__).parent)


def _labels(found: Similar) -> "pd.Series[str]":
    return found.frame["label"].fillna("no label").astype(str)


def _lead(found: Similar) -> str:
    counts = _labels(found).iloc[found.rows].value_counts()
    named = ", ".join(f"{number(int(n))} {label}" for label, n in counts.items())
    return (f"The {count(len(found.rows), 'nearest image')} of {number(len(found.frame))} measured ones: {named}. "
            f"Compared by {count(len(found.features), 'measurement')}, every family of measurements counting alike.")


def _warnings(found: Similar) -> list[dict[str, str]]:
    names = ", ".join(f"{found.frame['path'].iloc[r]} ({_labels(found).iloc[r]})" for r in found.same[:5].tolist())
    told = [warning("note", "The table holds this very file.", f"{names}. It is not among the neighbours.")]
    return (told if names else []) + _distance_warnings(found)


def _distance_warnings(found: Similar) -> list[dict[str, str]]:
    if not len(found.rows):
        return [warning("caution", "The table holds no other image to compare with.")]
    nearest = float(found.distances[found.rows[0]])
    if nearest < SAME:
        return [warning("note", "The nearest image is the same picture, or nearly so.",
                        f"{found.frame['path'].iloc[found.rows[0]]}: keep the two together when you split the data.")]
    if nearest > found.ordinary:
        return [warning("caution", f"This image is unlike all others: its nearest neighbour is {number(nearest)} away, "
                        f"and 99\u00a0% of the table's own images have one within {number(found.ordinary)}.",
                        "What its neighbours are called says little about it. Look at the outlines first.")]
    return []


def _unusual(found: Similar) -> dict[str, Any] | None:
    rows = []
    for at in unusual(found):
        column = found.features[at]
        values = found.frame[column].dropna().to_numpy(dtype=float)
        value = float(str(found.picture[column]))
        rows.append([cell(readable(column), title=column), cell(number(value), key=value),
                     cell(number(float(np.median(values))), key=float(np.median(values))),
                     cell(ordinal(percentile(values, value)), key=found.own[at])])
    head = ["Measurement", "This image", "Median of the table", "Percentile"]
    return table(head, rows, caption="What is unusual about it, one measurement of each kind") if rows else None


def _cards(found: Similar) -> list[dict[str, Any]]:
    album, labels = album_of(found.info), _labels(found)
    cards = []
    for at, row in enumerate(found.rows.tolist()):
        site, path = found.frame["site"].iloc[row], str(found.frame["path"].iloc[row])
        cards.append({"picture": show(album, site, path, caption=labels.iloc[row], small=path, side=200),
                      "distance": number(float(found.distances[row])),
                      "alike": [_both(found, at, column) for column in alike(found, at)],
                      "different": [_both(found, at, column) for column in different(found, at)]})
    return cards


def _both(found: Similar, at: int, column: int) -> dict[str, str]:
    return {"name": readable(found.features[column]), "own": _deviations(float(found.own[column])),
            "other": _deviations(float(found.others[at, column]))}


def _deviations(value: float) -> str:
    if abs(value) < CUT:
        return signed(value)
    return f"> +{CUT:g}" if value > 0 else f"< −{CUT:g}"


def _by_class(found: Similar) -> dict[str, str]:
    shown = pd.DataFrame({"label": _labels(found), "distance": found.distances})
    shown = shown[np.isfinite(shown["distance"])]
    return figure(ranges(shown, {"distance": "distance to this image"}), "How far are all images of a "
                  "class?",
                  "Dots are medians, thick bars the middle half, thin lines 5th to 95th percentile. Classes whose "
                  "bars reach far left hold images like this one.")
