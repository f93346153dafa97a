"""Intensity statistics, histogram and intensity-volume histogram as IBSI defines them (IBSI reference manual, 3.3 to
3.5, arXiv:1612.07003): what pyradiomics' first order lacks."""
import numpy as np

from featurize.arrays import Float64Array, Int64Array
from featurize.kernels.radiomics.first_order import FirstOrder, statistics
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


def intensity_statistics(numbers: Float64Array, counts: Int64Array) -> Float64Array:
    """(18,) in the order of `STATISTICS`, of values `numbers`, rising, that occur `counts` times each."""
    found = _statistics(numbers, counts)
    return np.array([found[name] for name in STATISTICS])


def histogram(region: Region) -> Float64Array:
    """(23,) in the order of `HISTOGRAM`: of the gray levels 1..Ng."""
    if not region.pixels:
        return np.full(len(HISTOGRAM), np.nan)
    counts, values = region.level_counts, region.values
    found = _statistics(values.astype(np.float64), counts)
    commonest = values[np.flatnonzero(counts == counts.max())]
    gradient = _gradient(counts, values)
    first = int(values[0])
    found |= {"mode": float(commonest[int(np.abs(commonest - found["mean"]).argmin())]),
              "maximum_gradient": float(gradient.max()), "maximum_gradient_level": float(first + gradient.argmax()),
              "minimum_gradient": float(gradient.min()), "minimum_gradient_level": float(first + gradient.argmin())}
    return np.array([found[name] for name in HISTOGRAM])


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


def _statistics(numbers: Float64Array, counts: Int64Array) -> dict[str, float]:
    """`STATISTICS`, and entropy and uniformity of the same counts, by name."""
    f = np.empty(len(FirstOrder))
    statistics(counts, numbers, counts, 0.0, 1.0, f)
    if np.isnan(f[FirstOrder.ENERGY]):
        return dict.fromkeys((*STATISTICS, "entropy", "uniformity"), np.nan)
    found = dict(zip(first_order.NAMES, f.tolist()))
    n, median, mean = counts.sum(), f[FirstOrder.MEDIAN], f[FirstOrder.MEAN]
    low, high = _quartiles(numbers, counts)
    # IBSI's kurtosis is 0 for a normal distribution; of a constant it is 0 as well, where pyradiomics' is.
    found["excess_kurtosis"] = found["kurtosis"] - 3 if found["variance"] > 0 else 0.0
    found["median_absolute_deviation"] = float((counts * np.abs(numbers - median)).sum() / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        found["coefficient_of_variation"] = float(f[FirstOrder.STANDARD_DEVIATION] / mean) if mean else np.nan
        dispersion = float(np.float64(high - low) / (high + low)) if high + low else np.nan
    return found | {"quartile_coefficient_of_dispersion": dispersion}


def _quartiles(numbers: Float64Array, counts: Int64Array) -> tuple[float, float]:
    place = np.array([0.25, 0.75]) * (counts.sum() - 1)
    ends = np.cumsum(counts)
    low, high = numbers[np.searchsorted(ends, np.floor(place), "right")], numbers[
        np.searchsorted(ends, np.ceil(place), "right")]
    found = low + (high - low) * (place - np.floor(place))
    return float(found[0]), float(found[1])
