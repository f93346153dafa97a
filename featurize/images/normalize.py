"""Color and illumination normalizations: what the glass, the lamp and the camera add is taken away.

Everything works on optical density, ``-log10((I + 1) / 256)``: there the color of the lamp is a difference, and the
densities of absorbing dyes add up (Beer-Lambert).
"""
from collections.abc import Callable

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

DENSITY_OF_BYTE: Float32Array = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)
# Gray level below which, in every channel, nothing was photographed: the surrounding of a cell that was cut out.
_BLACK = 16
# Shares of the image's border and of the whole image that are black at least where a cell was cut out.
_BLACK_BORDER_SHARE = 0.5
_BLACK_SHARE = 0.1

# The empty slide is the brightest part of the image, from this percentile of its darkest channel on ...
_EMPTY_SLIDE_PERCENTILE = 92
# ... which is smoothed over so many pixels (width, height).
_SMOOTHED_PX = (5, 5)
# R G B of the empty slide after normalization.
_PAPER_WHITE = np.array([238.0, 238.0, 238.0])
# Least optical density that is drawn again on white: what is brighter than the empty slide.
_LEAST_DENSITY = -0.05

# Optical density of a Romanowsky-stained nucleus, R G B, to which cells are brought: mean of blood_pbc.
_NUCLEUS = np.array([0.52, 0.86, 0.18])
# A nucleus is taken for no paler than this, so that the gain stays finite.
_LEAST_NUCLEUS_DENSITY = 0.02
# Bounds of the gain of optical density: a pale object without a nucleus must not be darkened to one.
_NUCLEUS_GAIN = (0.5, 2.0)

# Reference stain vectors (rows: hematoxylin, eosin; unit length) and 99th percentile strengths in log10 units, after
# the reference slide of Macenko et al. 2009.
_MACENKO_STAINS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
_MACENKO_STRENGTH = np.array([0.85, 0.45])
_STRENGTH_PERCENTILE = 99
# Stain vectors are estimated on a thumbnail of at most so many pixels.
_THUMBNAIL_PX = 65536
# Optical density in every channel above which a pixel is stained (log10 units).
_STAINED_DENSITY = 0.07
# With fewer stained pixels no stain is estimated.
_FEWEST_STAINED = 64
# Below this determinant of the Gram matrix of both stain vectors the two are one dye.
_LEAST_DETERMINANT = 0.01
# Percentiles of the angle in the plane of the stains that stand for the two dyes.
_ANGLE_PERCENTILES = (1, 99)
# A stain is taken for no weaker than this, so that the gain stays finite.
_LEAST_STRENGTH = 0.05
# Bounds of the gain of a stain.
_STAIN_GAIN = (0.4, 2.5)
# Gray level + 1 of unstained glass after the normalization.
_MACENKO_WHITE = 239
# Least optical density that is drawn again on that white.
_MACENKO_LEAST_DENSITY = -0.02


def darkest_channel(rgb: UInt8Array) -> UInt8Array:
    """(H, W) uint8 minimum over the channels; numpy's own reduction over an axis of three is ten times slower."""
    red, green, blue = cv2.split(rgb)
    return np.asarray(cv2.min(cv2.min(red, green), blue))


def brightest_channel(rgb: UInt8Array) -> UInt8Array:
    """(H, W) uint8 maximum over the channels."""
    red, green, blue = cv2.split(rgb)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def total_density(od: Float32Array) -> Float32Array:
    """(H, W) float32 sum over the channels."""
    return np.asarray(cv2.transform(od, np.ones((1, 3), np.float32)))


def outside(rgb: UInt8Array) -> BoolArray:
    """(H, W) bool: black surrounding of an image whose cell was cut out; all False if there is none."""
    dark = brightest_channel(rgb) < _BLACK
    border = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
    if border.mean() < _BLACK_BORDER_SHARE or dark.mean() < _BLACK_SHARE:
        return np.zeros(dark.shape, bool)
    _, parts = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    touching = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return np.isin(parts, touching[touching > 0])


def _percentile(values: UInt8Array, q: float) -> float:
    """Percentile of bytes by counting them."""
    below = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]).ravel())
    return float(np.searchsorted(below, q / 100 * below[-1]))


def background_color(rgb: UInt8Array, black: BoolArray | None = None) -> Float64Array:
    """Color of the empty slide, R G B: the median of the brightest 8 % of the smoothed image.

    Where the surrounding was cut out nothing of the slide is left, and white stands in for it.
    """
    if black is not None and black.any():
        return np.array([255.0, 255.0, 255.0])
    darkest = cv2.blur(darkest_channel(rgb), _SMOOTHED_PX)
    bright = darkest >= _percentile(darkest, _EMPTY_SLIDE_PERCENTILE)
    return np.array([_percentile(plane[bright], 50) for plane in cv2.split(rgb)])


def density(rgb: UInt8Array, white: Float64Array) -> Float32Array:
    """(H, W, 3) float32 optical density over the empty slide of color `white`."""
    table = DENSITY_OF_BYTE[:, None] + np.log10((white.astype(np.float32) + 1) / 256)
    return np.asarray(cv2.LUT(rgb, table[None]))


def _lookup(rgb: UInt8Array, tables: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.LUT(rgb, np.ascontiguousarray(tables.T[None])), dtype=np.uint8)


def _density_map(white: Float64Array, gain: Float64Array) -> UInt8Array:
    """(3, 256) uint8: each byte's density over `white`, times `gain`, drawn again on white paper."""
    od = DENSITY_OF_BYTE[None, :] + np.log10((white[:, None] + 1) / 256)
    light = (_PAPER_WHITE[:, None] + 1) * 10.0 ** (-np.maximum(od, _LEAST_DENSITY) * gain[:, None]) - 1
    return np.asarray(np.clip(np.rint(light), 0, 255), dtype=np.uint8)


def to_nucleus(rgb: UInt8Array, white: Float64Array, nucleus_density: Float64Array) -> UInt8Array:
    """Bring the empty slide to one white and the nucleus to one density, per channel.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    white : (3,) color of the empty slide
    nucleus_density : (3,) median density of the nucleus over that slide

    Notes
    -----
    The two references fix lamp, white balance, exposure and strength of stain; what is left is color relative to the
    cell's own nucleus.
    """
    gain = np.clip(_NUCLEUS / np.maximum(nucleus_density, _LEAST_NUCLEUS_DENSITY), *_NUCLEUS_GAIN)
    return _lookup(rgb, _density_map(white, gain))


def background(rgb: UInt8Array) -> UInt8Array:
    """The empty slide becomes one white; densities stay as they are."""
    black = outside(rgb)
    white = background_color(rgb, black)
    return _lookup(rgb, _density_map(white, np.ones(3)))


def macenko(rgb: UInt8Array) -> UInt8Array:
    """Hematoxylin and eosin brought to one pair of stain vectors and strengths.

    Source: Macenko et al. 2009, ISBI, 10.1109/ISBI.2009.5193250 (steps 1 to 9), on a thumbnail.
    An image with too little stain to tell two dyes apart is only given the white background.
    """
    white = background_color(rgb)
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _THUMBNAIL_PX)))
    od = density(np.ascontiguousarray(rgb[::step, ::step]), white).reshape(-1, 3).astype(np.float64)
    stained = od[(od > _STAINED_DENSITY).all(axis=1)]
    if len(stained) < _FEWEST_STAINED:
        return background(rgb)
    stains = _stain_vectors(stained)
    if abs(np.linalg.det(stains @ stains.T)) < _LEAST_DETERMINANT:
        return background(rgb)
    strength = np.percentile(od @ np.linalg.pinv(stains), _STRENGTH_PERCENTILE, axis=0)
    gain = np.clip(_MACENKO_STRENGTH / np.maximum(strength, _LEAST_STRENGTH), *_STAIN_GAIN)
    mix = np.linalg.pinv(stains) * gain @ _MACENKO_STAINS
    full = density(rgb, white).reshape(-1, 3) @ mix.astype(np.float32)
    light = _MACENKO_WHITE * np.exp(np.float32(-np.log(10)) * np.maximum(full, _MACENKO_LEAST_DENSITY)) - 1
    return np.asarray(np.clip(np.rint(light), 0, 255).reshape(rgb.shape), dtype=np.uint8)


def _stain_vectors(od: Float64Array) -> Float64Array:
    """(2, 3) unit rows, hematoxylin first: the extreme directions in the plane of the two largest variances."""
    _, vectors = np.linalg.eigh(np.cov(od.T))
    plane = vectors[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    flat = od @ plane
    angle = np.arctan2(flat[:, 1], flat[:, 0])
    low, high = np.percentile(angle, _ANGLE_PERCENTILES)
    ends = np.array([plane @ [np.cos(a), np.sin(a)] for a in (low, high)])
    ends *= np.where(ends.sum(axis=1, keepdims=True) < 0, -1, 1)
    return ends[np.argsort(-ends[:, 0])]


def none(rgb: UInt8Array) -> UInt8Array:
    """The image as it is."""
    return rgb


# `nucleus` needs masks: the cell segmenter calls `to_nucleus` itself, and falls back on this where it finds no nucleus.
NORMALIZATIONS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "none": none, "background": background, "macenko": macenko, "nucleus": background}
