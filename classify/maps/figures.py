"""Pictures of maps: log-odds as color over the gray picture; the curves of the deletion and insertion test."""
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes

from classify.maps.result import ATTRIBUTION, KINDS, OCCLUSION, TESTS, Curves, ImageMap
from featurize.arrays import Float64Array, UInt8Array
from featurize.report.charts import BLUE, GRAY, ORANGE, WIDE, canvas, rules, svg_uri

# Colors of what speaks for and against the named class; both are told apart by readers with any color vision.
FOR, AGAINST = (224, 110, 0), (0, 92, 178)
# Opacity of full color.
_OPACITY = 0.72
# The gray picture beneath is lightened: black would swallow both colors.
_LIFTED = 0.25
# Full color stands for this percentile of the sizes: a single pixel must not make the rest pale.
_FULL_PERCENT = 99
_NAMES = {ATTRIBUTION: "by contributions", OCCLUSION: "by occlusion"}
_COLORS = {ATTRIBUTION: ORANGE, OCCLUSION: BLUE}


def by_pixels(image: ImageMap, height: int, width: int) -> Float64Array:
    """(H, W) contributions as log-odds by the area of a cell, in the frame of the picture; 0 outside the crop."""
    left, top, wide, high = (round(side) for side in image.box)
    cell_px = height * width / (image.rows * image.columns)
    density = image.pixels * (image.pixels.size / (wide * high)) * cell_px
    found = np.zeros((height, width))
    found[top:top + high, left:left + wide] = cv2.resize(density, (wide, high), interpolation=cv2.INTER_AREA)
    return found


def by_cells(values: Float64Array, rows: int, columns: int, height: int, width: int) -> Float64Array:
    """(H, W) one value for all pixels of a cell; 0 where it is not known."""
    row = ((np.arange(height) + .5) * rows / height).astype(int)
    column = ((np.arange(width) + .5) * columns / width).astype(int)
    return np.nan_to_num(values.reshape(rows, columns))[np.ix_(row, column)]


def full_color(values: Float64Array) -> float:
    """What full color stands for."""
    size = np.abs(values[values != 0])
    return float(np.percentile(size, _FULL_PERCENT)) if size.size else 0.0


def over(rgb: UInt8Array, values: Float64Array, full: float) -> UInt8Array:
    """Color on the gray picture: orange speaks for the named class, blue against it; the stronger, the more opaque."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64)
    beneath = np.repeat((255 * _LIFTED + gray * (1 - _LIFTED))[..., None], 3, axis=2)
    weight = _OPACITY * np.clip(np.abs(values) / full if full else np.zeros_like(values), 0, 1)[..., None]
    color = np.where(values[..., None] > 0, np.array(FOR), np.array(AGAINST))
    return np.asarray(np.rint(beneath * (1 - weight) + color * weight), dtype=np.uint8)


def curves(images: Sequence[ImageMap]) -> str:
    """Mean log-odds over the images while cells are hidden and shown, for both orders and for random ones."""
    titles = ("Cells hidden", "Cells shown again")
    with canvas(WIDE, 2.6, columns=2) as (figure, axes):
        for panel, test, title in zip(axes, TESTS, titles):
            random = [_mean(image.random, test) for image in images]
            _draw(panel, random, GRAY, "in random order")
            for kind in KINDS:
                _draw(panel, [_mean((image.curves[kind],), test) for image in images], _COLORS[kind], _NAMES[kind])
            panel.set_title(title)
            panel.set_xlabel("share of the cells")
            panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
            rules(panel, "y")
        axes[0].set_ylabel("log-odds of the answer")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return svg_uri(figure)


def _mean(curves_of_image: Sequence[Curves], test: str) -> Float64Array:
    return np.mean([getattr(found, test) for found in curves_of_image], axis=0)


def _draw(panel: Axes, lines: Sequence[Float64Array], color: str, name: str) -> None:
    known = np.array(lines)
    known = known[np.isfinite(known).all(axis=1)]
    if len(known):
        at = np.linspace(0, 1, known.shape[1])
        panel.plot(at, known.mean(axis=0), color=color, label=name, linewidth=1.8)
