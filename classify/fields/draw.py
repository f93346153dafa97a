"""A field with the name of every white cell."""
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from featurize.arrays import UInt8Array
from featurize.detect.job import CellFacts

# R G B, told apart by readers with any color vision (Okabe and Ito 2008): sure cells, and those to look at.
SURE, REVIEW = (0, 114, 178), (213, 94, 0)
_LINE_SHARE = 0.004         # width of lines over the longer side of the field
_TEXT_SHARE = 0.025         # height of letters over the longer side of the field
_LEAST_TEXT_PX = 12
_PADDING_PX = 2             # around the text
_PAPER = (255, 255, 255)


@dataclass(frozen=True)
class NamedCell:
    """A white cell, what is written beside it, and whether a person should look."""

    cell: CellFacts
    text: str
    review: bool


def text_of(predicted: str, prediction_set: str, review: bool) -> str:
    """The predicted class, the others of its prediction set, and a question mark where a person should look.

    Examples
    --------
    >>> text_of("monocyte", "monocyte", False), text_of("monocyte", "lymphocyte|monocyte", True)
    ('monocyte', 'monocyte or lymphocyte ?')
    """
    others = [name for name in prediction_set.split("|") if name not in ("", predicted)]
    return " or ".join([predicted, *others]) + (" ?" if review else "")


def named_overlay(rgb: UInt8Array, cells: Sequence[NamedCell]) -> UInt8Array:
    """The field (H, W, 3) with outline and name of every white cell: blue, or orange where a person should look."""
    longest = max(rgb.shape[:2])
    drawn = rgb.copy()
    for one in cells:
        corners = np.rint(np.reshape(one.cell.outline, (-1, 2))).astype(np.int32)
        cv2.polylines(drawn, [corners], True, REVIEW if one.review else SURE, max(1, round(_LINE_SHARE * longest)),
                      cv2.LINE_AA)
    picture = Image.fromarray(drawn)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(max(_LEAST_TEXT_PX, round(_TEXT_SHARE * longest)))
    for one in cells:
        _write(pen, font, one, picture.size)
    return np.asarray(picture)


def _write(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, one: NamedCell,
           size: tuple[int, int]) -> None:
    """The text above the box of a cell, or as near to it as the picture has room."""
    left, top, right, bottom = pen.textbbox((0, 0), one.text, font=font)
    width, height = right - left + 2 * _PADDING_PX, bottom - top + 2 * _PADDING_PX
    x = max(0, min(one.cell.box[0], size[0] - width))
    y = max(0, min(one.cell.box[1] - height, size[1] - height))
    pen.rectangle((x, y, x + width, y + height), fill=_PAPER)
    pen.text((x + _PADDING_PX - left, y + _PADDING_PX - top), one.text, font=font,
             fill=REVIEW if one.review else SURE)
