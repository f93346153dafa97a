"""The same specimen as another laboratory might have pictured it.

A small, fixed part of the images is measured a second time after a random change of what a slide's preparation, lamp,
camera, magnification and file format may change. The differences tell how much of each measurement is picture and how
much is patient; `classify` learns to disregard that much (see classify/fitting/augment.py).

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

from featurize.arrays import Float32Array, UInt8Array
from featurize.images.picture import Picture

# Most images that are measured again; with fewer than ten times as many, a tenth of them, but 48 at least
MOST = 160
SHARE = 0.1
LEAST = 48
_FULL_SIDE = 200


def chosen(image_ids: Sequence[str]) -> list[str]:
    """The images to measure again: those with the lowest ids, which are hashes and so a fair draw."""
    count = min(len(image_ids), max(LEAST, min(MOST, round(SHARE * len(image_ids)))))
    return sorted(image_ids)[:count]


def perturbed(picture: Picture, image_id: str, *, centred: bool) -> Picture:
    """A changed copy of a picture; the same picture and id always give the same copy.

    Parameters
    ----------
    picture : Picture
    image_id : str
        Seed of the change.
    centred : bool
        The subject is one cell in the middle: the frame may then be cut closer around it (62 to 100 % of the side).

    Notes
    -----
    Drawn uniformly: magnification .5 to 1.4; strength of stain .75 to 1.3 of the optical density; each channel's gain
    of density .85 to 1.15, with 6 % of crosstalk between channels (color images); lamp .88 to 1; blur of sigma .3 to
    1.1 px in three of five, sharpening in one of three; noise of sigma 0 to 4; JPEG quality 50 to 95. The last three
    in proportion to the side of pictures of less than 200 px.
    """
    rng = np.random.default_rng(zlib.crc32(image_id.encode()))
    rgb, scale = _reframed(picture.rgb, rng, centred)
    gray = bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())
    light = _restained(rgb, rng, gray)
    # Blur, noise and JPEG are of the size of a pixel: in a picture of few pixels they would wipe out the subject.
    fine = min(1.0, max(rgb.shape[:2]) / _FULL_SIDE)
    light = _refocused(light, rng, fine)
    noise = rng.normal(0, fine * rng.uniform(0, 4), light.shape[:2] + ((1,) if gray else (3,)))
    final = _as_jpeg(np.clip(light + noise, 0, 255).astype(np.uint8), round(95 - fine * rng.uniform(0, 45)))
    return replace(picture, rgb=final, width_px=final.shape[1], height_px=final.shape[0],
                   mm_per_px=picture.mm_per_px and picture.mm_per_px / scale)


def _reframed(rgb: UInt8Array, rng: np.random.Generator, centred: bool) -> tuple[UInt8Array, float]:
    """Cut closer around the middle, then taken at another magnification, which is told."""
    height, width = rgb.shape[:2]
    kept = rng.uniform(0.62, 1.0) if centred and not _is_masked(rgb) else 1.0
    rows, columns = max(1, int(height * kept)), max(1, int(width * kept))
    top, left = (height - rows) // 2, (width - columns) // 2
    scale = rng.uniform(0.5, 1.4)
    # What is small already can't have been taken much smaller and still be worth measuring.
    scale = max(scale, min(1.0, 64 / max(rows, columns)))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    part = np.ascontiguousarray(rgb[top:top + rows, left:left + columns])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=how)), float(scale)


def _is_masked(rgb: UInt8Array) -> bool:
    """Whether the surrounding is black: such cells were cut out and need no closer frame."""
    return bool(rgb[0].max() < 16 and rgb[-1].max() < 16)


def _restained(rgb: UInt8Array, rng: np.random.Generator, gray: bool) -> Float32Array:
    """Another strength and hue of stain, another lamp: on optical density, where both are linear."""
    mixing = np.eye(3) + rng.normal(0, 0.06, (3, 3))
    strength, gains, lamp = rng.uniform(0.75, 1.3), rng.uniform(0.85, 1.15, 3), rng.uniform(0.88, 1.0, 3)
    if gray:
        mixing, gains, lamp = np.eye(3), np.full(3, gains[0]), np.full(3, lamp[0])
    od = -np.log10((rgb.astype(np.float32) + 1) / 256)
    od = np.maximum(cv2.transform(od, (strength * gains[:, None] * mixing).astype(np.float32)), 0)
    light = np.power(np.float32(10), -od) * (256 * lamp).astype(np.float32) - 1
    # Black stays black: a cut-out surrounding was never photographed.
    light[(rgb < 16).all(axis=2)] = 0
    return np.asarray(light, dtype=np.float32)


def _refocused(light: Float32Array, rng: np.random.Generator, fine: float) -> Float32Array:
    """Less sharp, or sharpened by the camera."""
    sigma, blurs, sharpens = fine * rng.uniform(0.3, 1.1), rng.random() < 0.6, rng.random() < 0.3
    if blurs:
        light = cv2.GaussianBlur(light, (0, 0), sigma)
    if sharpens:
        light = light + 0.6 * fine * (light - cv2.GaussianBlur(light, (0, 0), 1.0))
    return np.asarray(light, dtype=np.float32)


def _as_jpeg(rgb: UInt8Array, quality: int) -> UInt8Array:
    buffer = io.BytesIO()
    PillowImage.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    with PillowImage.open(buffer) as coded:
        return np.asarray(coded.convert("RGB"))
