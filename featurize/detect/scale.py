"""The scale at which cells are looked for: such that red cells are about as wide in every field."""
import cv2
import numpy as np

from featurize.arrays import UInt8Array

RED_DIAMETER_PX = 45.0          # of a work image: red cells of fields_bccd at half their size
SIDES_PX = (320, 640, 1280)     # longest sides tried: the first that shows wide enough red cells is taken
_WIDE_ENOUGH_PX = 30.0          # narrower red cells of a reduced image cannot be measured surely
_TOO_WIDE_PX = 64.0             # wider ones cost time and the rules were not made for them
_LARGEST_ZOOM = 2.0             # enlarging more shows nothing new
_LARGEST_PX2 = 4_000_000        # pixels of a work image


def scaled(rgb: UInt8Array, zoom: float) -> UInt8Array:
    """The image with both sides times `zoom`."""
    size = max(1, round(rgb.shape[1] * zoom)), max(1, round(rgb.shape[0] * zoom))
    if size == (rgb.shape[1], rgb.shape[0]):
        return rgb
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC))


def first_zooms(rgb: UInt8Array) -> list[float]:
    """Pixels of the work image per pixel of the field to begin with, and those to try where red cells are small."""
    height, width = rgb.shape[:2]
    longest, most = max(height, width), float(np.sqrt(_LARGEST_PX2 / (height * width)))
    zooms = [min(side / longest, _LARGEST_ZOOM, most) for side in SIDES_PX]
    return [zoom for k, zoom in enumerate(zooms) if k == 0 or zooms[k - 1] < min(1, zoom)]


def better_zoom(rgb: UInt8Array, zoom: float, red_diameter: float) -> float:
    """The zoom at which red cells are as wide as wanted; the same where they are wide enough or their size is unknown.

    red_diameter : in pixels of the work image, NaN if unknown.
    """
    if not np.isfinite(red_diameter) or _WIDE_ENOUGH_PX <= red_diameter <= _TOO_WIDE_PX:
        return zoom
    most = float(np.sqrt(_LARGEST_PX2 / (rgb.shape[0] * rgb.shape[1])))
    return min(zoom * RED_DIAMETER_PX / red_diameter, _LARGEST_ZOOM, most)


def wide_enough(red_diameter: float) -> bool:
    """Whether red cells of so many work pixels can be measured surely; NaN is not."""
    return red_diameter >= _WIDE_ENOUGH_PX
