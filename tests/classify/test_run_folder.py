"""Reading a run folder again."""
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classify.audit.examine import home_metrics
from classify.audit.run import held_out
from classify.bundle import load_bundle, model_digest
from classify.findings.bundle import is_findings_model
from classify.run_folder import read_run, write_metrics
from featurize.errors import UserError

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"


def test_labels_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image_id,label,predicted,prediction_set,p_007\n0012,007,007,007,0.5\n")
    (tmp_path / "metrics.json").write_text('{"n": 1}')
    (tmp_path / "curves.csv").write_text("fold,round,train_loss,valid_loss\n0,0,0.7,0.8\n")
    run = read_run(tmp_path)
    assert run.predictions.iloc[0].tolist() == ["0012", "007", "007", "007", 0.5]
    assert run.metrics == {"n": 1} and run.curves["valid_loss"].tolist() == [0.8]


@pytest.mark.parametrize("content", ("[]", "5", "[" * 100_000))
def test_metrics_that_are_no_object_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image_id\n")
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(UserError, match="cannot be read as a run"):
        read_run(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a run .*: a folder that `python cli.py classify` wrote"):
        read_run(tmp_path)


def _model_in(run: Path) -> object:
    return load_bundle(run / "model")


@pytest.mark.parametrize("read", (is_findings_model, model_digest, load_bundle, read_run, home_metrics, _model_in))
def test_whoever_reads_a_run_brings_it_back_after_a_kill_between_two_renames(
        read: Callable[[Path], object], tmp_path: Path) -> None:
    run, between = tmp_path / "run", tmp_path / ".run.abcdefgh.old"
    between.mkdir()
    shutil.copytree(GOLDEN, between / "run")
    for name, content in (("predictions.csv", "image_id,path\n"), ("metrics.json", "{}"), ("curves.csv", "fold\n")):
        (between / "run" / name).write_text(content)
    os.utime(between, (0, 0))
    read(run)
    assert (run / "model/manifest.json").is_file() and os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("name", ["predictions.csv", "curves.csv", "metrics.json"])
def test_a_flipped_bit_is_refused_or_changes_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image_id,label,fold,p_a,p_b\n0012,a,0,0.5,0.5\n")
    (tmp_path / "curves.csv").write_text("fold,round,train_loss,valid_loss\n0,0,0.7,0.8\n")
    write_metrics({"n": 1, "accuracy": 0.5, "balanced_accuracy": 0.5}, tmp_path)
    frame, random, refused = pd.DataFrame({"image_id": ["0012"]}), np.random.default_rng(0), 0
    whole = (tmp_path / name).read_bytes()
    for flip in range(60):
        content = bytearray(whole)
        if flip:
            content[random.integers(len(content))] ^= 1 << int(random.integers(8))
        (tmp_path / name).write_bytes(bytes(content))
        try:
            found = read_run(tmp_path)
        except UserError:
            refused += 1
        else:
            # Of the checksum only its name can be damaged without being found.
            assert (found.metrics["n"], found.metrics["accuracy"]) == (1, .5)
            assert found.predictions["p_a"].tolist() == [.5] and found.curves["valid_loss"].tolist() == [.8]
            assert held_out(tmp_path, frame, ("a", "b")).tolist() == [[.5, .5]]
    assert refused > 50


def test_damaged_predictions_of_older_runs_are_one_line(tmp_path: Path) -> None:
    for content in (b"image_id,fold,p_a\n0012,0,0q5\n", b"image_id,\xff\n"):
        (tmp_path / "predictions.csv").write_bytes(content)
        with pytest.raises(UserError, match="predictions.csv cannot be read .*: bring it back, or remove it"):
            held_out(tmp_path, pd.DataFrame({"image_id": ["0012"]}), ("a",))
