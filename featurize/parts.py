"""A part of a picture shown alone: its subject, what lies around it, or the rim.

What a model can tell from the picture without its subject is no property of the subject: the classes were then pictured
in different ways.
"""
from dataclasses import replace

import cv2
import numpy as np

from featurize.arrays import BoolArray, UInt8Array
from featurize.images.occlude import CELLS, filled
from featurize.images.picture import Picture
from featurize.pipeline import sample_of
from featurize.places import box_of
from featurize.presets.load import Preset

# Raised whenever a part is shown in another way: guards results that are kept.
VERSION = 1
# Names of the parts.
ENTIRE, SUBJECT, BACKGROUND, RIM = "entire picture", "subject alone", "background alone", "rim alone"
PARTS = (ENTIRE, SUBJECT, BACKGROUND, RIM)
# Gray level in the place of what is not shown, the same in every picture.
_GRAY = 128
# The rim is the outermost strip of this share of the sides.
_RIM = 0.1
# The subject is taken wider than the segmenter saw it: by this share of the radius of a nucleus, where nuclei are found
# whose cytoplasm is not, and otherwise by this share of the longer side of the picture.
_BEYOND_NUCLEUS = 1.0
_BEYOND = 0.02


def part_of(picture: Picture, part: str, preset: Preset) -> Picture:
    """The picture with everything but a part of it hidden.

    Parameters
    ----------
    picture : Picture
    part : str
        One of `PARTS`. Around the subject alone and inside the rim everything is one gray. In the background alone, and
        where it reaches the rim, the subject is hidden behind its blurred surroundings: on gray its outline would still
        be there to measure.
    preset : Preset
        Its segmenter finds the subject.

    Raises
    ------
    ValueError
        An unknown part.
    """
    height, width = picture.rgb.shape[:2]
    if part == ENTIRE:
        return picture
    if part not in PARTS:
        raise ValueError(f"the part {part!r} was given, one of {', '.join(PARTS)} was wanted")
    subject = subject_of(picture, preset)
    if part == SUBJECT:
        return replace(picture, rgb=_on_gray(picture.rgb, subject))
    around = filled(picture.rgb, subject, max(height, width) / CELLS, "")
    return replace(picture, rgb=around if part == BACKGROUND else _on_gray(around, _rim(height, width)))


def subject_of(picture: Picture, preset: Preset) -> BoolArray:
    """(H, W) the cell, the nuclei with their surroundings, the lungs with what lies between them, or the middle.

    Without a segmenter the middle is all but the rim.
    """
    height, width = picture.rgb.shape[:2]
    sample = sample_of(picture, preset)
    left, top, wide, high = (round(side) for side in box_of(sample, height, width))
    if "nuclei" in sample.regions:
        area = np.bincount(sample.objects.ravel())[1:]
        radius = np.sqrt(np.median(area[area > 0]) / np.pi) if (area > 0).any() else 0
        found, beyond = sample.regions["nuclei"], _BEYOND_NUCLEUS * radius * wide / sample.rgb.shape[1]
    elif "lung" in sample.regions:
        found, beyond = _hull(sample.regions["lung"]), _BEYOND * max(height, width)
    elif "cell" in sample.regions:
        found, beyond = sample.regions["cell"], _BEYOND * max(height, width)
    else:
        return ~_rim(height, width)
    mask = np.zeros((height, width), np.uint8)
    seen = cv2.resize(found.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST)
    mask[top:top + high, left:left + wide] = seen
    side = 2 * max(1, round(beyond)) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0)


def _hull(mask: BoolArray) -> BoolArray:
    """The convex hull of a region; empty where it is."""
    points = cv2.findNonZero(mask.astype(np.uint8))
    drawn = np.zeros(mask.shape, np.uint8)
    if points is not None:
        cv2.fillConvexPoly(drawn, cv2.convexHull(points), 1)
    return np.asarray(drawn > 0)


def _rim(height: int, width: int) -> BoolArray:
    rim = np.ones((height, width), bool)
    y, x = (max(1, round(_RIM * side)) for side in (height, width))
    rim[y:height - y, x:width - x] = False
    return rim


def _on_gray(rgb: UInt8Array, shown: BoolArray) -> UInt8Array:
    return np.where(shown[..., None], rgb, np.uint8(_GRAY))
