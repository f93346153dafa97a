"""Color and illumination normalizations: what the glass, the lamp and the camera add is taken away.

Everything works on optical density, ``-log10((I + 1) / 256)``, where light sources divide out as differences and
absorbing dyes add up (Beer-Lambert).
"""
from collections.abc import Callable

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

DENSITY_OF_BYTE: Float32Array = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)
_BLACK = 16          # below this in every channel nothing was photographed: a masked-out surrounding
_PAPER_WHITE = np.array([238.0, 238.0, 238.0])
# Optical density of a Romanowsky-stained nucleus, R G B, to which cells are brought: mean of blood_pbc.
_NUCLEUS = np.array([0.52, 0.86, 0.18])


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
    rim = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
    if rim.mean() < 0.5 or dark.mean() < 0.1:
        return np.zeros(dark.shape, bool)
    _, parts = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    touching = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return np.isin(parts, touching[touching > 0])


def _percentile(values: UInt8Array, q: float) -> float:
    """Percentile of bytes by counting them."""
    below = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]).ravel())
    return float(np.searchsorted(below, q / 100 * below[-1]))


def background_color(rgb: UInt8Array, black: BoolArray | None = None) -> Float64Array:
    """Color of the empty slide, R G B: the median of the brightest twelfth of the smoothed image.

    Where the surrounding was cut out nothing of the slide is left, and white stands in for it.
    """
    if black is not None and black.any():
        return np.array([255.0, 255.0, 255.0])
    darkest = cv2.blur(darkest_channel(rgb), (5, 5))
    bright = darkest >= _percentile(darkest, 92)
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
    light = (_PAPER_WHITE[:, None] + 1) * 10.0 ** (-np.maximum(od, -0.05) * gain[:, None]) - 1
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
    cell's own nucleus. The gain stays within 0.5 .. 2, so that a pale thing without a nucleus isn't blown up to one.
    """
    gain = np.clip(_NUCLEUS / np.maximum(nucleus_density, 0.02), 0.5, 2.0)
    return _lookup(rgb, _density_map(white, gain))


def background(rgb: UInt8Array) -> UInt8Array:
    """The empty slide becomes one white; densities stay as they are."""
    black = outside(rgb)
    white = background_color(rgb, black)
    return _lookup(rgb, _density_map(white, np.ones(3)))


def macenko(rgb: UInt8Array) -> UInt8Array:
    """Hematoxylin and eosin brought to one pair of stain vectors and strengths.

    Source: Macenko et al. 2009, ISBI, 10.1109/ISBI.2009.5193250 (steps 1 to 9), on a thumbnail of at most 65536 px.
    An image with too little stain to tell two dyes apart is only given the white background.
    """
    white = background_color(rgb)
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / 65536)))
    od = density(np.ascontiguousarray(rgb[::step, ::step]), white).reshape(-1, 3).astype(np.float64)
    stained = od[(od > 0.07).all(axis=1)]
    if len(stained) < 64:
        return background(rgb)
    stains = _stain_vectors(stained)
    if abs(np.linalg.det(stains @ stains.T)) < 0.01:
        return background(rgb)
    strength = np.percentile(od @ np.linalg.pinv(stains), 99, axis=0)
    gain = np.clip(_MACENKO_STRENGTH / np.maximum(strength, 0.05), 0.4, 2.5)
    mix = np.linalg.pinv(stains) * gain @ _MACENKO_STAINS
    full = density(rgb, white).reshape(-1, 3) @ mix.astype(np.float32)
    light = 239 * np.exp(np.float32(-np.log(10)) * np.maximum(full, -0.02)) - 1
    return np.asarray(np.clip(np.rint(light), 0, 255).reshape(rgb.shape), dtype=np.uint8)


# Reference vectors (rows: hematoxylin, eosin; unit length) and 99th percentile strengths in log10 units, after the
# reference slide of Macenko et al. 2009.
_MACENKO_STAINS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
_MACENKO_STRENGTH = np.array([0.85, 0.45])


def _stain_vectors(od: Float64Array) -> Float64Array:
    """(2, 3) unit rows, hematoxylin first: the extreme directions in the plane of the two largest variances."""
    _, vectors = np.linalg.eigh(np.cov(od.T))
    plane = vectors[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    flat = od @ plane
    angle = np.arctan2(flat[:, 1], flat[:, 0])
    low, high = np.percentile(angle, [1, 99])
    ends = np.array([plane @ [np.cos(a), np.sin(a)] for a in (low, high)])
    ends *= np.where(ends.sum(axis=1, keepdims=True) < 0, -1, 1)
    return ends[np.argsort(-ends[:, 0])]


def none(rgb: UInt8Array) -> UInt8Array:
    """The image as it is."""
    return rgb


# `nucleus` needs masks: the cell segmenter calls `to_nucleus` itself; without a nucleus the background is all there is.
NORMALIZATIONS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "none": none, "background": background, "macenko": macenko, "nucleus": background}
