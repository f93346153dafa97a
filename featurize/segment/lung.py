"""The lung field of a frontal chest film: two dark, air-filled areas left and right of the spine.

The way: evened contrast -> where the spine and the dark areas lie -> an ellipse for each lung, drawn from where lungs
usually lie towards what this film shows -> the closed contour around its centre that holds most darkness.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.segment.contour import ANGLES, RADII, best_path, filled_polygon

_SIDE_PX = 128                # longest side of the image in which the contour is sought; all "px" are its pixels
# Where lungs usually lie on frontal films.
_ROW = 0.43                   # row of a lung's centre, as a share of the height
_FROM_SPINE = 0.20            # distance of that centre from the spine, as a share of the width
_HALF_WIDTH = 0.135           # half axes of the ellipse, as shares of the width
_HALF_HEIGHT = 0.285          # and of the height
_NEAR_ELLIPSES = 1.25         # size of the ellipse on which nearness is a half, in sizes of the usual one
_NEAR_SLOPE = 5.0             # fall of nearness per size of the ellipse, at a half
# Darkness.
_CLAHE_LIMIT = 2.0            # contrast limit of OpenCV's adaptive equalization
_CLAHE_TILES = 4              # tiles along each side
_SMOOTH_WIDTHS = 64           # the film is blurred with a sigma of its width over this
_TOP_EIGHTH = 8               # the trunk: one such part of the height is left out above,
_BOTTOM_SIXTH = 6             # one such part below,
_SIDE_TENTH = 10              # and one such part of the width on both sides
_LEAST_SPREAD = 2             # gray levels; standard deviation below which a film is even
_BRIGHTEST = -0.7             # bounds of the darkness, in standard deviations of the trunk
_DARKEST = 1.5
_AIR_LEVEL = 22               # gray level below which dark areas at the rim are air beside the patient
_AIR_SIGMA_PX = 1.0           # Gaussian blur before that
# Spine.
_SPINE_TOP = 0.2              # rows in which the spine is sought, as shares of the height
_SPINE_BOTTOM = 0.7
_SPINE_WIDTHS = 25            # their mean is blurred with a sigma of the width over this
_LEAST_SPINE_SPREAD = 1       # gray levels; with less there is no spine to be seen, and the middle is taken
_SPINE_OFFSET = 0.09          # standard deviation of the spine from the middle of the film, as a share of the width
# The ellipse of a lung fitted to the darkness.
_WEIGHT_OFFSET = 0.3          # added to the darkness, so that half-dark pixels count as well
_LEAST_DARKNESS = 0.1         # in areas of the rectangle of the half axes; with less the usual ellipse stays
_LEAST_MASK = 0.5             # the same for the area of a mask
_WIDEST = 1.4                 # half axes of a mask, as multiples of the usual ones, at most
_HIGHEST = 1.2
_MASK_CENTER = 0.7            # weights of the mask's centre and of the usual centre
_USUAL_CENTER = 0.3
_MASK_AXES = 0.75             # weights of the mask's half axes and of the usual ones
_USUAL_AXES = 0.25
# Contour; lengths along rays in units of the ellipse's half axes.
_REACH = 1.9                  # distance up to which the contour is sought
_PLACE_WEIGHT = 2.0           # weight of the place against darkness
_INNER_PLACE = 0.4            # the most that lying inside the ellipse counts
_OUTER_SLOPE = 1.6            # cost per distance outside it
_EDGE_WEIGHT = 6.0            # weight of a brightening outline against darkness
_EDGE_STEPS = 2               # radii over which brightening is measured, inwards and outwards
_LARGEST_RISE = 0.6           # bound of the brightening, in standard deviations of the trunk
_BEND = 0.3                   # cost of a move of the contour by one radius
_WALL = 0.4                   # brightness above which a wall hides what lies behind it, and by which hiding falls off
_OUTSIDE = -1.0               # darkness outside the film
_MEAN_WEIGHTS = 1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9    # running mean along the contour
# A lung much smaller than the other one.
_SMALL_SHARE = 0.6            # of the other lung's area
_GUIDE_WEIGHT = 1.2           # weight of the mirrored other lung against darkness


@dataclass(frozen=True)
class _Ellipse:
    """An upright ellipse, in pixels."""

    x: float
    y: float
    wide: float
    high: float

    def near(self, shape: tuple[int, ...]) -> Float32Array:
        """(H, W) 0..1, a half on the ellipse enlarged by a quarter."""
        y, x = np.ogrid[0:shape[0], 0:shape[1]]
        distance = np.hypot((x - self.x) / self.wide, (y - self.y) / self.high)
        return np.asarray(1 / (1 + np.exp(_NEAR_SLOPE * (distance - _NEAR_ELLIPSES))), dtype=np.float32)


@dataclass(frozen=True)
class _Film:
    """The film in which the contour is sought.

    Parameters
    ----------
    dark : (H, W) float32
        -0.7 .. 1.5: how much darker than the level between lungs and the rest of the trunk, in standard deviations of
        the trunk; 0 on an even film.
    bright : (H, W) float32
        Brightness in the same unit.
    spine : float
        Column of the spine.
    """

    dark: Float32Array
    bright: Float32Array
    spine: float


def find_lungs(gray: UInt8Array) -> tuple[BoolArray, BoolArray, dict[str, float]]:
    """Right and left lung of the patient (right is at the image's left side, as films are hung).

    Parameters
    ----------
    gray : (H, W) uint8, bone white

    Returns
    -------
    right, left : (H, W) bool
    facts : ``lung_share`` of the image, ``lung_balance`` (smaller over larger lung), ``lung_trust`` 0..1 (how much of
        the mask the film itself supports, the rest being the shape that lungs usually have), ``spine_x`` (share of the
        width)

    Notes
    -----
    Darkness relative to the film is weighed against the usual place of lungs: a film with consolidated, white lungs
    keeps a lung field there, because what is measured in it is exactly that whiteness.
    """
    scale = min(1.0, _SIDE_PX / max(gray.shape))
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    film = _Film(*_darkness(small), _spine(small))
    usual = _usual(small.shape, film.spine)
    lungs = [_outline(film, _fitted(film, ellipse)) for ellipse in usual]
    lungs = [_outline(film, _refitted(mask, ellipse)) for mask, ellipse in zip(lungs, usual)]
    lungs = [_helped(film, lungs[k], lungs[1 - k], usual[k]) for k in (0, 1)]
    right, left = (_enlarged(mask, gray.shape) for mask in lungs)
    both = lungs[0] | lungs[1]
    areas = sorted([int(right.sum()), int(left.sum())])
    return right, left, {"lung_share": float((right | left).mean()), "lung_balance": areas[0] / max(areas[1], 1),
                         "lung_trust": float((film.dark[both] > 0).mean()) if both.any() else 0.0,
                         "spine_x": film.spine / small.shape[1]}


def _enlarged(mask: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5)


def _usual(shape: tuple[int, ...], spine: float) -> list[_Ellipse]:
    height, width = shape
    return [_Ellipse(spine + side * _FROM_SPINE * width, _ROW * height, _HALF_WIDTH * width, _HALF_HEIGHT * height)
            for side in (-1, 1)]


def _darkness(gray: UInt8Array) -> tuple[Float32Array, Float32Array]:
    """Darkness and brightness as in `_Film`."""
    height, width = gray.shape
    even = cv2.createCLAHE(_CLAHE_LIMIT, (_CLAHE_TILES, _CLAHE_TILES)).apply(gray)
    smooth = cv2.GaussianBlur(even, (0, 0), width / _SMOOTH_WIDTHS)
    inner = np.s_[height // _TOP_EIGHTH: height - height // _BOTTOM_SIXTH,
                  width // _SIDE_TENTH: width - width // _SIDE_TENTH]
    trunk = smooth[inner]
    spread = float(trunk.std())
    if spread < _LEAST_SPREAD:
        return np.zeros(gray.shape, np.float32), np.zeros(gray.shape, np.float32)
    air = _outside_air(gray)
    seen = trunk[~air[inner]]
    level, _ = cv2.threshold(seen.reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark = np.clip((level - smooth.astype(np.float32)) / spread, _BRIGHTEST, _DARKEST)
    dark[air] = _BRIGHTEST
    return np.asarray(dark, dtype=np.float32), np.asarray(smooth / np.float32(spread), dtype=np.float32)


def _outside_air(gray: UInt8Array) -> BoolArray:
    """Black air beside the patient: dark areas that touch the left, right or upper rim."""
    dark = (cv2.GaussianBlur(gray, (0, 0), _AIR_SIGMA_PX) < _AIR_LEVEL).astype(np.uint8)
    _, parts = cv2.connectedComponents(dark, connectivity=4)
    rim = np.unique(np.concatenate([parts[0], parts[:, 0], parts[:, -1]]))
    return np.isin(parts, rim[rim > 0])


def _spine(gray: UInt8Array) -> float:
    """Column of the brightest upright band near the middle of the film."""
    height, width = gray.shape
    profile = gray[int(_SPINE_TOP * height): int(_SPINE_BOTTOM * height) + 1].mean(axis=0, dtype=np.float64)
    profile = cv2.GaussianBlur(profile.reshape(1, -1), (0, 0), width / _SPINE_WIDTHS).ravel()
    spread = float(profile.std())
    if spread < _LEAST_SPINE_SPREAD:
        return width / 2
    off = (np.arange(width) / width - 0.5) / _SPINE_OFFSET
    return float(np.argmax(profile / spread - 0.5 * off ** 2)) + 0.5


def _fitted(film: _Film, usual: _Ellipse) -> _Ellipse:
    """The usual ellipse moved halfway to the moments of the darkness around it."""
    columns = np.arange(film.dark.shape[1])
    side = (columns < film.spine) if usual.x < film.spine else (columns >= film.spine)
    weight = np.clip(film.dark + _WEIGHT_OFFSET, 0, 1) * usual.near(film.dark.shape) * side
    total = float(weight.sum())
    if total < _LEAST_DARKNESS * usual.wide * usual.high:
        return usual
    x, wide = _mean_and_reach(weight.sum(axis=0) / total)
    y, high = _mean_and_reach(weight.sum(axis=1) / total)
    return _Ellipse((usual.x + 2 * x) / 3, (usual.y + 2 * y) / 3, (usual.wide + wide) / 2, (usual.high + high) / 2)


def _mean_and_reach(share: Float32Array) -> tuple[float, float]:
    """Mean place and two standard deviations of a distribution over pixel rows or columns."""
    place = np.arange(len(share))
    mean = float((share * place).sum())
    return mean, 2 * float(np.sqrt((share * (place - mean) ** 2).sum()))


def _refitted(mask: BoolArray, usual: _Ellipse) -> _Ellipse:
    """The ellipse of the mask's moments, some of the way back to the usual one."""
    rows, columns = np.nonzero(mask)
    if len(rows) < _LEAST_MASK * usual.wide * usual.high:
        return usual
    wide, high = min(2 * float(columns.std()), _WIDEST * usual.wide), min(2 * float(rows.std()), _HIGHEST * usual.high)
    return _Ellipse(_MASK_CENTER * float(columns.mean()) + _USUAL_CENTER * usual.x,
                    _MASK_CENTER * float(rows.mean()) + _USUAL_CENTER * usual.y,
                    _MASK_AXES * wide + _USUAL_AXES * usual.wide, _MASK_AXES * high + _USUAL_AXES * usual.high)


def _outline(film: _Film, ellipse: _Ellipse, extra: Float32Array | None = None) -> BoolArray:
    """Inside of the closed contour around the ellipse's centre with the largest sum of darkness and place."""
    dark = film.dark if extra is None else film.dark + extra
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    r = (np.arange(RADII) + 0.5) * (_REACH / RADII)
    x = (ellipse.x + np.cos(angle)[:, None] * r * ellipse.wide).astype(np.float32)
    y = (ellipse.y + np.sin(angle)[:, None] * r * ellipse.high).astype(np.float32)
    polar = cv2.remap(dark, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_OUTSIDE)
    tone = cv2.remap(film.bright, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # What lies behind a bright wall on the way out of the lung is shoulder, axilla or room air, however dark.
    wall = np.maximum.accumulate(tone - np.minimum.accumulate(tone, axis=1), axis=1)
    polar = np.where(polar > 0, polar * np.exp(-np.maximum(wall - _WALL, 0) / _WALL), polar)
    rise = np.zeros_like(tone)
    step = _EDGE_STEPS
    rise[:, step:-step] = np.clip(tone[:, 2 * step:] - tone[:, :-2 * step], -_LARGEST_RISE, _LARGEST_RISE)
    place = np.where(r < 1, np.minimum(1 - r, _INNER_PLACE), -_OUTER_SLOPE * (r - 1))
    inside = np.cumsum((polar + _PLACE_WEIGHT * place) * r, axis=1)
    path = best_path(np.asarray(inside + _EDGE_WEIGHT * rise, dtype=np.float32), _BEND)
    # The path goes in whole steps; a running mean takes their corners away.
    around = np.concatenate([path[-2:], path, path[:2]]) + 1.0
    edge = np.convolve(around, _MEAN_WEIGHTS, "valid") * (_REACH / RADII)
    corners = np.stack([ellipse.x + np.cos(angle) * edge * ellipse.wide,
                        ellipse.y + np.sin(angle) * edge * ellipse.high], axis=1)
    return filled_polygon(corners, dark.shape)


def _helped(film: _Film, mine: BoolArray, other: BoolArray, usual: _Ellipse) -> BoolArray:
    """A lung much smaller than the other one is outlined once more with the mirrored other one as a guide."""
    if mine.sum() > _SMALL_SHARE * other.sum():
        return mine
    turn = np.array([[-1.0, 0.0, 2 * film.spine - 1], [0.0, 1.0, 0.0]])
    mirrored = cv2.warpAffine(other.astype(np.float32), turn, film.dark.shape[::-1], flags=cv2.INTER_LINEAR)
    return _outline(film, usual, _GUIDE_WEIGHT * (mirrored - 0.5))
