"""The best closed contour around a centre: directions, the polar image, and the polygon filled."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from featurize.kernels.contour import closed_path
from featurize.segment.masks import mean_position, profiles

ANGLES = 96              # directions around the centre
RADII = 64               # steps along each direction
LARGEST_STEP = 3         # radii by which the contour may move between neighboring directions
_SUBPIXEL_BITS = 4       # corners of a polygon are drawn to 1/16 px
# Reach of the polar image around a nucleus.
_REACH_NUCLEI = 1.25     # times the distance from the centre to the nucleus's farthest pixel,
_REACH_RADII = 1.6       # plus so many radii of a disk of the nucleus's area
_BEND = 0.9              # cost of a move by one radius, in units of the summed likelihood
_OUTSIDE = -0.5          # likelihood outside the image


@dataclass(frozen=True)
class Rays:
    """Directions around a nucleus.

    Parameters
    ----------
    center : (x, y)
        In pixels.
    cosine, sine : (96, 1) float64
        Of every direction, x to the right and y down.
    reach : float
        Distance in pixels up to which the cell is sought.
    """

    center: tuple[float, float]
    cosine: Float64Array
    sine: Float64Array
    reach: float


def rays_around(nucleus: BoolArray, radius: float) -> Rays:
    """Directions and reach for a nucleus (H, W) whose area is that of a disk of `radius` px."""
    by_column, by_row = profiles(nucleus)
    columns, rows = np.flatnonzero(by_column), np.flatnonzero(by_row)
    # Midway between the center of mass and the middle of the box.
    center = (0.5 * (mean_position(by_column) + (columns[0] + columns[-1]) / 2),
              0.5 * (mean_position(by_row) + (rows[0] + rows[-1]) / 2))
    # The farthest pixel is the first or last of its row.
    ends = nucleus[rows].argmax(axis=1), nucleus.shape[1] - 1 - nucleus[rows, ::-1].argmax(axis=1)
    farthest = max(float(np.hypot(end - center[0], rows - center[1]).max()) for end in ends)
    angle = np.arange(ANGLES)[:, None] * (2 * np.pi / ANGLES)
    return Rays(center, np.cos(angle), np.sin(angle), _REACH_NUCLEI * farthest + _REACH_RADII * radius)


def inside_best_contour(likely: Float32Array, rays: Rays, radius: float) -> BoolArray:
    """(H, W) inside of the star-shaped contour around the nucleus with the largest sum of `likely`.

    likely (H, W) float32; radius: of a disk of the nucleus's area, in pixels.
    """
    step = rays.reach / RADII
    r = (np.arange(RADII) + 0.5) * step
    x, y = ((c + turn * r).astype(np.float32) for c, turn in zip(rays.center, (rays.cosine, rays.sine)))
    polar = cv2.remap(likely, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_OUTSIDE)
    # Weighted by the radius, because a step of the polar image covers an area that grows with it.
    gain = np.cumsum(polar * (r / radius).astype(np.float32), axis=1, dtype=np.float32)
    edge = (best_path(gain, _BEND)[:, None] + 1) * step
    corners = np.concatenate([rays.center[0] + rays.cosine * edge, rays.center[1] + rays.sine * edge], axis=1)
    return filled_polygon(corners, likely.shape)


def best_path(gain: Float32Array, bend: float) -> Int32Array:
    """(96,) index of the radius by direction: the closed path of largest summed gain, less `bend` a radius moved.

    gain (96, 64) float32.
    """
    path = np.empty(ANGLES, np.int32)
    closed_path(gain, LARGEST_STEP, bend, path, np.empty((2, RADII)), np.empty((ANGLES, RADII), np.int32))
    return path


def filled_polygon(corners: Float64Array, shape: tuple[int, ...]) -> BoolArray:
    """(H, W) inside of the polygon with corners (n, 2) x, y in pixels."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(corners * 2 ** _SUBPIXEL_BITS).astype(np.int32)], 1, shift=_SUBPIXEL_BITS)
    return canvas.view(bool)
