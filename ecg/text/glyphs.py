"""Printed letters: connected components of ink, and how similar each is to templates of pieces of words.

Small print runs together, so a component may be any piece of a word ("m", "mm/", "5m"), and a piece may be broken into
several components. Templates are drawn from fonts that matplotlib, Pillow and OpenCV bring.

Tuning values were chosen by hand on pages drawn in this and other makers' styles.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecg.scale import Scale
from featurize.arrays import Float32Array, Int32Array

# Fonts of matplotlib that templates are drawn in.
_FONT_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf",
               "DejaVuSerif.ttf", "STIXGeneral.ttf", "STIXGeneralBol.ttf", "DejaVuSans-Oblique.ttf",
               "DejaVuSansMono-Oblique.ttf", "cmss10.ttf", "cmtt10.ttf")
# Size of these fonts.
_FONT_PX = 28
# Size of OpenCV's font.
_PLOTTER_SCALE = 0.9
# Width of its strokes, px.
_PLOTTER_STROKE_PX = 2
# Height that every template is stretched to, px.
_TEMPLATE_HEIGHT_PX = 14
# Width that every template is stretched to, px.
_TEMPLATE_WIDTH_PX = 28
# Width of a rim without ink around it, px: a full block would have no contrast.
_RIM_PX = 1
# Loss of similarity for standing higher or lower than a template, per height of a digit.
_PLACE_LOSS = 0.5
# Loss of similarity for another width, per difference of its logarithm.
_WIDTH_LOSS = 0.5
# Difference that costs nothing: fonts differ, and narrow ones are a fifth narrower.
_FREE_WIDTH = 0.22
# Share of ink above which a pixel of a template counts for its size.
_TEMPLATE_INK = 0.3
# Shares of ink above which pixels are connected: thin strokes have little ink, letters beside the dots of a grid need
# the higher one.
_LEAST_INKS = (0.3, 0.5)
# Height and width of the canvas of a letter, px.
_CANVAS_PX = (50, 60)
# Column of the canvas where the letter begins.
_LEFT_PX = 10
# Row of the letter's base line.
_BASE_PX = 34


@dataclass(frozen=True)
class InkComponents:
    """Connected components of ink.

    Parameters
    ----------
    ink : (H, W) float32
    labels : (H, W) int32
        Number of the component that a pixel belongs to, 0 for none.
    boxes : (n, 4) int32
        Left, top, right, bottom of each component in px; right and bottom are outside; row 0 is the paper.
    px_per_mm : Scale
    """

    ink: Float32Array
    labels: Int32Array
    boxes: Int32Array
    px_per_mm: Scale

    def picture(self, numbers: Sequence[int]) -> Float32Array:
        """Some components alone, stretched to the size of templates, without mean and of norm 1; flat."""
        left, top, right, bottom = self.bounding_box(numbers)
        own = self.labels[top:bottom, left:right]
        mine = own == numbers[0]
        for number in numbers[1:]:
            mine |= own == number
        return _normalized(self.ink[top:bottom, left:right] * mine)

    def bounding_box(self, numbers: Sequence[int]) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of some components together."""
        left, top = self.boxes[list(numbers), :2].min(axis=0)
        right, bottom = self.boxes[list(numbers), 2:].max(axis=0)
        return int(left), int(top), int(right), int(bottom)


def find_components(ink: Float32Array, px_per_mm: Scale) -> list[InkComponents]:
    """All components of a page, (H, W) share of ink: once with thin strokes, once of strong ink only."""
    return [_components_above(ink, px_per_mm, least) for least in _LEAST_INKS]


def _components_above(ink: Float32Array, px_per_mm: Scale, least: float) -> InkComponents:
    mask = (ink > least).astype(np.uint8)
    # The same labels as OpenCV's default, three times as fast.
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    corner = stats[:, :2]
    boxes = np.c_[corner, corner + stats[:, 2:4]].astype(np.int32)
    return InkComponents(ink, np.asarray(labels, np.int32), boxes, px_per_mm)


@dataclass(frozen=True)
class GlyphTemplates:
    """Templates of some texts, each in every font.

    Parameters
    ----------
    texts : sequence of str
    pictures : (texts, fonts, px) float32
        As of `InkComponents.picture`.
    places : (texts, fonts, 3) float32
        Natural logarithm of the width, and top and bottom above the base line; in heights of a digit.
    """

    texts: tuple[str, ...]
    pictures: Float32Array
    places: Float32Array

    def similarity(self, picture: Float32Array, place: tuple[float, float, float]) -> Float32Array:
        """(texts,) similarity, 1 at most, of a picture at a place (as of `places`) to each text in its best font."""
        off = np.abs(self.places - np.asarray(place, np.float32))
        loss = _WIDTH_LOSS * np.maximum(off[..., 0] - _FREE_WIDTH, 0) + _PLACE_LOSS * (off[..., 1] + off[..., 2])
        return np.asarray((self.pictures @ picture - loss).max(axis=1), np.float32)

    def similarity_anywhere(self, pictures: Float32Array) -> Float32Array:
        """(n, texts) similarity of n pictures, whatever their place and width."""
        texts, fonts, size = self.pictures.shape
        flat = pictures @ self.pictures.reshape(-1, size).T
        return np.asarray(flat.reshape(-1, texts, fonts).max(axis=2), np.float32)


@lru_cache(maxsize=8)
def templates_of(texts: tuple[str, ...]) -> GlyphTemplates:
    """Templates of texts."""
    drawn = [_typeset(text) for text in texts]
    return GlyphTemplates(texts, np.array([[_normalized(picture) for picture, _ in row] for row in drawn], np.float32),
                          np.array([[place for _, place in row] for row in drawn], np.float32))


@lru_cache(maxsize=1)
def _fonts() -> tuple[tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, int], ...]:
    """Fonts, and by how many px their strokes are made wider."""
    import matplotlib
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain = ImageFont.load_default(_FONT_PX)  # of Pillow: like Helvetica, a 1 has no foot
    return (plain, 0), (plain, 1), *((ImageFont.truetype(str(folder / file), _FONT_PX), 0) for file in _FONT_FILES)


@lru_cache(maxsize=200)
def _letter(letter: str) -> list[tuple[Float32Array, float]]:
    """In each font: a letter on its canvas, and its advance width, px."""
    plotter = np.zeros(_CANVAS_PX, np.uint8)
    cv2.putText(plotter, letter, (_LEFT_PX, _BASE_PX), cv2.FONT_HERSHEY_SIMPLEX, _PLOTTER_SCALE, 255,
                _PLOTTER_STROKE_PX, cv2.LINE_AA)
    wide = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, _PLOTTER_SCALE, 1)[0][0]
    out = [(plotter.astype(np.float32) / np.float32(255), float(wide))]
    for font, bold in _fonts():
        canvas = Image.new("L", _CANVAS_PX[::-1])
        ImageDraw.Draw(canvas).text((_LEFT_PX, _BASE_PX), letter, font=font, fill=255, anchor="ls", stroke_width=bold)
        out.append((np.asarray(canvas, np.float32) / np.float32(255), font.getlength(letter) + bold))
    return out


@lru_cache(maxsize=1)
def _digit_bounds() -> list[tuple[int, int]]:
    """In each font: top and bottom of a digit on its canvas; its height is the unit of heights."""
    rows = [np.flatnonzero((picture > _TEMPLATE_INK).any(axis=1)) for picture, _ in _letter("5")]
    return [(int(r[0]), int(r[-1]) + 1) for r in rows]


def _typeset(text: str) -> list[tuple[Float32Array, tuple[float, float, float]]]:
    """In each font: picture of a text, cut to its ink, and its place as in `GlyphTemplates`."""
    out = []
    for (above, base), letters in zip(_digit_bounds(), zip(*map(_letter, text))):
        at = np.cumsum([0.0, *(wide for _, wide in letters)])
        page = np.zeros((_CANVAS_PX[0], _CANVAS_PX[1] + int(at[-1])), np.float32)
        for x, (picture, _) in zip(at, letters):
            part = page[:, round(x):round(x) + _CANVAS_PX[1]]
            np.maximum(part, picture, out=part)
        inked, high = page > _TEMPLATE_INK, base - above
        rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
        place = (float(np.log((columns[-1] + 1 - columns[0]) / high)), float((base - rows[0]) / high),
                 float((base - rows[-1] - 1) / high))
        out.append((page[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1], place))
    return out


def _normalized(picture: Float32Array) -> Float32Array:
    """(px,) a picture (H, W) stretched to the size of templates, without mean and of norm 1."""
    size = (_TEMPLATE_WIDTH_PX - 2 * _RIM_PX, _TEMPLATE_HEIGHT_PX - 2 * _RIM_PX)
    smooth = cv2.INTER_AREA if picture.shape[0] > size[1] and picture.shape[1] > size[0] else cv2.INTER_LINEAR
    whole = np.zeros((_TEMPLATE_HEIGHT_PX, _TEMPLATE_WIDTH_PX), np.float32)
    whole[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = cv2.resize(picture, size, interpolation=smooth)
    flat = whole.ravel() - whole.mean()
    return np.asarray(flat / (np.linalg.norm(flat) + 1e-6), np.float32)
