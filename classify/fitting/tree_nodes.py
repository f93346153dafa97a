"""Splits and leaves of boosted trees as plain arrays, the same for every library."""
from dataclasses import dataclass

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True)
class TreeNodes:
    """One tree with s splits and s + 1 leaves; split 0 is the root.

    Parameters
    ----------
    feature : (s,) int64
        Column that each split reads.
    threshold : (s,) float64
        A value goes left where it is this or less; float32 values are meant.
    missing_left : (s,) bool
        Where NaN goes.
    left, right : (s,) int64
        The next split, or -1 - i for leaf i.
    leaf : (s + 1,) float64
        Log-odds.
    """

    feature: Int64Array
    threshold: Float64Array
    missing_left: BoolArray
    left: Int64Array
    right: Int64Array
    leaf: Float64Array


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are added up: k of each boosting round, one for each column of the margin, in their order.

    Parameters
    ----------
    trees : tuple of TreeNodes
    float32_sums : bool
        The library adds leaves one after the other as float32, else as float64.
    """

    trees: tuple[TreeNodes, ...]
    float32_sums: bool


def one_leaf(value: float) -> TreeNodes:
    """A tree that gives the same to every row, as a split with two equal leaves."""
    return TreeNodes(np.zeros(1, np.int64), np.zeros(1), np.zeros(1, bool), np.array([-1]), np.array([-2]),
                     np.full(2, value))
