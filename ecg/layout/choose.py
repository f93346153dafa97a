"""Which leads stand in which row: known layouts, and what the names on a page say."""
from collections.abc import Sequence
from itertools import chain, cycle

import numpy as np

from ecg.layout.catalogue import _COMMON, LAYOUTS, Plan, runs_on
from ecg.layout.einthoven import in_step, misfit
from ecg.layout.model import NoTrace, Pulse, RowPath, Stroke
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.text.lead_names import Word

_STROKE = 0.4
_STROKES = 1.0
# What a separator counts where names count up to 1, and how far from its place it may stand.
_PARTED = 0.25
_BESIDE_MM = 2.0
# How far from the beginning of a row its name stands.
_BEFORE_MM = 25.0
# The limb leads' laws count as a name and a half at most; a layout that obeys them misses by less than this share, one
# that has other leads there by more (real pages: 0.002 to 0.02 and 0.19 to 1.7).
_LAWS = 1.5
_LAWFUL = 0.08
# What turning aVR has to leave of the misfit.
_SURER = 0.3
# Rows whose beats correlate by more than this show one time; beats count as nearly a name.
_STEP = 0.6
_BEATS = 0.8
# Rows of one lead, printed line after line; where nothing names it, it is what watches and cards record.
_MOST_LINES = 6
_STRIP = "I"
# Names for each row, from which a layout with one row less than was found is believed.
_ENOUGH = 0.5
# A known layout is doubted where it explains less than this share of the names that stand in lines.
_KNOWN = 0.7


def choose_plan(rows: Sequence[RowPath], words: Sequence[Word], separators: Sequence[Stroke], px_per_mm: Scale,
                name: str, warnings: list[str]) -> tuple[str, Plan, set[tuple[int, int]]]:
    """The layout that the names read speak for: its name, leads by row, and the cells whose name was read."""
    named = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) and name in ("auto", k)}
    if name == "auto":
        options |= _line_after_line(rows, named, px_per_mm)
    if not options and name != "auto":
        raise NoTrace(f"layout {name} has {len(LAYOUTS[name])} rows, {len(rows)} were found")
    best, found = _best(rows, named, options, px_per_mm, separators)
    if name == "auto":
        own = _by_names(rows, named) | _line_after_line(rows, named, px_per_mm)
        other, seen = _best(rows, named, own, px_per_mm, separators)
        few = not best or _different(options[best], found) < _KNOWN * _different(own[other], seen)
        if few and (not best or _is_likely(own[other])):
            best, found, options = other, seen, own
    leads = options[best]
    # One lead that runs on may be named once.
    if len(found) < (1 if runs_on(leads) else 0.3 * sum(map(len, leads))):
        warnings.append(f"only {len(found)} lead names were read: layout {best} is a guess from {len(rows)} rows, "
                        "say it with --layout if it is another")
    return best, _upright_avr(rows, _rhythm_leads(rows, named, leads, px_per_mm), px_per_mm, warnings), found


def _different(leads: Plan, found: set[tuple[int, int]]) -> int:
    """How many different names were found."""
    return len({leads[r][c] for r, c in found})


def _upright_avr(rows: Sequence[RowPath], leads: Plan, px_per_mm: Scale, warnings: list[str]) -> Plan:
    """The layout with aVR the other way up where the limb leads' laws say so: its minus is a dash, easily lost."""
    other = {"aVR": "-aVR", "-aVR": "aVR"}
    turned = tuple(tuple(other.get(lead, lead) for lead in of_row) for of_row in leads)
    before, after = misfit(rows, leads, px_per_mm), misfit(rows, turned, px_per_mm)
    if before is None or after is None or not (after < _LAWFUL < before and after < _SURER * before):
        return leads
    warnings.append("by the limb leads' laws aVR is drawn the other way up than this layout has it: it was turned")
    return turned


def without_extra(rows: Sequence[RowPath], words: Sequence[Word], pulses: Sequence[Pulse], px_per_mm: Scale
                  ) -> list[RowPath]:
    """The rows without one that no layout has room for: a line of text or a scribble that was taken for a trace."""
    named = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) - 1}
    if not options or any(len(v) == len(rows) for v in LAYOUTS.values()):
        return list(rows)
    fewer = [[row for row in rows if row is not extra] for extra in rows]
    # As many pulses as rows should be: each stands before its own.
    apart = [sum(min(abs(row.base - p.base) for p in pulses) for row in left) for left in fewer] if pulses else []
    if len(pulses) == len(rows) - 1:
        return fewer[int(np.argmin(apart))]
    most = max(fewer, key=lambda left: len(_best(left, named, options, px_per_mm)[1]))
    return most if len(_best(most, named, options, px_per_mm)[1]) >= _ENOUGH * len(most) else list(rows)


def _best(rows: Sequence[RowPath], named: Sequence[Word], options: dict[str, Plan], px_per_mm: Scale,
          separators: Sequence[Stroke] = ()) -> tuple[str, set[tuple[int, int]]]:
    """The option that most names agree with, and the cells whose names do."""
    best, most, found = "", -np.inf, set[tuple[int, int]]()
    for option, leads in options.items():
        seen = _agreement(rows, named, leads, px_per_mm)
        # Any upright stroke looks like an I.
        sure = sum(score * (_STROKE if leads[r][c] == "I" else 1) for (r, c), score in seen.items())
        # Lines that each begin with an I may begin with an axis.
        sure = min(sure, _STROKES) if runs_on(leads) and leads[0][0] == "I" else sure
        lawful = _lawful(rows, leads, px_per_mm)
        # What few print is doubted, unless laws or lines speak for it.
        known = option in _COMMON or lawful == _LAWS or seen and runs_on(leads)
        value = sure - 0.1 * sum(map(len, leads)) - (0 if known else 0.7)
        value += _stepping(rows, px_per_mm) if runs_on(leads) else 0.0
        value += _parted(rows, leads, separators, px_per_mm) + lawful
        if value > most:
            best, most, found = option, value, set(seen)
    return best, found


def _lawful(rows: Sequence[RowPath], leads: Plan, px_per_mm: Scale) -> float:
    """What the laws of the limb leads say for a layout, or against it."""
    off = misfit(rows, leads, px_per_mm)
    return 0.0 if off is None else float(np.clip(np.log(_LAWFUL / max(off, 1e-9)), -_LAWS, _LAWS))


def _stepping(rows: Sequence[RowPath], px_per_mm: Scale) -> float:
    """What the beats say for one lead that runs on from row to row, or against it."""
    return float(np.clip(2 * (_STEP - in_step(rows, px_per_mm)), -_BEATS, _BEATS))


def _line_after_line(rows: Sequence[RowPath], named: Sequence[Word], px_per_mm: Scale) -> dict[str, Plan]:
    """One lead that runs on from row to row, where no second one is named beside the rows."""
    beside = {w.text for w in named for row in rows if abs(w.y + w.height / 2 - row.base) < 0.5 * _spacing(rows)
              and abs(w.x - row.start) < _BEFORE_MM * px_per_mm.x}
    if not 1 < len(rows) <= _MOST_LINES or len(beside) > 1:
        return {}
    lines = ((beside.pop() if beside else _STRIP,),) * len(rows)
    return {_joined(lines): lines}


def _joined(leads: Plan) -> str:
    """The name of a layout that has none."""
    return "/".join(" ".join(of_row) for of_row in leads)


def _parted(rows: Sequence[RowPath], leads: Plan, separators: Sequence[Stroke], px_per_mm: Scale) -> float:
    """What separators say for a layout: where it wants most of them they stand."""
    wanted = [(row.start + (row.end - row.start) * c / len(of_row), row.base) for row, of_row in zip(rows, leads)
              for c in range(1, len(of_row))]
    seen = sum(any(abs(s.x - x) < _BESIDE_MM * px_per_mm.x
                   and abs((s.top + s.bottom) / 2 - base) < 8 * px_per_mm.y for s in separators) for x, base in wanted)
    return _PARTED * seen if seen > 0.5 * len(wanted) else 0.0


def _by_names(rows: Sequence[RowPath], named: Sequence[Word]) -> dict[str, Plan]:
    """A layout of its own: per row the names that stand beside it, from left to right."""
    leads = []
    # A sheet of music has more rows than there are leads.
    spare = chain([lead for lead in LEADS if lead not in {w.text for w in named}], cycle(LEADS))
    for row in rows:
        near = [w for w in named if abs(w.y + w.height / 2 - row.base) < 0.5 * _spacing(rows)]
        texts = list(dict.fromkeys(w.text for w in sorted(near, key=lambda w: w.x)))
        leads.append(tuple(texts) or (next(spare),))
    return {_joined(tuple(leads)): tuple(leads)}


def _is_likely(leads: Plan) -> bool:
    """Whether somebody would print such a page: one lead line after line, or columns of leads that differ."""
    several = [of_row for of_row in leads if len(of_row) > 1]
    every = [lead for of_row in several or leads for lead in of_row]
    return len(set(leads)) == 1 or len(set(map(len, several))) < 2 and len(set(every)) == len(every)


def _spacing(rows: Sequence[RowPath]) -> float:
    bases = sorted(r.base for r in rows)
    return float(np.median(np.diff(bases))) if len(bases) > 1 else 1e9


def _agreement(rows: Sequence[RowPath], named: Sequence[Word], leads: Plan, px_per_mm: Scale
               ) -> dict[tuple[int, int], float]:
    """Cells whose name stands where this layout would print it: in each column all at about one distance."""
    out: dict[tuple[int, int], float] = {}
    for c in range(max(map(len, leads))):
        places = []
        for r, of_row in enumerate(leads):
            if c >= len(of_row):
                continue
            start = rows[r].start + (rows[r].end - rows[r].start) * c / len(of_row)
            places += [(r, w.score, (w.x - start) / px_per_mm.x, (w.y - rows[r].base) / px_per_mm.y)
                       for w in named if w.text.lstrip("-") == of_row[c].lstrip("-")]
        out |= {(r, c): score for r, score in _in_line(places).items()}
    return out


def _in_line(places: Sequence[tuple[int, float, float, float]]) -> dict[int, float]:
    """Rows and scores of the most names of one column (row, score, x, y in mm from their lead's start) in one place."""
    table = np.array(places).reshape(-1, 4)
    best: dict[int, float] = {}
    for _, _, dx, dy in places:
        if not (-25 < dx < 25 and abs(dy) < 25):
            continue
        near = (np.abs(table[:, 2] - dx) < 5) & (np.abs(table[:, 3] - dy) < 4)
        seen = {int(r): float(score) for r, score in table[near, :2]}
        if sum(seen.values()) > sum(best.values()):
            best = seen
    return best


def _rhythm_leads(rows: Sequence[RowPath], named: Sequence[Word], leads: Plan, px_per_mm: Scale
                  ) -> Plan:
    """Rows of one lead may hold any lead: their printed name counts."""
    out = []
    for row, of_row in zip(rows, leads):
        if len(of_row) == 1 and len(leads) != 12:
            near = min(0.55 * _spacing(rows), 14 * px_per_mm.y)
            beside = [w for w in named if abs(w.y + w.height / 2 - row.base) < near
                      and w.x < row.start + 25 * px_per_mm.x]
            below = [w for w in beside if w.text == of_row[0]] or beside
            if below:
                of_row = (max(below, key=lambda w: w.score).text,)
        out.append(of_row)
    return tuple(out)
