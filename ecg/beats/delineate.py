"""P, QRS and T of every beat: found on all leads together, placed in each lead, empty where there is none.

Beats are simultaneous in all leads. So what is a wave, and where it begins and ends, is decided by all leads together:
by the slopes of all of them for QRS, by the weighted median of the leads' own ends for P and T. Each lead then has its
own peaks. Where NeuroKit2's delineation of the longest lead finds no such wave, the confidence is lower.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ecg.beats import DELINEATORS
from ecg.beats.neurokit import LEAST_LEAD_S, WAVES, neurokit_waves, p_and_t_peaks
from ecg.beats.p_waves import drop_p, p_similarity, p_waves
from ecg.beats.preprocess import FS_HZ, DrawnTogether, Segment, drawn_part, drawn_together, resampled, without_gaps
from ecg.beats.qrs import BOUNDS_HZ, BOUNDS_WINDOW_S, common_beats, qrs_bounds, r_peaks, steepness
from ecg.beats.waves import t_waves
from featurize.arrays import BoolArray, Float64Array, Int64Array

COLUMNS = ("lead", "beat", *(f"{wave}_s" for wave in WAVES), "p_confidence", "qrs_confidence", "t_confidence")
# Rates that are taken, samples a second.
_FS_RANGE_HZ = (50, 20_000)
# Leads are looked at this long beyond the ends of a segment, s: a wave may begin in one and end in the next.
_BEYOND_S = 0.7
# Beats closer than this to the ends of that are left out, samples.
_RIM_SAMPLES = 5
# A lead has a wave if it is drawn within this time of it, s; an R wave needs it drawn all this time around it. Shorter
# gaps do not count.
_DRAWN_NEAR_S = 0.02
# An R wave also needs its lead drawn from the onset of QRS on, or from this time before R on, s.
_DRAWN_BEFORE_R_S = 0.05
# Precision of an onset, s.
_ONSET_TOLERANCE_S = 0.004
# Its P or T agrees with ours if it is this close, s.
_AGREE_S = 0.06
# Weight of NeuroKit2's agreement in the confidence of P and T.
_SECOND_WEIGHT = 0.2


@dataclass(frozen=True)
class Beats:
    """What was found in one record.

    Parameters
    ----------
    leads : tuple of str
    fs_hz : float
        Of the sample numbers.
    times : dict of wave to (leads, beats) float64
        Seconds from the start of the record, NaN where the wave is absent or its lead isn't drawn.
    confidence : dict of ``p``, ``qrs``, ``t`` to (leads, beats) float64
        0 .. 1, NaN where absent, and everywhere by NeuroKit2.
    p_coherence : float
        Share of what precedes QRS that is the same in every beat: near 1 with P waves, near 0 without.
    """

    leads: tuple[str, ...]
    fs_hz: float
    times: dict[str, Float64Array]
    confidence: dict[str, Float64Array]
    p_coherence: float

    def table(self) -> pd.DataFrame:
        """One row a lead and beat that is drawn there: the columns of `COLUMNS`."""
        drawn = np.isfinite(self.times["r_peak"])
        lead, beat = np.nonzero(drawn)
        columns: dict[str, object] = {"lead": np.array(self.leads, dtype=object)[lead], "beat": beat}
        columns |= {f"{wave}_s": self.times[wave][drawn].round(4) for wave in WAVES}
        columns |= {f"{wave}_confidence": self.confidence[wave][drawn].round(3) for wave in ("p", "qrs", "t")}
        return pd.DataFrame(columns, columns=list(COLUMNS))


def find_beats(signals: Float64Array, leads: Sequence[str], fs_hz: float, delineator: str = "pellucid") -> Beats:
    """Delineate a record.

    Parameters
    ----------
    signals : (leads, n) float64
        In mV, NaN where a lead is not drawn. Leads that are drawn at different times, as on a page of 3 x 4, are told
        apart by their NaN.
    leads : sequence of str
    fs_hz : float
        Samples a second; other rates than 500 are resampled for the search.
    delineator : str
        One of `ecg.beats.DELINEATORS`: this file's, or NeuroKit2's, which needs a lead of 4 s and gives no confidence.

    Returns
    -------
    Beats
        Without any beat if no lead has one: flat, too short, or noise only.

    Raises
    ------
    ValueError
        A rate below 50 Hz, names that don't fit the signals, or no such delineator.

    Examples
    --------
    >>> from ecg.lead_table import LEADS
    >>> from ecg.simulate.heart import heartbeats
    >>> beats = find_beats(heartbeats(seed=3), LEADS, fs_hz=500)
    >>> r_of_lead_ii = beats.times["r_peak"][1]
    >>> print(len(r_of_lead_ii), "beats,", round(60 / np.diff(r_of_lead_ii).mean()), "a minute")
    10 beats, 59 a minute
    """
    if signals.ndim != 2 or len(leads) != len(signals):
        raise ValueError(f"signals of shape {signals.shape} came with {len(leads)} names: (leads, n) is wanted")
    lowest, highest = _FS_RANGE_HZ
    if not lowest <= fs_hz <= highest:
        raise ValueError(f"{fs_hz:g} samples a second came: {lowest} to {highest:,} are wanted")
    if delineator not in DELINEATORS:
        raise ValueError(f"no delineator is called {delineator!r}: one of {', '.join(DELINEATORS)} is wanted")
    record = resampled(signals, fs_hz)
    if delineator == "neurokit2":
        return _by_neurokit(record, tuple(leads), fs_hz)
    beat_at = common_beats(record)
    found = {wave: np.full((len(leads), len(beat_at)), np.nan) for wave in (*WAVES, "p", "qrs", "t")}
    for drawn in drawn_together(record):
        _delineate_segment(record, drawn, beat_at, found)
    # At the very ends of a record, and where no lead is steep enough, a beat has no R wave in any lead.
    seen = np.isfinite(found["r_peak"]).any(axis=0)
    found = {wave: values[:, seen] / (FS_HZ if wave in WAVES else 1) for wave, values in found.items()}
    similarity, coherence = p_similarity(record, found)
    drop_p(found, similarity, coherence)
    _compare_with_neurokit(record, found)
    times = {wave: found[wave] for wave in WAVES}
    return Beats(tuple(leads), fs_hz, times, {w: found[w] for w in ("p", "qrs", "t")}, coherence)


def _by_neurokit(record: Float64Array, leads: tuple[str, ...], fs_hz: float) -> Beats:
    """Beats of a record (leads, n) at 500 samples a second, all by NeuroKit2."""
    times = neurokit_waves(record)
    unknown = {wave: np.full(times["r_peak"].shape, np.nan) for wave in ("p", "qrs", "t")}
    return Beats(leads, fs_hz, times, unknown, p_similarity(record, times)[1])


def _delineate_segment(record: Float64Array, drawn: DrawnTogether, beat_at: Int64Array,
                       found: dict[str, Float64Array]) -> None:
    """Delineate the beats of one segment into `found`, samples of the whole record.

    Leads are looked at a little beyond the ends of the segment; where they are not drawn there they are constant.
    """
    rows, length = drawn.rows, record.shape[1]
    inside = np.flatnonzero((beat_at >= drawn.start) & (beat_at < drawn.stop))
    if not inside.size:
        return
    beyond = int(_BEYOND_S * FS_HZ)
    low, high = max(0, drawn.start - beyond), min(length, drawn.stop + beyond)
    segment = Segment(without_gaps(record[rows, low:high]), FS_HZ, low)
    near = np.flatnonzero((beat_at >= low + _RIM_SAMPLES) & (beat_at < high - _RIM_SAMPLES))
    if not near.size:
        return
    known = np.isfinite(record[rows])
    part = np.isin(near, inside)
    delineated = {wave: values[:, part] for wave, values in _delineated(segment, beat_at[near] - low).items()}
    place = {wave: np.clip(np.nan_to_num(delineated[wave]), 0, length - 1).astype(np.int64) for wave in WAVES}
    for wave, values in delineated.items():
        if wave in WAVES:
            # A lead has no wave where it isn't drawn.
            here = _drawn_near(known, place[wave]) if wave != "r_peak" else _r_drawn(
                known, place["qrs_onset"], place["r_peak"])
            values = np.where(np.isfinite(values) & here, values, np.nan)
        found[wave][np.ix_(rows, near[part])] = values


def _drawn_near(drawn: BoolArray, place: Int64Array) -> BoolArray:
    """(leads, beats) whether the lead is drawn at a sample, or within 20 ms of it."""
    n, near = drawn.shape[1], int(_DRAWN_NEAR_S * FS_HZ)
    row = np.arange(len(drawn))[:, None]
    return np.asarray(drawn[row, place] | drawn[row, np.maximum(place - near, 0)]
                      | drawn[row, np.minimum(place + near, n - 1)])


def _r_drawn(drawn: BoolArray, onset: Int64Array, peak: Int64Array) -> BoolArray:
    """(leads, beats) whether the lead is drawn from the beginning of QRS, or 50 ms before R, to 20 ms behind R.

    If the edge of a window cuts a complex, the highest point of what is left is no R wave.
    """
    row, near = np.arange(len(drawn))[:, None], int(_DRAWN_NEAR_S * FS_HZ)
    whole = minimum_filter1d(maximum_filter1d(drawn.astype(np.uint8), near + 1, axis=1), near + 1, axis=1)
    around = minimum_filter1d(whole, 2 * near + 1, axis=1, mode="constant", cval=0)
    first = np.minimum(np.maximum(onset, peak - int(_DRAWN_BEFORE_R_S * FS_HZ)) + int(_ONSET_TOLERANCE_S * FS_HZ), peak)
    return np.asarray((whole[row, first] > 0) & (around[row, peak] > 0))


def _delineated(segment: Segment, beats: Int64Array) -> dict[str, Float64Array]:
    """Waves (leads, beats), samples of the record, and their confidences."""
    onsets, offsets = qrs_bounds(segment, beats)
    r = r_peaks(segment, onsets, offsets)
    t = t_waves(segment, beats, onsets, offsets)
    p = p_waves(segment, beats, onsets, t.offset)
    leads = len(segment.signals)
    wide = np.ones((leads, 1))
    found = {"qrs_onset": wide * onsets, "r_peak": r.astype(np.float64), "qrs_offset": wide * offsets,
             "t_onset": wide * t.onset, "t_peak": t.peak, "t_offset": wide * t.offset,
             "p_onset": wide * p.onset, "p_peak": p.peak, "p_offset": wide * p.offset}
    found = {wave: values + segment.start for wave, values in found.items()}
    strength = steepness(segment, BOUNDS_HZ, BOUNDS_WINDOW_S)[np.clip(beats, 0, None)]
    sure = np.clip(strength / max(float(np.median(strength)), 1e-9), 0, 1)
    return found | {"p": wide * p.agreement, "qrs": wide * sure, "t": wide * t.agreement}


def _compare_with_neurokit(record: Float64Array, found: dict[str, Float64Array]) -> None:
    """Lower the confidence of P and T in `found` where NeuroKit2, on the longest lead, finds no such wave."""
    lengths = np.isfinite(record).sum(axis=1)
    if not lengths.size or lengths.max() < LEAST_LEAD_S * FS_HZ:
        return
    row = int(lengths.argmax())
    part = drawn_part(record[row])
    beats = found["r_peak"][row] * FS_HZ - part.start
    theirs = p_and_t_peaks(without_gaps(record[row:row + 1, part])[0], beats[np.isfinite(beats)].astype(np.int64))
    for wave, times in theirs.items():
        ours = found[f"{wave}_peak"][row]
        apart = np.array([np.abs(times + part.start / FS_HZ - t).min() if len(times) and np.isfinite(t) else np.inf
                          for t in ours])
        lowered = (1 - _SECOND_WEIGHT) * found[wave]
        found[wave] = np.where(apart[None] <= _AGREE_S, _SECOND_WEIGHT + lowered, lowered)
