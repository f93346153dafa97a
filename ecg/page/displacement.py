"""A field of displacements over a page, and the way from a flat page's pixels back to those of its file."""
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from featurize.arrays import Float32Array, Float64Array


@dataclass(frozen=True)
class Bend:
    """A displacement field.

    Parameters
    ----------
    shift_px : (2, rows, columns) float64
        Along x and y: what belongs at (x, y) lies at (x, y) + shift.
    step_px : (float, float)
        Distance of its columns and of its rows, the first of which stand at 0.
    size_px : float
        How far the page is moved: 90th percentile over the paper.
    """

    shift_px: Float64Array
    step_px: tuple[float, float]
    size_px: float

    def scaled(self, factor: tuple[float, float]) -> "Bend":
        """The field of the same page with pixels smaller by a factor along x and y."""
        return Bend(self.shift_px * np.reshape(factor, (2, 1, 1)),
                    (self.step_px[0] * factor[0], self.step_px[1] * factor[1]), self.size_px * max(factor))

    def after(self, later: "Bend") -> "Bend":
        """One field for this one and what `later`, with the same nodes, found on the page that it made flatter."""
        at = (self.nodes + later.shift_px.reshape(2, -1).T) / np.array(self.step_px)
        before = np.stack([_between(shift, at).reshape(shift.shape) for shift in self.shift_px])
        return replace(self, shift_px=before + later.shift_px)

    @property
    def nodes(self) -> Float64Array:
        """(rows x columns, 2) where its nodes stand."""
        _, rows, columns = self.shift_px.shape
        y, x = np.mgrid[:rows, :columns]
        return np.c_[x.ravel() * self.step_px[0], y.ravel() * self.step_px[1]]


@dataclass(frozen=True)
class ToSource:
    """From the pixels of a flat page to those of the file.

    Parameters
    ----------
    before : (3, 3) float64
        To the page as it was laid flat: quarters of a turn.
    bend : Bend or None
    after : (3, 3) float64
        Homography to the file.
    """

    before: Float64Array
    bend: Bend | None
    after: Float64Array

    def points(self, xy: Float64Array) -> Float64Array:
        """Places (n, 2) in the file of places (n, 2) on the page."""
        at = projected(self.before, xy)
        if self.bend is not None:
            step = np.array(self.bend.step_px)
            at = at + np.stack([_between(shift, at / step) for shift in self.bend.shift_px], axis=1)
        return projected(self.after, at)

    def everywhere(self, shape: tuple[int, ...]) -> tuple[Float32Array, Float32Array]:
        """Where each pixel of an (H, W) page lies in the file: x and y, (H, W) float32 each.

        Between the nodes of the bend, 5 mm apart, a straight line is exact to hundredths of a pixel.
        """
        assert self.bend is not None
        _, rows, columns = self.bend.shift_px.shape
        down = _hats(shape[0], rows, self.bend.step_px[1])
        across = _hats(shape[1], columns, self.bend.step_px[0])
        x, y = (down @ part.reshape(rows, columns).astype(np.float32) @ across.T
                for part in self.points(self.bend.nodes).T)
        return x, y


def projected(matrix: Float64Array, xy: Float64Array) -> Float64Array:
    """Places (n, 2) after a homography (3, 3)."""
    lifted = np.c_[xy, np.ones(len(xy))] @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def _between(values: Float64Array, at: Float64Array) -> Float64Array:
    """(n,) values (rows, columns) at places (n, 2), column first, linearly between nodes; beyond the last as there."""
    return np.asarray(map_coordinates(values, at.T[::-1], order=1, mode="nearest"))


def _hats(length: int, count: int, step: float) -> Float32Array:
    """(length, count) weights of linear interpolation between nodes `step` apart, beyond the last running on."""
    at = np.arange(length) / step
    first = np.clip(at.astype(int), 0, count - 2)
    out = np.zeros((length, count), np.float32)
    out[np.arange(length), first] = 1 - (at - first)
    out[np.arange(length), first + 1] = at - first
    return out
