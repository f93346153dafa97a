"""Paper that does not lie flat: where the grid really lies, measured everywhere, against where one plane would put it.

A homography lays a plane flat. Curled, folded or bulging paper is none: its grid runs ahead of the plane's here and
behind it there. The phase of the grid's 5 mm wave, taken in overlapping windows, tells by how much (complex
demodulation, as fringe patterns are read: Takeda et al. 1982, doi:10.1364/JOSA.72.000156); a smooth field through all
phases is what the page is moved by.
"""
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solveh_banded
from scipy.ndimage import label, map_coordinates

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Ints = NDArray[np.intp]
Complex = NDArray[np.complex128]

BOX_MM = 5.0
# Windows stand this far apart; standard deviation of their Gaussian.
_STEP_MM, _WINDOW_MM = 5.0, 5.0
# A window counts from this share of the usual strength of the grid on.
_FAINT = 0.3
# Misfit from which a phase is another thing's.
_OUTLIER_MM = 0.12
_ROUNDS = 3
_HARMONICS = (1, 2, 3)


@dataclass(frozen=True)
class Bend:
    """A displacement field.

    Parameters
    ----------
    shift_px : (2, rows, columns) float64
        Along x and y: what belongs at (x, y) lies at (x, y) + shift.
    step_px : (float, float)
        Distance of its columns and of its rows, the first of which stand at 0.
    size_px : float
        How far the page is moved: 90th percentile over the paper.
    """

    shift_px: Reals
    step_px: tuple[float, float]
    size_px: float

    def scaled(self, factor: tuple[float, float]) -> "Bend":
        """The field of the same page with pixels smaller by a factor along x and y."""
        return Bend(self.shift_px * np.reshape(factor, (2, 1, 1)),
                    (self.step_px[0] * factor[0], self.step_px[1] * factor[1]), self.size_px * max(factor))

    def after(self, later: "Bend") -> "Bend":
        """One field for this one and what `later`, with the same nodes, found on the page that it made flatter."""
        at = (self.nodes + later.shift_px.reshape(2, -1).T) / np.array(self.step_px)
        before = np.stack([_between(shift, at).reshape(shift.shape) for shift in self.shift_px])
        return replace(self, shift_px=before + later.shift_px)

    @property
    def nodes(self) -> Reals:
        """(rows x columns, 2) where its nodes stand."""
        _, rows, columns = self.shift_px.shape
        y, x = np.mgrid[:rows, :columns]
        return np.c_[x.ravel() * self.step_px[0], y.ravel() * self.step_px[1]]


@dataclass(frozen=True)
class ToSource:
    """From the pixels of a flat page to those of the file.

    Parameters
    ----------
    before : (3, 3) float64
        To the page as it was laid flat: quarters of a turn.
    bend : Bend or None
    after : (3, 3) float64
        Homography to the file.
    """

    before: Reals
    bend: Bend | None
    after: Reals

    def points(self, xy: Reals) -> Reals:
        """Places (n, 2) in the file of places (n, 2) on the page."""
        at = projected(self.before, xy)
        if self.bend is not None:
            step = np.array(self.bend.step_px)
            at = at + np.stack([_between(shift, at / step) for shift in self.bend.shift_px], axis=1)
        return projected(self.after, at)

    def everywhere(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Where each pixel of an (H, W) page lies in the file: x and y, (H, W) float32 each.

        Between the nodes of the bend, 5 mm apart, a straight line is exact to hundredths of a pixel.
        """
        assert self.bend is not None
        _, rows, columns = self.bend.shift_px.shape
        down = _hats(shape[0], rows, self.bend.step_px[1])
        across = _hats(shape[1], columns, self.bend.step_px[0])
        x, y = (down @ part.reshape(rows, columns).astype(np.float32) @ across.T
                for part in self.points(self.bend.nodes).T)
        return x, y


def projected(matrix: Reals, xy: Reals) -> Reals:
    """Places (n, 2) after a homography (3, 3)."""
    lifted = np.c_[xy, np.ones(len(xy))] @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def _between(values: Reals, at: Reals) -> Reals:
    """(n,) values (rows, columns) at places (n, 2), column first, linearly between nodes; beyond the last as there."""
    return np.asarray(map_coordinates(values, at.T[::-1], order=1, mode="nearest"))


def _hats(length: int, count: int, step: float) -> Floats:
    """(length, count) weights of linear interpolation between nodes `step` apart, beyond the last running on."""
    at = np.arange(length) / step
    first = np.clip(at.astype(int), 0, count - 2)
    out = np.zeros((length, count), np.float32)
    out[np.arange(length), first] = 1 - (at - first)
    out[np.arange(length), first + 1] = at - first
    return out


def find_bend(signal: Floats, paper: NDArray[np.bool_], origin: tuple[float, float], px_per_mm: float, *,
              stiff: float = 2.0) -> Bend:
    """How a page that one plane's homography laid flat is bent.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.ink.grid_signal`; two pixels a millimetre are enough.
    paper : (H, W) bool
        Where there is paper.
    origin : (float, float)
        Column and row of one crossing of 5 mm lines, as the homography places it.
    px_per_mm : float
    stiff : float
        Weight of bending against phases.

    Returns
    -------
    Bend
        In pixels of `signal`.
    """
    nodes, steps = [], []
    for length in signal.shape:
        count = int(np.ceil((length - 1) / (_STEP_MM * px_per_mm))) + 1
        steps.append((length - 1) / (count - 1))
        nodes.append(np.round(steps[-1] * np.arange(count)).astype(int))
    windows = [gaussian_windows(n, at, _WINDOW_MM * px_per_mm) for n, at in zip(signal.shape, nodes)]
    waves = [[grid_wave(signal, paper, axis, origin[axis], px_per_mm, windows, k) for k in _HARMONICS]
             for axis in (0, 1)]
    strength = np.minimum(np.abs(waves[0][0]), np.abs(waves[1][0]))
    usual = max(float(np.quantile(strength, 0.7)), 1e-9)
    known = strength > _FAINT * usual
    shift, seen_from = [], _seen_from(paper, px_per_mm, nodes, steps)
    for several in waves:
        boxes = _finer(_unwrapped(-np.angle(several[0]) / (2 * np.pi), np.where(known, strength, 0)), several)
        weight = np.minimum(strength / usual, 1) * np.isfinite(boxes)
        shift.append(_smooth(boxes * BOX_MM, weight, seen_from, stiff) * px_per_mm)
    field = np.stack(shift)
    size = float(np.quantile(np.hypot(*field)[known], 0.9)) if known.any() else 0.0
    return Bend(field, (steps[1], steps[0]), size)


def _finer(boxes: Reals, waves: Sequence[Complex]) -> Reals:
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


def gaussian_windows(length: int, at: ArrayLike, sigma_px: float) -> Floats:
    """(n, length) weights of Gaussian windows around positions `at`, px; beyond the image there is nothing."""
    off = (np.arange(length) - np.asarray(at, float)[:, None]) / sigma_px
    return np.asarray(np.exp(-0.5 * off ** 2) / (sigma_px * np.sqrt(2 * np.pi)), np.float32)


def grid_wave(signal: Floats, inside: NDArray[np.bool_], axis: int, origin: float, px_per_mm: float,
              windows: Sequence[Floats], harmonic: int = 1) -> Complex:
    """Complex amplitude (n, m) of the 5 mm lines across one axis, in windows around places.

    Parameters
    ----------
    signal : (H, W) float32
    inside : (H, W) bool
        Pixels that count.
    axis : int
        0 for upright lines, 1 for level ones.
    origin : float
        Column or row of one line.
    px_per_mm : float
    windows : (n, H) and (m, W) float32
        Of `gaussian_windows`, down and across.
    harmonic : int
    """
    mask = inside.astype(np.float32)
    down, across = windows
    at = np.arange(signal.shape[1 - axis]) - origin
    wave = np.exp(2j * np.pi * harmonic / (BOX_MM * px_per_mm) * -at).astype(np.complex64)

    def mean(values: Floats) -> Floats:
        return np.asarray(down @ values @ across.T, np.float32)

    def turned(values: Floats) -> Complex:
        # What is real comes first: it is the larger part of the work.
        out = (down @ values) @ (across * wave).T if axis == 0 else (down * wave) @ (values @ across.T)
        return np.asarray(out, np.complex128)

    area = np.maximum(mean(mask), 1e-3)
    masked = mask * signal
    # The mean is no wave: it must not leak in where an edge cuts the window.
    return turned(masked) - mean(masked) / area * turned(mask)


def _unwrapped(cycles: Reals, weight: Reals) -> Reals:
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


def _seen_from(paper: NDArray[np.bool_], px_per_mm: float, nodes: list[Ints], steps: list[float]
               ) -> tuple[Reals, Reals]:
    """Row and column (rows, columns), in nodes, of the middle of the paper in each window: where its edge cuts a
    window, the phase is that of a place farther in."""
    mask = paper.astype(np.float32)
    sigma = _WINDOW_MM * px_per_mm
    area = np.maximum(cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), 1e-3)
    out = []
    for axis in (0, 1):
        at = np.arange(paper.shape[axis], dtype=np.float32)
        along = mask * (at[:, None] if axis == 0 else at[None, :])
        middle = cv2.GaussianBlur(along, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) / area
        out.append(np.clip(middle[np.ix_(*nodes)] / steps[axis], 0, len(nodes[axis]) - 1.001).astype(np.float64))
    return out[0], out[1]


def _smooth(values: Reals, weight: Reals, seen_from: tuple[Reals, Reals], stiff: float) -> Reals:
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


def _bending(rows: int, columns: int) -> Reals:
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
