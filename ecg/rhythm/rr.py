"""How regular the beats are: statistics of RR intervals."""
import math

import numpy as np

from featurize.arrays import BoolArray, Float64Array

RR = ("rate_bpm", "rate_lowest_bpm", "rate_highest_bpm", "mean_s", "sd_s", "variation", "rmssd_s", "over_50_ms_share",
      "over_20_percent_share", "sd1_s", "sd2_s", "sd1_to_sd2", "entropy_bit", "sample_entropy", "turning_share",
      "trendless_variation", "early_share", "longest_to_median", "shortest_to_median", "beats")
USUAL_RR = ("usual_variation", "usual_step_share")
# Intervals that spreads need.
_LEAST_FOR_SPREADS = 3
# Intervals that entropies need.
_LEAST_FOR_ENTROPIES = 5
# An interval shorter than this share of the median is early (`early_share`).
_EARLY_RATIO = 0.8
# Differences above this are counted, s (pNN50, `over_50_ms_share`).
_LARGE_DIFFERENCE_S = 0.05
# Differences above this share of the median are counted (`over_20_percent_share`).
_LARGE_DIFFERENCE_SHARE = 0.2
# A change of direction counts if both differences are larger than this, s (`turning_share`).
_TURN_S = 0.02
# Width of the bins of `entropy_bit`, in medians.
_BIN_WIDTH = 0.1
# Lower end of the first bin, in medians.
_BIN_START = 0.4
# Number of the last bin, which holds all longer intervals.
_LAST_BIN = 12
# Tolerance of sample entropy: this share of the standard deviation (Richman & Moorman 2000),
_TOLERANCE_SD_SHARE = 0.2
# plus this, s.
_TOLERANCE_S = 0.01
# Least SD2 that SD1 is divided by, s.
_LEAST_SD2_S = 1e-3


def rr_statistics(beats_s: Float64Array) -> dict[str, float]:
    """Statistics of the times between beats.

    Parameters
    ----------
    beats_s : (n,) float64
        Rising; NaN marks a break over which no interval is taken.

    Returns
    -------
    dict with the keys of `RR`, NaN where the beats are too few: three intervals for spreads, five for entropies.
    Poincare's SD1 and SD2 as in Brennan et al. 2001, 10.1109/10.959330; sample entropy (m = 1, r = .2 sd) as in
    Richman & Moorman 2000.
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
            "early_share": float((rr < _EARLY_RATIO * median).mean())}
    if len(rr) >= _LEAST_FOR_SPREADS:
        out |= _spreads(rr, median)
    if len(rr) >= _LEAST_FOR_ENTROPIES:
        out |= _entropies(rr, median)
    return out


def usual_rr(beats_s: Float64Array, usual: BoolArray) -> dict[str, float]:
    """Irregularity without the intervals before and behind ectopic beats: fibrillation keeps it, ectopy loses it.

    Parameters
    ----------
    beats_s : (n,) float64
        Of `ecg.rhythm.features.beat_times`: rising; NaN marks a break over which no interval is taken.
    usual : (beats,) bool
        Which beats have the usual shape, one for each of `beats_s` that is not NaN; else nothing is measured.

    Returns
    -------
    dict with the keys of `USUAL_RR`: standard deviation of the intervals between usual beats by their mean; median
    difference of one to the next by their median.
    """
    out = dict.fromkeys(USUAL_RR, math.nan)
    finite = np.isfinite(beats_s)
    if finite.sum() != len(usual):
        # NeuroKit2 gives some beats no onset: which of the times is whose is not known then.
        return out
    of_beat = np.zeros(len(beats_s), np.bool_)
    of_beat[finite] = usual
    rr = np.where(of_beat[1:] & of_beat[:-1], np.diff(beats_s), np.nan)
    known, steps = rr[np.isfinite(rr)], np.abs(np.diff(rr))
    if len(known) >= _LEAST_FOR_SPREADS:
        out["usual_variation"] = float(known.std() / known.mean())
        if np.isfinite(steps).any():
            out["usual_step_share"] = float(np.nanmedian(steps) / np.median(known))
    return out


def _spreads(rr: Float64Array, median: float) -> dict[str, float]:
    differences = np.diff(rr)
    sd1 = math.sqrt(float(np.var(differences)) / 2)
    sd2 = math.sqrt(max(2 * float(np.var(rr)) - sd1 ** 2, 0.0))
    return {"sd_s": float(rr.std()), "variation": float(rr.std() / rr.mean()),
            "rmssd_s": math.sqrt(float((differences ** 2).mean())),
            "over_50_ms_share": float((np.abs(differences) > _LARGE_DIFFERENCE_S).mean()),
            "over_20_percent_share": float((np.abs(differences) > _LARGE_DIFFERENCE_SHARE * median).mean()),
            "sd1_s": sd1, "sd2_s": sd2, "sd1_to_sd2": sd1 / max(sd2, _LEAST_SD2_S)}


def _entropies(rr: Float64Array, median: float) -> dict[str, float]:
    differences = np.diff(rr)
    # Breathing speeds the heart up and down over several beats, which second differences leave out; fibrillation has
    # no trend.
    second = np.diff(rr, 2)
    counts = np.bincount(np.clip(((rr / median - _BIN_START) / _BIN_WIDTH).astype(int), 0, _LAST_BIN))
    share = counts[counts > 0] / len(rr)
    large = np.abs(differences) > _TURN_S
    turns = (differences[1:] * differences[:-1] < 0) & large[1:] & large[:-1]
    return {"trendless_variation": float(np.median(np.abs(second)) / median), "turning_share": float(turns.mean()),
            "entropy_bit": float(-(share * np.log2(share)).sum()), "sample_entropy": _sample_entropy(rr)}


def _sample_entropy(rr: Float64Array) -> float:
    """-log of the share of similar pairs that are similar one beat later too; no pairs count as half a pair."""
    tolerance = _TOLERANCE_SD_SHARE * float(rr.std()) + _TOLERANCE_S
    similar = np.abs(rr[:-1, None] - rr[None, :-1]) <= tolerance
    both = similar & (np.abs(rr[1:, None] - rr[None, 1:]) <= tolerance)
    pairs, kept = (float(m.sum() - len(m)) / 2 for m in (similar, both))
    return -math.log(max(kept, 0.5) / max(pairs, 0.5))
