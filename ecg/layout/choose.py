"""Which leads stand in which row: a known layout, or what the lead names on the page say.

A layout scores points: up to 1 for each lead name that stands where the layout has it; more or fewer by separators, by
the Einthoven constraints, and by beats that stand below each other.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, cycle

import numpy as np

from ecg.layout.catalogue import COMMON_LAYOUTS, LAYOUTS, LeadRows, runs_on
from ecg.layout.einthoven import misfit
from ecg.layout.layout_points import (EINTHOVEN_POINTS, NAME_DISTANCE_MM, OBEYED, beat_points, einthoven_points,
                                      name_scores, separator_points)
from ecg.layout.model import NoLayout, NoTrace, Pulse, RowPath, Stroke
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.text.lead_names import Word

# Points of a name that reads I, beside 1 of any other: any upright stroke looks like an I.
_NAME_I_POINTS = 0.4
# Most points of the names of lines that each begin with an I: that may be an axis.
_MOST_I_POINTS = 1.0
# Points that a layout loses for each lead.
_POINTS_PER_LEAD = 0.1
# Points that a layout loses that few machines print, unless other evidence speaks for it.
_RARE_POINTS = 0.7
# The name of a row stands no farther than this from the row's beginning.
_NAME_BEFORE_MM = 25.0
# A name counts for a row if it is nearer to its base line than this share of the distance between rows.
_NAME_SHARE = 0.5
# The name of a rhythm strip is nearer to its base line than this share of that distance.
_STRIP_NAME_SHARE = 0.55
# The name of a rhythm strip is nearer to its base line than this.
_STRIP_NAME_MM = 14
# aVR is turned if that leaves less than this share of the misfit.
_TURNED_MISFIT = 0.3
# One lead that runs on from row to row has at most this many rows.
_MOST_LINES = 6
# The lead of such lines where nothing names it: watches and cards record lead I.
_UNNAMED_LEAD = "I"
# A layout with one row less than were found is taken if this many names a row agree with it.
_NAMES_PER_ROW = 0.5
# A known layout that explains less than this share of the names that stand in lines is not taken.
_LEAST_EXPLAINED = 0.7
# Twelve rows and a strip: the thirteenth row may also be a line of text.
_TWELVE_AND_STRIP = "12x1+1"
# Rows are one set, and none is text, if their distances differ from the usual one by less than this share of it,
_EVEN_SHARE = 0.25
# and each has at least this share of the ink of the usual row.
_LEAST_INK = 0.75
# The layout is called a guess if names of less than this share of its leads were read.
_LEAST_READ = 0.3
# A layout made of the names beside rows is none if less than this share of them differ: strokes read as I.
_LEAST_DIFFERENT = 0.6
# Distance between rows where there is only one, px: names anywhere are its own.
_ONE_ROW_PX = 1e9


@dataclass(frozen=True)
class ChosenLayout:
    """The layout that the evidence on a page speaks for.

    Parameters
    ----------
    name : str
        A key of `LAYOUTS`, or rows joined by "/".
    leads : LeadRows
    named : set of (row, column)
        Cells whose name was read.
    warnings : sequence of str
        What is doubtful.
    """

    name: str
    leads: LeadRows
    named: set[tuple[int, int]]
    warnings: Sequence[str]


def choose_layout(rows: Sequence[RowPath], words: Sequence[Word], separators: Sequence[Stroke], px_per_mm: Scale,
                  name: str) -> ChosenLayout:
    """The layout that lead names, separators, limb leads and beats speak for.

    Parameters
    ----------
    rows : sequence of RowPath
    words : sequence of Word
    separators : sequence of Stroke
    px_per_mm : Scale
    name : str
        A key of `LAYOUTS` where a person knows it, else auto.

    Raises
    ------
    NoTrace
        The named layout has another number of rows.
    NoLayout
        No known layout has that many rows, and few names were read.
    """
    lead_names = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) and name in ("auto", k)}
    if name == "auto":
        options |= _line_after_line(rows, lead_names, px_per_mm)
    if not options and name != "auto":
        raise NoTrace(f"layout {name} has {len(LAYOUTS[name])} rows, {len(rows)} were found")
    best, found = _best(rows, lead_names, options, px_per_mm, separators)
    if name == "auto":
        own = _by_names(rows, lead_names) | _line_after_line(rows, lead_names, px_per_mm)
        other, seen = _best(rows, lead_names, own, px_per_mm, separators)
        doubtful = not best or _count_names(options[best], found) < _LEAST_EXPLAINED * _count_names(own[other], seen)
        if doubtful and (not best or _is_likely(own[other])):
            best, found, options = other, seen, own
    leads, warnings = options[best], []
    # One lead that runs on may be named once.
    every = [lead for of_row in leads for lead in of_row]
    few = len(found) < (1 if runs_on(leads) else _LEAST_READ * len(every))
    several = not runs_on(leads) or len(leads) > _MOST_LINES
    if best not in LAYOUTS and several and (few or len(set(every)) < _LEAST_DIFFERENT * len(every)):
        names = len({leads[r][c] for r, c in found})
        raise NoLayout(f"{len(rows)} rows were found and {names} different names of leads read: no known layout; "
                       "is it one ECG, seen sharply and whole? If it is, name its layout with --layout")
    if few:
        warnings.append(f"only {len(found)} lead names were read: layout {best} is a guess from {len(rows)} rows, "
                        "say it with --layout if it is another")
    leads = _with_rhythm_leads(rows, lead_names, leads, px_per_mm)
    leads, doubts = _with_upright_avr(rows, leads, px_per_mm)
    return ChosenLayout(best, leads, found, [*warnings, *doubts])


def _count_names(leads: LeadRows, found: set[tuple[int, int]]) -> int:
    """How many different names were found."""
    return len({leads[r][c] for r, c in found})


def _with_upright_avr(rows: Sequence[RowPath], leads: LeadRows, px_per_mm: Scale) -> tuple[LeadRows, list[str]]:
    """The layout with aVR the other way up where the limb leads say so, and a warning then.

    The minus of -aVR is a dash, which is easily lost.
    """
    other = {"aVR": "-aVR", "-aVR": "aVR"}
    turned = tuple(tuple(other.get(lead, lead) for lead in of_row) for of_row in leads)
    before, after = misfit(rows, leads, px_per_mm), misfit(rows, turned, px_per_mm)
    if before is None or after is None or not (after < OBEYED < before and after < _TURNED_MISFIT * before):
        return leads, []
    return turned, ["by Einthoven's law aVR is drawn the other way up than this layout has it: it was turned"]


def without_extra(rows: Sequence[RowPath], words: Sequence[Word], pulses: Sequence[Pulse], px_per_mm: Scale
                  ) -> list[RowPath]:
    """The rows without one that no layout has: a line of text or a scribble that was taken for a trace.

    Parameters
    ----------
    rows : sequence of RowPath
    words : sequence of Word
    pulses : sequence of Pulse
    px_per_mm : Scale
    """
    lead_names = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) - 1}
    if not options or any(len(v) == len(rows) for k, v in LAYOUTS.items() if k != _TWELVE_AND_STRIP):
        return list(rows)
    if len(pulses) == len(rows):
        return list(rows)
    fewer = [[row for row in rows if row is not extra] for extra in rows]
    # As many pulses as rows should be: each stands before its own.
    distances = [sum(min(abs(row.base - p.base) for p in pulses) for row in left) for left in fewer] if pulses else []
    if len(pulses) == len(rows) - 1:
        return fewer[int(np.argmin(distances))]
    if len(rows) == len(LAYOUTS[_TWELVE_AND_STRIP]) and _are_one_set(rows):
        return list(rows)
    best = max(fewer, key=lambda left: (len(_best(left, lead_names, options, px_per_mm)[1]), -_unevenness(left)))
    names = len(_best(best, lead_names, options, px_per_mm)[1])
    return best if names >= _NAMES_PER_ROW * len(best) else list(rows)


def _are_one_set(rows: Sequence[RowPath]) -> bool:
    """Whether rows are as far from each other, and each has as much ink, as traces of one ECG are."""
    ink = np.array([row.support for row in rows])
    return _unevenness(rows) < _EVEN_SHARE and bool((ink > _LEAST_INK * np.median(ink)).all())


def _unevenness(rows: Sequence[RowPath]) -> float:
    """How far the distance of two rows is from the usual one at most, as a share of it."""
    apart = np.diff(sorted(row.base for row in rows))
    return float(np.abs(apart / np.median(apart) - 1).max())


def _best(rows: Sequence[RowPath], lead_names: Sequence[Word], options: dict[str, LeadRows], px_per_mm: Scale,
          separators: Sequence[Stroke] = ()) -> tuple[str, set[tuple[int, int]]]:
    """The option with the most points, and the cells whose names agree with it."""
    best, most, found = "", -np.inf, set[tuple[int, int]]()
    for option, leads in options.items():
        seen = name_scores(rows, lead_names, leads, px_per_mm)
        names = sum(score * (_NAME_I_POINTS if leads[r][c] == "I" else 1) for (r, c), score in seen.items())
        names = min(names, _MOST_I_POINTS) if runs_on(leads) and leads[0][0] == "I" else names
        einthoven = einthoven_points(rows, leads, px_per_mm)
        supported = option in COMMON_LAYOUTS or einthoven == EINTHOVEN_POINTS or seen and runs_on(leads)
        points = names - _POINTS_PER_LEAD * sum(map(len, leads)) - (0 if supported else _RARE_POINTS)
        points += beat_points(rows, px_per_mm) if runs_on(leads) else 0.0
        points += separator_points(rows, leads, separators, px_per_mm) + einthoven
        if points > most:
            best, most, found = option, points, set(seen)
    return best, found


def _line_after_line(rows: Sequence[RowPath], lead_names: Sequence[Word], px_per_mm: Scale) -> dict[str, LeadRows]:
    """One lead that runs on from row to row, where no second one is named beside the rows."""
    beside = {w.text for w in lead_names for row in rows
              if abs(w.y + w.height / 2 - row.base) < _NAME_SHARE * _row_distance(rows)
              and abs(w.x - row.start) < _NAME_BEFORE_MM * px_per_mm.x}
    if not 1 < len(rows) <= _MOST_LINES or len(beside) > 1:
        return {}
    lines = ((beside.pop() if beside else _UNNAMED_LEAD,),) * len(rows)
    return {_joined(lines): lines}


def _joined(leads: LeadRows) -> str:
    """The name of a layout that has no other."""
    return "/".join(" ".join(of_row) for of_row in leads)


def _by_names(rows: Sequence[RowPath], lead_names: Sequence[Word]) -> dict[str, LeadRows]:
    """A layout made of the names that stand beside each row, from left to right."""
    leads = []
    # A page that is no ECG may have more rows than there are leads.
    spare = chain([lead for lead in LEADS if lead not in {w.text for w in lead_names}], cycle(LEADS))
    for row in rows:
        near = [w for w in lead_names if abs(w.y + w.height / 2 - row.base) < _NAME_SHARE * _row_distance(rows)]
        texts = list(dict.fromkeys(w.text for w in sorted(near, key=lambda w: w.x)))
        leads.append(tuple(texts) or (next(spare),))
    return {_joined(tuple(leads)): tuple(leads)}


def _is_likely(leads: LeadRows) -> bool:
    """Whether a machine may print such a page: one lead line after line, or columns of leads that all differ."""
    several = [of_row for of_row in leads if len(of_row) > 1]
    every = [lead for of_row in several or leads for lead in of_row]
    return len(set(leads)) == 1 or len(set(map(len, several))) < 2 and len(set(every)) == len(every)


def _row_distance(rows: Sequence[RowPath]) -> float:
    """Median distance between the base lines of neighboring rows, px."""
    bases = sorted(r.base for r in rows)
    return float(np.median(np.diff(bases))) if len(bases) > 1 else _ONE_ROW_PX


def _with_rhythm_leads(rows: Sequence[RowPath], lead_names: Sequence[Word], leads: LeadRows, px_per_mm: Scale
                       ) -> LeadRows:
    """The layout with the printed name of each row of one lead: a rhythm strip may show any lead."""
    out = []
    # Names midway between twelve rows would be taken for those of the next: only what follows the twelve is a strip.
    first_strip = len(LEADS) if all(len(of_row) == 1 for of_row in leads) and len(leads) >= len(LEADS) else 0
    for k, (row, of_row) in enumerate(zip(rows, leads)):
        if len(of_row) == 1 and k >= first_strip:
            near = min(_STRIP_NAME_SHARE * _row_distance(rows), _STRIP_NAME_MM * px_per_mm.y)
            beside = [w for w in lead_names if abs(w.y + w.height / 2 - row.base) < near
                      and w.x < row.start + NAME_DISTANCE_MM * px_per_mm.x]
            fitting = [w for w in beside if w.text == of_row[0]] or beside
            if fitting:
                of_row = (max(fitting, key=lambda w: w.score).text,)
        out.append(of_row)
    return tuple(out)
