"""Reading a run folder again."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from classify.audit.run import held_out
from classify.run_folder import read_run, write_metrics
from featurize.errors import UserError


def test_labels_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image_id,label,predicted,prediction_set,p_007\n0012,007,007,007,0.5\n")
    (tmp_path / "metrics.json").write_text('{"n": 1}')
    (tmp_path / "curves.csv").write_text("fold,round,train_loss,valid_loss\n0,0,0.7,0.8\n")
    run = read_run(tmp_path)
    assert run.predictions.iloc[0].tolist() == ["0012", "007", "007", "007", 0.5]
    assert run.metrics == {"n": 1} and run.curves["valid_loss"].tolist() == [0.8]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a run .*: a folder that `python cli.py classify` wrote"):
        read_run(tmp_path)


@pytest.mark.parametrize("name", ["predictions.csv", "curves.csv", "metrics.json"])
def test_a_flipped_bit_is_refused_or_changes_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("image_id,label,fold,p_a,p_b\n0012,a,0,0.5,0.5\n")
    (tmp_path / "curves.csv").write_text("fold,round,train_loss,valid_loss\n0,0,0.7,0.8\n")
    write_metrics({"n": 1, "accuracy": 0.5}, tmp_path)
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
