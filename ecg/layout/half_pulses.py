"""Calibration pulses whose left half is outside the picture: a row that begins with a roof and falls to its base line.

Tuning values were chosen by hand on 26 photographs and scans.
"""
from collections.abc import Sequence

import numpy as np

from ecg.layout.model import Pulse, RowPath
from ecg.scale import Scale

# What is left of a pulse is this wide: 0.2 s are 5 mm at 25 mm/s.
_WIDTH_MM = (0.5, 6.0)
# Its roof is higher above the base line than this.
_HEIGHT_MM = 3.5
# The roof is level to this.
_LEVEL_MM = 0.4
# Share of the roof's length that is inked, at least.
_ROOF_SHARE = 0.9
# Its stroke falls within this: it may lean a little.
_FALL_MM = 0.7
# The trace stays below the roof for at least this: a beat comes back sooner.
_BELOW_MM = 2.0
# Half pulses of all rows end in one column to this.
_SAME_COLUMN_MM = 1.0
# At least so many rows have one: the beginning of one beat may look like it.
_LEAST_ROWS = 2
# At least this share of the rows has one.
_LEAST_SHARE = 0.5


def find_half_pulses(rows: Sequence[RowPath], pulses: Sequence[Pulse], px_per_mm: Scale) -> list[Pulse]:
    """Right halves of pulses with which rows begin; none where whole pulses were found, or in few rows only.

    Parameters
    ----------
    rows : sequence of RowPath
    pulses : sequence of Pulse
        Whole ones.
    px_per_mm : Scale

    Returns
    -------
    list of Pulse
        Their left is where the row begins: it tells no width. Their base is the usual level of the row.
    """
    if pulses:
        return []
    found = [half for row in rows for half in [_half_pulse(row, px_per_mm)] if half]
    least = max(_LEAST_ROWS, _LEAST_SHARE * len(rows))
    column = float(np.median([half.right for half in found])) if found else 0.0
    alike = [half for half in found if abs(half.right - column) < _SAME_COLUMN_MM * px_per_mm.x]
    return alike if len(alike) >= least else []


def _half_pulse(row: RowPath, px_per_mm: Scale) -> Pulse | None:
    """The half pulse with which a row begins."""
    sx, sy = px_per_mm.x, px_per_mm.y
    first = max(0, int(np.ceil(row.start)))
    y = row.middle[first:first + round((_WIDTH_MM[1] + _FALL_MM + _BELOW_MM) * sx)]
    roof, least = float(np.median(y[:max(1, round(_WIDTH_MM[0] * sx))])), _HEIGHT_MM * sy
    away = np.abs(y - roof) > _LEVEL_MM * sy
    wide, below = int(np.argmax(away)), y > roof + least
    # In the column in which it falls the path's middle lies between roof and base line.
    fallen = wide + int(np.argmax(below[wide:]))
    if row.base - roof < least or not _WIDTH_MM[0] * sx < wide < _WIDTH_MM[1] * sx or not below[fallen] \
            or fallen - wide > _FALL_MM * sx or not below[fallen:fallen + round(_BELOW_MM * sx)].all() \
            or row.on_ink[first:first + wide].mean() < _ROOF_SHARE:
        return None
    return Pulse(float(first), first + (wide + fallen) / 2, roof, row.base)
