"""The charts of the classification report: each takes numbers that are already there and gives a data URI."""
from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from classify.report_numbers import RELIABILITY_BINS
from featurize.arrays import Float64Array
from featurize.report.charts import (BLUE, GRAY, HALF, LINE, ORANGE, QUIET, RED, WIDE, canvas, ends_inwards, rules,
                                     share_axis, shorten, svg_uri)
from featurize.report.numbers import percent, score

# Who, value, low and high end of the interval.
Spot = tuple[str, float, float | None, float | None]
# Share of sets that hold every class from which their coverage is no success, and is drawn gray.
MOSTLY_ALL = .5
# Colors of the sizes of sets, by the first word of their name; a set of all classes is no answer.
SIZE_COLORS = {"1": BLUE, "2": ORANGE, "3": RED, "all": GRAY}
# Highest threshold of a decision curve that is drawn: beyond it few would act.
MOST_THRESHOLD = .8
# Smallest share of images at which the curve of errors begins.
LEAST_COVERAGE = .05


def compared(metrics: Sequence[tuple[str, Sequence[Spot]]]) -> str:
    """Metrics of the model (with interval) and of the baselines on one axis.

    Parameters
    ----------
    metrics : sequence of (metric, spots)
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


def reliability(points: pd.DataFrame, bins: pd.DataFrame) -> str:
    """Frequency of being right against the probability given, with the number of images below.

    Parameters
    ----------
    points : DataFrame
        `n, confidence, frequency, low, high` of one curve, points of ten images and more.
    bins : DataFrame
        `bin, n`; bins are equal parts of 0..1.
    """
    with canvas(HALF, 4.3, rows=2, heights=(3.4, 1)) as (figure, (axes, below)):
        diagonal(axes)
        _reliability_line(axes, points, BLUE)
        axes.set_ylabel("share that was right")
        share_axis(axes, "y", 1.03)
        axes.tick_params(labelbottom=False)
        below.bar(_bin_middle(bins), bins["n"], width=.9 / RELIABILITY_BINS, color=BLUE, alpha=.55)
        below.set_ylabel("images")
        below.set_xlabel("probability of the class that was chosen")
        below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        for panel in (axes, below):
            share_axis(panel, "x", 1.03)
            rules(panel, "y")
        return svg_uri(figure)


def reliability_by_class(table: pd.DataFrame, classes: Sequence[str], prefix: str = "") -> str:
    """One small reliability curve per class, one against the rest; `prefix` stands before its name."""
    columns = min(4, len(classes))
    rows = ceil(len(classes) / columns)
    width = 3.6 if len(classes) == 1 else 2.1 * columns
    with canvas(width, .3 + (2.6 if len(classes) == 1 else 2.0 * rows), columns, rows) as (figure, panels):
        for axes in panels[len(classes):]:
            axes.set_visible(False)
        for at, (axes, name) in enumerate(zip(panels, classes)):
            diagonal(axes)
            _reliability_line(axes, table[table["class"] == name], BLUE)
            axes.set_title(prefix + shorten(name, 22), fontsize=9)
            share_axis(axes, "x", 1.05)
            share_axis(axes, "y", 1.05)
            axes.set_xticks([0, .5, 1])
            axes.set_yticks([0, .5, 1])
            ends_inwards(axes)
            rules(axes, "y")
            axes.tick_params(labelleft=at % columns == 0, labelbottom=at + columns >= len(classes))
        figure.supxlabel("probability given", fontsize=9, color=QUIET)
        figure.supylabel("share that was so", fontsize=9, color=QUIET)
        return svg_uri(figure)


def diagonal(axes: Axes) -> None:
    """The dashed line from corner to corner."""
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle=(0, (4, 3)))


def _reliability_line(axes: Axes, table: pd.DataFrame, color: str) -> None:
    """The curve through the points, with 95 % intervals; the size of a point tells how many images it stands for."""
    seen = table.sort_values("confidence")
    for at, low, high in zip(seen["confidence"], seen["low"], seen["high"]):
        axes.plot([at, at], [low, high], color=color, linewidth=1, alpha=.45)
    axes.plot(seen["confidence"], seen["frequency"], color=color, linewidth=1.2)
    area = 12 + 70 * np.sqrt(seen["n"] / max(table["n"].max() if len(table) else 1, 1))
    axes.scatter(seen["confidence"], seen["frequency"], s=area, color=color, alpha=.85, zorder=3, clip_on=False)


def _bin_middle(table: pd.DataFrame) -> Float64Array:
    return np.asarray((table["bin"] + .5) / RELIABILITY_BINS, dtype=float)


def risk_coverage(curve: pd.DataFrame, review: tuple[float, float] | None) -> str:
    """Share of errors among the surest images; a mark where the model itself asks for a person.

    Parameters
    ----------
    review : (share kept, share of errors among them), optional
    """
    with canvas(HALF, 4.3) as (figure, (axes,)):
        # Among very few images the share of errors jumps with every one.
        steady = curve[curve["coverage"] >= LEAST_COVERAGE]
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


def set_coverage(table: pd.DataFrame, promise: float) -> str:
    """How often the set holds the truth, class by class, with the promise and what chance allows around it.

    Parameters
    ----------
    table : DataFrame
        `class, n, coverage, chance, short, all`, as `ReportNumbers.set_coverage`.
    promise : float
        Share of sets that should hold the truth.
    """
    classes, coverage = table["class"].tolist(), table["coverage"].to_numpy(float)
    chance = table["chance"].to_numpy(float)
    with canvas(HALF, 1.0 + .27 * len(classes)) as (figure, (axes,)):
        rows = np.arange(len(classes))
        axes.barh(rows, np.minimum(2 * chance, 1 - promise + chance), left=promise - chance, height=.62, color=LINE)
        axes.axvline(promise, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        colors = [RED if short else GRAY if share >= MOSTLY_ALL else BLUE for short, share in
                  zip(table["short"], table["all"])]
        axes.scatter(coverage, rows, c=colors, s=38, zorder=3, clip_on=False)
        axes.set_yticks(rows, [shorten(c, 24) for c in classes])
        axes.set_ylim(len(classes) - .5, -.5)
        lower = min([*coverage, *(promise - chance)])
        axes.set_xlim(max(0, np.floor((lower - .03) * 20) / 20), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        axes.set_xlabel("sets that hold the true class")
        rules(axes, "x")
        return svg_uri(figure)


def set_sizes(sizes: pd.DataFrame) -> str:
    """Of each class, the share of images whose set holds one, two, ... or all classes."""
    grouped = _grouped_sizes(sizes)
    shares = grouped.div(grouped.sum(axis=1).clip(lower=1), axis=0)
    with canvas(HALF, 1.0 + .27 * len(sizes)) as (figure, (axes,)):
        left = np.zeros(len(shares))
        for column in shares.columns:
            width = shares[column].to_numpy(float)
            axes.barh(range(len(shares)), width, left=left, height=.62, color=SIZE_COLORS[column.split()[0]],
                      label=column)
            left += width
        axes.set_yticks(range(len(shares)), [shorten(str(c), 24) for c in shares.index])
        axes.set_ylim(len(shares) - .5, -.5)
        share_axis(axes, "x", 1)
        axes.set_xlabel("images")
        rules(axes, "x")
        figure.legend(loc="outside upper right", ncols=4, title="classes in the set", title_fontsize=8.5,
                      handlelength=1, handletextpad=.4, columnspacing=1)
        return svg_uri(figure)


def _grouped_sizes(sizes: pd.DataFrame) -> pd.DataFrame:
    """Images whose set holds one class, two, more, and all; a group without any is left out, but for the first."""
    k = sizes.shape[1]
    groups = {"1": sizes.iloc[:, :1], "2": sizes.iloc[:, 1:min(2, k - 1)], "3 or more": sizes.iloc[:, 2:k - 1],
              f"all {k}": sizes.iloc[:, k - 1:]}
    summed = pd.DataFrame({name: part.sum(axis=1) for name, part in groups.items()})
    return summed[[name for name in summed if name == "1" or summed[name].sum() > 0]]


def decision_curve(curve: Mapping[str, Sequence[float]]) -> str:
    """Net benefit against the threshold, beside acting on all images and on none.

    Parameters
    ----------
    curve : mapping
        `threshold, net_benefit, treat_all`, lists of equal length.
    """
    shown = pd.DataFrame(dict(curve)).query("threshold <= @MOST_THRESHOLD")
    top = max(float(shown["net_benefit"].max()), .01)
    with canvas(WIDE, 3.2) as (figure, (axes,)):
        axes.plot(shown["threshold"], shown["treat_all"], color=GRAY, linewidth=1.4, label="act on every image")
        axes.axhline(0, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="act on none")
        axes.plot(shown["threshold"], shown["net_benefit"], color=BLUE, linewidth=2, label="this model")
        axes.set_ylim(-.15 * top, 1.1 * top)
        axes.set_xlim(0, MOST_THRESHOLD)
        share_axis(axes, "x", MOST_THRESHOLD)
        axes.set_xlabel("probability from which one acts")
        axes.set_ylabel("net benefit per image")
        rules(axes, "y")
        axes.legend(loc="upper right")
        return svg_uri(figure)


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


def novelty_axes(axes: Axes, x_label: str, y_label: str) -> None:
    """Axes of a histogram of the out-of-distribution score."""
    axes.set_xlim(0, 1)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    rules(axes, "y")


def novelty(shares: Mapping[str, Float64Array], n: Mapping[str, int]) -> str:
    """Distribution of the out-of-distribution score among right and wrong predictions.

    Parameters
    ----------
    shares : mapping of ``right`` and ``wrong`` to (bins,)
        Share of the rows in equal bins of 0..1.
    n : mapping of ``right`` and ``wrong`` to int
        Number of rows; none are not drawn.
    """
    with canvas(WIDE, 2.4) as (figure, (axes,)):
        for name, color in (("right", BLUE), ("wrong", RED)):
            if n[name]:
                axes.stairs(shares[name], np.linspace(0, 1, len(shares[name]) + 1), color=color, fill=color == BLUE,
                            alpha=.35 if color == BLUE else 1, linewidth=1.8, label=f"{name} ({n[name]:,})")
        novelty_axes(axes, "novelty: 0 = like the training images, 1 = unlike anything seen", "share of images")
        figure.legend(loc="outside upper right", ncols=2)
        return svg_uri(figure)
