"""Measured chunks at an address of fsspec, such as s3://bucket/prefix: a stopped run goes on from any machine.

What is kept and how is said in `shards.py`. Finished chunks are the objects `<url>/<key>/<number>.npz`. Only those of
the own key are ever removed: other runs may keep theirs under the same address.

Credentials are what the file system of fsspec takes by itself (for s3 the environment, ~/.aws or the role of the
machine); none stands in an address, a message or a table.
"""
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from featurize.batch.chunks import MeasuredChunk
from featurize.batch.shards import read_chunk, write_chunk
from featurize.errors import UserError

_NAME = re.compile(r"(\d{6,})\.npz")
# user:password@ at the beginning of an address.
_SECRET = re.compile(r"://[^/]*@")
# Longest part of another library's message that is repeated, characters.
_MESSAGE = 200


class RemoteShards:
    """The place that holds the finished chunks of one run.

    Parameters
    ----------
    url : str
        An address of fsspec, or a folder.
    key : str
        16 hex digits: the hash of what is measured and how.

    Raises
    ------
    UserError
        fsspec or the library of this protocol is not installed, the protocol is unknown, or a password stands in `url`.
    """

    def __init__(self, url: str, key: str) -> None:
        if _SECRET.search(url):
            raise UserError("--shards was given an address with a user or password in it: give the address alone, and "
                            "the credentials where fsspec looks for them (of s3 the environment or ~/.aws)")
        self.folder, self._kept = url, dict[int, bytes]()
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise UserError("--shards needs the extra 's3': pip install \"pellucid[s3]\"") from error
        try:
            # Folders of a local disk must be made; object stores have none.
            local = {} if "://" in url and not url.startswith(("file://", "local://")) else {"auto_mkdir": True}
            self._fs, place = url_to_fs(url, **local)
        except ImportError as error:
            missing = " (extra 's3': pip install \"pellucid[s3]\")" if url.startswith(("s3:", "s3a:")) else ""
            raise UserError(f"--shards {url} needs a library that is not installed{missing}: {_line(error)}") from error
        except ValueError as error:
            raise UserError(f"--shards {url} was given, an address like s3://bucket/prefix was wanted: "
                            f"{_line(error)}") from error
        self._place = f"{place.rstrip('/')}/{key}"
        self._numbers: set[int] = set()

    def open(self) -> None:
        """List and fetch what an earlier run kept; raises `UserError` where the place cannot be read."""
        with self._reaching():
            self._fs.invalidate_cache()
            found = {path: _NAME.fullmatch(path.rsplit("/", 1)[-1]) for path in self._fs.find(self._place)}
            ours = {path: int(name[1]) for path, name in found.items() if name}
            contents: dict[str, bytes] = self._fs.cat(list(ours)) if ours else {}
        self._kept = {ours[path]: content for path, content in contents.items()}
        self._numbers = set(self._kept)

    def close(self) -> None:
        """Remove this run's chunks; the table is written by then, so that a lost connection leaves them and no more."""
        with suppress(UserError), self._reaching():
            for number in sorted(self._numbers):
                self._fs.rm_file(self._path(number))
            self._fs.invalidate_cache()
            if self._fs.isdir(self._place) and not self._fs.ls(self._place):
                self._fs.rmdir(self._place)

    def has(self, number: int) -> bool:
        """Whether a chunk is kept."""
        return number in self._numbers

    def write(self, number: int, chunk: MeasuredChunk) -> None:
        """Keep one finished chunk; raises `UserError` where it cannot be written."""
        content = io.BytesIO()
        write_chunk(chunk, content)
        with self._reaching():
            self._fs.pipe_file(self._path(number), content.getvalue())
        self._numbers.add(number)

    def read(self, number: int) -> MeasuredChunk | None:
        """A chunk that an earlier run finished; None where there was none when `open` was called, or a damaged one."""
        content = self._kept.pop(number, None)
        return None if content is None else read_chunk(io.BytesIO(content))

    def _path(self, number: int) -> str:
        return f"{self._place}/{number:06d}.npz"

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """What the file system raises as one line."""
        at = f"--shards {self.folder}"
        kept = "finished chunks are kept, and the same command goes on"
        try:
            yield
        except FileNotFoundError as error:
            raise UserError(f"{at}: there is no such bucket or folder; make it first") from error
        except PermissionError as error:
            raise UserError(f"{at}: access denied ({_line(error)}); check the credentials that fsspec takes, of s3 the "
                            f"environment or ~/.aws; {kept}") from error
        except _faults() as error:
            raise UserError(f"{at} cannot be used ({type(error).__name__}: {_line(error)}); {kept}") from error


def _faults() -> tuple[type[BaseException], ...]:
    """What file systems of fsspec raise: OSError, ValueError of an odd address; s3fs lets botocore's errors pass."""
    botocore: Any = sys.modules.get("botocore.exceptions")
    return (OSError, ValueError, NotImplementedError, *((botocore.BotoCoreError,) if botocore else ()))


def _line(error: BaseException) -> str:
    """The beginning of a message, as one line."""
    return " ".join(str(error).split())[:_MESSAGE]
