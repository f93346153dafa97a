"""Files that appear whole or not at all."""
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from featurize.errors import UserError
from featurize.runtime.cells import safe_cells
from featurize.runtime.leftovers import temporary_prefix

# Numbers of the errors by which nothing more can be written: the disk, the quota or the largest size of a file is full.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def naming_full_disk(path: Path, option: str = "-o") -> Iterator[None]:
    """Within the block a full disk is told as one line that names `path`; every other error passes.

    Blocks may stand in each other: the outermost names its path, for the others are temporary.

    Parameters
    ----------
    path : Path
    option : str
        The option that names the path on the command line.

    Raises
    ------
    UserError
    """
    try:
        yield
    except (OSError, UserError) as error:
        cause = error.__cause__ if isinstance(error, UserError) else error
        if not isinstance(cause, OSError) or cause.errno not in _NO_ROOM:
            raise
        raise UserError(f"{path} cannot be written ({os.strerror(cause.errno)}): make room there, or choose another "
                        f"place with {option}") from cause


def _mode_for_new_files() -> int:
    """The permissions that a plain `open` would give: the umask can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def replacing(path: Path, *, durable: bool = True, option: str = "-o") -> Iterator[Path]:
    """Write under another name, then move to `path` in one step.

    Parameters
    ----------
    path : Path
        The final name. Its folder is made if it is missing.
    durable : bool
        Flush to disk first, so that not even a power cut leaves an empty file under the final name.
    option : str
        The option that names the path on the command line.

    Yields
    ------
    Path
        A temporary name in the same folder (a rename is atomic only within one file system), for the caller to write.
        When the block ends it is renamed; when the block raises it is removed.

    Raises
    ------
    UserError
        The folder cannot be made or written, or `path` is a folder, or the disk is full.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, a file was wanted: give another name with {option}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=temporary_prefix(path), suffix=".part", dir=path.parent)
    except OSError as error:
        raise UserError(f"cannot write into {path.parent} ({error.strerror}): choose another place with "
                        f"{option}") from error
    os.close(handle)
    part = Path(name)
    try:
        with naming_full_disk(path, option):
            yield part
            if durable:
                with part.open("rb+") as written:
                    os.fsync(written.fileno())
            # mkstemp makes files that only their owner can read; a result is meant to be shared.
            part.chmod(_mode_for_new_files())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text under its final name in one step; line ends stay as they are."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def json_bytes(content: object) -> bytes:
    """Plain data as JSON in UTF-8; NaN is refused."""
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_json(content: object, path: Path) -> None:
    """Write plain data as JSON under its final name in one step; NaN is refused."""
    with replacing(path) as part:
        part.write_bytes(json_bytes(content))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV under its final name in one step; names that are no text are escaped (`safe_cells`)."""
    with replacing(path) as part:
        safe_cells(table).to_csv(part, index=False, float_format="%.9g", errors="backslashreplace")


def wanted_suffix(path: Path, suffixes: Sequence[str]) -> str:
    """The ending of an output's name.

    Raises
    ------
    UserError
        It is none of the given ones.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        wanted = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}" if len(suffixes) > 1 else suffixes[0]
        raise UserError(f"the output {path} was given, a name ending in {wanted} was wanted: -o {path.stem}"
                        f"{suffixes[0]}")
    return suffix
