"""Words in lines of ink components: how well the letters of a text match components that may be broken or run together.

Tuning values were chosen by hand on pages drawn in this and other makers' styles.
"""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ecg.text.glyphs import GlyphTemplates, InkComponents

# Widest gap inside a word, in heights of a capital.
LETTER_GAP = 0.55
# Widest gap between a number and its unit, in heights of a capital.
UNIT_GAP = 1.5
# Gap behind which a word may begin anew, in heights of a capital.
WORD_GAP = 0.34
# Widest gap inside a broken letter, in heights of a capital.
CRACK_GAP = 0.15
# Components lower than this, in heights of a capital, are points, dashes and crumbs.
SMALL_HEIGHT = 0.4
# Components that one piece of a word may be broken into.
_MOST_PARTS = 3
# Lengths of the cache of splits.
_CACHED_SPLITS = 1000


@dataclass(frozen=True)
class TextLine:
    """Components that stand in a line of text.

    Parameters
    ----------
    components : InkComponents
    numbers : sequence of int
        From left to right.
    high, base : float
        Height and bottom of a capital or digit, px.
    """

    components: InkComponents
    numbers: Sequence[int]
    high: float
    base: float
    _similarities: dict[tuple[int, int, bool], dict[str, float]] = field(default_factory=dict)
    _prefix_scores: dict[str, dict[int, float]] = field(default_factory=dict)

    def gap(self, k: int) -> float:
        """Gap in front of component k, in heights."""
        before = max(self.components.boxes[n, 2] for n in self.numbers[max(0, k - _MOST_PARTS):k])
        return float(self.components.boxes[self.numbers[k], 0] - before) / self.high

    def ends_at(self, k: int) -> bool:
        """Whether a word may end in front of component k: a letter close to it would belong to it."""
        if k == len(self.numbers) or self.gap(k) > WORD_GAP:
            return True
        _, top, _, bottom = self.components.boxes[self.numbers[k]]
        return bool(bottom - top < SMALL_HEIGHT * self.high)

    def width(self, first: int, count: int) -> float:
        """Width of some components together, in heights."""
        left, _, right, _ = self.components.bounding_box(self.numbers[first:first + count])
        return (right - left) / self.high

    def similarity(self, templates: GlyphTemplates, first: int, count: int) -> dict[str, float]:
        """Similarity of some components together to each template."""
        some = self.numbers[first:first + count]
        _, top, _, bottom = self.components.bounding_box(some)
        place = float(np.log(self.width(first, count))), (self.base - top) / self.high, (self.base - bottom) / self.high
        return dict(zip(templates.texts, templates.similarity(self.components.picture(some), place).tolist()))


@dataclass(frozen=True)
class WordMatcher:
    """Matches texts to components.

    Parameters
    ----------
    texts : set of str
        Pieces of words that have templates.
    similarity : function of (line, first, count, numeral)
        Similarity of some components to the pieces that they may be: if numeral those that begin with a digit or point,
        else the others.
    least : float
        Least similarity of any piece.
    """

    texts: frozenset[str]
    similarity: Callable[[TextLine, int, int, bool], dict[str, float]]
    least: float

    def score(self, line: TextLine, text: str) -> float:
        """Mean similarity of the letters of a text to the first components of a line, 0 where one is not there."""
        ends = [total for k, total in self.prefix_scores(line, text).items() if line.ends_at(k)]
        return max(ends, default=0.0) / len(text)

    def prefix_scores(self, line: TextLine, text: str) -> dict[int, float]:
        """Sum of the similarity of all letters of a text, by the number of components that they take."""
        if not text:
            return {0: 0.0}
        known = line._prefix_scores
        if text not in known:
            known[text] = out = dict[int, float]()
            for begin, piece, wide in _splits(text, self.texts):
                for k, total in self.prefix_scores(line, begin).items():
                    for count, value in self._matches(line, k, piece, wide):
                        out[k + count] = max(total + value * len(piece), out.get(k + count, 0.0))
        return known[text]

    def _matches(self, line: TextLine, first: int, piece: str, wide: float) -> Iterator[tuple[int, float]]:
        """Counts of components from `first` on that may be a piece, and their similarity.

        The gap in front of them is no wider than `wide`.
        """
        if first == len(line.numbers) or first and line.gap(first) > wide:
            return
        numeral = piece[0].isdigit() or piece[0] in ".,"
        for count in range(1, min(_MOST_PARTS, len(line.numbers) - first) + 1):
            if count > 1 and line.gap(first + count - 1) > CRACK_GAP:
                return
            key = first, count, numeral
            if key not in line._similarities:
                line._similarities[key] = self.similarity(line, *key)
            value = line._similarities[key].get(piece, 0.0)
            if value > self.least:
                yield count, value


@lru_cache(maxsize=_CACHED_SPLITS)
def _splits(text: str, texts: frozenset[str]) -> list[tuple[str, str, float]]:
    """Every piece that a text may end with: what stands in front of it, the piece, the widest gap between them."""
    # A letter behind a digit begins a unit.
    return [(text[:at], text[at:], UNIT_GAP if text[at].isalpha() and text[at - 1:at].isdigit() else LETTER_GAP)
            for at in range(len(text)) if text[at:] in texts]


def unambiguous(similarities: dict[str, float], margin: float) -> dict[str, float]:
    """The most similar text, or none if another is less than `margin` behind; a comma counts as a point."""
    (best, most), *others = sorted(similarities.items(), key=lambda item: -item[1])
    same = {best.replace(",", "."), best.replace(".", ",")}
    second = next((value for text, value in others if text not in same), 0.0)
    return {text: similarities[text] for text in same if text in similarities} if most > second + margin else {}
