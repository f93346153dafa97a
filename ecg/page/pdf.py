"""A page of a PDF as pixels, by PDFium (extra pdf)."""
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featurize.arrays import UInt8Array
from featurize.images.picture import Damaged, ManyFrames, TooLarge, Unsupported

# First bytes of a PDF.
SIGNATURE = b"%PDF-"
# Bytes within which they begin: mail programs put some in front.
_SIGNATURE_WITHIN = 1024
# Resolution at which pages are drawn, less if the paper is so large that they would pass the limit.
_DPI = 250.0
# Unit of sizes in a PDF.
POINTS_PER_INCH = 72.0
# More pages than that are no collection of ECGs: the file is refused by their number.
_MOST_PAGES = 2000


def is_pdf(content: bytes) -> bool:
    """Whether the content begins as a PDF does, be it after some bytes of a mail program."""
    return SIGNATURE in content[:_SIGNATURE_WITHIN]


def page_count(path: Path) -> int:
    """Pages of a PDF; 1 of a file that cannot be opened, holds too many or none: reading it says what is wrong."""
    try:
        import pypdfium2
    except ImportError:
        return 1
    try:
        document = pypdfium2.PdfDocument(path)
    except (OSError, pypdfium2.PdfiumError):
        return 1
    try:
        return len(document) if 0 < len(document) <= _MOST_PAGES else 1
    finally:
        document.close()


@contextmanager
def opened_page(content: bytes, most_px: int, number: int | None = None) -> Iterator[tuple[Any, float]]:
    """A page of a PDF while it is open, as pypdfium2 has it, and the px per point at which it is drawn.

    Parameters
    ----------
    content : bytes
    most_px : int
        Pixels that it may have.
    number : int, optional
        Which page, from 1; without it the file must have one only.

    Raises
    ------
    ImageError
        Several pages, a damaged or locked file, a page too large, or the extra pdf is not installed.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise Unsupported("a PDF came: install the extra pdf (pip install 'pellucid[pdf]'), or save the page as PNG"
                          ) from error
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise Damaged(f"the PDF cannot be opened ({str(error).splitlines()[0][:80]})") from error
    try:
        if number is None and len(document) != 1:
            raise ManyFrames(f"the PDF has {len(document)} pages, one was wanted: save the page with the ECG by itself")
        if not 1 <= (number or 1) <= len(document):
            raise Damaged(f"page {number} was asked for, the PDF has {len(document)}")
        page = document[(number or 1) - 1]
        width, height = page.get_size()
        scale = _DPI / POINTS_PER_INCH
        if not 0 < width * height * scale ** 2 < math.inf:
            raise Damaged("the page of the PDF has no size")
        scale = min(scale, math.sqrt(most_px / (width * height)))
        if scale < 1:
            inches = f"{width / POINTS_PER_INCH:.0f} x {height / POINTS_PER_INCH:.0f} inches"
            raise TooLarge(f"the page of the PDF is {inches} large")
        yield page, scale
    except pypdfium2.PdfiumError as error:
        raise Damaged(f"the page of the PDF cannot be drawn ({str(error).splitlines()[0][:80]})") from error
    finally:
        document.close()


def picture_of(page: Any, scale: float) -> UInt8Array:
    """(H, W, 3) uint8 of an open page."""
    return np.ascontiguousarray(page.render(scale=scale).to_numpy()[..., 2::-1])


def render(content: bytes, most_px: int, number: int | None = None) -> UInt8Array:
    """(H, W, 3) uint8 of a page; parameters and errors as those of `opened_page`."""
    with opened_page(content, most_px, number) as (page, scale):
        return picture_of(page, scale)
