"""Haralick's texture features from gray-level co-occurrences, mean and range over the four directions."""
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Int64Array, UInt8Array
from featurize.kernels.haralick import Haralick, haralick_features
from featurize.kernels.radiomics.glcm import pairs
from featurize.registry import Feature, block
from featurize.sample import Sample

_PERCENTS = 1, 99    # percentiles between which the levels lie
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
_NAMES = tuple(feature.name.lower() for feature in Haralick)
_DESCRIBES = {
    "*_range": Feature("as the mean", "largest - smallest of the four directions"),
    "*_energy": Feature("1", "sum p^2 (f1)"), "*_contrast": Feature("level^2", "sum (i-j)^2 p (f2)"),
    "*_correlation": Feature("1", "sum (i-mu)(j-mu) p / var, 1 for a constant region (f3)"),
    "*_variance": Feature("level^2", "sum (i-mu)^2 p (f4); of sums f7, of differences f10"),
    "*_homogeneity": Feature("1", "sum p / (1 + (i-j)^2) (f5)"),
    "*_sum_average": Feature("level", "sum k p_(x+y)(k) (f6)"),
    "*_entropy": Feature("bit", "-sum p log2 p (f9); of sums f8, of differences f11"),
    "*_information_1": Feature("1", "(HXY - HXY1) / HX, 0 for a constant region (f12)"),
    "*_information_2": Feature("1", "sqrt(1 - exp(-2 (HXY2 - HXY))) (f13)"),
}


@block("haralick", version=1, needs=("gray", "lab", "regions"), describes=_DESCRIBES,
       source="Haralick, Shanmugam & Dinstein 1973, 10.1109/TSMC.1973.4309314, f1 to f13")
def haralick(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm"),
             channels: tuple[str, ...] = ("gray",), distances: tuple[int, ...] = (1, 3),
             levels: int = 16) -> dict[str, float]:
    """Co-occurrence features of every region, channel and distance.

    Gray levels are the region's own range from its 1st to its 99th percentile, so that the features depend on texture
    and not on brightness or contrast of the lamp.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
    channels : tuple of {"gray", "l", "a", "b"}
    distances : tuple of int
        Between the pixels of a pair, in px along rows and columns.
    levels : int
        Equal steps of that range.
    """
    steps = np.array([(d * y, d * x) for d in distances for y, x in _DIRECTIONS], np.int64)
    row: dict[str, float] = {}
    for channel in channels:
        plane = sample.gray if channel == "gray" else sample.lab[..., {"l": 0, "a": 1, "b": 2}[channel]]
        for name in regions:
            pad, found = max(distances), np.empty((len(distances), 4, len(_NAMES)))
            counts = np.zeros((len(steps), levels + 1, levels + 1), np.int32)
            pairs(_quantized(plane, sample.regions[name], levels, pad), pad, steps, counts)
            haralick_features(counts, found.reshape(len(steps), len(_NAMES)))
            for k, d in enumerate(distances):
                prefix = f"{name}_haralick_{channel}_d{d}"
                row |= {f"{prefix}_{n}": float(v) for n, v in zip(_NAMES, found[k].mean(axis=0))}
                row |= {f"{prefix}_{n}_range": float(np.ptp(found[k, :, _NAMES.index(n)]))
                        for n in ("contrast", "correlation")}
    return row


def _quantized(plane: UInt8Array, mask: BoolArray, levels: int, pad: int) -> NDArray[np.uint16]:
    """Levels 1 .. `levels` in the region, 0 elsewhere and in a frame of `pad` px."""
    out = np.zeros((plane.shape[0] + 2 * pad, plane.shape[1] + 2 * pad), np.uint16)
    values = plane[mask]
    if values.size:
        below = np.cumsum(np.bincount(values, minlength=256))
        low, high = (_percentile(below, q) for q in _PERCENTS)
        table = np.clip((np.arange(256) - low) / max(high - low, 1.0) * levels, 0, levels - 1).astype(np.uint16) + 1
        out[pad: -pad or None, pad: -pad or None][mask] = table[values]
    return out


def _percentile(below: Int64Array, q: float) -> float:
    """The number that `numpy.percentile` gives, from cumulated counts of bytes."""
    place = (below[-1] - 1) * (q / 100)
    step = place - int(place)
    low, high = (float(v) for v in below.searchsorted([int(place), min(int(place) + 1, below[-1] - 1)], side="right"))
    return low + (high - low) * step if step < 0.5 else high - (high - low) * (1 - step)
