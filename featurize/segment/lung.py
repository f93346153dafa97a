"""The lung field of a frontal chest film: two dark, air-filled areas left and right of the spine.

The way: evened contrast -> where the spine and the dark areas lie -> an ellipse for each lung, drawn from where lungs
usually lie towards what this film shows -> the closed contour around its centre that holds most darkness.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.arrays import BoolArray, Float32Array, UInt8Array
from featurize.kernels.contour import closed_path

_SIDE = 128                              # the contour is sought in an image of this longest side
_ANGLES = 96
_RADII = 64
# Centre and half axes of lungs of frontal films, as shares of width and height, and distance from the spine.
_ROW = 0.43
_AWAY = 0.20
_WIDE = 0.135
_HIGH = 0.285
# Weights of place and of a brightening outline against darkness; cost of a bend; height of a wall that hides.
_PLACE = 2.0
_EDGE = 6.0
_BEND = 0.3
_WALL = 0.4


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
        return np.asarray(1 / (1 + np.exp(5.0 * (distance - 1.25))), dtype=np.float32)


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
    scale = min(1.0, _SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    dark, bright = _darkness(small)
    spine = _spine(small)
    usual = _usual(small.shape, spine)
    lungs = [_outline(dark, bright, _fitted(dark, ellipse, spine)) for ellipse in usual]
    lungs = [_outline(dark, bright, _refitted(mask, ellipse)) for mask, ellipse in zip(lungs, usual)]
    lungs = [_helped(dark, bright, lungs[k], lungs[1 - k], usual[k], spine) for k in (0, 1)]
    right, left = (_enlarged(mask, gray.shape) for mask in lungs)
    both = lungs[0] | lungs[1]
    areas = sorted([int(right.sum()), int(left.sum())])
    return right, left, {"lung_share": float((right | left).mean()), "lung_balance": areas[0] / max(areas[1], 1),
                         "lung_trust": float((dark[both] > 0).mean()) if both.any() else 0.0,
                         "spine_x": spine / small.shape[1]}


def _enlarged(mask: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5)


def _usual(shape: tuple[int, ...], spine: float) -> list[_Ellipse]:
    height, width = shape
    return [_Ellipse(spine + side * _AWAY * width, _ROW * height, _WIDE * width, _HIGH * height) for side in (-1, 1)]


def _darkness(gray: UInt8Array) -> tuple[Float32Array, Float32Array]:
    """(H, W) -1..1.5: how much darker than the level between lungs and the rest of the trunk; 0 on an even film.

    And the brightness, in the same unit: the spread of the trunk.
    """
    height, width = gray.shape
    even = cv2.createCLAHE(2.0, (4, 4)).apply(gray)
    smooth = cv2.GaussianBlur(even, (0, 0), width / 64)
    trunk = smooth[height // 8: height - height // 6, width // 10: width - width // 10]
    spread = float(trunk.std())
    if spread < 2:
        return np.zeros(gray.shape, np.float32), np.zeros(gray.shape, np.float32)
    air = _outside_air(gray)
    seen = trunk[~air[height // 8: height - height // 6, width // 10: width - width // 10]]
    level, _ = cv2.threshold(seen.reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark = np.clip((level - smooth.astype(np.float32)) / spread, -0.7, 1.5)
    dark[air] = -0.7
    return np.asarray(dark, dtype=np.float32), np.asarray(smooth / np.float32(spread), dtype=np.float32)


def _outside_air(gray: UInt8Array) -> BoolArray:
    """Black air beside the patient: dark areas that touch the left, right or upper rim."""
    dark = (cv2.GaussianBlur(gray, (0, 0), 1.0) < 22).astype(np.uint8)
    _, parts = cv2.connectedComponents(dark, connectivity=4)
    rim = np.unique(np.concatenate([parts[0], parts[:, 0], parts[:, -1]]))
    return np.isin(parts, rim[rim > 0])


def _spine(gray: UInt8Array) -> float:
    """Column of the brightest upright band near the middle of the film."""
    height, width = gray.shape
    profile = gray[int(0.2 * height): int(0.7 * height) + 1].mean(axis=0, dtype=np.float64)
    profile = cv2.GaussianBlur(profile.reshape(1, -1), (0, 0), width / 25).ravel()
    spread = float(profile.std())
    if spread < 1:
        return width / 2
    off = (np.arange(width) / width - 0.5) / 0.09
    return float(np.argmax(profile / spread - 0.5 * off ** 2)) + 0.5


def _fitted(dark: Float32Array, usual: _Ellipse, spine: float) -> _Ellipse:
    """The usual ellipse moved halfway to the moments of the darkness around it."""
    height, width = dark.shape
    columns = np.arange(width)
    side = (columns < spine) if usual.x < spine else (columns >= spine)
    weight = np.clip(dark + 0.3, 0, 1) * usual.near(dark.shape) * side
    total = float(weight.sum())
    if total < 0.1 * usual.wide * usual.high:
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
    if len(rows) < 0.5 * usual.wide * usual.high:
        return usual
    wide, high = min(2 * float(columns.std()), 1.4 * usual.wide), min(2 * float(rows.std()), 1.2 * usual.high)
    return _Ellipse(0.7 * float(columns.mean()) + 0.3 * usual.x, 0.7 * float(rows.mean()) + 0.3 * usual.y,
                    0.75 * wide + 0.25 * usual.wide, 0.75 * high + 0.25 * usual.high)


def _outline(dark: Float32Array, bright: Float32Array, ellipse: _Ellipse,
             extra: Float32Array | None = None) -> BoolArray:
    """Inside of the closed contour around the ellipse's centre with the largest sum of darkness and place."""
    belief = dark if extra is None else dark + extra
    angle = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    r = (np.arange(_RADII) + 0.5) * (1.9 / _RADII)
    x = (ellipse.x + np.cos(angle)[:, None] * r * ellipse.wide).astype(np.float32)
    y = (ellipse.y + np.sin(angle)[:, None] * r * ellipse.high).astype(np.float32)
    polar = cv2.remap(belief, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=-1.0)
    tone = cv2.remap(bright, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # What lies behind a bright wall on the way out of the lung is shoulder, axilla or room air, however dark.
    wall = np.maximum.accumulate(tone - np.minimum.accumulate(tone, axis=1), axis=1)
    polar = np.where(polar > 0, polar * np.exp(-np.maximum(wall - _WALL, 0) / _WALL), polar)
    rise = np.zeros_like(tone)
    rise[:, 2:-2] = np.clip(tone[:, 4:] - tone[:, :-4], -0.6, 0.6)
    inside = np.cumsum((polar + _PLACE * np.where(r < 1, np.minimum(1 - r, 0.4), -1.6 * (r - 1))) * r, axis=1)
    gain = np.asarray(inside + _EDGE * rise, dtype=np.float32)
    path = np.empty(_ANGLES, np.int32)
    closed_path(gain, 3, _BEND, path, np.empty((2, _RADII)), np.empty((_ANGLES, _RADII), np.int32))
    # The path goes in whole steps; a running mean takes their corners away.
    around = np.concatenate([path[-2:], path, path[:2]]) + 1.0
    edge = np.convolve(around, [1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9], "valid") * (1.9 / _RADII)
    corners = np.stack([ellipse.x + np.cos(angle) * edge * ellipse.wide,
                        ellipse.y + np.sin(angle) * edge * ellipse.high], axis=1)
    canvas = np.zeros(dark.shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    return canvas > 0


def _helped(dark: Float32Array, bright: Float32Array, mine: BoolArray, other: BoolArray, usual: _Ellipse,
            spine: float) -> BoolArray:
    """A lung much smaller than the other one is outlined again with the mirrored other one as a guide."""
    if mine.sum() > 0.6 * other.sum():
        return mine
    turn = np.array([[-1.0, 0.0, 2 * spine - 1], [0.0, 1.0, 0.0]])
    mirrored = cv2.warpAffine(other.astype(np.float32), turn, dark.shape[::-1], flags=cv2.INTER_LINEAR)
    return _outline(dark, bright, usual, 1.2 * (mirrored - 0.5))
