"""Columns in words: what a page calls every measurement of every preset."""
import re
from pathlib import Path

import pytest

from featurize.report.feature_names import feature_name, in_words, words

DOC = Path(__file__).parents[2] / "docs" / "features.md"


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
    assert words("matrix_color_eosin_p75", "tissue") == "color of the tissue between the nuclei · eosin p75"
    assert "dab" not in words("matrix_color_dab_p75", "tissue")


def test_a_cell_that_is_eosinophilic_is_not_renamed() -> None:
    assert words("cell_eosinophil_count") == "cell · eosinophil · count"


def test_properties_of_the_picture_in_warnings_are_in_words() -> None:
    assert in_words("image_quality_mean_blue tells the label") == "mean blue of the picture tells the label"


def test_every_documented_family_has_words() -> None:
    """A new family needs an entry, or its columns stand on pages as they are."""
    for family in re.findall(r"^## (\w+)$", DOC.read_text(encoding="utf-8"), re.M):
        assert "·" not in feature_name(f"cell_{family}_something").name, family
