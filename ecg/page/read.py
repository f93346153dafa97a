"""A page: read, flattened, its ink and its scale known."""
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ecg.page.colors import Colors, colors_beside, darkness, find_colors
from ecg.page.corners import Corners, between_corners
from ecg.page.displacement import DisplacementField, ToSource
from ecg.page.find_displacement import find_displacement, incoherence, shows_boxes
from ecg.page.grid import BOX_MM, FlatGrid, GridHomography, NoGrid
from ecg.page.gridlines import GridLineMask
from ecg.page.ink import ink_share
from ecg.page.line_color import colors_and_grid
from ecg.page.other_pens import other_pens
from ecg.page.panel_frames import without_panel_frames
from ecg.page.paper import find_paper, painted
from ecg.page.pdf import is_pdf, render
from ecg.scale import Scale
from featurize.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from featurize.images.picture import ImageError, TooLarge
from featurize.images.read import Limits, read_bytes, read_image

LIMITS = Limits(pixels=120_000_000)
# Pixels of a page at most: three times those of a letter page at 300 dpi. Larger ones are reduced, to save memory.
MOST_PX = 25_000_000
# Least width and height, px.
_LEAST_SIDE_PX = 300
# Pages of this scale, px/mm, that are flat keep their own pixels.
_KEPT_PX_PER_MM = (5.5, 12.0)
# Others are resampled to a scale in this range, px/mm: a photograph's finer pixels hold blur.
_RESAMPLED_PX_PER_MM = (6.0, 8.0)
# Scale at which paper and displacement are looked for, px/mm.
_COARSE_PX_PER_MM = 2.0
# Displacements up to this, mm, are left as they are.
_LEAST_DISPLACEMENT_MM = 0.15
# A field is undone if the phases of the grid are off each other by this share of before, at most. Measured on 27
# photographs and 8 drawn pages: bent paper leaves .10 to .35, flat pages with dark 1 mm lines .6 to 2.4.
_MOST_INCOHERENCE_LEFT = 0.5
# Share of a flat page that its file shows, from which it is whole: by rounding, outermost pixels may lie outside.
_WHOLE_SHARE = 0.99
# Where the grid is far displaced and the paper's edge cuts windows, one measurement falls short. What a second one
# finds is undone from this displacement on, mm.
_LEAST_SECOND_MM = 0.05
# Stiffness of the second field.
_SECOND_STIFFNESS = 50.0
# A page is flat if rows of pixels are rows of the grid to this, px.
_FLAT_PX = 1.0
# Ink of other pens counts as this share at most: enough that pieces of a trace between them are no small marks, and
# less than a trace's own. Measured on 4 drawn pages: 25.8, 18.8, 12.4 and 14.6 dB; with 0 18.9, 14.0, 12.2 and 14.6.
_WRITTEN_INK = np.float32(0.4)
# A pixel lies on a 5 mm line within this distance, px,
_ON_LINE_PX = 0.5
# plus this distance, mm.
_ON_LINE_MM = 0.22
# A flattened page has at most this many times the file's pixels, for its scale,
_MOST_ENLARGED = 4
# plus this many.
_MOST_ENLARGED_PX = 4e7


class TooSmall(ImageError):
    """Fewer pixels than a lead needs."""

    reason = "too_small"


@dataclass(frozen=True)
class Page:
    """A flattened page.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    ink : (H, W) float32
        Share of each pixel that the trace's ink (or text in the same ink) covers.
    written : (H, W) bool
        Where handwriting in another color may hide the traces; ink is .4 there at most.
    px_per_mm : Scale
    to_source : ToSource
        From its pixels to those of the file.
    rotation_deg : float
        By which the file was turned.
    colors : Colors
    grid : GridHomography
        From the file's pixels.
    """

    rgb: UInt8Array
    ink: Float32Array
    written: BoolArray
    px_per_mm: Scale
    to_source: ToSource
    rotation_deg: float
    colors: Colors
    grid: GridHomography


@dataclass(frozen=True)
class _Plane:
    """The page as a homography flattens it.

    Parameters
    ----------
    from_file, to_file : (3, 3) float64
        Homographies between the file's pixels and those of the flat page.
    size_px : (int, int)
        Width and height of the flat page.
    px_per_mm : Scale
        Of the flat page.
    grid : GridHomography
        From the pixels of the flat page.
    """

    from_file: Float64Array
    to_file: Float64Array
    size_px: tuple[int, int]
    px_per_mm: Scale
    grid: GridHomography


def read_page(source: Path | bytes, corners: Corners = (), number: int | None = None) -> Page:
    """Read and flatten one page.

    Parameters
    ----------
    source : Path or bytes
    corners : sequence of (x, y)
        Of the paper, px of the file, where a person knows them: what lies outside is left out.
    number : int, optional
        Which page of a PDF with several, from 1.

    Raises
    ------
    ImageError
        Unreadable, too small or too large, without a grid.
    """
    sheet, to_file = _sheet(source, corners, number)
    page = flatten(sheet)
    return replace(page, to_source=replace(page.to_source, after=to_file @ page.to_source.after))


def _sheet(source: Path | bytes, corners: Corners, number: int | None) -> tuple[UInt8Array, Float64Array]:
    """The file's picture, or the paper between four corners of it, and the (3, 3) homography from it to the file."""
    content = source if isinstance(source, bytes) else read_bytes(source, LIMITS)
    rgb = render(content, MOST_PX, number) if is_pdf(content) else read_image(content, limits=LIMITS).rgb
    return between_corners(rgb, corners) if corners else (rgb, np.eye(3))


def page_of_scale(source: Path | bytes, px_per_mm: Scale, corners: Corners = (), number: int | None = None) -> Page:
    """A page whose grid is not found, in the scale that a person knows; it is taken to be flat and upright.

    Parameters
    ----------
    source, corners, number
        As of `read_page`.
    px_per_mm : Scale
        Of the file, or of the paper between the corners.

    Raises
    ------
    ImageError
        Unreadable, too small or too large.
    """
    sheet, to_file = _sheet(source, corners, number)
    if sheet.shape[0] * sheet.shape[1] > MOST_PX:
        raise TooLarge(f"{sheet.shape[1]} x {sheet.shape[0]} px without a grid, at most {MOST_PX // 10 ** 6} million "
                       "px were wanted: reduce the picture")
    dark = darkness(sheet)
    colors = find_colors(dark)
    none = GridLineMask(np.zeros(sheet.shape[0], bool), np.zeros(sheet.shape[1], bool))
    ink, written = _ink_and_written(dark, colors, px_per_mm, none)
    matrix = np.diag([1 / (BOX_MM * px_per_mm.x), 1 / (BOX_MM * px_per_mm.y), 1.0])
    to_source = ToSource(np.eye(3), None, to_file)
    return Page(sheet, ink, written, px_per_mm, to_source, 0.0, colors, GridHomography(matrix, 0.0, 0.0))


def plain_page(rgb: UInt8Array, px_per_mm: Scale, grid: GridHomography, rotation_deg: float) -> Page:
    """A page that needs no flattening and whose ink is not looked at: its traces are known otherwise.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    px_per_mm : Scale
    grid : GridHomography
    rotation_deg : float
        By which the file was turned.
    """
    none = Colors(np.zeros(3), np.zeros(3), False)
    return Page(rgb, np.zeros(rgb.shape[:2], np.float32), np.zeros(rgb.shape[:2], bool), px_per_mm,
                ToSource(np.eye(3), None, np.eye(3)), rotation_deg, none, grid)


def turned(page: Page, quarters: int) -> Page:
    """The page turned counterclockwise by quarters of a full turn."""
    height, width = page.ink.shape
    back = {1: [[0, -1, width - 1], [1, 0, 0], [0, 0, 1]], 2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
            3: [[0, 1, 0], [-1, 0, height - 1], [0, 0, 1]]}[quarters]
    scale = page.px_per_mm if quarters == 2 else page.px_per_mm.turned
    return replace(page, rgb=np.ascontiguousarray(np.rot90(page.rgb, quarters)), px_per_mm=scale,
                   ink=np.ascontiguousarray(np.rot90(page.ink, quarters)),
                   written=np.ascontiguousarray(np.rot90(page.written, quarters)),
                   to_source=replace(page.to_source, before=page.to_source.before @ np.array(back, float)),
                   rotation_deg=page.rotation_deg + 90 * quarters)


def flatten(rgb: UInt8Array) -> Page:
    """A page from its pixels: turned upright, perspective removed, scale measured on the grid.

    Raises
    ------
    TooSmall, NoGrid
    """
    height, width = rgb.shape[:2]
    if height * width <= MOST_PX:
        return _flatten(rgb)
    # Once, whatever the size rounds to.
    share = (MOST_PX / (height * width)) ** 0.5
    page = _flatten(cv2.resize(rgb, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA))
    larger = np.diag([1 / share, 1 / share, 1.0]) @ page.to_source.after
    return replace(page, to_source=replace(page.to_source, after=larger))


def _flatten(rgb: UInt8Array) -> Page:
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_SIDE_PX:
        raise TooSmall(f"{width} x {height} px, at least {_LEAST_SIDE_PX} px a side were wanted")
    dark = darkness(rgb)
    colors, signal, grid = colors_and_grid(dark)
    plane = _plane(grid, rgb.shape)
    paper, displacement = _paper_and_displacement(rgb, signal if colors.grid.any() else None, plane)
    to_source = ToSource(np.eye(3), displacement, plane.to_file)
    flat = _resampled(rgb, to_source, plane)
    if flat is not rgb or not paper.all():
        plain = painted(flat, paper) if not paper.all() else flat
        dark = darkness(plain)
        if not paper.all() and colors.grid.any():
            colors = colors_beside(dark, colors.grid) if colors.of_lines else find_colors(dark)
    on_line = _grid_line_mask(plane, flat.shape)
    ink, written = _ink_and_written(dark, colors, plane.px_per_mm, on_line)
    return Page(flat, ink, written, plane.px_per_mm, to_source, grid.rotation_deg(rgb.shape), colors, grid)


def _ink_and_written(dark: Float32Array, colors: Colors, px_per_mm: Scale, on_line: GridLineMask
                     ) -> tuple[Float32Array, BoolArray]:
    """Share of the trace's ink in each pixel, and where something is written over it in another color."""
    ink = ink_share(dark, colors, px_per_mm, on_line)
    written = other_pens(dark, ink, colors, px_per_mm)
    if written.any():
        ink = np.where(written, np.minimum(ink, _WRITTEN_INK), ink)
    return without_panel_frames(ink, px_per_mm), written


def _plane(grid: GridHomography, shape: tuple[int, ...]) -> _Plane:
    """The file's own pixels where they are flat and of a good scale, else those of a page seen from straight above."""
    scale = grid.px_per_mm(shape)
    from_file, size = np.eye(3), (shape[1], shape[0])
    if not (_is_flat(grid, shape) and _KEPT_PX_PER_MM[0] <= scale.x <= _KEPT_PX_PER_MM[1]):
        scale = Scale.square(float(np.clip((scale.x + scale.y) / 2, *_RESAMPLED_PX_PER_MM)))
        from_file, size = _upright(grid, shape, scale.x * BOX_MM)
    to_file = np.asarray(np.linalg.inv(from_file), np.float64)
    return _Plane(from_file, to_file, size, scale, GridHomography(grid.matrix @ to_file, 0, 0))


def _paper_and_displacement(rgb: UInt8Array, signal: Float32Array | None, plane: _Plane
                            ) -> tuple[BoolArray, DisplacementField | None]:
    """Where the flat page shows paper, coarsely, and its displacement from the plane.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        The file.
    signal : (H, W) float32 or None
        Of `grid_signal`. Without it, and without 5 mm lines, neither is looked for.
    plane : _Plane
    """
    factor = plane.px_per_mm.x / _COARSE_PX_PER_MM, plane.px_per_mm.y / _COARSE_PX_PER_MM
    size = plane.size_px
    coarse = round(size[0] / factor[0]), round(size[1] / factor[1])
    # What the file does not show is no paper.
    to_coarse = _pixels(1 / factor[0], 1 / factor[1]) @ plane.from_file
    inside = np.ones(coarse[::-1], bool)
    if (plane.from_file != np.eye(3)).any():
        shown = cv2.warpPerspective(np.ones(rgb.shape[:2], np.uint8), to_coarse, coarse, flags=cv2.INTER_NEAREST) > 0
        inside = shown if shown.mean() < _WHOLE_SHARE else inside
    if signal is None:
        return inside, None
    # First small, then moved: what a coarse pixel covers is averaged.
    fine = max(1, round(min(factor) * float(np.sqrt(rgb.shape[0] * rgb.shape[1] / (size[0] * size[1])))))
    small = (rgb.shape[1] // fine, rgb.shape[0] // fine)
    onto = to_coarse @ _pixels(rgb.shape[1] / small[0], rgb.shape[0] / small[1])
    # Sharp lines at a whole number of coarse pixels would seem to lie in their middles: a displacement that is none.
    signal = np.asarray(cv2.blur(signal, (fine | 1, fine | 1))) if fine > 1 else signal
    rgb_, signal_ = (cv2.warpPerspective(cv2.resize(image, small, interpolation=cv2.INTER_AREA), onto, coarse,
                                         flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                     for image in (rgb, signal))
    center = np.array([[size[0] / 2, size[1] / 2]])
    crossing = center[0] - (plane.grid.boxes(center)[0] % 1) * BOX_MM * np.array([plane.px_per_mm.x, plane.px_per_mm.y])
    origin = float((crossing[0] + 0.5) / factor[0] - 0.5), float((crossing[1] + 0.5) / factor[1] - 0.5)
    flat_grid = FlatGrid(origin, _COARSE_PX_PER_MM)
    if not shows_boxes(np.asarray(signal_), flat_grid):
        return inside, None
    paper = find_paper(np.asarray(rgb_), np.asarray(signal_), flat_grid) & inside
    field = find_displacement(np.asarray(signal_), paper, flat_grid)
    if field.size_px < _LEAST_DISPLACEMENT_MM * _COARSE_PX_PER_MM:
        return paper, None
    flat, flat_paper = _flattened(np.asarray(signal_), field), _flattened(paper.astype(np.float32), field) > 0.5
    before = incoherence(np.asarray(signal_), paper, flat_grid)
    if incoherence(flat, flat_paper, flat_grid) > _MOST_INCOHERENCE_LEFT * before:
        return paper, None
    paper = flat_paper
    second = find_displacement(flat, paper, flat_grid, stiffness=_SECOND_STIFFNESS)
    if second.size_px > _LEAST_SECOND_MM * _COARSE_PX_PER_MM:
        paper, field = _flattened(paper.astype(np.float32), second) > 0.5, field.followed_by(second)
    return paper, field.scaled(factor)


def _flattened(image: Float32Array, field: DisplacementField) -> Float32Array:
    """An image (H, W) without its displacement."""
    x, y = ToSource(np.eye(3), field, np.eye(3)).of_every_pixel(image.shape)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _pixels(x: float, y: float) -> Float64Array:
    """Change of scale of an image whose pixels' centers have whole coordinates."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _resampled(rgb: UInt8Array, to_source: ToSource, plane: _Plane) -> UInt8Array:
    """The flat page, taken from the file in one step: each resampling softens it."""
    if to_source.displacement is not None:
        x, y = to_source.of_every_pixel(plane.size_px[::-1])
        return np.asarray(cv2.remap(rgb, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    if plane.size_px == rgb.shape[1::-1] and (plane.from_file == np.eye(3)).all():
        return rgb
    return np.asarray(cv2.warpPerspective(rgb, plane.from_file, plane.size_px, flags=cv2.INTER_CUBIC,
                                          borderMode=cv2.BORDER_REPLICATE))


def _grid_line_mask(plane: _Plane, shape: tuple[int, ...]) -> GridLineMask:
    """Rows and columns of a flat page on which its 5 mm lines lie: there grid coordinates are whole numbers."""
    out = []
    for axis, across in ((0, plane.px_per_mm.y), (1, plane.px_per_mm.x)):
        at = np.arange(shape[axis])
        center = np.full(len(at), shape[1 - axis] / 2)
        boxes = plane.grid.boxes(np.c_[center, at] if axis == 0 else np.c_[at, center])[:, 1 - axis]
        out.append(np.abs(boxes - np.round(boxes)) * BOX_MM * across < _ON_LINE_PX + _ON_LINE_MM * across)
    return GridLineMask(out[0], out[1])


def _corners(shape: tuple[int, ...]) -> Float64Array:
    height, width = shape[:2]
    return np.array([[0, 0], [width, 0], [0, height], [width, height]], float)


def _is_flat(grid: GridHomography, shape: tuple[int, ...]) -> bool:
    """Whether rows of pixels are rows of the grid, to a pixel, over the whole page."""
    height, width = shape[:2]
    corners = _corners(shape)
    u, v = grid.boxes(corners).T
    sx, sy = (u[1] - u[0]) / width, (v[2] - v[0]) / height
    straight = np.c_[u[0] + corners[:, 0] * sx, v[0] + corners[:, 1] * sy]
    return bool(np.abs((np.c_[u, v] - straight) / [sx, sy]).max() < _FLAT_PX)


def _upright(grid: GridHomography, shape: tuple[int, ...], box_px: float) -> tuple[Float64Array, tuple[int, int]]:
    """Homography from the file's pixels to the flat page, and the flat page's width and height."""
    height, width = shape[:2]
    boxes = grid.boxes(_corners(shape))
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    size = np.ceil((high - low) * box_px).astype(int)
    enlarged = _MOST_ENLARGED * height * width * max(1.0, _KEPT_PX_PER_MM[0] * BOX_MM / box_px) ** 2
    if size.prod() > enlarged + _MOST_ENLARGED_PX:
        raise NoGrid("the grid was seen at too sharp an angle: take the photo from straight above")
    move = np.array([[box_px, 0, -low[0] * box_px], [0, box_px, -low[1] * box_px], [0, 0, 1]])
    return move @ grid.matrix, (int(size[0]), int(size[1]))
