"""Files appear whole or not at all, and bars only where a person looks."""
import os
import stat
from pathlib import Path

import pytest

from featurize.errors import UserError
from featurize.runtime.files import replacing, write_text
from featurize.runtime.progress import stages, tracking


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with replacing(tmp_path / "deep/er/a.txt") as part:
        part.write_text("half")
        assert not (tmp_path / "deep/er/a.txt").exists()
        part.write_text("whole")
    assert (tmp_path / "deep/er/a.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "deep/er") == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text("old", tmp_path / "a.txt")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as part:
        part.write_text(str(1 / 0))
    assert (tmp_path / "a.txt").read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_others_may_read_a_result_as_the_umask_says(tmp_path: Path) -> None:
    write_text("x", tmp_path / "a.txt")
    (tmp_path / "plain").write_text("x")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_folder_under_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, a file was wanted"), replacing(tmp_path):
        pass


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(UserError, match="cannot write into"), replacing(tmp_path / "a/b.txt"):
        pass


def test_a_log_file_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with tracking(3, "images", shown=True) as advance, stages(shown=True) as tell:
        advance(1)
        tell("fit", .5)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_with_count_and_stage(capsys: pytest.CaptureFixture[str],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with tracking(4, "images", shown=True, done=1) as advance:
        advance(2)
    with stages(shown=True) as tell:
        tell("calibrate", .5)
    shown = capsys.readouterr().err
    assert "images" in shown and "3/4" in shown and "calibrate" in shown
