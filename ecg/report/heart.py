"""One record for a reader: its leads with the beats marked, a middle beat of every lead, numbers beside normal ranges.

Nothing is measured here: signals come from `<stem>.csv`, waves from `<stem>.beats.csv`, numbers from `<stem>.json`.
"""
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ecg.lead_table import LEADS
from ecg.report.plot import Panel, chart, limits, ticks, words
from featurize.arrays import Float64Array
from featurize.report.numbers import number
from featurize.report.page import table

_QUARTER_S = 2.5
# Samples of the middle beat: from .3 s before QRS to .55 s behind its onset.
_BEFORE_S = 0.3
_AFTER_S = 0.55
_MARKS = (("p", "orange", "P"), ("r", "blue", "QRS"), ("t", "green", "T"))
# Name, key of the rhythm row, factor, unit, low and high end of what is usual in adults at rest: Surawicz et al. 2009,
# 10.1161/CIRCULATIONAHA.108.191095 (QRS, axis); Rautaharju et al. 2009, 10.1161/CIRCULATIONAHA.108.191096 (QT);
# Kligfield et al. 2007, 10.1161/CIRCULATIONAHA.106.180200 (rate, PR, P).
_NUMBERS: tuple[tuple[str, str, float, str, float | None, float | None], ...] = (
    ("Heart rate", "heart_rr_rate_bpm", 1, "/min", 60, 100),
    ("Slowest, over one interval", "heart_rr_rate_lowest_bpm", 1, "/min", None, None),
    ("Fastest, over one interval", "heart_rr_rate_highest_bpm", 1, "/min", None, None),
    ("Spread of RR (SD)", "heart_rr_sd_s", 1000, "ms", None, 120),
    ("Successive RR (RMSSD)", "heart_rr_rmssd_s", 1000, "ms", None, None),
    ("Beats with a P wave", "heart_atria_p_share", 100, "%", 99, 100),
    ("P duration", "heart_atria_p_duration_s", 1000, "ms", None, 120),
    ("PR interval", "heart_atria_pr_s", 1000, "ms", 120, 200),
    ("QRS duration", "heart_ventricles_qrs_s", 1000, "ms", 60, 110),
    ("QT interval", "heart_ventricles_qt_s", 1000, "ms", None, None),
    ("QTc, Bazett", "heart_ventricles_qtc_bazett_s", 1000, "ms", 350, 450),
    ("QTc, Fridericia", "heart_ventricles_qtc_fridericia_s", 1000, "ms", 350, 450),
    ("Electrical axis", "heart_ventricles_axis_deg", 1, "°", -30, 90),
    ("Noise above 40 Hz", "record_signal_noise_mv", 1000, "µV", None, 30))


def heart_of(out: Path, stem: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of one record: two charts, a table, and what is doubtful."""
    signals = pd.read_csv(out / f"{stem}.csv", dtype=float)
    beats = pd.read_csv(out / f"{stem}.beats.csv")
    fs = float(facts["fs_hz"])
    return {"path": facts["path"], "leads": _leads_chart(signals, beats, fs), "beat": _beat_chart(signals, beats, fs),
            "numbers": _numbers(facts["rhythm"]), "doubts": _doubts(facts, beats)}


def _leads_chart(signals: pd.DataFrame, beats: pd.DataFrame, fs: float) -> str:
    """Three rows of four leads as on paper, each in its quarter of the time, and the longest lead below."""
    strip = max(LEADS, key=lambda lead: (signals[lead].notna().sum(), lead == "II"))
    first = float(np.flatnonzero(signals.notna().any(axis=1))[0]) / fs if signals.notna().any(axis=None) else 0.0
    parts = []
    for row in range(3):
        leads = [LEADS[3 * column + row] for column in range(4)]
        starts = [_start(signals[lead], first + column * _QUARTER_S, fs) for column, lead in enumerate(leads)]
        parts += _row(row, [_excerpt(signals[lead], beats[beats["lead"] == lead], fs, start, column * _QUARTER_S,
                                     _QUARTER_S) for column, (lead, start) in enumerate(zip(leads, starts))])
    parts += _row(3, [_excerpt(signals[strip], beats[beats["lead"] == strip], fs, first, 0.0, 4 * _QUARTER_S)])
    return chart(1000, 690, [*parts, words("s", 521, 686)])


def _start(lead: "pd.Series[float]", start: float, fs: float) -> float:
    """Where to begin with a lead: where it is drawn, if that is elsewhere."""
    known = np.flatnonzero(lead.notna())
    return float(known[0]) / fs if known.size and not _seen(lead, start, fs) else start


def _seen(lead: "pd.Series[float]", start: float, fs: float) -> bool:
    part = lead.iloc[round(start * fs):round((start + _QUARTER_S) * fs)]
    return bool(len(part) and part.notna().mean() > 0.5)


class _Excerpt(NamedTuple):
    """A stretch of one lead with its peaks, on the chart's axis of time."""

    lead: str
    place: float
    time: Float64Array
    values: Float64Array
    peaks: dict[str, tuple[Float64Array, Float64Array]]


def _excerpt(lead: "pd.Series[float]", beats: pd.DataFrame, fs: float, start: float, place: float,
             seconds: float) -> _Excerpt:
    """`seconds` of a lead from `start`, to be drawn at `place`."""
    values = np.asarray(lead, np.float64)
    part = slice(round(start * fs), min(round((start + seconds) * fs), len(values)))
    peaks = {}
    for wave, color, _ in _MARKS:
        at = beats[f"{wave}_peak_s"].dropna().to_numpy()
        at = at[(at >= start) & (at < start + seconds) & (at * fs < len(values) - 1)]
        peaks[color] = (at - start + place, values[np.rint(at * fs).astype(int)])
    time = np.arange(part.start, part.stop) / fs - start + place
    return _Excerpt(str(lead.name), place, time, values[part], peaks)


def _row(row: int, leads: Sequence[_Excerpt]) -> list[str]:
    """One row of the chart of leads."""
    y = limits([lead.values for lead in leads], -0.5, 1.0)
    panel = Panel(50, 6 + 168 * row, 942, 138, (0, 4 * _QUARTER_S), y)
    parts = [panel.axes(range(11), ticks(*y)), words("mV", 10, panel.top + 73)]
    for lead in leads:
        if lead.place:
            parts.append(panel.rule(lead.place))
        parts.append(panel.line(lead.time, lead.values, 1.0))
    for lead in leads:
        parts += [panel.dots(x, height, color) for color, (x, height) in lead.peaks.items()]
        parts.append(panel.name(lead.lead, lead.place, 13))
    return parts


def _beat_chart(signals: pd.DataFrame, beats: pd.DataFrame, fs: float) -> str:
    """The middle beat of every lead, from its QRS onset, with the middle bounds of P, QRS and T."""
    parts = []
    for k, lead in enumerate(LEADS):
        own = beats[beats["lead"] == lead]
        time, middle = _middle_beat(signals[lead].to_numpy(), own, fs)
        y = limits([] if middle is None else [middle], -0.3, 0.5)
        panel = Panel(42 + 165.5 * (k % 6), 20 + 180 * (k // 6), 120, 130, (-1000 * _BEFORE_S, 1000 * _AFTER_S), y)
        parts += [panel.axes((0, 500), ticks(*y) if middle is not None else ()), panel.name(lead, panel.x[0], -5)]
        if middle is not None:
            parts += [panel.span(*bounds, color) for color, bounds in _bounds(own)]
            parts.append(panel.line(1000 * time, middle, 1.4))
        if k >= 6:
            parts.append(words("ms", panel.left + 60, panel.top + 160))
    return chart(1000, 362, parts)


def _bounds(own: pd.DataFrame) -> list[tuple[str, tuple[float, float]]]:
    """Color and middle bounds of each wave of a lead, ms from the onset of QRS."""
    found, qrs = [], own["qrs_onset_s"].to_numpy()
    for wave, color, _ in _MARKS:
        edge = "qrs" if wave == "r" else wave
        onset, offset = (own[f"{edge}_{end}_s"].to_numpy() - qrs for end in ("onset", "offset"))
        if np.isfinite(onset).any() and np.isfinite(offset).any():
            found.append((color, (1000 * float(np.nanmedian(onset)), 1000 * float(np.nanmedian(offset)))))
    return found


def _middle_beat(values: Float64Array, beats: pd.DataFrame, fs: float) -> tuple[Float64Array, Float64Array | None]:
    before, after = round(_BEFORE_S * fs), round(_AFTER_S * fs)
    time = np.arange(-before, after) / fs
    parts = []
    for onset in beats["qrs_onset_s"].dropna():
        at = round(onset * fs)
        part = np.full(before + after, np.nan)
        first, last = max(0, at - before), min(len(values), at + after)
        part[first - at + before:last - at + before] = values[first:last]
        level = part[max(before - 10, 0):before]
        if np.isfinite(level).any():
            parts.append(part - np.nanmean(level))
    if not parts:
        return time, None
    stack = np.array(parts)
    known = np.isfinite(stack).any(axis=0)
    out = np.full(len(time), np.nan)
    out[known] = np.nanmedian(stack[:, known], axis=0)
    return time, out


def _numbers(row: dict[str, float | None]) -> dict[str, Any]:
    lines = []
    for name, key, factor, unit, low, high in _NUMBERS:
        value = row.get(key)
        if value is None or not math.isfinite(value):
            lines.append([name, "not measurable", _range(low, high, unit), ""])
            continue
        shown = factor * value
        outside = (low is not None and shown < low) or (high is not None and shown > high)
        lines.append([name, f"{number(round(shown, 1))} {unit}", _range(low, high, unit), "outside" if outside else ""])
    return table(["Measurement", "Value", "Usual in adults", ""], lines)


def _range(low: float | None, high: float | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {high:g} {unit}"
    return f"{low:g} to {high:g} {unit}" if high is not None else f"from {low:g} {unit}"


def _doubts(facts: dict[str, Any], beats: pd.DataFrame) -> list[str]:
    """Sentences on what a reader should look at himself."""
    out = list(facts["warnings"])
    gaps = {lead: told["gaps"] for lead, told in facts["leads"].items() if told["gaps"]}
    if gaps:
        seconds = sum(b - a for spans in gaps.values() for a, b in spans)
        out.append(f"{seconds:.2f} s in {', '.join(gaps)} were not seen surely and are bridged")
    for wave, name in (("p", "P"), ("qrs", "QRS"), ("t", "T")):
        unsure = beats[beats[f"{wave}_confidence"] < 0.4]["beat"].nunique()
        if unsure:
            out.append(f"{name} of {unsure} of {beats['beat'].nunique()} beats is uncertain (confidence under .4)")
    absent = beats.groupby("beat")["p_peak_s"].count()
    if len(absent) and (absent == 0).all():
        out.append("no P wave was found: what precedes QRS differs from beat to beat")
    elif (absent == 0).any():
        out.append(f"{int((absent == 0).sum())} of {len(absent)} beats have no P wave")
    return out
