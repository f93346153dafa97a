"""The outline of a cell's nucleus, once the cell is known. Lengths in pixels of the search image (256 px)."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array
from featurize.segment.masks import cleaned
from featurize.segment.stain import level_between, otsu

_DYE_SIGMA_PX = 1.2         # Gaussian blur of the dye before the nucleus is cut anew
_TYPICAL_PERCENT = 75       # percentile of the nucleus's dye that counts as its typical dye
_DYED_SHARE = 0.1           # of the typical dye: paler pixels of the cell take no part in the threshold
_LEAST_KEPT = 0.3           # of the first nucleus's pixels; a refined nucleus of fewer is discarded
# Cells cut out on black.
_LEAST_CONTRAST = 0.35      # of the dark part's mean dye: by so much less the light part must have to be cytoplasm
_ALL_NUCLEUS_SHARE = 0.55   # of the median dye: level of a cell that is hardly anything but nucleus
_SPAN = 1e-6                # density; keeps the histogram of an even cell from having no width


def refine_nucleus(dye: Float32Array, nucleus: BoolArray, cell: BoolArray) -> BoolArray:
    """The nucleus cut anew at the level that parts it from this cell's own cytoplasm and granules.

    dye (H, W) float32; nucleus, cell (H, W) bool.
    """
    smooth = cv2.GaussianBlur(dye, (0, 0), _DYE_SIGMA_PX)
    deep = float(np.percentile(smooth[nucleus], _TYPICAL_PERCENT))
    # Chromatin has light and dark of its own: a level inside the nucleus would carve it, so the level is bounded.
    level = level_between(smooth[cell], _DYED_SHARE * deep, deep, deep)
    refined = cleaned((smooth > level) & cell)
    return refined if np.count_nonzero(refined) > _LEAST_KEPT * np.count_nonzero(nucleus) else nucleus


def nucleus_of_cutout(dye: Float32Array, cell: BoolArray) -> BoolArray:
    """Nucleus of a cell cut out on black: its darker part if it has two, else nearly all of it.

    dye (H, W) float32; cell (H, W) bool.
    """
    inside = dye[cell]
    level = otsu(inside, float(inside.min()), float(inside.max()) + _SPAN)
    low, high = inside[inside <= level], inside[inside > level]
    if not len(low) or not len(high) or high.mean() - low.mean() < _LEAST_CONTRAST * high.mean():
        level = _ALL_NUCLEUS_SHARE * float(np.median(inside))
    nucleus = cleaned((dye > level) & cell)
    return nucleus if nucleus.any() else cell
