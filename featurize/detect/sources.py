"""Which files of the named folders are fields."""
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from featurize.detect.job import FieldJob
from featurize.detect.output_folder import is_output_folder, read_stems, with_stems
from featurize.errors import UserError
from featurize.images.read import is_image_name
from featurize.index.sources import printable, walk


def find_fields(given: Sequence[Path], out: Path) -> list[FieldJob]:
    """Image files named, and those in folders named, each with a path and a stem of its own.

    Raises
    ------
    UserError
        A path that does not exist or is no image, or no image anywhere.
    """
    found: list[tuple[Path, str]] = []
    for path in given:
        if not os.path.lexists(path):
            raise UserError(f"{path} does not exist: a folder of fields or an image file was wanted")
        if path.is_dir():
            if is_output_folder(path):
                raise UserError(f"{path} holds results of `detect`: the folder of the fields was wanted")
            found += [(path / name, name) for name in _names_in(path)]
        elif is_image_name(path.name):
            found.append((path, path.name))
        else:
            raise UserError(f"{path} is neither a folder nor an image: PNG, JPEG or TIFF fields were wanted")
    if not found:
        raise UserError(f"no image in {', '.join(map(str, given))}: a folder with PNG, JPEG or TIFF fields was wanted")
    return with_stems(_with_own_paths(found), read_stems(out))


def _names_in(root: Path) -> list[str]:
    """Relative names of the images of a folder, in order, without those that earlier runs wrote."""
    names = [name for name, fault in walk(root) if fault is None]
    results = {folder for name in names for folder in _folders_above(name) if is_output_folder(root / folder)}
    return sorted(name for name in names if results.isdisjoint(_folders_above(name)))


def _folders_above(name: str) -> list[str]:
    return [parent.as_posix() for parent in Path(name).parents]


def _with_own_paths(found: Sequence[tuple[Path, str]]) -> list[tuple[Path, str]]:
    """Each file once, with as many of the folders above it in its path as tell it from the others."""
    parts: dict[Path, int] = {}
    for file, name in found:
        place = Path(os.path.abspath(file))
        parts[place] = max(parts.get(place, 0), name.count("/") + 1)
    while True:
        paths = {place: "/".join(place.parts[-n:]) for place, n in parts.items()}
        count = Counter(paths.values())
        if len(count) == len(paths):
            return [(place, printable(path)) for place, path in paths.items()]
        parts = {place: n + (count[paths[place]] > 1) for place, n in parts.items()}
