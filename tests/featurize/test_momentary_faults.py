"""What one run could not read for want of memory, another one reads; damaged chunks are measured again."""
import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fuzz_files import by_pillow
from test_workers import requests, task

from featurize.batch.chunks import Fault, MeasureTask, measure_chunk
from featurize.batch.execute import Execution, measure, requests_of
from featurize.batch.shards import Shards
from featurize.errors import UserError
from featurize.images.picture import OutOfMemory
from featurize.index.build import build_index
from featurize.presets.load import load_preset
from featurize.run import featurize
from featurize.runtime.cells import original_cells, safe_cells
from featurize.runtime.files import write_csv
from featurize.runtime.folders import FolderKind, replacing_folder


@pytest.mark.parametrize("reason, again", [("out_of_memory", True), ("crashed", True), ("unreadable", True),
                                           ("truncated", False), ("internal", False)])
def test_a_resumed_run_measures_again_what_failed_by_the_moment(reason: str, again: bool, tmp_path: Path) -> None:
    shards = Shards(tmp_path / "s", "0" * 16)
    two = requests(2)
    first = dataclasses.replace(measure_chunk(task(), two[:1]), faults=(Fault("1", "words", reason),))
    shards.write(0, first)
    found, _ = measure({0: two}, {}, task(), Execution(1, None, shards, False))
    assert found[0].image_ids == (("0", "1") if again else ("0",))
    assert bool(found[0].faults) != again


def test_chunks_share_the_names_of_their_columns(tmp_path: Path) -> None:
    four, shards = requests(4), Shards(tmp_path / "s", "0" * 16)
    new, _ = measure({0: four[:2], 1: four[2:]}, {}, task(), Execution(1, None, shards, False))
    kept, _ = measure({0: four[:2], 1: four[2:]}, {}, task(), Execution(1, None, shards, False))
    assert new[0].names is new[1].names and kept[0].names is kept[1].names


def test_memory_that_does_not_suffice_is_a_reason_of_its_own() -> None:
    class Hungry(MeasureTask):
        def picture(self, request: object) -> object:
            raise OutOfMemory("the memory does not suffice to decode it")
    fault, = measure_chunk(Hungry((), load_preset("whole"), None), requests(1)).faults
    assert fault.reason == "out_of_memory" and fault.of_the_moment


def test_a_file_that_was_swapped_after_the_listing_is_a_fault(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(by_pillow("PNG") + label.encode())
    index = build_index([tmp_path])
    (tmp_path / "b" / "1.png").write_bytes(by_pillow("PNG") + b"other")
    found = measure_chunk(MeasureTask(tuple(index.sources), load_preset("whole"), None), requests_of(index.frame))
    assert len(found.image_ids) == 1 and [fault.reason for fault in found.faults] == ["changed"]


def test_a_damaged_chunk_is_none_or_the_same(tmp_path: Path) -> None:
    shards = Shards(tmp_path / "s", "0" * 16)
    chunk = measure_chunk(task(), requests(3))
    shards.write(0, chunk)
    path = next((tmp_path / "s" / ("0" * 16)).iterdir())
    whole, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(damaged) if random.random() < 0.8 else whole[:random.integers(len(whole))])
        read = shards.read(0)
        refused += read is None
        assert read is None or np.array_equal(read.values, chunk.values, equal_nan=True)
    assert refused > 100


@pytest.mark.parametrize("text, message", [
    ("normalize = []", "normalize is \\[\\], a text was wanted"), ("blocks = 5", "blocks is 5, a table was wanted"),
    ("segment = {a=1}", "segment is .*, a text was wanted"), ("name = 5", "name is 5, a text was wanted"),
    ("[blocks.color]\nbins = -3", "bins is -3, a number from 0 to 1000 was wanted"),
    ("[blocks.color]\nbins = 100000000", "bins is 100000000, a number from 0 to 1000 was wanted")])
def test_settings_of_a_wrong_type_or_size_are_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        load_preset("whole", tmp_path / "s.toml")


def test_half_filled_folders_of_killed_runs_are_removed_after_a_day(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".run.aaaaaaaa.part", ".run.bbbbbbbb.part",
                                                    ".runs.aaaaaaaa.part"))
    for place in (old, new, other):
        place.mkdir()
        (place / "half").write_text("x")
    for place in (old, other):
        os.utime(place, (1e9, 1e9))
    with replacing_folder(tmp_path / "run", FolderKind("m.json", frozenset(("m.json",)))) as part:
        (part / "m.json").write_text("{}")
    assert not old.exists() and new.exists() and other.exists()


def test_half_written_files_of_killed_runs_are_removed_after_a_day_and_no_others(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "in" / label).mkdir(parents=True)
        (tmp_path / "in" / label / "1.png").write_bytes(by_pillow("PNG"))
    ours = {".t.parquet.abcd_123.part", ".t.errors.csv.abcdefgh.part"}
    others = {".u.parquet.abcd_123.part", "t.parquet.abcd_123.part", ".t.parquet.part", ".t.parquet.ABCDEFGH.part"}
    for name in ours | others:
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / ".t.parquet.new00000.part").write_text("of a run that is under way")
    featurize(build_index([tmp_path / "in"]), load_preset("whole"), tmp_path / "t.parquet", jobs=1)
    left = {path.name for path in tmp_path.iterdir() if path.name.endswith(".part")}
    assert left == others | {".t.parquet.new00000.part"}


def test_cells_are_no_formulas_and_end_no_row(tmp_path: Path) -> None:
    texts = ["=HYPERLINK(1)", "@SUM(1)", "-1.png", "+5", "a\rb", "a\nb", "plain", "-cmd|' /C calc'!A0"]
    write_csv(pd.DataFrame({"path": texts, "n": range(8)}), tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv")
    assert read["path"].tolist() == ["'=HYPERLINK(1)", "'@SUM(1)", "-1.png", "+5", "a\\rb", "a\nb", "plain",
                                     "'-cmd|' /C calc'!A0"]
    table = pd.DataFrame({"path": ["=1", "'quoted'", "x"]})
    assert original_cells(safe_cells(table)).equals(table)


# Writers of CSV whose cells are numbers and names of our own, a hash, or a table with texts in quotes and a digest.
NO_TEXTS_OF_OTHERS = {"classify/runtime/curve_log.py", "ecg/outputs.py", "ecg/simulate/demo.py",
                      "featurize/csv_table.py", "featurize/run.py"}


def test_every_other_writer_of_csv_makes_its_cells_safe() -> None:
    root = Path(__file__).parents[2]
    rooms = [root / name for name in ("featurize", "classify", "ecg")]
    files = [root / "cli.py", *(file for room in rooms for file in room.rglob("*.py"))]
    unsafe = {file.relative_to(root).as_posix() for file in files for line in file.read_text("utf-8").splitlines()
              if ".to_csv(" in line and "safe_cells(" not in line}
    assert unsafe == NO_TEXTS_OF_OTHERS
