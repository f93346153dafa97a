"""Platelets of a field: small spots with more of the nuclear dye than hemoglobin has. Lengths in work pixels."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.detect.foreground import peaks
from featurize.detect.score import logistic, without_doubles
from featurize.segment.masks import dilated
from featurize.segment.stain import Stain, median

_LEAST_DENSITY = 0.08       # total density below which its share of dye is mere noise
_SIGMA_PX = 0.8             # Gaussian blur of the dye
_MARGIN_PX = 5              # side of the square by which white cells and nuclei are dilated
_WIDEST = 0.75              # red-cell diameters; wider spots are no platelets
_LEAST_PEAK = 0.08          # density of the dye over its surroundings
_REACH_PX = 4               # nothing darker lies so near
_WINDOW = 0.5               # red-cell diameters to each side of the peak
_EDGE_SHARE = 0.3           # of the peak: where the spot ends
_EDGE_FLOOR = 0.027         # and never below this density
BOX_MARGIN_PX = 3           # of a box around a spot: people draw it so in fields_bccd
_LEAST_AREA_PX2 = 6
# Traits.
_DARK = 0.25                # density over the surroundings; darker counts no more
_FAINT = 0.1
_USUAL_DIAMETER = 0.27      # of red cells; of the spot without its rim
_LARGE_LOG = 0.4            # natural log of the diameter over the usual one from which a spot is large
_LONG = 1.3                 # longer over shorter side from which a spot is long
# Logistic regression on whether a spot agrees (IoU .5) with a labelled platelet in every second field of fields_bccd,
# by name: see `python -m benchmarks.detect FIELDS --fit`.
WEIGHTS = {"constant": -15.53, "dark": 3.35, "small": -7.17, "large": -6.29, "free": 5.84, "dark_and_free": 2.25,
           "long": -3.97, "filled": 12.19}
LEAST_SCORE = 0.25         # that with the best F1 in these fields
_LARGEST_OVERLAP = 0.1      # IoU of boxes


@dataclass(frozen=True)
class Spot:
    """One spot: mask (h, w) uint8, and where its left upper corner lies."""

    mask: UInt8Array
    left: int
    top: int


@dataclass(frozen=True)
class Platelets:
    """Spots that may be platelets, with their traits (n,) by name and scores (n,) 0..1."""

    spots: list[Spot]
    traits: dict[str, Float64Array]
    score: Float64Array

    @property
    def boxes(self) -> Float64Array:
        """(n, 4) x, y of two corners of each with a margin, in the work image, may lie outside it."""
        return np.array([[spot.left, spot.top, spot.left + spot.mask.shape[1], spot.top + spot.mask.shape[0]]
                         for spot in self.spots], float).reshape(-1, 4) + BOX_MARGIN_PX * np.array([-1, -1, 1, 1])

    def best(self) -> list[int]:
        """Which ones count, the surest first."""
        return [k for k in without_doubles(self.boxes, self.score, _LARGEST_OVERLAP) if self.score[k] >= LEAST_SCORE]

    def outline(self, k: int) -> Float64Array:
        """(n, 2) x, y of a spot."""
        spot = self.spots[k]
        return mask_outline(np.pad(spot.mask, 1).view(bool)) + (spot.left - 1, spot.top - 1)


def find_platelets(stain: Stain, white: BoolArray, nuclei: BoolArray, foreground: BoolArray,
                   diameter: float) -> Platelets:
    """All spots that may be platelets; masks (H, W), diameter of red cells."""
    spots = _spots(stain, white, nuclei, foreground, diameter)
    found = [spot for x, y in peaks(spots, _REACH_PX, _LEAST_PEAK).tolist()
             for spot in [_spot(spots, stain.empty, x, y, diameter)] if spot]
    names = [name for name in WEIGHTS if name != "constant"]
    table = np.array([traits for _, traits in found]).reshape(-1, len(names))
    traits = {name: table[:, k] for k, name in enumerate(names)}
    return Platelets([spot for spot, _ in found], traits, logistic(traits, WEIGHTS))


def _spots(stain: Stain, white: BoolArray, nuclei: BoolArray, foreground: BoolArray, diameter: float) -> Float32Array:
    """(H, W) dye beyond what the hemoglobin of red cells makes one expect, over that around (white top-hat)."""
    red = foreground & ~dilated(nuclei, _MARGIN_PX)
    dye, total = stain.dye[red], np.maximum(stain.total[red], np.float32(_LEAST_DENSITY))
    share = median(np.asarray(dye / total, dtype=np.float32)) if red.any() else 0.0
    beyond = cv2.GaussianBlur(stain.dye - np.float32(share) * stain.total, (0, 0), _SIGMA_PX)
    beyond[dilated(white, _MARGIN_PX)] = 0
    side = int(_WIDEST * diameter) | 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(beyond, cv2.MORPH_TOPHAT, disk))


def _spot(spots: Float32Array, empty: BoolArray, x: int, y: int, diameter: float) -> tuple[Spot, list[float]] | None:
    """The spot around a peak and its traits, in the order of `WEIGHTS`; None for a mere speck."""
    height, width = spots.shape
    reach, peak = int(_WINDOW * diameter), float(spots[y, x])
    left, top = max(0, x - reach), max(0, y - reach)
    window = np.s_[top:min(height, y + reach + 1), left:min(width, x + reach + 1)]
    _, parts = cv2.connectedComponents((spots[window] > max(_EDGE_SHARE * peak, _EDGE_FLOOR)).view(np.uint8),
                                       connectivity=4)
    spot = (parts == parts[y - top, x - left]).view(np.uint8)
    area = int(np.count_nonzero(spot))
    if area < _LEAST_AREA_PX2:
        return None
    a, b, w, h = cv2.boundingRect(spot)
    around = _grown(spot, 3) > _grown(spot, 1)
    free = float(empty[window][around].mean()) if around.any() else 0.0
    dark = float(np.log(min(peak, _DARK) / _FAINT))
    size = float(np.log(np.sqrt(4 / np.pi * area) / diameter / _USUAL_DIAMETER))
    long = max(w - 1, h - 1) / min(w, h)
    traits = [dark, max(-size, 0.0), max(size - _LARGE_LOG, 0.0), free, dark * free, max(long - _LONG, 0.0),
              area / (w * h)]
    return Spot(spot[b:b + h, a:a + w], left + a, top + b), traits


def _grown(mask: UInt8Array, reach: int) -> UInt8Array:
    """Dilated by a square, so many pixels to each side."""
    return np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)))


def mask_outline(mask: BoolArray) -> Float64Array:
    """(n, 2) x, y of the outline of a mask's largest part, at the outer edges of its pixels."""
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    middle = max(outlines, key=cv2.contourArea)[:, 0].astype(np.float64)
    # Corners are middles of pixels; the edge of a pixel lies half a pixel farther out.
    center = (middle.min(axis=0) + middle.max(axis=0)) / 2
    return middle + .5 + .5 * np.sign(middle - center)
