"""A folder of results is replaced whole, and nothing in it is lost that somebody else put there."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from featurize.errors import UserError
from featurize.runtime import folders
from featurize.runtime.folders import FolderKind, check_replaceable, replacing_folder

KIND = FolderKind("model/manifest.json", frozenset({"numbers.csv", "old_name.csv", "model/manifest.json"}))


def write(path: Path, numbers: str) -> None:
    with replacing_folder(path, KIND) as part:
        (part / "numbers.csv").write_text(numbers)
        (part / "model").mkdir()
        (part / "model/manifest.json").write_text(json.dumps({"program": "pellucid"}))


@pytest.fixture()
def old(tmp_path: Path) -> Path:
    """A result of ours with notes, a folder, a link and an empty folder of somebody else in it."""
    folder = tmp_path / "run"
    write(folder, "old")
    (folder / "old_name.csv").write_text("a file of an older version")
    (folder / "notes.txt").write_text("mine")
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "sub/data.bin").write_bytes(bytes(range(256)))
    (folder / "model/why.txt").write_text("mine too")
    (folder / "link").symlink_to("nowhere")
    return folder


def foreign_files_are_there(folder: Path) -> bool:
    return ((folder / "notes.txt").read_text() == "mine" and (folder / "sub/data.bin").read_bytes() == bytes(range(256))
            and (folder / "model/why.txt").read_text() == "mine too" and (folder / "sub/deep").is_dir()
            and os.readlink(folder / "link") == "nowhere")


@pytest.mark.parametrize("without", ("", "exchange", "links"))
def test_files_of_others_stay_and_ours_are_new(old: Path, without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on systems that cannot swap two folders, and on file systems without hard links."""
    if without == "exchange":
        monkeypatch.setattr(folders, "_exchange", lambda part, path: False)
    if without == "links":
        monkeypatch.setattr(os, "link", refused)
    write(old, "new")
    assert foreign_files_are_there(old) and (old / "numbers.csv").read_text() == "new"
    assert not (old / "old_name.csv").exists(), "ours, of an older version"
    assert os.listdir(old.parent) == ["run"]


def refused(*names: object, follow_symlinks: bool) -> None:
    raise PermissionError(1, "no links here")


def test_what_is_written_while_we_work_stays_too(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_over = folders._carry_over

    def carry_over_and_edit(path: Path, part: Path, kind: FolderKind) -> None:
        carry_over(path, part, kind)
        (path / "later.txt").write_text("later")
        # Editors write another file and rename it.
        (path / "draft").write_text("edited")
        os.replace(path / "draft", path / "notes.txt")

    monkeypatch.setattr(folders, "_carry_over", carry_over_and_edit)
    write(old, "new")
    assert (old / "later.txt").read_text() == "later" and (old / "notes.txt").read_text() == "edited"
    assert (old / "numbers.csv").read_text() == "new"


def test_a_replacement_that_fails_leaves_all_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*names: object) -> None:
        raise OSError(5, "Input/output error")
    monkeypatch.setattr(folders, "_carry_over", fail)
    with pytest.raises(UserError, match="cannot replace .*Input/output error"):
        write(old, "new")
    assert foreign_files_are_there(old) and (old / "numbers.csv").read_text() == "old"
    assert os.listdir(old.parent) == ["run"]


def test_a_replacement_killed_between_two_steps_is_undone_by_the_next(old: Path) -> None:
    place = old.parent / ".run.abcdefgh.old"
    place.mkdir()
    os.rename(old, place / "run")
    write(old, "new")
    assert foreign_files_are_there(old) and (old / "numbers.csv").read_text() == "new"
    assert os.listdir(old.parent) == ["run"]


@pytest.mark.slow
@pytest.mark.parametrize("step", ("_carry_over", "_exchange", "_collect"))
@pytest.mark.parametrize("when", ("before", "after"))
@pytest.mark.skipif(sys.platform != "linux", reason="swaps two folders in one step")
def test_kill_9_at_any_step_loses_nothing(old: Path, step: str, when: str) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from featurize.runtime import folders
from test_folders import write
step = folders.{step}
def killed(*args):
    result = step(*args) if {when == "after"} else None
    os.kill(os.getpid(), signal.SIGKILL)
folders.{step} = killed
write(Path({str(old)!r}), "new")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert foreign_files_are_there(old)
    swapped = step == "_collect" or (step, when) == ("_exchange", "after")
    assert (old / "numbers.csv").read_text() == ("new" if swapped else "old")


def test_a_folder_of_somebody_else_is_refused_whatever_its_files_are_called(tmp_path: Path) -> None:
    place = tmp_path / "run"
    (place / "model").mkdir(parents=True)
    for manifest in ("{}", "[1]", "not json", '{"program": "other"}'):
        (place / "model/manifest.json").write_text(manifest)
        with pytest.raises(UserError, match="holds files that Pellucid did not write"):
            write(place, "new")
        assert (place / "model/manifest.json").read_text() == manifest


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write(tmp_path / "run", "new")
    assert (tmp_path / "run/numbers.csv").read_text() == "new" and os.listdir(tmp_path) == ["run"]


def test_a_link_or_a_folder_under_the_name_of_our_file_is_refused(old: Path) -> None:
    (old / "old_name.csv").unlink()
    (old / "old_name.csv").mkdir()
    with pytest.raises(UserError, match="old_name.csv is a link or a folder where a file of Pellucid would be"):
        check_replaceable(old, KIND)
    (old / "old_name.csv").rmdir()
    os.rename(old / "model", old.parent / "model")
    (old / "model").symlink_to(old.parent / "model")
    with pytest.raises(UserError, match="run/model is a link or a folder"):
        check_replaceable(old, KIND)
