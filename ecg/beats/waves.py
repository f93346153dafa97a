"""T: the largest excursion of all leads in the time physiology leaves; what P and T waves have in common.

Tuning values were set on every second record of LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211).
"""
from dataclasses import dataclass

import numpy as np

from ecg.beats.preprocess import Segment
from featurize.arrays import Float64Array, Int64Array

# People see a wave begin and end a little beyond the foot of its steepest tangent: tangents are lengthened by a factor.
# With this the mean error is within 3 ms on every second record of LUDB. Onset of T.
_T_ONSET_TANGENT = 0.8
# Offset of T.
_T_OFFSET_TANGENT = 1.3
# A tangent needs this many samples behind the apex.
_LEAST_TANGENT_SAMPLES = 20
# A lead's usual amplitude is this percentile of its absolute values.
_AMPLITUDE_PERCENTILE = 98
# RR interval assumed where there is one beat only, s.
_DEFAULT_RR_S = 0.8
# Low-pass in which T's peak is sought, Hz.
_T_LOWPASS_HZ = 14
# Low-pass in which T's onset and offset are sought, Hz.
_T_ENDS_LOWPASS_HZ = 12
# T's peak is sought from this time after QRS on, s,
_AFTER_QRS_S = 0.05
# and up to this time before the next QRS, s.
_BEFORE_QRS_S = 0.04
# T's peak is also sought no later than this after the beat, s,
_T_LATEST_S = 0.16
# plus this times the square root of RR in s.
_T_LATEST_PER_ROOT_RR = 0.35
# RR longer than this, s, limits the search for T's peak
_LONG_RR_S = 0.5
# to this share of RR.
_T_LATEST_RR_SHARE = 0.72
# T is not sought in less time than this, s.
_SHORTEST_T_SEARCH_S = 0.1
# T is absent if no lead has an excursion of this share of its usual amplitude.
_LEAST_T = 0.02
# A lead's own T peak is sought this far around the common one, s.
_T_NEAR_S = 0.06
# A lead agrees with the common T peak if its largest excursion is this close, s.
_T_AGREE_S = 0.04
# T ends within this time after its peak, s,
_T_END_REACH_S = 0.2
# and this time before the next QRS, s.
_T_END_BEFORE_QRS_S = 0.03
# T begins within this time before its peak, s.
_T_BEGIN_REACH_S = 0.14


def leveled(z: Float64Array) -> Float64Array:
    """(leads, m) without the straight line from the first to the last sample."""
    return np.asarray(z - z[:, :1] - (z[:, -1:] - z[:, :1]) * np.linspace(0, 1, z.shape[1]))


def _weighted_median(values: Float64Array, weights: Float64Array) -> float:
    """Median of (n,) values by weight; by count if all weights are 0."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)]) if share[-1] > 0 else float(np.median(values))


def amplitudes(low: Float64Array) -> Float64Array:
    """(leads, 1) usual amplitude of each lead, mV."""
    return np.asarray(np.maximum(np.percentile(np.abs(low), _AMPLITUDE_PERCENTILE, axis=1, keepdims=True), 1e-6))


@dataclass(frozen=True)
class Wave:
    """One kind of wave of a segment, NaN where absent.

    Parameters
    ----------
    peak : (leads, beats) float64
        Samples of the segment.
    onset, offset : (beats,) float64
        Samples of the segment, the same for all leads.
    agreement : (beats,) float64
        Share of the leads, by the height of their waves, that agree; for P the height of the wave in amplitudes.
    """

    peak: Float64Array
    onset: Float64Array
    offset: Float64Array
    agreement: Float64Array


def t_waves(segment: Segment, beats: Int64Array, onsets: Int64Array,
            offsets: Int64Array) -> Wave:
    """T is the largest excursion between QRS and the time by which repolarization ends (0.16 s + 0.35 sqrt(RR)).

    Parameters
    ----------
    segment : Segment
    beats, onsets, offsets : (beats,) int64
        Samples of the segment: the beats, and where their QRS begin and end.
    """
    low = segment.lowpassed(_T_LOWPASS_HZ)
    scale, n, count = amplitudes(low), low.shape[1], len(beats)
    ends_low = segment.lowpassed(_T_ENDS_LOWPASS_HZ)
    rr, usual = rr_intervals(segment, beats)
    wave = Wave(np.full((len(low), count), np.nan), *(np.full(count, np.nan) for _ in range(3)))
    for k in range(count):
        interval = rr[k] if k < count - 1 else usual
        following = onsets[k + 1] if k < count - 1 else n - 1
        start = offsets[k] + segment.samples(_AFTER_QRS_S)
        latest = segment.samples(_T_LATEST_S + _T_LATEST_PER_ROOT_RR * np.sqrt(interval))
        stop = min(following - segment.samples(_BEFORE_QRS_S), beats[k] + latest, n - 1)
        if k < count - 1 and interval > _LONG_RR_S:
            stop = min(stop, beats[k] + segment.samples(_T_LATEST_RR_SHARE * interval))
        if stop - start < segment.samples(_SHORTEST_T_SEARCH_S):
            continue
        z = np.abs(leveled(low[:, start:stop]) / scale)
        apexes, heights = z.argmax(axis=1), z.max(axis=1)
        if heights.max() < _LEAST_T:
            continue
        apex = int(_weighted_median(apexes.astype(float), heights))
        near = slice(max(0, apex - segment.samples(_T_NEAR_S)), apex + segment.samples(_T_NEAR_S) + 1)
        wave.peak[:, k] = start + near.start + z[:, near].argmax(axis=1)
        wave.agreement[k] = float(heights[np.abs(apexes - apex) <= segment.samples(_T_AGREE_S)].sum() / heights.sum())
        limit = min(start + apex + segment.samples(_T_END_REACH_S), n - 1,
                    following - segment.samples(_T_END_BEFORE_QRS_S))
        wave.offset[k] = tangent_end(ends_low / scale, start + apex, limit, _T_OFFSET_TANGENT)
        first = max(start + apex - segment.samples(_T_BEGIN_REACH_S), int(offsets[k]))
        back = tangent_end(ends_low[:, ::-1] / scale, n - 1 - start - apex, n - 1 - first, _T_ONSET_TANGENT)
        wave.onset[k] = n - 1 - back
    return wave


def rr_intervals(segment: Segment, beats: Int64Array) -> tuple[Float64Array, float]:
    """(beats - 1,) RR intervals and the usual one, s."""
    rr = np.diff(beats) / segment.fs_hz
    return rr, float(np.median(rr)) if len(rr) else _DEFAULT_RR_S


def tangent_end(low: Float64Array, apex: int, limit: int, lengthen: float) -> float:
    """Sample where the steepest tangent behind the apex meets the lowest level behind it; weighted median of leads.

    Parameters
    ----------
    low : (leads, n) float64
        Smoothed signals, mV.
    apex : int
        Sample of the wave's peak.
    limit : int
        Last sample that is looked at.
    lengthen : float
        Factor by which the tangent is lengthened.
    """
    if limit - apex < _LEAST_TANGENT_SAMPLES:
        return np.nan
    part = low[:, apex:limit + 1]
    part = part * np.where(part[:, :1] > part[:, -1:], 1.0, -1.0)
    fall = np.gradient(part, axis=1)
    steepest = fall.argmin(axis=1)
    row = np.arange(len(part))
    ground = part[:, part.shape[1] // 2:].min(axis=1)
    slope = -fall[row, steepest]
    good = slope > 0
    if not good.any():
        return np.nan
    foot = apex + steepest + lengthen * (part[row, steepest] - ground) / np.where(good, slope, 1)
    return _weighted_median(foot[good], (part[:, 0] - ground)[good])
