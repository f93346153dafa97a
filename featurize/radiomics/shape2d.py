"""Shape of a region in the plane."""
import math

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.kernels.radiomics.shape2d import Outline, diameter, outline

NAMES = ("mesh_surface", "pixel_surface", "perimeter", "perimeter_surface_ratio", "sphericity",
         "spherical_disproportion", "maximum_diameter", "major_axis_length", "minor_axis_length", "elongation")


def shape2d(mask: BoolArray, box: Int64Array, spacing: tuple[float, float]) -> Float64Array:
    """(10,) features in the order of `NAMES`, NaN for an empty mask.

    Parameters
    ----------
    mask : (H, W) bool
    box : (4,) int64
        First row, last row + 1, first column, last column + 1 of the mask.
    spacing : (float, float)
        Height and width of a pixel.
    """
    dy, dx = spacing
    sums, ends = np.zeros(len(Outline)), np.empty((2 * int(box[1] - box[0]) + 3, 2))
    if box[1] == box[0]:
        return np.full(len(NAMES), np.nan)
    outline(mask, box, dy, dx, sums, ends)
    perimeter, area, n = sums[Outline.PERIMETER], sums[Outline.MESH_AREA], sums[Outline.PIXELS]
    my, mx = sums[Outline.SUM_Y] / n, sums[Outline.SUM_X] / n
    yy, xx = sums[Outline.SUM_YY] / n - my * my, sums[Outline.SUM_XX] / n - mx * mx
    xy = sums[Outline.SUM_XY] / n - my * mx
    middle, spread = (yy + xx) / 2, math.hypot((yy - xx) / 2, xy)
    large, small = middle + spread, max(middle - spread, 0.0)
    sphericity = 2 * math.sqrt(math.pi * area) / perimeter
    return np.array([area, n * dy * dx, perimeter, perimeter / area, sphericity, 1 / sphericity, diameter(ends, dy),
                     4 * math.sqrt(large), 4 * math.sqrt(small), math.sqrt(small / large) if large > 0 else np.nan])
