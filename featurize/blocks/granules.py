"""Granules and vacuoles: spots that differ from the region's own ground, by scale."""
import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.registry import Feature, block
from featurize.sample import Sample

_SIGMAS = (1.0, 1.8, 3.2)
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


@block("granules", version=1, needs=("rgb", "regions"), describes=_DESCRIBES,
       source="Laplacian-of-Gaussian blobs, Lindeberg 1998, 10.1023/A:1008045108935, on optical density")
def granules(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm")) -> dict[str, float]:
    """Spots of every region, on optical density over a white slide, counted 2 px inside its outline."""
    od = -np.log10((sample.rgb.astype(np.float32) + 1) / 240)
    total = od.sum(axis=2)
    answers = [-s * s * cv2.Laplacian(cv2.GaussianBlur(total, (0, 0), s), cv2.CV_32F) for s in _SIGMAS]
    row: dict[str, float] = {}
    for name in regions:
        inner = cv2.erode(sample.regions[name].astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1).astype(bool)
        if inner.sum() < 25:
            row |= {f"{name}_granules_{k}": np.nan for k in _names()}
            continue
        row |= {f"{name}_granules_{k}": v for k, v in _ground(od, total, inner).items()}
        for index, answer in enumerate(answers):
            row |= {f"{name}_granules_s{index + 1}_{k}": v for k, v in _spots(od, total, answer, inner).items()}
    return row


def _names() -> list[str]:
    return ["density", "share_red", "share_green", "share_blue", "vacuole_share",
            *(f"s{k + 1}_{key}" for k in range(len(_SIGMAS)) for key in _KEYS)]


def _ground(od: NDArray[np.float32], total: NDArray[np.float32], inner: NDArray[np.bool_]) -> dict[str, float]:
    inside = total[inner]
    mean = float(inside.mean(dtype=np.float64))
    red, green, blue = (float(v) / max(mean, 0.05) for v in od[inner].mean(axis=0, dtype=np.float64))
    return {"density": mean, "share_red": red, "share_green": green, "share_blue": blue,
            "vacuole_share": float((inside < 0.45 * np.median(inside)).mean())}


def _spots(od: NDArray[np.float32], total: NDArray[np.float32], answer: NDArray[np.float32],
           inner: NDArray[np.bool_]) -> dict[str, float]:
    """Local extremes of the blob filter that stand out by 3 % of the region's density."""
    mean = max(float(total[inner].mean(dtype=np.float64)), 0.05)
    window = np.ones((3, 3), np.uint8)
    dark = (answer >= cv2.dilate(answer, window)) & (answer > 0.03 * mean) & inner
    light = (answer <= cv2.erode(answer, window)) & (answer < -0.03 * mean) & inner
    n = inner.sum() / 100
    row = {"dark_density": float(dark.sum() / n), "light_density": float(light.sum() / n),
           "dark_contrast": float(answer[dark].mean() / mean) if dark.any() else 0.0,
           "light_contrast": float(-answer[light].mean() / mean) if light.any() else 0.0}
    ground = od[inner].mean(axis=0, dtype=np.float64) / mean
    spot = od[dark].mean(axis=0, dtype=np.float64) / max(float(total[dark].mean()), 0.05) if dark.any() else ground
    return row | {f"dark_{c}": float(v) for c, v in zip(("red", "green", "blue"), spot - ground)}
