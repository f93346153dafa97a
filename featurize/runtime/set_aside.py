"""Results that somebody changed are kept under another name before a run writes them anew."""
import re
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from featurize.runtime.seal import sha256_of

# What is put before the ending of a file's name.
_CHANGED = ".changed"
# That, as it stands in a name.
_SET_ASIDE = re.compile(r"\.changed(-\d+)?(?=\.[^.]*$)")


def set_aside_changed(written: Mapping[Path, str]) -> list[Path]:
    """Give another name to each file that is not as a run wrote it.

    Parameters
    ----------
    written : mapping of file to str
        SHA-256 of what the run wrote, as 64 hex digits. A file that is gone, empty or a folder is passed over.

    Returns
    -------
    list of Path
        The new names: ``name.changed.csv`` for ``name.csv``, or the first free one of ``name.changed-2.csv``, ...
    """
    return [set_aside(file) for file, sha256 in written.items()
            if file.is_file() and file.stat().st_size and sha256_of(file) != sha256]


def set_aside(file: Path) -> Path:
    """Give a file the first free name of `set_aside_changed`; the new name."""
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
