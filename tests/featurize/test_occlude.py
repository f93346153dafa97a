"""Parts of pictures hidden behind their surroundings, and measured so."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurize.arrays import UInt8Array
from featurize.batch import hidden as batch_hidden
from featurize.batch.chunks import ImageRequest, MeasureTask
from featurize.batch.hidden import measure_hidden, plan_hidden
from featurize.errors import Stopped
from featurize.images.occlude import CELLS, Hidden, filled, grid_of, hide
from featurize.images.read import from_array
from featurize.index.build import build_index, load
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset

PRESET = Preset("whole", "none", "whole", {"color": {"regions": ("whole",)}})


def noise(height: int = 40, width: int = 80) -> UInt8Array:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_the_grid_has_eight_nearly_square_cells_along_the_longer_side() -> None:
    grid = grid_of(40, 80)
    assert (grid.rows, grid.columns, grid.side_px) == (4, CELLS, 10)
    assert np.array_equal(np.bincount(grid.cell.ravel()), np.full(32, 100))


def test_a_moved_grid_covers_every_pixel_and_begins_with_parts_of_cells() -> None:
    grid = grid_of(80, 80, moved=True)
    assert grid.rows == grid.columns == 9
    first = np.bincount(grid.cell.ravel(), minlength=81).reshape(9, 9)
    # The grid is moved by a quarter of a cell of 10 px; pixels count by their middle.
    assert first[1, 1] == 100 and first[0, 1] == 20 and first[-1, 1] == 80


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (3, 2), (7, 50)])
def test_every_cell_of_a_tiny_picture_can_be_hidden(shape: tuple[int, int]) -> None:
    picture = from_array(noise(*shape))
    for moved in (False, True):
        grid = grid_of(*shape, moved)
        shown = hide(picture, "a", Hidden(tuple(range(grid.rows * grid.columns)), moved))
        assert shown.rgb.shape == picture.rgb.shape and shown.rgb.dtype == np.uint8


def test_nothing_of_hidden_pixels_is_left_and_far_ones_stay() -> None:
    rgb, grid = noise(80, 80), grid_of(80, 80)
    mask = grid.cell == 27
    other = rgb.copy()
    other[mask] = 255 - other[mask]
    first, second = (hide(from_array(pixels), "a", Hidden((27,))).rgb for pixels in (rgb, other))
    assert np.array_equal(first, second), "the picture does not depend on what is hidden"
    rows, columns = np.nonzero((first != rgb).any(axis=2))
    top, left = np.argwhere(mask)[0]
    # The border is soft over 0.15 x 10 px; OpenCV cuts a Gaussian of 1.5 px off after at most 6 px.
    assert rows.min() >= top - 6 and columns.min() >= left - 6 and rows.max() < top + 16


def test_an_even_picture_stays_as_it_is_whatever_is_hidden() -> None:
    rgb = np.full((50, 50, 3), 77, np.uint8)
    for fill in (0, 1, 2):
        assert np.array_equal(hide(from_array(rgb), "a", Hidden((0, 9, 30), fill=fill)).rgb, rgb)


def test_all_hidden_is_the_mean_of_the_picture() -> None:
    rgb = noise()
    shown = filled(rgb, np.ones(rgb.shape[:2], bool), 10, "a")
    assert np.abs(shown.reshape(-1, 3) - rgb.reshape(-1, 3).mean(axis=0)).max() <= .5


def test_fills_differ_by_their_seed_and_are_the_same_again() -> None:
    picture = from_array(noise())
    shown = {fill: hide(picture, "a", Hidden((3,), fill=fill)).rgb for fill in (0, 1, 2)}
    assert not np.array_equal(shown[0], shown[1]) and not np.array_equal(shown[1], shown[2])
    assert np.array_equal(shown[2], hide(picture, "a", Hidden((3,), fill=2)).rgb)


def test_keys_name_cells_grid_and_fill() -> None:
    several = [Hidden(), Hidden((0,)), Hidden((1,)), Hidden((0, 1)), Hidden((0,), True), Hidden((0,), fill=1)]
    assert len({part.key for part in several}) == len(several)
    assert Hidden((1, 0)).key == Hidden((0, 1)).key


@pytest.fixture
def task(tmp_path: Path) -> tuple[MeasureTask, list[ImageRequest]]:
    (tmp_path / "images").mkdir()
    Image.fromarray(noise()).save(tmp_path / "images" / "a.png")
    index = build_index([tmp_path / "images"])
    row = index.frame.iloc[0]
    request = ImageRequest(row["image_id"], row["site"], row["path"])
    cells = [replace(request, hidden=Hidden((cell,))) for cell in range(20)]
    return MeasureTask(index.sources, PRESET, None), cells


def test_measurements_are_those_of_the_picture_hidden_by_hand(task: tuple[MeasureTask, list[ImageRequest]],
                                                              tmp_path: Path) -> None:
    how, requests = task
    plan = plan_hidden(how, ["a"], tmp_path / "a.shards", 1, False)
    table = measure_hidden(plan, requests)
    picture = load(how.sources[0], "a.png")
    by_hand = measure_picture(hide(picture, requests[7].image_id, Hidden((7,))), PRESET)
    assert table.loc[requests[7].key].to_dict() == {name: np.float32(value) for name, value in by_hand.items()}
    assert len(table) == 20


def test_what_was_measured_before_a_stop_is_not_measured_again(task: tuple[MeasureTask, list[ImageRequest]],
                                                               tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how, requests = task
    plan = plan_hidden(how, ["a"], tmp_path / "a.shards", 1, False)
    measure_hidden(plan, requests[:16])

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(batch_hidden, "measure", stopped)
        with pytest.raises(Stopped, match="16 of 20 changed images are measured and kept"):
            measure_hidden(plan, requests)
    again = plan_hidden(how, ["a"], tmp_path / "a.shards", 1, False)
    assert again.shards.key == plan.shards.key and len(measure_hidden(again, requests)) == 20
    assert plan_hidden(how, ["b"], tmp_path / "a.shards", 1, False).shards.key != plan.shards.key
