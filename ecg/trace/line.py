"""A fitted center line and its measures."""
from dataclasses import dataclass

import numpy as np

from featurize.arrays import BoolArray, Float64Array

STEP_PX = 1 / 3

# What a vertical px of line and a turn by one rad cost, in px of wrong ink; gain below which the line stays as it is.
_LENGTH = 0.08


@dataclass(frozen=True)
class Line:
    """The center line of one lead.

    Parameters
    ----------
    x0 : float
        Column of the first node; the others follow every `STEP_PX`.
    y : (n,) float64
        Rows of the nodes, px.
    seen : (n,) float64
        Share of ink under the pen around each node, 0..1: 0 is interpolated.
    """

    x0: float
    y: Float64Array
    seen: Float64Array

    @property
    def x(self) -> Float64Array:
        """(n,) columns of the nodes."""
        return np.asarray(self.x0 + STEP_PX * np.arange(len(self.y)), np.float64)


def bridged(y: Float64Array, known: BoolArray) -> Float64Array:
    """Unknown values replaced: straight lines between known ones, level at the ends."""
    at = np.flatnonzero(known)
    return np.interp(np.arange(len(y)), at, y[at]) if len(at) else y


def drawing_cost(courses: Float64Array, turn: float) -> Float64Array:
    """(P,) what length and turns of courses (P, n) cost, in px of wrong ink; a turn by one rad costs `turn`."""
    rises = np.diff(courses, axis=1)
    turns = np.abs(np.diff(np.arctan2(rises, STEP_PX), axis=1)).sum(axis=1)
    return np.asarray(_LENGTH * np.abs(rises).sum(axis=1) + turn * turns)
