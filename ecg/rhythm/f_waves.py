"""What is left of a lead when its average beat is taken from every beat: fibrillation waves, but no P, QRS or T.

QRST cancellation by the average beat (Slocum et al. 1992, J Electrocardiol 25:1); f waves have 4 to 9 Hz (Petrutiu et
al. 2006, 10.1093/europace/eul028).
"""
import math
from collections.abc import Mapping

import numpy as np
from scipy.signal import welch

from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, without_gaps
from featurize.arrays import Float64Array

F_WAVES = ("residual_uv", "residual_band_share", "residual_peak_share", "residual_peak_hz", "residual_to_p")
# Leads in which f waves are seen best; the largest of them counts.
_LEADS = ("V1", "II")
# Beats that a lead needs: the average of fewer keeps too much of each.
_LEAST_BEATS = 3
# A beat is taken away from this time before QRS on, s: P with it,
_BEFORE_S = 0.26
# to that time before the next QRS, or at most this time behind its own, s.
_AFTER_S = 0.5
# Frequencies of f waves, Hz.
_BAND_HZ = (4.0, 9.0)
# Frequencies that count for the whole, Hz.
_ALL_HZ = (2.0, 20.0)
# Power around the peak counts to this distance, Hz.
_NEAR_PEAK_HZ = 1.0
# Band-pass before all this, Hz.
_PASS_HZ = (1.0, 25.0)
# Length of the parts of which spectra are averaged, samples: 2 s.
_WELCH_SAMPLES = 1024
# P is sought in the average beat between these times before QRS, s.
_P_S = (0.26, 0.04)
# Least height of P that the residual is divided by, mV.
_LEAST_P_MV = 0.01


def f_wave_residual(record: Float64Array, leads: tuple[str, ...], times: Mapping[str, Float64Array]
                    ) -> dict[str, float]:
    """Size and spectrum of the residual in V1 or II, whichever has more of it in the band of f waves.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    leads : tuple of str
    times : mapping of wave to (leads, beats) float64
        Seconds.

    Returns
    -------
    dict with the keys of `F_WAVES`: root mean square in the band, µV; its share of the power of 2 to 20 Hz; share of
    the power within 1 Hz of the strongest frequency of the band; that frequency, Hz; size of the residual against the P
    of the average beat. NaN where neither lead shows three beats.
    """
    found = [values for row, lead in enumerate(leads) if lead in _LEADS
             for values in [_of_a_lead(record[row], times["qrs_onset"][row])] if values]
    return max(found, key=lambda values: values["residual_uv"]) if found else dict.fromkeys(F_WAVES, math.nan)


def _of_a_lead(signal: Float64Array, onset_s: Float64Array) -> dict[str, float]:
    starts = np.rint(onset_s[np.isfinite(onset_s)] * FS_HZ).astype(np.int64)
    if len(starts) < _LEAST_BEATS:
        return {}
    part = drawn_part(signal)
    x = filtered(without_gaps(signal[None, part])[0], _PASS_HZ, "bandpass", FS_HZ)
    starts = starts - part.start
    before, after = int(_BEFORE_S * FS_HZ), int(_AFTER_S * FS_HZ)
    padded = np.pad(x, before + after, constant_values=np.nan)
    pieces = np.array([padded[at + after:at + before + 2 * after] for at in starts])
    ends = np.append(np.minimum(np.diff(starts), after), after) + before
    for piece, end in zip(pieces, ends - before):
        piece[max(end, before):] = np.nan
    if np.isfinite(pieces).sum(axis=0).max() < _LEAST_BEATS:
        return {}
    enough = np.isfinite(pieces).sum(axis=0) >= _LEAST_BEATS
    template = np.zeros(before + after)
    template[enough] = np.nanmedian(pieces[:, enough], axis=0)
    rest, covered = padded.copy(), np.zeros(len(padded), np.bool_)
    for at, piece in zip(starts, pieces):
        place = np.arange(at + after, at + before + 2 * after)[np.isfinite(piece) & enough]
        rest[place] -= template[np.isfinite(piece) & enough]
        covered[place] = True
    inside = np.flatnonzero(covered & np.isfinite(rest))
    if len(inside) < FS_HZ:
        return {}
    p = template[before - int(_P_S[0] * FS_HZ):before - int(_P_S[1] * FS_HZ)]
    residual = rest[inside[0]:inside[-1] + 1]
    residual = np.nan_to_num(residual[np.isfinite(residual)])
    return _spectrum(residual) | {"residual_to_p": float(residual.std()) / max(float(np.ptp(p)), _LEAST_P_MV)}


def _spectrum(residual: Float64Array) -> dict[str, float]:
    frequency, power = welch(residual, FS_HZ, nperseg=min(len(residual), _WELCH_SAMPLES), nfft=2 * _WELCH_SAMPLES,
                             detrend="linear")
    band = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    everything = (frequency >= _ALL_HZ[0]) & (frequency <= _ALL_HZ[1])
    whole = max(float(power[everything].sum()), 1e-15)
    peak = float(frequency[band][power[band].argmax()])
    near = band & (np.abs(frequency - peak) <= _NEAR_PEAK_HZ)
    return {"residual_uv": 1000 * math.sqrt(float(power[band].sum()) * float(frequency[1])),
            "residual_band_share": float(power[band].sum()) / whole,
            "residual_peak_share": float(power[near].sum()) / whole, "residual_peak_hz": peak}
