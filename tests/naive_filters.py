"""Slow twins that define the kernels of filters: plain Python, one obvious loop each."""
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def recursive_rows(plane: Array, rates: Array, feedback: Array, edge: Array, delay: int, forward: bool) -> Array:
    """Column by column; before its first value a column goes on as that value, its result as value * edge / feedback.
    """
    columns = []
    for column in (plane if forward else plane[::-1]).T.tolist():
        made: list[float] = []
        for i in range(len(column)):
            heard = sum(rates[k] * column[min(max(i - delay - k, 0), len(column) - 1)] for k in range(4))
            back = sum(feedback[k] * made[i - 1 - k] if i > k else edge[k] * column[0] for k in range(4))
            made.append(heard - back)
        columns.append(made if forward else made[::-1])
    return np.array(columns).T


def periodic_rows(plane: Array, taps: Array) -> Array:
    """(H, W): sum over k of taps[k] plane[(i + F / 2 - k) mod H]."""
    n = len(plane)
    return np.array([sum(tap * plane[(i + len(taps) // 2 - k) % n] for k, tap in enumerate(taps)) for i in range(n)])


def uniform_patterns(plane: Array) -> Array:
    """(H, W): eight neighbors at radius 1 from the right counterclockwise, bilinear, 0 outside the plane."""
    height, width = plane.shape
    out = np.zeros(plane.shape)

    def at(y: int, x: int) -> float:
        return float(plane[y, x]) if 0 <= y < height and 0 <= x < width else 0.0

    for i, j in itertools.product(range(height), range(width)):
        bits = []
        for p in range(8):
            y = i - round(math.sin(math.pi * p / 4), 5)
            x = j + round(math.cos(math.pi * p / 4), 5)
            top, left, low, right = math.floor(y), math.floor(x), math.ceil(y), math.ceil(x)
            dy, dx = y - top, x - left
            upper = (1 - dx) * at(top, left) + dx * at(top, right)
            lower = (1 - dx) * at(low, left) + dx * at(low, right)
            bits.append((1 - dy) * upper + dy * lower >= plane[i, j])
        changes = sum(bits[p] != bits[p - 1] for p in range(8))
        out[i, j] = sum(bits) if changes <= 2 else 9
    return out
