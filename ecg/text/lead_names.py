"""Lead names printed on a page, read by templates.

Tuning values were chosen by hand on pages drawn in this and other makers' styles.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ecg.lead_table import LEADS
from ecg.text.glyphs import GlyphTemplates, InkComponents, templates_of
from ecg.text.words import LETTER_GAP, SMALL_HEIGHT, WORD_GAP, TextLine, WordMatcher, unambiguous
from featurize.arrays import Int32Array, IntpArray

# Spellings and the leads that they name.
_SPELLINGS = {lead: lead for lead in LEADS} | {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF", "-aVR": "-aVR", "-AVR": "-aVR"}
# Digits that a V may be followed by, so that none is taken for another.
_DIGITS = tuple("0123456789")
# Least and largest height of letters, mm.
_HEIGHT_MM = (1.1, 7.0)
# Largest width of a letter or of letters run together, mm.
_WIDTH_MM = 8
# Bottoms of letters in a line differ by less than this, in heights.
_BASE_LINE_OFF = 0.35
# Letters may overlap by this, in heights.
_OVERLAP = 0.3
# Least similarity of a piece of a name.
_LEAST_PIECE = 0.45
# Least mean similarity of a whole name.
_LEAST_NAME = 0.66
# How much less similar the second best name must be.
_NAME_MARGIN = 0.01
# How much less similar the second best digit must be.
_DIGIT_MARGIN = 0.01
# Width of an upright stroke, in heights of letters: less than that of any letter but I.
_STROKE_WIDTH = 0.4
# Width that must be bare beside names of upright strokes only, in heights.
_BARE_WIDTH = 0.36
# A component around a name that is no higher than this, in its heights, is a frame and no trace.
_FRAME_HEIGHT = 2.5
# Width of a minus in its heights, at least.
_MINUS_WIDTH = 1.5
# Lines of more components are prose.
_MOST_COMPONENTS = 16


@dataclass(frozen=True)
class Word:
    """A lead name that was read.

    Parameters
    ----------
    text : str
        A lead, or -aVR.
    x, y, width, height : float
        Left, top and size in px.
    score : float
        Similarity to the best templates, 0.66 to 1.
    """

    text: str
    x: float
    y: float
    width: float
    height: float
    score: float


@lru_cache(maxsize=1)
def _letters() -> GlyphTemplates:
    """Every piece of a name, as letters may touch; V with every digit, that none is taken for another."""
    parts = {name[a:b] for name in _SPELLINGS for a in range(len(name)) for b in range(a + 1, len(name) + 1)}
    letters = {part for part in parts if not part.isdigit()}
    return templates_of(tuple(sorted(letters | {"V" + digit for digit in _DIGITS})))


@lru_cache(maxsize=1)
def _matcher() -> WordMatcher:
    return WordMatcher(frozenset({*_letters().texts, *_DIGITS}), _similarity, _LEAST_PIECE)


def _similarity(line: TextLine, first: int, count: int, numeral: bool) -> dict[str, float]:
    """Similarity of some components to letters, or to the digit that they are most similar to."""
    if numeral:
        return unambiguous(line.similarity(templates_of(_DIGITS), first, count), _DIGIT_MARGIN)
    found = line.similarity(_letters(), first, count)
    numbered = {text: value for text, value in found.items() if text[-1].isdigit()}
    return {text: value for text, value in found.items() if text not in numbered} | unambiguous(
        numbered, _DIGIT_MARGIN)


def read_words(components: Sequence[InkComponents]) -> list[Word]:
    """Lead names among the small components of a page, from the top.

    Parameters
    ----------
    components : sequence of InkComponents
        Of `ecg.text.glyphs.find_components`.
    """
    found: list[Word] = []
    for connected in components:
        words = [word for line in _lines(connected) for word in _read(line)]
        # A thin trace breaks into upright strokes where only strong ink counts: they are no I.
        found += [word for word in words if not found or set(word.text) != {"I"}
                  and not any(_same_place(word, other) for other in found)]
    return sorted(found, key=lambda w: (w.y, w.x))


def _same_place(a: Word, b: Word) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _lines(components: InkComponents) -> list[TextLine]:
    """Components that stand in a line, close together."""
    boxes, scale = components.boxes, components.px_per_mm
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    letter = (high < _HEIGHT_MM[1] * scale.y) & (wide < _WIDTH_MM * scale.x) & (high * wide > 1)
    letter[0] = False
    tall = np.flatnonzero(letter & (high > _HEIGHT_MM[0] * scale.y))
    dash = np.flatnonzero(letter & (high <= _HEIGHT_MM[0] * scale.y) & (wide > _MINUS_WIDTH * high))
    out = []
    for group in _groups(boxes[tall]):
        numbers = tall[group]
        left, top, right, bottom = components.bounding_box(numbers.tolist())
        # Other small components are dots of a grid and crumbs of letters; a minus stands in front.
        middle, end = (boxes[dash, 1] + boxes[dash, 3]) / 2, boxes[dash, 2]
        within = (middle > top) & (middle < bottom) & (end > left - LETTER_GAP * (bottom - top)) & (end <= left + 1)
        both = np.r_[numbers, dash[within]]
        both = both[np.argsort(boxes[both, 0])]
        out.append(TextLine(components, both.tolist(), float(bottom - top), float(bottom)))
    return out


def _groups(boxes: Int32Array) -> list[IntpArray]:
    """Rows of boxes that follow each other in a line."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    if not len(boxes):
        return []
    n, order = len(boxes), np.argsort(boxes[:, 0], kind="stable")
    left, _, right, _ = boxes[order].T
    # Only what begins soon behind a box is compared with it: a page of thousands of crumbs would fill the memory.
    furthest = right + LETTER_GAP * (boxes[:, 3] - boxes[:, 1]).max()
    counts = np.maximum(np.searchsorted(left, furthest) - np.arange(1, n + 1), 0)
    first = np.repeat(np.arange(n), counts)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    a, b = order[first], order[second]
    high = np.maximum(boxes[a, 3] - boxes[a, 1], boxes[b, 3] - boxes[b, 1])
    gap = boxes[b, 0] - boxes[a, 2]
    near = np.abs(boxes[a, 3] - boxes[b, 3]) < _BASE_LINE_OFF * high
    near &= (gap > -_OVERLAP * high) & (gap < LETTER_GAP * high) & (boxes[b, 0] > boxes[a, 0])
    count, labels = connected_components(coo_array((near[near], (a[near], b[near])), shape=(n, n)), directed=False)
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=count))[:-1])


def _read(line: TextLine) -> list[Word]:
    """The names in a line."""
    if len(line.numbers) > _MOST_COMPONENTS:
        return []
    out = []
    begins = [k for k in range(len(line.numbers)) if not k or line.gap(k) > WORD_GAP]
    for begin, end in zip(begins, [*begins[1:], len(line.numbers)]):
        word = _name(line.components, line.numbers[begin:end])
        out += [word] if word else []
    return out


def _name(components: InkComponents, numbers: Sequence[int]) -> Word | None:
    """The name that some components are, without a separator in front or a colon behind."""
    boxes = components.boxes[list(numbers)]
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    if len(numbers) > 1 and wide[0] < _STROKE_WIDTH * high[0]:
        return _best_name(components, numbers) or _best_name(components, numbers[1:])
    return _best_name(components, numbers)


def _best_name(components: InkComponents, numbers: Sequence[int]) -> Word | None:
    """The name that some components are most similar to, if it is similar enough and no other nearly as similar."""
    boxes = components.boxes[list(numbers)]
    high = boxes[:, 3] - boxes[:, 1]
    tallest = boxes[np.argmax(high)]
    line = TextLine(components, numbers, float(high.max()), float(tallest[3]))
    scores: dict[str, float] = {}
    for text, lead in _SPELLINGS.items():
        scores[lead] = max(_matcher().score(line, text), scores.get(lead, 0.0))
    best, second, *_ = sorted(scores, key=lambda lead: -scores[lead])
    if scores[best] < _LEAST_NAME or scores[best] - scores[second] < _NAME_MARGIN:
        return None
    if set(best) == {"I"} and not _is_alone(components, numbers):
        return None
    inked = boxes[high > SMALL_HEIGHT * line.high]
    left, top = inked[:, :2].min(axis=0).tolist()
    right, bottom = inked[:, 2:].max(axis=0).tolist()
    return Word(best, left, top, right - left, bottom - top, scores[best])


def _is_alone(components: InkComponents, numbers: Sequence[int]) -> bool:
    """Whether paper is bare at both sides of upright strokes: else they may be what a trace has left of a name."""
    left, top, right, bottom = components.bounding_box(numbers)
    rim = round(_BARE_WIDTH * (bottom - top))
    labels = components.labels[top:bottom]
    beside = np.unique(np.c_[labels[:, max(0, left - rim):left], labels[:, right:right + rim]])
    beside = beside[beside > 0]
    around = components.boxes[beside]
    high = around[:, 3] - around[:, 1]
    frame = (around[:, 1] < top) & (around[:, 3] > bottom) & (high < _FRAME_HEIGHT * (bottom - top))
    return not bool((~frame & (high > SMALL_HEIGHT * (bottom - top))).any())
