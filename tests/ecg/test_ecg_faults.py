"""What was damaged since an earlier run is made again; headers and corrections that lie are told."""
import os
from pathlib import Path

import numpy as np
import pytest

from ecg import process_file
from ecg.job import DigitizeSettings
from ecg.run import digitize_pages
from ecg.signals.raw_record import RecordError
from ecg.signals.records import read_record, signal_files
from ecg.sources import find_pages
from ecg.trace.corrections import read_points
from featurize.errors import UserError
from featurize.runtime.lock import held_folder

from made_heart import heart  # noqa: I001

RECORD = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"


def folder_with_record(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in heart(np.arange(.4, 9.6, .8)).T)
    (tmp_path / "in" / "a.csv").write_text(f"{RECORD}\n{rows}\n")
    return tmp_path / "in"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0, .5])
def test_a_csv_that_was_cut_is_written_again(share: float, tmp_path: Path) -> None:
    given, out = folder_with_record(tmp_path), tmp_path / "out"
    digitize_pages([given], out, DigitizeSettings(), jobs=1)
    whole = (out / "a.csv").read_bytes()
    assert digitize_pages([given], out, DigitizeSettings(), jobs=1).resumed == 1
    (out / "a.csv").write_bytes(whole[:int(len(whole) * share) + 1 if share else 0])
    assert digitize_pages([given], out, DigitizeSettings(), jobs=1).resumed == 0
    assert (out / "a.csv").read_bytes() == whole


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_flipped_bit_in_what_was_written_is_found_and_repaired(tmp_path: Path) -> None:
    given, out, random = folder_with_record(tmp_path), tmp_path / "out", np.random.default_rng(0)
    digitize_pages([given], out, DigitizeSettings(), jobs=1)
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    assert whole.keys() >= {"a.csv", "a.beats.csv", "a.json", ".pellucid-ecg.json"}
    for name in ("a.csv", "a.beats.csv", "a.json", ".pellucid-ecg.json"):
        for _ in range(5):
            content = bytearray(whole[name])
            content[random.integers(len(content))] ^= 1 << int(random.integers(8))
            (out / name).write_bytes(bytes(content))
            assert digitize_pages([given], out, DigitizeSettings(), jobs=1).pages == 1
            now = {path.name: path.read_bytes() for path in out.iterdir()}
            # What differs from what was written may be somebody's work: it is kept beside.
            kept = {file: now.pop(file) for file in list(now) if ".changed" in file}
            assert now == whole and set(kept.values()) <= {bytes(content)}, name
            for file in kept:
                (out / file).unlink()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_signals_that_were_changed_by_hand_are_kept_and_told(tmp_path: Path) -> None:
    given, out = folder_with_record(tmp_path), tmp_path / "out"
    digitize_pages([given], out, DigitizeSettings(), jobs=1)
    whole = (out / "a.csv").read_bytes()
    for name, others in (("a.changed.csv", 1), ("a.changed-2.csv", 2)):
        (out / "a.csv").write_bytes(whole + b"mine\n")
        summary = digitize_pages([given], out, DigitizeSettings(), jobs=1)
        assert summary.warnings[0] == f"a.csv was changed after it was written: your version is kept as {name}"
        assert (out / name).read_bytes() == whole + b"mine\n" and (out / "a.csv").read_bytes() == whole
        assert len(list(out.glob("*.changed*"))) == others
    (out / "a.csv").write_bytes(b"mine")
    digitize_pages([given], out, DigitizeSettings(fs_hz=250), jobs=1)
    assert (out / "a.changed-3.csv").read_bytes() == b"mine", "other settings change nothing of it"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_a_killed_run_has_written_is_not_taken_for_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                                ) -> None:
    given, out = folder_with_record(tmp_path), tmp_path / "out"
    digitize_pages([given], out, DigitizeSettings(), jobs=1)
    facts = (out / "a.json").read_bytes()
    monkeypatch.setattr(process_file, "write_text", lambda *_: raise_interrupt())
    with pytest.raises(KeyboardInterrupt):
        digitize_pages([given], out, DigitizeSettings(fs_hz=250), jobs=1)
    monkeypatch.undo()
    assert (out / "a.json").read_bytes() == facts, "a killed run loses nothing"
    digitize_pages([given], out, DigitizeSettings(fs_hz=250), jobs=1)
    assert not list(out.glob("*.changed*")) and (out / "a.json").read_bytes() != facts


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def test_two_runs_never_write_into_one_ecg_folder(tmp_path: Path) -> None:
    given, out = folder_with_record(tmp_path), tmp_path / "out"
    with held_folder(out, "taken"), pytest.raises(UserError, match="another run of `ecg` writes into .*out: wait"):
        digitize_pages([given], out, DigitizeSettings(), jobs=1)


def test_headers_that_name_themselves_or_each_other_end(tmp_path: Path) -> None:
    pytest.importorskip("wfdb")
    (tmp_path / "a.hea").write_text("a/2 12 500 5000\nb 2500\na 2500\n")
    (tmp_path / "b.hea").write_text("b/2 12 500 5000\na 2500\nb 2500\n")
    assert {file.name for file in signal_files(tmp_path / "a.hea")} == {"a.hea", "b.hea"}
    with pytest.raises(RecordError, match="not a WFDB record"):
        read_record(tmp_path / "a.hea", 500)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_are_never_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("wfdb")
    (tmp_path / "p.hea").write_text("p 1 500 5000\np.dat 16 200/mV 0 0 0 0 0 II\n")
    os.mkfifo(tmp_path / "p.dat")
    with pytest.raises(RecordError, match="names p.dat, which is a pipe"):
        read_record(tmp_path / "p.hea", 500)
    os.mkfifo(tmp_path / "points.csv")
    with pytest.raises(UserError, match="a pipe, a file was wanted"):
        read_points(tmp_path / "points.csv")


def test_corrections_of_a_page_that_is_not_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("page,lead,x,y,action\nother.png,II,5,5,pin\n")
    with pytest.raises(UserError, match="has corrections of other.png, which is no page of this run"):
        digitize_pages([folder_with_record(tmp_path)], tmp_path / "out", DigitizeSettings(), jobs=1,
                       points=tmp_path / "points.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("separator, decimal", [(",", "."), (";", ","), (";", "."), ("\t", ",")])
def test_a_csv_of_a_spreadsheet_is_read_like_one_with_commas(separator: str, decimal: str, encoding: str,
                                                             tmp_path: Path) -> None:
    signals = heart(np.arange(.4, 9.6, .8))
    rows = [separator.join(f"{value:.3f}".replace(".", decimal) for value in row) for row in signals.T]
    (tmp_path / "a.csv").write_text("\n".join([RECORD.replace(",", separator), *rows, ""]), encoding=encoding)
    assert [page.stem for page in find_pages([tmp_path], {})] == ["a"]
    assert read_record(tmp_path / "a.csv", 500).mv == pytest.approx(signals, abs=6e-4)


@pytest.mark.parametrize("content, message", [(b"", "is empty|not a table"), (b" \n", "not a table"),
                                              (b"\x00\x01\xfe" * 900, "not a table|no column is called like a lead")])
def test_a_csv_that_holds_nothing_readable_is_told(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert [page.stem for page in find_pages([tmp_path], {})] == ["a"]
    with pytest.raises(RecordError, match=message):
        read_record(tmp_path / "a.csv", 500)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_of_other_things_are_no_records(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file;label\na.csv;x\n", encoding=encoding)
    with pytest.raises(UserError, match="no page and no record"):
        find_pages([tmp_path], {})
