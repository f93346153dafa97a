"""What is drawn is what is said to be drawn."""
from functools import cache

import cv2
import numpy as np
import pytest

from featurize.simulate.smears import ABROAD, HOME, KINDS, Drawn, Laboratory, draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue


@cache
def cell(kind: str, seed: int, lab: Laboratory = HOME) -> Drawn:
    """Drawn once for all tests."""
    return draw_cell(kind, seed, lab)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_draws_the_same_cell(kind: str) -> None:
    first, second = draw_cell(kind, 5, patient=2), draw_cell(kind, 5, patient=2)
    assert np.array_equal(first.rgb, second.rgb) and np.array_equal(first.cell, second.cell)


def test_another_seed_draws_another_cell() -> None:
    assert not np.array_equal(cell("monocyte", 1).rgb, cell("monocyte", 2).rgb)


@pytest.mark.parametrize("kind", KINDS)
def test_nucleus_lies_in_the_cell_and_the_cell_in_the_picture(kind: str) -> None:
    for seed in range(5):
        drawn = cell(kind, seed)
        assert not (drawn.nucleus & ~drawn.cell).any()
        assert not (drawn.cell[0].any() or drawn.cell[-1].any() or drawn.cell[:, 0].any() or drawn.cell[:, -1].any())


# Bain, Blood Cells, 5th ed., ch. 3: diameters in a film; lymphocytes are mostly nucleus, granulocytes mostly not.
@pytest.mark.parametrize(("kind", "diameter_um", "share", "lobes"), [
    ("eosinophil", (11, 17), (.25, .45), {2}), ("lymphocyte", (7, 12), (.62, .88), {1}),
    ("monocyte", (13, 21), (.38, .65), {1}), ("neutrophil", (11, 16), (.22, .45), {3, 4})])
def test_cells_have_the_size_ratio_and_lobes_of_their_kind(kind: str, diameter_um: tuple[float, float],
                                                           share: tuple[float, float], lobes: set[int]) -> None:
    for seed in range(6):
        drawn = cell(kind, seed)
        diameter = 2 * np.sqrt(drawn.cell.sum() / np.pi) * HOME.um_per_px
        assert diameter_um[0] < diameter < diameter_um[1]
        assert share[0] < drawn.nc_ratio < share[1]
        assert drawn.lobes in lobes


@pytest.mark.parametrize("kind", ["eosinophil", "neutrophil"])
def test_lobes_fall_apart_where_the_bridges_are_cut(kind: str) -> None:
    """An opening wider than a bridge leaves as many pieces as lobes."""
    for seed in range(12):
        drawn = cell(kind, seed, ABROAD)
        reach = np.sqrt(drawn.nucleus.sum() / drawn.lobes / np.pi)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(.4 * reach) + 1,) * 2)
        opened = cv2.morphologyEx(drawn.nucleus.astype(np.uint8), cv2.MORPH_OPEN, disk)
        assert cv2.connectedComponents(opened)[0] - 1 == drawn.lobes


def test_another_laboratory_shows_the_same_cell_larger_and_in_other_colors() -> None:
    home, abroad = cell("monocyte", 3), cell("monocyte", 3, ABROAD)
    grown = (HOME.um_per_px / ABROAD.um_per_px) ** 2
    assert abroad.cell.sum() / home.cell.sum() == pytest.approx(grown, rel=.02)
    assert abroad.nc_ratio == pytest.approx(home.nc_ratio, abs=.01)
    assert np.abs(np.median(abroad.rgb, axis=(0, 1)) - np.median(home.rgb, axis=(0, 1))).max() > 20


def test_nucleus_is_darkest_and_glass_is_brightest() -> None:
    drawn = cell("lymphocyte", 0)
    green = drawn.rgb[..., 1]
    assert green[drawn.nucleus].mean() < green[drawn.cell & ~drawn.nucleus].mean() < np.percentile(green, 90)


def test_tissue_counts_its_nuclei_and_none_touch() -> None:
    tissue = draw_tissue(1, nuclei=20)
    assert len(np.unique(tissue.objects)) - 1 == tissue.objects.max() == 20
    assert cv2.connectedComponents((tissue.objects > 0).astype(np.uint8))[0] - 1 == 20


@pytest.mark.slow
def test_crowded_tissue_leaves_out_what_finds_no_place() -> None:
    tissue = draw_tissue(1, nuclei=500)
    assert 20 < tissue.objects.max() < 500


def test_lungs_of_a_film_are_dark_and_two() -> None:
    film = draw_film(1)
    assert film.gray[film.lungs].mean() < film.gray[~film.lungs].mean() - 50
    assert cv2.connectedComponents(film.lungs.astype(np.uint8))[0] - 1 == 2


def test_opacities_brighten_the_lungs() -> None:
    clear, opaque = draw_film(1), draw_film(1, opacities=4)
    assert opaque.gray[opaque.lungs].mean() > clear.gray[clear.lungs].mean() + 5
