"""Digital records: what is read, what is refused, and what the command writes of them."""
import json
import lzma
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart

from ecg import process_file
from ecg.job import PageJob
from ecg.result import FailedFile
from ecg.run import DigitizeSettings, digitize_pages
from ecg.signals.records import RecordError, holds_leads, read_record, signal_files
from featurize.errors import UserError

STEADY = np.arange(0.5, 9.6, 0.8)


def write_csv(path: Path, columns: tuple[str, ...] = LEADS, signals: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = heart(STEADY) if signals is None else signals
    pd.DataFrame(data[:len(columns)].T, columns=list(columns)).to_csv(path, index=False, float_format="%.4f")
    return path


def test_columns_are_leads_whatever_their_case_and_order(tmp_path: Path) -> None:
    record = read_record(write_csv(tmp_path / "a.csv", ("ii", "AVR", "v1", "pulse")), 250)
    assert record.leads == ("II", "aVR", "V1") and record.fs_hz == 250
    np.testing.assert_allclose(record.mv, heart(STEADY)[:3], atol=6e-5)


@pytest.mark.parametrize(("content", "reason"), [
    ("", "empty"), ("a,b\n1,2\n", "no_lead"), ("I,II\nx,y\n", "not_a_record"), ("I\n1\n2\n", "too_short"),
    ("II, ii\n" + "1,2\n" * 600, "no_lead"), ("II,V1,II\n" + "1,2,3\n" * 600, "no_lead")],
    ids=["empty", "other_table", "words", "short", "twice", "twice the same"])
def test_a_table_that_is_no_record_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    place = tmp_path / "a.csv"
    place.write_text(content)
    with pytest.raises(RecordError) as found:
        read_record(place, 500)
    assert found.value.reason == reason and "\n" not in str(found.value)


def test_a_rate_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="5 samples a second came, 50 to 20,000 were wanted: say it with --fs"):
        read_record(write_csv(tmp_path / "a.csv"), 5)


def test_only_tables_with_leads_are_records(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\n1.csv,A\n")
    assert not holds_leads(labels) and holds_leads(write_csv(tmp_path / "1.csv"))


def test_wfdb_records_carry_their_own_rate_and_gain(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    wfdb.wrsamp("r", fs=360, units=["mV", "uV"], sig_name=["ii", "v1"], fmt=["16", "16"], write_dir=str(tmp_path),
                p_signal=np.stack([heart(STEADY, fs_hz=360)[1], 1000 * heart(STEADY, fs_hz=360)[6]], axis=1))
    record = read_record(tmp_path / "r.hea", 500)
    assert record.fs_hz == 360 and record.leads == ("II", "V1")
    np.testing.assert_allclose(record.mv, heart(STEADY, fs_hz=360)[[1, 6]], atol=2e-3)


def test_a_broken_wfdb_record_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("wfdb")
    (tmp_path / "r.hea").write_text("r 2 360 1000\nr.dat 16 200/mV 0 0 0 0 0 ii\n")
    with pytest.raises(RecordError, match="not a WFDB record") as found:
        read_record(tmp_path / "r.hea", 500)
    assert "\n" not in str(found.value)


def test_a_comma_at_the_end_of_rows_shifts_no_lead(tmp_path: Path) -> None:
    place = write_csv(tmp_path / "a.csv")
    straight = read_record(place, 500)
    head, *rows = place.read_text().splitlines()
    place.write_text("\n".join([head, *(row + "," for row in rows)]) + "\n")
    found = read_record(place, 500)
    assert found.leads == straight.leads
    np.testing.assert_array_equal(found.mv, straight.mv)


@pytest.mark.parametrize("rows", ["0.1,0.2,7\n" * 600, "0.1,0.2,,\n" * 600, "0.1,0.2,\n" * 600 + "0.1,0.2,7\n"])
def test_rows_longer_than_the_names_are_refused(rows: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("I,II\n" + rows)
    with pytest.raises(RecordError, match="rows have more values than the first line has names"):
        read_record(tmp_path / "a.csv", 500)


@pytest.mark.parametrize(("factor", "shown"), [(1000, "597.5"), (1e30, "5.975e.29")])
def test_values_that_are_no_millivolts_are_refused(factor: float, shown: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", signals=factor * heart(STEADY, noise_mv=0))
    with pytest.raises(RecordError, match=f"I runs from .* to {shown}, values in mV were wanted: microvolts") as found:
        read_record(tmp_path / "a.csv", 500)
    assert found.value.reason == "not_mv"


def test_a_wandering_baseline_and_pacing_are_in_range(tmp_path: Path) -> None:
    signals = heart(STEADY) + 20 * np.sin(np.arange(5000) / 900)
    signals[:, ::400] += 300
    assert len(read_record(write_csv(tmp_path / "a.csv", signals=signals), 500).leads) == 12


def write_wfdb(folder: Path, name: str, beats_s: np.ndarray, **named: object) -> Path:
    wfdb = pytest.importorskip("wfdb")
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(name, fs=500, units=["mV"], sig_name=["II"], fmt=["16"], write_dir=str(folder), **named,
                p_signal=heart(beats_s)[1][:, None])
    return folder / f"{name}.hea"


def test_samples_that_miss_the_checksum_of_the_header_are_refused(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path, "r", STEADY)
    other = write_wfdb(tmp_path / "other", "r", np.arange(0.3, 9.6, 0.5))
    assert read_record(header, 500).leads == ("II",)
    (tmp_path / "r.dat").write_bytes(other.with_suffix(".dat").read_bytes())
    with pytest.raises(RecordError, match="the samples of II do not add up to the checksums in the header") as found:
        read_record(header, 500)
    assert found.value.reason == "damaged"


def test_a_record_of_segments_is_checked_segment_by_segment(tmp_path: Path) -> None:
    for name in ("s1", "s2"):
        write_wfdb(tmp_path, name, STEADY)
    (tmp_path / "m.hea").write_text("m/2 1 500 10000\ns1 5000\ns2 5000\n")
    assert read_record(tmp_path / "m.hea", 500).mv.shape == (1, 10000)
    assert {file.name for file in signal_files(tmp_path / "m.hea")} == {"s1.hea", "s1.dat", "s2.hea", "s2.dat"}
    data = bytearray((tmp_path / "s2.dat").read_bytes())
    data[100] ^= 4
    (tmp_path / "s2.dat").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="checksums"):
        read_record(tmp_path / "m.hea", 500)


def test_a_segment_header_that_names_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "m.hea").write_text("m/1 1 500 5000\nm 5000\n")
    assert signal_files(tmp_path / "m.hea") == [tmp_path / "m.hea"]


@pytest.mark.slow
def test_signals_of_another_patient_under_the_same_header_are_read_anew(tmp_path: Path) -> None:
    """The same samples backwards, so that the checksum of the header holds too."""
    header = write_wfdb(tmp_path / "p", "r", STEADY)
    header.write_text(header.read_text().replace("r.dat", "signals.bin"))
    samples = np.fromfile(header.with_suffix(".dat"), "<i2")
    header.with_suffix(".dat").unlink()
    shutil.copytree(tmp_path / "p", tmp_path / "q")
    samples.tofile(tmp_path / "p/signals.bin")
    samples[::-1].tofile(tmp_path / "q/signals.bin")
    sums = []
    for patient in "pq":
        shutil.copytree(tmp_path / patient, tmp_path / "in", dirs_exist_ok=True)
        summary = digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
        assert (summary.pages, summary.resumed) == (1, 0)
        sums += list(pd.read_parquet(tmp_path / "out/rhythm.parquet")["sha256"])
    assert sums[0] != sums[1]
    shutil.copytree(tmp_path / "p", tmp_path / "both/p")
    shutil.copytree(tmp_path / "q", tmp_path / "both/q")
    digitize_pages([tmp_path / "both"], tmp_path / "out2", DigitizeSettings(), jobs=1)
    assert pd.read_parquet(tmp_path / "out2/rhythm.parquet")["duplicate_group"].nunique() == 2


@pytest.mark.slow
def test_wfdb_that_is_not_installed_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "in/a.csv")
    (tmp_path / "in/r.hea").write_text("r 1 500 5000\nr.dat 16 200/mV\n")
    monkeypatch.setitem(sys.modules, "wfdb", None)
    summary = digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    assert (summary.pages, summary.errors) == (1, 1)
    assert "pip install 'pellucid[wfdb]'" in pd.read_csv(tmp_path / "out/errors.csv").iloc[0]["error"]


@pytest.mark.parametrize("fault", [lzma.LZMAError, RecursionError, ModuleNotFoundError, EOFError, struct.error,
                                   zlib.error, OSError, BufferError, SystemError, StopIteration, OverflowError,
                                   NotImplementedError, UnicodeError, MemoryError], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("reader", ["digitize", "read_record"])
def test_whatever_a_decoder_raises_is_a_row_of_errors(fault: type[Exception], reader: str, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object, **__: object) -> None:
        raise fault("odd")

    job = PageJob(tmp_path / ("a.png" if reader == "digitize" else "a.csv"), "a", "a")
    job.file.write_text("I\n1\n")
    monkeypatch.setattr(process_file, reader, odd)
    found = process_file.process_file(job, tmp_path / "out", DigitizeSettings())
    assert isinstance(found, FailedFile) and found.error and "\n" not in found.error


@pytest.mark.slow
def test_a_folder_of_records_becomes_beats_a_table_and_a_page(tmp_path: Path) -> None:
    for k in range(3):
        write_csv(tmp_path / f"in/{k}.csv", signals=heart(STEADY, seed=k))
    (tmp_path / "in/labels.csv").write_text("file,label\n0.csv,A\n")
    (tmp_path / "in/broken.csv").write_text("I,II\nx,y\n")
    out = tmp_path / "out"
    summary = digitize_pages([tmp_path / "in"], out, DigitizeSettings(), jobs=1)
    assert (summary.pages, summary.errors) == (3, 1)
    errors = pd.read_csv(out / "errors.csv")
    assert list(errors["path"]) == ["broken.csv"]
    told = json.loads((out / "0.json").read_text())
    assert told["heart_rate_bpm"] == pytest.approx(75, abs=0.5) and told["layout"] == "record"
    signals = pd.read_csv(out / "0.csv")
    assert list(signals) == list(LEADS) and len(signals) == 5000
    beats = pd.read_csv(out / "0.beats.csv")
    assert set(beats["lead"]) == set(LEADS) and len(beats) == 12 * len(STEADY)
    assert len(pd.read_parquet(out / "rhythm.parquet")) == 3
    html = (out / "report.html").read_text()
    assert "no diagnosis" in html and "data:image/svg+xml" in html
    assert "http://" not in html.replace("http://www.w3.org", "") and "src=\"out" not in html


@pytest.mark.slow
def test_a_second_run_does_only_what_is_new(tmp_path: Path) -> None:
    write_csv(tmp_path / "in/a.csv")
    digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    write_csv(tmp_path / "in/b.csv", signals=heart(STEADY, seed=1))
    again = digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    assert (again.pages, again.resumed) == (2, 1)
    changed = digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(fs_hz=250), jobs=1)
    assert changed.resumed == 0


def test_labels_that_cannot_be_read_stop_the_run_before_it_starts(tmp_path: Path) -> None:
    write_csv(tmp_path / "in/a.csv")
    with pytest.raises(UserError, match="none.csv"):
        digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1, labels=tmp_path / "none.csv")
    assert not (tmp_path / "out/a.csv").exists()


def test_signals_beside_pages_are_their_truth_and_no_records(tmp_path: Path) -> None:
    from PIL import Image

    from ecg.sources import find_pages
    write_csv(tmp_path / "in/7/7.csv")
    Image.fromarray(np.zeros((60, 60, 3), np.uint8)).save(tmp_path / "in/7/7-0001.png")
    write_csv(tmp_path / "in/8/8.csv")
    assert [job.path for job in find_pages([tmp_path / "in"], {})] == ["7/7-0001.png", "8/8.csv"]


@pytest.mark.slow
def test_a_fault_of_the_program_is_a_row_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "in/a.csv")
    write_csv(tmp_path / "in/b.csv", signals=heart(STEADY, seed=1))
    analyze = process_file.analyze

    def sometimes(mv: np.ndarray, leads: tuple[str, ...], fs_hz: float, delineator: str) -> object:
        if abs(mv[0, 0] - heart(STEADY)[0, 0]) < 1e-4:
            raise ValueError("odd")
        return analyze(mv, leads, fs_hz)

    monkeypatch.setattr(process_file, "analyze", sometimes)
    summary = digitize_pages([tmp_path / "in"], tmp_path / "out", DigitizeSettings(), jobs=1)
    assert (summary.pages, summary.errors) == (1, 1)
    told = pd.read_csv(tmp_path / "out/errors.csv").iloc[0]
    assert told["reason"] == "internal" and "ValueError in process_file.py:" in told["error"]
