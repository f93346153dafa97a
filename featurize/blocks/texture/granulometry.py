"""Granulometry: how much bright and dark detail disks of growing radius take away."""
from functools import cache

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float64Array, UInt8Array
from featurize.descriptors.texture import bounding_box
from featurize.registry import Feature, block
from featurize.sample import Sample

_DESCRIBES = {
    "r*_light": Feature("gray level", "mean taken away by the opening with a disk of that radius but no smaller one"),
    "r*_dark": Feature("gray level", "mean filled in by the closing with a disk of that radius but no smaller one"),
    "light_radius": Feature("px", "radius averaged with the amounts taken away, 0 if nothing is"),
    "dark_radius": Feature("px", "radius averaged with the amounts filled in, 0 if nothing is"),
}


@block("granulometry", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Pattern spectrum: Maragos 1989, 10.1109/34.192465; of every disk only its part in the region counts")
def granulometry(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
                 radii: tuple[int, ...] = (1, 2, 3, 5)) -> dict[str, float]:
    """Spectrum of openings (bright grains) and closings (dark grains) of the gray levels in every region."""
    row: dict[str, float] = {}
    for name in regions:
        top, left, height, width = bounding_box(sample.regions[name])
        box = np.s_[top: top + height, left: left + width]
        mask = sample.regions[name][box]
        plane = np.ascontiguousarray(sample.gray[box])
        for what, values in (("light", plane), ("dark", 255 - plane)):
            lost = _spectrum(values, mask, radii) if mask.size else np.full(len(radii), np.nan)
            total = float(lost.sum())
            row |= {f"{name}_granulometry_r{r}_{what}": float(v) for r, v in zip(radii, lost)}
            row[f"{name}_granulometry_{what}_radius"] = float(lost @ np.array(radii)) / total if total else 0.0
    return row


def _spectrum(plane: UInt8Array, mask: BoolArray, radii: tuple[int, ...]) -> Float64Array:
    """Mean gray level that each opening takes away beyond the one before."""
    inside = mask.view(np.uint8) * np.uint8(255)
    left, means = plane & inside, [cv2.mean(plane, inside)[0]]
    for radius in radii:
        disk = _disk(radius)
        # What lies outside the region neither lowers the erosion nor raises the dilation.
        low = cv2.erode(plane | ~inside, disk, borderType=cv2.BORDER_CONSTANT, borderValue=255)
        # Digital disks don't nest exactly: an opening is never allowed to give back what a smaller one took.
        left = np.minimum(left, cv2.dilate(low & inside, disk, borderType=cv2.BORDER_CONSTANT, borderValue=0))
        means.append(cv2.mean(left, inside)[0])
    return np.array(means[:-1]) - means[1:]


@cache
def _disk(radius: int) -> UInt8Array:
    """Pixels whose centers lie within radius + .5: OpenCV's own ellipse changes with a quarter turn."""
    y, x = np.ogrid[-radius: radius + 1, -radius: radius + 1]
    return np.asarray(y * y + x * x <= (radius + 0.5) ** 2, np.uint8)
