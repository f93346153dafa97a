"""Where every 5 mm line of a page lies: the grid's phase, measured in blocks and followed outward from the middle.

A grid is periodic, so its phase can be measured in every part of a page from all lines there together, to a small
fraction of a pixel, even where most of each line is hidden or faint. Spectra of tiles give period and direction. The
phases of blocks, unwrapped outward from the middle, then give a homography from pixels to boxes. Where 1 mm lines are
printed, their phases refine it.
"""
from dataclasses import dataclass, replace

import numpy as np

from ecg.page.grid import GridHomography, NoGrid
from ecg.page.grid_fit import AFFINE, HOMOGRAPHY, GridPoints, fit_map, simplest_map
from ecg.page.grid_spectrum import grid_frequencies
from featurize.arrays import BoolArray, Float32Array, Float64Array

# Share of blocks that agree with a grid, below which there is none.
_LEAST_STRENGTH = 0.35
# Side of a block in periods of the grid, where the picture is large enough.
_BLOCK_PERIODS = 6
# Least side of a block, px.
_LEAST_BLOCK_PX = 48
# Blocks along the longer side of a page, at most.
_MOST_BLOCKS_ALONG = 24
# Blocks around the middle that give the first phase.
_FIRST_BLOCKS = 9
# Distances from the middle, as shares of the farthest corner's, up to which blocks are taken in, round by round.
_REACHES = (0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.68, 0.76, 0.84, 0.92, 1.0, 1.0)
# From this distance on a homography is fitted, up to there an affine map.
_HOMOGRAPHY_REACH = 0.36
# From this distance on, if all phases were predicted well, go on with all blocks at once:
_PREDICTED_REACH = 0.36
# to less than this many cycles.
_PREDICTED_CYCLES = 0.03
# A block counts if its wave has this share of the median strength.
_LEAST_WAVE_SHARE = 0.25
# A block counts if its phase is off the prediction by less than this, cycles.
_MOST_OFF_CYCLES = 0.3
# A map is fitted to this many blocks at least.
_LEAST_BLOCKS = 6
# With fewer blocks than this, all of whole periods, too few that fit are no reason to stop: take in more of them.
_FEW_BLOCKS = 24
# Strength is measured on blocks up to this distance: beyond it may lie margins without a grid.
_STRENGTH_REACH = 0.85
# Lines of 1 mm in a box.
_FINE_LINES = 5.0
# Phases of the 1 mm lines replace those of the boxes if this share of the blocks have them,
_LEAST_FINE_SHARE = 0.8
# and if their median error is less than this share of the boxes'.
_FINE_ERROR_RATIO = 0.5


@dataclass(frozen=True)
class _Blocks:
    """Square parts of a page.

    Parameters
    ----------
    signal : (H, W) float32
    centers : (n, 2) float64
        Columns and rows.
    size : int
        Side, px.
    """

    signal: Float32Array
    centers: Float64Array
    size: int

    def only(self, chosen: BoolArray) -> "_Blocks":
        """The blocks of an (n,) mask."""
        return replace(self, centers=self.centers[chosen])


@dataclass(frozen=True)
class _Phases:
    """What the phases in blocks say.

    Parameters
    ----------
    points : GridPoints
        Grid coordinates of the blocks' centers, unwrapped to the nearest that a map predicted.
    off : (n, 2) float64
        Distance of these from the predicted ones, cycles.
    """

    points: GridPoints
    off: Float64Array

    @property
    def near(self) -> BoolArray:
        """(n,) which are close enough to the prediction to be unwrapped rightly."""
        return np.asarray(np.abs(self.off).max(axis=1) < _MOST_OFF_CYCLES)


def find_grid(signal: Float32Array) -> GridHomography:
    """The grid of a page.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`.

    Raises
    ------
    NoGrid
        No two directions at right angles with lines at equal distances of 4 to 150 px.
    """
    waves, boxes_a_cycle = grid_frequencies(signal)
    grid = _follow_phases(signal, waves)
    if grid.strength < _LEAST_STRENGTH:
        raise NoGrid(f"no regular grid: lines at equal distances fit {grid.strength:.0%} of the page, at least "
                     f"{100 * _LEAST_STRENGTH:.0f} % were wanted; is this an ECG on grid paper?")
    return replace(grid, matrix=np.diag([boxes_a_cycle, boxes_a_cycle, 1.0]) @ grid.matrix)


def _follow_phases(signal: Float32Array, waves: Float64Array) -> GridHomography:
    """Homography from pixels to cycles that agrees with the phases in blocks, from the middle outward."""
    period = 1 / np.hypot(*waves[0])
    size = int(min(max(_BLOCK_PERIODS * period, _LEAST_BLOCK_PX), min(signal.shape) / 2))
    blocks = _blocks(signal, size)
    center = np.array([signal.shape[1] / 2, signal.shape[0] / 2])
    reach = np.hypot(*(blocks.centers - center).T) / (np.hypot(*center) + 1)
    matrix = _first_map(blocks, waves, center, reach)
    agree = np.zeros(len(reach), bool)
    errors = np.zeros(len(reach))
    predicted = False
    for limit in _REACHES:
        if predicted and limit < 1:
            continue
        use = reach <= limit
        phases = _block_phases(blocks.only(use), matrix)
        weights = phases.points.weights
        good = weights > _LEAST_WAVE_SHARE * np.median(np.sort(weights)[::-1][:max(4, len(weights) // 2)])
        agree[:] = False
        near = good & phases.near
        if near.sum() < _LEAST_BLOCKS:
            if use.sum() < _FEW_BLOCKS and size + 1 > _BLOCK_PERIODS * period:
                continue  # the middle of a small picture holds few blocks
            break
        points = phases.points.only(near)
        matrix = fit_map(points, HOMOGRAPHY if limit >= _HOMOGRAPHY_REACH else AFFINE)
        predicted |= limit >= _PREDICTED_REACH and bool(np.abs(phases.off[good]).max() < _PREDICTED_CYCLES)
        agree[np.flatnonzero(use)[near]] = True
        errors[np.flatnonzero(use)] = np.hypot(*phases.off.T) * period
    strength = float(agree[reach <= _STRENGTH_REACH].mean())
    if not agree.any():
        return GridHomography(matrix, np.inf, strength)
    error = float(np.median(errors[agree]))
    fine = _fine_points(blocks.only(agree), matrix, error / period)
    return GridHomography(simplest_map(matrix, fine or points), error, strength)


def _blocks(signal: Float32Array, size: int) -> _Blocks:
    """Blocks all over a page that overlap by half, or fewer on a large page."""
    step = max(size // 2, int(max(signal.shape) / _MOST_BLOCKS_ALONG))
    centers = np.array([(x, y) for y in range(size // 2, signal.shape[0] - size // 2 + 1, step)
                        for x in range(size // 2, signal.shape[1] - size // 2 + 1, step)], float)
    return _Blocks(signal, centers, size)


def _first_map(blocks: _Blocks, waves: Float64Array, center: Float64Array, reach: Float64Array) -> Float64Array:
    """(3, 3) affine map of the waves' periods and directions, with the phase of the blocks around the middle."""
    matrix = np.vstack([np.c_[waves, -waves @ center], [0, 0, 1]])
    inner = replace(blocks, centers=blocks.centers[np.argsort(reach)[:_FIRST_BLOCKS]])
    phases = _block_phases(inner, matrix)
    vectors = phases.points.weights[:, None] * np.exp(2j * np.pi * phases.off)
    matrix[:2, 2] += np.angle(vectors.sum(axis=0)) / (2 * np.pi)
    return matrix


def _fine_points(blocks: _Blocks, matrix: Float64Array, error: float) -> GridPoints | None:
    """Grid coordinates measured on the 1 mm lines, five times as finely as on the boxes.

    None where there are no such lines, or none that agree with each other better than the boxes' median error (in
    boxes).
    """
    phases = _block_phases(blocks, np.diag([_FINE_LINES, _FINE_LINES, 1.0]) @ matrix)
    near = (phases.points.weights > _LEAST_WAVE_SHARE * np.median(phases.points.weights)) & phases.near
    if near.mean() < _LEAST_FINE_SHARE or near.sum() < _LEAST_BLOCKS:
        return None
    found = phases.points.only(near)
    found = replace(found, uv=found.uv / _FINE_LINES)
    left = found.errors(fit_map(found, HOMOGRAPHY))
    return found if np.median(left) < _FINE_ERROR_RATIO * error else None


def _block_phases(blocks: _Blocks, matrix: Float64Array) -> _Phases:
    """Phases of the waves of a map (3, 3), pixels to cycles, in each block."""
    centers, size = blocks.centers, blocks.size
    height, width = blocks.signal.shape
    grid = GridHomography(matrix, 0, 0)
    now = grid.boxes(centers)
    right, down = grid.boxes(centers + [1., 0]) - now, grid.boxes(centers + [0, 1.]) - now
    window = np.hanning(size + 2)[1:-1]
    at = np.arange(size) - (size - 1) / 2
    found, weights = np.empty_like(now), np.empty(len(centers))
    for n, (x, y) in enumerate(centers):
        # Rounding must not push the last block of an odd side over the edge of the page.
        left, top = min(int(round(x - size / 2)), width - size), min(int(round(y - size / 2)), height - size)
        tile = blocks.signal[top:top + size, left:left + size]
        dx, dy = left + (size - 1) / 2 - x, top + (size - 1) / 2 - y
        amplitudes = []
        # Down the columns first, both axes, cosine and sine at once: complex numbers would copy the tile. The last
        # row of factors sums up the tile: its mean is taken off what comes out, before the window across.
        turns = -2 * np.pi * down[n][:, None] * at
        factors = np.concatenate([window * np.cos(turns), window * np.sin(turns), np.ones((1, size))])
        rows = factors.astype(np.float32) @ tile
        rows = (rows[:4] - factors[:4].sum(axis=1, keepdims=True) * (float(rows[4].sum()) / size ** 2)) * window
        for axis in (0, 1):
            fx, fy = right[n, axis], down[n, axis]
            wave = (rows[axis] + 1j * rows[axis + 2]) @ np.exp(-2j * np.pi * fx * at)
            # The phase is that of the tile's center, the map's value that of `centers`.
            found[n, axis] = np.angle(wave) / (2 * np.pi) - fx * dx - fy * dy
            amplitudes.append(abs(wave))
        weights[n] = min(amplitudes)
    off = found - now
    off -= np.round(off)
    return _Phases(GridPoints(centers, now + off, weights), off)
