"""Axes, lines and dots as SVG, written directly: a chart of twelve leads takes a library half a second.

Lengths are CSS px of the chart. Colors are the variables of `featurize.report.charts`, so charts follow the reader's
light or dark mode.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array, runs_of_true
from featurize.report.charts import FONTS, data_uri, modes

# Free space above and below a line, as a share of its range.
_MARGIN_SHARE = 0.05
_STYLE = (f"text{{font-family:{FONTS};font-size:11.5px;fill:var(--quiet)}}.n{{font-weight:bold;font-size:12px;"
          "fill:var(--ink);stroke:var(--paper);stroke-width:3;stroke-linejoin:round;paint-order:stroke}"
          ".y{text-anchor:end}.x{text-anchor:middle}.g{stroke:var(--line);stroke-width:.6;fill:none}"
          ".t{stroke:var(--ink);fill:none;stroke-linejoin:round}")


def chart(width: int, height: int, parts: Sequence[str]) -> str:
    """A data URI of an SVG with these parts."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return data_uri(f"{head}<style>{modes()}{_STYLE}</style>{''.join(parts)}</svg>".encode(), "image/svg+xml")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, at most `most` + 1: steps of 1, 2 or 5 times a power of ten."""
    wide = (high - low) / most
    if not wide > 0:
        return [low]
    ten = 10.0 ** math.floor(math.log10(wide))
    step = next(f * ten for f in (1, 2, 5, 10) if f * ten >= wide * (1 - 1e-9))
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def limits(values: Sequence[Float64Array], low: float, high: float) -> tuple[float, float]:
    """An axis from `low` to `high`, extended to the values beyond by these and a margin of 5 % of their range."""
    known = np.concatenate([*values, np.zeros(0)])
    known = known[np.isfinite(known)]
    if not known.size:
        return low, high
    margin = _MARGIN_SHARE * float(np.ptp(known))
    return min(low, float(known.min()) - margin), max(high, float(known.max()) + margin)


@dataclass(frozen=True)
class Panel:
    """A rectangle of the chart with its axes.

    Parameters
    ----------
    left, top, width, height : float
        px.
    x, y : (float, float)
        Values at the left and right, at the lower and upper border.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, x: Float64Array | float) -> Float64Array:
        """px of the chart of values on the x axis."""
        return np.asarray(self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * self.width)

    def down(self, y: Float64Array | float) -> Float64Array:
        """px of the chart of values on the y axis."""
        return np.asarray(self.top + (self.y[1] - y) / (self.y[1] - self.y[0]) * self.height)

    def axes(self, at_x: Sequence[float], at_y: Sequence[float]) -> str:
        """Grid lines at these values with the values beside them."""
        right, below = self.left + self.width, self.top + self.height
        columns, rows = ([(float(place(v)), f"{v:.4g}".replace("-", "−")) for v in values]
                         for place, values in ((self.across, at_x), (self.down, at_y)))
        lines = [f"M{x:.1f} {self.top:.1f}V{below:.1f}" for x, _ in columns]
        lines += [f"M{self.left:.1f} {y:.1f}H{right:.1f}" for y, _ in rows]
        words = [f'<text class="x" x="{x:.1f}" y="{below + 14:.1f}">{value}</text>' for x, value in columns]
        words += [f'<text class="y" x="{self.left - 4:.1f}" y="{y + 4:.1f}">{value}</text>' for y, value in rows]
        border = f"M{self.left:.1f} {self.top:.1f}V{below:.1f}H{right:.1f}"
        return f'<path class="g" d="{"".join([*lines, border])}"/>{"".join(words)}'

    def rule(self, x: float) -> str:
        """An upright line."""
        return f'<path class="g" d="M{float(self.across(x)):.1f} {self.top:.1f}V{self.top + self.height:.1f}"/>'

    def line(self, x: Float64Array, y: Float64Array, width: float) -> str:
        """A line through (n,) points to a tenth of a px, broken where one is NaN."""
        known = np.isfinite(y)
        path = []
        for start, stop in zip(*runs_of_true(known)):
            points = np.rint(10 * np.c_[self.across(x[start:stop]), self.down(y[start:stop])]).astype(np.int64)
            steps = np.diff(points, axis=0)
            path.append("M{} {}l".format(*points[0]) + " ".join(map(str, steps[steps.any(axis=1)].ravel().tolist())))
        return f'<path class="t" transform="scale(.1)" stroke-width="{10 * width:g}" d="{"".join(path)}"/>'

    def dots(self, x: Float64Array, y: Float64Array, color: str) -> str:
        """A dot at each of (n,) points whose height is known."""
        at = zip(self.across(x[np.isfinite(y)]), self.down(y[np.isfinite(y)]))
        return "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="var(--{color})"/>' for a, b in at)

    def span(self, start: float, stop: float, color: str) -> str:
        """From `start` to `stop` in a faint color."""
        first, last = (float(np.clip(self.across(v), self.left, self.left + self.width)) for v in (start, stop))
        return (f'<rect x="{first:.1f}" y="{self.top:.1f}" width="{max(last - first, 0):.1f}" '
                f'height="{self.height:.1f}" fill="var(--{color})" opacity=".16"/>')

    def name(self, text: str, x: float, drop: float) -> str:
        """Bold text at the value `x`, its base line `drop` px below the upper border."""
        return f'<text class="n" x="{float(self.across(x)) + 3:.1f}" y="{self.top + drop:.1f}">{text}</text>'


def centered_text(text: str, x: float, y: float) -> str:
    """Text whose middle is at x and whose base line is at y, px of the chart."""
    return f'<text class="x" x="{x:.1f}" y="{y:.1f}">{text}</text>'
