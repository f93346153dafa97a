"""NeuroKit2's delineation (Makowski et al. 2021, 10.3758/s13428-020-01516-y): its method `prominence`.

Beside ours it is the second opinion on P and T, and the whole delineation where a person asks for it.
"""
import warnings

import numpy as np

from ecg.beats.preprocess import FS_HZ, drawn_part, without_gaps
from featurize.arrays import Float64Array, Int64Array

WAVES = ("p_onset", "p_peak", "p_offset", "qrs_onset", "r_peak", "qrs_offset", "t_onset", "t_peak", "t_offset")
# NeuroKit2 needs a lead of this length, s,
LEAST_LEAD_S = 4
# with this many beats.
_LEAST_BEATS = 4
# What NeuroKit2 raises on short and flat signals.
_FAULTS = (ValueError, IndexError, ZeroDivisionError, KeyError, TypeError)
_THEIR_NAMES = {"p_onset": "ECG_P_Onsets", "p_peak": "ECG_P_Peaks", "p_offset": "ECG_P_Offsets",
                "qrs_onset": "ECG_R_Onsets", "qrs_offset": "ECG_R_Offsets", "t_onset": "ECG_T_Onsets",
                "t_peak": "ECG_T_Peaks", "t_offset": "ECG_T_Offsets"}
# Waves in front of R.
_BEFORE_R = ("p_onset", "p_peak", "p_offset", "qrs_onset")


def neurokit_waves(record: Float64Array) -> dict[str, Float64Array]:
    """Waves of every lead: (leads, beats) seconds by wave, NaN where absent; no beat where no lead is long enough.

    R waves are sought in the longest lead. Leads shorter than 4 s, which NeuroKit2 does not take, have its times.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    """
    lengths = np.isfinite(record).sum(axis=1)
    r = _r_peaks(record[int(lengths.argmax())]) if lengths.size and lengths.max() >= LEAST_LEAD_S * FS_HZ else None
    if r is None:
        return {wave: np.zeros((len(record), 0)) for wave in WAVES}
    longest = _of_lead(record[int(lengths.argmax())], r)
    every = [_of_lead(row, r) if length >= LEAST_LEAD_S * FS_HZ else longest for row, length in zip(record, lengths)]
    times = {wave: np.array([found[wave] for found in every]) for wave in WAVES}
    drawn = np.array([np.isfinite(row[r]) for row in record])
    return {wave: np.where(drawn, values, np.nan) for wave, values in times.items()}


def _r_peaks(row: Float64Array) -> Int64Array | None:
    """Samples of the R waves of a lead; None where there are too few."""
    import neurokit2
    part = drawn_part(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cleaned = neurokit2.ecg_clean(without_gaps(row[None, part])[0], int(FS_HZ))
            _, found = neurokit2.ecg_peaks(cleaned, int(FS_HZ))
        except _FAULTS:
            return None
    r = np.asarray(found["ECG_R_Peaks"], np.int64) + part.start
    return r if len(r) >= _LEAST_BEATS else None


def _of_lead(row: Float64Array, r: Int64Array) -> dict[str, Float64Array]:
    """(beats,) seconds of the waves of a lead, by wave."""
    part = drawn_part(row)
    inside = (r >= part.start) & (r < part.stop)
    out = {wave: np.full(len(r), np.nan) for wave in WAVES}
    out["r_peak"] = r / FS_HZ
    found = _delineated(without_gaps(row[None, part])[0], r[inside] - part.start)
    for wave, times in found.items():
        at = times + part.start / FS_HZ
        side = np.searchsorted(r / FS_HZ, at) - (wave not in _BEFORE_R)
        known = (side >= 0) & (side < len(r))
        out[wave][side[known]] = at[known]
    return out


def p_and_t_peaks(signal: Float64Array, beats: Int64Array) -> dict[str, Float64Array]:
    """Seconds of the P and T peaks of a lead (n,) at 500 samples a second; empty where NeuroKit2 cannot tell."""
    found = _delineated(signal, beats)
    return {wave: found[f"{wave}_peak"] for wave in ("p", "t")} if found else {}


def _delineated(signal: Float64Array, beats: Int64Array) -> dict[str, Float64Array]:
    """Seconds of waves by wave, without R; empty where NeuroKit2 cannot tell."""
    import neurokit2
    if len(beats) < _LEAST_BEATS:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cleaned = neurokit2.ecg_clean(signal, int(FS_HZ))
            _, waves = neurokit2.ecg_delineate(cleaned, beats, int(FS_HZ), method="prominence")
        except _FAULTS:
            return {}
    found = {wave: np.array(waves.get(name, []), float) for wave, name in _THEIR_NAMES.items()}
    return {wave: times[np.isfinite(times)] / FS_HZ for wave, times in found.items()}
