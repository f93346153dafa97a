"""Intensity statistics, histogram and intensity-volume histogram as IBSI defines them (IBSI reference manual, 3.3 to
3.5, arXiv:1612.07003): what pyradiomics' first order lacks."""
import numpy as np

from featurize.arrays import Float64Array, Int64Array
from featurize.kernels.radiomics.first_order import statistics
from featurize.radiomics import first_order
from featurize.radiomics.region import Region

STATISTICS = ("mean", "variance", "skewness", "excess_kurtosis", "median", "minimum", "10percentile", "90percentile",
              "maximum", "interquartile_range", "range", "mean_absolute_deviation", "robust_mean_absolute_deviation",
              "median_absolute_deviation", "coefficient_of_variation", "quartile_coefficient_of_dispersion", "energy",
              "root_mean_squared")
HISTOGRAM = (*STATISTICS[:9], "mode", *STATISTICS[9:16], "entropy", "uniformity", "maximum_gradient",
             "maximum_gradient_level", "minimum_gradient", "minimum_gradient_level")
VOLUME = ("volume_at_10_percent", "volume_at_90_percent", "level_at_10_percent_volume", "level_at_90_percent_volume",
          "volume_difference", "level_difference")
_AT = {name: k for k, name in enumerate(first_order.NAMES)}


def intensity_statistics(numbers: Float64Array, counts: Int64Array) -> Float64Array:
    """(18,) in the order of `STATISTICS`, of values `numbers`, rising, that occur `counts` times each."""
    found = _first_order(numbers, counts)
    return np.array([*found[:16], found[16], found[17]])


def histogram(region: Region) -> Float64Array:
    """(23,) in the order of `HISTOGRAM`: of the gray levels 1..Ng."""
    if not region.pixels:
        return np.full(len(HISTOGRAM), np.nan)
    counts, values = region.level_counts, region.values
    found = _first_order(values.astype(np.float64), counts)
    mode = values[np.flatnonzero(counts == counts.max())]
    nearest = mode[int(np.abs(mode - found[0]).argmin())]
    gradient = _gradient(counts, values)
    first = int(values[0])
    return np.array([*found[:9], nearest, *found[9:16], found[18], found[19], gradient.max(),
                     first + gradient.argmax(), gradient.min(), first + gradient.argmin()])


def volume_histogram(region: Region) -> Float64Array:
    """(6,) in the order of `VOLUME`: how much of the region is at least as bright as a share of its range of levels."""
    if not region.pixels:
        return np.full(len(VOLUME), np.nan)
    low, high = int(region.values[0]), int(region.values[-1])
    counts = np.zeros(high - low + 1)
    counts[region.values - low] = region.level_counts
    share = np.cumsum(counts[::-1])[::-1] / region.pixels
    height = np.arange(len(counts)) / max(high - low, 1)

    def volume(at: float) -> float:
        return float(share[min(int(np.searchsorted(height, at)), len(share) - 1)])

    def level(part: float) -> float:
        small = np.flatnonzero(share <= part)
        return float(low + small[0]) if small.size else float(high)

    v10, v90, i10, i90 = volume(0.1), volume(0.9), level(0.1), level(0.9)
    return np.array([v10, v90, i10, i90, v10 - v90, i10 - i90])


def _gradient(counts: Int64Array, values: Int64Array) -> Float64Array:
    """Central differences of the histogram over all levels between the first and the last, one-sided at its ends."""
    full = np.zeros(int(values[-1] - values[0]) + 1)
    full[values - values[0]] = counts
    return np.gradient(full) if len(full) > 1 else np.zeros(1)


def _first_order(numbers: Float64Array, counts: Int64Array) -> Float64Array:
    """`STATISTICS`, then entropy and uniformity of the same counts."""
    f = np.empty(len(first_order.NAMES))
    statistics(counts, numbers, counts, 0.0, 1.0, f)
    if np.isnan(f[0]):
        return np.full(len(STATISTICS) + 2, np.nan)
    median, mean, iqr = f[_AT["median"]], f[_AT["mean"]], f[_AT["interquartile_range"]]
    n = counts.sum()
    away = float((counts * np.abs(numbers - median)).sum() / n)
    low, high = _quartiles(numbers, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        cov = np.float64(f[_AT["standard_deviation"]]) / mean if mean else np.nan
        qcod = np.float64(high - low) / (high + low) if high + low else np.nan
    names = ("mean", "variance", "skewness", "kurtosis", "median", "minimum", "10percentile", "90percentile", "maximum")
    first = [f[_AT[name]] for name in names]
    # IBSI's kurtosis is 0 for a normal distribution; of a constant it is 0 as well, where pyradiomics' is.
    first[3] = first[3] - 3 if f[_AT["variance"]] > 0 else 0.0
    return np.array([*first, iqr, f[_AT["range"]], f[_AT["mean_absolute_deviation"]],
                     f[_AT["robust_mean_absolute_deviation"]], away, cov, qcod, f[_AT["energy"]],
                     f[_AT["root_mean_squared"]], f[_AT["entropy"]], f[_AT["uniformity"]]])


def _quartiles(numbers: Float64Array, counts: Int64Array) -> tuple[float, float]:
    place = np.array([0.25, 0.75]) * (counts.sum() - 1)
    ends = np.cumsum(counts)
    low, high = numbers[np.searchsorted(ends, np.floor(place), "right")], numbers[
        np.searchsorted(ends, np.ceil(place), "right")]
    found = low + (high - low) * (place - np.floor(place))
    return float(found[0]), float(found[1])
