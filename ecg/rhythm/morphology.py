"""Sizes and times of a record's waves, lead by lead and together: intervals, axis, ST, T."""
import math

import numpy as np

from ecg.beats.preprocess import FS_HZ, bridged, filtered, middle
from ecg.lead_table import LEADS
from featurize.arrays import Float64Array

INTERVALS = ("qrs_s", "qrs_sd_s", "qrs_widest_s", "qt_s", "qtc_bazett_s", "qtc_fridericia_s", "jt_s", "axis_deg",
             "axis_cos", "axis_sin", "wide_share")
LIKENESS = ("alike", "least_alike")
SIZES = ("r_mv", "s_mv", "r_to_s", "st_mv", "st_slope_mv_s", "t_mv", "p_mv", "qrs_area_mv_ms")


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
    onset, offset, t_end = (middle(times[w]) for w in ("qrs_onset", "qrs_offset", "t_offset"))
    width, qt = offset - onset, t_end - onset
    if np.isfinite(width).any():
        usual = float(np.nanmedian(width))
        out |= {"qrs_s": usual, "qrs_sd_s": float(np.nanstd(width)), "qrs_widest_s": float(np.nanmax(width)),
                "wide_share": float((width[np.isfinite(width)] > 0.12).mean())}
    rr = np.diff(onset)
    if np.isfinite(qt).any():
        out |= {"qt_s": float(np.nanmedian(qt)), "jt_s": float(np.nanmedian(t_end - offset))}
        if np.isfinite(rr).any():
            interval = float(np.nanmedian(rr))
            out |= {"qtc_bazett_s": out["qt_s"] / math.sqrt(interval),
                    "qtc_fridericia_s": out["qt_s"] / interval ** (1 / 3)}
    lead_i, lead_f = sizes.get("I_qrs_area_mv_ms", np.nan), sizes.get("aVF_qrs_area_mv_ms", np.nan)
    if np.isfinite(lead_i) and np.isfinite(lead_f) and math.hypot(lead_i, lead_f) > 0:
        # aVF is recorded 2 / sqrt(3) times smaller than a bipolar lead would be.
        angle = math.atan2(2 / math.sqrt(3) * lead_f, lead_i)
        out |= {"axis_deg": math.degrees(angle), "axis_cos": math.cos(angle), "axis_sin": math.sin(angle)}
    return out


def likeness_of_beats(work: Float64Array, times: dict[str, Float64Array]) -> dict[str, float]:
    """Correlation of every beat's QRS with the middle beat's, all leads together: the median `alike`, the least one."""
    rows = [row for row in range(len(work)) if np.isfinite(times["qrs_onset"][row]).sum() >= 3]
    onset, scores = middle(times["qrs_onset"]), []
    before, after = int(0.05 * FS_HZ), int(0.15 * FS_HZ)
    total: dict[int, list[float]] = {}
    for row in rows:
        low = filtered(bridged(work[row:row + 1])[0], 40, "lowpass", FS_HZ)
        at = {k: round(onset[k] * FS_HZ) for k in np.flatnonzero(np.isfinite(times["qrs_onset"][row]))}
        parts = {k: low[s - before:s + after] for k, s in at.items() if s >= before and s + after <= len(low)}
        if len(parts) < 3:
            continue
        z = np.array([part - part.mean() for part in parts.values()])
        template = np.median(z, axis=0)
        norm = np.sqrt((z ** 2).sum(axis=1) * (template ** 2).sum())
        for k, c in zip(parts, np.divide(z @ template, norm, out=np.zeros(len(z)), where=norm > 0)):
            total.setdefault(int(k), []).append(float(c))
    scores = [float(np.mean(c)) for c in total.values()]
    if not scores:
        return dict.fromkeys(LIKENESS, np.nan)
    return {"alike": float(np.median(scores)), "least_alike": min(scores)}


def lead_sizes(work: Float64Array, leads: tuple[str, ...], times: dict[str, Float64Array]) -> dict[str, float]:
    """`<lead>_<size>` for the twelve leads, medians over beats, against the level just before QRS; NaN where not drawn.

    ST is 60 ms behind the end of QRS.
    """
    out = {f"{lead}_{size}": np.nan for lead in LEADS for size in SIZES}
    for row, lead in enumerate(leads):
        beats = np.flatnonzero(np.isfinite(times["qrs_onset"][row]))
        known = np.flatnonzero(np.isfinite(work[row]))
        if lead not in LEADS or not beats.size or not known.size:
            continue
        low = np.full(work.shape[1], np.nan)
        part = slice(known[0], known[-1] + 1)
        low[part] = filtered(bridged(work[row:row + 1, part])[0], 40, "lowpass", FS_HZ)
        found = [_one_beat(low, {w: times[w][row, k] for w in times}) for k in beats]
        for size in SIZES:
            values = [f[size] for f in found if np.isfinite(f.get(size, np.nan))]
            if values:
                out[f"{lead}_{size}"] = float(np.median(values))
    return out


def _one_beat(low: Float64Array, at: dict[str, float]) -> dict[str, float]:
    def value(seconds: float) -> float:
        k = round(seconds * FS_HZ) if math.isfinite(seconds) else -1
        return float(low[k]) if 0 <= k < len(low) else math.nan

    if not (math.isfinite(at["qrs_onset"]) and math.isfinite(at["qrs_offset"])):
        # The window of the lead ends within the complex.
        return {}
    start, stop = (round(at[w] * FS_HZ) for w in ("qrs_onset", "qrs_offset"))
    level = float(np.mean(low[max(start - 8, 0):max(start, 1)]))
    qrs = low[start:stop + 1] - level
    if len(qrs) < 2 or not np.isfinite(qrs).all():
        return {}
    tall, deep = max(float(qrs.max()), 0.0), max(-float(qrs.min()), 0.0)
    st, later = value(at["qrs_offset"] + 0.06) - level, value(at["qrs_offset"] + 0.1) - level
    return {"r_mv": tall, "s_mv": deep, "r_to_s": min(tall / max(deep, 0.02), 50.0), "st_mv": st,
            "st_slope_mv_s": (later - st) / 0.04, "t_mv": value(at["t_peak"]) - level,
            "p_mv": value(at["p_peak"]) - level, "qrs_area_mv_ms": float(qrs.sum()) * 1000 / FS_HZ}
