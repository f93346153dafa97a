"""Other people's implementations of our feature families, each as a function of a byte plane and a mask.

Only those whose library is installed are offered: pyradiomics (extra radiomics), nyxus, mahotas, scikit-image.
"""
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from featurize.arrays import BoolArray, Int32Array, UInt8Array

Plane, Mask = UInt8Array, BoolArray
Measure = Callable[[Plane, Mask], Any]

LEVELS = 32
_NYXUS = {"firstorder": "*ALL_INTENSITY*", "shape2d": "*BASIC_MORPHOLOGY*", "glcm": "*ALL_GLCM*",
          "glrlm": "*ALL_GLRLM*", "glszm": "*ALL_GLSZM*", "gldm": "*ALL_GLDM*", "ngtdm": "*ALL_NGTDM*",
          "gldzm": "*ALL_GLDZM*", "ngldm": "*ALL_NGLDM*"}


def installed() -> dict[str, bool]:
    """Which peers are here."""
    modules = {"pyradiomics": "radiomics", "nyxus": "nyxus", "mahotas": "mahotas", "scikit-image": "skimage"}
    return {name: find_spec(module) is not None for name, module in modules.items()}


def pyradiomics(families: tuple[str, ...]) -> Measure:
    """All features of the families at 32 gray levels, through pyradiomics' feature classes."""
    from featurize.radiomics import reference
    from featurize.radiomics.settings import RadiomicsSettings
    settings = RadiomicsSettings(bin_count=LEVELS)
    return lambda plane, mask: reference.measure_region(plane, mask, families, settings)


def nyxus(families: tuple[str, ...], copies: int = 1) -> Measure:
    """The same families in one call of nyxus, one thread, 32 gray levels; `copies` images in the call."""
    from nyxus import Nyxus
    engine = Nyxus([_NYXUS[f] for f in families if f in _NYXUS], n_feature_calc_threads=1, coarse_gray_depth=LEVELS)
    names = [str(k) for k in range(copies)]

    def measured(plane: Plane, mask: Mask) -> Any:
        images = np.repeat(plane[None].astype(np.uint32), copies, axis=0)
        masks = np.repeat(mask[None].astype(np.uint32), copies, axis=0)
        return engine.featurize(images, masks, intensity_names=names, label_names=names)
    return measured


def mahotas_haralick(plane: Plane, mask: Mask) -> Any:
    """The 13 features of Haralick in four directions, of a plane that is quantized here as well."""
    import mahotas
    inside = plane[mask]
    low, high = int(inside.min()), int(inside.max())
    levels = np.where(mask, (plane.astype(np.int32) - low) * LEVELS // (high - low + 1) + 1, 0).astype(np.uint8)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = levels[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    return mahotas.features.haralick(box, ignore_zeros=True)


def mahotas_zernike(plane: Plane, mask: Mask) -> Any:
    """Magnitudes of degree 8."""
    import mahotas
    return mahotas.features.zernike_moments(np.where(mask, plane, 0), min(plane.shape) / 2, degree=8)


def skimage_lbp(plane: Plane, mask: Mask) -> Any:
    """Rotation-invariant uniform patterns of 8 neighbors at radius 1."""
    from skimage.feature import local_binary_pattern
    return local_binary_pattern(plane, 8, 1, "uniform")


def skimage_hog(plane: Plane, mask: Mask) -> Any:
    """Nine directions, cells of 8 x 8 px, blocks of 3 x 3, L2-Hys."""
    from skimage.feature import hog
    return hog(plane)


SHAPES = ("area", "perimeter", "eccentricity", "axis_major_length", "axis_minor_length", "orientation", "solidity",
          "extent", "feret_diameter_max", "euler_number")


def skimage_objects(labels: Int32Array) -> Any:
    """Ten shape features of every object."""
    from skimage.measure import regionprops_table
    return regionprops_table(labels, properties=SHAPES)
