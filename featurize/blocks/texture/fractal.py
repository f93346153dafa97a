"""Fractal dimension of outline and gray levels by box counting, and lacunarity: how unevenly a region is filled."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from featurize.descriptors.texture import bounding_box
from featurize.kernels.fractal import Gliding, Ladder, box_ladder, gliding_boxes
from featurize.registry import Feature, block
from featurize.sample import Sample

_BOXES = (1, 2, 4, 8, 16)    # px, sides of the boxes of both dimensions
_BOX_HEIGHT = 4          # standard deviations of the gray levels that a box as wide as the region is high
_LEAST_SPREAD = 1e-6     # gray levels; keeps an even region's boxes from having no height
_SQUARE = np.ones((3, 3), np.uint8)
_DESCRIBES = {
    "outline_dimension": Feature("1", "-slope of log(boxes that hold outline, mean over all places of the grid) on "
                                 "log(side); unknown below 4 px"),
    "gray_dimension": Feature("1", "-slope of log(sum over boxes of share filled x (1 + gray range / box height), mean "
                              "over all places of the grid) on log(side); 2 = even, 3 = noise; unknown below 4 px"),
    "shape_lacunarity*": Feature("1", "mean n^2 / (mean n)^2 of the pixels n of the region in boxes of that side, at "
                                 "every place in its rectangle; unknown where the box doesn't fit"),
    "gray_lacunarity*": Feature("1", "mean m^2 / (mean m)^2 of the mean gray level m in boxes of that side around "
                                "every pixel of the region, its own pixels only; 1 for a constant region"),
}


@block("fractal", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Sarkar & Chaudhuri 1994, 10.1109/21.259692 (differential box counting; box height scaled to the spread "
              "of the region); lacunarity: Allain & Cloitre 1991, 10.1103/PhysRevA.44.3552")
def fractal(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
            boxes: tuple[int, ...] = (3, 7, 15)) -> dict[str, float]:
    """Dimensions and lacunarities of every region; `boxes` are the sides of the gliding boxes in pixels."""
    row: dict[str, float] = {}
    for name in regions:
        top, left, height, width = bounding_box(sample.regions[name])
        box = np.s_[top: top + height, left: left + width]
        mask, plane = np.ascontiguousarray(sample.regions[name][box]), np.ascontiguousarray(sample.gray[box])
        if not mask.any():
            names = [f"{what}_lacunarity{side}" for side in boxes for what in ("shape", "gray")]
            row |= {f"{name}_fractal_{k}": np.nan for k in ("outline_dimension", "gray_dimension", *names)}
            continue
        found = _dimensions(plane, mask) | _lacunarity(plane, mask, boxes)
        row |= {f"{name}_fractal_{k}": v for k, v in found.items()}
    return row


def _dimensions(plane: UInt8Array, mask: BoolArray) -> dict[str, float]:
    """From the boxes that are at most half as long as the region's rectangle, two sizes at least."""
    sides = [s for s in _BOXES if 2 * s <= max(mask.shape)]
    if len(sides) < 2:
        return {"outline_dimension": np.nan, "gray_dimension": np.nan}
    values = plane[mask]
    # In boxes of side s the gray range is measured in steps of s x 4 standard deviations / side of the region.
    step = _BOX_HEIGHT * max(float(values.std()), _LEAST_SPREAD) / np.sqrt(values.size)
    side, frame, found = np.array(sides), sides[-1], np.zeros((len(sides), len(Ladder)))
    bits, gray = (cv2.copyMakeBorder(v, frame, frame, frame, frame, cv2.BORDER_CONSTANT)
                  for v in (mask.view(np.uint8), plane))
    # With slanted neighbors too: such an outline steps along rows and columns only, and holds as many boxes per pixel
    # in every direction.
    edge = bits & ~cv2.erode(bits, _SQUARE)
    box_ladder(gray | (bits - np.uint8(1)), gray * bits, edge, cv2.integral(bits, sdepth=cv2.CV_64F), frame, found)
    # The mean over all places of a grid of boxes: a box at every place, over the places in one box.
    surfaces = (values.size + found[:, Ladder.GRAY_RANGES] / (side + 1) ** 2 / (side * step)) / side ** 2
    return {"outline_dimension": _fall(side, found[:, Ladder.OUTLINE_BOXES] / side ** 2),
            "gray_dimension": _fall(side, surfaces)}


def _fall(sides: Int64Array, counts: Float64Array) -> float:
    """Minus the slope of the least-squares line through the logarithms."""
    x, y = np.log(sides), np.log(counts)
    away = x - x.mean()
    return -float(away @ y / (away @ away))


def _lacunarity(plane: UInt8Array, mask: BoolArray, boxes: tuple[int, ...]) -> dict[str, float]:
    bits = mask.view(np.uint8)
    out = np.zeros((len(boxes), len(Gliding)))
    # Reals: 32 bits hold the sum of 8 million white pixels and no more.
    counts, gray_sums = (cv2.integral(values, sdepth=cv2.CV_64F) for values in (bits, plane * bits))
    gliding_boxes(counts, gray_sums, mask, np.array(boxes), out)
    row: dict[str, float] = {}
    for side, sums in zip(boxes, out):
        pixels, levels = sums[Gliding.PIXELS], sums[Gliding.LEVELS]
        row[f"shape_lacunarity{side}"] = (float(sums[Gliding.PIXEL_SQUARES] * sums[Gliding.BOXES] / pixels ** 2)
                                          if pixels else np.nan)
        row[f"gray_lacunarity{side}"] = (float(sums[Gliding.LEVEL_SQUARES] * sums[Gliding.CENTERS] / levels ** 2)
                                         if levels else 1.0)
    return row
