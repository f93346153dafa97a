"""An npz whose arrays are not what MedMNIST's are is refused in one line, whatever its headers claim."""
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from featurize.errors import UserError
from featurize.images.read import Limits
from featurize.index import medmnist
from featurize.index.build import build_index

LABELS = np.zeros(4, np.int64)


def npy(shape: str, dtype: str = "'|u1'", content: bytes = b"\0" * 400) -> bytes:
    """An array file of format 1.0 (numpy.lib.format) whose header claims any shape and type."""
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def saved(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def refusal(folder: Path, images: bytes, labels: bytes) -> str:
    """The line that an npz of these two arrays is refused with."""
    with zipfile.ZipFile(folder / "set.npz", "w") as file:
        file.writestr("images.npy", images)
        file.writestr("labels.npy", labels)
    with pytest.raises(UserError) as caught:
        build_index(folder / "set.npz", cache=folder / "cache")
    line = str(caught.value)
    assert "\n" not in line and len(line) < 400 and line.startswith(f"{folder / 'set.npz'}")
    return line


@pytest.mark.parametrize("shape,said", [
    ("(99999999999999999999, 10, 10)", "only 400 bytes"), ("(4611686018427387904, 10, 10)", "only 400 bytes"),
    ("(40, 10, 10)", "only 400 bytes"), ("(True, 10, 10)", "shape (True"), ("(4, True, 10)", "shape (4, True"),
    ("(-4, 10, 10)", "shape (-4"), ("(4, -10, -10)", "shape (4, -10"), ("(4.0, 10, 10)", "not valid"),
    ("None", "not valid"), ("{{{{", "broken"), ("(" * 300, "broken"), ("()", "N, H, W"),
    ("(99999999999999, 0, 10)", "10 x 0 pixels"), ("(4, 10, 0)", "0 x 10 pixels")])
def test_shapes_that_no_pictures_have_are_refused(tmp_path, shape, said):
    assert said in refusal(tmp_path, npy(shape), saved(LABELS))


@pytest.mark.parametrize("shape", ["(99999999999999999999,)", "(True, 1)", "(-4,)", "None", "(40000,)"])
def test_shapes_that_no_labels_have_are_refused(tmp_path, shape):
    assert "labels cannot be read" in refusal(tmp_path, saved(np.zeros((4, 10, 10), np.uint8)), npy(shape))


def test_no_pictures_and_too_large_ones_are_refused(tmp_path, monkeypatch):
    assert "holds no image" in refusal(tmp_path, npy("(0, 10, 10)"), saved(LABELS[:0]))
    monkeypatch.setattr(medmnist, "Limits", lambda: Limits(pixels=99))
    assert "10 x 10 pixels, at most 99 are read" in refusal(tmp_path, npy("(4, 10, 10)"), saved(LABELS))


@pytest.mark.parametrize("labels", [np.array([0, np.inf, 1, 2]), np.array([0, 1e300, 1, 2]), np.array([0, .5, 1, 2])])
def test_labels_that_are_no_whole_numbers_are_refused(tmp_path, labels):
    assert "whole numbers were wanted" in refusal(tmp_path, saved(np.zeros((4, 10, 10), np.uint8)), saved(labels))


@pytest.mark.parametrize("code", [0xD800, 0xFFFFFFFF])
def test_names_that_are_no_text_are_refused(tmp_path, code):
    labels = npy("(4,)", "'<U1'", struct.pack("<4I", 65, code, 65, 66))
    assert "no text" in refusal(tmp_path, saved(np.zeros((4, 10, 10), np.uint8)), labels)
