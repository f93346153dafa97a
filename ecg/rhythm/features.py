"""One row of named numbers for each record, in the same table format that images have: `classify` takes it."""
from collections.abc import Sequence

import numpy as np

from ecg.beats.delineate import Beats
from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, median_over_leads, resampled, without_gaps
from ecg.lead_table import LEADS
from ecg.rhythm.average_beat import average_beats, usual_beats
from ecg.rhythm.f_waves import F_WAVES, f_wave_residual
from ecg.rhythm.morphology import INTERVALS, QRS_SIMILARITY, SIZES, beats_alike, intervals, lead_sizes, qrs_similarity
from ecg.rhythm.p_and_f_waves import ATRIA, atrial_activity
from ecg.rhythm.pacing import PACING, pacing_spikes
from ecg.rhythm.qrs_shape import SHAPE, SHAPE_OF_LEADS, qrs_shape
from ecg.rhythm.rr import RR, USUAL_RR, rr_statistics, usual_rr
from featurize.arrays import Float64Array, Int64Array, runs_of_true

# The families of the columns `<part>_<family>_<feature>`, with their versions as a table of images has them.
# Raised with any change of a family's numbers: models refuse tables of another one. All but "signal" follow from beats.
FAMILIES = {"rr": 5, "atria": 5, "ventricles": 5, "shape": 1, "pacing": 1, "waves": 5, "signal": 2}
FEATURES = tuple([*(f"heart_rr_{n}" for n in (*RR, *USUAL_RR)), *(f"heart_atria_{n}" for n in (*ATRIA, *F_WAVES)),
                  *(f"heart_ventricles_{n}" for n in (*INTERVALS, *QRS_SIMILARITY)),
                  *(f"heart_shape_{n}" for n in SHAPE), *(f"{lead}_shape_{n}" for lead, n in SHAPE_OF_LEADS),
                  *(f"heart_pacing_{n}" for n in PACING),
                  *(f"{lead}_waves_{size}" for lead in LEADS for size in SIZES)])
NUISANCE = ("record_signal_noise_mv", "record_signal_leads", "record_signal_seconds")
# Longest time between two beats without a common lead that is taken for one RR interval, s.
_LONGEST_RR_S = 2.5
# A time without any lead hides a QRS from this length on, s: no interval is taken over it.
_HIDES_QRS_S = 0.1
# What is above this frequency is noise, Hz.
_NOISE_HZ = 40
# Noise is measured in leads longer than this, s.
_SHORTEST_NOISE_S = 0.5


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
    dict with the keys of `FEATURES` and `NUISANCE`; NaN where a record does not show what is measured.
    """
    record = resampled(signals, beats.fs_hz)
    sizes = lead_sizes(record, beats.leads, beats.times)
    alike = beats_alike(record, beats.times)
    usual = usual_beats(beats.times, alike)
    averages = average_beats(record, beats.leads, beats.times, usual)
    times = beat_times(beats, missing_spans(record))
    parts: Sequence[tuple[str, dict[str, float]]] = (
        ("heart_rr_", rr_statistics(times) | usual_rr(times, usual)),
        ("heart_atria_", atrial_activity(record, beats.leads, beats.times, beats.confidence["p"], beats.p_coherence)),
        ("heart_atria_", f_wave_residual(record, beats.leads, beats.times)),
        ("heart_ventricles_", intervals(beats.times, sizes)),
        ("heart_ventricles_", qrs_similarity(alike, usual)),
        ("heart_pacing_", pacing_spikes(signals, beats.fs_hz, len(alike))))
    row = {f"{prefix}{name}": value for prefix, values in parts for name, value in values.items()}
    row |= {f"{key.split('_')[0]}_waves_{key.split('_', 1)[1]}": value for key, value in sizes.items()}
    row |= {f"heart_shape_{key}" if key in SHAPE else f"{key.split('_')[0]}_shape_{key.split('_', 1)[1]}": value
            for key, value in qrs_shape(averages).items()}
    known = np.isfinite(record)
    row |= {"record_signal_noise_mv": _noise(record), "record_signal_leads": float(known.any(axis=1).sum()),
            "record_signal_seconds": float(known.any(axis=0).sum() / FS_HZ)}
    return {name: float(row[name]) for name in (*FEATURES, *NUISANCE)}


def missing_spans(record: Float64Array) -> Int64Array:
    """(k, 2) first samples and those behind the last of times in which no lead is drawn, between such in which one is.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    """
    spans = np.column_stack(runs_of_true(np.asarray(~np.isfinite(record).any(axis=0), np.bool_)))
    inner = (spans[:, 0] > 0) & (spans[:, 1] < record.shape[1])
    return spans[inner & (np.diff(spans)[:, 0] >= _HIDES_QRS_S * FS_HZ)].astype(np.int64)


def beat_times(beats: Beats, missing: Int64Array | None = None) -> Float64Array:
    """(n,) seconds of the beats, one RR after the other: its median over the leads that show both beats.

    NaN stands between two beats between which no lead is drawn for a time, and between two without a common lead that
    are more than 2.5 s apart.

    Parameters
    ----------
    beats : Beats
    missing : (k, 2) int64, optional
        Of `missing_spans`.
    """
    onset = median_over_leads(beats.times["qrs_onset"])
    if not len(onset):
        return onset
    gaps_s = np.zeros((0, 2)) if missing is None else missing / FS_HZ
    rr = median_over_leads(np.diff(beats.times["r_peak"], axis=1))
    times: list[float] = [float(onset[0])]
    for k, interval in enumerate(rr):
        apart = float(onset[k + 1] - onset[k])
        hidden = bool(((gaps_s[:, 1] > onset[k]) & (gaps_s[:, 0] < onset[k + 1])).any())
        if np.isfinite(interval) and not hidden:
            times.append(times[-1] + float(interval))
        else:
            times += [np.nan, float(onset[k + 1])] if hidden or apart > _LONGEST_RR_S else [times[-1] + apart]
    return np.array(times)


def _noise(record: Float64Array) -> float:
    """Usual size of what is above 40 Hz, mV."""
    found = []
    for row in record:
        if np.isfinite(row).sum() > _SHORTEST_NOISE_S * FS_HZ:
            signal = without_gaps(row[None, drawn_part(row)])[0]
            found.append(float(np.median(np.abs(signal - filtered(signal, _NOISE_HZ, "lowpass", FS_HZ)))))
    return float(np.median(found)) if found else np.nan
