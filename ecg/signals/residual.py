"""How far leads I, II and III of one time are from I + III = II (Einthoven 1912): one number for any page or record."""
import numpy as np

from featurize.arrays import BoolArray, Float64Array

# Samples at which all three leads must be known: with fewer the median is no offset. 0.1 s at 500 Hz.
LEAST_SAMPLES = 50


def without_offset(off: Float64Array, sure: BoolArray) -> Float64Array:
    """Disagreement (n,) of leads less its median, taken over the `sure` samples, or over all without any."""
    return np.asarray(off - (np.median(off[sure]) if sure.any() else np.median(off)), np.float64)


def einthoven_residual_mv(one: Float64Array, two: Float64Array, three: Float64Array,
                          sure: BoolArray | None = None) -> float:
    """Root mean square of I + III - II in mV, after its median was removed.

    The median is removed because it says nothing about the leads: on paper the zero line of a lead is a guess, and
    amplifiers that couple to DC add an electrode's offset to each lead.

    Parameters
    ----------
    one, two, three : (n,) float64
        Leads I, II and III in mV; NaN where a lead is not known.
    sure : (n,) bool, optional
        Samples of which the median is taken; all by default.

    Returns
    -------
    float
        NaN where fewer than 50 samples of all three leads are known.
    """
    off = one + three - two
    known = np.isfinite(off)
    if known.sum() < LEAST_SAMPLES:
        return float("nan")
    off = without_offset(off[known], np.ones(int(known.sum()), bool) if sure is None else sure[known])
    return float(np.sqrt(np.mean(off ** 2)))
