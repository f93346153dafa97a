"""Any image file, as one canonical picture or one typed error. Every limit on input stands here.

JPEG, PNG, BMP, GIF and WebP through Pillow, TIFF in `featurize.images.tiff`, DICOM in `featurize.images.dicom`. The
kind is told by the content, never by the name; the size is read from the header before any pixel is decoded.
"""
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from featurize.arrays import UInt8Array
from featurize.images.bands import in_bands
from featurize.images.icc import srgb
from featurize.images.picture import (ORIENTATION_TAG, Damaged, EmptyFile, ImageError, Limits, ManyFrames, NotAFile,
                                      NotAnImage, NotFinite, OutOfMemory, Picture, TooLarge, Truncated, Unsupported,
                                      check_memory, check_size, choose_frame, decoding, on_white, picture, quiet,
                                      scale_of_dpi, silent_decoder, to_bytes, upright)
from featurize.images.png import check_png

__all__ = ["EXTENSIONS", "Damaged", "EmptyFile", "ImageError", "Limits", "ManyFrames", "NotAFile", "NotAnImage",
           "NotFinite", "Picture", "TooLarge", "Truncated", "Unsupported", "is_image_name", "read_bytes",
           "read_image"]

EXTENSIONS = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff",
                        ".dcm", ".dicom"))
# The classes and not Image.open: it tests sizes against a limit of its own, and warns where we refuse or accept.
_PLUGINS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile, "PNG": PngImagePlugin.PngImageFile, "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile, "WebP": WebPImagePlugin.WebPImageFile}
# Channels of the color types of PNG.
_PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
# Bytes a pixel of a color picture that Pillow holds.
_PILLOW_BYTES = 4
# First bytes of a file to its kind.
_MAGIC = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
          (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"), (b"BM", "BMP"))
# First bytes of files that people take for images, and how a message names them.
_OTHER_MAGIC = ((b"%PDF", "a PDF"), (b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b", "a gzip file"),
                (b"<", "text (HTML, XML or SVG)"), (b"\0\0\0\x0cjP  ", "JPEG 2000"),
                (b"\xff\x4f\xff\x51", "JPEG 2000"))


def is_image_name(name: str) -> bool:
    """True for a name with the extension of a kind of image that is read, in any case of letters."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS


def read_image(data: bytes | Path, *, limits: Limits = Limits(), frame: int | None = None) -> Picture:
    """Read one image.

    Parameters
    ----------
    data : bytes or Path
        The content, or the file that holds it.
    limits : Limits
        Larger ones are refused before they are decoded.
    frame : int, optional
        Which frame of an animation or page of a TIFF or DICOM, from 0. Without it, several frames are refused.

    Returns
    -------
    Picture

    Raises
    ------
    ImageError
        One subclass for each kind of fault, see `featurize.images.picture`.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (4, 3), "red").save(file, "PNG")
    >>> read = read_image(file.getvalue())
    >>> read.width_px, read.height_px, read.rgb[0, 0].tolist()
    (4, 3, [255, 0, 0])
    >>> read_image(b"hello")
    Traceback (most recent call last):
    featurize.images.picture.NotAnImage: starts with b'hello', the content of a JPEG, PNG, ... file was wanted
    """
    content = data if isinstance(data, bytes) else read_bytes(data, limits)
    if not content:
        raise EmptyFile("the file is empty")
    if len(content) > limits.bytes:
        raise TooLarge(f"{len(content):,} bytes, at most {limits.bytes:,} are read")
    kind = _kind(content)
    try:
        with decoding(kind):
            if kind == "TIFF":
                from featurize.images.tiff import read_tiff
                return read_tiff(content, limits, frame)
            if kind == "DICOM":
                return _read_dicom(content, limits, frame)
            with quiet("PIL"):
                return _read(kind, content, limits, frame)
    except MemoryError:
        raise OutOfMemory("the memory does not suffice to decode it") from None


def read_bytes(path: Path, limits: Limits = Limits()) -> bytes:
    """The content of a regular file.

    Raises
    ------
    NotAFile, EmptyFile, TooLarge, ImageError
        Anything but a file is not even opened: opening a pipe would wait for ever.
    """
    try:
        _check_file(os.stat(path), limits)
        # Non-blocking, and looked at again: the name may have become a pipe since.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            _check_file(status, limits)
            # A buffer of the file's size: one of the limit would be a gigabyte for every image.
            content = file.read(status.st_size + 1)
            grown = len(content) > status.st_size
            return content + file.read(limits.bytes - status.st_size) if grown else content
    except FileNotFoundError:
        raise NotAFile("a link to nowhere" if os.path.islink(path) else "there is no such file") from None
    except OSError as error:
        if os.path.islink(path) and not os.path.exists(path):
            raise NotAFile("a link that leads back to itself") from None
        raise ImageError(f"cannot be opened: {error.strerror or error}") from None


def _check_file(status: os.stat_result, limits: Limits) -> None:
    kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device",
             stat.S_IFBLK: "device"}
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile(f"a {kinds.get(stat.S_IFMT(status.st_mode), 'special file')}, a file was wanted")
    if status.st_size == 0:
        raise EmptyFile("the file is empty")
    if status.st_size > limits.bytes:
        raise TooLarge(f"{status.st_size:,} bytes, at most {limits.bytes:,} are read")


def _kind(content: bytes) -> str:
    """The format, told by its first bytes."""
    # DICOM first: the 128 bytes before its mark are free, and scanners put a TIFF header there.
    if content[128:132] == b"DICM":
        return "DICOM"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    other = next((name for magic, name in _OTHER_MAGIC if content.lstrip().startswith(magic)), None)
    if other == "JPEG 2000" or content[4:8] == b"ftyp":
        raise Unsupported(f"{other or 'HEIC or AVIF'} is not read: save it as PNG or TIFF")
    what = f"is {other}" if other else f"starts with {content[:12]!r}"
    raise NotAnImage(f"{what}, the content of a JPEG, PNG, BMP, GIF, WebP, TIFF or DICOM file was wanted")


def _read_dicom(content: bytes, limits: Limits, frame: int | None) -> Picture:
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise Unsupported("a DICOM file, and pydicom is not installed: pip install 'pellucid[dicom]'") from None
    from featurize.images.dicom import read_dicom
    return read_dicom(content, limits, frame)


def _read(kind: str, content: bytes, limits: Limits, frame: int | None) -> Picture:
    try:
        image = _PLUGINS[kind](io.BytesIO(content))
        check_size(*image.size, limits)
        number = choose_frame(getattr(image, "n_frames", 1), frame)
        if number:
            image.seek(number)
            check_size(*image.size, limits)  # a GIF may grow
        deep = kind == "PNG" and content[24] == 16
        channels = _PNG_CHANNELS.get(content[25], 4) if deep else 0
        check_memory(*image.size, max(2 * channels, _PILLOW_BYTES), len(content), limits)
        if kind == "PNG":
            check_png(content)
        image.load()
        bits = content[24] if kind == "PNG" else 1 if image.mode == "1" else 8
        mode, orientation = image.mode, _orientation(image)
        mm_per_px = _png_scale(image) if kind == "PNG" else None
        if deep:
            # Frees what Pillow decoded: it only tells whether the data are whole.
            del image
        pixels = _deep_png(content) if deep else _pixels(image)
    except Image.DecompressionBombError as error:
        raise TooLarge(str(error).splitlines()[0]) from None
    return picture(upright(pixels, orientation), mode=mode, bit_depth=bits, mm_per_px=mm_per_px)


def _pixels(image: Image.Image) -> UInt8Array:
    """(H, W) gray or (H, W, 3) sRGB bytes of a loaded Pillow image."""
    width, height = image.size
    return in_bands(height, width, lambda top, bottom: _band(
        image if bottom - top == height else image.crop((0, top, width, bottom))))


def _band(image: Image.Image) -> UInt8Array:
    """The same of some of its rows."""
    profile = image.info.get("icc_profile")
    if image.mode in ("L", "1") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    if image.mode == "LA":
        gray, alpha = (np.asarray(band) for band in image.split())
        return on_white(gray, alpha)
    if image.mode in ("RGB", "CMYK") and "transparency" not in image.info:
        return srgb(image, profile)
    rgba = np.asarray(image.convert("RGBA"))
    opaque = on_white(rgba[..., :3], rgba[..., 3]) if rgba[..., 3].min() < 255 else rgba[..., :3]
    if profile is None or image.mode == "L":
        return np.ascontiguousarray(opaque)
    return srgb(Image.fromarray(opaque), profile)


def _deep_png(content: bytes) -> UInt8Array:
    """A PNG of 16 bits a channel, which Pillow would cut to 8; it has already found the data whole."""
    with silent_decoder():
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise Damaged("the PNG data are broken")
    if values.ndim == 2:
        return to_bytes(values)
    color, alpha = values[..., 2::-1], values[..., 3] if values.shape[2] == 4 else None
    return to_bytes(color) if alpha is None else on_white(to_bytes(color), to_bytes(alpha))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation; damaged EXIF data do not spoil a picture."""
    try:
        with decoding("EXIF"):
            return int(image.getexif().get(ORIENTATION_TAG, 1))
    except ImageError:
        return 1


def _png_scale(image: Image.Image) -> float | None:
    return scale_of_dpi(*image.info["dpi"]) if "dpi" in image.info else None


def from_array(values: NDArray[Any]) -> Picture:
    """A picture from an array in memory, (H, W) or (H, W, 3), of any depth.

    Raises
    ------
    Unsupported, NotFinite
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3) or not values.size:
        raise Unsupported(f"an array of shape {values.shape}, (H, W) or (H, W, 3) was wanted")
    bits = 1 if values.dtype == np.bool_ else 8 * values.dtype.itemsize
    return picture(to_bytes(np.ascontiguousarray(values)), mode="L" if values.ndim == 2 else "RGB", bit_depth=bits)
