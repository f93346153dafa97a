"""Nucleus and cytoplasm of the cell that an image is about, amid red cells or cut out on black.

The way: optical density over the empty slide -> nuclear dye -> nuclei -> the most central one with its lobes ->
how much each pixel looks like this cell rather than like its surroundings -> best closed contour around the nucleus.
"""
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.kernels.contour import closed_path
from featurize.normalize import Image, background_color, density, outside, total_density

Mask = NDArray[np.bool_]
Map = NDArray[np.float32]

_SIDE = 256                                            # longest side of the image in which cells are looked for
_DYE = np.array([1.0, 1.0, -1.0], dtype=np.float32)    # azure absorbs red and green; hemoglobin blue as well
_ANGLES, _RADII = 96, 64


@dataclass(frozen=True)
class CellMasks:
    """Masks of one cell in the search image, with what was learned on the way."""

    nucleus: Mask
    cell: Mask
    others: Mask
    white: NDArray[np.float64]
    nucleus_density: NDArray[np.float64]
    facts: dict[str, float]


def search_image(raw: Image) -> Image:
    """The image scaled so that its longest side is 256 px; small ones grow, so that a 28 px cell can be outlined."""
    height, width = raw.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(raw, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def find_cell(rgb: Image) -> CellMasks:
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
    nucleus, others = _choose(nuclei, dye, empty)
    if not nucleus.any():
        nothing = np.zeros(black.shape, bool)
        return CellMasks(nothing, nothing, nuclei, white, np.zeros(3), {"found": 0.0})
    if black.any():
        cell = _cut_out(black, nucleus)
        nucleus = _nucleus_within(dye, cell)
    else:
        cell = _surround(od, dye, level, nucleus, others, empty)
        nucleus = _refine(dye, nucleus, cell)
    cell |= nucleus
    facts = {"found": 1.0, "black_background": float(black.any()),
             **_references(total, level, empty, cell, nuclei), **_place(cell, nucleus, others)}
    return CellMasks(nucleus, cell, others, white, np.median(od[nucleus], axis=0).astype(np.float64), facts)


def _empty_level(total: Map, level: float) -> float:
    """Density below which a pixel is empty slide: four deviations of the slide's own noise."""
    thinned = total[::2, ::2]
    slide = thinned[thinned < min(0.12, 0.25 * level)]
    if slide.size < 50:
        return 0.03
    middle = float(np.median(slide))
    return middle + min(max(4 * 1.4826 * float(np.median(np.abs(slide - middle))), 0.025), 0.08)


def _refine(dye: Map, nucleus: Mask, cell: Mask) -> Mask:
    """The nucleus cut anew at the level that parts it from this cell's own cytoplasm and granules."""
    smooth = cv2.GaussianBlur(dye, (0, 0), 1.2)
    deep = float(np.percentile(smooth[nucleus], 75))
    inside = smooth[cell]
    level = _otsu(inside[inside > 0.1 * deep], 0.1 * deep, 1.1 * deep)
    # Chromatin has light and dark of its own: a level inside the nucleus would carve it, so the move is bounded.
    level = min(max(level, 0.45 * deep), 0.68 * deep)
    refined = _clean((smooth > level) & cell)
    return refined if refined.sum() > 0.3 * nucleus.sum() else nucleus


def _disk(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def _grown(mask: Mask, side: int) -> Mask:
    """Dilated by a square of `side` px."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)), dtype=bool)


def _otsu(values: Map, low: float, high: float) -> float:
    """Otsu's threshold (1979, IEEE Trans SMC 9:62) of the values between low and high."""
    counts = np.histogram(values, 128, (low, high))[0].astype(np.float64)
    centers = np.arange(128) + 0.5
    below, moment = np.cumsum(counts), np.cumsum(counts * centers)
    spread = below * (below[-1] - below)
    between = np.divide((moment[-1] * below / max(below[-1], 1) - moment) ** 2, spread,
                        out=np.zeros(128), where=spread > 0)
    return low + (high - low) * (int(between.argmax()) + 1) / 128


def _nuclear_level(dye: Map, black: Mask) -> float:
    """Dye level that separates nuclei: where their outlines are steepest, about halfway up to the deepest dye."""
    # Every second pixel in both directions tells the same levels in a quarter of the time.
    seen = dye[::2, ::2][~black[::2, ::2]]
    top = float(np.percentile(seen, 99.6)) if seen.size else 0.0
    if top <= 0.05:
        return np.inf
    deep = float(np.median(seen[seen > 0.6 * top]))
    first = min(max(_otsu(seen[seen > 0.12 * top], 0.12 * top, top * 1.1), 0.45 * deep), 0.68 * deep)
    slope = cv2.magnitude(cv2.Sobel(dye, cv2.CV_32F, 1, 0), cv2.Sobel(dye, cv2.CV_32F, 0, 1))
    levels = np.linspace(0.38, 0.8, 22) * deep
    band = np.clip(((dye - levels[0]) / (levels[1] - levels[0])).astype(np.int32) + 1, 0, len(levels)).ravel()
    count = np.bincount(band, minlength=len(levels) + 1)[1:-1]
    total = np.bincount(band, slope.ravel().astype(np.float64), minlength=len(levels) + 1)[1:-1]
    # Mean slope among pixels just at each level: an outline crosses its level where the image is steep.
    steep = total / np.maximum(count, 1)
    prior = np.exp(-0.5 * ((levels[:-1] / first - 1.0) / 0.2) ** 2)
    return float(levels[int(np.argmax(steep * prior))])


def _clean(mask: Mask) -> Mask:
    """Without specks and pinholes: opened by 3 px, holes up to 1/40 of their component filled."""
    small = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disk(3))
    count, holes, stats, _ = cv2.connectedComponentsWithStats(1 - small, connectivity=4)
    tiny = stats[:, cv2.CC_STAT_AREA] < max(12, small.sum() / 40)
    tiny[0] = False
    return (small > 0) | tiny[holes] if count > 1 else small > 0


def _choose(nuclei: Mask, dye: Map, empty: Mask) -> tuple[Mask, Mask]:
    """The nucleus nearest to the centre and most heavily stained, all its lobes together; and all the others."""
    height, width = nuclei.shape
    count, parts, stats, centers = cv2.connectedComponentsWithStats(nuclei.astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    if count == 1 or area[1:].max() < 0.0004 * nuclei.size:
        return nuclei & False, nuclei
    weight = np.bincount(parts.ravel(), dye.ravel(), count)
    off = np.hypot((centers[:, 0] - width / 2) / width, (centers[:, 1] - height / 2) / height)
    score = np.sqrt(weight) * np.exp(-0.5 * (off / 0.2) ** 2)
    score[0] = -1
    wanted = np.zeros(count, bool)
    wanted[_with_lobes(int(score.argmax()), parts, area, empty)] = True
    mine = wanted[parts]
    return mine, nuclei & ~mine


def _with_lobes(seed: int, parts: NDArray[np.int32], area: NDArray[np.float64], empty: Mask) -> list[int]:
    """Labels of the seed and of the pieces so near to it that they are lobes of one nucleus.

    A piece belongs to it when the gap is small beside the size of what is gathered, or middling with no empty slide in
    it: neighbouring cells keep their cytoplasm and mostly a bright seam between their nuclei.
    """
    chosen = [seed]
    while len(chosen) < 8:
        wanted = np.zeros(len(area), bool)
        wanted[chosen] = True
        mine = wanted[parts]
        gap = cv2.distanceTransform((~mine).astype(np.uint8), cv2.DIST_L2, 3)
        size = float(np.sqrt(area[chosen].sum()))
        candidates = np.unique(parts[(gap <= 0.6 * size) & (parts > 0) & ~mine])
        near = [int(k) for k in candidates if _is_lobe(parts == k, gap, size, mine, empty)]
        if not near:
            return chosen
        chosen += near
    return chosen


def _is_lobe(piece: Mask, gap: Map, size: float, mine: Mask, empty: Mask) -> bool:
    own = float(np.sqrt(piece.sum()))
    near = float(gap[piece].min())
    if own > 1.1 * size or float(gap[piece].max()) > 1.7 * size + own:
        return False
    if near <= 0.22 * min(size, 2 * own):
        return True
    away = cv2.distanceTransform((~piece).astype(np.uint8), cv2.DIST_L2, 3)
    between = (gap + away <= near + 2.5) & ~mine & ~piece
    return own < 0.85 * size and not bool((between & empty).any())


def _cut_out(black: Mask, nucleus: Mask) -> Mask:
    """On a black surrounding the cell is what was left standing around the nucleus."""
    _, parts = cv2.connectedComponents((~black).astype(np.uint8), connectivity=4)
    return _touching(parts, nucleus)


def _touching(parts: NDArray[np.int32], mask: Mask) -> Mask:
    """All parts, but not the background 0, that share a pixel with the mask."""
    wanted = np.zeros(int(parts.max()) + 1, bool)
    wanted[parts[mask]] = True
    wanted[0] = False
    return wanted[parts]


def _nucleus_within(dye: Map, cell: Mask) -> Mask:
    """Nucleus of a cut-out cell: its darker part, if it has two, else nearly all of it."""
    inside = dye[cell]
    level = _otsu(inside, float(inside.min()), float(inside.max()) + 1e-6)
    low, high = inside[inside <= level], inside[inside > level]
    if not len(low) or not len(high) or high.mean() - low.mean() < 0.35 * high.mean():
        level = 0.55 * float(np.median(inside))
    nucleus = _clean((dye > level) & cell)
    return nucleus if nucleus.any() else cell


def _surround(od: Map, dye: Map, level: float, nucleus: Mask, others: Mask, empty: Mask) -> Mask:
    """The cell around its nucleus: the closed contour that best parts cell-like pixels from the surroundings."""
    radius = float(np.sqrt(nucleus.sum() / np.pi))
    gap = cv2.distanceTransform((~nucleus).astype(np.uint8), cv2.DIST_L2, 5)
    bins = _color_bins(od, level)
    inside = (gap <= max(2.0, 0.3 * radius)) & ~empty
    far = (gap > max(4.0, 0.9 * radius)) & ~others
    redness = _redness(od, nucleus, far & ~empty & ~_island(nucleus, empty))
    if (inside & ~nucleus & (redness < 0.6)).sum() > 0.05 * nucleus.sum():
        inside = inside & (redness < 0.6)
    cell = nucleus
    for _ in range(2):
        likely = _log_ratio(bins, inside & ~nucleus, far)
        likely += 2.0 * (0.5 - redness) - 0.3 - 0.5 * np.maximum(gap / radius - 0.5, 0)
        likely[empty] = np.minimum(likely[empty], -1.0)
        likely[nucleus], likely[others] = 3.0, -3.0
        cell = _contour(cv2.GaussianBlur(likely, (0, 0), 1.0), nucleus, radius) & ~others
        inside, far = cell & ~empty, ~_grown(cell, 5) & ~others
    return _main_part((cell & (likely > -1.2)) | nucleus, nucleus)


def _island(nucleus: Mask, empty: Mask) -> Mask:
    """The stained pixels joined to the nucleus, if empty slide lies all around them: then no red cell is among them."""
    _, parts = cv2.connectedComponents((~empty).astype(np.uint8), connectivity=4)
    mine = np.zeros(int(parts.max()) + 1, bool)
    mine[parts[nucleus]] = True
    mine[np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])] = False
    mine[0] = False
    return mine[parts]


def _redness(od: Map, nucleus: Mask, red: Mask) -> Map:
    """(H, W) 0 .. 1: from the blue share of the nucleus's dye to the blue share of the red cells' hemoglobin.

    Hemoglobin's Soret band absorbs blue, azure and eosin hardly do; .5 all over if no red cell is seen.
    """
    total = cv2.GaussianBlur(total_density(od), (0, 0), 1.5)
    share = cv2.GaussianBlur(od[..., 2], (0, 0), 1.5) / np.maximum(total, 0.08)
    if red.sum() < 0.02 * red.size:
        return np.full(red.shape, 0.5, np.float32)
    low, high = float(np.median(share[nucleus])), float(np.median(share[red]))
    if high - low < 0.05:
        return np.full(red.shape, 0.5, np.float32)
    return np.asarray(np.clip((share - low) / (high - low), 0, 1), dtype=np.float32)


def _color_bins(od: Map, level: float) -> NDArray[np.int32]:
    """(H, W) index into a 16 x 12 x 12 histogram of density, red share and blue share."""
    total = total_density(od)
    scale = max(level, 0.05) * 1.6
    density_bin = np.clip(total / scale * 12, 0, 15)
    safe = np.maximum(total, 0.08)
    red = np.clip((od[..., 0] / safe - 0.05) / 0.5 * 12, 0, 11)
    blue = np.clip((od[..., 2] / safe - 0.02) / 0.5 * 12, 0, 11)
    return (density_bin.astype(np.int32) * 12 + red.astype(np.int32)) * 12 + blue.astype(np.int32)


def _log_ratio(bins: NDArray[np.int32], inside: Mask, far: Mask) -> Map:
    """(H, W) log of how much more often a pixel's color is met inside than far away, within -3 .. 3."""
    def frequency(mask: Mask) -> Map:
        counts = np.bincount(bins[mask], minlength=16 * 144).astype(np.float32).reshape(16, 12, 12)
        for axis in range(3):
            counts = _smooth(counts, axis)
        return counts / max(float(counts.sum()), 1.0) + 2e-4
    ratio = np.log(frequency(inside) / frequency(far)).ravel()
    return np.clip(ratio, -3, 3)[bins]


def _smooth(counts: Map, axis: int) -> Map:
    """Binomial smoothing 1-2-1 along one axis, ends repeated."""
    moved = np.moveaxis(counts, axis, 0)
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    return np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)


def _contour(likely: Map, nucleus: Mask, radius: float) -> Mask:
    """(H, W) inside of the star-shaped contour around the nucleus with the largest sum of `likely`."""
    rows, columns = np.nonzero(nucleus)
    box = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    center = (0.5 * (columns.mean() + box[0]), 0.5 * (rows.mean() + box[1]))
    reach = 1.25 * float(np.hypot(columns - center[0], rows - center[1]).max()) + 1.6 * radius
    angle = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    r = (np.arange(_RADII) + 0.5) * (reach / _RADII)
    x = (center[0] + np.cos(angle)[:, None] * r).astype(np.float32)
    y = (center[1] + np.sin(angle)[:, None] * r).astype(np.float32)
    polar = cv2.remap(likely, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-0.5)
    gain = np.cumsum(polar * (r / radius).astype(np.float32), axis=1, dtype=np.float32)
    path = np.empty(_ANGLES, np.int32)
    closed_path(gain, 3, 0.9, path, np.empty((2, _RADII)), np.empty((_ANGLES, _RADII), np.int32))
    edge = (path + 1) * (reach / _RADII)
    corners = np.stack([center[0] + np.cos(angle) * edge, center[1] + np.sin(angle) * edge], axis=1)
    canvas = np.zeros(likely.shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    return canvas > 0


def _main_part(mask: Mask, nucleus: Mask) -> Mask:
    """The mask's parts that hold the nucleus, opened by 5 px, holes filled."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disk(5)) | nucleus
    _, parts = cv2.connectedComponents(opened.astype(np.uint8), connectivity=4)
    kept = _touching(parts, nucleus)
    outlines, _ = cv2.findContours(kept.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas > 0


def _references(total: Map, level: float, empty: Mask, cell: Mask, nuclei: Mask) -> dict[str, float]:
    """Diameter (px of the search image) and density of the red cells around, NaN where there are none.

    Red cells are what is stained but is no nucleus; touching ones are told apart by the peaks of the distance
    transform, whose upper quartile is half a diameter.
    """
    free = ~_grown(cell | nuclei, 7)
    stained = free & ~empty
    nothing = {"red_diameter": np.nan, "red_density": np.nan, "red_share": float(stained.mean())}
    if stained.mean() < 0.02:
        return nothing
    filled = cv2.morphologyEx(stained.astype(np.uint8), cv2.MORPH_OPEN, _disk(5))
    _, holes, stats, _ = cv2.connectedComponentsWithStats(1 - filled, connectivity=4)
    pallor = stats[:, cv2.CC_STAT_AREA] < 0.008 * stained.size
    pallor[0] = False
    filled[pallor[holes] & free] = 1
    # The image's rim and the white cell cut red cells off; a mirrored frame keeps their depth from shrinking there.
    framed = cv2.copyMakeBorder(filled, 8, 8, 8, 8, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[8:-8, 8:-8]
    peaks = (depth >= cv2.dilate(depth, np.ones((21, 21), np.uint8))) & (depth > 4)
    peaks[:6], peaks[-6:], peaks[:, :6], peaks[:, -6:] = False, False, False, False
    if peaks.sum() < 3:
        return nothing
    return {"red_diameter": 2 * float(np.percentile(depth[peaks], 60)),
            "red_density": float(np.median(total[filled > 0])), "red_share": float(stained.mean())}


def _place(cell: Mask, nucleus: Mask, others: Mask) -> dict[str, float]:
    """Where the cell lies: offset from the centre (share of the side), share of its rim cut off, other nuclei."""
    rows, columns = np.nonzero(cell)
    height, width = cell.shape
    cut = np.concatenate([cell[0], cell[-1], cell[:, 0], cell[:, -1]]).sum()
    around = 2 * np.sqrt(np.pi * max(len(rows), 1))
    count, _, stats, _ = cv2.connectedComponentsWithStats(others.astype(np.uint8), connectivity=8)
    large = stats[1:, cv2.CC_STAT_AREA] > 0.25 * nucleus.sum() if count > 1 else np.zeros(0, bool)
    return {"offset": float(np.hypot(columns.mean() / width - 0.5, rows.mean() / height - 0.5)),
            "cut_rim": float(cut / around), "other_nuclei": float(large.sum())}
