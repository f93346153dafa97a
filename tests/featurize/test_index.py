"""What a folder, an npz or several of them mean: labels, splits, groups, sites, errors."""
import os
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_images import column, folder, image, npz

from featurize.errors import UserError
from featurize.images.read import ImageError
from featurize.index.build import Source, build_index, load, source_of
from featurize.index.sources import printable, real_name


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_the_label_is_the_folder_that_holds_the_file(tmp_path):
    index = build_index(folder(tmp_path, "a/1.png", "b/2.PNG", "deep/er/c/3.png", "4.png"))
    assert column(index, "label") == {"a/1.png": "a", "b/2.PNG": "b", "deep/er/c/3.png": "c", "4.png": None}
    assert list(index.frame["path"]) == sorted(index.frame["path"])
    assert index.frame["site"].isna().all() and index.frame["split"].isna().all()


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "VALIDATION", "testing"),
                                   ("train", "valid", "test"), ("pack/in/train", "pack/in/val", "pack/in/test")])
def test_split_folders_become_the_split(tmp_path, names):
    index = build_index(folder(tmp_path, *(f"{name}/{label}/x.png" for name in names for label in "ab")))
    assert list(column(index, "split").values()) == [
        dict(zip(names, ("train", "val", "test")))[path.rsplit("/", 2)[0]] for path in index.frame["path"]]
    assert set(index.frame["label"]) == {"a", "b"}


def test_a_test_folder_may_be_unlabelled(tmp_path):
    index = build_index(folder(tmp_path, "train/a/1.png", "train/b/2.png", "test/3.png"))
    assert column(index, "label")["test/3.png"] is None and column(index, "split")["test/3.png"] == "test"


@pytest.mark.parametrize("paths", [("train/a/1.png", "train/b/2.png"), ("train/1.png", "test/2.png"),
                                   ("x/train/1.png", "y/test/1.png"), ("val/a/1.png", "test/a/1.png")])
def test_other_folders_of_such_names_are_no_split(tmp_path, paths):
    index = build_index(folder(tmp_path, *paths))
    assert index.frame["split"].isna().all()
    assert list(index.frame["label"]) == [path.split("/")[-2] for path in sorted(paths)]


def test_names_with_a_dot_or_underscore_are_not_read(tmp_path):
    index = build_index(folder(tmp_path, "a/1.png", "a/.2.png", "a/_3.png", "_masks/1.png", ".git/x/1.png"))
    assert list(index.frame["path"]) == ["a/1.png"]
    assert len(build_index(tmp_path / "_masks").frame) == 1  # named by the user, it is read


def test_other_extensions_are_not_images(tmp_path):
    folder(tmp_path, "a/1.png")
    for name in ("a/notes.txt", "a/labels.csv", "a/png", "a/1.png.bak"):
        (tmp_path / name).write_text("x")
    index = build_index(tmp_path)
    assert list(index.frame["path"]) == ["a/1.png"] and index.errors.empty


def test_what_cannot_be_read_is_an_error_row_with_its_reason(tmp_path):
    folder(tmp_path, "a/good.png")
    (tmp_path / "a/empty.png").touch()
    os.mkfifo(tmp_path / "a/pipe.png")
    os.symlink("loop.png", tmp_path / "a/loop.png")
    os.symlink("gone.png", tmp_path / "a/broken.png")
    index = build_index(tmp_path)
    assert list(index.frame["path"]) == ["a/good.png"]
    assert dict(zip(index.errors["path"], index.errors["reason"])) == {
        "a/broken.png": "not_a_file", "a/empty.png": "empty", "a/loop.png": "not_a_file", "a/pipe.png": "not_a_file"}


def test_wrong_content_is_indexed_and_refused_when_read(tmp_path):
    (tmp_path / "page.jpg").write_bytes(b"<html></html>")
    index = build_index(tmp_path)
    with pytest.raises(ImageError, match="HTML"):
        load(index.sources[0], index.frame.loc[0, "path"])


def test_links_to_folders_are_followed_without_end_in_sight(tmp_path):
    folder(tmp_path / "in", "a/1.png")
    folder(tmp_path / "elsewhere", "2.png")
    os.symlink(tmp_path / "in", tmp_path / "in/a/up")
    os.symlink(tmp_path / "elsewhere", tmp_path / "in/b")
    os.symlink(tmp_path / "in/a", tmp_path / "in/Again")  # the real folder keeps its name
    assert list(build_index(tmp_path / "in").frame["path"]) == ["a/1.png", "b/2.png"]


def test_a_name_that_is_not_utf8_survives_a_table_and_finds_its_file(tmp_path):
    image(os.fsencode(tmp_path) + b"/a/latin\xe9.png")
    image(tmp_path / "a/latin\\xe9.png", 50)  # a real backslash is another name
    index = build_index(tmp_path)
    index.frame.to_csv(tmp_path / "t.csv", index=False)
    index.frame.to_parquet(tmp_path / "t.parquet")
    assert len(index.frame) == 2
    for path in pd.read_csv(tmp_path / "t.csv")["path"]:
        assert load(index.sources[0], path).width_px == 4
    assert index.frame["path"].is_unique and index.frame["image_id"].is_unique


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_a_printable_name_leads_back_to_the_file(name):
    shown = printable(os.fsdecode(name))
    shown.encode("utf-8")
    assert os.fsencode(real_name(shown)) == name


def test_the_same_images_give_the_same_index_wherever_they_are(tmp_path):
    first = build_index(folder(tmp_path / "one", "b/2.png", "a/1.png"))
    second = build_index(folder(tmp_path / "two", "a/1.png", "b/2.png"))
    pd.testing.assert_frame_equal(first.frame, second.frame)
    image(tmp_path / "two/a/1.png", 50)
    changed = build_index(tmp_path / "two").frame
    assert changed.loc[0, "image_id"] != first.frame.loc[0, "image_id"]
    assert changed.loc[1, "image_id"] == first.frame.loc[1, "image_id"]


def test_the_same_content_twice_is_two_rows(tmp_path):
    folder(tmp_path, "a/1.png", "b/1.png")
    frame = build_index(tmp_path).frame
    assert frame["sha256"].nunique() == 1 and frame["image_id"].nunique() == 2


def test_several_sources_are_sites_with_unique_names(tmp_path):
    roots = [folder(tmp_path / name, "a/1.png", "b/2.png") for name in ("x/cells", "y/cells", "z")]
    index = build_index(roots)
    assert [s.site for s in index.sources] == ["cells", "cells-2", "z"]
    assert list(index.frame["site"]) == ["cells"] * 2 + ["cells-2"] * 2 + ["z"] * 2
    assert index.frame["image_id"].is_unique
    for row in index.frame.itertuples():
        assert load(source_of(index.sources, row.site), row.path).width_px == 4


def test_image_files_side_by_side_are_one_source(tmp_path):
    folder(tmp_path / "in", "1.png", "2.png", "3.png")
    index = build_index([tmp_path / "in/1.png", tmp_path / "in/3.png"])
    assert list(index.frame["path"]) == ["1.png", "3.png"] and index.frame["label"].isna().all()
    assert len(build_index(tmp_path / "in/2.png").frame) == 1


def test_groups_come_from_the_first_parenthesis(tmp_path):
    folder(tmp_path, "a/p1_x.png", "a/p2_y.png", "b/p1_z.png")
    assert list(build_index(tmp_path, group_regex=r"(p\d)_(.)").frame["group"]) == ["p1", "p2", "p1"]
    partly = build_index(tmp_path, group_regex=r"a/(p\d)")
    assert list(partly.frame["group"]) == ["p1", "p2", None]
    assert partly.warnings == ("--group-regex matches 2 of 3 paths, and not b/p1_z.png: an image without a group "
                               "counts as one of its own",)


def test_the_first_paths_that_a_pattern_misses_are_listed(tmp_path):
    folder(tmp_path, "a/p1_x.png", *(f"b/{k}.png" for k in range(5)))
    line, = build_index(tmp_path, group_regex=r"(p\d)").warnings
    assert line.startswith("--group-regex matches 1 of 6 paths, and not b/0.png, b/1.png, b/2.png and 2 more: an image")


@pytest.mark.parametrize("pattern,said", [("(", "not a regular expression"), ("p1", "no parenthesis"),
                                          ("(zz)", "matches none of 1 paths.*a/p1.png"), ("a(z?)", "matches none")])
def test_a_pattern_that_gives_no_group_is_refused(tmp_path, pattern, said):
    with pytest.raises(UserError, match=said):
        build_index(folder(tmp_path, "a/p1.png"), group_regex=pattern)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (8, 8, 1)])
def test_a_medmnist_file_gives_splits_labels_and_pixels(tmp_path, shape):
    index = build_index(npz(tmp_path / "blood.npz", shape=shape))
    assert index.frame["split"].value_counts().to_dict() == {"train": 6, "val": 6, "test": 6}
    assert column(index, "label")["train/00004"] == "1" and index.sources[0].kind == "npz"
    with np.load(tmp_path / "blood.npz") as arrays:
        expected = arrays["val_images"][5].reshape(8, 8, -1)
    found = load(index.sources[0], "val/00005").rgb
    assert np.array_equal(found, np.broadcast_to(expected, (8, 8, 3)))


def test_npz_labels_may_be_names_findings_or_missing(tmp_path):
    assert set(build_index(npz(tmp_path / "n.npz", 2, np.array(["cat", "dog"]))).frame["label"]) == {"cat", "dog"}
    findings = build_index(npz(tmp_path / "f.npz", 2, np.array([[1, 0], [0, 1]])))
    assert findings.label_columns == ("0", "1") and findings.frame["label"].isna().all()
    assert findings.frame["label_1"].tolist() == [0, 1] * 3
    np.savez(tmp_path / "bare.npz", images=np.zeros((2, 4, 4), np.uint8))
    bare = build_index(tmp_path / "bare.npz").frame
    assert list(bare["path"]) == ["00000", "00001"] and bare[["label", "split"]].isna().all(axis=None)


@pytest.mark.parametrize("arrays,said", [
    ({"x": np.zeros(3)}, "holds x: train_images"), ({"images": np.zeros((2, 4, 4, 7))}, "shape"),
    ({"images": np.zeros((2, 4, 4)), "labels": np.zeros(3)}, "labels has the shape"),
    ({"images": np.zeros((2, 4, 4)), "labels": np.array([0.5, 1])}, "fractions"),
    ({"images": np.array([["a"]], dtype=object)}, "images cannot be read")])
def test_an_npz_of_another_make_is_refused_in_one_line(tmp_path, arrays, said):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=said):
        build_index(tmp_path / "bad.npz")


def test_wrong_calls_say_what_to_do(tmp_path):
    folder(tmp_path, "in/a/1.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "bad.npz").write_text("x")
    (tmp_path / "all_bad").mkdir()
    (tmp_path / "all_bad/1.png").touch()
    for path, said in (("nowhere", "does not exist"), ("empty", "holds no image"), ("notes.txt", "is not a folder"),
                       ("bad.npz", "not a whole zip"), ("all_bad", "none of 1 images can be read")):
        with pytest.raises(UserError, match=said):
            build_index(tmp_path / path)
    with pytest.raises(UserError, match="given twice"):
        build_index([tmp_path / "in", tmp_path / "in/../in"])
    with pytest.raises(UserError, match="--labels"):
        build_index(tmp_path / "in", group_column="patient")
    with pytest.raises(UserError, match="give one of them"):
        build_index(tmp_path / "in", labels="x.csv", group_column="patient", group_regex="(x)")


def test_a_path_that_leaves_the_folder_is_not_read(tmp_path):
    folder(tmp_path, "images/a.png", "secret/private.png")
    source = Source("", str(tmp_path / "images"), "folder")
    assert load(source, "a.png").width_px
    for path in ("../secret/private.png", str(tmp_path / "secret/private.png")):
        with pytest.raises(ImageError, match="leaves the folder of the images"):
            load(source, path)


def test_sources_are_plain_data_for_other_processes_and_tables(tmp_path):
    index = build_index(npz(tmp_path / "blood.npz"))
    source = pickle.loads(pickle.dumps(index.sources[0]))
    again = Source(**{key: str(value) for key, value in vars(source).items()})
    for known in (source, again, Source("", tmp_path / "blood.npz", "npz")):
        assert load(known, "train/00000").width_px == 8
    with pytest.raises(ImageError, match="no image train/99999"):
        load(source, "train/99999")
