"""Shape of many objects at once: hundreds of nuclei in one pass over their label image.

Objects are given as a label image: 0 is background, every other number an object.
"""
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featurize.arrays import Float64Array, Int32Array, Int64Array
from featurize.errors import UserError
from featurize.kernels.shapes import NOWHERE, Moment, Step, object_hulls, object_moments, outline_steps, row_ends

# Crofton's perimeter from 2 x 2 windows, four directions: Legland, Kieu & Devaux 2007, 10.5566/ias.v26.p83-92. Windows
# by 1 lower right + 2 upper right + 4 lower left + 8 upper left pixel.
_QUARTER = np.pi / 4
_SLANTED = np.pi / (4 * np.sqrt(2))
_CROFTON = np.array([0, _QUARTER + _SLANTED, _SLANTED, 2 * _SLANTED, 0, _QUARTER + _SLANTED, 0, _SLANTED,
                     _QUARTER, 2 * _QUARTER, _SLANTED, _SLANTED, _QUARTER, 2 * _QUARTER, 0, 0])
# Euler number of 8-connected objects: (one pixel - three pixels - 2 diagonals) / 4, Gray 1971, 10.1109/T-C.1971.223289.
_EULER = np.array([0, 1, 1, 0, 1, 0, -2, -1, 1, -2, 0, -1, 0, -1, -1, 0])
# Sides between a pixel of the object and one of its surroundings in each window. Every side lies in two windows.
_SIDES = np.array([0, 2, 2, 2, 2, 2, 4, 2, 2, 4, 2, 2, 2, 2, 2, 0])
# Length of a pixel of the outline, in the order of `Step`.
_STEP_LENGTHS = np.array([1, np.sqrt(2), (1 + np.sqrt(2)) / 2])


@dataclass(frozen=True)
class ObjectMoments:
    """Sums over the pixels of every object; row k is that of label k + 1, with area 0 where the label is missing.

    Parameters
    ----------
    first : (n, 2) int64
        Row and column of the first pixel.
    box : (n, 4) int64
        First row, first column, last row, last column.
    sums : (n, 6) float64
        In the order of `featurize.kernels.shapes.Moment`, coordinates from the first pixel.
    windows : (n, 16) int64
        Windows of 2 x 2 pixels by which of them are the object's (see `featurize.kernels.shapes.object_moments`).
    """

    first: Int64Array
    box: Int64Array
    sums: Float64Array
    windows: Int64Array

    @property
    def area(self) -> Float64Array:
        """(n,) pixels."""
        return self.sums[:, Moment.AREA]

    @property
    def outline_sides(self) -> Int64Array:
        """(n,) sides of pixels that are the object's outline."""
        return np.asarray(self.windows @ _SIDES // 2)

    def from_corner(self) -> Float64Array:
        """(n, 6) the sums with coordinates from the image's corner: whole numbers, so nothing is rounded."""
        (y, x), area = self.first.T, self.area
        sums = self.sums.copy()
        sums[:, Moment.Y] += y * area
        sums[:, Moment.X] += x * area
        sums[:, Moment.YY] += 2 * y * self.sums[:, Moment.Y] + y * y * area
        sums[:, Moment.XX] += 2 * x * self.sums[:, Moment.X] + x * x * area
        sums[:, Moment.YX] += y * self.sums[:, Moment.X] + x * self.sums[:, Moment.Y] + y * x * area
        return sums


def moments_of_objects(labels: Int32Array) -> ObjectMoments:
    """Areas, boxes, moments and outlines of every object of a label image (H, W) in one pass."""
    n = int(labels.max(initial=0))
    found = ObjectMoments(np.zeros((n, 2), np.int64), np.zeros((n, 4), np.int64), np.zeros((n, len(Moment))),
                          np.zeros((n, 16), np.int64))
    object_moments(labels, found.first, found.box, found.sums, found.windows)
    return found


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

    Examples
    --------
    A square of 2 x 2 pixels and an L of 3, with pixels of half a micrometer:

    >>> labels = np.array([[1, 1, 0, 2, 0],
    ...                    [1, 1, 0, 2, 2]])
    >>> shapes = object_shapes(labels, spacing=0.5)
    >>> shapes["label"].tolist()
    [1, 2]
    >>> shapes["area"].tolist()
    [1.0, 0.75]
    >>> shapes["extent"].tolist()
    [1.0, 0.75]
    >>> shapes["centroid-1"].tolist()[0]
    0.25
    """
    labels = _checked(labels, spacing)
    moments = moments_of_objects(labels)
    steps = np.zeros((len(moments.area), len(Step)), np.int64)
    outline_steps(labels, np.zeros(labels.shape, np.uint8), steps)
    convex, feret = _hulls(labels, moments)
    found = np.flatnonzero(moments.area > 0)
    box, windows, area = moments.box[found], moments.windows[found], moments.area[found]
    area_box = np.prod(box[:, 2:] - box[:, :2] + 1, axis=1)
    row: dict[str, NDArray[np.generic]] = {"label": found + 1, "area": area * spacing ** 2}
    row |= _ellipses(moments.sums[found], moments.first[found], spacing)
    row |= {f"bbox-{k}": box[:, k] + k // 2 for k in range(4)}
    row |= {"area_bbox": area_box * spacing ** 2, "extent": area / area_box,
            "equivalent_diameter_area": np.sqrt(4 * area / np.pi) * spacing,
            "perimeter": steps[found] @ _STEP_LENGTHS * spacing,
            "perimeter_crofton": windows @ _CROFTON * spacing,
            "area_convex": convex[found] * spacing ** 2, "solidity": area / convex[found],
            "feret_diameter_max": np.sqrt(feret[found]) / 2 * spacing, "euler_number": windows @ _EULER // 4}
    return row


def _checked(labels: NDArray[np.integer], spacing: float) -> Int32Array:
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise UserError(f"labels are {labels.dtype} of shape {labels.shape}: give integers of (H, W), 0 = background")
    if labels.size and labels.min() < 0:
        raise UserError(f"labels go down to {labels.min()}: give 0 for background and 1, 2, ... for objects")
    if not spacing > 0:
        raise UserError(f"spacing is {spacing}: give the side of a pixel, above 0")
    return np.ascontiguousarray(labels, np.int32)


def _hulls(labels: Int32Array, moments: ObjectMoments) -> tuple[Int64Array, Int64Array]:
    """Pixels of the convex hulls and squared largest distances in half pixels."""
    rows = (moments.box[:, 2] - moments.box[:, 0] + 1) * (moments.area > 0)
    start = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    low, high = np.full(start[-1], NOWHERE, np.int64), np.full(start[-1], -NOWHERE, np.int64)
    row_ends(labels, moments.box, start, low, high)
    convex, feret = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    object_hulls(start, low, high, convex, feret)
    return convex, feret


def _ellipses(sums: Float64Array, first: Int64Array, spacing: float) -> dict[str, NDArray[np.generic]]:
    """Centroids and ellipses of inertia from the sums (n, 6) and the first pixels (n, 2)."""
    area, y, x = sums[:, Moment.AREA], sums[:, Moment.Y], sums[:, Moment.X]
    yy = (sums[:, Moment.YY] - y * y / area) / area * spacing ** 2
    yx = (sums[:, Moment.YX] - y * x / area) / area * spacing ** 2
    xx = (sums[:, Moment.XX] - x * x / area) / area * spacing ** 2
    middle, swing = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    major, minor = middle + swing, np.maximum(middle - swing, 0.0)
    turn = np.where(xx == yy, np.where(yx > 0, np.pi / 4, -np.pi / 4), 0.5 * np.arctan2(2 * yx, yy - xx))
    return {"centroid-0": (first[:, 0] + y / area) * spacing, "centroid-1": (first[:, 1] + x / area) * spacing,
            "axis_major_length": 4 * np.sqrt(major), "axis_minor_length": 4 * np.sqrt(minor),
            "eccentricity": np.sqrt(1 - minor / np.where(major > 0, major, 1.0)) * (major > 0), "orientation": turn}
