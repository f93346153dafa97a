"""Granules and vacuoles: spots that differ from the region's own ground, by scale."""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Float64Array
from featurize.kernels.radiomics.sums import Spots, spot_sums
from featurize.registry import Feature, block
from featurize.sample import Sample

_SIGMAS = (1.0, 1.8, 3.2)    # px of a 64 px cell, scales of the blob filter
_SLIDE = 240                 # byte of an empty slide in every channel, to which densities refer
_INNER_PX = 5                # side of the square by which a region is eroded, so that its outline is no spot
_LEAST_PIXELS = 25           # of a region after that; smaller ones have no values
_LEAST_DENSITY = 0.05        # shares and contrasts are taken of at least this density
_STANDS_OUT = 0.03           # of the region's mean density: answer of the filter that makes a spot
_PALE = 0.45                 # of the region's median density: paler pixels are vacuoles
_OD_OF_BYTE = -np.log10((np.arange(256, dtype=np.float32) + 1) / _SLIDE)
_KEYS = ("dark_density", "light_density", "dark_contrast", "light_contrast", "dark_red", "dark_blue", "dark_green")
_DESCRIBES = {
    "s*_dark_density": Feature("per 100 px of a 64 px cell", "spots denser than their surroundings by 3 % / area"),
    "s*_light_density": Feature("per 100 px of a 64 px cell", "spots paler than their surroundings (vacuoles) / area"),
    "s*_dark_contrast": Feature("1", "mean answer of the denser spots / mean density of the region"),
    "s*_light_contrast": Feature("1", "mean answer of the paler spots / mean density of the region"),
    "s*_dark_red": Feature("1", "red share of density in the denser spots - in the region; also green, blue"),
    "s*_dark_green": Feature("1", "as dark_red"), "s*_dark_blue": Feature("1", "as dark_red"),
    "vacuole_share": Feature("1", "pixels paler than .45 of the region's median density, at least 3 px inside it"),
    "density": Feature("1", "mean optical density, three channels"),
    "share_red": Feature("1", "red share of the optical density"), "share_green": Feature("1", "green share"),
    "share_blue": Feature("1", "blue share"),
}


@dataclass(frozen=True)
class _Scale:
    """Answer (H, W) of the blob filter at one scale, and its largest and smallest value in the 3 x 3 around."""

    answer: Float32Array
    highest: Float32Array
    lowest: Float32Array


@block("granules", version=1, needs=("rgb", "regions"), describes=_DESCRIBES,
       source="Laplacian-of-Gaussian blobs, Lindeberg 1998, 10.1023/A:1008045108935, on optical density")
def granules(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm")) -> dict[str, float]:
    """Spots of every region, on optical density over a white slide, counted 2 px inside its outline."""
    od = cv2.LUT(sample.rgb, _OD_OF_BYTE)
    red, green, blue = cv2.split(od)
    total = red + green + blue
    planes = np.stack([red, green, blue, total])
    answers = [-s * s * cv2.Laplacian(cv2.GaussianBlur(total, (0, 0), s), cv2.CV_32F) for s in _SIGMAS]
    window, square = np.ones((3, 3), np.uint8), np.ones((_INNER_PX, _INNER_PX), np.uint8)
    scales = [_Scale(answer, cv2.dilate(answer, window), cv2.erode(answer, window)) for answer in answers]
    row: dict[str, float] = {}
    for name in regions:
        inner = cv2.erode(sample.regions[name].astype(np.uint8), square, borderValue=1).astype(bool)
        if inner.sum() < _LEAST_PIXELS:
            row |= {f"{name}_granules_{k}": np.nan for k in _names()}
            continue
        ground = planes[:, inner].mean(axis=1, dtype=np.float64)
        row |= {f"{name}_granules_{k}": v for k, v in _ground(ground, total[inner]).items()}
        for index, scale in enumerate(scales):
            row |= {f"{name}_granules_s{index + 1}_{k}": v for k, v in _spots(planes, scale, inner, ground).items()}
    return row


def _names() -> list[str]:
    return ["density", "share_red", "share_green", "share_blue", "vacuole_share",
            *(f"s{k + 1}_{key}" for k in range(len(_SIGMAS)) for key in _KEYS)]


def _ground(ground: Float64Array, inside: Float32Array) -> dict[str, float]:
    """From the mean densities (4,) of red, green, blue and all, and the total densities (n,) inside."""
    mean = float(ground[3])
    red, green, blue = (float(v) / max(mean, _LEAST_DENSITY) for v in ground[:3])
    pale = np.count_nonzero(inside < _PALE * np.median(inside)) / len(inside)
    return {"density": mean, "share_red": red, "share_green": green, "share_blue": blue, "vacuole_share": pale}


def _spots(planes: Float32Array, scale: _Scale, inner: BoolArray, ground: Float64Array) -> dict[str, float]:
    """Local extremes of the blob filter that stand out by 3 % of the region's density."""
    mean = max(float(ground[3]), _LEAST_DENSITY)
    sums, under = np.zeros(Spots.PLANES + 3), np.empty(scale.answer.size, np.float32)
    dark = spot_sums(scale.answer, scale.highest, scale.lowest, np.float32(_STANDS_OUT * mean), inner, planes, sums,
                     under)
    high, light, low = sums[Spots.HIGH], sums[Spots.LOW_COUNT], sums[Spots.LOW]
    n = np.count_nonzero(inner) / 100
    shift = np.zeros(3)
    if dark:
        shift = sums[Spots.PLANES:] / dark / max(float(under[:dark].mean()), _LEAST_DENSITY) - ground[:3] / mean
    return {"dark_density": float(dark / n), "light_density": float(light / n),
            "dark_contrast": float(high / dark / mean) if dark else 0.0,
            "light_contrast": float(-low / light / mean) if light else 0.0,
            **{f"dark_{c}": float(v) for c, v in zip(("red", "green", "blue"), shift)}}
