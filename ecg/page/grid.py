"""The paper's grid as a homography: from pixels to boxes of 5 mm, however a page is turned, tilted or photographed."""
from dataclasses import dataclass

import numpy as np

from ecg.page.displacement import projected
from ecg.scale import Scale
from featurize.arrays import Float64Array
from featurize.images.picture import ImageError

# Side of the boxes that every ECG paper prints strongest, mm.
BOX_MM = 5.0
# The scale is measured over this distance to both sides of the middle of a page, px.
_HALF_SCALE_PX = 100.0
# The rotation is measured over this distance to both sides of the middle of a page, px.
_HALF_ANGLE_PX = 50.0


class NoGrid(ImageError):
    """No periodic grid: not an ECG page."""

    reason = "no_grid"


@dataclass(frozen=True)
class GridHomography:
    """From pixels to boxes of 5 mm.

    Parameters
    ----------
    matrix : (3, 3) float64
        Homography: (x, y, 1) in pixels to (u, v, 1) in boxes, u along the time axis.
    error_px : float
        Median distance of the measured phases from it.
    strength : float
        Share of blocks whose phase agrees with it, 0..1.
    """

    matrix: Float64Array
    error_px: float
    strength: float

    def boxes(self, xy: Float64Array) -> Float64Array:
        """Grid coordinates (n, 2), in boxes, of pixel positions (n, 2)."""
        return projected(self.matrix, xy)

    def px_per_mm(self, shape: tuple[int, ...]) -> Scale:
        """Scale along x and y in the middle of an image of that shape."""
        center = np.array([[shape[1] / 2, shape[0] / 2]])
        offsets = np.array([[_HALF_SCALE_PX, 0], [0, _HALF_SCALE_PX]])
        moved = [self.boxes(center + offset) - self.boxes(center - offset) for offset in offsets]
        return Scale(*(2 * _HALF_SCALE_PX / (BOX_MM * float(np.hypot(*m[0]))) for m in moved))

    def rotation_deg(self, shape: tuple[int, ...]) -> float:
        """Angle of the time axis against the image's rows, positive where the page falls to the right."""
        center = np.array([[shape[1] / 2, shape[0] / 2]])
        offset = np.array([_HALF_ANGLE_PX, 0])
        du, dv = (self.boxes(center + offset) - self.boxes(center - offset))[0]
        return float(-np.degrees(np.arctan2(dv, du)))


@dataclass(frozen=True)
class FlatGrid:
    """The grid of a flat image whose pixels are square.

    Parameters
    ----------
    origin_px : (float, float)
        Column and row of one crossing of 5 mm lines.
    px_per_mm : float
    """

    origin_px: tuple[float, float]
    px_per_mm: float

    @property
    def box_px(self) -> float:
        """Distance of the 5 mm lines."""
        return BOX_MM * self.px_per_mm
