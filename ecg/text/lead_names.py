"""A reader of lead names on ECG pages. Templates, no network."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ecg.lead_table import LEADS
from ecg.text.glyphs import Marks, Pieces, pieces_of
from ecg.text.words import APART, INSIDE, SMALL, Alphabet, Line, surest
from featurize.arrays import Int32Array, IntpArray

_SPELLED = {lead: lead for lead in LEADS} | {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF", "-aVR": "-aVR", "-AVR": "-aVR"}
_DIGITS = tuple("0123456789")
# Height of names in mm, and how far bottoms of letters may be apart, in heights.
_HEIGHT_MM = (1.1, 7.0)
_LEVEL = 0.35
# Least likeness of a piece and of a name, how much less another name must have, and another digit.
_PIECE = 0.45
_NAME = 0.66
_MARGIN = 0.01
_SURE = 0.01
# Width of an upright stroke, in heights of letters: less than that of any letter but I.
_STROKE = 0.4
# What must be bare beside names of upright strokes only, in heights.
_BARE = 0.36
# A mark around a name that is no higher than this, in its heights, is a frame and no trace.
_FRAME = 2.5
# Width of a minus in its heights, at least.
_DASH = 1.5
# Groups of more marks are prose.
_MOST = 16


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
        Likeness to the best templates, 0.66 to 1.
    """

    text: str
    x: float
    y: float
    width: float
    height: float
    score: float


@lru_cache(maxsize=1)
def _letters() -> Pieces:
    """Every piece of a name, as letters may touch; V with every digit, that none is taken for another."""
    parts = {name[a:b] for name in _SPELLED for a in range(len(name)) for b in range(a + 1, len(name) + 1)}
    return pieces_of(tuple(sorted({part for part in parts if not part.isdigit()} | {"V" + digit for digit in _DIGITS})))


@lru_cache(maxsize=1)
def _alphabet() -> Alphabet:
    return Alphabet(frozenset({*_letters().texts, *_DIGITS}), _like, _PIECE)


def _like(line: Line, first: int, count: int, numeral: bool) -> dict[str, float]:
    """Likeness of some marks to letters or to the digit that they are most like."""
    if numeral:
        return surest(line.likeness(pieces_of(_DIGITS), first, count), _SURE)
    like = line.likeness(_letters(), first, count)
    numbered = {text: value for text, value in like.items() if text[-1].isdigit()}
    return {text: value for text, value in like.items() if text not in numbered} | surest(numbered, _SURE)


def read_words(marks: Sequence[Marks]) -> list[Word]:
    """Lead names among the small marks of a page, from the top.

    Parameters
    ----------
    marks : sequence of Marks
        Of `ecg.text.glyphs.marks_of`.
    """
    found: list[Word] = []
    for some in marks:
        again = [word for line in _lines(some) for word in _read(line)]
        # What a thin trace is broken into are upright strokes.
        found += [word for word in again if not found or set(word.text) != {"I"}
                  and not any(_same_place(word, other) for other in found)]
    return sorted(found, key=lambda w: (w.y, w.x))


def _same_place(a: Word, b: Word) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _lines(marks: Marks) -> list[Line]:
    """Marks that stand in a line, close together."""
    boxes, scale = marks.boxes, marks.px_per_mm
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    letter = (high < _HEIGHT_MM[1] * scale.y) & (wide < 8 * scale.x) & (high * wide > 1)
    letter[0] = False
    tall = np.flatnonzero(letter & (high > _HEIGHT_MM[0] * scale.y))
    dash = np.flatnonzero(letter & (high <= _HEIGHT_MM[0] * scale.y) & (wide > _DASH * high))
    out = []
    for group in _groups(boxes[tall]):
        numbers = tall[group]
        left, top, right, bottom = marks.around(numbers.tolist())
        # Other small marks are dots of a grid and crumbs of letters; a minus stands in front.
        middle, end = (boxes[dash, 1] + boxes[dash, 3]) / 2, boxes[dash, 2]
        within = (middle > top) & (middle < bottom) & (end > left - INSIDE * (bottom - top)) & (end <= left + 1)
        both = np.r_[numbers, dash[within]]
        both = both[np.argsort(boxes[both, 0])]
        out.append(Line(marks, both.tolist(), float(bottom - top), float(bottom)))
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
    furthest = right + INSIDE * (boxes[:, 3] - boxes[:, 1]).max()
    counts = np.maximum(np.searchsorted(left, furthest) - np.arange(1, n + 1), 0)
    first = np.repeat(np.arange(n), counts)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    a, b = order[first], order[second]
    high = np.maximum(boxes[a, 3] - boxes[a, 1], boxes[b, 3] - boxes[b, 1])
    gap = boxes[b, 0] - boxes[a, 2]
    near = (np.abs(boxes[a, 3] - boxes[b, 3]) < _LEVEL * high) & (gap > -0.3 * high) & (gap < INSIDE * high)
    near &= boxes[b, 0] > boxes[a, 0]
    count, labels = connected_components(coo_array((near[near], (a[near], b[near])), shape=(n, n)), directed=False)
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=count))[:-1])


def _read(line: Line) -> list[Word]:
    """The names in a line."""
    if len(line.numbers) > _MOST:
        return []
    out = []
    begins = [k for k in range(len(line.numbers)) if not k or line.gap(k) > APART]
    for begin, end in zip(begins, [*begins[1:], len(line.numbers)]):
        word = _name(line.marks, line.numbers[begin:end])
        out += [word] if word else []
    return out


def _name(marks: Marks, numbers: Sequence[int]) -> Word | None:
    """The name that some marks are, without a separator in front or a colon behind."""
    boxes = marks.boxes[list(numbers)]
    high, wide = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
    if len(numbers) > 1 and wide[0] < _STROKE * high[0]:
        return _spelled(marks, numbers) or _spelled(marks, numbers[1:])
    return _spelled(marks, numbers)


def _spelled(marks: Marks, numbers: Sequence[int]) -> Word | None:
    boxes = marks.boxes[list(numbers)]
    high = boxes[:, 3] - boxes[:, 1]
    tallest = boxes[np.argmax(high)]
    line = Line(marks, numbers, float(high.max()), float(tallest[3]))
    scores: dict[str, float] = {}
    for text, lead in _SPELLED.items():
        scores[lead] = max(_alphabet().spelled(line, text), scores.get(lead, 0.0))
    best, second, *_ = sorted(scores, key=lambda lead: -scores[lead])
    if scores[best] < _NAME or scores[best] - scores[second] < _MARGIN:
        return None
    if set(best) == {"I"} and not _is_alone(marks, numbers):
        return None
    inked = boxes[high > SMALL * line.high]
    left, top = inked[:, :2].min(axis=0).tolist()
    right, bottom = inked[:, 2:].max(axis=0).tolist()
    return Word(best, left, top, right - left, bottom - top, scores[best])


def _is_alone(marks: Marks, numbers: Sequence[int]) -> bool:
    """Whether paper is bare at both sides of upright strokes: else they may be what a trace has left of a name."""
    left, top, right, bottom = marks.around(numbers)
    rim = round(_BARE * (bottom - top))
    rows = slice(top, bottom)
    beside = np.unique(np.c_[marks.labels[rows, max(0, left - rim):left], marks.labels[rows, right:right + rim]])
    beside = beside[beside > 0]
    around, high = marks.boxes[beside], marks.boxes[beside, 3] - marks.boxes[beside, 1]
    frame = (around[:, 1] < top) & (around[:, 3] > bottom) & (high < _FRAME * (bottom - top))
    return not bool((~frame & (high > SMALL * (bottom - top))).any())
