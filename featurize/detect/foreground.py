"""What is stained in a field but belongs to no white cell, and how wide its red cells are. Lengths in work pixels."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Int64Array
from featurize.kernels.radiomics.runs import small_holes
from featurize.segment.masks import opened
from featurize.segment.stain import Stain

_OPENING_PX = 5             # diameter of the disk that removes threads between red cells
_LARGEST_PALLOR_PX2 = 1000  # larger holes are empty slide between cells: half the area of a red cell
_FRAME_PX = 40              # width of the frame that repeats the rim, so that depth doesn't shrink there
# Red cells that lie alone.
_LEAST_AREA_PX2 = 150       # smaller parts are platelets or dirt
_LEAST_SOLIDITY = 0.9       # area over that of the convex hull
_LEAST_ASPECT = 0.7         # shorter over longer side of the box
_LEAST_ALONE = 3            # with fewer the size is taken from the depth of clumps
_LEAST_DEPTH_PX = 8.0       # of the middle of a red cell in a clump
_PEAK_REACH_PX = 10         # no deeper pixel lies so near
_DEPTH_PERCENT = 40         # percentile of these depths that counts as the radius of a red cell


def foreground(stain: Stain, white_cells: BoolArray) -> BoolArray:
    """(H, W) red cells with their pallor filled, and all else that is stained. white_cells (H, W) bool is left out."""
    mask = opened(~stain.empty, _OPENING_PX)
    pallor = np.zeros(mask.shape, bool)
    small_holes(mask | white_cells, _LARGEST_PALLOR_PX2, pallor)
    return np.asarray((mask | pallor) & ~white_cells)


def depth_of(mask: BoolArray) -> Float32Array:
    """(H, W) distance to the outside of the mask, as if its rim went on beyond the image."""
    side = _FRAME_PX
    framed = cv2.copyMakeBorder(mask.view(np.uint8), side, side, side, side, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[side:-side, side:-side])


def peaks(plane: Float32Array, reach: int, least: float) -> Int64Array:
    """(n, 2) x, y of pixels above `least` with nothing higher in the disk of radius `reach` around."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    highest = cv2.dilate(plane, disk)
    y, x = np.nonzero((plane >= highest) & (plane > least))
    return np.stack([x, y], axis=1)


def rough_red_diameter(mask: BoolArray) -> float:
    """Median diameter of red cells that lie alone, else from the depth of clumps; NaN without either.

    The median is weighted by area: half of the area belongs to smaller parts, so that platelets don't decide it.
    """
    height, width = mask.shape
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    diameters = []
    for k in range(1, count):
        x, y, w, h, area = boxes[k].tolist()
        cut = x == 0 or y == 0 or x + w == width or y + h == height
        if cut or area < _LEAST_AREA_PX2 or min(w, h) < _LEAST_ASPECT * max(w, h):
            continue
        part = (labels[y:y + h, x:x + w] == k).astype(np.uint8)
        outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if area >= _LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outlines[0])):
            diameters.append(np.sqrt(4 / np.pi * area))
    if len(diameters) >= _LEAST_ALONE:
        rising = np.sort(diameters)
        below = np.cumsum(rising ** 2)
        return float(rising[np.searchsorted(below, below[-1] / 2)])
    depth = depth_of(mask)
    x, y = peaks(depth, _PEAK_REACH_PX, _LEAST_DEPTH_PX).T
    return 2 * float(np.percentile(depth[y, x], _DEPTH_PERCENT)) if len(x) else float("nan")
