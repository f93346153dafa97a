"""Printed paper speed and gain: a number and its unit, read together or not at all."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ecg.text.glyphs import Marks, Pieces, pieces_of
from ecg.text.words import APART, INSIDE, SMALL, SPACE, Alphabet, Line, surest
from featurize.arrays import BoolArray, Int32Array, IntpArray

_UNITS = {"speed": ("mm/s", "mm/sec", "MM/S", "MM/SEC"), "gain": ("mm/mV", "mm/mv", "MM/MV")}
# What machines offer; gains of limb and chest leads may stand before one unit, as 10/5.
_OFFERED = {"speed": (12.5, 25.0, 50.0), "gain": (2.5, 5.0, 10.0, 20.0)}
_BOTH = {"20/10": (20.0, 10.0), "10/5": (10.0, 5.0), "5/2.5": (5.0, 2.5)}
_LIMB = ("Limb", "LIMB")
_CHEST = ("Chest", "CHEST")
_DIGITS = tuple("0123456789")
_POINTS = (".", ",")
# Least likeness: of a mark to a digit, of any piece, of all on average, and how much less another reading must have.
_DIGIT = 0.6
_PIECE = 0.45
_WORD = 0.7
_MARGIN = 0.04
# By how much a digit is more like what it is read as than any other, and width over height from which on a mark may be
# two.
_SURE = 0.03
_PAIR = 0.67
# Height of letters in mm, marks of a number and its unit.
_HEIGHT_MM = (1.1, 6.0)
_MOST = 16
# How far in front of a gain the leads are named that it holds for.
_REACH = 9.0


@dataclass(frozen=True)
class Printed:
    """A printed speed (mm/s) or gain (mm/mV).

    Parameters
    ----------
    kind : str
        speed or gain.
    value : float
    leads : str
        limb, chest, or "" where it holds for all.
    score : float
        Likeness of the worse of number and unit to what was read, .72 to 1.
    """

    kind: str
    value: float
    leads: str
    score: float


@lru_cache(maxsize=1)
def _numbers() -> dict[str, dict[str, tuple[float, ...]]]:
    """Numbers as they may be printed, and what they say as a speed and as a gain (of limb and chest leads if two).

    Numbers that nobody offers are none: 100 mm/s is not read, nor 2 mm/mV.
    """
    out: dict[str, dict[str, tuple[float, ...]]] = {text: {"gain": values} for text, values in _BOTH.items()}
    for kind, offered in _OFFERED.items():
        for value in offered:
            for text in {f"{value:g}", f"{value:.1f}"}:
                out.setdefault(text, {})[kind] = out.setdefault(text.replace(".", ","), {})[kind] = (value,)
    return out


@lru_cache(maxsize=1)
def _single() -> Pieces:
    """What one mark of a number may be."""
    return pieces_of((*_DIGITS, *_POINTS))


@lru_cache(maxsize=1)
def _touching() -> Pieces:
    """What a wide mark of a number may be: every two digits, that none is taken for another; a digit and a unit."""
    pairs = [a + b for a in (*_DIGITS, *_POINTS) for b in (*_DIGITS, *_POINTS) if a in _DIGITS or b in _DIGITS]
    return pieces_of((*pairs, *(a + b for a in _DIGITS for b in ("m", "mm"))))


@lru_cache(maxsize=1)
def _letters() -> Pieces:
    """Every piece of units and names, as letters may touch."""
    units = [unit for every in _UNITS.values() for unit in every]
    return pieces_of(tuple(sorted({part for word in (*units, *_LIMB, *_CHEST) for part in _parts(word)})))


@lru_cache(maxsize=1)
def _alphabet() -> Alphabet:
    texts = frozenset({*_single().texts, *_touching().texts, *_letters().texts})
    return Alphabet(texts, _like, _PIECE)


def _like(line: Line, first: int, count: int, numeral: bool) -> dict[str, float]:
    """Likeness of some marks to letters, or to that which they are most like of what stands in numbers."""
    if not numeral:
        return line.likeness(_letters(), first, count)
    like = line.likeness(_single(), first, count)
    if line.width(first, count) > _PAIR:
        like |= line.likeness(_touching(), first, count)
    return surest(like, _SURE)


def _parts(word: str) -> set[str]:
    return {word[a:b] for a in range(len(word)) for b in range(a + 1, len(word) + 1)}


def read_printed(marks: Sequence[Marks]) -> list[Printed]:
    """Speeds and gains on a page.

    Parameters
    ----------
    marks : sequence of Marks
        Of `ecg.text.glyphs.marks_of`.
    """
    found: list[Printed] = []
    for some in marks:
        known = {printed.kind for printed in found}
        if len(known) < len(_UNITS):
            found += [printed for printed in _read_all(some) if printed.kind not in known]
    return found


def _read_all(marks: Marks) -> list[Printed]:
    boxes, scale = marks.boxes, marks.px_per_mm
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    letter = (high < _HEIGHT_MM[1] * scale.y) & (wide < 3 * _HEIGHT_MM[1] * scale.x) & (high * wide > 1)
    letter[0] = False
    tall = np.flatnonzero(letter & (high > _HEIGHT_MM[0] * scale.y) & (wide < 3 * high))
    letters = np.flatnonzero(letter)
    letters = letters[np.argsort(boxes[letters, 0])]
    return [found for start in _starts(marks, tall) for found in _read_at(marks, letters, start)]


def _starts(marks: Marks, tall: IntpArray) -> list[int]:
    """Marks that look like the beginning of a number, from left to right."""
    if not len(tall):
        return []
    first = pieces_of(("1", "2", "5", "10", "12", "20", "25", "50"))
    looks = first.looks(np.array([marks.picture([int(n)]) for n in tall])).max(axis=1)
    found = tall[looks > _DIGIT]
    return [int(n) for n in found[np.argsort(marks.boxes[found, 0])]]


def _line_from(marks: Marks, letters: IntpArray, start: int) -> Line:
    left, top, right, bottom = marks.boxes[start]
    high = float(bottom - top)
    near = letters[(marks.boxes[letters, 0] >= left) & (letters != start) & _level(marks, letters, start)]
    near = near[~_inside(marks.boxes[near], np.maximum.accumulate(np.r_[right, marks.boxes[near, 2]])[:-1])]
    line = Line(marks, [start, *near[:_MOST - 1].tolist()], high, float(bottom))
    ends = [k for k in range(1, len(line.numbers)) if line.gap(k) > SPACE]
    return Line(marks, line.numbers[:ends[0]], high, float(bottom)) if ends else line


def _inside(boxes: Int32Array, reached: Int32Array) -> BoolArray:
    """Which small marks, from left to right, stand inside the one before: some fonts mark a 0 with a point."""
    return np.asarray(boxes[:, 2] <= reached)


def _level(marks: Marks, letters: IntpArray, start: int) -> BoolArray:
    """Which marks stand in a line with one."""
    _, top, _, bottom = marks.boxes[start]
    high, tops, bottoms = bottom - top, marks.boxes[letters, 1], marks.boxes[letters, 3]
    middle = (tops + bottoms) / 2 - bottom
    return np.asarray((middle > -1.2 * high) & (middle < 0.3 * high) & (bottoms - tops < 1.7 * high))


def _read_at(marks: Marks, letters: IntpArray, start: int) -> list[Printed]:
    """What is printed from a mark on."""
    line, read = _line_from(marks, letters, start), _alphabet()
    scores: dict[tuple[str, tuple[float, ...]], float] = {}
    for number, says in _numbers().items():
        if not read.reached(line, number) and not read.reached(line, number[:-1]):
            continue  # most marks that look like a digit begin no number
        for kind, values in says.items():
            score = max(read.spelled(line, number + unit) for unit in _UNITS[kind])
            scores[kind, values] = max(scores.get((kind, values), 0.0), score)
    if not scores:
        return []
    (kind, values), best = max(scores.items(), key=lambda item: item[1])
    second = max((score for key, score in scores.items() if key != (kind, values)), default=0.0)
    before = letters[(marks.boxes[letters, 0] < marks.boxes[start, 0]) & _level(marks, letters, start)]
    if best < _WORD or best - second < _MARGIN or _goes_on(marks, before, start):
        return []
    if len(values) == 2:
        return [Printed(kind, value, leads, best) for value, leads in zip(values, ("limb", "chest"))]
    return [Printed(kind, values[0], _leads(marks, letters, before, start) if kind == "gain" else "", best)]


def _goes_on(marks: Marks, before: IntpArray, start: int) -> bool:
    """Whether digits stand in front of a mark, with a point between or without: it is not where a number begins."""
    left, top, _, bottom = marks.boxes[start]
    high = bottom - top
    boxes = marks.boxes[before]
    tall = boxes[boxes[:, 3] - boxes[:, 1] > SMALL * high]
    if (tall[:, 2] > left - APART * high).any():
        return True
    points = boxes[boxes[:, 3] - boxes[:, 1] <= SMALL * high]
    small = points[points[:, 2] > left - INSIDE * high]
    if not len(small) or (points[points[:, 2] >= small[:, 0].min(), 3] < bottom - 0.2 * high).any():
        return False  # a colon has an upper point
    digits = tall[tall[:, 3] - tall[:, 1] > 0.9 * high]
    return bool((digits[:, 2] > small[:, 0].min() - INSIDE * high).any())


def _leads(marks: Marks, letters: IntpArray, before: IntpArray, start: int) -> str:
    """The leads named in front of a gain: limb, chest or "" for all."""
    left, top, _, bottom = marks.boxes[start]
    high = float(bottom - top)
    boxes = marks.boxes[before]
    near = before[(boxes[:, 0] > left - _REACH * high) & (boxes[:, 3] - boxes[:, 1] > 0.8 * high)]
    for number in near[::-1].tolist():
        line = _line_from(marks, letters, number)
        line = Line(marks, [n for n in line.numbers if marks.boxes[n, 0] < left], line.high, line.base)
        for leads, words in (("limb", _LIMB), ("chest", _CHEST)):
            if max(_alphabet().spelled(line, word) for word in words) > _WORD:
                return leads
    return ""
