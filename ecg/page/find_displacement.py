"""Displacement of paper that is not flat: where the grid lies, measured everywhere, against where a plane would put it.

A homography flattens a plane. Curled, folded or bulging paper is no plane: its grid lies beside the plane's. By how
much follows from the phase of the grid's 5 mm wave in overlapping windows (complex demodulation, as fringe patterns are
read: Takeda et al. 1982, doi:10.1364/JOSA.72.000156). A smooth field is fitted to all phases.

Tuning values were chosen by hand on drawn pages (`ecg.simulate`) and the 12 pages of ecg_pages.
"""
import heapq
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solveh_banded
from scipy.ndimage import label

from ecg.page.displacement import DisplacementField
from ecg.page.grid import BOX_MM, FlatGrid
from featurize.arrays import BoolArray, Complex128Array, Float32Array, Float64Array, IntpArray

# Distance of the windows in which phases are measured, mm.
_STEP_MM = 5.0
# Standard deviation of a window's Gaussian, mm.
_WINDOW_MM = 5.0
# The usual strength of the grid is this quantile over all windows.
_USUAL_QUANTILE = 0.7
# A window counts if its grid has this share of the usual strength.
_LEAST_STRENGTH_SHARE = 0.3
# 5 mm lines are there if their wave is this many times as strong as one halfway between two harmonics, which no lines
# have.
_BOXES_TO_CHANCE = 4.0
# A measured displacement this far from the field counts half, mm: its phase is probably not the grid's.
_HALF_WEIGHT_MM = 0.12
# Rounds of that reweighting.
_ROUNDS = 3
# Harmonics of the 5 mm wave that are measured.
_HARMONICS = (1, 2, 3)
# Weight of the field's bending (squared second differences, mm per step) against squared distances from the phases.
_STIFFNESS = 2.0
# The field's size is this quantile of its length over the paper.
_SIZE_QUANTILE = 0.9
# Unwrapping starts at a strong window near the middle: exponent of the Gaussian weight over a page with sides of 1.
_CENTRAL = 8
# Phases that all are less than this, cycles, need no unwrapping.
_NO_JUMP_CYCLES = 0.25
# Least share of a window that lies on paper: below it a mean is divided by this instead.
_LEAST_AREA = 1e-3


def find_displacement(signal: Float32Array, paper: BoolArray, grid: FlatGrid, *,
                      stiffness: float = _STIFFNESS) -> DisplacementField:
    """How far the grid of a page lies from where a plane's homography puts it.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal` for the page as the homography flattened it; two pixels a millimetre are enough.
    paper : (H, W) bool
        Where there is paper.
    grid : FlatGrid
        Where the homography puts the grid.
    stiffness : float
        Weight of the field's bending against the measured phases.

    Returns
    -------
    DisplacementField
        In pixels of `signal`.
    """
    nodes, steps = [], []
    for length in signal.shape:
        count = int(np.ceil((length - 1) / (_STEP_MM * grid.px_per_mm))) + 1
        steps.append((length - 1) / (count - 1))
        nodes.append(np.round(steps[-1] * np.arange(count)).astype(int))
    windows = _windows(signal.shape, nodes, grid)
    waves = [grid_waves(signal, paper, grid, axis, windows, _HARMONICS) for axis in (0, 1)]
    strength = np.minimum(np.abs(waves[0][0]), np.abs(waves[1][0]))
    usual = max(float(np.quantile(strength, _USUAL_QUANTILE)), 1e-9)
    known = strength > _LEAST_STRENGTH_SHARE * usual
    shift, seen_from = [], _window_centers(paper, grid.px_per_mm, nodes, steps)
    for harmonics in waves:
        boxes = _unwrapped(-np.angle(harmonics[0]) / (2 * np.pi), np.where(known, strength, 0))
        boxes = _refined_by_harmonics(boxes, harmonics)
        weight = np.minimum(strength / usual, 1) * np.isfinite(boxes)
        shift.append(_smooth(boxes * BOX_MM, weight, seen_from, stiffness) * grid.px_per_mm)
    field = np.stack(shift)
    size = float(np.quantile(np.hypot(*field)[known], _SIZE_QUANTILE)) if known.any() else 0.0
    return DisplacementField(field, (steps[1], steps[0]), size)


def shows_boxes(signal: Float32Array, grid: FlatGrid) -> bool:
    """Whether lines stand every 5 mm, clearly above what is there by chance: some papers have only 1 mm dots.

    Parameters
    ----------
    signal : (H, W) float32
        As of `find_displacement`.
    grid : FlatGrid
    """
    everywhere = np.ones(signal.shape, bool)
    places = [np.arange(0, n, max(1, round(_STEP_MM * grid.px_per_mm))) for n in signal.shape]
    windows = _windows(signal.shape, places, grid)
    for axis in (0, 1):
        boxes, between = (np.median(np.abs(wave)) for wave in grid_waves(
            signal, everywhere, grid, axis, windows, (1, 1.5)))
        if boxes <= _BOXES_TO_CHANCE * between:
            return False
    return True


def incoherence(signal: Float32Array, paper: BoolArray, grid: FlatGrid) -> float:
    """How far the 5 mm lines are from one phase all over a page: 0 where the grid is flat, up to 6.

    Parameters
    ----------
    signal, paper, grid
        As of `find_displacement`.
    """
    places = [np.arange(0, n, max(1, round(_STEP_MM * grid.px_per_mm))) for n in signal.shape]
    windows = _windows(signal.shape, places, grid)
    waves = [wave for axis in (0, 1) for wave in grid_waves(signal, paper, grid, axis, windows, _HARMONICS)]
    return float(sum(1 - abs(wave.sum()) / max(np.abs(wave).sum(), 1e-30) for wave in waves))


def _windows(shape: tuple[int, ...], places: Sequence[ArrayLike], grid: FlatGrid) -> list[Float32Array]:
    """Of `gaussian_windows`, down and across."""
    return [gaussian_windows(n, at, _WINDOW_MM * grid.px_per_mm) for n, at in zip(shape, places)]


def _refined_by_harmonics(boxes: Float64Array, waves: Sequence[Complex128Array]) -> Float64Array:
    """The displacement (rows, columns) that all harmonics agree on, from that of the first.

    Lines are thin: the k-th harmonic is about as strong as the first and k times as precise.
    """
    total, weight = boxes * np.abs(waves[0]) ** 2, np.abs(waves[0]) ** 2
    for k, wave in zip(_HARMONICS[1:], waves[1:]):
        cycles = -np.angle(wave * np.exp(2j * np.pi * k * np.nan_to_num(boxes))) / (2 * np.pi)
        share = (k * np.abs(wave)) ** 2
        total += share * (boxes + cycles / k)
        weight += share
    return total / np.maximum(weight, 1e-30)


def gaussian_windows(length: int, at: ArrayLike, sigma_px: float) -> Float32Array:
    """(n, length) weights of Gaussian windows around positions `at`, px; beyond the image there is nothing."""
    off = (np.arange(length) - np.asarray(at, float)[:, None]) / sigma_px
    return np.asarray(np.exp(-0.5 * off ** 2) / (sigma_px * np.sqrt(2 * np.pi)), np.float32)


def grid_waves(signal: Float32Array, inside: BoolArray, grid: FlatGrid, axis: int, windows: Sequence[Float32Array],
               harmonics: Sequence[float]) -> list[Complex128Array]:
    """Complex amplitudes (n, m) of the 5 mm lines across one axis, in n x m windows: one array for each harmonic.

    Parameters
    ----------
    signal : (H, W) float32
    inside : (H, W) bool
        Pixels that count.
    grid : FlatGrid
        Where the lines are expected: there the phase is 0.
    axis : int
        0 for upright lines, 1 for level ones.
    windows : (n, H) and (m, W) float32
        Of `gaussian_windows`, down and across.
    harmonics : sequence of float
    """
    mask = inside.astype(np.float32)
    # Summed up along the lines first: what is real, the same for all harmonics and the larger part of the work.
    along, beyond = windows if axis == 0 else windows[::-1]
    whole, seen = (along @ (values if axis == 0 else values.T) for values in (mask, mask * signal))
    # The mean is no wave: it must not leak in where an edge cuts the window.
    level = (seen @ beyond.T) / np.maximum(whole @ beyond.T, _LEAST_AREA)
    at = np.arange(signal.shape[1 - axis]) - grid.origin_px[axis]
    out = []
    for harmonic in harmonics:
        turns = (beyond * np.exp(2j * np.pi * harmonic / grid.box_px * -at).astype(np.complex64)).T
        amplitude = np.asarray(seen @ turns - level * (whole @ turns), np.complex128)
        out.append(amplitude if axis == 0 else amplitude.T)
    return out


def _unwrapped(cycles: Float64Array, weight: Float64Array) -> Float64Array:
    """Phases (rows, columns) in cycles without jumps, followed outward from the middle along the strongest windows.

    NaN where the weight is 0 or no path leads there.
    """
    rows, columns = cycles.shape
    y, x = np.mgrid[:rows, :columns]
    central = weight * np.exp(-_CENTRAL * (((y + 0.5) / rows - 0.5) ** 2 + ((x + 0.5) / columns - 0.5) ** 2))
    start = divmod(int(central.argmax()), columns)
    reached, _ = label(weight > 0)
    if weight[start] > 0 and np.abs(cycles[reached == reached[start]]).max() < _NO_JUMP_CYCLES:
        return np.where(reached == reached[start], cycles, np.nan)
    out = np.full(cycles.shape, np.nan)
    queue = [(-weight[start], *start, cycles[start])]
    while queue:
        _, i, j, near = heapq.heappop(queue)
        if np.isfinite(out[i, j]):
            continue
        out[i, j] = cycles[i, j] + round(near - cycles[i, j])
        for a, b in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= a < rows and 0 <= b < columns and weight[a, b] > 0 and not np.isfinite(out[a, b]):
                heapq.heappush(queue, (-weight[a, b], a, b, out[i, j]))
    return out


def _window_centers(paper: BoolArray, px_per_mm: float, nodes: list[IntpArray], steps: list[float]
                    ) -> tuple[Float64Array, Float64Array]:
    """Row and column (rows, columns), in nodes, of the center of the paper in each window.

    Where the paper's edge cuts a window, the phase is that of a place farther in.
    """
    mask = paper.astype(np.float32)
    sigma = _WINDOW_MM * px_per_mm
    area = np.maximum(cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), _LEAST_AREA)
    out = []
    for axis in (0, 1):
        at = np.arange(paper.shape[axis], dtype=np.float32)
        along = mask * (at[:, None] if axis == 0 else at[None, :])
        center = cv2.GaussianBlur(along, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) / area
        # Below the last node, that a node follows each place.
        out.append(np.clip(center[np.ix_(*nodes)] / steps[axis], 0, len(nodes[axis]) - 1.001).astype(np.float64))
    return out[0], out[1]


def _smooth(values: Float64Array, weight: Float64Array, seen_from: tuple[Float64Array, Float64Array],
            stiffness: float) -> Float64Array:
    """The field (rows, columns) of least bending through weighted values (mm), outliers weighted down.

    Second differences are punished, so the field is extrapolated linearly where nothing is known. `seen_from` gives
    the place of each value in nodes: the field there is interpolated from four nodes.
    """
    rows, columns = values.shape
    d, w = np.nan_to_num(values).ravel(), weight.ravel()
    (i, y), (j, x) = ((at.astype(int).ravel(), at.ravel() % 1) for at in seen_from)
    corner = (i * columns + j)[:, None] + [0, 1, columns, columns + 1]
    share = np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], axis=1)
    bending, robust = stiffness * _bending_energy(rows, columns), np.ones_like(d)
    for _ in range(_ROUNDS):
        bands, right = bending.copy(), np.zeros(len(d))
        bands[0] += 1e-9
        for a in range(4):
            np.add.at(right, corner[:, a], w * robust * share[:, a] * d)
            for b in range(a, 4):
                np.add.at(bands, (corner[:, b] - corner[:, a], corner[:, a]), w * robust * share[:, a] * share[:, b])
        field = solveh_banded(bands, right, lower=True)
        robust = 1 / (1 + (((field[corner] * share).sum(axis=1) - d) / _HALF_WEIGHT_MM) ** 2)
    return np.asarray(field.reshape(rows, columns))


def _bending_energy(rows: int, columns: int) -> Float64Array:
    """Lower bands (2 columns + 1, rows x columns) of the sum of squared second differences of a field."""
    n = rows * columns
    bands = np.zeros((2 * columns + 1, n))
    number = np.arange(n).reshape(rows, columns)
    # (nodes of a difference, their factors); the mixed one counts twice.
    kinds = [((number[:-2], number[1:-1], number[2:]), (1., -2., 1.)),
             ((number[:, :-2], number[:, 1:-1], number[:, 2:]), (1., -2., 1.)),
             ((number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]), (2**.5, -2**.5, -2**.5, 2**.5))]
    for nodes, factors in kinds:
        for a, fa in zip(nodes, factors):
            for b, fb in zip(nodes, factors):
                if (b - a).flat[0] >= 0:
                    np.add.at(bands, ((b - a).ravel(), a.ravel()), fa * fb)
    return bands
