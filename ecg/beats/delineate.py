"""P, QRS and T of every beat: found on all leads together, placed in each lead, empty where there is none.

Beats are simultaneous in all leads. So what is a wave, and where it begins and ends, is decided by all leads together:
the slopes of all of them for QRS, the lead-weighted middle of their own answers for P and T. Each lead then has its own
peaks. NeuroKit2's delineation of each lead is the second opinion that the confidence counts.
"""
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ecg.beats.preprocess import FS_HZ, Stretch, bridged, resampled, stretches
from ecg.beats.qrs import common_beats, qrs_bounds, r_peaks, steepness
from ecg.beats.waves import drop_p, p_likeness, p_waves, t_waves
from featurize.arrays import BoolArray, Float64Array, Int64Array

WAVES = ("p_onset", "p_peak", "p_offset", "qrs_onset", "r_peak", "qrs_offset", "t_onset", "t_peak", "t_offset")
COLUMNS = ("lead", "beat", *(f"{wave}_s" for wave in WAVES), "p_confidence", "qrs_confidence", "t_confidence")


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
        0 .. 1, NaN where absent.
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


def find_beats(signals: Float64Array, leads: Sequence[str], fs_hz: float) -> Beats:
    """Delineate a record.

    Parameters
    ----------
    signals : (leads, n) float64
        In mV, NaN where a lead is not drawn. Leads that are drawn at different times, as on a page of 3 x 4, are told
        apart by their NaN.
    leads : sequence of str
    fs_hz : float
        Samples a second; other rates than 500 are resampled for the search.

    Returns
    -------
    Beats
        Without any beat if no lead has one: flat, too short, or noise only.

    Raises
    ------
    ValueError
        A rate below 50 Hz, or names that don't fit the signals.

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
    if not 50 <= fs_hz <= 20_000:
        raise ValueError(f"{fs_hz:g} samples a second came: 50 to 20,000 are wanted")
    work = resampled(signals, fs_hz)
    beat_at = common_beats(work)
    found = {wave: np.full((len(leads), len(beat_at)), np.nan) for wave in (*WAVES, "p", "qrs", "t")}
    for rows, start, stop in stretches(work):
        _stretch(work, rows, start, stop, beat_at, found)
    # At the very ends of a record, and where no lead is steep enough, a beat was heard but not seen.
    seen = np.isfinite(found["r_peak"]).any(axis=0)
    found = {wave: values[:, seen] / (FS_HZ if wave in WAVES else 1) for wave, values in found.items()}
    likeness, coherence = p_likeness(work, found)
    drop_p(found, likeness, coherence)
    _second_opinion(work, found)
    times = {wave: found[wave] for wave in WAVES}
    return Beats(tuple(leads), fs_hz, times, {w: found[w] for w in ("p", "qrs", "t")}, coherence)


def _stretch(work: Float64Array, rows: Int64Array, start: int, stop: int, beat_at: Int64Array,
             found: dict[str, Float64Array]) -> None:
    """Delineate the beats of one stretch into `found`, samples of the whole record.

    The search looks a little over the ends of the stretch, where leads that aren't drawn there are held flat: a wave
    may begin in one stretch and end in the next.
    """
    inside = np.flatnonzero((beat_at >= start) & (beat_at < stop))
    if not inside.size:
        return
    spare = int(0.7 * FS_HZ)
    low, high = max(0, start - spare), min(work.shape[1], stop + spare)
    record = Stretch(bridged(work[rows, low:high]), FS_HZ, low)
    near = np.flatnonzero((beat_at >= low + 5) & (beat_at < high - 5))
    if not near.size:
        return
    drawn = np.isfinite(work)
    part = np.isin(near, inside)
    delineated = {wave: values[:, part] for wave, values in _delineated(record, beat_at[near] - low).items()}
    place = {wave: np.clip(np.nan_to_num(delineated[wave]), 0, work.shape[1] - 1).astype(np.int64) for wave in WAVES}
    for wave, values in delineated.items():
        if wave in WAVES:
            # A lead has no wave where it isn't drawn.
            here = _drawn_near(drawn[rows], place[wave]) if wave != "r_peak" else _r_drawn(
                drawn[rows], place["qrs_onset"], place["r_peak"])
            values = np.where(np.isfinite(values) & here, values, np.nan)
        found[wave][np.ix_(rows, near[part])] = values


def _drawn_near(drawn: BoolArray, place: Int64Array) -> BoolArray:
    """(leads, beats) whether the lead is drawn at a sample, or within 20 ms of it."""
    n, near = drawn.shape[1], int(0.02 * FS_HZ)
    row = np.arange(len(drawn))[:, None]
    return np.asarray(drawn[row, place] | drawn[row, np.maximum(place - near, 0)]
                      | drawn[row, np.minimum(place + near, n - 1)])


def _r_drawn(drawn: BoolArray, onset: Int64Array, peak: Int64Array) -> BoolArray:
    """(leads, beats) whether the lead is drawn from the beginning of QRS, 50 ms suffice, and for 20 ms around R.

    What a window leaves of a complex that it cuts is a flank, whose highest point is no R wave. Gaps of 20 ms are none,
    and an onset is known to 4 ms.
    """
    row, near = np.arange(len(drawn))[:, None], int(0.02 * FS_HZ)
    whole = minimum_filter1d(maximum_filter1d(drawn.astype(np.uint8), near + 1, axis=1), near + 1, axis=1)
    around = minimum_filter1d(whole, 2 * near + 1, axis=1, mode="constant", cval=0)
    first = np.minimum(np.maximum(onset, peak - int(0.05 * FS_HZ)) + int(0.004 * FS_HZ), peak)
    return np.asarray((whole[row, first] > 0) & (around[row, peak] > 0))


def _delineated(record: Stretch, beats: Int64Array) -> dict[str, Float64Array]:
    onsets, offsets = qrs_bounds(record, beats)
    r = r_peaks(record, onsets, offsets)
    t = t_waves(record, beats, onsets, offsets)
    p = p_waves(record, beats, onsets, t.offset)
    leads = len(record.raw)
    wide = np.ones((leads, 1))
    found = {"qrs_onset": wide * onsets, "r_peak": r.astype(np.float64), "qrs_offset": wide * offsets,
             "t_onset": wide * t.onset, "t_peak": t.peak, "t_offset": wide * t.offset,
             "p_onset": wide * p.onset, "p_peak": p.peak, "p_offset": wide * p.offset}
    found = {wave: values + record.start for wave, values in found.items()}
    strength = steepness(record, 30, 0.01)[np.clip(beats, 0, None)]
    sure = np.clip(strength / max(float(np.median(strength)), 1e-9), 0, 1)
    return found | {"p": wide * p.agreement, "qrs": wide * sure, "t": wide * t.agreement}


def _second_opinion(work: Float64Array, found: dict[str, Float64Array]) -> None:
    """Count NeuroKit2's delineation of the lead that is drawn longest: where it sees no such wave, confidence falls."""
    lengths = np.isfinite(work).sum(axis=1)
    if not lengths.size or lengths.max() < 4 * FS_HZ:
        return
    row = int(lengths.argmax())
    known = np.flatnonzero(np.isfinite(work[row]))
    part = slice(known[0], known[-1] + 1)
    beats = found["r_peak"][row] * FS_HZ - known[0]
    theirs = _neurokit(bridged(work[row:row + 1, part])[0], beats[np.isfinite(beats)].astype(np.int64))
    for wave, times in theirs.items():
        ours = found[f"{wave}_peak"][row]
        apart = np.array([np.abs(times + known[0] / FS_HZ - t).min() if len(times) and np.isfinite(t) else np.inf
                          for t in ours])
        found[wave] = np.where(apart[None] <= 0.06, 0.2 + 0.8 * found[wave], 0.8 * found[wave])


def _neurokit(signal: Float64Array, beats: Int64Array) -> dict[str, Float64Array]:
    """Seconds of P and T peaks by NeuroKit2 (Makowski et al. 2021, 10.3758/s13428-020-01516-y), its `prominence`."""
    import neurokit2
    if len(beats) < 4:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cleaned = neurokit2.ecg_clean(signal, int(FS_HZ))
            _, waves = neurokit2.ecg_delineate(cleaned, beats, int(FS_HZ), method="prominence")
        except (ValueError, IndexError, ZeroDivisionError, KeyError, TypeError):
            # It raises on short and flat stretches; there is no second opinion then.
            return {}
    found = {wave: np.array(waves.get(f"ECG_{wave.upper()}_Peaks", []), float) for wave in ("p", "t")}
    return {wave: times[np.isfinite(times)] / FS_HZ for wave, times in found.items()}
