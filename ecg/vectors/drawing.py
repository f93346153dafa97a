"""What is drawn on a page of a PDF: its paths as polylines, its text as words, and its picture; by PDFium (extra pdf).

Positions are px of the picture, as everywhere in `ecg`: the middle of the first pixel is at (0, 0), y runs down.
"""
import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ecg.page.pdf import POINTS_PER_INCH, opened_page, picture_of
from ecg.scale import Scale
from featurize.arrays import Float64Array, UInt8Array

# Unit of places in a PDF, mm.
MM_PER_POINT = 25.4 / POINTS_PER_INCH
# Points of paths that a page may have: two minutes of twelve leads at 500 Hz have 0.7 million. Chosen.
_MOST_POINTS = 1_000_000
# Paths that reach farther than this from the middle of the page, in widths and heights of it, are left out.
_FAR_OUTSIDE = 1.5
# Letters that a page may have. Chosen: a page of print has some thousands.
_MOST_LETTERS = 50_000
# Straight pieces that a curve becomes.
_PIECES_OF_CURVE = 8
# Rows and columns in which PDFium gives the places of a page, whatever its size: it rounds them to whole numbers.
_DEVICE = 1_000_000
# Corners of a page by which its transform is measured, points.
_FAR_POINTS = 1000.0
# Filled paths narrower than this, points, are lines: some programs draw lines as thin boxes. 0.5 mm.
_THIN_POINTS = 1.4
# A word tells how a page is turned if it has so many letters.
_LEAST_LETTERS = 3
# PDFium's codes of segments (fpdf_edit.h).
_LINE_TO = 0
_CURVE_TO = 1
_MOVE_TO = 2


class TooMuchDrawn(Exception):
    """More paths or letters than an ECG has."""


@dataclass(frozen=True)
class Polyline:
    """One stroke of the pen.

    Parameters
    ----------
    xy : (n, 2) float64
        Its corners, px.
    style : tuple of int
        Red, green, blue and opacity, 0 to 255, and the pen's width in thousandths of a px: what is drawn alike.
    """

    xy: Float64Array
    style: tuple[int, ...]

    @property
    def width_px(self) -> float:
        """Width of the pen."""
        return self.style[-1] / 1000


@dataclass(frozen=True)
class PdfWord:
    """A word, with its left, top, right and bottom in px."""

    text: str
    box: tuple[float, float, float, float]
    angle_deg: float | None


@dataclass(frozen=True)
class Drawing:
    """A page of a PDF.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        Its picture.
    polylines : sequence of Polyline
        In the order in which they are drawn.
    words : sequence of PdfWord
    px_per_mm : Scale
        Of the page printed at full size.
    rotation_deg : float
        By how much the picture was turned so that its words stand upright.
    """

    rgb: UInt8Array
    polylines: Sequence[Polyline]
    words: Sequence[PdfWord]
    px_per_mm: Scale
    rotation_deg: float = 0.0

    @property
    def text(self) -> str:
        """All words with blanks between."""
        return " ".join(word.text for word in self.words)


def read_drawing(content: bytes, most_px: int, number: int | None = None) -> Drawing:
    """What is drawn on a page.

    Parameters
    ----------
    content : bytes
        Of the PDF.
    most_px : int
        Pixels that its picture may have.
    number : int, optional
        Which page, from 1; without it the file must have one only.

    Raises
    ------
    ImageError
        As `ecg.page.pdf.opened_page`.
    TooMuchDrawn
    """
    with opened_page(content, most_px, number) as (page, scale):
        rgb = picture_of(page, scale)
        to_px = _page_to_px(page, rgb.shape)
        polylines = list(_polylines(page, to_px, np.array(rgb.shape[1::-1], float)))
        words = list(_words(page, to_px))
    per_point = np.hypot(*to_px[:, :2].T)
    full_size = Scale(*(float(size) / MM_PER_POINT for size in per_point))
    return Drawing(rgb, polylines, words, full_size)


def upright(drawing: Drawing) -> Drawing:
    """The drawing turned by quarters so that most of its words run from left to right."""
    angles = [word.angle_deg for word in drawing.words if word.angle_deg is not None]
    quarters = [round(angle / 90) % 4 for angle in angles]
    usual = max(set(quarters), key=quarters.count, default=0)
    if not usual:
        return drawing
    height, width = drawing.rgb.shape[:2]
    # Words that run down (90 degrees in px) are turned counterclockwise by a quarter, and so on.
    matrix = {1: [[0, 1, 0], [-1, 0, width - 1]], 2: [[-1, 0, width - 1], [0, -1, height - 1]],
              3: [[0, -1, height - 1], [1, 0, 0]]}[usual]
    turn = np.array(matrix, float)
    lines = [replace(line, xy=line.xy @ turn[:, :2].T + turn[:, 2]) for line in drawing.polylines]
    words = []
    for word in drawing.words:
        corners = np.array([word.box[:2], word.box[2:]]) @ turn[:, :2].T + turn[:, 2]
        words.append(replace(word, box=(*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())))
    rgb = np.ascontiguousarray(np.rot90(drawing.rgb, usual))
    scale = drawing.px_per_mm if usual == 2 else drawing.px_per_mm.turned
    return replace(drawing, rgb=rgb, polylines=lines, words=words, px_per_mm=scale, rotation_deg=90.0 * usual)


def _page_to_px(page: Any, shape: tuple[int, ...]) -> Float64Array:
    """(2, 3) affine transform from points of the page, with its box and its quarter turns, to px of its picture."""
    from pypdfium2 import raw
    places = []
    for x, y in ((0.0, 0.0), (_FAR_POINTS, 0.0), (0.0, _FAR_POINTS)):
        column, row = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, _DEVICE, _DEVICE, 0, x, y, column, row)
        places.append((column.value * shape[1] / _DEVICE - 0.5, row.value * shape[0] / _DEVICE - 0.5))
    origin, along_x, along_y = np.array(places)
    return np.c_[(along_x - origin) / _FAR_POINTS, (along_y - origin) / _FAR_POINTS, origin]


def _polylines(page: Any, to_px: Float64Array, size: Float64Array) -> Iterator[Polyline]:
    """Strokes within reach of a picture of that width and height."""
    from pypdfium2 import raw
    px_per_point = float(np.sqrt(abs(np.linalg.det(to_px[:, :2]))))
    left = _MOST_POINTS
    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH]):
        count = raw.FPDFPath_CountSegments(item)
        left -= max(count, 0)
        if left < 0:
            raise TooMuchDrawn(f"more than {_MOST_POINTS:,} points of paths are drawn")
        fill, stroked = ctypes.c_int(), ctypes.c_int()
        if count < 2 or not raw.FPDFPath_GetDrawMode(item, fill, stroked):
            continue
        matrix = _matrix(item)
        own = to_px[:, :2] @ matrix[:, :2], to_px[:, :2] @ matrix[:, 2] + to_px[:, 2]
        for xy in _parts(item, count):
            placed = xy @ own[0].T + own[1]
            # What is drawn far outside, or nowhere, is no trace; and no place of it may cost memory.
            if not (np.abs(placed / size - 0.5) < _FAR_OUTSIDE).all():
                continue
            if stroked.value:
                yield Polyline(placed, _stroke_style(item, matrix, px_per_point))
            elif fill.value and len(placed) > 3:
                line = _thin_box(placed, _THIN_POINTS * px_per_point)
                if line is not None:
                    yield Polyline(line[0], (*_color(item, raw.FPDFPageObj_GetFillColor), round(1000 * line[1])))


def _matrix(item: Any) -> Float64Array:
    """(2, 3) from the points of a path to those of the page, through the forms that hold it."""
    total = np.eye(3)
    while item is not None:
        a, b, c, d, e, f = item.get_matrix().get()
        total = np.array([[a, c, e], [b, d, f], [0, 0, 1]]) @ total
        item = item.container
    return np.asarray(total[:2])


def _parts(item: Any, count: int) -> Iterator[Float64Array]:
    """The connected parts of a path, (n, 2) each; curves as straight pieces."""
    from pypdfium2 import raw
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float]] = []
    curve: list[tuple[float, float]] = []
    for k in range(count):
        segment = raw.FPDFPath_GetPathSegment(item, k)
        kind = raw.FPDFPathSegment_GetType(segment)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        at = x.value, y.value
        if kind == _MOVE_TO:
            if len(points) > 1:
                yield np.array(points)
            points, curve = [at], []
        elif kind == _CURVE_TO:
            curve.append(at)
            if len(curve) == 3:
                points += _bezier(points[-1] if points else at, curve)
                curve = []
        else:
            points.append(at)
        if raw.FPDFPathSegment_GetClose(segment) and points:
            points.append(points[0])
    if len(points) > 1:
        yield np.array(points)


def _bezier(start: tuple[float, float], three: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points of a cubic curve behind its start."""
    t = np.arange(1, _PIECES_OF_CURVE + 1)[:, None] / _PIECES_OF_CURVE
    a, b, c, d = np.array([start, *three])
    at = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d
    return [(float(x), float(y)) for x, y in at]


def _color(item: Any, get: Any) -> tuple[int, int, int, int]:
    parts = [ctypes.c_uint() for _ in range(4)]
    get(item, *parts)
    red, green, blue, alpha = (part.value for part in parts)
    return red, green, blue, alpha


def _stroke_style(item: Any, matrix: Float64Array, px_per_point: float) -> tuple[int, ...]:
    from pypdfium2 import raw
    width = ctypes.c_float()
    raw.FPDFPageObj_GetStrokeWidth(item, width)
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) * px_per_point
    return (*_color(item, raw.FPDFPageObj_GetStrokeColor), round(1000 * width.value * factor))


def _thin_box(xy: Float64Array, thin_px: float) -> tuple[Float64Array, float] | None:
    """The middle line of a filled upright box that is a line, and its width; else None."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    side = int(np.argmin(high - low))
    if len(xy) > 5 or high[side] - low[side] > thin_px:
        return None
    ends = np.array([low, high])
    ends[:, side] = (low[side] + high[side]) / 2
    return ends, float(high[side] - low[side])


def _words(page: Any, to_px: Float64Array) -> Iterator[PdfWord]:
    from pypdfium2 import raw
    text = page.get_textpage()
    try:
        count = text.count_chars()
        if count > _MOST_LETTERS:
            raise TooMuchDrawn(f"{count:,} letters are drawn, at most {_MOST_LETTERS:,} are read")
        letters: list[tuple[str, tuple[float, ...]]] = []
        for k in range(count):
            letter = chr(raw.FPDFText_GetUnicode(text, k))
            if letter.isspace() or letter == "\0":
                yield from _word(letters, to_px)
                letters = []
            else:
                letters.append((letter, text.get_charbox(k)))
        yield from _word(letters, to_px)
    finally:
        text.close()


def _word(letters: Sequence[tuple[str, tuple[float, ...]]], to_px: Float64Array) -> Iterator[PdfWord]:
    if not letters:
        return
    boxes = np.array([box for _, box in letters]).reshape(-1, 2, 2) @ to_px[:, :2].T + to_px[:, 2]
    middles = boxes.mean(axis=1)
    dx, dy = middles[-1] - middles[0]
    angle = float(np.degrees(np.arctan2(dy, dx))) if len(letters) >= _LEAST_LETTERS else None
    low, high = boxes.min(axis=(0, 1)).tolist(), boxes.max(axis=(0, 1)).tolist()
    yield PdfWord("".join(letter for letter, _ in letters), (low[0], low[1], high[0], high[1]), angle)
