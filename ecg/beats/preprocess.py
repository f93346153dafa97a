"""Leads of a record as arrays: resampling, gaps, filters, and which leads are drawn together."""
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from featurize.arrays import Float64Array, Int64Array, runs_of_true

# Beats are sought at this rate whatever the record has.
FS_HZ = 500.0
# A stretch of leads drawn together is no shorter: less may hold no beat.
SHORTEST_S = 0.5


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with the leads that are drawn in it, gaps bridged."""

    raw: Float64Array
    fs: float
    start: int

    def at(self, seconds: float) -> int:
        return round(seconds * self.fs)

    def low(self, hz: float) -> Float64Array:
        """Low-passed and without the baseline's wander."""
        return filtered(filtered(self.raw, hz, "lowpass", self.fs), 0.4, "highpass", self.fs)


def filtered(x: Float64Array, hz: float | tuple[float, float], kind: str, fs: float) -> Float64Array:
    """Second-order Butterworth, both ways: no delay."""
    return np.asarray(sosfiltfilt(_sections(hz if isinstance(hz, tuple) else float(hz), kind, fs), x, axis=-1))


@lru_cache(maxsize=32)
def _sections(hz: float | tuple[float, float], kind: str, fs: float) -> Float64Array:
    """Designing a filter takes longer than filtering a lead."""
    return np.asarray(butter(2, hz, kind, fs=fs, output="sos"))


def resampled(signals: Float64Array, fs_hz: float) -> Float64Array:
    """At 500 samples a second, gaps left open; leads that are flat throughout are gaps."""
    out = np.array(signals, np.float64)
    if fs_hz != FS_HZ:
        n = int(np.floor((signals.shape[1] - 1) / fs_hz * FS_HZ)) + 1
        place = np.arange(n) / FS_HZ * fs_hz
        # np.interp hands a NaN on to every sample beside it.
        out = np.array([np.interp(place, np.arange(len(row)), row) for row in out])
    for row in out:
        known = np.isfinite(row)
        if not known.any() or np.ptp(row[known]) < 0.02:
            row[:] = np.nan
        else:
            row[known] = _without_spikes(row[known])
    return out


def _without_spikes(x: Float64Array) -> Float64Array:
    """Pacemaker spikes, up to 6 ms wide and far above what is around them, bridged."""
    if len(x) < 9:
        return x
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(x, 4, "edge"), 9), axis=-1)
    off = np.abs(x - around)
    tall = off > max(0.3, 12 * float(np.median(off)))
    out = x.copy()
    for a, b in zip(*runs_of_true(tall)):
        if b - a <= 3:
            out[a:b] = around[a:b]
    return out


def bridged(x: Float64Array) -> Float64Array:
    """Gaps filled by straight lines, ends held."""
    out = x.copy()
    for row in out:
        known = np.flatnonzero(np.isfinite(row))
        row[:] = np.interp(np.arange(len(row)), known, row[known]) if known.size else 0.0
    return out


def stretches(work: Float64Array) -> list[tuple[Int64Array, int, int]]:
    """Leads that are drawn together, with the first and last sample of that time; time without any is left out."""
    if not work.size:
        return []
    drawn = np.isfinite(work)
    # A short gap does not end a stretch.
    drawn = uniform_filter1d(drawn.astype(float), int(0.3 * FS_HZ), axis=1) > 0.3
    changes = np.flatnonzero((drawn[:, 1:] != drawn[:, :-1]).any(axis=0)) + 1
    edges = [0, *changes.tolist(), work.shape[1]]
    found: list[tuple[Int64Array, int, int]] = []
    for start, stop in zip(edges[:-1], edges[1:]):
        rows = np.flatnonzero(drawn[:, (start + stop) // 2])
        if rows.size and stop - start >= SHORTEST_S * FS_HZ:
            # What is too short for a stretch, as where one column of a page ends and the next begins, is shared.
            before = found[-1][2] if found else start
            if found and start - before < SHORTEST_S * FS_HZ:
                start = (start + before) // 2
                found[-1] = (*found[-1][:2], start)
            found.append((rows, start, stop))
    return found


def middle(values: Float64Array) -> Float64Array:
    """(beats,) median over the leads, NaN where no lead has one."""
    out = np.full(values.shape[1], np.nan)
    known = np.isfinite(values).any(axis=0)
    out[known] = np.nanmedian(values[:, known], axis=0)
    return out
