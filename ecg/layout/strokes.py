"""Calibration pulses and separators: straight upright strokes that are no trace."""

import cv2
import numpy as np

from ecg.layout.model import Pulse, Stroke
from ecg.scale import Scale
from featurize.arrays import Float32Array

# Vertical strokes shorter than this are not looked at: letters are smaller.
_STROKE_MM = 3.0
# A mark of 0.2 s, of 0.1 s at least at 25 mm/s; QRS complexes with a notch for a roof are narrower.
_PULSE_WIDTH_MM = (2.2, 11.0)
# Two pulses that are no farther apart are one, found twice.
_APART_MM = 3.0


def find_strokes(ink: Float32Array, px_per_mm: Scale) -> list[Stroke]:
    """Upright strokes, (H, W) share of ink searched for straight vertical runs."""
    mask = (ink > 0.5).astype(np.uint8)
    # An even length would shift what is found by one pixel.
    length = max(3, round(_STROKE_MM * px_per_mm.y) | 1)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    # The same labels as OpenCV's default, three times as fast.
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(opened, 8, cv2.CV_32S, cv2.CCL_BBDT)
    return [Stroke(int(x), int(x + w - 1), int(y), int(y + h - 1)) for x, y, w, h, _ in stats[1:]
            if w <= 1.6 * px_per_mm.x]


def find_pulses(ink: Float32Array, strokes: list[Stroke], px_per_mm: Scale, pen_px: float) -> list[Pulse]:
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


def _roofed(ink: Float32Array, a: Stroke, b: Stroke, px_per_mm: Scale) -> Pulse | None:
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


def _stem(ink: Float32Array, stroke: Stroke) -> float:
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


def bars_at(ink: Float32Array, separators: list[Stroke], places: list[tuple[float, float]],
            px_per_mm: Scale) -> list[Stroke]:
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


def _solid(ink: Float32Array, left: int, right: int, base: float, px_per_mm: Scale) -> Stroke | None:
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
