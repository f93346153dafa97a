"""Optical density of a smear, the nuclear dye in it, and the levels that part nuclei, stain and empty slide.

Lengths are pixels of the search image, whose longest side is 256 px. The rules of the cell segmenter, and with them
these constants, were developed while looking at the 100 images of blood_lab_b, whose drawn masks
`benchmarks/segmentation.py` compares with.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.images.normalize import density, total_density
from featurize.kernels.cell import count_between, slopes_by_level

# Weights of the densities R G B: azure absorbs red and green, hemoglobin blue as well.
_DYE_WEIGHTS = np.array([1.0, 1.0, -1.0], dtype=np.float32)
_DENSITY_SIGMA_PX = 0.8          # Gaussian blur of the densities
# Nuclear level, as shares of the typical dye of nuclei.
LOWEST_LEVEL = 0.45              # a lower level lets cytoplasm and granules in
HIGHEST_LEVEL = 0.68             # a higher level carves the light chromatin out of a nucleus
_FIRST_TRIED = 0.38              # range of the levels whose outlines are compared
_LAST_TRIED = 0.8
_TRIED = 22                      # levels in that range
_PRIOR_WIDTH = 0.2               # standard deviation of the level around Otsu's, as a share of Otsu's
# The strongest dye of the image, from which the typical dye of nuclei is estimated.
_STRONGEST_PERCENT = 99.6        # percentile of the dye
_LEAST_DYE = 0.05                # density; an image whose strongest dye is not above it holds no nucleus
_DEEP_SHARE = 0.6                # of the strongest dye: nuclei are surely deeper
_DYED_SHARE = 0.12               # of the strongest dye: what is paler takes no part in Otsu's threshold
_OTSU_ABOVE = 1.1                # upper end of Otsu's histogram, as a multiple of the deepest dye
_OTSU_BINS = 128
# Empty slide.
_SLIDE_DENSITY = 0.12            # total density below which a pixel can be empty slide
_SLIDE_SHARE = 0.25              # the same as a share of the nuclear level, for pale smears
_LEAST_SLIDE_PIXELS = 50         # every second pixel in both directions; with fewer the noise of the slide is unknown
_DEFAULT_EMPTY_DENSITY = 0.03    # total density below which a pixel is empty where the noise is unknown
_NOISE_DEVIATIONS = 4            # above the median of the slide, in standard deviations of its noise
_SIGMA_PER_MAD = 1.4826          # standard deviation of a normal distribution over its median absolute deviation
_LEAST_MARGIN = 0.025            # density; bounds of that distance from the median
_LARGEST_MARGIN = 0.08


@dataclass(frozen=True)
class Stain:
    """Stain of a search image.

    Parameters
    ----------
    od : (H, W, 3) float32
        Optical densities R G B over the empty slide, 0 in a black surrounding.
    total : (H, W) float32
        Sum of the three densities.
    dye : (H, W) float32
        Strength of the nuclear dye, 0 or more.
    level : float
        Dye above which a pixel is nuclear; infinite where nothing is stained like a nucleus.
    empty : (H, W) bool
        Empty slide.
    """

    od: Float32Array
    total: Float32Array
    dye: Float32Array
    level: float
    empty: BoolArray


def measure_stain(rgb: UInt8Array, white: Float64Array, black: BoolArray) -> Stain:
    """Densities and levels of a search image.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    white : (3,) float64
        Color of the empty slide.
    black : (H, W) bool
        Surrounding of a cell that was cut out.
    """
    return stain_of_density(density(rgb, white), black)


def stain_of_density(sharp: Float32Array, black: BoolArray) -> Stain:
    """Densities and levels of an image whose optical density over the empty slide is known.

    Parameters
    ----------
    sharp : (H, W, 3) float32
        Optical densities R G B, not yet blurred.
    black : (H, W) bool
        Surrounding of a cell that was cut out.
    """
    od = cv2.GaussianBlur(sharp, (0, 0), _DENSITY_SIGMA_PX)
    od[black] = 0
    dye = np.maximum(cv2.transform(od, _DYE_WEIGHTS[None]), 0)
    total = total_density(od)
    level = _nuclear_level(dye, black)
    return Stain(od, total, dye, level, total < _empty_level(total, level))


def median(values: Float32Array) -> float:
    """The number that `numpy.median` gives, ten times as fast: one partition, and no search for NaN."""
    half = len(values) // 2
    part = np.partition(values, half)
    return float(part[half] if len(values) % 2 else (part[:half].max() + part[half]) / 2)


def otsu(values: Float32Array, low: float, high: float) -> float:
    """Otsu's threshold (1979, 10.1109/TSMC.1979.4310076) of the values between low and high."""
    bins = np.zeros(_OTSU_BINS, np.int64)
    count_between(values, np.linspace(low, high, _OTSU_BINS + 1, dtype=np.float32), bins)
    counts = bins.astype(np.float64)
    centers = np.arange(_OTSU_BINS) + 0.5
    below, moment = np.cumsum(counts), np.cumsum(counts * centers)
    spread = below * (below[-1] - below)
    between = np.divide((moment[-1] * below / max(below[-1], 1) - moment) ** 2, spread,
                        out=np.zeros(_OTSU_BINS), where=spread > 0)
    return low + (high - low) * (int(between.argmax()) + 1) / _OTSU_BINS


def level_between(values: Float32Array, floor: float, strongest: float, typical: float) -> float:
    """Otsu's threshold of the dye above `floor`, held within the bounds of a level inside nuclei.

    Parameters
    ----------
    values : (n,) float32
        Dye of pixels.
    floor : float
        Paler pixels take no part.
    strongest : float
        Dye up to which (and a little above) pixels take part.
    typical : float
        Typical dye of nuclei, whose shares are the bounds.
    """
    level = otsu(values[values > floor], floor, _OTSU_ABOVE * strongest)
    return min(max(level, LOWEST_LEVEL * typical), HIGHEST_LEVEL * typical)


def _nuclear_level(dye: Float32Array, black: BoolArray) -> float:
    """Dye level that separates nuclei: where their outlines are steepest, about halfway up to the deepest dye."""
    # Every second pixel in both directions gives the same levels in a quarter of the time.
    seen = dye[::2, ::2][~black[::2, ::2]]
    top = float(np.percentile(seen, _STRONGEST_PERCENT)) if seen.size else 0.0
    if top <= _LEAST_DYE:
        return np.inf
    deep = median(seen[seen > _DEEP_SHARE * top])
    first = level_between(seen, _DYED_SHARE * top, top, deep)
    slope = cv2.magnitude(cv2.Sobel(dye, cv2.CV_32F, 1, 0), cv2.Sobel(dye, cv2.CV_32F, 0, 1))
    levels = np.linspace(_FIRST_TRIED, _LAST_TRIED, _TRIED) * deep
    count, total = np.zeros(len(levels) - 1, np.int64), np.zeros(len(levels) - 1)
    slopes_by_level(dye, slope, levels[0], levels[1] - levels[0], count, total)
    # Mean slope among pixels just at each level: an outline crosses its level where the image is steep.
    steep = total / np.maximum(count, 1)
    prior = np.exp(-0.5 * ((levels[:-1] / first - 1.0) / _PRIOR_WIDTH) ** 2)
    return float(levels[int(np.argmax(steep * prior))])


def _empty_level(total: Float32Array, level: float) -> float:
    """Density below which a pixel is empty slide: four deviations of the slide's own noise."""
    thinned = total[::2, ::2]
    slide = thinned[thinned < min(_SLIDE_DENSITY, _SLIDE_SHARE * level)]
    if slide.size < _LEAST_SLIDE_PIXELS:
        return _DEFAULT_EMPTY_DENSITY
    middle = median(slide)
    noise = _NOISE_DEVIATIONS * _SIGMA_PER_MAD * median(np.abs(slide - middle))
    return middle + min(max(noise, _LEAST_MARGIN), _LARGEST_MARGIN)
