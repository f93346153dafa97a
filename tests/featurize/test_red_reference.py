"""The red cells around a white one, by which its lengths are told."""
import numpy as np
import pytest

from featurize.segment.cell import find_cell, search_image
from featurize.simulate.smears import draw_cell


def _red_diameter(rgb: np.ndarray) -> float:
    """In pixels of the picture."""
    search = search_image(rgb)
    return find_cell(search).facts["red_diameter"] * rgb.shape[1] / search.shape[1]


@pytest.mark.parametrize(("kind", "seed", "part"), [("lymphocyte", 4, .45), ("neutrophil", 2, .6)])
def test_scraps_of_red_cells_in_a_tight_crop_are_no_reference(kind: str, seed: int, part: float) -> None:
    drawn = draw_cell(kind, seed).rgb
    cut = round(drawn.shape[0] * (1 - part) / 2)
    whole, cropped = _red_diameter(drawn), _red_diameter(np.ascontiguousarray(drawn[cut:-cut, cut:-cut]))
    assert np.isnan(cropped) or cropped == pytest.approx(whole, rel=.25)
    assert np.isfinite(whole)
