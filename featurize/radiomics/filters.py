"""Filtered images as pyradiomics makes them of a 2-D image, without pyradiomics and SimpleITK."""
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import Float32Array, Float64Array
from featurize.errors import UserError
from featurize.kernels.filters import periodic_rows, recursive_rows, uniform_patterns

FILTERS = ("original", "log", "wavelet", "gradient", "square", "squareroot", "logarithm", "exponential", "lbp_2d")
# Low-pass decomposition filters of sum sqrt 2. Daubechies, Ten Lectures on Wavelets, 1992,
# doi:10.1137/1.9781611970104, tables 6.1 (db2), 6.3 (sym4) and 8.1 (coif1), to double precision, in the orientation
# and with the last digits that PyWavelets has.
_LOW = {
    "haar": (0.7071067811865476, 0.7071067811865476),
    "db2": (-0.12940952255126037, 0.2241438680420134, 0.8365163037378079, 0.48296291314453416),
    "coif1": (-0.015655728135791993, -0.07273261951252645, 0.3848648468648578, 0.8525720202116004,
              0.3378976624574818, -0.07273261951252645),
    "sym4": (-0.07576571478927333, -0.02963552764599851, 0.49761866763201545, 0.8037387518059161,
             0.29785779560527736, -0.09921954357684722, -0.012603967262037833, 0.0322231006040427),
}
WAVELETS = tuple(_LOW)
# Deriche's fit of a Gaussian and of its second derivative by two damped cosines: a, b of both terms; then their
# angular speeds and dampings, which the two share. INRIA research report 1893, 1993, as ITK has them.
_GAUSSIAN = ((1.3530, 1.8151), (-0.3531, 0.0902))
_CURVATURE = ((-1.3563, 5.2318), (0.3446, -2.2355))
_SPEEDS = (0.6681, 2.0787)
_DAMPINGS = (-1.3932, -1.3732)
_LEAST_PX = 4            # shortest side that ITK's recursive filter takes
_LEAST_SIGMA_PX = 0.1    # below, the fit of the second derivative cancels to nothing


def filtered_images(plane: NDArray[np.generic], names: tuple[str, ...] = FILTERS, *,
                    log_sigma: tuple[float, ...] = (1.0, 3.0), wavelet: str = "coif1") -> dict[str, Float64Array]:
    """The filtered images of one gray plane, pixel spacing 1, by key.

    Parameters
    ----------
    plane : (H, W) integers, bool or floats
        Finite.
    names : tuple of str
        Out of `FILTERS`.
    log_sigma : tuple of float
        In px, 0.1 or more; used by "log".
    wavelet : str
        One of `WAVELETS`; used by "wavelet".

    Returns
    -------
    dict of str to (H, W) float64
        In the order of `names`, by these keys:

        key                                    pyradiomics                    what
        original                               original                       the plane
        log_sigma_1, log_sigma_1_5, ...        log-sigma-1-0-mm-3D, ...       sigma^2 (d2/dx2 + d2/dy2) of the blurred
        wavelet_lh, _hl, _hh, _ll              wavelet-LH, -HL, -HH, -LL      first letter along x, second along y
        gradient                               gradient                       length of the central differences
        square                                 square                         x^2 / m, m the largest |x|
        squareroot                             squareroot                     sign(x) sqrt(|x| m)
        logarithm                              logarithm                      sign(x) log(|x| + 1) m / log(m + 1)
        exponential                            exponential                    exp(x log(m) / m)
        lbp_2d                                 lbp-2D                         bright ones of 8 neighbors, 9 if mixed

    Notes
    -----
    Values are those of pyradiomics-bhklab 3.1.4 with SimpleITK 2.5 on a 2-D image, on x86-64 to the bit: log, gradient
    have float32 precision, as ITK rounds there, and so has wavelet of a float32 plane.
    An image is NaN where pyradiomics gives none or only NaN: log where a side is under 4 px or under ceil(sigma) + 1
    px; square, logarithm and exponential of a black plane. For wavelet a side of odd length is made even by
    its first row or column once more at the end, then cut off.

    Raises
    ------
    UserError
        For a plane, a name, a sigma or a wavelet that cannot be used.

    References
    ----------
    van Griethuysen et al. 2017, doi:10.1158/0008-5472.CAN-17-0339; Ojala et al. 2002,
    doi:10.1109/TPAMI.2002.1017623, eq. 9.

    Examples
    --------
    sign(x) sqrt(|x| m) with the largest value m = 9:

    >>> filtered_images(np.array([[0, 1], [4, 9]]), ("squareroot",))["squareroot"].tolist()
    [[0.0, 3.0], [6.0, 9.0]]
    """
    _check(plane, names, log_sigma, wavelet)
    x = plane.astype(np.float64)
    # PyWavelets stays in float32 where it gets it.
    fine: NDArray[np.floating] = plane.astype(np.float32) if plane.dtype == np.float32 else x
    out: dict[str, Float64Array] = {}
    for name in names:
        if name == "log":
            out |= {f"log_sigma_{sigma:g}".replace(".", "_"): _laplacian(x, sigma) for sigma in log_sigma}
        elif name == "wavelet":
            out |= _wavelet(fine, wavelet)
        else:
            out[name] = _SINGLE[name](x)
    return out


def _check(plane: NDArray[np.generic], names: tuple[str, ...], log_sigma: tuple[float, ...], wavelet: str) -> None:
    if plane.ndim != 2 or not plane.size or plane.dtype.kind not in "biuf":
        raise UserError(f"filters got {plane.dtype} of shape {plane.shape}, want numbers of shape (H, W): "
                        "pass one gray plane")
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        raise UserError("filters got a plane with NaN or infinite values, want finite ones: fill them first")
    for name in names:
        if name not in FILTERS:
            raise UserError(f"filter {name!r} is not known: choose among {', '.join(FILTERS)}")
    if wavelet not in _LOW:
        raise UserError(f"wavelet {wavelet!r} is not known: choose among {', '.join(WAVELETS)}")
    for sigma in log_sigma:
        if not _LEAST_SIGMA_PX <= sigma < math.inf:
            raise UserError(f"log_sigma has {sigma}, want 0.1 px or more: leave it out")


def _numerator(sigma: float, terms: tuple[tuple[float, float], ...]) -> tuple[Float64Array, tuple[float, float, float]]:
    """Numerator (4,) of a sum of two damped cosines sampled at 1 / sigma; its moments of order 0, 1, 2 at z = 1."""
    (a1, b1), (a2, b2) = terms
    (s1, s2), (c1, c2) = ((f(_SPEEDS[0] / sigma), f(_SPEEDS[1] / sigma)) for f in (math.sin, math.cos))
    e1, e2 = (math.exp(damping / sigma) for damping in _DAMPINGS)
    n0 = a1 + a2
    n1 = e2 * (b2 * s2 - (a2 + 2 * a1) * c2) + e1 * (b1 * s1 - (a1 + 2 * a2) * c1)
    n2 = ((a1 + a2) * c2 * c1 - (b1 * c2 * s1 + b2 * c1 * s2)) * (2 * e1 * e2) + (a2 * e1 * e1 + a1 * e2 * e2)
    n3 = e2 * e1 * e1 * (b2 * s2 - a2 * c2) + e1 * e2 * e2 * (b1 * s1 - a1 * c1)
    return np.array([n0, n1, n2, n3]), (n0 + n1 + n2 + n3, n1 + 2 * n2 + 3 * n3, n1 + 4 * n2 + 9 * n3)


def _feedback(sigma: float) -> tuple[Float64Array, tuple[float, float, float]]:
    """Denominator (4,), without its leading 1, and its moments."""
    c1, c2 = (math.cos(speed / sigma) for speed in _SPEEDS)
    e1, e2 = (math.exp(damping / sigma) for damping in _DAMPINGS)
    d1 = -2 * (e2 * c2 + e1 * c1)
    d2 = 4 * c2 * c1 * e1 * e2 + (e1 * e1 + e2 * e2)
    d3 = -2 * c1 * e1 * e2 * e2 + -2 * c2 * e2 * e1 * e1
    d4 = e1 * e1 * e2 * e2
    return np.array([d1, d2, d3, d4]), (1 + d1 + d2 + d3 + d4, d1 + 2 * d2 + 3 * d3 + 4 * d4,
                                        d1 + 4 * d2 + 9 * d3 + 16 * d4)


def _recursion(sigma: float, order: int) -> tuple[Float64Array, Float64Array]:
    """Numerator and feedback of a Gaussian (order 0: sum 1) or of its second derivative (order 2) times sigma^2.

    The second derivative is made exact on constants (0) and on parabolas: Farneback & Westin 2006,
    doi:10.1007/s10851-006-8464-z.
    """
    feedback, (sd, dd, ed) = _feedback(sigma)
    flat, (sn0, dn0, en0) = _numerator(sigma, _GAUSSIAN)
    if order == 0:
        return flat * (1 / (2 * sn0 / sd - flat[0])), feedback
    bent, (sn2, dn2, en2) = _numerator(sigma, _CURVATURE)
    beta = -(2 * sn2 - sd * bent[0]) / (2 * sn0 - sd * flat[0])
    sn, dn, en = sn2 + beta * sn0, dn2 + beta * dn0, en2 + beta * en0
    alpha = (en * sd * sd - ed * sn * sd - 2 * dn * dd * sd + 2 * dd * dd * sn) / (sd * sd * sd)
    return (bent + beta * flat) * (sigma * sigma / alpha), feedback


def _along_rows(plane: NDArray[np.floating], sigma: float, order: int) -> Float32Array:
    """One recursive filter down and one up every column, summed, and rounded to float32 as ITK does."""
    plane = np.ascontiguousarray(plane)
    ahead, feedback = _recursion(sigma, order)
    behind = np.append(ahead[1:], 0) - feedback * ahead[0]
    both = []
    for rates, delay, forward in ((ahead, 0, True), (behind, 1, False)):
        out = np.empty(plane.shape)
        # The sums run from left to right: in flat areas the last bit decides the sign of the response.
        gain = rates[0] + rates[1] + rates[2] + rates[3]
        total = 1.0 + feedback[0] + feedback[1] + feedback[2] + feedback[3]
        recursive_rows(plane, rates, feedback, feedback * gain / total, delay, forward, out)
        both.append(out)
    return (both[0] + both[1]).astype(np.float32)


def _laplacian(x: Float64Array, sigma: float) -> Float64Array:
    if min(x.shape) < max(_LEAST_PX, math.ceil(sigma) + 1):
        return np.full(x.shape, np.nan)
    across = _along_rows(_along_rows(x.T, sigma, 2).T, sigma, 0)
    down = _along_rows(_along_rows(x, sigma, 2).T, sigma, 0).T
    return (across + down).astype(np.float64)


def _wavelet(x: NDArray[np.floating], wavelet: str) -> dict[str, Float64Array]:
    low = np.array(_LOW[wavelet], x.dtype)
    if wavelet == "coif1" and x.dtype == np.float32:
        # PyWavelets' own float32 table is one unit in the last place lower here.
        low[3] = np.nextafter(low[3], np.float32(0))
    high = low[::-1] * np.where(np.arange(len(low)) % 2, 1, -1).astype(x.dtype)
    height, width = x.shape
    even = np.pad(x, ((0, height % 2), (0, width % 2)), "wrap")
    bands = {}
    for first, half in zip("lh", _halves(even.T, low, high)):
        for second, band in zip("lh", _halves(half.T, low, high)):
            bands[first + second] = band[:height, :width].astype(np.float64)
    return {f"wavelet_{band}": bands[band] for band in ("lh", "hl", "hh", "ll")}


def _halves(x: NDArray[np.floating], low: NDArray[np.floating],
            high: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    out = np.zeros(x.shape, x.dtype), np.zeros(x.shape, x.dtype)
    periodic_rows(np.ascontiguousarray(x), low, high, *out)
    return out


def _gradient(x: Float64Array) -> Float64Array:
    """The rim repeats, so that the difference there is half of the step inwards."""
    p = np.pad(x, 1, "edge")
    across, down = (p[1:-1, 2:] - p[1:-1, :-2]) / 2, (p[2:, 1:-1] - p[:-2, 1:-1]) / 2
    return np.sqrt(across * across + down * down).astype(np.float32).astype(np.float64)


def _square(x: Float64Array) -> Float64Array:
    largest = np.abs(x).max()
    return (1 / np.sqrt(largest) * x) ** 2 if largest else np.full(x.shape, np.nan)


def _squareroot(x: Float64Array) -> Float64Array:
    return np.copysign(np.sqrt(np.abs(x) * np.abs(x).max()), x)


def _logarithm(x: Float64Array) -> Float64Array:
    logs = np.copysign(np.log(np.abs(x) + 1), x)
    largest = np.abs(logs).max()
    return logs * (np.abs(x).max() / largest) if largest else np.full(x.shape, np.nan)


def _exponential(x: Float64Array) -> Float64Array:
    largest = np.abs(x).max()
    return np.exp(np.log(largest) / largest * x) if largest else np.full(x.shape, np.nan)


def _patterns(x: Float64Array) -> Float64Array:
    """Uniform local binary patterns of 8 points at radius 1; outside the plane all is 0."""
    angles = 2 * np.pi * np.arange(8) / 8
    out = np.empty(x.shape)
    # scikit-image rounds the steps to 5 digits, which puts the four straight neighbors exactly on pixels.
    uniform_patterns(np.pad(x, 1), np.round(-np.sin(angles), 5), np.round(np.cos(angles), 5), out)
    return out


_SINGLE: dict[str, Callable[[Float64Array], Float64Array]] = {
    "original": np.copy, "gradient": _gradient, "square": _square, "squareroot": _squareroot,
    "logarithm": _logarithm, "exponential": _exponential, "lbp_2d": _patterns,
}
