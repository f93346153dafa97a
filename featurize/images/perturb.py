"""The same specimen as another laboratory might have pictured it.

A small, fixed part of the images is measured a second time after a random change of what a slide's preparation, lamp,
camera, magnification and file format may change. The differences tell how much of each measurement is picture and how
much is patient; `classify` learns to disregard that much (see classify/fitting/augment.py). With `featurize --augment
K`, K such copies of every image that may be learned from are measured.

After Zwanenburg et al. 2019, "Assessing robustness of radiomic features by image perturbation",
10.1038/s41598-018-36938-4, with the changes of a microscope or an X-ray film in place of those of a tomograph.
"""
import io
import zlib
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image as PillowImage

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.images.picture import Picture

# Raised whenever a copy is changed in another way: guards runs that are resumed.
VERSION = 2
# How many images are measured a second time: this share of them ...
SHARE = 0.1
# ... but at least so many (all, where there are fewer) ...
LEAST = 48
# ... and at most so many.
MOST = 160

# Drawn uniformly: part of the side that a closer frame keeps of a centred cell.
_KEPT_SIDE = (0.62, 1.0)
# Drawn uniformly: magnification.
_MAGNIFICATION = (0.5, 1.4)
# Pixels of the longer side below which a picture is not made smaller: it could not have been taken much smaller and
# still be worth measuring.
_SMALLEST_SIDE_PX = 64
# Pixels of a copy, at most: a larger one is made smaller. Densities and blur take about 50 bytes a pixel, and one job
# has 1.5 GB.
_MOST_PX = 20_000_000
# Rows that get their noise at a time: that of a whole picture would take 70 bytes a pixel.
_NOISE_ROWS = 256
# Gray level below which a pixel is black: a cut-out surrounding, which was never photographed.
_BLACK = 16

# Drawn uniformly: strength of the stain, as a factor of the optical density.
_STAIN_STRENGTH = (0.75, 1.3)
# Drawn uniformly for each channel: factor of its optical density.
_CHANNEL_GAIN = (0.85, 1.15)
# Standard deviation of the crosstalk between the optical densities of two channels.
_CROSSTALK = 0.06
# Drawn uniformly for each channel: brightness of the lamp.
_LAMP = (0.88, 1.0)

# Blur, noise and JPEG act on single pixels and would wipe out the subject of a picture of few pixels: they are weaker
# in proportion where the longer side is shorter than this.
_FULL_SIDE_PX = 200
# Drawn uniformly: standard deviation of the blur, pixels. Up to 2.0 was measured and not taken: of five classes of
# blood_pbc a blur of 1.5 px then cost .041 balanced accuracy in place of .048 (with three copies of every image .012 in
# place of .031), but of blood_lab_b .64 were named rightly in place of .67 (.68 in place of .70).
_BLUR_PX = (0.3, 1.1)
# Share of the copies that are blurred.
_BLURRED_SHARE = 0.6
# Share of the copies that are sharpened.
_SHARPENED_SHARE = 0.3
# Weight of the difference from a blurred copy that sharpening adds (unsharp masking).
_SHARPENING = 0.6
# Standard deviation of the blur of that copy, pixels.
_SHARPENING_BLUR_PX = 1.0
# Drawn uniformly: standard deviation of the noise, gray levels.
_NOISE = (0, 4)
# The best JPEG quality, from which up to `_JPEG_LOSS` is taken away.
_JPEG_BEST = 95
# Drawn uniformly: loss of JPEG quality.
_JPEG_LOSS = (0, 45)


def images_to_perturb(image_ids: Sequence[str]) -> list[str]:
    """The images to measure a second time: those with the lowest ids, which are hashes and so a fair draw."""
    count = min(len(image_ids), max(LEAST, min(MOST, round(SHARE * len(image_ids)))))
    return sorted(image_ids)[:count]


def perturbed(picture: Picture, image_id: str, *, centred: bool, copy: int = 1) -> Picture:
    """A changed copy of a picture; the same picture, id and number always give the same copy.

    Parameters
    ----------
    picture : Picture
    image_id : str
        Seed of the change.
    copy : int
        Number of the copy, from 1 on: another one is changed in another way.
    centred : bool
        The subject is one cell in the middle: the frame may then be cut closer around it (62 to 100 % of the side).

    Notes
    -----
    Drawn, from the ranges above: frame, magnification, strength of the stain, gain of each channel and crosstalk
    between them (color images only), brightness of the lamp, blur or sharpening, noise, JPEG quality.
    """
    rng = np.random.default_rng(zlib.crc32((image_id if copy == 1 else f"{image_id} {copy}").encode()))
    rgb, scale = _reframed(picture.rgb, rng, centred)
    gray = is_gray(rgb)
    light = _restained(rgb, rng, gray)
    strength = min(1.0, max(rgb.shape[:2]) / _FULL_SIDE_PX)
    light = _refocused(light, rng, strength)
    noisy = _with_noise(light, rng, strength * rng.uniform(*_NOISE), gray)
    final = as_jpeg(noisy, round(_JPEG_BEST - strength * rng.uniform(*_JPEG_LOSS)))
    return replace(picture, rgb=final, width_px=final.shape[1], height_px=final.shape[0],
                   mm_per_px=picture.mm_per_px and picture.mm_per_px / scale)


def _reframed(rgb: UInt8Array, rng: np.random.Generator, centred: bool) -> tuple[UInt8Array, float]:
    """Cut closer around the middle, then taken at another magnification; that magnification too."""
    height, width = rgb.shape[:2]
    kept = rng.uniform(*_KEPT_SIDE) if centred and not _is_masked(rgb) else 1.0
    rows, columns = max(1, int(height * kept)), max(1, int(width * kept))
    top, left = (height - rows) // 2, (width - columns) // 2
    scale = rng.uniform(*_MAGNIFICATION)
    scale = max(scale, min(1.0, _SMALLEST_SIDE_PX / max(rows, columns)))
    scale = min(scale, np.sqrt(_MOST_PX / (rows * columns)))
    return magnified(rgb[top:top + rows, left:left + columns], scale), float(scale)


def magnified(rgb: UInt8Array, scale: float) -> UInt8Array:
    """(H, W, 3) pixels, taken at another magnification."""
    height, width = rgb.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), size, interpolation=method))


def is_gray(rgb: UInt8Array) -> bool:
    """Whether no pixel has a color."""
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def _is_masked(rgb: UInt8Array) -> bool:
    """Whether the surrounding is black: such cells were cut out and need no closer frame."""
    return bool(rgb[0].max() < _BLACK and rgb[-1].max() < _BLACK)


def _restained(rgb: UInt8Array, rng: np.random.Generator, gray: bool) -> Float32Array:
    """Another strength and hue of stain, another lamp: on optical density, where both are linear."""
    mixing = np.eye(3) + rng.normal(0, _CROSSTALK, (3, 3))
    strength, gains, lamp = rng.uniform(*_STAIN_STRENGTH), rng.uniform(*_CHANNEL_GAIN, 3), rng.uniform(*_LAMP, 3)
    if gray:
        mixing, gains, lamp = np.eye(3), np.full(3, gains[0]), np.full(3, lamp[0])
    return with_density(rgb, strength * gains[:, None] * mixing, lamp)


def with_density(rgb: UInt8Array, mixing: Float64Array, lamp: Float64Array) -> Float32Array:
    """(H, W, 3) light, 0..255, of pixels whose optical densities are mixed.

    Parameters
    ----------
    mixing : (3, 3) float
        New density of red, green and blue (rows) from the old ones (columns).
    lamp : (3,) float
        Brightness of each channel. Black pixels stay black: they were never photographed.
    """
    od = -np.log10((rgb.astype(np.float32) + 1) / 256)
    od = np.maximum(cv2.transform(od, mixing.astype(np.float32)), 0)
    light = np.power(np.float32(10), -od) * (256 * lamp).astype(np.float32) - 1
    light[(rgb < _BLACK).all(axis=2)] = 0
    return np.asarray(light, dtype=np.float32)


def _refocused(light: Float32Array, rng: np.random.Generator, strength: float) -> Float32Array:
    """Less sharp, or sharpened by the camera; `strength` 0 to 1 scales both."""
    sigma = strength * rng.uniform(*_BLUR_PX)
    blurs, sharpens = rng.random() < _BLURRED_SHARE, rng.random() < _SHARPENED_SHARE
    if blurs:
        light = cv2.GaussianBlur(light, (0, 0), sigma)
    if sharpens:
        blurred = cv2.GaussianBlur(light, (0, 0), _SHARPENING_BLUR_PX)
        light = light + _SHARPENING * strength * (light - blurred)
    return np.asarray(light, dtype=np.float32)


def _with_noise(light: Float32Array, rng: np.random.Generator, deviation: float, gray: bool) -> UInt8Array:
    """(H, W, 3) bytes of light and normal noise, the same in all channels of a gray picture."""
    out = np.empty(light.shape, np.uint8)
    for top in range(0, len(light), _NOISE_ROWS):
        rows = light[top:top + _NOISE_ROWS]
        noise = rng.normal(0, deviation, (*rows.shape[:2], 1 if gray else 3))
        out[top:top + _NOISE_ROWS] = np.clip(rows + noise, 0, 255).astype(np.uint8)
    return out


def as_jpeg(rgb: UInt8Array, quality: int) -> UInt8Array:
    """(H, W, 3) pixels, compressed as JPEG and read again."""
    buffer = io.BytesIO()
    PillowImage.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    with PillowImage.open(buffer) as coded:
        return np.asarray(coded.convert("RGB"))
