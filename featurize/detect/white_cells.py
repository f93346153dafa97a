"""White cells of a field: nuclei, their lobes together, each with its cytoplasm. Lengths in work pixels."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int32Array, Int64Array
from featurize.kernels.radiomics.runs import components
from featurize.segment.cytoplasm import cell_around
from featurize.segment.lobes import with_lobes
from featurize.segment.masks import cleaned
from featurize.segment.stain import Stain

_LEAST_LOBE = 0.05          # area over that of a red cell; smaller nuclear parts are no seed of a nucleus
_LEAST_NUCLEUS = 0.35       # the same for a whole nucleus: less is a platelet. Between .29 (giant platelet) and .6
_SURE_NUCLEUS = 0.7         # from here on the score is 1
_REACH_RADII = 1.6          # of a disk of the nucleus's area: how far beyond the nucleus its cell is sought
_NO_PART = 1e12             # area that no part has: keeps the parts of other nuclei from being lobes


@dataclass(frozen=True)
class WhiteCell:
    """Masks (H, W) of one white cell, the cell holds its nucleus; score 0..1 by the size of the nucleus."""

    cell: BoolArray
    nucleus: BoolArray
    score: float


def find_white_cells(stain: Stain, red_area: float) -> list[WhiteCell]:
    """White cells of a work image, the largest nucleus first; red_area: of a red cell, in pixels."""
    nuclei = cleaned(stain.dye > stain.level)
    parts = np.zeros(nuclei.shape, np.int32)
    sums, boxes = components(nuclei, stain.dye, parts)
    cells = []
    for group in _groups(parts, sums[:, 0], boxes, stain.empty, red_area):
        nucleus = np.isin(parts, group)
        share = np.count_nonzero(nucleus) / red_area
        if share >= _LEAST_NUCLEUS:
            cell = _cell(nucleus, nuclei & ~nucleus, stain)
            cells.append(WhiteCell(cell, nucleus, min(share / _SURE_NUCLEUS, 1.0)))
    return cells


def _groups(parts: Int32Array, area: Float64Array, boxes: Int64Array, empty: BoolArray,
            red_area: float) -> list[list[int]]:
    """Labels of the parts of each nucleus; every part belongs to one at most."""
    free = np.ones(len(area), bool)
    free[0] = False
    found = []
    for seed in np.argsort(-area, kind="stable").tolist():
        if not free[seed] or area[seed] < _LEAST_LOBE * red_area:
            continue
        own = with_lobes(seed, np.where(free[parts], parts, 0), np.where(free, area, _NO_PART), boxes, empty)
        free[own] = False
        found.append(own)
    return found


def _cell(nucleus: BoolArray, others: BoolArray, stain: Stain) -> BoolArray:
    """(H, W) the cell around a nucleus, sought in a window around it."""
    x, y, width, height = cv2.boundingRect(nucleus.view(np.uint8))
    reach = int(np.ceil(_REACH_RADII * np.sqrt(np.count_nonzero(nucleus) / np.pi)))
    window = np.s_[max(0, y - reach):y + height + reach, max(0, x - reach):x + width + reach]
    od, total, dye = (np.ascontiguousarray(plane[window]) for plane in (stain.od, stain.total, stain.dye))
    empty, own, other = (np.ascontiguousarray(mask[window]) for mask in (stain.empty, nucleus, others))
    cell = nucleus.copy()
    cell[window] |= cell_around(own, other, Stain(od, total, dye, stain.level, empty))
    return cell
