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
    assert words("matrix_color_eosin_p75", "tissue") == "color of the area between the nuclei · eosin p75"
    assert "dab" not in words("matrix_color_dab_p75", "tissue")


def test_columns_of_an_unknown_family_stand_as_they_are() -> None:
    assert words("cell_eosinophil_count") == "cell · eosinophil · count"


def test_properties_of_the_picture_in_warnings_are_in_words() -> None:
    assert in_words("image_quality_mean_blue tells the label") == "mean blue of the picture tells the label"
