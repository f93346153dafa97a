"""Regions that tell little, and input that means nothing: what is not defined is NaN, what is wrong is refused."""
import os
from typing import Any

import numpy as np
import pytest

from featurize.kernels.radiomics.glcm import features, second_correlation
from featurize.radiomics import engine
from featurize.radiomics.glcm import NAMES
from featurize.radiomics.region import MOST_LEVELS
from featurize.radiomics.settings import WEIGHTINGS, RadiomicsSettings

ALL = tuple(engine.FAMILIES)
COLUMNS = engine.names(ALL)
SIZE = (16, 17)
KINDS = (np.uint8, np.uint16, np.int32, np.float32, np.float64, bool)


def masks() -> dict[str, np.ndarray]:
    names = ("one pixel", "corner pixel", "two apart", "two beside", "two aslant", "row", "column", "diagonal",
             "border", "rim", "dots", "full")
    out = {name: np.zeros(SIZE, bool) for name in names}
    out["one pixel"][7, 8] = True
    out["corner pixel"][-1, -1] = True
    out["two apart"][[2, 9], [3, 5]] = True
    out["two beside"][4, 5:7] = True
    out["two aslant"][[4, 5], [6, 5]] = True
    out["row"][3, 2:14] = True
    out["column"][1:12, 16] = True
    out["diagonal"][range(16), range(16)] = True
    out["border"][:5, :6] = True
    out["rim"][[0, -1]] = out["rim"][:, [0, -1]] = True
    out["dots"][::3, ::3] = True
    out["full"][:] = True
    return out | {"1 x n": np.ones((1, 40), bool), "n x 1": np.ones((40, 1), bool), "1 x 1": np.ones((1, 1), bool)}


def planes(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {"black": np.zeros(shape, np.uint8), "constant": np.full(shape, 77, np.uint8),
            "white": np.full(shape, 255, np.uint8), "two levels": (rng.random(shape) < 0.5).astype(np.uint8) * 255,
            "256 levels": rng.permutation(np.arange(np.prod(shape)) % 256).reshape(shape).astype(np.uint8),
            "16 bit": rng.choice([0, 1, 700, 30000, 64000], shape).astype(np.uint16),
            "negative": rng.integers(-1000, 400, shape).astype(np.int16),
            "fractions": (rng.integers(0, 64, shape) / 8).astype(np.float32)}


MASKS = masks()
CHOICES = {"default": RadiomicsSettings(), "every level": RadiomicsSettings(bin_width=1),
           "one level": RadiomicsSettings(bin_count=1),
           "32 levels": RadiomicsSettings(bin_count=32), "far": RadiomicsSettings(distances=(2, 30)),
           "one way": RadiomicsSettings(symmetrical_glcm=False, bin_width=5),
           "merged": RadiomicsSettings(weighting_norm="euclidean", spacing=(0.5, 1.25), gldm_a=2)}


def measured(plane: Any, mask: Any, settings: RadiomicsSettings = RadiomicsSettings()) -> dict[str, float]:
    return dict(zip(COLUMNS, engine.measure_region(plane, mask, ALL, settings).tolist(), strict=True))


def family(found: dict[str, float], name: str) -> np.ndarray:
    return np.array([found[f"{name}_{feature}"] for feature in engine.FAMILIES[name]])


def has_pair(mask: np.ndarray, distances: tuple[int, ...]) -> bool:
    y, x = np.nonzero(mask)
    reach = np.maximum(abs(y[:, None] - y), abs(x[:, None] - x))
    return bool(np.isin(reach, distances).any())


def has_line(mask: np.ndarray) -> bool:
    y, x = np.nonzero(mask)
    return any(len(np.unique(line)) < len(line) for line in (y, x, y + x, y - x))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("shape", MASKS)
def test_nothing_is_infinite_and_only_the_undefined_is_nan(shape: str, choice: str) -> None:
    mask, settings = MASKS[shape], CHOICES[choice]
    missing = {"glcm": not has_pair(mask, settings.distances), "ngtdm": not has_pair(mask, settings.distances),
               "glrlm": not has_line(mask)}
    for name, plane in planes(mask.shape).items():
        found = measured(plane, mask, settings)
        values = np.array(list(found.values()))
        assert not np.isinf(values).any(), name
        wanted = {c for f, gone in missing.items() if gone for c in engine.names((f,))}
        wanted |= {"shape2d_elongation"} if mask.sum() == 1 else set()
        # Of two unlike pixels none lies between the tenth and the ninetieth percentile.
        wanted |= {c for c in COLUMNS if c.endswith("robust_mean_absolute_deviation") and mask.sum() == 2
                   and found[c.replace("robust_", "")] > 0}
        assert {c for c, v in found.items() if np.isnan(v)} == wanted, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [SIZE, (1, 5), (0, 0), (0, 7)])
def test_an_empty_region_is_a_row_of_nan_with_the_same_columns(kind: type, shape: tuple[int, int]) -> None:
    plane, mask = np.ones(shape, kind), np.zeros(shape, bool)
    table = engine.measure([plane, np.ones(SIZE, kind)], [mask, MASKS["border"]], ALL)
    assert list(table.columns) == COLUMNS == list(engine.measure([], [], ALL).columns)
    assert table.iloc[0].isna().all() and table.iloc[1].notna().all()
    assert (table.dtypes == np.float64).all()


def test_no_region_is_a_table_without_rows() -> None:
    assert engine.measure([], []).shape == (0, len(engine.names()))


@pytest.mark.parametrize("plane", ["black", "constant", "white"])
@pytest.mark.parametrize("shape", [name for name, mask in MASKS.items() if has_pair(mask, (1,))])
def test_a_constant_region_has_the_values_that_the_docs_name(plane: str, shape: str) -> None:
    for choice in ("default", "every level", "32 levels", "one way", "merged"):
        found = measured(planes(MASKS[shape].shape)[plane], MASKS[shape], CHOICES[choice])
        known = {"glcm_correlation": 1, "glcm_imc1": 0, "glcm_imc2": 0, "glcm_mcc": 1, "glcm_contrast": 0,
                 "ngtdm_coarseness": 1e6, "ngtdm_contrast": 0, "ngtdm_busyness": 0, "ngtdm_strength": 0,
                 "ngtdm_complexity": 0, "firstorder_skewness": 0, "firstorder_kurtosis": 0, "firstorder_variance": 0,
                 "histogram_skewness": 0, "histogram_excess_kurtosis": 0, "firstorder_uniformity": 1}
        assert {name: found[name] for name in known} == known
        assert found["firstorder_entropy"] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("shape", ["one pixel", "corner pixel", "1 x 1"])
def test_one_pixel_has_the_shape_of_a_diamond(shape: str) -> None:
    found = measured(planes(MASKS[shape].shape)["256 levels"], MASKS[shape])
    known = {"mesh_surface": 0.5, "pixel_surface": 1, "perimeter": 2 * np.sqrt(2), "maximum_diameter": 1,
             "major_axis_length": 0, "minor_axis_length": 0, "elongation": np.nan}
    assert {name: found[f"shape2d_{name}"] for name in known} == pytest.approx(known, nan_ok=True)
    assert found["glszm_zone_percentage"] == found["gldm_small_dependence_emphasis"] == 1


@pytest.mark.parametrize(("shape", "length"), [("row", 12), ("column", 11), ("1 x n", 40), ("n x 1", 40)])
def test_a_line_has_one_run_along_it_and_no_minor_axis(shape: str, length: int) -> None:
    found = measured(planes(MASKS[shape].shape)["constant"], MASKS[shape])
    assert found["glrlm_long_run_emphasis"] == length ** 2
    assert found["shape2d_minor_axis_length"] == found["shape2d_elongation"] == 0
    assert found["shape2d_maximum_diameter"] == length
    assert found["glszm_large_area_emphasis"] == length ** 2
    assert found["gldzm_large_distance_emphasis"] == 1


def test_two_pixels_apart_have_no_texture_but_the_rest() -> None:
    found = measured(planes(SIZE)["constant"], MASKS["two apart"])
    for name in ("glcm", "glrlm", "ngtdm"):
        assert np.isnan(family(found, name)).all()
    for name in ("firstorder", "shape2d", "glszm", "gldm", "gldzm", "ngldm", "histogram", "volume_histogram"):
        assert np.isfinite(family(found, name)).all()


def test_values_outside_the_mask_may_be_anything() -> None:
    plane = planes(SIZE)["fractions"]
    loud = np.where(MASKS["border"], plane, np.array([np.nan, np.inf, -np.inf, 1e30] * 68, np.float32).reshape(SIZE))
    assert measured(loud, MASKS["border"]) == measured(plane, MASKS["border"])


def test_as_many_levels_as_are_allowed_are_counted() -> None:
    plane = np.arange(MOST_LEVELS).reshape(64, 64)
    found = engine.measure_region(plane, np.ones((64, 64), bool), ("glszm", "glrlm"), RadiomicsSettings(bin_width=1))
    assert np.isfinite(found).all() and found[6] == 1


# What is refused -------------------------------------------------------------------------------------------------

PLANE, FULL = planes(SIZE)["256 levels"], MASKS["full"]


@pytest.mark.parametrize(("plane", "mask", "message"), [
    (PLANE, FULL[:, :-1], r"shape \(16, 17\) came with a mask of shape \(16, 16\)"),
    (PLANE, FULL.T, r"mask of shape \(17, 16\)"),
    (PLANE[None], FULL, r"shape \(1, 16, 17\) came"),
    (np.dstack([PLANE] * 3), np.dstack([FULL] * 3), r"both must be \(H, W\)"),
    (PLANE[0], FULL[0], r"both must be \(H, W\)"),
    (PLANE, FULL.astype(np.uint8), "mask of uint8 came, bool was wanted: use mask > 0"),
    (PLANE, FULL.astype(float), "mask of float64 came"),
    (np.where(PLANE == 3, np.nan, PLANE), FULL, "[12] of 272 pixels of the region are not finite: leave them out"),
    (np.where(PLANE == 3, -np.inf, PLANE), FULL, "pixels of the region are not finite")])
def test_a_plane_or_mask_that_is_none_is_refused(plane: np.ndarray, mask: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.measure_region(plane, mask)
    with pytest.raises(ValueError, match=message):
        engine.measure([plane], [mask])


@pytest.mark.parametrize(("wrong", "message"), [
    ({"bin_width": 0}, "bin_width 0: a number above 0 is wanted"), ({"bin_width": -25.0}, "bin_width -25.0"),
    ({"bin_width": np.nan}, "bin_width nan"), ({"bin_count": 0}, "bin_count 0: a whole number from 1 to 65,000"),
    ({"bin_count": 65_001}, "bin_count 65001"), ({"distances": ()}, r"distances \(\): whole numbers of pixels"),
    ({"distances": (0,)}, r"distances \(0,\)"), ({"distances": (1, 256)}, "from 1 to 255"),
    ({"weighting_norm": "Euclidean"}, "weighting_norm 'Euclidean' is unknown: None, no_weighting, infinity"),
    ({"spacing": (1.0, 0.0)}, r"spacing \(1.0, 0.0\): two lengths above 0")])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RadiomicsSettings(**wrong)


def test_the_known_weightings_are_taken() -> None:
    assert [RadiomicsSettings(weighting_norm=norm).weighting_norm for norm in WEIGHTINGS] == list(WEIGHTINGS)


def test_a_family_that_is_none_is_refused() -> None:
    for call in (lambda: engine.names(("glcn",)), lambda: engine.measure([PLANE], [FULL], ("firstorder", "glcn"))):
        with pytest.raises(ValueError, match="no radiomics family is called 'glcn'; known: firstorder, shape2d, glcm"):
            call()


def test_unlike_numbers_of_images_and_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="2 images came with 1 masks: one mask an image is wanted"):
        engine.measure([PLANE, PLANE], [FULL])


@pytest.mark.parametrize(("plane", "message"), [
    (np.arange(4097).reshape(17, 241), "4097 gray levels came, at most 4096 can be counted: choose a larger bin_width"),
    (np.array([[0, 70_000]]), "make more than 65,000 gray levels: choose a larger bin_width or a bin_count"),
    (np.array([[0.0, 1e300]]), "make more than 65,000 gray levels")])
def test_more_levels_than_can_be_counted_are_refused(plane: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.measure_region(plane, np.ones(plane.shape, bool), settings=RadiomicsSettings(bin_width=1))


# What is not so yet ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [np.spacing(0.5), 5e-324])
def test_an_almost_constant_region_can_be_cut_into_bins(step: float) -> None:
    low = 0.5 if step > 1e-300 else 0.0
    plane = np.array([[low, low + step], [low, low]])
    assert np.isfinite(engine.measure_region(plane, np.ones((2, 2), bool), ALL, RadiomicsSettings(bin_count=32))).all()


@pytest.mark.parametrize(("value", "width"), [(1e17, 1.0), (1e30, 25.0), (-1e20, 25.0)])
def test_large_numbers_are_measured_or_refused(value: float, width: float) -> None:
    try:
        engine.measure_region(np.full((3, 3), value), np.ones((3, 3), bool), ALL, RadiomicsSettings(bin_width=width))
    except ValueError as error:
        assert "bin_width" in str(error)


def test_a_region_of_tiny_differences_has_a_finite_kurtosis() -> None:
    plane = np.array([[0.0, 1e-100], [0.0, 0.0]])
    assert np.isfinite(measured(plane, np.ones((2, 2), bool))["firstorder_kurtosis"])


def test_a_constant_region_of_fractions_has_no_spread() -> None:
    found = measured(np.full((3, 1), 0.1), np.ones((3, 1), bool))
    names = ("firstorder_variance", "firstorder_skewness", "firstorder_kurtosis")
    assert [found[name] for name in names] == [0, 0, 0]


def test_busyness_is_0_where_its_denominator_is() -> None:
    # Levels 1 and 5 with shares 5/6 and 1/6: i p_i is the same for both.
    plane = np.array([[0, 0, 0], [0, 0, 100]], np.uint8)
    assert measured(plane, np.ones((2, 3), bool))["ngtdm_busyness"] == 0


def test_maximal_correlation_of_many_separate_blocks_is_1() -> None:
    rng = np.random.default_rng(0)
    block = rng.integers(0, 40, 128)
    counts = rng.integers(1, 5, (128, 128)) * (block[:, None] == block)
    p = (counts + counts.T) / (2 * counts.sum())
    assert second_correlation(p, p.sum(axis=1)) == pytest.approx(1, abs=1e-9)


def test_maximal_correlation_is_at_most_1() -> None:
    # Hardly a level occurs twice: pairs form chains that do not meet. pyradiomics 3.1.4 gives 1 - 7e-12, we 1 + 6e-7.
    plane = np.random.default_rng(9).permutation(256).reshape(16, 16).astype(np.uint8)
    found = measured(plane, np.ones((16, 16), bool), RadiomicsSettings(bin_width=1))
    assert found["glcm_mcc"] == pytest.approx(1, abs=1e-9)


def test_correlation_is_1_where_all_pairs_start_at_one_level() -> None:
    counts = np.zeros((1, 11, 11))
    counts[0, 0, 1:] = 1
    out = np.empty((2, 24))
    features(counts, np.arange(1, 12), False, out)
    assert out[0, NAMES.index("correlation")] == 1


def test_measure_region_refuses_a_family_that_is_none() -> None:
    with pytest.raises(ValueError, match="no radiomics family is called 'glcn'"):
        engine.measure_region(PLANE, FULL, ("glcn",))


@pytest.mark.parametrize("wrong", [{"spacing": (1.0, np.nan)}, {"spacing": (np.inf, 1.0)}, {"spacing": (1.0,)},
                                   {"spacing": (1.0, 1.0, 1.0)}, {"bin_width": np.inf}, {"distances": (1.5,)},
                                   {"bin_count": 2.5}, {"gldm_a": -1}, {"gldm_a": 2 ** 40},
                                   {"voxel_array_shift": np.nan}], ids=str)
def test_more_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} .*wanted"):
        RadiomicsSettings(**wrong)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="a thousand million steps")
def test_many_far_neighbors_of_high_levels_are_refused_before_their_sum_overflows() -> None:
    plane = np.full((190, 190), 60_000)
    plane[0, 0] = 0
    with pytest.raises(ValueError, match="more than can be summed: choose larger bins or smaller distances"):
        engine.measure_region(plane, np.ones(plane.shape, bool), ("ngtdm",),
                              RadiomicsSettings(bin_width=1, distances=tuple(range(1, 96))))
