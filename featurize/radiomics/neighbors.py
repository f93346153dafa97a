"""Gray-level dependence (GLDM, NGLDM) and neighboring gray tone difference (NGTDM)."""
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array, Int64Array
from featurize.kernels.radiomics.emphasis import Emphasis
from featurize.kernels.radiomics.neighbors import Ngtdm, around, tone_features
from featurize.radiomics.offsets import full
from featurize.radiomics.region import Region
from featurize.radiomics.settings import RadiomicsSettings
from featurize.radiomics.sized import of_matrices

NGTDM = tuple(feature.name.lower() for feature in Ngtdm)
GLDM = ("small_dependence_emphasis", "large_dependence_emphasis", "gray_level_non_uniformity",
        "dependence_non_uniformity", "dependence_non_uniformity_normalized", "gray_level_variance",
        "dependence_variance", "dependence_entropy", "low_gray_level_emphasis", "high_gray_level_emphasis",
        "small_dependence_low_gray_level_emphasis", "small_dependence_high_gray_level_emphasis",
        "large_dependence_low_gray_level_emphasis", "large_dependence_high_gray_level_emphasis")
NGLDM = ("low_dependence_emphasis", "high_dependence_emphasis", "gray_level_non_uniformity",
         "gray_level_non_uniformity_normalized", "dependence_count_non_uniformity",
         "dependence_count_non_uniformity_normalized", "dependence_count_percentage", "gray_level_variance",
         "dependence_count_variance", "dependence_count_entropy", "low_gray_level_count_emphasis",
         "high_gray_level_count_emphasis", "low_dependence_low_gray_level_emphasis",
         "low_dependence_high_gray_level_emphasis", "high_dependence_low_gray_level_emphasis",
         "high_dependence_high_gray_level_emphasis", "dependence_count_energy")
# GLDM leaves two out: the normalized non-uniformity of levels is always the uniformity, and the percentage always 1.
GLDM_EMPHASES = [feature for feature in Emphasis
                 if feature not in (Emphasis.LEVEL_NON_UNIFORMITY_NORMALIZED, Emphasis.PERCENTAGE)]


@dataclass(frozen=True)
class Neighbors:
    """Counts over the neighbors of every pixel.

    Parameters
    ----------
    dependence : (K, D + 1) float64
        Pixels by gray level and number of dependent pixels, itself included.
    counted : (K,) int64
        Pixels that have a neighbor in the region.
    tones : (K,) float64
        Sum of their differences from the mean of their neighbors.
    """

    dependence: Float64Array
    counted: Int64Array
    tones: Float64Array


def neighbors(region: Region, settings: RadiomicsSettings) -> Neighbors:
    """One pass over the region for the three families."""
    steps, k = full(settings.distances), len(region.values)
    values = np.zeros(k + 1, np.int64)
    values[1:] = region.values
    dependence = np.zeros((k + 1, len(steps) + 1), np.int64)
    counted, tones = np.zeros(k + 1, np.int64), np.zeros(k + 1)
    if region.pixels and int(values[-1]) * len(steps) >= 2 ** 31:
        raise ValueError(f"gray level {values[-1]} over {len(steps)} neighbors is more than can be summed: choose "
                         "larger bins or smaller distances")
    if region.pixels:
        around(region.levels, region.pad, steps, values, settings.gldm_a, dependence, counted, tones)
    return Neighbors(dependence[1:].astype(np.float64), counted[1:], tones[1:])


def _dependences(found: Neighbors, values: Int64Array) -> Float64Array:
    sizes = np.arange(1, found.dependence.shape[1] + 1, dtype=np.float64)
    return of_matrices(found.dependence[None], values, sizes)


def gldm(found: Neighbors, values: Int64Array) -> Float64Array:
    """(14,) features in the order of `GLDM` (Sun & Wee 1983)."""
    return np.asarray(_dependences(found, values)[GLDM_EMPHASES])


def ngldm(found: Neighbors, values: Int64Array) -> Float64Array:
    """(17,) features in the order of `NGLDM`, as IBSI words them."""
    out, energy = _dependences(found, values), np.nan
    total = found.dependence.sum()
    if total:
        out[Emphasis.PERCENTAGE] = 1.0
        energy = ((found.dependence / total) ** 2).sum()
    return np.append(out, energy)


def ngtdm(found: Neighbors, values: Int64Array) -> Float64Array:
    """(5,) features in the order of `NGTDM` (Amadasun & King 1989, 10.1109/21.44046)."""
    out = np.empty(len(NGTDM))
    tone_features(found.counted, found.tones, values, out)
    return out
