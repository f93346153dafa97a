"""Zip archives and npz files, unpacked once into a cache.

An archive is somebody else's input: only members that are wanted are written, under checked names, as plain files, and
no more of them than the caps allow. The unpacked folder appears under its final name when it is whole.
"""
import hashlib
import lzma
import os
import re
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from featurize.errors import UserError
from featurize.images.picture import fault_of
from featurize.runtime.leftovers import remove_leftovers, temporary_folder

# A path that starts with the letter of a drive of Windows.
_DRIVE = re.compile("[A-Za-z]:")
# What zipfile raises on broken archives.
_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)

# Bytes before the data of a member, without its name and extra fields.
_LOCAL_HEADER_BYTES = 30
# Bytes that are copied at a time.
_COPIED_BYTES = 2 ** 20


@dataclass(frozen=True)
class Caps:
    """What is unpacked at most.

    Parameters
    ----------
    bytes : int
        All files of an archive together, unpacked.
    members : int
        Number of its files.
    ratio : int
        Unpacked size over packed size; only for archives that unpack to more than `ratio_from` bytes.
    ratio_from : int
    """

    bytes: int = 64 * 2 ** 30
    members: int = 2_000_000
    ratio: int = 250
    ratio_from: int = 256 * 2 ** 20


def cache_folder(cache: Path | None = None) -> Path:
    """Where unpacked files go: as given, else $PELLUCID_CACHE, else the user's cache folder on this platform."""
    if cache is not None:
        return Path(cache)
    if os.environ.get("PELLUCID_CACHE"):
        return Path(os.environ["PELLUCID_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pellucid"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pellucid"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pellucid"


def hidden(name: str) -> bool:
    """Names that start with a dot or an underscore are not read."""
    return name.startswith((".", "_"))


def unpack(archive: Path, wanted: Callable[[str], bool], cache: Path | None = None, caps: Caps = Caps()) -> Path:
    """The folder with an archive's files, unpacked now or earlier.

    Parameters
    ----------
    archive : Path
        A zip or npz file.
    wanted : callable
        Is this file name (without folders) to be unpacked? Hidden ones never are.
    cache : Path, optional
        See `cache_folder`; the files lie in ``zips/<sha256 of the archive>`` (or ``npzs/...``) there.
    caps : Caps

    Raises
    ------
    UserError
        Not a file or archive, damaged, encrypted, over the caps, with paths or links that lead out of it, or no room.
    """
    # By kind, as other members of the same bytes may be wanted under another extension.
    home = cache_folder(cache) / f"{archive.suffix.lower().lstrip('.')}s"
    try:
        # Reading a pipe or a device would never end.
        if not archive.is_file():
            raise UserError(f"{archive} is not a file, a zip or npz archive was wanted")
        with open(archive, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        final = home / digest
        if not final.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            _unpack_whole(archive, wanted, final, caps)
        return final
    except OSError as error:
        raise UserError(f"{archive} cannot be unpacked into {home} ({error.strerror or error}): "
                        "make room, or set PELLUCID_CACHE to another folder") from None


def _unpack_whole(archive: Path, wanted: Callable[[str], bool], final: Path, caps: Caps) -> None:
    """Unpack into a temporary neighbour and rename it: whoever comes first wins, nobody sees half an archive."""
    remove_leftovers([final])
    with temporary_folder(final) as part:
        _unpack_into(archive, wanted, final, part, caps)


def _unpack_into(archive: Path, wanted: Callable[[str], bool], final: Path, part: Path, caps: Caps) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_overlap(archive, opened)
            members = _members(archive, opened, wanted)
            _check_caps(archive, members, part, caps)
            for member, path in members:
                _write(opened, member, part / path)
        try:
            part.rename(final)
        except OSError:
            if not final.is_dir():
                raise
    except _FAULTS as error:
        raise UserError(f"{archive} is not a whole zip archive ({fault_of('zip', error)}): pack it again, or unpack it "
                        "yourself and give the folder") from None


def _members(archive: Path, opened: zipfile.ZipFile,
             wanted: Callable[[str], bool]) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The members to write and their checked relative paths."""
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for member in opened.infolist():
        # Archives made on Windows may part folders with backslashes.
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)):
            raise UserError(f"{archive} holds the path {member.filename!r}, which leads out of it: not unpacked")
        if member.is_dir() or any(hidden(part) for part in path.parts) or not wanted(path.name):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UserError(f"{archive} holds the link {member.filename!r}: put the file itself into the archive")
        if member.flag_bits & 1:
            raise UserError(f"{archive} is encrypted: unpack it yourself and give the folder")
        if path in found:
            raise UserError(f"{archive} holds {member.filename!r} twice: pack it again")
        found[path] = member
    return [(member, path) for path, member in found.items()]


def _check_overlap(archive: Path, opened: zipfile.ZipFile) -> None:
    """No two members share bytes: a small archive would unpack to any size (Fifield 2019, "A better zip bomb")."""
    end = 0
    for member in sorted(opened.infolist(), key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise UserError(f"{archive} holds {member.filename!r} in the bytes of another file: not unpacked")
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size


def _check_caps(archive: Path, members: list[tuple[zipfile.ZipInfo, PurePosixPath]], part: Path, caps: Caps) -> None:
    """Sizes as the archive declares them; zipfile never writes more than that."""
    total = sum(member.file_size for member, _ in members)
    packed = max(sum(member.compress_size for member, _ in members), 1)
    free = shutil.disk_usage(part).free
    if len(members) > caps.members:
        raise UserError(f"{archive} holds {len(members):,} files, at most {caps.members:,} are unpacked")
    if total > caps.bytes:
        raise UserError(f"{archive} unpacks to {total:,} bytes, at most {caps.bytes:,} are unpacked")
    if total > caps.ratio_from and total / packed > caps.ratio:
        raise UserError(f"{archive} unpacks to {total / packed:.0f} times its size, images do not: not unpacked")
    if total > free:
        raise UserError(f"{archive} unpacks to {total:,} bytes, {free:,} are free in {part.parent}: make room, or set "
                        "PELLUCID_CACHE to another folder")


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, open(target, "xb") as file:
        shutil.copyfileobj(source, file, _COPIED_BYTES)
