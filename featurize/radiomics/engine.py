"""All families of a region in one pass, one image or many."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array
from featurize.radiomics import first_order, glcm, intensity, neighbors, shape2d, sized
from featurize.radiomics.region import Region, region_of
from featurize.radiomics.settings import Settings

FAMILIES: dict[str, tuple[str, ...]] = {
    "firstorder": first_order.NAMES, "shape2d": shape2d.NAMES, "glcm": glcm.NAMES, "glrlm": sized.GLRLM,
    "glszm": sized.GLSZM, "gldm": neighbors.GLDM, "ngtdm": neighbors.NGTDM, "gldzm": sized.GLDZM,
    "ngldm": neighbors.NGLDM, "histogram": intensity.HISTOGRAM, "volume_histogram": intensity.VOLUME}
# The families that pyradiomics has.
STANDARD = ("firstorder", "shape2d", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
DEFAULT = Settings()


def names(families: Sequence[str] = STANDARD) -> list[str]:
    """`<family>_<feature>` in the order of `measure_one`'s values.

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
            families: Sequence[str] = STANDARD, settings: Settings = DEFAULT) -> pd.DataFrame:
    """Radiomics of many regions.

    Parameters
    ----------
    images : sequence of (H, W) arrays of one channel, or one (N, H, W) array
        uint8 is fastest; any other real type is taken by value.
    masks : sequence of (H, W) bool, or one (N, H, W) array
    families : sequence of str
        Of `FAMILIES`.
    settings : Settings

    Returns
    -------
    DataFrame
        A row a region, columns ``<family>_<feature>``, float64. An empty region is a row of NaN; what a region is too
        small or too even to tell is NaN or a value that the docs name, never a plain 0.

    Raises
    ------
    ValueError
        As many images as masks are needed, of the same sizes; non-finite values inside a mask.

    Examples
    --------
    >>> plane = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 3]], np.uint8)
    >>> measure([plane], [plane > 0], ("glszm",), Settings(bin_width=1))["glszm_zone_percentage"][0]  # 3 zones of 9 px
    0.3333333333333333
    """
    if len(images) != len(masks):
        raise ValueError(f"{len(images)} images came with {len(masks)} masks: one mask an image is wanted")
    columns = names(families)
    table = np.empty((len(images), len(columns)))
    for k, (image, mask) in enumerate(zip(images, masks)):
        table[k] = measure_one(image, mask, families, settings)
    return pd.DataFrame(table, columns=columns)


def measure_one(plane: NDArray[Any], mask: BoolArray, families: Sequence[str] = STANDARD,
                settings: Settings = DEFAULT) -> Float64Array:
    """The values of `names(families)` for one region, without a table around them."""
    return of_region(region_of(plane, mask, settings), families, settings)


def of_region(region: Region, families: Sequence[str], settings: Settings) -> Float64Array:
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
