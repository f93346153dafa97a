"""From center lines in pixels to leads in millivolts: scale, time, leads drawn twice, the limb leads' constraints."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.layout.model import Cell, Layout
from ecg.lead_table import LEADS
from ecg.scale import Scale
from ecg.signals.gaps import fill_gaps
from ecg.signals.residual import LEAST_SAMPLES, einthoven_residual_mv, without_offset
from ecg.trace.line import DrawnLine
from featurize.arrays import BoolArray, Float64Array, runs_of_true

# Shortest signals that are returned, s.
_LEAST_S = 10.0
# Signals last a multiple of this, s.
_LENGTH_STEP_S = 0.5
# A line reaches a pen's width beyond its signal: so much more than a multiple makes signals no longer, s.
_BEYOND_S = 0.05
# Samples with a lower likelihood are doubtful.
DOUBT = 0.35
# Shorter doubtful spans are not reported as gaps, s.
_GAP_S = 0.02
# Leads whose median disagreement is larger are not drawn at one time, or one is misread: they are left apart, mV.
_AGREE_MV = 0.08
# Root mean square difference of two drawings, as a share of the signal's standard deviation, above which they are of
# two leads: .01 to .06 for one lead on 10 pages of ecg_drawn and ecg_pages, 1.7 for V1 beside II.
_OTHER_SIGNAL = 0.5
# A larger disagreement at a moment at which all leads were seen is one lead misread: it is not shared, mV.
_SHARE_MV = 0.15
# A lead with a lower likelihood was not seen at that moment, and any disagreement there may be its own.
_SEEN = 0.5
# Likelihood above which samples count for the offset between limb leads.
_SURE_SEEN = 0.6
# Smallest likelihood in the weights of limb leads: a hidden lead keeps a finite variance.
_LEAST_LIKELIHOOD = 0.02
# Smallest likelihood in the average of a lead that is drawn twice, so that a hidden sample still has a value.
_LEAST_WEIGHT = 1e-3
# Rows farther than this from equal distances are not taken to be printed at equal distances, mm.
_UNEVEN_MM = 1.5
# A pulse stands in the row from which its foot is nearer than this share of its height.
_PULSE_FOOT_SHARE = 0.75
# Root mean square distance of two prints of one signal, at most, on average: mm.
_SAME_SIGNAL_MM = 0.5
# A rhythm strip is renamed if the best lead's distance is below this share of the distance of the lead it is named.
_RENAME_RATIO = 0.5
# Where I is small, II and aVF are nearly equal. II is preferred if its distance is below this many times the least.
_PREFER_II = 2.5
# Offsets in columns that are tried between a rhythm strip and a piece: paper may be bent by as much.
_BENT_COLUMNS = range(-3, 4)


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
    disagreeing : tuple of str
        Leads that are drawn more than once at one time, differently: one of the drawings has the name of another lead,
        or was misread.
    """

    fs_hz: float
    mv: Float64Array
    likelihood: Float64Array
    einthoven_residual_mv: float
    disagreeing: tuple[str, ...] = ()

    def gaps(self, lead: str) -> list[tuple[float, float]]:
        """Doubtful spans of a lead: begin and end in s."""
        row = self.likelihood[LEADS.index(lead)]
        spans = zip(*runs_of_true(row < DOUBT))
        return [(round(a / self.fs_hz, 3), round(b / self.fs_hz, 3)) for a, b in spans if b - a >= _GAP_S * self.fs_hz]

    def confidence(self, lead: str) -> float:
        """Mean likelihood of a lead, 0 where it is not on the page."""
        row = self.likelihood[LEADS.index(lead.lstrip("-"))]
        return float(np.nanmean(row)) if np.isfinite(row).any() else 0.0


def sample_signals(layout: Layout, lines: Sequence[DrawnLine], px_per_mm: Scale, fs_hz: float) -> Signals:
    """Sample all leads, fill their gaps and make the limb leads agree.

    Parameters
    ----------
    layout : Layout
    lines : sequence of DrawnLine
        One for each cell of the layout.
    px_per_mm : Scale
    fs_hz : float

    Returns
    -------
    Signals
        10 s, or more where a row is longer.
    """
    end_s = max(c.start_s + (c.end - c.start) / (px_per_mm.x * layout.mm_per_s) for c in layout.cells)
    steps = float(np.ceil(end_s / _LENGTH_STEP_S - _BEYOND_S / _LENGTH_STEP_S))
    n = round(max(_LEAST_S, steps * _LENGTH_STEP_S) * fs_hz)
    drawings: dict[str, list[tuple[Float64Array, Float64Array]]] = {}
    for cell, line in zip(layout.cells, lines):
        sign = -1.0 if cell.lead.startswith("-") else 1.0
        mv, seen = _sampled(cell, line, layout, px_per_mm, fs_hz, n)
        drawings.setdefault(cell.lead.lstrip("-"), []).append((sign * mv, seen))
    mv, likelihood = np.full((12, n), np.nan), np.full((12, n), np.nan)
    disagreeing = []
    for k, lead in enumerate(LEADS):
        if lead in drawings:
            mv[k], likelihood[k], agree = _averaged(drawings[lead])
            disagreeing += [] if agree else [lead]
    fill_gaps(mv, likelihood, fs_hz, DOUBT, _GAP_S)
    residual = share_limb_leads(mv, likelihood)
    return Signals(fs_hz, mv, likelihood, residual, tuple(disagreeing))


def _sampled(cell: Cell, line: DrawnLine, layout: Layout, px_per_mm: Scale, fs_hz: float, n: int
             ) -> tuple[Float64Array, Float64Array]:
    """mV and likelihood of one cell at n samples, each (n,); NaN outside the cell's time."""
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


def with_rhythm_strips_named(layout: Layout, lines: Sequence[DrawnLine], px_per_mm: Scale) -> Layout:
    """The layout with each rhythm strip named by the lead whose short piece elsewhere on the page it repeats.

    A printed name may be misread where a trace crosses it; ten seconds of signal are surer.
    """
    short = {c.lead: k for k, c in enumerate(layout.cells) if sum(o.row == c.row for o in layout.cells) > 1}
    cells, warnings = list(layout.cells), list(layout.warnings)
    for k, cell in enumerate(cells):
        if not short or sum(o.row == cell.row for o in cells) > 1:
            continue
        px_per_s = px_per_mm.x * layout.mm_per_s
        # A moment stands at the same column in the strip and in the piece; or, where the leads of a row are set apart
        # on the paper but the strip is not, at the column that its time gives.
        off_mm = {lead: min(_rms_distance_px(lines[k], lines[other], columns) for columns in
                            {0.0, round(cell.start + cells[other].start_s * px_per_s - cells[other].start, 1)})
                  / px_per_mm.y for lead, other in short.items()}
        least = min(off_mm.values())
        best = "II" if off_mm.get("II", np.inf) < _PREFER_II * least else min(off_mm, key=lambda lead: off_mm[lead])
        named = off_mm.get(cell.lead, np.inf)
        if best != cell.lead and least < _RENAME_RATIO * named and least < _SAME_SIGNAL_MM < named:
            warnings.append(f"the strip of row {cell.row + 1} repeats lead {best}, its name was read as {cell.lead}")
            cells[k] = replace(cell, lead=best)
        elif cell.lead == "I" and "II" in short and named > _SAME_SIGNAL_MM:
            # Any upright stroke is read as an I, one of the two of an II as well.
            warnings.append(f"the strip of row {cell.row + 1} was read as I and does not repeat it: II is assumed")
            cells[k] = replace(cell, lead="II")
    return replace(layout, cells=cells, warnings=warnings)


def _rms_distance_px(strip: DrawnLine, piece: DrawnLine, columns: float) -> float:
    """Root mean square distance of a piece from the rhythm strip `columns` farther right, apart from their offset.

    The least over a few columns more or less.
    """
    off = [np.interp(piece.x + columns + shift, strip.x, strip.y) - piece.y for shift in _BENT_COLUMNS]
    return min(float(np.sqrt(np.mean((o - np.median(o)) ** 2))) for o in off)


def zero_row(layout: Layout, row: int) -> float:
    """The pixel row of 0 mV in a row of the layout: the foot of its calibration pulse, or the trace's usual level.

    If all rows show one lead, its usual level is as far from 0 mV in each: a pulse of any row gives that distance.
    Without a pulse, three or more such rows are taken to be printed at equal distances.
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
    """The foot of the pulses that stand in the row at `base`; None without any."""
    pulses = [p.base for p in layout.pulses if abs(p.base - base) < _PULSE_FOOT_SHARE * abs(p.base - p.top)]
    return float(np.median(pulses)) if pulses else None


def _averaged(drawings: list[tuple[Float64Array, Float64Array]]) -> tuple[Float64Array, Float64Array, bool]:
    """mV and likelihood of a lead that is drawn several times, for example in a rhythm strip as well.

    Offsets are removed against the longest drawing, then samples are averaged by their likelihood. The third value says
    whether all drawings are of one signal.
    """
    drawings = sorted(drawings, key=lambda drawing: -int(np.isfinite(drawing[0]).sum()))
    total, weight = np.zeros_like(drawings[0][0]), np.zeros_like(drawings[0][0])
    best = np.full_like(weight, np.nan)
    reference, agree = drawings[0][0], True
    for mv, seen in drawings:
        both = np.isfinite(mv) & np.isfinite(reference)
        shift = float(np.median((mv - reference)[both])) if both.any() else 0.0
        if both.any() and np.median(np.abs(mv - reference - shift)[both]) > _AGREE_MV:
            agree = False
            continue
        agree = agree and (not both.any() or _is_one_signal(mv[both] - shift, reference[both]))
        known = np.isfinite(mv)
        w = np.where(known, np.maximum(np.nan_to_num(seen), _LEAST_WEIGHT) ** 2, 0)
        total += w * np.nan_to_num(mv - shift)
        weight += w
        best = np.fmax(best, seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan), best, agree


def _is_one_signal(mv: Float64Array, reference: Float64Array) -> bool:
    """Whether the differences of two drawings (n,) are small beside the signal."""
    size = np.std(reference)
    return bool(np.sqrt(np.mean((mv - reference) ** 2)) <= _OTHER_SIGNAL * size)


def share_limb_leads(mv: Float64Array, likelihood: Float64Array) -> float:
    """Make limb leads that are drawn at the same time obey the Einthoven constraints; `mv` is changed in place.

    At each moment the disagreement is divided among the leads by how surely each was seen: one that is hidden takes
    nearly all of it.

    Parameters
    ----------
    mv, likelihood : (12, n) float64
        As in `Signals`.

    Returns
    -------
    float
        `einthoven_residual_mv` before the change.

    Notes
    -----
    I + III = II; aVR + aVL + aVF = 0; II = 2/3 (aVF - aVR) (Goldberger 1942, doi:10.1016/S0002-8703(42)90821-4).
    """
    at = {lead: k for k, lead in enumerate(LEADS)}
    constraints = ({"I": 1.0, "III": 1.0, "II": -1.0}, {"aVR": 1.0, "aVL": 1.0, "aVF": 1.0},
                   {"II": 1.0, "aVF": -2 / 3, "aVR": 2 / 3})
    one, two, three = limbs = [at[lead] for lead in ("I", "II", "III")]
    residual = einthoven_residual_mv(mv[one], mv[two], mv[three], _seen_surely(likelihood[limbs]))
    for constraint in constraints:
        rows, factors = [at[lead] for lead in constraint], np.array(list(constraint.values()))
        known = np.isfinite(mv[rows]).all(axis=0)
        if known.sum() < LEAST_SAMPLES:
            continue
        off = factors @ mv[rows][:, known]
        off = without_offset(off, _seen_surely(likelihood[rows][:, known]))
        if np.median(np.abs(off)) > _AGREE_MV:
            continue
        variance = 1 / np.maximum(likelihood[rows][:, known], _LEAST_LIKELIHOOD) ** 2
        gain = factors[:, None] * variance / (factors[:, None] ** 2 * variance).sum(axis=0)
        doubtful = (likelihood[rows][:, known] < _SEEN).any(axis=0)
        gain = np.where((np.abs(off) < _SHARE_MV) | doubtful, gain, 0)
        mv[np.ix_(np.array(rows), np.flatnonzero(known))] -= gain * off
    return residual


def _seen_surely(likelihood: Float64Array) -> BoolArray:
    """(n,) whether all leads were seen surely; likelihood is (leads, n)."""
    return np.asarray((likelihood > _SURE_SEEN).all(axis=0), np.bool_)
