"""A folder that one run holds at a time."""
import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from featurize.errors import UserError
from featurize.runtime.lock import held_folder

ROOT = Path(__file__).parent.parent.parent


def test_a_held_folder_is_refused_and_afterwards_free(tmp_path: Path) -> None:
    with held_folder(tmp_path / "a", "taken"):
        with pytest.raises(UserError, match="^taken$"), held_folder(tmp_path / "a", "taken"):
            pass
        with held_folder(tmp_path / "b", "taken"):
            pass
    with held_folder(tmp_path / "a", "taken"):
        pass


def test_a_folder_that_its_holder_removed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening the folder and locking it."""
    removed: list[Path] = []
    lock = fcntl.flock

    def late(handle: int, how: int) -> None:
        if not removed:
            removed.append(tmp_path / "a")
            (tmp_path / "a").rmdir()
        lock(handle, how)
    monkeypatch.setattr(fcntl, "flock", late)
    with held_folder(tmp_path / "a", "taken"):
        assert removed and (tmp_path / "a").is_dir()
        with pytest.raises(UserError, match="taken"), held_folder(tmp_path / "a", "taken"):
            pass


def test_a_file_system_without_locks_keeps_nobody_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with held_folder(tmp_path / "a", "taken"), held_folder(tmp_path / "a", "taken"):
        assert (tmp_path / "a").is_dir()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot write into .*file/x"), held_folder(tmp_path / "file/x/y", "taken"):
        pass
    with pytest.raises(UserError, match="file is a file, and a folder"), held_folder(tmp_path / "file", "taken"):
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    code = (f"import os, signal\nfrom pathlib import Path\nfrom featurize.runtime.lock import held_folder\n"
            f"with held_folder(Path({str(tmp_path / 'a')!r}), ''):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    with held_folder(tmp_path / "a", "taken"):
        pass
