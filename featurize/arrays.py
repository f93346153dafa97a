"""Array types: the annotation says the element type, the docstring of a function the shape and the unit."""
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
UInt8Array = NDArray[np.uint8]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
IntpArray = NDArray[np.intp]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Complex128Array = NDArray[np.complex128]


def runs_of_true(flags: BoolArray) -> tuple[IntpArray, IntpArray]:
    """Where unbroken runs of True begin, and where they have ended.

    Parameters
    ----------
    flags : (n,) bool

    Returns
    -------
    (r,) intp, (r,) intp
        Run k is flags[starts[k]:stops[k]].

    Examples
    --------
    >>> starts, stops = runs_of_true(np.array([False, True, True, False, True]))
    >>> starts.tolist(), stops.tolist()
    ([1, 4], [3, 5])
    """
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return edges[::2], edges[1::2]
