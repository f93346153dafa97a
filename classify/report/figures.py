"""The charts of the classification report: each takes numbers that are already there and gives a data URI."""
from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from classify.evaluate.metrics import wilson
from featurize.arrays import Float64Array
from featurize.report.charts import (BLUE, GRAY, INK, LINE, LOW_HIGH, ORANGE, QUIET, RED, canvas, rules, share_axis,
                                     shorten, svg_uri)
from featurize.report.numbers import percent, score

WIDE = 8.4
HALF = 4.6
Spot = tuple[str, float, float | None, float | None]


def compared(metrics: Sequence[tuple[str, Sequence[Spot]]]) -> str:
    """Metrics of the model (with interval) and of the baselines on one axis.

    Parameters
    ----------
    metrics : sequence of (metric, [(who, value, low, high), ...])
        The model first.
    """
    names = list(dict.fromkeys(who for _, values in metrics for who, *_ in values))
    left = _left_edge([values for _, values in metrics])
    inset = left + .015 * (1 - left)
    with canvas(WIDE, 0.9 + 0.5 * len(metrics)) as (figure, (axes,)):
        for at, (who, color, marker) in enumerate(zip(names, (BLUE, GRAY, ORANGE, RED), "oDs^")):
            spots = [(y + .18 * at - .09 * (len(names) - 1), v) for y, (_, values) in enumerate(metrics) for v in values
                     if v[0] == who]
            for y, (_, value, low, high) in spots:
                if low is not None and high is not None:
                    axes.plot([low, high], [y, y], color=color, linewidth=3, alpha=.35, solid_capstyle="round")
                if value < left:
                    axes.text(inset, y, f"   ← {score(value)}", color=QUIET, fontsize=8, va="center")
            axes.plot([v[1] if v[1] >= left else inset for _, v in spots], [y for y, _ in spots], marker, color=color,
                      markersize=6.5, label=who, linestyle="none", clip_on=False)
        axes.set_yticks(range(len(metrics)), [name for name, _ in metrics])
        axes.set_ylim(len(metrics) - .5, -.5)
        axes.set_xlim(left, 1 + .01 * (1 - left))
        rules(axes, "x")
        figure.legend(loc="outside lower center", ncols=4, handletextpad=.3)
        return svg_uri(figure)


def _left_edge(rows: Sequence[Sequence[Spot]]) -> float:
    """Where the axis begins: this model and its nearest rival can be told apart, what lies left gets an arrow."""
    best = [sorted((value for _, value, *_ in row), reverse=True)[:2] for row in rows]
    lowest = min([value for pair in best for value in pair] + [low for row in rows for _, _, low, _ in row
                                                               if low is not None])
    # Where every value is 1, the axis still needs a width.
    return min(max(0.0, float(np.floor((lowest - .5 * (1 - lowest)) * 20) / 20)), .95)


def reliability(table: pd.DataFrame) -> str:
    """Frequency of being right against the probability given, with the number of images below."""
    with canvas(HALF, 4.3, rows=2, heights=(3.4, 1)) as (figure, (axes, below)):
        _diagonal(axes)
        _reliability_line(axes, table, BLUE)
        axes.set_ylabel("share that was right")
        share_axis(axes, "y", 1.03)
        axes.tick_params(labelbottom=False)
        below.bar(_bin_middle(table), table["n"], width=.9 / 15, color=BLUE, alpha=.55)
        below.set_ylabel("images")
        below.set_xlabel("probability of the class that was chosen")
        below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        for panel in (axes, below):
            share_axis(panel, "x", 1.03)
            rules(panel, "y")
        return svg_uri(figure)


def reliability_by_class(table: pd.DataFrame, classes: Sequence[str]) -> str:
    """One small reliability curve per class, one against the rest."""
    columns = min(4, len(classes))
    rows = ceil(len(classes) / columns)
    width = 3.6 if len(classes) == 1 else 2.1 * columns
    with canvas(width, .3 + (2.6 if len(classes) == 1 else 2.0 * rows), columns, rows) as (figure, panels):
        for axes in panels[len(classes):]:
            axes.set_visible(False)
        for at, (axes, name) in enumerate(zip(panels, classes)):
            _diagonal(axes)
            _reliability_line(axes, table[table["class"] == name], BLUE)
            axes.set_title(shorten(name, 22), fontsize=9)
            share_axis(axes, "x", 1.05)
            share_axis(axes, "y", 1.05)
            axes.set_xticks([0, .5, 1])
            axes.set_yticks([0, .5, 1])
            rules(axes, "y")
            axes.tick_params(labelleft=at % columns == 0, labelbottom=at + columns >= len(classes))
        figure.supxlabel("probability given", fontsize=9, color=QUIET)
        figure.supylabel("share that was so", fontsize=9, color=QUIET)
        return svg_uri(figure)


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle=(0, (4, 3)))


def _reliability_line(axes: Axes, table: pd.DataFrame, color: str) -> None:
    """The curve through bins that hold images, with 95 % intervals; the size of a point tells how many."""
    seen = table[table["n"] > 0].sort_values("bin")
    for at, share, n in zip(seen["confidence"], seen["frequency"], seen["n"]):
        axes.plot([at, at], wilson(share * n, n), color=color, linewidth=1, alpha=.45)
    axes.plot(seen["confidence"], seen["frequency"], color=color, linewidth=1.2)
    area = 12 + 70 * np.sqrt(seen["n"] / max(table["n"].max(), 1))
    axes.scatter(seen["confidence"], seen["frequency"], s=area, color=color, alpha=.85, zorder=3)


def _bin_middle(table: pd.DataFrame) -> Float64Array:
    return np.asarray((table["bin"] + .5) / 15, dtype=float)


def risk_coverage(curve: pd.DataFrame, review: tuple[float, float] | None) -> str:
    """Share of errors among the surest images; a mark where the model itself asks for a person.

    Parameters
    ----------
    review : (share kept, share of errors among them), optional
    """
    with canvas(HALF, 4.3) as (figure, (axes,)):
        # Of the very first images one error is all or nothing.
        steady = curve[curve["coverage"] >= .05]
        x, y = steady["coverage"].to_numpy(float), steady["risk"].to_numpy(float)
        axes.fill_between(x, y, color=BLUE, alpha=.12, linewidth=0)
        axes.plot(x, y, color=BLUE)
        top = max(float(np.nanmax(y)) * 1.25, .01)
        if review is not None:
            axes.plot(*review, "o", color=ORANGE, markersize=8, zorder=4, linestyle="none",
                      label=f"without those for review: {percent(review[1])} wrong")
            figure.legend(loc="outside upper right", handletextpad=.2)
            top = max(top, review[1] * 1.6)
        share_axis(axes, "x", 1.02)
        share_axis(axes, "y", min(top, 1.02))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        axes.set_xlabel("share of images kept, surest first")
        axes.set_ylabel("share of errors among them")
        rules(axes, "y")
        return svg_uri(figure)


def set_coverage(classes: Sequence[str], coverage: Sequence[float], counts: Sequence[int], target: float) -> str:
    """How often the set holds the truth, class by class, with the promise and what chance allows around it."""
    height = 1.0 + .27 * len(classes)
    with canvas(HALF, height) as (figure, (axes,)):
        rows = np.arange(len(classes))
        spread = 1.96 * np.sqrt(target * (1 - target) / np.maximum(counts, 1))
        axes.barh(rows, np.minimum(2 * spread, 1 - target + spread), left=target - spread, height=.62, color=LINE)
        axes.axvline(target, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        low = np.asarray(coverage) < target - spread
        axes.scatter(coverage, rows, c=[RED if bad else BLUE for bad in low], s=38, zorder=3, clip_on=False)
        axes.set_yticks(rows, [shorten(c, 24) for c in classes])
        axes.set_ylim(len(classes) - .5, -.5)
        lower = min([*coverage, *(target - spread)])
        axes.set_xlim(max(0, np.floor((lower - .03) * 20) / 20), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        axes.set_xlabel("sets that hold the true class")
        rules(axes, "x")
        return svg_uri(figure)


def set_sizes(sizes: pd.DataFrame) -> str:
    """Of each class, the share of images whose set holds one, two, ... classes."""
    grouped = _sizes_to_four(sizes)
    shares = grouped.div(grouped.sum(axis=1).clip(lower=1), axis=0)
    with canvas(HALF, 1.0 + .27 * len(sizes)) as (figure, (axes,)):
        left = np.zeros(len(shares))
        for column, color in zip(shares.columns, (BLUE, ORANGE, RED, INK)):
            width = shares[column].to_numpy(float)
            axes.barh(range(len(shares)), width, left=left, height=.62, color=color, label=str(column))
            left += width
        axes.set_yticks(range(len(shares)), [shorten(str(c), 24) for c in shares.index])
        axes.set_ylim(len(shares) - .5, -.5)
        share_axis(axes, "x", 1)
        axes.set_xlabel("images")
        rules(axes, "x")
        figure.legend(loc="outside upper right", ncols=4, title="classes in the set", title_fontsize=8.5,
                      handlelength=1, handletextpad=.4, columnspacing=1)
        return svg_uri(figure)


def _sizes_to_four(sizes: pd.DataFrame) -> pd.DataFrame:
    """At most four columns; the last gathers the larger sets, and empty last columns go."""
    wide = sizes.copy()
    wide.columns = [str(c) for c in wide.columns]
    if wide.shape[1] > 4:
        rest = wide.iloc[:, 3:].sum(axis=1)
        wide = wide.iloc[:, :3].assign(**{"4 or more": rest})
    used = [c for i, c in enumerate(wide.columns) if i == 0 or wide[c].sum() > 0]
    return wide[used]


def learning_curves(curves: pd.DataFrame) -> str:
    """Log-loss of every boosting round, a thin pair of lines per fold."""
    with canvas(WIDE, 3.1) as (figure, (axes,)):
        for fold, part in curves.groupby("fold", sort=True):
            first = fold == curves["fold"].min()
            axes.plot(part["round"], part["train_loss"], color=GRAY, linewidth=1, alpha=.8,
                      label="trained on" if first else None)
            axes.plot(part["round"], part["valid_loss"], color=BLUE, linewidth=1.3, alpha=.85,
                      label="kept back" if first else None)
            if part["valid_loss"].notna().any():
                best = part.iloc[int(np.nanargmin(part["valid_loss"]))]
                axes.plot(best["round"], best["valid_loss"], "o", color=ORANGE, markersize=4.5, zorder=4,
                          label="best round" if first else None)
        axes.margins(x=.01)
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 1e-3))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("boosting round")
        axes.set_ylabel("log-loss (log scale)")
        rules(axes, "y")
        figure.legend(loc="outside upper right", ncols=3)
        return svg_uri(figure)


def beeswarm(rows: Sequence[tuple[str, Float64Array, Float64Array]], label: str) -> str:
    """A swarm of points per feature, most important on top: place = contribution, color = the feature's value.

    Parameters
    ----------
    rows : sequence of (name, contribution (n,), level (n,))
        `level` is the value's rank 0..1, NaN where the value is missing (gray).
    label : str
        What a point to the right means.
    """
    with canvas(WIDE, 1.1 + .3 * len(rows)) as (figure, (axes,)):
        widest = max((float(np.abs(c).max()) for _, c, _ in rows if len(c)), default=1.0) or 1.0
        for at, (_, contribution, level) in enumerate(rows):
            _swarm(axes, at, contribution, level, widest)
        axes.axvline(0, color=QUIET, linewidth=.9)
        axes.set_yticks(range(len(rows)), [shorten(name, 44) for name, *_ in rows], fontsize=8.5)
        axes.set_ylim(len(rows) - .4, -.6)
        axes.set_xlim(-1.05 * widest, 1.05 * widest)
        axes.set_xlabel(label)
        rules(axes, "x")
        _level_bar(axes)
        return svg_uri(figure)


def _swarm(axes: Axes, at: int, contribution: Float64Array, level: Float64Array, widest: float) -> None:
    """Points of one feature, pushed apart where they are dense; drawn as one bitmap to keep the page small."""
    offset = _spread(contribution, widest)
    known = np.isfinite(level)
    axes.scatter(contribution[~known], at + offset[~known], s=5, color=LINE, rasterized=True)
    axes.scatter(contribution[known], at + offset[known], s=5, c=level[known], cmap=LOW_HIGH, vmin=0, vmax=1,
                 alpha=.85, linewidths=0, rasterized=True)


def _spread(x: Float64Array, widest: float, bins: int = 120) -> Float64Array:
    """Offsets -0.4..0.4: in every bin of x the points stand alternately above and below the middle."""
    cell = np.round(x / widest * bins).astype(int)
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


def novelty(right: Float64Array, wrong: Float64Array) -> str:
    """Distribution of novelty among right and wrong predictions, each as a share of its own number."""
    edges = np.linspace(0, 1, 21)
    with canvas(WIDE, 2.4) as (figure, (axes,)):
        for values, color, name in ((right, BLUE, "right"), (wrong, RED, "wrong")):
            if len(values):
                shares = np.histogram(np.clip(values, 0, 1), edges)[0] / len(values)
                axes.stairs(shares, edges, color=color, fill=color == BLUE, alpha=.35 if color == BLUE else 1,
                            linewidth=1.8, label=f"{name} ({len(values):,})")
        axes.set_xlim(0, 1)
        axes.set_xlabel("novelty: 0 = like the training images, 1 = unlike anything seen")
        axes.set_ylabel("share of images")
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        rules(axes, "y")
        figure.legend(loc="outside upper right", ncols=2)
        return svg_uri(figure)
