"""Whether the numbers of a record are to be trusted: gaps of all leads, beats that are noise, too few beats."""
import math

from ecg.beats.delineate import Beats
from ecg.beats.preprocess import FS_HZ, resampled
from ecg.rhythm.features import FEATURES, missing_spans
from featurize.arrays import Float64Array

# With fewer beats the rhythm and the absence of P waves are not certain.
_FEW_BEATS = 4
# Below this median correlation of beats with the median beat they are noise. 340 records of LUDB and PTB-XL have .59
# and more, white and smoothed noise has .37 and less.
_LEAST_ALIKE = 0.48
# Columns that depend on the times between beats.
_OF_INTERVALS = tuple(name for name in FEATURES if name.startswith("heart_rr_") or "_qtc_" in name)


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
    warnings = [f"no lead is drawn from {start:.1f} to {stop:.1f} s: times between beats are not taken over it"
                for start, stop in missing_spans(resampled(mv, beats.fs_hz)) / FS_HZ]
    if doubt:
        warnings.append(f"{doubt}, so heart rate and what depends on it are left out")
        row = _without(row, _OF_INTERVALS)
    if count < _FEW_BEATS:
        warnings.append("fewer than four beats: rhythm and absence of P waves are not certain")
    return row, warnings


def _without(row: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {**row, **dict.fromkeys(names, math.nan)}
