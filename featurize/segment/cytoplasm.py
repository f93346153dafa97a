"""The whole cell around its nucleus: how much each pixel looks like this cell rather than like its surroundings.

Lengths in pixels of the search image (256 px); "radii" are radii of a disk of the nucleus's area.
"""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float32Array
from featurize.kernels.cell import COLOR_BINS, LEAST_DENSITY, color_bins, count_colors, likelihood, smooth_bins
from featurize.segment.contour import inside_best_contour, rays_around
from featurize.segment.masks import dilated, opened, parts_with
from featurize.segment.stain import Stain, median

# Where colors of the cell and of its surroundings are learned at first, by the distance from the nucleus.
_NEAR_RADII = 0.3           # up to here, and at least up to _NEAR_PX, a stained pixel counts as cell
_NEAR_PX = 2.0
_FAR_RADII = 0.9            # from here on, and at least from _FAR_PX on, a pixel counts as surroundings
_FAR_PX = 4.0
_RED = 0.6                  # redness from which a pixel looks like a red cell
_LEAST_PALE_SHARE = 0.05    # of the nucleus's pixels; with more pixels near it that are not red, red ones are left out
_ROUNDS = 2                 # the second round learns from the contour that the first one found
_GUARD_PX = 5               # side of the square by which the contour is dilated before surroundings are learned
_LIKELIHOOD_SIGMA_PX = 1.0  # Gaussian blur of the likelihood
_LEAST_LIKELIHOOD = -1.2    # a pixel inside the contour with less is not cell
_OPENING_PX = 5             # diameter of the disk that removes threads from the final mask
# Bins of color.
_BINNED_LEVELS = 1.6        # times the nuclear level: density of the last bin that is not shared by all denser pixels
_LEAST_LEVEL = 0.05         # density; nuclear level that a pale smear's bins are made for
_PRIOR_SHARE = 2e-4         # added to the share of every color, so that a color never seen is not impossible
_LARGEST_RATIO = 3.0        # bound of the log ratio: no single color decides alone
# Redness.
_SHARE_SIGMA_PX = 1.5       # Gaussian blur of the densities before the blue share is taken
_LEAST_RED_SHARE = 0.02     # of the image; with fewer pixels of red cells their color is unknown
_LEAST_SHARE_STEP = 0.05    # difference of the blue shares of nucleus and red cells below which they look alike
_UNKNOWN_REDNESS = 0.5


def cell_around(nucleus: BoolArray, others: BoolArray, stain: Stain) -> BoolArray:
    """(H, W) inside of the closed contour that best parts cell-like pixels from the surroundings.

    nucleus (H, W) bool; others (H, W) bool: the nuclei of other cells.
    """
    size = np.count_nonzero(nucleus)
    radius = float(np.sqrt(size / np.pi))
    empty = stain.empty
    gap = cv2.distanceTransform((~nucleus).view(np.uint8), cv2.DIST_L2, 5)
    red, _, blue = cv2.split(stain.od)
    bins = np.empty(nucleus.shape, np.uint16)
    color_bins(stain.total, red, blue, np.float32(max(stain.level, _LEAST_LEVEL) * _BINNED_LEVELS), bins)
    inside = (gap <= max(_NEAR_PX, _NEAR_RADII * radius)) & ~empty
    far = (gap > max(_FAR_PX, _FAR_RADII * radius)) & ~others
    # Where empty slide lies all around the stained pixels joined to the nucleus, no red cell is among them.
    red_cells = far & ~empty & ~parts_with(~empty, nucleus, spare_rim=True)
    redness = _redness(stain.total, blue, nucleus, red_cells)
    if np.count_nonzero(inside & ~nucleus & (redness < _RED)) > _LEAST_PALE_SHARE * size:
        inside = inside & (redness < _RED)
    rays = rays_around(nucleus, radius)
    likely = np.empty(nucleus.shape, np.float32)
    for _ in range(_ROUNDS):
        ratio = _log_ratio(bins, inside & ~nucleus, far)
        likelihood(ratio, bins, redness, gap, np.float32(radius), empty, nucleus, others, likely)
        cell = inside_best_contour(cv2.GaussianBlur(likely, (0, 0), _LIKELIHOOD_SIGMA_PX), rays, radius) & ~others
        inside, far = cell & ~empty, ~dilated(cell, _GUARD_PX) & ~others
    return _main_part((cell & (likely > _LEAST_LIKELIHOOD)) | nucleus, nucleus)


def _redness(total: Float32Array, blue: Float32Array, nucleus: BoolArray, red: BoolArray) -> Float32Array:
    """(H, W) 0 .. 1: from the blue share of the nucleus's dye to the blue share of the red cells' hemoglobin.

    Hemoglobin's Soret band absorbs blue, azure and eosin hardly do; .5 all over if no red cell is seen.
    """
    smooth_blue, smooth_total = (cv2.GaussianBlur(plane, (0, 0), _SHARE_SIGMA_PX) for plane in (blue, total))
    share = smooth_blue / np.maximum(smooth_total, LEAST_DENSITY)
    if np.count_nonzero(red) < _LEAST_RED_SHARE * red.size:
        return np.full(red.shape, _UNKNOWN_REDNESS, np.float32)
    low, high = median(share[nucleus]), median(share[red])
    if high - low < _LEAST_SHARE_STEP:
        return np.full(red.shape, _UNKNOWN_REDNESS, np.float32)
    return np.asarray(np.clip((share - low) / (high - low), 0, 1), dtype=np.float32)


def _log_ratio(bins: NDArray[np.uint16], inside: BoolArray, far: BoolArray) -> Float32Array:
    """(2304,) by bin: log of how much more often a color is met inside than far away, within -3 .. 3."""
    counts = np.zeros((2, COLOR_BINS[0] * COLOR_BINS[1] * COLOR_BINS[2]), np.int32)
    count_colors(bins, inside, far, counts)
    often = counts.astype(np.float32)
    for histogram in often:
        smooth_bins(histogram.reshape(COLOR_BINS), np.empty(COLOR_BINS, np.float32))
    often = often / np.maximum(often.sum(axis=1, keepdims=True), 1) + _PRIOR_SHARE
    return np.asarray(np.clip(np.log(often[0] / often[1]), -_LARGEST_RATIO, _LARGEST_RATIO))


def _main_part(mask: BoolArray, nucleus: BoolArray) -> BoolArray:
    """The mask's parts that hold the nucleus, opened by 5 px, holes filled."""
    kept = parts_with(opened(mask, _OPENING_PX) | nucleus, nucleus)
    outlines, _ = cv2.findContours(kept.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.view(bool)
