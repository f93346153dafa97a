"""From center lines in pixels to leads in millivolts: scale, time, both strips of a lead, Einthoven's law."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.layout.model import Cell, Layout
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.signals.gaps import fill_gaps
from ecg.signals.residual import LEAST_SAMPLES, einthoven_residual_mv, without_offset
from ecg.trace.line import Line
from featurize.arrays import BoolArray, Float64Array, runs_of_true

_LEAST_S = 10.0
# Lines reach a pen's width beyond their signal, half seconds.
_BEYOND = 0.1
# Samples with less likelihood than this are doubtful; shorter doubt is not told.
DOUBT = 0.35
_GAP_S = 0.02
# Limb leads that disagree by more than this (mV, median) are not of one time, or one is misread: nothing is shared.
_AGREE_MV = 0.08
_SHARE_MV = 0.15
# Samples with more likelihood than this tell the offset between limb leads.
_SURE_SEEN = 0.6
# Lines at one distance differ from it by less than this, by how a base line wanders.
_UNEVEN_MM = 1.5


@dataclass(frozen=True)
class Signals:
    """The leads of a page.

    Parameters
    ----------
    fs_hz : float
    mv : (12, n) float64
        In the order of `ecg.lead_table.LEADS`; NaN outside the window in which a lead is drawn.
    likelihood : (12, n) float64
        0..1 how surely the sample was seen, NaN where `mv` is.
    einthoven_residual_mv : float
        See `ecg.signals.residual`; NaN where I, II and III are never drawn together.
    """

    fs_hz: float
    mv: Float64Array
    likelihood: Float64Array
    einthoven_residual_mv: float

    def gaps(self, lead: str) -> list[tuple[float, float]]:
        """Doubtful spans of a lead: begin and end in s."""
        row = self.likelihood[LEADS.index(lead)]
        spans = zip(*runs_of_true(row < DOUBT))
        return [(round(a / self.fs_hz, 3), round(b / self.fs_hz, 3)) for a, b in spans if b - a >= _GAP_S * self.fs_hz]

    def confidence(self, lead: str) -> float:
        """Mean likelihood of a lead, 0 where it is not on the page."""
        row = self.likelihood[LEADS.index(lead.lstrip("-"))]
        return float(np.nanmean(row)) if np.isfinite(row).any() else 0.0


def signals(layout: Layout, lines: Sequence[Line], px_per_mm: Scale, fs_hz: float) -> Signals:
    """Sample all leads.

    Parameters
    ----------
    layout : Layout
    lines : sequence of Line
        One for each cell of the layout.
    px_per_mm : Scale
    fs_hz : float

    Returns
    -------
    Signals
        10 s, or more where a row is longer.
    """
    ends = [c.start_s + (c.end - c.start) / (px_per_mm.x * layout.mm_per_s) for c in layout.cells]
    length_s = max(_LEAST_S, float(np.ceil(max(ends) * 2 - _BEYOND)) / 2)
    n = round(length_s * fs_hz)
    strips: dict[str, list[tuple[Float64Array, Float64Array]]] = {}
    for cell, line in zip(layout.cells, lines):
        sign = -1.0 if cell.lead.startswith("-") else 1.0
        mv, seen = _sampled(cell, line, layout, px_per_mm, fs_hz, n)
        strips.setdefault(cell.lead.lstrip("-"), []).append((sign * mv, seen))
    mv, likelihood = np.full((12, n), np.nan), np.full((12, n), np.nan)
    for k, lead in enumerate(LEADS):
        if lead in strips:
            mv[k], likelihood[k] = _fused(strips[lead])
    fill_gaps(mv, likelihood, fs_hz, DOUBT, _GAP_S)
    residual = share_limb_leads(mv, likelihood)
    return Signals(fs_hz, mv, likelihood, residual)


def _sampled(cell: Cell, line: Line, layout: Layout, px_per_mm: Scale, fs_hz: float, n: int
             ) -> tuple[Float64Array, Float64Array]:
    px_per_s = px_per_mm.x * layout.mm_per_s
    count = round((cell.end - cell.start) / px_per_s * fs_hz)
    first = round(cell.start_s * fs_hz)
    count = min(count, n - first)
    x = cell.start + (np.arange(count) / fs_hz + (first / fs_hz - cell.start_s)) * px_per_s
    mv, seen = np.full(n, np.nan), np.full(n, np.nan)
    zero = zero_row(layout, cell.row)
    mv[first:first + count] = (zero - np.interp(x, line.x, line.y)) / (px_per_mm.y * layout.gain(cell.lead))
    seen[first:first + count] = np.interp(x, line.x, line.seen)
    return mv, seen


def with_strips_named(layout: Layout, lines: Sequence[Line], px_per_mm: Scale) -> Layout:
    """The layout with its rhythm strips named by what they show: the lead that a short piece elsewhere repeats.

    A name is a few strokes that a trace may cross; ten seconds of signal are not mistaken.
    """
    short = {c.lead: k for k, c in enumerate(layout.cells) if sum(o.row == c.row for o in layout.cells) > 1}
    cells, warnings = list(layout.cells), list(layout.warnings)
    for k, cell in enumerate(cells):
        if not short or sum(o.row == cell.row for o in cells) > 1:
            continue
        px_per_s = px_per_mm.x * layout.mm_per_s
        # Where leads are set apart, a strip has their moment before them, unless the paper ran on for it, too.
        off = {lead: min(_difference(lines[k], lines[other], shift) for shift in
                         {0.0, round(cell.start + cells[other].start_s * px_per_s - cells[other].start, 1)})
               / px_per_mm.y for lead, other in short.items()}
        least = min(off.values())
        # Where I is small, II and aVF are nearly one: of two that fit about as well, II is what strips show.
        best = "II" if off.get("II", np.inf) < 2.5 * least else min(off, key=lambda lead: off[lead])
        # Half a millimetre is what two prints of one signal differ by at most, on average.
        named = off.get(cell.lead, np.inf)
        if best != cell.lead and least < 0.5 * named and least < 0.5 < named:
            warnings.append(f"the strip of row {cell.row + 1} repeats lead {best}, its name was read as {cell.lead}")
            cells[k] = replace(cell, lead=best)
    return replace(layout, cells=cells, warnings=warnings)


def _difference(strip: Line, piece: Line, columns: float) -> float:
    """Root mean square distance in px of a piece from the strip so many columns on, apart from their offset.

    Rows begin together: one column of the page is one moment, but for a few pixels where paper is bent.
    """
    off = [np.interp(piece.x + columns + shift, strip.x, strip.y) - piece.y for shift in range(-3, 4)]
    return min(float(np.sqrt(np.mean((o - np.median(o)) ** 2))) for o in off)


def zero_row(layout: Layout, row: int) -> float:
    """The row of 0 mV: the foot of the row's pulse, or the trace's usual level.

    A lead that runs on from row to row is as far from 0 mV in each: there one pulse tells it for all, or that lines are
    printed at one distance.
    """
    feet = [_foot(layout, base.base) for base in layout.rows]
    own = feet[row]
    if own is not None:
        return own
    bases = np.array([other.base for other in layout.rows])
    if len({c.lead for c in layout.cells}) > 1 or len(bases) == 1:
        return float(bases[row])
    off = [foot - base for foot, base in zip(feet, bases) if foot is not None]
    if off or len(bases) < 3:
        return float(bases[row] + (np.median(off) if off else 0.0))
    number = np.arange(len(bases))
    even = np.polyval(np.polyfit(number, bases, 1), number)
    return float((even if np.abs(even - bases).max() < _UNEVEN_MM * layout.px_per_mm.y else bases)[row])


def _foot(layout: Layout, base: float) -> float | None:
    """The foot of the pulses that stand in a row."""
    pulses = [p.base for p in layout.pulses if abs(p.base - base) < 0.75 * abs(p.base - p.top)]
    return float(np.median(pulses)) if pulses else None


def _fused(strips: list[tuple[Float64Array, Float64Array]]) -> tuple[Float64Array, Float64Array]:
    """Several strips of one lead: offsets removed against the longest, then averaged by likelihood."""
    strips = sorted(strips, key=lambda s: -int(np.isfinite(s[0]).sum()))
    total, weight = np.zeros_like(strips[0][0]), np.zeros_like(strips[0][0])
    best = np.full_like(weight, np.nan)
    reference = strips[0][0]
    for mv, seen in strips:
        both = np.isfinite(mv) & np.isfinite(reference)
        shift = float(np.median((mv - reference)[both])) if both.any() else 0.0
        if both.any() and np.median(np.abs(mv - reference - shift)[both]) > _AGREE_MV:
            continue  # not drawn at the same time
        known = np.isfinite(mv)
        w = np.where(known, np.maximum(np.nan_to_num(seen), 1e-3) ** 2, 0)
        total += w * np.nan_to_num(mv - shift)
        weight += w
        best = np.fmax(best, seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan), best


def share_limb_leads(mv: Float64Array, likelihood: Float64Array) -> float:
    """Make leads that are drawn at the same time agree with Einthoven's and Goldberger's laws.

    The disagreement is shared out by how surely each sample was seen: a lead that is hidden at a moment takes all of
    it. Changes `mv` in place.

    Returns
    -------
    float
        `einthoven_residual_mv` before the change.

    Notes
    -----
    I + III = II; aVR + aVL + aVF = 0; II = 2/3 (aVF - aVR) (Goldberger 1942, doi:10.1016/S0002-8703(42)90821-4).
    """
    at = {lead: k for k, lead in enumerate(LEADS)}
    laws = ({"I": 1.0, "III": 1.0, "II": -1.0}, {"aVR": 1.0, "aVL": 1.0, "aVF": 1.0},
            {"II": 1.0, "aVF": -2 / 3, "aVR": 2 / 3})
    one, two, three = limbs = [at[lead] for lead in ("I", "II", "III")]
    residual = einthoven_residual_mv(mv[one], mv[two], mv[three], _seen_surely(likelihood[limbs]))
    for law in laws:
        rows, factors = [at[lead] for lead in law], np.array(list(law.values()))
        known = np.isfinite(mv[rows]).all(axis=0)
        if known.sum() < LEAST_SAMPLES:
            continue
        off = factors @ mv[rows][:, known]
        off = without_offset(off, _seen_surely(likelihood[rows][:, known]))
        if np.median(np.abs(off)) > _AGREE_MV:
            continue
        variance = 1 / np.maximum(likelihood[rows][:, known], 0.02) ** 2
        gain = factors[:, None] * variance / (factors[:, None] ** 2 * variance).sum(axis=0)
        # A large disagreement of leads that were all seen is one lead misread, nobody knows which: not shared.
        doubtful = (likelihood[rows][:, known] < 0.5).any(axis=0)
        gain = np.where((np.abs(off) < _SHARE_MV) | doubtful, gain, 0)
        mv[np.ix_(np.array(rows), np.flatnonzero(known))] -= gain * off
    return residual


def _seen_surely(likelihood: Float64Array) -> BoolArray:
    """(n,) whether all of some leads (leads, n) were."""
    return np.asarray((likelihood > _SURE_SEEN).all(axis=0), np.bool_)
