"""How much of each pixel the trace's ink covers, and how dark the grid alone is.

Where ink and grid differ in hue, the share of the trace is what remains when the color of the grid is projected out of
the darkness. Where they do not, straight lines that come again every 5 mm are taken away.

Tuning values were chosen by hand on drawn pages (`ecg.simulate`) and the 12 pages of ecg_pages.
"""
from collections.abc import Sequence

import cv2
import numpy as np

from ecg.page.colors import Colors
from ecg.page.dark_lines import without_dark_lines
from ecg.page.gridlines import GridLineMask, without_black_lines, without_grid_lines
from ecg.page.pen import measure_pen
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array

# By color, edges of the pen more blurred than this, standard deviation in px, may have been blurred by JPEG's coding of
# color.
_SHARP_PX = 0.42
# Brightness is taken instead if it makes their blur smaller than this many times that by color.
_SHARPER_RATIO = 0.85
# Ink by brightness is multiplied by this times the ink by color nearby,
_NEAR_SLOPE = 4
# less this, cut to 0..1.
_NEAR_OFFSET = 0.6
# Crossings of grid lines are darker than the strongest lines by this factor.
_CROSSING_DARKNESS = 1.3
# Crossings are taken to have at most this share of the ink's darkness.
_CROSSING_MOST = 0.8
# Share of ink, by color, above which a pixel bears no grid.
_INKED = 0.5
# Darkness above which a pixel of a fax is black.
_BLACK = 0.5
# On a fax, grid lines are longer than this, px,
_LINE_PX = 12
# and than this part of the page's width, 1 / 60,
_LINE_WIDTH_SHARE = 60
# and thinner than this, px,
_BAR_PX = 4
# or than this part of the page's width, 1 / 400.
_BAR_WIDTH_SHARE = 400
# Breaks of such a line up to this part of its least length, 1 / 4, are closed.
_BREAK_PART = 4
# Weight of the channels where ink is told by brightness: 1 less the grid's darkness, this at least.
_LEAST_WEIGHT = 0.15
# Lines of this share of the ink's darkness may be taken for strokes.
_AS_DARK = 0.85
# Beside dark lines a channel counts by the square of ink's darkness less theirs, this at least.
_LEAST_CONTRAST = 0.02


def grid_signal(dark: Float32Array, colors: Colors) -> Float32Array:
    """Darkness of the grid alone, (H, W) float32, with ink cut away: what its period is measured on."""
    return grid_signal_and_inked_share(dark, colors)[0]


def grid_signal_and_inked_share(dark: Float32Array, colors: Colors) -> tuple[Float32Array, float]:
    """`grid_signal`, and the share of the page's pixels that are taken for ink beside the grid: 0 without a grid."""
    bands = cv2.split(dark)
    most = cv2.max(cv2.max(bands[0], bands[1]), bands[2])
    if not colors.grid.any():
        return _thin_straight_lines(most), 0.0  # black as the trace is: a fax
    top = _CROSSING_DARKNESS * float(colors.grid.max())
    inked = _inked(dark, bands, colors)
    near = cv2.dilate(inked.view(np.uint8), np.ones((3, 3), np.uint8))
    np.copyto(most, 0, where=near.view(bool))
    return np.minimum(most, top, out=most), float(inked.mean())


def _inked(dark: Float32Array, bands: Sequence[Float32Array], colors: Colors) -> BoolArray:
    """(H, W) whether a pixel is taken for ink, so that it says nothing of the grid; bands are those of `dark`."""
    # Ink is darker than halfway between the grid's crossings and the trace.
    least = float(colors.ink.min())
    darkest = cv2.min(cv2.min(bands[0], bands[1]), bands[2])
    inked = darkest > 0.5 * (least + min(_CROSSING_DARKNESS * float(colors.grid.min()), _CROSSING_MOST * least))
    if colors.by_color:  # blue ink is as bright in one channel as a grid
        inked |= _share_by_color(dark, colors) > _INKED
    return np.asarray(inked)


def _thin_straight_lines(dark: Float32Array) -> Float32Array:
    """(H, W) 1 on thin, straight rows and columns of black: lines of a grid, neither strokes of a trace nor bars."""
    mask = (dark > _BLACK).astype(np.uint8)
    width = dark.shape[1]
    length, thick = max(_LINE_PX, width // _LINE_WIDTH_SHARE), max(_BAR_PX, width // _BAR_WIDTH_SHARE)
    out = np.zeros_like(mask)
    for upright in (False, True):
        part = mask.T if upright else mask
        bars = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((thick, 1), np.uint8))
        closed = cv2.morphologyEx(part & (1 - bars), cv2.MORPH_CLOSE, np.ones((1, length // _BREAK_PART), np.uint8))
        long = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)) & part
        out |= long.T if upright else long
    return out.astype(np.float32)


def ink_share(dark: Float32Array, colors: Colors, px_per_mm: Scale, on_line: GridLineMask) -> Float32Array:
    """How much of each pixel the trace's ink covers.

    Parameters
    ----------
    dark : (H, W, 3) float32
    colors : Colors
    px_per_mm : Scale
        Length and distance of grid lines depend on it, where color does not tell them from ink.
    on_line : GridLineMask
        Rows and columns of the 5 mm lines, where not even brightness tells them from ink.

    Returns
    -------
    (H, W) float32
        0 to 1.
    """
    if not colors.by_color:
        return _share_by_brightness(dark, colors, px_per_mm, on_line)
    by_color = _share_by_color(dark, colors)
    blur = measure_pen(by_color)[1]
    if blur < _SHARP_PX:
        return by_color
    # JPEG keeps color at half the detail: brightness gives the edge, color only says that it is no grid. First the
    # middle third is tried.
    third = len(dark) // 3
    for rows in (slice(third, 2 * third), slice(None)):
        near = cv2.dilate(by_color[rows], np.ones((3, 3), np.uint8))
        lines = GridLineMask(on_line.rows[rows], on_line.columns)
        share = _share_by_brightness(dark[rows], colors, px_per_mm, lines) * np.clip(
            _NEAR_SLOPE * near - _NEAR_OFFSET, 0, 1)
        if measure_pen(share)[1] > _SHARPER_RATIO * blur:
            return by_color
    return share


def _share_by_color(dark: Float32Array, colors: Colors) -> Float32Array:
    """(H, W) share of ink: darkness without what lies along the grid's color."""
    ray = colors.grid / float(np.linalg.norm(colors.grid))
    outside = colors.ink - ray * (ray @ colors.ink)
    weights = (outside / (outside @ colors.ink)).astype(np.float32)
    share = cv2.transform(dark, weights[None, :])
    return np.clip(share, 0, 1, out=share)


def _share_by_brightness(dark: Float32Array, colors: Colors, px_per_mm: Scale, on_line: GridLineMask) -> Float32Array:
    """(H, W) share of ink: darkness over that of ink, without the grid's lines."""
    if not colors.grid.any():
        return without_black_lines(cv2.transform(dark, np.full((1, 3), 1 / 3, np.float32)) / np.float32(
            colors.ink.mean()), px_per_mm, on_line)
    # In the brightest channel of a colored grid there is least to take away.
    room = np.maximum(1 - colors.grid / max(float(colors.grid.max()), 1e-6), _LEAST_WEIGHT)
    if colors.of_lines:
        room = np.maximum(colors.ink - colors.grid, _LEAST_CONTRAST) ** 2
    weight = np.asarray(room / room.sum(), np.float32)
    share = cv2.transform(dark, weight[None, :]) / np.float32(weight @ colors.ink)
    if colors.of_lines and float((colors.grid / colors.ink).max()) > _AS_DARK:
        share = without_dark_lines(share, px_per_mm, on_line)
    share = without_grid_lines(share, px_per_mm)
    return np.clip(share, 0, 1, out=share)
