"""A page: read, laid flat, its ink and its scale known."""
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.grid import BOX_MM, Lattice, NoGrid, find_lattice
from ecg.ink import Colors, Ruled, darkness, find_colors, grid_signal, ink_share
from ecg.pdf import is_pdf, render
from featurize.images import Limits, read_bytes, read_image
from featurize.picture import ImageError

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Reals = NDArray[np.float64]

LIMITS = Limits(pixels=120_000_000)
# More pixels than 300 dpi give a letter page thrice: reduced first, for memory's sake.
_MOST_PX = 25_000_000
_LEAST_PX = 300
# Pixels per millimetre that pages are traced at: others are enlarged or reduced to the nearer end.
_SCALES = (6.0, 12.0)


class TooSmall(ImageError):
    """Fewer pixels than a lead needs."""

    reason = "too_small"


@dataclass(frozen=True)
class Page:
    """A page laid flat.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    ink : (H, W) float32
        Share of each pixel that the trace's ink (or text in the same ink) covers.
    px_per_mm : (float, float)
        Along x and y.
    to_source : (3, 3) float64
        From its pixels to those of the file.
    rotation_deg : float
        By which the file was turned.
    colors : Colors
    lattice : Lattice
        Of the file's pixels.
    """

    rgb: Bytes
    ink: Floats
    px_per_mm: tuple[float, float]
    to_source: Reals
    rotation_deg: float
    colors: Colors
    lattice: Lattice


def read_page(source: Path | bytes) -> Page:
    """Read and flatten one page.

    Raises
    ------
    ImageError
        Unreadable, too small or too large, without a grid.
    """
    content = source if isinstance(source, bytes) else read_bytes(source, LIMITS)
    if is_pdf(content):
        return flatten(render(content, _MOST_PX))
    return flatten(read_image(content, limits=LIMITS).rgb)


def turned(page: Page, quarters: int) -> Page:
    """The page turned counterclockwise by quarters of a full turn."""
    height, width = page.ink.shape
    back = {1: [[0, -1, width - 1], [1, 0, 0], [0, 0, 1]], 2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
            3: [[0, 1, 0], [-1, 0, height - 1], [0, 0, 1]]}[quarters]
    scale = page.px_per_mm if quarters == 2 else page.px_per_mm[::-1]
    return replace(page, rgb=np.ascontiguousarray(np.rot90(page.rgb, quarters)), px_per_mm=scale,
                   ink=np.ascontiguousarray(np.rot90(page.ink, quarters)),
                   to_source=page.to_source @ np.array(back, float), rotation_deg=page.rotation_deg + 90 * quarters)


def flatten(rgb: Bytes) -> Page:
    """A page from its pixels: turned upright, perspective removed, scale measured on the grid.

    Raises
    ------
    TooSmall, NoGrid
    """
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_PX:
        raise TooSmall(f"{width} x {height} px, at least {_LEAST_PX} px a side were wanted")
    if height * width > _MOST_PX:
        share = (_MOST_PX / (height * width)) ** 0.5
        page = flatten(cv2.resize(rgb, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA))
        return replace(page, to_source=np.diag([1 / share, 1 / share, 1.0]) @ page.to_source)
    dark = darkness(rgb)
    colors = find_colors(dark)
    lattice = find_lattice(grid_signal(dark, colors))
    scale = lattice.px_per_mm(rgb.shape)
    turn, ratio = np.eye(3), 1.0
    if _is_flat(lattice, rgb.shape) and _SCALES[0] <= scale[0] <= _SCALES[1]:
        flat = rgb
    else:
        ratio = float(np.clip(np.mean(scale), *_SCALES))
        turn, size = _upright(lattice, rgb.shape, ratio * BOX_MM)
        flat = cv2.warpPerspective(rgb, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        dark, scale = darkness(flat), (ratio, ratio)
    back = np.asarray(np.linalg.inv(turn), np.float64)
    ruled = _ruled(Lattice(lattice.matrix @ back, 0, 0), flat.shape, float(np.mean(scale)))
    ink = ink_share(dark, colors, scale[0], ruled)
    return Page(flat, ink, scale, back, lattice.rotation_deg(rgb.shape), colors, lattice)


def _ruled(lattice: Lattice, shape: tuple[int, ...], px_per_mm: float) -> Ruled:
    """Rows and columns of a flat page on which its 5 mm lines lie: there the lattice counts whole numbers."""
    out = []
    for axis in (0, 1):
        at = np.arange(shape[axis])
        middle = np.full(len(at), shape[1 - axis] / 2)
        boxes = lattice.boxes(np.c_[middle, at] if axis == 0 else np.c_[at, middle])[:, 1 - axis]
        out.append(np.abs(boxes - np.round(boxes)) * BOX_MM * px_per_mm < 0.5 + 0.22 * px_per_mm)
    return out[0], out[1]


def _is_flat(lattice: Lattice, shape: tuple[int, ...]) -> bool:
    """Whether rows of pixels are rows of the grid, to a pixel, over the whole page."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    u, v = lattice.boxes(corners).T
    sx, sy = (u[1] - u[0]) / width, (v[2] - v[0]) / height
    straight = np.c_[u[0] + corners[:, 0] * sx, v[0] + corners[:, 1] * sy]
    return bool(np.abs((np.c_[u, v] - straight) / [sx, sy]).max() < 1.0)


def _upright(lattice: Lattice, shape: tuple[int, ...], box_px: float) -> tuple[Reals, tuple[int, int]]:
    """Homography from the file's pixels to the flat page, and the flat page's width and height."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    boxes = lattice.boxes(corners)
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    size = np.ceil((high - low) * box_px).astype(int)
    if size.prod() > 4 * height * width * max(1.0, _SCALES[0] * BOX_MM / box_px) ** 2 + 4e7:
        raise NoGrid("the grid was seen at too sharp an angle: take the photo from straight above")
    move = np.array([[box_px, 0, -low[0] * box_px], [0, box_px, -low[1] * box_px], [0, 0, 1]])
    return move @ lattice.matrix, (int(size[0]), int(size[1]))
