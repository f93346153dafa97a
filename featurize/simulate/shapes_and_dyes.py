"""What all parts of a drawn smear are made of: closed curves, grainy dyes."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array

# OpenCV draws at fractions of a pixel: coordinates are whole numbers of 1 / 2^4 pixel.
SUBPIXEL_BITS = 4
SUBPIXELS = 2 ** SUBPIXEL_BITS
# Corners of the polygon that stands for a closed curve.
_CORNERS = 90
# Waves along the outline whose strengths are random.
_OUTLINE_WAVES = range(2, 8)


def _curve(middle: Float64Array, radius: float, rng: np.random.Generator, roughness: float,
           stretch: float = 1.0) -> Int32Array:
    """A closed curve around `middle`: a circle with random low Fourier terms, in 1/16 pixels."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    waves = [rng.normal(0, roughness / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in _OUTLINE_WAVES]
    reach = radius * (1 + np.sum(waves, axis=0))
    turn = rng.uniform(0, np.pi)
    along, across = reach * np.cos(angle) * stretch, reach * np.sin(angle) / stretch
    x = middle[0] + along * np.cos(turn) - across * np.sin(turn)
    y = middle[1] + along * np.sin(turn) + across * np.cos(turn)
    return np.asarray(np.round(np.stack([x, y], axis=1) * SUBPIXELS), dtype=np.int32)


def blob(side: int, middle: Float64Array, radius: float, rng: np.random.Generator, roughness: float,
         stretch: float = 1.0) -> BoolArray:
    """A filled closed curve: a circle with a random outline.

    Parameters
    ----------
    side : int
        Of the square mask, pixels.
    middle : (2,) float64
        x, y in pixels.
    radius : float
        Pixels.
    rng : numpy Generator
    roughness : float
        A wave of k periods along the outline changes the radius by a share of standard deviation `roughness / k`.
    stretch : float
        Length over that of a circle of the same area, along a random direction.

    Returns
    -------
    (side, side) bool
    """
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [_curve(middle, radius, rng, roughness, stretch)], 1, shift=SUBPIXEL_BITS)
    return canvas.astype(bool)


def dye(color: tuple[float, float, float]) -> Float32Array:
    """(3,) a color in the type of the pictures."""
    return np.array(color, dtype=np.float32)


def texture(shape: tuple[int, ...], grain_px: float, rng: np.random.Generator) -> Float32Array:
    """Smooth noise of mean 0 and standard deviation 1 with grains of about `grain_px`."""
    small = [max(4, round(side / max(grain_px, 1))) for side in shape]
    noise = rng.standard_normal(small, dtype=np.float32)
    grown = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray((grown - grown.mean()) / grown.std(), dtype=np.float32)
