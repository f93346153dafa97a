"""Parts of a table and their pairs: how good, how well calibrated and how well covered is the model in each?"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from classify.audit.result import Audit
from classify.data.folds import split_groups
from classify.data.independent_rows import independent_rows
from classify.evaluate.by_class import grouped_wilson
from classify.evaluate.parts_of_table import nuisances_of
from classify.evaluate.several_tests import LEVEL, holm
from classify.predictions import named_and_other
from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.index.labels import match_rows, read_sheet

# A part, or a pair of parts, with fewer labelled images is left out.
LEAST_IN_SUBGROUP = 20
# Numbers with at least so many different values are cut into ranges.
LEAST_VALUES = 8
# Ranges of a number.
RANGES = 4
# Properties of the picture that say how good it is; each is cut into thirds.
QUALITY = ("image_quality_focus", "image_quality_contrast", "image_quality_mean_green")
# Between the names of a pair.
PAIR = " and "
COLUMNS = ["by", "part", "n", "right", "low", "high", "confidence", "coverage", "coverage_low", "coverage_high", "p",
           "worse", "overconfident", "short"]


def columns_of_sheet(sheet_path: Path, names: Sequence[str], frame: pd.DataFrame,
                     path_column: str | None = None) -> pd.DataFrame:
    """(n, columns) what a CSV says of the images of a table, matched by path; texts, None where it says nothing.

    Raises
    ------
    UserError
        No such file or column, or no row fits an image.
    """
    sheet = read_sheet(sheet_path, path_column)
    columns = {name: sheet.column(name) for name in names}
    sites = [site or "" for site in frame["site"]]
    rows = match_rows(sheet, sites, frame["path"].tolist())
    return pd.DataFrame({name: [None if row is None else cells[row] for row in rows]
                         for name, cells in columns.items()}, dtype=object)


def compared(result: Audit, columns: pd.DataFrame | None) -> pd.DataFrame | None:
    """`subgroup_scores` of an audit's labelled images: by columns of a sheet, site, image quality, and their pairs.

    Images that the model did not learn from, where there are enough of them.
    """
    own = own_rows(result, columns)
    return None if own is None else ranked(own.scores())


def not_compared(found: pd.DataFrame | None, columns: pd.DataFrame | None) -> tuple[str, ...]:
    """Columns of the sheet of which no part was compared: too few images, or one value for all."""
    if found is None or columns is None:
        return ()
    told = {name for by in found["by"] for name in by.split(PAIR)}
    return tuple(str(name) for name in columns if str(name) not in told)


@dataclass(frozen=True)
class OwnRows:
    """The m labelled images that count, and how they are divided.

    Parameters
    ----------
    ways : dict of str to (m,) Series
        See `subgroup_scores`.
    y, split_group : (m,) int64
    p : (m, K) float64
        Probabilities.
    held : (m,) bool
        The prediction set holds the truth.
    promise : float
        Share of sets that should.
    """

    ways: dict[str, pd.Series]
    y: Int64Array
    split_group: Int64Array
    p: Float64Array
    held: BoolArray
    promise: float

    def scores(self, threshold: float | None = None) -> pd.DataFrame:
        """`scores_of_parts`; class 1 is named from a threshold on where one is given, else the most probable is."""
        named = named_and_other(self.p, threshold)[:, 0]
        confidence = self.p[np.arange(len(named)), named]
        return scores_of_parts(self.ways, named == self.y, confidence, self.held, self.split_group, self.promise)


def own_rows(result: Audit, columns: pd.DataFrame | None) -> OwnRows | None:
    """The images of `compared`; None without labels."""
    if result.judged is None:
        return None
    rows, y, frame, promise = result.judged.rows, result.judged.y, result.frame, 1 - result.bundle.conformal.alpha
    new = ~result.trained_on[rows]
    if new.sum() > LEAST_IN_SUBGROUP:
        rows, y = rows[new], y[new]
    given = {} if columns is None else {str(name): in_ranges(columns[name]) for name in columns}
    if frame["site"].nunique() > 1:
        given["site"] = frame["site"]
    quality = nuisances_of(frame, result.info)
    for name in QUALITY:
        if name in quality and frame[name].nunique() >= LEAST_VALUES:
            thirds = pd.qcut(frame[name].rank(method="first"), 3, labels=["low", "middle", "high"])
            given[name] = thirds.astype(object).where(frame[name].notna(), None)
    ways = {by: part.iloc[rows].reset_index(drop=True) for by, part in with_pairs(given).items()}
    return OwnRows(ways, y, split_groups(frame)[rows], result.predictions.p[rows], result.predictions.sets[rows, y],
                   promise)


def in_ranges(values: pd.Series) -> pd.Series:
    """Parts of a column: numbers of many values in four ranges of equal count, else the values themselves.

    >>> in_ranges(pd.Series(["23", "41", "60", "77", "30", "44", "52", "81"])).tolist()
    ['23 to 30', '41 to 44', '52 to 60', '77 to 81', '23 to 30', '41 to 44', '52 to 60', '77 to 81']
    >>> in_ranges(pd.Series(["F", None, "M"])).tolist()
    ['F', None, 'M']
    """
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() < values.notna().sum() or numbers.nunique() < LEAST_VALUES:
        return values.astype(object).where(values.notna(), None)
    part = pd.qcut(numbers, RANGES, labels=False, duplicates="drop")
    ends = numbers.groupby(part).agg(["min", "max"])
    names = {at: f"{low:g} to {high:g}" for at, low, high in ends.itertuples()}
    return part.map(names).astype(object).where(part.notna(), None)


def with_pairs(ways: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """The ways to divide a table, and each pair of them."""
    pairs = {}
    for (a, first), (b, second) in combinations(ways.items(), 2):
        both = first.notna() & second.notna()
        pairs[f"{a}{PAIR}{b}"] = (first.astype(str) + ", " + second.astype(str)).where(both, None)
    return {**ways, **pairs}


def subgroup_scores(ways: Mapping[str, pd.Series], right: BoolArray, confidence: Float64Array, held: BoolArray,
                    split_group: Int64Array, promise: float) -> pd.DataFrame:
    """Scores of every part with 20 rows or more.

    Parameters
    ----------
    ways : mapping of str to (n,) Series
        Names of the parts, None = in none.
    right, held : (n,) bool
        The prediction is right; the prediction set holds the truth.
    confidence : (n,) float
        Probability of the predicted class.
    split_group : (n,) int64
        Rows with the same number are not independent.
    promise : float
        Share of sets that should hold the truth.

    Returns
    -------
    DataFrame
        `by, part, n, right, low, high, confidence, coverage, coverage_low, coverage_high, p, worse, overconfident,
        short`, the worst first, without pairs that hold the images of a part before them: share right and coverage with
        95 % intervals by independent rows; `p` that the rest is no better, Fisher's exact test of the independent rows,
        corrected by Holm (1979, Scand J Stat 6:65) for the number of parts; `worse`: p below .05; `overconfident`: the
        mean probability lies above the interval of the share right; `short`: the interval of the coverage lies below
        the promise.
    """
    return ranked(scores_of_parts(ways, right, confidence, held, split_group, promise))


def scores_of_parts(ways: Mapping[str, pd.Series], right: BoolArray, confidence: Float64Array, held: BoolArray,
                    split_group: Int64Array, promise: float) -> pd.DataFrame:
    """`subgroup_scores` before `ranked`: `p` is that of each comparison alone."""
    rows, seen = [], set()
    for by, part in ways.items():
        names = part.to_numpy(object)
        for name in sorted({str(value) for value in names if value is not None}):
            at = np.array([value is not None and str(value) == name for value in names])
            # A pair that holds the images of a part before it is no further comparison.
            if not LEAST_IN_SUBGROUP <= at.sum() <= len(at) - 1 or PAIR in by and at.tobytes() in seen:
                continue
            seen.add(at.tobytes())
            low, high = grouped_wilson(right[at], split_group[at])
            coverage_low, coverage_high = grouped_wilson(held[at], split_group[at])
            sure = float(confidence[at].mean())
            rows.append((by, name, int(at.sum()), float(right[at].mean()), low, high, sure, float(held[at].mean()),
                         coverage_low, coverage_high, _p_worse(right, at, split_group), False, sure > high,
                         coverage_high < promise))
    return pd.DataFrame(rows, columns=COLUMNS)


def ranked(table: pd.DataFrame, by: str = "high") -> pd.DataFrame:
    """p counting all rows (Holm), and the worst first: `by` comes after what is worse, the smallest first."""
    table = table.assign(p=holm(table["p"].to_numpy(np.float64)))
    table["worse"] = table["p"] < LEVEL
    return table.sort_values(["worse", by, "right"], ascending=[False, True, True],
                             kind="stable").reset_index(drop=True)


def _p_worse(right: BoolArray, at: BoolArray, split_group: Int64Array) -> float:
    """One-sided: that the part is no worse than the rest."""
    counts = []
    for rows in (at, ~at):
        n = max(1, round(independent_rows(right[rows], split_group[rows])))
        hits = round(float(right[rows].mean()) * n)
        counts.append([hits, n - hits])
    return float(fisher_exact(counts, alternative="less")[1])
