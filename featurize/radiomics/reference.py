"""The reference implementation: the same columns by pyradiomics, for those who must check our engine against it."""
import importlib
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array
from featurize.errors import UserError
from featurize.radiomics.engine import FAMILIES, STANDARD, of_region
from featurize.radiomics.region import region_of
from featurize.radiomics.settings import RadiomicsSettings

_CLASSES = {"firstorder": ("firstorder", "RadiomicsFirstOrder"), "shape2d": ("shape2D", "RadiomicsShape2D"),
            "glcm": ("glcm", "RadiomicsGLCM"), "glrlm": ("glrlm", "RadiomicsGLRLM"),
            "glszm": ("glszm", "RadiomicsGLSZM"), "gldm": ("gldm", "RadiomicsGLDM"),
            "ngtdm": ("ngtdm", "RadiomicsNGTDM")}


def measure_region(plane: NDArray[Any], mask: BoolArray, families: Sequence[str] = STANDARD,
                   settings: RadiomicsSettings = RadiomicsSettings()) -> Float64Array:
    """The values of `featurize.radiomics.engine.names(families)` by pyradiomics (``force2D=False``).

    Families that pyradiomics lacks are measured by our engine. Where pyradiomics raises, on an empty region or a single
    pixel, its features are NaN.

    Parameters
    ----------
    plane : (H, W) real
    mask : (H, W) bool
    families : sequence of str
    settings : RadiomicsSettings

    Raises
    ------
    UserError
        pyradiomics is not installed.
    """
    itk, region = _module("SimpleITK"), None
    image = itk.GetImageFromArray(np.asarray(plane, np.float64))
    label = itk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(settings.spacing[::-1])
    label.SetSpacing(settings.spacing[::-1])
    parts: list[Float64Array] = []
    for family in families:
        if family in _CLASSES:
            parts.append(_family(family, image, label, int(mask.sum()), settings))
        else:
            region = region or region_of(plane, mask, settings)
            parts.append(of_region(region, (family,), settings))
    return np.concatenate(parts)


def _family(family: str, image: Any, label: Any, pixels: int, settings: RadiomicsSettings) -> Float64Array:
    module, name = _CLASSES[family]
    if pixels < 2:
        return np.full(len(FAMILIES[family]), np.nan)
    known = {"binWidth": settings.bin_width, "binCount": settings.bin_count, "distances": list(settings.distances),
             "symmetricalGLCM": settings.symmetrical_glcm, "weightingNorm": settings.weighting_norm,
             "gldm_a": settings.gldm_a, "voxelArrayShift": settings.voxel_array_shift, "force2D": False}
    if settings.bin_count is None:
        del known["binCount"]
    measured = getattr(_module(f"radiomics.{module}"), name)(image, label, **known)
    measured.enableAllFeatures()
    for retired, its in (("StandardDeviation", "firstorder"), ("SphericalDisproportion", "shape2d")):
        if family == its:
            measured.enableFeatureByName(retired)
    found = {snake(key): float(np.real(value)) for key, value in measured.execute().items()}
    if family == "shape2d":
        found.setdefault("spherical_disproportion", 1 / found["sphericity"])
    return np.array([found[feature] for feature in FAMILIES[family]])


def snake(name: str) -> str:
    """Our name of a feature of pyradiomics: ``ClusterShade`` becomes ``cluster_shade``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _module(name: str) -> ModuleType:
    try:
        found = importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"the engine pyradiomics needs {name}, which is not installed: pip install "
                        "'pellucid[radiomics]', or set engine to pellucid") from error
    if name.startswith("radiomics."):
        importlib.import_module("radiomics").setVerbosity(60)
    return found
