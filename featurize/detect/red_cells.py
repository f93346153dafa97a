"""Red cells of a field: many possible centers, an outline around each, and the outlines that look like a cell's.

Lengths in pixels of the work image, densities in units of the median density of the field's red cells.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.detect.choose import Patch, choose
from featurize.detect.foreground import depth_of, peaks
from featurize.detect.outlines import ANGLES, Outlines, fit_outlines
from featurize.detect.score import logistic
from featurize.segment.masks import dilated
from featurize.segment.stain import Stain, median

# Possible centers.
_VOTED_RADII = (0.7, 0.85, 1.0, 1.15, 1.3)  # red-cell radii at which an edge votes for a center
_LEAST_SLOPE = 0.02         # per pixel; what is flatter has no vote
_LARGEST_VOTE = 0.12        # per pixel; a steeper edge has no more
_VOTE_SIGMA = 0.12          # radii; Gaussian blur of the votes
_EDGE_SIGMA_PX = 1.2        # Gaussian blur of the density before its slope is taken
_PEAK_REACH = 0.3           # radii; within it only the center with most votes counts
_LEAST_VOTES = 0.25         # of the strongest center (99.5th percentile of the votes)
_STRONGEST_PERCENT = 99.5
_DEPTH_SIGMA_PX = 1.5
_DEPTH_REACH = 0.25         # radii; the same for peaks of the depth
_LEAST_DEPTH = 0.5          # radii
_SAME_CENTER = 0.15         # radii; nearer centers are one
# Traits of an outline.
_SHARP_FALL = 0.04          # of the density: from here on the outline is seen in a direction
_LEAST_FALL = 1e-3
_BEYOND = 0.14              # radii; so far outside an outline its surroundings are looked at
_LEAST_SEEN = ANGLES // 3   # directions in the image
_LEAST_AREA_PX2 = 50
# What is clearly one cell: its size counts for the size of red cells.
_CLEAR = {"sharp": 0.8, "uncut": 0.98, "round": 0.75, "free": 0.5, "stained": 0.9}
_LEAST_CLEAR = 3            # with fewer the size of red cells is unknown
_PASSES = 2                 # the second with the size that the first one measured,
_SAME_SIZE = 0.08           # unless this differs from the first guess by a smaller share
# Logistic regression on whether an outline agrees (IoU .5) with a labelled red cell in every second field of
# fields_bccd, by name: see `python -m benchmarks.detect FIELDS --fit`.
WEIGHTS = {"constant": -51.38, "fall": 0.59, "sharp": 3.46, "small": -2.2, "large": 0.03, "uncut": 6.5, "round": 0.94,
           "solid": 39.96, "stained": 2.96, "free": 1.8, "dense": -1.68, "white": 0.23}
BOX_MARGIN_PX = 2.5         # of a box around an outline: people draw it so in fields_bccd (5 pixels of the field)


@dataclass(frozen=True)
class RedCells:
    """What was found.

    Parameters
    ----------
    outlines : list of (48, 2) float64
        x, y in the work image, may lie outside it.
    traits : dict of str to (n,) float64
        By name.
    score : (n,) float64
        0..1, each by itself.
    chosen : list of int
        Which ones count, the surest first.
    chosen_score : (len(chosen),) float64
        0..1, lower where surer cells cover a part of it.
    diameter : float
        Median of those clearly outlined, NaN where there are too few.
    """

    outlines: list[Float64Array]
    traits: dict[str, Float64Array]
    score: Float64Array
    chosen: list[int]
    chosen_score: Float64Array
    diameter: float

    @property
    def boxes(self) -> Float64Array:
        """(n, 4) x, y of two corners of each with a margin, in the work image, may lie outside it."""
        corners = np.array([[*o.min(axis=0), *o.max(axis=0)] for o in self.outlines]).reshape(-1, 4)
        return corners + BOX_MARGIN_PX * np.array([-1, -1, 1, 1])


@dataclass(frozen=True)
class RedField:
    """What red cells are looked for in: stain, stained pixels without white cells, white cells, nuclei; all (H, W)."""

    stain: Stain
    foreground: BoolArray
    white: BoolArray
    nuclei: BoolArray

    @property
    def density(self) -> float:
        """Median total density of red cells."""
        inner = self.foreground & ~dilated(self.white, 5)
        return max(median(self.stain.total[inner]), _LEAST_FALL) if inner.any() else 1.0


def find_red_cells(field: RedField, diameter: float) -> RedCells:
    """All outlines that may be red cells; diameter: a first guess."""
    density = field.stain.total / np.float32(field.density)
    known = float("nan")
    for turn in range(_PASSES):
        centers = _centers(field, density, diameter / 2)
        if not len(centers):
            return RedCells([], {name: np.zeros(0) for name in WEIGHTS}, np.zeros(0), [], np.zeros(0), known)
        fitted = fit_outlines(density, centers, diameter / 2)
        patches = [_patch(np.stack(corners, axis=1), density.shape) for corners in zip(*fitted.at(1))]
        traits = _traits(fitted, patches, field, density, diameter / 2)
        clear = np.all([traits[name] > least for name, least in _CLEAR.items()], axis=0)
        if np.count_nonzero(clear) >= _LEAST_CLEAR:
            known = diameter * float(np.median(traits["size"][clear]))
        if not abs(known / diameter - 1) > _SAME_SIZE:
            break
        diameter = known if turn < _PASSES - 1 else diameter
    x, y = fitted.at(1)
    outlines = [np.stack(corner, axis=1).astype(np.float64) for corner in zip(x, y)]
    score = np.where(traits["area"] < _LEAST_AREA_PX2, 0, logistic(traits, WEIGHTS))
    return RedCells(outlines, traits, score, *choose(patches, score, field.foreground), known)


def _centers(field: RedField, density: Float32Array, radius: float) -> Int64Array:
    """(n, 2) x, y of possible centers: where edges point to, and where stained parts are deepest."""
    votes = _votes(np.where(field.white, np.float32(0), density), radius)
    least = _LEAST_VOTES * float(np.percentile(votes, _STRONGEST_PERCENT))
    depth = cv2.GaussianBlur(depth_of(field.foreground), (0, 0), _DEPTH_SIGMA_PX)
    found = np.concatenate([peaks(votes, round(_PEAK_REACH * radius), least),
                            peaks(depth, round(_DEPTH_REACH * radius), _LEAST_DEPTH * radius)])
    kept: list[int] = []
    for k, place in enumerate(found):
        if not kept or np.hypot(*(found[kept] - place).T).min() > _SAME_CENTER * radius:
            kept.append(k)
    return found[kept][~field.nuclei[found[kept, 1], found[kept, 0]]]


def _votes(density: Float32Array, radius: float) -> Float32Array:
    """(H, W) how many edges have a center of a red cell there: each votes where density rises, a radius away.

    The radial symmetry of Loy and Zelinsky 2003 (10.1109/TPAMI.2003.1217601), for bright disks.
    """
    smooth = cv2.GaussianBlur(density, (0, 0), _EDGE_SIGMA_PX)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = cv2.magnitude(dx, dy)
    y, x = np.nonzero(slope > _LEAST_SLOPE)
    steep = slope[y, x]
    to_x, to_y, weight = dx[y, x] / steep, dy[y, x] / steep, np.minimum(steep, _LARGEST_VOTE)
    side = int(np.ceil(_VOTED_RADII[-1] * radius)) + 2
    height, width = (length + 2 * side for length in density.shape)
    votes = np.zeros((height, width), np.float32)
    for share in _VOTED_RADII:
        columns = np.rint(x + to_x * share * radius).astype(np.int64) + side
        rows = np.rint(y + to_y * share * radius).astype(np.int64) + side
        votes += (np.bincount(rows * width + columns, weight, height * width) / share).reshape(votes.shape)
    return np.asarray(cv2.GaussianBlur(votes, (0, 0), _VOTE_SIGMA * radius)[side:-side, side:-side])


def _traits(fitted: Outlines, patches: list[Patch], field: RedField, density: Float32Array,
            radius: float) -> dict[str, Float64Array]:
    """(n,) each, see `WEIGHTS`: what an outline is like."""
    n = len(fitted.center)
    x, y = fitted.at(1)
    out_x, out_y = fitted.at(1, _BEYOND * radius)
    empty = cv2.remap(field.stain.empty.astype(np.float32), out_x, out_y, cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE) if n else np.zeros((0, ANGLES))
    seen = np.maximum(fitted.seen.sum(axis=1), 1)
    full = .5 * (fitted.radius ** 2).sum(axis=1) * (2 * np.pi / ANGLES)
    size = np.sqrt(full / np.pi) / radius
    inside = np.array([_inside(patch, field, density) for patch in patches]).reshape(n, 4)
    hull = np.array([cv2.contourArea(cv2.convexHull(np.stack(corners, axis=1))) for corners in zip(x, y)])
    area = np.where(fitted.seen.sum(axis=1) >= _LEAST_SEEN, inside[:, 0], 0)
    return {"fall": np.log(np.maximum((fitted.fall * fitted.seen).sum(axis=1) / seen, _LEAST_FALL)),
            "sharp": ((fitted.fall > _SHARP_FALL) & fitted.seen).sum(axis=1) / seen,
            "small": np.maximum(-np.log(size), 0), "large": np.maximum(np.log(size), 0),
            "uncut": inside[:, 0] / full, "round": _roundness(x, y), "solid": full / np.maximum(hull, 1),
            "stained": inside[:, 1], "free": (empty * fitted.seen).sum(axis=1) / seen, "dense": inside[:, 3],
            "white": inside[:, 2], "size": size, "area": area}


def _roundness(x: Float32Array, y: Float32Array) -> Float64Array:
    """(n,) shorter over longer axis of outlines (n, 48)."""
    across, along = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    a, b, c = ((p * q).mean(axis=1).astype(np.float64) for p, q in ((across, across), (along, along), (across, along)))
    spread = np.hypot(a - b, 2 * c)
    return np.sqrt(np.maximum(a + b - spread, 0) / np.maximum(a + b + spread, 1e-9))


def _patch(corners: Float32Array, shape: tuple[int, ...]) -> Patch:
    """The pixels of the image (shape H, W) inside an outline; empty where it lies outside the image."""
    height, width = shape
    left, top = (max(0, int(v)) for v in np.floor(corners.min(axis=0)))
    right, bottom = min(width, int(corners[:, 0].max()) + 2), min(height, int(corners[:, 1].max()) + 2)
    mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
    if mask.size:
        cv2.fillPoly(mask, [np.rint((corners - (left, top)) * 16).astype(np.int32)], 1, shift=4)
    return Patch(mask.view(bool), left, top)


def _inside(patch: Patch, field: RedField, density: Float32Array) -> list[float]:
    """Pixels inside an outline, shares of them that are stained and in white cells, mean density."""
    here, window = patch.mask, patch.window
    if not here.any():
        return [0.0, 0.0, 0.0, 0.0]
    return [float(np.count_nonzero(here)), float(field.foreground[window][here].mean()),
            float(field.white[window][here].mean()), float(density[window][here].mean())]
