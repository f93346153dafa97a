"""Sizes and times of a record's waves, lead by lead and together: intervals, axis, ST, T."""
import math

import numpy as np

from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, median_over_leads, without_gaps
from ecg.lead_table import LEADS
from featurize.arrays import BoolArray, Float64Array

INTERVALS = ("qrs_s", "qrs_sd_s", "qrs_widest_s", "qt_s", "qtc_bazett_s", "qtc_fridericia_s", "jt_s", "axis_deg",
             "axis_cos", "axis_sin", "wide_share")
QRS_SIMILARITY = ("alike", "least_alike", "unusual_share")
SIZES = ("r_mv", "s_mv", "r_to_s", "st_mv", "st_slope_mv_s", "t_mv", "p_mv", "qrs_area_mv_ms")
# QRS is wide above this, s (`wide_share`).
_WIDE_QRS_S = 0.12
# aVF is recorded 2 / sqrt(3) times smaller than a bipolar lead would be.
_AUGMENTED_FACTOR = 2 / math.sqrt(3)
# Low-pass in which sizes and shapes are measured, Hz.
_LOWPASS_HZ = 40
# Shapes of QRS are compared from this time before its onset, s,
_COMPARED_BEFORE_S = 0.05
# to this time behind its onset, s,
_COMPARED_AFTER_S = 0.15
# in leads with this many beats.
_LEAST_BEATS = 3
# The level is the mean of this many samples before QRS, at 500 a second.
_LEVEL_SAMPLES = 8
# ST is measured at this time behind the end of QRS, s.
_ST_S = 0.06
# The slope of ST is measured from there to this time behind the end of QRS, s,
_ST_LATER_S = 0.1
# which is a time of this length, s.
_ST_SLOPE_S = 0.04
# Least S that R is divided by, mV.
_LEAST_S_MV = 0.02
# Largest ratio of R to S.
_MOST_R_TO_S = 50.0


def intervals(times: dict[str, Float64Array], sizes: dict[str, float]) -> dict[str, float]:
    """Times of the ventricles and the electrical axis.

    Parameters
    ----------
    times : dict of wave to (leads, beats), seconds
    sizes : dict
        As `lead_sizes` gives them: the axis is that of the net QRS areas of I and aVF.

    Returns
    -------
    dict with the keys of `INTERVALS`; QT corrected by Bazett (QT / sqrt(RR)) and Fridericia (QT / RR^(1/3)).
    """
    out = dict.fromkeys(INTERVALS, np.nan)
    onset, offset, t_end = (median_over_leads(times[w]) for w in ("qrs_onset", "qrs_offset", "t_offset"))
    width, qt = offset - onset, t_end - onset
    if np.isfinite(width).any():
        usual = float(np.nanmedian(width))
        out |= {"qrs_s": usual, "qrs_sd_s": float(np.nanstd(width)), "qrs_widest_s": float(np.nanmax(width)),
                "wide_share": float((width[np.isfinite(width)] > _WIDE_QRS_S).mean())}
    rr = np.diff(onset)
    if np.isfinite(qt).any():
        out |= {"qt_s": float(np.nanmedian(qt)), "jt_s": float(np.nanmedian(t_end - offset))}
        if np.isfinite(rr).any():
            interval = float(np.nanmedian(rr))
            out |= {"qtc_bazett_s": out["qt_s"] / math.sqrt(interval),
                    "qtc_fridericia_s": out["qt_s"] / interval ** (1 / 3)}
    lead_i, lead_f = sizes.get("I_qrs_area_mv_ms", np.nan), sizes.get("aVF_qrs_area_mv_ms", np.nan)
    if np.isfinite(lead_i) and np.isfinite(lead_f) and math.hypot(lead_i, lead_f) > 0:
        angle = math.atan2(_AUGMENTED_FACTOR * lead_f, lead_i)
        out |= {"axis_deg": math.degrees(angle), "axis_cos": math.cos(angle), "axis_sin": math.sin(angle)}
    return out


def qrs_similarity(alike: Float64Array, usual: BoolArray) -> dict[str, float]:
    """The median of the beats' likeness to the median beat, the lowest, and the share of beats of another shape.

    Parameters
    ----------
    alike : (beats,) float64
        Of `beats_alike`.
    usual : (beats,) bool
        Of `ecg.rhythm.average_beat.usual_beats`.

    Returns
    -------
    dict with the keys of `QRS_SIMILARITY`
    """
    out = dict.fromkeys(QRS_SIMILARITY, np.nan)
    known = alike[np.isfinite(alike)]
    if len(known):
        out |= {"alike": float(np.median(known)), "least_alike": float(known.min())}
    if len(usual):
        out["unusual_share"] = 1 - float(usual.mean())
    return out


def beats_alike(signals: Float64Array, times: dict[str, Float64Array]) -> Float64Array:
    """(beats,) correlation of every beat's QRS with the median beat's, mean over the leads; NaN where not comparable.

    Parameters
    ----------
    signals : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    times : dict of wave to (leads, beats) float64
        Seconds.
    """
    rows = [row for row in range(len(signals)) if np.isfinite(times["qrs_onset"][row]).sum() >= _LEAST_BEATS]
    onset = median_over_leads(times["qrs_onset"])
    before, after = int(_COMPARED_BEFORE_S * FS_HZ), int(_COMPARED_AFTER_S * FS_HZ)
    total: dict[int, list[float]] = {}
    for row in rows:
        low = filtered(without_gaps(signals[row:row + 1])[0], _LOWPASS_HZ, "lowpass", FS_HZ)
        at = {k: round(onset[k] * FS_HZ) for k in np.flatnonzero(np.isfinite(times["qrs_onset"][row]))}
        parts = {k: low[s - before:s + after] for k, s in at.items() if s >= before and s + after <= len(low)}
        if len(parts) < _LEAST_BEATS:
            continue
        z = np.array([part - part.mean() for part in parts.values()])
        template = np.median(z, axis=0)
        norm = np.sqrt((z ** 2).sum(axis=1) * (template ** 2).sum())
        for k, c in zip(parts, np.divide(z @ template, norm, out=np.zeros(len(z)), where=norm > 0)):
            total.setdefault(int(k), []).append(float(c))
    out = np.full(len(onset), np.nan)
    for number, scores in total.items():
        out[number] = float(np.mean(scores))
    return out


def lead_sizes(signals: Float64Array, leads: tuple[str, ...], times: dict[str, Float64Array]) -> dict[str, float]:
    """Sizes of the waves of each lead, medians over beats, against the level just before QRS.

    Parameters
    ----------
    signals : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    leads : tuple of str
    times : dict of wave to (leads, beats) float64
        Seconds.

    Returns
    -------
    dict of `<lead>_<size>` for the twelve leads and all `SIZES`, NaN where a lead is not drawn. ST is 60 ms behind the
    end of QRS.
    """
    out = {f"{lead}_{size}": np.nan for lead in LEADS for size in SIZES}
    for row, lead in enumerate(leads):
        beats = np.flatnonzero(np.isfinite(times["qrs_onset"][row]))
        if lead not in LEADS or not beats.size or not np.isfinite(signals[row]).any():
            continue
        low = np.full(signals.shape[1], np.nan)
        part = drawn_part(signals[row])
        low[part] = filtered(without_gaps(signals[row:row + 1, part])[0], _LOWPASS_HZ, "lowpass", FS_HZ)
        found = [_beat_sizes(low, {w: times[w][row, k] for w in times}) for k in beats]
        for size in SIZES:
            values = [f[size] for f in found if np.isfinite(f.get(size, np.nan))]
            if values:
                out[f"{lead}_{size}"] = float(np.median(values))
    return out


def _beat_sizes(low: Float64Array, at: dict[str, float]) -> dict[str, float]:
    """Sizes of one beat of a low-passed lead (n,), whose waves are at some seconds; empty if QRS is not whole."""
    def value(seconds: float) -> float:
        k = round(seconds * FS_HZ) if math.isfinite(seconds) else -1
        return float(low[k]) if 0 <= k < len(low) else math.nan

    if not (math.isfinite(at["qrs_onset"]) and math.isfinite(at["qrs_offset"])):
        # The window of the lead ends within the complex.
        return {}
    start, stop = (round(at[w] * FS_HZ) for w in ("qrs_onset", "qrs_offset"))
    level = float(np.mean(low[max(start - _LEVEL_SAMPLES, 0):max(start, 1)]))
    qrs = low[start:stop + 1] - level
    if len(qrs) < 2 or not np.isfinite(qrs).all():
        return {}
    tall, deep = max(float(qrs.max()), 0.0), max(-float(qrs.min()), 0.0)
    st, later = value(at["qrs_offset"] + _ST_S) - level, value(at["qrs_offset"] + _ST_LATER_S) - level
    return {"r_mv": tall, "s_mv": deep, "r_to_s": min(tall / max(deep, _LEAST_S_MV), _MOST_R_TO_S), "st_mv": st,
            "st_slope_mv_s": (later - st) / _ST_SLOPE_S, "t_mv": value(at["t_peak"]) - level,
            "p_mv": value(at["p_peak"]) - level, "qrs_area_mv_ms": float(qrs.sum()) * 1000 / FS_HZ}
