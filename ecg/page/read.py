"""A page: read, laid flat, its ink and its scale known."""
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ecg.page.bend import find_bend, shows_boxes
from ecg.page.displacement import Bend, ToSource
from ecg.page.frames import without_frames
from ecg.page.grid import BOX_MM, Lattice, NoGrid, find_lattice
from ecg.page.ink import Colors, Ruled, darkness, find_colors, grid_signal, ink_share
from ecg.page.paper import find_paper, painted
from ecg.page.pdf import is_pdf, render
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.images.picture import ImageError
from featurize.images.read import Limits, read_bytes, read_image

LIMITS = Limits(pixels=120_000_000)
# More pixels than 300 dpi give a letter page thrice: reduced first, for memory's sake.
_MOST_PX = 25_000_000
_LEAST_PX = 300
# Pixels per millimetre that pages are traced at: others are enlarged or reduced to the nearer end.
_SCALES = (5.5, 12.0)
# What is cut anew from the file gets no more than this: a photograph's finer pixels hold blur.
_RESAMPLED = (6.0, 8.0)
# Pixels per millimetre at which paper and its bending are looked for, and the bending from which it is undone.
_COARSE = 2.0
_BENT_MM = 0.15
# What a second look undoes: more than this, and only what is smooth (its weight of bending).
_LEFT_MM = 0.05
_STIFF_AGAIN = 50.0


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
    px_per_mm : Scale
    to_source : ToSource
        From its pixels to those of the file.
    rotation_deg : float
        By which the file was turned.
    colors : Colors
    lattice : Lattice
        Of the file's pixels.
    """

    rgb: UInt8Array
    ink: Float32Array
    px_per_mm: Scale
    to_source: ToSource
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
    scale = page.px_per_mm if quarters == 2 else page.px_per_mm.turned
    return replace(page, rgb=np.ascontiguousarray(np.rot90(page.rgb, quarters)), px_per_mm=scale,
                   ink=np.ascontiguousarray(np.rot90(page.ink, quarters)),
                   to_source=replace(page.to_source, before=page.to_source.before @ np.array(back, float)),
                   rotation_deg=page.rotation_deg + 90 * quarters)


def flatten(rgb: UInt8Array) -> Page:
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
        larger = np.diag([1 / share, 1 / share, 1.0]) @ page.to_source.after
        return replace(page, to_source=replace(page.to_source, after=larger))
    dark = darkness(rgb)
    colors = find_colors(dark)
    signal = grid_signal(dark, colors)
    lattice = find_lattice(signal)
    scale = lattice.px_per_mm(rgb.shape)
    turn, size = np.eye(3), (width, height)
    if not (_is_flat(lattice, rgb.shape) and _SCALES[0] <= scale.x <= _SCALES[1]):
        scale = Scale.square(float(np.clip((scale.x + scale.y) / 2, *_RESAMPLED)))
        turn, size = _upright(lattice, rgb.shape, scale.x * BOX_MM)
    back = np.asarray(np.linalg.inv(turn), np.float64)
    flatter = Lattice(lattice.matrix @ back, 0, 0)
    paper, bend = _looked_at(rgb, signal if colors.grid.any() else None, turn, size, scale, flatter)
    to_source = ToSource(np.eye(3), bend, back)
    flat = _moved(rgb, to_source, turn, size)
    if flat is not rgb or not paper.all():
        plain = painted(flat, paper) if not paper.all() else flat
        dark = darkness(plain)
        colors = find_colors(dark) if not paper.all() else colors
    ruled = _ruled(flatter, flat.shape, scale)
    ink = without_frames(ink_share(dark, colors, scale, ruled), scale)
    return Page(flat, ink, scale, to_source, lattice.rotation_deg(rgb.shape), colors, lattice)


def _looked_at(rgb: UInt8Array, signal: Float32Array | None, turn: Float64Array, size: tuple[int, int],
               px_per_mm: Scale, lattice: Lattice) -> tuple[BoolArray, Bend | None]:
    """Where the flat page shows paper, coarsely, and how it is bent; without 5 mm lines not looked for."""
    factor = px_per_mm.x / _COARSE, px_per_mm.y / _COARSE
    coarse = round(size[0] / factor[0]), round(size[1] / factor[1])
    if signal is None:
        return np.ones(coarse[::-1], bool), None
    # First small, then moved: what a coarse pixel covers is averaged.
    fine = max(1, round(min(factor) * float(np.sqrt(rgb.shape[0] * rgb.shape[1] / (size[0] * size[1])))))
    small = (rgb.shape[1] // fine, rgb.shape[0] // fine)
    onto = _pixels(1 / factor[0], 1 / factor[1]) @ turn @ _pixels(rgb.shape[1] / small[0], rgb.shape[0] / small[1])
    # Sharp lines that keep in step with coarse pixels would seem to lie in their middles: a bend that is none.
    signal = np.asarray(cv2.blur(signal, (fine | 1, fine | 1))) if fine > 1 else signal
    rgb_, signal_ = (cv2.warpPerspective(cv2.resize(image, small, interpolation=cv2.INTER_AREA), onto, coarse,
                                         flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                     for image in (rgb, signal))
    middle = np.array([[size[0] / 2, size[1] / 2]])
    crossing = middle[0] - (lattice.boxes(middle)[0] % 1) * BOX_MM * np.array([px_per_mm.x, px_per_mm.y])
    origin = float((crossing[0] + 0.5) / factor[0] - 0.5), float((crossing[1] + 0.5) / factor[1] - 0.5)
    if not shows_boxes(np.asarray(signal_), origin, _COARSE):
        return np.ones(coarse[::-1], bool), None
    paper = find_paper(np.asarray(rgb_), np.asarray(signal_), origin, _COARSE)
    bend = find_bend(np.asarray(signal_), paper, origin, _COARSE)
    if bend.size_px < _BENT_MM * _COARSE:
        return paper, None
    flat, paper = _unbent(np.asarray(signal_), bend), _unbent(paper.astype(np.float32), bend) > 0.5
    # Where the grid runs fast and the paper's edge cuts windows, one look falls short.
    left = find_bend(flat, paper, origin, _COARSE, stiff=_STIFF_AGAIN)
    if left.size_px > _LEFT_MM * _COARSE:
        paper, bend = _unbent(paper.astype(np.float32), left) > 0.5, bend.after(left)
    return paper, bend.scaled(factor)


def _unbent(image: Float32Array, bend: Bend) -> Float32Array:
    x, y = ToSource(np.eye(3), bend, np.eye(3)).everywhere(image.shape)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _pixels(x: float, y: float) -> Float64Array:
    """Change of scale of an image whose pixels' centers have whole coordinates."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _moved(rgb: UInt8Array, to_source: ToSource, turn: Float64Array, size: tuple[int, int]) -> UInt8Array:
    """The flat page, cut from the file in one step: each resampling softens it."""
    if to_source.bend is not None:
        x, y = to_source.everywhere(size[::-1])
        return np.asarray(cv2.remap(rgb, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    if size == rgb.shape[1::-1] and (turn == np.eye(3)).all():
        return rgb
    return np.asarray(cv2.warpPerspective(rgb, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _ruled(lattice: Lattice, shape: tuple[int, ...], px_per_mm: Scale) -> Ruled:
    """Rows and columns of a flat page on which its 5 mm lines lie: there the lattice counts whole numbers."""
    out = []
    for axis, across in ((0, px_per_mm.y), (1, px_per_mm.x)):
        at = np.arange(shape[axis])
        middle = np.full(len(at), shape[1 - axis] / 2)
        boxes = lattice.boxes(np.c_[middle, at] if axis == 0 else np.c_[at, middle])[:, 1 - axis]
        out.append(np.abs(boxes - np.round(boxes)) * BOX_MM * across < 0.5 + 0.22 * across)
    return out[0], out[1]


def _is_flat(lattice: Lattice, shape: tuple[int, ...]) -> bool:
    """Whether rows of pixels are rows of the grid, to a pixel, over the whole page."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    u, v = lattice.boxes(corners).T
    sx, sy = (u[1] - u[0]) / width, (v[2] - v[0]) / height
    straight = np.c_[u[0] + corners[:, 0] * sx, v[0] + corners[:, 1] * sy]
    return bool(np.abs((np.c_[u, v] - straight) / [sx, sy]).max() < 1.0)


def _upright(lattice: Lattice, shape: tuple[int, ...], box_px: float) -> tuple[Float64Array, tuple[int, int]]:
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
