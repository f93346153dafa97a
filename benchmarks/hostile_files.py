"""Small image files of every kind that is read, and damage done to files; the same seed, the same bytes."""
import io
from collections.abc import Callable

import numpy as np
import tifffile
from PIL import Image

Y, X = np.mgrid[:30, :50]
COLOR = np.stack([5 * X, 8 * Y, 2 * X + 3 * Y], axis=2).astype(np.uint8)


def by_pillow(kind: str, mode: str = "RGB", **settings: object) -> bytes:
    """The picture as Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(COLOR).convert(mode).save(buffer, kind, **settings)
    return buffer.getvalue()


def by_tifffile(values: np.ndarray = COLOR, **settings: object) -> bytes:
    """The picture as tifffile writes it."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="rgb" if values.ndim == 3 else "minisblack", **settings)
    return buffer.getvalue()


def dicom(syntax: str = "ExplicitVRLittleEndian", color: bool = False) -> bytes:
    """A secondary capture with a window, a spacing and a table of values."""
    import pydicom
    from pydicom import uid
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = getattr(uid, syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    values = COLOR if color else COLOR[..., 0].astype(np.uint16) * 16
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = (3, "RGB") if color else (1, "MONOCHROME2")
    if color:
        data.PlanarConfiguration = 0
    data.BitsAllocated, data.BitsStored = 8 * values.itemsize, 8 if color else 12
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    data.WindowCenter, data.WindowWidth, data.PixelSpacing = 2048, 4096, [0.14, 0.14]
    data.RescaleSlope, data.RescaleIntercept = 1, 0
    data.PixelData = values.tobytes()
    if syntax == "RLELossless":
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        data.compress(uid.RLELossless, encoding_plugin="pydicom")
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


MAKERS: dict[str, Callable[[], bytes]] = {
    "png": lambda: by_pillow("PNG"), "png palette": lambda: by_pillow("PNG", "P"),
    "png 16 bit": lambda: by_pillow("PNG", "I;16"), "jpeg": lambda: by_pillow("JPEG"),
    "jpeg exif": lambda: by_pillow("JPEG", exif=_exif()), "gif": lambda: by_pillow("GIF"),
    "bmp": lambda: by_pillow("BMP"), "bmp palette": lambda: by_pillow("BMP", "P"),
    "webp": lambda: by_pillow("WEBP"), "webp lossless": lambda: by_pillow("WEBP", lossless=True),
    "tiff": lambda: by_tifffile(), "tiff deflate": lambda: by_tifffile(compression="zlib", rowsperstrip=8),
    "tiff lzma": lambda: by_tifffile(compression="lzma", rowsperstrip=8),
    "tiff tiles": lambda: by_tifffile(compression="zlib", tile=(16, 16), predictor=True),
    "tiff 16 bit": lambda: by_tifffile(COLOR[..., 0].astype(np.uint16) * 16, compression="zlib"),
    "tiff ome": lambda: by_tifffile(COLOR[..., 0], ome=True),
    "tiff imagej": lambda: by_tifffile(COLOR[..., 0], imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"}),
    "tiff lzw": lambda: by_pillow("TIFF", compression="tiff_lzw"),
    "tiff jpeg": lambda: by_pillow("TIFF", compression="jpeg"),
    "tiff zstd": lambda: by_pillow("TIFF", compression="zstd"),
    "tiff ccitt": lambda: by_pillow("TIFF", "1", compression="group4"),
    "tiff palette": lambda: by_pillow("TIFF", "P"), "tiff cmyk": lambda: by_pillow("TIFF", "CMYK"),
    "dicom": lambda: dicom(), "dicom color": lambda: dicom(color=True),
    "dicom implicit": lambda: dicom("ImplicitVRLittleEndian"), "dicom rle": lambda: dicom("RLELossless")}


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[274], exif[271] = 6, "a camera"
    return exif


def damaged(content: bytes, seed: int) -> bytes:
    """The same file with 1 to 8 flipped bits, most in its first or last 400 bytes, or cut at some length."""
    random = np.random.default_rng(seed)
    if random.random() < 0.2:
        return content[:random.integers(1, len(content))]
    bytes_ = bytearray(content)
    near = min(len(content), 400)
    for _ in range(random.integers(1, 9)):
        place = [random.integers(len(content)), random.integers(near), len(content) - 1 - random.integers(near)]
        bytes_[place[random.integers(3)]] ^= 1 << int(random.integers(8))
    return bytes(bytes_)
