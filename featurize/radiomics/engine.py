"""All families of a region in one pass, one image or many."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array
from featurize.radiomics import first_order, glcm, intensity, neighbors, shape2d, sized
from featurize.radiomics.region import Region, region_of
from featurize.radiomics.settings import RadiomicsSettings

FAMILIES: dict[str, tuple[str, ...]] = {
    "firstorder": first_order.NAMES, "shape2d": shape2d.NAMES, "glcm": glcm.NAMES, "glrlm": sized.GLRLM,
    "glszm": sized.GLSZM, "gldm": neighbors.GLDM, "ngtdm": neighbors.NGTDM, "gldzm": sized.GLDZM,
    "ngldm": neighbors.NGLDM, "histogram": intensity.HISTOGRAM, "volume_histogram": intensity.VOLUME}
# The families that pyradiomics has.
STANDARD = ("firstorder", "shape2d", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
DEFAULT = RadiomicsSettings()


def names(families: Sequence[str] = STANDARD) -> list[str]:
    """`<family>_<feature>` in the order of `measure_region`'s values.

    Raises
    ------
    ValueError
        A family that isn't one.
    """
    unknown = [f for f in families if f not in FAMILIES]
    if unknown:
        raise ValueError(f"no radiomics family is called {unknown[0]!r}; known: {', '.join(FAMILIES)}")
    return [f"{family}_{feature}" for family in families for feature in FAMILIES[family]]


def measure(images: Sequence[NDArray[Any]], masks: Sequence[BoolArray],
            families: Sequence[str] = STANDARD, settings: RadiomicsSettings = DEFAULT) -> pd.DataFrame:
    """Radiomics of many regions.

    Parameters
    ----------
    images : sequence of (H, W) arrays of one channel, or one (N, H, W) array
        uint8 is fastest; any other real type is taken by value.
    masks : sequence of (H, W) bool, or one (N, H, W) array
    families : sequence of str
        Of `FAMILIES`.
    settings : RadiomicsSettings

    Returns
    -------
    DataFrame
        A row a region, columns ``<family>_<feature>``, float64. An empty region is a row of NaN; what a region is too
        small or too even for is NaN or a value that docs/features.md names, never a plain 0.

    Raises
    ------
    ValueError
        As many images as masks are needed, of the same sizes; non-finite values inside a mask.

    Examples
    --------
    A region of 9 pixels with three gray levels, each in one piece: 3 zones / 9 pixels.

    >>> plane = np.array([[1, 1, 2],
    ...                   [1, 1, 2],
    ...                   [3, 3, 3]], np.uint8)
    >>> table = measure([plane], [plane > 0], ("firstorder", "glszm"), RadiomicsSettings(bin_width=1))
    >>> float(table["glszm_zone_percentage"][0])
    0.3333333333333333
    >>> float(table["firstorder_maximum"][0]), float(table["firstorder_median"][0])
    (3.0, 2.0)
    """
    if len(images) != len(masks):
        raise ValueError(f"{len(images)} images came with {len(masks)} masks: one mask an image is wanted")
    columns = names(families)
    table = np.empty((len(images), len(columns)))
    for k, (image, mask) in enumerate(zip(images, masks)):
        table[k] = measure_region(image, mask, families, settings)
    return pd.DataFrame(table, columns=columns)


def measure_region(plane: NDArray[Any], mask: BoolArray, families: Sequence[str] = STANDARD,
                   settings: RadiomicsSettings = DEFAULT) -> Float64Array:
    """The values of `names(families)` for one region, without a table around them.

    Parameters
    ----------
    plane : (H, W) real
    mask : (H, W) bool
    families : sequence of str
        Of `FAMILIES`.
    settings : RadiomicsSettings

    Raises
    ------
    ValueError
        An unknown family, another shape, non-finite values inside the mask.
    """
    return of_region(region_of(plane, mask, settings), families, settings)


def of_region(region: Region, families: Sequence[str], settings: RadiomicsSettings) -> Float64Array:
    """The values of `names(families)`; what families share is counted once."""
    unknown = [f for f in families if f not in FAMILIES]
    if unknown:
        raise ValueError(f"no radiomics family is called {unknown[0]!r}; known: {', '.join(FAMILIES)}")
    if not families:
        return np.zeros(0)
    if not region.pixels:
        return np.full(sum(len(FAMILIES[f]) for f in families), np.nan)
    wanted, found = set(families), {}
    if wanted & {"gldm", "ngldm", "ngtdm"}:
        near = neighbors.neighbors(region, settings)
        for name, family in (("gldm", neighbors.gldm), ("ngldm", neighbors.ngldm), ("ngtdm", neighbors.ngtdm)):
            if name in wanted:
                found[name] = family(near, region.values)
    if wanted & {"glszm", "gldzm"}:
        by_size, by_distance = sized.zone_matrices(region, "gldzm" in wanted)
        found["glszm"] = sized.of_matrices(by_size[0][None], region.values, by_size[1])
        if by_distance is not None:
            found["gldzm"] = sized.of_matrices(by_distance[0][None], region.values, by_distance[1], region.pixels)
    if "firstorder" in wanted:
        found["firstorder"] = first_order.first_order(region, settings)
    if "shape2d" in wanted:
        found["shape2d"] = shape2d.shape2d(region.mask, region.box, settings.spacing)
    if "glcm" in wanted:
        found["glcm"] = glcm.glcm(region, settings)
    if "glrlm" in wanted:
        found["glrlm"] = sized.glrlm(region, settings)
    if "histogram" in wanted:
        found["histogram"] = intensity.histogram(region)
    if "volume_histogram" in wanted:
        found["volume_histogram"] = intensity.volume_histogram(region)
    return np.concatenate([found[family] for family in families])
