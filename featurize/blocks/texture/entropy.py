"""Local entropy: how much the gray levels vary within a few pixels, and how evenly they do so over the region."""
from functools import cache

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from featurize.descriptors.texture import bounding_box
from featurize.kernels.entropy import local_entropies
from featurize.registry import Feature, block
from featurize.sample import Sample

_SCALE = 2.0 ** 32       # steps of a bit: entropies are summed as integers
_RANGE = 2               # standard deviations on both sides of the region's mean that the levels cover
_LEAST_SPREAD = 1e-6     # gray levels; keeps an even region's levels from having no width
_DESCRIBES = {
    "mean": Feature("bit", "mean over the region of -sum p log2 p in the window around each pixel"),
    "std": Feature("bit", "standard deviation over the region of the local entropy"),
}


@block("entropy", version=1, needs=("gray", "regions"), describes=_DESCRIBES,
       source="Shannon 1948, 10.1002/j.1538-7305.1948.tb01338.x, in a moving window; levels of the region itself")
def entropy(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"), window: int = 9,
            levels: int = 16) -> dict[str, float]:
    """Mean and spread of the entropy in a window that moves over the region; 0 for a constant region.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    window : int
        Side of the window in px; only the region's own pixels in it count.
    levels : int
        Gray levels: equal steps from 2 standard deviations below the region's mean to 2 above.
    """
    row: dict[str, float] = {}
    for name in regions:
        values = _entropies(sample.gray, sample.regions[name], window // 2, levels)
        known = values.size > 0
        row[f"{name}_entropy_mean"] = float(values.mean()) if known else np.nan
        row[f"{name}_entropy_std"] = float(values.std()) if known else np.nan
    return row


def _entropies(gray: UInt8Array, mask: BoolArray, half: int, levels: int) -> Float64Array:
    """(n,) one entropy per pixel of the region."""
    top, left, height, width = bounding_box(mask)
    box = np.s_[top: top + height, left: left + width]
    plane, inside = gray[box], mask[box]
    if not inside.size:
        return np.zeros(0)
    values = plane[inside]
    mean, spread = float(values.mean()), max(float(values.std()), _LEAST_SPREAD)
    place = (np.arange(256) - mean + _RANGE * spread) / (2 * _RANGE * spread)
    table = np.clip(place * levels, 0, levels - 1).astype(np.uint8)
    out = np.zeros(inside.shape)
    local_entropies(table[plane], inside, half, _terms(half), _SCALE, out)
    return np.asarray(out[inside])


@cache
def _terms(half: int) -> Int64Array:
    """c log2 c for every count that a window can hold, in steps of 1 / _SCALE."""
    counts = np.arange((2 * half + 1) ** 2 + 1.0)
    return np.rint(counts * np.log2(np.maximum(counts, 1)) * _SCALE).astype(np.int64)
