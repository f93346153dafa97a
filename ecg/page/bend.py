"""Paper that does not lie flat: where the grid really lies, measured everywhere, against where one plane would put it.

A homography lays a plane flat. Curled, folded or bulging paper is none: its grid runs ahead of the plane's here and
behind it there. The phase of the grid's 5 mm wave, taken in overlapping windows, tells by how much (complex
demodulation, as fringe patterns are read: Takeda et al. 1982, doi:10.1364/JOSA.72.000156); a smooth field through all
phases is what the page is moved by.
"""
import heapq
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solveh_banded
from scipy.ndimage import label

from ecg.page.displacement import Bend
from ecg.page.grid import BOX_MM
from featurize.arrays import BoolArray, Complex128Array, Float32Array, Float64Array, IntpArray

# Windows stand this far apart; standard deviation of their Gaussian.
_STEP_MM = 5.0
_WINDOW_MM = 5.0
# A window counts from this share of the usual strength of the grid on.
_FAINT = 0.3
# Strength of the boxes' wave against one that no lines have, between two harmonics.
_CLEAR = 4.0
# Misfit from which a phase is another thing's.
_OUTLIER_MM = 0.12
_ROUNDS = 3
_HARMONICS = (1, 2, 3)


def find_bend(signal: Float32Array, paper: BoolArray, origin: tuple[float, float], square_px_per_mm: float, *,
              stiff: float = 2.0) -> Bend:
    """How a page that one plane's homography laid flat is bent.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`; two pixels a millimetre are enough.
    paper : (H, W) bool
        Where there is paper.
    origin : (float, float)
        Column and row of one crossing of 5 mm lines, as the homography places it.
    square_px_per_mm : float
        Of an image whose pixels are square.
    stiff : float
        Weight of bending against phases.

    Returns
    -------
    Bend
        In pixels of `signal`.
    """
    nodes, steps = [], []
    for length in signal.shape:
        count = int(np.ceil((length - 1) / (_STEP_MM * square_px_per_mm))) + 1
        steps.append((length - 1) / (count - 1))
        nodes.append(np.round(steps[-1] * np.arange(count)).astype(int))
    windows = [gaussian_windows(n, at, _WINDOW_MM * square_px_per_mm) for n, at in zip(signal.shape, nodes)]
    waves = [grid_waves(signal, paper, axis, origin[axis], square_px_per_mm, windows, _HARMONICS) for axis in (0, 1)]
    strength = np.minimum(np.abs(waves[0][0]), np.abs(waves[1][0]))
    usual = max(float(np.quantile(strength, 0.7)), 1e-9)
    known = strength > _FAINT * usual
    shift, seen_from = [], _seen_from(paper, square_px_per_mm, nodes, steps)
    for several in waves:
        boxes = _finer(_unwrapped(-np.angle(several[0]) / (2 * np.pi), np.where(known, strength, 0)), several)
        weight = np.minimum(strength / usual, 1) * np.isfinite(boxes)
        shift.append(_smooth(boxes * BOX_MM, weight, seen_from, stiff) * square_px_per_mm)
    field = np.stack(shift)
    size = float(np.quantile(np.hypot(*field)[known], 0.9)) if known.any() else 0.0
    return Bend(field, (steps[1], steps[0]), size)


def shows_boxes(signal: Float32Array, origin: tuple[float, float], square_px_per_mm: float) -> bool:
    """Whether lines stand every 5 mm, clearly above what is there by chance: some papers have only 1 mm dots.

    Parameters are those of `find_bend`.
    """
    everywhere = np.ones(signal.shape, bool)
    places = [np.arange(0, n, max(1, round(_STEP_MM * square_px_per_mm))) for n in signal.shape]
    windows = [gaussian_windows(n, at, _WINDOW_MM * square_px_per_mm) for n, at in zip(signal.shape, places)]
    for axis in (0, 1):
        boxes, between = (np.median(np.abs(wave)) for wave in grid_waves(
            signal, everywhere, axis, origin[axis], square_px_per_mm, windows, (1, 1.5)))
        if boxes <= _CLEAR * between:
            return False
    return True


def _finer(boxes: Float64Array, waves: Sequence[Complex128Array]) -> Float64Array:
    """The displacement (rows, columns) that all harmonics agree on, from that of the first.

    Lines are thin: the k-th harmonic is about as strong as the first and tells k times as finely.
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


def grid_waves(signal: Float32Array, inside: BoolArray, axis: int, origin: float, square_px_per_mm: float,
               windows: Sequence[Float32Array], harmonics: Sequence[float]) -> list[Complex128Array]:
    """Complex amplitudes (n, m) of the 5 mm lines across one axis, in windows around places: one for each harmonic.

    Parameters
    ----------
    signal : (H, W) float32
    inside : (H, W) bool
        Pixels that count.
    axis : int
        0 for upright lines, 1 for level ones.
    origin : float
        Column or row of one line.
    square_px_per_mm : float
        Of an image whose pixels are square.
    windows : (n, H) and (m, W) float32
        Of `gaussian_windows`, down and across.
    harmonics : sequence of float
    """
    mask = inside.astype(np.float32)
    # Summed up along the lines first: what is real, the same for all harmonics and the larger part of the work.
    along, beyond = windows if axis == 0 else windows[::-1]
    whole, seen = (along @ (values if axis == 0 else values.T) for values in (mask, mask * signal))
    # The mean is no wave: it must not leak in where an edge cuts the window.
    level = (seen @ beyond.T) / np.maximum(whole @ beyond.T, 1e-3)
    at = np.arange(signal.shape[1 - axis]) - origin
    out = []
    for harmonic in harmonics:
        turns = (beyond * np.exp(2j * np.pi * harmonic / (BOX_MM * square_px_per_mm) * -at).astype(np.complex64)).T
        amplitude = np.asarray(seen @ turns - level * (whole @ turns), np.complex128)
        out.append(amplitude if axis == 0 else amplitude.T)
    return out


def _unwrapped(cycles: Float64Array, weight: Float64Array) -> Float64Array:
    """Phases (rows, columns) in cycles without jumps, followed outward from the middle along the strongest windows.

    NaN where the weight is 0 or nothing leads there.
    """
    rows, columns = cycles.shape
    y, x = np.mgrid[:rows, :columns]
    central = weight * np.exp(-8 * (((y + 0.5) / rows - 0.5) ** 2 + ((x + 0.5) / columns - 0.5) ** 2))
    start = divmod(int(central.argmax()), columns)
    reached, _ = label(weight > 0)
    if weight[start] > 0 and np.abs(cycles[reached == reached[start]]).max() < 0.25:
        return np.where(reached == reached[start], cycles, np.nan)  # nowhere is there a jump
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


def _seen_from(paper: BoolArray, square_px_per_mm: float, nodes: list[IntpArray], steps: list[float]
               ) -> tuple[Float64Array, Float64Array]:
    """Row and column (rows, columns), in nodes, of the middle of the paper in each window: where its edge cuts a
    window, the phase is that of a place farther in."""
    mask = paper.astype(np.float32)
    sigma = _WINDOW_MM * square_px_per_mm
    area = np.maximum(cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), 1e-3)
    out = []
    for axis in (0, 1):
        at = np.arange(paper.shape[axis], dtype=np.float32)
        along = mask * (at[:, None] if axis == 0 else at[None, :])
        middle = cv2.GaussianBlur(along, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) / area
        out.append(np.clip(middle[np.ix_(*nodes)] / steps[axis], 0, len(nodes[axis]) - 1.001).astype(np.float64))
    return out[0], out[1]


def _smooth(values: Float64Array, weight: Float64Array, seen_from: tuple[Float64Array, Float64Array],
            stiff: float) -> Float64Array:
    """The field (rows, columns) of least bending through weighted values (mm), outliers let go.

    Second differences are punished; so it runs straight on where nothing is known. `seen_from` says where, in nodes,
    each value belongs: the field there is a mean of four nodes.
    """
    rows, columns = values.shape
    d, w = np.nan_to_num(values).ravel(), weight.ravel()
    (i, y), (j, x) = ((at.astype(int).ravel(), at.ravel() % 1) for at in seen_from)
    corner = (i * columns + j)[:, None] + [0, 1, columns, columns + 1]
    share = np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], axis=1)
    bending, robust = stiff * _bending(rows, columns), np.ones_like(d)
    for _ in range(_ROUNDS):
        bands, right = bending.copy(), np.zeros(len(d))
        bands[0] += 1e-9
        for a in range(4):
            np.add.at(right, corner[:, a], w * robust * share[:, a] * d)
            for b in range(a, 4):
                np.add.at(bands, (corner[:, b] - corner[:, a], corner[:, a]), w * robust * share[:, a] * share[:, b])
        field = solveh_banded(bands, right, lower=True)
        robust = 1 / (1 + (((field[corner] * share).sum(axis=1) - d) / _OUTLIER_MM) ** 2)
    return np.asarray(field.reshape(rows, columns))


def _bending(rows: int, columns: int) -> Float64Array:
    """Lower bands (2 columns + 1, rows x columns) of the sum of squared second differences of a field."""
    n = rows * columns
    bands = np.zeros((2 * columns + 1, n))
    number = np.arange(n).reshape(rows, columns)
    # (pixels of a difference, their factors); the mixed one counts twice.
    kinds = [((number[:-2], number[1:-1], number[2:]), (1., -2., 1.)),
             ((number[:, :-2], number[:, 1:-1], number[:, 2:]), (1., -2., 1.)),
             ((number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]), (2**.5, -2**.5, -2**.5, 2**.5))]
    for nodes, factors in kinds:
        for a, fa in zip(nodes, factors):
            for b, fb in zip(nodes, factors):
                if (b - a).flat[0] >= 0:
                    np.add.at(bands, ((b - a).ravel(), a.ravel()), fa * fb)
    return bands
