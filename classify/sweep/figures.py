"""The chart of a sweep: a panel a change."""
import math

from classify.sweep.result import Sweep
from featurize.report.charts import BLUE, GREEN, ORANGE, QUIET, RED, WIDE, canvas, rules, share_axis, svg_uri

COLUMNS = 5
# Height of a row of panels, inches.
ROW_HEIGHT = 1.55


def panels(found: Sweep) -> str:
    """Accuracy, coverage of the sets and share without review by strength; the first broken strength is red."""
    rows = math.ceil(len(found.changes) / COLUMNS)
    with canvas(WIDE, .45 + ROW_HEIGHT * rows, columns=COLUMNS, rows=rows) as (figure, axes):
        for panel, change in zip(axes, found.changes):
            steps = (found.unchanged, *change.strengths)
            at = range(len(steps))
            panel.axhline(found.coverage_promised, color=QUIET, linewidth=.8, linestyle=(0, (4, 3)))
            if change.broken_at:
                panel.axvspan(change.broken_at - .5, len(steps) - .5, color=RED, alpha=.1)
            # Wide and pale: where every set holds one class, accuracy and coverage are the same line.
            panel.plot(at, [s.accuracy for s in steps], color=BLUE, linewidth=4, alpha=.35, label="accuracy")
            for name, color, values in (("sets hold the truth", GREEN, [s.coverage for s in steps]),
                                        ("for review", ORANGE, [s.review_share for s in steps])):
                panel.plot(at, values, color=color, marker="o", markersize=2.6, linewidth=1.3, label=name)
            panel.set_title(change.name)
            panel.set_xticks(at)
            panel.set_xlim(-.3, len(steps) - .7)
            share_axis(panel, upper=1.02)
            panel.set_yticks([0, .5, 1])
            panel.tick_params(labelleft=panel in axes[::COLUMNS])
            rules(panel, "y")
        for panel in axes[len(found.changes):]:
            panel.set_visible(False)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return svg_uri(figure)
