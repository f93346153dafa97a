"""P: the largest excursion of all leads before QRS, kept only where the beats agree on it.

Tuning values were set on every second record of LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211).
"""
import numpy as np

from ecg.beats.preprocess import FS_HZ, Segment, drawn_part, median_over_leads, without_gaps
from ecg.beats.waves import Wave, amplitudes, leveled, rr_intervals, tangent_end
from featurize.arrays import Float64Array, Int64Array

# People see a wave begin and end a little beyond the foot of its steepest tangent: tangents are lengthened by a factor.
# With this the mean error is within 3 ms on every second record of LUDB. Onset of P.
_P_ONSET_TANGENT = 1.4
# Offset of P.
_P_OFFSET_TANGENT = 0.95
# Low-pass in which P is sought, Hz.
_P_LOWPASS_HZ = 20
# P is sought from this time before QRS on, s,
_P_EARLIEST_S = 0.28
# or from this share of RR before QRS on, if that is later,
_P_EARLIEST_RR_SHARE = 0.5
# but not before the end of T, if at least this time remains, s: else the bend between T and P is taken for P in fast
# rhythms. Chosen on the first half of the records of LUDB and PTB-XL.
_ROOM_BEHIND_T_S = 0.15
# Where less remains P may lie in T: not earlier than this before its end, s,
_P_IN_T_S = 0.04
# and up to this time before QRS, s.
_P_BEFORE_QRS_S = 0.012
# P is not sought in less than this, s.
_SHORTEST_P_SEARCH_S = 0.06
# A lead's own P peak is sought this far around the common one, s.
_P_NEAR_S = 0.03
# P begins and ends within this time of its peak, s.
_P_REACH_S = 0.09
# What precedes QRS is compared between beats from this time before QRS on, s,
_COMPARED_S = 0.22
# up to this time before QRS, s,
_COMPARED_UP_TO_S = 0.01
# in leads with this many beats.
_LEAST_BEATS = 3
# P waves are the same before every QRS, fibrillation waves are not. Chosen on the first half of the records of LUDB and
# PTB-XL (benchmarks/ecg_beats.py and ecg_rhythm.py name them): there is no P wave at all if the beats have less than
# this share of energy in common
_LEAST_COHERENCE = 0.2
# and the times from P to QRS scatter more than this, s, or the beats are irregular;
_SCATTER_S = 0.02
# and none if they are irregular, have less than this share in common,
_LEAST_COHERENCE_IRREGULAR = 0.3
# and these times scatter more than this, s.
_SCATTER_IRREGULAR_S = 0.008
# Beats are irregular if one RR differs from the next by more than this share, median, without those beside wide beats.
# Nearly all fibrillation has more there.
_IRREGULAR_SHARE = 0.1
# A beat whose QRS is wider than the median by this factor is ectopic and has no P wave.
_WIDE_QRS_RATIO = 1.35
# Where the times from P to QRS scatter little, one that is off by more than this, s, is no P wave.
_PR_OFF_S = 0.1
# Similarity and coherence taken where there is none to measure.
_UNKNOWN = 0.5


def _p_windows(segment: Segment, beats: Int64Array, onsets: Int64Array,
               t_ends: Float64Array) -> list[tuple[int, int]]:
    """First and last sample in which the P wave of each beat can lie; empty where T leaves no room."""
    rr, usual = rr_intervals(segment, beats)
    windows = []
    for k, onset in enumerate(onsets):
        interval = rr[k - 1] if k else usual
        start = max(0, onset - segment.samples(min(_P_EARLIEST_S, _P_EARLIEST_RR_SHARE * interval)))
        if k and np.isfinite(t_ends[k - 1]):
            room = onset - t_ends[k - 1] >= segment.samples(_ROOM_BEHIND_T_S)
            start = max(start, int(t_ends[k - 1]) - (0 if room else segment.samples(_P_IN_T_S)))
        windows.append((start, int(onset) - segment.samples(_P_BEFORE_QRS_S)))
    return windows


def p_waves(segment: Segment, beats: Int64Array, onsets: Int64Array, t_ends: Float64Array) -> Wave:
    """The largest excursion of all leads together in the time before QRS, whether it is a P wave or not.

    Parameters
    ----------
    segment : Segment
    beats, onsets : (beats,) int64
        Samples of the segment: the beats, and where their QRS begin.
    t_ends : (beats,) float64
        Where their T end, NaN where there is none.
    """
    low = segment.lowpassed(_P_LOWPASS_HZ)
    scale, count = amplitudes(low), len(beats)
    wave = Wave(np.full((len(low), count), np.nan), *(np.full(count, np.nan) for _ in range(3)))
    for k, (start, stop) in enumerate(_p_windows(segment, beats, onsets, t_ends)):
        if stop - start < segment.samples(_SHORTEST_P_SEARCH_S):
            continue
        z = leveled(low[:, start:stop] / scale)
        size = np.sqrt((z ** 2).mean(axis=0))
        apex = int(size.argmax())
        near = slice(max(0, apex - segment.samples(_P_NEAR_S)), apex + segment.samples(_P_NEAR_S) + 1)
        wave.peak[:, k] = start + near.start + np.abs(z[:, near]).argmax(axis=1)
        wave.agreement[k] = float(size[apex])
        at, n = start + apex, low.shape[1]
        first, last = max(start, at - segment.samples(_P_REACH_S)), min(stop, at + segment.samples(_P_REACH_S))
        wave.onset[k] = n - 1 - tangent_end(low[:, ::-1] / scale, n - 1 - at, n - 1 - first, _P_ONSET_TANGENT)
        wave.offset[k] = tangent_end(low / scale, at, last, _P_OFFSET_TANGENT)
    return wave


def p_similarity(signals: Float64Array, found: dict[str, Float64Array]) -> tuple[Float64Array, float]:
    """How similar the 220 ms before each QRS are to those before the other beats.

    Parameters
    ----------
    signals : (leads, n) float64
        At 500 samples a second, NaN where a lead is not drawn.
    found : dict of wave to (leads, beats) float64
        Seconds.

    Returns
    -------
    (beats,) float64
        Correlation with the mean of the others, all leads together, NaN where nothing can be compared.
    float
        Share of their energy that is common to all, without what unrelated beats have in common by chance.
    """
    onset = median_over_leads(found["qrs_onset"])
    width, gap = int(_COMPARED_S * FS_HZ), int(_COMPARED_UP_TO_S * FS_HZ)
    inner, own, common = (np.zeros(len(onset)) for _ in range(3))
    shared = total = 0.0
    for row, signal in enumerate(signals):
        beats = [k for k in np.flatnonzero(np.isfinite(found["qrs_onset"][row]))
                 if round(onset[k] * FS_HZ) >= width and np.isfinite(signal[round(onset[k] * FS_HZ) - width]).all()]
        if len(beats) < _LEAST_BEATS:
            continue
        low = np.zeros(len(signal))
        part = drawn_part(signal)
        low[part] = Segment(without_gaps(signal[None, part]), FS_HZ, 0).lowpassed(_P_LOWPASS_HZ)[0]
        ends = [round(onset[k] * FS_HZ) for k in beats]
        z = leveled(np.array([low[e - width:e - gap] for e in ends])) / float(amplitudes(low[None])[0, 0])
        n, whole = len(z), z.sum(axis=0)
        others = (whole - z) / (n - 1)
        inner[beats] += (z * others).sum(axis=1)
        own[beats] += (z ** 2).sum(axis=1)
        common[beats] += (others ** 2).sum(axis=1)
        mean_energy = float((z ** 2).sum(axis=1).mean())
        # The mean of n unrelated signals still has 1 / n of their energy.
        shared += (n * float(((whole / n) ** 2).sum()) - mean_energy) / (n - 1)
        total += mean_energy
    energy = np.sqrt(own * common)
    similarity = np.divide(inner, energy, out=np.full(len(onset), np.nan), where=energy > 0)
    return similarity, shared / total if total > 0 else np.nan


def drop_p(found: dict[str, Float64Array], similarity: Float64Array, coherence: float) -> None:
    """Make P NaN in `found` where there is none: in fibrillation everywhere, else before ectopic beats.

    Parameters
    ----------
    found : dict of wave to (leads, beats) float64
        Seconds; ``p`` becomes the confidence of P.
    similarity, coherence
        Of `p_similarity`.
    """
    peak, onset, offset = (median_over_leads(found[wave]) for wave in ("p_peak", "qrs_onset", "qrs_offset"))
    before, width = onset - peak, offset - onset
    if not np.isfinite(before).any():
        return
    usual = float(np.nanmedian(before))
    scatter = float(np.nanmedian(np.abs(before - usual)))
    absent = np.zeros(len(peak), bool)
    wide = width > _WIDE_QRS_RATIO * np.nanmedian(width)
    if _fibrillates(coherence, scatter, np.where(wide, np.nan, onset)):
        absent[:] = True
    else:
        absent |= wide | (np.nan_to_num(similarity, nan=1.0) < 0)
        absent |= (np.abs(before - usual) > _PR_OFF_S) & (scatter < _SCATTER_S)
    for wave in ("p_onset", "p_peak", "p_offset", "p"):
        found[wave][:, absent] = np.nan
    common = np.clip(coherence, 0, 1) if np.isfinite(coherence) else _UNKNOWN
    sure = np.clip(0.5 * np.nan_to_num(similarity, nan=_UNKNOWN) + 0.5 * common, 0, 1)
    found["p"] = np.where(np.isfinite(found["p_peak"]), sure, np.nan)


def _fibrillates(coherence: float, scatter: float, onset: Float64Array) -> bool:
    """Whether what precedes QRS differs too much from beat to beat for P waves.

    Parameters
    ----------
    coherence : float
        Of `p_similarity`.
    scatter : float
        Median distance of the times from P to QRS from their median, s.
    onset : (beats,) float64
        Of QRS, s; NaN for wide beats.
    """
    rr = np.diff(onset)
    steps = np.abs(np.diff(rr))
    irregular = bool(np.isfinite(steps).any()) and float(np.nanmedian(steps) / np.nanmedian(rr)) > _IRREGULAR_SHARE
    if coherence < _LEAST_COHERENCE:
        return irregular or scatter > _SCATTER_S
    return irregular and coherence < _LEAST_COHERENCE_IRREGULAR and scatter > _SCATTER_IRREGULAR_S
