"""Parts of a picture hidden behind their surroundings: what a map of a decision measures again.

A picture is divided into a grid of nearly square cells, `CELLS` along the longer side. A regular grid and no
superpixels: it can be moved by a part of a cell, which tells how much a map depends on where the borders lie. Hidden
cells are filled with the blurred mean of what stays visible around them, with soft borders, so that neither their
content nor a new edge is left to measure. After Zeiler & Fergus 2014, 10.1007/978-3-319-10590-1_53 (occlusion) and Fong
& Vedaldi 2017, 10.1109/ICCV.2017.371 (blur in place of a gray patch).
"""
import zlib
from dataclasses import dataclass, replace

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, Int32Array, UInt8Array
from featurize.images.picture import Picture

# Raised whenever hidden cells are filled in another way: guards results that are kept.
VERSION = 1
# Cells along the longer side.
CELLS = 8
# A moved grid is moved by this share of a cell.
SHIFT = 0.25
# Standard deviation of the soft border of hidden cells, share of the side of a cell.
_SOFT = 0.15
# Standard deviation of the blur that fills hidden cells, shares of the side of a cell: of fill 0, and the range of the
# others.
_REACH = 1.0
_REACHES = (0.6, 1.6)
# Other fills have grain: its standard deviation as a share of that of the picture about its blurred self.
_GRAIN = 0.5
# Weight of the mean of all visible pixels where nothing visible is near.
_FAR_WEIGHT = 0.01


@dataclass(frozen=True)
class Hidden:
    """Which cells of a picture are hidden, and how.

    Parameters
    ----------
    cells : tuple of int
        Numbers of cells of `grid_of`.
    moved : bool
        The grid is moved by `SHIFT` cells down and to the right.
    fill : int
        0: a smooth fill. From 1 on: the seed of a fill of another smoothness, with grain.
    """

    cells: tuple[int, ...] = ()
    moved: bool = False
    fill: int = 0

    @property
    def key(self) -> str:
        """A short name of what is hidden: the cells as bits of a hexadecimal number."""
        return f"{sum(1 << cell for cell in set(self.cells)):x}.{int(self.moved)}.{self.fill}"


@dataclass(frozen=True)
class Grid:
    """The cells of a picture.

    Parameters
    ----------
    cell : (H, W) int32
        Number of the cell of each pixel, row by row.
    rows, columns : int
    side_px : float
        Mean side of a cell, pixels.
    """

    cell: Int32Array
    rows: int
    columns: int
    side_px: float


def grid_of(height: int, width: int, moved: bool = False) -> Grid:
    """Divide a picture of (height, width) pixels.

    Examples
    --------
    >>> grid = grid_of(4, 8)
    >>> grid.rows, grid.columns, grid.cell[0].tolist()
    (4, 8, [0, 1, 2, 3, 4, 5, 6, 7])
    >>> grid_of(320, 320, moved=True).rows
    9
    """
    longer = max(height, width)
    rows, columns = (max(1, round(CELLS * side / longer)) for side in (height, width))
    offset = 1 - SHIFT if moved else 0
    row, column = ((np.arange(side) + .5) * n / side + offset for side, n in ((height, rows), (width, columns)))
    rows, columns = rows + moved, columns + moved
    cell = row.astype(np.int32)[:, None] * columns + column.astype(np.int32)
    return Grid(np.asarray(cell, dtype=np.int32), rows, columns, longer / CELLS)


def hide(picture: Picture, image_id: str, hidden: Hidden) -> Picture:
    """The picture with some of its cells hidden; the same arguments always give the same pixels.

    Parameters
    ----------
    picture : Picture
    image_id : str
        Seed of the grain, together with the fill.
    hidden : Hidden

    Examples
    --------
    >>> from featurize.images.read import from_array
    >>> rgb = np.full((80, 80, 3), 200, np.uint8)
    >>> rgb[:10, :10] = 0
    >>> hidden = hide(from_array(rgb), "a", Hidden((0,)))
    >>> int(rgb[4, 4, 0]), int(hidden.rgb[4, 4, 0]), bool((hidden.rgb[20:] == 200).all())
    (0, 200, True)
    """
    if not hidden.cells:
        return picture
    height, width = picture.rgb.shape[:2]
    grid = grid_of(height, width, hidden.moved)
    mask = np.isin(grid.cell, hidden.cells)
    return replace(picture, rgb=filled(picture.rgb, mask, grid.side_px, image_id, hidden.fill))


def filled(rgb: UInt8Array, mask: BoolArray, reach_px: float, seed: str, fill: int = 0) -> UInt8Array:
    """Pixels with a part hidden behind the blurred mean of the rest.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    mask : (H, W) bool
        What is hidden.
    reach_px : float
        Standard deviation of the blur, and scale of the soft border.
    seed : str
        Of the grain.
    fill : int
        See `Hidden`.
    """
    rng = np.random.default_rng([fill, zlib.crc32(seed.encode())])
    reach = reach_px * (_REACH if not fill else float(rng.uniform(*_REACHES)))
    seen = rgb.astype(np.float32)
    smooth = _surroundings(seen, ~mask, reach)
    if fill:
        grain = _GRAIN * float((seen - cv2.GaussianBlur(seen, (0, 0), reach)).std())
        smooth = smooth + rng.normal(0, grain, mask.shape).astype(np.float32)[..., None]
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(_SOFT * reach_px, 1e-3))[..., None]
    # Hidden pixels are hidden entirely; the border lies outside them.
    weight = np.where(mask[..., None], 1, soft)
    return np.asarray(np.clip(np.rint(seen * (1 - weight) + smooth * weight), 0, 255), dtype=np.uint8)


def _surroundings(seen: Float32Array, visible: BoolArray, reach: float) -> Float32Array:
    """(H, W, 3) blurred mean of the visible pixels; where all are hidden, the mean of the picture."""
    mean = seen[visible].mean(axis=0) if visible.any() else seen.reshape(-1, 3).mean(axis=0)
    weight = visible.astype(np.float32)
    total = cv2.GaussianBlur(seen * weight[..., None], (0, 0), reach) + _FAR_WEIGHT * mean
    return np.asarray(total / (cv2.GaussianBlur(weight, (0, 0), reach) + _FAR_WEIGHT)[..., None], dtype=np.float32)
