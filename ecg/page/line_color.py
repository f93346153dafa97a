"""Color of a page's grid lines, measured where the grid's geometry says that they lie.

All pixels are folded into one box of 5 mm. The median of each place across a line is free of ink, for traces and
letters cover a few percent of a page. So the lines' own color is known however dark they are.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecg.page.colors import Colors, colors_beside, find_colors
from ecg.page.find_grid import find_grid
from ecg.page.grid import BOX_MM, GridHomography, NoGrid
from ecg.page.ink import grid_signal, grid_signal_and_inked_share
from ecg.page.specks import grid_of_specks
from featurize.arrays import Float32Array, Float64Array

# Places across a box: 1 / 8 mm.
_PLACES = 40
# A line is no wider than so many places to both sides of its darkest one.
_NEAR_PLACES = 2
# Pixels that are folded, about.
_FOLDED_PX = 600_000
# Traces and letters cover less of a page than this share: more that is taken for ink may be grid lines as dark as ink.
_MOST_INKED = 0.04
# The colors are found again if the grid's lines are darker than they were taken for by this factor.
_DARKER_LINES = 1.1
# A grid fits about as much of the page as another if it fits this share of what that does.
_ABOUT_AS_STRONG = 0.9
# Lines of a grid are doubtful if they fit less than this share of the page,
_SURE_STRENGTH = 0.8
# or if they are off by more than this share of a box: 3 of 4 grids of false boxes on 82 drawn pages, 6 of 74 of true
# ones (benchmarks.ecg_review, even pages).
_SURE_ERROR_BOXES = 0.05
# Then another is taken if its error, px, is less than this share of theirs.
_CLEARER = 0.5
# Darkness of grid and ink together is cut at this quantile,
_STRONGEST_QUANTILE = 0.95
# or, where the grid is doubtful, at this one: blurred ink is pale, and what is left of it must not outweigh the grid.
_PALE_QUANTILE = 0.5
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
    # Lines in one direction may fall between rows of pixels.
    darkest = [medians[medians.sum(axis=1).argmax()] for medians in _folded(dark, grid)]
    return np.asarray(max(darkest, key=lambda color: float(color.sum())), np.float64)


def with_phase_of_strongest_lines(grid: GridHomography, dark: Float32Array) -> GridHomography:
    """The grid moved so that its strongest lines have whole numbers.

    Where 5 mm lines were taken for ink, the grid was found by its 1 mm lines: it counts in fives of them from any, and
    the 5 mm lines need not fall on one.
    """
    move = np.eye(3)
    for axis, medians in enumerate(_folded(dark, grid)):
        strength = medians.sum(axis=1)
        near = np.arange(-_NEAR_PLACES, _NEAR_PLACES + 1)
        weight = strength[(strength.argmax() + near) % _PLACES]
        move[axis, 2] = -(strength.argmax() + 0.5 + float((weight * near).sum() / weight.sum())) / _PLACES
    return replace(grid, matrix=move @ grid.matrix)


def _folded(dark: Float32Array, grid: GridHomography) -> list[Float64Array]:
    """Median darkness (places, 3) across a box, along each direction of the grid."""
    height, width = dark.shape[:2]
    step = max(1, round((height * width / _FOLDED_PX) ** 0.5))
    y, x = (at.ravel() for at in np.mgrid[step // 2:height:step, step // 2:width:step])
    boxes, colors = grid.boxes(np.c_[x, y].astype(np.float64)), dark[y, x]
    out = []
    for along in boxes.T:
        # Small numbers are sorted in one pass.
        place = np.minimum((along % 1 * _PLACES).astype(np.uint8), _PLACES - 1)
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(1, _PLACES))
        out.append(np.array([np.median(part, axis=0) if len(part) else np.zeros(3)
                             for part in np.split(colors[order], ends)]))
    return out


@dataclass(frozen=True)
class _Seen:
    """A grid and the darkness (H, W) that it was found by."""

    signal: Float32Array
    grid: GridHomography


def colors_and_grid(dark: Float32Array) -> tuple[Colors, Float32Array, GridHomography]:
    """Colors of ink and grid, the darkness of the grid alone, and where the grid lies.

    Lines nearly as dark as ink are at first taken for ink and cut from the grid. The grid then is found by what is left
    and by all that is dark, and the colors again beside that of its lines. Ink that is blurred stays in what is taken
    for grid: a doubtful grid is found by what is pale, too, that of a fax by its specks. The clearest of these grids is
    taken.
    """
    colors = find_colors(dark)
    signal, inked = grid_signal_and_inked_share(dark, colors)
    own, fault = _seen(signal)
    whole = _seen(_all_darkness(dark))[0] if fault or inked > _MOST_INKED else None
    if not (own and _is_sure(own)):
        own = (_clearly_clearer(own, _seen(_pale_darkness(dark, colors))[0]) if colors.grid.any()
               else _of_specks(dark) or own)
    seen = [each for each in (own, whole) if each]
    best = _clearest(seen) if seen else None
    if best and colors.grid.any():
        lines = line_color(dark, best.grid)
        if lines.sum() > _DARKER_LINES * colors.grid.sum():
            colors = colors_beside(dark, lines)
            beside = _seen(grid_signal(dark, colors))[0]
            best = _clearest([best, beside] if beside else [best])
            return colors, best.signal, with_phase_of_strongest_lines(best.grid, dark)
    if own is None:
        raise fault or NoGrid("no regular grid was found; is this an ECG on grid paper?")
    return colors, own.signal, own.grid


def _seen(signal: Float32Array) -> tuple[_Seen | None, NoGrid | None]:
    """The grid that a signal shows, or what is said where it shows none."""
    try:
        return _Seen(signal, find_grid(signal)), None
    except NoGrid as error:
        return None, error


def _of_specks(dark: Float32Array) -> _Seen | None:
    """The grid of a fax's specks, where they tell one."""
    black = dark.max(axis=2)
    grid = grid_of_specks(black)
    return _Seen(black, grid) if grid else None


def _clearest(seen: Sequence[_Seen]) -> _Seen:
    """The grid of the least error of those that fit about as much of the page as any."""
    most = max(each.grid.strength for each in seen)
    return min((each for each in seen if each.grid.strength >= _ABOUT_AS_STRONG * most),
               key=lambda each: each.grid.error_px)


def _is_sure(seen: _Seen) -> bool:
    """Whether a grid's lines fit most of the page closely."""
    scale = seen.grid.px_per_mm(seen.signal.shape)
    error = seen.grid.error_px / (BOX_MM * min(scale.x, scale.y))
    return seen.grid.strength >= _SURE_STRENGTH and error <= _SURE_ERROR_BOXES


def _clearly_clearer(doubtful: _Seen | None, other: _Seen | None) -> _Seen | None:
    """The other grid, where it is clearer than a doubtful one by far; sure, where there is none beside it."""
    if other is None:
        return doubtful
    if doubtful is None:
        return other if _is_sure(other) else None
    clearer = other.grid.error_px < _CLEARER * doubtful.grid.error_px
    return other if clearer and other.grid.strength >= _ABOUT_AS_STRONG * doubtful.grid.strength else doubtful


def _all_darkness(dark: Float32Array) -> Float32Array:
    """(H, W) darkness of grid and ink together, the darkest as dark as the rest of the strongest 5 %."""
    most = dark.max(axis=2)
    return np.minimum(most, np.float32(np.quantile(most[::_QUANTILE_STEP, ::_QUANTILE_STEP], _STRONGEST_QUANTILE)))


def _pale_darkness(dark: Float32Array, colors: Colors) -> Float32Array:
    """(H, W) darkness of grid and ink in the channel in which ink is darker than the grid by the least, cut."""
    channel = np.ascontiguousarray(dark[..., int(np.argmax(colors.grid / np.maximum(colors.ink, 1e-6)))])
    return np.minimum(channel, np.float32(np.quantile(channel[::_QUANTILE_STEP, ::_QUANTILE_STEP], _PALE_QUANTILE)))
