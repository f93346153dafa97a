"""Rows that a model learns from."""
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from featurize.arrays import Float32Array, Float64Array, Int64Array


def _no_copies() -> Float32Array:
    return np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a model learns from, or that decide when it stops: t of a table, followed by c copies.

    The rows stay where they are in the table until a library asks for them: folds that are fitted side by side would
    each hold a copy of most of it.

    Parameters
    ----------
    x : (n, d) DataFrame of float32
        The table. NaN = not measured: trees send it to the better side.
    y : (t + c,) int64
        Classes, 0..K-1.
    weights : (t + c,) float64
        Rows that decide when to stop count alike, whatever stands here.
    start : (t + c, k) float64 or None
        Log-odds that trees add to.
    chosen : (t,) int64 or None
        Which rows of the table; None: all.
    copies : (c, d) float32
        Changed copies of rows.
    """

    x: pd.DataFrame
    y: Int64Array
    weights: Float64Array
    start: Float64Array | None = None
    chosen: Int64Array | None = None
    copies: Float32Array = field(default_factory=_no_copies)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def size(self) -> int:
        """Number of values, (t + c) * d."""
        return len(self) * self.x.shape[1]

    @cached_property
    def _table(self) -> Float32Array:
        return self.x.to_numpy(np.float32)

    def values(self, start: int = 0, stop: int | None = None) -> Float32Array:
        """(m, d) C-ordered float32: rows `start` to `stop` of the t + c."""
        stop, t = len(self) if stop is None else stop, len(self) - len(self.copies)
        own = slice(min(start, t), min(stop, t))
        rows = self._table[own if self.chosen is None else self.chosen[own]]
        if len(self.copies):
            rows = np.concatenate([rows, self.copies[max(start - t, 0):max(stop - t, 0)]])
        return np.ascontiguousarray(rows)
