"""Model folders: damage is found before anything is parsed, and old folders still load."""
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classify import bundle as bundles
from classify.bundle import load_bundle, save_bundle
from classify.findings.bundle import load_findings, save_findings
from classify.findings.predict import load_predictor
from classify.fitting import models
from classify.predict import predict, predict_file
from featurize.errors import UserError
from featurize.runtime.folders import replacing_folder
from featurize.table import read_table

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v7"
FORMATS = ("v1", "v2", "v2_ordinal", "v3", "v3_ordinal", "v4", "v4_binary", "v5", "v5_binary", "v6", "v6_ordinal",
           "v6_binary", "v7", "v7_binary")
FOLDERS = [GOLDEN.with_name(f"model_{name}") for name in FORMATS]
OLD = FOLDERS[:2]
FINDINGS = GOLDEN.with_name("model_v7_findings")


def content(path: Path) -> object:
    """What a file of a model says; Python 3.11.4 and later write the headers of zip archives in another way."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {name: (arrays[name].dtype.str, arrays[name].shape, arrays[name].tobytes()) for name in arrays.files}
    if path.name == "manifest.json":
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest.pop("sha256")
        manifest.get("files", {}).pop("arrays.npz", None)
        return manifest
    return path.read_bytes()


@pytest.fixture()
def copy(tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(GOLDEN / "model", tmp_path / "model"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_models_of_every_format_still_predict_the_stored_numbers(folder: Path) -> None:
    frame, info = read_table(folder / "table.parquet")
    found = predict(load_bundle(folder), frame, info, explain=True)
    stored = pd.read_csv(folder / "predictions.csv", dtype={"image_id": str})
    numbers = [c for c in stored if c.startswith("p_")] + ["novelty", *({"expected_cost"} & set(stored))]
    # Other processors may round the last bits differently.
    np.testing.assert_allclose(found[numbers], stored[numbers], rtol=1e-5, atol=1e-7)
    further = [c for c in ("decision", "branch_set", "lineage_answer") if c in stored]
    words = ["image_id", "predicted", "prediction_set", "review", "because_1", *further]
    assert len(further) == (3 if folder.name.endswith("binary") else 0)
    pd.testing.assert_frame_equal(found[words], stored[words].fillna(""), check_dtype=False)


def test_an_older_model_that_does_not_know_where_its_classes_lie_cannot_adapt() -> None:
    older = GOLDEN.with_name("model_v4")
    frame, info = read_table(older / "table.parquet")
    with pytest.raises(UserError, match="--adapt needs a model that knows where its classes lie.*train it again"):
        predict(load_bundle(older), frame, info, adapt=True)


@pytest.mark.parametrize("folder", [GOLDEN.with_name("model_v6_findings"), FINDINGS], ids=lambda folder: folder.name)
def test_a_model_of_findings_still_predicts_the_stored_numbers(folder: Path) -> None:
    frame, info = read_table(folder / "table.parquet")
    _, told = load_predictor(folder)
    found, stored = told(frame, info, True, ""), pd.read_csv(folder / "predictions.csv", dtype={"image_id": str})
    assert list(found) == list(stored)
    numbers = ["p_Edema", "p_Effusion", "novelty"]
    np.testing.assert_allclose(found[numbers], stored[numbers], rtol=1e-5, atol=1e-7)
    words = ["image_id", "predicted", "set_Edema", "set_Effusion", "review", "review_reason", "because_Edema_1",
             "because_Effusion_3"]
    pd.testing.assert_frame_equal(found[words], stored[words].fillna(""), check_dtype=False)


def test_a_model_of_findings_saved_again_is_the_same_bytes(tmp_path: Path) -> None:
    save_findings(load_findings(FINDINGS), tmp_path)
    files = [path.relative_to(FINDINGS / "model") for path in (FINDINGS / "model").rglob("*") if path.is_file()]
    assert files and {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()} == set(files)
    for path in files:
        assert content(tmp_path / path) == content(FINDINGS / "model" / path), path
    save_findings(load_findings(tmp_path), tmp_path / "again")
    assert all((tmp_path / "again" / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)


@pytest.mark.parametrize("old", OLD, ids=lambda folder: folder.name)
def test_a_model_of_an_old_format_saved_again_predicts_the_same(old: Path, tmp_path: Path) -> None:
    frame, info = read_table(old / "table.parquet")
    save_bundle(load_bundle(old), tmp_path / "copy")
    pd.testing.assert_frame_equal(predict(load_bundle(tmp_path / "copy"), frame, info),
                                  predict(load_bundle(old), frame, info))


def test_a_model_saved_again_is_the_same_bytes(tmp_path: Path) -> None:
    save_bundle(load_bundle(GOLDEN), tmp_path / "copy")
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {path.name for path in (GOLDEN / "model").iterdir()}
    assert names == {"manifest.json", "arrays.npz", "trees.txt", "start.json"}
    save_bundle(load_bundle(tmp_path / "copy"), tmp_path / "again")
    for name in names:
        assert content(tmp_path / "copy" / name) == content(GOLDEN / "model" / name), name
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "copy" / name).read_bytes(), name


def test_predicting_from_files_equals_predicting_in_memory() -> None:
    frame, info = read_table(GOLDEN / "table.parquet")
    found = predict_file(GOLDEN, GOLDEN / "table.parquet")
    pd.testing.assert_frame_equal(found, predict(load_bundle(GOLDEN), frame, info))


@pytest.mark.parametrize("name", ["manifest.json", "trees.txt", "start.json", "arrays.npz"])
def test_one_flipped_byte_is_refused_before_anything_is_parsed(
        name: str, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)

    def never(*given: object) -> None:
        raise AssertionError("parsed")
    monkeypatch.setattr(models, "from_bytes", never)
    monkeypatch.setattr(bundles.np, "load", never)
    with pytest.raises(UserError, match=f"{name} is damaged.*copy the model again"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["trees.txt", "start.json", "arrays.npz"])
def test_a_missing_or_cut_file_is_named(name: str, copy: Path) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-10])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        load_bundle(copy)
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"{name} is damaged .it is missing"):
        load_bundle(copy)


@pytest.mark.parametrize("content, message", [
    ("", "it is not JSON"), ("[1]", "not written by Pellucid"), ('{"program": "other"}', "not written by Pellucid"),
    ('{"program": "pellucid", "format": 8}', "model format 8, this version reads 1 to 7"),
    ("\udcff\udcfe", "it is not JSON")])
def test_a_foreign_manifest_is_refused(content: str, message: str, copy: Path) -> None:
    (copy / "manifest.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=message):
        load_bundle(copy)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a model .manifest.json is missing"):
        load_bundle(tmp_path)


def test_a_manifest_cannot_reach_outside_its_folder(copy: Path) -> None:
    (copy.parent / "secret").write_bytes(b"x")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["../secret"] = "0" * 64
    manifest["sha256"] = bundles._digest(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="names the files"):
        load_bundle(copy)


def test_nothing_appears_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="power"):
        with replacing_folder(tmp_path / "run", bundles.MODEL_FOLDER) as part:
            (part / "metrics.json").write_text("{}")
            raise RuntimeError("power cut")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("text")
    with pytest.raises(UserError, match="is a file or a link, a folder was wanted"):
        with replacing_folder(tmp_path / "run", bundles.MODEL_FOLDER):
            pass
