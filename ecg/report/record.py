"""One record for a reader: its leads with the beats marked, the middle beat of every lead, numbers beside usual ranges.

Nothing is measured here: `ecg.record_summary` did.
"""
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ecg.lead_table import LEADS
from ecg.record_summary import AFTER_QRS_S, BEFORE_QRS_S, Measurement, MedianBeat, RecordSummary
from ecg.report.plot import Panel, centered_text, chart, limits, ticks
from featurize.arrays import Float64Array
from featurize.report.numbers import measurement
from featurize.report.page import cell, table

# Each lead of the chart is shown for a quarter of ten seconds, as on paper.
_QUARTER_S = 2.5
# A lead counts as drawn in a quarter where more than this share of it is known.
_DRAWN_SHARE = 0.5
_COLORS = {"P": "orange", "QRS": "blue", "T": "green"}
# Column of beats.csv with the peak of a wave.
_PEAKS = {"P": "p_peak_s", "QRS": "r_peak_s", "T": "t_peak_s"}
# mV that an axis shows at least, of a row of leads and of a middle beat.
_LEADS_MV = (-0.5, 1.0)
_BEAT_MV = (-0.3, 0.5)


def record_section(summary: RecordSummary) -> dict[str, Any]:
    """What the template shows of one record: two charts, a table, statements, and what is doubtful."""
    return {"path": summary.path, "leads": _leads_chart(summary), "beat": _beat_chart(summary.median_beats),
            "numbers": _numbers(summary.measurements),
            "review": summary.review,
            "statements": [{"name": facts.name, "speaks_for": facts.speaks_for} for facts in summary.statements],
            "doubts": [*(as_text(m) for m in summary.measurements if m.side), *summary.doubts]}


def _leads_chart(summary: RecordSummary) -> str:
    """Three rows of four leads as on paper, each in its quarter of the time, and the longest lead below."""
    signals, fs_hz = summary.signals, summary.fs_hz
    longest = max(LEADS, key=lambda lead: (signals[lead].notna().sum(), lead == "II"))
    first = float(np.flatnonzero(signals.notna().any(axis=1))[0]) / fs_hz if signals.notna().any(axis=None) else 0.0
    parts = []
    for row in range(3):
        excerpts = []
        for column in range(4):
            lead = LEADS[3 * column + row]
            start = _start(signals[lead], first + column * _QUARTER_S, fs_hz)
            excerpts.append(_excerpt(summary, lead, start, column * _QUARTER_S, _QUARTER_S))
        parts += _row(row, excerpts)
    parts += _row(3, [_excerpt(summary, longest, first, 0.0, 4 * _QUARTER_S)])
    return chart(1000, 690, [*parts, centered_text("s", 521, 686)])


def _start(mv: "pd.Series[float]", start: float, fs_hz: float) -> float:
    """`start`, s, if the lead is drawn in the quarter from there, else where the lead begins."""
    known = np.flatnonzero(mv.notna())
    quarter = mv.iloc[round(start * fs_hz):round((start + _QUARTER_S) * fs_hz)]
    drawn = bool(len(quarter) and quarter.notna().mean() > _DRAWN_SHARE)
    return float(known[0]) / fs_hz if known.size and not drawn else start


class _Excerpt(NamedTuple):
    """A stretch of one lead on the chart's axis of time.

    `place` is where it begins, s; `peaks` has the times and heights of peaks by their color.
    """

    lead: str
    place: float
    time: Float64Array
    mv: Float64Array
    peaks: dict[str, tuple[Float64Array, Float64Array]]


def _excerpt(summary: RecordSummary, lead: str, start: float, place: float, seconds: float) -> _Excerpt:
    """`seconds` of a lead from `start`, to be drawn at `place`."""
    mv, fs_hz = np.asarray(summary.signals[lead], np.float64), summary.fs_hz
    beats = summary.beats[summary.beats["lead"] == lead]
    part = slice(round(start * fs_hz), min(round((start + seconds) * fs_hz), len(mv)))
    peaks = {}
    for wave, color in _COLORS.items():
        at = beats[_PEAKS[wave]].dropna().to_numpy()
        at = at[(at >= start) & (at < start + seconds) & (at * fs_hz < len(mv) - 1)]
        peaks[color] = (at - start + place, mv[np.rint(at * fs_hz).astype(int)])
    time = np.arange(part.start, part.stop) / fs_hz - start + place
    return _Excerpt(lead, place, time, mv[part], peaks)


def _row(row: int, excerpts: Sequence[_Excerpt]) -> list[str]:
    """One row of the chart of leads."""
    y = limits([excerpt.mv for excerpt in excerpts], *_LEADS_MV)
    panel = Panel(50, 6 + 168 * row, 942, 138, (0, 4 * _QUARTER_S), y)
    parts = [panel.axes(range(11), ticks(*y)), centered_text("mV", 10, panel.top + 73)]
    for excerpt in excerpts:
        if excerpt.place:
            parts.append(panel.rule(excerpt.place))
        parts.append(panel.line(excerpt.time, excerpt.mv, 1.0))
    for excerpt in excerpts:
        parts += [panel.dots(x, height, color) for color, (x, height) in excerpt.peaks.items()]
        parts.append(panel.name(excerpt.lead, excerpt.place, 13))
    return parts


def _beat_chart(beats: Mapping[str, MedianBeat]) -> str:
    """The middle beat of every lead, ms from its QRS onset, with the middle bounds of P, QRS and T."""
    parts = []
    for k, lead in enumerate(LEADS):
        beat = beats.get(lead)
        y = limits([] if beat is None else [beat.mv], *_BEAT_MV)
        panel = Panel(42 + 165.5 * (k % 6), 20 + 180 * (k // 6), 120, 130, (-1000 * BEFORE_QRS_S, 1000 * AFTER_QRS_S),
                      y)
        parts += [panel.axes((0, 500), ticks(*y) if beat is not None else ()), panel.name(lead, panel.x[0], -5)]
        if beat is not None:
            parts += [panel.span(1000 * onset, 1000 * offset, _COLORS[wave])
                      for wave, (onset, offset) in beat.waves_s.items()]
            parts.append(panel.line(1000 * beat.time_s, beat.mv, 1.4))
        if k >= 6:
            parts.append(centered_text("ms", panel.left + 60, panel.top + 160))
    return chart(1000, 362, parts)


def _numbers(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """A row a measurement; rows outside what is usual are marked."""
    lines = []
    for m in measurements:
        shown = "not measurable" if m.value is None else measurement(m.value, m.unit)
        source = m.usual.source or ("set by this program" if m.range else "")
        lines.append([cell(text, tone="bad" if m.side else "")
                      for text in (m.name, shown, m.range, m.beyond)]
                     + [cell(source, tone="quiet")])
    return table(["Measurement", "Value", "Usual in adults", "Note", "Source of the range"], lines)


def as_text(found: Measurement) -> str:
    """A measurement outside what is usual."""
    return f"{found.name} {measurement(found.value, found.unit)} ({found.beyond})"
