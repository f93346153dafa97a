"""How regular the beats are: statistics of RR intervals, and what the atria do between them."""
import math

import numpy as np
from scipy.signal import welch

from ecg.beats.preprocess import FS_HZ, bridged, filtered, middle
from featurize.arrays import BoolArray, Float64Array

RR = ("rate_bpm", "rate_lowest_bpm", "rate_highest_bpm", "mean_s", "sd_s", "variation", "rmssd_s", "over_50_ms_share",
      "over_20_percent_share", "sd1_s", "sd2_s", "sd1_to_sd2", "entropy_bit", "sample_entropy", "turning_share",
      "trendless_variation", "early_share", "longest_to_median", "shortest_to_median", "beats")
ATRIA = ("p_share", "p_coherence", "p_confidence", "pr_s", "pr_sd_s", "p_duration_s", "p_to_qrs", "f_power_share",
         "f_peak_hz", "f_peak_share", "f_to_qrs", "f_to_p")
# Fibrillation and flutter waves: 4 to 9 a second (Petrutiu et al. 2006, 10.1093/europace/eul028).
_F_LOW = 4.0
_F_HIGH = 10.0


def rr_statistics(beats_s: Float64Array) -> dict[str, float]:
    """Statistics of the times between beats.

    Parameters
    ----------
    beats_s : (n,) float64
        Rising; NaN marks a break over which no interval is taken.

    Returns
    -------
    dict with the keys of `RR`, NaN where the beats are too few: three for spreads, five for entropies. Poincare's SD1
    and SD2 as in Brennan et al. 2001, 10.1109/10.959330; sample entropy (m = 1, r = .2 sd) as in Richman & Moorman
    2000.
    """
    out = dict.fromkeys(RR, np.nan)
    rr = np.diff(beats_s)
    rr = rr[np.isfinite(rr)]
    out["beats"] = float(np.isfinite(beats_s).sum())
    if not len(rr):
        return out
    median = float(np.median(rr))
    out |= {"rate_bpm": 60 / float(rr.mean()), "rate_lowest_bpm": 60 / float(rr.max()),
            "rate_highest_bpm": 60 / float(rr.min()), "mean_s": float(rr.mean()),
            "longest_to_median": float(rr.max()) / median, "shortest_to_median": float(rr.min()) / median,
            "early_share": float((rr < 0.8 * median).mean())}
    if len(rr) < 3:
        return out
    steps = np.diff(rr)
    sd1 = math.sqrt(float(np.var(steps)) / 2)
    sd2 = math.sqrt(max(2 * float(np.var(rr)) - sd1 ** 2, 0.0))
    out |= {"sd_s": float(rr.std()), "variation": float(rr.std() / rr.mean()),
            "rmssd_s": math.sqrt(float((steps ** 2).mean())), "over_50_ms_share": float((np.abs(steps) > 0.05).mean()),
            "over_20_percent_share": float((np.abs(steps) > 0.2 * median).mean()), "sd1_s": sd1, "sd2_s": sd2,
            "sd1_to_sd2": sd1 / max(sd2, 1e-3)}
    if len(rr) < 5:
        return out
    # Differences of differences: breathing speeds up and slows down over several beats, fibrillation has no trend.
    bends = np.diff(rr, 2)
    counts = np.bincount(np.clip(((rr / median - 0.4) / 0.1).astype(int), 0, 12))
    share = counts[counts > 0] / len(rr)
    turns = (steps[1:] * steps[:-1] < 0) & (np.abs(steps[1:]) > 0.02) & (np.abs(steps[:-1]) > 0.02)
    out |= {"trendless_variation": float(np.median(np.abs(bends)) / median), "turning_share": float(turns.mean()),
            "entropy_bit": float(-(share * np.log2(share)).sum()), "sample_entropy": _sample_entropy(rr)}
    return out


def _sample_entropy(rr: Float64Array) -> float:
    """-log of the share of like neighbors that stay alike one beat later; a half counts where there are none."""
    near = 0.2 * float(rr.std()) + 0.01
    one = np.abs(rr[:-1, None] - rr[None, :-1]) <= near
    two = one & (np.abs(rr[1:, None] - rr[None, 1:]) <= near)
    pairs, kept = (float(m.sum() - len(m)) / 2 for m in (one, two))
    return -math.log(max(kept, 0.5) / max(pairs, 0.5))


def atrial_activity(work: Float64Array, leads: tuple[str, ...], times: dict[str, Float64Array],
                    p_confidence: Float64Array, p_coherence: float) -> dict[str, float]:
    """P waves and what there is between T and the next QRS.

    Parameters
    ----------
    work : (leads, n) float64
        At 500 samples a second, NaN where a lead isn't drawn.
    leads : tuple of str
    times : dict of wave to (leads, beats)
        Seconds.
    p_confidence : (leads, beats)
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
    with np.errstate(all="ignore"):
        if has_p.any():
            pr = middle(times["qrs_onset"]) - middle(times["p_onset"])
            out |= {"pr_s": float(np.nanmedian(pr)), "pr_sd_s": float(np.nanstd(pr)),
                    "p_confidence": float(np.nanmedian(p_confidence)),
                    "p_duration_s": float(np.nanmedian(middle(times["p_offset"]) - middle(times["p_onset"])))}
    found = [_between(work[row], {wave: values[row] for wave, values in times.items()})
             for row, name in enumerate(leads) if name in ("II", "V1", "III", "aVF", "V2") and drawn[row].sum() >= 3]
    for key in ("p_to_qrs", "f_power_share", "f_peak_hz", "f_peak_share", "f_to_qrs", "f_to_p"):
        values = [f[key] for f in found if np.isfinite(f[key])]
        if values:
            out[key] = float(np.median(values))
    return out


def _between(signal: Float64Array, times: dict[str, Float64Array]) -> dict[str, float]:
    """Of one lead: P against QRS, and the spectrum of what lies between T's end and QRS."""
    out = dict.fromkeys(("p_to_qrs", "f_power_share", "f_peak_hz", "f_peak_share", "f_to_qrs", "f_to_p"), np.nan)
    known = np.flatnonzero(np.isfinite(signal))
    part = slice(known[0], known[-1] + 1)
    low = filtered(filtered(bridged(signal[None, part])[0], 30, "lowpass", FS_HZ), 0.5, "highpass", FS_HZ)
    onset, t_end = (np.rint(times[w] * FS_HZ - known[0]) for w in ("qrs_onset", "t_offset"))
    r, p = (np.rint(times[w] * FS_HZ - known[0]) for w in ("r_peak", "p_peak"))
    height = [np.ptp(low[max(int(k) - 40, 0):int(k) + 40]) for k in r if np.isfinite(k)]
    qrs = float(np.median(height)) if height else np.nan
    if not qrs > 1e-3:
        return out
    p_heights = [np.ptp(low[max(int(k) - 30, 0):int(k) + 30]) for k in p if np.isfinite(k) and 30 <= k < len(low) - 30]
    out["p_to_qrs"] = float(np.median(p_heights)) / qrs if p_heights else 0.0
    pieces = []
    for k in range(1, len(onset)):
        start, stop = t_end[k - 1], onset[k] - 5
        if np.isfinite(start) and np.isfinite(stop) and stop - start >= 75:
            piece = low[int(start):int(stop)]
            pieces.append(piece - piece.mean())
    if not pieces:
        return out
    power, total = np.zeros(129), 0.0
    for piece in pieces:
        frequency, density = welch(piece, FS_HZ / 1, nperseg=min(len(piece), 512), nfft=1024, detrend="linear")
        power += density[:129] * len(piece)
        total += len(piece)
    power, frequency = power / total, frequency[:129]
    band = (frequency >= _F_LOW) & (frequency <= _F_HIGH)
    everything = (frequency >= 1) & (frequency <= 30)
    peak = int(np.flatnonzero(band)[power[band].argmax()])
    near = np.abs(frequency - frequency[peak]) <= 1
    size = math.sqrt(float(np.mean([np.var(piece) for piece in pieces])))
    out |= {"f_power_share": float(power[band].sum() / max(power[everything].sum(), 1e-12)),
            "f_peak_hz": float(frequency[peak]),
            "f_peak_share": float(power[near].sum() / max(power[everything].sum(), 1e-12)), "f_to_qrs": size / qrs,
            "f_to_p": size / max(out["p_to_qrs"] * qrs, 0.01)}
    return out
