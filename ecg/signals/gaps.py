"""Gaps in a lead (a tear, a stain, another trace over it) filled with another stretch of the same lead.

Beats repeat. The stretch is taken from the time at which the surroundings of the gap, and the other leads, look most
like they do at the gap (exemplar-based filling: Efros and Leung 1999, doi:10.1109/ICCV.1999.790383, in one dimension).
Filled samples keep their low likelihood.
"""
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from featurize.arrays import BoolArray, Float64Array, IntpArray, runs_of_true

# Longer gaps stay as they are, s.
_LONGEST_S = 1.2
# Signal at each side of a gap that is compared with other times, s.
_AROUND_S = 0.35
# Samples this close to a gap count as hidden too, s: what hides the gap may have changed them.
_SPOILT_S = 0.008
# Share of the surroundings that must be known at the other time.
_LEAST_KNOWN = 0.7
# Largest mean squared difference of the surroundings, as a share of their variance; above it the gap is not filled.
_MOST_DIFFERENT = 0.25
# Difference that is counted for another lead that is not drawn at the other time, as a share of its variance.
_NOT_DRAWN = 0.1
# The filling is shifted to the mean level of this much signal at each side of the gap, s.
_JOIN_S = 0.024


@dataclass(frozen=True)
class _Seen:
    """All leads as they were seen.

    Parameters
    ----------
    mv : (leads, n) float64
        0 where not known.
    known : (leads, n) bool
    fs_hz : float
    """

    mv: Float64Array
    known: BoolArray
    fs_hz: float


def fill_gaps(mv: Float64Array, likelihood: Float64Array, fs_hz: float, doubt: float, shortest_s: float) -> None:
    """Fill the gaps of all leads; `mv` is changed in place.

    Parameters
    ----------
    mv, likelihood : (leads, n) float64
        mV, and how surely each sample was seen, 0 to 1; NaN outside the window of a lead.
    fs_hz : float
    doubt : float
        Samples with a lower likelihood count as hidden.
    shortest_s : float
        Shorter gaps stay as they are.
    """
    drawn = np.isfinite(mv)
    hidden = [_spans(drawn[k] & (likelihood[k] < doubt), shortest_s * fs_hz) for k in range(len(mv))]
    grow = round(_SPOILT_S * fs_hz)
    known = drawn.copy()
    for k, spans in enumerate(hidden):
        for begin, end in spans:
            known[k, max(0, begin - grow):end + grow] = False
    seen = _Seen(np.where(known, mv, 0), known, fs_hz)
    for k, spans in enumerate(hidden):
        at = np.flatnonzero(drawn[k])
        for begin, end in spans:
            # At its first and last moments a lead has surroundings at one side only: too little to judge by.
            if begin - grow > at[0] and end + grow <= at[-1] and end - begin < _LONGEST_S * fs_hz:
                _fill(mv[k], k, seen, begin - grow, end + grow)


def _spans(flags: BoolArray, least: float) -> list[tuple[int, int]]:
    spans = zip(*(ends.tolist() for ends in runs_of_true(flags)))
    return [(a, b) for a, b in spans if b - a >= least]


def _fill(row: Float64Array, lead: int, seen: _Seen, begin: int, end: int) -> None:
    """Fill row[begin:end] of a lead from the time at which it and the other leads look most alike."""
    n = len(row)
    reach = round(_AROUND_S * seen.fs_hz)
    around = np.zeros(n, bool)
    around[max(0, begin - reach):end + reach] = True
    gap = np.zeros(n)
    gap[begin:end] = 1
    own_mv, own_known = seen.mv[lead], seen.known[lead]
    own = _differences(own_mv, own_known, around & own_known)
    # Lags at which the lead is known for the whole length of the gap.
    whole = np.round(correlate(own_known.astype(float), gap, method="fft")) == end - begin
    # Leads that are seen during the gap tell where in a beat it lies.
    others = [_differences(seen.mv[k], seen.known[k], around & seen.known[k]) for k in range(len(seen.mv))
              if k != lead and seen.known[k, begin:end].all()]
    others = [np.where(np.isfinite(other), other, _NOT_DRAWN) for other in others]
    total = np.where(whole & (own < _MOST_DIFFERENT), own + sum(others, np.zeros_like(own)), np.inf)
    best = int(np.argmin(total))
    if not np.isfinite(total[best]):
        return
    lag = best - (n - 1)
    side = max(1, round(_JOIN_S * seen.fs_hz))
    left = _level_step_mv(row, own_mv, own_known, np.arange(begin - side, begin), lag)
    right = _level_step_mv(row, own_mv, own_known, np.arange(end, end + side), lag)
    left, right = (right if np.isnan(left) else left), (left if np.isnan(right) else right)
    row[begin:end] = own_mv[begin + lag:end + lag] + np.linspace(left, right, end - begin)


def _level_step_mv(row: Float64Array, mv: Float64Array, known: BoolArray, at: IntpArray, lag: int) -> float:
    """Mean of the row at some samples less that of the lead `lag` samples later, mV; NaN where neither is known.

    Parameters
    ----------
    row : (n,) float64
        The lead that is filled.
    mv, known : (n,) float64, (n,) bool
        The same lead as it was seen.
    at : (m,) intp
        Samples; those outside the record are left out.
    lag : int
    """
    at = at[(at >= 0) & (at < len(row)) & (at + lag >= 0) & (at + lag < len(row))]
    at = at[known[at] & known[at + lag]]
    return float(np.mean(row[at] - mv[at + lag])) if len(at) else np.nan


def _differences(mv: Float64Array, known: BoolArray, around: BoolArray) -> Float64Array:
    """(2 n - 1,) mean squared difference of the samples `around` from those `lag` later, for lag = 1 - n to n - 1.

    Apart from an offset, and as a share of the variance of the samples; infinite where too few samples are known.
    """
    m, w = known.astype(float), around.astype(float)
    x = mv * w

    def sums(a: Float64Array, b: Float64Array) -> Float64Array:
        return np.asarray(correlate(a, b, method="fft"))

    count = np.maximum(sums(m, w), 1e-9)
    square = sums(m, x * x) - 2 * sums(mv, x) + sums(mv * mv, w)
    offset = sums(m, x) - sums(mv, w)
    variance = max(float(np.var(mv[around])), 1e-9) if around.any() else 1.0
    out = np.maximum(square - offset ** 2 / count, 0) / count / variance
    return np.where(count > _LEAST_KNOWN * max(float(w.sum()), 1.0), out, np.inf)
