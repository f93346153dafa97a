"""Whatever a decoder raises becomes one of our errors. The cases are those that tests/featurize/fuzz_files.py found."""
import lzma

import numpy as np
import pytest
from fuzz_files import COLOR, MAKERS, by_tifffile, dicom, files, npz_files, read_npz

from featurize.errors import UserError
from featurize.images import read
from featurize.images.read import ImageError, read_image


def fault(content: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(content)
    return caught.value


@pytest.mark.parametrize("kind", MAKERS)
def test_the_files_before_damage_are_read(kind):
    assert read_image(MAKERS[kind]()).rgb.size == COLOR.size


def test_a_zstandard_tiff_is_read_although_python_has_no_module_for_it():
    assert np.array_equal(read_image(MAKERS["tiff zstd"]()).rgb, COLOR)


@pytest.mark.parametrize("start", [b"\xfd7zXZ\0", b"\0\0\0\0\0\0"])
def test_corrupt_lzma_data_of_a_tiff_are_damage(start):
    content = by_tifffile(compression="lzma")
    at = content.index(b"\xfd7zXZ\0")
    packed = start + content[at + 6:at + 40] + b"\xff" * 20 + content[at + 60:]
    with pytest.raises(lzma.LZMAError):
        lzma.decompress(packed)
    error = fault(content[:at] + packed)
    assert error.reason == "damaged" and str(error).startswith("the TIFF data are broken (")


def test_a_dicom_number_of_an_odd_length_is_damage():
    pydicom = pytest.importorskip("pydicom")
    content = dicom("ImplicitVRLittleEndian")
    # Rows (0028,0010) with 2 bytes becomes the 3 of no number.
    at = content.index(b"\x28\0\x10\0\x02\0\0\0")
    broken = content[:at + 4] + b"\x03" + content[at + 5:at + 10] + b"\0" + content[at + 10:]
    with pytest.raises(pydicom.errors.BytesLengthException):
        pydicom.dcmread(read.io.BytesIO(broken)).Rows
    assert fault(broken).reason == "damaged"


@pytest.mark.parametrize("raised", [UnboundLocalError("cannot access 'x'"), lzma.LZMAError("Corrupt input data"),
                                    KeyError("x"), RecursionError("too deep"), AssertionError(), StopIteration()])
def test_no_error_of_a_decoder_gets_through(monkeypatch, raised):
    def fail(*_):
        raise raised
    whole = MAKERS["png"]()
    with monkeypatch.context() as patch:  # a broken orientation spoils no picture
        patch.setattr(read.Image.Image, "getexif", fail)
        assert read_image(whole).rgb.shape == COLOR.shape
    monkeypatch.setitem(read._PLUGINS, "PNG", fail)
    assert fault(whole).reason == "damaged"


@pytest.mark.parametrize("raised,words", [(KeyError("x"), "KeyError: 'x'"), (AssertionError(), "AssertionError"),
                                          (lzma.LZMAError("Corrupt data"), "corrupt data")])
def test_the_line_can_be_understood(monkeypatch, raised, words):
    def fail(*_):
        raise raised
    monkeypatch.setitem(read._PLUGINS, "PNG", fail)
    assert str(fault(MAKERS["png"]())) == f"the PNG data are broken ({words})"


def test_no_memory_is_a_reason_and_a_stopped_run_stops(monkeypatch):
    def fail(*_):
        raise raised
    monkeypatch.setitem(read._PLUGINS, "PNG", fail)
    raised = MemoryError()
    assert fault(MAKERS["png"]()).reason == "out_of_memory"
    raised = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        read_image(MAKERS["png"]())


def test_damaged_files_raise_nothing_but_one_short_line():
    outcomes = set()
    for kind, seed, content in files(20 * len(MAKERS)):
        try:
            read_image(content)
        except ImageError as error:
            assert "\n" not in str(error) and len(str(error)) < 300, (kind, seed)
            outcomes.add(error.reason)
    assert {"damaged", "truncated"} <= outcomes


def test_damaged_npz_files_raise_nothing_but_one_short_line(tmp_path):
    outcomes = set()
    for seed, content in npz_files(60):
        try:
            read_npz(content, tmp_path)
        except (UserError, ImageError) as error:
            assert "\n" not in str(error) and len(str(error)) < 400, seed
            outcomes.add(type(error))
    assert UserError in outcomes
