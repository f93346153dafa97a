"""What other programs rely on: exit codes, one clear line, files under their names or not at all."""
import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

import cli
from featurize.simulate.demo import write_images
from featurize.table import read_table, write_table

ROOT = Path(__file__).parent.parent


class Ended:
    """How a command ended: exit code and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process, as the console would."""
    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Ended(ended.value.code or 0, printed.out, printed.err)
    return run


def test_help_imports_nothing_heavy() -> None:
    """That is what makes it quick: a measured time would depend on the machine."""
    heavy = {"numpy", "pandas", "cv2", "numba", "xgboost", "pyarrow", "rich"}
    code = f"import sys, cli; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_help_lists_the_commands(call: Any) -> None:
    ended = call("--help")
    assert ended.code == 0
    for command in ("explore", "featurize", "classify", "predict", "demo"):
        assert command in ended.out


@pytest.mark.parametrize("arguments", [
    ("featurize", "nowhere", "-o", "t.parquet"), ("explore", "nowhere", "-o", "e.html"),
    ("classify", "none.parquet", "-o", "run"), ("predict", "run", "nowhere", "-o", "p.csv"), ("demo", "nothing")],
    ids=lambda a: a[0])
def test_a_wrong_path_is_one_line_and_exit_2(arguments: tuple[str, ...], call: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_option_is_exit_2(call: Any) -> None:
    ended = call("featurize", "somewhere")
    assert ended.code == 2 and "--output" in ended.err


@pytest.mark.parametrize(("options", "words"), [
    (("--preset", "cells"), "no preset is called 'cells'"), (("--settings", "none.toml"), "cannot read the settings"),
    (("--group-column", "patient"), "--labels"), (("--labels", "none.csv", "--label-column", "a"), "none.csv"),
    (("--group-regex", "("), "group-regex"), (("--jobs", "0"), "--jobs")])
def test_a_wrong_option_is_exit_2_and_nothing_is_written(options: tuple[str, ...], words: str, call: Any,
                                                         cell_folder: Path, tmp_path: Path) -> None:
    ended = call("featurize", cell_folder, "-o", tmp_path / "t.parquet", "--jobs", 1, *options)
    assert ended.code == 2 and words in ended.err
    assert not list(tmp_path.iterdir())


def test_an_output_with_another_ending_is_refused(call: Any, cell_folder: Path, tmp_path: Path) -> None:
    ended = call("featurize", cell_folder, "-o", tmp_path / "t.csv")
    assert ended.code == 2 and "-o t.parquet" in ended.err


def test_an_empty_folder_is_refused(call: Any, tmp_path: Path) -> None:
    ended = call("featurize", tmp_path, "-o", tmp_path / "t.parquet")
    assert ended.code == 2 and "holds no image" in ended.err


def test_ctrl_c_is_one_line_and_exit_130(call: Any, cell_folder: Path, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr("featurize.run.featurize", stopped)
    ended = call("featurize", cell_folder, "-o", tmp_path / "t.parquet", "--preset", "whole")
    assert ended.code == 130
    assert ended.err.strip() == "stopped; the same command again goes on where it can"


def test_bad_files_are_exit_0_and_with_strict_1(call: Any, cell_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(cell_folder / "monocyte", tmp_path / "in/monocyte")
    (tmp_path / "in/monocyte/text.png").write_text("hello")
    usual = call("featurize", tmp_path / "in", "-o", tmp_path / "t.parquet", "--preset", "cell", "--jobs", 1)
    strict = call("featurize", tmp_path / "in", "-o", tmp_path / "s.parquet", "--preset", "cell", "--strict")
    assert (usual.code, strict.code) == (0, 1)
    assert f"1 files gave no row: {tmp_path / 't.errors.csv'}" in usual.out
    assert (tmp_path / "t.parquet").exists() and (tmp_path / "s.parquet").exists()


@pytest.fixture(scope="module")
def run_folder(cell_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table and a trained run, made by the commands themselves; `printed.txt` is what they said."""
    folder = tmp_path_factory.mktemp("run")
    printed = io.StringIO()
    for arguments in (["featurize", cell_folder, "-o", folder / "t.parquet", "--jobs", 1, "--group-regex", r"(p\d+)_"],
                      ["classify", folder / "t.parquet", "-o", folder / "run", "--folds", 2]):
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), pytest.raises(SystemExit) as ended:
            patch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
            cli.main()
        assert not ended.value.code
    (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return folder


def test_auto_says_what_it_chose_and_why(run_folder: Path) -> None:
    printed = (run_folder / "printed.txt").read_text(encoding="utf-8")
    assert "preset cell (24 of 24 pictures: one dark purple object in the middle)" in printed


def test_the_console_command_says_what_it_did_and_ends_with_0(cell_folder: Path, tmp_path: Path) -> None:
    """In a process of its own, as a person calls it."""
    command = [sys.executable, "cli.py", "featurize", str(cell_folder / "monocyte"), "-o", str(tmp_path / "t.parquet"),
               "--preset", "whole", "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("6 images measured in ") and done.stderr == ""
    assert (tmp_path / "t.parquet").exists()


def test_classify_writes_predictions_metrics_model_and_report(run_folder: Path) -> None:
    predictions = pd.read_csv(run_folder / "run/predictions.csv")
    assert len(predictions) == 24 and predictions["fold"].notna().all()
    assert {"image_id", "path", "label", "group", "split", "fold", "predicted", "prediction_set", "novelty", "review",
            "p_eosinophil", "p_lymphocyte", "p_monocyte", "p_neutrophil"} <= set(predictions)
    metrics = json.loads((run_folder / "run/metrics.json").read_text(encoding="utf-8"))
    assert metrics["n"] == 24 and metrics["task"] == "multiclass"
    assert (run_folder / "run/model/manifest.json").exists() and (run_folder / "run/report.html").exists()


def test_predict_says_the_same_of_images_and_of_their_table(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                            call: Any) -> None:
    of_table = call("predict", run_folder / "run", run_folder / "t.parquet", "-o", tmp_path / "table.csv")
    of_images = call("predict", run_folder / "run", cell_folder, "-o", tmp_path / "images.csv", "--jobs", 1)
    assert (of_table.code, of_images.code) == (0, 0)
    a, b = pd.read_csv(tmp_path / "table.csv"), pd.read_csv(tmp_path / "images.csv")
    columns = [c for c in a if c.startswith("p_")]
    pd.testing.assert_frame_equal(a[["image_id", "predicted", *columns]], b[["image_id", "predicted", *columns]])


def test_predict_lists_files_that_it_cannot_read(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                 call: Any) -> None:
    shutil.copytree(cell_folder / "monocyte", tmp_path / "in")
    (tmp_path / "in/text.png").write_text("hello")
    ended = call("predict", run_folder / "run", tmp_path / "in", "-o", tmp_path / "p.csv", "--jobs", 1)
    assert ended.code == 0 and "1 files gave no row" in ended.out
    assert len(pd.read_csv(tmp_path / "p.csv")) == 6 and len(pd.read_csv(tmp_path / "p.errors.csv")) == 1


def test_predict_refuses_a_table_of_another_preset(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                   call: Any) -> None:
    call("featurize", cell_folder / "monocyte", "-o", tmp_path / "w.parquet", "--preset", "whole", "--jobs", 1)
    ended = call("predict", run_folder / "run", tmp_path / "w.parquet", "-o", tmp_path / "p.csv")
    assert ended.code == 2 and "featurize" in ended.err and not (tmp_path / "p.csv").exists()


def test_a_damaged_model_is_refused(run_folder: Path, cell_folder: Path, tmp_path: Path, call: Any) -> None:
    shutil.copytree(run_folder / "run/model", tmp_path / "model")
    trees = max((tmp_path / "model").iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(trees.read_bytes())
    content[len(content) // 2] ^= 1
    trees.write_bytes(content)
    ended = call("predict", tmp_path / "model", cell_folder, "-o", tmp_path / "p.csv")
    assert ended.code == 2 and ended.err.count("\n") == 1 and not (tmp_path / "p.csv").exists()


def test_one_class_only_is_refused(cell_folder: Path, tmp_path: Path, call: Any) -> None:
    call("featurize", cell_folder / "monocyte", "-o", tmp_path / "t.parquet", "--preset", "cell", "--jobs", 1)
    ended = call("classify", tmp_path / "t.parquet", "-o", tmp_path / "run")
    assert ended.code == 2 and ended.err.count("\n") == 1 and not (tmp_path / "run").exists()


def test_audit_prints_every_warning_of_its_page(run_folder: Path, tmp_path: Path, call: Any) -> None:
    """On the very images of the training: no accuracy without the warning."""
    ended = call("audit", run_folder / "run", run_folder / "t.parquet", "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert ended.code == 0 and ended.out.startswith("WARNING: The model was trained on all 24 images of this table")
    warned = page[page.index('<ul class="warnings"'):page.index("</ul>")]
    assert ended.out.count("WARNING: ") == warned.count("<li") >= 1


def test_audit_without_a_shared_label_is_one_line_and_exit_code_2(run_folder: Path, tmp_path: Path, call: Any) -> None:
    frame, info = read_table(run_folder / "t.parquet")
    write_table(frame.assign(label="wasp"), info, tmp_path / "t.parquet")
    ended = call("audit", run_folder / "run", tmp_path / "t.parquet", "-o", tmp_path / "a.html")
    assert ended.code == 2 and ended.err.count("\n") == 1 and "'wasp'" in ended.err and "'monocyte'" in ended.err


def test_similar_of_a_blank_picture_says_that_no_cell_was_found(run_folder: Path, tmp_path: Path, call: Any) -> None:
    Image.new("RGB", (120, 120), (240, 225, 210)).save(tmp_path / "blank.png")
    ended = call("similar", run_folder / "t.parquet", tmp_path / "blank.png", "-o", tmp_path / "s.html")
    assert ended.code == 2 and ended.err.startswith("error: no cell was found in blank.png")
    assert not (tmp_path / "s.html").exists()


def test_similar_lists_as_many_neighbors_as_asked(run_folder: Path, cell_folder: Path, tmp_path: Path, call: Any
                                                  ) -> None:
    picture = next(cell_folder.rglob("*.png"))
    ended = call("similar", run_folder / "t.parquet", picture, "-k", 3, "-o", tmp_path / "s.csv")
    assert ended.code == 0 and "WARNING: The table holds this very file." in ended.out
    assert pd.read_csv(tmp_path / "s.csv")["rank"].tolist() == [1, 2, 3]


@pytest.mark.slow
def test_the_demo_ends_with_a_report_and_an_audit(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of its images, all of its steps."""
    monkeypatch.setattr("featurize.simulate.demo.write_images", partial(write_images, home=48, abroad=16, patients=6))
    ended = call("demo", "-o", tmp_path / "demo")
    assert ended.code == 0, ended.err
    assert f"open {tmp_path / 'demo/run/report.html'}" in ended.out
    for name in ("explore.html", "home.parquet", "home.errors.csv", "abroad.parquet", "run/report.html",
                 "predictions.csv", "audit.html"):
        assert (tmp_path / "demo" / name).stat().st_size > 0
    predictions = pd.read_csv(tmp_path / "demo/run/predictions.csv")
    assert predictions.groupby("group")["fold"].nunique().max() == 1
    assert (predictions["predicted"] == predictions["label"]).mean() > .8


def test_a_demo_does_not_write_into_a_folder_of_the_user(call: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    ended = call("demo", "-o", tmp_path)
    assert ended.code == 2 and "holds files that are not of the demo" in ended.err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
