"""Where a picture shows paper and where what lies behind it: a table, a torn edge, a hole, a scanner's black rim.

What is behind the paper is darker or of another color than the paper nearby and bears no grid. Shadows, stains and
tinted stripes are darker too, but the grid goes on in them.
"""
import cv2
import numpy as np

from ecg.page.bend import gaussian_windows, grid_waves
from ecg.page.grid import BOX_MM
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

# Ink, letters and grid lines are thinner than this; a tear that matters is wider.
_THIN_MM = 3.5
_LEAST_MM2 = 40.0
# Brightness against the paper's, and difference of that between colors, from which a place is another thing.
_DARK = 0.87
_TINTED = 0.12
# Share of the usual strength of the grid below which there is none.
_NO_GRID = 0.45
# A band of ink is no higher than this, and longer than so many times its height (a round hole: 0.8, a square: 1).
_BAND_MM = 12.0
_LONG = 1.25
# Standard deviation of the windows in which the grid's strength is measured.
_STRENGTH_MM = 4.0


def find_paper(rgb: UInt8Array, signal: Float32Array, origin: tuple[float, float],
               square_px_per_mm: float) -> BoolArray:
    """Which pixels of a flat page show paper.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        The page, coarsely: two pixels a millimetre.
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`, as coarse.
    origin : (float, float)
        Column and row of one crossing of 5 mm lines.
    square_px_per_mm : float
        Of an image whose pixels are square.

    Returns
    -------
    (H, W) bool
    """
    thin = round(_THIN_MM * square_px_per_mm) | 1
    bright = cv2.morphologyEx(rgb, cv2.MORPH_CLOSE, np.ones((thin, thin), np.uint8)).astype(np.float32) + 1
    everywhere = np.ones(signal.shape, bool)
    usual_at = _strength(signal, everywhere, origin, square_px_per_mm)
    ratio = bright / _level(bright, usual_at > 0.6 * np.quantile(usual_at, 0.7))
    # One color after the other: numpy is slow at the least of three neighbors.
    red, green, blue = cv2.split(ratio)
    least, most = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    other = (least < _DARK) | (most - least > _TINTED)
    if not other.any():
        return everywhere
    strength = _strength(signal, other, origin, square_px_per_mm)
    usual = float(np.median(_strength(signal, ~other, origin, square_px_per_mm)[~other])) if not other.all() else 0.0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_MM2 * square_px_per_mm ** 2
    other &= large[labels]
    for k in np.flatnonzero(large[1:]) + 1:
        part = labels == k
        if np.median(strength[part]) > _NO_GRID * usual or _is_band(part, square_px_per_mm):
            other[part] = False
    return np.asarray(~other)


def _is_band(part: BoolArray, square_px_per_mm: float) -> bool:
    """Whether a part is long, low and all within the page: a lead so noisy that its strokes leave no paper between."""
    y, x = np.nonzero(part)
    if min(y.min(), x.min()) == 0 or y.max() == part.shape[0] - 1 or x.max() == part.shape[1] - 1:
        return False
    inside = np.pad(part[y.min():y.max() + 1, x.min():x.max() + 1], 1).astype(np.uint8)
    half = float(cv2.distanceTransform(inside, cv2.DIST_L2, 3).max())
    return half < _BAND_MM / 2 * square_px_per_mm and len(y) > _LONG * (2 * half) ** 2


def _strength(signal: Float32Array, inside: BoolArray, origin: tuple[float, float],
              square_px_per_mm: float) -> Float64Array:
    """How strong the grid is around each pixel inside, counting pixels inside only."""
    mask = inside.astype(np.float32)
    # Shading from paper to table is steep: only what is finer than a box is grid.
    level = cv2.blur(mask * signal, (_box(square_px_per_mm),) * 2) / np.maximum(
        cv2.blur(mask, (_box(square_px_per_mm),) * 2), np.float32(1e-3))
    # Windows are wide: a few places tell what lies between them.
    sigma = _STRENGTH_MM * square_px_per_mm
    counts = [max(2, round(2 * n / sigma)) for n in signal.shape]
    windows = [gaussian_windows(n, (np.arange(count) + 0.5) * n / count - 0.5, sigma)
               for n, count in zip(signal.shape, counts)]
    area = windows[0] @ mask @ windows[1].T
    waves = [grid_waves(signal - level, inside, axis, origin[axis], square_px_per_mm, windows, (1,))[0]
             for axis in (0, 1)]
    coarse = (np.abs(waves[0]) + np.abs(waves[1])) / np.maximum(area, 1e-3)
    return np.asarray(cv2.resize(coarse, signal.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float64)


def _box(square_px_per_mm: float) -> int:
    return round(BOX_MM * square_px_per_mm) | 1


def _level(bright: Float32Array, sure: BoolArray) -> Float32Array:
    """Brightness (H, W, 3) of bare paper: a smooth surface through the places that are surely paper."""
    height, width = bright.shape[:2]
    y, x = np.nonzero(sure)
    pick = np.linspace(0, len(y) - 1, min(len(y), 3000)).astype(int)

    def terms(at_y: Float64Array, at_x: Float64Array) -> Float32Array:
        u, v = 2 * at_x / width - 1, 2 * at_y / height - 1
        return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1).astype(np.float32)

    a, b = terms(y[pick].astype(float), x[pick].astype(float)), np.log(bright[y[pick], x[pick]])
    weight = np.ones(len(a), np.float32)
    for _ in range(6):
        factors = np.linalg.lstsq(a * weight[:, None], b * weight[:, None], rcond=None)[0]
        off = b - a @ factors
        # Dark places are let go sooner than bright ones: stains and shadows darken, little brightens paper.
        worst = np.maximum(-off, 0.5 * off).max(axis=1)
        weight = (1 / (1 + (worst / 0.04) ** 2)).astype(np.float32)
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
    for sigma in (4, 16, 64):  # the nearest paper there is
        near = area < 1e-2
        blurred = cv2.GaussianBlur(bright * known, (0, 0), sigma)
        share = cv2.GaussianBlur(known[..., 0], (0, 0), sigma)
        total[near], area[near] = blurred[near], share[near]
    color = cv2.resize(total / np.maximum(area, 1e-6)[..., None], (width, height), interpolation=cv2.INTER_LINEAR)
    gone = cv2.resize(other, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return np.where(gone[..., None], np.clip(color, 0, 255).astype(np.uint8), rgb)
