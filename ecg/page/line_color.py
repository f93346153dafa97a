"""Color of a page's grid lines, measured where the grid's geometry says that they lie.

All pixels are folded into one box of 5 mm. The median of each place across a line is free of ink, for traces and
letters cover a few percent of a page. So the lines' own color is known however dark they are.
"""
import numpy as np

from ecg.page.colors import Colors, colors_beside, find_colors
from ecg.page.find_grid import find_grid
from ecg.page.grid import GridHomography, NoGrid
from ecg.page.ink import grid_signal, grid_signal_and_inked_share
from featurize.arrays import Float32Array, Float64Array

# Places across a box: 1 / 8 mm.
_PLACES = 40
# Pixels that are folded, about.
_FOLDED_PX = 600_000
# Traces and letters cover less of a page than this share: more that is taken for ink may be grid lines as dark as ink.
_MOST_INKED = 0.04
# The colors are found again if the grid's lines are darker than they were taken for by this factor.
_DARKER_LINES = 1.1
# Darkness of grid and ink together is cut at this quantile,
_STRONGEST_QUANTILE = 0.95
# of every so many rows and columns of pixels.
_QUANTILE_STEP = 7


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
        # Small numbers are sorted in one pass.
        place = np.minimum((along % 1 * _PLACES).astype(np.uint8), _PLACES - 1)
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(1, _PLACES))
        medians = np.array([np.median(part, axis=0) if len(part) else np.zeros(3)
                            for part in np.split(colors[order], ends)])
        found.append(medians[medians.sum(axis=1).argmax()])
    # Lines in one direction may fall between rows of pixels.
    return np.asarray(max(found, key=lambda color: float(color.sum())), np.float64)


def colors_and_grid(dark: Float32Array) -> tuple[Colors, Float32Array, GridHomography]:
    """Colors of ink and grid, the darkness of the grid alone, and where the grid lies.

    Lines nearly as dark as ink are at first taken for ink and cut from the grid. The grid then is found by what is left
    or by all that is dark, and the colors again beside that of its lines.
    """
    colors = find_colors(dark)
    signal, inked = grid_signal_and_inked_share(dark, colors)
    whole = inked > _MOST_INKED
    try:
        grid = find_grid(_all_darkness(dark) if whole else signal)
    except NoGrid:
        if whole:
            return colors, signal, find_grid(signal)
        whole, grid = True, find_grid(_all_darkness(dark))
    lines = line_color(dark, grid)
    if colors.grid.any() and lines.sum() > _DARKER_LINES * colors.grid.sum():
        colors = colors_beside(dark, lines)
        signal = grid_signal(dark, colors)
        return colors, signal, find_grid(signal)
    return colors, signal, find_grid(signal) if whole else grid


def _all_darkness(dark: Float32Array) -> Float32Array:
    """(H, W) darkness of grid and ink together, the darkest as dark as the rest of the strongest 5 %."""
    most = dark.max(axis=2)
    return np.minimum(most, np.float32(np.quantile(most[::_QUANTILE_STEP, ::_QUANTILE_STEP], _STRONGEST_QUANTILE)))
