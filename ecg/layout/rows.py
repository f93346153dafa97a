"""The rows of a page: where traces run, apart from words and calibration pulses."""
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from scipy.ndimage import binary_opening, gaussian_filter1d
from scipy.signal import find_peaks

from ecg.layout.common_end import with_common_end
from ecg.layout.model import NoTrace, Pulse, RowPath
from ecg.layout.row_path import cover, retrace_row, row_path
from ecg.page.read import Page
from ecg.scale import Scale
from featurize.arrays import Float32Array, IntpArray

# Two rows that share a level piece of ink longer than this follow one trace.
_SHARED_MM = 2.0
# Two paths are at the same place in a column if they are nearer than this.
_SAME_PLACE_PX = 1.5
# A level piece of ink is at least this long.
_LEVEL_MM = 0.9
# Level ink of a row is counted in pieces of this length.
_PIECE_MM = 2
# Standard deviation of the filter over the level ink of rows.
_SMOOTH_MM = 0.8
# A row is looked for where there is this share of the level ink of the fullest row.
_LEAST_LEVEL = 0.12
# Two rows are no nearer to each other than this.
_ROW_DISTANCE_MM = 4
# The foot of a pulse this near to level ink is at the same row.
_FOOT_MM = 3
# A short last row has this share of the level ink of the fullest one.
_LAST_ROW_LEVEL = 0.3
# The base line of a short last row is no nearer than this to another, nor its beginning farther from the others'.
_LAST_ROW_MM = 6.0
# A row is longer than this.
_LEAST_LENGTH_MM = 25
# A row is longer than this share of the longest row.
_LEAST_LENGTH_SHARE = 0.45
# A path that shares more than this with the path of one other row has no trace of its own.
_SHARED = 0.35
# A path that shares more than this with those of all other rows has no trace of its own.
_SHARED_WITH_ALL = 0.4
# A frame or a scanner's dark rim inks at least this share of the outermost millimetre's length.
_RIM = 0.2
# A pixel belongs to a mark from this share of ink on.
_MARK_INK = 0.35
# A pixel belongs to level ink from this share of ink on.
_LEVEL_INK = 0.5
# A path is on ink from this share of ink on.
_PATH_INK = 0.4
# Rounds in which a row is followed without the traces of other rows.
_TRACE_ROUNDS = 3
# Marks this near to each other along x are joined: a dotted trace is one mark.
_JOINED_MM = 0.3
# Marks that are neither wider nor higher than this are letters, dots or dashes.
_SMALL_MM = 7
# A mark that covers more than this share of the page is a scanner's edge or a frame.
_LARGE = 0.2
# A pulse belongs to a row whose base line, or its roof to one whose path, is nearer than this.
_PULSE_ROW_MM = 4
# A pulse of a row stands within this of the row's beginning or end.
_PULSE_DISTANCE_MM = 12
# A row that begins or ends this near to a pulse of another row has one that was not recognized.
_PULSE_COLUMN_MM = 1.5
# Pulses stand in one column if so many are nearer to each other than _PULSE_COLUMN_MM.
_LEAST_PULSES = 3
# What a row has before its pulse is no trace, where pulses of several rows stand in one column within this share of it.
_BEFORE_PULSES = 0.2
# Window behind a pulse, and over which a row is on ink or not.
_WINDOW_MM = 2
# A trace is on ink right behind its pulse in more than this share of the window.
_BEHIND_PULSE = 0.6
# A gap between pulse and trace is looked for this far from the end of the row.
_GAP_SEARCH_MM = 15
# A window of a gap has less than this share of ink.
_GAP_INK = 0.5
# A window behind a gap has more than this share of ink.
_TRACE_INK = 0.8


def find_rows(page: Page, pulses: Sequence[Pulse], peak: float, wanted: int = 0) -> list[RowPath]:
    """Paths of all rows from the top, found where level ink is, and at the feet of pulses.

    Parameters
    ----------
    page : Page
    pulses : sequence of Pulse
    peak : float
        See `ecg.layout.row_path.follow`.
    wanted : int
        How many rows there are, 0 if that is not known.

    Raises
    ------
    NoTrace
    """
    sx, sy = page.px_per_mm.x, page.px_per_mm.y
    ink = clean(page.ink, page.px_per_mm)
    level = cv2.morphologyEx((ink > _LEVEL_INK).astype(np.uint8), cv2.MORPH_OPEN,
                             np.ones((1, max(3, round(_LEVEL_MM * sx)))))
    piece = max(1, round(_PIECE_MM * sx))
    width = level.shape[1] // piece * piece
    filled = level[:, :width].reshape(len(level), -1, piece).max(axis=2)
    profile = gaussian_filter1d(filled.sum(axis=1).astype(float), _SMOOTH_MM * sy)
    peaks, _ = find_peaks(profile, height=max(_LEAST_LEVEL * float(profile.max()), 0.5),
                          distance=max(1, round(_ROW_DISTANCE_MM * sy)))
    feet = [p.base for p in pulses]
    starts = feet + [float(p) for p in peaks if all(abs(p - foot) > _FOOT_MM * sy for foot in feet)]
    paths = [(path, start) for start in starts for path in [row_path(ink, start, page.px_per_mm, peak)] if path]
    # Of two paths on one trace, the one that stayed near the level where it was looked for is more often right.
    paths.sort(key=lambda found: 0.5 * abs(found[0].base - found[1]) - found[0].support)
    rows = _distinct([path for path, _ in paths], page.px_per_mm)
    if wanted and len(rows) > wanted:
        rows = sorted(rows, key=lambda r: -r.support)[:wanted]
    if not wanted:
        full = [p for p in starts if profile[round(p)] > _LAST_ROW_LEVEL * profile.max()]
        rows += _last_row(rows, full, ink, page.px_per_mm, peak)
    rows = with_common_end(_on_traces_of_their_own(rows, ink, page.px_per_mm, peak), ink, page.px_per_mm, peak)
    if not rows:
        raise NoTrace("a grid, but nothing that runs along it for 25 mm: no trace was found")
    return sorted(rows, key=lambda r: r.base)


def clean(ink: Float32Array, px_per_mm: Scale) -> Float32Array:
    """Ink (H, W) without small marks (letters, dots, dashes) and without what runs along the page's edges."""
    mask = (ink > _MARK_INK).astype(np.uint8)
    edge, side = round(px_per_mm.y), round(px_per_mm.x)
    rims = [rim for axis, rim in ((1, np.s_[:edge]), (1, np.s_[-edge:]), (0, np.s_[:, :side]), (0, np.s_[:, -side:]))
            if mask[rim].mean(axis=axis).max() > _RIM]
    for rim in rims:
        mask[rim] = 0
    joined = cv2.dilate(mask, np.ones((3, max(3, round(_JOINED_MM * px_per_mm.x) | 1)), np.uint8))
    # The same labels as OpenCV's default, three times as fast.
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(joined, 8, cv2.CV_32S, cv2.CCL_BBDT)
    keep = (stats[:, cv2.CC_STAT_WIDTH] > _SMALL_MM * px_per_mm.x) | (
        stats[:, cv2.CC_STAT_HEIGHT] > _SMALL_MM * px_per_mm.y)
    keep &= stats[:, cv2.CC_STAT_AREA] < _LARGE * ink.size
    keep[0] = False
    out = ink * np.take(keep.astype(np.float32), labels)
    for rim in rims:
        out[rim] = 0
    return out


def _distinct(paths: list[RowPath], px_per_mm: Scale) -> list[RowPath]:
    """Of all paths on one trace the first; without those that are short beside the longest."""
    out: list[RowPath] = []
    for path in paths:
        # A path may consist of pieces of several traces.
        if all(cover(path, other) < _SHARED for other in out) and cover(path, *out) < _SHARED_WITH_ALL:
            out.append(path)
    if not out:
        return out
    longest = max(p.end - p.start for p in out)
    return [p for p in out if p.end - p.start > max(_LEAST_LENGTH_MM * px_per_mm.x, _LEAST_LENGTH_SHARE * longest)]


def _last_row(rows: list[RowPath], starts: Sequence[float], ink: Float32Array, px_per_mm: Scale, peak: float
              ) -> list[RowPath]:
    """A row below all others that ends before them, which was lost as its path followed the row above from there on."""
    below = [p for p in starts if all(p > row.base + _LAST_ROW_MM * px_per_mm.y for row in rows)]
    if len(rows) < 2 or not below:
        return []
    left = ink.copy()
    for row in rows:
        _erase(left, row, np.flatnonzero(row.on_ink), px_per_mm)
    begin = float(np.median([row.start for row in rows]))
    paths = [path for p in below for path in [row_path(left, p, px_per_mm, peak)]
             if path and abs(path.base - p) < _LAST_ROW_MM * px_per_mm.y
             and abs(path.start - begin) < _LAST_ROW_MM * px_per_mm.x]
    return [path for path in _distinct([*rows, *paths], px_per_mm) if not any(path is row for row in rows)][:1]


def _erase(ink: Float32Array, row: RowPath, columns: IntpArray, px_per_mm: Scale) -> None:
    """Erase the ink of a path in some columns, in place."""
    reach = round(_SHARED_MM * px_per_mm.y) // 4
    for x in columns:
        top, bottom = sorted((int(row.first[x]), int(row.last[x])))
        ink[max(0, top - reach):bottom + reach + 1, x] = 0


def _on_traces_of_their_own(rows: list[RowPath], ink: Float32Array, px_per_mm: Scale, peak: float) -> list[RowPath]:
    """Rows of which no two run along one trace: the nearer keeps it, the other is followed without that ink."""
    reach = round(_SHARED_MM * px_per_mm.x)
    for k in range(len(rows)):
        left = ink
        # A path that may not go along one row can take another one's trace elsewhere.
        for _ in range(_TRACE_ROUNDS):
            row, found = rows[k], False
            for other in rows[:k] + rows[k + 1:]:
                both = row.on_ink & other.on_ink & (np.abs(row.middle - other.middle) < _SAME_PLACE_PX)
                astray = np.abs(row.middle - row.base) > np.abs(other.middle - other.base)
                taken = np.flatnonzero(binary_opening(both, np.ones(reach)) & astray)
                if len(taken):
                    left, found = ink.copy() if left is ink else left, True
                    _erase(left, other, taken, px_per_mm)
            if not found:
                break
            rows[k] = row_path(left, row.base, px_per_mm, peak) or row
    return rows


def without_pulse(row: RowPath, pulses: Sequence[Pulse], page: Page, peak: float) -> RowPath:
    """The row from where its pulse ends, or to where it begins.

    Parameters
    ----------
    row : RowPath
    pulses : sequence of Pulse
        Of the whole page.
    page, peak
        As for `find_rows`.
    """
    sx, sy = page.px_per_mm.x, page.px_per_mm.y
    beside, same_column = _PULSE_DISTANCE_MM * sx, _PULSE_COLUMN_MM * sx
    for pulse in pulses:
        inside = int(np.clip((pulse.left + pulse.right) / 2, 0, len(row.middle) - 1))
        near = min(abs(row.base - pulse.base), abs(row.middle[inside] - pulse.top)) < _PULSE_ROW_MM * sy
        # Pulses of all rows stand in one column.
        alike = sum(abs(other.left - pulse.left) < same_column for other in pulses) >= _LEAST_PULSES
        before = max(beside, _BEFORE_PULSES * (row.end - row.start) if alike else 0)
        if (near and pulse.left < row.start + before) or abs(pulse.left - row.start) < same_column:
            row = replace(_retraced_after(row, pulse, page, peak), start=max(row.start, pulse.right))
        elif (near and pulse.right > row.end - beside) or abs(pulse.right - row.end) < same_column:
            row = replace(row, end=min(row.end, pulse.left))
    return _without_gap(row, page.px_per_mm)


def _retraced_after(row: RowPath, pulse: Pulse, page: Page, peak: float) -> RowPath:
    """The row, retraced if its path leaves the pulse over bare paper: the trace may begin far from the pulse's foot."""
    first = int(pulse.right) + 2
    if row.on_ink[first:first + round(_WINDOW_MM * page.px_per_mm.x)].mean() > _BEHIND_PULSE:
        return row
    ink = clean(page.ink, page.px_per_mm)
    free = ink.copy()
    free[:, :first] = 1  # from the pulse the pen may go anywhere
    retraced = retrace_row(row, free, page.px_per_mm, peak)
    x = np.arange(len(row.on_ink))
    on = (np.maximum(ink[retraced.first, x], ink[retraced.last, x]) > _PATH_INK) | (x < first) & row.on_ink
    return replace(retraced, on_ink=on, support=int(on.sum()))


def _without_gap(row: RowPath, px_per_mm: Scale) -> RowPath:
    """The row without the gap that some printers leave between pulse and trace."""
    reach, near = max(2, round(_WINDOW_MM * px_per_mm.x)), round(_GAP_SEARCH_MM * px_per_mm.x)
    on = np.convolve(row.on_ink, np.ones(reach) / reach, mode="full")
    start, end = row.start, row.end
    ahead = on[reach - 1:][int(np.ceil(start)):int(np.ceil(start)) + near]
    if len(ahead) and ahead[:reach].min() < _GAP_INK <= ahead.max():
        start = max(start, _inked(row, float(np.ceil(start) + np.argmax(ahead > _TRACE_INK)), 1))
    behind = on[:len(row.on_ink)][max(0, int(end) - near):int(end)][::-1]
    if len(behind) and behind[:reach].min() < _GAP_INK <= behind.max():
        end = min(end, _inked(row, float(int(end) - np.argmax(behind > _TRACE_INK)) - 1, -1) + 1)
    return replace(row, start=start, end=end)


def _inked(row: RowPath, column: float, step: int) -> float:
    """The first column on ink, from a column on in steps of 1 or -1; that column itself if there is none."""
    along = row.on_ink[int(column)::step]
    return column + step * int(np.argmax(along)) if along.any() else column
