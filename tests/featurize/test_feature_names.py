"""Columns in words: what a page calls every measurement of every preset."""
import re

import pytest

from featurize.report.feature_names import feature_name, in_words, words


@pytest.mark.parametrize("column, name, unit", [
    ("nucleus_morphology_diameter_um", "diameter of the nucleus", "µm"),
    ("nucleus_morphology_nc_ratio", "nucleus-to-cell ratio (N/C)", ""),
    ("nucleus_morphology_lobes", "lobes of the nucleus", ""),
    ("cytoplasm_granulometry_dark_radius", "size of dark grains in the cytoplasm", "px"),
    ("cytoplasm_granules_s3_dark_density", "coarse dark granules in the cytoplasm", "per 100 px"),
    ("left_lung_zones_corner_angle", "costophrenic angle of the left lung", "°"),
    ("nuclei_population_size_cv", "varying size of the nuclei", ""),
    ("cell_color_l_mean", "lightness of the cell", "of 255")])
def test_what_can_be_checked_by_eye_has_a_name_a_unit_and_a_definition(column: str, name: str, unit: str) -> None:
    found = feature_name(column)
    assert (found.name, found.unit, found.by_itself) == (name, unit, True)
    assert found.definition.endswith(f"column {column}") and len(found.definition) > len(column) + 10


@pytest.mark.parametrize("column, name", [
    ("cytoplasm_haralick_gray_d1_contrast", "fine texture of the cytoplasm"),
    ("cytoplasm_lbp_r2_pattern3", "fine texture of the cytoplasm"),
    ("nucleus_radiomics_glszm_zone_entropy", "coarse texture of the nucleus"),
    ("whole_hog_r0_c2_o4", "edges and their directions in the picture"),
    ("nucleus_morphology_hu3", "outline of the nucleus"), ("cell_color_hue_cos", "color of the cell")])
def test_what_nobody_can_check_is_summed_to_words(column: str, name: str) -> None:
    found = feature_name(column)
    assert (found.name, found.by_itself) == (name, False)


def test_no_stain_is_named_that_is_not_there() -> None:
    for column in ("cell_color_dab_mean", "cell_color_hematoxylin_p50", "nucleus_color_eosin_entropy"):
        assert not re.search("dab|hematoxylin|eosin", words(column, "cell") + feature_name(column, "cell").name)
    assert feature_name("nuclei_color_hematoxylin_mean", "tissue").name == "hematoxylin in the nuclei"
    assert words("matrix_color_eosin_p75", "tissue").endswith("area between the nuclei · 75th percentile of eosin")
    assert "dab" not in words("matrix_color_dab_p75", "tissue")


def test_columns_of_an_unknown_family_stand_as_they_are() -> None:
    assert words("cell_eosinophil_count") == "cell · eosinophil · count"


def test_properties_of_the_picture_in_warnings_are_in_words() -> None:
    assert in_words("image_quality_mean_blue tells the label") == "mean blue of the picture tells the label"


@pytest.mark.parametrize("column, detail", [
    ("nucleus_color_blue_p5", "5th percentile of blue"), ("nucleus_color_blue_p50", "median of blue"),
    ("cell_color_hematoxylin_bin0", "share of pixels in range 1 of blue-violet density"),
    ("cell_radial_ring0_a_std", "ring 1 from the rim, standard deviation of green to red (Lab a)"),
    ("nucleus_haralick_gray_d3_contrast_range", "contrast of gray 3 px apart, range over directions"),
    ("cytoplasm_lbp_r2_pattern3", "3 of 8 neighbors brighter, 2 px away"),
    ("cytoplasm_lbp_r2_pattern9", "irregular patterns, 2 px away"),
    ("cytoplasm_gabor_w4_anisotropy", "waves of 4 px, in one direction"),
    ("nucleus_radiomics_glcm_cluster_shade", "gray pairs (GLCM), cluster shade"),
    ("nucleus_radiomics_firstorder_10percentile", "gray levels, 10th percentile"),
    ("whole_hog_r4_c0_o2", "row 5, column 1 of the grid, direction 3"),
    ("left_lung_zones_lower_scale3", "lower zone, detail of 4 px"),
    ("lung_zones_upper_p90_asymmetry", "upper zone, 90th percentile, right minus left"),
    ("lung_zones_grid_r0_c4", "row 1, column 5 of the grid"),
    ("nuclei_population_b_p10", "10th percentile of blue to yellow (Lab b) over the nuclei")])
def test_statistic_filter_and_place_behind_a_summed_name_are_in_words(column: str, detail: str) -> None:
    assert words(column).split(" · ")[1] == detail


@pytest.mark.parametrize("first, second", [
    ("nucleus_color_blue_p50", "nucleus_color_hematoxylin_p50"), ("nuclei_color_a_mean", "nuclei_population_a_mean"),
    ("lung_zones_level_asymmetry", "lung_zones_level_difference")])
def test_two_measurements_of_one_region_have_two_names(first: str, second: str) -> None:
    assert words(first) != words(second)


def test_sizes_and_grounds_of_a_picture_are_in_words() -> None:
    assert (feature_name("image_quality_width_px").name, feature_name("image_quality_width_px").unit) == (
        "width of the picture", "px")
    assert words("image_quality_slide_blue") == "blue of the empty background"
