"""ROC and precision-recall curves of two classes: each takes numbers that are already there and gives a data URI."""
import pandas as pd
from matplotlib.axes import Axes

from classify.report.figures import diagonal
from featurize.report.charts import BLUE, GRAY, GREEN, HALF, ORANGE, RED, canvas, rules, share_axis, shorten, svg_uri

# Label, color and mark of the operating points by their name in `ReportNumbers.operating_points`.
POINTS = {"used": ("even odds", ORANGE, "o"), "stored": ("stored with the model", GREEN, "D"),
          "sensitive": ("sensitivity 95 %", RED, "s")}


def roc(curve: pd.DataFrame, points: pd.DataFrame, name: str) -> str:
    """Sensitivity against false alarms for every threshold, with the operating points.

    Parameters
    ----------
    curve, points : DataFrame
        As `ReportNumbers.thresholds` and `operating_points`.
    name : str
        The class that is looked for.
    """
    with canvas(HALF, 4.3) as (figure, (axes,)):
        diagonal(axes)
        axes.plot(curve["false_positive_rate"], curve["sensitivity"], color=BLUE)
        _operating_points(axes, points["name"], 1 - points["specificity"], points["sensitivity"])
        axes.set_xlabel("images of the other class called so (1 − specificity)")
        axes.set_ylabel(f"images of {shorten(name, 24)} found")
        for axis in ("x", "y"):
            share_axis(axes, axis, 1.02)
        rules(axes, "y")
        axes.legend(loc="lower right")
        return svg_uri(figure)


def precision_recall(curve: pd.DataFrame, points: pd.DataFrame, name: str, share: float) -> str:
    """Precision against sensitivity for every threshold; `share` is that of the class among the images."""
    known = curve[curve["precision"].notna()]
    with canvas(HALF, 4.3) as (figure, (axes,)):
        axes.axhline(share, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(known["sensitivity"], known["precision"], color=BLUE)
        _operating_points(axes, points["name"], points["sensitivity"], points["ppv"])
        axes.set_xlabel(f"images of {shorten(name, 24)} found (sensitivity)")
        axes.set_ylabel("of those called so, right (precision)")
        for axis in ("x", "y"):
            share_axis(axes, axis, 1.02)
        rules(axes, "y")
        axes.legend(loc="lower left")
        return svg_uri(figure)


def _operating_points(axes: Axes, names: pd.Series, x: pd.Series, y: pd.Series) -> None:
    for name, at_x, at_y in zip(names, x, y):
        label, color, marker = POINTS[name]
        axes.plot(at_x, at_y, marker, color=color, markersize=8, zorder=4, linestyle="none", label=label,
                  clip_on=False)
