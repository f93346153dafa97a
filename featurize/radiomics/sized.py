"""Families that count by gray level and by size: runs, zones, distance zones, dependences."""
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array, Int32Array, Int64Array
from featurize.kernels.radiomics.emphasis import Emphasis, emphases
from featurize.kernels.radiomics.glrlm import runs
from featurize.kernels.radiomics.glszm import distinct, fill, rim_distance, zones
from featurize.radiomics.offsets import lengths
from featurize.radiomics.region import Region
from featurize.radiomics.settings import RadiomicsSettings

Sized = tuple[NDArray[Any], Float64Array]

# The order in which the kernel gives them; every family words them in its own way.
GLRLM = ("short_run_emphasis", "long_run_emphasis", "gray_level_non_uniformity",
         "gray_level_non_uniformity_normalized", "run_length_non_uniformity", "run_length_non_uniformity_normalized",
         "run_percentage", "gray_level_variance", "run_variance", "run_entropy", "low_gray_level_run_emphasis",
         "high_gray_level_run_emphasis", "short_run_low_gray_level_emphasis", "short_run_high_gray_level_emphasis",
         "long_run_low_gray_level_emphasis", "long_run_high_gray_level_emphasis")
GLSZM = ("small_area_emphasis", "large_area_emphasis", "gray_level_non_uniformity",
         "gray_level_non_uniformity_normalized", "size_zone_non_uniformity", "size_zone_non_uniformity_normalized",
         "zone_percentage", "gray_level_variance", "zone_variance", "zone_entropy", "low_gray_level_zone_emphasis",
         "high_gray_level_zone_emphasis", "small_area_low_gray_level_emphasis", "small_area_high_gray_level_emphasis",
         "large_area_low_gray_level_emphasis", "large_area_high_gray_level_emphasis")
GLDZM = ("small_distance_emphasis", "large_distance_emphasis", "gray_level_non_uniformity",
         "gray_level_non_uniformity_normalized", "zone_distance_non_uniformity",
         "zone_distance_non_uniformity_normalized", "zone_percentage", "gray_level_variance", "zone_distance_variance",
         "zone_distance_entropy", "low_gray_level_zone_emphasis", "high_gray_level_zone_emphasis",
         "small_distance_low_gray_level_emphasis", "small_distance_high_gray_level_emphasis",
         "large_distance_low_gray_level_emphasis", "large_distance_high_gray_level_emphasis")
_STEPS = np.array([(0, 1), (1, -1), (1, 0), (1, 1)], np.int64)


def of_matrices(counts: NDArray[Any], values: Int64Array, sizes: Float64Array, pixels: int = 0) -> Float64Array:
    """(16,) features: the mean over the matrices that count anything; NaN without any.

    Parameters
    ----------
    counts : (M, K, J) float64 or int32
    values : (K,) int64
        Gray levels of the rows.
    sizes : (J,) float64
        Sizes of the columns.
    pixels : int
        Pixels that the percentage is a share of; 0 = the sum of count times size.
    """
    out = np.empty(len(Emphasis))
    emphases(counts, values, sizes, pixels, out)
    return out


def run_matrices(region: Region, settings: RadiomicsSettings) -> Sized:
    """(D, K, L) runs by direction, gray level and length (Galloway 1975), and the lengths (L,)."""
    height, width = (n - 2 * region.pad for n in region.levels.shape)
    longest = max(height, width)
    table = np.zeros((4, len(region.values) + 1, longest + 3), np.int32)
    runs(tight(region), table)
    out, kept = table[:, 1:, 1:longest + 1], _with_lines(region, height, width)
    if not kept.all():
        out = np.ascontiguousarray(out[kept])
    sizes = np.arange(1, longest + 1, dtype=np.float64)
    if settings.weighting_norm is None:
        return out, sizes
    return np.tensordot(lengths(_STEPS[kept], settings.weighting_norm, settings.spacing), out, 1)[None], sizes


def _with_lines(region: Region, height: int, width: int) -> BoolArray:
    """(4,) bool: directions in which some line meets two pixels of the region. Runs of single pixels along the others
    would only tell that the region is thin, and pyradiomics leaves those directions out as well."""
    if region.pixels >= height + width:
        return np.ones(4, bool)
    y, x = np.nonzero(tight(region))
    return np.array([len(np.unique(line)) < len(y) for line in (y, y + x, x, y - x)])


def zone_matrices(region: Region, with_distance: bool) -> tuple[Sized, Sized | None]:
    """Zones by gray level and size (Thibault 2009), and by gray level and distance from the rim (Thibault 2014).

    Returns
    -------
    (K, J) counts and (J,) sizes that occur; the same with distances, or None.
    """
    levels = tight(region)
    depth = np.zeros((0, 0), np.int32)
    if with_distance:
        depth = np.zeros(levels.shape, np.int32)
        rim_distance(levels, depth)
    n = region.pixels + 1
    parent, level, size, near = np.empty((4, n), np.int32)
    z = zones(levels, depth, parent, level, size, near)
    by_size = _counted(level, size, z, len(region.values))
    return by_size, _counted(level, near, z, len(region.values)) if with_distance else None


def glrlm(region: Region, settings: RadiomicsSettings) -> Float64Array:
    """(16,) features in the order of `GLRLM`."""
    counts, sizes = run_matrices(region, settings)
    return of_matrices(counts, region.values, sizes)


def glszm(region: Region) -> Float64Array:
    """(16,) features in the order of `GLSZM`."""
    (counts, sizes), _ = zone_matrices(region, False)
    return of_matrices(counts[None], region.values, sizes)


def gldzm(region: Region) -> Float64Array:
    """(16,) features in the order of `GLDZM`."""
    _, by_distance = zone_matrices(region, True)
    assert by_distance is not None
    return of_matrices(by_distance[0][None], region.values, by_distance[1], region.pixels)


def tight(region: Region) -> NDArray[np.uint16]:
    """The levels with a padding of exactly one pixel."""
    spare = region.pad - 1
    return region.levels[spare:-spare, spare:-spare] if spare else region.levels


def _counted(level: Int32Array, size: Int32Array, z: int, levels: int) -> Sized:
    rank = np.zeros(int(size[:z].max()) + 1 if z else 1, np.int32)
    found = distinct(size, z, rank)
    out = np.zeros((levels, found))
    fill(level, size, z, rank, out)
    return out, np.flatnonzero(rank).astype(np.float64)
