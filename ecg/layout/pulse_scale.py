"""The scale of a page by its calibration pulses, where these agree among each other and contradict the grid."""
from collections.abc import Sequence

import numpy as np

from ecg.layout.model import Layout, Pulse
from ecg.scale import Scale

# A grid is doubted where pulses are off the gain by more than this share, as in `ecg.layout.calibration`.
_CONTRADICTS = 0.12
# Pulses of this many rows must agree.
_LEAST_ROWS = 2
# Pulses agree if heights, and widths, differ by less than this share.
_AGREEING = 0.03
# Height and width of the pulses must say the same scale to this share.
_BOTH_AXES = 0.08
# Length of a calibration pulse by convention, s.
_PULSE_S = 0.2
# The grid is taken to be wrong by no more than this factor: between two gains that machines offer lies a factor of 2.
_MOST_FACTOR = 1.4


def scale_of_pulses(layout: Layout) -> Scale | None:
    """The scale at which the pulses are as high as the gain and as wide as the speed say; None if the grid stands.

    The grid's is given up only where pulses of several rows agree, and their height and width (0.2 s by convention) ask
    for the same factor.
    """
    pulses = _one_a_row(layout)
    if len(pulses) < _LEAST_ROWS:
        return None
    high = np.array([pulse.base - pulse.top for pulse in pulses])
    wide = np.array([pulse.right - pulse.left for pulse in pulses])
    if max(np.ptp(high) / np.median(high), np.ptp(wide) / np.median(wide)) > _AGREEING:
        return None
    x = float(np.median(wide)) / (_PULSE_S * layout.mm_per_s)
    y = float(np.median(high)) / layout.mm_per_mv
    factor_x, factor_y = x / layout.px_per_mm.x, y / layout.px_per_mm.y
    if abs(factor_y - 1) <= _CONTRADICTS or abs(factor_x / factor_y - 1) > _BOTH_AXES:
        return None
    return Scale(x, y) if 1 / _MOST_FACTOR < factor_y < _MOST_FACTOR else None


def _one_a_row(layout: Layout) -> Sequence[Pulse]:
    """The first pulse of every row that has one."""
    rows: dict[int, Pulse] = {}
    for pulse in layout.pulses:
        row = min(range(len(layout.rows)), key=lambda r: abs(layout.rows[r].base - pulse.base))
        rows.setdefault(row, pulse)
    return list(rows.values())
