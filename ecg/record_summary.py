"""What the report says of one record, computed from the files that a run wrote for it.

Signals come from `<stem>.csv`, waves from `<stem>.beats.csv`, numbers from the facts: the middle beat of every lead,
measurements beside the ranges that are usual, and what a person should look at.
"""
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecg import usual_ranges
from ecg.lead_table import LEADS
from ecg.result import FinishedFile, PageFacts, StatementFacts
from ecg.review_words import review_sentence
from ecg.usual_ranges import UsualRange
from featurize.arrays import Float64Array

# So many records are shown with their charts: the first, the most doubtful ones, are enough to judge by.
MOST_SUMMARIES = 12
# The middle beat lasts from so long before the onset of QRS to so long behind it.
BEFORE_QRS_S = 0.3
AFTER_QRS_S = 0.55
# Samples before the onset of QRS whose mean is the level of a beat: 20 ms at 500 Hz.
_LEVEL_SAMPLES = 10
# Waves that the report marks: name, and the columns of beats.csv that hold its onset and offset.
WAVES = (("P", "p_onset_s", "p_offset_s"), ("QRS", "qrs_onset_s", "qrs_offset_s"), ("T", "t_onset_s", "t_offset_s"))
# P of a beat whose QRS begins earlier may lie before the start of the record, s: P is sought so far before QRS.
_P_BEFORE_START_S = 0.28
# Below this confidence a wave is called uncertain.
_UNCERTAIN = 0.4
# Measurements that the table of pages has too.
HEADLINES = ("Heart rate", "PR interval", "QRS duration", "QTc, Bazett", "Electrical axis")
# Name, column of the rhythm row, factor, unit, what is usual in adults at rest.
_MEASUREMENTS: tuple[tuple[str, str, float, str, UsualRange], ...] = (
    ("Heart rate", "heart_rr_rate_bpm", 1, "/min", usual_ranges.RATE_PER_MIN),
    ("Slowest, over one interval", "heart_rr_rate_lowest_bpm", 1, "/min", usual_ranges.NONE),
    ("Fastest, over one interval", "heart_rr_rate_highest_bpm", 1, "/min", usual_ranges.NONE),
    ("Spread of RR (SD)", "heart_rr_sd_s", 1000, "ms", usual_ranges.RR_SD_MS),
    ("Successive RR (RMSSD)", "heart_rr_rmssd_s", 1000, "ms", usual_ranges.NONE),
    ("Beats with a P wave", "heart_atria_p_share", 100, "%", usual_ranges.P_SHARE_PERCENT),
    ("P duration", "heart_atria_p_duration_s", 1000, "ms", usual_ranges.P_DURATION_MS),
    ("PR interval", "heart_atria_pr_s", 1000, "ms", usual_ranges.PR_MS),
    ("QRS duration", "heart_ventricles_qrs_s", 1000, "ms", usual_ranges.QRS_MS),
    ("QT interval", "heart_ventricles_qt_s", 1000, "ms", usual_ranges.NONE),
    ("QTc, Bazett", "heart_ventricles_qtc_bazett_s", 1000, "ms", usual_ranges.QTC_MS),
    ("QTc, Fridericia", "heart_ventricles_qtc_fridericia_s", 1000, "ms", usual_ranges.QTC_MS),
    ("Electrical axis", "heart_ventricles_axis_deg", 1, "°", usual_ranges.AXIS_DEG),
    ("Noise above 40 Hz", "record_signal_noise_mv", 1000, "µV", usual_ranges.NOISE_UV))
# Decimals with which a measurement is shown, and compared with its range.
_SHOWN_DIGITS = 1


@dataclass(frozen=True)
class MedianBeat:
    """The middle beat of a lead.

    Parameters
    ----------
    time_s : (n,) float64
        From the onset of QRS.
    mv : (n,) float64
        NaN where no beat of the lead is drawn.
    waves_s : mapping of str to (float, float)
        Middle onset and offset of P, QRS and T from the onset of QRS; waves that were not found are left out.
    """

    time_s: Float64Array
    mv: Float64Array
    waves_s: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Measurement:
    """A number beside the range that is usual in adults at rest; None where it is not measurable."""

    name: str
    value: float | None
    unit: str
    usual: UsualRange

    @property
    def side(self) -> str:
        """`below` or `above` what is usual; empty if it is within, not measured, or has no range."""
        return "" if self.value is None else self.usual.side(self.value)

    @property
    def beyond(self) -> str:
        """Which end of the range it is beyond, in words: `above 200 ms`; empty as `side` is."""
        return self.usual.beyond(self.side, self.unit)

    @property
    def range(self) -> str:
        """What is usual, in words; empty without a range."""
        return self.usual.words(self.unit)


@dataclass(frozen=True)
class RecordSummary:
    """What the report says of one record.

    Parameters
    ----------
    path : str
    fs_hz : float
    signals : DataFrame
        A column a lead, mV, a row a sample.
    beats : DataFrame
        A row a lead and beat.
    median_beats : mapping of lead to MedianBeat
        Without leads that have no beat.
    measurements : sequence of Measurement
    doubts : sequence of str
        Sentences on what a person should look at.
    statements : sequence of StatementFacts
        What the numbers meet, the surest first.
    review : bool
        Whether a person should look at the page before its numbers are believed.
    """

    path: str
    fs_hz: float
    signals: pd.DataFrame
    beats: pd.DataFrame
    median_beats: Mapping[str, MedianBeat]
    measurements: Sequence[Measurement]
    doubts: Sequence[str]
    statements: Sequence[StatementFacts] = ()
    review: bool = False


def most_doubtful_first(files: Sequence[FinishedFile]) -> list[FinishedFile]:
    """Those for review before the others, both in the order of their least confidence, then of their path."""
    return sorted(files, key=lambda file: (not file.facts.review, file.facts.least_confidence, file.path))


def summarize(file: FinishedFile, out: Path) -> RecordSummary:
    """Read what was written for a file into `out`, and summarize it."""
    facts = file.facts
    signals = pd.read_csv(out / f"{file.stem}.csv", dtype=float)
    beats = pd.read_csv(out / f"{file.stem}.beats.csv")
    found = {lead: median_beat(signals[lead].to_numpy(), beats[beats["lead"] == lead], facts.fs_hz) for lead in LEADS}
    return RecordSummary(facts.path, float(facts.fs_hz), signals, beats,
                         {lead: beat for lead, beat in found.items() if beat is not None}, measurements(facts.rhythm),
                         doubts(facts, beats), facts.statements, facts.review)


def median_beat(mv: Float64Array, beats: pd.DataFrame, fs_hz: float) -> MedianBeat | None:
    """The median of the beats of one lead, aligned at the onset of QRS, each freed of its level before that.

    Parameters
    ----------
    mv : (n,) float64
        NaN where the lead is not drawn.
    beats : DataFrame
        Rows of `<stem>.beats.csv` of this lead.
    fs_hz : float

    Returns
    -------
    MedianBeat or None
        None where no beat has a level.
    """
    before, after = round(BEFORE_QRS_S * fs_hz), round(AFTER_QRS_S * fs_hz)
    aligned = []
    for onset_s in beats["qrs_onset_s"].dropna():
        onset = round(onset_s * fs_hz)
        beat = np.full(before + after, np.nan)
        first, last = max(0, onset - before), min(len(mv), onset + after)
        beat[first - onset + before:last - onset + before] = mv[first:last]
        level = beat[max(before - _LEVEL_SAMPLES, 0):before]
        if np.isfinite(level).any():
            aligned.append(beat - np.nanmean(level))
    if not aligned:
        return None
    stack = np.array(aligned)
    known = np.isfinite(stack).any(axis=0)
    middle = np.full(before + after, np.nan)
    middle[known] = np.nanmedian(stack[:, known], axis=0)
    return MedianBeat(np.arange(-before, after) / fs_hz, middle, _median_waves(beats))


def _median_waves(beats: pd.DataFrame) -> dict[str, tuple[float, float]]:
    found, qrs_s = {}, beats["qrs_onset_s"].to_numpy()
    for wave, *edges in WAVES:
        onset_s, offset_s = (beats[edge].to_numpy() - qrs_s for edge in edges)
        if np.isfinite(onset_s).any() and np.isfinite(offset_s).any():
            found[wave] = float(np.nanmedian(onset_s)), float(np.nanmedian(offset_s))
    return found


def measurements(rhythm: Mapping[str, float | None]) -> list[Measurement]:
    """The numbers of a rhythm row that the report shows, in its units."""
    out = []
    for name, column, factor, unit, usual in _MEASUREMENTS:
        value = rhythm.get(column)
        known = value is not None and math.isfinite(value)
        shown = round(factor * value, _SHOWN_DIGITS) if value is not None and known else None
        out.append(Measurement(name, shown, unit, usual))
    return out


def unusual(rhythm: Mapping[str, float | None]) -> list[Measurement]:
    """The measurements of a rhythm row that lie outside what is usual."""
    return [measurement for measurement in measurements(rhythm) if measurement.side]


def doubts(facts: PageFacts, beats: pd.DataFrame) -> list[str]:
    """Sentences on what a person should look at."""
    out = [sentence for sentence in (review_sentence(facts.review_reason), *facts.warnings) if sentence]
    with_gaps = [lead for lead, seen in facts.leads.items() if seen.gaps]
    if with_gaps:
        out.append(f"{facts.doubtful_s:.2f} s in {', '.join(with_gaps)} were not seen surely and are bridged")
    for wave, _, _ in WAVES:
        unsure = beats[beats[f"{wave.lower()}_confidence"] < _UNCERTAIN]["beat"].nunique()
        if unsure:
            out.append(f"{wave} of {unsure} of {beats['beat'].nunique()} beats is uncertain (confidence under .4)")
    by_beat = beats.groupby("beat")
    p_waves = by_beat["p_peak_s"].count()
    p_waves = p_waves[(p_waves > 0) | ~(by_beat["qrs_onset_s"].median() < _P_BEFORE_START_S)]
    if len(p_waves) and (p_waves == 0).all():
        out.append("no P wave was found: what precedes QRS differs from beat to beat")
    elif (p_waves == 0).any():
        out.append(f"{int((p_waves == 0).sum())} of {len(p_waves)} beats have no P wave")
    return out
