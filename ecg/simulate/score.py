"""Signal to error power of digitized signals, as the contest "PhysioNet - Digitization of ECG Images" measures it.

Before errors are summed over a page, each lead is shifted by at most 0.2 s and freed of its offset.
"""
import numpy as np
import pandas as pd
from scipy.signal import correlate

from featurize.arrays import Float64Array

# Largest shift of a lead, s: the contest's.
_LONGEST_SHIFT_S = 0.2
# Largest power ratio of a page, 25.84 dB: the contest's.
LARGEST_RATIO = 384.0


def page_ratio(truth: pd.DataFrame, found: pd.DataFrame, fs_hz: float) -> float:
    """Signal to error power of a page, at most 384.

    Parameters
    ----------
    truth, found : DataFrame
        A column a lead, mV; NaN where it is not drawn. Leads that `found` lacks count as zero.
    fs_hz : float
    """
    power = error = 0.0
    for lead in truth.columns[truth.notna().any().to_numpy()]:
        known = truth[lead].notna().to_numpy()
        y = truth[lead].to_numpy(dtype=float)[known]
        p = np.nan_to_num(found[lead].to_numpy(dtype=float)[:len(known)][known]) if lead in found else np.zeros_like(y)
        power += float((y ** 2).sum())
        error += lead_error(y, p, fs_hz)
    return min(power / max(error, 1e-12), LARGEST_RATIO)


def lead_error(y: Float64Array, p: Float64Array, fs_hz: float) -> float:
    """Sum of squared errors of a lead p (n,) against the truth y (n,) after the best shift and offset.

    Samples that the shift leaves empty count as zero.
    """
    both = correlate(y - y.mean(), p - p.mean())
    lags = np.arange(1 - len(y), len(y))
    near = np.abs(lags) <= int(_LONGEST_SHIFT_S * fs_hz)
    lag = int(lags[near][both[near].argmax()])
    moved = np.full(len(y), np.nan)
    if lag >= 0:
        moved[lag:] = p[:len(y) - lag]
    else:
        moved[:lag] = p[-lag:]
    ok = np.isfinite(moved)
    moved -= (moved[ok] - y[ok]).mean()
    return float(((y - np.where(ok, moved, 0)) ** 2).sum())


def decibels(ratios: list[float]) -> float:
    """Mean of power ratios in dB, as the contest averages pages."""
    return float(10 * np.log10(max(float(np.mean(ratios)), 1e-9)))
