"""What a CSV says about images."""
from pathlib import Path

import pytest
from made_images import column, folder, npz

from featurize.errors import UserError
from featurize.index.build import build_index


def sheet(root: Path, text: str) -> Path:
    path = root / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("key", ["a/1.png", "./a/1.png", "a\\1.png", "data/a/1.png", "1.png", "1", "1.jpg"])
def test_a_row_finds_its_image_by_path_end_of_path_or_name(tmp_path, key):
    folder(tmp_path / "in", "a/1.png", "b/2.png")
    index = build_index(tmp_path / "in", labels=sheet(tmp_path, f"image,label\n{key},cat\n"))
    assert column(index, "label") == {"a/1.png": "cat", "b/2.png": None}
    assert index.warnings == ("1 of 2 images have no row in labels.csv: they stay unlabelled",)


def test_a_name_that_is_not_unique_does_not_match_by_name_alone(tmp_path):
    folder(tmp_path / "in", "a/1.png", "b/1.png", "c/2.png")
    text = "image,label\na/1.png,cat\n2.png,dog\n"
    assert column(build_index(tmp_path / "in", labels=sheet(tmp_path, text)), "label") == {
        "a/1.png": "cat", "b/1.png": None, "c/2.png": "dog"}
    with pytest.raises(UserError, match="'1.png' fits a/1.png and b/1.png: write the folder"):
        build_index(tmp_path / "in", labels=sheet(tmp_path, "image,label\n1.png,cat\n"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_byte_order_marks_are_understood(tmp_path, separator):
    folder(tmp_path / "in", "1.png")
    text = "\ufeffimage,label,note\n1.png,cat,x\n".replace(",", separator)
    assert build_index(tmp_path / "in", labels=sheet(tmp_path, text)).frame["label"][0] == "cat"


def test_groups_and_sites_come_from_columns_while_labels_stay_folders(tmp_path):
    folder(tmp_path / "in", "a/1.png", "b/2.png")
    labels = sheet(tmp_path, "image,patient,clinic\n1.png,P7,North\n2.png,P8,\n")
    index = build_index(tmp_path / "in", labels=labels, group_column="patient", site_column="clinic")
    assert list(index.frame["group"]) == ["P7", "P8"] and list(index.frame["label"]) == ["a", "b"]
    assert list(index.frame["site"]) == ["North", None]


def test_several_label_columns_are_findings(tmp_path):
    folder(tmp_path / "in", "1.png", "2.png", "3.png")
    labels = sheet(tmp_path, "image,patient,edema,mass\n1.png,P1,1,0\n2.png,P1,True,\n")
    index = build_index(tmp_path / "in", labels=labels, label_columns=["edema", "mass"], group_column="patient")
    assert index.label_columns == ("edema", "mass") and index.frame["label"].isna().all()
    assert index.frame["label_edema"].fillna(-1).tolist() == [1, 1, -1]
    assert index.frame["label_mass"].fillna(-1).tolist() == [0, -1, -1]
    uncertain = sheet(tmp_path, "image,edema,mass\n1.png,1,0\n2.png,-1,0\n")
    with pytest.raises(UserError, match="line 3: column 'edema' holds '-1'"):
        build_index(tmp_path / "in", labels=uncertain, label_columns=["edema", "mass"])


def test_split_folders_need_no_class_folders_where_a_sheet_says_the_label(tmp_path):
    folder(tmp_path / "in", "train/1.png", "test/2.png")
    index = build_index(tmp_path / "in", labels=sheet(tmp_path, "image,label\n1.png,cat\n2.png,dog\n"))
    assert list(index.frame["split"]) == ["test", "train"] and list(index.frame["label"]) == ["dog", "cat"]


def test_with_several_sources_the_site_may_stand_before_the_path(tmp_path):
    roots = [folder(tmp_path / name, "1.png") for name in ("north", "south")]
    index = build_index(roots, labels=sheet(tmp_path, "image,label\nnorth/1.png,cat\nsouth/1.png,dog\n"))
    assert list(index.frame["label"]) == ["cat", "dog"]
    with pytest.raises(UserError, match="fits north/1.png and south/1.png"):
        build_index(roots, labels=sheet(tmp_path, "image,label\n1.png,cat\n"))


def test_a_sheet_also_labels_an_npz(tmp_path, monkeypatch):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    source = npz(tmp_path / "x.npz", 1)
    index = build_index(source, labels=sheet(tmp_path, "i,label\ntrain/00000,A\nval/00000,B\ntest/00000,C\n"))
    assert column(index, "label") == {"test/00000": "C", "train/00000": "A", "val/00000": "B"}


@pytest.mark.parametrize("text,said", [
    ("image,label\nzzz.png,cat\n", "'zzz.png'.*'a/1.png'"), ("image,label\n", "no row below"), ("", "cannot be read"),
    ("image,x,y\n1.png,1,2\n", "--label-column"), ("image\n1.png\n", "--label-column"),
    ("image,label\n1.png,cat\na/1.png,cat,3,4\n", "cannot be read"),
    ("image,label\n1.png,cat\n1.png,dog\n", "2 different rows for a/1.png .lines 2, 3.")])
def test_a_sheet_that_does_not_fit_is_refused_in_one_line(tmp_path, text, said):
    folder(tmp_path / "in", "a/1.png")
    with pytest.raises(UserError, match=said) as caught:
        build_index(tmp_path / "in", labels=sheet(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_column_or_file_is_named(tmp_path):
    folder(tmp_path / "in", "a/1.png")
    labels = sheet(tmp_path, "image,label\n1.png,cat\n")
    with pytest.raises(UserError, match="no column 'patient', it has: image, label"):
        build_index(tmp_path / "in", labels=labels, group_column="patient")
    with pytest.raises(UserError, match="there is no such file"):
        build_index(tmp_path / "in", labels=tmp_path / "nowhere.csv")
