"""Points that lead names, separators, limb leads and beats give for a layout, or against it.

A name that stands where the layout has it counts up to 1, as it was read.
"""
from collections.abc import Sequence

import numpy as np

from ecg.layout.catalogue import LeadRows
from ecg.layout.einthoven import beat_correlation, misfit
from ecg.layout.model import RowPath, Stroke
from ecg.scale import Scale
from ecg.text.lead_names import Word

# Points of a separator that stands between leads.
_SEPARATOR_POINTS = 0.25
# A separator counts if more than this share of those that the layout wants is there.
_LEAST_SEPARATORS = 0.5
# A separator stands no farther from its place than this along x.
_SEPARATOR_X_MM = 2.0
# The middle of a separator stands no farther from the base line of its row than this.
_SEPARATOR_Y_MM = 8
# The name of a lead stands no farther from the lead's beginning than this, along x and along y.
NAME_DISTANCE_MM = 25
# Names of one column stand at one place beside their leads, to this along x.
_NAME_X_MM = 5
# Names of one column stand at one place beside their leads, to this along y.
_NAME_Y_MM = 4
# Rows whose beats correlate by more than this show the same time.
_SAME_TIME_CORRELATION = 0.6
# Most points of beats, for or against one lead that runs on from row to row.
_BEAT_POINTS = 0.8
# Most points of the Einthoven constraints, for or against a layout.
EINTHOVEN_POINTS = 1.5
# A layout that obeys the Einthoven constraints misses by less than this share of the signal, one that has other leads
# there by more (measured on real pages: 0.002 to 0.02 and 0.19 to 1.7).
OBEYED = 0.08


def einthoven_points(rows: Sequence[RowPath], leads: LeadRows, px_per_mm: Scale) -> float:
    """Points of the Einthoven constraints for a layout, or against it."""
    off = misfit(rows, leads, px_per_mm)
    points = 0.0 if off is None else np.log(OBEYED / max(off, 1e-9))
    return float(np.clip(points, -EINTHOVEN_POINTS, EINTHOVEN_POINTS))


def beat_points(rows: Sequence[RowPath], px_per_mm: Scale) -> float:
    """Points of the beats for one lead that runs on from row to row, or against it."""
    points = 2 * (_SAME_TIME_CORRELATION - beat_correlation(rows, px_per_mm))
    return float(np.clip(points, -_BEAT_POINTS, _BEAT_POINTS))


def separator_points(rows: Sequence[RowPath], leads: LeadRows, separators: Sequence[Stroke], px_per_mm: Scale
                     ) -> float:
    """Points of the separators for a layout: none unless most of those that it wants are there.

    Parameters
    ----------
    rows : sequence of RowPath
    leads : LeadRows
    separators : sequence of Stroke
    px_per_mm : Scale
    """
    wanted = [(row.start + (row.end - row.start) * c / len(of_row), row.base) for row, of_row in zip(rows, leads)
              for c in range(1, len(of_row))]
    seen = sum(any(abs(s.x - x) < _SEPARATOR_X_MM * px_per_mm.x
                   and abs((s.top + s.bottom) / 2 - base) < _SEPARATOR_Y_MM * px_per_mm.y for s in separators)
               for x, base in wanted)
    return _SEPARATOR_POINTS * seen if seen > _LEAST_SEPARATORS * len(wanted) else 0.0


def name_scores(rows: Sequence[RowPath], lead_names: Sequence[Word], leads: LeadRows, px_per_mm: Scale
                ) -> dict[tuple[int, int], float]:
    """Scores (0..1, as read) of the names that stand where a layout has them, by row and column of their cell.

    The names of one column all stand at one place beside their leads.

    Parameters
    ----------
    rows : sequence of RowPath
    lead_names : sequence of Word
    leads : LeadRows
    px_per_mm : Scale
    """
    out: dict[tuple[int, int], float] = {}
    for c in range(max(map(len, leads))):
        places = []
        for r, of_row in enumerate(leads):
            if c >= len(of_row):
                continue
            start = rows[r].start + (rows[r].end - rows[r].start) * c / len(of_row)
            places += [(r, w.score, (w.x - start) / px_per_mm.x, (w.y - rows[r].base) / px_per_mm.y)
                       for w in lead_names if w.text.lstrip("-") == of_row[c].lstrip("-")]
        out |= {(r, c): score for r, score in _in_line(places).items()}
    return out


def _in_line(places: Sequence[tuple[int, float, float, float]]) -> dict[int, float]:
    """Rows and scores of the most names of one column (row, score, x, y in mm from their lead's start) in one place."""
    table = np.array(places).reshape(-1, 4)
    best: dict[int, float] = {}
    for _, _, dx, dy in places:
        if not (abs(dx) < NAME_DISTANCE_MM and abs(dy) < NAME_DISTANCE_MM):
            continue
        near = (np.abs(table[:, 2] - dx) < _NAME_X_MM) & (np.abs(table[:, 3] - dy) < _NAME_Y_MM)
        seen = {int(r): float(score) for r, score in table[near, :2]}
        if sum(seen.values()) > sum(best.values()):
            best = seen
    return best
