"""The nearest image that the model rightly calls otherwise, and the few measurements that would change the answer."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix, model_columns
from classify.maps.margins import margins_of
from classify.maps.result import Answer, Counterfactual, Swap
from classify.similar.space import Scale, center_and_scale, compressed, distance
from featurize.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from featurize.report.feature_names import feature_name, unit_of, words
from featurize.table import TableInfo

# Measurements that are exchanged, at most: an answer that needs more is not changed by a few.
MOST_SWAPS = 10
# Kinds of measurements, such as all of a texture, that are exchanged where single ones do not change the answer.
MOST_KINDS = 4
# Of so many nearest images the first one is taken of which a few measurements change the answer.
NEAREST = 10


@dataclass(frozen=True)
class Candidates:
    """The images of a table among which the nearest one is sought.

    Parameters
    ----------
    points : (n, d) float64
        Compressed z-scores of all measurements, as `classify.similar` compares them.
    x : (n, f) DataFrame
        What the model reads.
    y, called : (n,) int64
        True class, -1 = unknown, and the one that the model names.
    learned : (n,) bool
        The model learned from the image. Where there are such images of a class, only these are sought.
    """

    points: Float64Array
    x: pd.DataFrame
    y: Int64Array
    called: Int64Array
    learned: BoolArray


def candidates(bundle: Bundle, frame: pd.DataFrame, info: TableInfo, y: Int64Array, called: Int64Array,
               learned: BoolArray) -> Candidates:
    """All images of a table."""
    names = model_columns(info)
    scale = Scale(tuple(names), *center_and_scale(matrix(frame, names).to_numpy(dtype=np.float64)))
    points = compressed(scale.z_scores(frame))
    return Candidates(points, matrix(frame, bundle.model.features), y, called, learned)


def counterfactual(bundle: Bundle, given: Candidates, row: int, answer: Answer, preset: str) -> Counterfactual | None:
    """The nearest image of the table that is rightly called otherwise, and what it takes to be called so.

    Measurements take the values of that image, in every step the one that lowers the log-odds of the answer most: what
    changes the model's answer, not what a patient could change. Where no few measurements of the nearest image do, the
    next NEAREST ones are tried; if none of these helps, the nearest stays, with the log-odds that were reached.
    """
    right = (given.y == given.called) & (given.called != answer.named) & (given.y >= 0)
    right[row] = False
    right = right & given.learned if (right & given.learned).any() else right
    rows = np.flatnonzero(right)
    if not len(rows):
        return None
    distances = distance(given.points[[row]], given.points[rows])[0]
    tried = []
    for nearer, at in enumerate(np.argsort(distances, kind="stable")[:NEAREST].tolist()):
        other = int(rows[at])
        called = int(given.called[other])
        goal = _Goal(answer.named, called, answer.limit)
        swaps, reached = _swaps(bundle, given.x.iloc[[row]], given.x.iloc[[other]], goal, preset)
        tried.append(Counterfactual(other, called, bool(given.learned[other]), float(distances[at]), swaps, reached,
                                    nearer))
        if swaps:
            return tried[-1]
    return tried[0]


@dataclass(frozen=True)
class _Goal:
    """The class that is named, the one that shall be, and the log-odds of the first that must be undercut."""

    named: int
    called: int
    limit: float


def _swaps(bundle: Bundle, own: pd.DataFrame, other: pd.DataFrame, goal: _Goal, preset: str
           ) -> tuple[tuple[Swap, ...], float]:
    """The first of three ways that changes the answer: measurements with a name, single columns, columns of a name.

    With the lowest log-odds that single columns reach.
    """
    named: dict[str, list[int]] = {}
    for at, column in enumerate(own.columns):
        named.setdefault(feature_name(column, preset).name, []).append(at)
    alone = {name: at for name, at in named.items() if feature_name(own.columns[at[0]], preset).by_itself}
    single = {words(column, preset): [at] for at, column in enumerate(own.columns)}
    pair = _Pair(own.to_numpy()[0], other.to_numpy()[0], tuple(own.columns))
    ways = ((alone, MOST_SWAPS), (single, MOST_SWAPS), (named, MOST_KINDS))
    reached = np.nan
    for groups, most in ways:
        found = _greedy(bundle, pair, groups, goal, most)
        if found and found[-1].margin < goal.limit:
            return found, found[-1].margin
        reached = float(np.fmin(reached, found[-1].margin)) if found and groups is not named else reached
    return (), reached


@dataclass(frozen=True)
class _Pair:
    """Measurements of the image and of the other one, (d,) each, and their columns."""

    here: Float32Array
    there: Float32Array
    columns: tuple[str, ...]


def _greedy(bundle: Bundle, pair: _Pair, groups: dict[str, list[int]], goal: _Goal, most: int) -> tuple[Swap, ...]:
    """Groups of columns that take the values of the other image, until the answer changes or `most` have."""
    now, left = pair.here.copy(), dict(groups)
    swaps: list[Swap] = []
    while left and len(swaps) < most:
        tried = np.repeat(now[None], len(left), axis=0)
        for k, at in enumerate(left.values()):
            tried[k, at] = pair.there[at]
        margins = margins_of(bundle, pd.DataFrame(tried, columns=list(pair.columns)), goal.named, goal.called)
        best = int(margins.argmin())
        name, now = list(left)[best], tried[best]
        swaps.append(_swap(name, left.pop(name), pair, float(margins[best])))
        if margins[best] < goal.limit:
            break
    return tuple(swaps)


def _swap(name: str, at: list[int], pair: _Pair, margin: float) -> Swap:
    columns = tuple(pair.columns[c] for c in at)
    # Of a measurement in two units the one that both images have.
    shown = next((c for c in at if np.isfinite(pair.here[c]) and np.isfinite(pair.there[c])), at[0])
    one = len(at) == 1 or feature_name(columns[0]).by_itself
    values = (float(pair.here[shown]), float(pair.there[shown])) if one else (np.nan, np.nan)
    return Swap(name, unit_of(pair.columns[shown]), columns, *values, margin)
