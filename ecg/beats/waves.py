"""T and P: the largest excursion of all leads in the time physiology leaves; P only where the beats agree on it."""
from dataclasses import dataclass

import numpy as np

from ecg.beats.preprocess import FS_HZ, Stretch, bridged, filtered, middle
from featurize.arrays import Float64Array, Int64Array

# People see a wave begin and end a little beyond the foot of its steepest tangent. Stretched by these factors the mean
# error is within 3 ms on every second record of LUDB (Kalyakulina et al. 2020, 10.1109/ACCESS.2020.3029211).
_P_ONSET = 1.4
_P_OFFSET = 0.95
_T_ONSET = 0.8
_T_OFFSET = 1.3
# P waves stand alike before every QRS, fibrillation doesn't: less in common than this, at times that scatter more than
# this, is no P wave at all.
_COHERENT = 0.2
_SCATTER_S = 0.02


def leveled(z: Float64Array) -> Float64Array:
    """(leads, m) less the straight line between the first and the last sample."""
    return np.asarray(z - z[:, :1] - (z[:, -1:] - z[:, :1]) * np.linspace(0, 1, z.shape[1]))


def _weighted_median(values: Float64Array, weights: Float64Array) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)]) if share[-1] > 0 else float(np.median(values))


def _scale(low: Float64Array) -> Float64Array:
    """(leads, 1) usual amplitude of each lead, mV."""
    return np.asarray(np.maximum(np.percentile(np.abs(low), 98, axis=1, keepdims=True), 1e-6))


@dataclass(frozen=True)
class _Wave:
    """One kind of wave of a stretch: samples in each lead, bounds for all, how much the leads agree."""

    peak: Float64Array
    onset: Float64Array
    offset: Float64Array
    agreement: Float64Array


def t_waves(record: Stretch, beats: Int64Array, onsets: Int64Array,
            offsets: Int64Array) -> _Wave:
    """T is the largest excursion between QRS and the time by which repolarization ends (.16 s + .35 sqrt(RR))."""
    low = record.low(14)
    scale, n, count = _scale(low), low.shape[1], len(beats)
    ends_low = record.low(12)
    rr = np.diff(beats) / record.fs
    usual = float(np.median(rr)) if len(rr) else 0.8
    wave = _Wave(np.full((len(low), count), np.nan), *(np.full(count, np.nan) for _ in range(3)))
    for k in range(count):
        interval = rr[k] if k < count - 1 else usual
        following = onsets[k + 1] if k < count - 1 else n - 1
        start = offsets[k] + record.at(0.05)
        stop = min(following - record.at(0.04), beats[k] + record.at(0.16 + 0.35 * np.sqrt(interval)), n - 1)
        if k < count - 1 and interval > 0.5:
            stop = min(stop, beats[k] + record.at(0.72 * interval))
        if stop - start < record.at(0.1):
            continue
        z = np.abs(leveled(low[:, start:stop]) / scale)
        apexes, heights = z.argmax(axis=1), z.max(axis=1)
        if heights.max() < 0.02:
            continue
        apex = int(_weighted_median(apexes.astype(float), heights))
        near = slice(max(0, apex - record.at(0.06)), apex + record.at(0.06) + 1)
        wave.peak[:, k] = start + near.start + z[:, near].argmax(axis=1)
        wave.agreement[k] = float(heights[np.abs(apexes - apex) <= record.at(0.04)].sum() / heights.sum())
        limit = min(start + apex + record.at(0.2), n - 1, following - record.at(0.03))
        wave.offset[k] = _tangent(ends_low / scale, start + apex, limit, _T_OFFSET)
        first = max(start + apex - record.at(0.14), int(offsets[k]))
        back = _tangent(ends_low[:, ::-1] / scale, n - 1 - start - apex, n - 1 - first, _T_ONSET)
        wave.onset[k] = n - 1 - back
    return wave


def _tangent(low: Float64Array, apex: int, limit: int, stretch: float) -> float:
    """Where the steepest tangent behind the apex meets the lowest level behind it, the middle answer of the leads.

    `stretch` lengthens the tangent: people see the end of a wave a little after its tangent's foot.
    """
    if limit - apex < 20:
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
    foot = apex + steepest + stretch * (part[row, steepest] - ground) / np.where(good, slope, 1)
    return _weighted_median(foot[good], (part[:, 0] - ground)[good])


def _p_windows(record: Stretch, beats: Int64Array, onsets: Int64Array,
               t_ends: Float64Array) -> list[tuple[int, int]]:
    """First and last sample in which the P wave of each beat can lie; empty where T leaves no room."""
    rr = np.diff(beats) / record.fs
    usual = float(np.median(rr)) if len(rr) else 0.8
    windows = []
    for k, onset in enumerate(onsets):
        interval = rr[k - 1] if k else usual
        start = max(0, onset - record.at(min(0.28, 0.5 * interval)))
        if k and np.isfinite(t_ends[k - 1]):
            start = max(start, int(t_ends[k - 1]) - record.at(0.04))
        windows.append((start, int(onset) - record.at(0.012)))
    return windows


def p_waves(record: Stretch, beats: Int64Array, onsets: Int64Array, t_ends: Float64Array) -> _Wave:
    """The largest excursion of all leads together in the time before QRS, whether it is a P wave or not."""
    low = record.low(20)
    scale, count = _scale(low), len(beats)
    wave = _Wave(np.full((len(low), count), np.nan), *(np.full(count, np.nan) for _ in range(3)))
    for k, (start, stop) in enumerate(_p_windows(record, beats, onsets, t_ends)):
        if stop - start < record.at(0.06):
            continue
        z = leveled(low[:, start:stop] / scale)
        together = np.sqrt((z ** 2).mean(axis=0))
        apex = int(together.argmax())
        near = slice(max(0, apex - record.at(0.03)), apex + record.at(0.03) + 1)
        wave.peak[:, k] = start + near.start + np.abs(z[:, near]).argmax(axis=1)
        wave.agreement[k] = float(together[apex])
        at, n = start + apex, low.shape[1]
        first, last = max(start, at - record.at(0.09)), min(stop, at + record.at(0.09))
        wave.onset[k] = n - 1 - _tangent(low[:, ::-1] / scale, n - 1 - at, n - 1 - first, _P_ONSET)
        wave.offset[k] = _tangent(low / scale, at, last, _P_OFFSET)
    return wave


def p_likeness(work: Float64Array, found: dict[str, Float64Array]) -> tuple[Float64Array, float]:
    """How much the 220 ms before each QRS are like those before the other beats.

    Returns
    -------
    (beats,) correlation with the mean of the others, all leads together, NaN where nothing can be compared; and the
    share of their energy that is common to all, without what chance has in common.
    """
    onset = middle(found["qrs_onset"])
    width, gap = int(0.22 * FS_HZ), int(0.01 * FS_HZ)
    inner, own, common, energy = (np.zeros(len(onset)) for _ in range(4))
    shared = total = 0.0
    for row, signal in enumerate(work):
        beats = [k for k in np.flatnonzero(np.isfinite(found["qrs_onset"][row]))
                 if round(onset[k] * FS_HZ) >= width and np.isfinite(signal[round(onset[k] * FS_HZ) - width]).all()]
        if len(beats) < 3:
            continue
        known = np.flatnonzero(np.isfinite(signal))
        low = np.zeros(len(signal))
        part = slice(known[0], known[-1] + 1)
        low[part] = filtered(filtered(bridged(signal[None, part])[0], 20, "lowpass", FS_HZ), 0.4, "highpass", FS_HZ)
        ends = [round(onset[k] * FS_HZ) for k in beats]
        z = leveled(np.array([low[e - width:e - gap] for e in ends])) / max(float(np.percentile(np.abs(low), 98)), 1e-6)
        n, whole = len(z), z.sum(axis=0)
        others = (whole - z) / (n - 1)
        inner[beats] += (z * others).sum(axis=1)
        own[beats] += (z ** 2).sum(axis=1)
        common[beats] += (others ** 2).sum(axis=1)
        mean_energy = float((z ** 2).sum(axis=1).mean())
        # The mean of n unlike stretches still has 1 / n of their energy.
        shared += (n * float(((whole / n) ** 2).sum()) - mean_energy) / (n - 1)
        total += mean_energy
    energy = np.sqrt(own * common)
    likeness = np.divide(inner, energy, out=np.full(len(onset), np.nan), where=energy > 0)
    return likeness, shared / total if total > 0 else np.nan


def drop_p(found: dict[str, Float64Array], likeness: Float64Array, coherence: float) -> None:
    """Empty P where nothing speaks for one: in fibrillation everywhere, else before ectopic beats."""
    peak, onset, offset = (middle(found[wave]) for wave in ("p_peak", "qrs_onset", "qrs_offset"))
    before, width = onset - peak, offset - onset
    if not np.isfinite(before).any():
        return
    usual = float(np.nanmedian(before))
    scatter = float(np.nanmedian(np.abs(before - usual)))
    absent = np.zeros(len(peak), bool)
    if coherence < _COHERENT and scatter > _SCATTER_S:
        absent[:] = True
    else:
        wide = width > 1.35 * np.nanmedian(width)
        absent |= wide | (np.nan_to_num(likeness, nan=1.0) < 0)
        absent |= (np.abs(before - usual) > 0.1) & (scatter < _SCATTER_S)
    for wave in ("p_onset", "p_peak", "p_offset", "p"):
        found[wave][:, absent] = np.nan
    common = np.clip(coherence, 0, 1) if np.isfinite(coherence) else 0.5
    sure = np.clip(0.5 * np.nan_to_num(likeness, nan=0.5) + 0.5 * common, 0, 1)
    found["p"] = np.where(np.isfinite(found["p_peak"]), sure, np.nan)
