"""Calibration pulses and separators: straight upright strokes that are no trace."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ecg.layout.model import Pulse, Stroke
from ecg.scale import Scale

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

# Vertical strokes shorter than this are not looked at: letters are smaller.
_STROKE_MM = 3.0
# A mark of 0.2 s, of 0.1 s at least at 25 mm/s; QRS complexes with a notch for a roof are narrower.
_PULSE_WIDTH_MM = (2.2, 11.0)
# Two pulses that are no farther apart are one, found twice.
_APART_MM = 3.0
# Half the height of the window in which a level run is measured, px; of one for thick lines, and the share of runs
# that stand alone in the former below which it is tried.
_PROFILE = 5
_WIDE_PROFILE = 9
_CLEAR = 0.5
# Steps a pixel of `pen_profile`.
FINE = 16
# Share of ink from which a pen is said to lay any.
_LEAST_SHARE = 0.001
# Share of ink that a line leaves between two rows of pixels: from here on nothing, down to there all of it is made up.
_SURE = 0.92
_THIN = 0.8


def find_strokes(ink: Floats, px_per_mm: Scale) -> list[Stroke]:
    """Upright strokes, (H, W) share of ink searched for straight vertical runs."""
    mask = (ink > 0.5).astype(np.uint8)
    # An even length would shift what is found by one pixel.
    length = max(3, round(_STROKE_MM * px_per_mm.y) | 1)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    # The same labels as OpenCV's default, three times as fast.
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(opened, 8, cv2.CV_32S, cv2.CCL_BBDT)
    return [Stroke(int(x), int(x + w - 1), int(y), int(y + h - 1)) for x, y, w, h, _ in stats[1:]
            if w <= 1.6 * px_per_mm.x]


def find_pulses(ink: Floats, strokes: list[Stroke], px_per_mm: Scale, pen_px: float) -> list[Pulse]:
    """Two thin strokes of one height with a roof between them, clear below."""
    out: list[Pulse] = []
    thin = [s for s in strokes if s.width <= 2.5 * pen_px + 2 and s.height > 3.5 * px_per_mm.y]
    for a in thin:
        for b in thin:
            apart = (b.x - a.x) / px_per_mm.x
            if not _PULSE_WIDTH_MM[0] < apart < _PULSE_WIDTH_MM[1] or abs(a.top - b.top) > 0.4 * px_per_mm.y:
                continue
            if abs(a.height - b.height) > 0.5 * max(a.height, b.height):
                continue
            pulse = _roofed(ink, a, b, px_per_mm)
            if pulse:
                out.append(pulse)
    return _apart(sorted(out, key=lambda p: p.base), px_per_mm)


def _roofed(ink: Floats, a: Stroke, b: Stroke, px_per_mm: Scale) -> Pulse | None:
    inner = slice(a.right + 2, b.left - 1)
    reach = max(2, round(0.4 * px_per_mm.y))
    top = min(a.top, b.top)
    lines = slice(max(0, top - reach), top + 2 * reach)
    roof = ink[lines, inner]
    if roof.shape[1] < 3 or (roof.max(axis=0) > 0.5).mean() < 0.9:
        return None
    profile = roof.mean(axis=1)
    row = lines.start + float((profile * np.arange(len(profile))).sum() / profile.sum())
    # Where the trace joins, both strokes end; the shorter one ends there for certain.
    bottom = min(a.bottom, b.bottom)
    below = ink[round(row + 2 * reach):max(round(row + 2 * reach) + 1, bottom - 2 * reach), inner]
    if below.size and (below > 0.5).mean() > 0.08:
        return None
    pen = float(profile.sum())
    stem = slice(round(row) + reach, max(round(row) + reach + 1, bottom - reach))
    return Pulse(_stem(ink[stem], a), _stem(ink[stem], b), row, bottom - max(pen - 1, 0) / 2)


def _stem(ink: Floats, stroke: Stroke) -> float:
    """Middle column of a pulse's edge: a trace that leaves it steeply widens it, though not all along."""
    alone = np.quantile(ink[:, stroke.left:stroke.right + 1], 0.2, axis=0) > 0.5
    return stroke.left + float(np.flatnonzero(alone).mean()) if alone.any() else stroke.x


def _apart(pulses: list[Pulse], px_per_mm: Scale) -> list[Pulse]:
    out: list[Pulse] = []
    for pulse in pulses:
        if all(abs(pulse.base - o.base) > _APART_MM * px_per_mm.y or abs(pulse.left - o.left) > _APART_MM * px_per_mm.x
               for o in out):
            out.append(pulse)
    return out


def find_separators(strokes: list[Stroke], pulses: list[Pulse], px_per_mm: Scale, pen_px: float) -> list[Stroke]:
    """Strokes thicker than the pen, or of one height and column in several rows."""
    free = [s for s in strokes if s.height < 25 * px_per_mm.y
            and not any(p.left - 3 <= s.x <= p.right + 3 and p.top - 5 <= s.bottom and s.top <= p.base + 5
                        for p in pulses)]
    thick = [s for s in free if s.width >= 1.4 * pen_px + 0.5]
    alike = [s for s in free if s not in thick and sum(
        abs(o.x - s.x) < 0.4 * px_per_mm.x and abs(o.height - s.height) < 0.4 * px_per_mm.y for o in free) >= 3]
    return thick + alike


def bars_at(ink: Floats, separators: list[Stroke], places: list[tuple[float, float]], px_per_mm: Scale) -> list[Stroke]:
    """Separators where leads meet, also those that a steep trace has merged with.

    Parameters
    ----------
    ink : (H, W) float32
    separators : list of Stroke
        Those that stand free tell how wide one is.
    places : list of (x, y)
        Where leads meet: column, and row of the base line.
    px_per_mm : Scale
    """
    near = [s for s in separators if any(abs(s.x - x) < 0.6 * px_per_mm.x for x, _ in places)]
    if not near:
        return []
    width, beside = float(np.median([s.width for s in near])), 0.6 * px_per_mm.x
    out: list[tuple[Stroke, float]] = []
    for x, base in places:
        best: Stroke | None = None
        for left in range(round(x - beside - width / 2), round(x + beside - width / 2) + 1):
            found = _solid(ink, left, left + round(width) - 1, base, px_per_mm)
            if found and (best is None or found.height > best.height):
                best = found
        if best:
            out.append((best, base))
    return _alike(out)


def _alike(found: list[tuple[Stroke, float]]) -> list[Stroke]:
    """All separators of a page are of one height: where a trace hides the ends of one, the others tell them."""
    if not found:
        return []
    high = float(np.quantile([s.height for s, _ in found], 0.75))
    whole = [(s, base) for s, base in found if s.height > 0.8 * high]
    above = float(np.median([(s.top + s.bottom) / 2 - base for s, base in whole]))
    out = []
    for s, base in found:
        middle = (s.top + s.bottom) / 2 if s.height > 0.8 * high else base + above
        out.append(Stroke(s.left, s.right, min(s.top, round(middle - high / 2)),
                          max(s.bottom, round(middle + high / 2))))
    return out


def _solid(ink: Floats, left: int, right: int, base: float, px_per_mm: Scale) -> Stroke | None:
    """The longest run of rows near a base line that are ink from `left` to `right`; a trace's pen is narrower."""
    top = max(0, round(base - 9 * px_per_mm.y))
    window = ink[top:round(base + 9 * px_per_mm.y), max(0, left):right + 1]
    if window.shape[1] < 1:
        return None
    inner = window[:, 1:-1] if window.shape[1] > 4 else window
    full = np.r_[False, inner.min(axis=1) > 0.35, False].astype(int)
    edges = np.diff(full)
    runs = list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))
    if not runs:
        return None
    a, b = max(runs, key=lambda r: r[1] - r[0])
    return Stroke(left, right, top + int(a), top + int(b) - 1) if b - a > 2 * px_per_mm.y else None


def measure_pen(ink: Floats) -> tuple[float, float]:
    """Width of the trace's line and blur of its edge (standard deviation), px.

    Both from the sum and the spread of ink across nearly level runs that stand alone: a line of width w blurred by
    sigma spreads by w^2 / 12 + sigma^2.
    """
    mask = ink > 0.5
    # Columns of a level run: ink here, and at both sides two columns on.
    level = mask[1:-1, 2:-2] & mask[1:-1, :-4] & mask[1:-1, 4:]
    middle = ink[:, 2:-2]
    at = np.flatnonzero(level & (middle[1:-1] >= middle[:-2]) & (middle[1:-1] > middle[2:]))
    rows, columns = at // middle.shape[1] + 1, at % middle.shape[1]
    around, clear = _profiles(middle, rows, columns, _PROFILE)
    if clear < _CLEAR:  # lines as thick as the window, or a page full of strokes
        wider, _ = _profiles(middle, rows, columns, _WIDE_PROFILE)
        if len(wider) and np.quantile(wider.sum(axis=1), 0.25) > _PROFILE - 1:
            around = wider
    if len(around) < 30:
        return 2.0, 0.3
    offsets = np.arange(around.shape[1]) - around.shape[1] // 2
    around = np.maximum(around - np.minimum(around[:, :1], around[:, -1:]), 0)
    total = around.sum(axis=1)
    center = (around * offsets).sum(axis=1) / total
    spread = (around * (offsets - center[:, None]) ** 2).sum(axis=1) / total
    thin = total <= np.quantile(total, 0.6)
    width = float(np.quantile(total, 0.25))
    blur = max(float(np.median(spread[thin])) - width ** 2 / 12, 0.06)
    return width, float(np.sqrt(blur))


def _profiles(ink: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], reach: int) -> tuple[Reals, float]:
    """(n, 2 reach + 1) ink above and below places of a level run where it stands alone, and the share that does."""
    inside = (rows >= reach) & (rows < len(ink) - reach)
    rows, columns = rows[inside], columns[inside]
    pick = np.linspace(0, len(rows) - 1, min(len(rows), 4000)).astype(int)
    around = ink[rows[pick][:, None] + np.arange(-reach, reach + 1), columns[pick][:, None]].astype(np.float64)
    alone = np.maximum(around[:, 0], around[:, -1]) < 0.25  # strokes run out of the window
    return around[alone], float(alone.mean()) if len(alone) else 0.0


def pen_profile(pen_px: float, blur_px: float) -> Reals:
    """Share of ink at distances 0, 1 / 16, 2 / 16, ... px from the path of a blurred pen, to where it ends."""
    radius = pen_px / 2
    d = np.arange(0, radius + 1 + 2.5 * blur_px, 1 / FINE)
    sigma = np.sqrt(2) * blur_px
    shares = 0.5 * (erf((radius - d) / sigma) + erf((radius + d) / sigma))
    # Loops over pixels take as long as this reaches far.
    return np.asarray(shares[:np.count_nonzero(shares > _LEAST_SHARE) + 1], np.float64)


def shares_at(distance: Floats, profile: Reals) -> Floats:
    """Share of ink (float32) that a pen lays at distances in px, of any shape; profile of `pen_profile`."""
    shares = np.r_[profile, 0].astype(np.float32)
    return np.asarray(shares[np.minimum((distance * FINE).astype(np.int32), len(profile))])


def as_line(ink: Floats, pen_px: float, blur_px: float) -> tuple[Floats, float]:
    """Share of ink (H, W) raised where lines are so thin or blurred that between two rows of pixels little is left.

    Also the share that the middle of a level line then has where it runs along one row.
    """
    profile = pen_profile(pen_px, blur_px)
    between = float(profile[FINE // 2])
    more = 1 + (1 / between - 1) * float(np.clip((_SURE - between) / (_SURE - _THIN), 0, 1))
    return (np.minimum(ink * np.float32(more), np.float32(1)) if more > 1 else ink), min(1.0, more * float(profile[0]))
