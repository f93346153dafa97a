"""The charts of the audit page."""
from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from featurize.arrays import Float64Array
from featurize.report.charts import BLUE, GRAY, GREEN, ORANGE, QUIET, RED, canvas, rules, share_axis, shorten, svg_uri
from featurize.report.numbers import number

WIDE = 8.4
CUT = 5.0


def novelty(values: Float64Array, wrong: Float64Array | None) -> str:
    """Distribution of novelty against the even one that images like those of training have."""
    edges = np.linspace(0, 1, 21)
    with canvas(WIDE, 2.4) as (figure, (axes,)):
        shares = np.histogram(np.clip(values, 0, 1), edges)[0] / max(len(values), 1)
        axes.stairs(shares, edges, color=BLUE, fill=True, alpha=.45, label=f"images ({len(values):,})")
        if wrong is not None and len(wrong):
            errors = np.histogram(np.clip(wrong, 0, 1), edges)[0] / len(wrong)
            axes.stairs(errors, edges, color=RED, linewidth=1.8, label=f"errors ({len(wrong):,})")
        axes.axhline(1 / 20, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="as at home")
        axes.set_xlim(0, 1)
        axes.set_xlabel("novelty: share of held-out training images that lie nearer")
        axes.set_ylabel("share")
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        rules(axes, "y")
        axes.legend(loc="upper left")
        return svg_uri(figure)


def shifts(names: Sequence[str], shift: Float64Array, importance: Float64Array) -> str:
    """Bars of the shift, cut at 5, with the importance written at their ends."""
    shown = np.clip(np.nan_to_num(shift), -CUT, CUT)
    with canvas(WIDE, .9 + .29 * len(names)) as (figure, (axes,)):
        colors = [BLUE if value < 0 else ORANGE for value in shown]
        axes.barh(range(len(names)), shown, height=.6, color=colors)
        reach = max(float(np.abs(shown).max(initial=0)), .5)
        for at, (value, weight) in enumerate(zip(shown, importance)):
            side = 1 if value >= 0 else -1
            cut = ("›" if side > 0 else "‹") if abs(value) >= CUT else ""
            axes.text(value + side * reach * .015, at, f"{cut} {number(weight)}", va="center", fontsize=8.5,
                      color=QUIET, ha="left" if side > 0 else "right")
        axes.axvline(0, color=QUIET, linewidth=.9)
        axes.set_xlim(-reach * 1.3, reach * 1.3)
        axes.set_yticks(range(len(names)), [shorten(n, 44) for n in names])
        axes.set_ylim(len(names) - .5, -.5)
        axes.set_xlabel("lower here than in training ← shift, standard deviations → higher here")
        rules(axes, "x")
        return svg_uri(figure)


def groups(names: Sequence[str], right: Float64Array, low: Float64Array, high: Float64Array,
           against_rest: Sequence[str], whole: float) -> str:
    """Share that was right with its interval in each part; red where worse than the rest, green where better."""
    with canvas(WIDE, .9 + .25 * len(names)) as (figure, (axes,)):
        for at in range(len(names)):
            color = {"worse": RED, "better": GREEN}.get(against_rest[at], BLUE)
            axes.plot([low[at], high[at]], [at, at], color=color, linewidth=3, alpha=.35, solid_capstyle="round")
            axes.plot(right[at], at, "o", color=color, markersize=5.5)
        axes.axvline(whole, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(names)), [shorten(n, 48) for n in names])
        axes.set_ylim(len(names) - .5, -.5)
        share_axis(axes, "x", 1.02)
        axes.set_xlabel("share that was right")
        rules(axes, "x")
        return svg_uri(figure)
