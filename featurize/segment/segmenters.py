"""Named segmenters: an image becomes a `Sample` whose regions can be measured alike at every magnification.

- ``cell``: the central white cell, cropped and scaled so that its diameter is 64 px; regions nucleus, cytoplasm, cell.
- ``tissue``: nuclei as instances; regions nuclei, matrix (stained, no nucleus), whole.
- ``xray``: the lung field of a frontal chest film; regions lung, right_lung, left_lung, whole.
- ``whole``: the image as it is.
- ``labels``: the labels of a given mask, each a region, and the whole image.
"""
from collections.abc import Callable, Mapping
from dataclasses import replace

import cv2
import numpy as np

from featurize.arrays import BoolArray, Int32Array, UInt8Array
from featurize.images.normalize import NORMALIZATIONS, to_nucleus
from featurize.images.picture import ImageError
from featurize.sample import Sample
from featurize.segment.cell import CellMasks, find_cell, find_cells, given_cell, search_image
from featurize.segment.lung import find_lungs
from featurize.segment.tissue import find_nuclei

CELL_DIAMETER_PX = 64            # of every cell in its work image
# Segmenters whose regions may be given instead.
GIVEN = ("cell", "tissue", "xray")
# Segmenter whose regions are always given.
LABELS = "labels"
_WHOLE_SIDE_PX = 256             # longest side of the work image of whole images and chest films
_CELL_MARGIN = 0.08              # margin around a cell, in cell diameters
_LEAST_CROP_PX = 8               # least side of a cell's work image
# Work image of tissue: nuclei of a few pixels can't be outlined, and more than 512 px on a side add time, not nuclei
# per field.
_TISSUE_SIDE_PX = 512            # longest side of the work image
_SMALL_SIDE_PX = 160             # images with a shorter longest side are enlarged,
_LARGEST_ZOOM = 4                # at most by this factor
_ENLARGED_SIDE_PX = 200          # and at most to this longest side


class NoRegions(ImageError):
    """Regions that only a person can give."""

    reason = "no_mask"


def segment(name: str, raw: UInt8Array, normalizer: str, mm_per_px: float | None = None) -> Sample:
    """Segment one image.

    Parameters
    ----------
    name : {"cell", "tissue", "xray", "whole"}
    raw : (H, W, 3) uint8
    normalizer : str
        A key of `featurize.images.normalize.NORMALIZATIONS`; ``nucleus`` brings slide and nucleus of cells to one
        color.
    mm_per_px : float or None
        Pixel size of `raw` in millimetres.

    Raises
    ------
    ValueError
        Unknown segmenter or normalizer.
    """
    if name not in SEGMENTERS:
        raise ValueError(f"no segmenter is called {name!r}; known: {', '.join(SEGMENTERS)}")
    if normalizer not in NORMALIZATIONS:
        raise ValueError(f"no normalization is called {normalizer!r}; known: {', '.join(NORMALIZATIONS)}")
    return SEGMENTERS[name](raw, normalizer, mm_per_px)


def segment_as_given(name: str, raw: UInt8Array, labels: Int32Array, normalizer: str,
                     mm_per_px: float | None = None, names: Mapping[int, str] | None = None) -> Sample:
    """The sample of one image whose regions are given, by somebody or an earlier run.

    Parameters
    ----------
    name : {"cell", "tissue", "xray", "labels"}
    raw : (H, W, 3) uint8
    labels : (H, W) int32
        0 where there is nothing. Cells: 1 nucleus, 2 cytoplasm; films: 1 right lung, 2 left lung; tissue: nuclei
        from 1.
    normalizer, mm_per_px
        As `segment` takes them.
    names : mapping of int to str, optional
        The region of each label, for the segmenter ``labels``.

    Raises
    ------
    ValueError
        A segmenter that finds no regions.
    """
    if name == "cell":
        small = search_image(raw)
        nucleus, cytoplasm = (_mask_of_size(labels == k, small.shape[1::-1]) for k in (1, 2))
        cell = _mask_of_size(labels > 0, small.shape[1::-1]) | nucleus | cytoplasm
        return _sample(raw, small, given_cell(small, nucleus, cell), normalizer, mm_per_px)
    if name == "tissue":
        return _tissue(raw, normalizer, mm_per_px, labels)
    if name == "xray":
        return _xray(raw, normalizer, mm_per_px, labels)
    if name == LABELS:
        return _labelled(raw, normalizer, mm_per_px, labels, names or {})
    raise ValueError(f"the segmenter {name!r} finds no regions that could be given")


def _mask_of_size(mask: BoolArray, size: tuple[int, ...]) -> BoolArray:
    """A mask scaled to (width, height)."""
    small = cv2.resize(mask.astype(np.float32), (size[0], size[1]), interpolation=cv2.INTER_AREA
                       if size[0] < mask.shape[1] else cv2.INTER_LINEAR)
    return np.asarray(small > .5)


def _resized(rgb: UInt8Array, longest: int) -> UInt8Array:
    scale = longest / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _no_objects(rgb: UInt8Array) -> np.ndarray:
    return np.zeros(rgb.shape[:2], np.int32)


def _cell(raw: UInt8Array, normalizer: str, mm_per_px: float | None) -> Sample:
    small = search_image(raw)
    return _sample(raw, small, find_cell(small), normalizer, mm_per_px)


def every_cell(raw: UInt8Array, normalizer: str, mm_per_px: float | None = None) -> list[Sample]:
    """Every white cell of an image, each as the segmenter ``cell`` gives the central one, which stands first.

    Parameters
    ----------
    raw, normalizer, mm_per_px
        As `segment` takes them.
    """
    small = search_image(raw)
    return [_sample(raw, small, found, normalizer, mm_per_px) for found in find_cells(small)]


def _sample(raw: UInt8Array, small: UInt8Array, found: CellMasks, normalizer: str, mm_per_px: float | None) -> Sample:
    to_raw = raw.shape[1] / small.shape[1]
    if not found.cell.any():
        rgb = NORMALIZATIONS[normalizer](small)
        nothing = np.zeros(rgb.shape[:2], bool)
        return Sample(rgb, raw, {"nucleus": nothing, "cytoplasm": nothing, "cell": nothing}, _no_objects(rgb),
                      mm_per_px and mm_per_px * to_raw, {**found.facts, "px_per_raw_px": 1 / to_raw})
    return _crop(raw, found, to_raw, normalizer, mm_per_px)


def _crop(raw: UInt8Array, found: CellMasks, to_raw: float, normalizer: str, mm_per_px: float | None) -> Sample:
    """The cell alone with a small margin, 64 px in diameter."""
    diameter = float(np.sqrt(4 / np.pi * found.cell.sum()))
    rows, columns = np.flatnonzero(found.cell.any(axis=1)), np.flatnonzero(found.cell.any(axis=0))
    pad = int(np.ceil(_CELL_MARGIN * diameter)) + 1
    top, bottom = max(0, rows[0] - pad), min(found.cell.shape[0], rows[-1] + 1 + pad)
    left, right = max(0, columns[0] - pad), min(found.cell.shape[1], columns[-1] + 1 + pad)
    zoom = CELL_DIAMETER_PX / diameter
    size = (max(_LEAST_CROP_PX, round((right - left) * zoom)), max(_LEAST_CROP_PX, round((bottom - top) * zoom)))
    y0, y1 = round(top * to_raw), min(raw.shape[0], max(round(bottom * to_raw), round(top * to_raw) + 1))
    x0, x1 = round(left * to_raw), min(raw.shape[1], max(round(right * to_raw), round(left * to_raw) + 1))
    how = cv2.INTER_AREA if zoom < to_raw else cv2.INTER_CUBIC
    patch = np.asarray(cv2.resize(raw[y0:y1, x0:x1], size, interpolation=how))

    def enlarged(mask: BoolArray) -> BoolArray:
        part = mask[top:bottom, left:right].astype(np.float32)
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) > 0.5)
    cell, nucleus = enlarged(found.cell), enlarged(found.nucleus)
    nucleus &= cell
    by_nucleus = normalizer == "nucleus"
    rgb = to_nucleus(patch, found.white, found.nucleus_density) if by_nucleus else NORMALIZATIONS[normalizer](patch)
    facts = {**found.facts, "diameter_raw_px": diameter * to_raw, "px_per_raw_px": zoom / to_raw,
             "diameter_search_px": diameter,
             "crop_left": x0, "crop_top": y0, "crop_width": x1 - x0, "crop_height": y1 - y0,
             **{f"nucleus_density_{c}": float(v) for c, v in zip("rgb", found.nucleus_density)}}
    return Sample(rgb, raw, {"nucleus": nucleus, "cytoplasm": cell & ~nucleus, "cell": cell}, _no_objects(rgb),
                  mm_per_px and mm_per_px * to_raw / zoom, facts)


def _tissue(raw: UInt8Array, normalizer: str, mm_per_px: float | None, given: Int32Array | None = None) -> Sample:
    side = max(raw.shape[:2])
    enlarged = min(_LARGEST_ZOOM * side, _ENLARGED_SIDE_PX)
    target = min(side, _TISSUE_SIDE_PX) if side >= _SMALL_SIDE_PX else enlarged
    work = raw if target == side else _resized(raw, target)
    rgb = NORMALIZATIONS[normalizer](work)
    objects, stained, facts = find_nuclei(work)
    if given is not None:
        numbers = np.unique(given)
        numbered = np.searchsorted(numbers[numbers > 0], given).astype(np.int32) + 1
        objects = np.asarray(cv2.resize(np.where(given > 0, numbered, 0).astype(np.int32), work.shape[1::-1],
                                        interpolation=cv2.INTER_NEAREST))
    nuclei = objects > 0
    regions = {"nuclei": nuclei, "matrix": stained & ~nuclei, "whole": np.ones(nuclei.shape, bool)}
    return Sample(rgb, raw, regions, objects, mm_per_px and mm_per_px * side / target,
                  {**facts, "px_per_raw_px": target / side})


def _xray(raw: UInt8Array, normalizer: str, mm_per_px: float | None, given: Int32Array | None = None) -> Sample:
    work = _resized(raw, _WHOLE_SIDE_PX)
    rgb = NORMALIZATIONS[normalizer](work)
    right, left, facts = find_lungs(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY))
    if given is not None:
        right, left = (_mask_of_size(given == k, work.shape[1::-1]) for k in (1, 2))
    regions = {"lung": right | left, "right_lung": right, "left_lung": left, "whole": np.ones(right.shape, bool)}
    scale = _WHOLE_SIDE_PX / max(raw.shape[:2])
    return Sample(rgb, raw, regions, _no_objects(rgb), mm_per_px and mm_per_px / scale,
                  {**facts, "px_per_raw_px": scale})


def _whole(raw: UInt8Array, normalizer: str, mm_per_px: float | None) -> Sample:
    work = _resized(raw, _WHOLE_SIDE_PX)
    rgb = NORMALIZATIONS[normalizer](work)
    scale = _WHOLE_SIDE_PX / max(raw.shape[:2])
    return Sample(rgb, raw, {"whole": np.ones(rgb.shape[:2], bool)}, _no_objects(rgb), mm_per_px and mm_per_px / scale,
                  {"px_per_raw_px": scale})


def _labelled(raw: UInt8Array, normalizer: str, mm_per_px: float | None, labels: Int32Array,
              names: Mapping[int, str]) -> Sample:
    """The whole image with a region for each label; empty where the mask lacks it."""
    whole = _whole(raw, normalizer, mm_per_px)
    size = whole.rgb.shape[1::-1]
    return replace(whole, regions={**whole.regions, **{name: _mask_of_size(labels == label, size)
                                                       for label, name in names.items()}})


def _no_labels(raw: UInt8Array, normalizer: str, mm_per_px: float | None) -> Sample:
    raise NoRegions("the regions of this table were given by masks: measure the images with `featurize --masks` first")


SEGMENTERS: dict[str, Callable[[UInt8Array, str, float | None], Sample]] = {
    "cell": _cell, "tissue": _tissue, "xray": _xray, "whole": _whole,
    LABELS: _no_labels}
