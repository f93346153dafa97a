"""The charts of the explore page: each takes numbers that are already there and gives a data URI."""
from collections.abc import Mapping
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from featurize.arrays import Float64Array
from featurize.explore.image_stats import HISTOGRAM_BINS
from featurize.report.charts import (BLUE, GRAY, GREEN, HALF, MOST_CLASSES, QUIET, RED, SERIES, WIDE, canvas,
                                     class_axis, ends_inwards, rules, shorten, svg_uri)

# Name, color and marker of each channel.
CHANNELS = (("red", RED, "o"), ("green", GREEN, "s"), ("blue", BLUE, "D"))


def class_bars(counts: pd.DataFrame) -> str:
    """Images per class, one color per split."""
    shown = counts.head(MOST_CLASSES)
    with canvas(WIDE, .9 + .29 * len(shown)) as (figure, (axes,)):
        left = np.zeros(len(shown))
        for name, color in zip(shown.columns, SERIES):
            values = shown[name].to_numpy(float)
            axes.barh(range(len(shown)), values, left=left, height=.62, color=color, label=str(name))
            left += values
        top = max(float(left.max()), 1.0)
        for at, total in enumerate(left):
            axes.text(total + top * .008, at, f"{total:,.0f}", va="center", fontsize=8.5, color=QUIET)
        class_axis(axes, [str(c) for c in shown.index])
        axes.set_xlim(0, top * 1.07)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xlabel("images")
        rules(axes, "x")
        if shown.shape[1] > 1:
            figure.legend(loc="outside upper right", ncols=shown.shape[1], handlelength=1, handletextpad=.4)
        return svg_uri(figure)


def channel_means(by_class: Mapping[str, tuple[Float64Array, Float64Array]], colored: bool) -> str:
    """Mean of each channel and the spread of the image means (one standard deviation), class by class.

    Parameters
    ----------
    by_class : mapping of class to (mean (3,), standard deviation (3,))
    colored : bool
        False draws one marker instead of three equal ones.
    """
    series = CHANNELS if colored else (("gray level", GRAY, "o"),)
    with canvas(WIDE, 1.1 + .36 * len(by_class)) as (figure, (axes,)):
        for c, (name, color, marker) in enumerate(series):
            y = np.arange(len(by_class)) + (c - (len(series) - 1) / 2) * .22
            mean = np.array([m[c] for m, _ in by_class.values()])
            spread = np.array([s[c] for _, s in by_class.values()])
            axes.hlines(y, mean - spread, mean + spread, color=color, alpha=.45, linewidth=2.4)
            axes.plot(mean, y, marker, color=color, markersize=5, linestyle="none", label=name)
        class_axis(axes, list(by_class))
        axes.set_xlim(0, 255)
        axes.set_xticks([0, 50, 100, 150, 200, 255])
        axes.set_xlabel("gray level, 0 = black, 255 = full")
        rules(axes, "x")
        figure.legend(loc="outside upper right", ncols=3, handletextpad=.2)
        return svg_uri(figure)


def histograms(by_class: Mapping[str, Float64Array], colored: bool) -> str:
    """Shares of pixels per gray level: a small panel for each class, curves for red, green and blue.

    Parameters
    ----------
    by_class : mapping of class to (3, 32)
    """
    shown = dict(list(by_class.items())[:MOST_CLASSES])
    columns = min(4, len(shown))
    rows = ceil(len(shown) / columns)
    top = max(float(np.max(v)) for v in shown.values()) * 1.05
    with canvas(max(2.1 * columns, 3.4), .5 + 1.35 * rows, columns, rows) as (figure, panels):
        for axes in panels[len(shown):]:
            axes.set_visible(False)
        for at, (axes, (name, shares)) in enumerate(zip(panels, shown.items())):
            _histogram(axes, shares, colored)
            axes.set_title(shorten(name, 24), fontsize=9)
            axes.set_ylim(0, top)
            axes.yaxis.set_major_locator(FixedLocator([0, .05, .25, .5]))
            axes.tick_params(labelleft=False, labelbottom=at + columns >= len(shown))
        figure.supxlabel("gray level", fontsize=9, color=QUIET)
        return svg_uri(figure)


def _histogram(axes: Axes, shares: Float64Array, colored: bool) -> None:
    # A white or black background would press all else flat; the square root keeps both in sight.
    axes.set_yscale("function", functions=(np.sqrt, np.square))
    edges = np.linspace(0, 256, HISTOGRAM_BINS + 1)
    if not colored:
        axes.stairs(shares[0], edges, color=GRAY, fill=True, alpha=.5)
    for (_, color, _), row in zip(CHANNELS, shares if colored else ()):
        axes.stairs(row, edges, color=color, linewidth=1.3)
    axes.set_xlim(0, 256)
    axes.set_xticks([0, 128, 255])
    ends_inwards(axes)
    rules(axes, "y")


def image_histogram(shares: Float64Array, colored: bool) -> str:
    """The histogram (3, 32) of a single image."""
    with canvas(HALF, 2.2) as (figure, (axes,)):
        _histogram(axes, shares, colored)
        axes.set_ylim(0, float(shares.max()) * 1.05)
        axes.yaxis.set_major_locator(FixedLocator([0, .01, .05, .1, .25, .5, 1]))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        axes.set_xlabel("gray level")
        axes.set_ylabel("pixels")
        return svg_uri(figure)


def sizes(table: pd.DataFrame) -> str:
    """Width and height of every image that was read; a marker grows with the number of images of that size."""
    counts = table.groupby(["width", "height"]).size().reset_index(name="n")
    with canvas(HALF, 3.4) as (figure, (axes,)):
        axes.scatter(counts["width"], counts["height"], s=12 + 160 * np.sqrt(counts["n"] / counts["n"].sum()),
                     color=BLUE, alpha=.55, linewidths=0)
        axes.set_xlim(0, counts["width"].max() * 1.12)
        axes.set_ylim(0, counts["height"].max() * 1.15)
        axes.set_xlabel("width, px")
        axes.set_ylabel("height, px")
        rules(axes, "y")
        axes.grid(True, axis="x")
        return svg_uri(figure)
