"""Nucleus and cytoplasm of the cell that an image is about, amid red cells or cut out on black.

The way: optical density over the empty slide -> nuclear dye -> nuclei -> the most central one with its lobes; where
none of it lies in the middle and another cell does, that cell's ->
how much each pixel looks like this cell rather than like its surroundings -> best closed contour around the nucleus.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float64Array, UInt8Array
from featurize.images.normalize import background_color, density, outside
from featurize.kernels.cell import peaks
from featurize.kernels.radiomics.runs import components, small_holes
from featurize.segment.cytoplasm import cell_around
from featurize.segment.lobes import choose_nucleus
from featurize.segment.masks import cleaned, dilated, mean_position, opened, parts_with, profiles
from featurize.segment.middle import misses_middle, preferred
from featurize.segment.nucleus import nucleus_of_cutout, refine_nucleus
from featurize.segment.stain import Stain, measure_stain, median, stain_of_density

_SIDE_PX = 256                  # longest side of the image in which cells are looked for
_COVER_PX = 7                   # side of the square by which a cell beside is dilated before it is left out
_LARGE_NUCLEUS_SHARE = 0.25     # of this nucleus's pixels; another part of more counts as the nucleus of another cell
# Red cells as references of size and density; lengths in pixels of the search image.
_WHITE_MARGIN_PX = 7            # side of the square by which white cells are dilated before they are left out
_LEAST_STAINED_SHARE = 0.02     # of the image; with less stain there is no red cell to measure
_OPENING_PX = 5                 # diameter of the disk that removes threads between red cells
_LARGEST_PALLOR = 0.008         # of the image; larger holes are empty slide between cells, not the pallor of one
_FRAME_PX = 8                   # width of the frame that repeats the rim of the image
_LEAST_RADIUS_PX = 4            # depth that a peak must exceed to be the middle of a red cell
_PEAK_REACH_PX = 10             # nothing deeper lies within this distance along rows and columns
_RIM_PX = 6                     # peaks nearer to the image's rim belong to cells that it cuts
_LEAST_PEAKS = 3                # with fewer, the size of red cells is unknown
_RADIUS_PERCENT = 60            # percentile of the peaks' depths that counts as the radius of a red cell
_WIDEST_NUCLEUS_RED = 2.5       # diameters of a red cell (7.5 um), 19 um: no nucleus is wider, so red cells were cut


@dataclass(frozen=True)
class CellMasks:
    """Masks of one cell in the search image, with what was measured on the way.

    Parameters
    ----------
    nucleus, cell : (H, W) bool
        The cell holds its nucleus.
    others : (H, W) bool
        Nuclei of other cells.
    white : (3,) float64
        Color of the empty slide, R G B.
    nucleus_density : (3,) float64
        Median optical density of the nucleus, R G B.
    facts : dict of str to float
        ``found``, and where a cell was found its place and the red cells around it.
    """

    nucleus: BoolArray
    cell: BoolArray
    others: BoolArray
    white: Float64Array
    nucleus_density: Float64Array
    facts: dict[str, float]


def search_image(raw: UInt8Array) -> UInt8Array:
    """The image scaled so that its longest side is 256 px; small ones grow, so that a 28 px cell can be outlined."""
    height, width = raw.shape[:2]
    scale = _SIDE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(raw, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def find_cell(rgb: UInt8Array) -> CellMasks:
    """Outline the central white cell of a search image.

    Parameters
    ----------
    rgb : (H, W, 3) uint8, longest side 256 px

    Returns
    -------
    CellMasks
        Empty masks where the image holds nothing that is stained like a nucleus.
    """
    return next(_cells(rgb))


def find_cells(rgb: UInt8Array) -> list[CellMasks]:
    """Outline every white cell of a search image.

    Parameters
    ----------
    rgb : (H, W, 3) uint8, longest side 256 px

    Returns
    -------
    list of CellMasks
        The first as `find_cell` gives it, then those with a nucleus of more than a quarter of its nucleus, all lobes
        together; the most central and most heavily stained first.
    """
    return list(_cells(rgb))


def _cells(rgb: UInt8Array) -> Iterator[CellMasks]:
    black = outside(rgb)
    white = background_color(rgb, black)
    stain = measure_stain(rgb, white, black)
    nuclei = cleaned(stain.dye > stain.level)
    nucleus, others = choose_nucleus(nuclei, stain.dye, stain.empty)
    if not nucleus.any():
        nothing = np.zeros(black.shape, bool)
        yield CellMasks(nothing, nothing, nuclei, white, np.zeros(3), {"found": 0.0})
        return
    search = _Search(black, white, stain, nuclei)
    first = _outlined(search, nucleus, others)
    if not black.any() and misses_middle(nucleus):
        middle = _cell_in_middle(rgb, search, first)
        if middle is not None:
            first, others = middle, nuclei & ~middle.cell
    yield first
    # In a black surrounding there is one cell.
    while not black.any():
        nucleus, others = choose_nucleus(others, stain.dye, stain.empty)
        if not nucleus.any():
            return
        if np.count_nonzero(nucleus) > _LARGE_NUCLEUS_SHARE * np.count_nonzero(first.nucleus):
            yield _outlined(search, nucleus, nuclei & ~nucleus)


def given_cell(rgb: UInt8Array, nucleus: BoolArray, cell: BoolArray) -> CellMasks:
    """A cell whose masks are given in place of those that `find_cell` finds; what lies around is measured as there.

    rgb (H, W, 3) uint8, longest side 256 px; nucleus, cell (H, W) bool, the nucleus may be empty.
    """
    black = outside(rgb)
    white = background_color(rgb, black)
    stain = measure_stain(rgb, white, black)
    nuclei = cleaned(stain.dye > stain.level)
    cell = cell | nucleus
    if not cell.any():
        return CellMasks(cell, cell, nuclei, white, np.zeros(3), {"found": 0.0})
    others = nuclei & ~parts_with(nuclei, cell)
    facts = {"found": 1.0, "black_background": float(black.any()),
             **_red_cells(stain, nucleus, cell | nuclei), **_place(cell, nucleus, others)}
    # Without a nucleus the color of the whole cell stands in its place.
    deep = np.array([median(plane[nucleus if nucleus.any() else cell]) for plane in cv2.split(stain.od)])
    return CellMasks(nucleus, cell, others, white, deep, facts)


@dataclass(frozen=True)
class _Search:
    """What cells are looked for in: pixels outside the picture, color of the slide, densities, all nuclei."""

    black: BoolArray
    white: Float64Array
    stain: Stain
    nuclei: BoolArray


def _outlined(search: _Search, nucleus: BoolArray, others: BoolArray) -> CellMasks:
    """The cell of a nucleus as it was first cut; others: the nuclei of other cells."""
    black, stain = search.black, search.stain
    if black.any():
        # In a black surrounding the cell is what was left standing around the nucleus.
        cell = parts_with(~black, nucleus)
        nucleus = nucleus_of_cutout(stain.dye, cell)
    else:
        cell = cell_around(nucleus, others, stain)
        nucleus = refine_nucleus(stain.dye, nucleus, cell)
    cell |= nucleus
    facts = {"found": 1.0, "black_background": float(black.any()),
             **_red_cells(stain, nucleus, cell | search.nuclei), **_place(cell, nucleus, others)}
    deep = np.array([median(plane[nucleus]) for plane in cv2.split(stain.od)])
    return CellMasks(nucleus, cell, others, search.white, deep, facts)


def _cell_in_middle(rgb: UInt8Array, search: _Search, beside: CellMasks) -> CellMasks | None:
    """The cell in the middle of the image, sought without a cell beside it that holds more dye; None: there is none.

    Without the other cell the nuclear level is that of a picture of this cell alone.
    """
    covered = dilated(beside.cell, _COVER_PX)
    stain = stain_of_density(density(rgb, search.white), covered)
    nuclei = cleaned(stain.dye > stain.level)
    nucleus, others = choose_nucleus(nuclei, stain.dye, stain.empty)
    if not preferred(nucleus, beside.nucleus, search.stain.dye):
        return None
    alone = _Search(search.black, search.white, stain, search.nuclei | nuclei)
    return _outlined(alone, nucleus, others | beside.cell)


def _red_cells(stain: Stain, nucleus: BoolArray, white_cells: BoolArray) -> dict[str, float]:
    """Diameter (px of the search image) and density of the red cells around, NaN where there are none.

    Red cells are what is stained but is no white cell and no nucleus (H, W); touching ones are told apart by the peaks
    of the distance transform, whose 60th percentile is half a diameter. Where the image is cropped tightly, these are
    scraps between the white cell and the rim: the nucleus is then wider than any is, and the diameter missing.
    """
    free = ~dilated(white_cells, _WHITE_MARGIN_PX)
    stained = free & ~stain.empty
    share = np.count_nonzero(stained) / stained.size
    nothing = {"red_diameter": np.nan, "red_density": np.nan, "red_share": share}
    if share < _LEAST_STAINED_SHARE:
        return nothing
    filled, pallor = opened(stained, _OPENING_PX), np.zeros(stained.shape, bool)
    small_holes(filled, _LARGEST_PALLOR * stained.size, pallor)
    filled |= pallor & free
    # The rim of the image cuts red cells off; a frame that repeats the rim keeps their depth from shrinking there.
    side = _FRAME_PX
    framed = cv2.copyMakeBorder(filled.view(np.uint8), side, side, side, side, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[side:-side, side:-side]
    found = np.zeros(depth.shape, bool)
    peaks(depth, np.float32(_LEAST_RADIUS_PX), _PEAK_REACH_PX, found)
    inner = np.s_[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX]
    deepest = depth[inner][found[inner]]
    if len(deepest) < _LEAST_PEAKS:
        return nothing
    diameter = 2 * float(np.percentile(deepest, _RADIUS_PERCENT))
    nucleus_diameter = np.sqrt(4 / np.pi * np.count_nonzero(nucleus))
    return {"red_diameter": diameter if nucleus_diameter <= _WIDEST_NUCLEUS_RED * diameter else np.nan,
            "red_density": median(stain.total[filled]), "red_share": share}


def _place(cell: BoolArray, nucleus: BoolArray, others: BoolArray) -> dict[str, float]:
    """Where the cell lies: offset from the centre (share of the side), share of its rim cut off, other nuclei."""
    by_column, by_row = profiles(cell)
    (height, width), size = cell.shape, int(by_row.sum())
    cut = by_column[0] + by_column[-1] + by_row[0] + by_row[-1]
    sums, _ = components(others, np.zeros(others.shape, np.float32), np.zeros(others.shape, np.int32))
    large = np.count_nonzero(sums[1:, 0] > _LARGE_NUCLEUS_SHARE * np.count_nonzero(nucleus))
    x, y = mean_position(by_column) / width, mean_position(by_row) / height
    # A disk of the cell's area has an outline of 2 sqrt(pi area).
    return {"offset": float(np.hypot(x - 0.5, y - 0.5)),
            "cut_rim": float(cut / (2 * np.sqrt(np.pi * max(size, 1)))), "other_nuclei": float(large)}
