"""Does a nucleus lie in the middle of the image? Lengths are in sides of the image.

A cell beside that holds more dye draws the choice of the nucleus away from a small or pale cell in the middle, such as
a platelet. The constants were set on every second image of blood_pbc, whose cells lie in the middle: with the cell of
another image pasted beside, and moved by 30 % of the side, so that red cells, specks or platelets come to lie in the
middle. The mean dye there, over that of the cell that holds more, was .37 to .9 in platelets and .05 to .28 in red
cells (of 539, one more than _LEAST_DYE).
"""
import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array

_MISSED = 0.1               # a nucleus no pixel of which is so near to the centre misses the middle
_IN_MIDDLE = 0.03           # the convex hull of a nucleus in the middle comes so near to the centre
_LEAST_SHARE = 0.0006       # of the image: area of a nucleus that is preferred for its place
_LEAST_DYE = 0.35           # of the other nucleus's mean dye; red cells hold less


def misses_middle(nucleus: BoolArray) -> bool:
    """Whether no pixel of a nucleus (H, W) lies near the centre of the image."""
    x, y = _points(nucleus)
    return bool(np.hypot(x - 0.5, y - 0.5).min() > _MISSED)


def preferred(nucleus: BoolArray, other: BoolArray, dye: Float32Array) -> bool:
    """Whether a nucleus in the middle is what the image is about, rather than one that misses it.

    nucleus, other (H, W) bool; dye (H, W) float32: strength of the nuclear stain.
    """
    if np.count_nonzero(nucleus) < _LEAST_SHARE * nucleus.size:
        return False
    hull = cv2.convexHull(np.column_stack(_points(nucleus)).astype(np.float32))
    in_middle = -cv2.pointPolygonTest(hull, (0.5, 0.5), True) <= _IN_MIDDLE
    return bool(in_middle and dye[nucleus].mean() >= _LEAST_DYE * dye[other].mean())


def _points(mask: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a mask's pixels, 0 .. 1 across the image."""
    y, x = np.nonzero(mask)
    return (x + 0.5) / mask.shape[1], (y + 0.5) / mask.shape[0]
