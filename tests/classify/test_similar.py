"""The images nearest to one image."""
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.similar.run import similar
from classify.similar.search import Similar, alike, different, search_several
from classify.similar.sentences import alike_sentences, different_sentences, sums_sentence
from classify.similar.space import distance
from featurize.errors import UserError
from featurize.table import TableInfo


@pytest.fixture()
def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((30, 30, 30), features=12, seed=3)


def search(frame: pd.DataFrame, info: TableInfo, row: pd.DataFrame, n: int = 12, metric: str = "measurements",
           by: str = "") -> Similar:
    """The images nearest to one row."""
    return search_several(frame, info, row, n, None, metric, by).images[0]


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
    assert "The table holds this very file." in page
    named = f"{frame['path'].iloc[7]} ({frame['label'].iloc[7]})"
    assert f"It stands there as {named}, and is not among the neighbors" in page


def test_an_image_that_gave_no_row_is_refused(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="0 images came that could be measured, one was wanted"):
        similar(*table, table[0].iloc[:0], tmp_path / "s.html")


def test_distance_is_the_root_mean_square_over_what_both_have() -> None:
    a = np.array([[0.0, 3.0, np.nan]])
    b = np.array([[4.0, 0.0, 1.0], [np.nan, np.nan, 2.0]])
    # Over the two shared features: sqrt((16 + 9) / 2); with the second row nothing is shared.
    assert distance(a, b).ravel() == pytest.approx([np.sqrt(12.5), np.inf])


def test_by_compares_one_region_or_family(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    for by in ("nucleus", "color"):
        found = search(frame, info, frame.iloc[[4]], by=by)
        assert found.features and all(by in name.split("_") for name in found.features)
        assert len(found.features) < len(info.features)
    with pytest.raises(UserError, match="--by liver was given.*choose one of cell, color, morphology, nucleus"):
        search(frame, info, frame.iloc[[4]], by="liver")


def test_the_metric_of_classes_finds_more_of_the_same_class(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    rows = range(0, 90, 3)
    share = {metric: np.mean([found.label.iloc[found.neighbors].eq(found.picture["label"]).mean() for row in rows
                              for found in [search(frame, info, frame.iloc[[row]], 5, metric=metric)]])
             for metric in ("measurements", "classes")}
    assert share["classes"] > share["measurements"] + .03


def test_labels_of_the_image_and_its_group_are_not_learned_from(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    own = frame["group"] == frame["group"].iloc[4]
    other = frame.assign(label=frame["label"].mask(own, "another"))
    first, second = (search(t, info, t.iloc[[4]], metric="classes").distances for t in (frame, other))
    np.testing.assert_array_equal(first, second)


def test_the_metric_of_classes_needs_classes(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    with pytest.raises(UserError, match="learns from two labels or more of 5 images each, and the table has 1"):
        search(frame.assign(label="one"), info, frame.iloc[[4]], metric="classes")
    with pytest.raises(UserError, match="the metric 'best' was given, one of measurements, classes was wanted"):
        search(frame, info, frame.iloc[[4]], metric="best")


# Three measurements by themselves, two of one name, and two columns that are summed to words.
NAMED = ("nucleus_morphology_lobes", "nucleus_morphology_diameter_um", "nucleus_morphology_diameter_red",
         "nucleus_morphology_nc_ratio", "cell_haralick_gray_d1_contrast", "cell_color_red_mean")


def made(own: list[float], other: list[float], table: tuple[pd.DataFrame, TableInfo]) -> Similar:
    frame, info = table
    frame = frame.assign(**{name: np.linspace(0, 1, len(frame)) + at for at, name in enumerate(NAMED)})
    return Similar(frame, info, frame.iloc[89], info, NAMED, np.array([89]), np.array([88]), np.zeros(len(frame)),
                   np.array(own), np.array([other]), 1.0)


def test_alike_means_unusual_and_close_different_means_far(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([2.0, 0.1, 0.1, -3.0, 2.5, 0], [2.2, 0.1, 0.1, -2.8, -2.0, 0], table)
    # The diameters are close but ordinary; the texture is far, but no reader can check it by eye.
    assert alike(found, 0) == [3, 0] and different(found, 0) == []
    assert different(made([2.0, 0, 0, 0, 0, 0], [0.5, 3, 0, 0, 9, 0], table), 0) == [1, 0]


def test_of_one_name_one_feature_is_named(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([0.0, 2.0, 3.0, 0.0, 0, 0], [0.0, 2.0, 3.0, 0.0, 0, 0], table)
    assert alike(found, 0) == [2]


def test_a_missing_measurement_is_neither_alike_nor_different(table: tuple[pd.DataFrame, TableInfo]) -> None:
    found = made([np.nan, np.nan, 2.0, 0.0, 0, 0], [2.0, 2.0, 2.0, 0.0, 0, 0], table)
    assert alike(found, 0) == [2] and different(found, 0) == []


def test_what_is_alike_and_different_is_said_in_sentences(table: tuple[pd.DataFrame, TableInfo]) -> None:
    """The image has the highest value of the table in every column, its neighbor the second highest."""
    found = made([2.0, 2.0, 0, 0, 3.0, 0.1], [2.0, -2.0, 0, 0, 0.0, 0.0], table)
    assert [s["text"] for s in alike_sentences(found, 0)] == [
        "Lobes of the nucleus: 1 and 0.989, both higher than in 98\u00a0% of the table."]
    assert [s["text"] for s in different_sentences(found, 0)] == [
        "Diameter of the nucleus: 2 here, 1.99\u00a0µm there."]
    assert sums_sentence(found, 0) == ("Beyond single measurements, most alike in the color of the cell, least in the "
                                       "fine texture of the cell.")


def test_a_picture_without_a_cell_is_refused_in_one_line(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    blank = frame.iloc[[3]].assign(path="blank.png", image_quality_found=np.float32(0))
    with pytest.raises(UserError, match=r"no cell was found in blank\.png, so that nothing can be compared"):
        similar(frame, info, blank, tmp_path / "s.html")
    nothing = frame.iloc[[3]].assign(**{name: np.float32(np.nan) for name in info.features})
    with pytest.raises(UserError, match="no cell was found"):
        similar(frame, info, nothing, tmp_path / "s.html")
    assert not list(tmp_path.iterdir())


def test_json_and_csv_name_as_many_neighbors_as_were_asked_for(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path
                                                               ) -> None:
    frame, info = table
    found = similar(frame, info, frame.iloc[[4]], tmp_path / "s.csv", n=5)
    listed = pd.read_csv(tmp_path / "s.csv")
    assert listed["path"].tolist() == frame["path"].iloc[found.neighbors].tolist() and len(listed) == 5
    assert listed["distance"].to_numpy() == pytest.approx(found.distances[found.neighbors])
    similar(frame, info, frame.iloc[[4]], tmp_path / "s.json", n=5)
    read = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert [n["path"] for n in read["neighbors"]] == listed["path"].tolist()
    assert read["warnings"][0]["text"] == "The table holds this very file." and read["images_compared"] == 90


def test_another_ending_is_refused(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    with pytest.raises(UserError, match=r"pic\.jpg was given, a name ending in \.html, \.json or \.csv was wanted"):
        similar(frame, info, frame.iloc[[4]], tmp_path / "pic.jpg")


def test_an_image_unlike_all_others_is_warned_of(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    odd = frame.iloc[[3]].assign(sha256="odd", **{c: np.float32(80) for c in info.features})
    similar(frame, info, odd, tmp_path / "similar.html")
    assert "This image is unlike all others" in (tmp_path / "similar.html").read_text(encoding="utf-8")


def test_the_page_says_that_classes_were_compared(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    similar(frame, info, frame.iloc[[4]], tmp_path / "s.html", metric="classes")
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "by what tells the classes of the table apart" in page and "one standard deviation within a class" in page
    # Rows that the metric was learned from lie nearer to each other: their distances are no measure of a new image.
    similar(frame, info, frame.iloc[[4]], tmp_path / "s.json", metric="classes")
    read = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert read["metric"] == "classes" and read["usual_distance"] is None


def test_a_picture_measured_in_another_way_is_refused(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    other = TableInfo.from_json(info.to_json().replace('"color": 2', '"color": 3'))
    with pytest.raises(UserError, match="other versions"):
        similar(frame, info, frame.iloc[[3]], tmp_path / "s.html", picture_info=other)
