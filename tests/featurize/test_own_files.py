"""featurize replaces what it wrote, and nothing else."""
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from featurize import run
from featurize.errors import UserError
from featurize.index.build import Index, build_index
from featurize.presets.load import Preset, load_preset
from featurize.run import featurize, write_errors


@pytest.fixture(scope="module")
def index(cell_folder: Path) -> Index:
    return build_index([cell_folder])


@pytest.fixture(scope="module")
def preset() -> Preset:
    whole = load_preset("whole")
    return replace(whole, blocks={"color": whole.blocks["color"]})


@pytest.mark.parametrize("name,content", [
    ("t.parquet", b"file,label\na.png,1\n"), ("t.parquet", b"\x89PNG\r\n\x1a\n"), ("t.parquet", b"PAR1 cut off"),
    ("t.perturbed.parquet", b"mine"), ("t.errors.csv", b"my notes\n"), ("t.errors.csv", b"path,error\n"),
    ("t.errors.csv", b"path,error,reason,doctor\n"), ("t.csv", b"image_id,path\n"), ("t.csv", b"\xff\xfe\0")])
def test_files_of_others_are_refused_before_anything_is_measured(tmp_path, monkeypatch, index, preset, name, content):
    monkeypatch.setattr(run, "_measure", None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is there already and is not .*so it is not replaced: choose"):
        featurize(index, preset, tmp_path / ("t.csv" if name == "t.csv" else "t.parquet"), jobs=1)
    assert (tmp_path / name).read_bytes() == content and len(list(tmp_path.iterdir())) == 1


def test_a_parquet_file_of_another_program_is_refused(tmp_path, index, preset):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="not a table that featurize wrote"):
        featurize(index, preset, tmp_path / "t.parquet", jobs=1)


def test_its_own_files_and_empty_ones_are_replaced(tmp_path, index, preset):
    for name in ("t.parquet", "t.errors.csv"):
        (tmp_path / name).touch()
    featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    first = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.errors.csv").write_text("path,error,reason\nx.png,broken,damaged\n")
    featurize(index, preset, tmp_path / "t.parquet", jobs=1)
    assert (tmp_path / "t.parquet").read_bytes() == first and not (tmp_path / "t.errors.csv").exists()


def test_predict_replaces_no_file_of_others_with_its_errors(tmp_path):
    (tmp_path / "p.errors.csv").write_text("my notes\n")
    for errors in (pd.DataFrame({"path": []}), pd.DataFrame({"path": ["x"], "error": ["broken"], "reason": ["y"]})):
        with pytest.raises(UserError, match="p.errors.csv is there already"):
            write_errors(errors, tmp_path / "p.errors.csv")
    assert (tmp_path / "p.errors.csv").read_text() == "my notes\n"
