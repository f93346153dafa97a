"""Rows that are no traces: the frame of a form, the edge of a sheet or screen, grid lines beside the sheet's edge."""
from collections.abc import Sequence

import numpy as np

from ecg.layout.model import Pulse, RowPath
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.text.lead_names import Word

# Length of the pieces in which a path is compared with a straight line: no beat is farther from the next.
_PIECE_MM = 8.0
# A piece is straight if its path is off the line by no more than this.
_STRAIGHT_MM = 0.15
# A path is a straight line if at least this share of its pieces is. On 30 photographs and turned pages traces have .25
# at most, frames and grid lines .76 and more. Of a heart that beats 30 times a minute half is straight.
_STRAIGHT_SHARE = 0.7
# A line is no trace if this many rows at least are none.
_LEAST_TRACES = 2
# A straight row with the foot of a pulse or a name this near, along y, is a lead that was not connected.
_OWN_MARK_MM = 4.0


def without_straight_rows(rows: Sequence[RowPath], pulses: Sequence[Pulse], words: Sequence[Word], px_per_mm: Scale
                          ) -> list[RowPath]:
    """The rows without straight lines above or below all traces.

    A straight line between traces, or one with a pulse or a name, is a lead that was not connected.

    Parameters
    ----------
    rows : sequence of RowPath
        From the top.
    pulses : sequence of Pulse
    words : sequence of Word
    px_per_mm : Scale
    """
    near = _OWN_MARK_MM * px_per_mm.y
    marks = [pulse.base for pulse in pulses]
    marks += [word.y + word.height / 2 for word in words if word.text.lstrip("-") in LEADS and word.text != "I"]
    traces = [k for k, row in enumerate(rows) if straight_share(row, px_per_mm) < _STRAIGHT_SHARE
              or any(abs(row.base - mark) < near for mark in marks)]
    if len(traces) < _LEAST_TRACES:
        return list(rows)
    return list(rows[traces[0]:traces[-1] + 1])


def straight_share(row: RowPath, px_per_mm: Scale) -> float:
    """Share of the pieces of a path that are straight."""
    size = round(_PIECE_MM * px_per_mm.x)
    path = row.middle[max(0, int(np.ceil(row.start))):int(row.end)]
    count = len(path) // size
    if not count:
        return 0.0
    pieces = path[:count * size].reshape(count, size)
    at = np.arange(size) - (size - 1) / 2
    level = pieces - pieces.mean(axis=1, keepdims=True)
    off = level - np.outer(level @ at / (at @ at), at)
    return float((np.abs(off).max(axis=1) < max(_STRAIGHT_MM * px_per_mm.y, 1.0)).mean())
