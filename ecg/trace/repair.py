"""Lines repaired where what they draw does not meet the page.

A shortest path cuts tips, crosses letters, and ends a lead at the wrong height. After the fit such places stand out:
ink that no line draws, or a line over bare paper. There candidate paths are tried (`ecg.trace.candidates`), and the one
that explains the page best is kept.

The constants were chosen on the drawn pages of seeds 0 to 5 and on 12 pages of real recordings.
"""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ecg.kernels.pen import pen_distance
from ecg.layout.model import Layout
from ecg.page.pen import FINE
from ecg.trace.candidates import Window, better_candidate
from ecg.trace.evidence import PageEvidence, no_segment
from ecg.trace.line import STEP_PX, Line
from ecg.trace.name_overlap import name_places
from ecg.trace.repair_places import BESIDE_MM, Place, RepairEvidence, find_meetings, find_places
from ecg.trace.subtract_marks import HIDDEN_CONFIDENCE
from ecg.trace.work_limit import WorkLimit
from featurize.arrays import Float32Array, Float64Array, UInt8Array

# Weight of ink where the name of a lead stands and no line draws it.
_LETTER_WEIGHT = 0.15
# Parts of a line that are wider than this are not repaired.
_WIDEST_MM = 7.5
# A part of a line has at least this many nodes.
_LEAST_NODES = 4
# An open end begins or ends within this many nodes of the line's first or last one.
_END_NODES = 2
# How often all places of a page are looked for and repaired.
_PASSES = 3
# Places come worst first: after this many in a row that could not be improved the rest is left.
_PATIENCE = 16
# A pixel is line from this share of the ink in the middle of a level line on.
_LINE_SHARE = 0.5
# A pixel joins pieces of line from this share on.
_JOINING_SHARE = 0.33


def repair_lines(lines: Sequence[Line], layout: Layout, evidence: PageEvidence, work: WorkLimit) -> list[Line]:
    """Lines whose path was changed where another one explains the page better.

    Places come worst first. When the work is spent the rest stays as it is.

    Parameters
    ----------
    lines : sequence of Line
        Fitted, one for each cell of the layout.
    layout : Layout
    evidence : PageEvidence
        Of `ecg.trace.subtract_marks.without_printed_marks`.
    work : WorkLimit
        In pixels of the windows around the places.
    """
    missing = np.ones_like(evidence.ink)
    for left, top, right, bottom in name_places(layout).values():
        missing[top:bottom, left:right] = _LETTER_WEIGHT
    page = RepairEvidence(evidence, missing, layout.px_per_mm)
    out, judged, meetings = list(lines), set[tuple[Place, int]](), find_meetings(layout)
    for _ in range(_PASSES):
        places, failures, changed = find_places(out, page, meetings), 0, False
        for place in places:
            # Two leads that meet want the same ink: it goes to the one that gains more by it.
            rivals = [p for p in places if p.owner != place.owner and p.at_end and place.at_end
                      and _overlap(out, p, place, page)]
            fresh = [p for p in (place, *rivals[:2]) if _key(out, p) not in judged]
            if place not in fresh or failures > _PATIENCE or work.spent:
                continue
            found = [(gain, p.owner, y) for p in fresh
                     for y, gain in [_repaired_part(out, p, page, work)] if y is not None]
            if not found:
                judged.update(_key(out, p) for p in fresh)
            failures = 0 if found else failures + 1
            for _, owner, y in sorted(found, key=lambda f: -f[0])[:1]:
                out[owner] = replace(out[owner], y=y)
                changed = True
        if not changed:
            break
    return out


def _key(lines: Sequence[Line], place: Place) -> tuple[Place, int]:
    """The place and its rows now: the same key means that no better path is to be found there."""
    return place, hash(lines[place.owner].y[place.first:place.last + 1].tobytes())


def _overlap(lines: Sequence[Line], a: Place, b: Place, page: RepairEvidence) -> bool:
    (left, right), (other_left, other_right) = (lines[p.owner].x[[p.first, p.last]] for p in (a, b))
    beside = BESIDE_MM * page.px_per_mm.x
    return bool(left < other_right + beside and other_left < right + beside and a.top < b.bottom and b.top < a.bottom)


def _repaired_part(lines: Sequence[Line], place: Place, page: RepairEvidence, work: WorkLimit
                   ) -> tuple[Float64Array | None, float]:
    """Rows of the whole line with a better path in the place and what that gains, or None and 0."""
    line, part = lines[place.owner], slice(place.first, place.last + 1)
    x, current = line.x[part], line.y[part]
    if not _LEAST_NODES <= len(x) <= _WIDEST_MM * page.px_per_mm.x / STEP_PX:
        return None, 0.0
    height, width = page.evidence.ink.shape
    pad = len(page.evidence.pen.table.shares) // FINE + 3
    left, right = max(0, int(x[0]) - pad), min(width, int(x[-1]) + pad + 1)
    top, bottom = max(0, place.top - pad), min(height, place.bottom + pad + 1)
    own = _own_ink(page.evidence, np.s_[top:bottom, left:right], x - left, current - top)
    # Rows that neither the line nor its ink takes only cost time.
    taken = np.r_[np.flatnonzero(own.any(axis=1)) + top, current]
    low, high = max(top, int(taken.min()) - pad), min(bottom, int(taken.max()) + pad + 1)
    if low >= high or left >= right:
        return None, 0.0  # the line has left the page
    evidence = page.evidence.window(slice(low, high), slice(left, right))
    work.count(evidence.ink.size)
    found = better_candidate(Window(
        x - left, current - low, place.first <= _END_NODES, place.last >= len(line.y) - 1 - _END_NODES, evidence,
        np.ascontiguousarray(page.missing[low:high, left:right]),
        _others(lines, place, evidence.ink.shape, (left, low), evidence.pen.reach_px),
        np.ascontiguousarray(own[low - top:high - top])))
    if found is None:
        return None, 0.0
    y = line.y.copy()
    y[part] = found[0] + low
    return y, found[1]


def _own_ink(evidence: PageEvidence, at: tuple[slice, slice], x: Float64Array, y: Float64Array) -> UInt8Array:
    """(H, W) 1 on visible ink of a window that is connected with a line.

    Neither a printed mark nor a gap of two pixels disconnects it.
    """
    # A thin line is nowhere black: the shares count from what it has in its middle.
    middle, hidden = min(1.0, float(evidence.pen.table.shares[0])), evidence.confidence[at] < HIDDEN_CONFIDENCE
    dark, faint = evidence.ink[at] > _LINE_SHARE * middle, evidence.ink[at] > _JOINING_SHARE * middle
    joined = cv2.morphologyEx((faint | hidden).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 1), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8)
    rows = np.clip(np.round(y).astype(int), 0, dark.shape[0] - 1)
    columns = np.clip(np.round(x).astype(int), 0, dark.shape[1] - 1)
    touched = np.unique(labels[rows, columns])
    return (np.isin(labels, touched[touched > 0]) & dark & ~hidden).astype(np.uint8)


def _others(lines: Sequence[Line], place: Place, shape: tuple[int, ...], corner: tuple[int, int],
            reach: float) -> Float32Array:
    """Distance, up to `reach`, of a window's pixels to every line but the part that may change; corner is (x, y)."""
    left, top = corner
    nearest = no_segment(shape, reach)
    for number, line in enumerate(lines):
        first = max(0, int((left - reach - line.x0) / STEP_PX))
        last = min(len(line.y), int((left + shape[1] + reach - line.x0) / STEP_PX) + 2)
        pieces = [(first, last)] if number != place.owner else [(first, place.first + 1), (place.last, last)]
        for a, b in pieces:
            if b - a > 1:
                pen_distance(line.y[a:b] - top, line.x0 + a * STEP_PX - left, STEP_PX, number, reach, nearest)
    return nearest.distance
