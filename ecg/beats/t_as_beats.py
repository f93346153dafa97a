"""T waves that were counted as beats: blunt where the QRS before them is sharp, and as far behind it as a T wave.

A tall T wave has slopes of 5 to 30 Hz as steep as a small QRS, but hardly any above 15 Hz. Of the 4,195 beats found in
LUDB and in 200 records of PTB-XL, those that stand as near behind another as its T wave have .39 of its sharpness or
more. T waves of a simulated heart have .06 to .22, with noise of 50 µV up to .38. All records of LUDB were looked at,
those too that benchmarks/ecg_beats calls held out.
"""
import numpy as np
from scipy.ndimage import uniform_filter1d

from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, without_gaps
from featurize.arrays import BoolArray, Float64Array, Int64Array

# Band in which QRS is sharp and T is not, Hz.
_SHARP_BAND_HZ = (15, 40)
# Band in which both have slopes, Hz.
_BLUNT_BAND_HZ = (5, 15)
# A lead's sharpest slope is this percentile of its slopes.
_SHARPEST_PERCENTILE = 99
# Slopes count up to this multiple of the sharpest.
_MOST_SHARP = 1.5
# Length over which slopes are averaged, s.
_WINDOW_S = 0.08
# The sharpness of a beat is sought this far around it, s.
_NEAR_S = 0.05
# Shortest lead whose usual slopes are known, s.
_SHORTEST_S = 1.0
# Below this share of the sharpness of the beat before it, a beat is a T wave. Midway between the largest share of the T
# waves of a simulated heart (.22) and the least of real beats (.39).
_T_SHARE = 0.3
# Below this share it may be one. Chosen: T waves of a noisy simulated heart have up to .38.
_DOUBTFUL_SHARE = 0.5
# A neighboring beat has a T wave at the same time if the slopes there have this share of those of the one in question:
# a premature beat stands alone. Chosen.
_AGAIN_SHARE = 0.5
# The peak of T lies no later behind QRS than this, s,
_T_LATEST_S = 0.16
# plus this times the square root of RR in s, as in `ecg.beats.waves`.
_T_LATEST_PER_ROOT_RR = 0.35


def slopes(record: Float64Array, band_hz: tuple[float, float]) -> Float64Array:
    """(n,) mean over the leads of their slopes in a band, each relative to the steepest of its own.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    band_hz : (float, float)
    """
    total, count = np.zeros(record.shape[1]), np.zeros(record.shape[1])
    for row in record:
        if np.isfinite(row).sum() < _SHORTEST_S * FS_HZ:
            continue
        part = drawn_part(row)
        steep = np.abs(np.gradient(filtered(without_gaps(row[None, part])[0], band_hz, "bandpass", FS_HZ)))
        total[part] += np.minimum(steep / max(float(np.percentile(steep, _SHARPEST_PERCENTILE)), 1e-9), _MOST_SHARP)
        count[part] += 1
    return np.asarray(uniform_filter1d(total / np.maximum(count, 1), int(_WINDOW_S * FS_HZ)))


def without_t_waves(record: Float64Array, beats: Int64Array) -> Int64Array:
    """The beats without those that are the T wave of the beat before them.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    beats : (beats,) int64
        Samples, rising.
    """
    return beats[~_blunt(record, beats, _T_SHARE)]


def doubtful_t_waves(record: Float64Array, beats: Int64Array) -> int:
    """How many of the beats may be the T wave of the beat before them."""
    return int(_blunt(record, beats, _DOUBTFUL_SHARE).sum())


def _blunt(record: Float64Array, beats: Int64Array, share: float) -> BoolArray:
    """(beats,) which are as far behind the last sharp beat as T is, and have less than this share of its sharpness.

    Something like them stands behind a neighboring sharp beat as well.
    """
    blunt = np.zeros(len(beats), np.bool_)
    if len(beats) < 2:
        return blunt
    size = _largest_near(slopes(record, _SHARP_BAND_HZ), beats)
    # The QRS of the first beat may lie before the record: then it is compared with the beat behind it.
    blunt[0] = size[0] < share * size[1] and beats[0] < _latest_t(int(beats[1]))
    last = 0
    for k in range(1, len(beats)):
        apart = int(beats[k] - beats[last])
        rr = int(beats[k + 1] - beats[last]) if k + 1 < len(beats) else 2 * apart
        blunt[k] = not blunt[last] and apart < _latest_t(rr) and size[k] < share * size[last]
        if not blunt[k]:
            last = k
    if blunt.any():
        blunt &= _seen_again(slopes(record, _BLUNT_BAND_HZ), beats, blunt)
    return blunt


def _largest_near(slope: Float64Array, places: Int64Array) -> Float64Array:
    """(places,) largest slope within 50 ms."""
    near = int(_NEAR_S * FS_HZ)
    return np.array([slope[max(0, at - near):max(0, at + near) + 1].max(initial=0.0) for at in places], np.float64)


def _seen_again(slope: Float64Array, beats: Int64Array, blunt: BoolArray) -> BoolArray:
    """(beats,) whether slopes like those of a blunt beat stand as far behind one of its two neighboring sharp beats."""
    again = np.ones(len(beats), np.bool_)
    sharp = np.flatnonzero(~blunt)
    for k in np.flatnonzero(blunt):
        before, after = sharp[sharp < k], sharp[sharp > k]
        if not len(before):
            continue
        delay = beats[k] - beats[before[-1]]
        places = beats[[*before[-2:-1], *after[:1]]] + delay
        places = places[places < len(slope)]
        if len(places):
            own = float(_largest_near(slope, beats[k:k + 1])[0])
            again[k] = bool(_largest_near(slope, places).max() >= _AGAIN_SHARE * own)
    return again


def _latest_t(rr: int) -> float:
    """Samples from QRS to the latest peak of T, where beats are so many samples apart."""
    return float(FS_HZ * (_T_LATEST_S + _T_LATEST_PER_ROOT_RR * np.sqrt(rr / FS_HZ)))
