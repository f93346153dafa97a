"""Words in lines of marks: how well the letters of a text fold onto marks that may be broken or run together."""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecg.text.glyphs import Marks, Pieces

Floats = NDArray[np.float32]

# In heights of a capital: gaps inside a word, in front of a unit, that part words, that damage makes; height of points.
INSIDE = 0.55
SPACE = 1.5
APART = 0.34
CRACK = 0.15
SMALL = 0.4
# Marks that one piece of a word may be broken into.
_BROKEN = 3


@dataclass(frozen=True)
class Line:
    """Marks that stand in a line.

    Parameters
    ----------
    marks : Marks
    numbers : sequence of int
        From left to right.
    high, base : float
        Height and bottom of a capital or digit, px.
    """

    marks: Marks
    numbers: Sequence[int]
    high: float
    base: float
    _like: dict[tuple[int, int, bool], dict[str, float]] = field(default_factory=dict)
    _reached: dict[str, dict[int, float]] = field(default_factory=dict)

    def gap(self, k: int) -> float:
        """Between mark k - 1 and mark k, in heights."""
        before = max(self.marks.boxes[n, 2] for n in self.numbers[max(0, k - _BROKEN):k])
        return float(self.marks.boxes[self.numbers[k], 0] - before) / self.high

    def ends_at(self, k: int) -> bool:
        """Whether a word may end in front of mark k: a letter there would belong to it."""
        if k == len(self.numbers) or self.gap(k) > APART:
            return True
        _, top, _, bottom = self.marks.boxes[self.numbers[k]]
        return bool(bottom - top < SMALL * self.high)

    def width(self, first: int, count: int) -> float:
        """Of some marks, in heights."""
        left, _, right, _ = self.marks.around(self.numbers[first:first + count])
        return (right - left) / self.high

    def likeness(self, pieces: Pieces, first: int, count: int) -> dict[str, float]:
        """Of some marks to each piece."""
        some = self.numbers[first:first + count]
        _, top, _, bottom = self.marks.around(some)
        place = float(np.log(self.width(first, count))), (self.base - top) / self.high, (self.base - bottom) / self.high
        return dict(zip(pieces.texts, pieces.likeness(self.marks.picture(some), place).tolist()))


@dataclass(frozen=True)
class Alphabet:
    """How marks are read.

    Parameters
    ----------
    texts : set of str
        Pieces that marks may be.
    like : function of (line, first, count, numeral)
        Likeness of some marks to the pieces that they may be: those that begin with a digit or point, or the others.
    least : float
        Of any piece.
    """

    texts: frozenset[str]
    like: Callable[[Line, int, int, bool], dict[str, float]]
    least: float

    def spelled(self, line: Line, text: str) -> float:
        """Mean likeness of the letters of a text to the first marks of a line, 0 where one is not there."""
        ends = [total for k, total in self.reached(line, text).items() if line.ends_at(k)]
        return max(ends, default=0.0) / len(text)

    def reached(self, line: Line, text: str) -> dict[int, float]:
        """Sum of the likeness of all letters of a text, by the number of marks that they take."""
        if not text:
            return {0: 0.0}
        known = line._reached
        if text not in known:
            known[text] = out = dict[int, float]()
            for begin, piece, wide in _splits(text, self.texts):
                for k, total in self.reached(line, begin).items():
                    for count, value in self._marks_of(line, k, piece, wide):
                        out[k + count] = max(total + value * len(piece), out.get(k + count, 0.0))
        return known[text]

    def _marks_of(self, line: Line, first: int, piece: str, wide: float) -> Iterator[tuple[int, float]]:
        """Counts of marks from one on that may be a piece, and their likeness; no gap in front of it is wider."""
        if first == len(line.numbers) or first and line.gap(first) > wide:
            return
        numeral = piece[0].isdigit() or piece[0] in ".,"
        for count in range(1, min(_BROKEN, len(line.numbers) - first) + 1):
            if count > 1 and line.gap(first + count - 1) > CRACK:
                return
            key = first, count, numeral
            if key not in line._like:
                line._like[key] = self.like(line, *key)
            value = line._like[key].get(piece, 0.0)
            if value > self.least:
                yield count, value


@lru_cache(maxsize=1000)
def _splits(text: str, texts: frozenset[str]) -> list[tuple[str, str, float]]:
    """Every piece that a text may end with: what stands in front of it, the piece, the widest gap between them."""
    # A letter behind a digit begins a unit.
    return [(text[:at], text[at:], SPACE if text[at].isalpha() and text[at - 1:at].isdigit() else INSIDE)
            for at in range(len(text)) if text[at:] in texts]


def surest(like: dict[str, float], margin: float) -> dict[str, float]:
    """The text that marks are most like, or none where another is as likely; a comma is a point."""
    (best, most), *others = sorted(like.items(), key=lambda item: -item[1])
    same = {best.replace(",", "."), best.replace(".", ",")}
    second = next((value for text, value in others if text not in same), 0.0)
    return {text: like[text] for text in same if text in like} if most > second + margin else {}
