"""Stain, microscope and camera of a laboratory, and the picture that they make of dyes on a slide."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.simulate.shapes_and_dyes import dye

# Drawn at twice the size, then averaged down: smooth edges without a special renderer.
FINE = 2


@dataclass(frozen=True)
class Laboratory:
    """Stain, microscope and camera: what differs between places and must not change a diagnosis.

    Parameters
    ----------
    um_per_px : float
        Magnification.
    size_px : int
        Side of the square picture.
    background : tuple of 3 float
        Red, green, blue of bare glass.
    strength : float
        Concentration of the dyes; 1 is usual.
    tint : tuple of 3 float
        Factors on the optical density of red, green, blue: eosin-heavy or azure-heavy stains.
    blur_px, noise : float
        Standard deviations of the lens' blur, and of the sensor's noise in gray levels.
    shading : float
        Fall of the illumination over the picture, as a share.
    crowd : float
        Red cells per 100 square micrometres.
    """

    um_per_px: float = 0.16
    size_px: int = 240
    background: tuple[float, float, float] = (253.0, 231.0, 206.0)
    strength: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.6
    noise: float = 2.0
    shading: float = 0.06
    crowd: float = 1.3


HOME = Laboratory()
ABROAD = Laboratory(um_per_px=0.115, background=(226.0, 228.0, 232.0), strength=1.2, tint=(1.0, 0.9, 1.15), blur_px=1.1,
                    noise=3.5, shading=0.14, crowd=0.9)


def photograph(density: Float32Array, lab: Laboratory, rng: np.random.Generator) -> UInt8Array:
    """Light through the smear (Beer and Lambert), the lens, the sensor."""
    side = len(density)
    light = np.exp(-density * dye(lab.tint))
    slope, turn = np.linspace(-.5, .5, side, dtype=np.float32), rng.uniform(0, 2 * np.pi)
    lamp = 1 - lab.shading * (.5 + slope[None] * np.cos(turn) + slope[:, None] * np.sin(turn))
    seen = light * lamp[..., None].astype(np.float32) * dye(lab.background)
    seen = cv2.GaussianBlur(seen, (0, 0), lab.blur_px * FINE)
    seen = cv2.resize(seen, (lab.size_px, lab.size_px), interpolation=cv2.INTER_AREA)
    seen += lab.noise * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.asarray(np.clip(np.round(seen), 0, 255), dtype=np.uint8)


def shrink(mask: BoolArray) -> BoolArray:
    """At least half of the fine pixels."""
    side = len(mask) // FINE
    return np.asarray(cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) >= .5)
