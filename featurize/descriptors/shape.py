"""Shape of many objects at once: hundreds of nuclei in one pass over their label image.

>>> shapes = object_shapes(sample.objects, spacing=0.25)
>>> shapes["solidity"].mean()
"""
import numpy as np
from numpy.typing import NDArray

from featurize.arrays import BoolArray, Float64Array, Int32Array, Int64Array
from featurize.errors import UserError
from featurize.kernels.shapes import object_hulls, object_moments, outline_steps, row_ends

# Crofton's perimeter from 2 x 2 windows, four directions: Legland, Kieu & Devaux 2007, 10.5566/ias.v26.p83-92. Windows
# by 1 lower right + 2 upper right + 4 lower left + 8 upper left pixel.
_QUARTER = np.pi / 4
_SLANTED = np.pi / (4 * np.sqrt(2))
_CROFTON = np.array([0, _QUARTER + _SLANTED, _SLANTED, 2 * _SLANTED, 0, _QUARTER + _SLANTED, 0, _SLANTED,
                     _QUARTER, 2 * _QUARTER, _SLANTED, _SLANTED, _QUARTER, 2 * _QUARTER, 0, 0])
# Euler number of 8-connected objects: (one pixel - three pixels - 2 diagonals) / 4, Gray 1971, 10.1109/T-C.1971.223289.
_EULER = np.array([0, 1, 1, 0, 1, 0, -2, -1, 1, -2, 0, -1, 0, -1, -1, 0])


def object_shapes(labels: NDArray[np.integer], spacing: float = 1.0) -> dict[str, NDArray[np.generic]]:
    """Size, position and form of every object of a label image; names and values of `skimage.measure.regionprops`.

    Parameters
    ----------
    labels : (H, W) integers
        0 is background; numbers may be missing, and parts of one number need not touch.
    spacing : float
        Side of a pixel. Lengths and centroids are multiplied with it, areas with its square; boxes stay in pixels.

    Returns
    -------
    dict of name to (n,) array, one entry per object in the order of the labels, ready for `pandas.DataFrame`:

    - ``label``, ``area``, ``centroid-0``, ``centroid-1``, ``bbox-0`` .. ``bbox-3`` (first row and column, row and
      column after the last), ``area_bbox``, ``extent`` = area / area_bbox, ``equivalent_diameter_area``
    - ``axis_major_length``, ``axis_minor_length``, ``eccentricity``, ``orientation`` (radians from the row axis to the
      long axis) of the ellipse with the same second moments of pixel centers
    - ``perimeter``: pixels of the outline counted 1, sqrt(2) or (1 + sqrt(2)) / 2 by their neighbors on it (rule of
      scikit-image with neighborhood 4); ``perimeter_crofton``: by Crofton's formula in four directions
    - ``area_convex``: pixels whose center lies in the convex hull of the middles of all pixel sides; ``solidity`` =
      area / area_convex; ``feret_diameter_max``: largest distance between sides of that hull's pixels
    - ``euler_number``: parts - holes, 8-connected

    Raises
    ------
    UserError
        For another shape, for reals and for negative labels.
    """
    labels = _checked(labels, spacing)
    n = int(labels.max(initial=0))
    anchor, box = np.zeros((n, 2), np.int64), np.zeros((n, 4), np.int64)
    sums, quads = np.zeros((n, 6)), np.zeros((n, 16), np.int64)
    object_moments(labels, anchor, box, sums, quads)
    steps = np.zeros((n, 3), np.int64)
    outline_steps(labels, np.zeros(labels.shape, np.uint8), steps)
    convex, feret = _hulls(labels, box, sums[:, 0] > 0)
    found = np.flatnonzero(sums[:, 0] > 0)
    box, quads, sums, steps = box[found], quads[found], sums[found], steps[found]
    area, area_box = sums[:, 0], np.prod(box[:, 2:] - box[:, :2] + 1, axis=1)
    row: dict[str, NDArray[np.generic]] = {"label": found + 1, "area": area * spacing ** 2}
    row |= _ellipses(sums, anchor[found], spacing)
    row |= {f"bbox-{k}": box[:, k] + k // 2 for k in range(4)}
    row |= {"area_bbox": area_box * spacing ** 2, "extent": area / area_box,
            "equivalent_diameter_area": np.sqrt(4 * area / np.pi) * spacing,
            "perimeter": steps @ np.array([1, np.sqrt(2), (1 + np.sqrt(2)) / 2]) * spacing,
            "perimeter_crofton": quads @ _CROFTON * spacing,
            "area_convex": convex[found] * spacing ** 2, "solidity": area / convex[found],
            "feret_diameter_max": np.sqrt(feret[found]) / 2 * spacing, "euler_number": quads @ _EULER // 4}
    return row


def _checked(labels: NDArray[np.integer], spacing: float) -> Int32Array:
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise UserError(f"labels are {labels.dtype} of shape {labels.shape}: give integers of (H, W), 0 = background")
    if labels.size and labels.min() < 0:
        raise UserError(f"labels go down to {labels.min()}: give 0 for background and 1, 2, ... for objects")
    if not spacing > 0:
        raise UserError(f"spacing is {spacing}: give the side of a pixel, above 0")
    return np.ascontiguousarray(labels, np.int32)


def _hulls(labels: Int32Array, box: Int64Array, found: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Pixels of the convex hulls and squared largest distances in half pixels."""
    rows = (box[:, 2] - box[:, 0] + 1) * found
    start = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    low, high = np.full(start[-1], 2 ** 40, np.int64), np.full(start[-1], -2 ** 40, np.int64)
    row_ends(labels, box, start, low, high)
    convex, feret = np.zeros(len(box), np.int64), np.zeros(len(box), np.int64)
    object_hulls(start, low, high, convex, feret)
    return convex, feret


def _ellipses(sums: Float64Array, anchor: Int64Array, spacing: float) -> dict[str, NDArray[np.generic]]:
    area, y, x = sums[:, 0], sums[:, 1], sums[:, 2]
    yy, yx, xx = ((sums[:, 3 + k] - one * two / area) / area * spacing ** 2
                  for k, (one, two) in enumerate(((y, y), (y, x), (x, x))))
    middle, swing = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    major, minor = middle + swing, np.maximum(middle - swing, 0.0)
    turn = np.where(xx == yy, np.where(yx > 0, np.pi / 4, -np.pi / 4), 0.5 * np.arctan2(2 * yx, yy - xx))
    return {"centroid-0": (anchor[:, 0] + y / area) * spacing, "centroid-1": (anchor[:, 1] + x / area) * spacing,
            "axis_major_length": 4 * np.sqrt(major), "axis_minor_length": 4 * np.sqrt(minor),
            "eccentricity": np.sqrt(1 - minor / np.where(major > 0, major, 1.0)) * (major > 0), "orientation": turn}
