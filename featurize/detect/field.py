"""One field, from pixels to the cells in it."""
import numpy as np

from featurize.arrays import Float64Array, UInt8Array
from featurize.detect.foreground import foreground, rough_red_diameter
from featurize.detect.platelets import BOX_MARGIN_PX, Platelets, find_platelets, mask_outline
from featurize.detect.red_cells import BOX_MARGIN_PX as RED_BOX_MARGIN_PX
from featurize.detect.red_cells import RedCells, RedField, find_red_cells
from featurize.detect.result import PLATELET, RED, WHITE, Field, Found
from featurize.detect.scale import RED_DIAMETER_PX, better_zoom, first_zooms, scaled, wide_enough
from featurize.detect.stain import field_stain
from featurize.detect.white_cells import WhiteCell, find_white_cells

AllFound = tuple[list[WhiteCell], RedCells, Platelets]

_DIGITS = 1         # of an outline's coordinates, pixels of the field
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
    found = [_placed(WHITE, mask_outline(np.pad(one.cell, 1)) - 1, one.score, zoom, rgb, share=_nucleus_share(one))
             for one in whites]
    found += [_placed(RED, red.outlines[k], score, zoom, rgb, margin=RED_BOX_MARGIN_PX)
              for k, score in zip(red.chosen, red.chosen_score.tolist())]
    found += [_placed(PLATELET, platelets.outline(k), platelets.score[k], zoom, rgb, margin=BOX_MARGIN_PX)
              for k in platelets.best()]
    return Field(width, height, red.diameter / zoom, tuple(one for one in found if one.area_px > 0))


def find_at_best_zoom(rgb: UInt8Array) -> tuple[float, AllFound]:
    """The zoom at which red cells have the usual width, and all that was found in the image so scaled."""
    zooms = first_zooms(rgb)
    tried = []
    for zoom in zooms:
        tried.append(find_all(scaled(rgb, zoom)))
        if wide_enough(tried[-1][1].diameter):
            better = better_zoom(rgb, zoom, tried[-1][1].diameter)
            return (zoom, tried[-1]) if better == zoom else (better, find_all(scaled(rgb, better)))
    return zooms[0], tried[0]


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


def _nucleus_share(white: WhiteCell) -> float:
    return float(np.count_nonzero(white.nucleus) / np.count_nonzero(white.cell))


def _placed(kind: str, outline: Float64Array, score: float, zoom: float, rgb: UInt8Array, margin: float = 0.0,
            share: float = float("nan")) -> Found:
    """What was found in the work image, in pixels of the field and cut at its border."""
    ends = np.array(rgb.shape[1::-1])
    corners = np.asarray(np.round(np.clip(outline / zoom, 0, ends), _DIGITS), dtype=np.float64)
    left, top = np.floor(np.maximum(corners.min(axis=0) - margin / zoom, 0)).astype(int).tolist()
    right, bottom = np.ceil(np.minimum(corners.max(axis=0) + margin / zoom, ends)).astype(int).tolist()
    return Found(kind, corners, (left, top, right, bottom), float(score), share)
