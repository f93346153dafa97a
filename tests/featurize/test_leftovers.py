"""What a killed run leaves half written is removed by the next one; what another process writes now stays."""
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ecg import output_folder as ecg_folder
from ecg.export import write as export_write
from ecg.export.write import check_formats
from featurize.detect import output_folder as detect_folder
from featurize.errors import UserError
from featurize.index.build import Index
from featurize.masks import output_folder as masks_folder
from featurize.runtime import leftovers
from featurize.runtime.files import replacing
from featurize.runtime.folders import FolderKind, replacing_folder, restore_interrupted
from featurize.runtime.leftovers import LEFTOVER_S, is_leftover, remove_leftovers, remove_leftovers_below
from featurize.runtime.outputs import check_output
from featurize.runtime.stems import _LONGEST_NAME_BYTES

ROOT = Path(__file__).parent.parent.parent
KIND = FolderKind("manifest.json", frozenset(("manifest.json", "numbers.csv")))
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell which process is gone")


def killed(block: str) -> None:
    """Run `block`, Python that kills its own process."""
    code = f"import os, signal\nfrom pathlib import Path\n{block}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def killed_while_writing(path: Path) -> Path:
    """The name under which a run wrote `path` when it was killed."""
    killed(f"from featurize.runtime.files import replacing\nwith replacing(Path({str(path)!r})) as part:\n"
           "    part.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)")
    left, = path.parent.glob(f".{path.name}.*.part")
    return left


@linux
def test_a_file_of_a_killed_run_is_removed_by_the_next_that_writes_there(tmp_path: Path) -> None:
    left = killed_while_writing(tmp_path / "a.csv")
    with replacing(tmp_path / "a.csv") as running:
        check_output(tmp_path / "a.csv", (".csv",), ())
        assert not left.exists() and running.exists()
        running.write_text("whole")
    assert os.listdir(tmp_path) == ["a.csv"]


@linux
def test_a_folder_is_searched_with_all_in_it_and_files_of_others_stay(tmp_path: Path) -> None:
    left = [killed_while_writing(tmp_path / name) for name in ("a.csv", "deep/er/b.png")]
    foreign = [tmp_path / "deep" / name for name in ("notes.part", ".a.csv.abcdefgh.part", ".part")]
    for place in foreign:
        place.write_text("mine")
        os.utime(place, (0, 0))
    remove_leftovers_below(tmp_path)
    assert not any(place.exists() for place in left) and all(place.read_text() == "mine" for place in foreign)


def test_what_no_process_is_known_of_is_removed_after_a_day_and_only_under_the_names_asked_for(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".a.csv.abcdefgh.part", ".a.csv.hgfedcba.part",
                                                    ".b.csv.abcdefgh.part"))
    for place in (old, new, other):
        place.write_text("half")
    for place in (old, other):
        os.utime(place, (time.time() - LEFTOVER_S - 60,) * 2)
    remove_leftovers([tmp_path / "a.csv"])
    assert not old.exists() and new.exists() and other.exists()


def test_a_process_of_another_machine_is_not_known(tmp_path: Path) -> None:
    left = tmp_path / ".a.csv.7fffffff-0a1b2-abcdefgh.part"
    left.write_text("half")
    assert not is_leftover(left)
    os.utime(left, (time.time() - LEFTOVER_S - 60,) * 2)
    assert is_leftover(left)


def test_a_system_that_tells_no_machine_writes_names_that_are_known_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_machine", lambda: "")
    with replacing(tmp_path / "a.csv") as part:
        assert leftovers.temporary_of(part) == "a.csv" and not is_leftover(part)
        part.write_text("whole")


def test_the_longest_stem_leaves_room_for_the_temporary_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)   # the largest number of a process, proc(5)
    prefix = leftovers.temporary_prefix(Path("n" * _LONGEST_NAME_BYTES + ".overlay.png"))
    assert len(prefix) + len("abcdefgh.part") <= 255
    assert re.fullmatch(r"\.n+\.overlay\.png\.400000-[0-9a-f]{5}-", prefix)


@linux
def test_a_folder_of_files_that_are_moved_one_by_one_is_removed_too(tmp_path: Path) -> None:
    killed("from featurize.runtime.leftovers import temporary_folder\n"
           f"with temporary_folder(Path({str(tmp_path / 'a')!r})) as folder:\n"
           "    (folder / 'half').write_text('x')\n    os.kill(os.getpid(), signal.SIGKILL)")
    assert len(os.listdir(tmp_path)) == 1
    remove_leftovers([tmp_path / "a"])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("what", ("unlink", "iterdir"))
def test_what_cannot_be_listed_or_removed_ends_no_command(
        what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of several people, such as /tmp, others' files stay."""
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")
    left = tmp_path / ".a.csv.abcdefgh.part"
    left.write_text("half")
    os.utime(left, (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(Path, what, refuse)
        remove_leftovers([tmp_path / "a.csv"])
    assert left.exists()


@pytest.mark.parametrize("check, mark", (
    (lambda out: detect_folder.check_place([], out), detect_folder.MARK),
    (lambda out: masks_folder.check_place(Index(pd.DataFrame(), pd.DataFrame(), (), ()), out), masks_folder.MARK),
    (lambda out: ecg_folder.check_place([out.parent], out), ecg_folder.MARK),
    (lambda out: check_formats(["npz"], out.parent), export_write._MARK)), ids=("detect", "segment", "ecg", "ecg --to"))
def test_a_run_that_was_killed_while_it_wrote_the_mark_of_its_folder_can_be_given_again(
        check: Callable[[Path], None], mark: str, tmp_path: Path) -> None:
    out = tmp_path / "to_npz"
    out.mkdir()
    (out / f".{mark}.1f-0a1b2-abcdefgh.part").write_text("half")
    check(out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError):
        check(out)


def old_folder(folder: Path) -> Path:
    with replacing_folder(folder, KIND) as part:
        (part / "manifest.json").write_text('{"program": "pellucid"}')
        (part / "numbers.csv").write_text("old")
    (folder / "notes.txt").write_text("mine")
    return folder


@linux
@pytest.mark.parametrize("swap", (True, False), ids=("swapped", "in two steps"))
def test_a_folder_that_was_being_replaced_is_whole_and_nothing_else_is_left(tmp_path: Path, swap: bool) -> None:
    """Killed behind the first of two renames, or behind the swap, after somebody had written into the old folder."""
    folder = old_folder(tmp_path / "run")
    killed(f"""
from featurize.runtime import folders
from featurize.runtime.folders import FolderKind, replacing_folder
rename, exchange = os.rename, folders._exchange
def late(*args):
    Path({str(folder)!r}, "late.txt").write_text("mine too")
    {"done = exchange(*args)" if swap else "return False"}
    os.kill(os.getpid(), signal.SIGKILL)
def first(*args):
    rename(*args)
    os.kill(os.getpid(), signal.SIGKILL)
folders._exchange, os.rename = late, first
with replacing_folder(Path({str(folder)!r}), FolderKind({KIND.manifest!r}, frozenset({sorted(KIND.files)!r}))) as part:
    (part / "manifest.json").write_text('{{"program": "pellucid"}}')
    (part / "numbers.csv").write_text("new")
""")
    restore_interrupted(folder)
    assert (folder / "numbers.csv").read_text() == ("new" if swap else "old")
    assert (folder / "notes.txt").read_text() == "mine"
    with replacing_folder(folder, KIND) as part:
        (part / "manifest.json").write_text('{"program": "pellucid"}')
        (part / "numbers.csv").write_text("newest")
    assert (folder / "numbers.csv").read_text() == "newest" and (folder / "late.txt").read_text() == "mine too"
    assert os.listdir(tmp_path) == ["run"]


@linux
def test_half_written_files_of_a_folder_that_was_being_filled_do_not_come_into_the_new_one(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "run")
    killed(f"""
from featurize.runtime.files import replacing
from featurize.runtime.folders import FolderKind, replacing_folder
with replacing_folder(Path({str(folder)!r}), FolderKind({KIND.manifest!r}, frozenset({sorted(KIND.files)!r}))) as part:
    (part / "manifest.json").write_text('{{"program": "pellucid"}}')
    with replacing(part / "numbers.csv"):
        os.kill(os.getpid(), signal.SIGKILL)
""")
    with replacing_folder(folder, KIND) as part:
        (part / "manifest.json").write_text('{"program": "pellucid"}')
    assert sorted(os.listdir(folder)) == ["manifest.json", "notes.txt"] and os.listdir(tmp_path) == ["run"]


def test_a_folder_between_two_steps_of_another_machine_is_left_alone_at_first(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "run")
    place = tmp_path / ".run.1f-0a1b2-abcdefgh.old"
    place.mkdir()
    os.rename(folder, place / "run")
    restore_interrupted(folder)
    assert not folder.exists()
    os.utime(place, (time.time() - 60,) * 2)
    restore_interrupted(folder)
    assert (folder / "notes.txt").read_text() == "mine" and os.listdir(tmp_path) == ["run"]
