"""DICOM pictures, with pydicom (extra ``dicom``): imported only where a file is one.

Gray values go the way that the standard prescribes for display (PS3.3 C.11): rescaling, the window or lookup table that
the device chose, then black and white exchanged for MONOCHROME1. Without a window, the rules of
`featurize.images.picture`.
"""
import io
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array

from featurize.arrays import Float64Array, UInt8Array
from featurize.images.bands import in_bands
from featurize.images.bombs import unpacks_beyond
from featurize.images.picture import (Damaged, ImageError, Limits, Picture, TooLarge, Unsupported, check_memory,
                                      check_size, choose_frame, fault_of, is_square, picture, quiet, to_bytes)

# UID of the transfer syntax whose files are deflated, and bytes among which it stands.
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BYTES = 2 ** 16
# The element (0002,0000) UL of 4 bytes, and where the group that it counts begins.
_GROUP_LENGTH = b"\x02\0\0\0UL\x04\0"
_META_START = 144
# Bytes of a gray value that pydicom has rescaled.
_RESCALED_BYTES = 8
# Beyond this exponent the sigmoid window is black or white, and exp would overflow at 710.
_MOST_EXPONENT = 700


def read_dicom(content: bytes, limits: Limits, frame: int | None) -> Picture:
    """One frame of a DICOM file; raises ImageError, and what pydicom raises (`decoding`)."""
    with quiet("pydicom"):
        try:
            _check_unpacked(content, limits)
            data = pydicom.dcmread(io.BytesIO(content))
            number = _check(data, len(content), limits, frame)
            pixels = _pixels(data, number)
            return picture(pixels, mode=str(data.PhotometricInterpretation), bit_depth=int(data.BitsStored),
                           mm_per_px=_scale(data))
        except NotImplementedError as error:
            raise Unsupported(f"DICOM: {str(error).splitlines()[0]}") from None
        except RuntimeError as error:
            raise _without_decoder(data, error) from None


def _check(data: Dataset, size: int, limits: Limits, frame: int | None) -> int:
    """Everything that can be refused before decoding; returns the number of the frame."""
    if "PixelData" not in data:
        raise Unsupported(f"a DICOM file without a picture ({data.get('Modality', 'no modality')})")
    missing = [name for name in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation") if name not in data]
    if missing:
        raise Damaged(f"the DICOM header lacks {missing[0]}")
    check_size(int(data.Columns), int(data.Rows), limits)
    samples = int(data.get("SamplesPerPixel") or 1)
    stored = int(data.get("BitsAllocated") or 16) // 8 * samples
    rescaled = 0 if samples > 1 or _has_window(data) else _RESCALED_BYTES
    check_memory(int(data.Columns), int(data.Rows), stored + rescaled, size, limits)
    return choose_frame(int(data.get("NumberOfFrames") or 1), frame)


def _check_unpacked(content: bytes, limits: Limits) -> None:
    """A deflated file unpacks to no more than other files may hold: pydicom would unpack all that there is.

    The deflated part begins behind the group of the file's meta data, whose length stands in its first element
    (PS3.10, 7.1).
    """
    if _DEFLATED not in content[:_META_BYTES]:
        return
    if content[132:140] != _GROUP_LENGTH:
        raise Damaged("the DICOM header lacks the length of its first group")
    start = _META_START + int.from_bytes(content[140:144], "little")
    if unpacks_beyond(memoryview(content)[start:], "deflate", limits.bytes):
        raise TooLarge(f"unpacks to more than {limits.bytes:,} bytes, which is the most that is read")


def _without_decoder(data: Dataset, error: RuntimeError) -> ImageError:
    """pydicom raises RuntimeError both for a missing decoder and for one that failed."""
    if "missing" in str(error) or "plugin" in str(error):
        syntax = data.file_meta.TransferSyntaxUID.name
        return Unsupported(f"DICOM compressed as {syntax}: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg")
    return fault_of("DICOM", error)


def _pixels(data: Dataset, number: int) -> UInt8Array:
    values = pixel_array(data, index=number)
    kind = str(data.PhotometricInterpretation)
    if kind == "PALETTE COLOR":
        values = apply_color_lut(values, data)
    if values.ndim == 3 and values.shape[2] == 3:
        # Color lookup tables have 16 bits that are always used in full.
        return to_bytes(values) if values.dtype == np.uint8 else (values >> 8).astype(np.uint8)
    if values.ndim != 2:
        raise Unsupported(f"a DICOM array of shape {values.shape}, one picture was wanted")
    gray = _gray(data, values)
    return 255 - gray if kind == "MONOCHROME1" else gray


def _has_window(data: Dataset) -> bool:
    return bool(data.get("VOILUTSequence")) or (data.get("WindowCenter") is not None
                                                and data.get("WindowWidth") is not None)


def _gray(data: Dataset, stored: NDArray[Any]) -> UInt8Array:
    """(H, W) display values of stored values; without a window their range is that of all of them."""
    if _has_window(data):
        return in_bands(stored.shape[0], stored.shape[1], lambda top, bottom: _shown(data, stored[top:bottom]))
    return to_bytes(apply_modality_lut(stored, data))


def _shown(data: Dataset, stored: NDArray[Any]) -> UInt8Array:
    """Some rows through the window or lookup table of the file."""
    values = apply_modality_lut(stored, data)
    if data.get("VOILUTSequence"):
        bits = int(data.VOILUTSequence[0].LUTDescriptor[2])
        shown = apply_voi(values.astype(np.int64), data) / float(2 ** bits - 1)
    else:
        shown = _window(values, _first(data.WindowCenter), _first(data.WindowWidth),
                        str(data.get("VOILUTFunction") or "LINEAR"))
    return np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)


def _window(values: NDArray[Any], center: float, width: float, function: str) -> Float64Array:
    """Share of white, not yet cut to 0..1: PS3.3 C.11.2.1.2.1 (LINEAR), .3.1 (SIGMOID), .3.2 (LINEAR_EXACT)."""
    x = np.asarray(values, np.float64)
    if function == "SIGMOID" and width > 0:
        return np.asarray(1 / (1 + np.exp(np.clip(-4 * (x - center) / width, -_MOST_EXPONENT, _MOST_EXPONENT))))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width <= 0:
        return np.where(x > center, 1.0, 0.0)
    return (x - center) / width + 0.5


def _first(value: Any) -> float:
    """A window may have several proposals; the first is the device's own choice."""
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _scale(data: Dataset) -> float | None:
    """Millimetres a pixel, in the patient if calibrated, else at the detector; None unless square."""
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = data.get(name)
        if spacing and len(spacing) == 2:
            y, x = (float(v) for v in spacing)
            return x if x > 0 and is_square(x, y) else None
    return None
