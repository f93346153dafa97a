"""Statistics of one image for the explore page, in a few milliseconds.

These numbers compare the images of one folder with each other; the measurements of the table are made by the blocks.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.images.read import Picture
from featurize.index.fingerprints import fingerprint

# Bins of the histogram over 256 gray levels: eight levels a bin.
HISTOGRAM_BINS = 32
# Colors are sampled on a grid of pixels whose longer side has at most this many.
_LONGEST_SIDE_PX = 256
# The outer frame is the shorter side over this number wide.
_FRAME_PARTS = 20
# A frame pixel counts as black if no channel lies above this gray level, 0..255.
_BLACKEST_GRAY = 8
# An image counts as cut out if more than this share of its frame is black.
_BLACK_FRAME_SHARE = .9
# The outer bands, where sharpness and JPEG blocks are measured, are the side over this number wide.
_BAND_PARTS = 5
# Narrowest outer band, in pixels: one JPEG block.
_NARROWEST_BAND_PX = 8
# Sharpness of a band is undefined if the standard deviation of its gray levels is not above this.
_LEAST_CONTRAST = 2
# JPEG codes blocks of 8 x 8 pixels (ITU-T T.81).
_JPEG_BLOCK_PX = 8
# Blockiness needs at least this many steps along a band: two JPEG blocks.
_LEAST_STEPS = 16
# Gray levels added to both mean steps, so that their ratio is defined where a band has no steps within blocks.
_STEP_OFFSET = .1


@dataclass(frozen=True)
class ImageStatistics:
    """One image in numbers.

    Parameters
    ----------
    width_px, height_px, mode, bit_depth
        Of the file.
    mean, deviation : (3,) float
        Mean and standard deviation of red, green and blue, 0..255.
    histogram : (3, 32) float
        Shares of the pixels, eight gray levels a bin.
    background : (3,) float
        Median color of the outer frame, a twentieth of the shorter side wide.
    black_frame : bool
        More than nine tenths of the frame are black: the object was cut out of its background.
    sharpness : float
        Mean absolute Laplacian over the standard deviation of the gray levels, in the outer fifths of the image: falls
        with blur. NaN where they are plain.
    blockiness : float
        In the outer fifths too: mean step at every eighth pixel over the mean step elsewhere; 1 without JPEG blocks.
    fingerprint : (1024,) uint8
        For the search of duplicates.
    """

    width_px: int
    height_px: int
    mode: str
    bit_depth: int
    mean: Float64Array
    deviation: Float64Array
    histogram: Float64Array
    background: Float64Array
    black_frame: bool
    sharpness: float
    blockiness: float
    fingerprint: UInt8Array


def image_statistics(picture: Picture) -> ImageStatistics:
    """All numbers of one image."""
    rgb = picture.rgb
    step = -(-max(rgb.shape[:2]) // _LONGEST_SIDE_PX)
    # Every step-th pixel is enough for colors, and ten times quicker than a resize.
    small = np.ascontiguousarray(rgb[::step, ::step])
    mean, deviation = (np.asarray(v, dtype=np.float64).ravel() for v in cv2.meanStdDev(small))
    counts = [cv2.calcHist([small], [c], None, [HISTOGRAM_BINS], [0, 256]).ravel() for c in range(3)]
    frame = _frame(small)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    black_share = (frame.max(axis=1) <= _BLACKEST_GRAY).mean()
    return ImageStatistics(
        picture.width_px, picture.height_px, picture.mode, picture.bit_depth, mean, deviation,
        np.asarray(counts, dtype=np.float64) / (small.shape[0] * small.shape[1]), np.median(frame, axis=0),
        bool(black_share > _BLACK_FRAME_SHARE), _sharpness(gray), _blockiness(gray), fingerprint(rgb))


def _frame(rgb: UInt8Array) -> UInt8Array:
    """(n, 3) pixels of the outer frame."""
    width = max(1, min(rgb.shape[:2]) // _FRAME_PARTS)
    sides = (rgb[:width], rgb[-width:], rgb[width:-width, :width], rgb[width:-width, -width:])
    return np.concatenate([side.reshape(-1, 3) for side in sides])


def _outer_bands(gray: Float32Array) -> tuple[Float32Array, ...]:
    """Top, bottom, left and right fifth, the latter two transposed.

    The middle is left out: it holds the object, whose sharpness may truly differ between classes.
    """
    high, wide = (max(_NARROWEST_BAND_PX, n // _BAND_PARTS) for n in gray.shape)
    return gray[:high], gray[-high:], gray[:, :wide].T, gray[:, -wide:].T


def _sharpness(gray: Float32Array) -> float:
    values = []
    for band in _outer_bands(gray):
        contrast = float(cv2.meanStdDev(band)[1].item())
        if contrast > _LEAST_CONTRAST:
            values.append(float(np.abs(cv2.Laplacian(np.ascontiguousarray(band), cv2.CV_32F)).mean()) / contrast)
    return float(np.mean(values)) if values else float("nan")


def _blockiness(gray: Float32Array) -> float:
    """At low JPEG quality the steps between blocks are larger than those within them."""
    ratios = []
    for band in _outer_bands(gray):
        steps = np.abs(np.diff(band, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % _JPEG_BLOCK_PX == _JPEG_BLOCK_PX - 1
        if len(steps) >= _LEAST_STEPS and steps.max() > 0:
            between, within = float(steps[border].mean()), float(steps[~border].mean())
            ratios.append((between + _STEP_OFFSET) / (within + _STEP_OFFSET))
    return float(np.mean(ratios)) if ratios else float("nan")


def color_planes(rgb: UInt8Array) -> dict[str, UInt8Array]:
    """Red, green, blue, hue, saturation and value as gray images (hue: 0..255 around the circle)."""
    hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL))
    planes = {"red": rgb[..., 0], "green": rgb[..., 1], "blue": rgb[..., 2],
              "hue": hsv[..., 0], "saturation": hsv[..., 1], "value": hsv[..., 2]}
    return {name: np.repeat(plane[..., None], 3, axis=2) for name, plane in planes.items()}


def center_crop(rgb: UInt8Array, side_px: int = 40) -> UInt8Array:
    """The pixels in the middle, at most `side_px` x `side_px`."""
    top, left = (max(0, (n - side_px) // 2) for n in rgb.shape[:2])
    return rgb[top:top + side_px, left:left + side_px]
