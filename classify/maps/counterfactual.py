"""The nearest image that the model rightly calls otherwise, and the few measurements that would change the answer."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classify.bundle import Bundle
from classify.data.columns import matrix, model_columns
from classify.maps.margins import margin_of
from classify.maps.result import Answer, Counterfactual, Swap
from classify.similar.search import Z_SCORE_LIMIT, center_and_scale, compressed, distance
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.report.feature_names import feature_name
from featurize.table import TableInfo

# Steps that are tried, at most: an answer that needs more is not changed by a few measurements.
MOST_SWAPS = 8


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
    values = matrix(frame, model_columns(info)).to_numpy(dtype=np.float64)
    center, scale = center_and_scale(values)
    points = compressed(np.clip((values - center) / scale, -Z_SCORE_LIMIT, Z_SCORE_LIMIT))
    return Candidates(points, matrix(frame, bundle.model.features), y, called, learned)


def counterfactual(bundle: Bundle, given: Candidates, row: int, answer: Answer, preset: str) -> Counterfactual | None:
    """The nearest image of the table that is rightly called otherwise, and what it takes to be called so.

    Measurements of one name move together, as the columns of a texture do. In every step the name is taken that lowers
    the log-odds of the answer most.
    """
    right = (given.y == given.called) & (given.called != answer.named) & (given.y >= 0)
    right[row] = False
    right = right & given.learned if (right & given.learned).any() else right
    rows = np.flatnonzero(right)
    if not len(rows):
        return None
    distances = distance(given.points[[row]], given.points[rows])[0]
    at = int(np.argmin(distances))
    other = int(rows[at])
    toward = Answer(answer.named, int(given.called[other]), answer.p, answer.margin, answer.base)
    return Counterfactual(other, toward.other, bool(given.learned[other]), float(distances[at]),
                          _swaps(bundle, given.x.iloc[[row]], given.x.iloc[[other]], toward, preset))


def _swaps(bundle: Bundle, own: pd.DataFrame, other: pd.DataFrame, answer: Answer, preset: str) -> tuple[Swap, ...]:
    names = [feature_name(column, preset) for column in own.columns]
    groups: dict[str, list[int]] = {}
    for at, named in enumerate(names):
        groups.setdefault(named.name, []).append(at)
    now, goal = own.to_numpy(copy=True)[0], other.to_numpy()[0]
    swaps: list[Swap] = []
    while groups and len(swaps) < MOST_SWAPS:
        tried = np.repeat(now[None], len(groups), axis=0)
        for k, columns in enumerate(groups.values()):
            tried[k, columns] = goal[columns]
        margins = margin_of(bundle, pd.DataFrame(tried, columns=own.columns), answer)
        best = int(margins.argmin())
        name = list(groups)[best]
        columns, now = groups.pop(name), tried[best]
        named, single = names[columns[0]], names[columns[0]].by_itself
        at = _widest(columns, own, other) if single else -1
        swaps.append(Swap(name, named.unit, tuple(own.columns[columns]),
                          float(own.iloc[0, at]) if single else np.nan, float(other.iloc[0, at]) if single else np.nan,
                          float(margins[best])))
        if margins[best] < 0:
            return tuple(swaps)
    return ()


def _widest(columns: list[int], own: pd.DataFrame, other: pd.DataFrame) -> int:
    """The first column of a name that both images have; a diameter may lack one of its units."""
    return next((c for c in columns if np.isfinite(own.iloc[0, c]) and np.isfinite(other.iloc[0, c])), columns[0])
