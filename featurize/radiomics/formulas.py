"""Unit and formula of every radiomics feature, for docs/features.md and reports.

p(i,j) are shares of pairs of gray levels, P(i,j) counts of things of gray level i and size j, N their number, n pixels;
level = a gray level, that is `bin_width` values of the plane. Definitions: IBSI reference manual, arXiv:1612.07003, and
the documentation of pyradiomics 3 (van Griethuysen et al. 2017, 10.1158/0008-5472.CAN-17-0339).
"""
from featurize.kernels.radiomics.emphasis import Emphasis
from featurize.radiomics.engine import FAMILIES
from featurize.radiomics.neighbors import GLDM_EMPHASES
from featurize.registry import Feature

_FIRST = {
    "energy": ("value^2", "sum x^2"), "total_energy": ("value^2 length^2", "area of a pixel * sum x^2"),
    "entropy": ("bit", "-sum p log2 p of gray levels"), "minimum": ("value", "min x"),
    "10percentile": ("value", "P10"), "90percentile": ("value", "P90"), "maximum": ("value", "max x"),
    "mean": ("value", "sum x / n"), "median": ("value", "P50"), "interquartile_range": ("value", "P75 - P25"),
    "range": ("value", "max x - min x"), "mean_absolute_deviation": ("value", "mean |x - mean|"),
    "robust_mean_absolute_deviation": ("value", "the same between P10 and P90; NaN where no pixel is"),
    "root_mean_squared": ("value", "sqrt(sum x^2 / n)"), "standard_deviation": ("value", "sqrt(variance)"),
    "skewness": ("1", "m3 / m2^1.5; 0 for a constant"), "kurtosis": ("1", "m4 / m2^2; 3 = normal, 0 for a constant"),
    "variance": ("value^2", "mean (x - mean)^2"), "uniformity": ("1", "sum p^2 of gray levels")}
_SHAPE = {
    "mesh_surface": ("length^2", "area inside the outline by marching squares"),
    "pixel_surface": ("length^2", "n * area of a pixel"), "perimeter": ("length", "length of that outline"),
    "perimeter_surface_ratio": ("1/length", "perimeter / mesh surface"),
    "sphericity": ("1", "2 sqrt(pi A) / perimeter"), "spherical_disproportion": ("1", "1 / sphericity"),
    "maximum_diameter": ("length", "largest distance of two points of the outline"),
    "major_axis_length": ("length", "4 sqrt(l1), l1 >= l2 variances along the principal axes"),
    "minor_axis_length": ("length", "4 sqrt(l2)"), "elongation": ("1", "sqrt(l2 / l1); NaN for one pixel")}
_GLCM = {
    "autocorrelation": ("level^2", "sum i j p"), "joint_average": ("level", "mu = sum i p"),
    "cluster_prominence": ("level^4", "sum (i + j - 2 mu)^4 p"), "cluster_shade": ("level^3", "sum (i + j - 2 mu)^3 p"),
    "cluster_tendency": ("level^2", "sum (i + j - 2 mu)^2 p"), "contrast": ("level^2", "sum (i - j)^2 p"),
    "correlation": ("1", "sum (i - mu)(j - mu) p / var; 1 for one level"),
    "difference_average": ("level", "sum |i - j| p"), "difference_entropy": ("bit", "entropy of |i - j|"),
    "difference_variance": ("level^2", "variance of |i - j|"), "joint_energy": ("1", "sum p^2"),
    "joint_entropy": ("bit", "HXY = -sum p log2 p"), "imc1": ("1", "(HXY - HXY1) / max(HX, HY); 0 for one level"),
    "imc2": ("1", "sqrt(1 - exp(-2 (HXY2 - HXY))); 0 for one level"), "idm": ("1", "sum p / (1 + (i - j)^2)"),
    "mcc": ("1", "sqrt of the second eigenvalue of Q(i,j) = sum_k p(i,k) p(j,k) / (px(i) py(k)); 1 for one level, "
            "0 in a direction that has one of several"),
    "idmn": ("1", "sum p / (1 + (i - j)^2 / Ng^2)"), "id": ("1", "sum p / (1 + |i - j|)"),
    "idn": ("1", "sum p / (1 + |i - j| / Ng)"), "inverse_variance": ("1", "sum over i != j of p / (i - j)^2"),
    "maximum_probability": ("1", "max p"), "sum_average": ("level", "sum (i + j) p"),
    "sum_entropy": ("bit", "entropy of i + j"), "sum_squares": ("level^2", "sum (i - mu)^2 p")}
_NGTDM = {
    "coarseness": ("1", "1 / sum p_i s_i; 10^6 where every pixel equals its neighbors' mean"),
    "contrast": ("1", "sum p_i p_j (i - j)^2 / (Ngp (Ngp - 1)) * sum s_i / n; 0 for one level"),
    "busyness": ("1", "sum p_i s_i / sum |i p_i - j p_j|; 0 for one level"),
    "complexity": ("1", "sum |i - j| (p_i s_i + p_j s_j) / (p_i + p_j) / n"),
    "strength": ("1", "sum (p_i + p_j) (i - j)^2 / sum s_i; 0 where s is 0")}
# The features of every family that counts by level and size.
_SIZED = {
    Emphasis.SMALL_SIZE: ("1", "sum P / j^2 / N"), Emphasis.LARGE_SIZE: ("size^2", "sum P j^2 / N"),
    Emphasis.LEVEL_NON_UNIFORMITY: ("1", "sum_i (sum_j P)^2 / N"),
    Emphasis.LEVEL_NON_UNIFORMITY_NORMALIZED: ("1", "sum_i (sum_j P)^2 / N^2"),
    Emphasis.SIZE_NON_UNIFORMITY: ("1", "sum_j (sum_i P)^2 / N"),
    Emphasis.SIZE_NON_UNIFORMITY_NORMALIZED: ("1", "sum_j (sum_i P)^2 / N^2"), Emphasis.PERCENTAGE: ("1", "N / n"),
    Emphasis.LEVEL_VARIANCE: ("level^2", "variance of i"), Emphasis.SIZE_VARIANCE: ("size^2", "variance of j"),
    Emphasis.ENTROPY: ("bit", "-sum P/N log2 P/N"), Emphasis.LOW_LEVEL: ("1", "sum P / i^2 / N"),
    Emphasis.HIGH_LEVEL: ("level^2", "sum P i^2 / N"), Emphasis.SMALL_SIZE_LOW_LEVEL: ("1", "sum P / (i^2 j^2) / N"),
    Emphasis.SMALL_SIZE_HIGH_LEVEL: ("level^2", "sum P i^2 / j^2 / N"),
    Emphasis.LARGE_SIZE_LOW_LEVEL: ("size^2", "sum P j^2 / i^2 / N"),
    Emphasis.LARGE_SIZE_HIGH_LEVEL: ("1", "sum P i^2 j^2 / N")}
_SIZES = {"glrlm": "j = length of a run in px, mean of the directions", "glszm": "j = pixels of a zone, 8 neighbors",
          "gldzm": "j = least distance of a zone from the rim in steps, 1 at the rim",
          "gldm": "j = dependent neighbors + 1", "ngldm": "j = dependent neighbors + 1; NGLDM of IBSI"}
_HISTOGRAM = {
    "mode": ("level", "commonest level, the one nearest the mean"), "entropy": ("bit", "-sum p log2 p"),
    "uniformity": ("1", "sum p^2"), "maximum_gradient": ("px/level", "largest slope of the histogram"),
    "maximum_gradient_level": ("level", "where it is"), "minimum_gradient": ("px/level", "smallest slope"),
    "minimum_gradient_level": ("level", "where it is"), "excess_kurtosis": ("1", "m4 / m2^2 - 3; 0 for a constant"),
    "median_absolute_deviation": ("level", "mean |x - median|"),
    "coefficient_of_variation": ("1", "standard deviation / mean"),
    "quartile_coefficient_of_dispersion": ("1", "(P75 - P25) / (P75 + P25)")}
_VOLUME = {
    "volume_at_10_percent": ("1", "share of pixels at or above 10 % of the range of levels"),
    "volume_at_90_percent": ("1", "share of pixels at or above 90 % of it"),
    "level_at_10_percent_volume": ("level", "lowest level that at most 10 % of the pixels reach"),
    "level_at_90_percent_volume": ("level", "lowest level that at most 90 % of the pixels reach"),
    "volume_difference": ("1", "the first less the second"), "level_difference": ("level", "the third less the fourth")}


def describes() -> dict[str, Feature]:
    """Pattern of a column's feature part to its description."""
    plain = {"firstorder": _FIRST, "shape2d": _SHAPE, "glcm": _GLCM, "ngtdm": _NGTDM, "volume_histogram": _VOLUME,
             "histogram": {name: _HISTOGRAM.get(name) or ("level", _FIRST[name][1]) for name in FAMILIES["histogram"]}}
    out = {f"*{family}_{name}": Feature(*words) for family, table in plain.items() for name, words in table.items()}
    for family, size in _SIZES.items():
        for feature, name in zip(GLDM_EMPHASES if family == "gldm" else Emphasis, FAMILIES[family]):
            unit, formula = _SIZED[feature]
            out[f"*{family}_{name}"] = Feature(unit.replace("size", "px" if family != "ngldm" else "1"),
                                               f"{formula}; {size}")
    out["*ngldm_dependence_count_energy"] = Feature("1", "sum (P/N)^2; NGLDM of IBSI")
    # "histogram_x" also ends "volume_histogram_x": the longer pattern goes first.
    return dict(sorted(out.items(), key=lambda pair: -len(pair[0])))
