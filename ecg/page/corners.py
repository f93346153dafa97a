"""Corners of the paper as a person saw them: a CSV of places in the file, and the paper seen from above."""
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from featurize.arrays import Float32Array, Float64Array, UInt8Array
from featurize.errors import UserError, one_line
from featurize.images.picture import ImageError
from featurize.images.read import read_bytes
from featurize.runtime.cells import read_plain_csv

Corners = Sequence[tuple[float, float]]
_COLUMNS = ("page", "x", "y")
CORNERS_OF_A_PAGE = 4
# Corners may lie so far outside the file, as a share of its sides: a sheet may be cut off a little.
_OUTSIDE = 0.1
# Least side of the paper, px.
_LEAST_SIDE_PX = 100


class WrongCorners(ImageError):
    """Corners that do not lie around a sheet of this file."""

    reason = "corners"


def read_corners(path: Path) -> dict[str, tuple[tuple[float, float], ...]]:
    """Four corners a page, px of the file as it is shown upright, in any order.

    Raises
    ------
    UserError
        Not readable, a column is missing, a place that is no number, or not four of a page.
    """
    wanted = f"a CSV with the columns {', '.join(_COLUMNS)} and four rows a page was wanted"
    try:
        frame = read_plain_csv(read_bytes(path), {"page": str})
    except (ImageError, ValueError) as error:
        raise UserError(f"cannot read the corners {path} ({one_line(error)}): {wanted}") from error
    if not set(_COLUMNS) <= set(frame):
        raise UserError(f"{path} lacks {', '.join(c for c in _COLUMNS if c not in frame)}: {wanted}")
    places = frame[["x", "y"]].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(places.to_numpy(np.float64)).all():
        line = int(np.flatnonzero(~np.isfinite(places.to_numpy(np.float64)).all(axis=1))[0]) + 2
        raise UserError(f"{path}, line {line}: x and y are no pixels: {wanted}")
    out: dict[str, tuple[tuple[float, float], ...]] = {}
    for page, x, y in zip(frame["page"].astype(str), places["x"], places["y"]):
        out[page] = (*out.get(page, ()), (float(x), float(y)))
    for page, corners in out.items():
        if len(corners) != CORNERS_OF_A_PAGE:
            raise UserError(f"{path} has {len(corners)} corners of {page}: {wanted}")
    return out


def between_corners(rgb: UInt8Array, corners: Corners) -> tuple[UInt8Array, Float64Array]:
    """The paper between four corners seen from straight above, and the (3, 3) homography from it to the file.

    Raises
    ------
    WrongCorners
        They do not lie around a sheet within the file.
    """
    height, width = rgb.shape[:2]
    four = _in_order(np.array(corners, np.float32))
    low, high = -_OUTSIDE * np.array([width, height]), (1 + _OUTSIDE) * np.array([width, height])
    if not cv2.isContourConvex(four[:, None]) or (four < low).any() or (four > high).any():
        raise WrongCorners(f"the corners {', '.join(f'({x:g}, {y:g})' for x, y in corners)} do not lie around a sheet "
                           f"of a file of {width} x {height} px")
    sides = np.linalg.norm(four - np.roll(four, -1, axis=0), axis=1)
    # Corners are middles of pixels: a side has one pixel more than lies between them.
    size = round(float(sides[[0, 2]].max())) + 1, round(float(sides[[1, 3]].max())) + 1
    if min(size) < _LEAST_SIDE_PX:
        raise WrongCorners(f"the corners are around {size[0]} x {size[1]} px, at least {_LEAST_SIDE_PX} a side were "
                           "wanted")
    sheet = np.array([[0, 0], [size[0] - 1, 0], [size[0] - 1, size[1] - 1], [0, size[1] - 1]], np.float32)
    to_file = cv2.getPerspectiveTransform(sheet, four)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    flat = cv2.warpPerspective(rgb, to_file, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,) * 3)
    return np.asarray(flat), np.asarray(to_file, np.float64)


def _in_order(places: Float32Array) -> Float32Array:
    """Clockwise from the upper left one."""
    off = places - places.mean(axis=0)
    around = places[np.argsort(np.arctan2(off[:, 1], off[:, 0]))]
    return np.asarray(np.roll(around, -int(around.sum(axis=1).argmin()), axis=0))
