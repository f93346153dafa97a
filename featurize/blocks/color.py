"""Color of each region: moments, quantiles and histograms in RGB, HSV, Lab and HED; nucleus against cytoplasm."""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from featurize.kernels.radiomics.counting import histograms
from featurize.registry import Feature, block
from featurize.sample import Sample

_CHANNELS = ("red", "green", "blue", "saturation", "value", "l", "a", "b", "hematoxylin", "eosin", "dab")
_QUANTILES = (5, 25, 50, 75, 95)
_HISTOGRAM = ("l", "a", "b", "hematoxylin")
_LARGEST_DENSITY = 2.4     # density of a stain that becomes byte 255
_ENTROPY_BINS = 32         # of 8 bytes each
_FLAT = 1e-9               # squared bytes; a region of less variance is constant
_ROUNDING = 1e-12          # shares of a percentile may fall short of it by this
_SLIDE = 240               # byte of an empty slide in every channel, to which densities refer
_LEAST_DENSITY = 0.02      # of the nucleus; ratios are taken of at least this
_UNIT = "byte (HED: density / 2.4 x 255)"
_DESCRIBES = {
    "hue_cos": Feature("1", "mean of saturation x cos(hue) / mean saturation"),
    "hue_sin": Feature("1", "mean of saturation x sin(hue) / mean saturation"),
    "hue_spread": Feature("1", "1 - length of the mean saturation-weighted hue vector"),
    "*_mean": Feature(_UNIT, "sum(x) / n"), "*_std": Feature(_UNIT, "sqrt(sum((x - mean)^2) / n)"),
    "*_skewness": Feature("1", "m3 / m2^1.5, 0 for a constant region"),
    "*_kurtosis": Feature("1", "m4 / m2^2, 0 for a constant region"),
    "*_entropy": Feature("bit", "-sum p log2 p over 32 bins"),
    "*_p[0-9]*": Feature(_UNIT, "percentile"),
    "*_bin[0-9]*": Feature("1", "share of pixels in that bin of equal width"),
    "*_difference": Feature(_UNIT, "mean of the nucleus - mean of the cytoplasm"),
    "*_ratio": Feature("1", "density of the cytoplasm / density of the nucleus, channel by channel"),
}


@block("color", version=1, needs=("rgb", "hsv", "lab", "hed", "regions"), describes=_DESCRIBES,
       source="Moments: Stricker & Orengo 1995, 10.1117/12.205308; HED: Ruifrok & Johnston 2001")
def color(sample: Sample, *, regions: tuple[str, ...] = ("nucleus", "cytoplasm", "cell"),
          bins: int = 8) -> dict[str, float]:
    """Color statistics of every region.

    Parameters
    ----------
    sample : Sample
    regions : tuple of str
        Regions to measure; those the sample doesn't have are refused.
    bins : int
        Bins of the histograms of L, a, b and hematoxylin.
    """
    masks = np.stack([sample.regions[name] for name in regions])
    counts = np.zeros((len(regions), len(_CHANNELS), 256), np.int64)
    histograms(_stack(sample), masks, counts)
    row: dict[str, float] = {}
    for name, mask, count in zip(regions, masks, counts):
        row |= _statistics(f"{name}_color", count, bins) | _hue(f"{name}_color", sample, mask)
    if "nucleus" in regions and "cytoplasm" in regions:
        row |= _contrast(sample, row)
    return row


def _stack(sample: Sample) -> UInt8Array:
    """(11, H, W) uint8 in the order of `_CHANNELS`."""
    hed = np.clip(sample.hed * (255 / _LARGEST_DENSITY), 0, 255).astype(np.uint8)
    planes = [*cv2.split(sample.rgb), *cv2.split(sample.hsv)[1:], *cv2.split(sample.lab), *cv2.split(hed)]
    return np.stack(planes)


def _statistics(prefix: str, counts: Int64Array, bins: int) -> dict[str, float]:
    """Features of the histograms of bytes, for all channels at once."""
    n = counts.sum(axis=1, keepdims=True)
    p = counts / n if n[0, 0] else np.full(counts.shape, np.nan)
    x = np.arange(256.0)
    mean = p @ x
    away = x - mean[:, None]
    # Products: a float power takes ten times as long.
    square = p * away * away
    m2, m3, m4 = square.sum(axis=1), (square * away).sum(axis=1), (square * away * away).sum(axis=1)
    flat = m2 < _FLAT
    safe = np.where(flat, 1.0, m2)
    coarse = p.reshape(len(p), _ENTROPY_BINS, -1).sum(axis=2)
    entropy = -(coarse * np.log2(np.where(coarse > 0, coarse, 1.0))).sum(axis=1)
    columns = {"mean": mean, "std": np.sqrt(m2), "skewness": np.where(flat, 0 * m2, m3 / safe ** 1.5),
               "kurtosis": np.where(flat, 0 * m2, m4 / safe ** 2), "entropy": entropy}
    columns |= _quantiles(p)
    row = {f"{prefix}_{channel}_{key}": float(value[k])
           for k, channel in enumerate(_CHANNELS) for key, value in columns.items()}
    edges = np.arange(256) * bins // 256
    for channel in _HISTOGRAM:
        share = np.bincount(edges, p[_CHANNELS.index(channel)], bins)
        row |= {f"{prefix}_{channel}_bin{k}": float(v) for k, v in enumerate(share)}
    return row


def _quantiles(p: Float64Array) -> dict[str, Float64Array]:
    """Percentiles of the distribution that spreads each byte evenly over its unit interval."""
    below = np.cumsum(p, axis=1)
    share = np.array(_QUANTILES) / 100
    at = np.stack([row.searchsorted(share - _ROUNDING) for row in below]).clip(0, 255)
    channel = np.arange(len(p))[:, None]
    inside = p[channel, at]
    before = below[channel, at] - inside
    values = at - 0.5 + (share - before) / np.where(inside > 0, inside, 1.0)
    return {f"p{q}": value for q, value in zip(_QUANTILES, values.T)}


def _hue(prefix: str, sample: Sample, mask: BoolArray) -> dict[str, float]:
    """Mean direction of hue: a circle has no mean of its bytes, and grey has no hue, so saturation is the weight."""
    table = np.arange(256) * (2 * np.pi / 256)
    hue, saturation = sample.hsv[..., 0][mask], sample.hsv[..., 1][mask].astype(np.float64)
    total = saturation.sum()
    if not total:
        nothing = np.nan if not mask.any() else 0.0
        return {f"{prefix}_hue_cos": nothing, f"{prefix}_hue_sin": nothing, f"{prefix}_hue_spread": nothing}
    weight = np.bincount(hue, saturation, 256) / total
    c, s = float(weight @ np.cos(table)), float(weight @ np.sin(table))
    return {f"{prefix}_hue_cos": c, f"{prefix}_hue_sin": s, f"{prefix}_hue_spread": 1 - float(np.hypot(c, s))}


def _contrast(sample: Sample, row: dict[str, float]) -> dict[str, float]:
    """Cytoplasm against the cell's own nucleus: what a yellow or pale stain leaves the same."""
    found = {}
    for channel in ("red", "green", "blue", "l", "a", "b"):
        inner, outer = row[f"nucleus_color_{channel}_mean"], row[f"cytoplasm_color_{channel}_mean"]
        found[f"cell_color_{channel}_difference"] = inner - outer
        if channel in ("red", "green", "blue"):
            dense = max(-np.log10((inner + 1) / _SLIDE), _LEAST_DENSITY)
            found[f"cell_color_{channel}_ratio"] = float(-np.log10((outer + 1) / _SLIDE) / dense)
    return found
