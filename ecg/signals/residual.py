"""How far leads I, II and III of one time are from I + III = II (Einthoven 1912): one number for any page or record."""
import numpy as np

from ecg.lead_table import LEADS
from featurize.arrays import BoolArray, Float64Array

# Samples at which all three leads must be known: with fewer the median is no offset. 0.1 s at 500 Hz.
LEAST_SAMPLES = 50
# aVF - aVR is so many times II (Goldberger 1942).
_AUGMENTED_OF_II = 1.5


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


def limb_disagreement(mv: Float64Array) -> float:
    """How far the limb leads are from the laws that hold between them, as a share of their own size.

    The laws, each tested where its leads are drawn at one time: I + III = II (Einthoven 1912), aVR + aVL + aVF = 0 and
    aVF - aVR = 1.5 II (Goldberger 1942). Leads that are right give 0; leads that have nothing to do with each other
    give 1 or more.

    Parameters
    ----------
    mv : (12, n) float64
        In the order of `ecg.lead_table.LEADS`; NaN where a lead is not drawn.

    Returns
    -------
    float
        The largest residual of a law over the root mean square of all limb leads, each without its mean. NaN where no
        law can be tested or the limb leads are flat.
    """
    one, two, three, avr, avl, avf = (mv[LEADS.index(lead)] for lead in ("I", "II", "III", "aVR", "aVL", "aVF"))
    residuals = np.array([einthoven_residual_mv(one, two, three), einthoven_residual_mv(avr, -avl, avf),
                          einthoven_residual_mv(avf / _AUGMENTED_OF_II, two, -avr / _AUGMENTED_OF_II)])
    limb = [lead[np.isfinite(lead)] for lead in (one, two, three, avr, avl, avf)]
    size_mv = float(np.sqrt(np.mean([np.var(lead) for lead in limb if len(lead)]))) if any(map(len, limb)) else 0.0
    if not size_mv or np.isnan(residuals).all():
        return float("nan")
    return float(np.nanmax(residuals)) / size_mv
