"""Optical density of a whole field over its own empty slide, whose light falls off smoothly towards the corners."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.images.normalize import DENSITY_OF_BYTE
from featurize.segment.stain import Stain, median, stain_of_density

_THUMBNAIL_STEP = 4             # the light is fitted on every fourth pixel in both directions
_BRIGHT_PERCENT = 30            # percentile of the density up to which a pixel surely is slide, not cell
_HUE_TOLERANCE = 0.02           # density green less red: slide differs from the slide's median by less
_ROUNDS = 6                     # of fitting the light and leaving out what is no slide
_DARKER_DEVIATIONS = 2          # of the residuals: darker pixels are cells,
_LEAST_DARKER = 0.02            # density; but never nearer than this
_BRIGHTER_DEVIATIONS = 3        # brighter ones are reflections,
_LEAST_BRIGHTER = 0.03          # density; but never nearer than this
_SIGMA_PER_MAD = 1.4826         # standard deviation of a normal distribution over its median absolute deviation
_LEAST_PIXELS = 50              # of slide on the thumbnail; with fewer the light is taken for even
# Lowest level of the nuclear dye, as a multiple of the 25th percentile of the dye in what is stained: red cells have a
# little of it too, and a field without a nucleus has none that is deeper. In fields_bccd nuclei lie at 4.6 or more.
_LEAST_LEVEL_OVER_RED = 3.5
_RED_PERCENT = 25


def field_stain(rgb: UInt8Array) -> Stain:
    """Densities and levels of a field.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        Scaled so that red cells are about `featurize.detect.scale.RED_DIAMETER_PX` wide.
    """
    table = np.repeat(DENSITY_OF_BYTE[:, None], 3, axis=1)[None]
    raw = np.asarray(cv2.LUT(rgb, table), dtype=np.float32)
    stain = stain_of_density(raw - light_density(raw), np.zeros(rgb.shape[:2], bool))
    stained = stain.dye[~stain.empty]
    if not stained.size:
        return Stain(stain.od, stain.total, stain.dye, np.inf, stain.empty)
    least = _LEAST_LEVEL_OVER_RED * float(np.percentile(stained, _RED_PERCENT))
    return Stain(stain.od, stain.total, stain.dye, max(stain.level, least), stain.empty)


def light_density(raw: Float32Array) -> Float32Array:
    """(H, W, 3) density of the empty slide all over the field: a quadratic surface through the pixels of slide.

    raw (H, W, 3) float32: densities over full white.
    """
    height, width = raw.shape[:2]
    size = max(width // _THUMBNAIL_STEP, 1), max(height // _THUMBNAIL_STEP, 1)
    small = np.asarray(cv2.resize(raw, size, interpolation=cv2.INTER_AREA))
    slide = _slide(small)
    if np.count_nonzero(slide) < _LEAST_PIXELS:
        total = small.sum(axis=2)
        even = np.median(small[total <= np.percentile(total, _BRIGHT_PERCENT)], axis=0)
        return np.broadcast_to(even.astype(np.float32), raw.shape)
    fit = _fit(_powers(*small.shape[:2])[slide], small[slide])
    return np.asarray(_powers(height, width).astype(np.float32) @ fit.astype(np.float32))


def _fit(powers: Float64Array, values: Float32Array) -> Float64Array:
    """Least squares by the normal equations: six well-scaled columns, ten times as fast as `lstsq`."""
    return np.asarray(np.linalg.solve(powers.T @ powers, powers.T @ values))


def _slide(small: Float32Array) -> BoolArray:
    """(h, w) pixels of the thumbnail that show empty slide: of its hue, and as dark as the surface through them."""
    hue, total = small[..., 1] - small[..., 0], small.sum(axis=2)
    bright = total <= np.percentile(total, _BRIGHT_PERCENT)
    alike = np.abs(hue - np.median(hue[bright])) < _HUE_TOLERANCE
    powers, slide = _powers(*total.shape), alike
    for _ in range(_ROUNDS):
        if np.count_nonzero(slide) < _LEAST_PIXELS:
            return slide
        residual = total - (powers @ _fit(powers[slide], total[slide])).astype(np.float32)
        deviation = _SIGMA_PER_MAD * median(np.abs(residual[slide]))
        slide = alike & (residual < max(_DARKER_DEVIATIONS * deviation, _LEAST_DARKER)) & (
            residual > -max(_BRIGHTER_DEVIATIONS * deviation, _LEAST_BRIGHTER))
    return slide


def _powers(height: int, width: int) -> Float64Array:
    """(H, W, 6) 1, x, y, x^2, xy, y^2 of every pixel, x and y from -.5 to .5."""
    y, x = np.meshgrid((np.arange(height) + .5) / height - .5, (np.arange(width) + .5) / width - .5, indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
