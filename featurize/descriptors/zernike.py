"""Zernike moments: the form of a weighted region, unchanged by a turn."""
from functools import cache
from math import comb, factorial

import numpy as np

from featurize.arrays import Complex128Array, Float64Array
from featurize.descriptors.texture import Plane, check_plane
from featurize.errors import UserError
from featurize.kernels.zernike import power_sums

_MOST_DEGREE = 12    # beyond, powers of pixels lose their digits


def zernike_moments(plane: Plane, radius: float, degree: int = 8,
                    center: tuple[float, float] | None = None) -> Float64Array:
    """Magnitudes of the Zernike moments of a plane, the numbers of `mahotas.features.zernike_moments`.

    Parameters
    ----------
    plane : (H, W)
        Weights; only values above 0 within `radius` of the center count, and they are divided by their sum.
    radius : float
        Pixels.
    degree : int
        Largest n, at most 12.
    center : (row, column)
        By default the center of mass of the plane.

    Returns
    -------
    (m,) float64
        |A_nl| for n = 0..degree and l = n mod 2, ..., n (see `zernike_orders`), unchanged by a turn of the image; NaN
        without any weight.

    References
    ----------
    Teague 1980, 10.1364/JOSA.70.000920; Khotanzad & Hong 1990, 10.1109/34.55109, eq. 7.

    Examples
    --------
    A disk has the weight 1 / pi in (0, 0) and hardly any in the moments of other forms:

    >>> y, x = np.ogrid[-20:21, -20:21]
    >>> moments = zernike_moments(y * y + x * x <= 400, radius=20.5, degree=2)
    >>> dict(zip(zernike_orders(2), moments.round(2).tolist()))
    {(0, 0): 0.32, (1, 1): 0.0, (2, 0): 0.05, (2, 2): 0.0}
    """
    check_plane(plane)
    if not 0 <= degree <= _MOST_DEGREE:
        raise UserError(f"degree is {degree}: give 0 to {_MOST_DEGREE}, beyond that powers of pixels lose their digits")
    if not radius > 0:
        raise UserError(f"radius is {radius}: give a number above 0")
    if center is None:
        weight = plane.astype(np.float64)
        y, x = weight.sum(axis=1), weight.sum(axis=0)
        total = y.sum()
        center = (float(y @ np.arange(len(y)) / total), float(x @ np.arange(len(x)) / total)) if total else (0.0, 0.0)
    sums = np.zeros((degree + 1, degree + 1))
    power_sums(np.ascontiguousarray(plane), center[0], center[1], float(radius), sums)
    if not sums[0, 0]:
        return np.full(len(zernike_orders(degree)), np.nan)
    return np.asarray(np.abs(_zernike_matrix(degree) @ (sums / sums[0, 0]).ravel()))


def zernike_orders(degree: int) -> list[tuple[int, int]]:
    """(n, l) of the moments in the order of `zernike_moments`.

    >>> zernike_orders(3)
    [(0, 0), (1, 1), (2, 0), (2, 2), (3, 1), (3, 3)]
    """
    return [(n, k) for n in range(degree + 1) for k in range(n % 2, n + 1, 2)]


@cache
def _zernike_matrix(degree: int) -> Complex128Array:
    """Moments as sums of powers: (moments, (degree + 1)^2), columns y^b x^a in the order (b, a).

    R_nl(r) exp(-i l t) is a sum over s of a coefficient times (x^2 + y^2)^m (x - i y)^l with m = (n - l) / 2 - s.
    """
    matrix = np.zeros((len(zernike_orders(degree)), degree + 1, degree + 1), np.complex128)
    for row, (n, k) in enumerate(zernike_orders(degree)):
        for s in range((n - k) // 2 + 1):
            m = (n - k) // 2 - s
            radial = (-1) ** s * factorial(n - s) / (factorial(s) * factorial((n + k) // 2 - s) * factorial(m))
            for u in range(m + 1):
                for v in range(k + 1):
                    matrix[row, 2 * u + v, 2 * (m - u) + k - v] += radial * comb(m, u) * comb(k, v) * (-1j) ** v
        matrix[row] *= (n + 1) / np.pi
    return matrix.reshape(len(matrix), -1)
