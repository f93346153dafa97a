"""Damaged image files by the thousand: `python tests/featurize/fuzz_files.py 2000` lists what raises anything but our
errors.

Every file is made here, then bits of it are flipped or its end is cut off; the same seed gives the same files. What was
found stands in test_decoders.py.
"""
import io
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.hostile_files import COLOR, MAKERS, by_pillow, by_tifffile, damaged, dicom
from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.index.sources import load

__all__ = ["COLOR", "MAKERS", "by_pillow", "by_tifffile", "damaged", "dicom", "files", "npz_files", "read_npz"]


def files(count: int) -> Iterator[tuple[str, int, bytes]]:
    """`count` damaged files, the kinds in turn: kind, seed, content."""
    whole = {kind: make() for kind, make in MAKERS.items()}
    for seed in range(count):
        kind = list(whole)[seed % len(whole)]
        yield kind, seed, damaged(whole[kind], seed)


def npz_files(count: int) -> Iterator[tuple[int, bytes]]:
    """`count` npz files of 4 pictures and their labels: seed, content. One array is damaged, or the whole archive."""
    arrays = {"images": np.stack([COLOR] * 4), "labels": np.array(["ant", "bee", "ant", "bee"])}
    for seed in range(count):
        members = {name: _npy(values) for name, values in arrays.items()}
        hit = ("images", "labels", "")[seed % 3]
        if hit:  # most flips in the header, which says what the rest is
            head, rest = members[hit][:128], members[hit][128:]
            members[hit] = damaged(head, seed) + rest
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in members.items():
                file.writestr(f"{name}.npy", content)
        yield seed, buffer.getvalue() if hit else damaged(buffer.getvalue(), seed)


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def read_npz(content: bytes, folder: Path) -> None:
    """Index an npz and read all of its pictures."""
    file = folder / "set.npz"
    file.write_bytes(content)
    index = build_index(file, cache=folder / "cache")
    for path in index.frame["path"]:
        load(index.sources[0], path)


def main(count: int) -> int:
    """Print what got through, the outcomes, and return the number of faults."""
    outcomes: Counter[str] = Counter()
    jobs: list[tuple[str, Callable[[], object]]] = [
        (f"{kind}, seed {seed}", lambda content=content: read_image(content)) for kind, seed, content in files(count)]
    with tempfile.TemporaryDirectory() as folder:
        jobs += [(f"npz, seed {seed}", lambda content=content: read_npz(content, Path(folder)))
                 for seed, content in npz_files(count // 10)]
        for name, job in jobs:
            try:
                job()
                outcomes["read"] += 1
            except (ImageError, UserError) as error:
                outcomes[getattr(error, "reason", "refused")] += 1
                if "\n" in str(error) or len(str(error)) > 400:
                    print(f"{name}: a long line: {str(error)!r}")
                    outcomes["FAULT"] += 1
            except Exception as error:  # what must not get through, of whatever type
                place = traceback.extract_tb(error.__traceback__)[-1]
                print(f"{name}: {type(error).__name__}: {error} ({place.filename}:{place.lineno})")
                outcomes["FAULT"] += 1
    print(dict(outcomes))
    return outcomes["FAULT"]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) > 0)
