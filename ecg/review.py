"""Why a person should look at a page: reasons, a word each, from what was measured on it."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg.layout.catalogue import LAYOUTS, runs_on
from ecg.layout.model import Layout
from ecg.page.read import Page
from ecg.signals.millivolts import Signals
from ecg.signals.residual import limb_disagreement

# Share of the leads whose name was read, below which the layout may be another.
_LEAST_NAMED = 0.3
# Share of the page that the grid must fit.
_LEAST_GRID_SHARE = 0.6
# Root mean square of I + III - II, mV.
_LARGE_RESIDUAL_MV = 0.1
# Residual of a law of the limb leads to their size: up to .27 on 8 pages above 18 dB, .89 and 1.8 on the 2 below 10 dB
# (benchmarks.ecg_review, 14 even records; pages whose columns are moved keep the laws).
_LARGE_DISAGREEMENT = 0.5
# Below this residual, to their size, the limb leads stand where they were taken for, and so do the chest leads by
# convention: 0 to .1 on 36 of 41 pages above 18 dB, .17 and more on 15 of 16 below 10 dB
# (benchmarks.ecg_review, even records).
_CONFIRMED_DISAGREEMENT = 0.1
# Pulses that are off the gain by this share contradict the scale, or the gain.
_PULSE_TOLERANCE = 0.12
# Mean likelihood of a lead.
_LEAST_CONFIDENCE = 0.6
# A line that lies on bare paper for this long, mm, bridges it,
_BRIDGE_MM = 0.3
# and a page with so many bridges may lack beats: none on 6 photographs read right, 6 and 9 where beats were cut off.
_MANY_BRIDGES = 3
# Ink beside the lines that nothing explains, mm: none on 5 pages above 18 dB that had other ink left (frames, halves of
# pulses), 116 and more on 5 of 6 with handwriting, 250 where a rhythm strip was not read (benchmarks.ecg_review, even).
_MUCH_LEFT_MM = 15.0
# Two leads that follow one trace for longer than this, mm, see `ecg.trace.shared_trace.shared_mm`.
_MUCH_SHARED_MM = 5.0
# Rows of so many leads last so long, s: 2.5 s a lead, of two leads also 5 s.
_ROW_S = {4: (10.0,), 2: (5.0, 10.0)}
# Up to this many times that is usual,
_LONGER = 1.02
# and from this many times: a faint end may be lost.
_SHORTER = 0.96


@dataclass(frozen=True)
class Traced:
    """What was met while the lines of a page were traced.

    Parameters
    ----------
    work_spent : bool
        The page took more work than a page may.
    bridges_px : sequence of int
        Lengths for which lines lie on bare paper.
    left_mm : float
        Of `ecg.trace.left_ink.left_ink_mm`.
    shared_mm : float
        Of `ecg.trace.shared_trace.shared_mm`.
    """

    work_spent: bool = False
    bridges_px: Sequence[int] = ()
    left_mm: float = 0.0
    shared_mm: float = 0.0


def review_reasons(page: Page, layout: Layout, signals: Signals, traced: Traced) -> list[str]:
    """Reasons for a person to look at a page; none where nothing speaks against what was read.

    Returns
    -------
    list of str
        work: the page took more work than a page may. layout: the rows are named as on no known page, or few names
        were read. grid: it fits little of the page. scale: the calibration pulses contradict the gain. length: the
        rows of several leads last longer or shorter than such rows do. limb: the limb leads break a law between them.
        twice: a lead is drawn twice at one time, differently. seen: a lead was seen poorly. bridged: lines lie on bare
        paper in several places, as where beats are cut off. strokes: ink beside the lines is left over, as of
        handwriting over the leads. shared: two leads follow one trace.
    """
    found = _reasons(page, layout, signals, traced)
    return [reason for reason, holds in found.items() if holds]


def _reasons(page: Page, layout: Layout, signals: Signals, traced: Traced) -> dict[str, bool]:
    """Every reason that there is, and whether it holds."""
    disagreement = limb_disagreement(signals.mv)
    return {
        "work": traced.work_spent,
        "layout": _is_guess(layout, disagreement),
        "grid": page.grid.strength < _LEAST_GRID_SHARE,
        "scale": layout.scale_mended or _contradicted(layout),
        "length": unusual_length_s(layout) is not None,
        "limb": signals.einthoven_residual_mv > _LARGE_RESIDUAL_MV or disagreement > _LARGE_DISAGREEMENT,
        "twice": bool(signals.disagreeing),
        "seen": any(signals.confidence(cell.lead) < _LEAST_CONFIDENCE for cell in layout.cells),
        "bridged": sum(px >= _BRIDGE_MM * layout.px_per_mm.x for px in traced.bridges_px) >= _MANY_BRIDGES,
        "strokes": traced.left_mm > _MUCH_LEFT_MM,
        "shared": traced.shared_mm > _MUCH_SHARED_MM}


def _is_guess(layout: Layout, disagreement: float) -> bool:
    """Whether the leads stand as on no known page, or few names were read and the limb leads don't confirm the layout.

    One lead that runs on is a guess where nothing names it: of twelve leads below each other a few may have been found.
    An I is no name there: any upright stroke reads as one.
    """
    if runs_on(tuple((cell.lead,) for cell in layout.cells)):
        return not any(cell.named and cell.lead != "I" for cell in layout.cells)
    if layout.name not in LAYOUTS:
        return True
    few = sum(cell.named for cell in layout.cells) < _LEAST_NAMED * len(layout.cells)
    return few and not disagreement < _CONFIRMED_DISAGREEMENT


def _contradicted(layout: Layout) -> bool:
    """Whether the pulses are neither as high as the gain of the limb leads nor as that of the chest leads says."""
    if not layout.pulses:
        return False
    high_mm = float(np.median([pulse.base - pulse.top for pulse in layout.pulses])) / layout.px_per_mm.y
    gains = (layout.mm_per_mv, layout.gain("V1"))
    return min(abs(high_mm / gain - 1) for gain in gains) > _PULSE_TOLERANCE


def unusual_length_s(layout: Layout) -> float | None:
    """How long the leads of a row of four or of two last together where that is not usual, else None: the longest row.

    Then the page is cut, or something beside the traces was taken for trace: leads begin elsewhere. Paper between leads
    does not count.
    """
    rows: dict[int, list[float]] = {}
    for cell in layout.cells:
        rows.setdefault(cell.row, []).append((cell.end - cell.start) / (layout.px_per_mm.x * layout.mm_per_s))
    for count, usual_s in _ROW_S.items():
        seconds = max((sum(lengths) for lengths in rows.values() if len(lengths) == count), default=usual_s[0])
        if not any(_SHORTER * usual < seconds < _LONGER * usual for usual in usual_s):
            return seconds
    return None
