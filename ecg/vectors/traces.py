"""Which polylines of a page are traces, which of them stand in one row, and the calibration pulses in them."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg.layout.model import Pulse
from ecg.scale import Scale
from ecg.vectors.drawing import Polyline
from featurize.arrays import Float64Array

# Polylines whose ends are nearer than this, mm, go on: PDFs keep two to five decimals of a point.
_JOINED_MM = 0.02
# A trace turns back by no more than this along x, mm.
_BACK_MM = 0.02
# A piece of a trace has so many corners and is so long, mm.
_LEAST_CORNERS = 8
_LEAST_MM = 2.0
# A row is at least so long, mm, and has this share of the longest row's length.
_LEAST_ROW_MM = 25.0
_LEAST_ROW_SHARE = 0.2
# A color or pen draws traces if it draws this share of the length of all that look like traces.
_LEAST_STYLE = 0.1
# Pieces of one row are no farther apart in height than this share of the distance of rows that lie below each other,
_SAME_ROW = 0.45
# or this, mm, where no two do.
_SAME_ROW_MM = 10.0
# Pieces of one row overlap along x by less than this, mm.
_OVERLAP_MM = 0.5
# Roofs of calibration pulses are so long, mm, and this level, mm: 0.1 s at 12.5 mm/s to 0.2 s at 50 mm/s.
_ROOF_MM = (1.2, 11.0)
_LEVEL_MM = 0.05
# Their upright strokes are this high, mm, and take this length along x, mm.
_LEAST_PULSE_MM = 2.0
_UPRIGHT_MM = 0.4
# The two strokes of a pulse differ in height by less than this share.
_UNEQUAL = 0.1
# A pulse stands no farther than this from the end of its polyline, mm.
_PULSE_MM = 15.0


@dataclass(frozen=True)
class Trace:
    """A stretch of signal.

    Parameters
    ----------
    xy : (n, 2) float64
        Its corners from left to right, px.
    foot_before, foot_after : int
        So many of its first and last corners may be the foot of a pulse.
    width_px : float
        Of the pen.
    color : tuple of int
        Red, green and blue, 0 to 255.
    """

    xy: Float64Array
    foot_before: int
    foot_after: int
    width_px: float
    color: tuple[int, ...]

    @property
    def start(self) -> float:
        return float(self.xy[0, 0])

    @property
    def end(self) -> float:
        return float(self.xy[-1, 0])


def find_traces(polylines: Sequence[Polyline], px_per_mm: Scale) -> tuple[list[Trace], list[Pulse]]:
    """Traces and calibration pulses; none where nothing looks like a trace.

    A trace has many corners and runs from left to right, or from right to left, without turning back.

    Parameters
    ----------
    polylines : sequence of Polyline
        In the order in which they are drawn.
    px_per_mm : Scale
    """
    traces: list[tuple[Trace, tuple[int, ...]]] = []
    pulses: list[Pulse] = []
    for line in _joined(polylines, _JOINED_MM * px_per_mm.x):
        xy = _forward(line.xy, px_per_mm)
        if xy is None:
            continue
        first, last, own = _without_pulses(xy, px_per_mm)
        pulses += own
        rest = xy[first[0]:last[1] + 1]
        if len(rest) >= _LEAST_CORNERS and np.ptp(rest[:, 0]) >= _LEAST_MM * px_per_mm.x:
            traces.append((Trace(rest, first[1] - first[0], last[1] - last[0], line.width_px, line.style[:3]),
                           line.style))
    length: dict[tuple[int, ...], float] = {}
    for trace, style in traces:
        length[style] = length.get(style, 0.0) + trace.end - trace.start
    least = _LEAST_STYLE * sum(length.values())
    return [trace for trace, style in traces if length[style] >= least], pulses


def _joined(polylines: Sequence[Polyline], near_px: float) -> list[Polyline]:
    """Polylines that follow each other where the pen was not lifted, as one."""
    out: list[tuple[list[Float64Array], tuple[int, ...]]] = []
    for line in polylines:
        if out and out[-1][1] == line.style and np.abs(out[-1][0][-1][-1] - line.xy[0]).max() < near_px:
            out[-1][0].append(line.xy[1:])
        else:
            out.append(([line.xy], line.style))
    return [Polyline(np.concatenate(parts), style) for parts, style in out]


def _forward(xy: Float64Array, px_per_mm: Scale) -> Float64Array | None:
    """Corners from left to right; None for what turns back or is upright."""
    if xy[-1, 0] < xy[0, 0]:
        xy = xy[::-1]
    steps = np.diff(xy[:, 0])
    if len(xy) < 3 or steps.min() < -_BACK_MM * px_per_mm.x or xy[-1, 0] - xy[0, 0] < _ROOF_MM[0] * px_per_mm.x:
        return None
    return np.c_[np.maximum.accumulate(xy[:, 0]), xy[:, 1]]


def _without_pulses(xy: Float64Array, px_per_mm: Scale
                    ) -> tuple[tuple[int, int], tuple[int, int], list[Pulse]]:
    """First and last corner of the signal, each as it may be at the earliest and at the latest, and the pulses."""
    pulses, first, last = [], (0, 0), (len(xy) - 1, len(xy) - 1)
    found = _pulse(xy, px_per_mm)
    if found is not None:
        pulse, behind = found
        pulses.append(pulse)
        foot = behind + 1
        while foot < len(xy) - 1 and abs(xy[foot, 1] - xy[behind, 1]) < _LEVEL_MM * px_per_mm.y:
            foot += 1
        first = behind, foot
    if len(xy) - first[1] > _LEAST_CORNERS:
        found = _pulse(xy[first[1]:][::-1] * [-1, 1], px_per_mm)
        if found is not None:
            mirrored, behind = found
            pulses.append(Pulse(-mirrored.right, -mirrored.left, mirrored.top, mirrored.base))
            before = len(xy) - 1 - behind
            foot = before - 1
            while foot > 0 and abs(xy[foot, 1] - xy[before, 1]) < _LEVEL_MM * px_per_mm.y:
                foot -= 1
            last = foot, before
    return first, last, pulses


def _pulse(xy: Float64Array, px_per_mm: Scale) -> tuple[Pulse, int] | None:
    """The pulse with which a polyline begins, and its last corner; else None."""
    x, y = xy.T
    near = x <= x[0] + _PULSE_MM * px_per_mm.x
    level, upright = _LEVEL_MM * px_per_mm.y, _UPRIGHT_MM * px_per_mm.x
    begin = 0
    while begin < len(x) and near[begin]:
        end = begin
        while end + 1 < len(x) and abs(y[end + 1] - y[begin]) < level:
            end += 1
        if _ROOF_MM[0] * px_per_mm.x <= x[end] - x[begin] <= _ROOF_MM[1] * px_per_mm.x and 0 < begin:
            before = int(np.searchsorted(x, x[begin] - upright))
            behind = int(np.searchsorted(x, x[end] + upright, side="right")) - 1
            rise = y[before] - y[begin] if before < begin else 0.0
            # Behind the stroke down the signal may begin at once.
            down = end + 1 + int(np.argmax(y[end + 1:behind + 1])) if behind > end else end
            reached = np.flatnonzero(y[end:down + 1] > y[before] - level)
            down = end + int(reached[0]) if len(reached) else down
            fall = y[down] - y[end]
            if rise > _LEAST_PULSE_MM * px_per_mm.y and abs(fall - rise) < _UNEQUAL * rise:
                return Pulse(float(x[before:begin + 1].mean()), float(x[[end, down]].mean()), float(y[begin]),
                             float(y[before])), down
        begin = end + 1
    return None


def in_rows(traces: Sequence[Trace], px_per_mm: Scale) -> list[list[Trace]]:
    """Traces that stand beside each other, rows from the top, each from left to right."""
    level = [float(np.median(trace.xy[:, 1])) for trace in traces]
    order = sorted(range(len(traces)), key=lambda k: level[k])
    apart = [level[b] - level[a] for n, a in enumerate(order)
             for b in [next((b for b in order[n + 1:] if _overlap(traces[a], traces[b], px_per_mm)), -1)] if b >= 0]
    near = _SAME_ROW * float(np.median(apart)) if apart else _SAME_ROW_MM * px_per_mm.y
    rows: list[list[int]] = []
    for k in order:
        fitting = [row for row in rows if abs(float(np.mean([level[m] for m in row])) - level[k]) < near
                   and not any(_overlap(traces[k], traces[m], px_per_mm) for m in row)]
        if fitting:
            min(fitting, key=lambda row: abs(float(np.mean([level[m] for m in row])) - level[k])).append(k)
        else:
            rows.append([k])
    found = [sorted((traces[k] for k in row), key=lambda trace: trace.start) for row in rows]
    drawn = [sum(trace.end - trace.start for trace in row) for row in found]
    least = max(_LEAST_ROW_MM * px_per_mm.x, _LEAST_ROW_SHARE * max(drawn, default=0.0))
    return [row for row, length in zip(found, drawn) if length >= least]


def _overlap(a: Trace, b: Trace, px_per_mm: Scale) -> bool:
    return min(a.end, b.end) - max(a.start, b.start) > _OVERLAP_MM * px_per_mm.x
