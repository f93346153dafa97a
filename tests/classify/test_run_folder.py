"""Reading a run folder again."""
from pathlib import Path

import pytest

from classify.run_folder import read_run
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
