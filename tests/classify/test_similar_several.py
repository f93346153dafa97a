"""Several images at once, an index of a large table, a map."""
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.similar import index as index_room
from classify.similar import run
from classify.similar.export import several_to_csv
from classify.similar.index import kept_index
from classify.similar.map import table_map
from classify.similar.map_page import MOST_MARKS, OTHERS, write_map
from classify.similar.run import similar_to_several
from classify.similar.search import search_several
from featurize.errors import UserError
from featurize.table import TableInfo


@pytest.fixture()
def table() -> tuple[pd.DataFrame, TableInfo]:
    return made_table((30, 30, 30), features=12, seed=3)


def test_each_of_several_images_has_the_neighbors_it_has_alone(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    several = search_several(frame, info, frame.iloc[[4, 50, 71]], 5)
    assert len(several.images) == 3
    for row, found in zip((4, 50, 71), several.images):
        alone = search_several(frame, info, frame.iloc[[row]], 5)
        assert alone.together is None
        np.testing.assert_array_equal(alone.images[0].neighbors, found.neighbors)


def test_all_together_is_the_mean_of_the_images(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    found = search_several(frame, info, frame.iloc[[4, 50, 71]], 5).together
    assert found is not None and not {4, 50, 71} & set(found.neighbors)
    column = info.features[0]
    assert found.picture[column] == pytest.approx(frame[column].iloc[[4, 50, 71]].mean(), rel=1e-6)
    # Two copies of an image have its own neighbors.
    twice = frame.iloc[[7, 7]].assign(sha256=["one", "two"])
    together = search_several(frame, info, twice, 5).together
    assert together is not None and together.neighbors[0] == 7


def test_images_in_which_nothing_was_found_are_left_out(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    rows = frame.iloc[[3, 4]].assign(path=["blank.png", "cell.png"], image_quality_found=np.float32([0, 1]))
    found = search_several(frame, info, rows)
    assert found.nothing_found == ("blank.png",) and len(found.images) == 1 and found.together is None


def test_several_images_are_written_as_page_json_and_csv(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    rows = frame.iloc[[4, 50]]
    for suffix in ("html", "json", "csv"):
        similar_to_several(frame, info, rows, tmp_path / f"s.{suffix}", 3)
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)
    assert page.count("<article>") == 9 and "All images together" in page
    listed = pd.read_csv(tmp_path / "s.csv")
    assert listed.columns[0] == "rank"
    assert listed["query"].unique().tolist() == [*rows["path"], "all 2 images together"] and len(listed) == 9
    read = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert [len(one["neighbors"]) for one in (*read["images"], read["together"])] == [3, 3, 3]


def test_images_of_one_name_are_told_apart_by_their_source(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    rows = frame.iloc[[4, 50]].assign(path="a.png", site=["first", "second"])
    sources = [{"site": name, "root": name, "kind": "folder"} for name in ("first", "second")]
    found = search_several(frame, info, rows, picture_info=replace(info, sources=sources))
    assert [one.name for one in found.images] == ["first/a.png", "second/a.png"]
    assert several_to_csv(found)["query"].unique().tolist() == ["first/a.png", "second/a.png", "all 2 images together"]


def test_an_index_is_made_once_and_finds_what_is_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hnswlib")
    frame, info = made_table((900, 900), features=12, seed=1)
    monkeypatch.setattr(run, "EXACT_ROWS", 1000)
    exact = search_several(frame, info, frame.iloc[[5, 1500]], 6)
    first = similar_to_several(frame, info, frame.iloc[[5, 1500]], tmp_path / "a.html", 6, index=tmp_path / "index")
    assert first.images[0].recall is not None and first.images[0].recall > .95
    for found, true in zip(first.images, exact.images):
        np.testing.assert_array_equal(found.neighbors, true.neighbors)
        np.testing.assert_allclose(found.distances[found.neighbors], true.distances[true.neighbors])
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "by an index that finds" in page
    monkeypatch.setattr(index_room, "make_index", lambda *_: pytest.fail("the index was made again"))
    kept_index(tmp_path / "index", frame, info)
    with pytest.raises(pytest.fail.Exception, match="made again"):
        kept_index(tmp_path / "index", frame.iloc[:-1], info)
    graph = tmp_path / "index" / index_room.GRAPH
    graph.write_bytes(graph.read_bytes()[:-40])
    with pytest.raises(pytest.fail.Exception, match="made again"):
        kept_index(tmp_path / "index", frame, info)


def test_an_index_of_the_same_table_is_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("hnswlib")
    frame, info = made_table((900, 900), features=12, seed=1)
    for name in ("a", "b"):
        kept_index(tmp_path / name, frame, info)
    for name in ("graph.bin", "index.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_index_whose_making_was_stopped_between_its_two_files_is_made_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hnswlib")
    frame, info = made_table((20, 20), features=4)
    frame = frame.reset_index(drop=True)
    move, left = os.replace, iter((0,))

    def stopped(*names: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        move(*names)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stopped)
        kept_index(tmp_path / "index", frame, info)
    assert len(os.listdir(tmp_path / "index")) == 1
    made = kept_index(tmp_path / "index", frame, info)
    assert kept_index(tmp_path / "index", frame, info).recall == made.recall
    assert sorted(os.listdir(tmp_path / "index")) == ["graph.bin", "index.json"]


def test_an_index_takes_no_folder_of_others_and_no_classes(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hnswlib")
    frame, info = table
    monkeypatch.setattr(run, "EXACT_ROWS", 10)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no folder that `similar` wrote"):
        similar_to_several(frame, info, frame.iloc[[5]], tmp_path / "a.csv", index=tmp_path)
    with pytest.raises(UserError, match="--index and --metric classes were given"):
        similar_to_several(frame, info, frame.iloc[[5]], tmp_path / "a.csv", metric="classes", index=tmp_path / "i")


def test_a_small_table_is_searched_without_an_index(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    found = similar_to_several(frame, info, frame.iloc[[5]], tmp_path / "a.csv", index=tmp_path / "index")
    assert found.images[0].recall is None and not (tmp_path / "index").exists()


def test_a_map_shows_every_image_once_and_links_to_nothing(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path
                                                           ) -> None:
    frame, info = table
    laid = table_map(frame, info, frame.iloc[[4]])
    # The image itself lies where its row of the table lies.
    np.testing.assert_allclose(laid.pictures_xy[0], laid.xy[4], rtol=1e-5)
    write_map(tmp_path / "m.html", laid, info)
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)
    assert page.count("<title>") == 90 + 1 + 1 and 'tabindex="0"' in page and 'aria-live="polite"' in page
    assert page.count('type="checkbox"') == 4


def test_labels_take_no_part_in_a_map(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    first, second = (table_map(t, info).xy for t in (frame, frame.assign(label=frame["label"].to_numpy()[::-1])))
    np.testing.assert_array_equal(first, second)


def test_of_many_classes_the_rest_shares_a_mark(table: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = table
    write_map(tmp_path / "m.html", table_map(frame.assign(label=[f"class {k}" for k in range(len(frame))]), info), info)
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert OTHERS in page and page.count('type="checkbox"') == MOST_MARKS + 1


def test_a_map_refuses_what_it_cannot_draw(table: tuple[pd.DataFrame, TableInfo]) -> None:
    frame, info = table
    with pytest.raises(UserError, match="--projection tsne was given, one of pca, umap was wanted"):
        table_map(frame, info, projection="tsne")
    with pytest.raises(UserError, match="the table has 2 rows, a map needs 3"):
        table_map(frame.iloc[:2], info)


class _Island:
    """A graph of 100 rows that reaches `size` of them: for more the library raises an error."""

    def __init__(self, size: int) -> None:
        self.size = size

    def get_current_count(self) -> int:
        return 100

    def set_ef(self, _: int) -> None:
        pass

    def knn_query(self, point: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        if k > self.size:
            raise RuntimeError("Cannot return the results in a contiguous 2D array. Probably ef or M is too small")
        return np.arange(k)[None], np.zeros((1, k))


@pytest.mark.parametrize(("size", "found"), [(100, 100), (60, 50), (14, 12), (6, 6), (5, 100)])
def test_where_a_graph_reaches_few_rows_fewer_are_compared_or_all(size: int, found: int) -> None:
    """That befell 1,200 tight groups of 84 rows with 1,146 columns."""
    assert len(index_room._candidates(_Island(size), np.zeros((1, 3)), 6)) == found
