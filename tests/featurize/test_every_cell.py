"""A row for each cell of a picture."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurize.errors import UserError
from featurize.images.read import from_array
from featurize.index.build import Index, build_index
from featurize.pipeline import measure_every_cell, measure_picture
from featurize.presets.load import Preset, load_preset
from featurize.run import featurize
from featurize.segment.cell import find_cell, find_cells, search_image
from featurize.simulate.smears import draw_cell
from featurize.table import read_table


@pytest.fixture(scope="module")
def preset() -> Preset:
    """Two quick families, one of them of nuisances."""
    cell = load_preset("cell")
    return replace(cell, blocks={name: cell.blocks[name] for name in ("morphology", "quality")})


@pytest.fixture(scope="module")
def pair() -> np.ndarray:
    """Two drawn cells side by side."""
    left, right = draw_cell("monocyte", seed=1).rgb, draw_cell("lymphocyte", seed=2).rgb
    return np.concatenate([left, right], axis=1)


@pytest.fixture(scope="module")
def index(pair: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(pair).save(folder / "a_pair.png")
    Image.fromarray(draw_cell("monocyte", seed=3).rgb).save(folder / "b_single.png")
    return build_index([folder])


@pytest.fixture(scope="module")
def tables(index: Index, preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of central cells, and that of every cell."""
    place = tmp_path_factory.mktemp("tables")
    summary = featurize(index, preset, place / "t.parquet", jobs=1)
    assert (summary.rows, summary.images, summary.several) == (2, 2, 1)
    # The earlier table of central cells stands there: nothing is taken from it.
    summary = featurize(index, preset, place / "every.parquet", jobs=1, every_cell=True, reuse=place / "t.parquet")
    assert (summary.rows, summary.images, summary.several, summary.reused) == (3, 2, 0, 0)
    again = featurize(index, preset, place / "again.parquet", jobs=1, reuse=place / "every.parquet")
    assert again.reused == 0
    assert read_table(place / "every.parquet")[1].features == read_table(place / "t.parquet")[1].features
    return read_table(place / "t.parquet")[0], read_table(place / "every.parquet")[0]


def test_the_central_cell_is_the_first_of_all(pair: np.ndarray) -> None:
    small = search_image(pair)
    first, second = find_cells(small)
    assert np.array_equal(first.cell, find_cell(small).cell)
    assert not (first.nucleus & second.nucleus).any()
    assert first.facts["other_nuclei"] == second.facts["other_nuclei"] == 1


def test_every_cell_has_a_row_with_its_number_and_middle(tables: tuple[pd.DataFrame, pd.DataFrame],
                                                         pair: np.ndarray) -> None:
    cells = tables[1][tables[1]["path"] == "a_pair.png"]
    assert cells["cell"].tolist() == [1, 2]
    assert cells["image_id"].iloc[1] == f"{cells['image_id'].iloc[0]}-2"
    height, width = pair.shape[:2]
    np.testing.assert_allclose(sorted(cells["cell_x_px"]), [width / 4, 3 * width / 4], atol=.1 * height)
    np.testing.assert_allclose(cells["cell_y_px"], height / 2, atol=.15 * height)
    assert cells["duplicate_group"].nunique() == 1, "cells of one picture stay on one side of a split"


def test_the_first_row_of_an_image_is_that_of_its_central_cell(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    central, every = tables
    first = every[every["cell"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(first[central.columns], central)


def test_a_single_cell_is_measured_as_before(preset: Preset) -> None:
    picture = from_array(draw_cell("monocyte", seed=3).rgb)
    one, = measure_every_cell(picture, preset)
    assert one.measured == measure_picture(picture, preset)


def test_a_picture_without_cells_is_one_row_without_a_middle(preset: Preset) -> None:
    one, = measure_every_cell(from_array(np.full((60, 60, 3), 230, np.uint8)), preset)
    assert np.isnan([one.x_px, one.y_px]).all()


def test_every_cell_needs_a_preset_that_looks_for_cells(index: Index, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="preset whole, which looks for no single cells: give --preset cell"):
        featurize(index, load_preset("whole"), tmp_path / "t.parquet", jobs=1, every_cell=True)
