"""Pictures of a field's result: outlines over the field, a mask with a number for each cell, crops of white cells."""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import Float64Array, UInt8Array
from featurize.detect.result import KINDS, PLATELET, RED, WHITE, Field, Found

# R G B of the outlines, told apart by readers with any color vision (Okabe and Ito 2008).
COLORS = {WHITE: (0, 114, 178), RED: (0, 158, 115), PLATELET: (230, 159, 0)}
# Width of the lines over the longer side of the field.
_LINE_SHARE = 0.003
# Sides of a crop in sides of the cell's box, and at least so many red-cell diameters: its surroundings show.
_CROP_SIDES = 1.5
_LEAST_CROP_RED = 2.0
# Corners are drawn at 1/16 of a pixel.
_SUBPIXEL_BITS = 4


def _corners(outline: Float64Array) -> NDArray[np.int32]:
    # OpenCV's whole numbers are middles of pixels, those of outlines corners of pixels.
    return np.rint((outline - .5) * 2 ** _SUBPIXEL_BITS).astype(np.int32)


def overlay(rgb: UInt8Array, field: Field) -> UInt8Array:
    """The field with every outline: white cells blue, red cells green, platelets orange."""
    drawn = rgb.copy()
    width = max(1, round(_LINE_SHARE * max(rgb.shape[:2])))
    for kind in reversed(KINDS):
        outlines = [_corners(one.outline) for one in field.found if one.kind == kind]
        cv2.polylines(drawn, outlines, True, COLORS[kind], width, cv2.LINE_AA, _SUBPIXEL_BITS)
    return drawn


def label_mask(field: Field) -> NDArray[np.uint16]:
    """(H, W) number of the cell, from 1 in the order of boxes.csv, 0 outside.

    Where cells overlap the surer one lies above; platelets lie above white cells and these above red cells.
    """
    mask = np.zeros((field.height, field.width), np.uint16)
    for kind in (RED, WHITE, PLATELET):
        numbered = [(k, one) for k, one in enumerate(field.found, 1) if one.kind == kind]
        for k, one in reversed(numbered):
            cv2.fillPoly(mask, [_corners(one.outline)], k, shift=_SUBPIXEL_BITS)
    return mask


def crop(rgb: UInt8Array, cell: Found, red_diameter_px: float) -> UInt8Array:
    """A square around a cell, cut where the field ends."""
    left, top, right, bottom = crop_place(rgb.shape, cell, red_diameter_px)
    return rgb[top:bottom, left:right]


def crop_place(shape: tuple[int, ...], cell: Found, red_diameter_px: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of `crop`, in pixels of a field of that shape."""
    left, top, right, bottom = cell.box
    least = 0.0 if np.isnan(red_diameter_px) else _LEAST_CROP_RED * red_diameter_px
    half = max(_CROP_SIDES * max(right - left, bottom - top), least) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return (max(0, round(x - half)), max(0, round(y - half)), min(shape[1], round(x + half)),
            min(shape[0], round(y + half)))
