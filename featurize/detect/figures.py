"""Charts of detect.html."""
import numpy as np
from matplotlib.ticker import MaxNLocator

from featurize.arrays import Float64Array
from featurize.detect.summary import FieldSummary
from featurize.report.charts import BLUE, GREEN, HALF, INK, ORANGE, canvas, rules, svg_uri

_BINS = 40
_HEIGHT_IN = 2.4
# Most platelets a white cell that have a bar of their own.
_MOST_PER_WHITE = 20


def sizes(diameters: Float64Array, color: str, label: str, upper: float) -> str:
    """Histogram of diameters up to `upper`, with their median."""
    with canvas(HALF, _HEIGHT_IN) as (figure, (axes,)):
        axes.hist(np.minimum(diameters, upper), bins=_BINS, range=(0, upper), color=color)
        if len(diameters):
            axes.axvline(float(np.median(diameters)), color=INK, linewidth=1)
        axes.set_xlabel(label)
        axes.set_ylabel("number of cells")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        rules(axes, "y")
        return svg_uri(figure)


def platelets_per_white(fields: list[FieldSummary]) -> str:
    """Number of fields by platelets a white cell."""
    ratios = np.array([f.platelets_per_white for f in fields])
    ratios = np.minimum(ratios[np.isfinite(ratios)], _MOST_PER_WHITE)
    with canvas(HALF, _HEIGHT_IN) as (figure, (axes,)):
        axes.hist(ratios, bins=np.arange(-.5, max(ratios.max(initial=0) + 1, 5)).tolist(), color=ORANGE)
        axes.set_xlabel("platelets per white cell")
        axes.set_ylabel("fields")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        rules(axes, "y")
        return svg_uri(figure)


RED_COLOR, WHITE_COLOR, PLATELET_COLOR = GREEN, BLUE, ORANGE
