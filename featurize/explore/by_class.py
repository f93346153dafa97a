"""Statistics of the images that were read, class by class: could the way a picture was taken give the class away?"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kruskal

from featurize.arrays import Float64Array, Int64Array
from featurize.explore.census import Census

# An image has color if the means of its channels differ by more than this many gray levels.
_COLORED_GRAY_LEVELS = .5
# Columns of `image_table` by which images of one slide or device are known.
_LOOKS = ("brightness", "background", "background tint", "sharpness")
# Rank eta squared of such a column and the patient from which images of one patient look alike. Measured on chest_nih,
# tissue_hpylori and leukemia_cnmc: .49 to .59 for their patients, at most .05 for the same patients in random order.
_ALIKE_ETA_SQUARED = .25
PERCENTILES = (5, 25, 50, 75, 95)
# Below this, a share of variance left over by chance counts as none.
_TINY = 1e-12


@dataclass(frozen=True)
class PixelValues:
    """Pixel values of each class, most frequent class first.

    Parameters
    ----------
    means : mapping of class to (mean (3,), standard deviation (3,))
        Of the image means of red, green and blue, 0..255.
    histograms : mapping of class to (3, 32)
        Mean share of pixels per bin.
    colored : bool
        Some image has color.
    """

    means: Mapping[str, tuple[Float64Array, Float64Array]]
    histograms: Mapping[str, Float64Array]
    colored: bool


def image_table(census: Census) -> pd.DataFrame:
    """One row per image that was read: label and the numbers that should not differ between classes."""
    mean = np.array([image.mean for image in census.images]).reshape(-1, 3)
    background = np.array([image.background for image in census.images]).reshape(-1, 3)
    return pd.DataFrame({"label": census.label.iloc[census.rows].to_numpy(),
                         "width": [image.width_px for image in census.images],
                         "height": [image.height_px for image in census.images],
                         "brightness": mean.mean(axis=1), "background": background.mean(axis=1),
                         "background tint": background[:, 0] - background[:, 2],
                         "sharpness": [image.sharpness for image in census.images],
                         "JPEG blocks": [image.blockiness for image in census.images]})


def rank_eta_squared(values: Float64Array, labels: Sequence[str]) -> float:
    """Share of the variance of the ranks that lies between the classes: 0 = none, 1 = all.

    The Kruskal-Wallis statistic over n - 1, less what chance gives; robust against outliers and units. NaN is left out.
    """
    known = np.isfinite(values)
    ranks = pd.Series(np.asarray(values)[known]).rank().to_numpy()
    total = ((ranks - ranks.mean()) ** 2).sum() if len(ranks) else 0
    groups = pd.Series(ranks).groupby(np.asarray(labels, dtype=object)[known]).agg(["mean", "size"])
    if total == 0 or len(groups) < 2:
        return 0.0
    between = (groups["size"] * (groups["mean"] - ranks.mean()) ** 2).sum()
    # Small classes reach high values by chance: take off what chance gives on average, (k - 1) / (n - 1).
    chance = (len(groups) - 1) / max(len(ranks) - 1, 1)
    return float(max(0.0, (between / total - chance) / max(1 - chance, _TINY)))


def chance_of(values: Float64Array, labels: Sequence[str]) -> float:
    """Probability that so many images of classes that do not differ show at least this difference of the ranks.

    Of the Kruskal-Wallis test; NaN is left out.
    """
    known = np.isfinite(values)
    samples = [part.to_numpy() for _, part in pd.Series(values[known]).groupby(np.asarray(labels, object)[known])]
    if len(samples) < 2 or np.ptp(values[known]) == 0:
        return 1.0
    return float(kruskal(*samples).pvalue)


def best_told(values: Float64Array, labels: Sequence[str]) -> tuple[str, float]:
    """The class that the values tell best from the rest, and their AUROC for it, .5 to 1 in either direction.

    >>> best_told(np.array([1., 2, 3, 4]), ["a", "b", "b", "a"])
    ('a', 0.5)
    >>> best_told(np.array([1., 2, 3, 4]), ["a", "a", "b", "b"])
    ('a', 1.0)
    """
    known = np.isfinite(values)
    ranks, label = pd.Series(values[known]).rank().to_numpy(), np.asarray(labels, object)[known]
    found = {}
    for name in pd.unique(label):
        own = label == name
        n = int(own.sum())
        if n < len(own):
            below = (ranks[own].sum() - n * (n + 1) / 2) / (n * (len(own) - n))
            found[str(name)] = float(max(below, 1 - below))
    best = max(found, key=lambda name: found[name], default="")
    return best, found.get(best, np.nan)


def look_alike(table: pd.DataFrame, values: Sequence[str]) -> bool:
    """Whether images of the same value share their background, stain or focus.

    Parameters
    ----------
    table : DataFrame
        As `image_table` makes it.
    values : sequence of str
        One for each of its rows.
    """
    return any(rank_eta_squared(table[name].to_numpy(float), values) >= _ALIKE_ETA_SQUARED for name in _LOOKS)


def percentiles_by_class(table: pd.DataFrame, columns: Sequence[str], most: int) -> dict[str, pd.DataFrame]:
    """5th, 25th, 50th, 75th and 95th percentile of some columns in the `most` largest classes.

    Parameters
    ----------
    table : DataFrame
        Column `label` and `columns`.

    Returns
    -------
    dict of column to DataFrame
        Index: classes, most frequent first. Columns: `PERCENTILES`. NaN where a class has no value.
    """
    names = [str(name) for name in table["label"].value_counts().index[:most]]
    return percentiles_of_rows(table, columns, {name: np.flatnonzero(table["label"] == name) for name in names})


def percentiles_of_rows(table: pd.DataFrame, columns: Sequence[str],
                        rows_of: Mapping[str, Int64Array]) -> dict[str, pd.DataFrame]:
    """As `percentiles_by_class`, for the rows (positions in `table`) that are named for each class."""
    return {column: pd.DataFrame([_percentiles(table[column].iloc[rows].dropna()) for rows in rows_of.values()],
                                 index=list(rows_of), columns=list(PERCENTILES)) for column in columns}


def _percentiles(values: pd.Series) -> Float64Array:
    return np.percentile(values, PERCENTILES) if len(values) else np.full(len(PERCENTILES), np.nan)


def images_by_class(census: Census, most: int) -> dict[str, Int64Array]:
    """Positions in `census.images` of the `most` largest classes, most frequent class first.

    An image with several findings stands under each of them.
    """
    found = {name: np.flatnonzero(member[census.rows]) for name, member in census.classes.items()}
    names = sorted((name for name in found if len(found[name])), key=lambda name: -len(found[name]))
    return {name: found[name] for name in names[:most]}


def pixel_values(census: Census, most: int) -> PixelValues:
    """Means and histograms of the `most` largest classes."""
    rows_of = images_by_class(census, most)
    mean, share = (np.array([getattr(image, name) for image in census.images]) for name in ("mean", "histogram"))
    return PixelValues({name: (mean[rows].mean(axis=0), mean[rows].std(axis=0)) for name, rows in rows_of.items()},
                       {name: share[rows].mean(axis=0) for name, rows in rows_of.items()},
                       bool((np.ptp(mean, axis=1) > _COLORED_GRAY_LEVELS).any()))


def is_colored(mean: Float64Array) -> bool:
    """Whether an image with these channel means (3,) has color."""
    return bool(np.ptp(mean) > _COLORED_GRAY_LEVELS)


def median_colors(census: Census, rows: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Median background and median mean color of some images, each (3,) whole gray levels."""
    background, mean = (np.median([getattr(census.images[r], name) for r in rows], axis=0).round().astype(int)
                        for name in ("background", "mean"))
    return background, mean


def size_counts(census: Census) -> pd.DataFrame:
    """`size, mode, bits, n`: how many images have each size, color mode and bit depth, most frequent first."""
    sizes = pd.DataFrame([{"size": f"{image.width_px} × {image.height_px}", "mode": image.mode, "bits": image.bit_depth}
                          for image in census.images], columns=["size", "mode", "bits"])
    return sizes.value_counts().reset_index(name="n")


def evenly_spread(rows: Int64Array, most: int) -> Int64Array:
    """At most `most` of the rows, evenly spread over them."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def most_typical(census: Census) -> int:
    """Position in `census.images` of the image whose mean color lies nearest to the median of all."""
    mean = np.array([image.mean for image in census.images])
    return int(np.abs(mean - np.median(mean, axis=0)).sum(axis=1).argmin())
