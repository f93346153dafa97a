"""What center lines are fitted to: ink, how far each pixel can be believed, and the pen that drew it."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecg.kernels.pen import NearestSegment, PenTable
from ecg.page.pen import FINE, pen_profile
from featurize.arrays import Float32Array


@dataclass(frozen=True)
class Pen:
    """The round pen that draws every lead of a page.

    Parameters
    ----------
    width_px : float
        Width of its line.
    blur_px : float
        Standard deviation of the blur of its edge.
    """

    width_px: float
    blur_px: float

    @cached_property
    def table(self) -> PenTable:
        """Share of ink by distance from the pen's path (`ecg.page.pen.pen_profile`)."""
        shares = pen_profile(self.width_px, self.blur_px)
        return PenTable(shares, FINE, len(shares) / FINE)

    @property
    def reach_px(self) -> float:
        """How far from its path the pen lays ink."""
        return self.table.reach_px

    @property
    def inward_px(self) -> float:
        """From the outermost pixel of a stroke's end to the path of the pen."""
        return self.width_px / 2 - 0.5


@dataclass(frozen=True)
class PageEvidence:
    """The ink of the traces on a page, or in a window of it.

    Parameters
    ----------
    ink : (H, W) float32
        Share of each pixel that ink covers, 0..1.
    confidence : (H, W) float32
        Weight of each pixel: 1 where only traces are drawn, 0 where something printed hides them.
    pen : Pen
    """

    ink: Float32Array
    confidence: Float32Array
    pen: Pen

    def window(self, rows: slice, columns: slice) -> "PageEvidence":
        """The same evidence for some rows and columns, copied to lie together in memory."""
        return PageEvidence(np.ascontiguousarray(self.ink[rows, columns]),
                            np.ascontiguousarray(self.confidence[rows, columns]), self.pen)


def no_segment(shape: tuple[int, ...], reach_px: float) -> NearestSegment:
    """Of pixels (H, W) to which no line is nearer than `reach_px`: the number of the line is -1."""
    return NearestSegment(np.full(shape, reach_px, np.float32), np.full(shape, -1, np.int32),
                          np.zeros(shape, np.int32))
