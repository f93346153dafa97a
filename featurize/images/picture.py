"""What every reader of images shares: the picture, the limits, the faults, and values of any depth as 8 bits.

How values become 0..255, said once:

- 1 bit: 0 and 255. 8 bits: as they are.
- Unsigned integers of more bits: divided by the top of the smallest of the ranges 8, 10, 12, 14, 16, 24, 32 bits that
  holds the brightest value. Cameras store 10, 12 or 14 bits in 16: taken for 16 they would be almost black.
- Floats: 0..1 if they lie in it, else as the integers above if none is negative and none exceeds 65535.
- Anything else (signed values, larger floats) has no natural white: the least value becomes 0, the largest 255.
- NaN and infinite values are refused.

Nothing is clipped. Transparent pixels are laid on white, as in every viewer: the empty field of a bright-field slide is
white too, and the color that a file stores under full transparency means nothing.
"""
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import UInt8Array
from featurize.images.bands import in_bands

# White of the ranges of integers that cameras and scanners use, gray levels.
_RANGE_TOPS = tuple(2 ** bits - 1 for bits in (8, 10, 12, 14, 16, 24, 32))
# Up to this value floats may be integers of such a range.
_LARGEST_FLOAT = 2 ** 16 - 1

# Tag of EXIF and TIFF with the orientation of the picture.
ORIENTATION_TAG = 274

# Pixels whose height and width differ by more than this share are not square, and have no single size.
_SQUARE_TOLERANCE = 0.01
_MM_PER_INCH = 25.4
# Resolutions between these bounds, in dots per inch, are those of microscopes. Programs that have to write something
# write 72, 96 or 300.
_LEAST_MICROSCOPE_DPI = 1000
_MOST_MICROSCOPE_DPI = 1e7

# Errors of a decoder that ran into values it did not expect. Their messages are not understood without their names.
_UNEXPECTED = (LookupError, TypeError, AttributeError, NameError, AssertionError, ArithmeticError)
# What became of an image by the state of the machine at that moment.
OUT_OF_MEMORY = "out_of_memory"
# Number of the stream of error messages of a process.
_STDERR = 2
# Longest part of a decoder's message in one of ours, characters.
_LONGEST_WORDS = 120
# Words of decoders by which a file ends too early.
_TRUNCATION_WORDS = ("truncated", "no more images", "incomplete", "could not create decoder", "requires a buffer",
                     "end of file", "broken png file (chunk", "failed to read", "less than expected")


# Bytes a pixel of the picture and of its making, beside the decoder's own: 8 to 9 with Pillow's 4, 9 with 4 of a TIFF,
# measured on pictures of 100 Mpx.
_PICTURE_BYTES = 5


@dataclass(frozen=True)
class Limits:
    """What is read at most; both are checked before anything is decoded."""

    bytes: int = 512 * 2 ** 20
    pixels: int = 200_000_000
    # Bytes that decoding takes, about, with the content of the file.
    memory: int = 1_400_000_000


@dataclass(frozen=True)
class Picture:
    """An image in the one form that the package works on.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        sRGB, upright.
    width_px, height_px : int
        W and H.
    mode : str
        What the file held, for example ``RGB``, ``CMYK``, ``P``, ``MONOCHROME1``.
    bit_depth : int
        Bits a channel in the file.
    mm_per_px : float or None
        Where the file says so in a trustworthy way; the dpi of a JPEG is not.
    """

    rgb: UInt8Array
    width_px: int
    height_px: int
    mode: str
    bit_depth: int
    mm_per_px: float | None = None


class ImageError(Exception):
    """An image cannot be used; the message says what is wrong in one line, `reason` in one word."""

    reason = "unreadable"


class NotAFile(ImageError):
    """A folder, pipe, socket, device, broken or endless link: never opened."""

    reason = "not_a_file"


class EmptyFile(ImageError):
    """No bytes."""

    reason = "empty"


class TooLarge(ImageError):
    """More bytes or pixels than `Limits` allow."""

    reason = "too_large"


class OutOfMemory(ImageError):
    """The memory did not suffice at this moment."""

    reason = OUT_OF_MEMORY


class Changed(ImageError):
    """The file is another one than when the index was made."""

    reason = "changed"


class NotAnImage(ImageError):
    """The content is something else, whatever the name says."""

    reason = "not_an_image"


class Truncated(ImageError):
    """The file ends before the picture does."""

    reason = "truncated"


class Damaged(ImageError):
    """The right kind of file with contradictory or broken content."""

    reason = "damaged"


class ManyFrames(ImageError):
    """Several frames or pages where one picture was wanted, or a frame that is not there."""

    reason = "many_frames"


class Unsupported(ImageError):
    """A picture in a form that is not read."""

    reason = "unsupported"


class NotFinite(ImageError):
    """NaN or infinite pixel values."""

    reason = "not_finite"


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise `TooLarge` or `Damaged` for a size read from a header."""
    if width < 1 or height < 1:
        raise Damaged(f"the header says {width} x {height} pixels")
    if width * height > limits.pixels:
        raise TooLarge(f"{width} x {height} pixels, at most {limits.pixels:,} are read: scale it down or cut it")


def check_memory(width: int, height: int, bytes_per_px: float, content_bytes: int, limits: Limits) -> None:
    """Raise `TooLarge` for a picture whose decoding would take more memory than allowed.

    Parameters
    ----------
    width, height : int
        Pixels.
    bytes_per_px : float
        What the decoder holds of a pixel; that of the picture itself, `_PICTURE_BYTES`, comes to it.
    content_bytes : int
        Of the file.
    limits : Limits
    """
    needed = content_bytes + width * height * (bytes_per_px + _PICTURE_BYTES)
    if needed > limits.memory:
        raise TooLarge(f"{width} x {height} pixels of this kind take {needed / 1e9:.1f} GB to decode, at most "
                       f"{limits.memory / 1e9:.1f} GB are taken: save it with 8 bits and without transparency, scale "
                       "it down or cut it")


def choose_frame(count: int, frame: int | None) -> int:
    """The number of the frame to read; raises `ManyFrames` where that needs a choice or does not exist."""
    if frame is None and count > 1:
        raise ManyFrames(f"holds {count} frames, one picture was wanted: save the one you mean as a file of its own, "
                         f"or choose it with frame=0 to {count - 1}")
    if not 0 <= (frame or 0) < count:
        raise ManyFrames(f"frame {frame} was asked for, there are frames 0 to {count - 1}")
    return frame or 0


def to_bytes(values: NDArray[Any]) -> UInt8Array:
    """Values of any depth as 0..255 by the rules at the top of this file.

    >>> to_bytes(np.array([0, 2048, 4095], np.uint16))
    array([  0, 128, 255], dtype=uint8)
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return np.where(values, np.uint8(255), np.uint8(0))
    if not np.isfinite(values).all():
        raise NotFinite("holds NaN or infinite values: replace them before")
    low, high = values.min(), values.max()
    if low < 0 or (values.dtype.kind == "f" and high > _LARGEST_FLOAT):
        return _stretch(values, float(low), float(high))
    if values.dtype.kind == "f" and high <= 1:
        return _stretch(values, 0.0, 1.0)
    return _stretch(values, 0.0, float(next(top for top in (*_RANGE_TOPS, np.inf) if high <= top)))


def _stretch(values: NDArray[Any], low: float, high: float) -> UInt8Array:
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    if values.dtype == np.uint16:
        # A table of all 65536 values: no float copy of a large slide.
        table = np.rint(np.minimum(np.arange(65536) * (255 / high), 255)).astype(np.uint8)
        return table[values]
    return in_bands(*_size(values), lambda top, bottom: np.rint(
        (values[top:bottom].astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8))


def _size(values: NDArray[Any]) -> tuple[int, int]:
    """Rows, and numbers in each of them."""
    return len(values), int(np.prod(values.shape[1:], dtype=np.int64))


def on_white(color: UInt8Array, alpha: UInt8Array, *, premultiplied: bool = False) -> UInt8Array:
    """(H, W) or (H, W, 3) color under an (H, W) alpha, on white."""
    def laid(top: int, bottom: int) -> UInt8Array:
        under, over = color[top:bottom].astype(np.uint16), alpha[top:bottom].astype(np.uint16)
        share = over if color.ndim == 2 else over[..., None]
        light = under * (255 if premultiplied else share) + 255 * (255 - share)
        return ((np.minimum(light, 65025) + 127) // 255).astype(np.uint8)
    return in_bands(alpha.shape[0], alpha.shape[1], laid)


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo one of the orientations 1..8 of EXIF and TIFF (tag 274); any other number means 1."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def picture(image: UInt8Array, *, mode: str, bit_depth: int, mm_per_px: float | None = None) -> Picture:
    """A `Picture` from bytes.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) uint8
        Gray or color.
    mode : str
        How the file stores its pixels.
    bit_depth : int
        Bits a channel of the file.
    mm_per_px : float, optional
        Size of a pixel in millimetres.
    """
    gray = image.ndim == 2
    rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if gray else np.ascontiguousarray(image), np.uint8)
    height, width = rgb.shape[:2]
    return Picture(rgb, width, height, mode, bit_depth, mm_per_px)


@contextmanager
def quiet(logger: str) -> Iterator[None]:
    """Keep the log lines and warnings of a library off the screen: what matters is raised as an `ImageError`."""
    log, silence = logging.getLogger(logger), logging.NullHandler()
    before = log.propagate
    log.addHandler(silence)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.propagate = before
        log.removeHandler(silence)


@contextmanager
def silent_decoder() -> Iterator[None]:
    """Keep what a C library prints on stderr off the screen: libtiff tells of every bad code word by itself."""
    sys.stderr.flush()
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def decoding(kind: str) -> Iterator[None]:
    """The boundary to the decoders of other projects: whatever they raise on a file becomes one `ImageError`.

    This is the one place of the package that catches every `Exception`. On broken content Pillow, tifffile, pydicom,
    OpenCV and what they call (zlib, lzma, libtiff) raise whatever their code runs into: no list of types is complete,
    and one file must not end a run over thousands. Our own errors pass. So does MemoryError, which `read_image` names.
    KeyboardInterrupt and SystemExit are no `Exception`.

    Parameters
    ----------
    kind : str
        The format, as the message names it.

    Raises
    ------
    ImageError
    """
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise fault_of(kind, error) from None


def fault_of(kind: str, error: BaseException) -> ImageError:
    """The typed error for what a decoder raised."""
    lines = str(error).splitlines()
    words = lines[0].lower()[:_LONGEST_WORDS] if lines and lines[0] else type(error).__name__
    if isinstance(error, _UNEXPECTED) and lines:
        words = f"{type(error).__name__}: {words}"
    if isinstance(error, EOFError) or any(sign in words for sign in _TRUNCATION_WORDS):
        return Truncated(f"the {kind} data end before the picture does ({words})")
    return Damaged(f"the {kind} data are broken ({words})")


def is_square(x: float, y: float) -> bool:
    """Whether two sizes (or resolutions) of a pixel, along x and along y, are the same but for rounding."""
    return abs(x - y) <= _SQUARE_TOLERANCE * x


def scale_of_dpi(x: Any, y: Any) -> float | None:
    """Millimetres a pixel of a resolution in dots per inch; None unless only a microscope has that resolution."""
    try:
        x, y = float(x), float(y)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return _MM_PER_INCH / x if _LEAST_MICROSCOPE_DPI < x < _MOST_MICROSCOPE_DPI and is_square(x, y) else None
