"""Calibration pulses in two steps: the higher is 1 mV of the limb leads, the lower 1 mV of the chest leads."""
from collections.abc import Sequence

from ecg.layout.model import Pulse, Stroke
from ecg.scale import Scale
from featurize.arrays import Float32Array

# Width of a step.
_STEP_WIDTH_MM = (1.0, 8.0)
# Least height of a step.
_STEP_HEIGHT_MM = 2.0
# Ends of two strokes are level to this.
_LEVEL_MM = 0.6
# Share of a step's length that is inked, at least.
_ROOF_SHARE = 0.9
# A pixel is ink from this share on.
_INKED = 0.5
# A stroke of the pen is at most this many widths of the pen wide, and this many px more.
_THIN_PENS = 2.5
_THIN_PX = 2


def with_step_pulses(ink: Float32Array, strokes: Sequence[Stroke], pulses: Sequence[Pulse], px_per_mm: Scale,
                     pen_px: float) -> list[Pulse]:
    """The pulses, those that are half of a pulse in two steps replaced by the whole one.

    Parameters
    ----------
    ink : (H, W) float32
    strokes : sequence of Stroke
        Of `ecg.layout.strokes.find_strokes`.
    pulses : sequence of Pulse
    px_per_mm : Scale
    pen_px : float
        Width of the line.
    """
    thin = [s for s in strokes if s.width <= _THIN_PENS * pen_px + _THIN_PX]
    found = [pulse for a in thin for b in thin for pulse in [_pulse(ink, thin, a, b, px_per_mm, pen_px)] if pulse]
    return [p for p in pulses if not any(_overlap(p, whole) for whole in found)] + found


def _pulse(ink: Float32Array, strokes: Sequence[Stroke], long: Stroke, middle: Stroke, px_per_mm: Scale,
           pen_px: float) -> Pulse | None:
    """The pulse whose highest edge is `long`, at the left or the right, and whose steps meet at the edge `middle`."""
    level, least = _LEVEL_MM * px_per_mm.y, _STEP_HEIGHT_MM * px_per_mm.y
    if not _is_step(long, middle, px_per_mm) or abs(long.top - middle.top) > level or \
            long.bottom - middle.bottom < least or middle.height < least:
        return None
    for short in strokes:
        outside = (short.x - middle.x) * (middle.x - long.x) > 0
        if outside and _is_step(middle, short, px_per_mm) and abs(short.top - middle.bottom) < level \
                and abs(short.bottom - long.bottom) < 2 * level \
                and _roofed(ink, long, middle, long.top, pen_px) and _roofed(ink, middle, short, short.top, pen_px):
            half = (pen_px - 1) / 2
            left, right = sorted((long.x, short.x))
            # Where the trace joins, an edge runs on.
            base = min(long.bottom, short.bottom) - half
            return Pulse(left, right, min(long.top, middle.top) + half, base, (short.top + middle.bottom) / 2)
    return None


def _is_step(a: Stroke, b: Stroke, px_per_mm: Scale) -> bool:
    return _STEP_WIDTH_MM[0] < abs(a.x - b.x) / px_per_mm.x < _STEP_WIDTH_MM[1]


def _roofed(ink: Float32Array, a: Stroke, b: Stroke, top: int, pen_px: float) -> bool:
    """Whether a level line joins two edges."""
    first, last = sorted((a, b), key=lambda s: s.x)
    line = ink[max(0, top - 1):top + round(pen_px) + 2, first.right + 1:last.left]
    return bool(line.shape[1] > 2 and (line.max(axis=0) > _INKED).mean() > _ROOF_SHARE)


def _overlap(a: Pulse, b: Pulse) -> bool:
    return a.left < b.right + 3 and b.left < a.right + 3 and a.top < b.base and b.top < a.base
