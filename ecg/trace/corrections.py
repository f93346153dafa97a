"""Corrections by hand: a CSV of points that a lead must pass, and of spans that must not be believed.

Columns `page, lead, x, y, action`: page as errors.csv and the report show it, x and y in pixels of the overlay (which
is the flat page), action `pin` (the trace passes here), `cut` (the lead is not to be read from here to the next
`cut` of the same lead on that page; y is free) or `rename` (the trace here is this lead).
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ecg.layout.model import Layout
from ecg.lead_table import LEADS
from featurize.errors import UserError, one_line, shown
from featurize.images.read import ImageError, read_bytes
from featurize.runtime.cells import read_plain_csv

_ACTIONS = ("pin", "cut", "rename")
_COLUMNS = ("page", "lead", "x", "y", "action")


@dataclass(frozen=True)
class Point:
    """One correction, px of the flat page."""

    lead: str
    x: float
    y: float
    action: str


def read_points(path: Path) -> dict[str, list[Point]]:
    """Corrections by page.

    Raises
    ------
    UserError
        Not readable, a column is missing, an unknown lead or action, or a place that is no number.
    """
    try:
        frame = read_plain_csv(read_bytes(path), str)
    except (ImageError, ValueError) as error:
        raise UserError(f"cannot read the corrections {path} ({one_line(error)}): a CSV with the columns "
                        f"{', '.join(_COLUMNS)} was wanted") from error
    missing = [c for c in _COLUMNS if c not in frame]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: the columns {', '.join(_COLUMNS)} were wanted")
    out: dict[str, list[Point]] = {}
    for line, row in enumerate(frame[list(_COLUMNS)].itertuples(index=False), start=2):
        out.setdefault(str(row.page), []).append(_point(row, path, line))
    return out


def _point(row: "tuple[str, str, str, str, str]", path: Path, line: int) -> Point:
    _, lead, x, y, action = row
    if lead not in LEADS or action not in _ACTIONS:
        raise UserError(f"{path}, line {line}: lead {shown(lead)} and action {shown(action)} were given, one of "
                        f"{', '.join(LEADS)} and pin, cut or rename were wanted")
    try:
        place = float(x), 0.0 if action == "cut" else float(y)
    except (TypeError, ValueError):
        raise UserError(f"{path}, line {line}: x {shown(x)} and y {shown(y)} were given, pixels were wanted") from None
    if not np.isfinite(place).all():
        raise UserError(f"{path}, line {line}: x {shown(x)} and y {shown(y)} were given, pixels were wanted")
    return Point(lead, *place, action)


def with_leads_renamed(layout: Layout, points: Sequence[Point]) -> Layout:
    """The layout with the leads that a person named: the cell in whose columns the place lies, of the nearest row."""
    cells = list(layout.cells)
    for point in points:
        if point.action != "rename":
            continue
        here = [k for k, cell in enumerate(cells) if cell.start <= point.x <= cell.end]
        if here:
            nearest = min(here, key=lambda k: abs(layout.rows[cells[k].row].base - point.y))
            cells[nearest] = replace(cells[nearest], lead=point.lead, named=True)
    return replace(layout, cells=cells)
