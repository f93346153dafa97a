"""Darkness of a page against its paper, and the colors of ink and grid.

Darkness is 1 - (pixel / paper), per channel, 0 for bare paper. Paper is measured locally, so shading across a
photo drops out. In darkness a mixture of trace and grid is a weighted sum of their two colors.

Tuning values were chosen by hand on drawn pages (`ecg.simulate`) and the 12 pages of ecg_pages.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import Float32Array, Float64Array, UInt8Array

# Side of the squares whose brightest pixel is paper between grid lines, px.
_PAPER_SQUARE_PX = 5
# Paper is measured on a page reduced to about this many pixels along its longer side,
_PAPER_PX = 140
# by this factor at least,
_LEAST_REDUCTION = 4
# as a median of squares of so many such pixels, which leaves out ink and glare,
_PAPER_MEDIAN_PX = 13
# smoothed by a Gaussian of this standard deviation, in such pixels.
_PAPER_SIGMA_PX = 4
# Paper is at least this bright, of 255: a lower bound of what pixels are divided by.
_DARKEST_PAPER = 8
# Colors are taken from every so many pixels. Lines of a grid stand 3, 4, 6, ... px apart: every third may miss them.
_SAMPLE_STEP = 11
# The darkest of a page: this quantile of its pixels' darkness.
_DARKEST_QUANTILE = 0.999
# Share of that darkness from which a pixel is all ink: thin pens leave most pixels partly bare.
_FULL_INK = 0.85
# Share of that darkness below which a pixel may be grid.
_GRID_MOST = 0.45
# Least darkness of grid in its darkest channel.
_GRID_LEAST = 0.06
# Fewer sampled pixels than this are no grid.
_LEAST_GRID_PX = 50
# The strongest grid lines: this quantile of the darkness along the grid's color.
_STRONG_QUANTILE = 0.95
# Share of the ink's darkness outside the grid's color below which color does not tell them apart: gray grid, gray scan.
_LEAST_COLOR_DIFFERENCE = 0.3
# Ink in a color is this much darker, all channels taken together, than gray lines as dark in one channel ...
_DARKER_THAN_GRAY = 1.5
# ... and has this darkness in every channel.
_LEAST_DARKNESS = 0.25
# Cosine of the angle between colors, without what they share with the grid's, within which they are one hue.
_SAME_HUE = 0.966
# Share of the title's darkness from which a pixel counts for the usual hue.
_DRAWN = 0.5
# Beside measured lines, ink is beyond this share of the way from their darkness to the darkest of the page.
_BEYOND_LINES = 0.3
# Pixels whose darkness differs by less than this may be of one ink,
_SAME_INK = 0.03
# and are if they make up this share of all that are darker than the grid: titles and traces of different darkness do.
_LARGE_PART = 0.3
# The color of the usual ink is taken where it is full: of this quantile of its darkness.
_USUAL_QUANTILE = 0.9


@dataclass(frozen=True)
class Colors:
    """Darkness per channel of what is printed.

    Parameters
    ----------
    ink, grid : (3,) float64
        Of the trace and of the strongest grid lines, 0 = paper, 1 = black. The grid's is 0 if there is no other
        darkness than the ink's: a fax.
    by_color : bool
        Whether the two differ enough in hue to be told apart by it.
    of_lines : bool
        Whether the grid's was measured on its lines, because they are nearly as dark as ink.
    """

    ink: Float64Array
    grid: Float64Array
    by_color: bool
    of_lines: bool = False


def darkness(rgb: UInt8Array) -> Float32Array:
    """Darkness against the local paper.

    Parameters
    ----------
    rgb : (H, W, 3) uint8

    Returns
    -------
    (H, W, 3) float32
        0 for paper, 1 for black; never below 0.
    """
    bright = cv2.dilate(rgb, np.ones((_PAPER_SQUARE_PX, _PAPER_SQUARE_PX), np.uint8))
    step = max(_LEAST_REDUCTION, round(max(rgb.shape) / _PAPER_PX))
    small = cv2.resize(bright, (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step)),
                       interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.medianBlur(small, _PAPER_MEDIAN_PX), (0, 0), _PAPER_SIGMA_PX).astype(np.float32)
    level = cv2.resize(paper, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    out = np.divide(rgb, np.maximum(level, _DARKEST_PAPER, out=level), out=level, dtype=np.float32)
    return np.maximum(np.subtract(1, out, out=out), 0, out=out)


def find_colors(dark: Float32Array) -> Colors:
    """Colors of ink and grid.

    Parameters
    ----------
    dark : (H, W, 3) float32
        Of `darkness`.
    """
    sample = np.ascontiguousarray(dark.reshape(-1, 3)[::_SAMPLE_STEP])
    bands = sample.T  # one after another: numpy is slow at the least of three neighbours
    least, most = np.minimum(np.minimum(*bands[:2]), bands[2]), np.maximum(np.maximum(*bands[:2]), bands[2])
    # Ink is dark in all channels; a grid in color is bright in at least one.
    colors = _split_colors(sample, least, most)
    if not colors.by_color:
        # A blue pen is in one channel as bright as a grid in gray: then ink is what is darkest on average.
        by_mean = _split_colors(sample, (bands[0] + bands[1] + bands[2]) / np.float32(3), most)
        darker = by_mean.ink.sum() > _DARKER_THAN_GRAY * colors.ink.sum() and by_mean.ink.min() > _LEAST_DARKNESS
        return by_mean if darker else colors
    return colors


def colors_beside(dark: Float32Array, lines: Float64Array) -> Colors:
    """Colors of ink and grid where that of the grid's lines was measured.

    Parameters
    ----------
    dark : (H, W, 3) float32
        Of `darkness`.
    lines : (3,) float64
        Darkness of the strongest grid lines.
    """
    sample = dark.reshape(-1, 3)[::_SAMPLE_STEP]
    least = sample.min(axis=1)
    level = float(np.quantile(least, _DARKEST_QUANTILE))
    darker = float(lines.min()) + _BEYOND_LINES * (level - float(lines.min()))
    lightest = _lightest_ink(least[least >= darker])
    own = np.abs(least - lightest) < _SAME_INK if lightest else least >= max(_FULL_INK * level, darker)
    ink = np.median(sample[own], axis=0)
    ray = lines / float(np.linalg.norm(lines))
    outside = ink - ray * (ray @ ink)
    by_color = bool(np.linalg.norm(outside) >= _LEAST_COLOR_DIFFERENCE * np.linalg.norm(ink))
    return Colors(np.asarray(ink, np.float64), lines, by_color, True)


def _lightest_ink(least: Float32Array) -> float:
    """Darkness of the lightest ink that many pixels have, for a title may be darker than the traces; 0 for none.

    Parameters
    ----------
    least : (n,) float32
        Darkness in the lightest channel of pixels that are darker than the grid.
    """
    order = np.sort(least)
    # So many pixels are in a window that begins at each.
    counts = np.searchsorted(order, order + np.float32(_SAME_INK)) - np.arange(len(order))
    begins = order[counts >= _LARGE_PART * len(order)]
    if not len(begins):
        return 0.0
    return float(np.median(order[(order >= begins[0]) & (order < begins[0] + _SAME_INK)]))


def _split_colors(sample: Float32Array, by: Float32Array, most: Float32Array) -> Colors:
    """Colors of ink and grid.

    Parameters
    ----------
    sample : (n, 3) float32
        Darkness of pixels.
    by : (n,) float32
        The measure in which ink is the darkest.
    most : (n,) float32
        Darkness in the darkest channel.
    """
    level = float(np.quantile(by, _DARKEST_QUANTILE))
    ink = np.median(sample[by >= _FULL_INK * level], axis=0).astype(np.float64)
    rest = sample[(by < _GRID_MOST * level) & (most > _GRID_LEAST)].astype(np.float64)
    if len(rest) < _LEAST_GRID_PX or not rest.any():
        return Colors(ink, ink * 0, False)
    # First principal direction through paper (0): faint and strong lines lie on one ray.
    _, vectors = np.linalg.eigh(rest.T @ rest)
    ray = np.abs(vectors[:, -1])
    strong = float(np.quantile(rest @ ray, _STRONG_QUANTILE))
    outside = ink - ray * (ray @ ink)
    if np.linalg.norm(outside) < _LEAST_COLOR_DIFFERENCE * np.linalg.norm(ink):
        return Colors(ink, ray * strong, False)
    return Colors(_usual_ink(sample, ink, ray), ray * strong, True)


def _usual_ink(sample: Float32Array, darkest: Float64Array, ray: Float64Array) -> Float64Array:
    """Color that most is drawn in: that of the traces, if they are blue below a title in black.

    Parameters
    ----------
    sample : (n, 3) float32
        Darkness of pixels.
    darkest : (3,) float64
        Of the darkest of them.
    ray : (3,) float64
        Unit vector of the grid's color.
    """
    outside = sample - np.outer(sample @ ray, ray).astype(np.float32)
    far = np.linalg.norm(outside, axis=1)
    title = darkest - ray * (ray @ darkest)
    drawn = far > _DRAWN * np.linalg.norm(title)
    hues = outside[drawn] / far[drawn, None]
    if not len(hues) or (hues @ title > _SAME_HUE * np.linalg.norm(title)).mean() > 0.5:
        return darkest
    median = np.median(hues, axis=0)
    own = hues @ median > _SAME_HUE * np.linalg.norm(median)
    if not own.any():
        return darkest
    level = float(np.quantile(far[drawn][own], _USUAL_QUANTILE))
    return np.asarray(np.median(sample[drawn][own & (far[drawn] >= _FULL_INK * level)], axis=0), np.float64)
