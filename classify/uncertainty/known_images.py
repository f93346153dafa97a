"""Which images of a table the model was trained on: their predictions say nothing about new images."""
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classify.uncertainty import novelty
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.errors import UserError
from featurize.index.duplicates import KnownPictures, are_copies
from featurize.index.fingerprints import LENGTH, from_text
from featurize.report.numbers import count, number

# A copy lies nearer to its original than this share of the distance that training images keep from each other. Measured
# on 800 blood cells and 40 copies of each kind: no cell lay so near to another one; of copies with the same pixels all
# did, of turned or smaller ones 62 %, of mirrored ones 40 %, of those compressed again at most 5 %. The others are
# recognized by their fingerprints, where the model and the table have them.
COPY_SHARE = 0.6
# In a space of fewer axes different images lie as near by chance: there only the same measurements are recognized.
LEAST_AXES = 12
# Per cent of the training images that may lie nearer to each other: copies among themselves.
_COPIES_AT_HOME = 1
# Training images whose distances to the others are measured.
_SAMPLE = 500
# Images with the same measurements, up to rounding: also where the training images hold many copies.
_SAME = 1e-3


@dataclass(frozen=True)
class Copies:
    """What fingerprints say of n images.

    Parameters
    ----------
    found : (n,) bool
        The same picture as a training image, by the rule of `duplicate_group`.
    compared : (n,) bool
        Both the image and the training images have fingerprints.
    """

    found: BoolArray
    compared: BoolArray


def trained_on(train_ids: NDArray[np.str_], points: Float32Array, frame: pd.DataFrame,
               distances: Float64Array, copies: Copies) -> BoolArray:
    """(n,) True where an image is a training image of the model or a near copy of one.

    Parameters
    ----------
    train_ids : (m,) str
        `image_id` of the training images.
    points : (m, a) float32
        Their places in the space of the out-of-distribution score.
    frame : (n, ...) DataFrame
        Column `image_id`, and `duplicate_group` where it is known: of images without a fingerprint, a duplicate of a
        training image is one, too. Others have no need of it, and tables joined by hand number their groups twice.
    distances : (n, c) float64
        To the nearest training images, nearest first.
    copies : Copies
        As `copies_of` tells.
    """
    known = frame["image_id"].isin(train_ids).to_numpy()
    limit = COPY_SHARE * _usual_distance(points) if points.shape[1] >= LEAST_AXES else 0
    known = np.asarray(known | copies.found | (distances[:, 0] < max(limit, _SAME)))
    if "duplicate_group" in frame:
        same = frame["duplicate_group"].isin(frame["duplicate_group"][known]).to_numpy()
        known = known | (same & ~copies.compared)
    return known


def copies_of(training: UInt8Array | KnownPictures, frame: pd.DataFrame) -> Copies:
    """Which images of a table are copies of training images.

    Parameters
    ----------
    training : (m, 1024) uint8, or what was made of it for several searches
        Fingerprints of the training images; none in models of older versions.
    frame : (n, ...) DataFrame
        Without a column `fingerprint` (signals, tables of older versions) nothing is compared.

    Raises
    ------
    UserError
        The column holds something else.
    """
    known = training if isinstance(training, KnownPictures) else KnownPictures(training)
    found, compared = np.zeros(len(frame), bool), np.zeros(len(frame), bool)
    if len(known.fingerprints) and "fingerprint" in frame:
        compared = frame["fingerprint"].notna().to_numpy()
        found[compared] = are_copies(_fingerprints(frame[compared]), known)
    return Copies(found, compared)


def fingerprints_of(frame: pd.DataFrame) -> UInt8Array:
    """(m, 1024) uint8 fingerprints of the rows of a table that have one."""
    if "fingerprint" not in frame:
        return np.zeros((0, LENGTH), np.uint8)
    return _fingerprints(frame[frame["fingerprint"].notna()])


def _fingerprints(frame: pd.DataFrame) -> UInt8Array:
    try:
        return from_text(frame["fingerprint"].tolist())
    except ValueError as error:
        raise UserError(f"the table's column 'fingerprint' cannot be used ({error}): run `python cli.py featurize` "
                        "again, or take the column away") from error


def known_line(known: int, n: int) -> str:
    """One sentence where the model was trained on some of n images, else "".

    >>> known_line(2, 5)
    'The model was trained on 2 of 5 images, or on near copies of them.'
    """
    which = f"all {count(n, 'image')}" if known == n else f"{number(known)} of {count(n, 'image')}"
    return f"The model was trained on {which}, or on near copies of them." if known else ""


def _usual_distance(points: Float32Array) -> float:
    """Distance to the nearest other training image that nearly all training images keep."""
    if len(points) < 2:
        return 0.0
    some = np.unique(np.linspace(0, len(points) - 1, min(_SAMPLE, len(points))).astype(int))
    # The nearest point of a training image is itself.
    distances, _ = novelty.nearest(points[some], points, 2)
    return float(np.percentile(distances[:, 1], _COPIES_AT_HOME))
