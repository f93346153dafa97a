"""Synthetic tissue (hematoxylin and eosin) and chest films with known nuclei and lungs, for tests and the demo."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Int32Array, UInt8Array
from featurize.simulate.shapes_and_dyes import SUBPIXEL_BITS, SUBPIXELS

# Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23:291, table 1: optical densities of R, G, B.
_HEMATOXYLIN = (.65, .70, .29)
_EOSIN = (.07, .99, .11)
# Places that are tried for a nucleus.
_TRIES = 20
# Free tissue around a nucleus, pixels.
_FREE_PX = 2
# Gray level of bare glass.
_GLASS = 243
# Side of the picture for which the lengths of a film are written below, pixels.
_FILM_PX = 256


@dataclass(frozen=True)
class Tissue:
    """A synthetic tissue window.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    objects : (H, W) int32
        0 is background, 1..n the nuclei; they do not touch.
    """

    rgb: UInt8Array
    objects: Int32Array


@dataclass(frozen=True)
class Film:
    """A synthetic chest film.

    Parameters
    ----------
    gray : (H, W) uint8
        Bone is bright, air is dark.
    lungs : (H, W) bool
    """

    gray: UInt8Array
    lungs: BoolArray


def draw_tissue(seed: int, *, nuclei: int = 25, radius_px: float = 9.0, spread: float = .1,
                size_px: int = 192) -> Tissue:
    """Draw nuclei in stroma.

    Parameters
    ----------
    seed : int
    nuclei : int
        How many are tried; those that find no free place are left out.
    radius_px, spread : float
        Mean radius of a nucleus and its relative standard deviation.
    size_px : int
        Side of the square picture.

    Returns
    -------
    Tissue
    """
    rng = np.random.default_rng([seed, nuclei])
    objects = np.zeros((size_px, size_px), np.int32)
    for _ in range(nuclei):
        _place_nucleus(objects, radius_px * max(rng.normal(1, spread), .5), rng)
    stroma = .30 + .06 * _smooth_noise(size_px, 6, rng) + .05 * _smooth_noise(size_px, 24, rng)
    chromatin = .85 + .10 * _smooth_noise(size_px, size_px // 4, rng)
    inside = cv2.GaussianBlur((objects > 0).astype(np.float32), (0, 0), .7)
    density = (stroma * (1 - .5 * inside))[..., None] * np.array(_EOSIN) \
        + (chromatin * inside + .06)[..., None] * np.array(_HEMATOXYLIN)
    seen = _GLASS * np.exp(-density) + rng.normal(0, 2, density.shape)
    return Tissue(np.asarray(np.clip(seen, 0, 255), dtype=np.uint8), objects)


def _place_nucleus(objects: Int32Array, radius: float, rng: np.random.Generator) -> None:
    """Try a few places for one more nucleus, with free tissue around it."""
    size = len(objects)
    for _ in range(_TRIES):
        x, y = rng.uniform(radius + _FREE_PX, size - radius - _FREE_PX, 2)
        axes = (round(radius * rng.uniform(1.0, 1.25) * SUBPIXELS), round(radius * rng.uniform(.8, 1.0) * SUBPIXELS))
        mask = np.zeros((size, size), np.uint8)
        center = round(x * SUBPIXELS), round(y * SUBPIXELS)
        cv2.ellipse(mask, center, axes, rng.uniform(0, 180), 0, 360, 1, -1, shift=SUBPIXEL_BITS)
        if not objects[cv2.dilate(mask, np.ones((2 * _FREE_PX + 1, 2 * _FREE_PX + 1), np.uint8)) > 0].any():
            objects[mask > 0] = objects.max() + 1
            return


def _smooth_noise(size: int, grains: int, rng: np.random.Generator) -> Float32Array:
    """Smooth noise with about `grains` grains along a side."""
    noise = rng.standard_normal((grains, grains), dtype=np.float32)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def draw_film(seed: int, *, opacities: int = 0, size_px: int = 256) -> Film:
    """Draw two lungs, a heart, ribs, and as many bright patches in the lungs as asked for."""
    rng = np.random.default_rng([seed, opacities, 3])
    unit = size_px / _FILM_PX
    lungs, heart = np.zeros((size_px, size_px), np.uint8), np.zeros((size_px, size_px), np.uint8)
    for side in (-1, 1):
        x, wide, high = rng.uniform((50, 36, 78), (56, 42, 88))
        _ellipse(lungs, 128 + side * x, 125, wide, high, -side * 6, unit)
    _ellipse(heart, 142, 165, 36, 46, 20, unit)
    lungs[heart > 0] = 0
    body = 175 + 12 * _smooth_noise(size_px, 5, rng)
    gray = np.where(cv2.GaussianBlur(lungs.astype(np.float32), (0, 0), 2 * unit) > .5, 70, body).astype(np.float32)
    gray = cv2.GaussianBlur(gray, (0, 0), 3 * unit) + _ribs(size_px, unit) * 16
    gray += _patches(lungs, opacities, unit, rng) * 70 + rng.normal(0, 3, gray.shape)
    return Film(np.asarray(np.clip(gray, 0, 255), dtype=np.uint8), lungs.astype(bool))


def _ellipse(canvas: UInt8Array, x: float, y: float, wide: float, high: float, turn: float, unit: float) -> None:
    places = [round(v * unit * SUBPIXELS) for v in (x, y, wide, high)]
    cv2.ellipse(canvas, (places[0], places[1]), (places[2], places[3]), turn, 0, 360, 1, -1, shift=SUBPIXEL_BITS)


def _ribs(size: int, unit: float) -> Float32Array:
    canvas = np.zeros((size, size), np.float32)
    for y in range(60, 230, 22):
        for x in (70, 186):
            middle, axes = (round(x * unit), round((y + 20) * unit)), (round(52 * unit), round(24 * unit))
            cv2.ellipse(canvas, middle, axes, 0, 190, 350, 1.0, max(1, round(5 * unit)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.5 * unit), dtype=np.float32)


def _patches(lungs: UInt8Array, count: int, unit: float, rng: np.random.Generator) -> Float32Array:
    """Soft clouds whose centres lie in the lungs."""
    canvas = np.zeros(lungs.shape, np.float32)
    rows, columns = np.nonzero(lungs)
    for at in rng.integers(0, len(rows), count):
        cv2.circle(canvas, (int(columns[at]), int(rows[at])), round(rng.uniform(12, 26) * unit), 1.0, -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 7 * unit) * (.7 + .3 * _smooth_noise(len(lungs), 20, rng)),
                      dtype=np.float32)
