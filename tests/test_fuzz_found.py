"""What `benchmarks.fuzz` and the seeds of `benchmarks.hostile` found, a test each."""
import io
import struct
from pathlib import Path

import pytest

from benchmarks.fuzz import READERS
from benchmarks.hostile_small import SMALL
from ecg.page.corners import read_corners
from ecg.page.pdf import render
from ecg.signals.raw_record import RecordError
from ecg.signals.records import read_record
from ecg.trace.corrections import read_points
from featurize.batch.mask_files import read_mask
from featurize.errors import UserError
from featurize.images.picture import Damaged, ImageError
from featurize.images.read import read_image
from featurize.presets.load import load_preset


def test_every_reader_reads_its_whole_file(tmp_path: Path) -> None:
    """Else nothing behind its first refusal would be reached."""
    extras = {"EDF": "edfio", "DICOM ECG": "pydicom", "Philips": "sierraecg", "PDF": "pypdfium2",
              "NIfTI mask": "nibabel", "WFDB header": "wfdb", "image dicom": "pydicom", "image dicom color": "pydicom",
              "image dicom implicit": "pydicom", "image dicom rle": "pydicom"}
    for name, one in READERS.items():
        if name in extras and not _is_there(extras[name]) or name.startswith("painted"):
            continue
        (tmp_path / name).mkdir()
        path = tmp_path / name / one.name
        path.write_bytes(one.whole())
        if name == "PDF":
            with pytest.raises(ImageError, match="grid"):
                one.read(path)
        else:
            one.read(path)


def _is_there(module: str) -> bool:
    from importlib.util import find_spec
    return find_spec(module) is not None


def test_a_chunk_of_a_png_that_is_called_a_line_end_is_told_in_one_line() -> None:
    whole = bytearray(READERS["image png 16 bit"].whole())
    at = whole.index(b"IEND")
    whole[at:at + 4] = b"IE\r\n"
    with pytest.raises(ImageError) as caught:
        read_image(bytes(whole))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("read, name", [(read_points, "corrections"), (read_corners, "corners")])
def test_a_row_with_more_cells_than_names_is_told_in_one_line(read: object, name: str, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(SMALL["settings and corrections"][name].whole().replace(b"a.png,", b"a.png,,,,,,", 1))
    path.write_bytes(path.read_bytes() + b"a,b,c,d,e,f,g,h,i,j\n")
    with pytest.raises(UserError) as caught:
        read(path)  # type: ignore[operator]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read, error", [(read_points, UserError), (read_corners, UserError),
                                         (lambda path: read_record(path, 500), RecordError)])
def test_a_csv_of_very_many_columns_is_refused_by_its_first_line(read: object, error: type, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(",".join(["page", "x", "y", "I", *map(str, range(6000))]) + "\n1\n")
    with pytest.raises(error, match="6,004 columns, at most 5,000 are read"):
        read(tmp_path / "w.csv")  # type: ignore[operator]


def test_long_names_in_settings_are_cut(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f"[blocks.color]\n{'x' * 9000} = 1\n")
    with pytest.raises(UserError) as caught:
        load_preset("cell", tmp_path / "s.toml")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("old, new", [(b"NUMSAMPLES", b""), (b"mV", b"\0\0")])
def test_what_pydicom_stumbles_over_is_a_damaged_record(old: bytes, new: bytes, tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    import pydicom
    data = pydicom.dcmread(io.BytesIO(SMALL["records of other formats"]["DICOM ECG"].whole()))
    group = data.WaveformSequence[0]
    if not new:
        group.add_new(0x003A0010, "UL", [3, 4])
    else:
        group.ChannelDefinitionSequence[0].add_new(0x003A0210, "LO", "1e5x")
    data.save_as(tmp_path / "d.dcm")
    with pytest.raises(RecordError, match="not a whole DICOM ECG"):
        read_record(tmp_path / "d.dcm", 500)


def test_a_page_of_a_pdf_that_cannot_be_loaded_is_damaged() -> None:
    pytest.importorskip("pypdfium2")
    whole = SMALL["PDF and masks"]["PDF"].whole()
    with pytest.raises(Damaged, match="page of the PDF cannot be drawn"):
        render(whole.replace(b"/Type /Page\n", b"/Type /Pagf\n"), 10 ** 7)


def test_odd_headers_of_nifti_write_nothing_on_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nibabel")
    whole = bytearray(SMALL["PDF and masks"]["NIfTI mask"].whole())
    whole[70:72] = struct.pack("<h", 8196)
    (tmp_path / "m.nii").write_bytes(whole)
    with pytest.raises(ImageError):
        read_mask(tmp_path / "m.nii")
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")
def test_edfio_warns_of_a_cut_record_only_by_what_is_read(tmp_path: Path) -> None:
    pytest.importorskip("edfio")
    (tmp_path / "e.edf").write_bytes(SMALL["records of other formats"]["EDF"].whole()[:-500])
    assert read_record(tmp_path / "e.edf", 500).fs_hz == 500
