"""QRS: where all leads together are steepest, from where to where, and the R wave of each lead."""
import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from ecg.beats.preprocess import FS_HZ, Stretch, bridged, filtered
from featurize.arrays import Float64Array, Int64Array

# A heart beats again after a quarter of a second at the earliest (240 a minute).
_REFRACTORY_S = 0.25
# A lead that is drawn for less than a second tells nothing of its usual slopes.
_SHORTEST_S = 1.0
# An R wave is at least this high, and at least this share of the S or Q beside it (chosen on every second record of
# LUDB and on pages drawn from PTB-XL: less is found in noise, more misses what cardiologists mark).
_LEAST_R_MV = 0.02
_LEAST_R = 0.05


def common_beats(work: Float64Array) -> Int64Array:
    """(beats,) samples where the slopes of all drawn leads together are largest."""
    known = np.isfinite(work)
    lengths = known.sum(axis=1)
    rows = np.flatnonzero(lengths >= _SHORTEST_S * FS_HZ)
    if not rows.size:
        return np.zeros(0, np.int64)
    total, count = np.zeros(work.shape[1]), np.zeros(work.shape[1])
    for row in rows:
        place = np.flatnonzero(known[row])
        part = slice(place[0], place[-1] + 1)
        x = bridged(work[row:row + 1, part])[0]
        steep = np.abs(np.gradient(filtered(x, (5, 30), "bandpass", FS_HZ)))
        total[part] += np.minimum(steep / max(float(np.percentile(steep, 99)), 1e-9), 1.5)
        count[part] += 1
    energy = uniform_filter1d(total / np.maximum(count, 1), int(0.08 * FS_HZ))
    peaks, _ = find_peaks(energy, distance=int(_REFRACTORY_S * FS_HZ))
    if not peaks.size:
        return np.zeros(0, np.int64)
    heights = energy[peaks]
    usual = np.median(np.sort(heights)[-max(3, int(len(energy) / FS_HZ / 2)):])
    return np.asarray(peaks[heights > 0.35 * usual], np.int64)


def steepness(record: Stretch, hz: float, smooth_s: float) -> Float64Array:
    """(n,) root mean square over the leads of their slopes, each relative to its own steepest hundredth."""
    steep = np.abs(np.gradient(filtered(record.raw, hz, "lowpass", record.fs), axis=-1))
    top = np.percentile(steep, 99, axis=-1, keepdims=True)
    share = np.divide(steep, top, out=np.zeros_like(steep), where=top > 1e-9)
    smooth = uniform_filter1d(np.sqrt((share ** 2).mean(axis=0)), max(record.at(smooth_s), 1))
    # Its running sum leaves rounding errors below 0 where nothing moves.
    return np.asarray(np.maximum(smooth, 0))


def qrs_bounds(record: Stretch, beats: Int64Array) -> tuple[Int64Array, Int64Array]:
    """First and last sample of every QRS: beyond them the slope of all leads stays under a tenth of its peak."""
    slope, quiet = steepness(record, 30, 0.01), record.at(0.012)
    onsets, offsets = [], []
    for beat in beats:
        low, high = max(0, beat - record.at(0.1)), min(len(slope), beat + record.at(0.1))
        near = slope[low:high]
        # A beat of the next leads has no slope in these, which are held flat beyond their window: it counts there.
        strong = np.flatnonzero(near >= 0.5 * near.max())
        first, last = low + strong[0], low + strong[-1]
        onsets.append(_calm(slope[::-1], len(slope) - 1 - first, 0.1 * near.max(), quiet, record.at(0.12)))
        offsets.append(_calm(slope, last, 0.1 * near.max(), quiet, record.at(0.14)))
    return len(slope) - 1 - np.array(onsets, np.int64), np.array(offsets, np.int64)


def _calm(slope: Float64Array, start: int, top: float, quiet: int, reach: int) -> int:
    """First sample from `start` on after which `quiet` samples stay under a tenth of the top or near the noise."""
    beyond = slope[start + reach // 2:start + 2 * reach]
    level = max(top, 1.5 * float(np.percentile(beyond, 30)) if len(beyond) else 0.0)
    k = start
    while k < len(slope) - quiet - 1 and k < start + reach and slope[k + 1:k + 1 + quiet].max() > level:
        k += 1
    return k


def r_peaks(record: Stretch, onsets: Int64Array, offsets: Int64Array) -> Int64Array:
    """(leads, beats) the R wave of each lead, or where there is none its deepest point.

    A deflection above the level before QRS is an R wave, however deep the S beside it is: cardiologists mark the small
    r of rS and hardly ever the S (all leads of LUDB, Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211).
    """
    low = filtered(record.raw, 40, "lowpass", record.fs)
    top, bottom = (np.zeros((len(low), len(onsets)), np.int64) for _ in range(2))
    up, down = np.zeros(top.shape), np.zeros(top.shape)
    for k, (start, stop) in enumerate(zip(onsets, np.maximum(offsets, onsets + 2))):
        level = low[:, max(start - record.at(0.016), 0):start + 1].mean(axis=1, keepdims=True)
        part = low[:, start:stop + 1] - level
        # Only a top of its own is an R wave: the end of QRS stands higher where ST is lifted.
        tops = np.where((part[:, 1:-1] >= part[:, :-2]) & (part[:, 1:-1] > part[:, 2:]), part[:, 1:-1], 0)
        top[:, k], bottom[:, k] = start + 1 + tops.argmax(axis=1), start + part.argmin(axis=1)
        up[:, k], down[:, k] = np.maximum(tops.max(axis=1), 0), np.maximum(-part.min(axis=1), 0)
    # Where a beat is near that limit, it is what the other beats of its lead are, lest it jumps from one to the other.
    usual = _of_drawn(up, up + down) > np.maximum(_LEAST_R_MV, _LEAST_R * _of_drawn(down, up + down))
    small = up > 0.25 * np.maximum(_LEAST_R_MV, _LEAST_R * down)
    return np.where(np.where(usual, small, up > 0.5 * down), top, bottom)


def _of_drawn(sizes: Float64Array, moves: Float64Array) -> Float64Array:
    """(leads, 1) medians over the beats in which a lead moves: it is held flat beyond its window."""
    return np.array([[np.median(row[known]) if known.any() else 0.0] for row, known in zip(sizes, moves > _LEAST_R_MV)])
