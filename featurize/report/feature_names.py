"""Columns of a table in words: what a reader can check by eye has a name, what nobody can is summed to one phrase.

A diameter, an N/C ratio, a count of lobes is a measurement with a name. The 94 radiomics columns of a nucleus are not:
a page shows what they say together, as "fine texture of the nucleus".
"""
import re
from dataclasses import dataclass
from functools import cache

from featurize.families import blocks
from featurize.registry import region_and_family
from featurize.report.measurement_details import detail_words

# Regions as they stand behind "of the".
_REGIONS = {"whole": "picture", "image": "picture", "matrix": "area between the nuclei", "lung": "lungs"}
# Units of `Feature.unit` as they stand behind a number; units that are not listed stand as they are.
_UNITS = {"1": "", "share": "", "count": "", "um": "µm", "degree": "°", "px of the file": "px",
          "px of the work image": "px", "byte": "of 255", "gray level": "gray levels", "as the mean": "",
          "as the measurement": "", "parts per megapixel": "per megapixel",
          "byte (HED: density / 2.4 x 255)": "of 255", "byte (hematoxylin: density)": "of 255",
          "per 100 px of a 64 px cell": "per 100 px"}
# Units that are sentences: their numbers stand without one.
_LONGEST_UNIT = 32

# family: (pattern of the feature, name); the first that matches the whole feature counts. `{r}` is the region, `{0}`
# the first parenthesis of the pattern in the words of `_PARTS`.
_NAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "morphology": (
        (r"diameter_.*", "diameter of the {r}"), ("nc_ratio", "nucleus-to-cell ratio (N/C)"),
        ("density_red", "density of the {r} against red cells"), ("offset", "nucleus off the middle of the cell"),
        ("rim_share", "nucleus's outline on the rim of the cell"), ("share", "share of the picture that is {r}"),
        ("circularity", "roundness of the {r}"), ("solidity", "solidity of the {r}"),
        ("convexity", "smoothness of the outline of the {r}"), ("eccentricity", "eccentricity of the {r}"),
        ("aspect", "width over length of the {r}"), ("extent", "{r} in its rectangle"),
        ("notch", "deepest indentation of the {r}"), ("notches", "number of indentations of the {r}"),
        ("parts", "separate parts of the {r}"), ("lobes", "lobes of the {r}"), ("holes", "holes in the {r}"),
        ("largest_part", "largest part of the {r}"), ("thickness", "thickness of the {r}"),
        ("thickness_max", "largest thickness of the {r}"), ("thickness_spread", "uneven thickness of the {r}"),
        ("necking", "narrow necks of the {r}")),
    "granules": (
        (r"(s\d)_dark_density", "{0} dark granules in the {r}"), (r"(s\d)_light_density", "{0} pale spots in the {r}"),
        (r"(s\d)_dark_contrast", "contrast of {0} dark granules in the {r}"),
        (r"(s\d)_light_contrast", "contrast of {0} pale spots in the {r}"),
        ("vacuole_share", "vacuoles in the {r}"), ("density", "staining density of the {r}")),
    "granulometry": (("dark_radius", "size of dark grains in the {r}"), ("light_radius", "size of bright grains in the "
                                                                                         "{r}")),
    "color": (
        ("l_mean", "lightness of the {r}"), ("l_std", "uneven lightness of the {r}"),
        ("saturation_mean", "strength of color of the {r}")),
    "population": (
        ("count", "number of nuclei"), ("density", "crowding of the nuclei"), ("lonely", "nuclei without neighbors"),
        ("touching", "nuclei that nearly touch"), ("clark_evans", "even spacing of the nuclei"),
        ("small_share", "small nuclei"), ("large_share", "large nuclei"), ("radius_.*", "radius of the nuclei"),
        ("share", "nuclei in the stained area"), ("white_share", "area without stain"),
        (r"(size|circularity|elongation|grain|hematoxylin|l|nearest|third)_mean", "mean {0} of the nuclei"),
        (r"(size|circularity|elongation|grain|hematoxylin|l|nearest|third)_cv", "varying {0} of the nuclei"),
        (r"(size|circularity|elongation|grain|hematoxylin|l|nearest|third)_std", "spread of the {0} of the nuclei"),
        (r"(size|circularity|elongation|grain|hematoxylin|l|nearest|third)_p10", "low {0} of the nuclei (10th "
                                                                                 "percentile)"),
        (r"(size|circularity|elongation|grain|hematoxylin|l|nearest|third)_p90", "high {0} of the nuclei (90th "
                                                                                 "percentile)")),
    "zones": (
        ("corner_angle", "costophrenic angle of the {r}"), ("heart_width", "width of the heart over the thorax"),
        ("waist_width", "width of the upper mediastinum"), ("mediastinum_shift", "shift of the mediastinum"),
        ("base_difference", "difference of the lung bases in height"), ("height", "height of the {r}"),
        ("width", "width of the {r}"), ("area", "area of the {r}"), ("level", "brightness of the {r}"),
        ("spread", "uneven brightness of the {r}"), ("corner_level", "brightness of the lower outer corner of the {r}"),
        ("(upper|middle|lower)_level", "brightness of the {0} zone of the {r}"),
        ("(upper|middle|lower)_spread", "uneven brightness of the {0} zone of the {r}"),
        (r"(upper|middle|lower)_level_asymmetry", "right minus left brightness, {0} zone"),
        (r"(upper|middle|lower)_level_difference", "right against left brightness, {0} zone"),
        ("level_asymmetry", "right minus left brightness"), ("level_difference", "right against left brightness"),
        ("corner_angle_asymmetry", "right minus left costophrenic angle"),
        ("corner_angle_difference", "right against left costophrenic angle"),
        (r"gradient", "brightness from top to bottom of the {r}")),
    "quality": (("other_nuclei", "further nuclei in the picture"), ("red_share", "share of red cells"),
                ("offset", "cell off the middle of the picture"), ("cut_rim", "cell cut by the rim of the picture"),
                ("bright_clipped", "overexposed share of the picture"),
                ("dark_clipped", "underexposed share of the picture"), ("dirt", "dark specks in the picture"),
                ("focus_coarse", "coarse focus of the picture"),
                (r"(width|height)_px", "{0} of the picture"), ("slide_(red|green|blue)", "{0} of the empty background"),
                ("vignette", "brightness of the corners against the middle"),
                ("blockiness", "JPEG blocks of the picture"), ("(.*)", "{0} of the picture")),
}
_NAMED_IN_TISSUE = (("hematoxylin_mean", "hematoxylin in the {r}"), ("eosin_mean", "eosin in the {r}"))
_PARTS = {"s1": "fine", "s2": "medium", "s3": "coarse", "circularity": "roundness", "l": "lightness",
          "elongation": "width over length", "nearest": "distance to the nearest neighbor",
          "third": "distance to the third neighbor"}
# family: (pattern that is searched in the feature, phrase); the first that is found counts.
_SUMMED: dict[str, tuple[tuple[str, str], ...]] = {
    "morphology": (("", "outline of the {r}"),),
    "granules": (("share_", "color of the {r}"), ("", "color of the granules in the {r}")),
    "granulometry": (("", "grain of the {r}"),),
    "color": (("_difference$|_ratio$", "color of the nucleus against the cytoplasm"), ("", "color of the {r}")),
    "radial": (("", "color from the rim to the middle of the {r}"),),
    "haralick": (("_d1_", "fine texture of the {r}"), ("", "coarse texture of the {r}")),
    "lbp": (("^r[12]_", "fine texture of the {r}"), ("", "coarse texture of the {r}")),
    "gabor": (("^w4_", "fine texture of the {r}"), ("", "coarse texture of the {r}")),
    "wavelet": (("scale[12]_", "fine texture of the {r}"), ("", "coarse texture of the {r}")),
    "entropy": (("", "fine texture of the {r}"),),
    "fractal": (("^outline|^shape", "outline of the {r}"), ("", "coarse texture of the {r}")),
    "radiomics": (("firstorder|histogram|intensity", "brightness of the {r}"), ("shape2d", "outline of the {r}"),
                  ("glcm|gldm|ngtdm|ngldm", "fine texture of the {r}"), ("", "coarse texture of the {r}")),
    "zernike": (("^shape", "outline of the {r}"), ("", "where the {r} is bright and dark")),
    "hog": (("", "edges and their directions in the picture"),),
    "words": (("", "small patterns in the picture"),),
    "population": (("^[ab]_", "color of the nuclei"), ("^white", "area without stain: number and size of its parts"),
                   ("", "how the nuclei lie and vary")),
    "zones": (("^grid", "bright and dark areas of the chest"), ("edges", "directions of edges in the {r}"),
              ("scale|coherence|spots", "texture of the {r}"), ("", "brightness of the zones of the {r}")),
    "quality": (("", "quality of the picture"),),
}

# Families in charts.
_FAMILIES = {
    "morphology": "shape and size", "radial": "color from rim to middle", "haralick": "texture (Haralick)",
    "lbp": "texture (LBP)", "gabor": "texture (Gabor)", "wavelet": "texture (wavelets)",
    "entropy": "texture (entropy)", "fractal": "texture (fractal)", "radiomics": "texture (radiomics)",
    "granulometry": "grain", "zernike": "outline (Zernike)", "hog": "edges (HOG)", "population": "nuclei together",
    "words": "small patterns (patch words)", "zones": "zones of the lungs", "quality": "quality of the picture"}

# What a reader looks for first, in this order: shown also where it did not decide.
HEADLINES = ("nucleus-to-cell ratio (N/C)", "lobes of the nucleus", "diameter of the nucleus", "diameter of the cell",
             "number of nuclei", "varying size of the nuclei", "mean grain of the nuclei",
             "width of the heart over the thorax", "costophrenic angle of the right lung",
             "costophrenic angle of the left lung")


@dataclass(frozen=True)
class FeatureName:
    """What a page calls a column.

    Parameters
    ----------
    name : str
        Of the measurement, or of what it is summed into.
    unit : str
        Behind the number; "" where there is none.
    definition : str
        Formula, unit and column, for a tooltip.
    by_itself : bool
        Whether the measurement has a meaning alone; else it is shown together with all of the same name.
    """

    name: str
    unit: str
    definition: str
    by_itself: bool


@cache
def feature_name(column: str, stained: str = "") -> FeatureName:
    """The words for a column ``<region>_<family>_<feature>``.

    Parameters
    ----------
    column : str
    stained : str
        Name of the preset: only in ``tissue`` are the channels of the stains hematoxylin and eosin. Elsewhere (Giemsa)
        they are mere directions of color, and nowhere is there a third stain.

    Examples
    --------
    >>> feature_name("nucleus_morphology_lobes").name, feature_name("cytoplasm_haralick_gray_d1_contrast").name
    ('lobes of the nucleus', 'fine texture of the cytoplasm')
    """
    known = blocks()
    found = region_and_family(column, known)
    if not found or found[1] not in _SUMMED:
        return FeatureName(readable(column), "", f"column {column}", True)
    region, family = found
    feature = column.removeprefix(f"{region}_{family}_")
    described = known[family].describe(column)
    unit = _UNITS.get(described.unit, described.unit) if described else ""
    definition = f"{described.formula}{f' ({unit})' if unit else ''}; column {column}" if described else column
    words = _REGIONS.get(region, region.replace("_", " "))
    named = _NAMED.get(family, ()) + (_NAMED_IN_TISSUE if stained == "tissue" and family == "color" else ())
    for pattern, name in named:
        match = re.fullmatch(pattern, feature)
        if match:
            parts = [_PARTS.get(part, part.replace("_", " ")) for part in match.groups()]
            return FeatureName(name.format(*parts, r=words), unit if len(unit) <= _LONGEST_UNIT else "", definition,
                               True)
    name = next(name for pattern, name in _SUMMED[family] if re.search(pattern, feature))
    return FeatureName(name.format(r=words), "", definition, False)


def unit_of(column: str) -> str:
    """The unit of a column as it stands behind a number; "" where there is none.

    >>> unit_of("nucleus_color_l_mean"), unit_of("nucleus_morphology_lobes")
    ('of 255', '')
    """
    known = blocks()
    found = region_and_family(column, known)
    described = known[found[1]].describe(column) if found else None
    unit = _UNITS.get(described.unit, described.unit) if described else ""
    return unit if len(unit) <= _LONGEST_UNIT else ""


def words(column: str, stained: str = "") -> str:
    """A column on one line: its name, and what is measured exactly where the name stands for many.

    >>> words("cytoplasm_haralick_gray_d1_contrast"), words("cell_color_dab_mean")
    ('fine texture of the cytoplasm · contrast of gray 1 px apart', 'color of the cell · mean of residual density')
    """
    named = feature_name(column, stained)
    if named.by_itself:
        return named.name
    found = region_and_family(column, blocks())
    region, family = found or ("", "")
    return f"{named.name} · {detail_words(family, column.removeprefix(f'{region}_{family}_'), stained)}"


def family_words(family: str) -> str:
    """A family of measurements in a chart."""
    return _FAMILIES.get(family, family.replace("_", " "))


def region_words(region: str) -> str:
    """A region of the picture in a chart."""
    return _REGIONS.get(region, region.replace("_", " "))


def in_words(sentence: str) -> str:
    """A sentence with the columns of the family quality, which warnings name, by their words.

    >>> in_words("most of all image_quality_noise and image_quality_mean_red")
    'most of all noise of the picture and mean red of the picture'
    """
    return re.sub(r"\bimage_quality_[a-z0-9_]+", lambda found: words(found.group()), sentence)


def readable(column: str) -> str:
    """``nucleus_morphology_area_um2`` as ``nucleus · morphology · area um2``."""
    parts = column.split("_", 2)
    return " · ".join([*parts[:2], parts[2].replace("_", " ")]) if len(parts) == 3 else column
