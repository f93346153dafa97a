"""Charts of feature contributions: each takes numbers that are already there and gives a data URI."""
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from classify.report_numbers import SwarmFeature
from featurize.arrays import Float64Array
from featurize.report.charts import BLUE, HALF, LINE, LOW_HIGH, QUIET, WIDE, canvas, rules, shorten, svg_uri
from featurize.report.numbers import percent

# Columns into which the axis of a swarm is cut to push points apart.
SWARM_COLUMNS = 120


def beeswarm(features: Sequence[SwarmFeature], label: str) -> str:
    """A swarm of points per measurement or sum: place = contribution, color = the measurement's value.

    Missing values and sums, which have none, are gray.

    Parameters
    ----------
    features : sequence of SwarmFeature
    label : str
        What a point to the right means.
    """
    with canvas(WIDE, 1.1 + .3 * len(features)) as (figure, (axes,)):
        widest = max((float(np.abs(f.contribution).max()) for f in features if len(f.contribution)), default=1.0) or 1.0
        for at, feature in enumerate(features):
            _swarm(axes, at, feature, widest)
        axes.axvline(0, color=QUIET, linewidth=.9)
        axes.set_yticks(range(len(features)), [_label(f) for f in features], fontsize=8.5)
        axes.set_ylim(len(features) - .4, -.6)
        axes.set_xlim(-1.05 * widest, 1.05 * widest)
        axes.set_xlabel(label)
        rules(axes, "x")
        _level_bar(axes)
        return svg_uri(figure)


def _label(feature: SwarmFeature) -> str:
    return shorten(feature.name, 52) + (f" ({feature.columns} numbers)" if feature.columns > 1 else "")


def _swarm(axes: Axes, at: int, feature: SwarmFeature, widest: float) -> None:
    """Points of one feature, pushed apart where they are dense; drawn as one bitmap to keep the page small."""
    contribution, level = feature.contribution, feature.level
    offset = _spread(contribution, widest)
    known = np.isfinite(level)
    axes.scatter(contribution[~known], at + offset[~known], s=5, color=LINE if known.any() else QUIET, rasterized=True,
                 linewidths=0)
    axes.scatter(contribution[known], at + offset[known], s=5, c=level[known], cmap=LOW_HIGH, vmin=0, vmax=1,
                 alpha=.85, linewidths=0, rasterized=True)


def _spread(x: Float64Array, widest: float) -> Float64Array:
    """Offsets -0.4..0.4: in every column of x the points stand alternately above and below the middle."""
    cell = np.round(x / widest * SWARM_COLUMNS).astype(int)
    order = np.argsort(cell, kind="stable")
    _, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    place = np.arange(len(x)) - np.repeat(start, count)
    side = np.where(place % 2 == 0, 1, -1) * ((place + 1) // 2)
    offset = np.empty(len(x))
    offset[order] = side * np.repeat(np.minimum(.07, .8 / count), count)
    return offset


def _level_bar(axes: Axes) -> None:
    """A thin color bar that says low and high."""
    bar = axes.inset_axes((1.015, .3, .012, .4))
    bar.imshow(np.linspace(1, 0, 64)[:, None], cmap=LOW_HIGH, aspect="auto")
    bar.set_xticks([])
    bar.set_yticks([0, 63], ["high", "low"], fontsize=8)
    bar.yaxis.tick_right()
    bar.spines[:].set_visible(False)
    bar.set_title("value", fontsize=8, fontweight="normal", loc="left", color=QUIET)


def bars(names: Sequence[str], values: Sequence[float], label: str) -> str:
    """Horizontal bars with their share of the whole written beside them."""
    total = sum(values) or 1.0
    with canvas(HALF, .8 + .29 * len(names)) as (figure, (axes,)):
        axes.barh(range(len(names)), values, height=.6, color=BLUE)
        for at, value in enumerate(values):
            axes.text(value + max(values) * .015, at, percent(value / total), va="center", fontsize=8.5, color=QUIET)
        axes.set_yticks(range(len(names)), [shorten(n, 26) for n in names])
        axes.set_ylim(len(names) - .5, -.5)
        axes.set_xlim(0, (max(values) or 1) * 1.17)
        axes.set_xlabel(label)
        rules(axes, "x")
        return svg_uri(figure)
