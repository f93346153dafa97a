"""A quick look at one picture: what `explore` needs to know about it, in a few milliseconds.

These numbers compare pictures of one folder with each other; the measurements of the table are made by the blocks.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.images.read import Picture
from featurize.index.duplicates import fingerprint

BINS = 32
_SIDE = 256
_BLACK = 8


@dataclass(frozen=True)
class Glimpse:
    """One picture in numbers.

    Parameters
    ----------
    width_px, height_px, mode, bit_depth
        Of the file.
    mean, spread : (3,) float
        Mean and standard deviation of red, green and blue, 0..255.
    histogram : (3, 32) float
        Shares of the pixels, eight gray levels a bin.
    background : (3,) float
        Median color of the outer frame, a twentieth of the shorter side wide.
    cut_out : bool
        Nine tenths of the frame are black: somebody has cut the object out.
    sharpness : float
        Mean size of the Laplacian over the standard deviation of the luma, in the outer fifths of the picture: falls
        with blur. NaN where they are plain.
    blockiness : float
        There too: steps at every eighth pixel over steps elsewhere: 1 without JPEG blocks.
    print : (1024,) float32
        For the search of duplicates.
    """

    width_px: int
    height_px: int
    mode: str
    bit_depth: int
    mean: Float64Array
    spread: Float64Array
    histogram: Float64Array
    background: Float64Array
    cut_out: bool
    sharpness: float
    blockiness: float
    print: Float32Array


def look(picture: Picture) -> Glimpse:
    """All numbers of one picture."""
    rgb = picture.rgb
    step = -(-max(rgb.shape[:2]) // _SIDE)
    # Every step-th pixel is enough for colors, and ten times quicker than a resize.
    small = np.ascontiguousarray(rgb[::step, ::step])
    mean, spread = (np.asarray(v, dtype=np.float64).ravel() for v in cv2.meanStdDev(small))
    counts = [cv2.calcHist([small], [c], None, [BINS], [0, 256]).ravel() for c in range(3)]
    frame = _frame(small)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return Glimpse(picture.width_px, picture.height_px, picture.mode, picture.bit_depth, mean, spread,
                   np.asarray(counts, dtype=np.float64) / (small.shape[0] * small.shape[1]), np.median(frame, axis=0),
                   bool((frame.max(axis=1) <= _BLACK).mean() > .9), _sharpness(gray), _blockiness(gray),
                   fingerprint(rgb))


def _frame(rgb: UInt8Array) -> UInt8Array:
    """(n, 3) pixels of the outer frame."""
    wide = max(1, min(rgb.shape[:2]) // 20)
    sides = (rgb[:wide], rgb[-wide:], rgb[wide:-wide, :wide], rgb[wide:-wide, -wide:])
    return np.concatenate([side.reshape(-1, 3) for side in sides])


def _bands(gray: Float32Array) -> tuple[Float32Array, ...]:
    """The outer fifths, all lying: what is in the middle is the object, and may differ between classes."""
    high, wide = (max(8, n // 5) for n in gray.shape)
    return gray[:high], gray[-high:], gray[:, :wide].T, gray[:, -wide:].T


def _sharpness(gray: Float32Array) -> float:
    values = []
    for band in _bands(gray):
        contrast = float(cv2.meanStdDev(band)[1].item())
        if contrast > 2:
            values.append(float(np.abs(cv2.Laplacian(np.ascontiguousarray(band), cv2.CV_32F)).mean()) / contrast)
    return float(np.mean(values)) if values else float("nan")


def _blockiness(gray: Float32Array) -> float:
    """JPEG codes 8 x 8 blocks: at low quality the steps between blocks are larger than those within them."""
    ratios = []
    for band in _bands(gray):
        steps = np.abs(np.diff(band, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % 8 == 7
        if len(steps) >= 16 and steps.max() > 0:
            ratios.append((float(steps[border].mean()) + .1) / (float(steps[~border].mean()) + .1))
    return float(np.mean(ratios)) if ratios else float("nan")


def channels(rgb: UInt8Array) -> dict[str, UInt8Array]:
    """Red, green, blue, hue, saturation and value as gray pictures (hue: 0..255 around the circle)."""
    hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL))
    planes = {"red": rgb[..., 0], "green": rgb[..., 1], "blue": rgb[..., 2],
              "hue": hsv[..., 0], "saturation": hsv[..., 1], "value": hsv[..., 2]}
    return {name: np.repeat(plane[..., None], 3, axis=2) for name, plane in planes.items()}


def zoom(rgb: UInt8Array, side: int = 40) -> UInt8Array:
    """The pixels in the middle, at most `side` x `side`."""
    top, left = (max(0, (n - side) // 2) for n in rgb.shape[:2])
    return rgb[top:top + side, left:left + side]
