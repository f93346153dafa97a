"""Folders that appear whole or not at all."""
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from featurize.errors import UserError
from featurize.runtime.files import naming_full_disk


@contextmanager
def replacing_folder(path: Path, mark: str) -> Iterator[Path]:
    """Fill a folder under another name, then move it to `path`.

    Parameters
    ----------
    path : Path
        The final name. An older folder of the same kind there is replaced.
    mark : str
        A file that every folder of this kind holds: a folder without it is somebody else's and is left alone.

    Yields
    ------
    Path
        An empty folder beside `path`, for the caller to fill. It is removed when the block raises.

    Raises
    ------
    UserError
        `path` is a file or a folder of another kind, or cannot be written, or the disk is full.
    """
    check_replaceable(path, mark)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise UserError(f"cannot write into {path.parent} ({error.strerror}): choose another place with -o") from error
    try:
        # mkdtemp makes folders that only their owner can open; a result is meant to be shared.
        mask = os.umask(0o022)
        os.umask(mask)
        part.chmod(0o777 & ~mask)
        with naming_full_disk(path):
            yield part
            _move(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_replaceable(path: Path, mark: str) -> None:
    """Refuse a name that belongs to something else: a file, or a filled folder without the file `mark`."""
    if path.is_symlink() or path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file or a link, a folder was wanted: choose another name with -o")
    if path.is_dir() and any(path.iterdir()) and not (path / mark).is_file():
        raise UserError(f"the folder {path} holds other files ({mark} is not among them) and is not overwritten: "
                        "choose another name with -o or empty it")


def _move(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`; what stood there is back in place if that fails."""
    if not path.exists():
        os.rename(part, path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
    os.rename(path, old / path.name)
    try:
        os.rename(part, path)
    except OSError:
        os.rename(old / path.name, path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
