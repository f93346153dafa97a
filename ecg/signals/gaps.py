"""What a tear, a stain or another trace hides: filled with the stretch of the same lead that fits around the gap best.

Hearts repeat themselves. Where a gap's surroundings, and the other leads drawn at that time, look as they do some beats
earlier or later, the hidden part looks as it does there too (exemplar-based filling: Efros and Leung 1999,
doi:10.1109/ICCV.1999.790383, in one dimension). It stays marked as not seen.
"""
import numpy as np
from scipy.signal import correlate

from featurize.arrays import BoolArray, Float64Array, IntpArray, runs_of_true

# Longest gap that is filled, how much around it is compared, and how much beside it may be spoilt, s.
_LONGEST_S = 1.2
_AROUND_S = 0.35
_SPOILT_S = 0.008
# Share of the surroundings that must be known at the other time, and of their variance that may differ.
_LEAST_KNOWN = 0.7
_MOST_DIFFERENT = 0.25
# What a lead that is not drawn at the other time counts, as a share of its variance.
_NOT_DRAWN = 0.1
# Over this much at both sides the filling is brought to the level of what is seen, s.
_JOIN_S = 0.024


def fill_gaps(mv: Float64Array, likelihood: Float64Array, fs_hz: float, doubt: float, shortest_s: float) -> None:
    """Fill the gaps of all leads, in place.

    Parameters
    ----------
    mv, likelihood : (leads, n) float64
        mV and how surely each sample was seen; NaN outside the window of a lead.
    fs_hz : float
    doubt : float
        Likelihood below which a sample counts as not seen.
    shortest_s : float
        Shorter gaps stay as they are.
    """
    drawn = np.isfinite(mv)
    unseen = [_spans(drawn[k] & (likelihood[k] < doubt), shortest_s * fs_hz) for k in range(len(mv))]
    grow = round(_SPOILT_S * fs_hz)
    known = drawn.copy()
    for k, spans in enumerate(unseen):
        for begin, end in spans:
            known[k, max(0, begin - grow):end + grow] = False
    given = np.where(known, mv, 0)
    for k, spans in enumerate(unseen):
        at = np.flatnonzero(drawn[k])
        for begin, end in spans:
            # A lead's first and last moments have one side only to judge by.
            if begin - grow > at[0] and end + grow <= at[-1] and end - begin < _LONGEST_S * fs_hz:
                _fill(mv[k], k, given, known, begin - grow, end + grow, fs_hz)


def _spans(flags: BoolArray, least: float) -> list[tuple[int, int]]:
    spans = zip(*(ends.tolist() for ends in runs_of_true(flags)))
    return [(a, b) for a, b in spans if b - a >= least]


def _fill(row: Float64Array, lead: int, given: Float64Array, known: BoolArray, begin: int, end: int,
          fs_hz: float) -> None:
    """Fill row[begin:end] from where in the same lead it looks alike."""
    n = len(row)
    around = np.zeros(n, bool)
    around[max(0, begin - round(_AROUND_S * fs_hz)):end + round(_AROUND_S * fs_hz)] = True
    gap = np.zeros(n)
    gap[begin:end] = 1
    own = _difference(given[lead], known[lead], around & known[lead])
    whole = np.round(correlate(known[lead].astype(float), gap, method="fft")) == end - begin
    # The gap itself may be seen in other leads: they tell where its beat is.
    others = [_difference(given[k], known[k], around & known[k]) for k in range(len(given))
              if k != lead and known[k, begin:end].all()]
    told = [np.where(np.isfinite(o), o, _NOT_DRAWN) for o in others]
    total = np.where(whole & (own < _MOST_DIFFERENT), own + sum(told, np.zeros_like(own)), np.inf)
    best = int(np.argmin(total))
    if not np.isfinite(total[best]):
        return
    lag = best - (n - 1)
    side = max(1, round(_JOIN_S * fs_hz))
    left = _step(row, given[lead], known[lead], np.arange(begin - side, begin), lag)
    right = _step(row, given[lead], known[lead], np.arange(end, end + side), lag)
    left, right = (right if np.isnan(left) else left), (left if np.isnan(right) else right)
    row[begin:end] = given[lead, begin + lag:end + lag] + np.linspace(left, right, end - begin)


def _step(row: Float64Array, given: Float64Array, known: BoolArray, at: IntpArray, lag: int) -> float:
    """How much higher the row is at a place than what it is filled with, mV; NaN where that is not known."""
    at = at[(at >= 0) & (at < len(row)) & (at + lag >= 0) & (at + lag < len(row))]
    at = at[known[at] & known[at + lag]]
    return float(np.mean(row[at] - given[at + lag])) if len(at) else np.nan


def _difference(given: Float64Array, known: BoolArray, around: BoolArray) -> Float64Array:
    """(2 n - 1,) mean squared difference of what is `around` from what is as far away, for every lag.

    As a share of its variance, apart from an offset; infinite where too little is known.
    """
    m, w = known.astype(float), around.astype(float)
    x = given * w

    def sums(a: Float64Array, b: Float64Array) -> Float64Array:
        return np.asarray(correlate(a, b, method="fft"))

    count = np.maximum(sums(m, w), 1e-9)
    square = sums(m, x * x) - 2 * sums(given, x) + sums(given * given, w)
    offset = sums(m, x) - sums(given, w)
    variance = max(float(np.var(given[around])), 1e-9) if around.any() else 1.0
    out = np.maximum(square - offset ** 2 / count, 0) / count / variance
    return np.where(count > _LEAST_KNOWN * max(float(w.sum()), 1.0), out, np.inf)
