"""Exported models give the probabilities of the models they were made of, to any program that reads ONNX."""
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

import cli
from classify.bundle import load_bundle, save_bundle
from classify.data.columns import matrix
from classify.export import run as exports
from classify.export.compare import frame_of, made_rows, of_file
from classify.export.run import export, predicted
from classify.findings.predict import load_predictor
from classify.fitting import lightgbm_trees, models
from classify.fitting.models import Model
from classify.fitting.rows import TrainingRows
from classify.fitting.tree_nodes import Ensemble
from classify.settings import FitSettings, TrainSettings
from classify.train import train
from classify.uncertainty import novelty
from classify.uncertainty.calibrate import METHODS, CalibrationRows, fit_calibration
from featurize.errors import UserError
from featurize.table import read_table

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
onnxruntime = pytest.importorskip("onnxruntime")

GOLDEN = Path(__file__).parents[1] / "golden"
# xgboost and LightGBM; two classes, three, stages (in older formats a model for each threshold), findings.
FOLDERS = sorted(folder.name for folder in GOLDEN.glob("model_*"))
CLASSES = ("ant", "bee", "cat")


def test_there_are_models_of_every_kind() -> None:
    assert len(FOLDERS) >= 13 and {"model_v1", "model_v2_ordinal", "model_v6_findings"} <= set(FOLDERS)


@pytest.mark.parametrize("name", FOLDERS)
def test_onnxruntime_gives_what_predict_gives(name: str, tmp_path: Path) -> None:
    frame, info = read_table(GOLDEN / name / "table.parquet")
    _, predict = load_predictor(GOLDEN / name)
    table = predict(frame, info, False, "", False)
    written = export(GOLDEN / name, tmp_path / "m.onnx")
    assert written.difference is not None and written.difference < 1e-12
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    said = {k: v for k, v in session.get_modelmeta().custom_metadata_map.items() if k not in ("program", "kind")}
    told = {key: json.loads(value) for key, value in said.items()}
    p, = session.run(["probabilities"], {"features": frame[told["columns"]].to_numpy(np.float32)})
    np.testing.assert_allclose(p, table[[f"p_{c}" for c in told["classes"]]], rtol=0, atol=1e-12)
    assert p.dtype == np.float64


@pytest.mark.parametrize("name", ["model_v2_ordinal", "model_v6", "model_v6_findings"])
def test_another_program_that_reads_onnx_gives_the_same(name: str, tmp_path: Path) -> None:
    """The reference implementation of the standard, in Python."""
    export(GOLDEN / name, tmp_path / "m.onnx")
    x = read_table(GOLDEN / name / "table.parquet")[0].filter(regex="^(cell|nucleus)_").to_numpy(np.float32)[:, :4]
    x[::3, 0] = np.nan
    reader = reference.ReferenceEvaluator(onnx.load(tmp_path / "m.onnx"))
    p, margins = reader.run(["probabilities", "margins"], {"features": x})
    expected = of_file((tmp_path / "m.onnx").read_bytes(), x)
    np.testing.assert_allclose(p, expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(margins, expected[1], rtol=0, atol=1e-12)


def fitted(library: str, classes: int) -> tuple[Model, pd.DataFrame, CalibrationRows]:
    """A model of one half of a made table; the other half, and what it calibrates by."""
    frame, info = made_table((120,) * classes, features=6)
    x, y = matrix(frame, info.features), frame["label"].map(CLASSES.index).to_numpy()
    half = np.arange(len(y)) % 2 == 0
    rows = TrainingRows(x[half].reset_index(drop=True), y[half], np.ones(half.sum()))
    other = x[~half].reset_index(drop=True)
    model = models.fit(rows, None, FitSettings(library=library, rounds=40, jobs=1))
    return model, other, CalibrationRows(models.margin(model, other), y[~half], np.arange(len(other)))


def saved(folder: Path, model: Model, x: pd.DataFrame, calibration: object = None) -> Path:
    """A model folder about a fitted model; the rest is as of a golden one, without what knows its classes."""
    like = load_bundle(GOLDEN / ("model_v6_binary" if model.outputs == 1 else "model_v6"))
    space, _ = novelty.fit_spaces(x.to_numpy(np.float32), 0)
    points = novelty.to_points(space, x.to_numpy(np.float32))[:len(like.novelty.points)]
    measured = replace(like.novelty, space=space, points=points, unknown=None)
    save_bundle(replace(like, model=model, novelty=measured, home=None, batch=None,
                        train_ids=like.train_ids[:len(points)], train_fingerprints=like.train_fingerprints[:0],
                        calibration=calibration or like.calibration), folder)
    return folder


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "logistic"])
def test_every_calibration_of_every_library(library: str, classes: int, method: str, tmp_path: Path) -> None:
    model, x, rows = fitted(library, classes)
    folder = saved(tmp_path / "model", model, x, fit_calibration(rows, method, 0))
    bundle = load_bundle(folder)
    export(folder, tmp_path / "m.onnx")
    p, margins = of_file((tmp_path / "m.onnx").read_bytes(), x.to_numpy())
    np.testing.assert_allclose(margins, rows.margins, rtol=0, atol=1e-12)
    np.testing.assert_allclose(p, predicted([bundle], model.features, x.to_numpy(), False), rtol=0, atol=1e-12)
    # Rows that the model tells apart, or a constant would pass.
    assert p.std(axis=0).min() > .1


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_constant_column_alone_grows_trees_of_one_leaf(library: str, tmp_path: Path) -> None:
    x = pd.DataFrame({"a": np.ones(30, np.float32)})
    rows = TrainingRows(x, np.repeat([0, 1], [10, 20]), np.ones(30))
    model = models.fit(rows, None, FitSettings(library=library, rounds=3, jobs=1))
    written = export(saved(tmp_path / "model", model, x), tmp_path / "m.onnx")
    assert written.difference is not None and written.difference < 1e-12


def test_lightgbm_reads_a_range_of_values_as_zero(tmp_path: Path) -> None:
    """Its 1e-35 is a float32 number: what is that small counts as 0, also beside thresholds of this size."""
    zero = np.float32(1e-35)
    beside = [np.nextafter(zero, np.float32(end)) for end in (0, 1)]
    values = np.array([-1, -beside[1], -zero, -beside[0], 0, beside[0], zero, beside[1], 1], np.float32)
    x = pd.DataFrame({"a": np.tile(np.array([-1, 0, 1], np.float32), 40)})
    rows = TrainingRows(x, np.tile([0, 1, 2], 40), np.ones(120))
    model = models.fit(rows, None, FitSettings(library="lightgbm", rounds=3, jobs=1))
    thresholds = np.concatenate([tree.threshold for tree in models.ensemble(model).trees])
    assert set(thresholds) == {-float(beside[1]), float(zero)}
    export(saved(tmp_path / "model", model, x), tmp_path / "m.onnx")
    _, margins = of_file((tmp_path / "m.onnx").read_bytes(), values[:, None])
    np.testing.assert_allclose(margins, models.margin(model, pd.DataFrame({"a": values})), rtol=0, atol=1e-12)


def as_float32(found: Ensemble) -> Ensemble:
    return replace(found, trees=tuple(replace(t, threshold=t.threshold.astype(np.float32).astype(float))
                                      for t in found.trees))


def missing_right(found: Ensemble) -> Ensemble:
    return replace(found, trees=tuple(replace(t, missing_left=np.zeros_like(t.missing_left)) for t in found.trees))


def a_leaf_less(found: Ensemble) -> Ensemble:
    return replace(found, trees=(*found.trees[:-1], replace(found.trees[-1], leaf=found.trees[-1].leaf * 1.01)))


@pytest.mark.parametrize("wrong", [as_float32, missing_right, a_leaf_less])
def test_a_file_that_is_not_exact_is_not_written(wrong: Callable[[Ensemble], Ensemble], tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    read = lightgbm_trees.ensemble
    monkeypatch.setattr(lightgbm_trees, "ensemble", lambda booster, outputs: wrong(read(booster, outputs)))
    with pytest.raises(UserError, match="would give other probabilities than the model to .* was not written"):
        export(GOLDEN / "model_v6", tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_no_root_has_a_split_and_a_leaf_of_the_same_number_below_it(tmp_path: Path) -> None:
    """onnxruntime 1.21 takes such a root for a leaf; numbered as they come, the trees of this model have some."""
    export(GOLDEN / "model_v3_ordinal", tmp_path / "m.onnx")
    for node in onnx.load(tmp_path / "m.onnx").graph.node:
        if node.op_type == "TreeEnsemble":
            said = {a.name: list(a.ints) for a in node.attribute}
            pairs = [(said["nodes_truenodeids"][r], said["nodes_falsenodeids"][r]) for r in said["tree_roots"]]
            assert pairs and all(left != right for left, right in pairs)


def test_compared_rows_lack_values_and_lie_on_thresholds() -> None:
    bundle = load_bundle(GOLDEN / "model_v6")
    x = made_rows([bundle], bundle.model.features)
    assert x.shape == (1000, 4) and .03 < np.isnan(x).mean() < .07
    thresholds = np.concatenate([tree.threshold for tree in models.ensemble(bundle.model).trees]).astype(np.float32)
    assert np.isin(x, thresholds).mean() > .1
    assert frame_of(x, bundle.model.features, bundle).shape == x.shape


def test_the_file_says_what_it_is_made_of(tmp_path: Path) -> None:
    export(GOLDEN / "model_v6_binary", tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    said = {p.key: p.value for p in model.metadata_props}
    manifest = json.loads((GOLDEN / "model_v6_binary/model/manifest.json").read_text())
    for key in ("columns", "classes", "versions", "blocks", "preset"):
        assert json.loads(said[key]) == manifest["features" if key == "columns" else key]
    assert json.loads(said["model_sha256"]) == [manifest["sha256"]]
    assert json.loads(said["thresholds"]) == [manifest["operating_point"]["threshold"]]
    assert (said["program"], said["kind"], model.producer_name) == ("pellucid", "binary", "pellucid")
    assert [i.name for i in model.graph.input] == ["features"]
    assert [o.name for o in model.graph.output] == ["probabilities", "margins"]


def test_findings_that_read_other_columns_share_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exports.load_findings(GOLDEN / "model_v6_findings")
    x = made_table((40, 40), features=6)[0]
    columns = [c for c in x if c.startswith(("cell_", "nucleus_"))]
    found = []
    for own, finding in zip((columns[:4], columns[2:6][::-1]), whole):
        rows = TrainingRows(x[own], x["label"].map(CLASSES.index).to_numpy(), np.ones(len(x)))
        model = models.fit(rows, None, FitSettings(library="lightgbm", rounds=5, jobs=1))
        found.append(replace(finding, bundle=replace(finding.bundle, model=model)))
    monkeypatch.setattr(exports, "load_findings", lambda run: tuple(found))
    written = export(GOLDEN / "model_v6_findings", tmp_path / "m.onnx")
    assert written.columns == (*columns[:4], columns[5], columns[4])
    assert written.difference is not None and written.difference < 1e-12
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    p, margins = session.run(None, {"features": x[list(written.columns)].to_numpy(np.float32)})
    assert p.shape == margins.shape == (80, 2)


def run_command(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["pellucid", "export", *map(str, arguments)])
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_replaces_its_own_file_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = GOLDEN / "model_v6_findings", tmp_path / "m.onnx"
    written = []
    for _ in range(2):
        assert run_command(run, "-o", out) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]
    told = capsys.readouterr().out
    assert "1000 made rows through the file and the model: probabilities differ by" in told
    assert f"4 measurements to the probabilities of Edema, Effusion: {out}" in told
    foreign = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []), producer_name="other")
    for content in (b"a letter", foreign.SerializeToString()):
        out.write_bytes(content)
        assert run_command(run, "-o", out) == 2 and out.read_bytes() == content
        assert "exists and was not written by Pellucid" in capsys.readouterr().err
    assert run_command(run, "-o", tmp_path / "m.bin") == 2
    assert "a name ending in .onnx was wanted" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert run_command(GOLDEN / "model_v6", "-o", tmp_path / "m.onnx") == 0
    assert "WARNING: onnxruntime is not installed, so the file was not compared" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(__version__="1.20.1"))
    assert run_command(GOLDEN / "model_v6", "-o", tmp_path / "n.onnx") == 2
    assert "onnxruntime 1.20.1 is installed, 1.21 or later was wanted" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run_command(GOLDEN / "model_v6", "-o", tmp_path / "n.onnx") == 2
    told = capsys.readouterr().err
    assert "export needs onnx, which is not installed: pip install 'pellucid[onnx]'" in told and told.count("\n") == 1
    assert not (tmp_path / "n.onnx").exists()


def test_a_calibration_of_a_later_version_is_refused(tmp_path: Path) -> None:
    model, x, rows = fitted("logistic", 2)
    folder = saved(tmp_path / "model", model, x, replace(fit_calibration(rows, "none", 0), method="spline"))
    with pytest.raises(UserError, match="calibration.method is 'spline'"):
        export(folder, tmp_path / "m.onnx")


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_splits_that_part_missing_from_measured_values_are_exported(library: str, tmp_path: Path) -> None:
    frame, info = made_table((60, 60), spread=40.0, group_size=1)
    frame.loc[(frame["label"] == "ant") & (frame.index % 10 != 0), info.features[2]] = np.nan
    train(frame, info, tmp_path / "run", TrainSettings(folds=2, resamples=10, model=library))
    written = export(tmp_path / "run", tmp_path / "m.onnx")
    assert written.difference is not None and written.difference < 1e-12
