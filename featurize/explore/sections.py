"""The sections of the explore page, prepared as plain content for its template."""
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from featurize.arrays import Int64Array
from featurize.explore import figures, image_stats
from featurize.explore.census import UNLABELLED, Census, class_by_split, clusters, kinds, looks_table, trouble
from featurize.report.charts import MOST_CLASSES, ranges
from featurize.report.numbers import count, number, percent
from featurize.report.page import cell, figure, table
from featurize.report.pictures import Album, find, show, thumbnail

PER_CLASS = 12
MOST_CLUSTERS = 20
PER_CLUSTER = 8
MOST_ERRORS = 60
LOOKS = {"background": "background brightness", "background tint": "background, red − blue",
         "sharpness": "sharpness", "JPEG blocks": "JPEG blocks (1 = none)"}


def tiles(census: Census) -> list[dict[str, str]]:
    """The few numbers that stand first."""
    frame, copies = census.frame, sum(len(rows) - 1 for rows in clusters(census))
    named = [("Images", number(len(frame)), f"{number(len(census.rows))} were looked at"),
             ("Classes", number(frame["label"].nunique()), f"{number(frame['label'].isna().sum())} without a label"),
             ("Groups", number(frame["group"].nunique()) if frame["group"].notna().any() else "–", "patients, slides"),
             ("Sites", number(max(frame["site"].nunique(), 1)), "laboratories or sources"),
             ("Copies", number(copies), "images that repeat another one"),
             ("Unreadable", number(len(census.errors)), "files left out")]
    return [{"name": name, "value": value, "range": small} for name, value, small in named]


def files(census: Census) -> dict[str, Any]:
    """Endings, missing values, files that could not be read."""
    found = kinds(census.frame)
    rows = [[cell(ending), cell(number(n), key=int(n), bar=int(n) / int(found.max()))] for ending, n in found.items()]
    # Sites and parts may be left unsaid without loss: only gaps in them are missing values.
    named = [c for c in census.frame.columns if c in ("label", "group") or c.startswith("label_")
             or c in ("site", "split") and census.frame[c].notna().any()]
    missing = [[cell(c), cell(number(n), key=int(n)), cell(percent(n / max(len(census.frame), 1)), key=int(n))]
               for c in named for n in [int(census.frame[c].isna().sum())]]
    return {"kinds": table(["Ending", "Images"], rows, caption="File types"),
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
    if len(counts) > MOST_CLASSES:
        reading += f" The {MOST_CLASSES} most frequent of {number(len(counts))} classes are drawn."
    groups = census.frame.assign(label=census.label).groupby("label")["group"].nunique()
    rows = [[cell(name), *(cell(number(n), key=int(n)) for n in [*values, values.sum()]),
             cell(percent(values.sum() / len(census.frame)), key=int(values.sum())),
             cell(number(n_groups) if n_groups else "–", key=int(n_groups))]
            for (name, values), n_groups in zip(counts.iterrows(), groups.loc[counts.index])]
    if counts.shape[1] == 1:
        rows = [row[:1] + row[2:] for row in rows]
    parts = [str(c).capitalize() for c in counts.columns] if counts.shape[1] > 1 else []
    shown = table(["Class", *parts, "Sum", "Share", "Groups"], rows, sortable=True)
    return {"chart": figure(figures.class_bars(counts), "Images of each class", reading), "table": shown,
            "groups": _groups(census.frame)}


def _groups(frame: pd.DataFrame, most: int = 15) -> dict[str, Any] | None:
    """The largest groups: a patient with very many images weighs too much."""
    known = frame.dropna(subset=["group"])
    if known.empty:
        return None
    found = known.groupby("group").agg(n=("image_id", "size"), labels=("label", "nunique"), splits=("split", "nunique"))
    top = found.sort_values("n", ascending=False, kind="stable").head(most)
    rows = [[cell(name), cell(number(r["n"]), key=r["n"], bar=r["n"] / found["n"].max()),
             cell(number(r["labels"]), key=r["labels"]),
             cell(number(r["splits"]) if r["splits"] else "–", key=r["splits"], tone="bad" if r["splits"] > 1 else "")]
            for name, r in zip(top.index, top.to_dict("records"))]
    middle = number(float(found["n"].median()))
    return table(["Group", "Images", "Labels", "Parts"], rows, sortable=True, caption=(
        f"{count(len(found), 'group')}, {middle} images each in the middle; the largest ones:"))


def sizes(census: Census) -> dict[str, Any]:
    """Sizes, color modes and bit depths."""
    shown = pd.DataFrame([{"size": f"{g.width_px} × {g.height_px}", "mode": g.mode, "bits": g.bit_depth}
                          for g in census.looks], columns=["size", "mode", "bits"])
    counts = shown.value_counts().reset_index(name="n")
    most = 12
    rows = [[cell(f"{r['size']} px"), cell(r["mode"]), cell(number(r["bits"]), key=r["bits"]),
             cell(number(r["n"]), key=r["n"], bar=r["n"] / len(shown))] for r in counts.head(most).to_dict("records")]
    foot = f"and {count(len(counts) - most, 'rarer combination')}" if len(counts) > most else ""
    chart = None
    table_ = looks_table(census)
    if len(shown) and table_[["width", "height"]].max().max() > 1.2 * table_[["width", "height"]].min().min():
        chart = figure(figures.sizes(table_), "Sizes", "One mark for each size, larger for more images.")
    return {"chart": chart, "table": table(["Size", "Mode", "Bits a channel", "Images"], rows, foot=foot)}


def pixels(census: Census) -> dict[str, Any]:
    """Distribution of the pixel values in each class."""
    by_class = _by_class(census)
    mean, share = (np.array([getattr(g, name) for g in census.looks]) for name in ("mean", "histogram"))
    colored = bool((np.ptp(mean, axis=1) > .5).any())
    means = {name: (mean[rows].mean(axis=0), mean[rows].std(axis=0)) for name, rows in by_class.items()}
    curves = {name: share[rows].mean(axis=0) for name, rows in by_class.items()}
    color = " Red is a disc, green a square, blue a diamond." if colored else " The images have no color."
    return {"means": figure(figures.channel_means(means, colored), "Mean value of each channel",
                            "Marks are the class mean, lines one standard deviation between images." + color),
            "histograms": figure(figures.histograms(curves, colored), "Histograms, averaged over the images of a class",
                                 "Curves that lie apart only because of the background are a shortcut. Heights are "
                                 "drawn as square roots, so that a bright background does not press all else flat.")}


def _by_class(census: Census, most: int = MOST_CLASSES) -> dict[str, Int64Array]:
    """Positions in `looks` of every class, most frequent class first."""
    label = census.label.iloc[census.rows].reset_index(drop=True)
    return {str(name): np.flatnonzero(label == name) for name in label.value_counts(sort=True).index[:most]}


def looks(census: Census) -> dict[str, Any]:
    """Background, sharpness and file quality, class by class; what is the same on all images is not drawn."""
    table_ = looks_table(census)
    measured = {name: label for name, label in LOOKS.items() if table_[name].nunique() > 1}
    reading = ("Dots are medians, thick bars the middle half, thin lines 5th to 95th percentile of the images of a "
               "class. Where bars don't overlap, the class can be told without looking at the object.")
    title = "Background and quality of the pictures"
    chart = figure(ranges(table_, measured), title, reading) if measured else None
    return {"chart": chart, "swatches": [_swatch(census, name, rows) for name, rows in _by_class(census).items()]}


def _swatch(census: Census, name: str, rows: Int64Array) -> dict[str, str]:
    ground, mean = (np.median([getattr(census.looks[r], what) for r in rows], axis=0).round().astype(int)
                    for what in ("background", "mean"))
    (a, b, c), (d, e, f) = ground, mean
    return {"name": name, "background": f"rgb({a},{b},{c})", "background_text": f"{a}, {b}, {c}",
            "mean": f"rgb({d},{e},{f})", "mean_text": f"{d}, {e}, {f}"}


def montage(census: Census, album: Album) -> list[dict[str, Any]]:
    """A few images of every class, evenly spread over its files."""
    shown = []
    for name, rows in _by_class(census).items():
        picked = census.rows[rows[np.linspace(0, len(rows) - 1, min(PER_CLASS, len(rows))).astype(int)]]
        shown.append({"name": f"{name} ({number(int((census.label == name).sum()))})",
                      "pictures": [_picture(census.frame, album, int(row), 110) for row in picked]})
    return shown


def _picture(frame: pd.DataFrame, album: Album, row: int, side: int, alarm: bool = False) -> dict[str, Any]:
    path, label = str(frame["path"].iloc[row]), frame["label"].iloc[row]
    split = frame["split"].iloc[row]
    small = path if split is None else f"{path} ({split})"
    return show(album, frame["site"].iloc[row], path, caption=str(label or UNLABELLED), small=small, side=side,
                outlines=False, alarm=alarm)


def close(census: Census, album: Album) -> dict[str, Any] | None:
    """The picture whose mean color lies nearest to the median of all: its channels, histogram and pixels."""
    mean = np.array([g.mean for g in census.looks])
    at = int(np.abs(mean - np.median(mean, axis=0)).sum(axis=1).argmin())
    row, look = int(census.rows[at]), census.looks[at]
    path = str(census.frame["path"].iloc[row])
    found = find(album, census.frame["site"].iloc[row], path)
    if isinstance(found, str):
        return None
    middle = image_stats.zoom(found.rgb)
    planes = [_plain(thumbnail(plane, 170), name) for name, plane in image_stats.channels(found.rgb).items()]
    said = (f"{path}, the image nearest to the average of all: {look.width_px} × {look.height_px} px, mode "
            f"{look.mode}, {look.bit_depth} bits, label {census.label.iloc[row]}.")
    return {"said": said, "whole": _plain(thumbnail(found.rgb, 320), "the whole image"),
            "zoom": _plain(thumbnail(middle, 320), f"the middle {middle.shape[1]} × {middle.shape[0]} px, enlarged"),
            "channels": planes, "histogram": figure(
                figures.one_histogram(look.histogram, bool(np.ptp(look.mean) > .5)), "Its histogram",
                "Shares of the pixels at each gray level; curves in the color of their channel.")}


def _plain(picture: Mapping[str, Any], caption: str) -> dict[str, Any]:
    return {**picture, "caption": caption, "small": "", "alarm": False, "alt": caption}


def duplicates(census: Census, album: Album) -> dict[str, Any]:
    """Clusters of one and the same picture; those across labels or splits in red."""
    found = clusters(census)
    if not found:
        return {"said": "No picture was found twice, in none of the eight orientations.", "clusters": []}
    more = f" The first {MOST_CLUSTERS} are shown." if len(found) > MOST_CLUSTERS else ""
    said = (f"{count(sum(map(len, found)), 'image')} in {count(len(found), 'cluster')} show one and the same picture: "
            f"copied, saved anew, turned, mirrored or resized.{more}")
    return {"said": said, "clusters": [_cluster(census, album, rows) for rows in found[:MOST_CLUSTERS]]}


def _cluster(census: Census, album: Album, rows: Int64Array) -> dict[str, Any]:
    level = trouble(census.frame, rows)
    exact = census.frame["sha256"].iloc[rows].nunique() == 1
    title = f"{count(len(rows), 'file')}, {'the same bytes' if exact else 'near copies'}"
    title += {2: ": different labels", 1: ": in different parts", 0: ""}[level]
    return {"title": title, "alarm": level > 0,
            "pictures": [_picture(census.frame, album, int(r), 170, alarm=level > 0) for r in rows[:PER_CLUSTER]]}
