"""Which training rows of a fold are learned from, and the linear log-odds that their trees start from."""
from dataclasses import dataclass

import numpy as np

from classify.data.splits import Split
from classify.fitting.augment import Augmented
from classify.fitting.balance import Balance
from classify.fitting.contradicted import kept_rows
from classify.fitting.fit_data import FitData
from classify.fitting.large_tables import give_back, in_turn
from classify.fitting.linear import linear_margin
from classify.fitting.start import Start, fit_start
from classify.settings import FitSettings
from featurize.arrays import Float32Array, Float64Array, Int64Array


@dataclass(frozen=True)
class Begun:
    """Where the trees of a fold start.

    Parameters
    ----------
    start : Start
    train : (t,) int64
        The rows that it was fitted on, in the order of its margins.
    """

    start: Start
    train: Int64Array

    def margins(self, data: FitData, rows: Int64Array) -> Float64Array:
        """(m, k) log-odds of rows of the table, each from a model that did not see the row."""
        at = self._places(len(data.y))[rows]
        out = self.start.margins[at]
        if (at < 0).any():
            out[at < 0] = linear_margin(self.start.model, data.x.to_numpy(np.float32), rows[at < 0])
        return out

    def margins_of_copies(self, data: FitData, copies: Float32Array, rows: Int64Array) -> Float64Array:
        """(c, k) log-odds of copies of rows, each from a model that did not see the row."""
        return self.start.margins_of_copies(copies, self._places(len(data.y))[rows])

    def _places(self, n: int) -> Int64Array:
        """(n,) position of each row of the table among the fitted rows; -1 = not fitted."""
        place = np.full(n, -1)
        place[self.train] = np.arange(len(self.train))
        return place


def begin(data: FitData, train: Int64Array, split: Split, settings: FitSettings) -> tuple[Int64Array, Begun | None]:
    """The rows that are learned from, and where their trees start (or the logistic regression itself).

    Without a start, None. Where more labels are contradicted than hard images explain, these rows are left out, see
    `classify.fitting.contradicted`.
    """
    if not settings.linear_start:
        return train, None
    begun = _started(data, train, split, settings)
    if begun is None:
        return train, None
    kept = kept_rows(data.y[train], begun.start.probabilities)
    again = begun if kept.all() else _started(data, train[kept], split, settings)
    return (train, begun) if again is None else (again.train, again)


def _started(data: FitData, train: Int64Array, split: Split, settings: FitSettings) -> Begun | None:
    balance = Balance(data.balance, data.weight_power)
    with in_turn(data.x.size):
        start = fit_start(data.x.to_numpy(np.float32), data.y[train], split.split_group[train], balance, settings.seed,
                          train)
        give_back(data.x.size)
    return None if start is None else Begun(start, train)


def starts(data: FitData, begun: Begun, augmented: Augmented, used: Int64Array) -> Float64Array:
    """(t + c, k) log-odds that the trees of the used rows and of their copies start from.

    Copies that were measured have log-odds of their own: those are what the trees meet in another laboratory. Rows that
    were moved by twice a drawn difference keep those of their row: with their own, the log-loss of blood_28 rose from
    .063 to .069.
    """
    margins = begun.margins(data, used)
    if not augmented.measured:
        return np.concatenate([margins, margins[augmented.origin]])
    return np.concatenate([margins, begun.margins_of_copies(data, augmented.rows.copies, used[augmented.origin])])
