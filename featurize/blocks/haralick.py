"""Haralick's texture features from gray-level co-occurrences, mean and range over the four directions."""
import numpy as np
from numpy.typing import NDArray

from featurize.kernels.counting import cooccurrences
from featurize.registry import Feature, block
from featurize.sample import Sample

_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
_NAMES = ("energy", "contrast", "correlation", "variance", "homogeneity", "sum_average", "sum_variance", "sum_entropy",
          "entropy", "difference_variance", "difference_entropy", "information_1", "information_2")
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

    Gray levels are the region's own range from its 1st to its 99th percentile in `levels` equal steps, so that the
    features tell texture and not brightness or contrast of the lamp.
    """
    masks = np.stack([sample.regions[name] for name in regions])
    steps = np.array([(d * y, d * x) for d in distances for y, x in _DIRECTIONS], np.int64)
    row: dict[str, float] = {}
    for channel in channels:
        plane = sample.gray if channel == "gray" else sample.lab[..., {"l": 0, "a": 1, "b": 2}[channel]]
        for name, mask in zip(regions, masks):
            counts = np.zeros((1, len(steps), levels, levels), np.int64)
            cooccurrences(_quantized(plane, mask, levels), mask[None], steps, counts)
            found = _features(counts[0], levels).reshape(len(distances), 4, len(_NAMES))
            for k, d in enumerate(distances):
                prefix = f"{name}_haralick_{channel}_d{d}"
                row |= {f"{prefix}_{n}": float(v) for n, v in zip(_NAMES, found[k].mean(axis=0))}
                row |= {f"{prefix}_{n}_range": float(np.ptp(found[k, :, _NAMES.index(n)]))
                        for n in ("contrast", "correlation")}
    return row


def _quantized(plane: NDArray[np.uint8], mask: NDArray[np.bool_], levels: int) -> NDArray[np.uint8]:
    values = plane[mask]
    if not values.size:
        return np.zeros(plane.shape, np.uint8)
    low, high = np.percentile(values, [1, 99])
    table = np.clip((np.arange(256) - low) / max(high - low, 1.0) * levels, 0, levels - 1).astype(np.uint8)
    return np.asarray(table[plane])


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(p * np.log2(np.where(p > 0, p, 1.0))).reshape(len(p), -1).sum(axis=1))


def _features(counts: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    """(D, 13) features of (D, L, L) symmetric counts; NaN where there is no pair."""
    total = counts.sum(axis=(1, 2), dtype=np.float64)
    p = counts / np.where(total > 0, total, np.nan)[:, None, None]
    i = np.arange(levels, dtype=np.float64)
    gap, both = np.abs(i[:, None] - i), i[:, None] + i
    px = p.sum(axis=2)
    mu = px @ i
    variance = px @ i ** 2 - mu ** 2
    flat = variance < 1e-12
    away = i - mu[:, None]
    correlation = np.where(flat, 1 + 0 * mu, np.einsum("dij,di,dj->d", p, away, away) / np.where(flat, 1.0, variance))
    diagonals, offsets = both.astype(int).ravel(), gap.astype(int).ravel()
    sums = np.stack([np.bincount(diagonals, q.ravel(), 2 * levels - 1) for q in p]).astype(np.float64)
    differences = np.stack([np.bincount(offsets, q.ravel(), levels) for q in p]).astype(np.float64)
    k, m = np.arange(2 * levels - 1.0), np.arange(float(levels))
    sum_average, mean_difference = sums @ k, differences @ m
    hxy, hx = _entropy(p), _entropy(px)
    # With symmetric counts both margins are px, so HXY1 and HXY2 are the same number: twice the entropy of px.
    shared = 2 * hx - hxy
    columns = [(p ** 2).sum(axis=(1, 2)), (p * gap ** 2).sum(axis=(1, 2)), correlation, variance,
               (p / (1 + gap ** 2)).sum(axis=(1, 2)), sum_average, sums @ k ** 2 - sum_average ** 2,
               _entropy(sums), hxy,
               differences @ m ** 2 - mean_difference ** 2, _entropy(differences),
               np.where(hx < 1e-12, 0 * hx, -shared / np.where(hx < 1e-12, 1.0, hx)),
               np.sqrt(np.maximum(1 - np.exp(-2 * np.maximum(shared, 0)), 0))]
    return np.stack(columns, axis=1)
