"""Spikes of a pacemaker: up and down again within two samples, far steeper than the rest of the lead.

Pulses of pacemakers are generally shorter than 0.5 ms (Kligfield et al. 2007, 10.1161/CIRCULATIONAHA.106.180200): at
500 samples a second the filter of the recorder leaves one sample or two of them, where it leaves any.
"""
import math

import numpy as np
from scipy.ndimage import maximum_filter1d

from ecg.beats.preprocess import FS_HZ, drawn_part, without_gaps
from featurize.arrays import Float64Array

PACING = ("spikes_per_beat", "spike_mv", "spike_to_slope")
# A spike is this high at least, mV, above both samples beside it.
_LEAST_MV = 0.1
# A spike is this many times as high as the 99th percentile of a lead's changes from sample to sample, so that a narrow
# QRS is none. Of the first half of the records of PTB-XL that are named in benchmarks/ecg_rhythm.py, those without the
# code PACE have 1.5 or more at three places in 2 of 95 at most.
_LEAST_TO_SLOPE = 1.5
# That percentile, and what is added to it, mV: a lead without noise has hardly any change.
_PERCENTILE = 99.0
_LEAST_SLOPE_MV = 0.02
# Two spikes are this far apart at least, s: the two of a pacemaker of atrium and ventricle are .1 s apart and more.
_APART_S = 0.05
# A lead shorter than this has no usual slope, s.
_SHORTEST_S = 1.0


def pacing_spikes(signals: Float64Array, fs_hz: float, beats: int) -> dict[str, float]:
    """How many spikes a beat there are, and how high they are.

    Parameters
    ----------
    signals : (leads, n) float64
        mV as they were read, NaN where a lead is not drawn: `ecg.beats.preprocess.resampled` takes spikes away.
    fs_hz : float
        Signals of less than 400 samples a second have no spikes left: NaN.
    beats : int

    Returns
    -------
    dict with the keys of `PACING`: spikes a beat; height in mV and in slopes of the lead of the median of as many
    places as there are beats, the highest of the record.
    """
    out = dict.fromkeys(PACING, math.nan)
    step = max(1, round(fs_hz / FS_HZ))
    if fs_hz < 0.8 * FS_HZ or not beats:
        return out
    mv, relative = np.zeros(signals.shape[1]), np.zeros(signals.shape[1])
    for row in signals:
        if np.isfinite(row).sum() < _SHORTEST_S * fs_hz:
            continue
        part = drawn_part(row)
        x = without_gaps(row[None, part])[0]
        height = _above_both(x, step)
        slope = float(np.percentile(np.abs(x[step:] - x[:-step]), _PERCENTILE)) + _LEAST_SLOPE_MV
        mv[part] = np.maximum(mv[part], height)
        relative[part] = np.maximum(relative[part], height / slope)
    apart = int(_APART_S * fs_hz)
    highest = (relative == maximum_filter1d(relative, 2 * apart + 1)) & (relative > 0)
    heights, ratios = maximum_filter1d(mv, 2 * step + 1)[highest], relative[highest]
    order = np.argsort(ratios)[::-1][:beats]
    if not len(order):
        return dict.fromkeys(PACING, 0.0)
    count = int(((heights >= _LEAST_MV) & (ratios >= _LEAST_TO_SLOPE)).sum())
    return {"spikes_per_beat": count / beats, "spike_mv": float(np.median(heights[order])),
            "spike_to_slope": float(np.median(ratios[order]))}


def _above_both(x: Float64Array, step: int) -> Float64Array:
    """(n,) by how much a sample stands above, or below, both samples `step` beside it; 0 elsewhere."""
    out = np.zeros(len(x))
    left, right = x[step:-step] - x[:-2 * step], x[step:-step] - x[2 * step:]
    out[step:-step] = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), 0)
    return out
