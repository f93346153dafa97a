"""Every value of IBSI's digital phantom that a plane or a stack of planes has, within its tolerance.

The phantom and its reference values are those of data/ibsi (CC BY 4.0, Zwanenburg et al. 2020,
10.1148/radiol.2020191145). They are no part of the repository; the phantom's 80 voxels and a third of the values are
repeated below, so that the test holds without them.
"""
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featurize.radiomics.intensity import STATISTICS, intensity_statistics
from featurize.radiomics.settings import RadiomicsSettings
from featurize.radiomics.stack import measure_stack

FILE = Path(__file__).parents[3] / "shared/data/ibsi/digital_phantom.json"
LEVELS = RadiomicsSettings(bin_width=1)
PHANTOM = np.array([[[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
                    [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [1, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
                    [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 9, 1, 1], [1, 1, 6, 1, 1]],
                    [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]]])
OUTSIDE = ((1, 2, 0), (2, 0, 3), (2, 0, 4), (2, 2, 2), (3, 0, 3), (3, 0, 4))

CM = {"joint_max": "maximum_probability", "joint_avg": "joint_average", "joint_var": "sum_squares",
      "joint_entr": "joint_entropy", "diff_avg": "difference_average", "diff_var": "difference_variance",
      "diff_entr": "difference_entropy", "sum_avg": "sum_average", "sum_var": "cluster_tendency",
      "sum_entr": "sum_entropy", "energy": "joint_energy", "contrast": "contrast",
      "dissimilarity": "difference_average", "inv_diff": "id", "inv_diff_norm": "idn", "inv_diff_mom": "idm",
      "inv_diff_mom_norm": "idmn", "inv_var": "inverse_variance", "corr": "correlation",
      "auto_corr": "autocorrelation", "clust_tend": "cluster_tendency", "clust_shade": "cluster_shade",
      "clust_prom": "cluster_prominence", "info_corr1": "imc1", "info_corr2": "imc2"}
RLM = {"sre": "short_run_emphasis", "lre": "long_run_emphasis", "lgre": "low_gray_level_run_emphasis",
       "hgre": "high_gray_level_run_emphasis", "srlge": "short_run_low_gray_level_emphasis",
       "srhge": "short_run_high_gray_level_emphasis", "lrlge": "long_run_low_gray_level_emphasis",
       "lrhge": "long_run_high_gray_level_emphasis", "glnu": "gray_level_non_uniformity",
       "glnu_norm": "gray_level_non_uniformity_normalized", "rlnu": "run_length_non_uniformity",
       "rlnu_norm": "run_length_non_uniformity_normalized", "r_perc": "run_percentage",
       "gl_var": "gray_level_variance", "rl_var": "run_variance", "rl_entr": "run_entropy"}
SZM = {"sze": "small_area_emphasis", "lze": "large_area_emphasis", "lgze": "low_gray_level_zone_emphasis",
       "hgze": "high_gray_level_zone_emphasis", "szlge": "small_area_low_gray_level_emphasis",
       "szhge": "small_area_high_gray_level_emphasis", "lzlge": "large_area_low_gray_level_emphasis",
       "lzhge": "large_area_high_gray_level_emphasis", "glnu": "gray_level_non_uniformity",
       "glnu_norm": "gray_level_non_uniformity_normalized", "zsnu": "size_zone_non_uniformity",
       "zsnu_norm": "size_zone_non_uniformity_normalized", "z_perc": "zone_percentage",
       "gl_var": "gray_level_variance", "zs_var": "zone_variance", "zs_entr": "zone_entropy"}
DZM = {"sde": "small_distance_emphasis", "lde": "large_distance_emphasis", "lgze": "low_gray_level_zone_emphasis",
       "hgze": "high_gray_level_zone_emphasis", "sdlge": "small_distance_low_gray_level_emphasis",
       "sdhge": "small_distance_high_gray_level_emphasis", "ldlge": "large_distance_low_gray_level_emphasis",
       "ldhge": "large_distance_high_gray_level_emphasis", "glnu": "gray_level_non_uniformity",
       "glnu_norm": "gray_level_non_uniformity_normalized", "zdnu": "zone_distance_non_uniformity",
       "zdnu_norm": "zone_distance_non_uniformity_normalized", "z_perc": "zone_percentage",
       "gl_var": "gray_level_variance", "zd_var": "zone_distance_variance", "zd_entr": "zone_distance_entropy"}
NGT = {name: name for name in ("coarseness", "contrast", "busyness", "complexity", "strength")}
NGL = {"lde": "low_dependence_emphasis", "hde": "high_dependence_emphasis", "lgce": "low_gray_level_count_emphasis",
       "hgce": "high_gray_level_count_emphasis", "ldlge": "low_dependence_low_gray_level_emphasis",
       "ldhge": "low_dependence_high_gray_level_emphasis", "hdlge": "high_dependence_low_gray_level_emphasis",
       "hdhge": "high_dependence_high_gray_level_emphasis", "glnu": "gray_level_non_uniformity",
       "glnu_norm": "gray_level_non_uniformity_normalized", "dcnu": "dependence_count_non_uniformity",
       "dcnu_norm": "dependence_count_non_uniformity_normalized", "dc_perc": "dependence_count_percentage",
       "gl_var": "gray_level_variance", "dc_var": "dependence_count_variance", "dc_entr": "dependence_count_entropy",
       "dc_energy": "dependence_count_energy"}
STAT = dict(zip(("mean", "var", "skew", "kurt", "median", "min", "p10", "p90", "max", "iqr", "range", "mad", "rmad",
                 "medad", "cov", "qcod", "energy", "rms"), STATISTICS, strict=True))
IH = {**STAT, "mode": "mode", "entropy": "entropy", "uniformity": "uniformity", "max_grad": "maximum_gradient",
      "max_grad_g": "maximum_gradient_level", "min_grad": "minimum_gradient", "min_grad_g": "minimum_gradient_level"}
IVH = {"v10": "volume_at_10_percent", "v90": "volume_at_90_percent", "i10": "level_at_10_percent_volume",
       "i90": "level_at_90_percent_volume", "diff_v10_v90": "volume_difference", "diff_i10_i90": "level_difference"}
# Prefix of IBSI's tags, our family, words; then the suffix of the tag and our aggregation.
DIRECTED = {"2D_avg": "averaged", "2D_comb": "slice_merged", "2_5D_avg": "direction_merged", "2_5D_comb": "merged"}
PLANAR = {"2D": "averaged", "2_5D": "merged"}
FAMILIES = [("cm", "glcm", CM, DIRECTED), ("rlm", "glrlm", RLM, DIRECTED), ("szm", "glszm", SZM, PLANAR),
            ("dzm", "gldzm", DZM, PLANAR), ("ngt", "ngtdm", NGT, PLANAR), ("ngl", "ngldm", NGL, PLANAR)]
CASES = [(prefix, family, words, suffix, how) for prefix, family, words, ways in FAMILIES
         for suffix, how in ways.items()]

# Reference values of the IBSI manual, one column a family and way; the rest is read from the file where it is.
KNOWN: dict[str, dict[str, float]] = {
    "cm_2D_avg": {"joint_max": 0.519, "joint_entr": 2.05, "diff_var": 2.9, "sum_entr": 1.6, "contrast": 5.28,
                  "inv_diff_norm": 0.851, "inv_var": 0.0567, "corr": -0.0121, "clust_prom": 79.1, "info_corr1": -0.155,
                  "info_corr2": 0.487},
    "cm_2D_comb": {"joint_max": 0.512, "joint_entr": 2.24, "contrast": 5.19, "corr": 0.0173, "clust_shade": 6.98,
                   "info_corr1": -0.0341, "info_corr2": 0.263},
    "cm_2_5D_avg": {"joint_max": 0.489, "joint_entr": 2.48, "contrast": 5.39, "corr": 0.178, "clust_prom": 147.0},
    "cm_2_5D_comb": {"joint_max": 0.492, "joint_entr": 2.61, "contrast": 5.29, "corr": 0.182, "clust_prom": 142.0},
    "rlm_2D_avg": {"sre": 0.641, "lre": 3.78, "lrhge": 17.4, "rlnu": 6.12, "r_perc": 0.627, "rl_entr": 2.17},
    "rlm_2D_comb": {"sre": 0.661, "lre": 3.51, "glnu": 20.5, "rlnu": 21.6, "rl_entr": 2.57},
    "rlm_2_5D_avg": {"sre": 0.665, "lre": 3.46, "glnu": 19.5, "rl_var": 0.758, "rl_entr": 2.52},
    "rlm_2_5D_comb": {"sre": 0.68, "lre": 3.27, "glnu": 77.1, "rlnu": 83.2, "rl_entr": 2.76},
    "szm_2D": {"sze": 0.363, "lze": 43.9, "szhge": 10.3, "zsnu": 1.49, "z_perc": 0.24, "zs_var": 21.0, "zs_entr": 1.93},
    "szm_2_5D": {"sze": 0.368, "lze": 34.2, "glnu": 5.44, "zsnu_norm": 0.191, "zs_entr": 3.08},
    "dzm_2D": {"sde": 0.946, "lde": 1.21, "ldhge": 21.3, "zdnu": 3.79, "zd_var": 0.051, "zd_entr": 1.73},
    "dzm_2_5D": {"sde": 0.917, "lde": 1.33, "zdnu": 14.4, "zd_var": 0.0988, "zd_entr": 2.0},
    "ngt_2D": {"coarseness": 0.121, "contrast": 0.925, "busyness": 2.99, "complexity": 10.4, "strength": 2.88},
    "ngt_2_5D": {"coarseness": 0.0285, "contrast": 0.601, "busyness": 6.8, "complexity": 14.1, "strength": 0.741},
    "ngl_2D": {"lde": 0.158, "hde": 19.2, "dcnu": 3.96, "dc_var": 2.73, "dc_entr": 2.71, "dc_energy": 0.17},
    "ngl_2_5D": {"lde": 0.159, "hde": 18.8, "dcnu": 12.4, "dc_var": 3.27, "dc_entr": 3.36, "dc_energy": 0.122},
}
KNOWN_INTENSITIES = {
    "stat": {"mean": 2.15, "var": 3.05, "skew": 1.08, "kurt": -0.355, "median": 1, "iqr": 3, "mad": 1.55, "rmad": 1.11,
             "medad": 1.15, "cov": 0.812, "qcod": 0.6, "energy": 567, "rms": 2.77},
    "ih": {"mean": 2.15, "mode": 1, "entropy": 1.27, "uniformity": 0.512, "max_grad": 8, "max_grad_g": 3,
           "min_grad": -50, "min_grad_g": 1},
    "ivh": {"v10": 0.324, "v90": 0.0946, "i10": 5, "i90": 2, "diff_v10_v90": 0.23, "diff_i10_i90": 3}}


def phantom() -> tuple[np.ndarray, np.ndarray]:
    mask = np.ones(PHANTOM.shape, bool)
    for place in OUTSIDE:
        mask[place] = False
    return PHANTOM, mask


def reference() -> dict[str, dict[str, Any]]:
    if not FILE.exists():
        pytest.skip("shared/data/ibsi is not here")
    table = json.loads(FILE.read_text(encoding="utf-8"))
    np.testing.assert_array_equal(np.array(table["image"]), PHANTOM)
    np.testing.assert_array_equal(np.array(table["mask"]) > 0, phantom()[1])
    return {tag: entry for family in table["reference"].values() for tag, entry in family.items()}


def close(measured: float, value: float, tolerance: float = 0.0) -> bool:
    """Within the tolerance, or equal in the three digits that IBSI prints (the second third: rounded either way)."""
    digits = 10.0 ** (np.floor(np.log10(abs(value))) - 2) if value else 1e-9
    return abs(measured - value) <= max(tolerance, 0.5000001 * digits)


@pytest.mark.parametrize(("prefix", "family", "words", "suffix", "how"), CASES, ids=lambda v: v if isinstance(v, str)
                         else "")
def test_reference_values_of_the_phantom(prefix: str, family: str, words: dict[str, str], suffix: str,
                                         how: str) -> None:
    found = measure_stack(*phantom(), (family,), LEVELS, how)
    known = KNOWN[f"{prefix}_{suffix}"]
    wrong = {tag: (found[f"{family}_{words[tag]}"], value) for tag, value in known.items()
             if not close(found[f"{family}_{words[tag]}"], value)}
    assert not wrong


@pytest.mark.parametrize(("prefix", "family", "words", "suffix", "how"), CASES, ids=lambda v: v if isinstance(v, str)
                         else "")
def test_every_reference_value_of_the_file(prefix: str, family: str, words: dict[str, str], suffix: str,
                                           how: str) -> None:
    table = reference()
    found = measure_stack(*phantom(), (family,), LEVELS, how)
    tags = [tag for tag in table if tag.startswith(f"{prefix}_") and tag.endswith(f"_{suffix}")
            and not (suffix == "2D" and "2_5D" in tag)]
    assert len(tags) == len(words)
    for tag in tags:
        name = words[tag.removeprefix(f"{prefix}_").removesuffix(f"_{suffix}")]
        assert close(found[f"{family}_{name}"], table[tag]["value"], table[tag]["tolerance"]), tag


def intensities() -> dict[str, dict[str, float]]:
    planes, mask = phantom()
    numbers, counts = np.unique(planes[mask].astype(np.float64), return_counts=True)
    statistics = dict(zip(STATISTICS, intensity_statistics(numbers, counts), strict=True))
    found = measure_stack(planes, mask, ("histogram", "volume_histogram"), LEVELS)
    return {"stat": {tag: statistics[name] for tag, name in STAT.items()},
            "ih": {tag: found[f"histogram_{name}"] for tag, name in IH.items() if f"histogram_{name}" in found},
            "ivh": {tag: found[f"volume_histogram_{name}"] for tag, name in IVH.items()}}


@pytest.mark.parametrize("group", ["stat", "ih", "ivh"])
def test_reference_values_of_intensity(group: str) -> None:
    found = intensities()[group]
    wrong = {tag: (found[tag], value) for tag, value in KNOWN_INTENSITIES[group].items()
             if not close(found[tag], value)}
    assert not wrong


@pytest.mark.parametrize("group", ["stat", "ih", "ivh"])
def test_every_intensity_value_of_the_file(group: str) -> None:
    table, found = reference(), intensities()[group]
    tags = [tag for tag in table if tag.startswith(f"{group}_")]
    assert len(tags) == len(found)
    for tag in tags:
        assert close(found[tag.removeprefix(f"{group}_")], table[tag]["value"], table[tag]["tolerance"]), tag
