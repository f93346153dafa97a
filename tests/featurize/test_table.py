"""The table comes back as it was written, or one line says why not."""
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from featurize.errors import UserError
from featurize.table import KEY, TableInfo, read_table, write_table

INFO = TableInfo(preset={"name": "cell", "blocks": {"color": {"bins": 8}}}, blocks={"color": 1}, index_hash="ab",
                 sources=[{"site": "a", "root": "in", "kind": "folder"}], label_columns=[],
                 features=["cell_color_mean"], nuisance=["whole_quality_focus"])


def make_frame(n: int = 40) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    values[0, 0] = np.nan
    return pd.DataFrame({
        "image_id": [f"{i:016x}" for i in range(n)], "path": [f"a/é{i}.png" for i in range(n)],
        "label": [None, *["lymphocyte"] * (n - 1)], "group": [None] * n, "site": ["a"] * n, "split": [None] * n,
        "sha256": ["0" * 64] * n, "duplicate_group": np.arange(n), "width_px": np.full(n, 28),
        "height_px": np.full(n, 30), "cell_color_mean": values[:, 0], "whole_quality_focus": values[:, 1]})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_table(make_frame(), INFO, tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def test_a_table_comes_back_equal(table: Path) -> None:
    frame, info = read_table(table)
    assert frame.equals(make_frame())
    assert info == INFO


def test_findings_that_are_missing_stay_missing(tmp_path: Path) -> None:
    frame = make_frame().assign(label_Edema=pd.array([0, 1, None, 1] * 10, dtype="Int8"))
    write_table(frame, INFO, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")[0].equals(frame)


def test_a_table_is_written_in_parts_and_comes_back_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featurize.table._ROWS_AT_ONCE", 16)
    write_table(make_frame(), INFO, tmp_path / "t.parquet")
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3
    assert read_table(tmp_path / "t.parquet")[0].equals(make_frame())


def test_missing_label_and_group_come_back_as_none(table: Path) -> None:
    frame, _ = read_table(table)
    assert frame["label"][0] is None
    assert frame["group"].map(lambda g: g is None).all()


def test_features_stay_float32(table: Path) -> None:
    assert read_table(table)[0]["cell_color_mean"].dtype == np.float32


def test_plain_pandas_reads_the_same_frame(table: Path) -> None:
    assert pd.read_parquet(table).equals(make_frame())


def test_a_column_without_any_value_is_text(table: Path) -> None:
    assert pq.read_schema(table).field("split").type == pa.string()


def test_same_frame_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    write_table(make_frame(), INFO, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == table.read_bytes()


def test_an_empty_table_comes_back(tmp_path: Path) -> None:
    write_table(make_frame().iloc[:0], INFO, tmp_path / "t.parquet")
    frame, _ = read_table(tmp_path / "t.parquet")
    assert len(frame) == 0 and list(frame.columns) == list(make_frame().columns)


def test_any_flipped_bit_is_refused_or_harmless(table: Path, tmp_path: Path) -> None:
    """Never a silent change: 300 single-bit flips spread over the file, each gives an error or the same table."""
    whole, damaged = table.read_bytes(), tmp_path / "damaged.parquet"
    refused = 0
    for place in np.linspace(0, len(whole) - 1, 300).astype(int):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        damaged.write_bytes(flipped)
        try:
            frame, info = read_table(damaged)
        except UserError:
            refused += 1
        else:
            assert frame.equals(make_frame()) and info == INFO
    assert refused > 100


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_cut_file_is_refused(table: Path, keep: int) -> None:
    table.write_bytes(table.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged or not a Parquet file"):
        read_table(table)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        read_table(tmp_path / "none.parquet")


def test_a_table_of_another_program_is_refused(tmp_path: Path) -> None:
    make_frame().to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="not written by Pellucid"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(("text", "words"), [('{"format": 99}', "table format 99, this version reads 1"),
                                             ('{"format": 1}', "were changed"), ("{", "is damaged"),
                                             ("[]", "is damaged")])
def test_other_metadata_is_refused(tmp_path: Path, text: str, words: str) -> None:
    plain = pa.Table.from_pandas(make_frame()).replace_schema_metadata({KEY: text.encode()})
    pq.write_table(plain, tmp_path / "t.parquet")
    with pytest.raises(UserError, match=words):
        read_table(tmp_path / "t.parquet")


def test_a_table_without_one_of_its_columns_is_refused(table: Path) -> None:
    kept = pq.read_table(table).drop_columns(["cell_color_mean"])
    pq.write_table(kept, table)
    with pytest.raises(UserError, match="were changed after it was written"):
        read_table(table)


def test_a_failed_write_leaves_the_old_table_and_nothing_else(table: Path) -> None:
    before = table.read_bytes()
    with pytest.raises(pa.ArrowException, match="Could not convert <object object"):
        write_table(make_frame().assign(cell_color_mean=[object()] * 40), INFO, table)
    assert table.read_bytes() == before
    assert os.listdir(table.parent) == ["t.parquet"]


def test_writing_over_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        write_table(make_frame(), INFO, tmp_path)


def test_a_table_of_before_commands_were_kept_is_read() -> None:
    old = json.loads(INFO.to_json())
    del old["command"]
    assert TableInfo.from_json(json.dumps(old)) == INFO
    with pytest.raises(KeyError):
        TableInfo.from_json(json.dumps({"preset": {}}))


def odd_frame() -> pd.DataFrame:
    """Texts that a CSV reader could take for something else, and numbers at the ends of their range."""
    frame = make_frame(8)
    frame["path"] = ["a,b.png", 'a"b.png', "a\nb.png", "a\rb.png", " a.png ", "é🩸.png", "#a.png", "=1+1.png"]
    frame["label"] = ["NA", "nan", "None", "", "1", "0.0", "true", None]
    frame.loc[3, "label"] = None
    frame["cell_color_mean"] = np.array([np.nan, 0, -0.0, 1e-45, 3.4028235e38, 1 / 3, 16777217, -1e-38], np.float32)
    frame["label_flu"] = pd.array([1, 0, None, 1, 0, None, 1, 0], dtype="Int8")
    return frame


def test_a_csv_table_comes_back_bit_for_bit(tmp_path: Path) -> None:
    frame = odd_frame()
    write_table(frame, INFO, tmp_path / "t.csv")
    back, info = read_table(tmp_path / "t.csv")
    assert info == INFO and (back.dtypes == frame.dtypes).all()
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    for name in INFO.features:
        assert back[name].to_numpy().tobytes() == frame[name].to_numpy().tobytes()


def test_a_csv_table_and_a_parquet_table_are_read_alike(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        write_table(odd_frame(), INFO, tmp_path / name)
    of_csv, of_parquet = (read_table(tmp_path / name)[0] for name in ("t.csv", "t.parquet"))
    pd.testing.assert_frame_equal(of_csv, of_parquet, check_exact=True)


def test_a_csv_without_its_sidecar_is_refused(tmp_path: Path) -> None:
    write_table(make_frame(), INFO, tmp_path / "t.csv")
    (tmp_path / "t.csv.json").unlink()
    with pytest.raises(UserError, match=r"not a table that featurize wrote \(t.csv.json, .* is not beside it\)"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("moves", (0, 1, 2))
def test_a_csv_table_can_be_read_wherever_a_run_that_replaces_it_stops(
        moves: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sidecar, CSV and sidecar are moved into place one after the other."""
    earlier, later = make_frame(), make_frame().assign(label="other")
    write_table(earlier, INFO, tmp_path / "t.csv")
    move, left = os.replace, iter(range(moves))

    def stopped(*names: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        move(*names)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stopped)
        write_table(later, INFO, tmp_path / "t.csv")
    found = read_table(tmp_path / "t.csv")[0]
    pd.testing.assert_frame_equal(found, later if moves == 2 else earlier)
    write_table(later, INFO, tmp_path / "t.csv")
    write_table(later, INFO, tmp_path / "fresh.csv")
    assert (tmp_path / "t.csv.json").read_bytes() == (tmp_path / "fresh.csv.json").read_bytes()


def test_a_csv_that_was_changed_is_refused(tmp_path: Path) -> None:
    write_table(make_frame(), INFO, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "t.csv").write_text(text.replace(",1", ",2", 1))
    with pytest.raises(UserError, match="was changed after it was written: .* --labels F.csv"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(("old", "new"), [('"float"', '"complex"'), ('"types"', '"kinds"'), ("{", "[")])
def test_a_damaged_sidecar_is_refused(tmp_path: Path, old: str, new: str) -> None:
    write_table(make_frame(), INFO, tmp_path / "t.csv")
    place = tmp_path / "t.csv.json"
    place.write_text(place.read_text().replace(old, new))
    with pytest.raises(UserError, match="t.csv.json is damaged"):
        read_table(tmp_path / "t.csv")


def test_a_csv_of_another_format_is_refused(tmp_path: Path) -> None:
    write_table(make_frame(), replace(INFO, format=99), tmp_path / "t.csv")
    with pytest.raises(UserError, match="table format 99, this version reads 1"):
        read_table(tmp_path / "t.csv")
