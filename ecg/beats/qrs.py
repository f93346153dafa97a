"""QRS: where all leads together are steepest, from where to where, and the R wave of each lead.

Tuning values were set on every second record of LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211).
"""
import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from ecg.beats.preprocess import FS_HZ, Segment, drawn_part, filtered, without_gaps
from ecg.beats.t_as_beats import without_t_waves
from featurize.arrays import Float64Array, Int64Array

# A heart beats again after this at the earliest, s (240 a minute).
_REFRACTORY_S = 0.25
# Shortest lead whose usual slopes are known, s.
_SHORTEST_S = 1.0
# Band in which slopes of QRS are sought, Hz.
_QRS_BAND_HZ = (5, 30)
# A lead's steepest slope is this percentile of its slopes.
_STEEPEST_PERCENTILE = 99
# Slopes count up to this multiple of the steepest.
_MOST_STEEP = 1.5
# Length over which slopes are averaged to find beats, s.
_BEAT_WINDOW_S = 0.08
# A beat has at least this share of the usual peak slope: the median of the largest peaks,
_LEAST_BEAT = 0.35
# of which there is one for every so many seconds,
_USUAL_PEAK_S = 2
# and this many at least.
_USUAL_PEAKS = 3
# Low-pass before the slopes in which QRS begins and ends are computed, Hz.
BOUNDS_HZ = 30
# Length over which these slopes are averaged, s.
BOUNDS_WINDOW_S = 0.01
# Noise that is added to that of a lead before leads are weighted by it, as a share of its steepest slope: a lead
# without noise does not count alone. Weights brought the standard deviation of QRS onsets from 10.8 to 9.5 ms on every
# second record of LUDB.
_LEAST_NOISE = 0.02
# Beyond its window on a page a lead is constant: its slope is under this share of the steepest,
_CONSTANT = 1e-4
# for more than this share of the time. Its noise is not known then.
_CONSTANT_SHARE = 0.2
# QRS ends where the slope stays quiet for this time, s:
_QUIET_S = 0.012
# below this share of its peak.
_QUIET_SHARE = 0.1
# The peak slope of a beat is sought this far around it, s.
_NEAR_S = 0.1
# All that is steeper than this share of the peak belongs to QRS.
_STEEP_SHARE = 0.5
# QRS begins at most this time before its steep part, s,
_ONSET_REACH_S = 0.12
# and ends at most this time behind it, s.
_OFFSET_REACH_S = 0.14
# Noise, below which a slope is quiet too, is this many times
_NOISE_FACTOR = 1.5
# this percentile of the slopes beyond.
_NOISE_PERCENTILE = 30
# Low-pass in which R is sought, Hz.
_R_LOWPASS_HZ = 40
# Time before QRS whose mean is the level, s.
_LEVEL_S = 0.016
# Least height of an R wave, mV. This and the next were also chosen on pages drawn from PTB-XL: less is found in noise,
# more misses what cardiologists mark.
_LEAST_R_MV = 0.02
# Least height of an R wave, as a share of the S or Q beside it.
_LEAST_R_SHARE = 0.05
# In a lead with R waves a beat's R may be smaller than these by this factor.
_SMALL_R = 0.25
# In a lead without R waves a beat's R must have this share of the S or Q.
_LARGE_R_SHARE = 0.5


def common_beats(signals: Float64Array) -> Int64Array:
    """(beats,) samples where the slopes of all drawn leads (leads, n) together are largest, without T waves."""
    known = np.isfinite(signals)
    rows = np.flatnonzero(known.sum(axis=1) >= _SHORTEST_S * FS_HZ)
    if not rows.size:
        return np.zeros(0, np.int64)
    total, count = np.zeros(signals.shape[1]), np.zeros(signals.shape[1])
    for row in rows:
        part = drawn_part(signals[row])
        x = without_gaps(signals[row:row + 1, part])[0]
        steep = np.abs(np.gradient(filtered(x, _QRS_BAND_HZ, "bandpass", FS_HZ)))
        steepest = max(float(np.percentile(steep, _STEEPEST_PERCENTILE)), 1e-9)
        total[part] += np.minimum(steep / steepest, _MOST_STEEP)
        count[part] += 1
    energy = uniform_filter1d(total / np.maximum(count, 1), int(_BEAT_WINDOW_S * FS_HZ))
    peaks, _ = find_peaks(energy, distance=int(_REFRACTORY_S * FS_HZ))
    if not peaks.size:
        return np.zeros(0, np.int64)
    heights = energy[peaks]
    usual = np.median(np.sort(heights)[-max(_USUAL_PEAKS, int(len(energy) / FS_HZ / _USUAL_PEAK_S)):])
    return without_t_waves(signals, np.asarray(peaks[heights > _LEAST_BEAT * usual], np.int64))


def steepness(segment: Segment, hz: float, smooth_s: float) -> Float64Array:
    """Slope of all leads together.

    Parameters
    ----------
    segment : Segment
    hz : float
        Of the low-pass before.
    smooth_s : float
        Length of the running mean after.

    Returns
    -------
    (n,) float64
        Root mean square over the leads of their slopes, each relative to its own 99th percentile. Where all leads are
        drawn all the time, a lead counts by the inverse square of its noise, the median of these.
    """
    steep = np.abs(np.gradient(filtered(segment.signals, hz, "lowpass", segment.fs_hz), axis=-1))
    top = np.percentile(steep, _STEEPEST_PERCENTILE, axis=-1, keepdims=True)
    share = np.divide(steep, top, out=np.zeros_like(steep), where=top > 1e-9)
    together = np.sqrt((_weights(share) * share ** 2).sum(axis=0))
    smooth = uniform_filter1d(together, max(segment.samples(smooth_s), 1))
    # Its running sum leaves rounding errors below 0 where nothing moves.
    return np.asarray(np.maximum(smooth, 0))


def _weights(share: Float64Array) -> Float64Array:
    """(leads, 1) how much each lead counts, sum 1, by slopes (leads, n) relative to the steepest."""
    if ((share < _CONSTANT).mean(axis=1) > _CONSTANT_SHARE).any():
        return np.full((len(share), 1), 1 / len(share))
    weight = (_LEAST_NOISE + np.median(share, axis=1, keepdims=True)) ** -2.0
    return np.asarray(weight / weight.sum())


def qrs_bounds(segment: Segment, beats: Int64Array) -> tuple[Int64Array, Int64Array]:
    """First and last sample of every QRS: beyond them the slope of all leads stays under a tenth of its peak."""
    slope, quiet = steepness(segment, BOUNDS_HZ, BOUNDS_WINDOW_S), segment.samples(_QUIET_S)
    onsets, offsets = [], []
    for beat in beats:
        low, high = max(0, beat - segment.samples(_NEAR_S)), min(len(slope), beat + segment.samples(_NEAR_S))
        near = slope[low:high]
        # A beat of the next leads has no slope in these, which are constant beyond their window: it counts there.
        strong = np.flatnonzero(near >= _STEEP_SHARE * near.max())
        first, last = low + strong[0], low + strong[-1]
        level = _QUIET_SHARE * near.max()
        onsets.append(_quiet_from(slope[::-1], len(slope) - 1 - first, level, quiet, segment.samples(_ONSET_REACH_S)))
        offsets.append(_quiet_from(slope, last, level, quiet, segment.samples(_OFFSET_REACH_S)))
    return len(slope) - 1 - np.array(onsets, np.int64), np.array(offsets, np.int64)


def _quiet_from(slope: Float64Array, start: int, level: float, quiet: int, reach: int) -> int:
    """First sample from `start` on, up to `reach`, after which `quiet` samples stay under a level or near the noise."""
    beyond = slope[start + reach // 2:start + 2 * reach]
    level = max(level, _NOISE_FACTOR * float(np.percentile(beyond, _NOISE_PERCENTILE)) if len(beyond) else 0.0)
    k = start
    while k < len(slope) - quiet - 1 and k < start + reach and slope[k + 1:k + 1 + quiet].max() > level:
        k += 1
    return k


def r_peaks(segment: Segment, onsets: Int64Array, offsets: Int64Array) -> Int64Array:
    """(leads, beats) the R wave of each lead, or its deepest point if there is none.

    A deflection above the level before QRS is an R wave, however deep the S beside it is: cardiologists mark the small
    r of rS and hardly ever the S (all leads of LUDB, Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211).
    """
    low = filtered(segment.signals, _R_LOWPASS_HZ, "lowpass", segment.fs_hz)
    top, bottom = (np.zeros((len(low), len(onsets)), np.int64) for _ in range(2))
    up, down = np.zeros(top.shape), np.zeros(top.shape)
    for k, (start, stop) in enumerate(zip(onsets, np.maximum(offsets, onsets + 2))):
        level = low[:, max(start - segment.samples(_LEVEL_S), 0):start + 1].mean(axis=1, keepdims=True)
        part = low[:, start:stop + 1] - level
        # Only a local maximum is an R wave: the end of QRS stands higher where ST is elevated.
        tops = np.where((part[:, 1:-1] >= part[:, :-2]) & (part[:, 1:-1] > part[:, 2:]), part[:, 1:-1], 0)
        top[:, k], bottom[:, k] = start + 1 + tops.argmax(axis=1), start + part.argmin(axis=1)
        up[:, k], down[:, k] = np.maximum(tops.max(axis=1), 0), np.maximum(-part.min(axis=1), 0)
    # A beat near the limit is judged by the lead's other beats: else marks would alternate between R and S.
    usual_up, usual_down = _median_of_moving(up, up + down), _median_of_moving(down, up + down)
    has_r = usual_up > np.maximum(_LEAST_R_MV, _LEAST_R_SHARE * usual_down)
    small = up > _SMALL_R * np.maximum(_LEAST_R_MV, _LEAST_R_SHARE * down)
    return np.where(np.where(has_r, small, up > _LARGE_R_SHARE * down), top, bottom)


def _median_of_moving(sizes: Float64Array, moves: Float64Array) -> Float64Array:
    """(leads, 1) medians over the beats in which a lead moves: beyond its window it is constant."""
    return np.array([[np.median(row[known]) if known.any() else 0.0] for row, known in zip(sizes, moves > _LEAST_R_MV)])
