"""P waves, and the fibrillation or flutter waves between T and the next QRS."""
import math
from collections.abc import Sequence

import numpy as np
from scipy.signal import welch

from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, median_over_leads, without_gaps
from featurize.arrays import BoolArray, Float64Array

ATRIA = ("p_share", "p_coherence", "p_confidence", "pr_s", "pr_sd_s", "pr_segment_s", "p_peak_to_qrs_s", "p_duration_s",
         "p_to_qrs", "f_power_share", "f_peak_hz", "f_peak_share", "f_to_qrs", "f_to_p")
_OF_A_LEAD = ("p_to_qrs", "f_power_share", "f_peak_hz", "f_peak_share", "f_to_qrs", "f_to_p")
# Leads in which these waves are measured.
_LEADS = ("II", "V1", "III", "aVF", "V2")
# Beats that a lead needs for that.
_LEAST_BEATS = 3
# Lowest frequency of fibrillation and flutter waves: 4 to 9 a second (Petrutiu et al. 2006, 10.1093/europace/eul028).
_F_LOW_HZ = 4.0
# Highest frequency that is taken for theirs.
_F_HIGH_HZ = 10.0
# Lowest frequency whose power counts for the whole.
_ALL_LOW_HZ = 1
# Highest frequency whose power counts for the whole.
_ALL_HIGH_HZ = 30
# Power around the peak counts to this distance, Hz.
_PEAK_HALF_WIDTH_HZ = 1
# Low-pass before heights and spectra are measured, Hz.
_LOWPASS_HZ = 30
# High-pass before that, Hz.
_HIGHPASS_HZ = 0.5
# QRS is as high as the signal this far to both sides of R, samples at 500 a second.
_R_HALF_WINDOW = 40
# P is as high as the signal this far to both sides of its peak, samples.
_P_HALF_WINDOW = 30
# Least height of QRS, mV.
_LEAST_QRS_MV = 1e-3
# Signals between T and QRS end this long before QRS, samples.
_BEFORE_QRS = 5
# They are this long at least, samples.
_LEAST_LENGTH = 75
# Longest part of a spectrum, samples.
_WELCH_SAMPLES = 512
# Length that it is padded to, samples.
_FFT_SAMPLES = 1024
# Bins of the spectrum that are kept: to 62 Hz.
_BINS = 129
# Least height of P that f waves are divided by, mV.
_LEAST_P_MV = 0.01


def atrial_activity(signals: Float64Array, leads: tuple[str, ...], times: dict[str, Float64Array],
                    p_confidence: Float64Array, p_coherence: float) -> dict[str, float]:
    """P waves and what there is between T and the next QRS.

    Parameters
    ----------
    signals : (leads, n) float64
        mV at 500 samples a second, NaN where a lead isn't drawn.
    leads : tuple of str
    times : dict of wave to (leads, beats) float64
        Seconds.
    p_confidence : (leads, beats) float64
    p_coherence : float

    Returns
    -------
    dict with the keys of `ATRIA`
    """
    out = dict.fromkeys(ATRIA, np.nan)
    drawn: BoolArray = np.array(np.isfinite(times["r_peak"]), dtype=bool)
    if not drawn.any():
        return out
    has_p: BoolArray = np.array(np.isfinite(times["p_peak"]).any(axis=0), dtype=bool)
    out |= {"p_share": float(has_p[drawn.any(axis=0)].mean()), "p_coherence": p_coherence}
    if has_p.any():
        p_onset, p_peak, p_offset, qrs = (median_over_leads(times[wave])
                                          for wave in ("p_onset", "p_peak", "p_offset", "qrs_onset"))
        out |= {"pr_s": _median_of_known(qrs - p_onset), "pr_sd_s": _sd_of_known(qrs - p_onset),
                "pr_segment_s": _median_of_known(qrs - p_offset), "p_peak_to_qrs_s": _median_of_known(qrs - p_peak),
                "p_confidence": _median_of_known(p_confidence), "p_duration_s": _median_of_known(p_offset - p_onset)}
    found = [_of_a_lead(signals[row], {wave: values[row] for wave, values in times.items()})
             for row, name in enumerate(leads) if name in _LEADS and drawn[row].sum() >= _LEAST_BEATS]
    for key in _OF_A_LEAD:
        values = [f[key] for f in found if np.isfinite(f[key])]
        if values:
            out[key] = float(np.median(values))
    return out


def _of_a_lead(signal: Float64Array, times: dict[str, Float64Array]) -> dict[str, float]:
    """Height of P against QRS, and the spectrum of what lies between T's end and QRS."""
    out = dict.fromkeys(_OF_A_LEAD, np.nan)
    part = drawn_part(signal)
    low = filtered(filtered(without_gaps(signal[None, part])[0], _LOWPASS_HZ, "lowpass", FS_HZ),
                   _HIGHPASS_HZ, "highpass", FS_HZ)
    onset, t_end, r, p = (np.rint(times[w] * FS_HZ - part.start) for w in ("qrs_onset", "t_offset", "r_peak", "p_peak"))
    qrs_heights = [np.ptp(low[max(int(k) - _R_HALF_WINDOW, 0):int(k) + _R_HALF_WINDOW]) for k in r if np.isfinite(k)]
    qrs = float(np.median(qrs_heights)) if qrs_heights else np.nan
    if not qrs > _LEAST_QRS_MV:
        return out
    p_heights = [np.ptp(low[max(int(k) - _P_HALF_WINDOW, 0):int(k) + _P_HALF_WINDOW]) for k in p
                 if np.isfinite(k) and _P_HALF_WINDOW <= k < len(low) - _P_HALF_WINDOW]
    out["p_to_qrs"] = float(np.median(p_heights)) / qrs if p_heights else 0.0
    between = []
    for k in range(1, len(onset)):
        start, stop = t_end[k - 1], onset[k] - _BEFORE_QRS
        if np.isfinite(start) and np.isfinite(stop) and stop - start >= _LEAST_LENGTH:
            piece = low[int(start):int(stop)]
            between.append(piece - piece.mean())
    if between:
        size = math.sqrt(float(np.mean([np.var(piece) for piece in between])))
        out |= _f_wave_spectrum(between) | {"f_to_qrs": size / qrs,
                                            "f_to_p": size / max(out["p_to_qrs"] * qrs, _LEAST_P_MV)}
    return out


def _median_of_known(values: Float64Array) -> float:
    """NaN where none is known, as NeuroKit2 gives no confidence."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _sd_of_known(values: Float64Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.std(known)) if len(known) else math.nan


def _f_wave_spectrum(between: Sequence[Float64Array]) -> dict[str, float]:
    """Share of power at the frequencies of f waves, the strongest frequency there, and the share of power around it."""
    power, total = np.zeros(_BINS), 0.0
    for piece in between:
        frequency, density = welch(piece, FS_HZ, nperseg=min(len(piece), _WELCH_SAMPLES), nfft=_FFT_SAMPLES,
                                   detrend="linear")
        power += density[:_BINS] * len(piece)
        total += len(piece)
    power, frequency = power / total, frequency[:_BINS]
    band = (frequency >= _F_LOW_HZ) & (frequency <= _F_HIGH_HZ)
    everything = (frequency >= _ALL_LOW_HZ) & (frequency <= _ALL_HIGH_HZ)
    peak = int(np.flatnonzero(band)[power[band].argmax()])
    near = np.abs(frequency - frequency[peak]) <= _PEAK_HALF_WIDTH_HZ
    whole = max(power[everything].sum(), 1e-12)
    return {"f_power_share": float(power[band].sum() / whole), "f_peak_hz": float(frequency[peak]),
            "f_peak_share": float(power[near].sum() / whole)}
