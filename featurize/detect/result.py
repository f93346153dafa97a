"""What was found in a field, as plain data."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array

WHITE, RED, PLATELET = "white", "red", "platelet"
KINDS = (WHITE, RED, PLATELET)


@dataclass(frozen=True)
class Found:
    """One cell or platelet.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    outline : (n, 2) float64
        Corners x, y in pixels of the field, cut at its border.
    box : tuple of 4 int
        xmin, ymin, xmax, ymax in pixels of the field, the last two one past the cell. Those of red cells and
        platelets have a margin, as people draw it.
    score : float
        0..1, how surely it is one.
    nucleus_share : float
        Area of the nucleus over the area of the cell, NaN for what has none.
    """

    kind: str
    outline: Float64Array
    box: tuple[int, int, int, int]
    score: float
    nucleus_share: float = float("nan")

    @property
    def area_px(self) -> float:
        """Area inside the outline (shoelace formula), pixels of the field."""
        x, y = self.outline.T
        return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)

    @property
    def diameter_px(self) -> float:
        """Diameter of a disk of the same area, pixels of the field."""
        return float(np.sqrt(4 / np.pi * self.area_px))


@dataclass(frozen=True)
class Field:
    """One field.

    Parameters
    ----------
    width, height : int
        Pixels.
    red_diameter_px : float
        Median diameter of its clearly outlined red cells, NaN where there are too few of them.
    found : sequence of Found
        White cells, red cells, platelets, each kind with the surest first.
    """

    width: int
    height: int
    red_diameter_px: float
    found: Sequence[Found]
