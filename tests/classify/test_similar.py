"""The images nearest to one image."""
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.similar.run import similar
from classify.similar.search import Similar, alike, different, distance, family_weights, search
from featurize.errors import UserError
from featurize.table import TableInfo

MEASURES = [f"cell_color_m{i}" for i in range(6)] + ["cell_morphology_m6"]


@pytest.fixture()
def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((30, 30, 30), features=12, seed=3)


def test_similar_links_to_nothing_outside_itself(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    similar(frame, info, frame.iloc[[4]], tmp_path / "similar.html")
    page = (tmp_path / "similar.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)
    assert page.count("<article>") == 12 and "not shown:" in page


def test_an_image_is_not_its_own_neighbour(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    found = search(frame, info, frame.iloc[[4]])
    assert 4 not in found.neighbors and np.isnan(found.distances[4]) and len(found.neighbors) == 12


def test_neighbours_come_nearest_first_and_none_is_nearer(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    found = search(frame, info, frame.iloc[[10]], n=5)
    near = found.distances[found.neighbors]
    assert (np.diff(near) >= 0).all() and near[-1] <= np.nanmin(np.delete(found.distances, found.neighbors))


def test_a_copy_in_the_table_lies_at_no_distance(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    copy = frame.iloc[[7]].assign(image_id="another", sha256="other bytes")
    found = search(frame, info, copy, n=1)
    assert found.neighbors[0] == 7 and found.distances[7] == pytest.approx(0, abs=1e-6)


def test_the_same_file_is_named_and_no_neighbour(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    found = similar(frame, info, frame.iloc[[7]].assign(image_id="x", path="elsewhere.png"), tmp_path / "s.html")
    assert list(found.same_file) == [7] and 7 not in found.neighbors
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "The table holds this very file." in page and frame["path"].iloc[7] in page


def test_an_image_that_gave_no_row_is_refused(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="0 images came that could be measured, one was wanted"):
        similar(*table, table[0].iloc[:0], tmp_path / "s.html")


def test_distance_is_the_root_mean_square_over_what_both_have() -> None:
    a = np.array([[0.0, 3.0, np.nan]])
    b = np.array([[4.0, 0.0, 1.0], [np.nan, np.nan, 2.0]])
    # Over the two shared features: sqrt((16 + 9) / 2); with the second row nothing is shared.
    assert distance(a, b, np.ones(3) / 3).ravel() == pytest.approx([np.sqrt(12.5), np.inf])


def test_every_family_counts_alike() -> None:
    weights = family_weights(MEASURES, ["color", "morphology"])
    assert weights.sum() == pytest.approx(1) and weights[:6].sum() == pytest.approx(weights[6])


def made(own: list[float], other: list[float], table: tuple[pd.DataFrame, TableInfo]) -> Similar:
    frame, info = table
    features = ("cell_color_a", "cell_color_b", "nucleus_color_c", "cell_morphology_d")
    return Similar(frame, info, frame.iloc[0], info, features, np.array([0]), np.array([1]), np.zeros(len(frame)),
                   np.array(own), np.array([other]), 1.0)


def test_alike_means_unusual_and_close_different_means_far(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([2.0, 0.1, -3.0, 2.5], [2.2, 0.1, -2.8, -2.0], table)
    # The second feature is close but ordinary; the last is far.
    assert alike(found, 0) == [2, 0] and different(found, 0) == [3]


def test_of_each_family_and_region_one_feature_is_named(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([2.0, 3.0, 0.0, 0.0], [2.0, 3.0, 0.0, 0.0], table)
    assert alike(found, 0) == [1]


def test_a_missing_measurement_is_neither_alike_nor_different(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([np.nan, np.nan, 2.0, 0.0], [2.0, 2.0, 2.0, 0.0], table)
    assert alike(found, 0) == [2] and different(found, 0) == []


def test_an_image_unlike_all_others_is_warned_of(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    odd = frame.iloc[[3]].assign(sha256="odd", **{c: np.float32(80) for c in info.features})
    similar(frame, info, odd, tmp_path / "similar.html")
    assert "This image is unlike all others" in (tmp_path / "similar.html").read_text(encoding="utf-8")


def test_a_picture_measured_in_another_way_is_refused(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    other = TableInfo.from_json(info.to_json().replace('"color": 2', '"color": 3'))
    with pytest.raises(UserError, match="other versions"):
        similar(frame, info, frame.iloc[[3]], tmp_path / "s.html", picture_info=other)
