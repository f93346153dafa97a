"""A stack of planes, measured plane by plane and put together as IBSI's 2D and 2.5D aggregations say.

Neighbors are always sought in the plane; features of neighbors across planes (IBSI's 3D) are not measured.
"""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array
from featurize.radiomics import first_order, glcm, intensity, neighbors, sized
from featurize.radiomics.engine import DEFAULT, names
from featurize.radiomics.region import Region, regions_of_stack
from featurize.radiomics.settings import RadiomicsSettings

# IBSI's names: 2D averaged; 2D slice-merged; 2.5D direction-merged; 2.5D merged. Families without directions know only
# the mean over planes (the first two) and the sum over planes (the last two).
AGGREGATIONS = ("averaged", "slice_merged", "direction_merged", "merged")
STACKED = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm", "gldzm", "ngldm", "histogram", "volume_histogram")


def measure_stack(planes: NDArray[Any], masks: BoolArray, families: Sequence[str] = STACKED,
                  settings: RadiomicsSettings = DEFAULT, aggregation: str = "averaged") -> pd.Series:
    """Features of a stack.

    Parameters
    ----------
    planes : (S, H, W) real
    masks : (S, H, W) bool
    families : sequence of str
        Out of `STACKED`; there is no shape of a stack.
    settings : RadiomicsSettings
        Gray levels are those of the whole stack.
    aggregation : str
        One of `AGGREGATIONS`.

    Returns
    -------
    Series of float64 named ``<family>_<feature>``, NaN for an empty stack.

    Raises
    ------
    ValueError
        Another shape, family or aggregation.
    """
    if planes.ndim != 3 or masks.shape != planes.shape:
        raise ValueError(f"a stack of shape {planes.shape} came with masks of shape {masks.shape}: (S, H, W) is wanted")
    if aggregation not in AGGREGATIONS:
        raise ValueError(f"aggregation {aggregation!r} is unknown: {', '.join(AGGREGATIONS)}")
    unknown = [f for f in families if f not in STACKED]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no family of a stack; known: {', '.join(STACKED)}")
    flat, single = regions_of_stack(planes, masks, settings)
    columns = names(families)
    if not single:
        return pd.Series(np.nan, columns)
    values = [_family(family, flat, single, settings, aggregation) for family in families]
    return pd.Series(np.concatenate(values), columns)


def _family(family: str, flat: Region, single: list[Region], settings: RadiomicsSettings, how: str) -> Float64Array:
    by_plane = how in AGGREGATIONS[:2]
    if family == "firstorder":
        return first_order.first_order(flat, settings)
    if family in ("histogram", "volume_histogram"):
        return intensity.histogram(flat) if family == "histogram" else intensity.volume_histogram(flat)
    if family == "glcm":
        counts = np.stack([glcm.matrices(region, settings) for region in single])
        return glcm.of_matrices(_merged(counts, how), flat.values, settings.symmetrical_glcm)
    if family == "glrlm":
        runs = [sized.run_matrices(region, settings) for region in single]
        counts, sizes = _common([(c, s) for c, s in runs])
        return sized.of_matrices(_merged(counts, how), flat.values, sizes)
    if family in ("glszm", "gldzm"):
        return _zones(family, flat, single, by_plane)
    near = [neighbors.neighbors(region, settings) for region in single]
    if not by_plane:
        near = [neighbors.Neighbors(np.sum([n.dependence for n in near], axis=0),
                                    np.sum([n.counted for n in near], axis=0), np.sum([n.tones for n in near], axis=0))]
    measure = {"gldm": neighbors.gldm, "ngldm": neighbors.ngldm, "ngtdm": neighbors.ngtdm}[family]
    return np.asarray(np.mean([measure(n, flat.values) for n in near], axis=0))


def _zones(family: str, flat: Region, single: list[Region], by_plane: bool) -> Float64Array:
    found = [sized.zone_matrices(region, family == "gldzm") for region in single]
    counts, sizes = _common([(pair[0][None], pair[1]) for by_size, by_distance in found
                             for pair in ([by_size] if by_distance is None else [by_distance])])
    if by_plane:
        pixels = [region.pixels if family == "gldzm" else 0 for region in single]
        single_values = [sized.of_matrices(c, flat.values, sizes, n) for c, n in zip(counts, pixels)]
        return np.asarray(np.mean(single_values, axis=0))
    return sized.of_matrices(counts.sum(axis=0), flat.values, sizes, flat.pixels if family == "gldzm" else 0)


def _common(found: Sequence[tuple[NDArray[Any], Float64Array]]) -> tuple[Float64Array, Float64Array]:
    """(S, D, K, J) counts over the sizes (J,) that occur in any of (D, K, J_s) counts."""
    sizes = np.unique(np.concatenate([s for _, s in found]))
    counts = np.zeros((len(found), *found[0][0].shape[:2], len(sizes)))
    for to, (count, own) in zip(counts, found):
        to[..., np.searchsorted(sizes, own)] = count
    return counts, sizes


def _merged(counts: Float64Array, how: str) -> Float64Array:
    """(M, K, J) from (S, D, K, J): what is counted together before features are taken."""
    if how == "averaged":
        return counts.reshape(-1, *counts.shape[2:])
    if how == "slice_merged":
        return np.asarray(counts.sum(axis=1))
    return np.asarray(counts.sum(axis=0)) if how == "direction_merged" else counts.sum(axis=(0, 1))[None]
