"""One field, from pixels to the cells in it."""
import numpy as np

from featurize.arrays import Float64Array, UInt8Array
from featurize.detect.foreground import foreground, rough_red_diameter
from featurize.detect.platelets import Platelets, find_platelets, mask_outline
from featurize.detect.red_cells import RedCells, RedField, find_red_cells
from featurize.detect.result import PLATELET, RED, WHITE, Field, Found
from featurize.detect.scale import RED_DIAMETER_PX, better_zoom, first_zooms, scaled, wide_enough
from featurize.detect.stain import field_stain
from featurize.detect.white_cells import WhiteCell, find_white_cells

AllFound = tuple[list[WhiteCell], RedCells, Platelets]

_DIGITS = 2         # of an outline's coordinates, pixels of the field
_LEAST_SIDE_PX = 32  # smaller images hold no cells


def detect(rgb: UInt8Array) -> Field:
    """White cells, red cells and platelets of a field.

    Parameters
    ----------
    rgb : (H, W, 3) uint8

    Returns
    -------
    Field

    Examples
    --------
    >>> field = detect(np.full((120, 160, 3), 220, np.uint8))
    >>> field.width, field.height, len(field.found)
    (160, 120, 0)
    """
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_SIDE_PX:
        return Field(width, height, float("nan"), ())
    zoom, (whites, red, platelets) = find_at_best_zoom(rgb)
    found = [_white(cell) for cell in whites]
    found += [Found(RED, red.outlines[k], float(red.score[k])) for k in red.best()]
    found += [Found(PLATELET, platelets.outline(k), float(platelets.score[k])) for k in platelets.best()]
    placed = [Found(one.kind, _placed(one.outline, zoom, width, height), one.score, one.nucleus_share)
              for one in found]
    return Field(width, height, red.diameter / zoom, tuple(one for one in placed if one.area_px > 0))


def find_at_best_zoom(rgb: UInt8Array) -> tuple[float, AllFound]:
    """The zoom at which red cells have the usual width, and all that was found in the image so scaled."""
    for zoom in first_zooms(rgb):
        found = find_all(scaled(rgb, zoom))
        if wide_enough(found[1].diameter):
            break
    better = better_zoom(rgb, zoom, found[1].diameter)
    return (zoom, found) if better == zoom else (better, find_all(scaled(rgb, better)))


def find_all(work: UInt8Array) -> AllFound:
    """White cells, and all outlines that may be red cells or platelets with their scores, in a work image."""
    stain = field_stain(work)
    nothing = np.zeros(work.shape[:2], bool)
    whites = find_white_cells(stain, np.pi / 4 * RED_DIAMETER_PX ** 2)
    white = np.logical_or.reduce([nothing, *(cell.cell for cell in whites)])
    stained = foreground(stain, white)
    guess = rough_red_diameter(stained)
    guess = guess if np.isfinite(guess) else RED_DIAMETER_PX
    nuclei = stain.dye > stain.level
    red = find_red_cells(RedField(stain, stained, white, nuclei), guess)
    diameter = red.diameter if np.isfinite(red.diameter) else guess
    return whites, red, find_platelets(stain, white, nuclei, stained, diameter)


def _white(cell: WhiteCell) -> Found:
    share = np.count_nonzero(cell.nucleus) / np.count_nonzero(cell.cell)
    return Found(WHITE, mask_outline(np.pad(cell.cell, 1)) - 1, cell.score, float(share))


def _placed(outline: Float64Array, zoom: float, width: int, height: int) -> Float64Array:
    """The outline in pixels of the field, cut at its border."""
    return np.round(np.clip(outline / zoom, 0, (width, height)), _DIGITS)
