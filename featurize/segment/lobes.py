"""The nucleus that an image of a white cell is about: the most central one, all its lobes together."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from featurize.kernels.radiomics.runs import components, extremes

Box = tuple[int, int, int, int]

# Farther outside the box around two pieces no pixel lies between them: a path that leaves the box by t px is longer by
# .83 t than the gap (OpenCV's steps: .955 straight, 1.369 aslant), and 2.5 px more than the gap are looked at.
_MARGIN = 4


def choose(nuclei: BoolArray, dye: Float32Array, empty: BoolArray) -> tuple[BoolArray, BoolArray]:
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
    if len(area) == 1 or area[1:].max() < 0.0004 * nuclei.size:
        return nuclei & False, nuclei
    x, y = (sums[1:, k] / area[1:] for k in (1, 2))
    off = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    score = np.sqrt(sums[1:, 3]) * np.exp(-0.5 * (off / 0.2) ** 2)
    wanted = np.zeros(len(area), bool)
    wanted[_with_lobes(int(score.argmax()) + 1, parts, area, boxes, empty)] = True
    mine = wanted[parts]
    return mine, nuclei & ~mine


def _with_lobes(seed: int, parts: Int32Array, area: Float64Array, boxes: Int64Array,
                empty: BoolArray) -> list[int]:
    """Labels of the seed and of the pieces so near to it that they are lobes of one nucleus.

    A piece belongs to it when the gap is small beside the size of what is gathered, or middling with no empty slide in
    it: neighbouring cells keep their cytoplasm and mostly a bright seam between their nuclei.
    """
    chosen = [seed]
    while len(chosen) < 8:
        size = float(np.sqrt(area[chosen].sum()))
        able = _candidates(chosen, size, area, boxes)
        if not able:
            return chosen
        window = _window(boxes[chosen + able], _MARGIN, parts.shape)
        here, bare = parts[window], empty[window]
        mine = here == seed
        for k in chosen[1:]:
            mine |= here == k
        gap = _distance(mine)
        low, high = np.full(len(area), np.inf, np.float32), np.full(len(area), -np.inf, np.float32)
        extremes(here, gap, low, high)
        near = [k for k in able if low[k] <= 0.6 * size
                and _is_lobe(here == k, float(low[k]), float(high[k]), float(np.sqrt(area[k])), gap, size, mine, bare)]
        if not near:
            return chosen
        chosen += near
    return chosen


def _candidates(chosen: list[int], size: float, area: Float64Array, boxes: Int64Array) -> list[int]:
    """Labels of the pieces that are neither too large for a lobe nor, by their boxes, too far away."""
    mine = boxes[chosen]
    across = np.maximum(boxes[:, 0] - mine[:, 1].max(), mine[:, 0].min() - boxes[:, 1]) + 1
    along = np.maximum(boxes[:, 2] - mine[:, 3].max(), mine[:, 2].min() - boxes[:, 3]) + 1
    able = (np.sqrt(area) <= 1.1 * size) & (0.9 * np.maximum(across, along) <= 0.6 * size)
    able[[0, *chosen]] = False
    return [int(k) for k in np.flatnonzero(able)]


def _window(boxes: Int64Array, margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of the image that holds all boxes and a margin."""
    return (slice(max(int(boxes[:, 0].min()) - margin, 0), min(int(boxes[:, 1].max()) + margin, shape[0])),
            slice(max(int(boxes[:, 2].min()) - margin, 0), min(int(boxes[:, 3].max()) + margin, shape[1])))


def _distance(mask: BoolArray) -> Float32Array:
    """Chamfer distance to the mask; no shortest path leaves the box around its ends, so a window is enough."""
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 3))


def _is_lobe(piece: BoolArray, near: float, far: float, own: float, gap: Float32Array, size: float, mine: BoolArray,
             empty: BoolArray) -> bool:
    """Whether a piece of side `own`, between `near` and `far` from a nucleus of side `size`, is a lobe of it."""
    if far > 1.7 * size + own:
        return False
    if near <= 0.22 * min(size, 2 * own):
        return True
    if own >= 0.85 * size:
        return False
    between = (gap + _distance(piece) <= near + 2.5) & ~mine & ~piece
    return not bool((between & empty).any())
