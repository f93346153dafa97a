"""What killed runs leave half written beside their results: whose it is, and when it is nobody's any more.

The temporary name of a file or folder tells the process that writes it: ``.<final name>.<process>-<machine>-<letters>``
and ``.part``, ``.parts`` for a folder of files that are moved one by one, ``.old`` for a folder that is being replaced.
Older versions wrote ``.<final name>.<letters>.part``.
"""
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

# Age at which something half written is nobody's, whoever wrote it, s.
LEFTOVER_S = 24 * 3600
# Hexadecimal digits that tell a machine: with them the longest temporary name has 255 bytes, see `runtime.stems`.
_MACHINE_DIGITS = 5
# Ending of a folder whose files are moved out of it one by one.
_PARTS = ".parts"
# The eight letters are those of `tempfile`.
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?:(?P<process>[0-9a-f]{1,8})-(?P<machine>[0-9a-f]{5})-)?[a-z0-9_]{8}"
                        r"\.(?:parts?|old)", re.DOTALL)
# Linux: another number after every start of the machine, and another one for the processes of each container.
_BOOT, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def temporary_prefix(path: Path) -> str:
    """The beginning of the name under which this process writes what will be `path`, for `tempfile`."""
    return f".{path.name}.{os.getpid():x}-{_machine() or '0' * _MACHINE_DIGITS}-"


def temporary_of(left: Path) -> str | None:
    """The final name of something half written, by its own name; None where it bears no temporary name."""
    found = _TEMPORARY.fullmatch(left.name)
    return found["name"] if found else None


def is_leftover(left: Path) -> bool:
    """Whether something with a temporary name is nobody's.

    It is where its process ran on this machine and is gone, and where it is a day old: processes of other machines, and
    those of older versions, are not known.
    """
    found = _TEMPORARY.fullmatch(left.name)
    if found is None:
        return False
    if found["process"] and found["machine"] == _machine() and not is_running(int(found["process"], 16)):
        return True
    try:
        return time.time() - left.lstat().st_mtime > LEFTOVER_S
    except FileNotFoundError:
        return False


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove what killed runs left half written in the folders of some files; each folder is listed once.

    Parameters
    ----------
    paths : iterable of Path
        Final names that were given to `featurize.runtime.files.replacing`. Of names that tell no process only these are
        removed: a file of somebody else may be called so.
    """
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    for folder in (folder for folder in names if folder.is_dir()):
        # A folder may be one that others write into, and that cannot be listed; what cannot be removed stays.
        with suppress(OSError):
            for left in folder.iterdir():
                with suppress(OSError):
                    _remove(left, names[folder])


def _remove(left: Path, names: set[str]) -> None:
    found = _TEMPORARY.fullmatch(left.name)
    if not found or left.is_symlink() or not is_leftover(left):
        return
    if left.is_file() and (found["process"] or found["name"] in names):
        left.unlink(missing_ok=True)
    elif left.suffix == _PARTS and found["process"]:
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside what will be `path`, for files that are moved from it; it is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=temporary_prefix(path), suffix=_PARTS, dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_filled(folder: Path, *marks: str) -> bool:
    """Whether a folder holds anything but its own mark, half written by a run that was killed first of all.

    Parameters
    ----------
    folder : Path
        It need not exist.
    *marks : str
        Names of the first files that our runs write into such a folder.
    """
    return folder.is_dir() and any(temporary_of(place) not in marks for place in folder.iterdir())


def remove_leftovers_below(folder: Path) -> None:
    """`remove_leftovers` for a folder of our own and the folders in it, whatever the names."""
    if folder.is_dir():
        remove_leftovers([folder / "any", *(place / "any" for place in folder.rglob("*/"))])


def is_running(process: int) -> bool:
    """Whether a process of this machine is alive, whoever's it is. Not for Windows, where asking would end it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def _machine() -> str:
    """Hexadecimal digits of this machine since it was started; "" where the system does not tell."""
    if sys.platform != "linux":
        return ""
    try:
        told = f"{_BOOT.read_text()} {os.readlink(_PROCESSES)}"
    except OSError:
        return ""
    return hashlib.sha256(told.encode()).hexdigest()[:_MACHINE_DIGITS]
