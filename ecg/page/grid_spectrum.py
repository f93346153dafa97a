"""Period and direction of the grid in the middle of a page, from the spectra of tiles."""
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft2
from scipy.ndimage import maximum_filter

from ecg.page.grid import BOX_MM, NoGrid
from featurize.arrays import BoolArray, Float32Array, Float64Array

# Largest side of a tile, px.
_TILE_PX = 512
# Most tiles along each axis.
_TILES = 3
# Below this many cycles a tile lie shading and the traces' own shape.
_LOWEST_CYCLES = 4.5
# Above this frequency, cycles/px, lie aliases.
_HIGHEST_FREQUENCY = 0.45
# A peak is the largest value among this many bins along each axis.
_PEAK_BINS = 5
# A peak is at least this many times the median.
_PEAK_TO_MEDIAN = 6
# The strongest peaks that are kept.
_MOST_PEAKS = 60
# Width of a direction: standard deviation of the weight that peaks have beside it, rad.
_DIRECTION_SD = np.radians(1.5)
# Peaks within this many such widths are averaged.
_DIRECTION_WIDTHS = 2
# Seen at a slant the two directions of the grid are not at right angles: each may be off by this much, rad.
_MOST_SLANT = np.radians(15)
# A peak lies on a direction if it is beside it by less than this share of its frequency,
_BESIDE_SHARE = 0.03
# or by less than this many bins.
_BESIDE_BINS = 1.5
# Fundamental frequencies are no lower than this many cycles a tile.
_LOWEST_BASE_CYCLES = 4.4
# A peak may be up to this harmonic of the fundamental: 1 mm lines in boxes of 5 mm.
_BASE_HARMONICS = 5
# Harmonics of the fundamental that count.
_MOST_HARMONICS = 12
# A peak is a harmonic if it is less than this many bins off.
_HARMONIC_BINS = 1.0
# No paper has 1 mm lines in boxes of 3 or 4 mm: a strongest peak at that harmonic, below which the others together have
# less than this share of its weight, is none of boxes so wide. Lines snapped to pixels and turned look like that.
_LEAST_BELOW_STRONGEST = 0.5
_NO_BOXES_MM = (3, 4)
# Value of a complete series of harmonics against a share of weight explained: the coarser of two fundamentals that
# explain the same peaks leaves harmonics out.
_COMPLETE = 0.35
# Both directions may count the same boxes if their frequencies have a whole ratio, to this difference of logarithms.
_RATIO_TOLERANCE = 0.14
# Share of a grid's weight that 1 mm lines in 5 mm boxes have at least, at a fifth of the boxes' period.
_FIFTH_HARMONIC_SHARE = 0.06
# Sheets are shorter than this, mm: counted in boxes of 1 mm taken for 5 mm they would be five times as long.
_LONGEST_PAPER_MM = 700.0


@dataclass(frozen=True)
class _Peaks:
    """Strongest peaks of a spectrum, one of each pair of mirror images.

    Parameters
    ----------
    fx, fy : (n,) float64
        Frequencies along x and y, cycles/px.
    weight : (n,) float64
        Amplitudes.
    tile_px : int
        Side of the tiles: a bin of the spectrum is 1 / tile_px.
    """

    fx: Float64Array
    fy: Float64Array
    weight: Float64Array
    tile_px: int

    @property
    def angles(self) -> Float64Array:
        """(n,) directions, rad."""
        return np.arctan2(self.fy, self.fx)


@dataclass(frozen=True)
class _Harmonics:
    """Fundamental frequency along a direction, cycles/px, and the share of weight at five times it."""

    frequency: float
    fifth_share: float


def grid_frequencies(signal: Float32Array) -> tuple[Float64Array, float]:
    """Waves of the grid's lines in the middle of a page.

    Parameters
    ----------
    signal : (H, W) float32
        Of `ecg.page.ink.grid_signal`.

    Returns
    -------
    (2, 2) float64
        Frequencies (fx, fy), cycles/px, of the lines across the time axis and of those along it.
    float
        Boxes of 5 mm to a cycle: 1, or 1 / 5 where there are only 1 mm lines.

    Raises
    ------
    NoGrid
        No two such directions.
    """
    peaks = _spectral_peaks(signal)
    angle = _direction(peaks)
    angles = [_own_direction(peaks, angle + turn) for turn in (0.0, np.pi / 2)]
    series = [_harmonics(peaks, own) for own in angles]
    frequencies = _same_boxes(*(found.frequency for found in series))
    waves = np.array([[f * np.cos(own), f * np.sin(own)] for f, own in zip(frequencies, angles)])
    return waves, _boxes_a_cycle(frequencies, max(found.fifth_share for found in series), max(signal.shape))


def _spectral_peaks(signal: Float32Array) -> _Peaks:
    """Peaks of the mean spectrum of tiles."""
    size = min(_TILE_PX, signal.shape[0] // 2 * 2, signal.shape[1] // 2 * 2)
    window = np.hanning(size)[:, None] * np.hanning(size)[None, :]
    power = np.zeros((size, size // 2 + 1))
    for top in _tile_starts(signal.shape[0], size):
        for left in _tile_starts(signal.shape[1], size):
            tile = signal[top:top + size, left:left + size]
            power += np.abs(rfft2((tile - tile.mean()) * window, workers=1)) ** 2
    return _peaks(power, size)


def _tile_starts(length: int, size: int) -> list[int]:
    count = min(_TILES, 1 + (length - size) // (size // 2)) if length > size else 1
    return [round(s) for s in np.linspace(0, length - size, count)]


def _peaks(power: Float64Array, size: int) -> _Peaks:
    """Strongest peaks of a power spectrum (size, size // 2 + 1)."""
    root = np.sqrt(power)
    shifted = np.roll(root, size // 2, axis=0)
    fy = np.fft.fftshift(np.fft.fftfreq(size))
    radius = np.hypot(fy[:, None], np.arange(shifted.shape[1])[None, :] / size)
    shifted[(radius < _LOWEST_CYCLES / size) | (radius > _HIGHEST_FREQUENCY)] = 0
    top = (shifted == maximum_filter(shifted, _PEAK_BINS)) & (shifted > _PEAK_TO_MEDIAN * np.median(shifted))
    rows, columns = np.nonzero(top)
    order = np.argsort(-shifted[rows, columns])[:_MOST_PEAKS]
    found = []
    for r, c in zip(rows[order], columns[order]):
        dr = _vertex(shifted[r - 1, c], shifted[r, c], shifted[(r + 1) % size, c])
        dc = _vertex(shifted[r, c - 1], shifted[r, c], shifted[r, c + 1]) if 0 < c < shifted.shape[1] - 1 else 0.0
        x, y = (c + dc) / size, fy[r] + dr / size
        if x < 0 or (c == 0 and y < 0):
            continue
        found.append((x, y, shifted[r, c]))
    if len(found) < 2:
        raise NoGrid("no regular grid was found; is this an ECG on grid paper?")
    table = np.array(found)
    return _Peaks(table[:, 0], table[:, 1], table[:, 2], size)


def _vertex(a: float, b: float, c: float) -> float:
    """Offset of the top of the parabola through three values."""
    curvature = a - 2 * b + c
    return float(0.5 * (a - c) / curvature) if curvature < 0 else 0.0


def _direction(peaks: _Peaks) -> float:
    """Angle of the time axis in rad, -pi/4..pi/4: most of the weight lies on it and at right angles to it."""
    angles = peaks.angles
    turns = np.exp(4j * angles)  # the same for directions at right angles
    scores = []
    for start in angles:
        off = np.angle(turns * np.exp(-4j * start)) / 4
        scores.append(float((peaks.weight * np.exp(-0.5 * (off / _DIRECTION_SD) ** 2)).sum()))
    best = angles[int(np.argmax(scores))]
    off = np.angle(turns * np.exp(-4j * best)) / 4
    near = np.abs(off) < _DIRECTION_WIDTHS * _DIRECTION_SD
    best += float(np.average(off[near], weights=peaks.weight[near]))
    return float((best + np.pi / 4) % (np.pi / 2) - np.pi / 4)


def _own_direction(peaks: _Peaks, near: float) -> float:
    """Angle, within 15 degrees of `near`, on which most of the weight lies."""
    off = np.angle(np.exp(2j * (peaks.angles - near))) / 2
    close = np.abs(off) < _MOST_SLANT
    if not close.any():
        return near
    off, weight = off[close], peaks.weight[close]
    best = max(off, key=lambda o: float((weight * np.exp(-0.5 * ((off - o) / _DIRECTION_SD) ** 2)).sum()))
    on = np.abs(off - best) < _DIRECTION_WIDTHS * _DIRECTION_SD
    return near + float(np.average(off[on], weights=weight[on]))


def _harmonics(peaks: _Peaks, angle: float) -> _Harmonics:
    """The fundamental whose harmonics explain the peaks along a direction best."""
    size = peaks.tile_px
    along = np.abs(peaks.fx * np.cos(angle) + peaks.fy * np.sin(angle))
    across = np.abs(-peaks.fx * np.sin(angle) + peaks.fy * np.cos(angle))
    on = across < np.maximum(_BESIDE_SHARE * along, _BESIDE_BINS / size)
    if not on.any():
        raise NoGrid("lines in one direction only, a grid was wanted; is this an ECG on grid paper?")
    f, w = along[on], peaks.weight[on]
    best, score = 0.0, -1.0
    for base in {value / k for value in f for k in range(1, _BASE_HARMONICS + 1)
                 if value / k > _LOWEST_BASE_CYCLES / size}:
        k, fits = _harmonic_numbers(f, base, size)
        if _has_no_boxes(k, fits, w):
            continue
        explained = float(w[fits].sum() / w.sum())
        complete = len(np.unique(k[fits])) / max(k[fits].max(), 1) if fits.any() else 0.0
        value = explained + _COMPLETE * complete
        if value > score + 1e-9:
            best, score = base, value
    k, fits = _harmonic_numbers(f, best, size)
    exact = float((w[fits] * k[fits] * f[fits]).sum() / (w[fits] * k[fits] ** 2).sum())
    return _Harmonics(exact, float(w[fits & (k == 5)].sum() / w[fits].sum()))


def _has_no_boxes(k: Float64Array, fits: BoolArray, weight: Float64Array) -> bool:
    """Whether the peaks k of a series are those of 1 mm lines, of which 3 or 4 would make a box."""
    if not fits.any():
        return False
    strongest = int(np.argmax(np.where(fits, weight, 0)))
    below = float(weight[fits & (k < k[strongest])].sum())
    return k[strongest] in _NO_BOXES_MM and below < _LEAST_BELOW_STRONGEST * float(weight[strongest])


def _harmonic_numbers(f: Float64Array, base: float, size: int) -> tuple[Float64Array, BoolArray]:
    """(n,) nearest harmonic of each frequency, and whether the frequency is one."""
    k = np.round(f / base)
    return k, (np.abs(f - k * base) < _HARMONIC_BINS / size) & (k >= 1) & (k <= _MOST_HARMONICS)


def _same_boxes(a: float, b: float) -> tuple[float, float]:
    """Frequencies of two directions, one brought to the other's boxes where it shows only some of its lines."""
    ratio = max(a, b) / min(a, b)
    whole = min((1, 2, 3, 4, 5), key=lambda m: abs(np.log(ratio / m)))
    if abs(np.log(ratio / whole)) < _RATIO_TOLERANCE:
        # Five: one direction shows its 1 mm lines only. Else the wider period left out every other of its lines.
        unit = min(a, b) if whole == 5 else max(a, b)
        return _to_unit(a, unit), _to_unit(b, unit)
    raise NoGrid(f"lines {1 / a:.1f} px apart in one direction and {1 / b:.1f} px in the other, no squares; is this an "
                 "ECG on grid paper?")


def _to_unit(frequency: float, unit: float) -> float:
    """The multiple or whole part of a frequency that is nearest to another one."""
    return frequency / round(frequency / unit) if frequency > unit else frequency * round(unit / frequency)


def _boxes_a_cycle(frequencies: tuple[float, float], fifth_share: float, length_px: int) -> float:
    """1, or 1 / 5 where only dots or lines at every millimetre are printed: paper is not metres long."""
    length_mm = length_px * max(frequencies) * BOX_MM
    return 0.2 if fifth_share < _FIFTH_HARMONIC_SHARE and length_mm > _LONGEST_PAPER_MM else 1.0
