"""Measurements of another laboratory, shifted to where those of the training images lie; no labels are needed.

Stain, lamp and camera move all measurements of a laboratory together. What they moved is the mean of its images less
the mean that the same mix of classes has at home. The mix is unknown: it is the mean of the predictions, which are made
anew with every shift. A laboratory that has only one of the classes is shifted to the mean of that class.

Measured on five classes of blood_pbc, with copies of the training images (`featurize --augment 3`): on changed copies
of held-out images the accuracy rose from .973 to .978, and where 70 to 100 % of 120 copies were of one class from .972
to .982, .982 to .992 and .984 to .991; on unchanged ones it moved by .002 at most; on 250 images blurred by 1.5 px it
rose from .940 to .980. On blood_lab_b, which chose nothing, the log-loss fell from 1.85 to 1.38 and the accuracy went
from .67 to .68; .72 without calibration, where estimating the mix by expectation maximization (Saerens et al. 2002,
doi:10.1162/089976602753284446) gave .64 and matching the spread, too, .62 to .67.
"""
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurize.arrays import Float32Array, Float64Array, Int64Array
from featurize.errors import UserError

# Images of one laboratory, at least: the mean of fewer says more about these images than about the laboratory.
LEAST_IMAGES = 50
# Robust deviations from the median beyond which a value counts as this far: one image does not move the mean.
LARGEST_SCORE = 6.0
# Times that mix and shift are estimated; on blood_lab_b predictions no longer changed after five.
ITERATIONS = 10


@dataclass(frozen=True)
class HomeMeans:
    """Where the training images lie; d features, K classes.

    Parameters
    ----------
    center, scale : (d,) float64
        Median, and interquartile range in standard deviations, of the training images.
    means : (K, d) float64
        Mean score of each class in these units; 0 for a feature that a class never has.
    """

    center: Float64Array
    scale: Float64Array
    means: Float64Array


def home_means(center: Float64Array, scale: Float64Array, x: Float32Array, y: Int64Array, classes: int) -> HomeMeans:
    """Means of the classes of (n, d) training rows; `y` is (n,), -1 = unlabelled."""
    scores = _scores(center, scale, x)
    return HomeMeans(center, scale, np.stack([_mean(scores[y == c]) for c in range(classes)]))


def aligned(home: HomeMeans, x: pd.DataFrame, site: pd.Series,
            probabilities: Callable[[pd.DataFrame], Float64Array]) -> pd.DataFrame:
    """The (n, d) features, those of every site shifted by one vector.

    Parameters
    ----------
    home : HomeMeans
    x : (n, d) DataFrame of float32
    site : (n,) Series
        The laboratory of each row; rows without one belong together.
    probabilities : callable
        (m, K) predictions for m rows of features.

    Raises
    ------
    UserError
        A site has fewer than 50 images.
    """
    named = site.fillna("").astype(str).to_numpy()
    counts = pd.Series(named).value_counts()
    if len(named) and counts.min() < LEAST_IMAGES:
        where = f" of {counts.index[-1]!r}" if counts.index[-1] else ""
        raise UserError(f"--adapt was given {counts.min()} images{where}, at least {LEAST_IMAGES} of a laboratory are "
                        "needed to tell how it differs: bring more, or leave --adapt out")
    out = x.copy()
    for name in counts.index:
        rows = np.flatnonzero(named == name)
        out.iloc[rows] = x.iloc[rows].to_numpy(np.float32) + _shift(home, x.iloc[rows], probabilities)
    return out


def _shift(home: HomeMeans, x: pd.DataFrame, probabilities: Callable[[pd.DataFrame], Float64Array]) -> Float32Array:
    """(d,) what has to be added to the features of one laboratory."""
    values = x.to_numpy(np.float32)
    here = _mean(_scores(home.center, home.scale, values))
    measured = ~np.isnan(values).all(axis=0)
    shift = np.zeros(x.shape[1], np.float32)
    for _ in range(ITERATIONS):
        moved = pd.DataFrame(values + shift, columns=x.columns, index=x.index)
        expected = probabilities(moved).mean(axis=0) @ home.means
        shift = np.where(measured, home.scale * (expected - here), 0).astype(np.float32)
    return shift


def _scores(center: Float64Array, scale: Float64Array, x: Float32Array) -> Float64Array:
    return np.clip((x.astype(np.float64) - center) / scale, -LARGEST_SCORE, LARGEST_SCORE)


def _mean(scores: Float64Array) -> Float64Array:
    """(d,) mean of what was measured; 0 for a column that never was."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice", category=RuntimeWarning)
        return np.nan_to_num(np.nanmean(scores, axis=0)) if len(scores) else np.zeros(scores.shape[1])
