"""First-order statistics of the values of a region."""
import numpy as np

from featurize.arrays import Float64Array
from featurize.kernels.radiomics.first_order import statistics
from featurize.radiomics.region import Region
from featurize.radiomics.settings import Settings

NAMES = ("energy", "total_energy", "entropy", "minimum", "10percentile", "90percentile", "maximum", "mean", "median",
         "interquartile_range", "range", "mean_absolute_deviation", "robust_mean_absolute_deviation",
         "root_mean_squared", "standard_deviation", "skewness", "kurtosis", "variance", "uniformity")


def first_order(region: Region, settings: Settings) -> Float64Array:
    """(19,) features in the order of `NAMES`; kurtosis is 3 for a normal distribution."""
    out = np.empty(len(NAMES))
    height, width = settings.spacing
    statistics(region.counts, region.numbers, region.level_counts, settings.voxel_array_shift, height * width, out)
    return out
