"""The average beat of each lead: the median of its beats of the usual shape, aligned by that shape.

Noise that differs from beat to beat is gone in it, so that a small q, an r' or the end of S can be measured.
"""
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecg.beats.preprocess import FS_HZ, drawn_part, filtered, median_over_leads, without_gaps
from featurize.arrays import BoolArray, Float64Array, Int64Array

# The average beat begins this time before QRS, s,
BEFORE_QRS_S = 0.3
# and ends this time behind its onset, s.
AFTER_QRS_S = 0.4
# Low-pass in which shapes are measured, Hz: as sizes of waves are.
_LOWPASS_HZ = 40
# A beat of the usual shape has a QRS no wider than the median by this factor (as for P in `ecg.beats.p_waves`),
_WIDEST = 1.35
# and this correlation with the median beat at least. Chosen: ectopic beats have less, noisy ones more.
_LEAST_ALIKE = 0.7
# Beats are shifted against the median of the lead by up to this time, s.
_SHIFT_S = 0.02
# Times from QRS onset between which shifts are judged, s.
_JUDGED_S = (-0.04, 0.14)
# The level is the mean of this many samples before QRS, at 500 a second.
_LEVEL_SAMPLES = 8


@dataclass(frozen=True)
class AverageBeat:
    """The average beat of one lead at 500 samples a second.

    Parameters
    ----------
    mv : (n,) float64
        From 0.3 s before QRS; 0 is the level just before QRS.
    onset, offset : int
        First and last sample of QRS.
    beats : int
        So many were averaged.
    """

    mv: Float64Array
    onset: int
    offset: int
    beats: int

    @property
    def qrs(self) -> Float64Array:
        """(m,) mV from onset to offset."""
        return self.mv[self.onset:self.offset + 1]


def usual_beats(times: Mapping[str, Float64Array], alike: Float64Array) -> BoolArray:
    """(beats,) which are of the usual shape: not wide, and like the median beat where that is known.

    Parameters
    ----------
    times : mapping of wave to (leads, beats) float64
        Seconds.
    alike : (beats,) float64
        Of `ecg.rhythm.morphology.beats_alike`; NaN where unknown.
    """
    width = median_over_leads(times["qrs_offset"]) - median_over_leads(times["qrs_onset"])
    known = np.isfinite(width)
    if not known.any():
        return np.zeros(len(width), np.bool_)
    narrow = width <= _WIDEST * float(np.median(width[known]))
    return np.asarray(known & narrow & (np.nan_to_num(alike, nan=1.0) >= _LEAST_ALIKE))


def average_beats(record: Float64Array, leads: tuple[str, ...], times: Mapping[str, Float64Array],
                  usual: BoolArray) -> dict[str, AverageBeat]:
    """The average beat of every lead that shows a usual beat whole.

    Parameters
    ----------
    record : (leads, n) float64
        mV at 500 samples a second, NaN where a lead is not drawn.
    leads : tuple of str
    times : mapping of wave to (leads, beats) float64
        Seconds.
    usual : (beats,) bool
        Of `usual_beats`.
    """
    out = {}
    for row, lead in enumerate(leads):
        onsets, offsets = times["qrs_onset"][row], times["qrs_offset"][row]
        chosen = np.flatnonzero(usual & np.isfinite(onsets) & np.isfinite(offsets))
        if not chosen.size or not np.isfinite(record[row]).any():
            continue
        low = np.full(record.shape[1], np.nan)
        part = drawn_part(record[row])
        low[part] = filtered(without_gaps(record[row:row + 1, part])[0], _LOWPASS_HZ, "lowpass", FS_HZ)
        starts = np.rint(onsets[chosen] * FS_HZ).astype(np.int64)
        mv, used = _median_of(low, starts)
        if not used:
            continue
        onset = int(BEFORE_QRS_S * FS_HZ)
        length = round(float(np.median(offsets[chosen] - onsets[chosen])) * FS_HZ)
        if np.isfinite(mv[onset:onset + length + 1]).all() and length > 1:
            level = float(np.mean(mv[onset - _LEVEL_SAMPLES:onset]))
            out[lead] = AverageBeat(mv - level, onset, onset + length, used)
    return out


def _median_of(low: Float64Array, starts: Int64Array) -> tuple[Float64Array, int]:
    """Median of the pieces (k, n) around QRS onsets, each shifted to where it is most like the first median."""
    before, after, reach = (int(seconds * FS_HZ) for seconds in (BEFORE_QRS_S, AFTER_QRS_S, _SHIFT_S))
    first, last = (before + int(seconds * FS_HZ) for seconds in _JUDGED_S)
    padded = np.pad(low, before + after + reach, constant_values=np.nan)
    places = starts + before + after + reach
    pieces = np.array([padded[at - before:at + after] for at in places])
    whole = np.isfinite(pieces[:, first:last]).all(axis=1)
    if not whole.any():
        return np.zeros(0), 0
    pieces, places = pieces[whole], places[whole]
    template = _centered(np.median(_leveled(pieces, before)[:, first:last], axis=0))
    shifted = []
    for at in places:
        windows = np.lib.stride_tricks.sliding_window_view(
            padded[at - before - reach + first:at - before + reach + last], last - first)
        scores = _centered(windows) @ template / np.maximum(np.linalg.norm(_centered(windows), axis=1), 1e-9)
        best = int(np.nan_to_num(scores, nan=-np.inf).argmax()) - reach
        shifted.append(padded[at - before + best:at + after + best])
    stack = _leveled(np.array(shifted), before)
    known = np.isfinite(stack).any(axis=0)
    out = np.full(before + after, np.nan)
    out[known] = np.nanmedian(stack[:, known], axis=0)
    return out, len(stack)


def _leveled(pieces: Float64Array, onset: int) -> Float64Array:
    return np.asarray(pieces - pieces[:, onset - _LEVEL_SAMPLES:onset].mean(axis=1, keepdims=True))


def _centered(x: Float64Array) -> Float64Array:
    return np.asarray(x - x.mean(axis=-1, keepdims=True))
