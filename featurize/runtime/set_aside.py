"""Results that somebody changed are kept under another name when a run writes them anew."""
import hashlib
import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from featurize.runtime.files import replacing
from featurize.runtime.seal import sha256_of

# What is put before the ending of a file's name.
_CHANGED = ".changed"
# That, as it stands in a name.
_SET_ASIDE = re.compile(r"\.changed(-\d+)?(?=\.[^.]*$)")


def write_keeping(content: bytes, file: Path, written: str | None) -> list[Path]:
    """Write a result in one step; what somebody made of an earlier one is kept under another name.

    Parameters
    ----------
    content : bytes
    file : Path
        The final name. Not flushed to disk.
    written : str or None
        SHA-256 of what the last finished run wrote there, as 64 hex digits; None where none did, or none knows. A file
        that holds `content` already is of a run that was killed before it was finished.

    Returns
    -------
    list of Path
        The new name of what was kept, see `set_aside`; empty where there was nothing to keep.
    """
    own = (written, hashlib.sha256(content).hexdigest())
    kept = [set_aside(file)] if written is not None and is_changed(file, *own) else []
    with replacing(file, durable=False) as part:
        part.write_bytes(content)
    return kept


def is_changed(file: Path, *own: str | None) -> bool:
    """Whether a file holds something, and none of what is ours; `own` are SHA-256."""
    return file.is_file() and file.stat().st_size > 0 and sha256_of(file) not in own


def set_aside(file: Path) -> Path:
    """Give a file another name: the first free one of ``name.changed.csv``, ``name.changed-2.csv``, ..."""
    for number in count(1):
        free = file.with_name(f"{file.stem}{_CHANGED}{f'-{number}' if number > 1 else ''}{file.suffix}")
        if not free.exists() and not free.is_symlink():
            return file.rename(free)
    raise AssertionError("there is always a free number")


def set_aside_lines(names: Iterable[str]) -> list[str]:
    """What a run says of the files that it set aside, a line each.

    Examples
    --------
    >>> set_aside_lines(["page.changed.csv"])
    ['page.csv was changed after it was written: your version is kept as page.changed.csv']
    """
    return [f"{_SET_ASIDE.sub('', name)} was changed after it was written: your version is kept as {name}"
            for name in names]
