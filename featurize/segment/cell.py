"""Nucleus and cytoplasm of the cell that an image is about, amid red cells or cut out on black.

The way: optical density over the empty slide -> nuclear dye -> nuclei -> the most central one with its lobes ->
how much each pixel looks like this cell rather than like its surroundings -> best closed contour around the nucleus.
"""
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float32Array, Float64Array, Int32Array, UInt8Array
from featurize.images.normalize import background_color, density, outside, total_density
from featurize.kernels.cell import (color_bins, count_between, count_colors, likelihood, peaks, slopes_by_level,
                                    smooth_bins)
from featurize.kernels.contour import closed_path
from featurize.kernels.radiomics.runs import components, parts_holding, small_holes
from featurize.segment.lobes import choose

_SIDE = 256                                            # longest side of the image in which cells are looked for
_DYE = np.array([1.0, 1.0, -1.0], dtype=np.float32)    # azure absorbs red and green; hemoglobin blue as well
_ANGLES = 96
_RADII = 64
_COLORS = 16, 12, 12                                   # bins of density, red share and blue share


@dataclass(frozen=True)
class CellMasks:
    """Masks of one cell in the search image, with what was learned on the way."""

    nucleus: BoolArray
    cell: BoolArray
    others: BoolArray
    white: Float64Array
    nucleus_density: Float64Array
    facts: dict[str, float]


@dataclass(frozen=True)
class Rays:
    """Directions around a nucleus: its centre (x, y), (96, 1) cosines and sines, and how far out the cell may reach."""

    center: tuple[float, float]
    across: Float64Array
    down: Float64Array
    reach: float


def search_image(raw: UInt8Array) -> UInt8Array:
    """The image scaled so that its longest side is 256 px; small ones grow, so that a 28 px cell can be outlined."""
    height, width = raw.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(raw, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def find_cell(rgb: UInt8Array) -> CellMasks:
    """Outline the central white cell of a search image.

    Parameters
    ----------
    rgb : (H, W, 3) uint8, longest side 256 px

    Returns
    -------
    CellMasks
        Empty masks where the image holds nothing that is stained like a nucleus.
    """
    black = outside(rgb)
    white = background_color(rgb, black)
    od = cv2.GaussianBlur(density(rgb, white), (0, 0), 0.8)
    od[black] = 0
    dye = np.maximum(cv2.transform(od, _DYE[None]), 0)
    total = total_density(od)
    level = _nuclear_level(dye, black)
    empty = total < _empty_level(total, level)
    nuclei = _clean(dye > level)
    nucleus, others = choose(nuclei, dye, empty)
    if not nucleus.any():
        nothing = np.zeros(black.shape, bool)
        return CellMasks(nothing, nothing, nuclei, white, np.zeros(3), {"found": 0.0})
    if black.any():
        cell = _cut_out(black, nucleus)
        nucleus = _nucleus_within(dye, cell)
    else:
        cell = _surround(od, total, level, nucleus, others, empty)
        nucleus = _refine(dye, nucleus, cell)
    cell |= nucleus
    facts = {"found": 1.0, "black_background": float(black.any()),
             **_references(total, level, empty, cell, nuclei), **_place(cell, nucleus, others)}
    deep = np.array([_median(plane[nucleus]) for plane in cv2.split(od)])
    return CellMasks(nucleus, cell, others, white, deep, facts)


def _median(values: Float32Array) -> float:
    """The number that `numpy.median` gives, ten times as fast: one partition, and no search for NaN."""
    half = len(values) // 2
    part = np.partition(values, half)
    return float(part[half] if len(values) % 2 else (part[:half].max() + part[half]) / 2)


def _empty_level(total: Float32Array, level: float) -> float:
    """Density below which a pixel is empty slide: four deviations of the slide's own noise."""
    thinned = total[::2, ::2]
    slide = thinned[thinned < min(0.12, 0.25 * level)]
    if slide.size < 50:
        return 0.03
    middle = _median(slide)
    return middle + min(max(4 * 1.4826 * _median(np.abs(slide - middle)), 0.025), 0.08)


def _refine(dye: Float32Array, nucleus: BoolArray, cell: BoolArray) -> BoolArray:
    """The nucleus cut anew at the level that parts it from this cell's own cytoplasm and granules."""
    smooth = cv2.GaussianBlur(dye, (0, 0), 1.2)
    deep = float(np.percentile(smooth[nucleus], 75))
    inside = smooth[cell]
    level = _otsu(inside[inside > 0.1 * deep], 0.1 * deep, 1.1 * deep)
    # Chromatin has light and dark of its own: a level inside the nucleus would carve it, so the move is bounded.
    level = min(max(level, 0.45 * deep), 0.68 * deep)
    refined = _clean((smooth > level) & cell)
    return refined if np.count_nonzero(refined) > 0.3 * np.count_nonzero(nucleus) else nucleus


def _grown(mask: BoolArray, side: int) -> BoolArray:
    """Dilated by a square of `side` px."""
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8))).view(bool)


def _otsu(values: Float32Array, low: float, high: float) -> float:
    """Otsu's threshold (1979, IEEE Trans SMC 9:62) of the values between low and high."""
    bins = np.zeros(128, np.int64)
    count_between(values, np.linspace(low, high, 129, dtype=np.float32), bins)
    counts = bins.astype(np.float64)
    centers = np.arange(128) + 0.5
    below, moment = np.cumsum(counts), np.cumsum(counts * centers)
    spread = below * (below[-1] - below)
    between = np.divide((moment[-1] * below / max(below[-1], 1) - moment) ** 2, spread,
                        out=np.zeros(128), where=spread > 0)
    return low + (high - low) * (int(between.argmax()) + 1) / 128


def _nuclear_level(dye: Float32Array, black: BoolArray) -> float:
    """Dye level that separates nuclei: where their outlines are steepest, about halfway up to the deepest dye."""
    # Every second pixel in both directions tells the same levels in a quarter of the time.
    seen = dye[::2, ::2][~black[::2, ::2]]
    top = float(np.percentile(seen, 99.6)) if seen.size else 0.0
    if top <= 0.05:
        return np.inf
    deep = _median(seen[seen > 0.6 * top])
    first = min(max(_otsu(seen[seen > 0.12 * top], 0.12 * top, top * 1.1), 0.45 * deep), 0.68 * deep)
    slope = cv2.magnitude(cv2.Sobel(dye, cv2.CV_32F, 1, 0), cv2.Sobel(dye, cv2.CV_32F, 0, 1))
    levels = np.linspace(0.38, 0.8, 22) * deep
    count, total = np.zeros(len(levels) - 1, np.int64), np.zeros(len(levels) - 1)
    slopes_by_level(dye, slope, levels[0], levels[1] - levels[0], count, total)
    # Mean slope among pixels just at each level: an outline crosses its level where the image is steep.
    steep = total / np.maximum(count, 1)
    prior = np.exp(-0.5 * ((levels[:-1] / first - 1.0) / 0.2) ** 2)
    return float(levels[int(np.argmax(steep * prior))])


def _clean(mask: BoolArray) -> BoolArray:
    """Without specks and pinholes: opened by 3 px, holes up to 1/40 of their component filled."""
    small = _opened(mask, 3)
    holes = np.zeros(mask.shape, bool)
    small_holes(small, max(12, np.count_nonzero(small) / 40), holes)
    return np.asarray(small | holes)


def _opened(mask: BoolArray, side: int) -> BoolArray:
    """Opened by a disk of `side` px."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disk)).view(bool)


def _cut_out(black: BoolArray, nucleus: BoolArray) -> BoolArray:
    """On a black surrounding the cell is what was left standing around the nucleus."""
    return _holding(~black, nucleus)


def _holding(mask: BoolArray, seeds: BoolArray, spare_rim: bool = False) -> BoolArray:
    """The parts of the mask that share a pixel with the seeds; if `spare_rim`, but for those on the image's rim."""
    held = np.zeros(mask.shape, bool)
    parts_holding(mask, seeds, spare_rim, held)
    return held


def _nucleus_within(dye: Float32Array, cell: BoolArray) -> BoolArray:
    """Nucleus of a cut-out cell: its darker part, if it has two, else nearly all of it."""
    inside = dye[cell]
    level = _otsu(inside, float(inside.min()), float(inside.max()) + 1e-6)
    low, high = inside[inside <= level], inside[inside > level]
    if not len(low) or not len(high) or high.mean() - low.mean() < 0.35 * high.mean():
        level = 0.55 * float(np.median(inside))
    nucleus = _clean((dye > level) & cell)
    return nucleus if nucleus.any() else cell


def _surround(od: Float32Array, total: Float32Array, level: float, nucleus: BoolArray, others: BoolArray,
              empty: BoolArray) -> BoolArray:
    """The cell around its nucleus: the closed contour that best parts cell-like pixels from the surroundings."""
    size = np.count_nonzero(nucleus)
    radius = float(np.sqrt(size / np.pi))
    gap = cv2.distanceTransform((~nucleus).view(np.uint8), cv2.DIST_L2, 5)
    red, _, blue = cv2.split(od)
    bins = np.empty(nucleus.shape, np.uint16)
    color_bins(total, red, blue, np.float32(max(level, 0.05) * 1.6), bins)
    inside = (gap <= max(2.0, 0.3 * radius)) & ~empty
    far = (gap > max(4.0, 0.9 * radius)) & ~others
    # Where empty slide lies all around the stained pixels joined to the nucleus, no red cell is among them.
    redness = _redness(total, blue, nucleus, far & ~empty & ~_holding(~empty, nucleus, spare_rim=True))
    if np.count_nonzero(inside & ~nucleus & (redness < 0.6)) > 0.05 * size:
        inside = inside & (redness < 0.6)
    rays = _rays(nucleus, radius)
    likely = np.empty(nucleus.shape, np.float32)
    for _ in range(2):
        ratio = _log_ratio(bins, inside & ~nucleus, far)
        likelihood(ratio, bins, redness, gap, np.float32(radius), empty, nucleus, others, likely)
        cell = _contour(cv2.GaussianBlur(likely, (0, 0), 1.0), rays, radius) & ~others
        inside, far = cell & ~empty, ~_grown(cell, 5) & ~others
    return _main_part((cell & (likely > -1.2)) | nucleus, nucleus)


def _redness(total: Float32Array, blue: Float32Array, nucleus: BoolArray, red: BoolArray) -> Float32Array:
    """(H, W) 0 .. 1: from the blue share of the nucleus's dye to the blue share of the red cells' hemoglobin.

    Hemoglobin's Soret band absorbs blue, azure and eosin hardly do; .5 all over if no red cell is seen.
    """
    share = cv2.GaussianBlur(blue, (0, 0), 1.5) / np.maximum(cv2.GaussianBlur(total, (0, 0), 1.5), 0.08)
    if np.count_nonzero(red) < 0.02 * red.size:
        return np.full(red.shape, 0.5, np.float32)
    low, high = _median(share[nucleus]), _median(share[red])
    if high - low < 0.05:
        return np.full(red.shape, 0.5, np.float32)
    return np.asarray(np.clip((share - low) / (high - low), 0, 1), dtype=np.float32)


def _log_ratio(bins: NDArray[np.uint16], inside: BoolArray, far: BoolArray) -> Float32Array:
    """(2304,) by bin: log of how much more often a color is met inside than far away, within -3 .. 3."""
    counts = np.zeros((2, _COLORS[0] * _COLORS[1] * _COLORS[2]), np.int32)
    count_colors(bins, inside, far, counts)
    often = counts.astype(np.float32)
    for many in often:
        smooth_bins(many.reshape(_COLORS), np.empty(_COLORS, np.float32))
    often = often / np.maximum(often.sum(axis=1, keepdims=True), 1) + 2e-4
    return np.asarray(np.clip(np.log(often[0] / often[1]), -3, 3))


def _rays(nucleus: BoolArray, radius: float) -> Rays:
    """Where the image is read around the nucleus, and how far out."""
    by_column, by_row = _profiles(nucleus)
    columns, rows = np.flatnonzero(by_column), np.flatnonzero(by_row)
    center = (0.5 * (_middle(by_column) + (columns[0] + columns[-1]) / 2),
              0.5 * (_middle(by_row) + (rows[0] + rows[-1]) / 2))
    # The farthest pixel is the first or last of its row.
    ends = nucleus[rows].argmax(axis=1), nucleus.shape[1] - 1 - nucleus[rows, ::-1].argmax(axis=1)
    reach = 1.25 * max(float(np.hypot(end - center[0], rows - center[1]).max()) for end in ends) + 1.6 * radius
    angle = np.arange(_ANGLES)[:, None] * (2 * np.pi / _ANGLES)
    return Rays(center, np.cos(angle), np.sin(angle), reach)


def _contour(likely: Float32Array, rays: Rays, radius: float) -> BoolArray:
    """(H, W) inside of the star-shaped contour around the nucleus with the largest sum of `likely`."""
    step = rays.reach / _RADII
    r = (np.arange(_RADII) + 0.5) * step
    x, y = ((c + turn * r).astype(np.float32) for c, turn in zip(rays.center, (rays.across, rays.down)))
    polar = cv2.remap(likely, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-0.5)
    gain = np.cumsum(polar * (r / radius).astype(np.float32), axis=1, dtype=np.float32)
    path = np.empty(_ANGLES, np.int32)
    closed_path(gain, 3, 0.9, path, np.empty((2, _RADII)), np.empty((_ANGLES, _RADII), np.int32))
    edge = (path[:, None] + 1) * step
    corners = np.concatenate([rays.center[0] + rays.across * edge, rays.center[1] + rays.down * edge], axis=1)
    canvas = np.zeros(likely.shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    return canvas.view(bool)


def _main_part(mask: BoolArray, nucleus: BoolArray) -> BoolArray:
    """The mask's parts that hold the nucleus, opened by 5 px, holes filled."""
    kept = _holding(_opened(mask, 5) | nucleus, nucleus)
    outlines, _ = cv2.findContours(kept.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.view(bool)


def _references(total: Float32Array, level: float, empty: BoolArray, cell: BoolArray,
                nuclei: BoolArray) -> dict[str, float]:
    """Diameter (px of the search image) and density of the red cells around, NaN where there are none.

    Red cells are what is stained but is no nucleus; touching ones are told apart by the peaks of the distance
    transform, whose upper quartile is half a diameter.
    """
    free = ~_grown(cell | nuclei, 7)
    stained = free & ~empty
    share = np.count_nonzero(stained) / stained.size
    nothing = {"red_diameter": np.nan, "red_density": np.nan, "red_share": share}
    if share < 0.02:
        return nothing
    filled, pallor = _opened(stained, 5), np.zeros(stained.shape, bool)
    small_holes(filled, 0.008 * stained.size, pallor)
    filled |= pallor & free
    # The image's rim and the white cell cut red cells off; a mirrored frame keeps their depth from shrinking there.
    framed = cv2.copyMakeBorder(filled.view(np.uint8), 8, 8, 8, 8, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[8:-8, 8:-8]
    found = np.zeros(depth.shape, bool)
    peaks(depth, np.float32(4), 10, found)
    deepest = depth[6:-6, 6:-6][found[6:-6, 6:-6]]
    if len(deepest) < 3:
        return nothing
    return {"red_diameter": 2 * float(np.percentile(deepest, 60)), "red_density": _median(total[filled]),
            "red_share": share}


def _place(cell: BoolArray, nucleus: BoolArray, others: BoolArray) -> dict[str, float]:
    """Where the cell lies: offset from the centre (share of the side), share of its rim cut off, other nuclei."""
    by_column, by_row = _profiles(cell)
    (height, width), size = cell.shape, int(by_row.sum())
    cut = by_column[0] + by_column[-1] + by_row[0] + by_row[-1]
    sums, _ = components(others, np.zeros(others.shape, np.float32), np.zeros(others.shape, np.int32))
    large = np.count_nonzero(sums[1:, 0] > 0.25 * np.count_nonzero(nucleus))
    return {"offset": float(np.hypot(_middle(by_column) / width - 0.5, _middle(by_row) / height - 0.5)),
            "cut_rim": float(cut / (2 * np.sqrt(np.pi * max(size, 1)))), "other_nuclei": float(large)}


def _profiles(mask: BoolArray) -> tuple[Int32Array, Int32Array]:
    """(W,) pixels of the mask by column, (H,) by row."""
    bits = mask.view(np.uint8)
    by_column, by_row = (cv2.reduce(bits, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (0, 1))
    return by_column, by_row


def _middle(profile: Int32Array) -> float:
    """Mean place of the counted pixels."""
    return float(profile @ np.arange(len(profile)) / profile.sum())
