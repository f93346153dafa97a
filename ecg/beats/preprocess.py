"""Leads of a record as arrays: resampling, spikes, gaps, filters, and which leads are drawn together."""
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from featurize.arrays import Float64Array, Int64Array, runs_of_true

# Rate at which beats are sought whatever the record has.
FS_HZ = 500.0
# Cutoff of the high-pass against the baseline's wander, Hz.
_BASELINE_HZ = 0.4
# Order of all Butterworth filters.
_ORDER = 2
# A lead whose values span less is flat, mV.
_FLAT_MV = 0.02
# A lead that does not change at all for this time is not connected, s.
_UNCHANGED_S = 2.0
# Pacemaker spikes stand out from a running median of this many samples (18 ms).
_SPIKE_WINDOW = 9
# Largest width of a spike, samples (6 ms).
_SPIKE_WIDTH = 3
# Least height of a spike above that median, mV.
_SPIKE_MV = 0.3
# Least height of a spike as a multiple of the median distance from that median.
_SPIKE_TO_USUAL = 12
# Whether a lead is drawn is averaged over this time, s: shorter gaps do not end a segment.
_GAP_S = 0.3
# Share of that time from which on the lead counts as drawn.
_DRAWN_SHARE = 0.3
# Shortest segment of leads drawn together, s: a shorter one may hold no beat.
_SHORTEST_SEGMENT_S = 0.5


@dataclass(frozen=True)
class DrawnTogether:
    """A time during which the same leads are drawn.

    Parameters
    ----------
    rows : (n,) int64
        Which leads.
    start, stop : int
        First sample, and the one behind the last.
    """

    rows: Int64Array
    start: int
    stop: int


@dataclass(frozen=True)
class Segment:
    """Part of a record, without gaps.

    Parameters
    ----------
    signals : (leads, n) float64
        mV.
    fs_hz : float
    start : int
        Sample of the record at which it begins.
    """

    signals: Float64Array
    fs_hz: float
    start: int

    def samples(self, seconds: float) -> int:
        """A time as a number of samples."""
        return round(seconds * self.fs_hz)

    def lowpassed(self, hz: float) -> Float64Array:
        """(leads, n) signals below a frequency, without the baseline's wander."""
        return filtered(filtered(self.signals, hz, "lowpass", self.fs_hz), _BASELINE_HZ, "highpass", self.fs_hz)


def filtered(x: Float64Array, hz: float | tuple[float, float], kind: str, fs_hz: float) -> Float64Array:
    """Signals after a second-order Butterworth filter, run both ways: no delay.

    Parameters
    ----------
    x : (..., n) float64
    hz : float or (float, float)
        Cutoff, or both of a band.
    kind : str
        lowpass, highpass or bandpass.
    fs_hz : float
    """
    return np.asarray(sosfiltfilt(_sections(hz if isinstance(hz, tuple) else float(hz), kind, fs_hz), x, axis=-1))


@lru_cache(maxsize=32)
def _sections(hz: float | tuple[float, float], kind: str, fs_hz: float) -> Float64Array:
    """Second-order sections, kept: designing a filter takes longer than filtering a lead."""
    return np.asarray(butter(_ORDER, hz, kind, fs=fs_hz, output="sos"))


def resampled(signals: Float64Array, fs_hz: float) -> Float64Array:
    """Signals (leads, n) at 500 samples a second without pacemaker spikes.

    Gaps stay NaN; flat leads become NaN, and seconds in which a lead does not change at all.
    """
    out = np.array(signals, np.float64)
    if fs_hz != FS_HZ:
        n = int(np.floor((signals.shape[1] - 1) / fs_hz * FS_HZ)) + 1
        place = np.arange(n) / FS_HZ * fs_hz
        # np.interp hands a NaN on to every sample beside it.
        out = np.array([np.interp(place, np.arange(len(row)), row) for row in out])
    for row in out:
        for start, stop in zip(*runs_of_true(np.diff(row) == 0)):
            if stop - start >= _UNCHANGED_S * FS_HZ:
                row[start:stop + 1] = np.nan
        known = np.isfinite(row)
        if not known.any() or np.ptp(row[known]) < _FLAT_MV:
            row[:] = np.nan
        else:
            row[known] = _without_spikes(row[known])
    return out


def _without_spikes(x: Float64Array) -> Float64Array:
    """Pacemaker spikes, up to 6 ms wide and far above what is around them, replaced by a running median."""
    if len(x) < _SPIKE_WINDOW:
        return x
    padded = np.pad(x, _SPIKE_WINDOW // 2, "edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SPIKE_WINDOW), axis=-1)
    off = np.abs(x - around)
    tall = off > max(_SPIKE_MV, _SPIKE_TO_USUAL * float(np.median(off)))
    out = x.copy()
    for a, b in zip(*runs_of_true(tall)):
        if b - a <= _SPIKE_WIDTH:
            out[a:b] = around[a:b]
    return out


def without_gaps(signals: Float64Array) -> Float64Array:
    """Signals (leads, n) with NaN replaced: straight lines between known samples, constant beyond the last, or 0."""
    out = signals.copy()
    for row in out:
        known = np.flatnonzero(np.isfinite(row))
        row[:] = np.interp(np.arange(len(row)), known, row[known]) if known.size else 0.0
    return out


def drawn_part(row: Float64Array) -> slice:
    """From the first to the last known sample of a lead (n,) that has any."""
    known = np.flatnonzero(np.isfinite(row))
    return slice(int(known[0]), int(known[-1]) + 1)


def drawn_together(signals: Float64Array) -> list[DrawnTogether]:
    """Times during which the same leads (leads, n) are drawn, at 500 samples a second.

    Times without any drawn lead are left out.
    """
    if not signals.size:
        return []
    drawn = uniform_filter1d(np.isfinite(signals).astype(float), int(_GAP_S * FS_HZ), axis=1) > _DRAWN_SHARE
    changes = np.flatnonzero((drawn[:, 1:] != drawn[:, :-1]).any(axis=0)) + 1
    edges = [0, *changes.tolist(), signals.shape[1]]
    found: list[DrawnTogether] = []
    for start, stop in zip(edges[:-1], edges[1:]):
        rows = np.flatnonzero(drawn[:, (start + stop) // 2])
        if rows.size and stop - start >= _SHORTEST_SEGMENT_S * FS_HZ:
            # A time too short for a segment, as where one column of a page ends and the next begins, is shared.
            before = found[-1].stop if found else start
            if found and start - before < _SHORTEST_SEGMENT_S * FS_HZ:
                start = (start + before) // 2
                found[-1] = DrawnTogether(found[-1].rows, found[-1].start, start)
            found.append(DrawnTogether(rows, start, stop))
    return found


def median_over_leads(values: Float64Array) -> Float64Array:
    """(beats,) median of (leads, beats) over the leads, NaN where no lead has a value."""
    out = np.full(values.shape[1], np.nan)
    known = np.isfinite(values).any(axis=0)
    out[known] = np.nanmedian(values[:, known], axis=0)
    return out
