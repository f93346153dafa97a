"""Ways to divide a table: by class, site, given part, images in a group, and thirds of what describes the picture."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.evaluate.by_class import grouped_wilson
from featurize.arrays import BoolArray, Int64Array
from featurize.table import TableInfo

# Parts with fewer rows are left out.
LEAST_IN_PART = 5
# A property with fewer different values is not cut into thirds.
LEAST_VALUES = 10
# Ends of the ranges of images in a group.
GROUP_SIZES = (0, 1, 5, 20, np.inf)

# Mean of each channel of an image.
CHANNELS = ("image_quality_mean_green", "image_quality_mean_red", "image_quality_mean_blue")
# Properties that a picture without color has once, not three times, or not at all.
OF_COLOR = (*CHANNELS[1:], "image_quality_slide_red", "image_quality_slide_blue", "image_quality_colorfulness",
            "image_quality_red_share")


def parts_of_table(frame: pd.DataFrame, truth: pd.Series, nuisance: Sequence[str]) -> Mapping[str, pd.Series]:
    """For each way to divide a table, the part of each row; a way with one part only is left out.

    Parameters
    ----------
    frame : (n, ...) DataFrame
        RangeIndex.
    truth : (n,) Series
        The labels.
    nuisance : sequence of str
        Columns that describe the picture: each is cut into thirds.
    """
    ways = {"class": truth.sort_values(), "site": frame["site"].dropna(), "split": frame["split"].dropna()}
    group = frame["group"].dropna()
    if len(group):
        ways["images in the group"] = pd.cut(group.map(group.value_counts()), list(GROUP_SIZES),
                                             labels=["1", "2 to 5", "6 to 20", "more than 20"]).astype(str)
    for column in nuisance:
        values = frame[column].dropna()
        if values.nunique() >= LEAST_VALUES:
            ways[column] = pd.qcut(values.rank(method="first"), 3, labels=["low", "middle", "high"]).sort_values()
    return {by: part for by, part in ways.items() if part.nunique() > 1}


def is_gray(frame: pd.DataFrame) -> bool:
    """Whether red, green and blue are the same in every image."""
    known = [frame[column] for column in CHANNELS if column in frame.columns]
    return len(known) == len(CHANNELS) and all(np.array_equal(known[0], c, equal_nan=True) for c in known[1:])


def nuisances_of(frame: pd.DataFrame, info: TableInfo) -> list[str]:
    """Columns that describe the picture; those of the single colors are left out where no image has a color."""
    gray = is_gray(frame)
    return [c for c in info.nuisance if c in frame.columns and not (gray and c in OF_COLOR)]


def coverage_of_parts(parts: Mapping[str, pd.Series], y: Int64Array, sets: BoolArray, split_group: Int64Array,
                      promise: float) -> list[dict[str, Any]]:
    """How often prediction sets hold the truth in parts of a table.

    Parameters
    ----------
    parts : mapping of str to Series
        As `parts_of_table` gives them, numbered as the rows below.
    y : (n,) int64
        Truth, 0..K-1.
    sets : (n, K) bool
        Prediction sets.
    split_group : (n,) int64
        Rows with the same number are not independent.
    promise : float
        Share of sets that should hold the truth, 1 - alpha.

    Returns
    -------
    list of dict
        `by, part, n, coverage, low, high, mean_set_size, short`: `low` and `high` end the 95 % Wilson interval, groups
        counting; `short` is True where it lies below the promise. Parts of less than 5 rows are left out.

    Examples
    --------
    >>> parts, sets = {"site": pd.Series(["A"] * 6 + ["B"] * 6)}, np.ones((12, 2), bool)
    >>> sets[:5, 0] = False
    >>> found = coverage_of_parts(parts, np.zeros(12, int), sets, np.arange(12), .95)
    >>> [(row["part"], round(row["coverage"], 2), row["short"]) for row in found]
    [('A', 0.17, True), ('B', 1.0, False)]
    """
    held, found = sets[np.arange(len(y)), y], []
    for by, part in parts.items():
        for name, at in part.groupby(part, sort=False, observed=True).groups.items():
            rows = at.to_numpy()
            if len(rows) < LEAST_IN_PART:
                continue
            low, high = grouped_wilson(held[rows], split_group[rows])
            found.append({"by": by, "part": str(name), "n": len(rows), "coverage": float(held[rows].mean()),
                          "low": low, "high": high, "mean_set_size": float(sets[rows].sum(axis=1).mean()),
                          "short": bool(high < promise)})
    return found
