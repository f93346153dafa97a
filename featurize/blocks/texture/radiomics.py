"""Radiomics: the families of pyradiomics and those that IBSI adds, by region, channel and filtered image."""
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.radiomics import reference
from featurize.radiomics.engine import STANDARD, measure_region, names
from featurize.radiomics.filters import filtered_images
from featurize.radiomics.formulas import describes
from featurize.radiomics.settings import RadiomicsSettings
from featurize.registry import block
from featurize.sample import Sample

_ENGINES = {"pellucid": measure_region, "pyradiomics": reference.measure_region}
CHANNELS = ("gray", "red", "green", "blue", "l", "a", "b", "hematoxylin", "eosin", "dab")


@block("radiomics", version=1, needs=("rgb", "gray", "lab", "hed", "regions"), describes=describes(),
       source="IBSI, Zwanenburg et al. 2020, 10.1148/radiol.2020191145; pyradiomics, van Griethuysen et al. 2017, "
              "10.1158/0008-5472.CAN-17-0339")
def radiomics(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
              channels: tuple[str, ...] = ("gray",), filters: tuple[str, ...] = ("original",),
              families: tuple[str, ...] = STANDARD, engine: str = "pellucid", bin_count: int = 0,
              bin_width: float = 25.0, distances: tuple[int, ...] = (1,), symmetrical_glcm: bool = True,
              weighting_norm: str = "none", gldm_a: int = 0, log_sigma: tuple[float, ...] = (1.0, 3.0),
              wavelet: str = "coif1") -> dict[str, float]:
    """Columns ``<region>_radiomics_[<channel>_][<filter>_]<family>_<feature>``; gray and original go unnamed.

    Lengths are in pixels of the work image. Shape is measured once a region.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    channels : tuple of str
        Of `CHANNELS`; densities of stains are counted in hundredths.
    filters : tuple of str
        Of `featurize.radiomics.filters.FILTERS`.
    families : tuple of str
        Of `featurize.radiomics.engine.FAMILIES`.
    engine : {"pellucid", "pyradiomics"}
        Who measures; pyradiomics is the reference implementation.
    bin_count : int
        0 = gray levels of `bin_width`.
    bin_width, distances, symmetrical_glcm, gldm_a
        As in `featurize.radiomics.settings.RadiomicsSettings`.
    weighting_norm : str
        As there; "none" = None.
    log_sigma, wavelet
        As for `featurize.radiomics.filters.filtered_images`.
    """
    _check("channels", channels, CHANNELS)
    _check("engine", (engine,), tuple(_ENGINES))
    settings = RadiomicsSettings(bin_width=bin_width, bin_count=bin_count or None, distances=distances, gldm_a=gldm_a,
                                 symmetrical_glcm=symmetrical_glcm,
                                 weighting_norm=None if weighting_norm == "none" else weighting_norm)
    row: dict[str, float] = {}
    for channel in channels:
        plane = _plane(sample, channel)
        images: dict[str, NDArray[Any]] = {"original": plane}
        if filters != ("original",):
            images = {**filtered_images(plane, filters, log_sigma=log_sigma, wavelet=wavelet)}
            if "original" in images:
                images["original"] = plane
        for key, image in images.items():
            kept = families if channel == channels[0] and key == "original" else _without_shape(families)
            prefix = "".join(f"{part}_" for part in (channel, key) if part not in ("gray", "original"))
            columns = [f"radiomics_{prefix}{column}" for column in names(kept)]
            # A filter gives NaN where it isn't defined, as the logarithm of a black picture.
            usable = image.dtype == np.uint8 or bool(np.isfinite(image).all())
            for region in regions:
                mask = sample.regions[region] if usable else np.zeros(image.shape, bool)
                values = _ENGINES[engine](image, mask, kept, settings)
                row |= {f"{region}_{column}": float(value) for column, value in zip(columns, values)}
    return row


def _plane(sample: Sample, channel: str) -> NDArray[Any]:
    if channel == "gray":
        return sample.gray
    for planes, own in ((sample.rgb, CHANNELS[1:4]), (sample.lab, CHANNELS[4:7])):
        if channel in own:
            return np.ascontiguousarray(planes[..., own.index(channel)])
    density = sample.hed[..., CHANNELS[7:].index(channel)]
    return np.clip(np.rint(100 * density), 0, 255).astype(np.uint8)


def _without_shape(families: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f for f in families if f != "shape2d")


def _check(setting: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    wrong = [g for g in given if g not in known]
    if wrong:
        raise ValueError(f"radiomics: {setting} has no {wrong[0]!r}; known: {', '.join(known)}")
