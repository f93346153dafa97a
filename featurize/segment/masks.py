"""Operations on masks that the steps of the cell segmenter share."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Int32Array
from featurize.kernels.radiomics.runs import parts_holding, small_holes

_SPECK_PX = 3            # diameter of the disk that an opening removes specks with
_HOLE_PIXELS = 12        # holes with fewer pixels are filled
_HOLE_DIVISOR = 40       # and holes with less than one such part of the mask's pixels


def cleaned(mask: BoolArray) -> BoolArray:
    """Without specks and pinholes: opened by 3 px, holes of less than 1/40 of the mask's pixels filled."""
    small = opened(mask, _SPECK_PX)
    holes = np.zeros(mask.shape, bool)
    small_holes(small, max(_HOLE_PIXELS, np.count_nonzero(small) / _HOLE_DIVISOR), holes)
    return np.asarray(small | holes)


def opened(mask: BoolArray, side: int) -> BoolArray:
    """Opened by a disk of `side` px."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disk)).view(bool)


def dilated(mask: BoolArray, side: int) -> BoolArray:
    """Dilated by a square of `side` px."""
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8))).view(bool)


def parts_with(mask: BoolArray, seeds: BoolArray, spare_rim: bool = False) -> BoolArray:
    """The parts of the mask that share a pixel with the seeds; with `spare_rim` only those off the image's rim."""
    held = np.zeros(mask.shape, bool)
    parts_holding(mask, seeds, spare_rim, held)
    return held


def profiles(mask: BoolArray) -> tuple[Int32Array, Int32Array]:
    """(W,) pixels of the mask by column, (H,) by row."""
    bits = mask.view(np.uint8)
    by_column, by_row = (cv2.reduce(bits, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (0, 1))
    return by_column, by_row


def mean_position(profile: Int32Array) -> float:
    """Mean position of the counted pixels."""
    return float(profile @ np.arange(len(profile)) / profile.sum())
