"""Where columns of leads begin by separators and names, if that is elsewhere than by shares of the row's length.

A row may be longer than its leads (half a pulse at the edge of the picture, what stands beside the page) or shorter
(the page is cut): then equal shares of it are not where leads meet.

Tuning values were chosen by hand on 26 photographs and scans.
"""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecg.layout.catalogue import LeadRows
from ecg.layout.column_marks import DISTANCE_OFF, find_column_marks
from ecg.layout.columns import lead_step_px
from ecg.layout.model import Pulse, RowPath, TraceScale
from ecg.text.lead_names import Word
from featurize.arrays import Float32Array, Float64Array

# Rows of several leads last this long in all.
_ROW_S = 10.0
# Columns stay where the row's length has them if separators and names have them nearer to that than this.
_AGREE_MM = 2.0
# Names of at least this many columns tell the distance between columns.
_LEAST_COLUMNS = 3
# At least so many names stand beside separators.
_LEAST_NAMES = 1
# Names of a column stand in line, and columns at equal distances, to this.
_IN_LINE_MM = 1.0
# A name stands no farther than this from the base line of its row.
_NAME_Y_MM = 20.0
# A name stands no farther from its lead's beginning than this share of a column, before and behind it.
_NAME_X_SHARES = (-0.3, 0.5)
# A distance by names that differs from the usual one by less than this share is the usual one.
_USUAL_SHARE = 0.006
# A row begins where its leads begin if pulses end this near to its beginning.
_PULSE_MM = 2.0
# So it does if the names begin this far behind it.
_NAME_BEHIND_MM = (-1.5, 3.0)
# One pulse alone may be the beginning of a beat.
_LEAST_PULSES = 2
# A row that begins no earlier than this before its columns begins with them.
_BEFORE_MM = 2.0
# A row that ends no later than this behind its columns ends with them.
_BEHIND_MM = 1.5

# Rows of several leads, and their leads.
_Several = Sequence[tuple[RowPath, Sequence[str]]]


def column_places(ink: Float32Array, rows: Sequence[RowPath], leads: LeadRows, words: Sequence[Word],
                  pulses: Sequence[Pulse], scale: TraceScale) -> Float64Array | None:
    """(leads + 1,) where leads begin and the last one ends, px; None where that is by shares of the row's length.

    Parameters
    ----------
    ink : (H, W) float32
    rows : sequence of RowPath
        Of `ecg.layout.row_bounds.align_rows`.
    leads : LeadRows
    words : sequence of Word
    pulses : sequence of Pulse
    scale : TraceScale
    """
    several = [(row, of_row) for row, of_row in zip(rows, leads) if len(of_row) > 1]
    counts = {len(of_row) for _, of_row in several}
    if len(counts) != 1:
        return None
    count, agree_px = counts.pop(), _AGREE_MM * scale.px_per_mm.x
    usual_px = _ROW_S * scale.px_per_s / count
    marks = find_column_marks(ink, [row for row, _ in several], count, usual_px, scale)
    places = None if marks is None else _by_marks(marks, several, words, usual_px, scale)
    if places is None:
        places = _by_names(several, words, pulses, usual_px, scale)
    if places is None:
        return None
    by_shares = np.array([row.start + lead_step_px(row, count, scale.px_per_s) * np.arange(count)
                          for row, _ in several])
    if np.abs(by_shares - places[:-1]).max() < agree_px or min(row.end for row, _ in several) < places[-2] + agree_px:
        return None
    return places


def _names_px(column: int, several: _Several, words: Sequence[Word], usual_px: float, scale: TraceScale) -> list[float]:
    """Where the names of the leads of a column begin."""
    # Any upright stroke reads as an I.
    return [w.x for row, of_row in several for w in words if w.text == of_row[column] != "I"
            and abs(w.y + w.height / 2 - row.base) < _NAME_Y_MM * scale.px_per_mm.y
            and _NAME_X_SHARES[0] < (w.x - row.start) / usual_px - column < _NAME_X_SHARES[1]]


def _by_marks(marks: Float64Array, several: _Several, words: Sequence[Word], usual_px: float, scale: TraceScale
              ) -> Float64Array | None:
    """As `column_places`, by separators beside which names stand, or which fit where the rows begin; else None.

    Spikes of a pacemaker and beats may stand as regularly.
    """
    count, sx = len(marks) + 1, scale.px_per_mm.x
    begin, end = min(row.start for row, _ in several), max(row.end for row, _ in several)
    step = (marks[-1] - marks[0]) / (count - 2) if count > 2 else marks[0] - begin
    behind = [x - mark for c, mark in enumerate(marks, 1) for x in _names_px(c, several, words, usual_px, scale)]
    named = len(behind) >= _LEAST_NAMES and _NAME_BEHIND_MM[0] < np.median(behind) / sx < _NAME_BEHIND_MM[1]
    if not named and (count == 2 or abs(marks[0] - step - begin) > _BEFORE_MM * sx):
        return None
    return np.asarray(marks[0] + step * np.arange(-1, count)) if count > 2 else np.array([begin, marks[0], end])


def _by_names(several: _Several, words: Sequence[Word], pulses: Sequence[Pulse],
              usual_px: float, scale: TraceScale) -> Float64Array | None:
    """As `column_places`, by names that stand at equal distances beside rows that begin where their leads do."""
    sx = scale.px_per_mm.x
    found = []
    for c in range(len(several[0][1])):
        xs = _names_px(c, several, words, usual_px, scale)
        found += [(c, float(np.median(xs)))] if xs else []
    if len(found) < _LEAST_COLUMNS:
        return None
    number, x = np.array(found).T
    step, first = np.polyfit(number, x, 1).tolist()
    if np.abs(first + step * number - x).max() > _IN_LINE_MM * sx or abs(step / usual_px - 1) > DISTANCE_OFF:
        return None
    start = float(np.median([row.start for row, _ in several]))
    pulsed = sum(abs(p.right - start) < _PULSE_MM * sx for p in pulses) >= _LEAST_PULSES
    if not pulsed and not _NAME_BEHIND_MM[0] < (first - start) / sx < _NAME_BEHIND_MM[1]:
        return None
    step = usual_px if abs(step / usual_px - 1) < _USUAL_SHARE else step
    places = start + step * np.arange(len(several[0][1]) + 1)
    # Names do not tell where the rows end.
    places[-1] = max(row.end for row, _ in several)
    return np.asarray(places)


def cut_at_places(rows: Sequence[RowPath], places: Float64Array, scale: TraceScale) -> list[RowPath]:
    """Rows without what stands before the first lead and behind the last one, by `column_places`."""
    before, behind = _BEFORE_MM * scale.px_per_mm.x, _BEHIND_MM * scale.px_per_mm.x
    first, last = float(places[0]), float(places[-1])
    return [replace(row, start=first if row.start < first - before else row.start,
                    end=last if row.end > last + behind else row.end) for row in rows]
