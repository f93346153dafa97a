"""Texture beyond co-occurrences: local binary patterns, oriented gradients, Gabor energies."""
from functools import lru_cache
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, Int64Array
from featurize.errors import UserError
from featurize.kernels.hog import L1, L2, L2_HYS, cell_histograms, normalized_blocks
from featurize.kernels.lbp import DEFAULT, NRI_UNIFORM, ROR, UNIFORM, circle_bits, count_codes, name_codes

Plane = NDArray[Any]

_MOST_POINTS = 24            # on the circle of a local binary pattern
_MOST_COUNTED_POINTS = 16    # beyond, the 2^points codes of "default" and "ror" are too many to be counted
_DECIMALS = 5                # to which scikit-image rounds the points of a circle
_FILTER_SIGMAS = 6           # reach of a Gabor filter that the transform is padded by, in sigmas of its envelope
_METHODS = {"default": DEFAULT, "ror": ROR, "uniform": UNIFORM, "nri_uniform": NRI_UNIFORM}
_NORMS = {"L1": L1, "L2": L2, "L2-Hys": L2_HYS}
# Half-height bandwidth of one octave: Petkov & Kruizinga 1997, 10.1007/s004220050358, eq. 4 with b = 1.
_SIGMA_PER_WAVELENGTH = 3 / np.pi * np.sqrt(np.log(2) / 2)


def local_binary_pattern(plane: Plane, points: int = 8, radius: float = 1.0,
                         method: str = "uniform") -> Int32Array:
    """Codes of local binary patterns, pixel by pixel those of `skimage.feature.local_binary_pattern`.

    Parameters
    ----------
    plane : (H, W) integers or reals
    points : int
        Points on the circle, 2 to 24.
    radius : float
        Of the circle, in pixels; the points' offsets are rounded to 5 decimals and read bilinearly.
    method : {"default", "ror", "uniform", "nri_uniform"}
        All bits; the smallest of all turns of them; number of ones of uniform patterns (riu2); uniform with direction.

    Returns
    -------
    (H, W) int32
        Outside the image everything is 0, so that codes nearer than `radius` to the rim depend on the rim.

    Raises
    ------
    UserError
        For another shape, method or number of points.

    References
    ----------
    Ojala, Pietikainen & Maenpaa 2002, 10.1109/TPAMI.2002.1017623, eq. 4 (default), 8 (ror), 9 (uniform).

    Examples
    --------
    All 8 neighbors of the bright pixel are darker than it, which is code 0; a 0 is never darker than its neighbors:

    >>> plane = np.array([[0, 0, 0],
    ...                   [0, 9, 0],
    ...                   [0, 0, 0]])
    >>> local_binary_pattern(plane, points=8, radius=1)
    array([[8, 8, 8],
           [8, 0, 8],
           [8, 8, 8]], dtype=int32)
    """
    _check_pattern(plane, points, radius, method)
    return _codes(plane, points, radius, method, (0, 0, *plane.shape))


def lbp_histogram(plane: Plane, masks: BoolArray, points: int = 8, radius: float = 1.0,
                  method: str = "uniform") -> Int64Array:
    """How often every code stands in every region.

    Parameters
    ----------
    plane : (H, W)
    masks : (R, H, W) bool
    points, radius, method
        As for `local_binary_pattern`; at most 16 points for "default" and "ror", whose codes are 2^points.

    Returns
    -------
    (R, K) int64
        K = points + 2 (uniform), points (points - 1) + 3 (nri_uniform) or 2^points. Pixels whose circle leaves the
        image are not counted: their codes would depend on its rim.

    Raises
    ------
    UserError
        As `local_binary_pattern` does; for masks of another size; for too many codes.

    Examples
    --------
    Of this plane the circles of four pixels lie inside: one brighter than all 8 neighbors, three nowhere brighter.

    >>> plane = np.zeros((4, 4))
    >>> plane[1, 1] = 9
    >>> lbp_histogram(plane, np.ones((1, 4, 4), bool), points=8, radius=1)
    array([[1, 0, 0, 0, 0, 0, 0, 0, 3, 0]])
    """
    _check_pattern(plane, points, radius, method)
    if masks.shape[1:] != plane.shape:
        raise UserError(f"masks are {masks.shape}, the plane is {plane.shape}: give masks of (regions, H, W)")
    if points > _MOST_COUNTED_POINTS and method in ("default", "ror"):
        raise UserError(f"{points} points make 2^{points} codes of method {method!r}: count at most "
                        f"{_MOST_COUNTED_POINTS} points, or use uniform")
    sizes = {"uniform": points + 2, "nri_uniform": points * (points - 1) + 3}
    counts = np.zeros((len(masks), sizes.get(method, 2 ** points)), np.int64)
    reach = ceil(radius)
    inner = np.asarray(masks.any(axis=0))[reach: plane.shape[0] - reach, reach: plane.shape[1] - reach]
    if inner.any():
        top, left, height, width = bounding_box(inner)
        top, left = top + reach, left + reach
        codes = _codes(plane, points, radius, method, (top, left, height, width))
        count_codes(codes, masks[:, top: top + height, left: left + width], counts)
    return counts


def _check_pattern(plane: Plane, points: int, radius: float, method: str) -> None:
    check_plane(plane)
    if method not in _METHODS:
        raise UserError(f"method is {method!r}, not one of {', '.join(_METHODS)}")
    if not 2 <= points <= _MOST_POINTS:
        raise UserError(f"points is {points}: give 2 to {_MOST_POINTS}")
    if not radius > 0:
        raise UserError(f"radius is {radius}: give a number above 0")


def check_plane(plane: Plane) -> None:
    """Refuses a plane that is not (H, W)."""
    if plane.ndim != 2:
        raise UserError(f"the plane has shape {plane.shape}: give one channel of (H, W)")


def _codes(plane: Plane, points: int, radius: float, method: str,
           box: tuple[int, int, int, int]) -> Int32Array:
    """Codes of a box (top, left, height, width) of the plane."""
    top, left, height, width = box
    margin = ceil(radius) + 1
    padded = np.zeros((height + 2 * margin, width + 2 * margin))
    y, x = max(top - margin, 0), max(left - margin, 0)
    part = plane[y: top + height + margin, x: left + width + margin]
    y, x = y - top + margin, x - left + margin
    padded[y: y + part.shape[0], x: x + part.shape[1]] = part
    turn = 2 * np.pi * np.arange(points) / points
    bits, codes = np.zeros((height, width), np.int64), np.empty((height, width), np.int32)
    # Rounded, so that the cosine of a right angle doesn't make four pixels of one.
    rows, columns = np.round(-radius * np.sin(turn), _DECIMALS), np.round(radius * np.cos(turn), _DECIMALS)
    circle_bits(padded, margin, rows, columns, top, left, bits)
    name_codes(bits, points, _METHODS[method], codes)
    return codes


def bounding_box(mask: BoolArray) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the smallest box around a (H, W) mask; all 0 for an empty one."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return top, left, height, width


def hog(plane: Plane, orientations: int = 9, pixels_per_cell: tuple[int, int] = (8, 8),
        cells_per_block: tuple[int, int] = (3, 3), block_norm: str = "L2-Hys") -> Float64Array:
    """Histogram of oriented gradients, the numbers of `skimage.feature.hog` (transform_sqrt=False).

    Parameters
    ----------
    plane : (H, W)
    orientations : int
        Bins over half a turn.
    pixels_per_cell, cells_per_block : (rows, columns)
    block_norm : {"L2-Hys", "L2", "L1"}

    Returns
    -------
    (block rows, block columns, cell rows, cell columns, orientations) float64
        `.ravel()` is scikit-image's feature vector.

    Raises
    ------
    UserError
        If the plane is smaller than one block.

    References
    ----------
    Dalal & Triggs 2005, 10.1109/CVPR.2005.177.

    Examples
    --------
    A ramp that grows to the right has gradients of one direction, the first of four bins:

    >>> ramp = np.tile(np.arange(16), (16, 1))
    >>> descriptor = hog(ramp, orientations=4, pixels_per_cell=(8, 8), cells_per_block=(1, 1))
    >>> descriptor.shape
    (2, 2, 1, 1, 4)
    >>> descriptor[0, 0, 0, 0].round(2).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    check_plane(plane)
    if block_norm not in _NORMS:
        raise UserError(f"block_norm is {block_norm!r}, not one of {', '.join(_NORMS)}")
    rows, columns = (n // size for n, size in zip(plane.shape, pixels_per_cell))
    high, wide = cells_per_block
    if rows < high or columns < wide:
        raise UserError(f"the plane is {plane.shape}, one block needs {high * pixels_per_cell[0]} x "
                        f"{wide * pixels_per_cell[1]} pixels: use smaller cells or blocks")
    # Single precision: the ends of the bins as scikit-image has them.
    ends = np.float32(180 / orientations) * np.arange(1, orientations + 1, dtype=np.float32)
    # Half a turn is never reached: a direction of 180 degrees is one of 0.
    turn = np.deg2rad(ends[ends < 180].astype(np.float64))
    cells = np.zeros((rows, columns, orientations), np.float32)
    cell_histograms(plane, np.cos(turn), np.sin(turn), *pixels_per_cell, cells)
    blocks = np.empty((rows - high + 1, columns - wide + 1, high, wide, orientations))
    normalized_blocks(cells, _NORMS[block_norm], blocks)
    return blocks


def gabor_energies(plane: Plane, mask: BoolArray, wavelengths: tuple[float, ...] = (4.0, 8.0, 16.0),
                   orientations: int = 6) -> Float64Array:
    """Mean squared magnitude of complex Gabor filters over a region, without filtering.

    Outside the region the plane is set to the region's mean. By Parseval's theorem the sum of the squared response over
    the whole plane is the power spectrum weighted with the squared transfer function; that of a round Gaussian
    envelope factors into rows and columns, so that all filters together cost one Fourier transform and one product.

    Parameters
    ----------
    plane, mask : (H, W)
    wavelengths : tuple of float
        Pixels; the envelope's sigma is .56 wavelengths (bandwidth of one octave).
    orientations : int
        Directions of the wave, evenly over half a turn from the column axis.

    Returns
    -------
    (wavelengths, orientations) float64
        In squared units of the plane, summed over the plane / pixels of the region: a wave of amplitude A along the
        filter gives A^2 / 4. NaN for an empty region.

    References
    ----------
    Petkov & Kruizinga 1997, 10.1007/s004220050358, eq. 1 (complex, round envelope, peak gain 1).

    Examples
    --------
    A wave along the rows of amplitude 10 and 8 px answers to the filter along the rows (25 = 10^2 / 4, less what is
    lost at the rim) and not to the one along the columns:

    >>> plane = np.tile(10 * np.cos(2 * np.pi * np.arange(512) / 8), (512, 1))
    >>> gabor_energies(plane, np.ones((512, 512), bool), wavelengths=(8.0,), orientations=2).round().tolist()
    [[25.0, 0.0]]
    """
    top, left, height, width = bounding_box(mask)
    if not height:
        return np.full((len(wavelengths), orientations), np.nan)
    box = np.s_[top: top + height, left: left + width]
    inside = mask[box]
    n = int(np.count_nonzero(inside))
    reach = ceil(_FILTER_SIGMAS * _SIGMA_PER_WAVELENGTH * max(wavelengths))
    size = [cv2.getOptimalDFTSize(side + reach) for side in (height, width)]
    padded = np.zeros(size, np.float32)
    part = plane[box].astype(np.float64)
    padded[:height, :width] = (part - part[inside].mean()) * inside
    spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
    power = spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2
    rows, columns = (_transfers(side, wavelengths, orientations, k) for k, side in enumerate(size))
    # No matrix product of BLAS: its sums depend on the number of threads, and threads cost more than they save here.
    sums = np.einsum("kx,kx->k", np.einsum("ky,yx->kx", rows, power), columns, dtype=np.float64)
    return np.asarray(sums / (n * size[0] * size[1])).reshape(len(wavelengths), orientations)


@lru_cache(maxsize=256)
def _transfers(n: int, wavelengths: tuple[float, ...], orientations: int, axis: int) -> Float32Array:
    """(filters, n) factor of the squared transfer functions along rows (axis 0) or columns (axis 1) of n pixels."""
    turn = np.arange(orientations) * np.pi / orientations
    peak = np.tile(np.cos(turn) if axis else np.sin(turn), len(wavelengths))
    wave = np.repeat(wavelengths, orientations)
    away = np.fft.fftfreq(n) - (peak / wave)[:, None]
    # A sampled filter's spectrum repeats with period 1.
    lobes = sum(np.exp(-2 * (np.pi * _SIGMA_PER_WAVELENGTH * wave[:, None] * (away + k)) ** 2) for k in (-1, 0, 1))
    return np.asarray(lobes ** 2, np.float32)
