"""Model folders that were changed and whose checksums were made to fit again."""
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from made_table import made_table

from benchmarks.hostile_models import rehash, tampered_model
from classify.bundle import load_bundle
from classify.findings.bundle import load_findings
from classify.fitting import models
from classify.predict import predict
from classify.settings import TrainSettings
from classify.stored.faults import StoredFault
from classify.stored.ubjson import read_ubjson
from classify.train import train
from featurize.errors import UserError
from featurize.table import read_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
# Changed copies of each kind of model.
SEEDS = range(60)


def copy_of(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / name / "model", tmp_path / "model"))


def edited(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "manifest.json") -> Path:
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    change(content)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    rehash(folder)
    return folder


MANIFESTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda m: m.update(classes=3), "classes is 3"),
    (lambda m: m.update(kind="multilevel"), "kind is 'multilevel'"),
    (lambda m: m.pop("versions"), "versions: field required"),
    (lambda m: m["calibration"].update(temperature=0), "calibration.temperature is 0.*greater than 0"),
    (lambda m: m["calibration"].update(temperature=float("nan")), "calibration.temperature is nan"),
    (lambda m: m["calibration"].update(temperature=-1.5), "calibration.temperature is -1.5"),
    (lambda m: m["calibration"].update(method="magic"), "calibration.method is 'magic'"),
    (lambda m: m["calibration"].update(method="isotonic", steps=[]), "0 steps of the calibration came with 3 classes"),
    (lambda m: m["calibration"].update(method="bias", bias=[.1]), "1 numbers of the bias came with 3 classes"),
    (lambda m: m.update(alpha=-1), "alpha is -1"), (lambda m: m.update(alpha=2), "alpha is 2"),
    (lambda m: m.update(classes=["ant", "ant", "cat"]), "the class 'ant' stands in it twice"),
    (lambda m: m.update(classes=["ant", "b\x1b[2Je", "cat"]), "is no name of a class"),
    (lambda m: m.update(classes=["ant", "bee"]), "multiclass and has 2 classes"),
    (lambda m: m["features"].reverse(), "trees.txt: feature_names are not those"),
    (lambda m: m["features"].__setitem__(0, "cell_color_other"), "feature_names are not those of the manifest"),
    (lambda m: m["features"].append("more"), "trees.txt: max_feature_idx is '3', '4' was wanted"),
    (lambda m: m.update(pooled=[7]), "the pooled classes are"),
    (lambda m: m["review"].update(most_novelty=float("nan")), "review.most_novelty is nan"),
    (lambda m: m.update(off_axes=0), "off_axes is 0"), (lambda m: m.update(lineage=[["a"]]), "1 paths of the lineage"),
    (lambda m: m.update(costs=[[0, 1, 1], [1, 0, 1], [1, 1, 2]]), "a right answer has costs"),
    (lambda m: m.update(words={"subjects": [{"name": "a", "words": ["x"], "learned": [3]}], "described": []}),
     "the words a learned are \\[3\\] of 1"),
    (lambda m: m.update(words={"subjects": [{"name": "a", "words": ["x", "y"], "learned": [0, 1]}], "described": []}),
     "not one set of weights a subject"),
    (lambda m: m.update(files=[]), "files is \\[\\]"), (lambda m: m.update(preset={}), "preset.name: field required")]


@pytest.mark.parametrize("change, message", MANIFESTS, ids=[message for _, message in MANIFESTS])
def test_a_manifest_that_no_training_writes_is_refused(
        change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"is refused .*{message}.*train it again"):
        load_bundle(edited(copy_of("model_v6", tmp_path), change))


@pytest.mark.parametrize("calibration", [
    {"method": "isotonic", "steps": [[[.1, .9], [0, 1]]] * 3, "floor": .01},
    {"method": "matrix", "matrix": np.eye(3).tolist(), "bias": [0, 0, 0]}, {"method": "none"},
    {"method": "bias", "temperature": 2.0, "bias": [.5, 0, -.5]}])
def test_every_kind_of_calibration_is_read(calibration: dict[str, Any], tmp_path: Path) -> None:
    folder = edited(copy_of("model_v6", tmp_path), lambda m: m["calibration"].update(calibration))
    assert load_bundle(folder).calibration.method == calibration["method"]


@pytest.mark.parametrize("change, message", [
    (lambda m: m.update(findings=[]), "findings is"),
    (lambda m: m["findings"][0].update(threshold=float("nan")), "findings.0.threshold is nan"),
    (lambda m: m["findings"][0].update(folder="../model_v6"), "findings.0.folder"),
    (lambda m: m["findings"][0].update(name=m["findings"][1]["name"]), "the same name")])
def test_a_manifest_of_findings_that_no_training_writes_is_refused(
        change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_findings(edited(copy_of("model_v6_findings", tmp_path), change))


TREES = [("left_child=1 3 -3 -1 -2", "left_child=1 3 -3 -1 90", "tree 0 does not lead to each of its nodes"),
         ("left_child=1 3 -3 -1 -2", "left_child=0 3 -3 -1 -2", "tree 0 leads back to a node"),
         ("split_feature=3 2 0 0 2", "split_feature=9 2 0 0 2", "splits by a feature that there is not"),
         ("num_leaves=6\nnum_cat=0", "num_leaves=9\nnum_cat=0", "tree 0 has 6 values for 9 leaves"),
         ("num_leaves=6\nnum_cat=0", "num_leaves=6\nnum_cat=7", "tree 0 splits by categories"),
         ("num_class=3\n", "num_class=9\n", "num_class is '9', '3' was wanted"),
         ("tree_sizes=766", "tree_sizes=767", "does not begin where tree_sizes say"),
         ("max_feature_idx=3", "max_feature_idx=2", "max_feature_idx is '2'"),
         ("\nend of trees\n", "\nend of tree5\n", "it is no file of trees")]


@pytest.mark.parametrize("old, new, message", TREES, ids=[message for *_, message in TREES])
def test_trees_of_lightgbm_that_point_nowhere_never_reach_the_library(
        old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of("model_v6", tmp_path)
    text = (folder / "trees.txt").read_text(encoding="utf-8")
    assert old in text
    (folder / "trees.txt").write_text(text.replace(old, new, 1), encoding="utf-8")
    rehash(folder)
    monkeypatch.setattr(models, "from_bytes", lambda *given: pytest.fail("loaded"))
    with pytest.raises(UserError, match=f"trees.txt: .*{message}"):
        load_bundle(folder)


NODES = [("left_children", 0, 10 ** 6, "does not lead to each of its nodes once"),
         ("right_children", 0, 0, "does not lead to each of its nodes once"),
         ("split_indices", 0, 4, "splits by a feature that there is not"),
         ("split_type", 0, 1, "an unknown kind of split"), ("parents", 1, 3, "other parents than links"),
         ("split_conditions", 0, float("nan"), "no whole array split_conditions")]


@pytest.mark.parametrize("key, at, value, message", NODES, ids=[f"{key} {value}" for key, _, value, _ in NODES])
def test_trees_of_xgboost_that_point_nowhere_never_reach_the_library(
        key: str, at: int, value: float, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of("model_v1", tmp_path)
    data = bytearray((folder / "trees.ubj").read_bytes())
    start = data.index(key.encode()) + len(key)
    # A list of packed numbers: "[$", the kind, "#L", its length in 8 bytes, the numbers.
    assert data[start:start + 2] == b"[$" and data[start + 3:start + 5] == b"#L"
    kind = {b"l": ">i4", b"d": ">f4", b"U": ">u1", b"i": ">i1", b"L": ">i8"}[bytes(data[start + 2:start + 3])]
    written = np.array([value], kind).tobytes()
    place = start + 13 + at * len(written)
    data[place:place + len(written)] = written
    (folder / "trees.ubj").write_bytes(bytes(data))
    rehash(folder)
    monkeypatch.setattr(models, "from_bytes", lambda *given: pytest.fail("loaded"))
    with pytest.raises(UserError, match=f"trees.ubj: tree 0 {message}|trees.ubj: tree 0 has {message}"):
        load_bundle(folder)


def test_our_reader_of_ubjson_reads_what_xgboost_wrote(tmp_path: Path) -> None:
    data = (GOLDEN / "model_v1" / "model" / "trees.ubj").read_bytes()
    stated = json.loads(bytes(xgboost.Booster(model_file=bytearray(data)).save_raw("json")))
    read, trees = read_ubjson(data), stated["learner"]["gradient_booster"]["model"]["trees"]
    for ours, theirs in zip(read["learner"]["gradient_booster"]["model"]["trees"], trees, strict=True):
        assert set(ours) == set(theirs)
        for key in ("left_children", "split_indices", "parents"):
            assert ours[key].tolist() == theirs[key]
        np.testing.assert_allclose(ours["split_conditions"], theirs["split_conditions"], rtol=1e-6)


@pytest.mark.parametrize("data", [b"", b"{", b"[", b"[" * 10 ** 6, b"[$L#L\x7f" + b"\xff" * 7, b"SL\xff" + b"\xff" * 7,
                                  b"[#L\x7f" + b"\xff" * 7, b"[$D#i\x02\0\0\0\0", b"{}x", b"{i\x01a{}i\x01a{}}"])
def test_a_damaged_ubjson_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(StoredFault):
        read_ubjson(data)


@pytest.mark.parametrize("change, message", [
    (lambda w: w["weights"].pop(), "weights has the shape"), (lambda w: w.pop("mean"), "mean has the shape"),
    (lambda w: w["base"].__setitem__(0, float("nan")), "base.0 is nan|finite number"),
    (lambda w: w["scale"].__setitem__(0, 0.0), "scale is not above 0"),
    (lambda w: w.__setitem__("bend", 1e308), "bend is 1e.308"),
    (lambda w: w.__setitem__("largest", 1e300), "largest is 1e.300"),
    (lambda w: w["fill"].__setitem__(0, "x"), "fill.0 is 'x'")])
def test_weights_that_do_not_fit_are_refused(
        change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"start.json: .*({message})"):
        load_bundle(edited(copy_of("model_v6", tmp_path), change, "start.json"))


@pytest.mark.parametrize("name", ["model_v1", "model_v2_ordinal", "model_v6", "model_v6_binary"])
def test_a_changed_model_is_refused_or_still_gives_probabilities(name: str, tmp_path: Path) -> None:
    frame, info = read_table(GOLDEN / name / "table.parquet")
    refused = 0
    for seed in SEEDS:
        place = tmp_path / str(seed)
        what = tampered_model(GOLDEN / name / "model", place, seed)
        try:
            found = predict(load_bundle(place), frame, info)
        except UserError:
            refused += 1
            continue
        p = found[[column for column in found if column.startswith("p_")]].to_numpy()
        assert np.isfinite(p).all() and np.allclose(p.sum(axis=1), 1), what
    assert refused > len(SEEDS) // 2


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_trees_that_part_missing_from_measured_values_are_read_again(library: str, tmp_path: Path) -> None:
    """LightGBM writes an infinite threshold for such a split."""
    frame, info = made_table((60, 60), spread=40.0, group_size=1)
    column = info.features[2]
    frame.loc[(frame["label"] == "ant") & (frame.index % 10 != 0), column] = np.nan
    train(frame, info, tmp_path / "run", TrainSettings(folds=2, resamples=10, model=library))
    bundle = load_bundle(tmp_path / "run")
    thresholds = np.concatenate([tree.threshold for tree in models.ensemble(bundle.model).trees])
    assert library != "lightgbm" or thresholds.max() == np.inf
    found = predict(bundle, frame, info)
    assert (found["predicted"] == frame["label"]).mean() > .9
