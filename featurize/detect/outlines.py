"""Closed outlines around given centers: on each, what is stained ends, seen from the inside. Lengths in work pixels.

Where two red cells overlap their densities add up, so the density falls outwards on the outline of either, and both
outlines can be followed through the overlap.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.kernels.contour import closed_path

ANGLES = 48
RADII = 40
ANGLE: Float64Array = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
# Range of radii, in radii of the field's red cells.
_NEAREST = 0.35
_FARTHEST = 1.65
_SIGMA_PX = 1.0             # Gaussian blur of the density
_LARGEST_STEP = 2           # of RADII by which the outline may move between neighboring directions
_BEND = 0.005               # cost of a move by one step, in units of the density of red cells
_ODD_SIZE = 0.1             # cost of a radius that is off by r red-cell radii: this times r^2, in each direction
_LARGEST_FALL = 0.5         # more counts no more
_LARGEST_RISE = 0.3


@dataclass(frozen=True)
class Outlines:
    """Closed outlines.

    Parameters
    ----------
    center : (n, 2) float64
        x, y.
    radius : (n, 48) float64
        Distance from the center by direction.
    fall : (n, 48) float64
        How much density falls outwards across the outline, in densities of a red cell; 0 outside the image.
    seen : (n, 48) bool
        Where the outline lies within the image.
    """

    center: Float64Array
    radius: Float64Array
    fall: Float64Array
    seen: BoolArray

    def at(self, share: float, beyond: float = 0.0) -> tuple[Float32Array, Float32Array]:
        """(n, 48) x and y at a share of the radius, and so many pixels farther out."""
        reach = self.radius * share + beyond
        x, y = self.center[:, :1] + np.cos(ANGLE) * reach, self.center[:, 1:] + np.sin(ANGLE) * reach
        return x.astype(np.float32), y.astype(np.float32)


def fit_outlines(density: Float32Array, centers: Int64Array, radius: float) -> Outlines:
    """The outline around each center along which density falls most, smooth and about as large as a red cell.

    density (H, W) float32 in densities of a red cell; centers (n, 2) x, y; radius of the field's red cells.
    """
    height, width = density.shape
    r = np.linspace(_NEAREST, _FARTHEST, RADII) * radius
    x = (centers[:, 0, None, None] + np.cos(ANGLE)[:, None] * r).astype(np.float32).reshape(-1, RADII)
    y = (centers[:, 1, None, None] + np.sin(ANGLE)[:, None] * r).astype(np.float32).reshape(-1, RADII)
    smooth = cv2.GaussianBlur(density, (0, 0), _SIGMA_PX)
    polar = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    fall = np.zeros_like(polar)
    fall[:, 1:-1] = polar[:, :-2] - polar[:, 2:]
    fall[~inside] = 0
    gain = np.clip(fall, -_LARGEST_RISE, _LARGEST_FALL) - (_ODD_SIZE * (r / radius - 1) ** 2).astype(np.float32)
    shape = len(centers), ANGLES
    paths = np.empty(shape, np.int32)
    for path, one in zip(paths, gain.reshape(*shape, RADII)):
        closed_path(one, _LARGEST_STEP, _BEND, path, np.empty((2, RADII)), np.empty((ANGLES, RADII), np.int32))
    chosen = np.arange(paths.size), paths.ravel()
    return Outlines(centers.astype(np.float64), r[paths], fall[chosen].reshape(shape).astype(np.float64),
                    inside[chosen].reshape(shape))
