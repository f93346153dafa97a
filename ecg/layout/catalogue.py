"""The layouts that pages are printed in."""
from collections.abc import Sequence

from ecg.lead_table import LEADS

# Names of the leads in each row from left to right, rows from the top.
LeadRows = tuple[tuple[str, ...], ...]


def _in_columns(leads: Sequence[str], rows: int) -> LeadRows:
    """Leads down the first column, then down the next."""
    return tuple(tuple(leads[r::rows]) for r in range(rows))


def _across(leads: Sequence[str], columns: int) -> LeadRows:
    """Leads along the first row, then along the next."""
    return tuple(tuple(leads[k:k + columns]) for k in range(0, len(leads), columns))


_LIMB = LEADS[:6]
_CHEST = LEADS[6:]
# From aVL at -30 degrees to III at 120 (Cabrera); minus aVR is where aVR's gap in that circle is.
_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
# Layouts that many machines print.
COMMON_LAYOUTS = frozenset({"3x4+1", "3x4", "3x4+2", "3x4+3", "6x2", "6x2+1", "12x1", "12x1+1", "3x1", "6x1", "2x1",
                            "1x1"})
_GRID34 = _in_columns(LEADS, 3)
_GRID62 = _in_columns(LEADS, 6)
_CABRERA34 = _in_columns((*_CABRERA, *_CHEST), 3)
_CABRERA62 = _in_columns((*_CABRERA, *_CHEST), 6)
# Rows from the top; a rhythm strip is a row of one lead below rows of several.
LAYOUTS: dict[str, LeadRows] = {
    "3x4+1": (*_GRID34, ("II",)), "3x4": _GRID34, "3x4+2": (*_GRID34, ("II",), ("V1",)),
    "3x4+3": (*_GRID34, ("V1",), ("II",), ("V5",)), "6x2": _GRID62, "6x2+1": (*_GRID62, ("II",)),
    "6x2+2": (*_GRID62, ("II",), ("V1",)), "4x3": _in_columns(LEADS, 4), "4x3+1": (*_in_columns(LEADS, 4), ("II",)),
    "12x1": _in_columns(LEADS, 12), "12x1+1": (*_in_columns(LEADS, 12), ("II",)),
    "6x1": _in_columns(_LIMB, 6), "6x1 chest": _in_columns(_CHEST, 6),
    "3x1": (("I",), ("II",), ("III",)), "2x1": (("II",), ("V1",)), "1x1": (("II",),),
    "3x4 cabrera": _CABRERA34, "3x4+1 cabrera": (*_CABRERA34, ("II",)), "6x2 cabrera": _CABRERA62,
    "6x2+1 cabrera": (*_CABRERA62, ("II",)), "12x1 cabrera": _in_columns((*_CABRERA, *_CHEST), 12),
    "4x3 across": _across(LEADS, 3), "6x2 across": _across(LEADS, 2)}


def runs_on(leads: LeadRows) -> bool:
    """Whether one lead runs on from row to row."""
    return len(leads) > 1 and len(set(leads)) == 1 and len(leads[0]) == 1
