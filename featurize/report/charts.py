"""Charts as data URIs: matplotlib draws them as SVG, whose colors then follow the reader's light or dark mode.

Charts are drawn in the light colors of `COLORS`; on the way out each of these becomes a CSS variable, and the SVG
carries both sets of values. Text stays text (the reader's font, selectable, sharp in print). Dense clouds of points
are rasterized by the artist (``rasterized=True``), everything else stays vector.

The hues are those of Okabe & Ito 2008 (Color Universal Design), told apart by readers with any color vision.
"""
import base64
import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# name: (light, dark). Every light value is unique, so that it can be found again in the SVG.
COLORS = {
    "ink": ("#1c2733", "#e3e8ed"), "quiet": ("#5d6b79", "#9aa7b4"), "line": ("#d9dfe5", "#36414d"),
    "faint": ("#eef1f4", "#232c35"), "paper": ("#fffffe", "#161c22"),
    "blue": ("#0072b2", "#4da3d9"), "orange": ("#e08e00", "#f0ad3d"), "green": ("#008f68", "#35b892"),
    "red": ("#c84a00", "#f0803c"), "pink": ("#b8608f", "#d98cb5"), "sky": ("#4ba3d1", "#7cc4ea"),
    "gray": ("#8a96a3", "#7f8b97"),
}
INK, QUIET, LINE, FAINT, PAPER, BLUE, ORANGE, GREEN, RED, PINK, SKY, GRAY = (light for light, _ in COLORS.values())
SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GRAY)
LOW_HIGH = LinearSegmentedColormap.from_list("low_high", ["#2c7fb8", "#7fa8bf", "#a9a9a9", "#dd9a62", "#d95f02"])

_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "pellucid", "font.family": "DejaVu Sans", "font.size": 9.0,
    "axes.labelsize": 9.0, "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "legend.fontsize": 8.5, "legend.frameon": False,
    "text.color": INK, "axes.labelcolor": QUIET, "axes.titlecolor": INK, "axes.edgecolor": LINE,
    "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": QUIET, "ytick.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "grid.color": LINE,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.linewidth": 0.8, "xtick.major.size": 3.0,
    "ytick.major.size": 0.0, "lines.linewidth": 1.6, "figure.facecolor": "none", "axes.facecolor": "none",
    "savefig.facecolor": "none", "patch.linewidth": 0.0, "axes.unicode_minus": True,
    # Names of classes are the user's: "$" is a dollar sign in them.
    "text.parse_math": False,
}
# Charts hold text, not outlines: the reader's fonts draw what the font that measures the text lacks (CJK, emoji).
_MISSING_GLYPH = r"Glyph \d+ .* missing from font"
FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif"

# Width of a chart over the full width of the page, in inches.
WIDE = 8.4
# Width of one of two charts side by side, in inches.
HALF = 4.6
# More classes than this would make a chart too tall: the most frequent ones are drawn.
MOST_CLASSES = 24
# Characters of one of two lines of a name: at 8.5 pt these take half of a wide chart.
LONGEST_LINE = 64


@contextmanager
def canvas(width: float, height: float, columns: int = 1, rows: int = 1, heights: Sequence[float] | None = None
           ) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with its axes in reading order, under the style of the pages.

    Parameters
    ----------
    width, height : float
        Inches.
    columns, rows : int
        Of axes.
    heights : sequence of float, optional
        Of the rows, relative to one another.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        yield figure, list(axes.ravel())


def svg_uri(figure: Figure) -> str:
    """The figure as a data URI that knows both color modes."""
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", _MISSING_GLYPH, UserWarning)
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return data_uri(_themed(buffer.getvalue().decode()).encode(), "image/svg+xml")


def data_uri(data: bytes, kind: str) -> str:
    """Bytes as a URI that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _themed(svg: str) -> str:
    """Put CSS variables in the place of the light colors, and the reader's fonts in the place of ours."""
    for name, (light, _) in COLORS.items():
        svg = svg.replace(light, f"var(--{name})")
    svg = svg.replace("'DejaVu Sans'", FONTS.replace('"', "'"))
    head, body = svg.split("<defs>", 1)
    return f"{head[head.index('<svg'):]}<style>{modes()}</style><defs>{body}"


def modes() -> str:
    """CSS: the colors as variables, for light and for dark mode."""
    day, night = (";".join(f"--{name}:{pair[mode]}" for name, pair in COLORS.items()) for mode in (0, 1))
    return f":root{{{day}}}@media(prefers-color-scheme:dark){{:root{{{night}}}}}"


def rules(axes: Axes, axis: Literal["x", "y"] = "x") -> None:
    """Thin lines at the ticks of one axis, and no frame along the other."""
    axes.grid(True, axis=axis)
    axes.spines["left" if axis == "x" else "bottom"].set_visible(axis == "y")
    if axis == "y":
        axes.spines["left"].set_visible(False)


def ends_inwards(axes: Axes) -> None:
    """Put the first and last of three labels of the x axis inside the panel, so that those of two panels never meet."""
    sides: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")
    for label, side in zip(axes.get_xticklabels(), sides):
        label.set_horizontalalignment(side)


def share_axis(axes: Axes, axis: Literal["x", "y"] = "y", upper: float = 1.0) -> None:
    """Show the ticks of a 0..1 axis as per cent."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    (axes.set_ylim if axis == "y" else axes.set_xlim)(0, upper)


def shorten(name: str, most: int = 28) -> str:
    """A long name with its middle left out, so that beginning and end stay readable."""
    if len(name) <= most:
        return name
    tail = (most - 1) // 3
    return f"{name[:most - 1 - tail]}…{name[-tail:]}"


def in_two_lines(name: str, most: int = 52) -> str:
    """A long name on two lines of about the same length, so that all of it can be read.

    >>> in_two_lines("color of the nucleus · 5th percentile of green to red (Lab a)")
    'color of the nucleus · 5th\\npercentile of green to red (Lab a)'
    """
    if len(name) <= most:
        return name
    # No line begins with the dot between two parts of a name.
    kept = name.replace(" ·", "\u00a0·")
    lines = next(found for width in range(len(name) // 2, len(name) + 1)
                 if len(found := textwrap.wrap(kept, width)) <= 2)
    return "\n".join(shorten(line.replace("\u00a0", " "), LONGEST_LINE) for line in lines)


def class_axis(axes: Axes, names: Sequence[str]) -> None:
    """Names of classes along the y axis, the first on top."""
    axes.set_yticks(range(len(names)), [shorten(n, 30) for n in names])
    axes.set_ylim(len(names) - .5, -.5)


def percentile_ranges(percentiles: Mapping[str, pd.DataFrame]) -> str:
    """Median, middle half and 5th to 95th percentile of some numbers, class by class.

    Parameters
    ----------
    percentiles : mapping of axis label to DataFrame
        Index: classes, the same for all. Columns: 5th, 25th, 50th, 75th and 95th percentile; NaN = not drawn.
    """
    names = [str(name) for name in next(iter(percentiles.values())).index]
    with canvas(WIDE, 1.0 + .27 * len(names), columns=len(percentiles)) as (figure, panels):
        for axes, (label, table) in zip(panels, percentiles.items()):
            for at, (low, first, middle, last, high) in enumerate(table.to_numpy(float)):
                if np.isnan(middle):
                    continue
                axes.plot([low, high], [at, at], color=GRAY, linewidth=1)
                axes.plot([first, last], [at, at], color=BLUE, linewidth=5, alpha=.55, solid_capstyle="butt")
                axes.plot(middle, at, "o", color=INK, markersize=4)
            class_axis(axes, names)
            axes.tick_params(labelleft=axes is panels[0])
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.set_xlabel(label)
            rules(axes, "x")
        return svg_uri(figure)
