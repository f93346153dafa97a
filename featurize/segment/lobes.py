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
# A joined part that is the nucleus of a neighboring cell. Set on every second image of blood_pbc, with the cell of
# another one pasted beside the cell in the middle, so that no true lobe is lost there, in blood_lab_b and blood_28.
_SEED_SHARE = 0.4                # of all that was joined: area of the first part, at least
_SEED_OFFSET_SIDES = 0.1         # centroid of the first part from the centre, at most
_PART_OFFSET_SIDES = 0.25        # centroid of the neighbor's from the centre, at least
_PART_OFFSET_SIZES = 0.85        # the same in square roots of the joined area
_PART_SHARE = 0.3                # of the first part's area, at least
_PULL_SIDES = 0.03               # so much farther from the centre is the centroid of all that was joined
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


@dataclass(frozen=True)
class _Parts:
    """The connected parts of all nuclei; p parts, entry 0 of each array stands for the background.

    Parameters
    ----------
    labels : (H, W) int32
    area : (p + 1,) float64, px
    dye : (p + 1,) float64
        Sum over the part.
    middle : (p + 1, 2) float64
        Centroid from the centre of the image, x and y in sides of the image.
    boxes : (p + 1, 4) int64
    """

    labels: Int32Array
    area: Float64Array
    dye: Float64Array
    middle: Float64Array
    boxes: Int64Array

    def offset(self, chosen: list[int]) -> float:
        """How far the centroid of some parts lies from the centre, in sides."""
        weighted = self.middle[chosen] * self.area[chosen, None]
        return float(np.hypot(*weighted.sum(axis=0) / self.area[chosen].sum()))


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
    parts = _parts(nuclei, dye)
    if len(parts.area) == 1 or parts.area[1:].max() < _LEAST_NUCLEUS_SHARE * nuclei.size:
        return nuclei & False, nuclei
    off = np.hypot(parts.middle[1:, 0], parts.middle[1:, 1])
    score = np.sqrt(parts.dye[1:]) * np.exp(-0.5 * (off / _CENTRAL_SIDES) ** 2)
    mine = _nucleus_of(int(score.argmax()) + 1, parts, empty)
    return mine, nuclei & ~mine


def _parts(nuclei: BoolArray, dye: Float32Array) -> _Parts:
    height, width = nuclei.shape
    labels = np.zeros(nuclei.shape, np.int32)
    sums, boxes = components(nuclei, dye, labels)
    area = sums[:, 0]
    middle = sums[:, 1:3] / np.maximum(area, 1)[:, None] / (width, height) - 0.5
    return _Parts(labels, area, sums[:, 3], middle, boxes)


def _nucleus_of(seed: int, parts: _Parts, empty: BoolArray) -> BoolArray:
    """(H, W) the part with its lobes, without parts that are nuclei of neighboring cells."""
    area = parts.area.copy()
    while True:
        chosen = with_lobes(seed, parts.labels, area, parts.boxes, empty)
        neighbors = _neighbors(chosen, parts)
        if not neighbors:
            wanted = np.zeros(len(area), bool)
            wanted[chosen] = True
            return np.asarray(wanted[parts.labels])
        area[neighbors] = np.inf    # too large for a lobe


def _neighbors(chosen: list[int], parts: _Parts) -> list[int]:
    """Joined parts that are nuclei of other cells: large ones that pull a nucleus in the middle away from there."""
    seed, area = chosen[0], parts.area
    start = parts.offset([seed])
    if area[seed] < _SEED_SHARE * area[chosen].sum() or start > _SEED_OFFSET_SIDES \
            or parts.offset(chosen) < start + _PULL_SIDES:
        return []
    return [k for k in chosen[1:] if area[k] >= _PART_SHARE * area[seed]
            and parts.offset([k]) >= max(_PART_OFFSET_SIDES, _PART_OFFSET_SIZES * _side(area[[seed, k]].sum(), parts))]


def _side(area: float, parts: _Parts) -> float:
    """Square root of an area in px, in sides of the image."""
    return float(np.sqrt(area / parts.labels.size))


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
