"""benchmarks.accuracy and the rows and scores that it shares with benchmarks.cnn; no network is trained."""
import hashlib
import importlib
import json
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from made_pictures import made_pictures
from made_table import made_table
from sklearn.metrics import accuracy_score, f1_score

from classify.data.dataset import prepare
from classify.settings import TrainSettings
from featurize.errors import UserError


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    names = ("accuracy", "accuracy_sets", "accuracy_pictures", "cnn_images", "held_out")
    return {name: importlib.import_module(f"benchmarks.{name}") for name in names}


def test_folds_test_the_rows_of_classify_and_keep_groups_whole(bench: dict[str, ModuleType]) -> None:
    data, _ = prepare(*made_table((60, 50, 40)), TrainSettings(folds=3))
    parts, group = bench["held_out"].parts_of(data, 0), data.split.split_group
    assert [np.flatnonzero(data.split.fold == f).tolist() for f in range(3)] == [p.test.tolist() for p in parts]
    for part in parts:
        sides = [set(group[rows]) for rows in (part.train, part.valid, part.test)]
        assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_given_split_is_kept_and_its_training_rows_may_be_fewer(bench: dict[str, ModuleType]) -> None:
    frame, info = made_table((60, 50, 40))
    frame["split"] = np.resize(["train", "train", "val", "test"], len(frame))
    frame["group"] = None
    data, _ = prepare(frame, info, TrainSettings())
    whole, = bench["held_out"].parts_of(data, 0)
    few, = bench["held_out"].parts_of(data, 0, 30)
    for name in ("train", "val", "test"):
        rows = {"train": whole.train, "val": whole.valid, "test": whole.test}[name]
        assert rows.tolist() == np.flatnonzero(data.split.part == name).tolist()
    assert abs(len(few.train) - 30) <= 2 and set(few.train) < set(whole.train)
    assert few.test.tolist() == whole.test.tolist() and len(np.unique(data.task.y[few.train])) == 3


def test_scores_are_those_of_scikit_learn_and_sit_in_their_intervals(bench: dict[str, ModuleType]) -> None:
    rng, y = np.random.default_rng(0), np.arange(120) % 3
    p = rng.dirichlet(np.ones(3), 120) + .5 * np.eye(3)[y]
    p /= p.sum(axis=1, keepdims=True)
    found = bench["held_out"].score(y, p, np.arange(120))
    assert found["accuracy"] == pytest.approx(accuracy_score(y, p.argmax(axis=1)))
    assert found["macro_f1"] == pytest.approx(f1_score(y, p.argmax(axis=1), average="macro"))
    assert all(low <= found[name] <= high for name, (low, high) in found["intervals"].items())


def test_images_are_of_one_size_and_training_changes_them(bench: dict[str, ModuleType], tmp_path: Path) -> None:
    table = importlib.import_module("featurize.table")
    images = bench["cnn_images"]
    frame, info = table.read_table(made_pictures(tmp_path))
    read = images.read_images(frame.head(6), info, 20)
    changed = images.read_images(frame.head(6), info, 20, changed=True)
    assert read.shape == (6, 20, 20, 3) and not np.array_equal(read, changed)
    recipe = replace(images.RECIPES["users"], stored_px=20, side_px=16)
    rng = np.random.default_rng(0)
    made = images.augmented(read, recipe, rng)
    assert made.shape == (6, 16, 16, 3) and not np.array_equal(made, images.centred(read, recipe))
    assert np.array_equal(images.centred(read, recipe), read[:, 2:18, 2:18])
    still = replace(recipe, turn_deg=0.0, flip=False, stored_px=20, side_px=20)
    assert np.array_equal(images.augmented(read, still, rng), read)


def test_nothing_is_downloaded_unasked_and_the_hash_is_checked(bench: dict[str, ModuleType], tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    sets = bench["accuracy_sets"]
    source = tmp_path / "there.npz"
    source.write_bytes(b"images")
    known = replace(sets.SETS["bloodmnist"], url=source.as_uri(), md5=hashlib.md5(b"images").hexdigest())
    monkeypatch.setitem(sets.SETS, "bloodmnist", known)
    fetched, real = [], urllib.request.urlretrieve
    monkeypatch.setattr(urllib.request, "urlretrieve", lambda *a: fetched.append(a) or real(*a))
    with pytest.raises(UserError, match=f"--fetch to download {known.url} .MD5 {known.md5}"):
        sets.find("bloodmnist", tmp_path / "data")
    with pytest.raises(UserError, match="with a login there"):
        sets.find("all_stages", tmp_path / "data", fetch=True)
    assert not fetched and not (tmp_path / "data").exists()
    assert sets.find("bloodmnist", tmp_path / "data", fetch=True).images.read_bytes() == b"images"
    (tmp_path / "data/bloodmnist.npz").write_bytes(b"other")
    with pytest.raises(UserError, match="fetch it again"):
        sets.find("bloodmnist", tmp_path / "data")
    source.write_bytes(b"changed since")
    (tmp_path / "data/bloodmnist.npz").unlink()
    with pytest.raises(UserError, match="its makers publish"):
        sets.find("bloodmnist", tmp_path / "data", fetch=True)
    assert not list((tmp_path / "data").iterdir())
    with pytest.raises(UserError, match="no set that is known"):
        sets.find("nowhere", tmp_path)


def test_a_table_of_other_images_is_refused(bench: dict[str, ModuleType], tmp_path: Path) -> None:
    sets, table = bench["accuracy_sets"], made_pictures(tmp_path)
    own = sets.Found("squares", tmp_path / "squares.npz", "cell", None, 5)
    assert sets.table_of(own, tmp_path, 1) == table
    with pytest.raises(UserError, match="is a table of"):
        sets.table_of(replace(own, images=tmp_path / "other"), tmp_path, 1)


def measured(folder: Path, accuracy: float = .9) -> Path:
    """A folder as benchmarks.cnn writes it."""
    folder.mkdir()
    scores = {name: accuracy for name in ("accuracy", "macro_f1", "auroc", "log_loss", "ece")}
    edges = {name: [accuracy - .02, accuracy + .02] for name in scores}
    fold = {"epochs": 3, "stopped_by": "seconds", "train_rows": 40}
    content = {**scores, "intervals": edges, "changed": scores, "n": 16, "train_s": 12.0, "seconds_an_image": .001,
               "model_bytes": 4_000_000, "folds": [fold], "net": "small", "side_px": 28, "recipe": "medmnist",
               "seconds_wanted": 12.0, "weights": None, "command": "python -m benchmarks.cnn T", "date": "2026-01-02",
               "versions": {"torch": "2"}, "index_hash": "0" * 64, "rows": None}
    (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_rows_of_networks_and_of_what_was_published(bench: dict[str, ModuleType], tmp_path: Path) -> None:
    accuracy = bench["accuracy"]
    network, = accuracy.networks_of([measured(tmp_path / "net")])
    row = accuracy.network_row("blood_28", network)
    assert row["method"] == "small network, 28 px, recipe medmnist, 12 s: 3 epochs"
    assert row["95 %"] == "0.8800 to 0.9200" and row["train s"] == 12 and row["model MB"] == 4
    known = accuracy.published_rows("bloodmnist")
    assert all(list(r) == list(row) and r["from"][:3] in ("[S]", "[R]", "[M]") for r in known) and len(known) > 5
    (tmp_path / "half").mkdir()
    with pytest.raises(UserError, match="no folder of python -m benchmarks.cnn"):
        accuracy.networks_of([tmp_path / "half"])


def test_the_picture_shows_sets_with_several_measured_rows(bench: dict[str, ModuleType], tmp_path: Path) -> None:
    accuracy, draw = bench["accuracy"], bench["accuracy_pictures"].draw
    network, = accuracy.networks_of([measured(tmp_path / "net")])
    rows = [accuracy.network_row("blood_28", network)]
    draw(rows, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()
    rows.append({**rows[0], "method": "Pellucid"})
    draw([*rows, *accuracy.published_rows("blood_28")], tmp_path / "two.svg")
    text = (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert text.startswith("<?xml") and len(text) > 5000
