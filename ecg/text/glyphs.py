"""Printed letters: the marks of a page, and how much each is like pieces of the words that are looked for.

A mark is a connected piece of ink. Small print runs together, so a mark may be any piece of a word ("m", "mm/", "5m"),
and a piece may be broken into several marks. Templates are drawn from fonts that matplotlib, Pillow and OpenCV bring.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ecg.scale import Scale
from featurize.arrays import Float32Array, Int32Array

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont
    Font = FreeTypeFont | ImageFont


_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif.ttf",
          "STIXGeneral.ttf", "STIXGeneralBol.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSansMono-Oblique.ttf",
          "cmss10.ttf", "cmtt10.ttf")
_SIZE = 28
# Height and width that every piece is stretched to, and a rim without ink: a full block would have no contrast.
_HIGH = 14
_WIDE = 28
_RIM = 1
# What a piece loses for standing higher or lower than it should (in heights of a digit), and for being too wide or too
# narrow: fonts differ, and narrow ones are a fifth narrower.
_PLACE = 0.5
_STRETCH = 0.5
_FREE = 0.22
_INK = 0.3
# Share of ink from which on it is read: thin strokes have little, letters beside the dots of a grid need more.
_LEAST = (0.3, 0.5)


@dataclass(frozen=True)
class Marks:
    """Connected pieces of ink.

    Parameters
    ----------
    ink : (H, W) float32
    labels : (H, W) int32
        Number of the mark that a pixel belongs to, 0 for none.
    boxes : (n, 4) int32
        Left, top, right, bottom of each mark in px; right and bottom are outside; row 0 is the paper.
    px_per_mm : Scale
    """

    ink: Float32Array
    labels: Int32Array
    boxes: Int32Array
    px_per_mm: Scale

    def picture(self, numbers: Sequence[int]) -> Float32Array:
        """Some marks alone, stretched to the size of templates, without mean and of norm 1; flat."""
        left, top, right, bottom = self.around(numbers)
        own = self.labels[top:bottom, left:right]
        mine = own == numbers[0]
        for number in numbers[1:]:
            mine |= own == number
        return _normalized(self.ink[top:bottom, left:right] * mine)

    def around(self, numbers: Sequence[int]) -> tuple[int, int, int, int]:
        """The box around some marks."""
        left, top = self.boxes[list(numbers), :2].min(axis=0)
        right, bottom = self.boxes[list(numbers), 2:].max(axis=0)
        return int(left), int(top), int(right), int(bottom)


def marks_of(ink: Float32Array, px_per_mm: Scale) -> list[Marks]:
    """All marks of a page, (H, W) share of ink, once as strokes of small print show them and once as bold ones do."""
    return [_marks_from(ink, px_per_mm, least) for least in _LEAST]


def _marks_from(ink: Float32Array, px_per_mm: Scale, least: float) -> Marks:
    mask = (ink > least).astype(np.uint8)
    # The same labels as OpenCV's default, three times as fast.
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    corner = stats[:, :2]
    return Marks(ink, np.asarray(labels, np.int32), np.c_[corner, corner + stats[:, 2:4]].astype(np.int32), px_per_mm)


@dataclass(frozen=True)
class Pieces:
    """Templates of some texts, each in every font.

    Parameters
    ----------
    texts : sequence of str
    pictures : (texts, fonts, px) float32
        As of `Marks.picture`.
    places : (texts, fonts, 3) float32
        Natural logarithm of the width, and top and bottom above the base line; in heights of a digit.
    """

    texts: tuple[str, ...]
    pictures: Float32Array
    places: Float32Array

    def likeness(self, picture: Float32Array, place: tuple[float, float, float]) -> Float32Array:
        """(texts,) likeness, 1 at most, of a picture at a place (as of `places`) to each text in its best font."""
        off = np.abs(self.places - np.asarray(place, np.float32))
        loss = _STRETCH * np.maximum(off[..., 0] - _FREE, 0) + _PLACE * (off[..., 1] + off[..., 2])
        return np.asarray((self.pictures @ picture - loss).max(axis=1), np.float32)

    def looks(self, pictures: Float32Array) -> Float32Array:
        """(n, texts) likeness of n pictures wherever they stand."""
        texts, fonts, size = self.pictures.shape
        flat = pictures @ self.pictures.reshape(-1, size).T
        return np.asarray(flat.reshape(-1, texts, fonts).max(axis=2), np.float32)


@lru_cache(maxsize=8)
def pieces_of(texts: tuple[str, ...]) -> Pieces:
    """Templates of texts."""
    drawn = [_typeset(text) for text in texts]
    return Pieces(texts, np.array([[_normalized(picture) for picture, _ in row] for row in drawn], np.float32),
                  np.array([[place for _, place in row] for row in drawn], np.float32))


# Height and width of the canvas of a letter, and where the letter begins on it, px.
_CANVAS = (50, 60)
_LEFT = 10
_BASE = 34


@lru_cache(maxsize=1)
def _fonts() -> tuple[tuple["Font", int], ...]:
    """Fonts, and by how many px their strokes are made wider."""
    import matplotlib
    from PIL import ImageFont
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain = ImageFont.load_default(_SIZE)  # of Pillow: like Helvetica, a 1 has no foot
    return (plain, 0), (plain, 1), *((ImageFont.truetype(str(folder / file), _SIZE), 0) for file in _FILES)


@lru_cache(maxsize=200)
def _letter(letter: str) -> list[tuple[Float32Array, float]]:
    """In each font: a letter on its canvas, and how far the next one stands from it, px."""
    from PIL import Image, ImageDraw
    plotter = np.zeros(_CANVAS, np.uint8)
    cv2.putText(plotter, letter, (_LEFT, _BASE), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2, cv2.LINE_AA)
    wide = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1)[0][0]
    out = [(plotter.astype(np.float32) / np.float32(255), float(wide))]
    for font, bold in _fonts():
        canvas = Image.new("L", _CANVAS[::-1])
        ImageDraw.Draw(canvas).text((_LEFT, _BASE), letter, font=font, fill=255, anchor="ls", stroke_width=bold)
        out.append((np.asarray(canvas, np.float32) / np.float32(255), font.getlength(letter) + bold))
    return out


@lru_cache(maxsize=1)
def _digits() -> list[tuple[int, int]]:
    """In each font: top and bottom of a digit on its canvas; heights are told in it."""
    rows = [np.flatnonzero((picture > _INK).any(axis=1)) for picture, _ in _letter("5")]
    return [(int(r[0]), int(r[-1]) + 1) for r in rows]


def _typeset(text: str) -> list[tuple[Float32Array, tuple[float, float, float]]]:
    """In each font: picture of a text, cut to its ink, and its place as in `Pieces`."""
    out = []
    for (above, base), letters in zip(_digits(), zip(*map(_letter, text))):
        at = np.cumsum([0.0, *(wide for _, wide in letters)])
        page = np.zeros((_CANVAS[0], _CANVAS[1] + int(at[-1])), np.float32)
        for x, (picture, _) in zip(at, letters):
            part = page[:, round(x):round(x) + _CANVAS[1]]
            np.maximum(part, picture, out=part)
        inked, high = page > _INK, base - above
        rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
        place = (float(np.log((columns[-1] + 1 - columns[0]) / high)), float((base - rows[0]) / high),
                 float((base - rows[-1] - 1) / high))
        out.append((page[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1], place))
    return out


def _normalized(picture: Float32Array) -> Float32Array:
    size = (_WIDE - 2 * _RIM, _HIGH - 2 * _RIM)
    smooth = cv2.INTER_AREA if picture.shape[0] > size[1] and picture.shape[1] > size[0] else cv2.INTER_LINEAR
    whole = np.zeros((_HIGH, _WIDE), np.float32)
    whole[_RIM:-_RIM, _RIM:-_RIM] = cv2.resize(picture, size, interpolation=smooth)
    flat = whole.ravel() - whole.mean()
    return np.asarray(flat / (np.linalg.norm(flat) + 1e-6), np.float32)
