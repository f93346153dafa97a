"""The line of one lead by the corners of its path."""
from dataclasses import dataclass

import numpy as np

from featurize.arrays import Float64Array

# Behind a jump of `seen` its value holds from this many px on.
_STEP_PX = 1e-6


@dataclass(frozen=True)
class VectorLine:
    """A lead as it is drawn: straight from corner to corner. The same as `ecg.trace.line.Line`, without its even steps.

    Parameters
    ----------
    x, y : (n,) float64
        Corners, px; x never falls.
    seen : (n,) float64
        1, or 0 where a person does not believe it.
    """

    x: Float64Array
    y: Float64Array
    seen: Float64Array

    def without(self, begin: float, end: float) -> "VectorLine":
        """The line with a span bridged, which then is not seen."""
        keep = (self.x < begin) | (self.x > end)
        if keep.all() or not keep.any():
            return self if keep.all() else VectorLine(self.x, self.y, np.zeros_like(self.seen))
        at = int(np.searchsorted(self.x[keep], begin))
        edges = np.array([begin - _STEP_PX, begin, end, end + _STEP_PX])
        x, y, seen = self.x[keep], self.y[keep], self.seen[keep]
        level = np.interp(edges, x, y)
        return VectorLine(np.insert(x, at, edges), np.insert(y, at, level),
                          np.insert(seen, at, np.array([1.0, 0.0, 0.0, 1.0])))
