"""Why a person should look at a page: reasons, a word each, from what was measured on it."""
import numpy as np

from ecg.layout.catalogue import LAYOUTS, runs_on
from ecg.layout.model import Layout
from ecg.page.read import Page
from ecg.signals.millivolts import Signals

# Share of the leads whose name was read, below which the layout may be another.
_LEAST_NAMED = 0.3
# Share of the page that the grid must fit.
_LEAST_GRID_SHARE = 0.6
# Root mean square of I + III - II, mV.
_LARGE_RESIDUAL_MV = 0.1
# Below this, mV, rows of one lead each stand in the order that they were taken for.
_SMALL_RESIDUAL_MV = 0.03
# Pulses that are off the gain by this share contradict the scale, or the gain.
_PULSE_TOLERANCE = 0.12
# Mean likelihood of a lead.
_LEAST_CONFIDENCE = 0.6
# Rows of so many leads
_COLUMNS = 4
# last so long, s,
_ROW_S = 10.0
# or up to this many times
_LONGER = 1.02
# and from this many times that: a faint end may be lost.
_SHORTER = 0.96


def review_reasons(page: Page, layout: Layout, signals: Signals, work_spent: bool) -> list[str]:
    """Reasons for a person to look at a page; none where nothing speaks against what was read.

    Returns
    -------
    list of str
        work: the page took more work than a page may. layout: the rows are named as on no known page, or few names
        were read. grid: it fits little of the page. scale: the calibration pulses contradict the gain. length: the
        rows of several leads last longer or shorter than 10 s. limb: I + III is not II. seen: a lead was seen poorly.
    """
    found = {
        "work": work_spent,
        "layout": _is_guess(layout, signals.einthoven_residual_mv),
        "grid": page.grid.strength < _LEAST_GRID_SHARE,
        "scale": layout.scale_mended or _contradicted(layout),
        "length": unusual_length_s(layout) is not None,
        "limb": signals.einthoven_residual_mv > _LARGE_RESIDUAL_MV,
        "seen": any(signals.confidence(cell.lead) < _LEAST_CONFIDENCE for cell in layout.cells)}
    return [reason for reason, holds in found.items() if holds]


def _is_guess(layout: Layout, residual_mv: float) -> bool:
    """Whether the leads stand as on no known page, or few names were read and the limb leads tell no order of rows."""
    if runs_on(tuple((cell.lead,) for cell in layout.cells)):
        return False
    if layout.name not in LAYOUTS:
        return True
    confirmed = len(layout.cells) == len({cell.row for cell in layout.cells}) and residual_mv < _SMALL_RESIDUAL_MV
    return not confirmed and sum(cell.named for cell in layout.cells) < _LEAST_NAMED * len(layout.cells)


def _contradicted(layout: Layout) -> bool:
    """Whether the pulses are neither as high as the gain of the limb leads nor as that of the chest leads says."""
    if not layout.pulses:
        return False
    high_mm = float(np.median([pulse.base - pulse.top for pulse in layout.pulses])) / layout.px_per_mm.y
    gains = (layout.mm_per_mv, layout.gain("V1"))
    return min(abs(high_mm / gain - 1) for gain in gains) > _PULSE_TOLERANCE


def unusual_length_s(layout: Layout) -> float | None:
    """How long the longest row of four leads lasts where that is not 10 s, else None.

    Then the page is cut, or something beside the traces was taken for trace: leads begin elsewhere.
    """
    lengths = [row.end - row.start for number, row in enumerate(layout.rows)
               if sum(cell.row == number for cell in layout.cells) == _COLUMNS]
    if not lengths:
        return None
    seconds = max(lengths) / (layout.px_per_mm.x * layout.mm_per_s)
    return None if _SHORTER * _ROW_S < seconds < _LONGER * _ROW_S else seconds
