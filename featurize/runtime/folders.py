"""Folders that appear whole or not at all, and in which nothing is lost that somebody else put there."""
import ctypes
import glob
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import UserError
from featurize.runtime.files import naming_full_disk
from featurize.runtime.leftovers import is_leftover, temporary_of, temporary_prefix

# What the manifests of our folders hold under "program".
PROGRAM = "pellucid"
# Linux, <fcntl.h> and <linux/fs.h>: paths are relative to the working directory; two names are swapped in one step.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# The two steps of a replacement follow each other at once: a folder that is missing for longer, s, was interrupted.
_TWO_STEPS_S = 10


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder that a command writes.

    Parameters
    ----------
    manifest : str
        A JSON file that every folder of this kind holds, with ``"program": "pellucid"``; relative to the folder. A
        folder without it is somebody else's.
    files : frozenset of str
        Every file that the command may write into such a folder, relative to it, with ``/``. Only these are replaced.
    pattern : str
        A regular expression of further files of ours whose names depend on the data.
    """

    manifest: str
    files: frozenset[str]
    pattern: str = ""

    def owns(self, name: str) -> bool:
        """Whether a file, relative to the folder, is one of ours."""
        return name in self.files or bool(self.pattern) and re.fullmatch(self.pattern, name) is not None


@contextmanager
def replacing_folder(path: Path, kind: FolderKind) -> Iterator[Path]:
    """Fill a folder under another name, then move it to `path`.

    Parameters
    ----------
    path : Path
        The final name. An older folder of the same kind there is replaced; files in it that are not ours stay.
    kind : FolderKind

    Yields
    ------
    Path
        An empty folder beside `path`, for the caller to fill. It is removed when the block raises.

    Raises
    ------
    UserError
        `path` is a file or a folder of another kind, or cannot be written, or the disk is full.
    """
    check_replaceable(path, kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path, kind)
        part = Path(tempfile.mkdtemp(prefix=temporary_prefix(path), suffix=".part", dir=path.parent))
    except OSError as error:
        raise UserError(f"cannot write into {path.parent} ({error.strerror}): choose another place with -o") from error
    try:
        # mkdtemp makes folders that only their owner can open; a result is meant to be shared.
        mask = os.umask(0o022)
        os.umask(mask)
        part.chmod(0o777 & ~mask)
        with naming_full_disk(path):
            yield part
            restore_interrupted(path, at_once=True)
            if path.exists():
                _replace(part, path, kind)
            else:
                os.rename(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def restore_interrupted(path: Path, at_once: bool = False) -> None:
    """Bring back a folder whose replacement was killed between its two steps: for whoever reads or writes it.

    Parameters
    ----------
    path : Path
        The name of the folder. Nothing is done where something stands there.
    at_once : bool
        No other run writes it now, so that nobody is between the two steps.
    """
    if not path.name or os.path.lexists(path):
        return
    for old in sorted(path.parent.glob(f".{glob.escape(path.name)}.*.old/{glob.escape(path.name)}")):
        if at_once or is_leftover(old.parent) or time.time() - old.parent.stat().st_mtime > _TWO_STEPS_S:
            os.rename(old, path)
            old.parent.rmdir()
            return


def _remove_leftovers(path: Path, kind: FolderKind) -> None:
    """Remove what killed runs left beside `path`, but what others put into it while it was being replaced."""
    restore_interrupted(path, at_once=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if temporary_of(left) != path.name or left.is_symlink() or not left.is_dir() or not is_leftover(left):
            continue
        replaced = left / path.name if left.suffix == ".old" else left
        if path.is_dir() and replaced.is_dir() and _is_of_kind(replaced, kind):
            _collect(replaced, path, kind, older=True)
        shutil.rmtree(left, ignore_errors=True)


def check_replaceable(path: Path, kind: FolderKind) -> None:
    """Refuse a name that belongs to something else.

    Raises
    ------
    UserError
        A file or link; a filled folder of another kind; or a folder in which a link or a folder bears the name of one
        of our files.
    """
    if path.is_symlink() or path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file or a link, a folder was wanted: choose another name with -o")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not _is_of_kind(path, kind):
        raise UserError(f"the folder {path} holds files that Pellucid did not write (no {kind.manifest} of it is among "
                        "them) and is not overwritten: choose another name with -o or empty it")
    foreign = {relative.as_posix() for relative in _foreign(path, kind)}
    ours = {str(parent) for name in kind.files for parent in Path(name).parents if str(parent) != "."}
    taken = sorted(name for name in foreign if kind.owns(name) or name in ours and (path / name).is_symlink())
    if taken:
        raise UserError(f"{path / taken[0]} is a link or a folder where a file of Pellucid would be written: move it "
                        "away or choose another name with -o")


def _is_of_kind(path: Path, kind: FolderKind) -> bool:
    try:
        manifest = json.loads((path / kind.manifest).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("program") == PROGRAM


def _foreign(folder: Path, kind: FolderKind) -> list[Path]:
    """Everything in a folder but our own files, relative to it; folders before what they hold, links not followed."""
    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}), so that it could be lost: choose another "
                        "name with -o")
    found = []
    for root, folders, names in os.walk(folder, onerror=refuse):
        here = Path(root).relative_to(folder)
        found += [here / name for name in sorted(folders)]
        found += [here / name for name in sorted(names)
                  if not kind.owns((here / name).as_posix()) or (folder / here / name).is_symlink()]
    return found


def _replace(part: Path, path: Path, kind: FolderKind) -> None:
    """Put `part` in the place of `path`, with all files there that are not ours.

    At every moment each of these files stands under `path`, or, where the system cannot swap two folders in one step,
    under the name to which `restore_interrupted` looks.
    """
    old = Path(tempfile.mkdtemp(prefix=temporary_prefix(path), suffix=".old", dir=path.parent)) / path.name
    try:
        _carry_over(path, part, kind)
        if _exchange(part, path):
            os.rename(part, old)
        else:
            _move_in_two_steps(part, path, old)
        _collect(old, path, kind)
    except OSError as error:
        kept = f"; what was in it is in {old}" if old.exists() else ""
        raise UserError(f"cannot replace {path} ({error.strerror}){kept}: choose another name with -o") from error
    else:
        shutil.rmtree(old, ignore_errors=True)
    finally:
        if not old.exists():
            old.parent.rmdir()


def _carry_over(path: Path, part: Path, kind: FolderKind) -> None:
    """Link the files that are not ours into the new folder, or copy them where the file system has no hard links."""
    made = []
    for relative in _foreign(path, kind):
        source, target = path / relative, part / relative
        if source.is_dir() and not source.is_symlink():
            if not target.is_dir():
                target.mkdir()
                made.append(relative)
            continue
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, target, follow_symlinks=False)
    for relative in reversed(made):
        shutil.copystat(path / relative, part / relative)


def _exchange(part: Path, path: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    return rename is not None and rename(_AT_FDCWD, os.fsencode(part), _AT_FDCWD, os.fsencode(path),
                                         _RENAME_EXCHANGE) == 0


def _move_in_two_steps(part: Path, path: Path, old: Path) -> None:
    """The old folder is back in place if the second step fails."""
    os.rename(path, old)
    try:
        os.rename(part, path)
    except OSError:
        os.rename(old, path)
        raise


def _collect(old: Path, path: Path, kind: FolderKind, older: bool = False) -> None:
    """Move into the new folder what was copied, or was written into the old one in the meantime.

    With `older`, the new folder has been in use since then, and what is in it stays; a run was killed while it filled
    or replaced the old one, and its half written files are nobody's.
    """
    for relative in _foreign(old, kind):
        if older and temporary_of(relative) is not None:
            continue
        source, target = old / relative, path / relative
        if source.is_dir() and not source.is_symlink():
            target.mkdir(exist_ok=True)
        elif not os.path.lexists(target) or not older and not os.path.samestat(source.lstat(), target.lstat()):
            os.replace(source, target)
