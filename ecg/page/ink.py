"""Ink, grid and paper told apart by color.

Everything here is darkness: 1 - (pixel / paper), per channel, 0 for bare paper. Paper is measured locally, so shading
across a photograph drops out. In darkness space a mixture of trace and grid is a weighted sum of two directions, and
the share of the trace is what remains when the direction of the grid is projected out.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from ecg.page.gridlines import without_lines
from ecg.page.pen import measure_pen
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

# Ink across a line, in px, beyond what the line has of itself, that is a trace on it.
_MORE_INK_PX = 0.6

Ruled = tuple[BoolArray, BoolArray]

# Below this share of the ink's darkness outside the grid's direction, color tells too little: gray grid, gray scan.
_COLOR_TELLS = 0.3
# Share of the darkness of the darkest from which a pixel is all ink: thin pens leave most pixels partly bare.
_FULL = 0.85
# Ink in a color is so much darker, all channels taken together, than gray lines that seem as dark in one.
_DARKER = 1.5
# Darkness of ink in every channel, at least.
_IN_ALL = 0.25
# Cosine of the angle, seen along the grid's color, within which ink is of one hue.
_ONE_HUE = 0.966
# Edges of the pen more blurred than this by color may have been blurred by the coding of color: so much sharper are
# they then by brightness.
_SHARP_PX = 0.42
_SHARPER = 0.85


@dataclass(frozen=True)
class Colors:
    """Darkness per channel of what is printed.

    Parameters
    ----------
    ink, grid : (3,) float64
        Of the trace and of the strongest grid lines, 0 = paper, 1 = black.
    by_color : bool
        Whether the two differ enough in hue to be told apart by it.
    """

    ink: Float64Array
    grid: Float64Array
    by_color: bool


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
    # The brightest of a few pixels is paper between grid lines; the median of many such leaves ink and glare out.
    bright = cv2.dilate(rgb, np.ones((5, 5), np.uint8))
    step = max(4, round(max(rgb.shape) / 140))
    small = cv2.resize(bright, (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step)),
                       interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.medianBlur(small, 13), (0, 0), 4).astype(np.float32)
    level = cv2.resize(paper, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    out = np.divide(rgb, np.maximum(level, 8, out=level), out=level, dtype=np.float32)
    return np.maximum(np.subtract(1, out, out=out), 0, out=out)


def find_colors(dark: Float32Array) -> Colors:
    """Colors of ink and grid, from every eleventh pixel.

    Parameters
    ----------
    dark : (H, W, 3) float32
        Of `darkness`.
    """
    # Lines of a grid stand 3, 4, 6, ... px apart: every third column may miss them all.
    sample = np.ascontiguousarray(dark.reshape(-1, 3)[::11])
    bands = sample.T  # one after another: numpy is slow at the least of three neighbours
    least, most = np.minimum(np.minimum(*bands[:2]), bands[2]), np.maximum(np.maximum(*bands[:2]), bands[2])
    # Ink is what is dark in all channels; a grid in color is bright in at least one.
    colors = _told_apart(sample, least, most)
    if not colors.by_color:
        # A blue pen is in one channel as bright as a grid in gray.
        darker = _told_apart(sample, (bands[0] + bands[1] + bands[2]) / np.float32(3), most)
        more = darker.ink.sum() > _DARKER * colors.ink.sum() and darker.ink.min() > _IN_ALL
        return darker if more else colors
    return colors


def _told_apart(sample: Float32Array, by: Float32Array, most: Float32Array) -> Colors:
    """Colors of sampled darkness (n, 3), whose ink is what is darkest by (n,) a measure; most (n,) of the channels."""
    level = float(np.quantile(by, 0.999))
    ink = np.median(sample[by >= _FULL * level], axis=0).astype(np.float64)
    rest = sample[(by < 0.45 * level) & (most > 0.06)].astype(np.float64)
    if len(rest) < 50 or not rest.any():
        return Colors(ink, ink * 0, False)
    # First principal direction through paper (0): faint and strong lines lie on one ray.
    _, vectors = np.linalg.eigh(rest.T @ rest)
    ray = np.abs(vectors[:, -1])
    strong = float(np.quantile(rest @ ray, 0.95))
    outside = ink - ray * (ray @ ink)
    if np.linalg.norm(outside) < _COLOR_TELLS * np.linalg.norm(ink):
        return Colors(ink, ray * strong, False)
    return Colors(_usual_ink(sample, ink, ray), ray * strong, True)


def _usual_ink(sample: Float32Array, darkest: Float64Array, ray: Float64Array) -> Float64Array:
    """Color of what most is drawn in: traces in blue below a title in black.

    sample (n, 3) darkness of pixels; darkest (3,) of the darkest of them; ray (3,) the unit vector of the grid.
    """
    outside = sample - np.outer(sample @ ray, ray).astype(np.float32)
    far = np.linalg.norm(outside, axis=1)
    title = darkest - ray * (ray @ darkest)
    drawn = far > 0.5 * np.linalg.norm(title)
    hues = outside[drawn] / far[drawn, None]
    if not len(hues) or (hues @ title > _ONE_HUE * np.linalg.norm(title)).mean() > 0.5:
        return darkest
    middle = np.median(hues, axis=0)
    own = hues @ middle > _ONE_HUE * np.linalg.norm(middle)
    if not own.any():
        return darkest
    level = float(np.quantile(far[drawn][own], 0.9))
    return np.asarray(np.median(sample[drawn][own & (far[drawn] >= _FULL * level)], axis=0), np.float64)


def grid_signal(dark: Float32Array, colors: Colors) -> Float32Array:
    """Darkness of the grid alone, (H, W) float32, with ink cut away: what its period is measured on."""
    bands = cv2.split(dark)
    most = cv2.max(cv2.max(bands[0], bands[1]), bands[2])
    if not colors.grid.any():
        return _straight(most)  # black as the trace is: a fax
    top = 1.3 * float(colors.grid.max())
    # Halfway between the grid, as dark as its crossings are, and ink.
    least = float(colors.ink.min())
    darkest = cv2.min(cv2.min(bands[0], bands[1]), bands[2])
    inked = darkest > 0.5 * (least + min(1.3 * float(colors.grid.min()), 0.8 * least))
    if colors.by_color:  # blue ink is as bright in one channel as a grid
        inked |= _by_color(dark, colors) > 0.5
    near = cv2.dilate(inked.view(np.uint8), np.ones((3, 3), np.uint8))
    np.copyto(most, 0, where=near.view(bool))
    return np.minimum(most, top, out=most)


def _straight(dark: Float32Array) -> Float32Array:
    """What runs straight along rows or columns and is thin: lines of a grid, neither strokes of a trace nor bars."""
    mask = (dark > 0.5).astype(np.uint8)
    length, thick = max(12, dark.shape[1] // 60), max(4, dark.shape[1] // 400)
    out = np.zeros_like(mask)
    for turn in (False, True):
        part = mask.T if turn else mask
        bars = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((thick, 1), np.uint8))
        whole = cv2.morphologyEx(part & (1 - bars), cv2.MORPH_CLOSE, np.ones((1, length // 4), np.uint8))
        long = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)) & part
        out |= long.T if turn else long
    return out.astype(np.float32)


def ink_share(dark: Float32Array, colors: Colors, px_per_mm: Scale, ruled: Ruled) -> Float32Array:
    """How much of each pixel the trace's ink covers.

    Parameters
    ----------
    dark : (H, W, 3) float32
    colors : Colors
    px_per_mm : Scale
        Tells how long a line must be to be grid, and where it comes again, where color cannot.
    ruled : (H,) and (W,) bool
        Rows and columns on which the grid's 5 mm lines lie, where not even brightness tells.

    Returns
    -------
    (H, W) float32
        0 to 1.
    """
    if not colors.by_color:
        return _by_level(dark, colors, px_per_mm, ruled)
    by_color = _by_color(dark, colors)
    blur = measure_pen(by_color)[1]
    if blur < _SHARP_PX:
        return by_color
    # JPEG keeps color at half the detail: brightness tells where the edge is, color only that it is no grid.
    third = len(dark) // 3
    for rows in (slice(third, 2 * third), slice(None)):
        near = cv2.dilate(by_color[rows], np.ones((3, 3), np.uint8))
        share = _by_level(dark[rows], colors, px_per_mm, ruled) * np.clip(4 * near - 0.6, 0, 1)
        if measure_pen(share)[1] > _SHARPER * blur:
            return by_color
    return share


def _by_color(dark: Float32Array, colors: Colors) -> Float32Array:
    ray = colors.grid / float(np.linalg.norm(colors.grid))
    outside = colors.ink - ray * (ray @ colors.ink)
    weights = (outside / (outside @ colors.ink)).astype(np.float32)
    share = cv2.transform(dark, weights[None, :])
    return np.clip(share, 0, 1, out=share)


def _by_level(dark: Float32Array, colors: Colors, px_per_mm: Scale, ruled: Ruled) -> Float32Array:
    if not colors.grid.any():
        return _without_black_lines(cv2.transform(dark, np.full((1, 3), 1 / 3, np.float32)) / np.float32(
            colors.ink.mean()), px_per_mm, ruled)
    # In the brightest channel of a colored grid there is least to take away.
    room = np.maximum(1 - colors.grid / max(float(colors.grid.max()), 1e-6), 0.15)
    weight = np.asarray(room / room.sum(), np.float32)
    share = without_lines(cv2.transform(dark, weight[None, :]) / np.float32(weight @ colors.ink), px_per_mm)
    return np.clip(share, 0, 1, out=share)


def _without_black_lines(share: Float32Array, px_per_mm: Scale, ruled: Ruled) -> Float32Array:
    """Lines as black as the trace, taken away where the grid lies; strokes across them are joined again."""
    mask = (share > 0.5).astype(np.uint8)
    bar = np.ones((round(4 * px_per_mm.y), max(4, round(0.6 * px_per_mm.x))), np.uint8)
    bars = cv2.morphologyEx(mask, cv2.MORPH_OPEN, bar)
    thin = np.where(cv2.dilate(bars, np.ones((3, 3), np.uint8)) > 0, np.float32(0), share)
    faint, lines = (share > 0.1).astype(np.uint8), np.zeros_like(mask)
    for axis, on in enumerate(ruled):
        # Scanners break lines: pieces a quarter of the length apart are one.
        shape = (1, round(3 * px_per_mm.x)) if axis == 0 else (round(3 * px_per_mm.y), 1)
        whole = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones([max(1, n // 4) for n in shape], np.uint8))
        long = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        own = long & np.expand_dims(on, 1 - axis).astype(np.uint8)
        lines |= own & (1 - _thicker(thin, own, axis, px_per_mm))
    # A stroke goes on at both sides of the line that hid it; a bar beside a line is no stroke.
    left = mask & (1 - lines) & (1 - bars)
    high, wide = round(0.8 * px_per_mm.y), round(0.8 * px_per_mm.x)
    joined = cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((high, 1), np.uint8)) | cv2.morphologyEx(
        left, cv2.MORPH_CLOSE, np.ones((1, wide), np.uint8)) | bars
    return np.asarray(np.where((lines > 0) & (joined == 0), np.float32(0), np.clip(share, 0, 1)), np.float32)


def _thicker(share: Float32Array, lines: UInt8Array, axis: int, px_per_mm: Scale) -> UInt8Array:
    """(H, W) 0 or 1: where there is more ink across a line than the line itself has: a trace runs along it.

    Along a level line only what goes on for 3 mm counts, lest strokes that cross it be bridged at their feet; along an
    upright one half a millimetre does, for strokes are steep.
    """
    if not lines.any():
        return lines
    wide = 2 * round(0.4 * (px_per_mm.y if axis == 0 else px_per_mm.x)) + 1
    ink = cv2.boxFilter(share, -1, (1, wide) if axis == 0 else (wide, 1), normalize=False)
    more = (ink > float(np.median(ink[lines > 0])) + _MORE_INK_PX).astype(np.uint8) & lines
    long = (1, round(3 * px_per_mm.x)) if axis == 0 else (round(0.6 * px_per_mm.y), 1)
    return np.asarray(cv2.morphologyEx(more, cv2.MORPH_OPEN, np.ones(long, np.uint8)))
