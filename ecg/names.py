"""A reader of the few words that ECG pages print: lead names, paper speed, gain. Templates, no network."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
# Left, top, right, bottom, px; right and bottom are outside.
Box = tuple[int, int, int, int]

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SPEEDS = {f"{v}{space}mm/{s}": float(v) for v in ("12.5", "25", "50") for space in ("", " ") for s in ("s", "sec")}
GAINS = {f"{v}{space}mm/mV": float(v) for v in ("2.5", "5", "10", "20") for space in ("", " ")}
_SPELLED = {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF", "-aVR": "-aVR"}
_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf",
          "STIXGeneralBol.ttf")
_HEIGHT = 24
_MARGIN = 4
_LEAST = 0.62
# Distance of words in heights of their letters; lines of more words than this are prose.
_SPACE, _MOST_PARTS = 0.22, 14
# Width of an upright stroke, in heights of letters: less than that of any letter but I.
_STROKE = 0.4


@dataclass(frozen=True)
class Word:
    """A word that was read.

    Parameters
    ----------
    text : str
        A lead, a key of `SPEEDS` or of `GAINS`.
    x, y, width, height : float
        Left, top and size in px.
    score : float
        Likeness to the best template, 0.62 to 1.
    """

    text: str
    x: float
    y: float
    width: float
    height: float
    score: float


def read_words(ink: Floats, px_per_mm: float) -> list[Word]:
    """Lead names, speeds and gains among the small marks of a page.

    Parameters
    ----------
    ink : (H, W) float32
        Share of ink.
    px_per_mm : float
    """
    mask = (ink > 0.4).astype(np.uint8)
    # The same labels as OpenCV's default, three times as fast.
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    height, width = stats[:, cv2.CC_STAT_HEIGHT] / px_per_mm, stats[:, cv2.CC_STAT_WIDTH] / px_per_mm
    letter = (height > 0.15) & (height < 7) & (width < 8)
    tall = letter & (height > 1.1)
    letter[0] = tall[0] = False
    found = [word for group in _groups(stats[letter][:, :4], stats[tall][:, :4]) for word in _read_group(mask, group)]
    return sorted(found, key=lambda w: (w.y, w.x))


def _groups(marks: NDArray[np.int32], tall: NDArray[np.int32]) -> list[list[Box]]:
    """Boxes of letters that stand in a line, close together."""
    boxes = sorted((int(x), int(y), int(x + w), int(y + h)) for x, y, w, h in tall)
    small = [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h in marks]
    out: list[tuple[list[int], list[Box]]] = []
    for box in boxes:
        for word, letters in out:
            high = max(word[3] - word[1], box[3] - box[1])
            level = abs(word[3] - box[3]) < 0.35 * high
            if level and -0.3 * high < box[0] - word[2] < 0.55 * high:
                word[:] = _around([(word[0], word[1], word[2], word[3]), box])
                letters.append(box)
                break
        else:
            out.append((list(box), [box]))
    for word, letters in out:  # points and dashes inside or beside a word belong to it
        letters += [box for box in small if box not in letters and word[1] <= (box[1] + box[3]) / 2 <= word[3]
                    and word[0] - 1 <= box[0] and box[2] <= word[2] + 1]
    return [sorted(letters) for _, letters in out]


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes)
    return min(left), min(top), max(right), max(bottom)


def _read_group(mask: Bytes, letters: Sequence[Box]) -> list[Word]:
    """The word that a group of letters is, or those that stand in it as in "Speed: 25 mm/sec  Limb: 10 mm/mV"."""
    whole = _read(mask, _around(letters))
    if whole:
        return [whole]
    high = max(bottom - top for _, top, _, bottom in letters)
    wide = [right - left for left, _, right, _ in letters]
    if wide[0] < _STROKE * high < max(wide[1:], default=0):  # a separator in front of the name
        rest = _read(mask, _around(letters[1:]))
        if rest:
            return [rest]
    parts: list[list[Box]] = []
    for box in letters:
        if parts and box[0] - _around(parts[-1])[2] < _SPACE * high:
            parts[-1].append(box)
        else:
            parts.append([box])
    if not 1 < len(parts) < _MOST_PARTS:
        return []
    pairs = [word for a, b in zip(parts, parts[1:]) for word in [_read(mask, _around(a + b))] if word]
    return pairs + [word for part in parts for word in [_read(mask, _around(part))] if word]


def _read(mask: Bytes, box: Box) -> Word | None:
    left, top, right, bottom = box
    patch = mask[top:bottom, left:right].astype(np.float32)
    aspect = patch.shape[1] / patch.shape[0]
    names, ratios, templates = _templates()
    best, score, fitted = "", _LEAST, dict[int, Floats]()
    for name, ratio, template in zip(names, ratios, templates):
        if not 0.72 < aspect / ratio < 1.38:
            continue
        wide = template.shape[1] - 2 * _MARGIN
        if wide not in fitted:
            picture = np.pad(cv2.resize(patch, (wide, _HEIGHT), interpolation=cv2.INTER_AREA), _MARGIN)
            fitted[wide] = picture - picture.mean()
        a = fitted[wide]
        likeness = float((a * template).sum() / (np.linalg.norm(a) + 1e-6)) - 0.3 * abs(np.log(aspect / ratio))
        if likeness > score:
            best, score = name, likeness
    if not best:
        return None
    return Word(best, left, top, right - left, bottom - top, score)


@lru_cache(maxsize=1)
def _templates() -> tuple[tuple[str, ...], tuple[float, ...], tuple[Floats, ...]]:
    """Names, aspect ratios and normalized pictures of every word in every font."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    drawn: list[tuple[str, Floats]] = []
    words = {name: name for name in (*LEADS, *SPEEDS, *GAINS)} | _SPELLED
    for file in _FONTS:
        font = ImageFont.truetype(str(folder / file), 48)
        for text, name in words.items():
            if len(text) > 4 and file not in _FONTS[:3]:
                continue
            canvas = Image.new("L", (60 * len(text) + 60, 120))
            ImageDraw.Draw(canvas).text((20, 20), text, font=font, fill=255)
            drawn.append((name, np.asarray(canvas, np.float32) / np.float32(255)))
    for text, name in words.items():
        plotter = np.zeros((120, 60 * len(text) + 60), np.uint8)
        cv2.putText(plotter, text, (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 4, cv2.LINE_AA)
        drawn.append((name, plotter.astype(np.float32) / np.float32(255)))
    out = [(name, *_normalized(picture)) for name, picture in drawn]
    return tuple(o[0] for o in out), tuple(o[1] for o in out), tuple(o[2] for o in out)


def _normalized(picture: Floats) -> tuple[float, Floats]:
    rows, columns = np.nonzero(picture > 0.4)
    patch = picture[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
    aspect = patch.shape[1] / patch.shape[0]
    patch = cv2.resize(patch, (max(2, round(_HEIGHT * aspect)), _HEIGHT), interpolation=cv2.INTER_AREA)
    patch = np.pad(patch, _MARGIN)
    patch = patch - patch.mean()
    return aspect, np.asarray(patch / np.linalg.norm(patch), np.float32)
