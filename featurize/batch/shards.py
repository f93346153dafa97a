"""Measured chunks on disk, so that a run that was stopped goes on where it was; elsewhere: `remote_shards.py`.

Beside the table `t.parquet` stands `t.parquet.shards/<key>/<number>.npz` while the run lasts. The key is a hash of all
that decides the numbers (images by content, preset, block versions), so shards of other settings are never mixed in:
their folder has another name and is removed.
"""
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from featurize.batch.chunks import Fault, MeasuredChunk
from featurize.images.picture import ImageError, decoding
from featurize.runtime.files import replacing

_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Shards:
    """The folder that holds the finished chunks of one run.

    Parameters
    ----------
    folder : Path
        `<table>.shards`.
    key : str
        16 hex digits: the hash of what is measured and how.
    """

    folder: Path
    key: str

    def open(self) -> None:
        """Remove the shards of other settings. Only folders that have a key for a name are touched."""
        if self.folder.is_dir():
            for other in self.folder.iterdir():
                if _KEY.fullmatch(other.name) and other.name != self.key:
                    shutil.rmtree(other)

    def close(self) -> None:
        """Remove this run's shards, and their folder if nothing else is in it."""
        shutil.rmtree(self.folder / self.key, ignore_errors=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def has(self, number: int) -> bool:
        """Whether a chunk is kept."""
        return self._path(number).is_file()

    def _path(self, number: int) -> Path:
        return self.folder / self.key / f"{number:06d}.npz"

    def write(self, number: int, chunk: MeasuredChunk) -> None:
        """Keep one finished chunk; not flushed to disk, for a shard that a power cut tears is measured again."""
        with replacing(self._path(number), durable=False) as part, part.open("wb") as file:
            write_chunk(chunk, file)

    def read(self, number: int) -> MeasuredChunk | None:
        """A chunk that an earlier run finished; None where there is none, or a damaged one."""
        try:
            with decoding("npz"), self._path(number).open("rb") as file:
                return read_chunk(file)
        except ImageError:
            return None


def write_chunk(chunk: MeasuredChunk, file: BinaryIO) -> None:
    """Write a chunk as npz; the same chunk gives the same bytes."""
    faults = np.array([[f.image_id, f.error, f.reason] for f in chunk.faults], dtype=np.str_).reshape(-1, 3)
    np.savez(file, image_ids=np.array(chunk.image_ids, dtype=np.str_), names=np.array(chunk.names, dtype=np.str_),
             values=chunk.values, sizes=chunk.sizes, fingerprints=chunk.fingerprints, faults=faults)


def read_chunk(file: BinaryIO) -> MeasuredChunk | None:
    """Read a chunk that `write_chunk` wrote; None if it is damaged."""
    try:
        with decoding("npz"), np.load(file, allow_pickle=False) as kept:
            chunk = MeasuredChunk(tuple(kept["image_ids"].tolist()), tuple(kept["names"].tolist()),
                                  kept["values"], kept["sizes"], kept["fingerprints"],
                                  tuple(Fault(*fault) for fault in kept["faults"].tolist()))
    except (ImageError, MemoryError):
        return None
    return chunk if _is_whole(chunk) else None


def _is_whole(chunk: MeasuredChunk) -> bool:
    """Whether the parts of a chunk belong together."""
    n, arrays = len(chunk.image_ids), (chunk.values, chunk.sizes, chunk.fingerprints)
    return (all(array.ndim == 2 and len(array) == n for array in arrays) and chunk.sizes.shape[1] == 2
            and chunk.values.shape[1] == len(chunk.names)
            and [array.dtype for array in arrays] == [np.float32, np.int64, np.uint8])
