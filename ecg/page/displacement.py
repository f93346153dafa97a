"""Displacement field of a page that is not flat, and the map from a flat page's pixels back to those of its file."""
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from featurize.arrays import Float32Array, Float64Array


@dataclass(frozen=True)
class DisplacementField:
    """How far each place of a page is from where a plane's homography would put it.

    Parameters
    ----------
    shift_px : (2, rows, columns) float64
        Along x and y: what belongs at (x, y) lies at (x, y) + shift.
    step_px : (float, float)
        Distance of the nodes along x and y; the first column and row of them stand at 0.
    size_px : float
        90th percentile over the paper of the length of the shifts.
    """

    shift_px: Float64Array
    step_px: tuple[float, float]
    size_px: float

    def scaled(self, factor: tuple[float, float]) -> "DisplacementField":
        """The field of the same page with pixels smaller by a factor along x and y."""
        return DisplacementField(self.shift_px * np.reshape(factor, (2, 1, 1)),
                                 (self.step_px[0] * factor[0], self.step_px[1] * factor[1]),
                                 self.size_px * max(factor))

    def followed_by(self, second: "DisplacementField") -> "DisplacementField":
        """This field, then `second`, which has the same nodes and was measured on the page that this one flattened."""
        nodes = (self.nodes + second.shift_px.reshape(2, -1).T) / np.array(self.step_px)
        first = np.stack([_interpolated(shift, nodes).reshape(shift.shape) for shift in self.shift_px])
        return replace(self, shift_px=first + second.shift_px)

    @property
    def nodes(self) -> Float64Array:
        """(rows x columns, 2) positions of the nodes, px."""
        _, rows, columns = self.shift_px.shape
        y, x = np.mgrid[:rows, :columns]
        return np.c_[x.ravel() * self.step_px[0], y.ravel() * self.step_px[1]]


@dataclass(frozen=True)
class ToSource:
    """From the pixels of a flat page to those of the file: three maps, one after the other.

    Parameters
    ----------
    before : (3, 3) float64
        Undoes quarter turns of the flat page.
    displacement : DisplacementField or None
        None where the paper is flat.
    after : (3, 3) float64
        Homography to the file.
    """

    before: Float64Array
    displacement: DisplacementField | None
    after: Float64Array

    def points(self, xy: Float64Array) -> Float64Array:
        """Positions (n, 2) in the file of positions (n, 2) on the page."""
        at = projected(self.before, xy)
        if self.displacement is not None:
            step = np.array(self.displacement.step_px)
            at = at + np.stack([_interpolated(shift, at / step) for shift in self.displacement.shift_px], axis=1)
        return projected(self.after, at)

    def of_every_pixel(self, shape: tuple[int, ...]) -> tuple[Float32Array, Float32Array]:
        """Position in the file of each pixel of an (H, W) page: x and y, (H, W) float32 each.

        Between nodes 5 mm apart linear interpolation is exact to hundredths of a pixel.
        """
        assert self.displacement is not None
        _, rows, columns = self.displacement.shift_px.shape
        down = _linear_weights(shape[0], rows, self.displacement.step_px[1])
        across = _linear_weights(shape[1], columns, self.displacement.step_px[0])
        x, y = (down @ part.reshape(rows, columns).astype(np.float32) @ across.T
                for part in self.points(self.displacement.nodes).T)
        return x, y


def projected(matrix: Float64Array, xy: Float64Array) -> Float64Array:
    """Positions (n, 2) after a homography (3, 3)."""
    lifted = np.c_[xy, np.ones(len(xy))] @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def _interpolated(values: Float64Array, at: Float64Array) -> Float64Array:
    """(n,) values (rows, columns) at positions (n, 2), column first, linear between nodes, constant beyond them."""
    return np.asarray(map_coordinates(values, at.T[::-1], order=1, mode="nearest"))


def _linear_weights(length: int, count: int, step: float) -> Float32Array:
    """(length, count) weights of linear interpolation between nodes `step` apart, extrapolated beyond the last."""
    at = np.arange(length) / step
    first = np.clip(at.astype(int), 0, count - 2)
    out = np.zeros((length, count), np.float32)
    out[np.arange(length), first] = 1 - (at - first)
    out[np.arange(length), first + 1] = at - first
    return out
