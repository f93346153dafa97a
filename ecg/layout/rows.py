"""The rows of a page: where traces run, apart from words and calibration pulses."""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from scipy.ndimage import binary_opening, gaussian_filter1d
from scipy.signal import find_peaks

from ecg.layout.model import NoTrace, Pulse, RowPath
from ecg.layout.row_path import cover, retrace_row, row_path
from ecg.page.read import Page
from ecg.scale import Scale
from featurize.arrays import Float32Array, IntpArray

# Two rows that share a level piece of ink longer than this follow one trace.
_TOGETHER_MM = 2.0
# A short row has this share of the level ink of the fullest one, and its base line no other within so many mm.
_LEVEL = 0.3
_NEAR_MM = 6.0
# Share of a path that runs along another's trace, or along those of all others, from which on it has none of its own.
_SHARED = 0.35
_SHARED_WITH_ALL = 0.4
# Share of the outermost millimetre's length that a frame or a scanner's dark rim inks at least.
_RIM = 0.2


def find_rows(page: Page, pulses: Sequence[Pulse], peak: float, wanted: int = 0) -> list[RowPath]:
    """Paths of all rows from the top, found by where level ink is, and by the feet of pulses.

    Raises
    ------
    NoTrace
    """
    sx, sy = page.px_per_mm.x, page.px_per_mm.y
    ink = clean(page.ink, page.px_per_mm)
    level = cv2.morphologyEx((ink > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, max(3, round(0.9 * sx)))))
    cell = max(1, round(2 * sx))
    width = level.shape[1] // cell * cell
    filled = level[:, :width].reshape(len(level), -1, cell).max(axis=2)
    profile = gaussian_filter1d(filled.sum(axis=1).astype(float), 0.8 * sy)
    peaks, _ = find_peaks(profile, height=max(0.12 * float(profile.max()), 0.5), distance=max(1, round(4 * sy)))
    feet = [p.base for p in pulses]
    starts = feet + [float(p) for p in peaks if all(abs(p - foot) > 3 * sy for foot in feet)]
    paths = [(path, start) for start in starts for path in [row_path(ink, start, page.px_per_mm, peak)] if path]
    # Of two paths on one trace that which was looked for from its own level is less often drawn to a neighbour.
    paths.sort(key=lambda found: 0.5 * abs(found[0].base - found[1]) - found[0].support)
    rows = _distinct([path for path, _ in paths], page.px_per_mm)
    if wanted and len(rows) > wanted:
        rows = sorted(rows, key=lambda r: -r.support)[:wanted]
    if not wanted:
        lost = [p for p in starts if profile[round(p)] > _LEVEL * profile.max()]
        rows += _last_line(rows, lost, ink, page.px_per_mm, peak)
    rows = _apart(rows, ink, page.px_per_mm, peak)
    if not rows:
        raise NoTrace("a grid, but nothing that runs along it for 25 mm: no trace was found")
    return sorted(rows, key=lambda r: r.base)


def clean(ink: Float32Array, px_per_mm: Scale) -> Float32Array:
    """Ink without small marks (letters, dots, dashes) and without what runs along the page's edges."""
    mask = (ink > 0.35).astype(np.uint8)
    edge, side = round(px_per_mm.y), round(px_per_mm.x)
    rims = [rim for axis, rim in ((1, np.s_[:edge]), (1, np.s_[-edge:]), (0, np.s_[:, :side]), (0, np.s_[:, -side:]))
            if mask[rim].mean(axis=axis).max() > _RIM]
    for rim in rims:
        mask[rim] = 0
    joined = cv2.dilate(mask, np.ones((3, max(3, round(0.3 * px_per_mm.x) | 1)), np.uint8))
    # The same labels as OpenCV's default, three times as fast.
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(joined, 8, cv2.CV_32S, cv2.CCL_BBDT)
    keep = (stats[:, cv2.CC_STAT_WIDTH] > 7 * px_per_mm.x) | (stats[:, cv2.CC_STAT_HEIGHT] > 7 * px_per_mm.y)
    # Neither a scanner's edge nor a frame is a trace.
    keep &= stats[:, cv2.CC_STAT_AREA] < 0.2 * ink.size
    keep[0] = False
    out = ink * np.take(keep.astype(np.float32), labels)
    for rim in rims:
        out[rim] = 0
    return out


def _distinct(paths: list[RowPath], px_per_mm: Scale) -> list[RowPath]:
    """The first of all paths on one trace; short ones beside a full page of long ones are none."""
    out: list[RowPath] = []
    for path in paths:
        # A path may be put together from pieces of several traces.
        if all(cover(path, other) < _SHARED for other in out) and cover(path, *out) < _SHARED_WITH_ALL:
            out.append(path)
    if not out:
        return out
    longest = max(p.end - p.start for p in out)
    return [p for p in out if p.end - p.start > max(25 * px_per_mm.x, 0.45 * longest)]


def _last_line(rows: list[RowPath], starts: Sequence[float], ink: Float32Array, px_per_mm: Scale, peak: float
               ) -> list[RowPath]:
    """A row below all others that ends before them: beyond its end its path has followed the row above."""
    lost = [p for p in starts if all(p > row.base + _NEAR_MM * px_per_mm.y for row in rows)]
    if len(rows) < 2 or not lost:
        return []
    left = ink.copy()
    for row in rows:
        _take(left, row, np.flatnonzero(row.on_ink), px_per_mm)
    begin = float(np.median([row.start for row in rows]))
    paths = [path for p in lost for path in [row_path(left, p, px_per_mm, peak)]
             if path and abs(path.base - p) < _NEAR_MM * px_per_mm.y
             and abs(path.start - begin) < _NEAR_MM * px_per_mm.x]
    return [path for path in _distinct([*rows, *paths], px_per_mm) if not any(path is row for row in rows)][:1]


def _take(ink: Float32Array, row: RowPath, columns: IntpArray, px_per_mm: Scale) -> None:
    """Take the ink of a path away in some columns, in place."""
    reach = round(_TOGETHER_MM * px_per_mm.y) // 4
    for x in columns:
        top, bottom = sorted((int(row.first[x]), int(row.last[x])))
        ink[max(0, top - reach):bottom + reach + 1, x] = 0


def _apart(rows: list[RowPath], ink: Float32Array, px_per_mm: Scale, peak: float) -> list[RowPath]:
    """Rows of which no two run along one trace: the nearer keeps it, the other looks again where it is not."""
    reach = round(_TOGETHER_MM * px_per_mm.x)
    for k, row in enumerate(rows):
        left: Float32Array | None = None
        for other in rows[:k] + rows[k + 1:]:
            both = row.on_ink & other.on_ink & (np.abs(row.middle - other.middle) < 1.5)
            astray = np.abs(row.middle - row.base) > np.abs(other.middle - other.base)
            taken = np.flatnonzero(binary_opening(both, np.ones(reach)) & astray)
            if len(taken):
                left = ink.copy() if left is None else left
                _take(left, other, taken, px_per_mm)
        if left is not None:
            rows[k] = row_path(left, row.base, px_per_mm, peak) or row
    return rows


def without_pulse(row: RowPath, pulses: Sequence[Pulse], page: Page, peak: float) -> RowPath:
    """The row from where its pulse ends, or to where it begins; page and peak as for `find_rows`."""
    sx, sy = page.px_per_mm.x, page.px_per_mm.y
    for pulse in pulses:
        inside = int(np.clip((pulse.left + pulse.right) / 2, 0, len(row.middle) - 1))
        near = min(abs(row.base - pulse.base), abs(row.middle[inside] - pulse.top)) < 4 * sy
        # Pulses stand in one column: a row that begins or ends with another's has one that was not recognized.
        if (near and pulse.left < row.start + 12 * sx) or abs(pulse.left - row.start) < 1.5 * sx:
            row = replace(_after(row, pulse, page, peak), start=max(row.start, pulse.right))
        elif (near and pulse.right > row.end - 12 * sx) or abs(pulse.right - row.end) < 1.5 * sx:
            row = replace(row, end=min(row.end, pulse.left))
    return _on_ink(row, page.px_per_mm)


def _after(row: RowPath, pulse: Pulse, page: Page, peak: float) -> RowPath:
    """The row followed again where it leaves its pulse over bare paper: the trace begins far from the pulse's foot."""
    first = int(pulse.right) + 2
    if row.on_ink[first:first + round(2 * page.px_per_mm.x)].mean() > 0.6:
        return row
    ink = clean(page.ink, page.px_per_mm)
    free = ink.copy()
    free[:, :first] = 1  # from the pulse the pen may go anywhere
    retraced = retrace_row(row, free, page.px_per_mm, peak)
    x = np.arange(len(row.on_ink))
    on = (np.maximum(ink[retraced.first, x], ink[retraced.last, x]) > 0.4) | (x < first) & row.on_ink
    return replace(retraced, on_ink=on, support=int(on.sum()))


def _on_ink(row: RowPath, px_per_mm: Scale) -> RowPath:
    """Without the gap that some printers leave between pulse and trace."""
    reach, near = max(2, round(2 * px_per_mm.x)), round(15 * px_per_mm.x)
    on = np.convolve(row.on_ink, np.ones(reach) / reach, mode="full")
    start, end = row.start, row.end
    ahead = on[reach - 1:][int(np.ceil(start)):int(np.ceil(start)) + near]
    if len(ahead) and ahead[:reach].min() < 0.5 <= ahead.max():
        start = max(start, _inked(row, float(np.ceil(start) + np.argmax(ahead > 0.8)), 1))
    behind = on[:len(row.on_ink)][max(0, int(end) - near):int(end)][::-1]
    if len(behind) and behind[:reach].min() < 0.5 <= behind.max():
        end = min(end, _inked(row, float(int(end) - np.argmax(behind > 0.8)) - 1, -1) + 1)
    return replace(row, start=start, end=end)


def _inked(row: RowPath, column: float, step: int) -> float:
    """The first column on ink from one on: what is mostly ink may begin with some bare paper."""
    along = row.on_ink[int(column)::step]
    return column + step * int(np.argmax(along)) if along.any() else column
