"""Large pictures converted some rows at a time, so that what is in between never takes much memory."""
from collections.abc import Callable

import numpy as np

from featurize.arrays import UInt8Array

# Pixels of a band. What lies between a value and its byte takes up to 40 bytes a pixel: 300 MB.
BAND_PX = 8_000_000


def in_bands(height: int, width: int, convert: Callable[[int, int], UInt8Array]) -> UInt8Array:
    """(height, width) or (height, width, 3) bytes from the rows that `convert` gives.

    Parameters
    ----------
    height, width : int
        Of the picture, pixels.
    convert : callable
        Is given the first row of a band and the row behind its last one. Every row must come out as it would alone.

    Examples
    --------
    >>> in_bands(2, 3, lambda top, bottom: np.full((bottom - top, 3), top, np.uint8)).tolist()
    [[0, 0, 0], [0, 0, 0]]
    """
    rows = max(BAND_PX // max(width, 1), 1)
    if height <= rows:
        return convert(0, height)
    first = convert(0, rows)
    out = np.empty((height, *first.shape[1:]), np.uint8)
    out[:rows] = first
    del first
    for top in range(rows, height, rows):
        out[top:top + rows] = convert(top, min(top + rows, height))
    return out
