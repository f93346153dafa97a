"""Which measurements can be trusted: how alike an image and its changed copies are measured.

`featurize` measures some images again as another laboratory might have pictured them. Of the variance of a measurement
over all these pictures, the intra-class correlation is the share that lies between images; the rest lies between copies
of one image. It is ICC(1,1) of Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420, in the form for unequal numbers of
copies (Donner 1986, doi:10.2307/1403259); the interval is the one of its F test. Koo & Li 2016,
doi:10.1016/j.jcm.2016.02.012, call values below .5 poor, up to .75 moderate, up to .9 good.
"""
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution

from classify.data.columns import region_and_family
from classify.fitting.augment import Perturbations
from classify.fitting.linear import LARGEST_SCORE
from featurize.arrays import Float32Array, Float64Array, Int64Array

# Images with copies, at least: the interval of fewer says nothing.
FEWEST_IMAGES = 10
# Of the interval.
CONFIDENCE = 0.95
# Lengths in pixels of the file: copies keep those of their image.
KEPT = "_px"
# A variance below this is none.
LEAST_VARIANCE = 1e-12


def stability(x: pd.DataFrame, perturbations: Perturbations | None, families: Sequence[str]) -> pd.DataFrame:
    """Intra-class correlation of every feature over images and their changed copies.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        Features of all rows, NaN = not measured.
    perturbations : Perturbations or None
        Second measurements of some rows.
    families : sequence of str
        Feature families of the table.

    Returns
    -------
    DataFrame
        `feature, family, region, icc, low, high, images`, in the order of the columns: the correlation, its 95 %
        interval, and the images with a copy that both have the measurement. NaN where these are fewer than 10, where
        nothing varies, and for lengths in pixels of the file, which copies keep. Without copies no rows.
    """
    if perturbations is None or perturbations.values is None:
        return pd.DataFrame({name: [] for name in ("feature", "family", "region", "icc", "low", "high", "images")})
    rows, image = np.unique(perturbations.rows, return_inverse=True)
    own = x.to_numpy(np.float32)
    center, scale = _center_and_scale(own)
    measured = np.concatenate([own[rows], perturbations.values])
    scores = np.clip((measured - center) / scale, -LARGEST_SCORE, LARGEST_SCORE)
    found = intraclass_correlation(scores, np.concatenate([np.arange(len(rows)), image]))
    parts = [region_and_family(name, families) for name in x.columns]
    table = pd.DataFrame({"feature": list(x.columns), "family": [family for _, family in parts],
                          "region": [region for region, _ in parts], **found})
    table.loc[table["feature"].str.endswith(KEPT), ["icc", "low", "high"]] = np.nan
    return table


def intraclass_correlation(values: Float64Array, image: Int64Array) -> dict[str, Float64Array]:
    """`icc, low, high, images` of every column.

    Parameters
    ----------
    values : (m, d) float64
        NaN = not measured.
    image : (m,) int64
        Number 0, 1, ... of the image of each measurement.
    """
    there = np.isfinite(values)
    filled, shape = np.where(there, values, 0.0), (image.max() + 1, values.shape[1])
    count, total, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for sums, part in ((count, there), (total, filled), (squares, filled ** 2)):
        np.add.at(sums, image, part)
    several = count > 1
    count, total, squares = (np.where(several, sums, 0.0) for sums in (count, total, squares))
    images, measurements = several.sum(axis=0).astype(np.float64), count.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(several, total ** 2 / count, 0.0).sum(axis=0)
        degrees = images - 1, measurements - images
        between = (own - total.sum(axis=0) ** 2 / measurements) / degrees[0]
        within = (squares.sum(axis=0) - own) / degrees[1]
        copies = (measurements - (count ** 2).sum(axis=0) / measurements) / degrees[0]
        ratio = between / np.maximum(within, LEAST_VARIANCE)
        known = (images >= FEWEST_IMAGES) & (between + within > LEAST_VARIANCE)
        tail = (1 - CONFIDENCE) / 2
        ends = (ratio, ratio / f_distribution.ppf(1 - tail, *degrees), ratio / f_distribution.ppf(tail, *degrees))
        icc, low, high = (np.where(known, (end - 1) / (end + copies - 1), np.nan) for end in ends)
    return {"icc": icc, "low": low, "high": high, "images": images}


def _center_and_scale(x: Float32Array) -> tuple[Float64Array, Float64Array]:
    """Mean and standard deviation of what is measured in each column; 0 and 1 where nothing is or nothing varies."""
    there = np.isfinite(x)
    number = np.maximum(there.sum(axis=0), 1)
    center = np.where(there, x, 0).sum(axis=0, dtype=np.float64) / number
    spread = np.sqrt((np.where(there, x - center, 0) ** 2).sum(axis=0) / number)
    return center, np.where(spread > 0, spread, 1.0)
