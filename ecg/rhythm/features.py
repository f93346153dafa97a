"""One row of named numbers for each record, in the same table format that images have: `classify` takes it."""
from collections.abc import Sequence

import numpy as np

from ecg.beats.delineate import Beats
from ecg.beats.preprocess import FS_HZ, bridged, filtered, middle, resampled
from ecg.lead_table import LEADS
from ecg.rhythm.morphology import INTERVALS, LIKENESS, SIZES, intervals, lead_sizes, likeness_of_beats
from ecg.rhythm.rr_and_atria import ATRIA, RR, atrial_activity, rr_statistics
from featurize.arrays import Float64Array

# The families of the columns `<part>_<family>_<feature>`, with their versions as a table of images has them.
# Raised with any change of a family's numbers: models refuse tables of another one. All but "signal" follow from beats.
FAMILIES = {"rr": 2, "atria": 2, "ventricles": 2, "waves": 2, "signal": 1}
FEATURES = tuple([*(f"heart_rr_{n}" for n in RR), *(f"heart_atria_{n}" for n in ATRIA),
                  *(f"heart_ventricles_{n}" for n in (*INTERVALS, *LIKENESS)),
                  *(f"{lead}_waves_{size}" for lead in LEADS for size in SIZES)])
NUISANCE = ("record_signal_noise_mv", "record_signal_leads", "record_signal_seconds")


def rhythm_row(signals: Float64Array, beats: Beats) -> dict[str, float]:
    """The features of a record.

    Parameters
    ----------
    signals : (leads, n) float64
        mV, NaN where a lead is not drawn.
    beats : Beats
        As `find_beats` gave them for the same signals.

    Returns
    -------
    dict with the keys of `FEATURES` and `NUISANCE`; NaN where a record cannot tell.
    """
    work = resampled(signals, beats.fs_hz)
    sizes = lead_sizes(work, beats.leads, beats.times)
    parts: Sequence[tuple[str, dict[str, float]]] = (
        ("heart_rr_", rr_statistics(beat_times(beats))),
        ("heart_atria_", atrial_activity(work, beats.leads, beats.times, beats.confidence["p"], beats.p_coherence)),
        ("heart_ventricles_", intervals(beats.times, sizes)),
        ("heart_ventricles_", likeness_of_beats(work, beats.times)))
    row = {f"{prefix}{name}": value for prefix, values in parts for name, value in values.items()}
    row |= {f"{key.split('_')[0]}_waves_{key.split('_', 1)[1]}": value for key, value in sizes.items()}
    row |= {"record_signal_noise_mv": _noise(work), "record_signal_leads": float(np.isfinite(work).any(axis=1).sum()),
            "record_signal_seconds": float(np.isfinite(work).any(axis=0).sum() / FS_HZ)}
    return {name: float(row[name]) for name in (*FEATURES, *NUISANCE)}


def beat_times(beats: Beats) -> Float64Array:
    """(n,) seconds of the beats, one RR after the other: the middle of what the leads that show both beats say.

    NaN stands between two beats that lie in stretches without a common lead, more than 2.5 s apart.
    """
    onset = middle(beats.times["qrs_onset"])
    if not len(onset):
        return onset
    steps = middle(np.diff(beats.times["r_peak"], axis=1))
    times: list[float] = [float(onset[0])]
    for k, step in enumerate(steps):
        if np.isfinite(step):
            times.append(times[-1] + float(step))
            continue
        apart = float(onset[k + 1] - onset[k])
        times += [np.nan, float(onset[k + 1])] if apart > 2.5 else [times[-1] + apart]
    return np.array(times)


def _noise(work: Float64Array) -> float:
    """Usual size of what is above 40 Hz, mV."""
    found = []
    for row in work:
        known = np.flatnonzero(np.isfinite(row))
        if known.size > FS_HZ / 2:
            part = bridged(row[None, known[0]:known[-1] + 1])[0]
            found.append(float(np.median(np.abs(part - filtered(part, 40, "lowpass", FS_HZ)))))
    return float(np.median(found)) if found else np.nan
