"""The sections of the explore page, prepared as plain content for its template."""
from collections.abc import Mapping
from typing import Any

import pandas as pd

from featurize.arrays import Int64Array
from featurize.explore import by_class, figures
from featurize.explore.census import (UNLABELLED, Census, Conflict, class_by_split, co_occurrence, conflict_of,
                                      duplicate_clusters, file_types, group_sizes, groups_by_class, missing_values)
from featurize.explore.image_stats import center_crop, color_planes
from featurize.report.charts import MOST_CLASSES, percentile_ranges, shorten
from featurize.report.numbers import count, number, percent
from featurize.report.page import cell, figure, heat, table
from featurize.report.pictures import Album, find, show, thumbnail

# Images of each class in the montage.
PER_CLASS = 12
# Clusters of duplicates that are shown, and images of each.
MOST_CLUSTERS = 20
PER_CLUSTER = 8
# Rows of the tables of unreadable files, of groups and of image sizes.
MOST_ERRORS = 60
MOST_GROUPS = 15
MOST_SIZES = 12
# Sizes are drawn if the longest side of any image is more than this many times the shortest side of any.
SIZES_DIFFER = 1.2
# From so many findings on, the table of pairs is drawn narrow.
MANY_COLUMNS = 6
# Sides of the thumbnails, in pixels.
MONTAGE_PX = 110
CLOSE_UP_PX = 320
DUPLICATE_PX = 170
# Column of `image_table`: how the page calls it.
QUALITY = {"background": "background brightness", "background tint": "background, red − blue",
           "sharpness": "sharpness", "JPEG blocks": "JPEG blocks (1 = none)"}

# End of the title of a cluster of duplicates.
CONFLICTS = {Conflict.LABELS: ": different labels", Conflict.SPLITS: ": in different parts", Conflict.NONE: ""}


def tiles(census: Census) -> list[dict[str, str]]:
    """The few numbers that stand first."""
    frame, copies = census.frame, sum(len(rows) - 1 for rows in duplicate_clusters(census))
    named = [("Images", number(len(frame)), f"{number(len(census.rows))} were looked at"),
             ("Findings" if census.findings else "Classes",
              number(len(census.findings) or frame["label"].nunique()),
              f"{number(frame['label'].isna().sum())} without a label"),
             ("Groups", number(frame["group"].nunique()) if frame["group"].notna().any() else "–", "patients, slides"),
             ("Sites", number(max(frame["site"].nunique(), 1)), "laboratories or sources"),
             ("Copies", number(copies), "images that repeat another one"),
             ("Unreadable", number(len(census.errors)), "files left out")]
    return [{"name": name, "value": value, "range": small} for name, value, small in named]


def files(census: Census) -> dict[str, Any]:
    """Endings, missing values, files that could not be read."""
    counts, n_images = file_types(census.frame), max(len(census.frame), 1)
    rows = [[cell(ending), cell(number(n), key=int(n), bar=int(n) / int(counts.max()))] for ending, n in counts.items()]
    missing = [[cell(column), cell(number(n), key=int(n)), cell(percent(n / n_images), key=int(n))]
               for column, n in missing_values(census.frame).items()]
    return {"file_types": table(["Ending", "Images"], rows, caption="File types"),
            "missing": table(["Column", "Missing", "Share"], missing, caption="Missing values"),
            "unreadable": _unreadable(census.errors)}


def _unreadable(errors: pd.DataFrame) -> dict[str, Any] | None:
    if errors.empty:
        return None
    rows = [[cell(e["path"]), cell(e["reason"]), cell(e["error"], tone="quiet")]
            for e in errors.head(MOST_ERRORS).to_dict("records")]
    more = f"and {number(len(errors) - MOST_ERRORS)} more" if len(errors) > MOST_ERRORS else ""
    return table(["File", "Fault", "In words"], rows, caption="Files that could not be read", foot=more)


def classes(census: Census) -> dict[str, Any]:
    """Images and groups of every class in every split."""
    counts = class_by_split(census)
    reading = "Bars are images; colors are the given parts." if counts.shape[1] > 1 else "Bars are images."
    if census.findings:
        reading += " An image with several findings is counted for each of them."
    if len(counts) > MOST_CLASSES:
        reading += f" The {MOST_CLASSES} most frequent of {number(len(counts))} classes are drawn."
    groups = groups_by_class(census).loc[counts.index]
    rows = [[cell(name), *(cell(number(n), key=int(n)) for n in [*values, values.sum()]),
             cell(percent(values.sum() / len(census.frame)), key=int(values.sum())),
             cell(number(n_groups) if n_groups else "–", key=int(n_groups))]
            for (name, values), n_groups in zip(counts.iterrows(), groups)]
    if counts.shape[1] == 1:
        rows = [row[:1] + row[2:] for row in rows]
    splits = [str(c).capitalize() for c in counts.columns] if counts.shape[1] > 1 else []
    thing = "finding" if census.findings else "class"
    shown = table([thing.capitalize(), *splits, "Sum", "Share", "Groups"], rows, sortable=True)
    return {"chart": figure(figures.class_bars(counts), f"Images of each {thing}", reading), "table": shown,
            "together": _together(census), "groups": _groups(census.frame)}


def _together(census: Census) -> dict[str, Any] | None:
    """How many images have two findings at once; None where an image has one class."""
    if not census.findings:
        return None
    both = co_occurrence(census).iloc[:MOST_CLASSES, :MOST_CLASSES]
    names, values = [str(name) for name in both.columns], both.to_numpy()
    rows = [{"name": shorten(name, 36), "cells": [_pair(name, int(values[i, i]), other, int(values[i, j]))
                                                  for j, other in enumerate(names)]} for i, name in enumerate(names)]
    drawn = f", the {MOST_CLASSES} most frequent findings" if len(census.findings) > MOST_CLASSES else ""
    return {"columns": [shorten(name, 26) for name in names], "rows": rows, "tight": len(rows) > MANY_COLUMNS,
            "corner": "images with ↓ and →",
            "caption": f"Images that have two findings, and per cent of those with the finding of the row{drawn}"}


def _pair(name: str, n_row: int, other: str, n: int) -> dict[str, Any]:
    """One cell: the images that have the finding of the row and that of the column."""
    share, same = n / max(n_row, 1), name == other
    strength = 0 if same else .08 + .82 * share
    whole = f"{count(n_row, 'image')} with {name}"
    title = whole if same else f"{number(n)} of {whole}: {other}"
    return {"text": number(n), "share": "" if same else percent(share), "zero": n == 0, "title": title,
            "style": heat(strength)}


def _groups(frame: pd.DataFrame) -> dict[str, Any] | None:
    """The largest groups: a patient with very many images weighs too much."""
    groups = group_sizes(frame)
    if groups.empty:
        return None
    top = groups.head(MOST_GROUPS)
    rows = [[cell(name), cell(number(r["n"]), key=r["n"], bar=r["n"] / groups["n"].max()),
             cell(number(r["labels"]), key=r["labels"]),
             cell(number(r["splits"]) if r["splits"] else "–", key=r["splits"], tone="bad" if r["splits"] > 1 else "")]
            for name, r in zip(top.index, top.to_dict("records"))]
    middle = float(groups["n"].median())
    return table(["Group", "Images", "Labels", "Parts"], rows, sortable=True, caption=(
        f"{count(len(groups), 'group')}, {count(middle, 'image')} each in the middle; the largest ones:"))


def sizes(census: Census) -> dict[str, Any]:
    """Sizes, color modes and bit depths."""
    counts, images = by_class.size_counts(census), by_class.image_table(census)
    rows = [[cell(f"{r['size']} px"), cell(r["mode"]), cell(number(r["bits"]), key=r["bits"]),
             cell(number(r["n"]), key=r["n"], bar=r["n"] / len(images))]
            for r in counts.head(MOST_SIZES).to_dict("records")]
    foot = f"and {count(len(counts) - MOST_SIZES, 'rarer combination')}" if len(counts) > MOST_SIZES else ""
    chart, sides = None, images[["width", "height"]]
    if len(images) and sides.max().max() > SIZES_DIFFER * sides.min().min():
        chart = figure(figures.sizes(images), "Sizes", "One mark for each size, larger for more images.")
    return {"chart": chart, "table": table(["Size", "Mode", "Bits a channel", "Images"], rows, foot=foot)}


def pixels(census: Census) -> dict[str, Any]:
    """Distribution of the pixel values in each class."""
    values = by_class.pixel_values(census, MOST_CLASSES)
    color = " Red is a disc, green a square, blue a diamond." if values.colored else " The images have no color."
    return {"means": figure(figures.channel_means(values.means, values.colored), "Mean value of each channel",
                            "Marks are the class mean, lines one standard deviation between images." + color),
            "histograms": figure(figures.histograms(values.histograms, values.colored),
                                 "Histograms, averaged over the images of a class",
                                 "Curves that lie apart only because of the background are a shortcut. Heights are "
                                 "drawn as square roots, so that a bright background does not press all else flat.")}


def quality(census: Census) -> dict[str, Any]:
    """Background, sharpness and file quality, class by class; what is the same on all images is not drawn."""
    images = by_class.image_table(census)
    varying = {name: label for name, label in QUALITY.items() if images[name].nunique() > 1}
    reading = ("Dots are medians, thick bars the middle half, thin lines 5th to 95th percentile of the images of a "
               "class. Where bars don't overlap, the class can be told without looking at the object.")
    rows_of = by_class.images_by_class(census, MOST_CLASSES)
    percentiles = by_class.percentiles_of_rows(images, list(varying), rows_of)
    chart = figure(percentile_ranges({varying[name]: values for name, values in percentiles.items()}),
                   "Background and quality of the pictures", reading) if varying else None
    # A tile of color says nothing about pictures without any.
    tiled = rows_of if _has_color(census) else {}
    return {"chart": chart, "swatches": [_swatch(census, name, rows) for name, rows in tiled.items()]}


def _has_color(census: Census) -> bool:
    return any(by_class.is_colored(image.mean) for image in census.images)


def _swatch(census: Census, name: str, rows: Int64Array) -> dict[str, str]:
    (a, b, c), (d, e, f) = by_class.median_colors(census, rows)
    return {"name": name, "background": f"rgb({a},{b},{c})", "background_text": f"{a}, {b}, {c}",
            "mean": f"rgb({d},{e},{f})", "mean_text": f"{d}, {e}, {f}"}


def montage(census: Census, album: Album) -> list[dict[str, Any]]:
    """A few images of every class, evenly spread over its files."""
    shown = []
    for name, rows in by_class.images_by_class(census, MOST_CLASSES).items():
        picked = census.rows[by_class.evenly_spread(rows, PER_CLASS)]
        shown.append({"name": f"{name} ({number(int(census.classes[name].sum()))})",
                      "pictures": [_picture(census.frame, album, int(row), MONTAGE_PX) for row in picked]})
    return shown


def _picture(frame: pd.DataFrame, album: Album, row: int, side: int, alarm: bool = False) -> dict[str, Any]:
    path, label = str(frame["path"].iloc[row]), frame["label"].iloc[row]
    split = frame["split"].iloc[row]
    small = path if split is None else f"{path} ({split})"
    return show(album, frame["site"].iloc[row], path, caption=str(label or UNLABELLED), small=small, side=side,
                outlines=False, alarm=alarm)


def typical_image(census: Census, album: Album) -> dict[str, Any] | None:
    """The image that is most like the average: its channels, histogram and pixels; None if it can't be read again."""
    at = by_class.most_typical(census)
    row, image = int(census.rows[at]), census.images[at]
    path = str(census.frame["path"].iloc[row])
    read = find(album, census.frame["site"].iloc[row], path)
    if isinstance(read, str):
        return None
    middle, colored = center_crop(read.rgb), by_class.is_colored(image.mean)
    # Of a picture without color the channels are all the same, hue and saturation are black.
    planes = color_planes(read.rgb) if colored else {}
    sentence = (f"{path}, the image nearest to the average of all: {image.width_px} × {image.height_px} px, mode "
                f"{image.mode}, {image.bit_depth} bits, label “{census.label.iloc[row]}”.")
    return {"sentence": sentence, "whole": _captioned(thumbnail(read.rgb, CLOSE_UP_PX), "the whole image"),
            "center": _captioned(thumbnail(middle, CLOSE_UP_PX),
                                 f"the middle {middle.shape[1]} × {middle.shape[0]} px, enlarged"),
            "channels": [_captioned(thumbnail(plane, DUPLICATE_PX), name)
                         for name, plane in planes.items()],
            "histogram": figure(figures.image_histogram(image.histogram, colored), "Its histogram",
                                "Shares of the pixels at each gray level"
                                f"{'; curves in the color of their channel' if colored else ''}.")}


def _captioned(picture: Mapping[str, Any], caption: str) -> dict[str, Any]:
    return {**picture, "caption": caption, "small": "", "alarm": False, "alt": caption}


def duplicates(census: Census, album: Album) -> dict[str, Any]:
    """Clusters of one and the same picture; those across labels or splits in red."""
    clusters = duplicate_clusters(census)
    if not clusters:
        return {"sentence": "No picture was found twice, in none of the eight orientations.", "clusters": []}
    more = f" The first {MOST_CLUSTERS} are shown." if len(clusters) > MOST_CLUSTERS else ""
    sentence = (f"{count(sum(map(len, clusters)), 'image')} in {count(len(clusters), 'cluster')} show one and the same "
                f"picture: copied, saved anew, turned, mirrored or resized.{more}")
    return {"sentence": sentence, "clusters": [_cluster(census, album, rows) for rows in clusters[:MOST_CLUSTERS]]}


def _cluster(census: Census, album: Album, rows: Int64Array) -> dict[str, Any]:
    conflict = conflict_of(census.frame, rows)
    exact = census.frame["sha256"].iloc[rows].nunique() == 1
    title = f"{count(len(rows), 'file')}, {'the same bytes' if exact else 'near copies'}"
    title += CONFLICTS[conflict]
    alarm = conflict != Conflict.NONE
    return {"title": title, "alarm": alarm,
            "pictures": [_picture(census.frame, album, int(r), DUPLICATE_PX, alarm) for r in rows[:PER_CLUSTER]]}
