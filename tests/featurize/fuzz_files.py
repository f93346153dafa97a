"""Damaged image files by the thousand: `python tests/featurize/fuzz_files.py 2000` lists what raises anything but our
errors.

Every file is made here, then bits of it are flipped or its end is cut off; the same seed gives the same files. What was
found stands in test_decoders.py.
"""
import io
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from featurize.errors import UserError
from featurize.images.picture import ImageError
from featurize.images.read import read_image
from featurize.index.build import build_index
from featurize.index.sources import load

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


def files(count: int) -> Iterator[tuple[str, int, bytes]]:
    """`count` damaged files, the kinds in turn: kind, seed, content."""
    whole = {kind: make() for kind, make in MAKERS.items()}
    for seed in range(count):
        kind = list(whole)[seed % len(whole)]
        yield kind, seed, damaged(whole[kind], seed)


def npz_files(count: int) -> Iterator[tuple[int, bytes]]:
    """`count` npz files of 4 pictures and their labels: seed, content. One array is damaged, or the whole archive."""
    arrays = {"images": np.stack([COLOR] * 4), "labels": np.array(["ant", "bee", "ant", "bee"])}
    for seed in range(count):
        members = {name: _npy(values) for name, values in arrays.items()}
        hit = ("images", "labels", "")[seed % 3]
        if hit:  # most flips in the header, which says what the rest is
            head, rest = members[hit][:128], members[hit][128:]
            members[hit] = damaged(head, seed) + rest
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in members.items():
                file.writestr(f"{name}.npy", content)
        yield seed, buffer.getvalue() if hit else damaged(buffer.getvalue(), seed)


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def read_npz(content: bytes, folder: Path) -> None:
    """Index an npz and read all of its pictures."""
    file = folder / "set.npz"
    file.write_bytes(content)
    index = build_index(file, cache=folder / "cache")
    for path in index.frame["path"]:
        load(index.sources[0], path)


def main(count: int) -> int:
    """Print what got through, the outcomes, and return the number of faults."""
    outcomes: Counter[str] = Counter()
    jobs: list[tuple[str, Callable[[], object]]] = [
        (f"{kind}, seed {seed}", lambda content=content: read_image(content)) for kind, seed, content in files(count)]
    with tempfile.TemporaryDirectory() as folder:
        jobs += [(f"npz, seed {seed}", lambda content=content: read_npz(content, Path(folder)))
                 for seed, content in npz_files(count // 10)]
        for name, job in jobs:
            try:
                job()
                outcomes["read"] += 1
            except (ImageError, UserError) as error:
                outcomes[getattr(error, "reason", "refused")] += 1
                if "\n" in str(error) or len(str(error)) > 400:
                    print(f"{name}: a long line: {str(error)!r}")
                    outcomes["FAULT"] += 1
            except Exception as error:  # what must not get through, of whatever type
                place = traceback.extract_tb(error.__traceback__)[-1]
                print(f"{name}: {type(error).__name__}: {error} ({place.filename}:{place.lineno})")
                outcomes["FAULT"] += 1
    print(dict(outcomes))
    return outcomes["FAULT"]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000) > 0)
