"""The charts of the audit page: each takes numbers that are already there and gives a data URI."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from classify.report.figures import novelty_axes
from featurize.arrays import Float64Array
from featurize.report.charts import (BLUE, GRAY, GREEN, HALF, ORANGE, QUIET, RED, WIDE, canvas, in_two_lines, rules,
                                     share_axis, svg_uri)
from featurize.report.feature_names import words
from featurize.report.numbers import number

# Bars of the shift end here, in standard deviations.
LONGEST_BAR = 5.0
# Height of a bar with two lines of text beside it, inches.
ROW_IN = .34


def novelty(shares: Mapping[str, Float64Array], n: Mapping[str, int]) -> str:
    """Distribution of the out-of-distribution score against the even one that images like those of training have.

    Parameters
    ----------
    shares : mapping of ``images`` and, if known, ``errors`` to (bins,)
        Share of the rows in equal bins of 0..1.
    n : mapping of the same names to int
        Number of rows; none are not drawn.
    """
    bins = len(shares["images"])
    edges = np.linspace(0, 1, bins + 1)
    with canvas(WIDE, 2.4) as (figure, (axes,)):
        axes.stairs(shares["images"], edges, color=BLUE, fill=True, alpha=.45, label=f"images ({n['images']:,})")
        if n.get("errors"):
            axes.stairs(shares["errors"], edges, color=RED, linewidth=1.8, label=f"errors ({n['errors']:,})")
        axes.axhline(1 / bins, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="as at home")
        novelty_axes(axes, "novelty: share of held-out training images that lie nearer", "share")
        axes.legend(loc="upper left")
        return svg_uri(figure)


def shifts(features: pd.DataFrame, preset: str) -> str:
    """Bars of the shift with the importance written at their ends; `features` as `Audit.shift`."""
    names = [in_two_lines(words(name, preset)) for name in features["feature"]]
    importance = features["importance"].to_numpy(float)
    shown = np.clip(np.nan_to_num(features["shift"].to_numpy(float)), -LONGEST_BAR, LONGEST_BAR)
    with canvas(WIDE, .9 + ROW_IN * len(names)) as (figure, (axes,)):
        colors = [BLUE if value < 0 else ORANGE for value in shown]
        axes.barh(range(len(names)), shown, height=.6, color=colors)
        reach = max(float(np.abs(shown).max(initial=0)), .5)
        for at, (value, weight) in enumerate(zip(shown, importance)):
            side = 1 if value >= 0 else -1
            cut = ("›" if side > 0 else "‹") if abs(value) >= LONGEST_BAR else ""
            axes.text(value + side * reach * .015, at, f"{cut} {number(weight)}", va="center", fontsize=8.5,
                      color=QUIET, ha="left" if side > 0 else "right")
        axes.axvline(0, color=QUIET, linewidth=.9)
        axes.set_xlim(-reach * 1.3, reach * 1.3)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - .5, -.5)
        axes.set_xlabel("lower here than in training ← shift, standard deviations → higher here")
        rules(axes, "x")
        return svg_uri(figure)


def abstention(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Share named correctly of the surest images by the share of images that is kept, a line a place.

    Parameters
    ----------
    curves : mapping of name to sequence of dict
        See `classify.evaluate.review_scores.abstention`.
    """
    with canvas(HALF, 4.3) as (figure, (axes,)):
        lowest = 1.0
        for (name, steps), color in zip(curves.items(), (BLUE, ORANGE)):
            kept = [step["kept"] for step in steps]
            low, high = (1 - np.array([step["errors_interval"][end] for step in steps]) for end in (1, 0))
            axes.fill_between(kept, low, high, color=color, alpha=.15, linewidth=0)
            axes.plot(kept, [1 - step["errors"] for step in steps], color=color, marker="o", markersize=3, label=name)
            lowest = min(lowest, float(low.min()))
        share_axis(axes, "x", 1.02)
        share_axis(axes, "y", 1.005)
        axes.set_ylim(bottom=max(0, lowest - .02))
        axes.set_xlabel("share of images kept, surest first")
        axes.set_ylabel("share named correctly among them")
        axes.legend(loc="lower left")
        rules(axes, "y")
        return svg_uri(figure)


def groups(names: Sequence[str], subgroups: pd.DataFrame, accuracy: float) -> str:
    """Share that was right with its interval in each part; red where worse than the rest, green where better.

    Parameters
    ----------
    names : sequence of str
    subgroups : DataFrame
        `right, low, high, against_rest` of the parts, as `Audit.subgroups`.
    accuracy : float
        Of the whole table.
    """
    shown = [in_two_lines(name, 48) for name in names]
    row = ROW_IN if any("\n" in name for name in shown) else .25
    with canvas(WIDE, .9 + row * len(names)) as (figure, (axes,)):
        for at, part in enumerate(subgroups.to_dict("records")):
            color = {"worse": RED, "better": GREEN}.get(part["against_rest"], BLUE)
            axes.plot([part["low"], part["high"]], [at, at], color=color, linewidth=3, alpha=.35,
                      solid_capstyle="round")
            axes.plot(part["right"], at, "o", color=color, markersize=5.5)
        axes.axvline(accuracy, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(names)), shown)
        axes.set_ylim(len(names) - .5, -.5)
        share_axis(axes, "x", 1.02)
        axes.set_xlabel("share that was right")
        rules(axes, "x")
        return svg_uri(figure)
