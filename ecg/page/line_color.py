"""Color of a page's grid lines, measured where the grid's geometry says that they lie.

All pixels are folded into one box of 5 mm. The median of each place across a line is free of ink, for traces and
letters cover a few percent of a page. So the lines' own color is known however dark they are.
"""
import numpy as np

from ecg.page.grid import GridHomography
from featurize.arrays import Float32Array, Float64Array

# Places across a box: 1 / 8 mm.
_PLACES = 40
# Pixels that are folded, about.
_FOLDED_PX = 600_000


def line_color(dark: Float32Array, grid: GridHomography) -> Float64Array:
    """Darkness (3,) of the strongest grid lines.

    Parameters
    ----------
    dark : (H, W, 3) float32
        Of `ecg.page.colors.darkness`.
    grid : GridHomography
        Its period counts, its phase does not.
    """
    height, width = dark.shape[:2]
    step = max(1, round((height * width / _FOLDED_PX) ** 0.5))
    y, x = (at.ravel() for at in np.mgrid[step // 2:height:step, step // 2:width:step])
    boxes, colors = grid.boxes(np.c_[x, y].astype(np.float64)), dark[y, x]
    found = []
    for along in boxes.T:
        place = np.minimum((along % 1 * _PLACES).astype(int), _PLACES - 1)
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(1, _PLACES))
        medians = np.array([np.median(part, axis=0) if len(part) else np.zeros(3)
                            for part in np.split(colors[order], ends)])
        found.append(medians[medians.sum(axis=1).argmax()])
    # Lines in one direction may fall between rows of pixels.
    return np.asarray(max(found, key=lambda color: float(color.sum())), np.float64)
