"""Whether the numbers of a record are to be trusted: gaps of all leads, beats that are noise or T waves, too few beats,
numbers that no heart has."""
import math

import numpy as np

from ecg.beats.delineate import Beats
from ecg.beats.preprocess import FS_HZ, median_over_leads, resampled
from ecg.beats.t_as_beats import doubtful_t_waves
from ecg.rhythm.features import FEATURES, missing_spans
from ecg.rhythm.impossible import OF_INTERVALS, without_impossible
from featurize.arrays import Float64Array

# With fewer beats the rhythm and the absence of P waves are not certain.
_FEW_BEATS = 4
# Below this median correlation of beats with the median beat they are noise. 340 records of LUDB and PTB-XL have .59
# and more, white and smoothed noise has .37 and less.
_LEAST_ALIKE = 0.48
# From this share of beats on that may be T waves, the rate is not certain. 340 records of LUDB and PTB-XL have .29 at
# most.
_MANY_T = 0.4


def judge(mv: Float64Array, beats: Beats, row: dict[str, float], doubt: str = ""
          ) -> tuple[dict[str, float], list[str]]:
    """A rhythm row without the numbers that are not to be trusted, and what a reader must know, as sentences.

    Parameters
    ----------
    mv : (leads, n) float64
        NaN where a lead is not drawn.
    beats : Beats
    row : dict
        Of `ecg.rhythm.features.rhythm_row`.
    doubt : str
        Why the times of beats are not to be trusted, if they are not.
    """
    count = beats.times["r_peak"].shape[1]
    if not count:
        return row, ["no beat was found"]
    if row["heart_ventricles_alike"] < _LEAST_ALIKE:
        return _without(row, FEATURES), [f"what looks like {count} beats is noise, for none is like the "
                                         "others: heart rate and intervals are left out"]
    record = resampled(mv, beats.fs_hz)
    warnings = [f"no lead is drawn from {start:.1f} to {stop:.1f} s: times between beats are not taken over it"
                for start, stop in missing_spans(record) / FS_HZ]
    at = median_over_leads(beats.times["r_peak"])
    like_t = doubtful_t_waves(record, np.rint(FS_HZ * at).astype(np.int64))
    if like_t >= _MANY_T * count:
        doubt = "; ".join(filter(None, [doubt, f"{like_t} of {count} beats may be T waves"]))
    if doubt:
        warnings.append(f"{doubt}, so heart rate and what depends on it are left out")
        row = _without(row, OF_INTERVALS)
    row, impossible = without_impossible(row)
    warnings += impossible
    if count < _FEW_BEATS:
        warnings.append("fewer than four beats: rhythm and absence of P waves are not certain")
    return row, warnings


def _without(row: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {**row, **dict.fromkeys(names, math.nan)}
