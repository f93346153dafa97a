"""A full disk is one line that names the place, and leaves what was there.

The limit on the size of files stands in for a disk: the system refuses to write beyond it in the same way (EFBIG), to
this process as to libraries in C++. Python ignores the signal that comes with it.
"""
import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featurize import run
from featurize.batch.chunks import MeasuredChunk
from featurize.batch.shards import Shards
from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize, write_errors
from featurize.runtime.files import replacing, write_text
from featurize.runtime.folders import PROGRAM, FolderKind, replacing_folder
from featurize.table import TableInfo, write_table

ROOM = 2000  # bytes
KIND = FolderKind("mark", frozenset({"mark", "model"}))


@contextmanager
def little_room(room: int = ROOM) -> Iterator[None]:
    """No file can grow beyond `room` bytes within the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def table_to(path: Path) -> None:
    names = [f"color_{k}" for k in range(300)]
    frame = pd.DataFrame(np.random.default_rng(0).random((9, 300)), columns=names).assign(image_id="x")
    write_table(frame, TableInfo({}, {}, "", [], [], names), path)


def shard_to(path: Path) -> None:
    chunk = MeasuredChunk(("x",), ("a",), np.zeros((1, 1), np.float32), np.ones((1, 2), np.int64),
                          np.zeros((1, 2048), np.float32))
    Shards(path.parent, path.name).write(0, chunk)


def errors_to(path: Path) -> None:
    write_errors(pd.DataFrame({"path": ["x"] * 400, "error": "broken", "reason": "damaged"}), path)


@pytest.mark.parametrize("write", [table_to, shard_to, errors_to, lambda path: write_text("x" * 9000, path)])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path, write) -> None:
    with little_room(), pytest.raises(UserError) as caught:
        write(tmp_path / "results")
    line = str(caught.value)
    assert str(tmp_path / "results") in line and "File too large" in line and "make room" in line and "\n" not in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_stood_there_stays(tmp_path: Path) -> None:
    table_to(tmp_path / "t.parquet")
    before = (tmp_path / "t.parquet").read_bytes()
    with little_room(), pytest.raises(UserError):
        table_to(tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes() == before and os.listdir(tmp_path) == ["t.parquet"]


def test_a_folder_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    def write(model: str) -> None:
        with little_room(), replacing_folder(tmp_path / "run", KIND) as part:
            (part / "mark").write_text(json.dumps({"program": PROGRAM}))
            (part / "model").write_text(model)

    write("old")
    with pytest.raises(UserError, match=f"^{tmp_path / 'run'} cannot be written"):
        write("x" * 9000)
    assert (tmp_path / "run" / "model").read_text() == "old" and os.listdir(tmp_path) == ["run"]


def test_a_file_in_a_folder_that_does_not_fit_names_the_folder(tmp_path: Path) -> None:
    with little_room(), pytest.raises(UserError, match=f"^{tmp_path / 'run'} cannot be written"):
        with replacing_folder(tmp_path / "run", KIND) as part:
            write_text("x" * 9000, part / "model")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_found_at_the_end_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=f"a.txt cannot be written .{os.strerror(number)}"):
        write_text("x", tmp_path / "a.txt")
    assert not os.listdir(tmp_path)


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        (tmp_path / "nowhere").read_text()


@pytest.mark.slow
def test_a_run_on_a_full_disk_goes_on_when_there_is_room(cell_folder: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_preset("whole")
    preset = replace(whole, blocks={"color": whole.blocks["color"]})
    index = build_index([cell_folder])
    monkeypatch.setattr(run, "images_to_perturb", lambda image_ids: [])
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_table", little_room()(write_table))
        with pytest.raises(UserError, match="t.parquet cannot be written"):
            featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert not (tmp_path / "t.parquet").exists()
    assert featurize(index, preset, tmp_path / "t.parquet", jobs=1).resumed == 24
