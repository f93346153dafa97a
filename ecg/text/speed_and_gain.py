"""Printed paper speed and gain: a number and its unit, read together or not at all.

Tuning values were chosen by hand on pages drawn in this and other makers' styles.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ecg.text.glyphs import GlyphTemplates, InkComponents, templates_of
from ecg.text.words import LETTER_GAP, SMALL_HEIGHT, UNIT_GAP, WORD_GAP, TextLine, WordMatcher, unambiguous
from featurize.arrays import BoolArray, Int32Array, IntpArray

_UNITS = {"speed": ("mm/s", "mm/sec", "MM/S", "MM/SEC"), "gain": ("mm/mV", "mm/mv", "MM/MV")}
# Speeds and gains that machines offer, mm/s and mm/mV.
_OFFERED = {"speed": (12.5, 25.0, 50.0), "gain": (2.5, 5.0, 10.0, 20.0)}
# Gains of limb and chest leads before one unit, mm/mV.
_BOTH = {"20/10": (20.0, 10.0), "10/5": (10.0, 5.0), "5/2.5": (5.0, 2.5)}
# Spellings of the limb leads.
_LIMB = ("Limb", "LIMB")
# Spellings of the chest leads.
_CHEST = ("Chest", "CHEST")
# Digits of numbers.
_DIGITS = tuple("0123456789")
# Decimal points.
_POINTS = (".", ",")
# Least similarity of the first component of a number to a digit.
_LEAST_DIGIT = 0.6
# Least similarity of any piece of a word.
_LEAST_PIECE = 0.45
# Least mean similarity of number and unit, or of a word.
_LEAST_WORD = 0.7
# How much less similar the second best reading must be.
_READING_MARGIN = 0.04
# How much less similar the second best digit must be.
_DIGIT_MARGIN = 0.03
# Width, in heights, above which a component may be two letters.
_PAIR_WIDTH = 0.67
# Least and largest height of letters, mm.
_HEIGHT_MM = (1.1, 6.0)
# Largest width of letters run together, in largest heights.
_WORD_WIDTH = 3
# Largest width of what may begin a number, in its own heights.
_NUMBER_WIDTH = 3
# Components of a number and its unit, at most.
_MOST_COMPONENTS = 16
# How far in front of a gain the leads are named that it holds for, in heights.
_LEADS_REACH = 9.0
# The middle of a component of a line is this far above the bottom of a digit at most, in heights of that digit.
_MOST_ABOVE = 1.2
# It is this far below that bottom at most, in heights of the digit.
_MOST_BELOW = 0.3
# Largest height of a component of a line, in heights of the digit.
_MOST_HEIGHT = 1.7
# Points stand above the base line by less than this, in heights of a digit.
_POINT_ABOVE = 0.2
# Least height of a digit in front of a point, in heights of the digit behind.
_DIGIT_HEIGHT = 0.9
# Least height of the first letter of the leads' names, in heights of a digit.
_LEADS_HEIGHT = 0.8


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
        Mean similarity of number and unit to what was read, 0.7 to 1.
    """

    kind: str
    value: float
    leads: str
    score: float


@lru_cache(maxsize=1)
def _numbers() -> dict[str, dict[str, tuple[float, ...]]]:
    """Numbers as they may be printed, and their values as a speed and as a gain (of limb and chest leads if two).

    Only values that machines offer: 100 mm/s is not read, nor 2 mm/mV.
    """
    out: dict[str, dict[str, tuple[float, ...]]] = {text: {"gain": values} for text, values in _BOTH.items()}
    for kind, offered in _OFFERED.items():
        for value in offered:
            for text in {f"{value:g}", f"{value:.1f}"}:
                out.setdefault(text, {})[kind] = out.setdefault(text.replace(".", ","), {})[kind] = (value,)
    return out


@lru_cache(maxsize=1)
def _single() -> GlyphTemplates:
    """What one component of a number may be."""
    return templates_of((*_DIGITS, *_POINTS))


@lru_cache(maxsize=1)
def _touching() -> GlyphTemplates:
    """What a wide component of a number may be: any two digits, that none is taken for another; a digit and a unit."""
    pairs = [a + b for a in (*_DIGITS, *_POINTS) for b in (*_DIGITS, *_POINTS) if a in _DIGITS or b in _DIGITS]
    return templates_of((*pairs, *(a + b for a in _DIGITS for b in ("m", "mm"))))


@lru_cache(maxsize=1)
def _letters() -> GlyphTemplates:
    """Every piece of units and names, as letters may touch."""
    units = [unit for every in _UNITS.values() for unit in every]
    return templates_of(tuple(sorted({part for word in (*units, *_LIMB, *_CHEST) for part in _parts(word)})))


@lru_cache(maxsize=1)
def _matcher() -> WordMatcher:
    texts = frozenset({*_single().texts, *_touching().texts, *_letters().texts})
    return WordMatcher(texts, _similarity, _LEAST_PIECE)


def _similarity(line: TextLine, first: int, count: int, numeral: bool) -> dict[str, float]:
    """Similarity of some components to letters, or to the part of a number that they are most similar to."""
    if not numeral:
        return line.similarity(_letters(), first, count)
    found = line.similarity(_single(), first, count)
    if line.width(first, count) > _PAIR_WIDTH:
        found |= line.similarity(_touching(), first, count)
    return unambiguous(found, _DIGIT_MARGIN)


def _parts(word: str) -> set[str]:
    return {word[a:b] for a in range(len(word)) for b in range(a + 1, len(word) + 1)}


def read_printed(components: Sequence[InkComponents]) -> list[Printed]:
    """Speeds and gains on a page.

    Parameters
    ----------
    components : sequence of InkComponents
        Of `ecg.text.glyphs.find_components`.
    """
    found: list[Printed] = []
    for connected in components:
        known = {printed.kind for printed in found}
        if len(known) < len(_UNITS):
            found += [printed for printed in _read_all(connected) if printed.kind not in known]
    return found


def _read_all(components: InkComponents) -> list[Printed]:
    boxes, scale = components.boxes, components.px_per_mm
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    letter = (high < _HEIGHT_MM[1] * scale.y) & (wide < _WORD_WIDTH * _HEIGHT_MM[1] * scale.x) & (high * wide > 1)
    letter[0] = False
    tall = np.flatnonzero(letter & (high > _HEIGHT_MM[0] * scale.y) & (wide < _NUMBER_WIDTH * high))
    letters = np.flatnonzero(letter)
    letters = letters[np.argsort(boxes[letters, 0])]
    return [found for start in _starts(components, tall) for found in _read_at(components, letters, start)]


def _starts(components: InkComponents, tall: IntpArray) -> list[int]:
    """Components that look like the beginning of a number, from left to right."""
    if not len(tall):
        return []
    first = templates_of(("1", "2", "5", "10", "12", "20", "25", "50"))
    pictures = np.array([components.picture([int(n)]) for n in tall])
    found = tall[first.similarity_anywhere(pictures).max(axis=1) > _LEAST_DIGIT]
    return [int(n) for n in found[np.argsort(components.boxes[found, 0])]]


def _line_from(components: InkComponents, letters: IntpArray, start: int) -> TextLine:
    """The components from one on, up to the first gap that is wider than one in front of a unit."""
    left, top, right, bottom = components.boxes[start]
    high = float(bottom - top)
    near = letters[(components.boxes[letters, 0] >= left) & (letters != start) & _level(components, letters, start)]
    near = near[~_inside(components.boxes[near], np.maximum.accumulate(np.r_[right, components.boxes[near, 2]])[:-1])]
    line = TextLine(components, [start, *near[:_MOST_COMPONENTS - 1].tolist()], high, float(bottom))
    ends = [k for k in range(1, len(line.numbers)) if line.gap(k) > UNIT_GAP]
    return TextLine(components, line.numbers[:ends[0]], high, float(bottom)) if ends else line


def _inside(boxes: Int32Array, reached: Int32Array) -> BoolArray:
    """Which components, from left to right, stand inside the one before: some fonts put a point inside a 0."""
    return np.asarray(boxes[:, 2] <= reached)


def _level(components: InkComponents, letters: IntpArray, start: int) -> BoolArray:
    """Which components stand in a line with one."""
    _, top, _, bottom = components.boxes[start]
    high, tops, bottoms = bottom - top, components.boxes[letters, 1], components.boxes[letters, 3]
    middle = (tops + bottoms) / 2 - bottom
    return np.asarray((middle > -_MOST_ABOVE * high) & (middle < _MOST_BELOW * high)
                      & (bottoms - tops < _MOST_HEIGHT * high))


def _read_at(components: InkComponents, letters: IntpArray, start: int) -> list[Printed]:
    """What is printed from a component on."""
    line, matcher = _line_from(components, letters, start), _matcher()
    scores: dict[tuple[str, tuple[float, ...]], float] = {}
    for number, meanings in _numbers().items():
        if not matcher.prefix_scores(line, number) and not matcher.prefix_scores(line, number[:-1]):
            continue  # most components that look like a digit begin no number
        for kind, values in meanings.items():
            score = max(matcher.score(line, number + unit) for unit in _UNITS[kind])
            scores[kind, values] = max(scores.get((kind, values), 0.0), score)
    if not scores:
        return []
    (kind, values), best = max(scores.items(), key=lambda item: item[1])
    second = max((score for key, score in scores.items() if key != (kind, values)), default=0.0)
    before = letters[(components.boxes[letters, 0] < components.boxes[start, 0]) & _level(components, letters, start)]
    if best < _LEAST_WORD or best - second < _READING_MARGIN or _goes_on(components, before, start):
        return []
    if len(values) == 2:
        return [Printed(kind, value, leads, best) for value, leads in zip(values, ("limb", "chest"))]
    return [Printed(kind, values[0], _leads(components, letters, before, start) if kind == "gain" else "", best)]


def _goes_on(components: InkComponents, before: IntpArray, start: int) -> bool:
    """Whether digits stand in front of a component, with a point between or without: then no number begins there."""
    left, top, _, bottom = components.boxes[start]
    high = bottom - top
    boxes = components.boxes[before]
    tall = boxes[boxes[:, 3] - boxes[:, 1] > SMALL_HEIGHT * high]
    if (tall[:, 2] > left - WORD_GAP * high).any():
        return True
    points = boxes[boxes[:, 3] - boxes[:, 1] <= SMALL_HEIGHT * high]
    small = points[points[:, 2] > left - LETTER_GAP * high]
    if not len(small) or (points[points[:, 2] >= small[:, 0].min(), 3] < bottom - _POINT_ABOVE * high).any():
        return False  # a colon has an upper point
    digits = tall[tall[:, 3] - tall[:, 1] > _DIGIT_HEIGHT * high]
    return bool((digits[:, 2] > small[:, 0].min() - LETTER_GAP * high).any())


def _leads(components: InkComponents, letters: IntpArray, before: IntpArray, start: int) -> str:
    """The leads named in front of a gain: limb, chest or "" for all."""
    left, top, _, bottom = components.boxes[start]
    high = float(bottom - top)
    boxes = components.boxes[before]
    near = before[(boxes[:, 0] > left - _LEADS_REACH * high) & (boxes[:, 3] - boxes[:, 1] > _LEADS_HEIGHT * high)]
    for number in near[::-1].tolist():
        line = _line_from(components, letters, number)
        line = TextLine(components, [n for n in line.numbers if components.boxes[n, 0] < left], line.high, line.base)
        for leads, words in (("limb", _LIMB), ("chest", _CHEST)):
            if max(_matcher().score(line, word) for word in words) > _LEAST_WORD:
                return leads
    return ""
