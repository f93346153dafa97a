"""Corrections by hand: a CSV of what a person sees on pages.

Columns `page, lead, x, y, action`; page as errors.csv and the report show it. Of a lead, x and y in pixels of the
overlay (which is the flat page): `pin` (the trace passes here), `cut` (the lead is not to be read from here to the next
`cut` of the same lead on that page; y is free), `rename` (the trace here is this lead). Of the page, lead empty:
`corner` (of the paper, pixels of the file; four a page), `gain` (x: mm/mV), `speed` (x: mm/s), `grid` (x and y: pixels
a millimetre of the overlay; of the file, or of the paper between its corners, where no grid was found).
"""
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ecg.layout.model import GivenScale, Layout
from ecg.lead_table import LEADS
from ecg.page.corners import CORNERS_OF_A_PAGE
from ecg.scale import Scale
from featurize.errors import UserError, one_line, shown
from featurize.images.read import ImageError, read_bytes
from featurize.runtime.cells import read_plain_csv

_OF_LEADS = ("pin", "cut", "rename")
_OF_PAGES = ("corner", "gain", "speed", "grid")
_COLUMNS = ("page", "lead", "x", "y", "action")
# Values that are taken. Chosen around those of machines, 2.5 to 40 mm/mV and 12.5 to 50 mm/s, and around pages of 40 to
# 1000 dots an inch.
GAINS_MM_PER_MV = (1.0, 100.0)
SPEEDS_MM_PER_S = (5.0, 200.0)
_SCALES_PX_PER_MM = (1.5, 40.0)
# Their units.
_RANGES = {"gain": (GAINS_MM_PER_MV, "mm/mV"), "speed": (SPEEDS_MM_PER_S, "mm/s"),
           "grid": (_SCALES_PX_PER_MM, "px a mm")}


@dataclass(frozen=True)
class Point:
    """One correction of a lead, px of the flat page."""

    lead: str
    x: float
    y: float
    action: str


@dataclass(frozen=True)
class PageCorrections:
    """What a person says of one page.

    Parameters
    ----------
    points : tuple of Point
    corners : tuple of (x, y)
        Of the paper, px of the file: four or none.
    given : GivenScale
        Gain, speed and pixels a millimetre; None where the person left it to the program.
    """

    points: tuple[Point, ...] = ()
    corners: tuple[tuple[float, float], ...] = ()
    given: GivenScale = GivenScale()

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the file, without the page."""
        out = [asdict(point) for point in self.points]
        places = [(x, y, "corner") for x, y in self.corners]
        values = ("gain", self.given.mm_per_mv), ("speed", self.given.mm_per_s)
        places += [(value, 0.0, name) for name, value in values if value is not None]
        if self.given.px_per_mm is not None:
            places.append((self.given.px_per_mm.x, self.given.px_per_mm.y, "grid"))
        return out + [{"lead": "", "x": x, "y": y, "action": action} for x, y, action in places]


def read_points(path: Path) -> dict[str, PageCorrections]:
    """Corrections by page.

    Raises
    ------
    UserError
        Not readable, a column is missing, an unknown lead or action, a place that is no number, a value out of range,
        another number of corners than four, or gain, speed or grid of a page twice.
    """
    try:
        frame = read_plain_csv(read_bytes(path), str, gaps=False)
    except (ImageError, ValueError) as error:
        raise UserError(f"cannot read the corrections {path} ({one_line(error)}): a CSV with the columns "
                        f"{', '.join(_COLUMNS)} was wanted") from error
    missing = [c for c in _COLUMNS if c not in frame]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: the columns {', '.join(_COLUMNS)} were wanted")
    of_pages: dict[str, list[Point]] = {}
    for line, row in enumerate(frame[list(_COLUMNS)].itertuples(index=False), start=2):
        of_pages.setdefault(str(row.page), []).append(_point(row, f"{path}, line {line}"))
    return {page: _of_page(own, f"{path}, page {page}") for page, own in of_pages.items()}


def _point(row: "tuple[str, str, str, str, str]", where: str) -> Point:
    _, lead, x, y, action = row
    if (lead not in LEADS or action not in _OF_LEADS) and (lead or action not in _OF_PAGES):
        raise UserError(f"{where}: lead {shown(lead)} and action {shown(action)} were given, one of {', '.join(LEADS)} "
                        f"and pin, cut or rename were wanted, or no lead and {', '.join(_OF_PAGES)}")
    try:
        place = float(x), 0.0 if action in ("cut", "gain", "speed") else float(y)
    except (TypeError, ValueError):
        place = (np.nan, np.nan)
    if not np.isfinite(place).all():
        raise UserError(f"{where}: x {shown(x)} and y {shown(y)} were given, "
                        f"{_RANGES[action][1] if action in _RANGES else 'pixels'} were wanted")
    if action in _RANGES:
        (low, high), unit = _RANGES[action]
        for value in place if action == "grid" else place[:1]:
            if not low <= value <= high:
                raise UserError(f"{where}: {action} {value:g} was given, {low:g} to {high:g} {unit} was wanted")
    return Point(lead, *place, action)


def _of_page(rows: Sequence[Point], where: str) -> PageCorrections:
    of: dict[str, list[Point]] = {action: [row for row in rows if row.action == action] for action in _OF_PAGES}
    for action in _RANGES:
        if len(of[action]) > 1:
            raise UserError(f"{where}: {action} was given {len(of[action])} times, once was wanted")
    if len(of["corner"]) not in (0, CORNERS_OF_A_PAGE):
        raise UserError(f"{where}: {len(of['corner'])} corners were given, {CORNERS_OF_A_PAGE} were wanted")
    gain, speed = (of[action][0].x if of[action] else None for action in ("gain", "speed"))
    scale = Scale(of["grid"][0].x, of["grid"][0].y) if of["grid"] else None
    return PageCorrections(tuple(row for row in rows if row.action in _OF_LEADS),
                           tuple((row.x, row.y) for row in of["corner"]), GivenScale(gain, speed, scale))


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
