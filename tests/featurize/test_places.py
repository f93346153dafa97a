"""Where columns are measured."""
from functools import cache

import numpy as np
import pytest

from featurize.families import measure
from featurize.images.read import from_array
from featurize.pipeline import sample_of
from featurize.places import Place, box_of, divided, mask_of, place_of, spread, under
from featurize.presets.load import Preset, load_preset
from featurize.sample import Sample
from featurize.simulate.smears import draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue


@cache
def drawn(name: str) -> tuple[Sample, Preset]:
    if name == "xray":
        rgb = np.repeat(draw_film(seed=1).gray[..., None], 3, axis=2)
    else:
        rgb = draw_cell("neutrophil", seed=1).rgb if name in ("cell", "whole") else draw_tissue(seed=1).rgb
    preset = load_preset(name)
    return sample_of(from_array(rgb), preset), preset


@pytest.mark.parametrize("name", ["cell", "tissue", "smear", "xray", "whole"])
def test_what_is_spread_over_a_picture_adds_up_to_what_was_given(name: str) -> None:
    sample, preset = drawn(name)
    columns = list(measure(sample, preset.blocks))
    values = np.random.default_rng(0).normal(size=len(columns))
    assert spread(sample, preset, columns, values).sum() == pytest.approx(values.sum())


@pytest.mark.parametrize("name", ["cell", "tissue", "xray", "whole"])
def test_named_parts_divide_the_picture(name: str) -> None:
    sample, _ = drawn(name)
    assert np.array_equal(np.sum([mask.astype(int) for mask in divided(sample).values()], axis=0),
                          np.ones(sample.rgb.shape[:2], int))


def test_columns_of_a_nucleus_lie_in_the_nucleus() -> None:
    sample, preset = drawn("cell")
    for column in ("nucleus_haralick_gray_d1_contrast", "nucleus_morphology_area_um2", "nucleus_zernike_z20"):
        assert np.array_equal(mask_of(sample, place_of(column, preset.blocks), preset), sample.regions["nucleus"])


def test_rings_divide_the_cell_and_the_first_touches_its_rim() -> None:
    sample, preset = drawn("cell")
    rings = [mask_of(sample, place_of(f"cell_radial_ring{k}_l_mean", preset.blocks), preset) for k in range(5)]
    assert np.array_equal(np.sum([ring.astype(int) for ring in rings], axis=0), sample.regions["cell"].astype(int))
    cell = sample.regions["cell"]
    rows = np.flatnonzero(cell.any(axis=1))
    assert rings[0][rows[0]].any() and not rings[4][rows[0]].any()


def test_the_mean_of_a_place_is_what_the_block_measured() -> None:
    sample, preset = drawn("cell")
    measured = measure(sample, preset.blocks)
    planes = {"cell_radial_ring1_l_mean": sample.lab[..., 0], "nucleus_color_red_mean": sample.rgb[..., 0]}
    for column, plane in planes.items():
        mask = mask_of(sample, place_of(column, preset.blocks), preset)
        assert plane[mask].mean() == pytest.approx(measured[column], abs=1e-4)


def test_zones_of_the_right_lung_lie_one_below_the_other() -> None:
    sample, preset = drawn("xray")
    zones = [mask_of(sample, place_of(f"right_lung_zones_{zone}_level", preset.blocks), preset)
             for zone in ("upper", "middle", "lower")]
    assert np.array_equal(zones[0] | zones[1] | zones[2], sample.regions["right_lung"])
    assert np.nonzero(zones[0])[0].max() < np.nonzero(zones[2])[0].min()
    corner = mask_of(sample, place_of("right_lung_zones_corner_angle", preset.blocks), preset)
    assert corner.any() and not (corner & ~sample.regions["right_lung"]).any() and not (corner & zones[0]).any()


def test_the_heart_lies_between_the_lungs_and_a_difference_in_both() -> None:
    sample, preset = drawn("xray")
    heart = mask_of(sample, place_of("lung_zones_heart_width", preset.blocks), preset)
    assert heart.any() and not (heart & sample.regions["lung"]).any()
    both = mask_of(sample, place_of("lung_zones_lower_level_asymmetry", preset.blocks), preset)
    assert (both & sample.regions["right_lung"]).any() and (both & sample.regions["left_lung"]).any()


@pytest.mark.parametrize(("family", "shape", "column"), [
    ("hog", (6, 6), "whole_hog_r{}_c{}_o0"), ("zones", (6, 8), "lung_zones_grid_r{}_c{}")])
def test_cells_of_a_grid_divide_the_box_that_it_is_laid_over(family: str, shape: tuple[int, int], column: str) -> None:
    sample, preset = drawn("xray")
    cells = [mask_of(sample, place_of(column.format(r, c), preset.blocks), preset)
             for r in range(shape[0]) for c in range(shape[1])]
    region = sample.regions["lung" if family == "zones" else "whole"]
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    box = np.zeros(region.shape, int)
    box[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] = 1
    assert np.array_equal(np.sum([cell.astype(int) for cell in cells], axis=0), box)


def test_what_is_not_stained_and_what_names_no_region() -> None:
    sample, preset = drawn("tissue")
    white = mask_of(sample, place_of("whole_population_white_share", preset.blocks), preset)
    assert not (white & sample.regions["nuclei"]).any()
    assert mask_of(sample, place_of("of_no_family", preset.blocks), preset).all()
    empty = Sample(sample.rgb, sample.raw, {**sample.regions, "nuclei": np.zeros(white.shape, bool)}, sample.objects)
    assert mask_of(empty, Place("nuclei"), preset).all(), "what was not found belongs to the whole picture"


def test_a_crop_lies_where_the_segmenter_took_it_from() -> None:
    cell = draw_cell("neutrophil", seed=1).rgb
    sample = sample_of(from_array(cell), load_preset("cell"))
    height, width = cell.shape[:2]
    left, top, wide, high = box_of(sample, height, width)
    rows = under(sample, np.repeat(np.arange(height, dtype=np.int32)[:, None], width, axis=1))
    assert rows.shape == sample.rgb.shape[:2] and top <= rows.min() and rows.max() < top + high
    assert rows.max() - rows.min() > .9 * high and 0 <= left < left + wide <= width
