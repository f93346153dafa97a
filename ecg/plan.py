"""Which leads stand in which row: known layouts, and what the names on a page say."""
from collections.abc import Sequence

import numpy as np

from ecg.names import LEADS, Word
from ecg.paths import RowPath
from ecg.rows import NoTrace

Plan = tuple[tuple[str, ...], ...]

_LIMB, _CHEST = LEADS[:6], LEADS[6:]
_GRID34 = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_GRID62 = tuple(zip(_LIMB, _CHEST))
# Rows from the top; a rhythm strip is a row of one lead below rows of several.
LAYOUTS: dict[str, Plan] = {
    "3x4+1": (*_GRID34, ("II",)), "3x4": _GRID34, "3x4+2": (*_GRID34, ("II",), ("V1",)),
    "3x4+3": (*_GRID34, ("V1",), ("II",), ("V5",)), "6x2": _GRID62, "6x2+1": (*_GRID62, ("II",)),
    "12x1": tuple((lead,) for lead in LEADS), "6x1": tuple((lead,) for lead in _LIMB),
    "3x1": (("I",), ("II",), ("III",)), "2x1": (("II",), ("V1",)), "1x1": (("II",),)}


def choose_plan(rows: Sequence[RowPath], words: Sequence[Word], sx: float, name: str, warnings: list[str]
                ) -> tuple[str, Plan, set[tuple[int, int]]]:
    """The layout that the names read speak for: its name, leads by row, and the cells whose name was read."""
    named = [w for w in words if w.text.lstrip("-") in LEADS]
    options = {k: v for k, v in LAYOUTS.items() if len(v) == len(rows) and name in ("auto", k)}
    if not options:
        if name != "auto":
            raise NoTrace(f"layout {name} has {len(LAYOUTS[name])} rows, {len(rows)} were found")
        options = _by_names(rows, named, sx)
    best, score, found = next(iter(options)), -1.0, set[tuple[int, int]]()
    for option, leads in options.items():
        seen = _agreement(rows, named, leads, sx)
        value = sum(seen.values()) - 0.1 * sum(map(len, leads))
        if value > score or score < 0 and value > score:
            best, score, found = option, value, set(seen)
    leads = options[best]
    if len(found) < 0.3 * sum(map(len, leads)):
        warnings.append(f"only {len(found)} lead names were read: layout {best} is a guess from {len(rows)} rows, "
                        "say it with --layout if it is another")
    return best, _rhythm_leads(rows, named, leads, sx), found


def _by_names(rows: Sequence[RowPath], named: Sequence[Word], sx: float) -> dict[str, Plan]:
    """A layout of its own: per row the names that stand beside it, from left to right."""
    leads = []
    spare = iter([lead for lead in LEADS if lead not in {w.text for w in named}] + list(LEADS))
    for row in rows:
        near = [w for w in named if abs(w.y + w.height / 2 - row.base) < 0.5 * _spacing(rows)]
        texts = list(dict.fromkeys(w.text for w in sorted(near, key=lambda w: w.x)))
        leads.append(tuple(texts) or (next(spare),))
    return {"/".join(" ".join(r) for r in leads): tuple(leads)}


def _spacing(rows: Sequence[RowPath]) -> float:
    bases = sorted(r.base for r in rows)
    return float(np.median(np.diff(bases))) if len(bases) > 1 else 1e9


def _agreement(rows: Sequence[RowPath], named: Sequence[Word], leads: Sequence[Sequence[str]], sx: float
               ) -> dict[tuple[int, int], float]:
    """Cells whose name stands where this layout would print it, all at about the same distance from their cell."""
    places = []
    for r, of_row in enumerate(leads):
        for c, lead in enumerate(of_row):
            start = rows[r].start + (rows[r].end - rows[r].start) * c / len(of_row)
            places += [(r, c, w.score, (w.x - start) / sx, (w.y - rows[r].base) / sx)
                       for w in named if w.text == lead]
    if not places:
        return {}
    table = np.array(places)
    best: dict[tuple[int, int], float] = {}
    for _, _, _, dx, dy in places:
        if not (-22 < dx < 25 and abs(dy) < 25):
            continue
        near = (np.abs(table[:, 3] - dx) < 5) & (np.abs(table[:, 4] - dy) < 4)
        seen = {(int(r), int(c)): float(s) for r, c, s, _, _ in table[near]}
        if sum(seen.values()) > sum(best.values()):
            best = seen
    return best


def _rhythm_leads(rows: Sequence[RowPath], named: Sequence[Word], leads: Plan, sx: float
                  ) -> Plan:
    """Rows of one lead may hold any lead: their printed name counts."""
    out = []
    for row, of_row in zip(rows, leads):
        if len(of_row) == 1 and len(leads) != 12:
            beside = [w for w in named if abs(w.y + w.height / 2 - row.base) < min(0.55 * _spacing(rows), 14 * sx)
                      and w.x < row.start + 25 * sx]
            below = [w for w in beside if w.text == of_row[0]] or beside
            if below:
                of_row = (max(below, key=lambda w: w.score).text,)
        out.append(of_row)
    return tuple(out)
