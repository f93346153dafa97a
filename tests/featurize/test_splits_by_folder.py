"""Folders that are parts, folds or classes: taken as such, or said in one line."""
import pytest
from made_images import column, folder, npz

from featurize.index.build import build_index, load, source_of
from featurize.index.splits import are_parts, is_fold, split_of


@pytest.mark.parametrize("name,split", [
    ("train", "train"), ("Train_set", "train"), ("TrainingSet", "train"), ("training-data", "train"),
    ("train2017", "train"), ("Val_set", "val"), ("VALIDATION", "val"), ("dev", "val"), ("Test set", "test"),
    ("testing", "test"), ("testimages", "test"), ("tests", None), ("control", None), ("set", None), ("dataset", None),
    ("2017", None), ("train_test", None), ("latest", None), ("", None)])
def test_names_of_parts(name, split):
    assert split_of(name) == split


def test_names_of_folds():
    assert all(is_fold(name) for name in ("fold_0", "Fold 3", "fold10", "kfold-2"))
    assert not any(is_fold(name) for name in ("fold", "folder_1", "unfold_1", "1"))
    assert are_parts(["fold_0", "fold_1"]) and are_parts(["a train", "test"]) is False
    assert not are_parts(["train", "Train_set", "test"]) and not are_parts(["train"]) and not are_parts(["fold_0"])


@pytest.mark.parametrize("names", [("Train_set", "Val_set", "Test_set"), ("training", "validation", "testing"),
                                   ("train", "val", "test")])
@pytest.mark.parametrize("separate", [False, True])
def test_parts_are_found_in_one_folder_and_as_arguments(tmp_path, names, separate):
    folder(tmp_path, *(f"{name}/{label}/x.png" for name in names for label in "ab"))
    index = build_index([tmp_path / name for name in names] if separate else tmp_path)
    assert column(index, "split") == {f"{name}/{label}/x.png": split for label in "ab"
                                      for name, split in zip(names, ("train", "val", "test"))}
    assert set(index.frame["label"]) == {"a", "b"} and index.frame["site"].isna().all() and not index.warnings
    assert load(index.sources[0], index.frame["path"][0]).width_px == 4


def test_parts_as_arguments_leave_their_neighbours_alone(tmp_path, monkeypatch):
    folder(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/2.png", "other/a/3.png")
    monkeypatch.chdir(tmp_path)
    index = build_index(["train", "test"])
    assert list(index.frame["path"]) == ["test/a/2.png", "train/a/1.png", "train/b/1.png"]


def test_parts_at_different_places_are_sites_and_parts(tmp_path):
    roots = [folder(tmp_path / "x/train", "a/1.png", "b/1.png"), folder(tmp_path / "y/test", "a/1.png")]
    frame = build_index(roots).frame
    assert frame["split"].tolist() == frame["site"].tolist() == ["test", "train", "train"]


def test_archives_called_like_parts_are_parts(tmp_path):
    npz(tmp_path / "train.npz", 2), npz(tmp_path / "test.npz", 2)
    frame = build_index(tmp_path, cache=tmp_path / "cache").frame
    assert set(frame["site"]) == {"train", "test"}
    assert set(frame["split"]) == {"train", "val", "test"}  # an npz says it itself


def test_parts_below_each_class_are_found(tmp_path):
    index = build_index(folder(tmp_path, *(f"{label}/{part}/x.png" for label in "ab" for part in ("train", "test"))))
    assert column(index, "label") == {f"{label}/{part}/x.png": label for label in "ab" for part in ("train", "test")}
    assert column(index, "split")["b/test/x.png"] == "test" and not index.warnings


def test_parts_below_each_source_keep_the_classes_below_them(tmp_path):
    index = build_index(folder(tmp_path, *(f"lab{k}/{part}/{label}/x.png" for k in "12" for label in "ab"
                                           for part in ("train", "test"))))
    assert set(index.frame["label"]) == {"a", "b"} and index.frame["split"].value_counts().tolist() == [4, 4]


def test_folds_are_no_classes_and_it_is_said(tmp_path):
    folder(tmp_path, *(f"fold_{k}/{label}/{k}.png" for k in range(3) for label in ("all", "hem")), "fold_1/bare.png")
    for given in (tmp_path, [tmp_path / f"fold_{k}" for k in range(3)]):
        index = build_index(given)
        assert index.frame["split"].isna().all() and index.frame["site"].isna().all()
        assert column(index, "label")["fold_2/hem/2.png"] == "hem" and column(index, "label")["fold_1/bare.png"] is None
        assert index.warnings[0] == ("the folders fold_0, fold_1, fold_2 are no classes, and not used as folds: "
                                     "classify makes its own; rename them train, val and test to use them as parts")


@pytest.mark.parametrize("paths,said", [
    (("train/1.png", "test/2.png"), "the folders test, train are taken for classes, as no folder in them names"),
    (("val/a/1.png", "test/a/2.png"), "the folders test, val are not taken for parts, as none is called train"),
    (("train/a/1.png", "test/a/2.png", "more/a/3.png"), "1 image lies outside the folders test, train, for example "
     "'more/a/3.png': classify counts labelled ones as train"),
    (("a/1.png", "b/2.png", "a/deeper/3.png"), "class folders stand at different depths: 'a/deeper' (1 image) is the "
     "class 'deeper'"),
    (("a/1.png", "b/2.png", "3.png"), "1 image lies beside the class folders without a class, for example '3.png'"),
    (("benign/p1/1.png", "benign/p2/1.png", "malignant/p3/1.png"), "the 3 inner folders are the classes (p1, p2, p3), "
     "not the folders benign, malignant that hold them")])
def test_odd_folders_are_said_in_one_line(tmp_path, paths, said):
    lines = build_index(folder(tmp_path, *paths)).warnings
    assert len(lines) == 1 and lines[0].startswith(said) and "\n" not in lines[0]
    text = "image,label\n" + "".join(f"{path},x\n" for path in paths)
    (tmp_path / "labels.csv").write_text(text)
    assert not build_index(tmp_path, labels=tmp_path / "labels.csv").warnings  # the file says the classes


@pytest.mark.parametrize("paths", [
    ("a/1.png", "b/1.png"), ("1.png", "2.png"), ("p1/0/1.png", "p1/1/2.png", "p2/0/3.png"),
    ("lymphoid/lymphocyte/1.png", "myeloid/eosinophil/2.png", "myeloid/monocyte/2.png"),
    ("train/a/1.png", "train/b/1.png", "test/1.png"), ("pack/x/train/a/1.png", "pack/x/test/a/1.png")])
def test_usual_folders_are_not_talked_about(tmp_path, paths):
    assert not build_index(folder(tmp_path, *paths)).warnings


def test_empty_class_folders_are_said(tmp_path):
    folder(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/2.png")
    for name in ("test/b", "test/c/d", "_notes", "train/.git"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "test/b/readme.txt").write_text("none yet")
    assert build_index(tmp_path).warnings == ("2 folders hold no image and are no class: test/b, test/c",)
    (tmp_path / "test/b/readme.txt").rename(tmp_path / "test/b/x.png")  # unreadable, but called like an image
    (tmp_path / "test/c/d").rmdir(), (tmp_path / "test/c").rmdir()
    assert not build_index(tmp_path).warnings


def test_lines_of_several_sources_name_the_source(tmp_path):
    roots = [folder(tmp_path / "one", "a/1.png", "2.png"), folder(tmp_path / "two", "a/1.png")]
    index = build_index(roots)
    assert len(index.warnings) == 1 and index.warnings[0].startswith("in one: 1 image lies beside")
    assert load(source_of(index.sources, "two"), "a/1.png").width_px == 4
