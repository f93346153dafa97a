"""First-order statistics of the values of a region."""
import numpy as np

from featurize.arrays import Float64Array
from featurize.kernels.radiomics.first_order import FirstOrder, statistics
from featurize.radiomics.region import Region
from featurize.radiomics.settings import RadiomicsSettings

_NAMED = {FirstOrder.PERCENTILE_10: "10percentile", FirstOrder.PERCENTILE_90: "90percentile"}
NAMES = tuple(_NAMED.get(feature, feature.name.lower()) for feature in FirstOrder)


def first_order(region: Region, settings: RadiomicsSettings) -> Float64Array:
    """(19,) features in the order of `NAMES`; kurtosis is 3 for a normal distribution."""
    out = np.empty(len(NAMES))
    height, width = settings.spacing
    statistics(region.counts, region.numbers, region.level_counts, settings.voxel_array_shift, height * width, out)
    return out
