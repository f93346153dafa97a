"""Where in a picture a column of the table was measured: the pixels of its region, ring, zone or grid cell.

A place is the whole region where a family sums over it (texture of a nucleus); the nuisances of a picture, and whatever
names no region that the segmenter found, belong to the whole picture.
"""
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int32Array
from featurize.blocks.radial import ring_of
from featurize.blocks.zones import between_lungs, lower_corner, thirds
from featurize.families import blocks
from featurize.presets.load import Preset
from featurize.registry import region_and_family
from featurize.sample import Sample

_SIDES = ("right_lung", "left_lung")
_THIRDS = ("upper", "middle", "lower")
_WHOLE = "whole"


@dataclass(frozen=True)
class Place:
    """Where some columns are measured; columns of the same place are equal here.

    Parameters
    ----------
    region : str
        Of the segmenter, or ``whole``.
    part : str
        Of the region: ``ring 2``, ``cell 1 3``, ``upper``, ``corner``, ``mediastinum``, ``unstained``; "" = all of it.
    family : str
        Whose settings say what a ring or cell is; "" where none is needed.
    """

    region: str
    part: str = ""
    family: str = ""


def place_of(column: str, families: Iterable[str]) -> Place:
    """The place of a column.

    >>> place_of("nucleus_haralick_gray_d1_contrast", ["haralick"])
    Place(region='nucleus', part='', family='')
    >>> place_of("right_lung_zones_lower_level", ["zones"]).part, place_of("whole_hog_r1_c3_o0", ["hog"]).part
    ('lower', 'cell 1 3')
    """
    found = region_and_family(column, families)
    if not found:
        return Place(_WHOLE)
    region, family = found
    feature = column.removeprefix(f"{region}_{family}_")
    part = _PARTS[family](feature) if family in _PARTS else ""
    return Place(region, part, family if part else "")


def _ring(feature: str) -> str:
    found = re.match(r"ring(\d+)_", feature)
    return f"ring {found[1]}" if found else ""


def _grid_cell(feature: str) -> str:
    found = re.search(r"r(\d+)_c(\d+)", feature)
    return f"cell {found[1]} {found[2]}" if found else ""


def _zone(feature: str) -> str:
    if feature.startswith("grid_"):
        return _grid_cell(feature)
    if feature.startswith("corner_"):
        return "corner"
    if re.match("heart_width|waist_width|mediastinum_shift", feature):
        return "mediastinum"
    return next((zone for zone in _THIRDS if feature.startswith(f"{zone}_")), "")


def _population(feature: str) -> str:
    return "unstained" if feature.startswith("white_") else ""


_PARTS: dict[str, Callable[[str], str]] = {"radial": _ring, "hog": _grid_cell, "zones": _zone,
                                           "population": _population}


def mask_of(sample: Sample, place: Place, preset: Preset) -> BoolArray:
    """(H, W) the pixels of a place in the work image; everything where it was not found.

    Parameters
    ----------
    sample : Sample
        Segmented by the preset.
    place : Place
    preset : Preset
    """
    mask = _mask(sample, place, preset)
    return mask if mask.any() else np.ones(sample.rgb.shape[:2], bool)


def _mask(sample: Sample, place: Place, preset: Preset) -> BoolArray:
    region = _region(sample, place.region)
    settings = _settings(preset, place.family) if place.family else {}
    kind, _, rest = place.part.partition(" ")
    if kind == "ring":
        return np.asarray(region & (ring_of(region, int(settings["rings"])) == int(rest)))
    if kind == "cell":
        row, column = map(int, rest.split())
        shape = tuple(settings["grid"]) if place.family == "zones" else (settings["rows"], settings["columns"])
        return _cell_of_box(_lungs(sample) if place.family == "zones" else region, row, column, shape)
    if kind == "unstained":
        return ~(_region(sample, "nuclei") | _region(sample, "matrix"))
    return _chest_part(sample, place.region, kind) if kind else region


def _lungs(sample: Sample) -> BoolArray:
    return np.asarray(_region(sample, _SIDES[0]) | _region(sample, _SIDES[1]))


def _region(sample: Sample, name: str) -> BoolArray:
    return np.asarray(sample.regions.get(name, np.ones(sample.rgb.shape[:2], bool)))


def _settings(preset: Preset, family: str) -> Mapping[str, Any]:
    return {**blocks()[family].settings, **preset.blocks.get(family, {})}


def _cell_of_box(region: BoolArray, row: int, column: int, shape: tuple[int, ...]) -> BoolArray:
    """One cell of a grid over the box around a region."""
    mask = np.zeros(region.shape, bool)
    y, x = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if len(y):
        top, left, high, wide = y[0], x[0], y[-1] + 1 - y[0], x[-1] + 1 - x[0]
        (y0, y1), (x0, x1) = ((round(at * side / n), round((at + 1) * side / n))
                              for at, side, n in ((row, high, shape[0]), (column, wide, shape[1])))
        mask[top + y0:top + y1, left + x0:left + x1] = True
    return mask


def _chest_part(sample: Sample, region: str, kind: str) -> BoolArray:
    lungs = {side: _region(sample, side) for side in _SIDES}
    if kind == "mediastinum":
        return between_lungs(lungs)
    sides = [region] if region in _SIDES else list(_SIDES)
    mask = np.zeros(sample.rgb.shape[:2], bool)
    for side in (side for side in sides if lungs[side].any()):
        lung = lungs[side]
        mask |= lower_corner(lung, side == "right_lung")[0] & lung if kind == "corner" \
            else thirds(lung)[_THIRDS.index(kind)]
    return mask


def spread(sample: Sample, preset: Preset, columns: Iterable[str], values: Float64Array) -> Float64Array:
    """(H, W) values of columns, each spread evenly over the pixels of its place; the sum is that of the values."""
    totals: dict[Place, float] = {}
    for column, value in zip(columns, values):
        place = place_of(column, preset.blocks)
        totals[place] = totals.get(place, 0.0) + float(value)
    found = np.zeros(sample.rgb.shape[:2])
    for place, total in totals.items():
        mask = mask_of(sample, place, preset)
        found[mask] += total / mask.sum()
    return found


def divided(sample: Sample) -> dict[str, BoolArray]:
    """The work image divided into parts that a reader can name; every pixel belongs to one of them."""
    regions = sample.regions
    if "right_lung" in regions:
        lungs = {side: regions[side] for side in _SIDES}
        named = {f"{side.removesuffix('_lung')} lung, {zone} third": part for side, lung in lungs.items()
                 for zone, part in zip(_THIRDS, thirds(lung))}
        named["between the lungs"] = between_lungs(lungs)
        rest = "outside the lungs"
    elif "nuclei" in regions:
        named = {"nuclei": regions["nuclei"], "between the nuclei": regions["matrix"]}
        rest = "without stain"
    elif "nucleus" in regions:
        named = {"nucleus": regions["nucleus"], "cytoplasm": regions["cytoplasm"]}
        rest = "outside the cell"
    else:
        named, rest = {"middle": _middle(sample.rgb.shape[0], sample.rgb.shape[1])}, "rim"
    covered = np.any(list(named.values()), axis=0)
    return {**named, rest: np.asarray(~covered)}


def _middle(height: int, width: int) -> BoolArray:
    """All but the outermost tenth on every side."""
    mask = np.zeros((height, width), bool)
    mask[height // 10:height - height // 10, width // 10:width - width // 10] = True
    return mask


def box_of(sample: Sample, height: int, width: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of the work image in a picture of (height, width), in its pixels."""
    facts = sample.facts
    return (facts.get("crop_left", 0), facts.get("crop_top", 0), facts.get("crop_width", width),
            facts.get("crop_height", height))


def under(sample: Sample, picture: Int32Array) -> Int32Array:
    """(h, w) what an array of the size of the picture has under each pixel of the work image."""
    height, width = picture.shape
    left, top, wide, high = box_of(sample, height, width)
    h, w = sample.rgb.shape[:2]
    rows = np.minimum(top + (np.arange(h) + .5) * high / h, height - 1).astype(int)
    columns = np.minimum(left + (np.arange(w) + .5) * wide / w, width - 1).astype(int)
    return np.asarray(picture[np.ix_(rows, columns)])
