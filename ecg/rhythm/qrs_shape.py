"""Shape of QRS in the average beats: Q waves, r' in V1 and V2, the end of S in I and V6, notches, voltages; and T.

What cardiologists name in bundle branch blocks (Surawicz et al. 2009, 10.1161/CIRCULATIONAHA.108.191095), infarcts
(Thygesen et al. 2018, 10.1161/CIR.0000000000000617), hypertrophy (Hancock et al. 2009, 10.1016/j.jacc.2008.12.015) and
fragmented QRS (Das et al. 2006, 10.1161/CIRCULATIONAHA.105.595892).
"""
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.signal import find_peaks

from ecg.beats.preprocess import FS_HZ
from ecg.rhythm.average_beat import AverageBeat
from featurize.arrays import Float64Array, Int64Array

# Columns of single leads, and those of the heart.
SHAPE_OF_LEADS = (("V1", "r_prime_mv"), ("V2", "r_prime_mv"), ("V1", "last_peak_s"), ("I", "end_s_mv"),
                  ("I", "end_s_s"), ("V6", "end_s_mv"), ("V6", "end_s_s"), ("I", "r_peak_s"), ("V6", "r_peak_s"))
SHAPE = ("q_inferior_mv", "q_inferior_s", "q_anterior_mv", "q_anterior_s", "q_lateral_mv", "q_lateral_s",
         "notched_leads", "sokolow_lyon_mv", "cornell_mv", "r_v3_mv", "least_lateral_t_mv", "least_lateral_st_mv",
         "limb_voltage_mv", "t_to_r", "flat_t_leads", "negative_t_leads")
# Contiguous leads (Thygesen et al. 2018): a Q wave counts as it is in the second largest of them.
_TERRITORIES = {"inferior": ("II", "III", "aVF"), "anterior": ("V1", "V2", "V3", "V4"),
                "lateral": ("I", "aVL", "V5", "V6")}
_LATERAL = ("I", "aVL", "V5", "V6")
# Leads in which T is upright in adults (Rautaharju et al. 2009, 10.1161/CIRCULATIONAHA.108.191096), but aVL.
_UPRIGHT_T = ("I", "II", "V4", "V5", "V6")
# T is flat up to this height, mV, and negative from that depth on (the same).
_FLAT_T_MV = 0.1
# Least R that T is divided by, mV.
_LEAST_R_MV = 0.1
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
# A deflection is this high at least, mV,
_LEAST_MV = 0.03
# and has this share of the height of QRS in its lead.
_LEAST_SHARE = 0.04
# Extrema of a QRS without notch: q, R and S.
_PLAIN_EXTREMA = 3
# T and ST are read in the average beat from this time behind QRS on, s; ST at the end of it, as in `morphology`.
_ST_S = 0.06


def qrs_shape(averages: Mapping[str, AverageBeat]) -> dict[str, float]:
    """Numbers on the shape of QRS; NaN where a lead is not drawn.

    Parameters
    ----------
    averages : mapping of lead to AverageBeat
        Of `ecg.rhythm.average_beat.average_beats`.

    Returns
    -------
    dict of `<lead>_<name>` for `SHAPE_OF_LEADS` and of the names of `SHAPE`
        Heights in mV, times in s. `last_peak_s` is the time from the onset of QRS to its last upward peak, `r_peak_s`
        to its highest; `end_s_*` are depth and length of what is below the level behind R.
    """
    found = {lead: _of_a_lead(beat) for lead, beat in averages.items()}

    def of(lead: str, name: str) -> float:
        return found[lead][name] if lead in found else math.nan

    out = {f"{lead}_{name}": of(lead, name) for lead, name in SHAPE_OF_LEADS}
    for territory, leads in _TERRITORIES.items():
        for unit in ("mv", "s"):
            out[f"q_{territory}_{unit}"] = _second_largest([of(lead, f"q_{unit}") for lead in leads])
    notches = [values["extra_extrema"] for values in found.values()]
    out |= {"notched_leads": float(sum(extra > 0 for extra in notches)) if notches else math.nan,
            "sokolow_lyon_mv": of("V1", "s_mv") + _largest([of(lead, "r_mv") for lead in ("V5", "V6")]),
            "cornell_mv": of("aVL", "r_mv") + of("V3", "s_mv"), "r_v3_mv": of("V3", "r_mv"),
            "least_lateral_t_mv": -_largest([-of(lead, "t_mv") for lead in _LATERAL]),
            "least_lateral_st_mv": -_largest([-of(lead, "st_mv") for lead in _LATERAL]),
            **_t_waves([found[lead] for lead in _UPRIGHT_T if lead in found]),
            "limb_voltage_mv": _largest([of(lead, "r_mv") + of(lead, "s_mv") for lead in _LIMB])}
    return out


def _t_waves(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median ratio of T to R, and how many leads have a flat or negative T."""
    t = np.array([values["t_mv"] for values in found])
    r = np.array([max(values["r_mv"], _LEAST_R_MV) for values in found])
    known = np.isfinite(t)
    if not known.any():
        return dict.fromkeys(("t_to_r", "flat_t_leads", "negative_t_leads"), math.nan)
    return {"t_to_r": float(np.median(t[known] / r[known])),
            "flat_t_leads": float((np.abs(t[known]) < _FLAT_T_MV).sum()),
            "negative_t_leads": float((t[known] <= -_FLAT_T_MV).sum())}


def _of_a_lead(beat: AverageBeat) -> dict[str, float]:
    qrs = beat.qrs
    least = max(_LEAST_MV, _LEAST_SHARE * float(np.ptp(qrs)))
    tops, bottoms = _extrema(qrs, least), _extrema(-qrs, least)
    r = int(qrs.argmax()) if qrs.max() >= least else 0
    q = _q_wave(qrs, least)
    end = np.minimum(qrs[r:], 0) if qrs.max() >= least else np.zeros(1)
    last = int(tops[-1]) if len(tops) else 0
    after = beat.mv[beat.offset + int(_ST_S * FS_HZ):]
    return {"q_mv": q[0], "q_s": q[1], "r_prime_mv": _r_prime(qrs, tops, bottoms), "last_peak_s": last / FS_HZ,
            "end_s_mv": -float(end.min()), "end_s_s": float((end < -_LEAST_MV).sum()) / FS_HZ, "r_peak_s": r / FS_HZ,
            "extra_extrema": float(max(len(tops) + len(bottoms) - _PLAIN_EXTREMA, 0)),
            "r_mv": max(float(qrs.max()), 0.0), "s_mv": max(-float(qrs.min()), 0.0),
            "t_mv": _largest_by_size(after), "st_mv": float(after[0]) if len(after) else math.nan}


def _extrema(qrs: Float64Array, least: float) -> Int64Array:
    """Samples of the upward peaks that stand out by `least`; the ends of QRS are its level, not peaks."""
    padded = np.concatenate([[min(qrs[0], 0.0)], qrs, [min(qrs[-1], qrs[-2])]])
    return np.asarray(find_peaks(padded, prominence=least)[0] - 1, np.int64)


def _r_prime(qrs: Float64Array, tops: Int64Array, bottoms: Int64Array) -> float:
    """Height of the last upward peak above the lowest point before it, if an upward peak or S is before it; else 0."""
    if not len(tops):
        return 0.0
    before = bottoms[bottoms < tops[-1]]
    if not len(before) or (len(tops) < 2 and qrs[before].min() > -2 * _LEAST_MV):
        return 0.0
    return max(float(qrs[tops[-1]]), 0.0)


def _q_wave(qrs: Float64Array, least: float) -> tuple[float, float]:
    """Depth in mV and length in s of what is below the level before the first upward deflection of QRS."""
    up = np.flatnonzero(qrs >= least)
    first = int(up[0]) if len(up) else len(qrs)
    part = qrs[:first]
    below = part <= -_LEAST_MV
    return (-float(part.min()), float(below.sum()) / FS_HZ) if below.any() else (0.0, 0.0)


def _largest_by_size(values: Float64Array) -> float:
    known = values[np.isfinite(values)]
    return float(known[np.abs(known).argmax()]) if len(known) else math.nan


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return max(known) if known else math.nan


def _second_largest(values: Sequence[float]) -> float:
    known = sorted(value for value in values if math.isfinite(value))
    return known[-2] if len(known) > 1 else math.nan
