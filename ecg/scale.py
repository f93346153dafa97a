"""The scale of a page: pixels per millimetre of paper, which a fax or a photograph may have different along x and y."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Pixels per millimetre.

    Parameters
    ----------
    x : float
        Along the time axis: of columns, widths, and what lasts some seconds.
    y : float
        Along the voltage axis: of rows, heights, and what is some millivolts high.
    """

    x: float
    y: float

    @classmethod
    def square(cls, px_per_mm: float) -> "Scale":
        """Of an image whose pixels are as wide as they are high."""
        return cls(px_per_mm, px_per_mm)

    @property
    def turned(self) -> "Scale":
        """Of the page turned by a quarter, or of its transpose."""
        return Scale(self.y, self.x)
