"""The center line of a lead, and what drawing a path costs."""
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from featurize.arrays import BoolArray, Float64Array

# Distance between two nodes of a center line along x, px.
STEP_PX = 1 / 3

# Cost of a vertical px of line, in px of wrong ink: without it a line could double back inside its own ink. Chosen on
# the drawn pages; neither a larger nor a smaller cost was better where rows overlap.
_COST_OF_LENGTH = 0.08


class DrawnLine(Protocol):
    """What is known of the line of one lead, however it was found: nodes x, y in px, and how surely each was seen."""

    @property
    def x(self) -> Float64Array: ...

    @property
    def y(self) -> Float64Array: ...

    @property
    def seen(self) -> Float64Array: ...


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


def drawing_cost(paths: Float64Array, cost_of_turn: float) -> Float64Array:
    """(P,) cost of the length and the turns of paths (P, n), in px of wrong ink; a turn by one rad costs the second."""
    rises = np.diff(paths, axis=1)
    turns = np.abs(np.diff(np.arctan2(rises, STEP_PX), axis=1)).sum(axis=1)
    return np.asarray(_COST_OF_LENGTH * np.abs(rises).sum(axis=1) + cost_of_turn * turns)
