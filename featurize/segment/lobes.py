"""The nucleus that an image of a white cell is about: the most central one, all its lobes together.

The origin of the constants stands in `stain.py`.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from featurize.kernels.radiomics.runs import components, extremes

# Choice of the nucleus.
_LEAST_NUCLEUS_SHARE = 0.0004    # of the image; where no part is larger there is no nucleus
_CENTRAL_SIDES = 0.2             # standard deviation, in sides of the image, of the weight around the centre
# Lobes: lengths in units of `size`, the square root of the nucleus's area as gathered so far.
_MOST_LOBES = 8
_LARGEST_LOBE = 1.1              # square root of a lobe's area
_FARTHEST_LOBE = 0.6             # gap between a lobe and the nucleus
_BOX_TO_GAP = 0.9                # the gap between two parts is at least this share of the gap between their boxes
_FARTHEST_PIXEL = 1.7            # distance of a lobe's farthest pixel, beyond the lobe's own size
_JOINED_GAP = 0.22               # a part as near as this is a lobe whatever lies between
_JOINED_OWN = 2                  # the same, where it is less, in units of this many times the part's own size
_NEIGHBOR_SIZE = 0.85            # a part as large as this and not joined is the nucleus of another cell
_SEAM_PX = 2.5                   # pixels on a path that is longer than the gap by at most this lie between two parts
# Farther outside the box around two parts no pixel lies between them: a path that leaves the box by t px is longer by
# .83 t than the gap (OpenCV's steps: .955 straight, 1.369 aslant), and _SEAM_PX more than the gap are looked at.
_MARGIN_PX = 4


@dataclass(frozen=True)
class _Gathered:
    """The nucleus as gathered so far: mask and distance to it (H, W) in px, square root of its area in px."""

    mask: BoolArray
    distance: Float32Array
    size: float


@dataclass(frozen=True)
class _Part:
    """A part that may be a lobe: mask (H, W), nearest and farthest pixel's distance, square root of its area, in px."""

    mask: BoolArray
    near: float
    far: float
    size: float


def choose_nucleus(nuclei: BoolArray, dye: Float32Array, empty: BoolArray) -> tuple[BoolArray, BoolArray]:
    """The nucleus nearest to the centre and most heavily stained, all its lobes together; and all the others.

    Parameters
    ----------
    nuclei : (H, W) bool
    dye : (H, W) float32
        Strength of nuclear stain.
    empty : (H, W) bool
        Where the slide is bare.
    """
    height, width = nuclei.shape
    parts = np.zeros(nuclei.shape, np.int32)
    sums, boxes = components(nuclei, dye, parts)
    area = sums[:, 0]
    if len(area) == 1 or area[1:].max() < _LEAST_NUCLEUS_SHARE * nuclei.size:
        return nuclei & False, nuclei
    x, y = (sums[1:, k] / area[1:] for k in (1, 2))
    off = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    score = np.sqrt(sums[1:, 3]) * np.exp(-0.5 * (off / _CENTRAL_SIDES) ** 2)
    wanted = np.zeros(len(area), bool)
    wanted[with_lobes(int(score.argmax()) + 1, parts, area, boxes, empty)] = True
    mine = wanted[parts]
    return mine, nuclei & ~mine


def with_lobes(seed: int, parts: Int32Array, area: Float64Array, boxes: Int64Array,
               empty: BoolArray) -> list[int]:
    """Labels of the seed and of the parts so near to it that they are lobes of one nucleus.

    A part belongs to it when the gap is small beside the size of what is gathered, or middling with no empty slide in
    it: neighboring cells keep their cytoplasm and mostly a bright seam between their nuclei.
    """
    chosen = [seed]
    while len(chosen) < _MOST_LOBES:
        size = float(np.sqrt(area[chosen].sum()))
        able = _candidates(chosen, size, area, boxes)
        if not able:
            return chosen
        window = _window(boxes[chosen + able], _MARGIN_PX, parts.shape)
        here, bare = parts[window], empty[window]
        mine = here == seed
        for k in chosen[1:]:
            mine |= here == k
        gap = _distance(mine)
        low, high = np.full(len(area), np.inf, np.float32), np.full(len(area), -np.inf, np.float32)
        extremes(here, gap, low, high)
        near = []
        for k in able:
            part = _Part(here == k, float(low[k]), float(high[k]), float(np.sqrt(area[k])))
            if part.near <= _FARTHEST_LOBE * size and _is_lobe(part, _Gathered(mine, gap, size), bare):
                near.append(k)
        if not near:
            return chosen
        chosen += near
    return chosen


def _candidates(chosen: list[int], size: float, area: Float64Array, boxes: Int64Array) -> list[int]:
    """Labels of the parts that are neither too large for a lobe nor, by their boxes, too far away."""
    mine = boxes[chosen]
    across = np.maximum(boxes[:, 0] - mine[:, 1].max(), mine[:, 0].min() - boxes[:, 1]) + 1
    along = np.maximum(boxes[:, 2] - mine[:, 3].max(), mine[:, 2].min() - boxes[:, 3]) + 1
    able = (np.sqrt(area) <= _LARGEST_LOBE * size) & (_BOX_TO_GAP * np.maximum(across, along) <= _FARTHEST_LOBE * size)
    able[[0, *chosen]] = False
    return [int(k) for k in np.flatnonzero(able)]


def _window(boxes: Int64Array, margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of the image that holds all boxes and a margin."""
    return (slice(max(int(boxes[:, 0].min()) - margin, 0), min(int(boxes[:, 1].max()) + margin, shape[0])),
            slice(max(int(boxes[:, 2].min()) - margin, 0), min(int(boxes[:, 3].max()) + margin, shape[1])))


def _distance(mask: BoolArray) -> Float32Array:
    """Chamfer distance to the mask; no shortest path leaves the box around its ends, so a window is enough."""
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 3))


def _is_lobe(part: _Part, nucleus: _Gathered, empty: BoolArray) -> bool:
    """Whether a part is a lobe of the nucleus; empty (H, W) bool: bare slide."""
    size = nucleus.size
    if part.far > _FARTHEST_PIXEL * size + part.size:
        return False
    if part.near <= _JOINED_GAP * min(size, _JOINED_OWN * part.size):
        return True
    if part.size >= _NEIGHBOR_SIZE * size:
        return False
    on_seam = nucleus.distance + _distance(part.mask) <= part.near + _SEAM_PX
    return not bool((on_seam & ~nucleus.mask & ~part.mask & empty).any())
