"""Calibration pulses and separators: straight upright strokes that are no trace."""
import cv2
import numpy as np

from ecg.layout.model import Pulse, Stroke
from ecg.scale import Scale
from featurize.arrays import Float32Array, runs_of_true

# Strokes shorter than this are not looked at: letters are smaller.
_STROKE_MM = 3.0
# Strokes wider than this are no lines.
_STROKE_WIDTH_MM = 1.6
# A pixel is ink from this share on.
_INKED = 0.5
# Width of a pulse: 0.2 s, or 0.1 s at least at 25 mm/s; QRS complexes whose notch looks like a roof are narrower.
_PULSE_WIDTH_MM = (2.2, 11.0)
# Both edges of a pulse are higher than this.
_PULSE_HEIGHT_MM = 3.5
# The edge of a pulse is at most this many widths of the pen wide, and this many px more.
_THIN_PENS = 2.5
_THIN_PX = 2
# The tops of both edges are level to this, and the roof is looked for this far from them.
_ROOF_MM = 0.4
# The heights of both edges differ by no more than this share.
_UNEVEN = 0.5
# Share of the roof's length that is inked, at least.
_ROOF_SHARE = 0.9
# Share of the inside of a pulse that is inked, at most.
_INSIDE_SHARE = 0.08
# Quantile of ink along an edge that a trace which leaves it does not reach.
_EDGE_QUANTILE = 0.2
# Two pulses that are no farther apart than this are one, found twice.
_SAME_PULSE_MM = 3.0
# Separators are lower than this.
_SEPARATOR_MM = 25
# A stroke this many widths of the pen wide, and this many px more, is a separator.
_THICK_PENS = 1.4
_THICK_PX = 0.5
# So are this many strokes of one height in one column.
_LEAST_ALIKE = 3
# Strokes are of one height and in one column to this.
_ALIKE_MM = 0.4
# A separator near a place where leads meet stands within this along x.
_AT_MEETING_MM = 0.6
# A separator reaches no farther than this from the base line.
_SEPARATOR_REACH_MM = 9
# A separator is higher than this.
_SEPARATOR_LEAST_MM = 2
# Share of ink in every pixel across a separator, at least.
_SOLID = 0.35
# Quantile of the heights of separators that is their true height.
_HEIGHT_QUANTILE = 0.75
# A separator of at least this share of that height is seen as a whole.
_WHOLE_SHARE = 0.8


def find_strokes(ink: Float32Array, px_per_mm: Scale) -> list[Stroke]:
    """Straight upright strokes in ink (H, W)."""
    mask = (ink > _INKED).astype(np.uint8)
    # An even length would shift what is found by one pixel.
    length = max(3, round(_STROKE_MM * px_per_mm.y) | 1)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    # The same labels as OpenCV's default, three times as fast.
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(opened, 8, cv2.CV_32S, cv2.CCL_BBDT)
    return [Stroke(int(x), int(x + w - 1), int(y), int(y + h - 1)) for x, y, w, h, _ in stats[1:]
            if w <= _STROKE_WIDTH_MM * px_per_mm.x]


def find_pulses(ink: Float32Array, strokes: list[Stroke], px_per_mm: Scale, pen_px: float) -> list[Pulse]:
    """Calibration pulses: two thin strokes of one height with a roof between them, clear below.

    Parameters
    ----------
    ink : (H, W) float32
    strokes : list of Stroke
        Of `find_strokes`.
    px_per_mm : Scale
    pen_px : float
        Width of the line.
    """
    out: list[Pulse] = []
    thin = [s for s in strokes if s.width <= _THIN_PENS * pen_px + _THIN_PX
            and s.height > _PULSE_HEIGHT_MM * px_per_mm.y]
    for a in thin:
        for b in thin:
            wide_mm = (b.x - a.x) / px_per_mm.x
            if not _PULSE_WIDTH_MM[0] < wide_mm < _PULSE_WIDTH_MM[1] or abs(a.top - b.top) > _ROOF_MM * px_per_mm.y:
                continue
            if abs(a.height - b.height) > _UNEVEN * max(a.height, b.height):
                continue
            pulse = _pulse(ink, a, b, px_per_mm)
            if pulse:
                out.append(pulse)
    return _without_copies(sorted(out, key=lambda p: p.base), px_per_mm)


def _pulse(ink: Float32Array, a: Stroke, b: Stroke, px_per_mm: Scale) -> Pulse | None:
    """The pulse whose edges are two strokes, if a roof joins them and it is clear below."""
    inner = slice(a.right + 2, b.left - 1)
    reach = max(2, round(_ROOF_MM * px_per_mm.y))
    top = min(a.top, b.top)
    lines = slice(max(0, top - reach), top + 2 * reach)
    roof = ink[lines, inner]
    if roof.shape[1] < 3 or (roof.max(axis=0) > _INKED).mean() < _ROOF_SHARE:
        return None
    profile = roof.mean(axis=1)
    row = lines.start + float((profile * np.arange(len(profile))).sum() / profile.sum())
    # Where the trace joins, both strokes end; the shorter one ends there for certain.
    bottom = min(a.bottom, b.bottom)
    below = ink[round(row + 2 * reach):max(round(row + 2 * reach) + 1, bottom - 2 * reach), inner]
    if below.size and (below > _INKED).mean() > _INSIDE_SHARE:
        return None
    pen = float(profile.sum())
    edges = slice(round(row) + reach, max(round(row) + reach + 1, bottom - reach))
    return Pulse(_edge_column(ink[edges], a), _edge_column(ink[edges], b), row, bottom - max(pen - 1, 0) / 2)


def _edge_column(ink: Float32Array, stroke: Stroke) -> float:
    """Middle column of a pulse's edge; a trace that leaves it steeply widens only a part of it."""
    alone = np.quantile(ink[:, stroke.left:stroke.right + 1], _EDGE_QUANTILE, axis=0) > _INKED
    return stroke.left + float(np.flatnonzero(alone).mean()) if alone.any() else stroke.x


def _without_copies(pulses: list[Pulse], px_per_mm: Scale) -> list[Pulse]:
    out: list[Pulse] = []
    near_x, near_y = _SAME_PULSE_MM * px_per_mm.x, _SAME_PULSE_MM * px_per_mm.y
    for pulse in pulses:
        if all(abs(pulse.base - o.base) > near_y or abs(pulse.left - o.left) > near_x for o in out):
            out.append(pulse)
    return out


def find_separators(strokes: list[Stroke], pulses: list[Pulse], px_per_mm: Scale, pen_px: float) -> list[Stroke]:
    """Separators: strokes thicker than the pen, or of one height and column in several rows.

    Parameters
    ----------
    strokes : list of Stroke
        Of `find_strokes`.
    pulses : list of Pulse
    px_per_mm : Scale
    pen_px : float
        Width of the line.
    """
    free = [s for s in strokes if s.height < _SEPARATOR_MM * px_per_mm.y
            and not any(p.left - 3 <= s.x <= p.right + 3 and p.top - 5 <= s.bottom and s.top <= p.base + 5
                        for p in pulses)]
    thick = [s for s in free if s.width >= _THICK_PENS * pen_px + _THICK_PX]
    alike = [s for s in free if s not in thick and sum(
        abs(o.x - s.x) < _ALIKE_MM * px_per_mm.x and abs(o.height - s.height) < _ALIKE_MM * px_per_mm.y
        for o in free) >= _LEAST_ALIKE]
    return thick + alike


def separators_at(ink: Float32Array, separators: list[Stroke], places: list[tuple[float, float]],
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
    near = [s for s in separators if any(abs(s.x - x) < _AT_MEETING_MM * px_per_mm.x for x, _ in places)]
    if not near:
        return []
    width, beside = float(np.median([s.width for s in near])), _AT_MEETING_MM * px_per_mm.x
    out: list[tuple[Stroke, float]] = []
    for x, base in places:
        best: Stroke | None = None
        for left in range(round(x - beside - width / 2), round(x + beside - width / 2) + 1):
            found = _solid(ink, left, left + round(width) - 1, base, px_per_mm)
            if found and (best is None or found.height > best.height):
                best = found
        if best:
            out.append((best, base))
    return _of_one_height(out)


def _of_one_height(found: list[tuple[Stroke, float]]) -> list[Stroke]:
    """Separators of one height: where a trace hides the ends of one, the others tell where they are."""
    if not found:
        return []
    high = float(np.quantile([s.height for s, _ in found], _HEIGHT_QUANTILE))
    whole = [(s, base) for s, base in found if s.height > _WHOLE_SHARE * high]
    above = float(np.median([(s.top + s.bottom) / 2 - base for s, base in whole]))
    out = []
    for s, base in found:
        middle = (s.top + s.bottom) / 2 if s.height > _WHOLE_SHARE * high else base + above
        out.append(Stroke(s.left, s.right, min(s.top, round(middle - high / 2)),
                          max(s.bottom, round(middle + high / 2))))
    return out


def _solid(ink: Float32Array, left: int, right: int, base: float, px_per_mm: Scale) -> Stroke | None:
    """The longest run of rows near a base line that are ink from `left` to `right`; a trace's pen is narrower."""
    top = max(0, round(base - _SEPARATOR_REACH_MM * px_per_mm.y))
    window = ink[top:round(base + _SEPARATOR_REACH_MM * px_per_mm.y), max(0, left):right + 1]
    if window.shape[1] < 1:
        return None
    inner = window[:, 1:-1] if window.shape[1] > 4 else window
    runs = list(zip(*runs_of_true(inner.min(axis=1) > _SOLID)))
    if not runs:
        return None
    a, b = max(runs, key=lambda r: r[1] - r[0])
    return Stroke(left, right, top + int(a), top + int(b) - 1) if b - a > _SEPARATOR_LEAST_MM * px_per_mm.y else None
