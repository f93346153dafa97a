"""Nuclei of a stained section or smear, as instances.

The way: optical density -> nuclear dye -> of all nested components of all thresholds the disjoint ones that look most
like single nuclei -> touching ones cut at their necks -> objects without a nucleus' contrast or color dropped.
No threshold is fixed: each nucleus gets the one at which its own outline is steepest and its shape roundest.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array, UInt8Array
from featurize.images.normalize import background_color, density
from featurize.kernels.objects import Limits, best_components, split_necks

_SIDE_PX = 256                       # longest side of the image in which nuclei are looked for; all "px" are its pixels
_DENSITY_SIGMA_PX = 1.0              # Gaussian blur of the optical densities
_LEAST_OD = 0.01                     # density; ratios of densities are taken of at least this
# Empty slide.
_STAINED_DENSITY = 0.12              # sum of the three densities above which a pixel is stained
_PINK_DENSITY = 0.03                 # green over the mean of red and blue: a "slide" with more is stroma that fills the
#                                      image; eosin takes green light, no lamp or slide seen so far lacks so much of it
_SLIDE_ABOVE_WHITE = 1.03            # times the brightest channel of such stroma: assumed brightness of the slide
# Family of stains, judged by the pixels with most nuclear dye.
# Hematoxylin and azure absorb red and green; DAB and hemoglobin blue as well. These weights of R G B are blind to gray
# and brown.
_NUCLEAR_DYE = np.array([1.0, 0.75, -1.75], dtype=np.float32)
_NUCLEAR_PERCENT = 97                # percentile of the dye above which a pixel is judged
_AZURE_GREEN = 1.05                  # azure takes more green than red: least ratio of the densities,
_AZURE_BLUE = 0.35                   # and hardly any blue: largest ratio of blue to red
_AZURE_SHARE = 0.15                  # of the judged pixels; with more like azure the image is a smear
_BLUE_GREEN = 0.95                   # median of green over red below which hematoxylin stands without eosin
# Components of all thresholds.
_LEVELS = 64                         # thresholds
_LOWEST_PERCENT = 1                  # percentiles of the dye between which the thresholds lie
_HIGHEST_PERCENT = 99.7
_LEAST_SPAN = 0.02                   # density between these percentiles below which the image is even
_STEEP_PERCENT = 90                  # percentile of the slope that counts as a steep outline
_SMALLEST_PIXELS = 20.0              # area of a component that can be a nucleus
_LARGEST_HOLE = 0.02                 # of the image; larger holes of one object are not filled
# Cuts at necks.
_STEPS_PER_PX = 6                    # resolution of the distance to the outline, in bytes a pixel
_DEPTH_SIGMA_PX = 0.8                # Gaussian blur of that distance
_NECK = 0.8                          # a neck narrower than this share of the narrower part is cut
_LEAST_DEPTH_PX = 2.5                # parts less deep never stand alone
_OUTLINE_MEDIAN_PX = 5               # window of the median that smooths outlines after the cut
# Which objects are nuclei, beside the limits of the family of stains.
_RIM_PX = 5                          # side of the square by which an object is dilated to find its rim
_LEAST_CONTRAST = 0.015              # dye over that of the rim
_DARK_RED = 0.25                     # red density from which a smear's nuclei may take less green than red
_RED_RANGE = 0.4                     # range of red densities over which their least ratio of green to red falls,
_RED_SLOPE = 0.3                     # and by how much it falls per red density
_LARGEST_HUE = 1.45                  # times the weighted median of green over red
_DYE_QUANTILE = 0.75                 # weighted quantiles of the image's objects that count as its strong nuclei
_CONTRAST_QUANTILE = 0.65


@dataclass(frozen=True)
class _Stain:
    """How nuclei of one family of stains are drawn.

    Parameters
    ----------
    dye : (3,) weights of the optical densities R G B by which outlines are drawn: they keep the sharpness of the luma
    largest : share of the image above which an object is no nucleus nor a clump of some
    least_fill : share of its ellipse of inertia below which an object counts as no single nucleus
    faint : contrast and dye, as shares of the image's strong nuclei, below which an object is none
    speck : area, as a share of the typical one, below which an object is none
    """

    dye: Float32Array
    largest: float
    least_fill: float
    faint: float
    speck: float


_STAINS = {"section": _Stain(np.array([1.0, 0.5, -0.75], dtype=np.float32), 0.04, 0.74, 0.22, 0.04),
           # Lobes leave much of an ellipse empty; platelets are small and purple.
           "smear": _Stain(np.array([0.5, 1.25, -1.25], dtype=np.float32), 0.3, 0.6, 0.3, 0.12),
           "blue": _Stain(np.array([1.0, 0.5, -1.25], dtype=np.float32), 0.1, 0.74, 0.3, 0.08)}


@dataclass(frozen=True)
class _Objects:
    """Mean optical density R G B (n, 3), contrast to the rim around, and area of each object, 0 = none of them."""

    od: Float64Array
    contrast: Float64Array
    area: Float64Array

    @property
    def weight(self) -> Float64Array:
        """Area times contrast: how much an object counts when the image is asked what its nuclei look like."""
        return np.asarray(self.area * np.maximum(self.contrast, 0))


def find_nuclei(rgb: UInt8Array) -> tuple[Int32Array, BoolArray, dict[str, float]]:
    """Nuclei as labels 1..n, the stained area, and facts.

    Parameters
    ----------
    rgb : (H, W, 3) uint8, before color normalization, nuclei of at least 5 px when the longest side is 256 px

    Returns
    -------
    labels : (H, W) int32, 0 = none
    stained : (H, W) bool, anything but empty slide
    facts : ``nuclear_radius`` (px, median of the nuclei), ``nuclear_contrast`` (optical density of nuclei over their
        surroundings), ``smear`` (1 for nuclei stained with azure, as on blood smears)

    Notes
    -----
    Tree of components and choice from the leaves up: Arteta et al. 2012, MICCAI, 10.1007/978-3-642-33415-3_43, with the
    ellipse of inertia and the slope of the outline in place of a learned score.
    """
    small = _small(rgb)
    white = _slide(small)
    od = np.asarray(cv2.GaussianBlur(density(small, white), (0, 0), _DENSITY_SIGMA_PX), dtype=np.float32)
    name = _stain(od)
    stain = _STAINS[name]
    dye = _mixed(od, stain.dye)
    labels, cut = _components(dye, stain)
    labels, origin = _separate(_filled(labels))
    found = _measure(labels, len(origin), od, dye)
    keep = _nuclear(found, stain, name == "smear")
    labels, cut = _renumbered(labels, keep, cut[origin])
    labels = _at_full_size(labels, cut, dye, rgb.shape[:2])
    stained = cv2.resize(od.sum(axis=2), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR) > _STAINED_DENSITY
    area = np.bincount(labels.ravel())[1:]
    radius = float(np.sqrt(np.median(area[area > 0]) / np.pi)) if area.any() else np.nan
    contrast = _weighted_quantile(found.contrast[keep], found.area[keep], 0.5) if keep.any() else np.nan
    return labels, stained, {"nuclear_radius": radius, "nuclear_contrast": contrast, "smear": float(name == "smear")}


def _slide(rgb: UInt8Array) -> Float64Array:
    """Color of the empty slide, R G B, also where tissue fills the image and its brightest part is pink stroma."""
    white = background_color(rgb)
    red, green, blue = -np.log10((white + 1) / (white.max() + 1))
    pink = green - (red + blue) / 2 > _PINK_DENSITY
    return np.full(3, min(_SLIDE_ABOVE_WHITE * white.max(), 255.0)) if pink else white


def _small(rgb: UInt8Array) -> UInt8Array:
    scale = _SIDE_PX / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _mixed(od: Float32Array, weights: Float32Array) -> Float32Array:
    """(H, W) weighted sum of the three densities by OpenCV: BLAS would start threads for it."""
    return np.asarray(cv2.transform(od, weights.reshape(1, 3)), dtype=np.float32)


def _stain(od: Float32Array) -> str:
    """Which family of stains the most nuclear 3 % of the pixels show: section (H&E), smear (azure) or blue (IHC)."""
    dye = _mixed(od, _NUCLEAR_DYE)
    red, green, blue = np.maximum(od[dye >= np.percentile(dye[::2, ::2], _NUCLEAR_PERCENT)], _LEAST_OD).T
    # Azure leaves blue light alone and takes green before red; hematoxylin without eosin takes red before green.
    if ((green > _AZURE_GREEN * red) & (blue < _AZURE_BLUE * red)).mean() > _AZURE_SHARE:
        return "smear"
    return "blue" if np.median(green / red) < _BLUE_GREEN else "section"


def _components(dye: Float32Array, stain: _Stain) -> tuple[Int32Array, Float64Array]:
    """Labels of the best components, and the dye level at which each one was cut."""
    low, high = np.percentile(dye[::2, ::2], [_LOWEST_PERCENT, _HIGHEST_PERCENT])
    labels, cut = np.zeros(dye.size, np.int32), np.zeros(dye.size + 1, np.uint8)
    if high - low < _LEAST_SPAN:
        return labels.reshape(dye.shape), np.zeros(1)
    step = (high - low) / (_LEVELS - 1)
    level = np.clip((dye - low) / step, 0, _LEVELS - 1).astype(np.uint8)
    across, down = (cv2.Sobel(dye, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.asarray(cv2.magnitude(across, down), dtype=np.float32)
    steep = float(np.percentile(slope[::2, ::2], _STEEP_PERCENT))
    limits = Limits(_SMALLEST_PIXELS, stain.largest * dye.size, steep, stain.least_fill)
    count = best_components(level.ravel(), slope.ravel(), _LEVELS, dye.shape[1], limits, labels, cut)
    return labels.reshape(dye.shape), low + cut[:count + 1] * step


def _filled(labels: Int32Array) -> Int32Array:
    """Holes take the label of the object that they lie in."""
    count, holes, stats, _ = cv2.connectedComponentsWithStats((labels == 0).astype(np.uint8), connectivity=4)
    near = cv2.dilate(labels.astype(np.uint16), np.ones((3, 3), np.uint8)).astype(np.int32)
    inner = (labels == 0) & (near > 0)
    largest, smallest = np.zeros(count, np.int32), np.full(count, 1 << 30, np.int32)
    np.maximum.at(largest, holes[inner], near[inner])
    np.minimum.at(smallest, holes[inner], near[inner])
    # A hole that only one object surrounds, and that is not the ground of the whole image (number 0).
    inside_one = (largest == smallest) & (stats[:, cv2.CC_STAT_AREA] < _LARGEST_HOLE * labels.size)
    inside_one[0] = False
    return np.where(labels == 0, np.where(inside_one, largest, 0)[holes], labels).astype(np.int32)


def _separate(labels: Int32Array) -> tuple[Int32Array, Int64Array]:
    """Parts of objects cut at their necks, and for each part the object that it comes from."""
    depth = cv2.distanceTransform((labels > 0).astype(np.uint8), cv2.DIST_L2, 5)
    steps = np.clip(cv2.GaussianBlur(depth, (0, 0), _DEPTH_SIGMA_PX) * _STEPS_PER_PX, 0, 255).astype(np.uint8)
    steps[labels > 0] = np.maximum(steps[labels > 0], 1)
    parts = np.zeros(labels.size, np.int32)
    count = split_necks(labels.ravel(), steps.ravel(), 256, labels.shape[1], _NECK, _LEAST_DEPTH_PX * _STEPS_PER_PX,
                        parts)
    origin = np.zeros(count + 1, np.int64)
    origin[parts] = labels.ravel()
    return cv2.medianBlur(parts.reshape(labels.shape).astype(np.uint16), _OUTLINE_MEDIAN_PX).astype(np.int32), origin


def _measure(labels: Int32Array, count: int, od: Float32Array, dye: Float32Array) -> _Objects:
    """Of the objects with numbers below `count`; some may have lost their last pixel to the smoothing of outlines."""
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float64)
    mean = np.stack([np.bincount(flat, od[..., k].ravel(), count) for k in range(3)], axis=1) / area[:, None].clip(1)
    rim = cv2.dilate(labels.astype(np.uint16), np.ones((_RIM_PX, _RIM_PX), np.uint8)).astype(np.int32)
    rim = np.where(labels == 0, rim, 0).ravel()
    around = np.bincount(rim, minlength=count)
    outside = np.bincount(rim, dye.ravel(), count) / around.clip(1)
    contrast = np.bincount(flat, dye.ravel(), count) / area.clip(1) - outside
    contrast[around == 0] = 0
    area[0] = contrast[0] = 0
    return _Objects(mean, contrast, area)


def _nuclear(found: _Objects, stain: _Stain, smear: bool) -> BoolArray:
    """Which objects are nuclei, judged by the image's own strongest ones."""
    red, green, _ = np.maximum(found.od, _LEAST_OD).T
    hue, dyed = green / red, found.od @ _NUCLEAR_DYE
    keep = (found.contrast > _LEAST_CONTRAST) & (dyed > 0)
    if smear:
        # Red cells can be as dark as nuclei under a bluish lamp, but they never take more green than red there.
        keep &= hue > 1.0 - _RED_SLOPE * np.clip(red - _DARK_RED, 0, _RED_RANGE)
    if not keep.any():
        return keep
    keep &= dyed > stain.faint * _weighted_quantile(dyed, found.weight * keep, _DYE_QUANTILE)
    keep &= hue < _LARGEST_HUE * _weighted_quantile(hue, found.weight * keep, 0.5)
    keep &= found.contrast > stain.faint * _weighted_quantile(found.contrast, found.weight * keep, _CONTRAST_QUANTILE)
    return keep & (found.area > stain.speck * _weighted_quantile(found.area, found.weight * keep, 0.5))


def _weighted_quantile(values: Float64Array, weight: Float64Array, share: float) -> float:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weight[order])
    return float(values[order][int(np.searchsorted(below, share * below[-1]))])


def _renumbered(labels: Int32Array, keep: BoolArray, cut: Float64Array) -> tuple[Int32Array, Float64Array]:
    number = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return number[labels], np.concatenate([[np.inf], cut[keep]])


def _at_full_size(labels: Int32Array, cut: Float64Array, dye: Float32Array, shape: tuple[int, ...]) -> Int32Array:
    """The labels on a grid of `shape`; the rim of each object, two pixels wide, is cut anew at its level."""
    if labels.shape == shape:
        return labels
    large = cv2.resize(labels.astype(np.uint16), shape[::-1], interpolation=cv2.INTER_NEAREST)
    grown, shrunk = cv2.dilate(large, np.ones((3, 3), np.uint8)), cv2.erode(large, np.ones((3, 3), np.uint8))
    nearest = np.where(large > 0, large, grown)
    fine = cv2.resize(dye, shape[::-1], interpolation=cv2.INTER_LINEAR)
    inside = (fine > cut.astype(np.float32)[nearest]) | (grown == shrunk)
    return np.where(inside, nearest, 0).astype(np.int32)
