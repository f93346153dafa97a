"""Printed paper speed and gain: a number and its unit, read together or not at all."""
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecg.letters import Marks, Pieces, pieces_of

Floats = NDArray[np.float32]

_UNITS = {"speed": ("mm/s", "mm/sec", "MM/S", "MM/SEC"), "gain": ("mm/mV", "mm/mv", "MM/MV")}
# What machines offer; gains of limb and chest leads may stand before one unit, as 10/5.
_OFFERED = {"speed": (12.5, 25.0, 50.0), "gain": (2.5, 5.0, 10.0, 20.0)}
_BOTH = {"20/10": (20.0, 10.0), "10/5": (10.0, 5.0), "5/2.5": (5.0, 2.5)}
_LIMB, _CHEST = ("Limb", "LIMB", "limb"), ("Chest", "CHEST", "chest")
_DIGITS = tuple("0123456789")
# Least likeness: of a mark to a digit, of any piece, of all on average, and how much less another reading must have.
_DIGIT, _PIECE, _WORD, _MARGIN = 0.6, 0.45, 0.7, 0.04
# Height of letters in mm; in heights of a digit: gaps inside a word, in front of a unit, that part words, that damage
# makes; and height of points.
_HEIGHT_MM = (1.1, 6.0)
_INSIDE, _SPACE, _APART, _CRACK, _SMALL = 0.42, 1.5, 0.3, 0.15, 0.4
# Marks that one piece may be broken into, marks of a number and its unit.
_BROKEN, _MOST = 3, 16
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


@dataclass(frozen=True)
class _Line:
    """Marks that stand in a line from one on, in heights of that first one.

    Parameters
    ----------
    marks : Marks
    numbers : sequence of int
        From left to right.
    high, base : float
        Height and bottom of the first, px.
    """

    marks: Marks
    numbers: Sequence[int]
    high: float
    base: float
    known: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)

    def gap(self, k: int) -> float:
        """Between mark k - 1 and mark k."""
        before = max(self.marks.boxes[n, 2] for n in self.numbers[max(0, k - _BROKEN):k])
        return float(self.marks.boxes[self.numbers[k], 0] - before) / self.high

    def ends_at(self, k: int) -> bool:
        """Whether a word may end in front of mark k: a letter there would belong to it."""
        if k == len(self.numbers) or self.gap(k) > _APART:
            return True
        _, top, _, bottom = self.marks.boxes[self.numbers[k]]
        return bool(bottom - top < _SMALL * self.high)

    def likeness(self, first: int, count: int) -> dict[str, float]:
        """Of some marks together, by text."""
        if (first, count) not in self.known:
            some = self.numbers[first:first + count]
            left, top, right, bottom = self.marks.around(some)
            place = (np.log((right - left) / self.high), (self.base - top) / self.high, (self.base - bottom) / self.high)
            pieces = _pieces()
            self.known[first, count] = dict(zip(pieces.texts, pieces.likeness(self.marks.picture(some), place).tolist()))
        return self.known[first, count]


@lru_cache(maxsize=1)
def _phrases() -> dict[str, tuple[str, tuple[float, ...], int]]:
    """Number and unit as they may be printed: kind, values (limb and chest where there are two), length of the number.

    Numbers that nobody offers are none: 100 mm/s is not read, nor 2 mm/mV.
    """
    out: dict[str, tuple[str, tuple[float, ...], int]] = {}
    for kind, units in _UNITS.items():
        texts = {f"{v:{form}}": (v,) for v in _OFFERED[kind] for form in ("g", ".1f")}
        texts |= {text.replace(".", ","): value for text, value in texts.items()}
        texts |= _BOTH if kind == "gain" else {}
        out |= {text + unit: (kind, value, len(text)) for text, value in texts.items() for unit in units}
    return out


@lru_cache(maxsize=1)
def _pieces() -> Pieces:
    """Every piece of what may be printed, as letters may touch; a number touches its unit with its last digit."""
    texts = set(_DIGITS)
    for text, (_, _, number) in _phrases().items():
        texts |= _parts(text[:number]) | _parts(text[number:]) | {text[number - 1:number + k] for k in (2, 3)}
    for word in (*_LIMB, *_CHEST):
        texts |= _parts(word)
    return pieces_of(tuple(sorted(texts)))


def _parts(word: str) -> set[str]:
    return {word[a:b] for a in range(len(word)) for b in range(a + 1, len(word) + 1)}


def read_printed(marks: Marks) -> list[Printed]:
    """Speeds and gains on a page, from left to right."""
    boxes, mm = marks.boxes, marks.px_per_mm
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    letter = (high < _HEIGHT_MM[1] * mm) & (wide < 3 * _HEIGHT_MM[1] * mm) & (high * wide > 3)
    letter[0] = False
    tall = np.flatnonzero(letter & (high > _HEIGHT_MM[0] * mm) & (wide < 3 * high))
    letters = np.flatnonzero(letter)
    letters = letters[np.argsort(boxes[letters, 0])]
    return [found for start in _starts(marks, tall) for found in _read_at(marks, letters, start)]


def _starts(marks: Marks, tall: NDArray[np.intp]) -> list[int]:
    """Marks that look like the beginning of a number, from left to right."""
    if not len(tall):
        return []
    first = pieces_of(("1", "2", "5", "10", "12", "20", "25", "50"))
    looks = first.looks(np.array([marks.picture([int(n)]) for n in tall])).max(axis=1)
    found = tall[looks > _DIGIT]
    return [int(n) for n in found[np.argsort(marks.boxes[found, 0])]]


def _line_from(marks: Marks, letters: NDArray[np.intp], start: int) -> _Line:
    left, top, _, bottom = marks.boxes[start]
    high = float(bottom - top)
    near = letters[(marks.boxes[letters, 0] >= left) & (letters != start) & _level(marks, letters, start)]
    line = _Line(marks, [start, *near[:_MOST - 1].tolist()], high, float(bottom))
    ends = [k for k in range(1, len(line.numbers)) if line.gap(k) > _SPACE]
    return _Line(marks, line.numbers[:ends[0]], high, float(bottom)) if ends else line


def _level(marks: Marks, letters: NDArray[np.intp], start: int) -> NDArray[np.bool_]:
    """Which marks stand in a line with one."""
    _, top, _, bottom = marks.boxes[start]
    high, tops, bottoms = bottom - top, marks.boxes[letters, 1], marks.boxes[letters, 3]
    middle = (tops + bottoms) / 2 - bottom
    return np.asarray((middle > -1.2 * high) & (middle < 0.3 * high) & (bottoms - tops < 1.7 * high))


def _read_at(marks: Marks, letters: NDArray[np.intp], start: int) -> list[Printed]:
    """What is printed from a mark on."""
    line = _line_from(marks, letters, start)
    scores: dict[tuple[str, tuple[float, ...]], float] = {}
    for text, (kind, values, number) in _phrases().items():
        score = _spelled(line, text, number)
        scores[kind, values] = max(scores.get((kind, values), 0.0), score)
    (kind, values), best = max(scores.items(), key=lambda item: item[1])
    second = max(score for key, score in scores.items() if key != (kind, values))
    before = letters[(marks.boxes[letters, 0] < marks.boxes[start, 0]) & _level(marks, letters, start)]
    if best < _WORD or best - second < _MARGIN or _goes_on(marks, before, start):
        return []
    if len(values) == 2:
        return [Printed(kind, value, leads, best) for value, leads in zip(values, ("limb", "chest"))]
    return [Printed(kind, values[0], _leads(marks, letters, before, start) if kind == "gain" else "", best)]


def _goes_on(marks: Marks, before: NDArray[np.intp], start: int) -> bool:
    """Whether digits stand in front of a mark, with a point between or without: it is not where a number begins."""
    left, top, _, bottom = marks.boxes[start]
    high = bottom - top
    near = marks.boxes[before]
    near = near[near[:, 2] > left - _APART * high]
    tall = near[:, 3] - near[:, 1] > _SMALL * high
    point = (near[:, 3] > bottom - 0.1 * high) & ~tall
    colon = bool((near[:, 3] < bottom - 0.2 * high)[~tall].any())
    return bool(tall.any() or point.any() and not colon)


def _leads(marks: Marks, letters: NDArray[np.intp], before: NDArray[np.intp], start: int) -> str:
    """The leads named in front of a gain: limb, chest or "" for all."""
    left, top, _, bottom = marks.boxes[start]
    high = float(bottom - top)
    boxes = marks.boxes[before]
    near = before[(boxes[:, 0] > left - _REACH * high) & (boxes[:, 3] - boxes[:, 1] > 0.8 * high)]
    for number in near[::-1].tolist():
        line = _line_from(marks, letters, number)
        line = _Line(marks, [n for n in line.numbers if marks.boxes[n, 0] < left], line.high, line.base)
        for leads, words in (("limb", _LIMB), ("chest", _CHEST)):
            if max(_spelled(line, word, 0) for word in words) > _WORD:
                return leads
    return ""


def _spelled(line: _Line, text: str, number: int) -> float:
    """Mean likeness of the letters of a text to a line's marks, 0 where one is not there."""
    reached = [dict[int, float]() for _ in range(len(text) + 1)]
    reached[0][0] = 0.0
    for at in range(len(text)):
        for k, total in reached[at].items():
            if k == len(line.numbers) or at and line.gap(k) > (_SPACE if at == number else _INSIDE):
                continue
            for count in range(1, _BROKEN + 1):
                if k + count > len(line.numbers) or count > 1 and line.gap(k + count - 1) > _CRACK:
                    break
                like = line.likeness(k, count)
                for end in range(at + 1, len(text) + 1):
                    value = like.get(text[at:end], 0.0)
                    if value > _PIECE and (at >= number or _surest(like, text[at:end])):
                        sum_ = total + value * (end - at)
                        reached[end][k + count] = max(sum_, reached[end].get(k + count, 0.0))
    whole = [total for k, total in reached[-1].items() if line.ends_at(k)]
    return max(whole, default=0.0) / len(text)


def _surest(like: dict[str, float], piece: str) -> bool:
    """Whether no other digit is more like a mark that is to be one."""
    return piece not in _DIGITS or like[piece] >= max(like[digit] for digit in _DIGITS)
