"""Maps from pixels to grid coordinates, fitted to measured phases: similarity, affine map or homography."""
from dataclasses import dataclass

import numpy as np

from ecg.page.grid import GridHomography
from featurize.arrays import BoolArray, Float64Array

# Degrees of freedom of a similarity: shift, rotation, scale.
SIMILARITY = 4
# Degrees of freedom of an affine map.
AFFINE = 6
# Degrees of freedom of a homography.
HOMOGRAPHY = 8
# Prefer fewer degrees of freedom if the median error is less than this many times the homography's. A scan has no
# perspective, and noise would give it one: on faxes a homography stretched time by 0.06 %.
_SIMPLER_ERROR_RATIO = 1.03
# Rounds of reweighting.
_ROUNDS = 4
# Residual at which a phase counts half, in median absolute residuals.
_HALF_WEIGHT_RESIDUAL = 1.5
# Added to that residual, boxes, so that an exact fit divides by no zero.
_LEAST_RESIDUAL = 1e-6


@dataclass(frozen=True)
class GridPoints:
    """Positions whose grid coordinates were measured.

    Parameters
    ----------
    xy : (n, 2) float64
        Pixels.
    uv : (n, 2) float64
        Grid coordinates, boxes of 5 mm.
    weights : (n,) float64
        Strength of the grid there.
    """

    xy: Float64Array
    uv: Float64Array
    weights: Float64Array

    def only(self, chosen: BoolArray) -> "GridPoints":
        """The points of an (n,) mask."""
        return GridPoints(self.xy[chosen], self.uv[chosen], self.weights[chosen])

    def errors(self, matrix: Float64Array) -> Float64Array:
        """(n,) distances, boxes, between the measured coordinates and those of a homography (3, 3)."""
        return np.hypot(*(GridHomography(matrix, 0, 0).boxes(self.xy) - self.uv).T)


def simplest_map(matrix: Float64Array, points: GridPoints) -> Float64Array:
    """The map (3, 3) with the fewest degrees of freedom whose error is nearly that of `matrix`.

    `matrix` may come from coarser phases: only its error on `points` is used.
    """
    error = float(np.median(points.errors(matrix)))
    for freedoms in (SIMILARITY, AFFINE):
        candidate = fit_map(points, freedoms)
        if float(np.median(points.errors(candidate))) < _SIMPLER_ERROR_RATIO * error:
            return candidate
    return fit_map(points, HOMOGRAPHY)


def fit_map(points: GridPoints, freedoms: int) -> Float64Array:
    """(3, 3) map from pixels to boxes by weighted least squares, outliers weighted down in rounds.

    Parameters
    ----------
    points : GridPoints
    freedoms : int
        4: similarity, 6: affine map, 8: homography.
    """
    uv = points.uv
    center, scale = points.xy.mean(axis=0), max(float(points.xy.std()), 1.0)
    x, y = ((points.xy - center) / scale).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    a = np.r_[np.c_[x, y, one, zero, zero, zero, -uv[:, 0] * x, -uv[:, 0] * y],
              np.c_[zero, zero, zero, x, y, one, -uv[:, 1] * x, -uv[:, 1] * y]][:, :max(freedoms, AFFINE)]
    if freedoms == SIMILARITY:  # v turns as u does: (x, y) and (y, -x) share their factors
        a = np.c_[a[:, 0] + a[:, 4], a[:, 1] - a[:, 3], a[:, 2], a[:, 5]]
    b = np.r_[uv[:, 0], uv[:, 1]]
    w = np.r_[points.weights, points.weights] / points.weights.max()
    robust = np.ones_like(w)
    for _ in range(_ROUNDS):
        root = np.sqrt(w * robust)
        h = np.linalg.lstsq(a * root[:, None], b * root, rcond=None)[0]
        residual = a @ h - b
        unit = _HALF_WEIGHT_RESIDUAL * np.median(np.abs(residual)) + _LEAST_RESIDUAL
        robust = 1 / (1 + (residual / unit) ** 2)
    if freedoms == SIMILARITY:
        h = np.array([h[0], h[1], h[2], -h[1], h[0], h[3]])
    full = np.r_[h, np.zeros(HOMOGRAPHY - len(h)), 1].reshape(3, 3)
    return full @ np.array([[1 / scale, 0, -center[0] / scale], [0, 1 / scale, -center[1] / scale], [0, 0, 1]])
