"""Gray-level co-occurrence matrix (Haralick, Shanmugam & Dinstein 1973, 10.1109/TSMC.1973.4309314)."""
import numpy as np

from featurize.arrays import Float64Array, Int64Array
from featurize.kernels.radiomics.glcm import Glcm, features, gather, pairs, touching_pairs
from featurize.radiomics.offsets import glcm_weights, half
from featurize.radiomics.region import Region
from featurize.radiomics.settings import RadiomicsSettings

NAMES = tuple(feature.name.lower() for feature in Glcm)


def matrices(region: Region, settings: RadiomicsSettings) -> Float64Array:
    """(D, K, K) counts of pairs of gray levels by direction, or (1, K, K) where directions are weighted."""
    steps = half(settings.distances)
    k, norm = len(region.values), settings.weighting_norm
    table = np.zeros((len(steps), k + 1, k + 1), np.int32)
    if settings.distances == (1,):
        touching_pairs(region.levels, region.pad, table)
    else:
        pairs(region.levels, region.pad, steps, table)
    weights = np.ones(len(steps)) if norm is None else glcm_weights(steps, norm, settings.spacing)
    out = np.zeros((len(steps) if norm is None else 1, k, k))
    gather(table, weights, settings.symmetrical_glcm, norm is not None, out)
    return out


def of_matrices(counts: Float64Array, values: Int64Array, symmetric: bool) -> Float64Array:
    """(24,) features: the mean over the matrices that count anything; NaN without any.

    Parameters
    ----------
    counts : (M, K, K) float64
        Left as it is.
    values : (K,) int64
        Gray levels of rows and columns.
    symmetric : bool
        Whether every matrix equals its transpose.
    """
    if not len(values) or not len(counts):
        return np.full(len(NAMES), np.nan)
    out = np.empty((len(counts) + 1, len(NAMES)))
    p = counts.copy()
    features(p, values, symmetric, out)
    if not symmetric and len(values) > 1:
        used = ~np.isnan(out[:-1, 0])
        out[-1, Glcm.MCC] = np.mean([_maximal_correlation(m) for m in p[used]]) if used.any() else np.nan
    return np.asarray(out[-1])


def glcm(region: Region, settings: RadiomicsSettings) -> Float64Array:
    """(24,) features in the order of `NAMES`."""
    return of_matrices(matrices(region, settings), region.values, settings.symmetrical_glcm)


def _maximal_correlation(p: Float64Array) -> float:
    """Square root of the second largest eigenvalue of Q (f14) of a matrix of probabilities that is not symmetric."""
    px, py = p.sum(axis=1), p.sum(axis=0)
    scaled = p / np.sqrt(np.where(px > 0, px, 1))[:, None] / np.sqrt(np.where(py > 0, py, 1))
    return float(np.linalg.svd(scaled, compute_uv=False)[1])
