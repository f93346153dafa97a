"""Names of what a run writes for each file it reads, kept in a mark in the output folder from run to run."""
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurize.runtime.seal import unsealed

# A name of a file has at most 255 bytes. 40 are left for suffixes and for a temporary name.
_LONGEST_NAME_BYTES = 215
# Characters of a name that are kept where it is too long or another file has it: 4 bytes each at most.
_KEPT_CHARACTERS = 40
# Hexadecimal digits of a hash of the path behind them.
_HASH_DIGITS = 8


def read_stems(mark: Path) -> dict[str, str]:
    """Stem of every file that was ever read into a folder, by its path; empty if there is no whole mark."""
    try:
        content = unsealed(json.loads(mark.read_text(encoding="utf-8")))
        return {str(path): str(stem) for path, stem in content["stems"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def hashed_stem(path: str) -> str:
    """A stem that no other path has: the beginning of the name, and a hash of the whole path.

    Examples
    --------
    >>> hashed_stem("ward/field.png")
    'ward/field.png-cbdfb8ca'
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, f"{name[:_KEPT_CHARACTERS]}-{hashlib.sha256(path.encode()).hexdigest()[:_HASH_DIGITS]}")


def choose_stems(paths: Sequence[str], earlier: Mapping[str, str]) -> dict[str, str]:
    """The stem of each file: its path without ending, with a hash where two would write the same files or it is long.

    Parameters
    ----------
    paths : sequence of str
        Paths as results name them.
    earlier : mapping of path to stem
        Of earlier runs into the folder: they stay as they are, and nobody else gets them.

    Examples
    --------
    >>> choose_stems(["a.png", "b.png"], {"b.png": "b-of-old"})
    {'a.png': 'a', 'b.png': 'b-of-old'}
    """
    taken = {same_name(stem) for stem in earlier.values()}
    plain = {path: os.path.splitext(path)[0] for path in paths}
    count = Counter(same_name(stem) for stem in plain.values())
    found = {}
    for path, stem in plain.items():
        if count[same_name(stem)] > 1 or same_name(stem) in taken or is_long(stem):
            stem = hashed_stem(path)
        found[path] = earlier.get(path, stem)
    return found


def is_long(stem: str) -> bool:
    """Whether a file system may refuse a name with a suffix behind it."""
    return len(os.path.basename(stem).encode()) > _LONGEST_NAME_BYTES


def same_name(name: str) -> str:
    """Alike for names that some file systems take for one: case, and how accents are stored."""
    return unicodedata.normalize("NFC", name).casefold()
