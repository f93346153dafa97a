"""A region of one plane, cropped and quantized once for all families."""
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.kernels.radiomics.quantizing import bounds, count_bytes, digitize, look_up, rank_bytes, scatter
from featurize.radiomics.settings import RadiomicsSettings

Plane = NDArray[Any]

# Above this many gray levels a co-occurrence matrix alone takes gigabytes, and no statistics can fill it.
MOST_LEVELS = 4096


@dataclass(frozen=True)
class Region:
    """What every family needs of a region.

    Parameters
    ----------
    mask : (H, W) bool
    box : (4,) int64
        First row, last row + 1, first column, last column + 1.
    pixels : int
    numbers : (m,) float64
        Values of the plane that occur, or all bytes, rising.
    counts : (m,) int64
        Pixels of each.
    levels : (h + 2 pad, w + 2 pad) uint16
        1..K inside the region, 0 outside: the rank of the pixel's gray level among those that occur.
    values : (K,) int64
        The gray levels, from 1 on, empty ones left out.
    level_counts : (K,) int64
    pad : int
    """

    mask: BoolArray
    box: Int64Array
    pixels: int
    numbers: Float64Array
    counts: Int64Array
    levels: NDArray[np.uint16]
    values: Int64Array
    level_counts: Int64Array
    pad: int


_BYTES = np.arange(256, dtype=np.float64)


def region_of(plane: Plane, mask: BoolArray, settings: RadiomicsSettings) -> Region:
    """Crop and quantize.

    Parameters
    ----------
    plane : (H, W) uint8, or any other real type
        Non-finite values inside the mask are refused.
    mask : (H, W) bool
    settings : RadiomicsSettings

    Raises
    ------
    ValueError
        Shapes differ, values that are no numbers, or more than 4096 gray levels.
    """
    if plane.ndim != 2 or mask.shape != plane.shape:
        raise ValueError(f"a plane of shape {plane.shape} came with a mask of shape {mask.shape}: both must be (H, W)")
    if plane.dtype.kind not in "biuf":
        raise ValueError(f"a plane of {plane.dtype} came: whole numbers or floats are wanted")
    if mask.dtype != np.bool_:
        raise ValueError(f"a mask of {mask.dtype} came, bool was wanted: use mask > 0")
    pad = max(settings.distances)
    if plane.dtype == np.uint8:
        return _of_bytes(plane, mask, settings, pad)
    return _of_numbers(plane, mask, settings, pad)


def _of_bytes(plane: Plane, mask: BoolArray, settings: RadiomicsSettings, pad: int) -> Region:
    counts, box = np.zeros(256, np.int64), np.empty(4, np.int64)
    low, high = count_bytes(plane, mask, counts, box)
    levels = _canvas(box, pad)
    if high < low:
        return Region(mask, box, 0, _BYTES, counts, levels, _NO_LEVELS, _NO_LEVELS, pad)
    table, values, level_counts = np.zeros(256, np.uint16), np.empty(256, np.int64), np.empty(256, np.int64)
    k = rank_bytes(counts, bin_edges(float(low), float(high), settings), table, values, level_counts)
    look_up(plane, mask, box, table, pad, levels)
    return Region(mask, box, int(level_counts[:k].sum()), _BYTES, counts, levels, values[:k], level_counts[:k], pad)


def _of_numbers(plane: Plane, mask: BoolArray, settings: RadiomicsSettings, pad: int) -> Region:
    box = np.empty(4, np.int64)
    pixels = bounds(mask, box)
    levels = _canvas(box, pad)
    inside = plane[mask].astype(np.float64)
    if not pixels:
        return Region(mask, box, 0, inside, _NO_LEVELS, levels, _NO_LEVELS, _NO_LEVELS, pad)
    if not np.isfinite(inside).all():
        raise ValueError(f"{int((~np.isfinite(inside)).sum())} of {pixels} pixels of the region are not finite: "
                         "leave them out of the mask")
    numbers, counts = np.unique(inside, return_counts=True)
    values, level_counts, rank = _quantized(inside, settings)
    scatter(rank, mask, box, pad, levels)
    return Region(mask, box, pixels, numbers, counts.astype(np.int64), levels, values, level_counts, pad)


_NO_LEVELS = np.zeros(0, np.int64)


def regions_of_stack(planes: Plane, masks: BoolArray, settings: RadiomicsSettings) -> tuple[Region, list[Region]]:
    """All planes as one region, laid side by side, and each on its own, with gray levels that mean the same in all.

    Parameters
    ----------
    planes : (S, H, W) real
    masks : (S, H, W) bool
    """
    flat = region_of(planes.reshape(-1, planes.shape[2]), masks.reshape(-1, planes.shape[2]), settings)
    if not flat.pixels:
        return flat, []
    pad, single = max(settings.distances), []
    _, _, rank = _quantized(planes[masks].astype(np.float64), settings)
    ends = np.cumsum(masks.sum(axis=(1, 2)))
    for plane, mask, own in zip(planes, masks, np.split(rank, ends[:-1])):
        box = np.empty(4, np.int64)
        pixels = bounds(mask, box)
        levels = _canvas(box, pad)
        scatter(own, mask, box, pad, levels)
        numbers, counts = np.unique(plane[mask].astype(np.float64), return_counts=True)
        level_counts = np.bincount(own, minlength=len(flat.values) + 1)[1:].astype(np.int64)
        single.append(Region(mask, box, pixels, numbers, counts.astype(np.int64), levels, flat.values, level_counts,
                             pad))
    return flat, [region for region in single if region.pixels]


def _quantized(inside: Float64Array,
               settings: RadiomicsSettings) -> tuple[Int64Array, Int64Array, NDArray[np.uint16]]:
    """Gray levels that occur, pixels of each, and the rank of every value's level."""
    binned = np.empty(len(inside), np.int64)
    digitize(inside, bin_edges(float(inside.min()), float(inside.max()), settings), binned)
    return _ranked(binned, np.ones(len(inside), np.int64))


def _canvas(box: Int64Array, pad: int) -> NDArray[np.uint16]:
    return np.zeros((box[1] - box[0] + 2 * pad, box[3] - box[2] + 2 * pad), np.uint16)


def _ranked(binned: Int64Array,
            counts: Int64Array) -> tuple[Int64Array, Int64Array, NDArray[np.uint16]]:
    """Gray levels that occur, pixels of each, and the rank 1..K of every entry's level."""
    per_level = np.bincount(binned, counts).astype(np.int64)
    values = np.flatnonzero(per_level)
    if len(values) > MOST_LEVELS:
        raise ValueError(f"{len(values)} gray levels came, at most {MOST_LEVELS} can be counted: choose a larger "
                         "bin_width or a bin_count")
    rank = np.zeros(len(per_level), np.uint16)
    rank[values] = np.arange(1, len(values) + 1)
    return values, per_level[values], rank[binned]


def bin_edges(low: float, high: float, settings: RadiomicsSettings) -> Float64Array:
    """Edges of the gray levels, the last one above `high`.

    A fixed width starts at the multiple of it below the minimum (IBSI's fixed bin size, so that a level means the same
    in every image); a fixed count divides the region's own range.
    """
    if settings.bin_count is not None:
        if not low + (high - low) / settings.bin_count > low:
            # Constant, but perhaps for the last digit of a float.
            low, high = low - max(0.5, abs(low) * 1e-6), high + max(0.5, abs(high) * 1e-6)
        # The numbers of np.linspace, which itself takes longer than the rest of a small region.
        steps = np.arange(settings.bin_count + 1, dtype=np.float64)
        edges = steps * ((high - low) / settings.bin_count) + low
        edges[-1] = high + 1
        return edges
    width = settings.bin_width
    start = low - low % width
    if (high - start) / width > 65_000:
        raise ValueError(f"values from {low:g} to {high:g} in steps of {width:g} make more than 65,000 gray levels: "
                         "choose a larger bin_width or a bin_count")
    edges = np.arange(start, high + 2 * width, width, dtype=np.float64)
    if len(edges) < 2 or not edges[0] < edges[1] <= edges[-1] or edges[-1] <= high:
        raise ValueError(f"values around {high:g} cannot be told apart in steps of {width:g}: choose a larger "
                         "bin_width or a bin_count")
    return edges
