"""Where images come from: folders, single files, zip archives and npz files, and the images in them.

Paths are shown with forward slashes. A file name may be any bytes: what is not UTF-8 is shown as ``\\xe9``, and a
backslash as two, so that every name can be printed, is unique and leads back to its file.
"""
import hashlib
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from featurize.errors import UserError
from featurize.images.picture import Changed, OutOfMemory, decoding
from featurize.images.read import (EXTENSIONS, Damaged, ImageError, Limits, NotAFile, Picture, Truncated,
                                   Unsupported, from_array, is_image_name, read_bytes, read_image)
from featurize.index.archives import hidden, unpack
from featurize.index.splits import are_parts

FOLDER = "folder"
NPZ = "npz"
ZIP = "zip"
_ARCHIVES = {".zip": ZIP, ".npz": NPZ}
# Sources, and arrays of npz files, that a process keeps open at a time.
_OPEN_SOURCES = 64
_OPEN_ARRAYS = 16
# Longest shape in a message, characters.
_LONGEST_SHAPE = 60


@dataclass(frozen=True)
class Source:
    """A place with images.

    Parameters
    ----------
    site : str
        Its name among several sources; empty where it is the only one.
    root : Path or str
        The folder or archive that the user named.
    kind : str
        ``folder``, ``npz`` or ``zip``.
    files : str
        Where the files of an archive lie unpacked, empty for a folder.
    """

    site: str
    root: Path | str
    kind: str
    files: str = ""


# Control characters of ASCII.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def printable(path: str) -> str:
    """The path as text that every file can hold.

    >>> print(printable(os.fsdecode(b"latin\\xe9.png")))
    latin\\xe9.png
    """
    text = path.replace("\\", "\\\\").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    # Escape sequences would reach terminals and pages, line ends would part the rows of a csv.
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def real_name(shown: str) -> str:
    """The path that `printable` made this of."""
    parts = re.split(r"(\\\\|\\x[0-9a-f]{2})", shown)
    raw = [b"\\" if p == "\\\\" else bytes.fromhex(p[2:]) if at % 2 else p.encode() for at, p in enumerate(parts)]
    return b"".join(raw).decode("utf-8", "surrogateescape")


def find_sources(given: Sequence[Path], cache: Path | None) -> list[tuple[Source, list[str]]]:
    """The sources that the user's paths mean, each with the real relative paths of its single files or its parts
    (train, val, test side by side), if it is made of such; an empty list means "all there is". Archives are unpacked.

    Raises
    ------
    UserError
        A path that does not exist, is given twice, or is neither folder, archive nor image.
    """
    places: list[tuple[Path, str, list[str]]] = []
    for path in given:
        kind = _kind(path)
        if kind == FOLDER and not os.path.isdir(path):
            # Image files that stand on the command line side by side are one source.
            beside = next((files for root, _, files in places if files and root == path.parent), None)
            if beside is None:
                places.append((path.parent, FOLDER, [path.name]))
            elif path.name not in beside:
                beside.append(path.name)
        elif kind == FOLDER and _holds_only_archives(path):
            places += [(inner, _ARCHIVES[inner.suffix.lower()], []) for inner in _archives(path)]
        else:
            places.append((path, kind, []))
    _refuse_twice(places)
    places = _parts_together(places)
    names = _unique_names([root for root, _, _ in places])
    return [(Source(name if len(places) > 1 else "", root, kind, _unpacked(root, kind, cache)), files)
            for name, (root, kind, files) in zip(names, places)]


def _parts_together(places: list[tuple[Path, str, list[str]]]) -> list[tuple[Path, str, list[str]]]:
    """Folders side by side that are called like parts are one source, the folder above them, and not several sites."""
    folders = [root for root, kind, only in places if kind == FOLDER and not only]
    if len(folders) == len(places) and len({root.resolve().parent for root in folders}) == 1 and are_parts(
            [root.name for root in folders]):
        return [(folders[0].parent, FOLDER, [root.name for root in folders])]
    return places


def _kind(path: Path) -> str:
    if os.path.isdir(path):
        return FOLDER
    if not os.path.lexists(path):
        raise UserError(f"{path} does not exist: a folder of images, a zip, an npz or an image file was wanted")
    if os.path.isfile(path) and path.suffix.lower() in _ARCHIVES:
        return _ARCHIVES[path.suffix.lower()]
    if is_image_name(path.name):
        return FOLDER
    raise UserError(f"{path} is not a folder, zip, npz or image file ({', '.join(sorted(EXTENSIONS))})")


def _archives(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir()
                  if p.is_file() and p.suffix.lower() in _ARCHIVES and not hidden(p.name))


def _holds_only_archives(folder: Path) -> bool:
    return bool(_archives(folder)) and next(walk(folder), None) is None


def _unique_names(roots: Sequence[Path]) -> list[str]:
    """Base name without extension, numbered where two are alike."""
    names: list[str] = []
    for root in roots:
        # resolve: a name for "." too
        base = printable(root.resolve().stem if root.suffix.lower() in _ARCHIVES else root.resolve().name) or "root"
        number, name = 1, base
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names


def _refuse_twice(places: Sequence[tuple[Path, str, list[str]]]) -> None:
    seen = [root.resolve() for root, _, _ in places]
    twice = next((root for at, root in enumerate(seen) if root in seen[:at]), None)
    if twice is not None:
        raise UserError(f"{twice} is given twice: name each source once")


def _unpacked(root: Path, kind: str, cache: Path | None) -> str:
    if kind == FOLDER:
        return ""
    return str(unpack(root, is_image_name if kind == ZIP else _is_array_name, cache))


def _is_array_name(name: str) -> bool:
    return name.endswith(".npy")


def walk(root: Path, tops: Sequence[str] = ("",)) -> Iterator[tuple[str, ImageError | None]]:
    """Relative paths (real names, forward slashes) of everything called like an image, and of folders that cannot be
    listed with the error that says so.

    Links to folders are followed, each real folder is read once: under its own name if it lies below `root`, else under
    the first link to it. So a link that leads back up ends there. `tops` are the folders and files in `root` to begin
    with.
    """
    seen: set[tuple[int, int]] = set()
    linked: list[str] = []
    queue = [top for top in tops if os.path.isdir(root / top)]
    yield from ((top, None) for top in tops if top not in queue)
    while queue or linked:
        relative = queue.pop() if queue else linked.pop(0)
        try:
            status = os.stat(root / relative)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / relative) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield relative, ImageError(f"the folder cannot be listed: {error.strerror or error}")
            continue
        for entry in listed:
            path = f"{relative}/{entry.name}" if relative else entry.name
            if hidden(entry.name):
                continue
            if _is_folder(entry):
                (linked if entry.is_symlink() else queue).append(path)
            elif is_image_name(entry.name):
                yield path, None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a loop: reading it will say so


def source_of(sources: Sequence[Source], site: str | None) -> Source:
    """The source that a row of an index comes from.

    Raises
    ------
    KeyError
        No source has that name.
    """
    if len(sources) == 1:
        return sources[0]
    found = next((source for source in sources if source.site == site), None)
    if found is None:
        raise KeyError(f"no source is called {site!r}; there are: {', '.join(s.site for s in sources)}")
    return found


def load(source: Source, path: str, *, limits: Limits = Limits(), frame: int | None = None,
         sha256: str = "") -> Picture:
    """Read one image of an index again, also in another process.

    Parameters
    ----------
    source : Source
        Of `Index.sources`, or made from the columns that a table kept.
    path : str
        As it stands in the index.
    sha256 : str
        Of the file when the index was made; without it any content is taken.

    Raises
    ------
    ImageError
        As `read_image`; the path leaves the folder; `Changed` if the file is another one than in the index.
    UserError
        The archive is gone or was damaged since.
    """
    if source.kind == NPZ:
        return _npz_picture(source, path)
    root, name = _files(str(source.root), source.kind, source.files), Path(real_name(path))
    # No index has such a path: in a table that a stranger made it would show a file beside the images.
    if name.is_absolute() or ".." in name.parts:
        raise ImageError(f"{path} leaves the folder of the images: make the table again with `python cli.py featurize`")
    content = read_bytes(root / name, limits)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise Changed("the file was changed since the images were listed: run the same command again")
    return read_image(content, limits=limits, frame=frame)


@lru_cache(maxsize=_OPEN_SOURCES)
def _files(root: str, kind: str, files: str) -> Path:
    """Where the files lie; an archive whose cache was emptied is unpacked again, once a process."""
    if kind == FOLDER:
        return Path(root)
    return Path(files) if files and os.path.isdir(files) else Path(_unpacked(Path(root), kind, None))


def array_file(source: Source, name: str) -> Path:
    """The unpacked array of an npz file."""
    return _files(str(source.root), source.kind, source.files) / f"{name}.npy"


# Mapped, not loaded: workers share the pages, and a set of any size opens at once.
@lru_cache(maxsize=_OPEN_ARRAYS)
def open_array(file: Path) -> NDArray[Any]:
    """An array of an npz file, mapped into memory; raises ImageError if it is not a whole array of plain values."""
    with decoding("array"):
        with open(file, "rb") as opened:
            _check_header(opened)
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


def _check_header(file: BinaryIO) -> None:
    """The shape and the size of the values, in Python's integers: numpy's own overflow, or are taken for bools."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    shown = str(shape)[:_LONGEST_SHAPE]
    if dtype.hasobject:
        raise Unsupported("the array holds Python objects")
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise Damaged(f"the header says the shape {shown}")
    held = os.fstat(file.fileno()).st_size - file.tell()
    if math.prod(shape) * dtype.itemsize > held:
        raise Truncated(f"the header says the shape {shown}, and only {held:,} bytes of values follow")


def _npz_picture(source: Source, path: str) -> Picture:
    part, _, number = path.rpartition("/")
    try:
        images = open_array(array_file(source, f"{part}_images" if part else "images"))
        return from_array(images[int(number)])
    except (ValueError, IndexError):
        raise NotAFile(f"{Path(source.root).name} has no image {path}") from None
    except MemoryError:
        raise OutOfMemory("the memory does not suffice to read it") from None
