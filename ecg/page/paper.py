"""Where a picture shows paper and where what lies behind it: a table, a torn edge, a hole, a scanner's black rim.

What is behind the paper is darker or of another color than the paper nearby and bears no grid. Shadows, stains and
tinted stripes are darker too, but the grid goes on in them.

Tuning values were chosen by hand on drawn pages (`ecg.simulate`) and the 12 pages of ecg_pages.
"""
import cv2
import numpy as np

from ecg.page.find_displacement import gaussian_windows, grid_waves
from ecg.page.grid import FlatGrid
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

# Ink, letters and grid lines are thinner than this, mm: closing by it leaves bare paper.
_THICKEST_PRINT_MM = 3.5
# Smaller places are not taken for holes or tears, mm2.
_LEAST_AREA_MM2 = 40.0
# Brightness, as a share of the paper's, below which a place may be something else.
_DARK_RATIO = 0.87
# Difference of that share between colors above which a place may be something else.
_TINT_RATIO = 0.12
# Strength of the grid, as a share of its usual one, above which a place is paper however dark.
_GRID_SHARE = 0.45
# The paper's brightness is fitted where the grid has this share of its high strength,
_SURE_GRID_SHARE = 0.6
# which is this quantile over the page.
_HIGH_QUANTILE = 0.7
# A lead of noise is a band no higher than this, mm.
_BAND_MM = 12.0
# Area of a band over its squared height, at least (a round hole: 0.8, a square: 1).
_BAND_AREA_RATIO = 1.25
# Standard deviation of the windows in which the grid's strength is measured, mm.
_STRENGTH_MM = 4.0
# Windows to a standard deviation: what lies between is interpolated.
_WINDOWS_PER_SIGMA = 2
# Pixels to which the paper's brightness is fitted, at most.
_FITTED_PX = 3000
# Rounds of reweighting of that fit.
_ROUNDS = 6
# Difference of the logarithm of brightness at which a pixel counts half.
_HALF_WEIGHT = 0.04
# Weight of pixels brighter than the fit against darker ones: stains and shadows darken, little brightens paper.
_BRIGHTER_WEIGHT = 0.5
# Standard deviations, in coarse pixels, in which paper is looked for to paint over what is none: the nearest first.
_PAINT_SIGMAS_PX = (4, 16, 64)


def find_paper(rgb: UInt8Array, signal: Float32Array, grid: FlatGrid) -> BoolArray:
    """Which pixels of a flat page show paper.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        The page, coarsely: two pixels a millimetre.
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`, as coarse.
    grid : FlatGrid
        Of these pixels.

    Returns
    -------
    (H, W) bool
    """
    closing = round(_THICKEST_PRINT_MM * grid.px_per_mm) | 1
    bright = cv2.morphologyEx(rgb, cv2.MORPH_CLOSE, np.ones((closing, closing), np.uint8)).astype(np.float32) + 1
    everywhere = np.ones(signal.shape, bool)
    usual_at = _grid_strength(signal, everywhere, grid)
    ratio = bright / _paper_level(bright, usual_at > _SURE_GRID_SHARE * np.quantile(usual_at, _HIGH_QUANTILE))
    # One color after the other: numpy is slow at the least of three neighbors.
    red, green, blue = cv2.split(ratio)
    least, most = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    other = (least < _DARK_RATIO) | (most - least > _TINT_RATIO)
    if not other.any():
        return everywhere
    strength = _grid_strength(signal, other, grid)
    usual = float(np.median(_grid_strength(signal, ~other, grid)[~other])) if not other.all() else 0.0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_AREA_MM2 * grid.px_per_mm ** 2
    other &= large[labels]
    for k in np.flatnonzero(large[1:]) + 1:
        part = labels == k
        if np.median(strength[part]) > _GRID_SHARE * usual or _is_band(part, grid.px_per_mm):
            other[part] = False
    return np.asarray(~other)


def _is_band(part: BoolArray, px_per_mm: float) -> bool:
    """Whether a part is long, low and all within the page: a lead so noisy that its strokes leave no paper between."""
    y, x = np.nonzero(part)
    if min(y.min(), x.min()) == 0 or y.max() == part.shape[0] - 1 or x.max() == part.shape[1] - 1:
        return False
    inside = np.pad(part[y.min():y.max() + 1, x.min():x.max() + 1], 1).astype(np.uint8)
    half = float(cv2.distanceTransform(inside, cv2.DIST_L2, 3).max())
    return half < _BAND_MM / 2 * px_per_mm and len(y) > _BAND_AREA_RATIO * (2 * half) ** 2


def _grid_strength(signal: Float32Array, inside: BoolArray, grid: FlatGrid) -> Float64Array:
    """How strong the grid is around each pixel inside, counting pixels inside only."""
    mask = inside.astype(np.float32)
    # Shading from paper to table is steep: only what is finer than a box is grid.
    box = (round(grid.box_px) | 1,) * 2
    level = cv2.blur(mask * signal, box) / np.maximum(cv2.blur(mask, box), np.float32(1e-3))
    sigma = _STRENGTH_MM * grid.px_per_mm
    counts = [max(2, round(_WINDOWS_PER_SIGMA * n / sigma)) for n in signal.shape]
    windows = [gaussian_windows(n, (np.arange(count) + 0.5) * n / count - 0.5, sigma)
               for n, count in zip(signal.shape, counts)]
    area = windows[0] @ mask @ windows[1].T
    waves = [grid_waves(signal - level, inside, grid, axis, windows, (1,))[0] for axis in (0, 1)]
    coarse = (np.abs(waves[0]) + np.abs(waves[1])) / np.maximum(area, 1e-3)
    return np.asarray(cv2.resize(coarse, signal.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float64)


def _paper_level(bright: Float32Array, sure: BoolArray) -> Float32Array:
    """Brightness (H, W, 3) of bare paper: the exponential of a quadratic surface through places surely of paper."""
    height, width = bright.shape[:2]
    y, x = np.nonzero(sure)
    pick = np.linspace(0, len(y) - 1, min(len(y), _FITTED_PX)).astype(int)

    def terms(at_y: Float64Array, at_x: Float64Array) -> Float32Array:
        u, v = 2 * at_x / width - 1, 2 * at_y / height - 1
        return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1).astype(np.float32)

    a, b = terms(y[pick].astype(float), x[pick].astype(float)), np.log(bright[y[pick], x[pick]])
    weight = np.ones(len(a), np.float32)
    for _ in range(_ROUNDS):
        factors = np.linalg.lstsq(a * weight[:, None], b * weight[:, None], rcond=None)[0]
        off = b - a @ factors
        worst = np.maximum(-off, _BRIGHTER_WEIGHT * off).max(axis=1)
        weight = (1 / (1 + (worst / _HALF_WEIGHT) ** 2)).astype(np.float32)
    v, u = np.mgrid[:height, :width].astype(float)
    return np.asarray(np.exp(terms(v, u) @ factors), np.float32)


def painted(rgb: UInt8Array, paper: BoolArray) -> UInt8Array:
    """The page with all that is not paper painted in the color of the paper nearby.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    paper : (h, w) bool
        Of `find_paper`; coarser than `rgb`.
    """
    height, width = rgb.shape[:2]
    other = cv2.dilate((~paper).astype(np.uint8), np.ones((3, 3), np.uint8))
    size = (paper.shape[1], paper.shape[0])
    bright = cv2.resize(cv2.dilate(rgb, np.ones((5, 5), np.uint8)), size, interpolation=cv2.INTER_AREA)
    away = cv2.dilate(other, np.ones((5, 5), np.uint8)) == 0
    known = away[..., None].astype(np.float32)
    total, area = np.zeros(bright.shape, np.float32), np.zeros(paper.shape, np.float32)
    for sigma in _PAINT_SIGMAS_PX:
        near = area < 1e-2
        blurred = cv2.GaussianBlur(bright * known, (0, 0), sigma)
        share = cv2.GaussianBlur(known[..., 0], (0, 0), sigma)
        total[near], area[near] = blurred[near], share[near]
    color = cv2.resize(total / np.maximum(area, 1e-6)[..., None], (width, height), interpolation=cv2.INTER_LINEAR)
    gone = cv2.resize(other, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return np.where(gone[..., None], np.clip(color, 0, 255).astype(np.uint8), rgb)
